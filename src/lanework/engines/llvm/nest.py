"""A loop nest as one LLVM function over units of lanes.

The function has the type ``void (ptr columns, ptr dims, ptr shared, ptr scratch)``:

- columns: pointers to the nest's memory, by slot, and last to an i64 fault flag for each unit;
- dims: i64 ``[T, L, units, order]``, then by slot the distance between periods of a [T][L] column;
- shared: i64 ``[next unit, stop]``, shared by the threads of one run; a thread takes the next
  unit with an atomic add until none is left, and leaves when it sees `stop`;
- scratch: f64 memory of this thread, see `scratch_size`.

Lanes run in blocks of `width`, one SIMD value a block; the last block is masked.
"""

from __future__ import annotations

from lanework.engines.kernel import COLUMNS, UNIT
from lanework.engines.llvm.ir import halved, type_of
from lanework.engines.llvm.jam import MANY, jam, suits
from lanework.engines.llvm.steps import StepWriter
from lanework.engines.llvm.values import Kept
from lanework.engines.loops import Apply, LoopNest

INLINE_BUDGET = 6000  # primitives that functions may grow to where they are inlined
# 512-bit registers are used where there are any, even where LLVM would hold back by itself
_WIDE = '"prefer-vector-width"="512" "min-legal-vector-width"="512" "no-trapping-math"="true"'


def scratch_size(
    nest: LoopNest, width: int, *, many: bool = False, registers: int = 32
) -> tuple[int, int]:
    """Doubles of scratch that one thread needs, and those for each period besides."""
    blocks = 2 if many and suits(nest, width, registers) else 1
    flat = sum(s.total and s.layout != "both" for s in nest.stores)
    timed = sum(s.total and s.layout == "both" for s in nest.stores)
    return COLUMNS * flat + 64, COLUMNS * timed + Kept(nest, width).size * blocks


class NestWriter(StepWriter):
    """Writes one nest at one width."""

    def __init__(
        self,
        nest: LoopNest,
        width: int,
        *,
        ordered: bool = False,
        many: bool = False,
        registers: int = 32,
    ) -> None:
        super().__init__(nest, width)
        self.jams = many and suits(nest, width, registers)
        self.pitch = self.kept.size * (2 if self.jams else 1)
        # one block alone, in many registers, waits less in the order of the tape
        self.sorts = bool(nest.saved) and width > 1 and (self.jams or registers < MANY)
        self.ordered = ordered
        self.used = nest.used
        steps = [step for stage in nest.stages for step in stage.steps]
        grown = sum(step.op.graph("f64").cost for step in steps if isinstance(step, Apply))
        self.attributes = "#1" if grown <= INLINE_BUDGET else "#2"

    def module(self, name: str) -> str:
        """The whole module as text."""
        self._entry()
        self._units()
        lines = self.writer.lines
        if self.jams:
            walks = [f"s{n}" for n, stage in enumerate(self.nest.stages) if stage.direction]
            lines = jam(lines, walks, self.width, self.kept.size)
        body = "\n".join(lines)
        declares = "\n".join(sorted(self.writer.declares))
        return (
            f"{declares}\n\n"
            + "\n".join(self.functions.values())
            + f"\ndefine void @{name}(ptr noalias %columns, ptr noalias %dims, ptr %shared,"
            f" ptr noalias %scratch) #0 {{\n{body}\n}}\n\n"
            f"attributes #0 = {{ nounwind alignstack=64 {_WIDE} }}\n"
            f"attributes #1 = {{ alwaysinline nounwind memory(none) {_WIDE} }}\n"
            f"attributes #2 = {{ noinline nounwind memory(none) {_WIDE} }}\n"
        )

    def _entry(self) -> None:
        w = self.writer
        w.label("entry")
        self._load("T", "%dims", 0)
        self._load("L", "%dims", 1)
        self._load("units", "%dims", 2)
        w.line("%Tf = sitofp i64 %T to double")
        w.line("%stop.p = getelementptr i64, ptr %shared, i64 1")
        if self.ordered:
            self._load("order.i", "%dims", 3)
            w.line("%order = inttoptr i64 %order.i to ptr")
        for slot in range(self.nest.slots):
            self._load(f"slot{slot}", "%columns", slot, "ptr")
        self._load("faults", "%columns", self.nest.slots, "ptr")
        strided = {c.slot for c in self.nest.columns.values() if c.layout == "both"}
        strided |= {s.slot for s in self.nest.stores if s.layout == "both" and not s.total}
        for slot in sorted(strided):
            self._load(f"stride{slot}", "%dims", 4 + slot)
        w.line(f"%totals.o = mul i64 %T, {self.pitch}")
        w.line("%totals = getelementptr double, ptr %scratch, i64 %totals.o")
        for value, column in self.nest.columns.items():
            if column.layout == "scalar" and value in self.used:
                self.define(value, w.emit(f"load double, ptr %slot{column.slot}"), False)
        w.line("br label %unit.next")

    def _load(self, name: str, base: str, index: int, kind: str = "i64") -> None:
        self.writer.line(f"%{name}.p = getelementptr {kind}, ptr {base}, i64 {index}")
        self.writer.line(f"%{name} = load {kind}, ptr %{name}.p")

    def _units(self) -> None:
        w = self.writer
        w.label("unit.next")
        w.line("%unit = atomicrmw add ptr %shared, i64 1 monotonic")
        w.line("%unit.go = icmp slt i64 %unit, %units")
        w.line("br i1 %unit.go, label %unit.begin, label %exit")
        w.label("unit.begin")
        w.line(f"%lane.first = mul i64 %unit, {UNIT}")
        w.line(f"%lane.after = add i64 %lane.first, {UNIT}")
        w.line("%fault.p = getelementptr i64, ptr %faults, i64 %unit")
        w.line("%lane.end = call i64 @llvm.smin.i64(i64 %lane.after, i64 %L)")
        w.declares.add("declare i64 @llvm.smin.i64(i64, i64)")
        self._clear_totals()
        w.line("br label %block.check")
        w.label("block.check")
        w.line("%lane = phi i64 [ %lane.first, %unit.begin ], [ %lane.next, %block.end ]")
        w.line("%block.go = icmp slt i64 %lane, %lane.end")
        w.line("br i1 %block.go, label %block.poll, label %unit.end")
        w.label("block.poll")
        w.line("%block.stop = load atomic i64, ptr %stop.p monotonic, align 8")
        w.line("%block.stopped = icmp ne i64 %block.stop, 0")
        w.line("br i1 %block.stopped, label %exit, label %block.begin")
        w.label("block.begin")
        self.block = "block.begin"
        self._block_prologue()
        for number, stage in enumerate(self.nest.stages):
            if stage.direction == 0:
                for step in stage.steps:
                    self.step(step)
                continue
            if self.steps is None:
                self.bound()
            self.loop(number, stage)
        self._block_stores()
        w.line("br label %block.end")
        w.label("block.end")
        w.line(f"%lane.next = add i64 %lane, {self.width}")
        w.line("br label %block.check")
        w.label("unit.end")
        self._finish_totals()
        w.line("br label %unit.next")
        w.label("exit")
        w.line("ret void")

    # One block of lanes -------------------------------------------------------------------------

    def _block_prologue(self) -> None:
        w = self.writer
        if self.width > 1:
            n = self.width
            iota = ", ".join(f"i64 {i}" for i in range(n))
            lane = self.splat("%lane", "i64")
            index = w.emit(f"add <{n} x i64> {lane}, <{iota}>")
            end = self.splat("%lane.end", "i64")
            self.mask = w.emit(f"icmp slt <{n} x i64> {index}, {end}")
        if self.ordered:
            first = w.emit("getelementptr i64, ptr %order, i64 %lane")
            wide = self.width > 1
            self.order = (
                w.masked_load(first, self.mask, "i64") if wide else w.emit(f"load i64, ptr {first}")
            )
        for value, column in self.nest.columns.items():
            if column.layout == "lane" and value in self.used:
                self.define(value, self.load_lanes(f"%slot{column.slot}"), self.width > 1)
        self._check([self.values[value][0] for value in self.nest.tested])

    def _check(self, names: list[str]) -> None:
        """Mark the unit if one of these is NaN in a lane; two are tested at once."""
        w = self.writer
        kind, test = type_of("f64", self.width), type_of("bool", self.width)
        bad = ""
        for first, second in zip(names[::2], names[1::2] + names[-1:], strict=False):
            either = w.emit(f"fcmp uno {kind} {first}, {second}")
            bad = w.emit(f"or {test} {bad}, {either}") if bad else either
        if bad:
            self.flag(bad, self.width)

    def _block_stores(self) -> None:
        for store in self.nest.stores:
            if store.layout in ("time", "both") or (store.layout == "scalar" and not store.total):
                if store.layout == "scalar":
                    name, _ = self.get(store.value)
                    self.writer.line(f"store double {name}, ptr %slot{store.slot}")
                continue
            name, vector = self.get(store.value)
            if self.width > 1 and not vector:
                name = self.splat(name, "double")
            if store.total:
                self.add_total(store, name, None)
            else:
                self.store_lanes(f"%slot{store.slot}", name, self.mask)

    # Totals over lanes --------------------------------------------------------------------------

    def _clear_totals(self) -> None:
        w = self.writer
        size = 0
        flat = 0
        for store in self.nest.stores:
            if store.total:
                self.total_at[store] = (size, flat)
                size, flat = (size + 1, flat) if store.layout == "both" else (size, flat + 1)
        if not self.total_at:
            return
        w.line(f"%clear.t = mul i64 %T, {size * COLUMNS * 8}")
        w.line(f"%clear = add i64 %clear.t, {flat * COLUMNS * 8}")
        w.declares.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        w.line("call void @llvm.memset.p0.i64(ptr %totals, i8 0, i64 %clear, i1 false)")

    def _finish_totals(self) -> None:
        w = self.writer
        for store in self.total_at:
            if store.layout != "both":
                total = self._sum_columns(self.total_pointer(store, None))
                at = w.emit(f"getelementptr double, ptr %slot{store.slot}, i64 %unit")
                w.line(f"store double {total}, ptr {at}")
        timed = [store for store in self.total_at if store.layout == "both"]
        if not timed:
            return
        w.line("%sum.row = mul i64 %unit, %T")
        w.line("br label %sum.check")
        w.label("sum.check")
        w.line("%sum.t = phi i64 [ 0, %unit.end ], [ %sum.next, %sum.body ]")
        w.line("%sum.go = icmp slt i64 %sum.t, %T")
        w.line("br i1 %sum.go, label %sum.body, label %sum.done")
        w.label("sum.body")
        for store in timed:
            total = self._sum_columns(self.total_pointer(store, "%sum.t"))
            offset = w.emit("add i64 %sum.row, %sum.t")
            at = w.emit(f"getelementptr double, ptr %slot{store.slot}, i64 {offset}")
            w.line(f"store double {total}, ptr {at}")
        w.line("%sum.next = add i64 %sum.t, 1")
        w.line("br label %sum.check")
        w.label("sum.done")

    def _sum_columns(self, pointer: str) -> str:
        w = self.writer
        vector = w.emit(f"load <{COLUMNS} x double>, ptr {pointer}, align 8")
        return w.emit(f"extractelement <1 x double> {halved(w.emit, vector, COLUMNS)}, i32 0")


def nest_module(
    nest: LoopNest,
    width: int,
    name: str,
    *,
    ordered: bool = False,
    many: bool = False,
    registers: int = 32,
) -> str:
    """The LLVM IR text of a nest at a lane width (1, 2, 4, 8 or 16).

    `many` says that there are lanes for more than a block or two, so that two may run together;
    `registers` is how many SIMD registers the processor has.
    """
    if width not in (1, 2, 4, 8, 16):
        raise ValueError(f"lane width must be 1, 2, 4, 8 or 16, not {width}")
    writer = NestWriter(nest, width, ordered=ordered, many=many, registers=registers)
    return writer.module(name)
