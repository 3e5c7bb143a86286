"""The values of a block of lanes as LLVM IR, and the memory they come from and go to.

A value is a scalar when it is the same for every lane of the block and a SIMD value otherwise;
`get` says which, and mixing the two spreads the scalar.
"""

from __future__ import annotations

from lanework.core.ops.op import Op
from lanework.engines.llvm.ir import (
    Writer,
    constant,
    emit_graph,
    literal,
    op_function,
    suffix,
    type_of,
)
from lanework.engines.loops import LoopNest, Store

INLINE_COST = 14  # a longer body becomes a function


class Kept:
    """Where saved values lie in scratch memory: a period's together, numbers before flags.

    Of a flag, which is 0 or 1, a bit a lane is kept.

    Attributes:
        flags: the values of which bits are kept.
        bits: how many are written for a block.
        offsets: bytes from where a period's values begin.
        size: doubles of a period.
    """

    def __init__(self, nest: LoopNest, width: int) -> None:
        flags = nest.flags & nest.varying if width > 1 else set()
        self.flags = flags & nest.saved.keys()
        self.bits = max(width, 8)
        numbers = [value for value in nest.saved if value not in self.flags]
        self.offsets = {value: 8 * width * n for n, value in enumerate(numbers)}
        first, step = 8 * width * len(numbers), self.bits // 8
        self.offsets |= {value: first + step * n for n, value in enumerate(sorted(self.flags))}
        self.size = width * (len(numbers) - (-len(self.flags) * step // (8 * width)))


class ValueWriter:
    """Names values and moves them between registers and memory."""

    def __init__(self, nest: LoopNest, width: int) -> None:
        self.nest = nest
        self.width = width
        self.writer = Writer(width)
        self.values: dict[int, tuple[str, bool]] = {}
        self.local: dict[int, tuple[str, bool]] = {}
        self.spread: dict[str, str] = {}
        self.mask = ""
        self.order = ""
        self.block = ""
        self.steps: str | None = None
        self.length: tuple[str, bool] = ("%Tf", False)
        self.ragged = False
        self.period: str | None = None
        self.active = ""
        self.kept = Kept(nest, width)
        self.pitch = self.kept.size  # doubles from what is kept of a period to that of the next
        self.now = ""  # where the saved values of this period are
        self.total_at: dict[Store, tuple[int, int]] = {}
        self.pending: list[tuple[str, str, str, int]] = []  # phi, type, first, value that follows
        self.chains: list[tuple[str, str, str, str]] = []  # phi, type, first, name that follows
        self.ordered = False
        self.functions: dict[tuple[str, int], str] = {}
        self.attributes = ""  # of functions
        for value, number in nest.constants.items():
            self.values[value] = (literal(number, "f64"), False)

    # Values -------------------------------------------------------------------------------------

    def define(self, value: int, name: str, vector: bool) -> None:
        """Give a value its name; inside a time loop it is known in this period only."""
        target = self.local if self.period is not None else self.values
        target[value] = (name, vector)

    def get(self, value: int) -> tuple[str, bool]:
        """The name of a value now, and whether it is a SIMD value."""
        if value in self.local:
            return self.local[value]
        if value in self.values:
            return self.values[value]
        if value in self.nest.periods:
            if self.steps is None:
                self.bound()
            return self.length
        if self.period is None:
            raise KeyError(value)
        if value in self.nest.time:
            name = self.writer.emit(f"sitofp i64 {self.period} to double")
            self.define(value, name, False)
        else:
            self.define(value, *self.at_period(value, self.period))
        return self.local[value]

    def bound(self) -> None:
        """Work out how many periods the lanes of this block have."""
        w = self.writer
        if self.nest.horizon is None:
            self.steps, self.length, self.ragged = "%T", ("%Tf", False), False
            return
        name, vector = self.get(self.nest.horizon)
        width = self.width if vector else 1
        kind = type_of("f64", width)
        zero = constant(0.0, "f64", width)
        floor = w.intrinsic(f"llvm.floor.{suffix('f64', width)}", kind, [(kind, name)])
        positive = w.emit(f"fcmp ogt {kind} {floor}, {zero}")
        if vector:
            positive = w.emit(f"and <{width} x i1> {positive}, {self.mask}")
        mask = type_of("bool", width)
        floor = w.emit(f"select {mask} {positive}, {kind} {floor}, {kind} {zero}")
        top = self.splat("%Tf", "double") if vector else "%Tf"
        below = w.emit(f"fcmp olt {kind} {floor}, {top}")
        floor = w.emit(f"select {mask} {below}, {kind} {floor}, {kind} {top}")
        self.length, self.ragged = (floor, vector), vector
        longest = floor
        if vector:
            call = f"llvm.vector.reduce.fmax.{suffix('f64', width)}"
            longest = w.intrinsic(call, "double", [(kind, floor)])
        self.steps = w.emit(f"fptosi double {longest} to i64")

    def apply(self, op: Op, args: list[str], width: int) -> str:
        """Write an op: short bodies in place, long ones as a call of a private function."""
        graph = op.graph("f64")
        if graph.cost <= INLINE_COST:
            return emit_graph(self.writer, graph, args, width)
        key = (op.name, width)
        name = f"op.{op.name}.{width}"
        if key not in self.functions:
            text, declares = op_function(name, graph, width, self.attributes)
            self.functions[key] = text
            self.writer.declares |= declares
        kind = type_of("f64", width)
        return self.writer.emit(f"call {kind} @{name}({', '.join(f'{kind} {a}' for a in args)})")

    def splat(self, name: str, kind: str) -> str:
        """A scalar in every lane."""
        if not name.startswith("%"):
            return f"splat ({kind} {name})"
        known = self.spread.get(name)
        if known is None:
            known = self.writer.splat(name, kind)
            self.spread[name] = known
        return known

    def wide(self, value: int) -> str:
        """The value as a SIMD value (as a scalar at width 1)."""
        name, vector = self.get(value)
        return name if vector or self.width == 1 else self.splat(name, "double")

    def together(self, values: tuple[int, ...]) -> tuple[list[str], int]:
        """Values at one width: SIMD if any of them is."""
        got = [self.get(value) for value in values]
        if not any(vector for _, vector in got):
            return [name for name, _ in got], 1
        return [n if v else self.splat(n, "double") for n, v in got], self.width

    # Memory -------------------------------------------------------------------------------------

    def load_lanes(self, pointer: str) -> str:
        """The block's lanes of an [L] row that begins at `pointer`."""
        w = self.writer
        if self.ordered:
            return self.gather(pointer, self.order, self.mask)
        at = w.emit(f"getelementptr double, ptr {pointer}, i64 %lane")
        if self.width == 1:
            return w.emit(f"load double, ptr {at}, align 8")
        return w.masked_load(at, self.mask)

    def store_lanes(self, pointer: str, name: str, mask: str) -> None:
        """Store the block's lanes into an [L] row that begins at `pointer`."""
        w = self.writer
        if self.width == 1:
            index = self.order if self.ordered else "%lane"
            at = w.emit(f"getelementptr double, ptr {pointer}, i64 {index}")
            w.line(f"store double {name}, ptr {at}, align 8")
        elif self.ordered:
            w.scatter(name, pointer, self.order, mask)
        else:
            w.masked_store(name, w.emit(f"getelementptr double, ptr {pointer}, i64 %lane"), mask)

    def gather(self, pointer: str, index: str, mask: str, width: int | None = None) -> str:
        """Load an element for each lane; `index` holds one a lane."""
        w = self.writer
        if (self.width if width is None else width) > 1:
            return w.gather(pointer, index, mask)
        at = w.emit(f"getelementptr double, ptr {pointer}, i64 {index}")
        return w.emit(f"load double, ptr {at}, align 8")

    def at_period(self, value: int, period: str) -> tuple[str, bool]:
        """A column or a saved value in a given period, which must be in [0, T)."""
        w = self.writer
        column = self.nest.columns.get(value)
        if column is not None and column.layout == "time":
            at = w.emit(f"getelementptr double, ptr %slot{column.slot}, i64 {period}")
            return w.emit(f"load double, ptr {at}, align 8"), False
        if column is not None and column.layout == "both":
            offset = w.emit(f"mul i64 {period}, %stride{column.slot}")
            row = w.emit(f"getelementptr double, ptr %slot{column.slot}, i64 {offset}")
            return self.load_lanes(row), self.width > 1
        return self.saved(value, period)

    def saved(self, value: int, period: str) -> tuple[str, bool]:
        """A saved value of a period."""
        w, vector = self.writer, self.width > 1 and value in self.nest.varying
        at = self.saved_pointer(value, period)
        if value not in self.kept.flags:
            kind = type_of("f64", self.width if vector else 1)
            return w.emit(f"load {kind}, ptr {at}, align 8"), vector
        n, test = self.width, type_of("bool", self.width)
        bits = w.emit(f"load i{self.kept.bits}, ptr {at}, align 1")
        if n < self.kept.bits:
            bits = w.emit(f"trunc i{self.kept.bits} {bits} to i{n}")
        holds = w.emit(f"bitcast i{n} {bits} to {test}")
        kind, (one, zero) = type_of("f64", n), (constant(x, "f64", n) for x in (1.0, 0.0))
        return w.emit(f"select {test} {holds}, {kind} {one}, {kind} {zero}"), True

    def save(self, value: int) -> None:
        """Keep a value of this period."""
        w = self.writer
        assert self.period is not None
        text, vector = self.get(value)
        at = self.saved_pointer(value, self.period)
        n, kind = self.width, type_of("f64", self.width if vector else 1)
        if value not in self.kept.flags:
            w.line(f"store {kind} {text}, ptr {at}, align 8")
            return
        holds = w.emit(f"fcmp une {kind} {text}, {constant(0.0, 'f64', n)}")
        bits = w.emit(f"bitcast {type_of('bool', n)} {holds} to i{n}")
        if n < self.kept.bits:
            bits = w.emit(f"zext i{n} {bits} to i{self.kept.bits}")
        w.line(f"store i{self.kept.bits} {bits}, ptr {at}, align 1")

    def saved_pointer(self, value: int, period: str) -> str:
        """Where a saved value of a period is in scratch memory."""
        w, place = self.writer, self.kept.offsets[value]
        if period == self.period:
            return w.emit(f"getelementptr i8, ptr {self.now}, i64 {place}")
        first = w.emit(f"mul i64 {period}, {8 * self.pitch}")
        offset = w.emit(f"add i64 {first}, {place}")
        return w.emit(f"getelementptr i8, ptr %scratch, i64 {offset}")
