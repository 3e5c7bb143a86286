"""Walks over time: which values form recurrences, which way they run, and in what order.

Loops are found with Tarjan's algorithm (Tarjan 1972, "Depth-first search and linear graph
algorithms"), written without recursion so that a chain of 100,000 nodes is no problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic
from lanework.machines.series.codes import CYCLE_OVER_TIME
from lanework.machines.series.isa import AGGREGATES, SHIFTS
from lanework.machines.series.layout import BACKWARD, FORWARD, STRAIGHT
from lanework.machines.series.passes.values import Values


@dataclass(frozen=True)
class Segment:
    """A run of instructions: straight over whole columns, or in a walk over time."""

    kind: int
    values: list[int]


def needed_values(values: Values, roots: Iterable[int]) -> list[bool]:
    """Which values the roots depend on."""
    needed = [False] * len(values.ops)
    stack = list(roots)
    args = values.args
    while stack:
        value = stack.pop()
        if not needed[value]:
            needed[value] = True
            stack.extend(args[value])
    return needed


def segments(values: Values, needed: Sequence[bool], horizon: int | None) -> list[Segment]:
    """Cut the needed values into straight segments and walks over time, as few as may be.

    Values outside loops are put as early as their operands allow; recurrences that need nothing
    in between share a walk. What the horizon needs comes first.

    Raises:
        Diagnostic: LW3010 for a loop that cannot be walked in one direction.
    """
    stage, direction = _stages(values, needed)
    first: set[int] = set()
    if horizon is not None:
        first.update(v for v, wanted in enumerate(needed_values(values, [horizon])) if wanted)
    buckets: dict[tuple[int, bool, int], list[int]] = {}
    for value, level in stage.items():  # operands first, as the components came
        kind = direction[value] if level & 1 else STRAIGHT
        buckets.setdefault((level, value not in first, kind), []).append(value)
    out: list[Segment] = []
    for (_, _, kind), members in sorted(buckets.items()):
        if out and kind == STRAIGHT and out[-1].kind == STRAIGHT:
            out[-1].values.extend(members)
        else:
            out.append(Segment(kind, members))
    return out


def _stages(values: Values, needed: Sequence[bool]) -> tuple[dict[int, int], dict[int, int]]:
    """For each value its stage, and for those in loops which way they walk.

    Even stages are straight, odd ones are walks.
    """
    stage: dict[int, int] = {}
    direction: dict[int, int] = {}
    all_args = values.args
    for component in components(values, needed):
        if isinstance(component, int):
            args = all_args[component]
            if args:
                level = 0
                for arg in args:
                    at = stage.get(arg, 0)
                    at += at & 1
                    if at > level:
                        level = at
                stage[component] = level
            continue
        kind = _direction(values, component)
        inside = set(component)
        outer = {arg for member in component for arg in all_args[member]} - inside
        level = max(
            (_walk_after(stage.get(arg, 0), direction.get(arg), kind) for arg in outer), default=1
        )
        for member in component:
            stage[member] = level
            direction[member] = kind
    return stage, direction


def _walk_after(stage: int, direction: int | None, kind: int) -> int:
    """The first walk this way in which a value of a stage can be used."""
    return stage + 1 if stage % 2 == 0 else stage if direction == kind else stage + 2


def components(values: Values, needed: Sequence[bool]) -> Iterator[int | list[int]]:
    """The needed values, operands first; those of a loop together, as one sorted list.

    Only `prev` and `lead` look at values with a higher number, so loops lie within the ranges
    between such a value and what it looks at, and only these ranges are searched.
    """
    ranges: list[list[int]] = []
    for value, op in enumerate(values.ops):
        if op in SHIFTS and needed[value]:
            seen = values.args[value][0]
            if seen >= value:
                if ranges and value <= ranges[-1][1]:
                    ranges[-1][1] = max(ranges[-1][1], seen)
                else:
                    ranges.append([value, seen])
    at = 0
    for low, high in ranges:
        yield from (value for value in range(at, low) if needed[value])
        yield from _tarjan(values.args, needed, low, high)
        at = high + 1
    yield from (value for value in range(at, len(values.ops)) if needed[value])


def _tarjan(
    all_args: Sequence[tuple[int, ...]], needed: Sequence[bool], low: int, high: int
) -> Iterator[int | list[int]]:
    """Strongly connected components among the values from `low` to `high`, operands first."""
    size = high - low + 1
    index = [0] * size  # 0: not met yet; beyond the size: in a component
    reach = [0] * size
    stack: list[int] = []
    counter = 0
    for root in range(size):
        if index[root] or not needed[root + low]:
            continue
        counter += 1
        index[root] = reach[root] = counter
        stack.append(root)
        work = [(root, iter(all_args[root + low]))]
        while work:
            value, operands = work[-1]
            for operand in operands:
                other = operand - low
                if other < 0 or other >= size:
                    continue
                if not index[other]:
                    counter += 1
                    index[other] = reach[other] = counter
                    stack.append(other)
                    work.append((other, iter(all_args[operand])))
                    break
                if index[other] < reach[value]:
                    reach[value] = index[other]
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    if reach[value] < reach[above]:
                        reach[above] = reach[value]
                if reach[value] == index[value]:
                    loop = _component(stack, index, value, low)
                    alone = len(loop) == 1 and loop[0] not in all_args[loop[0]]
                    yield loop[0] if alone else loop


def _component(stack: list[int], index: list[int], first: int, low: int) -> list[int]:
    """Take the component whose first member is `first` off the stack."""
    members: list[int] = []
    while not members or members[-1] != first + low:
        member = stack.pop()
        index[member] = len(index) + 1
        members.append(member + low)
    members.sort()
    return members


def _direction(values: Values, loop: list[int]) -> int:
    """Which way a loop walks through time."""
    inside = set(loop)
    closing = {"prev": -1, "lead": -1}
    for value in loop:
        op = values.ops[value]
        if op in SHIFTS and values.args[value][0] in inside:
            closing[op] = value
        elif op in AGGREGATES:
            raise _both_ways(values, inside, [value], "a value of the whole of time")
    if closing["prev"] >= 0 and closing["lead"] >= 0:
        raise _both_ways(values, inside, list(closing.values()), "both prev and lead")
    return FORWARD if closing["prev"] >= 0 else BACKWARD


def _both_ways(values: Values, inside: set[int], through: list[int], what: str) -> Diagnostic:
    """The diagnostic for a loop that has no direction, naming the nodes along it."""
    path: list[int] = []
    for start, end in zip(through, [*through[1:], through[0]], strict=True):
        path += _walk(values, inside, start, end)
    names = [values.owners[value] for value in path]
    names = [name for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    if len(names) == 1:
        names.append(names[0])
    shown = " -> ".join(names)
    expr = values.exprs[through[0]]
    return Diagnostic(
        CYCLE_OVER_TIME,
        f"a loop of nodes goes through {what}: {shown}",
        span=expr.span if expr is not None else None,
        help="a recurrence runs either forwards or backwards; cut the loop at one of these nodes",
    )


def _walk(values: Values, inside: set[int], start: int, end: int) -> list[int]:
    """Values along a shortest way from `start` to an operand that is `end`, both included."""
    came: dict[int, int] = {}
    queue = [start]
    for value in queue:
        for arg in values.args[value]:
            if arg in inside and arg not in came:
                came[arg] = value
                queue.append(arg)
        if end in came:
            break
    way = [end]
    while way[-1] != start or len(way) == 1:
        way.append(came[way[-1]])
    return way[::-1]
