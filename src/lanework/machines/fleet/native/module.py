"""The LLVM IR of a program: a function for each form of a routine, and one that runs those of any.

Threads take tickets. A ticket is a unit of VMs of an entry, which is a launch of a step of the
schedule; entries stand in the order of the schedule, and a unit waits until all of the steps before
it are done. So a schedule of any length runs without Python between its steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from lanework.engines import signals
from lanework.engines.lanes.convert import converted
from lanework.engines.lanes.order import weight
from lanework.engines.lanes.persistent import persistent, suited
from lanework.engines.lanes.program import LaneProgram
from lanework.engines.llvm.lanetarget import Target
from lanework.machines.fleet.native.abi import (
    BORN,
    COUNTERS,
    DONE,
    ENTRIES,
    ENTRY,
    FINAL,
    SIGNALS,
    UNITS,
)
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.text import Body, Rows

MOST = 8_000
"""Operations, about, above which lanes do not begin anew: all blocks are then in one more loop, so
that code takes longer to compile than is spared."""


def module(
    forms: Sequence[tuple[Form, LaneProgram]], target: Target, rows: Rows, *, strict: bool
) -> tuple[str, int]:
    """The text of a module with the table `forms` of functions, and how many steps it has.

    Args:
        forms: what is compiled, by kind.
        target: for what.
        rows: where fields are in the state.
        strict: whether the first fault ends the run.
    """
    texts, declares, size = [], set(), 0
    for kind, (form, program) in enumerate(forms):
        shape = converted(program)
        if not (form.table or form.resume or form.born) and suited(shape):
            anew = converted(persistent(program, shape))
            shape = anew if weight(anew.program, MOST) <= MOST else shape
        own = {name: n for n, name in enumerate(BORN)} if form.born else rows
        body = Body(shape, target, own, form, strict)
        texts.append(body.text(f"form{kind}"))
        declares |= body.declares
        size += sum(len(block.steps) for block in program.blocks)
    texts.append(signals.asking(SIGNALS) if any("@ask(" in each for each in texts) else "")
    names = ", ".join(f"ptr @form{kind}" for kind in range(len(forms)))
    texts.append(f"@forms = constant [{len(forms)} x ptr] [{names}]")
    meta = '!0 = !{!"branch_weights", i32 1, i32 2000}\n'
    return "\n".join([*sorted(declares), *texts, meta]), size


def driver() -> str:
    """A module with the function `fleet` that threads call; the third shared word has the forms."""
    given = "ptr %columns, ptr %dims, ptr %shared, ptr %row, i64 %unit"
    size = len(ENTRY)
    at = {name: ENTRY.index(name) for name in ENTRY}
    return f"""{signals.asking(SIGNALS)}
define void @fleet(ptr %columns, ptr %dims, ptr %shared, ptr %scratch) nounwind {{
entry:
  %count = load i64, ptr %dims
  %entries.at = getelementptr i64, ptr %columns, i64 {ENTRIES}
  %entries = load ptr, ptr %entries.at
  %counters.at = getelementptr i64, ptr %columns, i64 {COUNTERS}
  %counters = load ptr, ptr %counters.at
  %final.at = getelementptr i64, ptr %counters, i64 {FINAL}
  %stop.at = getelementptr i64, ptr %shared, i64 1
  %done.at = getelementptr i64, ptr %shared, i64 {DONE}
  %forms.at = getelementptr i64, ptr %shared, i64 2
  %forms = load ptr, ptr %forms.at
  br label %take
take:
  %from = phi i64 [ 0, %entry ], [ %number, %work ]
  %ticket = atomicrmw add ptr %shared, i64 1 monotonic, align 8
  %low = and i64 %ticket, {UNITS - 1}
  %often = icmp eq i64 %low, {UNITS - 1}
  br i1 %often, label %ask, label %on
ask:
  call void @ask(ptr %columns, ptr %shared)
  br label %on
on:
  %stop = load atomic i64, ptr %stop.at monotonic, align 8
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %exit, label %seek
seek:
  %number = phi i64 [ %from, %on ], [ %next, %more ]
  %over = icmp sge i64 %number, %count
  br i1 %over, label %exit, label %look
look:
  %place = mul i64 %number, {size}
  %row = getelementptr i64, ptr %entries, i64 %place
  %first.at = getelementptr i64, ptr %row, i64 {at["first"]}
  %units.at = getelementptr i64, ptr %row, i64 {at["units"]}
  %wait.at = getelementptr i64, ptr %row, i64 {at["wait"]}
  %phase.at = getelementptr i64, ptr %row, i64 {at["phase"]}
  %first = load i64, ptr %first.at
  %units = load i64, ptr %units.at
  %wait = load i64, ptr %wait.at
  %phase = load i64, ptr %phase.at
  %kind = load i64, ptr %row
  %unit = sub i64 %ticket, %first
  %here = icmp slt i64 %unit, %units
  br i1 %here, label %ready, label %more
more:
  %next = add i64 %number, 1
  br label %seek
ready:
  %done = load atomic i64, ptr %done.at acquire, align 8
  %turn = icmp sge i64 %done, %wait
  br i1 %turn, label %mine, label %spin
spin:
  %again = load atomic i64, ptr %stop.at monotonic, align 8
  %halted = icmp ne i64 %again, 0
  br i1 %halted, label %exit, label %ready
mine:
  %final = load atomic i64, ptr %final.at monotonic, align 8
  %own = add i64 %phase, 1
  %none = icmp eq i64 %final, 0
  %same = icmp eq i64 %final, %own
  %sound = or i1 %none, %same
  br i1 %sound, label %work, label %exit
work:
  %form.at = getelementptr ptr, ptr %forms, i64 %kind
  %form = load ptr, ptr %form.at
  call void %form({given})
  %old = atomicrmw add ptr %done.at, i64 1 release, align 8
  br label %take
exit:
  ret void
}}
"""
