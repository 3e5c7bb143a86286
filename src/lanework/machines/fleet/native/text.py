"""The LLVM IR of one form of a routine: a function that runs a unit of its VMs.

Whoever calls it says with what, and finds what has been counted, in the places that `abi` names.
"""

from __future__ import annotations

import functools

from lanework.engines.lanes.program import Later, Load, Note, Stop, makes
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.ir import Writer
from lanework.engines.llvm.lanesteps import RULES
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.llvm.masked import Masked
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.state import Status

Rows = dict[str, int]


class Body:
    """The function of one form: a unit of VMs, vector after vector."""

    def __init__(self, shape: Shape, target: Target, rows: Rows, form: Form, strict: bool) -> None:
        self.shape, self.program = shape, shape.program
        self.target = target.suited(shape)
        self.rows, self.form, self.strict = rows, form, strict
        self.declares: set[str] = set()

    def text(self, name: str) -> str:
        """Its text."""
        writer = Masked(self.shape, self.target, ("%memory", "%size"), RULES)
        given = "ptr %columns, ptr %dims, ptr %shared, ptr %row, i64 %unit"
        head = f"define internal void @{name}({given}) nounwind {{"
        w = writer
        w.lines = [head, "entry:"]
        for what, number in (
            ("memory", abi.MEMORY),
            ("rows", abi.ROWS),
            ("ages.p", abi.AGES),
            ("counters", abi.COUNTERS),
        ):
            self._load(w, what, "ptr", "%columns", number)
        steps = (step for block in self.program.blocks for step in block.steps)
        for part in sorted({step.part for step in steps if isinstance(step, Load)} - {0}):
            self._load(w, f"memory{part}", "ptr", "%columns", abi.PARTS + part - 1)
        self._load(w, "size64", "i64", "%dims", 1)
        self._load(w, "slots", "i64", "%dims", abi.SLOTS)
        self._load(w, "key0.64", "i64", "%dims", abi.KEY0)
        self._load(w, "key1.64", "i64", "%dims", abi.KEY1)
        for name_ in ("count", "slot", "base", "stride", "stream", "size", "phase"):
            self._load(w, f"e.{name_}", "i64", "%row", abi.ENTRY.index(name_))
        for name_, of in (
            ("size", "size64"),
            ("key0", "key0.64"),
            ("key1", "key1.64"),
            ("count", "e.count"),
            ("stream", "e.stream"),
        ):
            w.line(f"%{name_} = trunc i64 %{of} to i32")
        w.line("%unit.first = mul i64 %unit, %e.size")
        w.line("%unit.more = add i64 %unit.first, %e.size")
        w.line("%unit.last = call i64 @llvm.smin.i64(i64 %unit.more, i64 %e.count)")
        w.declares.add("declare i64 @llvm.smin.i64(i64, i64)")
        self.together = not (self.shape.masked or w.order.fetching is not None or w.counts.rest)
        for name_, kind in (("oldest", self._old(w)), ("executed", w.elder_kind)):
            w.line(f"%{name_} = alloca {kind}")
            w.line(f"store {kind} zeroinitializer, ptr %{name_}")
        w.line("%reads = alloca i64")
        w.line("%writes = alloca i64")
        w.line("store i64 0, ptr %reads")
        w.line("store i64 0, ptr %writes")
        if w.order.fetching is not None:
            w.line("%next = alloca i64")
            w.line("store i64 %unit.first, ptr %next")
        w.fetched = lambda mask: self._ended(w, mask)
        w.stopped = lambda stop, mask: self._stopped(w, stop, mask)
        w.late = lambda turns: self._late(w, turns)
        w.leaves = self.strict and any(map(abi.faults, self.program.blocks))
        w.limit = lambda: self._limit(w)
        w.left = lambda: self._left(w)
        w.later = lambda step, mask, values: self._later(w, step, mask, values)
        w.noted = lambda step, mask, values: self._noted(w, step, mask, values)
        w.rows.numbers = self._numbers()
        w.pause = lambda: w.line("call void @ask(ptr %columns, ptr %shared)")

        def inputs() -> dict[int, str]:
            values = self._inputs(w)
            return {n: values[what] for n, what in self.program.inputs.items()}

        text = w.vectors(inputs, lambda: self._finish(w))
        self.declares = w.declares
        return text

    def _numbers(self) -> frozenset[int]:
        """Variables that are numbers of VMs, one after another."""
        own = self.form.stride == 1 and not self.form.table
        known = {"global_id", "vm_id"} if own else {"global_id"}
        if self.form.born:
            return frozenset()
        steps = (step for block in self.program.blocks for step in block.steps)
        changed = {variable for step in steps for variable in makes(step)}
        return frozenset(n for n, what in self.program.inputs.items() if what in known) - changed

    @staticmethod
    def _load(w: Writer, name: str, kind: str, base: str, number: int) -> None:
        w.line(f"%{name}.at = getelementptr i64, ptr {base}, i64 {number}")
        w.line(f"%{name} = load {kind}, ptr %{name}.at")

    def _inputs(self, w: Masked) -> dict[str, str]:
        """What VMs begin with, and which lanes there are."""
        if w.order.fetching is not None:
            return self._uniform(w)
        n, kind = w.width, w.kind
        iota = ", ".join(f"i32 {lane}" for lane in range(n))
        first = w.emit("trunc i64 %at to i32")
        lanes = w.emit(f"add {kind} {w.splat(first, 'i32')}, <{iota}>")
        w.all = w.emit(f"icmp ult {kind} {lanes}, {w.splat('%count', 'i32')}")
        w.number = w.count(w.all)
        self.place = w.emit("add i64 %at, %e.slot")
        out = {} if self.form.born else self._launched(w, lanes)
        for name in self.program.inputs.values():
            if name not in out:
                out[name] = w.masked_load(self._row(w, name), w.all, "i32")
        return out

    def _launched(self, w: Masked, lanes: str) -> dict[str, str]:
        """The numbers of VMs of a launch."""
        kind, slot = w.kind, w.emit("trunc i64 %e.slot to i32")
        out = {"count": "%count", "stream": "%stream"}
        out["global_id"] = w.emit(f"add {kind} {lanes}, {w.splat(slot, 'i32')}")
        base, scaled = w.emit("trunc i64 %e.base to i32"), lanes
        if self.form.stride != 1:
            stride = w.emit("trunc i64 %e.stride to i32")
            scaled = w.emit(f"mul {kind} {lanes}, {w.splat(stride, 'i32')}")
        out["vm_id"] = w.emit(f"add {kind} {scaled}, {w.splat(base, 'i32')}")
        if self.form.table:
            out["vm_id"] = w.masked_load(self._row(w, "vm_id"), w.all, "i32")
        return out

    def _uniform(self, w: Masked) -> dict[str, str]:
        """What VMs of lanes have in common that take numbers by themselves."""
        w.all, w.number = "splat (i1 true)", str(w.width)
        words = {"slot": "%e.slot", "base": "%e.base", "stride": "%e.stride", "last": "%unit.last"}
        out = {name: w.emit(f"trunc i64 {word} to i32") for name, word in words.items()}
        return out | {"count": "%count", "stream": "%stream"}

    def _row(self, w: Masked, name: str) -> str:
        """Where a field of the VMs is."""
        number = self.rows.get(name) if not name.startswith("element") else int(name[7:])
        row = w.emit(f"mul i64 %slots, {number}")
        return w.emit(f"getelementptr i32, ptr %rows, i64 {w.emit(f'add i64 {row}, {self.place}')}")

    def _put(self, w: Masked, value: str, pointer: str, mask: str, of: str = "i32") -> None:
        args = [(f"<{w.width} x {of}>", value), ("ptr", f"align 4 {pointer}"), (w.mask_kind, mask)]
        w.call(f"llvm.masked.store.v{w.width}{of}.p0", args)

    def _later(self, w: Masked, step: Later, mask: str, values: tuple[str, ...]) -> None:
        """Write down where a word is, what is done with it, and when."""
        lists = self._column(w, abi.LATER)
        index, operand, age = values
        for n, value in enumerate((index, operand, *self._halves(w, age))):
            row = w.emit(f"mul i64 %slots, {abi.LISTED * step.number + n}")
            at = w.emit(f"add i64 {row}, {self.place}")
            self._put(w, value, w.emit(f"getelementptr i32, ptr {lists}, i64 {at}"), mask)

    @staticmethod
    def _column(w: Masked, number: int) -> str:
        return w.emit(f"load ptr, ptr {w.emit(f'getelementptr i64, ptr %columns, i64 {number}')}")

    @staticmethod
    def _halves(w: Masked, age: str) -> tuple[str, str]:
        """The lower and upper words of ages."""
        upper = w.emit(f"lshr {w.elder_kind} {age}, splat (i64 32)")
        low, high = (w.emit(f"trunc {w.elder_kind} {each} to {w.kind}") for each in (age, upper))
        return low, high

    def _noted(self, w: Masked, step: Note, mask: str, values: tuple[str, ...]) -> None:
        """Write down what VMs do, one behind the other; where there is no room the run ends."""
        number, operand, age = w.count(mask), *values
        first = w.emit(
            f"atomicrmw add ptr {self._counter(w, abi.NOTED)}, i64 {number} monotonic, align 8"
        )
        room = w.emit(f"load i64, ptr {self._counter(w, abi.ROOM)}")
        fits = w.emit(f"icmp ule i64 {w.emit(f'add i64 {first}, {number}')}, {room}")
        keep, full, on = (w.fresh(what) for what in ("keep", "full", "noted"))
        w.line(f"br i1 {fits}, label %{keep}, label %{full}")
        w.label(full)
        self._left(w)
        self._halt(w)
        w.line(f"br label %{on}")
        w.label(keep)
        iota = ", ".join(f"i32 {lane}" for lane in range(w.width))
        place = w.splat(w.emit(f"trunc i64 {self.place} to i32"), "i32")
        place = w.emit(f"add {w.kind} {place}, <{iota}>")
        what, notes = f"splat (i32 {step.what})", self._column(w, abi.NOTES)
        for n, value in enumerate((place, what, operand, *self._halves(w, age))):
            at = w.emit(f"add i64 {w.emit(f'mul i64 {room}, {n}')}, {first}")
            pointer = w.emit(f"getelementptr i32, ptr {notes}, i64 {at}")
            args = [(w.kind, value), ("ptr", f"align 4 {pointer}"), (w.mask_kind, mask)]
            w.call(f"llvm.masked.compressstore.v{w.width}i32", args)
        w.line(f"br label %{on}")
        w.label(on)

    @staticmethod
    def _halt(w: Masked) -> None:
        stop = w.emit("getelementptr i64, ptr %shared, i64 1")
        w.line(f"store atomic i64 1, ptr {stop} monotonic, align 8")

    def _stopped(self, w: Masked, stop: Stop, mask: str) -> None:
        """VMs that faulted, or wait."""
        if stop.status not in (Status.FAULTED, Status.BLOCKED):
            return
        ages = w.lifetimes()
        if not self.form.record:
            for name, number in (("status", stop.status), ("fault", stop.fault), ("ip", stop.at)):
                self._put(w, f"splat (i32 {number})", self._row(w, name), mask)
        at = w.emit(f"getelementptr i64, ptr %ages.p, i64 {self.place}")
        self._put(w, ages, at, mask, "i64")
        events = self._counter(w, abi.FAULTS if stop.status == Status.FAULTED else abi.WAITING)
        w.emit(f"atomicrmw add ptr {events}, i64 {w.count(mask)} monotonic, align 8")
        if stop.status == Status.FAULTED and self.strict:
            n = w.width
            mine = w.mixed(mask, ages, "splat (i64 -1)", "i64")
            least = w.intrinsic(f"llvm.vector.reduce.umin.v{n}i64", "i64", [(w.elder_kind, mine)])
            w.emit(
                f"atomicrmw umin ptr {self._counter(w, abi.LIMIT)}, i64 {least} monotonic, align 8"
            )
        if stop.status == Status.BLOCKED or self.strict:
            self._last(w)

    @staticmethod
    def _counter(w: Masked, number: int) -> str:
        return w.emit(f"getelementptr i64, ptr %counters, i64 {number}")

    def _late(self, w: Masked, turns: str) -> str:
        """Whether a run is to end, or this loop has gone on for too long."""
        stop = w.emit("getelementptr i64, ptr %shared, i64 1")
        flag = w.emit(f"load atomic i64, ptr {stop} monotonic, align 8")
        halted = w.emit(f"icmp ne i64 {flag}, 0")
        if w.leaves:  # lane by lane, as one of them may fault before that
            return halted
        return w.emit(f"or i1 {halted}, {w.emit(f'icmp ugt i64 {turns}, {self._limit(w)}')}")

    def _limit(self, w: Masked) -> str:
        return w.emit(f"load atomic i64, ptr {self._counter(w, abi.LIMIT)} monotonic, align 8")

    def _left(self, w: Masked) -> None:
        """VMs have given up: what comes after this phase is not to begin."""
        w.line(f"store atomic i64 1, ptr {self._counter(w, abi.LATE)} monotonic, align 8")
        self._last(w)

    def _last(self, w: Masked) -> None:
        phase = w.emit("add i64 %e.phase, 1")
        w.line(f"store atomic i64 {phase}, ptr {self._counter(w, abi.FINAL)} monotonic, align 8")

    def _finish(self, w: Masked) -> None:
        """What is left of a vector, and then of the unit."""
        w.label("late")
        self._left(w)
        w.line("br label %done")
        w.label("done")
        w.values = {}
        for name, variable in self.program.outputs.items():
            self._put(w, w.read(variable, wide=True), self._row(w, name), w.all)
        n = w.width
        if self.form.born:
            at = w.emit(f"getelementptr i64, ptr %ages.p, i64 {self.place}")
            self._put(w, w.lifetimes(), at, w.all, "i64")
        self._ended(w, w.all)
        w.line("br label %ended")
        w.label("ended")
        w.line(f"%at.next = add i64 %at, {n if w.order.fetching is None else 1 << 62}")
        w.line("%more = icmp slt i64 %at.next, %unit.last")
        w.line("br i1 %more, label %group, label %end")
        w.label("end")
        self._report(w)
        w.line("ret void")

    def _old(self, w: Masked) -> str:
        """The type of ages: one for all lanes where these end together."""
        return "i64" if self.together else w.elder_kind

    def _ended(self, w: Masked, mask: str) -> None:
        """VMs have executed so many instructions."""
        kind, name = self._old(w), f"llvm.umax.v{w.width}i64"
        if self.together:
            mine = w.emit(f"extractelement {w.elder_kind} {w.lifetimes()}, i64 0")
            name = "llvm.umax.i64"
        else:
            mine = w.mixed(mask, w.lifetimes(), "zeroinitializer", "i64")
        old = w.emit(f"load {kind}, ptr %oldest")
        new = w.intrinsic(name, kind, [(kind, old), (kind, mine)])
        w.line(f"store {kind} {new}, ptr %oldest")
        if w.counts.rest:
            known = w.emit(f"load {kind}, ptr %executed")
            w.line(f"store {kind} {w.emit(f'add {kind} {known}, {mine}')}, ptr %executed")

    def _report(self, w: Masked) -> None:
        classes = w.classes(self._reduced(w, "vector.reduce.add", "executed"))
        values = {abi.CLASSES + kind: value for kind, value in classes.items()}
        if values:
            values[abi.EXECUTED] = functools.reduce(
                lambda a, b: w.emit(f"add i64 {a}, {b}"), classes.values()
            )
        for number, name in abi.COUNTED.items():
            place = w.tallies.get(name, name)
            if number in (abi.READS, abi.WRITES) or name in w.tallies:
                values[number] = w.emit(f"load i64, ptr %{place}")
        for number, value in values.items():
            some, skip = w.fresh("some"), w.fresh("skip")
            w.line(f"br i1 {w.emit(f'icmp ne i64 {value}, 0')}, label %{some}, label %{skip}")
            w.label(some)
            before = w.emit(
                f"atomicrmw add ptr {self._counter(w, number)}, i64 {value} monotonic, align 8"
            )
            if number == abi.EXECUTED:
                self._spent(w, w.emit(f"add i64 {before}, {value}"), skip)
            else:
                w.line(f"br label %{skip}")
            w.label(skip)
        column = w.emit(f"getelementptr i64, ptr %columns, i64 {abi.EPOCHS}")
        epochs = w.emit(f"getelementptr i64, ptr {w.emit(f'load ptr, ptr {column}')}, i64 %e.phase")
        if self.together:
            oldest = w.emit("load i64, ptr %oldest")
        else:
            oldest = self._reduced(w, "vector.reduce.umax", "oldest")
        w.emit(f"atomicrmw umax ptr {epochs}, i64 {oldest} monotonic, align 8")

    @staticmethod
    def _reduced(w: Masked, how: str, place: str) -> str:
        vector = w.emit(f"load {w.elder_kind}, ptr %{place}")
        name = f"llvm.{how}.v{w.width}i64"
        return w.intrinsic(name, "i64", [(w.elder_kind, vector)])

    def _spent(self, w: Masked, total: str, skip: str) -> None:
        """The run ends where all VMs together have used more than there is."""
        fuel = w.emit(f"load i64, ptr {w.emit(f'getelementptr i64, ptr %dims, i64 {abi.FUEL}')}")
        over = w.fresh("over")
        w.line(f"br i1 {w.emit(f'icmp ugt i64 {total}, {fuel}')}, label %{over}, label %{skip}")
        w.label(over)
        self._halt(w)
        w.line(f"br label %{skip}")
