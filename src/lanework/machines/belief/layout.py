"""What a belief program's sections mean: variables, factors, specs, slots, selectors."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_SECTION
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import Program
from lanework.machines.belief.graph.factor import Variable
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.semiring import VMSemiringRuntime
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import (
    NONE,
    Axis,
    AxisType,
    SelectorPayload,
    TensorSpec,
    vm_load_selector,
)

_TYPE = 31  # the bit of an axis word that says topological
_FACTOR, _SPEC = struct.Struct("<QI"), struct.Struct("<I")  # before the words of an entry


@dataclass(frozen=True)
class FactorEntry:
    """A factor of a program: its variables and where its table begins among the constants."""

    scope: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class BeliefView:
    """A program, decoded."""

    instructions: tuple[Instruction, ...]  # in the order of the tape
    variables: tuple[Variable, ...]  # by number
    factors: tuple[FactorEntry, ...]  # by number
    specs: tuple[TensorSpec, ...]  # by number
    slots: tuple[SlotKey, ...]  # their keys, by number
    modes: tuple[int, ...]  # lengths of topological axes, by number
    constants: npt.NDArray[np.float64]  # the tables, one after another
    # which states of an interface belong to which mode, by number
    selectors: tuple[SelectorPayload, ...] = ()

    @staticmethod
    def of(program: Program) -> BeliefView:
        """The view of a program, decoded once.

        Raises:
            Diagnostic: LW1001, LW1003 for what cannot be decoded.
        """
        known: BeliefView | None = program.views.get("belief")
        if known is None:
            known = program.views["belief"] = _decode(program)
        return known

    def scope(self, factor: int) -> TensorSpec:
        """The axes of a factor."""
        return TensorSpec(tuple(map(self.axis, self.factors[factor].scope)))

    def axis(self, variable: int) -> Axis:
        """The axis of a variable."""
        return Axis(variable, AxisType.GEOMETRIC, self.variables[variable].size)

    def selected(self, selector: int) -> TensorSpec:
        """The axes of a selector: its interface, then its modes."""
        payload = self.selectors[selector]
        number = payload.mode_axis_id
        modes = Axis(number, AxisType.TOPOLOGICAL, self.modes[number])
        return TensorSpec((*map(self.axis, payload.interface_axis_ids), modes))

    def selector(self, number: int, sr: VMSemiringRuntime) -> npt.NDArray[Any]:
        """The tensor of a selector over a semiring."""
        payload = self.selectors[number]
        domains = {v: self.variables[v].size for v in payload.interface_axis_ids}
        lengths = dict(enumerate(self.modes))
        one, zero = sr.one(()), sr.zero(())
        return vm_load_selector(payload, domains, lengths, sr.dtype, one, zero)[0]

    @cached_property
    def fixed(self) -> frozenset[int]:
        """The variables whose state every lane must say, since factors are reduced by them."""
        variables: set[int] = set()
        for instruction in self.instructions:
            if instruction.name == "reduce":
                factor, spec = instruction.operands
                kept = {axis.id for axis in self.specs[spec].axes}
                variables.update(set(self.factors[factor].scope) - kept)
        return frozenset(variables)

    @cached_property
    def rows(self) -> list[list[int]]:
        """The registers that each instruction reads."""
        return [operands_of(instruction, OperandKind.ROW) for instruction in self.instructions]

    @cached_property
    def slotted(self) -> list[list[int]]:
        """The slots that each instruction reads or writes."""
        return [operands_of(instruction, OperandKind.SLOT) for instruction in self.instructions]

    def table(self, factor: int) -> npt.NDArray[np.float64]:
        """The table of a factor."""
        spec, start = self.scope(factor), self.factors[factor].start
        return self.constants[start : start + spec.entries].reshape(spec.shape)

    @cached_property
    def tops(self) -> list[float]:
        """For each factor the logarithm of its largest entry, at least 0."""
        if not self.constants.size or self.constants.max() <= 1.0:
            return [0.0] * len(self.factors)
        tables = (self.table(factor) for factor in range(len(self.factors)))
        return [math.log(table.max(initial=1.0)) for table in tables]


def operands_of(instruction: Instruction, kind: OperandKind) -> list[int]:
    """The operands of a kind."""
    specs = BELIEF.by_name[instruction.name].operands
    return [n for o, n in zip(specs, instruction.operands, strict=True) if o.kind is kind]


def encode_sections(
    variables: Iterable[Variable],
    factors: Iterable[FactorEntry],
    specs: Iterable[TensorSpec],
    slots: Iterable[SlotKey],
    modes: Sequence[int],
    selectors: Sequence[SelectorPayload],
) -> dict[str, bytes]:
    """The sections of a program; without the last two where there are none.

    A factor is its start (u64) and its variables, a spec its axes, of which bit 31 marks
    topological ones; a mode is its length, all u32 but the start. A selector is its mode axis, its
    variables, and the mode of each state.
    """
    axes = [[axis.id | int(axis.type) << _TYPE for axis in spec.axes] for spec in specs]
    listed = [[variable.name, list(variable.states)] for variable in variables]
    sections = {
        "variables": json.dumps(listed, ensure_ascii=False).encode(),
        "factors": _entries([(_FACTOR, (factor.start,), factor.scope) for factor in factors]),
        "specs": _entries([(_SPEC, (), words) for words in axes]),
        "slots": json.dumps([list(slot) for slot in slots]).encode(),
    }
    if modes:
        sections["modes"] = struct.pack(f"<{len(modes)}I", *modes)
    if selectors:
        payloads = [
            [s.mode_axis_id, list(s.interface_axis_ids), s.labels.tolist()] for s in selectors
        ]
        sections["selectors"] = json.dumps(payloads, separators=(",", ":")).encode()
    return sections


def _entries(entries: Sequence[tuple[struct.Struct, Sequence[int], Sequence[int]]]) -> bytes:
    out = bytearray(struct.pack("<I", len(entries)))
    for head, numbers, words in entries:
        out += head.pack(*numbers, len(words)) + struct.pack(f"<{len(words)}I", *words)
    return bytes(out)


def _read_entries(data: bytes, head: struct.Struct) -> Iterator[tuple[list[int], tuple[int, ...]]]:
    (count,) = struct.unpack_from("<I", data)
    at = 4
    for _ in range(count):
        *numbers, length = head.unpack_from(data, at)
        yield numbers, struct.unpack_from(f"<{length}I", data, at + head.size)
        at += head.size + 4 * length
    if at != len(data):
        raise ValueError("factors or specs have bytes left over")


def _decode(program: Program) -> BeliefView:
    sections = program.sections
    try:
        variables = _variables(sections.get("variables", b"[]"))
        modes = tuple(
            int(n) for n in struct.iter_unpack("<I", sections.get("modes", b"")) for n in n
        )
        factors = tuple(_factors(sections.get("factors", bytes(4)), len(variables)))
        if not all(modes):
            raise ValueError("a mode axis has no length")
        selectors = tuple(
            _selector(entry, variables, modes) for entry in _json(sections.get("selectors", b"[]"))
        )
        specs = tuple(_specs(sections.get("specs", bytes(4)), variables, modes))
        slots = tuple(_slot(key) for key in _json(sections.get("slots", b"[]")))
        for factor in factors:
            size = math.prod(variables[v].size for v in factor.scope)
            if factor.start + size > len(program.constants):
                raise ValueError("a factor's table is not among the constants")
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
        raise Diagnostic(BAD_SECTION, f"a section of the belief program: {error}") from None
    code = tuple(BELIEF.read(program))
    return BeliefView(code, variables, factors, specs, slots, modes, program.constants, selectors)


def _json(data: bytes) -> list[Any]:
    listed = json.loads(data)
    if not isinstance(listed, list):
        raise ValueError("a list is missing")
    return listed


def _variables(data: bytes) -> tuple[Variable, ...]:
    out = []
    for name, states in _json(data):
        if not isinstance(name, str) or not states or not all(type(s) is str for s in states):
            raise ValueError("a variable has a name and states")
        out.append(Variable(name, tuple(states)))
    if len({variable.name for variable in out}) != len(out):
        raise ValueError("two variables of one name")
    return tuple(out)


def _slot(key: Any) -> SlotKey:
    if not isinstance(key, list) or not key or not all(type(part) in (str, int) for part in key):
        raise ValueError("a slot's key has a name and numbers")
    return tuple(key)


def _selector(
    entry: Any, variables: tuple[Variable, ...], modes: tuple[int, ...]
) -> SelectorPayload:
    axis, scope, labels = entry
    if not all(type(number) is int for number in (axis, *scope, *labels)):
        raise ValueError("a selector has a mode axis, variables, and a mode for each state")
    if not 0 <= axis < len(modes) or not all(0 <= v < len(variables) for v in scope):
        raise ValueError("a selector's axes are modes and variables")
    states = math.prod(variables[v].size for v in scope)
    fit = len(labels) == states and all(NONE <= label < modes[axis] for label in labels)
    if len(set(scope)) != len(scope) or not fit:
        raise ValueError("a selector gives each state of its variables a mode or none")
    return SelectorPayload(axis, tuple(scope), np.array(labels, np.int64), modes[axis])


def _factors(data: bytes, variables: int) -> Iterator[FactorEntry]:
    for (start,), scope in _read_entries(data, _FACTOR):
        if any(v >= variables for v in scope) or len(set(scope)) != len(scope):
            raise ValueError("a factor's scope names variables, each once")
        yield FactorEntry(scope, start)


def _specs(
    data: bytes, variables: tuple[Variable, ...], modes: tuple[int, ...]
) -> Iterator[TensorSpec]:
    for _, words in _read_entries(data, _SPEC):
        axes = []
        for word in words:
            kind, number = AxisType(word >> _TYPE), word & ((1 << _TYPE) - 1)
            size = modes[number] if kind is AxisType.TOPOLOGICAL else variables[number].size
            axes.append(Axis(number, kind, size))
        if len({axis.key for axis in axes}) != len(axes):
            raise ValueError("a spec has an axis twice")
        yield TensorSpec(tuple(axes))
