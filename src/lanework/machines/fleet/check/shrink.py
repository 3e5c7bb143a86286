"""A smaller program that still does what a larger one does: for what the fuzzer finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec

from lanework.core.program.isa import Instruction
from lanework.core.program.program import Program
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine, launches

Test = Callable[[Program], bool]


def shrink(program: Program, holds: Test) -> Program:
    """A program with less in it, of which the test still holds.

    Args:
        program: one of which it holds.
        holds: it is asked of programs that the verifier takes.
    """
    again = True
    while again:
        again = False
        for smaller in (_plans, _instructions):
            while (less := _first(program, smaller, holds)) is not None:
                again, program = True, less
    return program


def _first(
    program: Program, smaller: Callable[[FleetView], Iterator[Program]], holds: Test
) -> Program | None:
    every = smaller(FleetView.of(program))
    return next((each for each in every if not each.problems() and holds(each)), None)


def remade(
    view: FleetView,
    code: Sequence[Instruction] | None = None,
    routines: Sequence[Routine] | None = None,
    plan: Plan | None = None,
) -> Program:
    """A program with some parts replaced."""
    return package(
        view.instructions if code is None else code,
        view.routines if routines is None else routines,
        view.plan if plan is None else plan,
        state=view.profile.name,
        shared=view.shared,
        epsilon=view.epsilon,
        convention=view.convention,
        depth=view.depth,
        buffers=view.buffers,
    )


def _plans(view: FleetView) -> Iterator[Program]:
    """Fewer steps, launches, VMs and routines."""
    plan = view.plan
    for n in range(len(plan.schedule)):
        yield remade(view, plan=replace(plan, schedule=plan.schedule[:n] + plan.schedule[n + 1 :]))
    for n, phase in enumerate(plan.phases):
        for fewer in _launches(phase.launches):
            phases = (*plan.phases[:n], Phase(phase.barrier, fewer), *plan.phases[n + 1 :])
            yield remade(view, plan=replace(plan, phases=phases))
    for phases in _groups(plan):
        yield remade(view, plan=replace(plan, phases=phases))
    for n in sorted(set(range(len(plan.phases))) - set(plan.schedule)):
        phases = plan.phases[:n] + plan.phases[n + 1 :]
        schedule = tuple(step - (step > n) for step in plan.schedule)
        yield remade(view, plan=replace(plan, phases=phases, schedule=schedule))
    if plan.spawn:
        yield remade(view, plan=replace(plan, spawn=plan.spawn // 2))
    begun = {launch.routine for launch in launches(plan)}
    for n in sorted(set(range(len(view.routines))) - begun):
        yield from _without_routine(view, n)


def _launches(every: tuple[Launch, ...]) -> Iterator[tuple[Launch, ...]]:
    """One launch less, or one with fewer VMs."""
    for n, launch in enumerate(every):
        yield every[:n] + every[n + 1 :]
        for count in _fewer(launch.count):
            less = msgspec.structs.replace(launch, count=count)
            yield (*every[:n], less, *every[n + 1 :])


def _groups(plan: Plan) -> Iterator[tuple[Phase, ...]]:
    """Fewer VMs that are kept, in all launches of them."""
    for name, first in {each.keep: each for each in launches(plan) if each.keep}.items():
        for count in _fewer(first.count):

            def less(each: Launch, name: str = name, count: int = count) -> Launch:
                of_it = name in (each.keep, each.resume)
                return msgspec.structs.replace(each, count=count) if of_it else each

            yield _relaunched(plan, less)


def _relaunched(plan: Plan, change: Callable[[Launch], Launch]) -> tuple[Phase, ...]:
    return tuple(Phase(each.barrier, tuple(map(change, each.launches))) for each in plan.phases)


def _fewer(count: int) -> list[int]:
    return [less for less in (1, count // 2, count - 1) if 0 < less < count]


def _without_routine(view: FleetView, number: int) -> Iterator[Program]:
    """The program without a routine, if nothing leads to it."""
    routine = view.routines[number]
    inside = range(routine.entry, routine.entry + routine.count)
    cut = _cut(view, inside)
    if cut is not None:
        phases = _relaunched(
            view.plan,
            lambda each: msgspec.structs.replace(
                each, routine=each.routine - (each.routine > number)
            ),
        )
        yield remade(view, *cut, replace(view.plan, phases=phases))


def _instructions(view: FleetView) -> Iterator[Program]:
    """Fewer instructions, long stretches of them first."""
    count = len(view.instructions)
    size = count // 2
    while size:
        for begin in range(0, count, size):
            cut = _cut(view, range(begin, min(begin + size, count)))
            if cut is not None and all(routine.count for routine in cut[1]):
                yield remade(view, *cut)
        size //= 2


def _cut(view: FleetView, removed: range) -> tuple[list[Instruction], list[Routine]] | None:
    """Code and routines without these instructions; what led to one leads to the one after."""

    def moved(number: int) -> int:
        return number - min(max(number - removed.start, 0), len(removed))

    code = []
    for number, (info, each) in enumerate(zip(view.infos, view.instructions, strict=True)):
        if number in removed:
            continue
        if info.target is not None:
            values = info.values(each)
            values["target"] = moved(values["target"])
            each = info.make(**values)
        code.append(each)
    routines = []
    for routine in view.routines:
        entry, end = moved(routine.entry), moved(routine.entry + routine.count)
        if end > entry:
            routines.append(Routine(routine.name, entry, end - entry))
    return (code, routines) if code else None
