"""Names: what each formula refers to, the order that follows, and loops within a period.

Written without recursion, so that a chain of 100,000 nodes is no problem.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import CYCLE, CYCLE_OVER_TIME, NO_CALENDAR, UNKNOWN_NAME
from lanework.machines.series.isa import SHIFTS
from lanework.machines.series.language import calendar
from lanework.machines.series.language.expression import NAME, Expr
from lanework.machines.series.language.functions import AGGREGATES, signatures
from lanework.machines.series.language.instead import of_name
from lanework.machines.series.language.nodes import RESERVED, Formula

OVER_ALL_TIME = frozenset(function.name for function in AGGREGATES)


def order_formulas(
    formulas: Mapping[str, Formula],
    leaves: Iterable[str],
    roots: Sequence[str],
    dated: bool,
    circular: Collection[str] = (),
) -> list[Formula]:
    """The formulas that the roots need, each after those whose value of the period it needs.

    `leaves` are the names of the inputs; a model that is `dated` has a calendar. Those that are
    `circular` are taken as known, and come after what needs them.

    Raises:
        Diagnostic: LW3003 for names that do not exist, LW3009 for a loop within one period,
            LW3010 for one through an aggregate, LW3017 for calendar columns without a calendar.
    """
    done = {*leaves, *RESERVED, *(calendar.COLUMNS if dated else ())}.difference(formulas)

    def find(formula: Formula, name: str) -> Formula:
        """The formula of a name that another one uses."""
        if name not in formulas:
            raise _unknown(formula, name, {*done, *formulas}, dated)
        return formulas[name]

    unread = {*circular}.intersection(formulas)
    done |= unread
    ordered: list[Formula] = []
    waiting = list(reversed(roots))
    while waiting:
        root = waiting.pop()
        if root in done and root not in unread:
            continue
        unread.discard(root)
        path = [(formulas[root], iter(formulas[root].now))]
        active = {root}
        while path:
            formula, names = path[-1]
            for name in names:
                if name not in done:
                    break
            else:
                path.pop()
                active.discard(formula.name)
                done.add(formula.name)
                ordered.append(formula)
                waiting += [find(formula, name).name for name in formula.later if name not in done]
                waiting += [name for name in (*formula.now, *formula.later) if name in unread]
                continue
            if name in active:
                raise _cycle([step for step, _ in path], name)
            needed = find(formula, name)
            path.append((needed, iter(needed.now)))
            active.add(name)
    return ordered


def loop_of(formulas: Mapping[str, Formula], name: str) -> set[str]:
    """The nodes of loops within a period that a node is on; none if it is on none."""
    users: dict[str, list[str]] = {}
    needed, waiting = set[str](), [name]
    while waiting:  # what it needs
        user = waiting.pop()
        for each in formulas[user].now:
            users.setdefault(each, []).append(user)
            if each in formulas and each not in needed:
                needed.add(each)
                waiting.append(each)
    loop, waiting = set[str](), [name]
    while waiting:  # of that what needs it
        new = set(users.get(waiting.pop(), ())) - loop
        loop |= new
        waiting += new
    return loop


def _unknown(formula: Formula, name: str, names: Iterable[str], dated: bool) -> Diagnostic:
    place = next(
        (s.span for s in formula.expr.walk() if s.head == NAME and s.value == name and s.place),
        None,
    )
    if name in calendar.COLUMNS and not dated:
        what = f"`{name}` in the formula of `{formula.name}` needs a calendar"
        help = "give the model start= and freq="
        return formula.blamed(Diagnostic(NO_CALENDAR, what, span=place, help=help))
    error = Diagnostic(
        UNKNOWN_NAME,
        f"the formula of `{formula.name}` names `{name}`, which the model does not have",
        span=place,
        help=of_name(name, signatures())
        or did_you_mean(name, names)
        or "define it as an input or a formula",
    )
    return formula.blamed(error)


def _cycle(path: list[Formula], name: str) -> Diagnostic:
    """The diagnostic for a loop within one period, node by node."""
    first = next(i for i, formula in enumerate(path) if formula.name == name)
    loop = path[first:]
    names = [formula.name for formula in loop]
    around = [*names, names[0]]
    shown = " -> ".join(around)
    notes = [f"{formula.name} = {formula.shown}" for formula in loop]
    if any(_only_aggregated(f.expr, needed) for f, needed in zip(loop, around[1:], strict=True)):
        error = Diagnostic(
            CYCLE_OVER_TIME,
            f"these nodes need each other through a value of the whole of time: {shown}",
            span=loop[0].expr.span,
            help="a total, minimum, maximum, last or at cannot be part of its own history",
            notes=notes,
        )
        return loop[0].blamed(error)
    error = Diagnostic(
        CYCLE,
        f"these nodes need each other within one period: {shown}"
        if len(loop) > 1
        else f"`{names[0]}` needs its own value of the same period",
        span=loop[0].expr.span,
        help=f"take one of them a period earlier, for example prev({names[0]}), or let the loop be "
        f"solved: model.circular({names[0]!r}), which is circular({names[0]}) in a model file",
        notes=notes,
    )
    return loop[0].blamed(error)


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
