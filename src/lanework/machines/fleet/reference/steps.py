"""What linear and oracle instructions do to many VMs at once: one function for each instruction.

The functions are made once for a program and work on rows of the state, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.rng import philox
from lanework.core.ops.evaluate import direct, evaluate
from lanework.core.ops.op import Op
from lanework.core.program.isa import Instruction, OperandKind
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.matrices.maps import ONE, Row
from lanework.machines.fleet.reference.groups import Members, ids
from lanework.machines.fleet.state import VMState

Words = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]
Step = Callable[[Members], Any]
Streams = Callable[[Members], Words]


def linear(vms: VMState, rows: Sequence[Row]) -> Step:
    """Rows of a matrix that are not the identity's, applied to VMs.

    Args:
        vms: the state.
        rows: which elements change, and how.
    """
    made = [(row.element, _row(vms, row)) for row in rows]
    words = vms.words
    if len(made) == 1:
        element, value = made[0]
        target = words[element]

        def one(members: Members) -> None:
            target[members] = value(members)

        return _direct_sum(vms, rows[0]) or one

    def several(members: Members) -> None:
        # all rows see the vector as it was
        values = [np.array(value(members)) for _, value in made]
        for (element, _), bits in zip(made, values, strict=True):
            words[element][members] = bits

    return several


def _row(vms: VMState, row: Row) -> Callable[[Members], Any]:
    last, words, floats = vms.profile.length - 1, vms.words, vms.floats
    if not row.terms:
        return lambda members: np.uint32(0)
    if len(row.terms) == 1:
        column, bits = row.terms[0]
        if column == last:
            constant = np.uint32(bits)
            return lambda members: constant
        if bits == ONE:
            source = words[column]
            return lambda members: source[members]
    terms = [(None if column == last else floats[column], bits) for column, bits in row.terms]

    def total(members: Members) -> Words:
        out: Any = None
        for source, bits in terms:
            coefficient = np.uint32(bits).view(np.float32)
            term: Any = coefficient if source is None else source[members]
            if source is not None and bits != ONE:
                term = term * coefficient
            out = term if out is None else out + term
        return np.asarray(out, np.float32).view(np.uint32)

    return total


def _direct_sum(vms: VMState, row: Row) -> Step | None:
    """A sum or difference of two elements, without a copy where the VMs are a slice."""
    last, floats = vms.profile.length - 1, vms.floats
    if len(row.terms) != 2:
        return None
    (a, first), (b, second) = row.terms
    minus = np.float32(-1.0).view(np.uint32)
    x, target = floats[a], floats[row.element]
    if first == ONE and b == last:
        constant = np.uint32(second).view(np.float32)

        def shifted(members: Members) -> None:
            if isinstance(members, slice):
                np.add(x[members], constant, out=target[members])
            else:
                target[members] = x[members] + constant

        return shifted
    if (first, second) not in ((ONE, ONE), (ONE, minus), (minus, ONE)) or b == last:
        return None
    y = floats[b]
    if first == minus:
        x, y = y, x
    function = np.add if first == second else np.subtract

    def two(members: Members) -> None:
        if isinstance(members, slice):
            function(x[members], y[members], out=target[members])
        else:
            target[members] = function(x[members], y[members])

    return two


def oracle(vms: VMState, info: FleetInstr, instruction: Instruction, streams: Streams,
           seed: int) -> Step:  # fmt: skip
    """An oracle instruction, applied to VMs; the function returns what it computed.

    Args:
        vms: the state.
        info: the instruction's entry in the ISA.
        instruction: the instruction.
        streams: for VMs the second word of their random numbers' counter.
        seed: of random numbers.
    """
    values = info.values(instruction)
    target = vms.words[vms.profile.register(values["dest"])]
    if info.elementwise is not None:
        return _op(vms, info, values, info.elementwise, target)
    if info.name == "SELECT":
        cond = vms.floats[vms.profile.register(values["cond"])]
        one, other = (vms.words[vms.profile.register(values[name])] for name in ("src1", "src2"))

        def select(members: Members) -> None:
            target[members] = np.where(cond[members] > 0.0, one[members], other[members])

        return select
    key = np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32)
    counter, generation = vms.row("counter"), vms.row("generation")

    def rand(members: Members) -> None:
        who = ids(members)
        block = np.stack(
            [counter[members], streams(members), who.astype(np.uint32), generation[members]], -1
        )
        words = philox(block, key)[..., 0]
        target[members] = ((words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)).view(
            np.uint32
        )
        counter[members] += np.uint32(1)

    return rand


def _op(vms: VMState, info: FleetInstr, values: dict[str, int], op: Op, target: Words) -> Step:
    integer = op.dtypes == ("i32",)
    kind: Any = np.int32 if integer else np.float32
    graph = op.graph("i32" if integer else "f32")
    sources: list[Any] = []
    for spec in info.operands[1:]:
        number = values[spec.name]
        if spec.kind is OperandKind.PATTERN:
            sources.append(np.uint32(number).view(kind))
        else:
            sources.append(vms.words[vms.profile.register(number)].view(kind))
    function, out = direct(graph), target.view(kind)
    rows = [isinstance(each, np.ndarray) and each.ndim == 1 for each in sources]

    def apply(members: Members) -> None:
        args = [each[members] if row else each for each, row in zip(sources, rows, strict=True)]
        if function is None:
            out[members] = evaluate(graph, args)
        elif isinstance(members, slice):
            function(*args, out=out[members])
        else:
            out[members] = function(*args)

    return apply


def finite(vms: VMState, info: FleetInstr, instruction: Instruction) -> Callable[..., Any] | None:
    """For an op on floats: which VMs have finite operands only. None for others."""
    op = info.elementwise
    if op is None or "f32" not in op.dtypes:
        return None
    values = info.values(instruction)
    rows = [
        vms.floats[vms.profile.register(values[spec.name])]
        for spec in info.operands[1:]
        if spec.kind is not OperandKind.PATTERN
    ]
    constants = [
        bool(np.isfinite(np.uint32(values[spec.name]).view(np.float32)))
        for spec in info.operands[1:]
        if spec.kind is OperandKind.PATTERN
    ]

    def check(members: Members) -> npt.NDArray[np.bool_]:
        out: npt.NDArray[np.bool_] = np.isfinite(rows[0][members]) & all(constants)
        for row in rows[1:]:
            out &= np.isfinite(row[members])
        return out

    return check
