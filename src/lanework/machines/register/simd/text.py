"""The LLVM IR of a program of lanes: a function for a unit of lanes, and the one that threads call.

Threads take units in order, until a unit gives up: then those before it are done or under way, and
later ones are of no use.
"""

from __future__ import annotations

from lanework.engines import signals
from lanework.engines.lanes.program import LaneProgram
from lanework.engines.lanes.shape import Shape
from lanework.engines.llvm.lanesteps import RULES
from lanework.engines.llvm.lanetarget import Target
from lanework.engines.llvm.masked import Masked

NAME = "lanes"
SIGNALS, FUELS, COUNTERS, MEMORY, SEED, GIVEN = range(6)
"""Columns: the table for signals, the fuel of each unit that is done, counters, memory, the seed;
then inputs in the program's order, and outputs."""
FIRST, TOTAL, LIMIT = range(3)
"""Counters: the first unit that gave up, the fuel of all that are done, and how much there is."""
START = 4
"""The dimension, behind those of a frame, that has the number of the first lane."""
UNIT = 1024
"""Lanes of a unit of work."""
UNITS = 256
"""Units between two calls of Python: a power of 2."""


def module(shape: Shape, target: Target) -> str:
    """The text of a module with the function `lanes`.

    Args:
        shape: what each lane does, and what all have in common.
        target: what code is made for.
    """
    unit = _Unit(shape, target)
    text = unit.text()
    meta = '!0 = !{!"branch_weights", i32 1, i32 2000}\n'
    return "\n".join([*sorted(unit.w.declares), text, signals.asking(SIGNALS), _RUN, meta])


class _Unit:
    """The function of a unit of lanes, vector after vector."""

    def __init__(self, shape: Shape, target: Target) -> None:
        self.program = shape.program
        self.w = w = Masked(shape, target.suited(shape), ("%memory", ""), RULES)
        w.late = self._late
        w.pause = lambda: w.line("call void @ask(ptr %columns, ptr %shared)")
        self.numbers = {name: GIVEN + n for n, name in enumerate(columns(shape.program))}

    def text(self) -> str:
        """Its text."""
        w = self.w
        given = "ptr %columns, ptr %dims, ptr %shared, i64 %unit"
        w.lines = [f"define internal void @unit({given}) nounwind {{", "entry:"]
        for name, number in (("memory", MEMORY), ("counters", COUNTERS), ("seed.p", SEED)):
            self._column(name, number)
        for name, number in self.numbers.items():
            self._column(f"p.{name}", number)
        w.line("%count.at = getelementptr i64, ptr %dims, i64 1")
        w.line("%count = load i64, ptr %count.at")
        w.line(f"%start.at = getelementptr i64, ptr %dims, i64 {START}")
        w.line("%start = load i64, ptr %start.at")
        w.line("%seed = load i64, ptr %seed.p")
        for name in self.program.same - {"seed"}:
            if name in self.numbers:
                w.line(f"%{name} = load i64, ptr %p.{name}")
        w.line(f"%unit.first = mul i64 %unit, {UNIT}")
        w.line(f"%unit.more = add i64 %unit.first, {UNIT}")
        w.declares.add("declare i64 @llvm.smin.i64(i64, i64)")
        w.line("%unit.last = call i64 @llvm.smin.i64(i64 %unit.more, i64 %count)")
        w.line("%spent = alloca i64")
        w.line("store i64 0, ptr %spent")
        return w.vectors(self._inputs, self._finish)

    def _column(self, name: str, number: int) -> None:
        self.w.line(f"%{name}.at = getelementptr ptr, ptr %columns, i64 {number}")
        self.w.line(f"%{name} = load ptr, ptr %{name}.at")

    def _inputs(self) -> dict[int, str]:
        """What variables begin with; and which lanes there are."""
        w = self.w
        iota = ", ".join(f"i64 {lane}" for lane in range(w.width))
        lanes = w.emit(f"add {w.kind} {w.splat('%at', 'i64')}, <{iota}>")
        w.all = w.emit(f"icmp slt {w.kind} {lanes}, {w.splat('%count', 'i64')}")
        out = {}
        for variable, name in self.program.inputs.items():
            if name in self.program.same:
                apart = variable in w.shape.divergent  # it becomes something else
                out[variable] = w.splat(f"%{name}", "i64") if apart else f"%{name}"
            elif name == "lane":
                out[variable] = w.emit(f"add {w.kind} {lanes}, {w.splat('%start', 'i64')}")
            else:
                out[variable] = w.masked_load(self._place(name), w.all, "i64")
        return out

    def _place(self, name: str) -> str:
        return self.w.emit(f"getelementptr i64, ptr %p.{name}, i64 %at")

    def _counter(self, number: int) -> str:
        return self.w.emit(f"getelementptr i64, ptr %counters, i64 {number}")

    def _late(self, _turns: str) -> str:
        """Whether a run is to end, an earlier unit gave up, or this loop has used all fuel."""
        w = self.w
        stop = w.emit("getelementptr i64, ptr %shared, i64 1")
        flag = w.emit(f"load atomic i64, ptr {stop} monotonic, align 8")
        halted = w.emit(f"icmp ne i64 {flag}, 0")
        first = w.emit(f"load atomic i64, ptr {self._counter(FIRST)} monotonic, align 8")
        useless = w.emit(f"icmp slt i64 {first}, %unit")
        limit = w.emit(f"load i64, ptr {self._counter(LIMIT)}")
        spent = w.emit("load i64, ptr %spent")
        over = w.emit(f"icmp sgt i64 {spent}, {limit}")
        return w.emit(f"or i1 {w.emit(f'or i1 {halted}, {useless}')}, {over}")

    def _finish(self) -> None:
        """What is left of a vector, and then of the unit."""
        w = self.w
        w.label("late")
        w.emit(f"atomicrmw min ptr {self._counter(FIRST)}, i64 %unit monotonic, align 8")
        w.line("ret void")
        w.label("done")
        w.values = {}
        for name, variable in self.program.outputs.items():
            value = w.read(variable, wide=True)
            args = [(w.kind, value), ("ptr", f"align 8 {self._place(name)}"), (w.mask_kind, w.all)]
            w.call(f"llvm.masked.store.v{w.width}i64.p0", args)
        w.line("br label %ended")
        w.label("ended")
        w.line(f"%at.next = add i64 %at, {w.width}")
        w.line("%more = icmp slt i64 %at.next, %unit.last")
        w.line("br i1 %more, label %group, label %end")
        w.label("end")
        w.line("%all = load i64, ptr %spent")
        self._column("fuels", FUELS)
        w.line(f"store i64 %all, ptr {w.emit('getelementptr i64, ptr %fuels, i64 %unit')}")
        w.emit(f"atomicrmw add ptr {self._counter(TOTAL)}, i64 %all monotonic, align 8")
        w.line("ret void")


def columns(program: LaneProgram) -> list[str]:
    """Inputs that have a column, and outputs, in order."""
    given = (name for name in program.inputs.values() if name not in ("lane", "seed"))
    return [*given, *program.outputs]


_RUN = f"""
define void @{NAME}(ptr %columns, ptr %dims, ptr %shared, ptr %scratch) nounwind {{
entry:
  %units.at = getelementptr i64, ptr %dims, i64 2
  %units = load i64, ptr %units.at
  %counters.at = getelementptr ptr, ptr %columns, i64 {COUNTERS}
  %counters = load ptr, ptr %counters.at
  %first.at = getelementptr i64, ptr %counters, i64 {FIRST}
  %total.at = getelementptr i64, ptr %counters, i64 {TOTAL}
  %limit.at = getelementptr i64, ptr %counters, i64 {LIMIT}
  %limit = load i64, ptr %limit.at
  %stop.at = getelementptr i64, ptr %shared, i64 1
  br label %take
take:
  %unit = atomicrmw add ptr %shared, i64 1 monotonic, align 8
  %over = icmp sge i64 %unit, %units
  br i1 %over, label %exit, label %look
look:
  %low = and i64 %unit, {UNITS - 1}
  %often = icmp eq i64 %low, {UNITS - 1}
  br i1 %often, label %ask, label %on
ask:
  call void @ask(ptr %columns, ptr %shared)
  br label %on
on:
  %stop = load atomic i64, ptr %stop.at monotonic, align 8
  %first = load atomic i64, ptr %first.at monotonic, align 8
  %total = load atomic i64, ptr %total.at monotonic, align 8
  %stopped = icmp ne i64 %stop, 0
  %useless = icmp slt i64 %first, %unit
  %spent = icmp sgt i64 %total, %limit
  %either = or i1 %stopped, %useless
  %no = or i1 %either, %spent
  br i1 %no, label %exit, label %work
work:
  call void @unit(ptr %columns, ptr %dims, ptr %shared, i64 %unit)
  br label %take
exit:
  ret void
}}
"""
