"""Which steps of a schedule run natively, and the table of their launches for native code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lanework.engines.lanes.order import weight
from lanework.engines.lanes.program import Branch, LaneProgram, Stop
from lanework.machines.fleet.analysis.accesses import WRITES
from lanework.machines.fleet.analysis.disjoint import meet
from lanework.machines.fleet.analysis.effects import effects
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.native.family import Family, Kinds, family, looked_at
from lanework.machines.fleet.native.form import Form, TooLarge
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.words import anyhow
from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.state import Status

Entries = npt.NDArray[np.int64]
CHUNK = 1 << 14
"""Groups of phases that one call runs at most."""
NO_ENTRIES: Entries = np.zeros((0, len(abi.ENTRY)), np.int64)
TABLES = 8
"""Tables of launches that are kept for runs to come."""
PAIRED = 256
"""Accesses of a group above which not all pairs of them are looked at."""
HEAVY = 60_000
"""Operations of a routine above which it is not compiled, as that takes more than some seconds."""


class Groups:
    """The groups of phases of a schedule, each with its rows of the table if it runs natively.

    A group is a step whose barrier is wait_all, with the steps before it that run at the same time.

    Args:
        view: the program.
        settings: how it runs.
        record: whether all VMs are kept.
        births: whether VMs may start others.

    Attributes:
        forms: what is to be compiled.
        starts: the first step of each group.
        kinds: the kind of each group.
        rows: for each kind its launches, in the order of `abi.ENTRY`, or why it does not run.
    """

    def __init__(
        self, view: FleetView, settings: Settings, *, record: bool = False, births: bool = False
    ) -> None:
        self.view, self.settings, self.record = view, settings, record
        self._births = births
        self.forms: dict[Form, int] = {}
        self._programs: dict[Form, LaneProgram] = {}
        self.effects = effects(view, half=settings.storage == "f16")
        self._families: dict[tuple[int, ...], Family | None] = {}
        starts, kinds, known = [], [], dict[tuple[int, ...], int]()
        self.rows: list[Entries | str] = []
        self._entries: dict[tuple[int, int], tuple[Entries, int]] = {}
        step, schedule = 0, view.plan.schedule
        while step < len(schedule):
            steps = self.effects.together(step)
            phases = schedule[steps.start : steps.stop]
            if phases not in known:
                known[phases] = len(self.rows)
                self.rows.append(self._group(steps))
            starts.append(step)
            kinds.append(known[phases])
            step = steps.stop
        self.starts, self.kinds = np.array(starts, np.int64), np.array(kinds, np.int64)

    def _group(self, steps: range) -> Entries | str:
        """The launches of a group, with streams as numbers from its first step on."""
        reason = self._reason(steps) or self._unfit(steps)
        if reason:
            return reason
        for form in self._forms(steps):
            self.forms.setdefault(form, len(self.forms))
        rows, ordered = [], self.ordered(steps.start)
        for each in self._launches(steps):
            form, launch = self._form(each, ordered), each.launch
            stride = launch.stride if launch.strategy == "strided" else 1
            size, n = abi.unit(launch.count, self._program(form)), each.step - steps.start
            numbers = (self.forms[form], launch.count, each.slot, launch.base, stride, n)
            rows.append([*numbers, size, -(-launch.count // size), 0, 0, 0])
        return np.array(rows, np.int64).reshape(-1, len(abi.ENTRY))

    def _launches(self, steps: range) -> list[Allocated]:
        return [each for step in steps for each in self.view.allocation.steps[step]]

    def _reason(self, steps: range) -> str:
        """Why a group does not run natively, whatever its instructions are, or ""."""
        settings, verdict = self.settings, self.effects.verdict(steps.start)
        if settings.arithmetic == "trap":
            return "traps of arithmetic are for other engines"
        if settings.compose:
            return "several instructions are one matrix, and take one epoch"
        if verdict.conflict is not None:
            return verdict.conflict.reason
        kept = any(each.launch.keep or each.launch.resume for each in self._launches(steps))
        if self.overlap(steps.start) and kept:
            return "phases overlap of which VMs are kept"
        known = self.family(steps.start)
        return "" if known is None else self._no_family(steps, known)

    def _unfit(self, steps: range) -> str:
        """Why the code of a group does not run natively, or ""."""
        for form in self._forms(steps):
            reason = self._why_not(form)
            if reason:
                return reason
        overlap = self.overlap(steps.start)
        if (overlap or self.family(steps.start) is not None) and self._starves(steps):
            if overlap:
                return "phases overlap of which VMs may fault that come after some that never end"
            return "VMs start others of which one may fault, and one may never end"
        return ""

    def _no_family(self, steps: range, known: Family) -> str:
        """Why VMs cannot start others."""
        launches = self._launches(steps)
        if not self._births:
            return "VMs that start others are for the engine llvm"
        if self.overlap(steps.start):
            return "phases overlap of which VMs start others"
        if self.record or any(each.launch.keep or each.launch.resume for each in launches):
            return "VMs are kept of which some start others"
        return looked_at(self.view, known)

    def _starves(self, steps: range) -> bool:
        """Whether a VM may wait for one that never ends, and would end the run."""
        programs = list(map(self._program, self._forms(steps)))
        faults = any(abi.faults(block) for each in programs for block in each.blocks)
        return self.settings.on_fault == "stop" and faults and any(map(abi.loops, programs))

    def _forms(self, steps: range) -> list[Form]:
        """What is to be compiled for a group."""
        ordered = self.ordered(steps.start)
        out = [self._form(each, ordered) for each in self._launches(steps)]
        known = self.family(steps.start)
        born = () if known is None else known.entries
        return list(dict.fromkeys([*out, *(self._born(entry, ordered) for entry in born)]))

    def family(self, step: int) -> Family | None:
        """Which VMs start which in the group that begins with a step; None where none does."""
        steps = self.steps(step)
        phases = self.view.plan.schedule[steps.start : steps.stop]
        if phases not in self._families:
            entries = sorted({self.effects.flow.entry(each) for each in self._launches(steps)})
            self._families[phases] = family(self.view, entries)
        return self._families[phases]

    def born(self, step: int, known: Family) -> Kinds:
        """For the first instructions of VMs that others start: what is compiled of them."""
        forms = {entry: self._born(entry, self.ordered(step)) for entry in known.entries}
        return {entry: (self.forms[form], self._program(form)) for entry, form in forms.items()}

    def _born(self, entry: int, ordered: frozenset[int]) -> Form:
        bounds = self.settings.bounds == "fault"
        half = self.settings.storage == "f16"
        return Form(entry, bounds=bounds, half=half, ordered=ordered, born=True)

    def _form(self, allocated: Allocated, ordered: frozenset[int]) -> Form:
        launch = allocated.launch
        return Form(
            self.view.routines[launch.routine].entry,
            resume=bool(launch.resume),
            record=self.record or bool(launch.keep or launch.resume),
            bounds=self.settings.bounds == "fault",
            stride=launch.stride if launch.strategy == "strided" else 1,
            table=launch.strategy == "custom",
            half=self.settings.storage == "f16",
            ordered=ordered,
        )

    def _program(self, form: Form) -> LaneProgram:
        known = self._programs.get(form)
        if known is None:
            known = self._programs[form] = Lowering(self.view, form).program()
        return known

    def _why_not(self, form: Form) -> str:
        """Why a routine cannot be compiled."""
        try:
            reached = {node[-1] for node in Lowering(self.view, form).reached()}
        except TooLarge:
            return "calls within calls are too many to be written out"
        free = [ip for ip in reached if self.view.infos[ip].atomic and anyhow(self.effects, ip)]
        if form.record and free:
            return "VMs that are kept have what atomics gave them, in the order of epochs"
        reason = self._out_of_order(form)
        if not reason and weight(self._program(form), HEAVY) > HEAVY:
            reason = "to compile so many instructions, and ways between them, would take long"
        return reason

    def _out_of_order(self, form: Form) -> str:
        """Why what is to be done in the order of epochs cannot be done after all of them."""
        if not form.ordered:
            return ""
        infos = [self.view.infos[ip] for ip in form.ordered]
        names = {info.name for info in infos}
        writes = names <= WRITES
        known = self.effects.known
        if known is None or not form.ordered.isdisjoint(known.flow.cyclic):
            return "several VMs write the same words time and again, in the order of epochs"
        if not writes and (len(names) > 1 or infos[0].updates is None):
            return "several VMs write the same words in different ways, in the order of epochs"
        if not writes and form.record:
            return "VMs that are kept have what atomics gave them, in the order of epochs"
        if writes and names and self.settings.conflicts == "fault":
            return "several VMs write the same words, which is to be a fault"
        return ""

    def overlap(self, step: int) -> bool:
        """Whether steps of the group that begins with one wait for any of their batches."""
        plan = self.view.plan
        return any(
            plan.phases[plan.schedule[each]].barrier == "wait_any" for each in self.steps(step)
        )

    def begins(self, step: int, lengths: Sequence[int]) -> list[int]:
        """After how many epochs each launch begins of the group that begins with a step.

        Args:
            step: the step.
            lengths: how many epochs each of its launches takes.
        """
        plan, begin, out = self.view.plan, 0, list[int]()
        for each in self.steps(step):
            mine = lengths[len(out) : len(out) + len(self.view.allocation.steps[each])]
            out += [begin] * len(mine)
            if plan.phases[plan.schedule[each]].barrier == "wait_any":
                begin += min(mine, default=0)
        return out

    def ordered(self, step: int) -> frozenset[int]:
        """What the group that begins with a step does in the order of epochs, after all of them."""
        return self.effects.verdict(step).ordered

    @cached_property
    def written(self) -> list[tuple[int, int]]:
        """The words that the program may write: first ones, and those behind the last."""
        ends = []
        for ip in range(len(self.view.infos)):
            access = self.effects.access(ip)
            if access is not None and access.writes and access.first <= access.last:
                ends.append((access.first, access.last + 1))
        out: list[tuple[int, int]] = []
        for first, last in sorted(ends):
            if out and first <= out[-1][1]:
                out[-1] = out[-1][0], max(last, out[-1][1])
            else:
                out.append((first, last))
        return out

    @cached_property
    def overwritten(self) -> list[tuple[int, int]]:
        """Words that a program of one group writes, each of them, and that nothing there looks at.

        What they are before makes no difference: all VMs come to the end of straight routines.
        """
        if len(self.starts) != 1 or not self.all or self.overlap(0):
            return []
        launches = self._launches(self.steps(0))
        others = any(x.launch.strategy == "custom" or x.launch.resume for x in launches)
        if self.ordered(0) or self.family(0) is not None or others:
            return []
        forms = {self._form(each, frozenset()) for each in launches}
        if not all(_straight(self._program(form)) for form in forms):
            return []
        try:
            touches = self.effects.touches(launches)
        except OverflowError:
            return []
        if len(touches) > PAIRED:
            return []
        out = []
        for one in touches:
            more, span = launches[one.launch].launch.count - 1, one.span
            in_row = (span.factor, span.high, span.begin, span.end) == (1, span.low, 0, more)
            plain = one.access.inside and self.view.infos[one.ip].name in WRITES
            if in_row and plain and all(x is one or not meet(x.span, span, False) for x in touches):
                out.append((span.low, span.low + more + 1))
        return sorted(out)

    def steps(self, step: int) -> range:
        """The steps of the group that begins with one."""
        return self.effects.together(step)

    def why(self, step: int) -> str:
        """Why the group that begins at a step does not run natively, or ""."""
        rows = self.rows[int(self.kinds[np.searchsorted(self.starts, step, "right") - 1])]
        return rows if isinstance(rows, str) else ""

    def describe(self) -> Iterator[str]:
        """A line for each reason for which VMs that do not see each other run on the reference."""
        _, first = np.unique(self.kinds, return_index=True)
        reasons: dict[str, int] = {}
        for step in self.starts[np.sort(first)].tolist():
            if self.why(step) and self.effects.verdict(step).conflict is None:
                reasons.setdefault(self.why(step), self.view.plan.schedule[step])
        for reason, phase in reasons.items():
            yield f"phase {phase} runs on the reference: {reason}"

    @cached_property
    def _native(self) -> npt.NDArray[np.bool_]:
        kinds = np.array([not isinstance(rows, str) for rows in self.rows], np.bool_)
        return kinds[self.kinds]

    @cached_property
    def all(self) -> bool:
        """Whether all of them run natively."""
        return bool(self._native.all())

    @cached_property
    def _late(self) -> npt.NDArray[np.bool_]:
        """Which groups are calls of their own: they do something late, overlap, or start VMs."""
        kinds, firsts = np.unique(self.kinds, return_index=True)
        late = np.zeros(len(self.rows), np.bool_)
        steps = self.starts[firsts].tolist()
        late[kinds] = [
            bool(self.ordered(step) or self.family(step)) or self.overlap(step) for step in steps
        ]
        return late[self.kinds]

    @cached_property
    def _tables(self) -> npt.NDArray[np.bool_]:
        """Of which groups VMs have their numbers from a table."""
        plan = self.view.plan
        custom = [any(e.strategy == "custom" for e in phase.launches) for phase in plan.phases]
        steps = np.array(custom, np.bool_)[np.array(plan.schedule, np.intp)]
        return np.logical_or.reduceat(steps, self.starts) if len(self.starts) else steps

    @property
    def longest(self) -> int:
        """Rows that a table of launches has at most."""
        rows = [len(each) for each in self.rows if not isinstance(each, str)]
        return max(rows, default=0) * min(CHUNK, len(self.starts))

    def entries(self, step: int, most: int) -> tuple[Entries, int]:
        """The table of launches from a step on, and how many steps it has; 0 if none is native.

        Args:
            step: the first.
            most: groups at most.
        """
        known = self._entries.get((step, most))
        if known is None:
            known = self._listed(step, most)
            if len(self._entries) < TABLES:
                self._entries[step, most] = known
        return known[0].copy(), known[1]  # the caller's own

    def _listed(self, step: int, most: int) -> tuple[Entries, int]:
        first = int(np.searchsorted(self.starts, step))
        if first == len(self.starts) or self.starts[first] != step:
            return NO_ENTRIES, 0
        others = np.flatnonzero(~self._native[first : first + most])
        count = int(others[0]) if len(others) else min(most, len(self.starts) - first)
        tables = np.flatnonzero(self._tables[first : first + count])
        if len(tables):  # which what runs before may write
            count = max(int(tables[0]), 1)
        late = np.flatnonzero(self._late[first : first + count])
        if len(late):
            count = max(int(late[0]), 1)
        if not count:
            return NO_ENTRIES, 0
        kinds = [self.rows[kind] for kind in self.kinds[first : first + count].tolist()]
        parts = [rows for rows in kinds if not isinstance(rows, str)]
        rows = np.concatenate(parts)
        group = np.repeat(np.arange(count), [len(part) for part in parts])
        column = {name: rows[:, n] for n, name in enumerate(abi.ENTRY)}
        ends = np.cumsum(column["units"])
        column["stream"] += self.starts[first + group]
        column["first"][:] = ends - column["units"]
        begins = np.searchsorted(group, np.arange(count))
        column["wait"][:] = column["first"][begins][group]
        column["phase"][:] = group
        last = first + count
        end = self.starts[last] if last < len(self.starts) else len(self.view.plan.schedule)
        return rows, int(end) - step


def _straight(program: LaneProgram) -> bool:
    """Whether all lanes come to each step, once, and then end as they should."""
    ends = [block.end for block in program.blocks]
    stops = [end for end in ends if isinstance(end, Stop)]
    right = all(not end.fault and end.status != Status.BLOCKED for end in stops)
    return len(stops) == 1 and right and not any(isinstance(end, Branch) for end in ends)
