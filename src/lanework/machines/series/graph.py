"""What depends on what: the order of nodes, loops within a period, and loops through time.

Loops are found with Tarjan's algorithm (Tarjan 1972, "Depth-first search and linear graph
algorithms"), written without recursion so that a chain of 100,000 nodes is no problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series import calendar
from lanework.machines.series.codes import CYCLE, CYCLE_OVER_TIME, NO_CALENDAR, UNKNOWN_NAME
from lanework.machines.series.expression import LABEL, LOOKUP, NAME, Expr
from lanework.machines.series.values import FOLDS, SHIFTS, Values

RESERVED = ("t", "periods")
OVER_ALL_TIME = frozenset(("total", "minimum", "maximum", "last", "at"))

STRAIGHT, FORWARD, BACKWARD = 0, 1, 2


class Formula:
    """A node with a formula, and what the formula refers to.

    Attributes:
        now: names whose value of the same period (or of all time) it needs, in order.
        later: names that it sees only through `prev` or `lead`.
        special: whether it holds lookups or labels, which need more care.
    """

    __slots__ = ("doc", "expr", "kind", "later", "name", "now", "special", "text", "unit")

    def __init__(
        self, name: str, expr: Expr, unit: str | None, kind: str | None, doc: str, text: str | None
    ) -> None:
        self.name = name
        self.expr = expr
        self.unit = unit
        self.kind = kind
        self.doc = doc
        self.text = text
        now: dict[str, None] = {}
        later: dict[str, None] = {}
        special = False
        seen: set[tuple[int, bool]] = set()
        stack: list[tuple[Expr, bool]] = [(expr, False)]
        while stack:
            step, shifted = stack.pop()
            head = step.head
            if head == NAME:
                (later if shifted else now)[step.value] = None
                continue
            if head in (LABEL, LOOKUP):
                special = True
            args = step.args
            if not args:
                continue
            key = (id(step), shifted)
            if key in seen:
                continue
            seen.add(key)
            if head in SHIFTS:
                stack.append((args[1], shifted))
                stack.append((args[0], True))
            else:
                stack.extend([(arg, shifted) for arg in reversed(args)])
        self.now = tuple(now)
        self.later = tuple(later)
        self.special = special

    @property
    def shown(self) -> str:
        """The formula as a person wrote it, or as text made from the tree."""
        return self.text if self.text is not None else str(self.expr)


def order_formulas(
    formulas: Mapping[str, Formula], leaves: Iterable[str], roots: Sequence[str], dated: bool
) -> list[Formula]:
    """The formulas that the roots need, each after those whose value of the period it needs.

    Args:
        formulas: every formula of the model.
        leaves: the names of the inputs.
        roots: the nodes to compute.
        dated: whether the model has a calendar.

    Raises:
        Diagnostic: LW3003 for names that do not exist, LW3009 for a loop within one period,
            LW3010 for one through an aggregate, LW3017 for calendar columns without a calendar.
    """
    known = {*leaves, *RESERVED}
    if dated:
        known.update(calendar.COLUMNS)
    done: set[str] = set()
    ordered: list[Formula] = []
    waiting = list(reversed(roots))
    while waiting:
        root = waiting.pop()
        if root in done or root not in formulas:
            continue
        path: list[tuple[Formula, int]] = [(formulas[root], 0)]
        active = {root}
        while path:
            formula, next_one = path.pop()
            needs = formula.now
            pushed = False
            while next_one < len(needs):
                name = needs[next_one]
                next_one += 1
                if name in done:
                    continue
                needed = formulas.get(name)
                if needed is None:
                    if name not in known:
                        raise _unknown(formula, name, formulas, known, dated)
                    continue
                path.append((formula, next_one))
                if name in active:
                    raise _cycle([step for step, _ in path], name)
                path.append((needed, 0))
                active.add(name)
                pushed = True
                break
            if pushed:
                continue
            active.discard(formula.name)
            done.add(formula.name)
            ordered.append(formula)
            for name in formula.later:
                if name in formulas:
                    waiting.append(name)
                elif name not in known:
                    raise _unknown(formula, name, formulas, known, dated)
    return ordered


def _unknown(
    formula: Formula,
    name: str,
    formulas: Mapping[str, Formula],
    known: Iterable[str],
    dated: bool,
) -> Diagnostic:
    place = next(
        (s.span for s in formula.expr.walk() if s.head == NAME and s.value == name and s.place),
        None,
    )
    if name in calendar.COLUMNS and not dated:
        return Diagnostic(
            NO_CALENDAR,
            f"`{name}` in the formula of `{formula.name}` needs a calendar",
            span=place,
            help="give the model start= and freq=",
        )
    names = [*known, *formulas]
    return Diagnostic(
        UNKNOWN_NAME,
        f"the formula of `{formula.name}` names `{name}`, which the model does not have",
        span=place,
        help=did_you_mean(name, names) or "define it as an input or a formula",
    )


def _cycle(path: list[Formula], name: str) -> Diagnostic:
    """The diagnostic for a loop within one period, node by node."""
    first = next(i for i, formula in enumerate(path) if formula.name == name)
    loop = path[first:]
    names = [formula.name for formula in loop]
    aggregated = any(
        _only_aggregated(formula.expr, needed)
        for formula, needed in zip(loop, [*names[1:], names[0]], strict=True)
    )
    shown = " -> ".join([*names, names[0]])
    notes = [f"{formula.name} = {formula.shown}" for formula in loop]
    if aggregated:
        return Diagnostic(
            CYCLE_OVER_TIME,
            f"these nodes need each other through a value of the whole of time: {shown}",
            span=loop[0].expr.span,
            help="a total, minimum, maximum, last or at cannot be part of its own history",
            notes=notes,
        )
    return Diagnostic(
        CYCLE,
        f"these nodes need each other within one period: {shown}"
        if len(loop) > 1
        else f"`{names[0]}` needs its own value of the same period",
        span=loop[0].expr.span,
        help=f"take one of them a period earlier, for example prev({names[0]})",
        notes=notes,
    )


def _only_aggregated(expr: Expr, name: str) -> bool:
    """Whether every use of a name, in the same period, is inside an aggregate."""
    stack = [(expr, False)]
    while stack:
        step, inside = stack.pop()
        if step.head == NAME and step.value == name and not inside:
            return False
        args = step.args[1:] if step.head in SHIFTS else step.args
        inside = inside or step.head in OVER_ALL_TIME
        stack.extend((arg, inside) for arg in args)
    return True


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
    # Even stages are straight, odd ones are walks.
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
        level = 1
        for member in component:
            for arg in all_args[member]:
                if arg not in inside:
                    at = stage.get(arg, 0)
                    if at % 2 == 0:
                        at += 1
                    elif direction[arg] != kind:
                        at += 2
                    level = max(level, at)
        for member in component:
            stage[member] = level
            direction[member] = kind
    first: set[int] = set()
    if horizon is not None:
        first.update(v for v, wanted in enumerate(needed_values(values, [horizon])) if wanted)
    buckets: dict[tuple[int, bool, int], list[int]] = {}
    for value in sorted(stage):
        level = stage[value]
        kind = direction[value] if level & 1 else STRAIGHT
        buckets.setdefault((level, value not in first, kind), []).append(value)
    out: list[Segment] = []
    for (_, _, kind), members in sorted(buckets.items()):
        if out and kind == STRAIGHT and out[-1].kind == STRAIGHT:
            out[-1].values.extend(members)
        else:
            out.append(Segment(kind, members))
    return out


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
    index = [0] * size  # 0: not met yet
    reach = [0] * size
    on_stack = [False] * size
    stack: list[int] = []
    counter = 0
    for root in range(size):
        if index[root] or not needed[root + low]:
            continue
        counter += 1
        index[root] = reach[root] = counter
        stack.append(root)
        on_stack[root] = True
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
                    on_stack[other] = True
                    work.append((other, iter(all_args[operand])))
                    break
                if on_stack[other] and index[other] < reach[value]:
                    reach[value] = index[other]
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    if reach[value] < reach[above]:
                        reach[above] = reach[value]
                if reach[value] == index[value]:
                    member = stack.pop()
                    on_stack[member] = False
                    if member == value and value + low not in all_args[value + low]:
                        yield value + low
                        continue
                    loop = [member + low]
                    while member != value:
                        member = stack.pop()
                        on_stack[member] = False
                        loop.append(member + low)
                    loop.sort()
                    yield loop


def _direction(values: Values, loop: list[int]) -> int:
    """Which way a loop walks through time."""
    inside = set(loop)
    closing = {"prev": -1, "lead": -1}
    for value in loop:
        op = values.ops[value]
        if op in SHIFTS and values.args[value][0] in inside:
            closing[op] = value
        elif op in FOLDS:
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
