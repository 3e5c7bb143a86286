"""What linear and oracle instructions do to many VMs at once: one function for each instruction.

The functions are made once for a program and work on rows of the state, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.evaluate import direct, interpreter
from lanework.core.ops.op import Op
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.isa import FleetInstr
from lanework.machines.fleet.matrices.maps import ONE, Row
from lanework.machines.fleet.reference.execution import Execution
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.reference.sampling import random
from lanework.machines.fleet.state import VMState, Words

Floats = npt.NDArray[np.float32]
Step = Callable[[Members], Any]


def linear(vms: VMState, rows: Sequence[Row]) -> Step:
    """Rows of a matrix that are not the identity's, applied to VMs.

    Args:
        vms: the state.
        rows: which elements change, and how.
    """
    values = [(row.element, _row(vms, row)) for row in rows]
    words = vms.words
    if len(values) == 1:
        element, value = values[0]
        target = words[element]

        def one(members: Members) -> None:
            target[members] = value(members)

        return _direct_sum(vms, rows[0]) or one

    def several(members: Members) -> None:
        # all rows see the vector as it was
        results = [np.array(value(members)) for _, value in values]
        for (element, _), bits in zip(values, results, strict=True):
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


def oracle(run: Execution, ip: int) -> Step:
    """An oracle instruction, applied to VMs."""
    info = run.view.infos[ip]
    values = info.values(run.view.instructions[ip])
    if info.name in COMPUTED:
        return COMPUTED[info.name](run, values)
    assert info.elementwise is not None
    return _op(run.state, info, values, info.elementwise)


def _select(run: Execution, values: dict[str, int]) -> Step:
    target, cond = run.register(values["dest"]), run.register(values["cond"]).view(np.float32)
    one, other = run.register(values["src1"]), run.register(values["src2"])

    def select(members: Members) -> None:
        target[members] = np.where(cond[members] > 0.0, one[members], other[members])

    return select


COMPUTED: dict[str, Callable[[Execution, dict[str, int]], Step]] = {
    "SELECT": _select,
    "RAND": partial(random, each=4),
    "RAND1": partial(random, each=1),
}
"""What oracle instructions compute that have no op."""


def _op(vms: VMState, info: FleetInstr, values: dict[str, int], op: Op) -> Step:
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
    out = vms.words[vms.profile.register(values["dest"])].view(kind)
    function, several = direct(graph), interpreter(graph)
    rows = [isinstance(each, np.ndarray) and each.ndim == 1 for each in sources]

    def apply(members: Members) -> None:
        args = [each[members] if row else each for each, row in zip(sources, rows, strict=True)]
        if function is None:
            out[members] = several(args)
        elif isinstance(members, slice):
            function(*args, out=out[members])
        else:
            out[members] = function(*args)

    return apply


def finite(run: Execution, ip: int) -> Callable[[Members], npt.NDArray[np.bool_]] | None:
    """Which VMs have finite operands only; None for what computes nothing of floats."""
    info = run.view.infos[ip]
    if not info.may_overflow:
        return None
    values = info.values(run.view.instructions[ip])
    rows: list[Words] = []
    constants = True
    for spec in info.operands[1:]:
        if spec.kind is OperandKind.PATTERN:
            constants &= bool(np.isfinite(np.uint32(values[spec.name]).view(np.float32)))
        else:
            rows.append(run.register(values[spec.name]))

    def check(members: Members) -> npt.NDArray[np.bool_]:
        each = [np.isfinite(row.view(np.float32)[members]) for row in rows]
        out: npt.NDArray[np.bool_] = np.logical_and.reduce(each) & constants
        return out

    return check
