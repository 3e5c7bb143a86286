"""The steps of a loop nest as LLVM IR: loads, shifts in time, lookups, folds over time.

A value is a scalar when it is the same for every lane of the block and a SIMD value otherwise;
`get` says which, and mixing the two spreads the scalar.
"""

from __future__ import annotations

from lanework.core.op import Op
from lanework.engines.llvm_ir import Writer, constant, literal, suffix, type_of
from lanework.engines.loops import (
    Apply,
    Fold,
    Interpolate,
    Lookup,
    LoopNest,
    Shift,
    Stage,
    Step,
    Store,
)

_NAN = literal(float("nan"), "f64")
POLL = 1024  # periods between two looks at the stop flag inside a time loop


class StepWriter:
    """Writes steps into the block of lanes that is being made."""

    def __init__(self, nest: LoopNest, width: int) -> None:
        self.nest = nest
        self.width = width
        self.writer = Writer()
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
        self.total_at: dict[Store, tuple[int, int]] = {}
        self.pending: list[tuple[str, str, str, int]] = []  # phi, type, first, value that follows
        self.chains: list[tuple[str, str, str, str]] = []  # phi, type, first, name that follows
        self.ordered = False
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
        """Work out how many periods this block has; the nest writer knows how."""
        raise NotImplementedError

    def apply(self, op: Op, args: list[str], width: int) -> str:
        """Write an op over values of one width; the nest writer knows how."""
        raise NotImplementedError

    def total_pointer(self, store: Store, period: str | None) -> str:
        """Where a store's running totals are; the nest writer knows."""
        raise NotImplementedError

    def splat(self, name: str, kind: str) -> str:
        """A scalar in every lane."""
        if not name.startswith("%"):
            return f"splat ({kind} {name})"
        known = self.spread.get(name)
        if known is None:
            n = self.width
            one = self.writer.emit(f"insertelement <{n} x {kind}> poison, {kind} {name}, i64 0")
            known = self.writer.emit(
                f"shufflevector <{n} x {kind}> {one}, <{n} x {kind}> poison,"
                f" <{n} x i32> zeroinitializer"
            )
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

    def masked_load(self, pointer: str, kind: str = "double") -> str:
        """A block of lanes from memory; lanes past the end read nothing and hold zero."""
        n = self.width
        dtype = "f64" if kind == "double" else "i64"
        vector = f"<{n} x {kind}>"
        return self.writer.intrinsic(
            f"llvm.masked.load.{suffix(dtype, n)}.p0",
            vector,
            [("ptr", f"align 8 {pointer}"), (f"<{n} x i1>", self.mask), (vector, "zeroinitializer")],
        )

    def load_lanes(self, pointer: str) -> str:
        """The block's lanes of an [L] row that begins at `pointer`."""
        w = self.writer
        if self.ordered:
            return self._gather(pointer, self.order, self.mask)
        at = w.emit(f"getelementptr double, ptr {pointer}, i64 %lane")
        if self.width == 1:
            return w.emit(f"load double, ptr {at}, align 8")
        return self.masked_load(at)

    def store_lanes(self, pointer: str, name: str, mask: str) -> None:
        """Store the block's lanes into an [L] row that begins at `pointer`."""
        w = self.writer
        n = self.width
        if n == 1:
            index = self.order if self.ordered else "%lane"
            at = w.emit(f"getelementptr double, ptr {pointer}, i64 {index}")
            w.line(f"store double {name}, ptr {at}, align 8")
        elif self.ordered:
            at = w.emit(f"getelementptr double, ptr {pointer}, <{n} x i64> {self.order}")
            self._call_void(
                f"llvm.masked.scatter.{suffix('f64', n)}.v{n}p0",
                [(f"<{n} x double>", name), (f"<{n} x ptr>", f"align 8 {at}"), (f"<{n} x i1>", mask)],
            )
        else:
            at = w.emit(f"getelementptr double, ptr {pointer}, i64 %lane")
            self._call_void(
                f"llvm.masked.store.{suffix('f64', n)}.p0",
                [(f"<{n} x double>", name), ("ptr", f"align 8 {at}"), (f"<{n} x i1>", mask)],
            )

    def _call_void(self, name: str, args: list[tuple[str, str]]) -> None:
        types = ", ".join(kind for kind, _ in args)
        self.writer.declares.add(f"declare void @{name}({types})")
        self.writer.line(f"call void @{name}({', '.join(f'{k} {v}' for k, v in args)})")

    def _gather(self, pointer: str, index: str, mask: str, width: int | None = None) -> str:
        w = self.writer
        n = self.width if width is None else width
        if n == 1:
            at = w.emit(f"getelementptr double, ptr {pointer}, i64 {index}")
            return w.emit(f"load double, ptr {at}, align 8")
        at = w.emit(f"getelementptr double, ptr {pointer}, <{n} x i64> {index}")
        vector = f"<{n} x double>"
        return w.intrinsic(
            f"llvm.masked.gather.{suffix('f64', n)}.v{n}p0",
            vector,
            [(f"<{n} x ptr>", f"align 8 {at}"), (f"<{n} x i1>", mask), (vector, "zeroinitializer")],
        )

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
        vector = self.width > 1 and value in self.nest.varying
        at = self._saved_pointer(value, period)
        return w.emit(f"load {type_of('f64', self.width if vector else 1)}, ptr {at}, align 8"), vector

    def _saved_pointer(self, value: int, period: str) -> str:
        w = self.writer
        base = w.emit(f"mul i64 %T, {self.nest.saved[value]}")
        index = w.emit(f"add i64 {base}, {period}")
        offset = w.emit(f"mul i64 {index}, {self.width}")
        return w.emit(f"getelementptr double, ptr %scratch, i64 {offset}")

    # Time loops ---------------------------------------------------------------------------------

    def loop(self, number: int, stage: Stage) -> None:
        """Write one stage that walks time."""
        w = self.writer
        name = f"s{number}"
        forward = stage.direction > 0
        for step in stage.steps:  # what starts a chain must be spread before the loop
            if isinstance(step, Shift) and step.carried and step.fill not in self.nest.timed:
                if self.width > 1 and step.target in self.nest.varying:
                    self.wide(step.fill)
        outer = dict(self.spread)
        entered = self.block
        first = "0" if forward else w.emit(f"sub i64 {self.steps}, 1")
        w.line(f"br label %{name}.check")
        w.label(f"{name}.check")
        header = len(w.lines)
        self.period = f"%{name}.t"
        self.pending, self.chains = [], []
        made = {step.target for step in stage.steps}
        self._begin_folds(stage, name)
        go = f"icmp slt i64 {self.period}, {self.steps}" if forward else f"icmp sge i64 {self.period}, 0"
        w.line(f"%{name}.go = {go}")
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
                at = self._saved_pointer(step.target, self.period)
                w.line(f"store {kind} {text}, ptr {at}, align 8")
        self._stores_in(stage, made)
        after = [
            (phi, kind, start, self._as(kind, value)) for phi, kind, start, value in self.pending
        ]
        w.line(f"br label %{name}.latch")
        w.label(f"{name}.latch")
        w.line(f"%{name}.next = add i64 {self.period}, {1 if forward else -1}")
        w.line(f"br label %{name}.check")
        phis = [f"  {self.period} = phi i64 [ {first}, %{entered} ], [ %{name}.next, %{name}.latch ]"]
        phis += [
            f"  {phi} = phi {kind} [ {start}, %{entered} ], [ {end}, %{name}.latch ]"
            for phi, kind, start, end in (*after, *self.chains, *self._folds)
        ]
        w.lines[header:header] = phis
        w.label(f"{name}.done")
        self.block = f"{name}.done"
        self.period = None
        self.local = {}
        self.spread = outer
        for step in stage.steps:
            if isinstance(step, Fold):
                self.values[step.target] = self._fold_names[step.target]

    def _as(self, kind: str, value: int) -> str:
        name, vector = self.get(value)
        return self.splat(name, "double") if kind != "double" and not vector else name

    def _stores_in(self, stage: Stage, made: set[int]) -> None:
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

    # Steps --------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Write one step."""
        if isinstance(step, Apply):
            args, width = self.together(step.args)
            self.define(step.target, self.apply(step.op, args, width), width > 1)
        elif isinstance(step, Shift):
            self._shift(step)
        elif isinstance(step, Lookup):
            self._lookup(step)
        elif isinstance(step, Interpolate):
            self._interpolate(step)
        else:
            self._fold(step)

    def _select(self, condition: str, wide: bool, a: tuple[str, bool], b: tuple[str, bool]) -> tuple[str, bool]:
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
        w = self.writer
        if step.carried:
            name, vector = self._chain(step)
            plain = step.fill not in self.nest.timed and not (step.lag < 0 and self.ragged)
            value = (name, vector)
            if not plain:
                value = self._select(*self._inside(step.lag), (name, vector), self.get(step.fill))
        else:
            if step.source in self.nest.timed and step.source not in (
                *self.nest.time,
                *self.values,
            ):
                there = w.emit(f"sub i64 {self.period}, {step.lag}")
                edge, call = ("0", "smax") if step.lag > 0 else (w.emit("sub i64 %T, 1"), "smin")
                there = w.intrinsic(f"llvm.{call}.i64", "i64", [("i64", there), ("i64", edge)])
                source = self.at_period(step.source, there)
            elif step.source in self.nest.time:
                there = w.emit(f"sub i64 {self.period}, {step.lag}")
                source = (w.emit(f"sitofp i64 {there} to double"), False)
            else:
                source = self.get(step.source)
            value = self._select(*self._inside(step.lag), source, self.get(step.fill))
        self.define(step.target, *value)

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
        for newer, older in zip(names, names[1:], strict=False):
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

    def _lookup(self, step: Lookup) -> None:
        w = self.writer
        keys, width = self.together(step.keys)
        kind, whole = type_of("f64", width), type_of("i64", width)
        index = ""
        valid = ""
        test = type_of("bool", width)
        for key, dim in zip(keys, step.dims, strict=True):
            moved = key
            if dim.base != 0.0:
                moved = w.emit(f"fsub {kind} {key}, {constant(dim.base, 'f64', width)}")
            place = w.intrinsic(f"llvm.floor.{suffix('f64', width)}", kind, [(kind, moved)])
            low, high = constant(0.0, "f64", width), constant(float(dim.size - 1), "f64", width)
            if dim.clamp:
                good = w.emit(f"fcmp ord {kind} {place}, {place}")
                above = w.emit(f"fcmp ogt {kind} {place}, {low}")
                place = w.emit(f"select {test} {above}, {kind} {place}, {kind} {low}")
                below = w.emit(f"fcmp olt {kind} {place}, {high}")
                place = w.emit(f"select {test} {below}, {kind} {place}, {kind} {high}")
            else:
                above = w.emit(f"fcmp oge {kind} {place}, {low}")
                below = w.emit(f"fcmp ole {kind} {place}, {high}")
                good = w.emit(f"and {test} {above}, {below}")
                place = w.emit(f"select {test} {good}, {kind} {place}, {kind} {low}")
            number = w.emit(f"fptosi {kind} {place} to {whole}")
            if index:
                scaled = w.emit(f"mul {whole} {index}, {constant(dim.size, 'i64', width)}")
                number = w.emit(f"add {whole} {scaled}, {number}")
            index = number
            valid = w.emit(f"and {test} {valid}, {good}") if valid else good
        value = self._gather(f"%slot{step.slot}", index, constant(True, "bool", width), width)
        nan = constant(float("nan"), "f64", width)
        value = w.emit(f"select {test} {valid}, {kind} {value}, {kind} {nan}")
        if step.faults:
            self._flag(w.emit(f"fcmp uno {kind} {value}, {value}"), width)
        self.define(step.target, value, width > 1)

    def _flag(self, bad: str, width: int) -> None:
        """Mark the unit if an active lane has a fault; which one, the reference finds."""
        w = self.writer
        if width > 1:
            active = self.active if self.period is not None else self.mask
            bad = w.emit(f"and <{width} x i1> {bad}, {active}")
            call = f"llvm.vector.reduce.or.v{width}i1"
            bad = w.intrinsic(call, "i1", [(f"<{width} x i1>", bad)])
        label = w.name()[1:]
        w.line(f"br i1 {bad}, label %fault.{label}, label %fine.{label}")
        w.label(f"fault.{label}")
        w.line("store i64 1, ptr %fault.p, align 8")
        w.line(f"br label %fine.{label}")
        w.label(f"fine.{label}")
        if self.period is None:
            self.block = f"fine.{label}"

    def _interpolate(self, step: Interpolate) -> None:
        """Find the last knot not above the key by halving, then go along the line."""
        w = self.writer
        (key,), width = self.together((step.key,))
        kind, whole, test = (type_of(d, width) for d in ("f64", "i64", "bool"))
        table = f"%slot{step.slot}"
        every = constant(True, "bool", width)
        at = constant(0, "i64", width)
        reach = 1
        while reach * 2 < step.size:
            reach *= 2
        while reach >= 1:
            ahead = w.emit(f"add {whole} {at}, {constant(reach, 'i64', width)}")
            exists = w.emit(f"icmp slt {whole} {ahead}, {constant(step.size, 'i64', width)}")
            safe = w.emit(f"select {test} {exists}, {whole} {ahead}, {whole} {at}")
            knot = self._gather(table, safe, every, width)
            reached = w.emit(f"fcmp ole {kind} {knot}, {key}")
            at = w.emit(f"select {test} {reached}, {whole} {safe}, {whole} {at}")
            reach //= 2
        last = constant(max(step.size - 2, 0), "i64", width)
        inside = w.emit(f"icmp slt {whole} {at}, {last}")
        at = w.emit(f"select {test} {inside}, {whole} {at}, {whole} {last}")
        step_up = constant(1 if step.size > 1 else 0, "i64", width)
        after = w.emit(f"add {whole} {at}, {step_up}")
        size = constant(step.size, "i64", width)
        x0, x1 = (self._gather(table, i, every, width) for i in (at, after))
        y0, y1 = (
            self._gather(table, w.emit(f"add {whole} {i}, {size}"), every, width)
            for i in (at, after)
        )
        run = w.emit(f"fsub {kind} {x1}, {x0}")
        rise = w.emit(f"fsub {kind} {y1}, {y0}")
        slope = w.emit(f"fdiv {kind} {rise}, {run}")
        along = w.emit(f"fsub {kind} {key}, {x0}")
        value = w.emit(f"fadd {kind} {y0}, {w.emit(f'fmul {kind} {along}, {slope}')}")
        low = w.emit(f"fcmp ole {kind} {key}, {x0}")
        high = w.emit(f"fcmp oge {kind} {key}, {x1}")
        value = w.emit(f"select {test} {high}, {kind} {y1}, {kind} {value}")
        value = w.emit(f"select {test} {low}, {kind} {y0}, {kind} {value}")
        known = w.emit(f"fcmp ord {kind} {key}, {key}")
        nan = constant(float("nan"), "f64", width)
        value = w.emit(f"select {test} {known}, {kind} {value}, {kind} {nan}")
        self.define(step.target, value, width > 1)

    # Folds over time ----------------------------------------------------------------------------

    def _begin_folds(self, stage: Stage, name: str) -> None:
        self._folds: list[tuple[str, str, str, str]] = []
        self._fold_names: dict[int, tuple[str, bool]] = {}
        for step in stage.steps:
            if isinstance(step, Fold):
                vector = self.width > 1 and step.target in self.nest.varying
                self._fold_names[step.target] = (self.writer.name(), vector)

    def _fold(self, step: Fold) -> None:
        w = self.writer
        phi, vector = self._fold_names[step.target]
        width = self.width if vector else 1
        kind, test = type_of("f64", width), type_of("bool", width)
        name, wide = self.get(step.source)
        now = self.splat(name, "double") if vector and not wide else name
        if step.how == "sum":
            value = w.emit(f"fadd {kind} {phi}, {now}")
        elif step.how == "last":
            value = now
        elif step.how == "at":
            here = w.emit(f"icmp eq i64 {self.period}, {step.period}")
            value = w.emit(f"select i1 {here}, {kind} {now}, {kind} {phi}")
        else:
            assert step.op is not None
            joined = self.apply(step.op, [phi, now], width)
            first = w.emit(f"icmp eq i64 {self.period}, 0")
            value = w.emit(f"select i1 {first}, {kind} {now}, {kind} {joined}")
        if self.ragged and vector:
            value = w.emit(f"select {test} {self.active}, {kind} {value}, {kind} {phi}")
        start = constant(0.0 if step.how == "sum" else float("nan"), "f64", width)
        self._folds.append((phi, kind, start, value))
