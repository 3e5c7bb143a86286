"""Newton's method as values: so many steps, and whether they came to a solution.

See Kelley, "Solving Nonlinear Equations with Newton's Method" (2003). A step that makes things
worse is halved. What is left in the end is compared with the size of the terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from lanework.core.ops.bodies.arithmetic import (
    abs_,
    add,
    div,
    max_,
    min_,
    mul,
    neg,
    stop_gradient,
    sub,
)
from lanework.core.ops.bodies.logic import choose, gt, le, lt
from lanework.machines.series.language.nodes import Circular
from lanework.machines.series.passes.values import Values

TOLERANCE = 1e-12
"""What may be left of the size of the terms."""
FLAT = {False: TOLERANCE, True: 1e-7}
"""How near to 1 slopes may be. Of a curved loop that is how near rounding lets steps come to where
it is 1, and two solutions are one: the root of what is left of the terms."""
TURN = 0.25
"""What share of its pivots the last step may change. Near such a place each step changes a half;
near any other, next to nothing."""
BRANCHES = {min_.name: lt, max_.name: gt, choose.name: choose}
"""Ops that give one of their operands, and the comparison that says which."""
EXACT = 2
"""The last steps, through which derivatives are taken: second ones are right after two."""


@dataclass(frozen=True)
class Unknown:
    """A circular node: the leaf that stands for it, and the value of its formula."""

    name: str
    leaf: int
    value: int
    how: Circular


@dataclass
class Group:
    """Unknowns that need each other within a period.

    Attributes:
        slopes: for each formula its derivatives by the unknowns.
        body: what depends on them, of what is needed for the formulas and the slopes, in order.
        steps: of Newton's method.
        varying: whether the slopes depend on the unknowns.
        curved: whether they do other than from branch to branch.
        start: the shift that brings the value of the period before, None where there is no time.
    """

    unknowns: list[Unknown]
    slopes: list[list[int]]
    body: list[int]
    steps: int
    varying: bool
    curved: bool
    start: str | None


@dataclass(frozen=True)
class Left:
    """What is left of a loop in the end, as values.

    Attributes:
        steps: how many it took until the tolerance was met, all of them where it never was.
        failed: 1 where there is no solution, else 0.
        status: 2 where there is one, 1 where it is not alone, 0 where none was reached.
        rest: for each unknown what its formula gives, less the unknown.
        size: for each unknown how large the terms are.
    """

    steps: int
    failed: int
    status: int
    rest: list[int]
    size: list[int]


class Newton:
    """Solves one group.

    Args:
        values: where the values are written.
        old: the graph that the group is of.
        group: what is solved.
        at: writes the body of the group at a point; for each of its values the one that stands
            for it, and for what it needs too.
    """

    def __init__(
        self,
        values: Values,
        old: Values,
        group: Group,
        at: Callable[[Sequence[int]], Mapping[int, int]],
        measure: bool = False,
    ) -> None:
        self.values, self.old, self.group, self.at = values, old, group, at
        self.measure = measure

    def solve(self, point: list[int]) -> tuple[list[int], int, Left]:
        """From where it starts the point that it comes to, 1 where that is a solution, the rest."""
        apply, values, group = self.values.apply, self.values, self.group
        kept: list[int] | None = None
        left, scales = list[int](), list[int]()
        taken, open_ = values.const(0.0), values.const(1.0)
        for step in range(group.steps):
            if step == max(group.steps - EXACT, 0):  # derivatives need no more than the last steps
                point = [apply(stop_gradient.name, (x,)) for x in point]
                kept = None
            at = self.at(point)
            rest = self._rest(at, point)
            if self.measure:
                near = self._near(rest, self._sizes(at, point))
                open_ = apply(mul.name, (open_, apply(sub.name, (values.const(1.0), near))))
                taken = apply(add.name, (taken, open_))
            moves = self._moves(at, rest)
            after = [apply(add.name, pair) for pair in zip(point, moves, strict=True)]
            scales = scales or self._scales(point, after)
            sizes = self._norms(rest, scales)
            if kept is not None:
                better = self._any(le.name, zip(sizes, left, strict=True))
                half = values.const(0.5)
                between = [
                    apply(mul.name, (half, apply(add.name, pair)))
                    for pair in zip(kept, point, strict=True)
                ]
                pairs = zip(after, between, strict=True)
                after = [apply(choose.name, (better, a, b)) for a, b in pairs]
                kept = [
                    apply(choose.name, (better, a, b)) for a, b in zip(point, kept, strict=True)
                ]
                left = [apply(min_.name, pair) for pair in zip(sizes, left, strict=True)]
            else:
                kept, left = point, sizes
            point = after
        at = self.at(point)
        rest, sizes = self._rest(at, point), self._sizes(at, point)
        near = self._near(rest, sizes)
        good = apply(mul.name, (near, self._alone(at, point)))
        failed = apply(sub.name, (values.const(1.0), good)) if self.measure else good
        return point, good, Left(taken, failed, apply(add.name, (good, near)), rest, sizes)

    def _rest(self, at: Mapping[int, int], point: Sequence[int]) -> list[int]:
        """For each unknown what its formula gives, less the unknown."""
        pairs = zip(self.group.unknowns, point, strict=True)
        return [self.values.apply(sub.name, (at[unknown.value], x)) for unknown, x in pairs]

    def _moves(self, at: Mapping[int, int], rest: list[int]) -> list[int]:
        """The step of Newton's method; where slopes are 1 or have no end here alone, what is left.

        That leads away from such a place, where the step is infinite, or none at all.
        """
        apply, values = self.values.apply, self.values
        moves = self._linear([[at[slope] for slope in row] for row in self.group.slopes], rest)
        if not self.group.varying:
            return moves
        size = self._size_of_pivots()
        tests = [
            apply(gt.name, (size, values.const(TOLERANCE))),
            apply(lt.name, (size, values.const(math.inf))),
        ]
        usable = apply(mul.name, (tests[0], tests[1]))
        return [apply(choose.name, (usable, *pair)) for pair in zip(moves, rest, strict=True)]

    def _scales(self, point: Sequence[int], after: Sequence[int]) -> list[int]:
        """How large each unknown is before and after a step: several have units of their own."""
        apply, values = self.values.apply, self.values
        scales = []
        for pair in zip(point, after, strict=True):
            size = apply(max_.name, tuple(apply(abs_.name, (x,)) for x in pair))
            there = apply(gt.name, (size, values.const(0.0)))
            scales.append(apply(choose.name, (there, size, values.const(1.0))))
        return scales

    def _norms(self, rest: Sequence[int], scales: Sequence[int]) -> list[int]:
        """The largest of what is left: as it is, and of several by their scales too.

        A step is worse where both are. Either alone may be misled: the first by an unknown with a
        large unit, the second by one that comes from next to nothing.
        """
        apply = self.values.apply
        sizes = [apply(abs_.name, (part,)) for part in rest]
        if len(sizes) == 1:
            return sizes
        scaled = [apply(div.name, pair) for pair in zip(sizes, scales, strict=True)]
        return [reduce(lambda a, b: apply(max_.name, (a, b)), parts) for parts in (sizes, scaled)]

    def _any(self, test: str, pairs: Iterable[tuple[int, int]]) -> int:
        """1 where a comparison holds for any of these pairs, else 0."""
        tests = [self.values.apply(test, pair) for pair in pairs]
        return reduce(lambda a, b: self.values.apply(max_.name, (a, b)), tests)

    def _linear(self, slopes: list[list[int]], rest: list[int]) -> list[int]:
        """The solution of (1 - slopes) x = rest, by elimination with the largest pivot."""
        apply, one, count = self.values.apply, self.values.const(1.0), len(rest)
        zero = self.values.const(0.0)
        rows = [
            [apply(sub.name, (one if i == j else zero, slopes[i][j])) for j in range(count)]
            + [rest[i]]
            for i in range(count)
        ]
        self.pivots: list[int] = []
        for k in range(count):
            for i in range(k + 1, count):
                size, other = (apply(abs_.name, (rows[r][k],)) for r in (k, i))
                swap = apply(gt.name, (other, size))
                for j in range(k, count + 1):
                    a, b = rows[k][j], rows[i][j]
                    rows[k][j] = apply(choose.name, (swap, b, a))
                    rows[i][j] = apply(choose.name, (swap, a, b))
            self.pivots.append(rows[k][k])
            for i in range(k + 1, count):
                factor = apply(div.name, (rows[i][k], rows[k][k]))
                for j in range(k + 1, count + 1):
                    product = apply(mul.name, (factor, rows[k][j]))
                    rows[i][j] = apply(sub.name, (rows[i][j], product))
        x = [zero] * count
        for i in reversed(range(count)):
            total = rows[i][count]
            for j in range(i + 1, count):
                total = apply(sub.name, (total, apply(mul.name, (rows[i][j], x[j]))))
            x[i] = apply(div.name, (total, rows[i][i]))
        return x

    def _near(self, rest: Sequence[int], sizes: Sequence[int]) -> int:
        """1 where the formulas give the unknowns back, else 0."""
        apply, least = self.values.apply, self.values.const(TOLERANCE)
        near: int | None = None
        for left, size in zip(rest, sizes, strict=True):
            allowed = apply(mul.name, (size, least))
            test = apply(le.name, (apply(abs_.name, (left,)), allowed))
            near = test if near is None else apply(mul.name, (near, test))
        assert near is not None
        return near

    def _alone(self, at: Mapping[int, int], point: Sequence[int]) -> int:
        """1 where a solution is the only one near it, else 0: slopes are not 1 there.

        The determinant tells, for it does not depend on the units of the unknowns.
        """
        apply, values, group = self.values.apply, self.values, self.group
        before = self._size_of_pivots()  # of the last step
        self._linear([[at[slope] for slope in row] for row in group.slopes], list(point))
        size = self._size_of_pivots()
        alone = apply(gt.name, (size, values.const(FLAT[group.curved])))
        if not group.curved:
            return alone
        change = apply(abs_.name, (apply(sub.name, (before, size)),))
        steady = apply(le.name, (change, apply(mul.name, (size, values.const(TURN)))))
        return apply(mul.name, (alone, steady))

    def _size_of_pivots(self) -> int:
        apply = self.values.apply
        product = self.pivots[0]
        for pivot in self.pivots[1:]:
            product = apply(mul.name, (product, pivot))
        return apply(abs_.name, (product,))

    def _sizes(self, at: Mapping[int, int], point: Sequence[int]) -> list[int]:
        """For each unknown how large it and the terms of its formula are."""
        sizes = self._terms(at)
        return [
            self.values.apply(max_.name, (self.values.apply(abs_.name, (x,)), sizes[u.value]))
            for u, x in zip(self.group.unknowns, point, strict=True)
        ]

    def _terms(self, at: Mapping[int, int]) -> Mapping[int, int]:
        """How large the terms of each value of the body are: what sums cancel still counts."""
        apply, old, group = self.values.apply, self.old, self.group
        inner: dict[int, int] = {}

        def size(value: int) -> int:
            return inner[value] if value in inner else apply(abs_.name, (at[value],))

        for value in group.body:
            op, args = old.ops[value], old.args[value]
            if op in (add.name, sub.name):
                inner[value] = apply(add.name, (size(args[0]), size(args[1])))
            elif op == mul.name:
                inner[value] = apply(mul.name, (size(args[0]), size(args[1])))
            elif op == div.name:
                inner[value] = apply(div.name, (size(args[0]), apply(abs_.name, (at[args[1]],))))
            elif op in BRANCHES:  # of the branch that is taken
                a, b, *no = (at[arg] for arg in args)
                test = a if no else apply(BRANCHES[op].name, (a, b))
                inner[value] = apply(choose.name, (test, *map(size, args[-2:])))
            elif op in (neg.name, abs_.name):
                inner[value] = size(args[0])
            else:
                inner[value] = apply(abs_.name, (at[value],))
        for unknown in group.unknowns:
            inner.setdefault(unknown.value, size(unknown.value))
        return inner
