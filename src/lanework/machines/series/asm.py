"""The series machine's directives in assembly text.

::

    .machine series
    .periods 360
    .header "freq" "month"
    .horizon %4
    .input "rate" %0 axes="time" unit="1/month" default=0.01
    .row %1 const 5.0
    .row %2 time
    .table clamp 18.0 103 clamp 0.0 6
    .cells 0.1 0.2 ...
    .straight
        mul %3, %0, %1
    .forward
        prev %5, %6, 1, %1
        add %6, %5, %3
    .output "value" %6 axes="time" reduce="scenario"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Literal

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.program.asmtext import (
    Line,
    Token,
    find_directive,
    number,
    read_float,
    read_header,
    read_instruction,
    read_string,
    show_float,
    show_header,
    show_instruction,
    show_numbers,
    show_string,
    split,
)
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import ListingEntry, Port, Program
from lanework.core.resident import looked
from lanework.machines.series.isa import SERIES
from lanework.machines.series.language.nodes import make_input
from lanework.machines.series.layout import (
    BACKWARD,
    FORWARD,
    NO_ROW,
    STRAIGHT,
    Dim,
    Row,
    RowKind,
    Segment,
    SeriesView,
    Table,
    TableMode,
    encode_sections,
)
from lanework.machines.series.program import SeriesProgram

_SEGMENTS = {".straight": STRAIGHT, ".forward": FORWARD, ".backward": BACKWARD}
_KINDS = {"time": RowKind.TIME, "periods": RowKind.PERIODS}
_PLAIN = {"name", "direction", "row", "default"}
_TEXTS = [field.name for field in fields(Port) if field.name not in _PLAIN]
_LISTS = ("axes", "categories", "reduce")


class SeriesAssembler:
    """Reads and prints series programs."""

    def assemble(self, lines: Iterable[Line]) -> Program:
        """A program from its lines."""
        return _Reader().read(lines)

    def disassemble(self, program: Program) -> Iterator[str]:
        """The lines of a program."""
        view = SeriesView.of(program)
        for name, value in sorted(program.header.items()):
            yield from _field(name, value)
        for value in program.constants:
            yield f".const {show_float(float(value))}"
        yield from map(_port, program.inputs)
        for row, record in enumerate(view.rows):
            yield from _row(program, row, record)
        for table in view.tables:
            yield from _table(table)
        for name, data in sorted(program.sections.items()):
            if name not in ("rows", "segments", "tables"):
                yield f".section {show_string(name)} {data.hex() or '-'}"
        names = {entry.instruction: entry.text for entry in program.listing}
        for segment in view.segments:
            yield next(name for name, kind in _SEGMENTS.items() if kind == segment.kind)
            for at in range(segment.start, segment.stop):
                text, note = show_instruction(SERIES, view.instructions[at]), names.get(at, "")
                yield f"{text:<36}; {' '.join(note.split())}" if note else text
        yield from map(_port, program.outputs)


def _field(name: str, value: int | float | str) -> Iterator[str]:
    if name == "periods":
        yield f".periods {value}"
    elif name != "horizon":
        yield show_header(name, value)
    elif value != NO_ROW:
        yield f".horizon %{value}"


def _row(program: Program, row: int, record: Row) -> Iterator[str]:
    if record.kind == RowKind.CONST:
        values = program.constants[record.index : record.index + 1]  # there may be none
        shown = " ".join(show_float(float(number)) for number in values)
        yield f".row %{row} const {record.index}  ; {shown}"
    elif record.kind in (RowKind.TIME, RowKind.PERIODS):
        yield f".row %{row} {record.kind.name.lower()}"


def _port(port: Port) -> str:
    words = [f".{port.direction}put", show_string(port.name), f"%{port.row}"]
    for name in _TEXTS:
        value: Any = getattr(port, name)
        if value and (name, value) != ("dtype", "f64"):
            items = value if name in _LISTS else (value,)
            words.append(f"{name}={','.join(show_string(item) for item in items)}")
    if port.default is not None:
        words.append(f"default={show_float(port.default)}")
    return " ".join(words)


def _table(table: Table) -> Iterator[str]:
    keys = " ".join(
        f"{dim.mode.name.lower()} {show_float(dim.base)} {dim.size}" for dim in table.dims
    )
    yield f".table {keys}"
    for name, values in ((".knots", table.knots), (".cells", table.data)):
        if values is not None:
            yield from show_numbers(name, values)


class _Reader:
    def __init__(self) -> None:
        self.raw: list[str] = []  # the lines as they are written
        self.header: dict[str, int | float | str] = {}
        self.ports: list[Port] = []
        self.rows: dict[int, Row] = {}
        self.constants: list[float] = []
        self.tables: list[tuple[tuple[Dim, ...], list[float], list[float]]] = []
        self.sections: dict[str, bytes] = {}
        self.code: list[Instruction] = []
        self.segments: list[Segment] = []
        self.kind: int | None = None
        self.start = 0
        self.listing: list[ListingEntry] = []

    def read(self, lines: Iterable[Line]) -> Program:
        last: Line | None = None
        for line in looked(lines):
            last = line
            word = line.words[0].text
            if not word.startswith("."):
                self._instruction(line)
            else:
                find_directive(line, _DIRECTIVES)(self, line)
        self._close()
        count = max(self.rows, default=-1) + 1
        missing = next((row for row in range(count) if row not in self.rows), None)
        if missing is not None and last is not None:
            raise last.fault(f"row %{missing} is never given or made")
        tables = [
            Table(dims, np.array(cells), np.array(knots) if knots else None)
            for dims, cells, knots in self.tables
        ]
        rows = [self.rows[row] for row in range(count)]
        return SeriesProgram(
            machine="series",
            header={"periods": 0, "horizon": NO_ROW, **self.header},
            tape=SERIES.encode(self.code),
            ports=tuple(self.ports),
            constants=np.array(self.constants, np.float64),
            sections={**self.sections, **encode_sections(rows, self.segments, tables)},
            listing=tuple(self.listing),
        )

    def _close(self) -> None:
        if self.kind is not None and len(self.code) > self.start:
            self.segments.append(Segment(self.kind, self.start, len(self.code)))
        self.kind = None

    def _instruction(self, line: Line) -> None:
        if self.kind is None:
            raise line.fault("an instruction stands before .straight, .forward or .backward")
        instruction = read_instruction(SERIES, line)
        self._row(line, instruction.target, Row(RowKind.NODE))
        if not self.raw:
            self.raw = split(line.text)
        text = self.raw[line.number - 1]
        note = text.split(";", 1)[1].strip() if ";" in text else ""
        if note:
            self.listing.append(ListingEntry(len(self.code), None, note))
        self.code.append(instruction)

    def _row(self, line: Line, row: int, record: Row) -> None:
        if row in self.rows:
            raise line.fault(f"row %{row} is given twice")
        if row > 1 << 26:
            raise line.fault(f"row %{row} is too high")
        self.rows[row] = record

    # Directives ---------------------------------------------------------------------------------

    def _segment(self, line: Line) -> None:
        self._close()
        self.kind, self.start = _SEGMENTS[line.words[0].text], len(self.code)

    def _count(self, line: Line) -> None:
        line.need(1)
        if not line.words[1].text.isdecimal():
            raise line.fault("give a number of periods", line.words[1])
        line.once("periods", self.header)
        self.header["periods"] = int(line.words[1].text)

    def _horizon(self, line: Line) -> None:
        line.need(1)
        line.once("horizon", self.header)
        self.header["horizon"] = number(line, line.words[1], OperandKind.ROW)

    def _header(self, line: Line) -> None:
        name, value = read_header(line)
        line.once(name, self.header, line.words[1])
        self.header[name] = value

    def _const(self, line: Line) -> None:
        self.constants += [read_float(line, word) for word in line.words[1:]]

    def _record(self, line: Line) -> None:
        if len(line.words) < 3:
            raise line.fault("write .row %N const INDEX, .row %N time or .row %N periods")
        row = number(line, line.words[1], OperandKind.ROW)
        kind = line.words[2].text
        if kind == "const":
            line.need(3)
            index = number(line, line.words[3], OperandKind.TABLE)
            self._row(line, row, Row(RowKind.CONST, index))
        elif kind in _KINDS:
            line.need(2)
            self._row(line, row, Row(_KINDS[kind]))
        else:
            raise line.fault(f"a row is const, time or periods, not {kind!r}", line.words[2])

    def _table(self, line: Line) -> None:
        words = line.words[1:]
        if len(words) not in (3, 6):
            raise line.fault("write .table MODE BASE SIZE, once or twice")
        dims = []
        for at in range(0, len(words), 3):
            mode, base, size = words[at : at + 3]
            if mode.text.upper() not in TableMode.__members__ or not size.text.isdecimal():
                modes = ", ".join(TableMode.__members__).lower()
                raise line.fault(f"a key is one of {modes}, its base and size", mode)
            if int(size.text) > 0xFFFFFFFF:
                raise line.fault("a table has fewer cells than that", size)
            dims.append(Dim(TableMode[mode.text.upper()], read_float(line, base), int(size.text)))
        self.tables.append((tuple(dims), [], []))

    def _values(self, line: Line) -> None:
        if not self.tables:
            raise line.fault(f"{line.words[0].text} stands before any .table")
        _, cells, knots = self.tables[-1]
        into = knots if line.words[0].text == ".knots" else cells
        into += [read_float(line, word) for word in line.words[1:]]

    def _section(self, line: Line) -> None:
        line.need(2)
        name, data = read_string(line, line.words[1]), line.words[2].text
        line.once(name, self.sections, line.words[1])
        try:
            self.sections[name] = bytes.fromhex(data.strip("-"))
        except ValueError:
            raise line.fault("a section is given in hexadecimal", line.words[2]) from None

    def _port(self, line: Line) -> None:
        direction: Literal["in", "out"] = "in" if line.words[0].text == ".input" else "out"
        if len(line.words) < 3:
            raise line.fault(f"write {line.words[0].text} NAME %ROW key=value ...")
        row = number(line, line.words[2], OperandKind.ROW)
        given = self._options(line, line.words[3:])
        port = Port(read_string(line, line.words[1]), direction, row, **given)
        if direction == "in":
            try:  # as an input in Python
                default = None if port.optional else port.default
                texts = port.axes, default, port.categories, port.doc
                make_input(port.name, port.unit, port.kind, *texts)
            except Diagnostic as error:
                error.span = line.span()
                raise
            count = sum(port.direction == "in" for port in self.ports)
            self._row(line, row, Row(RowKind.INPUT, count))
        self.ports.append(port)

    def _options(self, line: Line, words: tuple[Token, ...]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        at = 0
        while at < len(words):
            name = words[at].text
            if at + 2 >= len(words) or words[at + 1].text != "=":
                raise line.fault("write key=value", words[at])
            if name != "default" and name not in _TEXTS:
                raise line.fault(
                    f"a port has no {name!r}", words[at], did_you_mean(name, ["default", *_TEXTS])
                )
            line.once(name, given, words[at])
            values = [words[at + 2]]
            at += 3
            while at + 1 < len(words) and words[at].text == ",":
                values.append(words[at + 1])
                at += 2
            if name == "default":
                given[name] = read_float(line, values[0])
            elif name in _LISTS:
                given[name] = tuple(read_string(line, value) for value in values)
            else:
                given[name] = read_string(line, values[0])
        return given


_DIRECTIVES = {
    ".periods": _Reader._count,
    ".horizon": _Reader._horizon,
    ".header": _Reader._header,
    ".const": _Reader._const,
    ".input": _Reader._port,
    ".output": _Reader._port,
    ".row": _Reader._record,
    ".table": _Reader._table,
    ".knots": _Reader._values,
    ".cells": _Reader._values,
    ".section": _Reader._section,
    **dict.fromkeys(_SEGMENTS, _Reader._segment),
}
