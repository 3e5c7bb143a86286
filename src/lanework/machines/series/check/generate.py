"""Random series programs and inputs, from the ISA: what the fuzzer and the tests feed on.

Every program that comes out passes the verifier. The same seed gives the same program.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.ops.bodies.arithmetic import add, max_, mul
from lanework.core.ops.bodies.logic import gt, le
from lanework.core.program.isa import Instruction, OperandKind, row_operands
from lanework.core.program.program import Port, Program
from lanework.machines.series.isa import AGGREGATES, ENDS, LOOKUPS, SERIES, SHIFTS
from lanework.machines.series.layout import (
    BACKWARD,
    FORWARD,
    STRAIGHT,
    Dim,
    Row,
    RowKind,
    Segment,
    Table,
    TableMode,
    encode_sections,
)

SPECIALS = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-3, 1e3, -7.25),
    *(float("inf"), float("-inf"), float("nan")),
    *(5e-324, -2.2250738585072014e-308, 1.7976931348623157e308, 1e16, 0.1),
)
_ELEMENTWISE = [name for name, instr in SERIES.by_name.items() if instr.elementwise is not None]


class _Builder:
    def __init__(self, seed: int, size: int) -> None:
        self.random = random.Random(seed)
        self.size = size
        self.rows: list[Row] = []
        self.timed: list[bool] = []
        self.ports: list[Port] = []
        self.constants: list[float] = []
        self.tables: list[Table] = []
        self.code: list[Instruction] = []
        self.segments: list[Segment] = []

    def row(self, kind: RowKind, index: int = 0, *, timed: bool = False) -> int:
        self.rows.append(Row(kind, index))
        self.timed.append(timed)
        return len(self.rows) - 1

    def build(self) -> Program:
        rand = self.random
        for n in range(rand.randint(1, 4)):
            axes = ("time",) if rand.random() < 0.5 else ()
            row = self.row(RowKind.INPUT, n, timed=bool(axes))
            self.ports.append(Port(f"in{n}", "in", row, axes=axes))
        for n in range(rand.randint(1, 4)):
            value = rand.choice(SPECIALS) if rand.random() < 0.4 else rand.uniform(-3, 8)
            self.constants.append(value)
            self.row(RowKind.CONST, n)
        if rand.random() < 0.6:
            self.row(RowKind.TIME, timed=True)
        self._tables()
        horizon = self._horizon()
        if rand.random() < 0.3:
            self.row(RowKind.PERIODS)
        while len(self.code) < self.size:
            if rand.random() < 0.3:
                self._loop(FORWARD if rand.random() < 0.7 else BACKWARD)
            else:
                self._straight(rand.randint(1, 6))
        self._outputs()
        return Program(
            machine="series",
            header={"periods": 0, "horizon": -1 if horizon is None else horizon},
            tape=SERIES.encode(self.code),
            ports=tuple(self.ports),
            constants=np.array(self.constants),
            sections=encode_sections(self.rows, self.segments, self.tables),
        )

    def _tables(self) -> None:
        rand = self.random
        for _ in range(rand.randint(0, 2)):
            if rand.random() < 0.3:
                count = rand.randint(1, 9)
                knots = sorted(rand.sample([x / 4 for x in range(-20, 40)], count))
                dims = (Dim(TableMode.INTERPOLATE, 0.0, count),)
                data = [rand.uniform(-2, 2) for _ in knots]
                self.tables.append(Table(dims, np.array(data), np.array(knots)))
                continue
            keys = tuple(
                # a key outside a strict table is a fault, which the tests look at apart
                Dim(TableMode.CLAMP, float(rand.randint(-2, 3)), rand.randint(1, 7))
                for _ in range(rand.randint(1, 2))
            )
            cells = int(np.prod([dim.size for dim in keys]))
            self.tables.append(Table(keys, np.array([rand.uniform(-3, 3) for _ in range(cells)])))

    def _horizon(self) -> int | None:
        if self.random.random() < 0.6:
            return None
        flat = [row for row, timed in enumerate(self.timed) if not timed]
        start = len(self.code)
        target = self.row(RowKind.NODE)
        operands = (self.random.choice(flat), self.random.choice(flat))
        name = self.random.choice((add, mul, max_, gt, le)).name
        self.code.append(Instruction(name, target, operands))
        if name in (gt.name, le.name):  # 0 or 1; a number that is no whole one is a fault
            self.code.append(Instruction(ENDS, self.row(RowKind.NODE), (target,)))
            target += 1
        self.segments.append(Segment(STRAIGHT, start, len(self.code)))
        return target

    def _pick(self) -> int:
        count = len(self.rows)
        if self.random.random() < 0.6:  # recent rows, so that chains grow deep
            return self.random.randrange(max(0, count - 6), count)
        return self.random.randrange(count)

    def _operands(self, name: str) -> tuple[int, ...]:
        rand = self.random
        out = []
        for spec in SERIES.by_name[name].operands:
            if spec.kind is OperandKind.ROW:
                out.append(self._pick())
            elif spec.kind is OperandKind.LAG:
                out.append(rand.choice((1, 1, 2, 3, 4, 5, 9)))
            elif spec.kind is OperandKind.PERIOD:
                out.append(rand.randint(0, 6))
            else:
                keys = 1 if name == "lookup1" else 2
                fit = [n for n, table in enumerate(self.tables) if len(table.dims) == keys]
                out.append(rand.choice(fit))
        return tuple(out)

    def _name(self, names: list[str]) -> str:
        while True:
            name = self.random.choice(names)
            keys = {"lookup1": 1, "lookup2": 2}.get(name)
            if keys is None or any(len(table.dims) == keys for table in self.tables):
                return name

    def _straight(self, count: int) -> None:
        start = len(self.code)
        for _ in range(count):
            own = [*AGGREGATES, *SHIFTS, *LOOKUPS]
            name = self._name(sorted(own) if self.random.random() < 0.35 else _ELEMENTWISE)
            operands = self._operands(name)
            rows = row_operands(SERIES.by_name[name], operands)
            timed = name in SHIFTS or (name not in AGGREGATES and any(self.timed[r] for r in rows))
            self.code.append(Instruction(name, self.row(RowKind.NODE, timed=timed), operands))
        self.segments.append(Segment(STRAIGHT, start, len(self.code)))

    def _loop(self, kind: int) -> None:
        """A recurrence: a shift of a row that the loop makes later, and steps that use it."""
        rand = self.random
        start = len(self.code)
        shift = self.row(RowKind.NODE, timed=True)
        self.code.append(Instruction("prev", shift, (0, 1, 0)))  # its source is known at the end
        chain = [shift]
        for _ in range(rand.randint(1, 5)):
            name = self._name(_ELEMENTWISE)
            operands = list(self._operands(name))
            operands[rand.randrange(len(operands))] = rand.choice(chain)
            target = self.row(RowKind.NODE, timed=True)
            chain.append(target)
            self.code.append(Instruction(name, target, tuple(operands)))
        lag = rand.choice((1, 1, 1, 2, 5))
        fill = rand.randrange(shift)
        name = "prev" if kind == FORWARD else "lead"
        self.code[start] = Instruction(name, shift, (chain[-1], lag, fill))
        self.segments.append(Segment(kind, start, len(self.code)))

    def _outputs(self) -> None:
        rand = self.random
        nodes = [row for row, record in enumerate(self.rows) if record.kind == RowKind.NODE]
        chosen = rand.sample(nodes, min(len(nodes), rand.randint(1, 4)))
        if rand.random() < 0.2:
            chosen.append(rand.randrange(len(self.rows)))
        for n, row in enumerate(dict.fromkeys(chosen)):
            axes = ("time",) if self.timed[row] else ()
            reduce = ("scenario",) if rand.random() < 0.25 else ()
            self.ports.append(Port(f"out{n}", "out", row, axes=axes, reduce=reduce))


def random_program(seed: int, size: int = 12) -> Program:
    """A verified program of about `size` instructions.

    Example:
        >>> random_program(7).problems()
        []
    """
    return _Builder(seed, size).build()


def random_inputs(
    program: Program, seed: int, periods: int, lanes: int
) -> dict[str, npt.NDArray[np.float64] | Any]:
    """Inputs for each port: labelled by axes, with special values among them but no NaN."""
    rng = np.random.default_rng(seed)
    finite = [value for value in SPECIALS if value == value]
    out: dict[str, Any] = {}
    for port in program.inputs:
        axes = tuple(
            axis
            for axis, yes in (("time", "time" in port.axes), ("scenario", rng.random() < 0.6))
            if yes
        )
        shape = tuple(periods if axis == "time" else lanes for axis in axes)
        values = rng.uniform(-4.0, 9.0, shape)
        if rng.random() < 0.5:
            values = np.round(values)
        odd = rng.random(shape) < 0.1
        values = np.where(odd, rng.choice(finite, shape), values)
        out[port.name] = (values, axes)
    return out
