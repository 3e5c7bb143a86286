"""What a belief program's sections mean: variables, factors, specs, slots, selectors."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
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


@dataclass(frozen=True)
class FactorEntry:
    """A factor of a program: its variables and where its table begins among the constants."""

    scope: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class BeliefView:
    """A program, decoded.

    Attributes:
        instructions: in the order of the tape.
        variables: by number.
        factors: by number.
        specs: by number.
        slots: their keys, by number.
        modes: lengths of topological axes, by number.
        constants: the tables, one after another.
        selectors: which states of an interface belong to which mode, by number.
    """

    instructions: tuple[Instruction, ...]
    variables: tuple[Variable, ...]
    factors: tuple[FactorEntry, ...]
    specs: tuple[TensorSpec, ...]
    slots: tuple[SlotKey, ...]
    modes: tuple[int, ...]
    constants: npt.NDArray[np.float64]
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

    def table(self, factor: int) -> npt.NDArray[np.float64]:
        """The table of a factor."""
        spec, start = self.scope(factor), self.factors[factor].start
        return self.constants[start : start + spec.entries].reshape(spec.shape)


def operands_of(instruction: Instruction, kind: OperandKind) -> list[int]:
    """The operands of a kind."""
    specs = BELIEF.by_name[instruction.name].operands
    return [n for o, n in zip(specs, instruction.operands, strict=True) if o.kind is kind]


def encode_variables(variables: list[Variable]) -> bytes:
    """The section of variables."""
    listed = [[variable.name, list(variable.states)] for variable in variables]
    return json.dumps(listed, ensure_ascii=False).encode()


def encode_slots(slots: list[SlotKey]) -> bytes:
    """The section of slots."""
    return json.dumps([list(slot) for slot in slots]).encode()


def encode_factors(factors: list[FactorEntry]) -> bytes:
    """The section of factors: for each its start (u64), how many variables, and these (u32)."""
    out = bytearray(struct.pack("<I", len(factors)))
    for factor in factors:
        scope = factor.scope
        out += struct.pack(f"<QI{len(scope)}I", factor.start, len(scope), *scope)
    return bytes(out)


def encode_modes(sizes: list[int]) -> bytes:
    """The section of modes: their lengths (u32)."""
    return struct.pack(f"<{len(sizes)}I", *sizes)


def encode_selectors(selectors: Sequence[SelectorPayload]) -> bytes:
    """The section of selectors: for each its mode axis, its variables, the mode of each state."""
    listed = [
        [payload.mode_axis_id, list(payload.interface_axis_ids), payload.labels.tolist()]
        for payload in selectors
    ]
    return json.dumps(listed, separators=(",", ":")).encode()


def encode_specs(specs: list[TensorSpec]) -> bytes:
    """The section of specs: for each how many axes, and these; bit 31 marks topological ones."""
    out = bytearray(struct.pack("<I", len(specs)))
    for spec in specs:
        words = [axis.id | int(axis.type) << _TYPE for axis in spec.axes]
        out += struct.pack(f"<I{len(words)}I", len(words), *words)
    return bytes(out)


def _decode(program: Program) -> BeliefView:
    sections = program.sections
    try:
        variables = _variables(sections.get("variables", b"[]"))
        modes = tuple(
            int(n) for n in struct.iter_unpack("<I", sections.get("modes", b"")) for n in n
        )
        factors = _factors(sections.get("factors", struct.pack("<I", 0)), len(variables))
        if not all(modes):
            raise ValueError("a mode axis has no length")
        selectors = tuple(
            _selector(entry, variables, modes) for entry in _json(sections.get("selectors", b"[]"))
        )
        specs = _specs(sections.get("specs", struct.pack("<I", 0)), variables, modes)
        slots = tuple(_slot(key) for key in _json(sections.get("slots", b"[]")))
        for factor in factors:
            size = math.prod(variables[v].size for v in factor.scope)
            if factor.start + size > len(program.constants):
                raise ValueError("a factor's table is not among the constants")
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RecursionError) as error:
        raise Diagnostic(BAD_SECTION, f"a section of the belief program: {error}") from None
    code = tuple(BELIEF.decode(program.tape))
    constants = program.constants
    return BeliefView(code, variables, factors, specs, slots, modes, constants, selectors)


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


def _factors(data: bytes, variables: int) -> tuple[FactorEntry, ...]:
    (count,) = struct.unpack_from("<I", data)
    at, out = 4, []
    for _ in range(count):
        start, length = struct.unpack_from("<QI", data, at)
        scope = struct.unpack_from(f"<{length}I", data, at + 12)
        if any(v >= variables for v in scope) or len(set(scope)) != length:
            raise ValueError("a factor's scope names variables, each once")
        out.append(FactorEntry(scope, start))
        at += 12 + 4 * length
    if at != len(data):
        raise ValueError("the factors have bytes left over")
    return tuple(out)


def _specs(
    data: bytes, variables: tuple[Variable, ...], modes: tuple[int, ...]
) -> tuple[TensorSpec, ...]:
    (count,) = struct.unpack_from("<I", data)
    at, out = 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        axes = []
        for word in struct.unpack_from(f"<{length}I", data, at + 4):
            kind, number = AxisType(word >> _TYPE), word & ((1 << _TYPE) - 1)
            size = modes[number] if kind is AxisType.TOPOLOGICAL else variables[number].size
            axes.append(Axis(number, kind, size))
        if len({axis.key for axis in axes}) != length:
            raise ValueError("a spec has an axis twice")
        out.append(TensorSpec(tuple(axes)))
        at += 4 + 4 * length
    if at != len(data):
        raise ValueError("the specs have bytes left over")
    return tuple(out)
