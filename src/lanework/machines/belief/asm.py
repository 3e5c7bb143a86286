"""The belief machine's directives in assembly text.

::

    .machine belief
    .header "semiring" "prob"
    .variable "rain" "yes" "no"
    .cells 0.2 0.8
    .factor 0 v0            ; its first cell, and its variables
    .spec v0                ; axes: v for variables, m for modes
    .mode 2
    .selector m0 v0 0 1     ; its mode axis, its variables, and each state's mode; - is none
    .slot "bel" 0
    .input "rain" 0
        load_factor %0, 0
        ...
    .output "rain" 0
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lanework.core.program.asmtext import (
    Line,
    Token,
    find_directive,
    read_float,
    read_header,
    read_instruction,
    read_string,
    show_header,
    show_instruction,
    show_numbers,
    show_string,
)
from lanework.core.program.isa import Instruction
from lanework.core.program.program import Port, Program
from lanework.core.resident import looked
from lanework.machines.belief.graph.factor import Variable
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.layout import BeliefView, FactorEntry, encode_sections
from lanework.machines.belief.state import SlotKey
from lanework.machines.belief.tensor import NONE, Axis, AxisType, SelectorPayload, TensorSpec

_LETTERS = {AxisType.GEOMETRIC: "v", AxisType.TOPOLOGICAL: "m"}


class BeliefAssembler:
    """Reads and prints belief programs."""

    def assemble(self, lines: Iterable[Line]) -> Program:
        """A program from its lines."""
        return _Reader().read(lines)

    def disassemble(self, program: Program) -> Iterator[str]:
        """The lines of a program."""
        view = BeliefView.of(program)
        for name, value in sorted(program.header.items()):
            yield show_header(name, value)
        for variable in view.variables:
            yield f".variable {' '.join(map(show_string, (variable.name, *variable.states)))}"
        for size in view.modes:
            yield f".mode {size}"
        for payload in view.selectors:
            words = [f".selector m{payload.mode_axis_id}"]
            words += [f"v{v}" for v in payload.interface_axis_ids]
            words += ["-" if label == NONE else str(label) for label in payload.labels.tolist()]
            yield " ".join(words)
        yield from show_numbers(".cells", view.constants)
        for factor in view.factors:
            yield " ".join([f".factor {factor.start}", *(f"v{v}" for v in factor.scope)])
        for spec in view.specs:
            yield " ".join([".spec", *(f"{_LETTERS[kind]}{n}" for kind, n in spec.keys)])
        for slot in view.slots:
            parts = (show_string(part) if isinstance(part, str) else str(part) for part in slot)
            yield f".slot {' '.join(parts)}"
        for port in program.inputs:
            yield f".input {show_string(port.name)} {port.row}"
        for instruction in view.instructions:
            yield show_instruction(BELIEF, instruction)
        for port in program.outputs:
            yield f".output {show_string(port.name)} {port.row}"


class _Reader:
    def __init__(self) -> None:
        self.header: dict[str, int | float | str] = {}
        self.variables: list[Variable] = []
        self.modes: list[int] = []
        self.selectors: list[SelectorPayload] = []
        self.cells: list[float] = []
        self.factors: list[FactorEntry] = []
        self.specs: list[TensorSpec] = []
        self.slots: list[SlotKey] = []
        self.ports: list[Port] = []
        self.code: list[Instruction] = []

    def read(self, lines: Iterable[Line]) -> Program:
        for line in looked(lines):
            if line.words[0].text.startswith("."):
                find_directive(line, _DIRECTIVES)(self, line, line.words[1:])
            else:
                self.code.append(read_instruction(BELIEF, line))
        sections = encode_sections(
            self.variables, self.factors, self.specs, self.slots, self.modes, self.selectors
        )
        return Program(
            "belief",
            self.header,
            BELIEF.encode(self.code),
            tuple(self.ports),
            np.array(self.cells, np.float64),
            sections,
        )

    def _number(self, line: Line, word: Token, prefix: str = "") -> int:
        digits = word.text.removeprefix(prefix)
        if not word.text.startswith(prefix) or not digits.isdecimal() or int(digits) >= 1 << 31:
            raise line.fault(f"{word.text!r} is no number; write {prefix}0, {prefix}1, ...", word)
        return int(digits)

    def _header(self, line: Line, words: tuple[Token, ...]) -> None:
        name, value = read_header(line)
        line.once(name, self.header, line.words[1])
        self.header[name] = value

    def _variable(self, line: Line, words: tuple[Token, ...]) -> None:
        if not words:
            raise line.fault('write .variable "name" and its states')
        name, *states = (read_string(line, word) for word in words)
        self.variables.append(Variable(name, tuple(states)))

    def _mode(self, line: Line, words: tuple[Token, ...]) -> None:
        line.need(1)
        self.modes.append(self._number(line, words[0]))

    def _selector(self, line: Line, words: tuple[Token, ...]) -> None:
        if not words:
            raise line.fault("write the selector's mode axis, its variables and each state's mode")
        axis, *rest = words
        scope = [word for word in rest if word.text.startswith("v")]
        labels = [NONE if w.text == "-" else self._number(line, w) for w in rest[len(scope) :]]
        number = self._number(line, axis, "m")
        interface = tuple(self._number(line, word, "v") for word in rest[: len(scope)])
        payload = SelectorPayload(number, interface, np.array(labels, np.int64), len(labels))
        self.selectors.append(payload)

    def _cells(self, line: Line, words: tuple[Token, ...]) -> None:
        self.cells += [read_float(line, word) for word in words]

    def _factor(self, line: Line, words: tuple[Token, ...]) -> None:
        if not words:
            raise line.fault("write .factor, its first cell, and its variables")
        start, *scope = words
        numbers = tuple(self._number(line, word, "v") for word in scope)
        self.factors.append(FactorEntry(numbers, self._number(line, start)))

    def _spec(self, line: Line, words: tuple[Token, ...]) -> None:
        axes = []
        for word in words:
            kind = AxisType.TOPOLOGICAL if word.text.startswith("m") else AxisType.GEOMETRIC
            axes.append(Axis(self._number(line, word, _LETTERS[kind]), kind, 0))
        self.specs.append(TensorSpec(tuple(axes)))

    def _slot(self, line: Line, words: tuple[Token, ...]) -> None:
        key: list[Any] = []
        for word in words:
            text = word.text.startswith('"')
            key.append(read_string(line, word) if text else self._number(line, word))
        self.slots.append(tuple(key))

    def _input(self, line: Line, words: tuple[Token, ...]) -> None:
        name, row = self._port(line, words)
        if row >= len(self.variables):
            raise line.fault(f"there is no variable {row}", words[1])
        self.ports.append(Port(name, "in", row, categories=self.variables[row].states))

    def _output(self, line: Line, words: tuple[Token, ...]) -> None:
        name, row = self._port(line, words)
        self.ports.append(Port(name, "out", row))

    def _port(self, line: Line, words: tuple[Token, ...]) -> tuple[str, int]:
        if len(words) != 2:
            raise line.fault("write the port's name and its number")
        return read_string(line, words[0]), self._number(line, words[1])


_DIRECTIVES = {
    f".{name}": getattr(_Reader, f"_{name}")
    for name in "header variable mode selector cells factor spec slot input output".split()
}
