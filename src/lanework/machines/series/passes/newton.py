"""Newton's method as values: so many steps, and whether they came to a solution.

See Kelley, "Solving Nonlinear Equations with Newton's Method" (2003). A step that makes things
worse is halved. What is left in the end is compared with the size of the terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
        start: the shift that brings the value of the period before, None where there is no time.
    """

    unknowns: list[Unknown]
    slopes: list[list[int]]
    body: list[int]
    steps: int
    start: str | None


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
    ) -> None:
        self.values, self.old, self.group, self.at = values, old, group, at

    def solve(self, point: list[int]) -> tuple[list[int], int]:
        """From where it starts the point that it comes to, and 1 where that is a solution."""
        apply, values, group = self.values.apply, self.values, self.group
        unknowns, steps = group.unknowns, group.steps
        kept: list[int] | None = None
        left = 0
        for step in range(steps):
            if step == max(steps - EXACT, 0):  # derivatives need no more than the last steps
                point = [apply(stop_gradient.name, (x,)) for x in point]
                kept = None
            at = self.at(point)
            rest = [apply(sub.name, (at[u.value], x)) for u, x in zip(unknowns, point, strict=True)]
            matrix = [[at[slope] for slope in row] for row in group.slopes]
            moves = self._linear(matrix, rest)
            after = [apply(add.name, pair) for pair in zip(point, moves, strict=True)]
            size = self._largest(rest)
            if kept is not None:
                better = apply(le.name, (size, left))
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
                left = apply(min_.name, (size, left))
            else:
                kept, left = point, size
            point = after
        return point, self._solved(point)

    def _largest(self, parts: Sequence[int]) -> int:
        apply = self.values.apply
        largest = apply(abs_.name, (parts[0],))
        for part in parts[1:]:
            largest = apply(max_.name, (largest, apply(abs_.name, (part,))))
        return largest

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

    def _solved(self, point: Sequence[int]) -> int:
        """1 where the point is a solution, and the only one near it; else 0."""
        apply, values, group = self.values.apply, self.values, self.group
        at = self.at(point)
        sizes = self._sizes(at)
        good: int | None = None
        tests = []
        for unknown, x in zip(group.unknowns, point, strict=True):
            rest = apply(abs_.name, (apply(sub.name, (at[unknown.value], x)),))
            size = apply(max_.name, (apply(abs_.name, (x,)), sizes[unknown.value]))
            tests.append(apply(le.name, (rest, apply(mul.name, (size, values.const(TOLERANCE))))))
        self._linear([[at[slope] for slope in row] for row in group.slopes], list(point))
        least = values.const(TOLERANCE)
        tests += [apply(gt.name, (apply(abs_.name, (pivot,)), least)) for pivot in self.pivots]
        for test in tests:
            good = test if good is None else apply(mul.name, (good, test))
        assert good is not None
        return good

    def _sizes(self, at: Mapping[int, int]) -> Mapping[int, int]:
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
