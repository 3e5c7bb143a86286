"""The stages of a loop nest as LLVM IR: ops, shifts in time, folds, and the walks over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from lanework.engines.kernel import COLUMNS
from lanework.engines.llvm.ir import constant, type_of
from lanework.engines.llvm.lookup import LookupWriter
from lanework.engines.loops import Apply, Ends, Fold, Interpolate, Lookup, Shift, Stage, Step, Store
from lanework.engines.ordering import in_order

POLL = 1024  # periods between two looks at the stop flag inside a time loop


class StepWriter(LookupWriter):
    """Writes the steps of a stage, and the loop around those that walk time.

    `sorts` says whether steps stand where few values wait for them.
    """

    sorts = False

    def step(self, step: Step) -> None:
        """Write one step."""
        STEPS[type(step)](self, step)

    def _apply_op(self, step: Apply) -> None:
        args, width = self.together(step.args)
        self.define(step.target, self.apply(step.op, args, width), width > 1)

    def _select(
        self, condition: str, wide: bool, a: tuple[str, bool], b: tuple[str, bool]
    ) -> tuple[str, bool]:
        vector = wide or a[1] or b[1]
        width = self.width if vector else 1
        kind = type_of("f64", width)
        left = a[0] if a[1] or not vector else self.splat(a[0], "double")
        right = b[0] if b[1] or not vector else self.splat(b[0], "double")
        test = type_of("bool", width) if wide else "i1"
        return self.writer.emit(f"select {test} {condition}, {kind} {left}, {kind} {right}"), vector

    def _inside(self, lag: int) -> tuple[str, bool]:
        """Whether period t - lag exists for the lane."""
        w = self.writer
        if lag > 0:
            return w.emit(f"icmp sge i64 {self.period}, {lag}"), False
        ahead = w.emit(f"add i64 {self.period}, {-lag}")
        if not self.ragged:
            return w.emit(f"icmp slt i64 {ahead}, {self.steps}"), False
        when = self.splat(w.emit(f"sitofp i64 {ahead} to double"), "double")
        return w.emit(f"fcmp olt <{self.width} x double> {when}, {self.length[0]}"), True

    def _shift(self, step: Shift) -> None:
        if not step.carried:
            source = self._moved(step)
            value = self._select(*self._inside(step.lag), source, self.get(step.fill))
        else:
            value = self._chain(step)
            if step.fill in self.nest.timed or (step.lag < 0 and self.ragged):
                value = self._select(*self._inside(step.lag), value, self.get(step.fill))
        self.define(step.target, *value)

    def _moved(self, step: Shift) -> tuple[str, bool]:
        """The source in the period that lies `lag` before this one, or the nearest there is."""
        w, source = self.writer, step.source
        if source in self.nest.time:
            there = w.emit(f"sub i64 {self.period}, {step.lag}")
            return w.emit(f"sitofp i64 {there} to double"), False
        if source not in self.nest.timed or source in self.values:
            return self.get(source)
        there = w.emit(f"sub i64 {self.period}, {step.lag}")
        edge, call = ("0", "smax") if step.lag > 0 else (w.emit("sub i64 %T, 1"), "smin")
        there = w.intrinsic(f"llvm.{call}.i64", "i64", [("i64", there), ("i64", edge)])
        return self.at_period(source, there)

    def _chain(self, step: Shift) -> tuple[str, bool]:
        """Hold the last |lag| values in registers."""
        depth = abs(step.lag)
        vector = self.width > 1 and step.target in self.nest.varying
        kind = type_of("f64", self.width if vector else 1)
        if step.fill in self.nest.timed:
            start = constant(0.0, "f64", self.width if vector else 1)
        else:
            start = self._outer(step.fill, vector)
        names = [self.writer.name() for _ in range(depth)]
        self.pending.append((names[0], kind, start, step.source))
        for newer, older in itertools.pairwise(names):
            self.chains.append((older, kind, start, newer))
        return names[-1], vector

    def _outer(self, value: int, vector: bool) -> str:
        """A value from before the loop, spread before the loop if it must be."""
        name, wide = self.values[value] if value in self.values else self.get(value)
        if not vector or wide:
            return name
        if not name.startswith("%"):
            return f"splat (double {name})"
        return self.spread[name]

    def begin_folds(self, stage: Stage) -> None:
        """Name the running values of a stage, before its loop begins."""
        self.folds: list[tuple[str, str, str, str]] = []
        self.fold_names: dict[int, tuple[str, bool]] = {}
        for step in stage.steps:
            if isinstance(step, Fold):
                vector = self.width > 1 and step.target in self.nest.varying
                self.fold_names[step.target] = (self.writer.name(), vector)

    def _fold(self, step: Fold) -> None:
        w = self.writer
        phi, vector = self.fold_names[step.target]
        width = self.width if vector else 1
        kind, test = type_of("f64", width), type_of("bool", width)
        name, wide = self.get(step.source)
        now = self.splat(name, "double") if vector and not wide else name
        value = FOLDS[step.how](self, step, phi, now, width)
        if self.ragged and vector:
            value = w.emit(f"select {test} {self.active}, {kind} {value}, {kind} {phi}")
        start = constant(0.0 if step.how == "sum" else float("nan"), "f64", width)
        self.folds.append((phi, kind, start, value))

    def _sum(self, step: Fold, old: str, now: str, width: int) -> str:
        return self.writer.emit(f"fadd {type_of('f64', width)} {old}, {now}")

    def _joined(self, step: Fold, old: str, now: str, width: int) -> str:
        assert step.op is not None
        w, kind = self.writer, type_of("f64", width)
        joined = self.apply(step.op, [old, now], width)
        first = w.emit(f"icmp eq i64 {self.period}, 0")
        return w.emit(f"select i1 {first}, {kind} {now}, {kind} {joined}")

    def _last(self, step: Fold, old: str, now: str, width: int) -> str:
        return now

    def _at(self, step: Fold, old: str, now: str, width: int) -> str:
        w, kind = self.writer, type_of("f64", width)
        here = w.emit(f"icmp eq i64 {self.period}, {step.period}")
        return w.emit(f"select i1 {here}, {kind} {now}, {kind} {old}")

    # Walks over time -----------------------------------------------------------------------------

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
        if self.nest.saved:
            place = w.emit(f"mul i64 {self.period}, {self.pitch}")
            self.now = w.emit(f"getelementptr double, ptr %scratch, i64 {place}")
        self.active = self.mask
        if self.ragged:
            now = self.splat(w.emit(f"sitofp i64 {self.period} to double"), "double")
            self.active = w.emit(f"fcmp olt <{self.width} x double> {now}, {self.length[0]}")
        for step in in_order(stage) if self.sorts else stage.steps:
            self.step(step)
            if step.target in self.nest.saved and not isinstance(step, Fold):
                self.save(step.target)
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
            base = w.emit(f"mul i64 {period}, {count * COLUMNS}")
            offset = w.emit(f"add i64 {base}, {timed * COLUMNS}")
        return w.emit(f"getelementptr double, ptr %totals, i64 {offset}")


STEPS: dict[type[Step], Callable[[StepWriter, Any], None]] = {
    Apply: StepWriter._apply_op,
    Shift: StepWriter._shift,
    Lookup: StepWriter.lookup,
    Interpolate: StepWriter.interpolate,
    Ends: StepWriter.ends,
    Fold: StepWriter._fold,
}
"""How each step of a nest is written."""

FOLDS: dict[str, Callable[[StepWriter, Fold, str, str, int], str]] = {
    "sum": StepWriter._sum,
    "fold": StepWriter._joined,
    "last": StepWriter._last,
    "at": StepWriter._at,
}
"""What a fold makes of what it had and the value of a period."""
