"""Derivatives as values of the same graph: what forward and reverse mode have in common.

An op of the table says its partial derivatives; here is what a product with one of them is, what
a lookup's is, and where a fold over time has its value from. At a tie, or on a knot, a derivative
is that of the branch which was taken, or of the segment to the right.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lanework.core.ops.bodies.arithmetic import abs_, add, floor, max_, min_, mul, neg, sub
from lanework.core.ops.bodies.logic import choose, eq, ge, lt
from lanework.core.ops.op import Op, Term
from lanework.core.ops.rules import COMPARE, KEEP, LEAST, LOGIC, SUM
from lanework.core.ops.table import ARITH
from lanework.machines.series.isa import EXTREMES, SHIFTS
from lanework.machines.series.language.tables import KeyDim
from lanework.machines.series.passes.values import (
    INPUT,
    PERIODS,
    TIME,
    TableData,
    Values,
)
from lanework.machines.series.passes.walks import needed_values


def dependent(
    values: Values, leaves: Iterable[int], roots: Iterable[int], within: bool = False
) -> list[bool]:
    """Which of the values that the roots need depend on these leaves, or do `within` a period."""
    needed = needed_values(values, roots)
    users: list[list[int]] = [[] for _ in values.ops]
    for value, args in enumerate(values.args):
        if needed[value]:
            for arg in args[1:] if within and values.ops[value] in SHIFTS else args:
                users[arg].append(value)
    active = [False] * len(values.ops)
    stack = [leaf for leaf in leaves if needed[leaf]]
    while stack:
        value = stack.pop()
        if not active[value]:
            active[value] = True
            stack += users[value]
    return active


class Timed:
    """Whether values vary over time, kept up with a graph that grows."""

    def __init__(self, values: Values, timed_input: Callable[[str], bool]) -> None:
        self._values, self._timed_input = values, timed_input
        self._known: list[bool] = []

    def __getitem__(self, value: int) -> bool:
        values, known = self._values, self._known
        for each in range(len(known), len(values.ops)):
            op, args = values.ops[each], values.args[each]
            if op in SHIFTS or op == TIME:
                varies = True
            elif op == INPUT:
                varies = self._timed_input(values.settings[each])
            else:
                varies = op not in FOLDS and any(known[arg] for arg in args)
            known.append(varies)
        return known[value]


def sum_over_time(values: Values, timed: Timed) -> None:
    """Make sums over time of running sums from 0 of which only the last value is read.

    Their derivative is the same in each period, and takes no recurrence. Not where lanes end at
    times of their own: a lane without periods has no last value, and a sum.
    """
    users = Counter(arg for args in values.args for arg in args)
    for value, op in enumerate(values.ops):
        total = values.args[value][0] if op == "last" else value
        if total == value or values.ops[total] != add.name or users[total] != 2:
            continue
        for before, part in (values.args[total], values.args[total][::-1]):
            runs = values.ops[before] == "prev" and values.settings[before] == 1
            if runs and values.args[before] == (total, values.const(0.0)) and timed[part]:
                values.ops[value], values.args[value] = "tsum", (part,)


def none_of_none(values: Values, output: int, value: int) -> int:
    """A derivative, NaN where a loop without a solution makes the output NaN.

    By the chain rule alone it may be 0 there: no change of a slope times NaN is written as none.
    """
    none, needed = values.const(math.nan), needed_values(values, [output])
    if not any(
        op == choose.name and none in args and there
        for op, args, there in zip(values.ops, values.args, needed, strict=False)
    ):
        return value
    there = values.apply(eq.name, (output, output))
    return values.apply(choose.name, (there, value, none))


def _plain(op: Op) -> bool:
    """Whether an op makes finite numbers of finite ones."""
    return op in (mul, choose) or op.units in (SUM, KEEP, LEAST, COMPARE, LOGIC)


class Derivatives:
    """What both directions write values with.

    Args:
        values: the graph.
        timed: which of its values vary over time.
        ragged: whether lanes end at times of their own.

    Attributes:
        unsure: whether a slope may be written as 0 only because no change was multiplied by one
            that is not finite.
    """

    def __init__(self, values: Values, timed: Timed, ragged: bool) -> None:
        self.values, self.timed, self.ragged = values, timed, ragged
        self.unsure = False
        self._tables: dict[tuple[int, bool], int] = {}
        self._risky: list[bool] = []
        self.zero, self.one = values.const(0.0), values.const(1.0)

    def term(self, term: Term, args: Sequence[int], result: int) -> int:
        """The value of a partial derivative."""
        if term.op is not None:
            parts = tuple(self.term(each, args, result) for each in term.args)
            return self.values.apply(term.op.name, parts)
        if term.index is not None:
            return result if term.index < 0 else args[term.index]
        return self.values.const(float(term.value or 0.0))

    def times(self, partial: Term, args: Sequence[int], result: int, change: int) -> int:
        """A change times a partial derivative; no change times an infinite one is none.

        Signs go before products and choices, so that sums can subtract.
        """
        apply, op = self.values.apply, partial.op
        if self.values.ops[change] == neg.name:
            (against,) = self.values.args[change]
            return apply(neg.name, (self.times(partial, args, result, against),))
        if op is None and partial.value in (1.0, -1.0):
            return change if partial.value == 1.0 else apply(neg.name, (change,))
        if op is not None and op.units == COMPARE:  # the branch that was taken
            return apply(choose.name, (self.term(partial, args, result), change, self.zero))
        if op is sub and partial.args[0].value == 1.0:
            taken = partial.args[1]
            if taken.op is not None and taken.op.units == COMPARE:
                return apply(choose.name, (self.term(taken, args, result), self.zero, change))
        slope = self.term(partial, args, result)
        less = self.values.ops[slope] == neg.name
        if less:
            (slope,) = self.values.args[slope]
        if self._finite(partial, args, result):
            product = apply(mul.name, (change, slope))
        else:
            self.unsure = True
            product = self.guard(change, slope)
        return apply(neg.name, (product,)) if less else product

    def guard(self, change: int, slope: int) -> int:
        """A change times a slope that may be infinite: no change is none then too."""
        apply = self.values.apply
        none = apply(eq.name, (change, self.zero))
        return apply(choose.name, (none, self.zero, apply(mul.name, (change, slope))))

    def parts_of(self, pair: tuple[int, int], first: int, second: int) -> tuple[int, int]:
        """What comes of changes of the two operands of a guarded product.

        Where there is no change, that of the slope counts for nothing, and its own for something if
        the slope is finite.
        """
        apply, (change, slope) = self.values.apply, pair
        none = apply(eq.name, (change, self.zero))
        size = apply(abs_.name, (slope,))
        finite = apply(lt.name, (size, self.values.const(math.inf)))
        stays = apply(choose.name, (finite, self.zero, none))
        own, other = self.guard(first, slope), self.guard(second, change)
        return (
            apply(choose.name, (stays, self.zero, own)),
            apply(choose.name, (none, self.zero, other)),
        )

    def guarded(self, value: int) -> tuple[int, int] | None:
        """The change and the slope of which a value is the guarded product, if it is one.

        It is a product, and has derivatives as such, where there is no change too.
        """
        ops, args = self.values.ops, self.values.args
        if ops[value] != choose.name:
            return None
        test, none, product = args[value]
        if none != self.zero or ops[product] != mul.name or ops[test] != eq.name:
            return None
        for change, slope in (args[product], args[product][::-1]):
            if {change, self.zero} == {*args[test]}:
                return change, slope
        return None

    def _finite(self, term: Term, args: Sequence[int], result: int) -> bool:
        """Whether a partial is finite, small numbers given, in branches that are not taken too."""
        if term.op is not None:
            return _plain(term.op) and all(self._finite(each, args, result) for each in term.args)
        if term.index is None:
            return True
        return not self.risky(result if term.index < 0 else args[term.index])

    def risky(self, value: int) -> bool:
        """Whether a value, or what it is made of, comes from a division, a logarithm or the like.

        In a branch that is not taken it may be infinite or NaN.
        """
        if len(self._risky) <= value:
            values = self.values
            begin = [v for v, op in enumerate(values.ops) if op in ARITH and not _plain(ARITH[op])]
            self._risky = dependent(values, begin, range(len(values.ops)))
        return self._risky[value]

    def slope(self, value: int) -> int | None:
        """The derivative of a lookup by its key: the segment's slope; None for a step."""
        values = self.values
        table: TableData = values.tables[values.settings[value]]
        knots = table.dims[0].knots
        if knots is None or len(knots) < 2:
            return None
        (key,), apply, count = values.args[value], values.apply, len(knots)
        segment = self._lookup(table, table.dims, np.arange(float(count)), key)
        segment = apply(min_.name, (apply(floor.name, (segment,)), values.const(count - 2.0)))
        dims = (KeyDim(table.dims[0].name, "clamp", 0.0, count - 1),)
        slopes = np.diff(table.data.ravel()) / np.diff(knots)
        slope = self._lookup(table, dims, slopes, segment)
        after = apply(ge.name, (key, values.const(float(knots[0]))))
        inside = apply(lt.name, (key, values.const(float(knots[-1]))))
        for condition in (after, inside):
            slope = apply(choose.name, (condition, slope, self.zero))
        return slope

    def _lookup(
        self, table: TableData, dims: tuple[KeyDim, ...], data: np.ndarray, key: int
    ) -> int:
        values = self.values
        name = (id(table), dims is table.dims)  # the same table once
        if name not in self._tables:
            values.tables.append(TableData(table.name, dims, data))
            self._tables[name] = len(values.tables) - 1
        return values.lookup(self._tables[name], (key,))

    def extreme(self, value: int) -> int:
        """Where a fold active what it gives: 1 in one period, the last of those that are equal."""
        values, (x,) = self.values, self.values.args[value]
        equal = values.apply(eq.name, (x, value))
        later = values.open_shift("lead", self.zero, 1, None)
        values.close(later, values.apply(max_.name, (equal, later)))
        return values.apply(choose.name, (later, self.zero, equal))

    def moment(self, value: int) -> int:
        """The period that `last` or `at` looks at, as 1 in it and 0 elsewhere."""
        values, t = self.values, self.values.leaf(TIME)
        if values.ops[value] == "at":
            return values.apply(eq.name, (t, values.const(float(values.settings[value]))))
        end = values.apply(sub.name, (values.leaf(PERIODS), self.one))
        return values.apply(eq.name, (t, end))


FOLDS: dict[str, Callable[[Derivatives, int], int | None]] = {
    "tsum": lambda self, value: None,
    **dict.fromkeys(EXTREMES, Derivatives.extreme),
    **dict.fromkeys(("last", "at"), Derivatives.moment),
}
"""For what folds time, where its value comes from; None for all periods alike."""
