"""Walks over time as LLVM IR: the loop, what it carries, what it stores."""

from __future__ import annotations

from lanework.engines.kernel import COLUMNS
from lanework.engines.llvm.ir import constant, type_of
from lanework.engines.llvm.steps import StepWriter
from lanework.engines.loops import Fold, Shift, Stage, Store

POLL = 1024  # periods between two looks at the stop flag inside a time loop


class TimeWriter(StepWriter):
    """Writes the stages of a block that walk time."""

    def loop(self, number: int, stage: Stage) -> None:
        """Write one stage that walks time."""
        w = self.writer
        name = f"s{number}"
        forward = stage.direction > 0
        chains = [step for step in stage.steps if isinstance(step, Shift) and step.carried]
        for chain in chains:  # what starts one must be spread before the loop
            if chain.target in self.nest.varying and chain.fill not in self.nest.timed:
                self.wide(chain.fill)
        outer = dict(self.spread)
        entered = self.block
        first = "0" if forward else w.emit(f"sub i64 {self.steps}, 1")
        w.line(f"br label %{name}.check")
        w.label(f"{name}.check")
        header = len(w.lines)
        self.period = f"%{name}.t"
        self.pending, self.chains = [], []
        targets = {step.target for step in stage.steps}
        self.begin_folds(stage)
        go = f"slt i64 {self.period}, {self.steps}" if forward else f"sge i64 {self.period}, 0"
        w.line(f"%{name}.go = icmp {go}")
        w.line(f"br i1 %{name}.go, label %{name}.poll, label %{name}.done")
        w.label(f"{name}.poll")
        w.line(f"%{name}.m = and i64 {self.period}, {POLL - 1}")
        w.line(f"%{name}.z = icmp eq i64 %{name}.m, {POLL - 1}")
        w.line(f"br i1 %{name}.z, label %{name}.look, label %{name}.body")
        w.label(f"{name}.look")
        w.line(f"%{name}.stop = load atomic i64, ptr %stop.p monotonic, align 8")
        w.line(f"%{name}.stopped = icmp ne i64 %{name}.stop, 0")
        w.line(f"br i1 %{name}.stopped, label %exit, label %{name}.body")
        w.label(f"{name}.body")
        self.active = self.mask
        if self.ragged:
            now = self.splat(w.emit(f"sitofp i64 {self.period} to double"), "double")
            self.active = w.emit(f"fcmp olt <{self.width} x double> {now}, {self.length[0]}")
        for step in stage.steps:
            self.step(step)
            if step.target in self.nest.saved and not isinstance(step, Fold):
                text, vector = self.get(step.target)
                kind = type_of("f64", self.width if vector else 1)
                at = self.saved_pointer(step.target, self.period)
                w.line(f"store {kind} {text}, ptr {at}, align 8")
        self._stores_in(stage, targets)
        after = [
            (phi, kind, start, self._as(kind, value)) for phi, kind, start, value in self.pending
        ]
        w.line(f"br label %{name}.latch")
        w.label(f"{name}.latch")
        w.line(f"%{name}.next = add i64 {self.period}, {1 if forward else -1}")
        w.line(f"br label %{name}.check")
        phis = [
            f"  {self.period} = phi i64 [ {first}, %{entered} ], [ %{name}.next, %{name}.latch ]"
        ]
        phis += [
            f"  {phi} = phi {kind} [ {start}, %{entered} ], [ {end}, %{name}.latch ]"
            for phi, kind, start, end in (*after, *self.chains, *self.folds)
        ]
        w.lines[header:header] = phis
        w.label(f"{name}.done")
        self.block = f"{name}.done"
        self.period = None
        self.local = {}
        self.spread = outer
        for step in stage.steps:
            if isinstance(step, Fold):
                self.values[step.target] = self.fold_names[step.target]

    def _as(self, kind: str, value: int) -> str:
        name, vector = self.get(value)
        return self.splat(name, "double") if kind != "double" and not vector else name

    def _stores_in(self, stage: Stage, targets: set[int]) -> None:
        w = self.writer
        for store in self.nest.stores:
            if store.layout not in ("time", "both"):
                continue
            home = self.nest.home[store.value]
            if self.nest.stages[home] is not stage:
                continue
            name, vector = self.get(store.value)
            if store.layout == "time":
                at = w.emit(f"getelementptr double, ptr %slot{store.slot}, i64 {self.period}")
                w.line(f"store double {name}, ptr {at}, align 8")
                continue
            if self.width > 1 and not vector:
                name = self.splat(name, "double")
            if store.total:
                self.add_total(store, name, self.period)
            else:
                offset = w.emit(f"mul i64 {self.period}, %stride{store.slot}")
                row = w.emit(f"getelementptr double, ptr %slot{store.slot}, i64 {offset}")
                self.store_lanes(row, name, self.active)

    def add_total(self, store: Store, name: str, period: str | None) -> None:
        """Add the block's lanes to their running totals."""
        w = self.writer
        n = self.width
        kind = type_of("f64", n)
        pointer = self.total_pointer(store, period)
        column = w.emit("and i64 %lane, 15")
        at = w.emit(f"getelementptr double, ptr {pointer}, i64 {column}")
        if n > 1:
            active = self.mask if period is None else self.active
            name = w.emit(
                f"select <{n} x i1> {active}, {kind} {name}, {kind} {constant(0.0, 'f64', n)}"
            )
        old = w.emit(f"load {kind}, ptr {at}, align 8")
        w.line(f"store {kind} {w.emit(f'fadd {kind} {old}, {name}')}, ptr {at}, align 8")

    def total_pointer(self, store: Store, period: str | None) -> str:
        """Where the running totals of a store (in a period) begin."""
        w = self.writer
        timed, flat = self.total_at[store]
        count = sum(s.layout == "both" for s in self.total_at)
        if period is None:
            # flat totals follow those over time; `timed` is how many of those came before this one
            base = w.emit(f"mul i64 %T, {count * COLUMNS}")
            offset = w.emit(f"add i64 {base}, {flat * COLUMNS}")
        else:
            base = w.emit(f"mul i64 %T, {timed * COLUMNS}")
            within = w.emit(f"mul i64 {period}, {COLUMNS}")
            offset = w.emit(f"add i64 {base}, {within}")
        return w.emit(f"getelementptr double, ptr %totals, i64 {offset}")
