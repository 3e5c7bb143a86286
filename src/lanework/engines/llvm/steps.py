"""The steps of a loop nest as LLVM IR: ops, shifts in time, folds over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from lanework.engines.llvm.ir import constant, type_of
from lanework.engines.llvm.lookup import LookupWriter
from lanework.engines.loops import Apply, Fold, Interpolate, Lookup, Shift, Stage, Step


class StepWriter(LookupWriter):
    """Writes the steps of a stage."""

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


STEPS: dict[type[Step], Callable[[StepWriter, Any], None]] = {
    Apply: StepWriter._apply_op,
    Shift: StepWriter._shift,
    Lookup: StepWriter.lookup,
    Interpolate: StepWriter.interpolate,
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
