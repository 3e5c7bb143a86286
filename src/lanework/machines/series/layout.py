"""The sections of a series program, and the decoded view that everything else reads.

- ``rows``: a record ``(kind u32, index u32)`` for each row of the ledger.
- ``segments``: records ``(kind u32, start u32, stop u32)`` that cover the tape in order.
- ``tables``: see `Table`.

The header has ``periods`` (0 when a run must say) and ``horizon`` (a row, or -1).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Advice, Diagnostic
from lanework.core.codes import BAD_PROGRAM, BAD_SECTION
from lanework.core.program.isa import Instruction, row_operands
from lanework.core.program.program import Port, Program
from lanework.machines.series.isa import AGGREGATES, SERIES, SHIFTS

STRAIGHT, FORWARD, BACKWARD = 0, 1, 2
NO_ROW = -1
GUARD = "circular:"
"""Begins the name of a table in which lanes find nothing whose circular nodes have no solution."""
SOLVED = 2.0
"""The key there of lanes that have one; 1 where nothing tells it from others, else 0."""
_TABLE = struct.Struct("<4I")
_DIM = struct.Struct("<IId")


class RowKind(enum.IntEnum):
    """What a row of the ledger holds."""

    INPUT = 0  # an input port, by its place among the inputs
    CONST = 1  # a constant
    TIME = 2  # the period, from 0
    PERIODS = 3  # the lane's number of periods
    NODE = 4  # what an instruction makes


class TableMode(enum.IntEnum):
    """What happens to a key outside a table. In exact modes a key between two others is a fault.

    The first two round down, as all programs before the second version of the set did.
    """

    ERROR = 0
    CLAMP = 1
    INTERPOLATE = 2
    EXACT = 3  # outside is a fault
    EXACT_CLAMP = 4

    @property
    def clamps(self) -> bool:
        """Whether the nearest key stands for one outside."""
        return self in (TableMode.CLAMP, TableMode.EXACT_CLAMP)

    @property
    def exact(self) -> bool:
        """Whether a key is the whole number that it is within `KEY_TOLERANCE` of, or none."""
        return self in (TableMode.EXACT, TableMode.EXACT_CLAMP)


_MODES = frozenset(TableMode)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger."""

    kind: RowKind
    index: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """Instructions [start, stop): straight over whole columns, or period by period."""

    kind: int
    start: int
    stop: int


@dataclass(frozen=True)
class Dim:
    """A key: position = floor(key - base), or rint(key) - base, which must be in [0, size)."""

    mode: TableMode
    base: float
    size: int


@dataclass(frozen=True, eq=False)
class Table:
    """A table of one or two keys, row-major; with `knots`, one key between which it is linear.

    Attributes:
        dims: the keys.
        data: f64, one a cell; NaN in a table that is an error outside means no such cell.
        knots: f64, increasing, one for each value, or None.
    """

    dims: tuple[Dim, ...]
    data: npt.NDArray[np.float64]
    knots: npt.NDArray[np.float64] | None = None

    def memory(self) -> npt.NDArray[np.float64]:
        """Knots (if any) and data in one contiguous array."""
        parts = [self.data] if self.knots is None else [self.knots, self.data]
        return np.ascontiguousarray(np.concatenate(parts), np.float64)


def encode_rows(rows: Iterable[Row]) -> bytes:
    """The ``rows`` section."""
    return np.array([(row.kind, row.index) for row in rows], "<u4").tobytes()


def decode_rows(data: bytes) -> list[Row]:
    """Rows from their section.

    Raises:
        Diagnostic: LW1003.
    """
    if len(data) % 8:
        raise Diagnostic(BAD_SECTION, "section rows: its length is no multiple of 8")
    records = np.frombuffer(data, "<u4").reshape(-1, 2).tolist()
    if any(kind > RowKind.NODE for kind, _ in records):
        raise Diagnostic(BAD_SECTION, "section rows: a row has an unknown kind")
    kinds = list(RowKind)
    return [Row(kinds[kind], index) for kind, index in records]


def encode_segments(segments: Iterable[Segment]) -> bytes:
    """The ``segments`` section."""
    return np.array([(s.kind, s.start, s.stop) for s in segments], "<u4").tobytes()


def decode_segments(data: bytes) -> list[Segment]:
    """Segments from their section.

    Raises:
        Diagnostic: LW1003.
    """
    if len(data) % 12:
        raise Diagnostic(BAD_SECTION, "section segments: its length is no multiple of 12")
    return [Segment(*record) for record in np.frombuffer(data, "<u4").reshape(-1, 3).tolist()]


def encode_tables(tables: Sequence[Table]) -> bytes:
    """The ``tables`` section: a count, then for each table its shape, keys, knots and cells."""
    out = bytearray(struct.pack("<Q", len(tables)))
    for table in tables:
        knots = 0 if table.knots is None else len(table.knots)
        out += _TABLE.pack(len(table.dims), knots, len(table.data), 0)
        for dim in table.dims:
            out += _DIM.pack(dim.mode, dim.size, dim.base)
        out += table.memory().astype("<f8").tobytes()
    return bytes(out)


def encode_sections(
    rows: Iterable[Row], segments: Iterable[Segment], tables: Sequence[Table]
) -> dict[str, bytes]:
    """The sections that every series program has."""
    return {
        "rows": encode_rows(rows),
        "segments": encode_segments(segments),
        "tables": encode_tables(tables),
    }


def decode_tables(data: bytes) -> list[Table]:
    """Tables from their section.

    Raises:
        Diagnostic: LW1003 with the offset.
    """
    if not data:
        return []
    at = 8
    tables: list[Table] = []
    try:
        (count,) = struct.unpack_from("<Q", data, 0)
        while len(tables) < count:
            dims_n, knots_n, cells, spare = _TABLE.unpack_from(data, at)
            if not 1 <= dims_n <= 2 or spare:
                raise Diagnostic(BAD_SECTION, f"section tables, byte {at}: a bad table header")
            start = at + _TABLE.size + dims_n * _DIM.size
            stop = start + 8 * (knots_n + cells)
            if stop > len(data):
                raise Diagnostic(BAD_SECTION, f"section tables, byte {at}: it ends too early")
            dims = []
            for n in range(dims_n):
                mode, size, base = _DIM.unpack_from(data, at + _TABLE.size + n * _DIM.size)
                if mode not in _MODES:
                    raise Diagnostic(BAD_SECTION, f"section tables, byte {at}: unknown mode {mode}")
                dims.append(Dim(TableMode(mode), base, size))
            memory = np.frombuffer(data, "<f8", knots_n + cells, start)
            knots = memory[:knots_n] if knots_n else None
            tables.append(Table(tuple(dims), memory[knots_n:], knots))
            at = stop
    except struct.error:
        raise Diagnostic(BAD_SECTION, f"section tables, byte {at}: it ends too early") from None
    if at != len(data):
        raise Diagnostic(BAD_SECTION, f"section tables, byte {at}: bytes are left over")
    return tables


def _integer(program: Program, name: str, default: int) -> int:
    value = program.header.get(name, default)
    if not isinstance(value, int):
        raise Diagnostic(BAD_PROGRAM, f"header field {name} is no integer")
    return value


def instead_of(formula: str) -> str:
    """How to run with another value in the place of a formula."""
    return (
        f'to run with another value in its place, override it: model.run(override={{"{formula}": '
        f'...}}), or model.compile(overrides=["{formula}"]).run({formula}=...)'
    )


class SeriesView:
    """A series program, decoded.

    Attributes:
        program: the program.
        instructions: the tape.
        rows: what each row holds.
        segments: how the tape is walked.
        tables: the tables.
        constants: f64.
        periods: the number of periods, 0 when a run must say.
        horizon: the row of the lane's number of periods, or None.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.instructions: list[Instruction] = SERIES.read(program)
        self.rows = decode_rows(program.sections.get("rows", b""))
        self.segments = decode_segments(program.sections.get("segments", b""))
        self.tables = decode_tables(program.sections.get("tables", b""))
        self.constants = program.constants
        self.periods = _integer(program, "periods", 0)
        horizon = _integer(program, "horizon", NO_ROW)
        self.horizon = None if horizon == NO_ROW else horizon
        self.inputs: tuple[Port, ...] = program.inputs
        self.outputs: tuple[Port, ...] = program.outputs

    @staticmethod
    def of(program: Program) -> SeriesView:
        """The view of a program, decoded once.

        Raises:
            Diagnostic: a word or a section that cannot be read.
        """
        view: SeriesView | None = program.views.get("series")
        if view is None:
            view = program.views["series"] = SeriesView(program)
        return view

    @cached_property
    def unused(self) -> frozenset[str]:
        """Inputs of the model that its outputs do not need."""
        return frozenset(str(self.program.header.get("unused", "")).split(",")) - {""}

    @property
    def formulas(self) -> set[str]:
        """Nodes with formulas: all of the model, or those that the listing of a file names."""
        model = self.program.views.get("model")
        shown = (entry.text.partition(" = ") for entry in self.program.listing)
        return {*(model.formulas if model else ()), *(name for name, sign, _ in shown if sign)}

    def output_of(self, name: str) -> str:
        """How to have a node of the model among the outputs; "" for what is one, or no node."""
        node = name in self.formulas or any(port.name == name for port in self.inputs)
        if not node or any(port.name == name for port in self.outputs):
            return ""
        what = "a node" if name in self.formulas else "an input"
        typed = f"{name!r} is {what} of the model, and no output: write output({name}) in the model"
        return Advice(f'{typed}, or compile(outputs=["{name}", ...])', typed=typed)

    @cached_property
    def latest(self) -> int:
        """The latest period that is read by its number; -1 where none is."""
        return max((i.operands[1] for i in self.instructions if i.name == "at"), default=-1)

    @cached_property
    def maker(self) -> dict[int, int]:
        """Row -> the instruction that makes it."""
        return {instruction.target: n for n, instruction in enumerate(self.instructions)}

    @cached_property
    def _reads(self) -> dict[int, tuple[int, ...]]:
        return {
            i.target: row_operands(SERIES.by_name[i.name], i.operands) for i in self.instructions
        }

    def reads(self, instruction: Instruction) -> tuple[int, ...]:
        """The rows that an instruction reads, in operand order."""
        return self._reads[instruction.target]

    def cone(
        self, rows: Iterable[int], belongs: Callable[[int], bool] = lambda row: True
    ) -> set[int]:
        """These rows and all that they depend on, as far as rows belong."""
        cone: set[int] = set()
        todo = list(rows)
        while todo:
            row = todo.pop()
            if row not in cone and belongs(row):
                cone.add(row)
                if row in self.maker:
                    todo.extend(self.reads(self.instructions[self.maker[row]]))
        return cone

    @cached_property
    def timed(self) -> list[bool]:
        """For each row, whether it depends on time when ports are given as they declare."""
        timed = [
            row.kind == RowKind.TIME
            or (row.kind == RowKind.INPUT and "time" in self.inputs[row.index].axes)
            for row in self.rows
        ]
        for _ in range(2):  # a recurrence reads rows that come later on the tape
            for instruction in self.instructions:
                if instruction.name in SHIFTS:
                    timed[instruction.target] = True
                elif instruction.name not in AGGREGATES:
                    timed[instruction.target] |= any(timed[r] for r in self.reads(instruction))
        return timed

    @cached_property
    def horizon_name(self) -> str:
        """What says how many periods a lane has: an input, a node, a formula, or else its row."""
        assert self.horizon is not None
        names = {port.row: port.name for port in self.inputs}
        maker = self.maker.get(self.horizon)
        texts = [entry.text for entry in self.program.listing if entry.instruction == maker]
        name, _, formula = "".join(texts[:1]).partition(" = ")
        known = names.get(self.horizon) or (formula if name == "horizon" else name)
        return known or f"row {self.horizon}"

    @cached_property
    def fuel(self) -> int:
        """Fuel for one lane in one period."""
        return sum(SERIES.by_name[i.name].fuel for i in self.instructions)
