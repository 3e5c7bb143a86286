"""Reverse mode: the derivatives of a value by many others, backwards through the graph.

What `prev` brings to the next period, its adjoint brings back through `lead`, and the other way
round; so the adjoint of a recurrence is a recurrence that walks against it, and runs on every
engine as any other does. See Griewank and Walther, "Evaluating Derivatives" (2nd ed., 2008),
chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lanework.core.ops.bodies.arithmetic import add, mul, neg, sub
from lanework.core.ops.bodies.logic import choose, ge, lt
from lanework.core.ops.table import ARITH
from lanework.machines.series.isa import ENDS, LOOKUPS, SHIFTS
from lanework.machines.series.passes.derivatives import FOLDS, Derivatives, dependent
from lanework.machines.series.passes.values import LEAVES, PERIODS, TIME

AGAINST = {"prev": "lead", "lead": "prev"}


class Adjoint(Derivatives):
    """Derivatives of values by leaves, backwards through the graph.

    `of` gives for each leaf its derivative, over time if the leaf is, else summed over time.
    """

    def of(self, cotangents: Mapping[int, int], leaves: Sequence[int]) -> dict[int, int]:
        """The derivatives of the sum of roots times cotangents, by these leaves."""
        values = self.values
        self.active = dependent(values, leaves, cotangents)
        self.parts: list[list[int]] = [[] for _ in self.active]
        self.open: dict[int, int] = {}
        for value, args in enumerate(values.args[: len(self.active)]):
            if self.active[value] and values.ops[value] in SHIFTS and self.active[args[0]]:
                op, lag = AGAINST[values.ops[value]], values.settings[value]
                self.open[value] = values.open_shift(op, self.zero, lag, None)
                self.parts[args[0]].append(self.open[value])
        for root, cotangent in cotangents.items():
            if self.active[root]:
                self.parts[root].append(cotangent)
        adjoints: dict[int, int] = {}
        for value in range(len(self.active) - 1, -1, -1):
            if self.active[value]:
                values.owner = values.owners[value]
                adjoints[value] = self._total(value)
                self._pass_on(value, adjoints[value])
        values.owner = ""
        return {leaf: self._lived(leaf, adjoints.get(leaf, self.zero)) for leaf in leaves}

    def _lived(self, leaf: int, change: int) -> int:
        """The derivative by an input over time, which is none where a lane has ended."""
        if not self.ragged or not self.timed[leaf] or change == self.zero:
            return change
        lives = self.values.apply(lt.name, (self.values.leaf(TIME), self.values.leaf(PERIODS)))
        return self._where(lives, change)

    def _total(self, value: int) -> int:
        """The sum of what came to a value; over time too, if it is the same for all of it."""
        if self.timed[value]:
            return self._sum(self.parts[value])
        over_time = [part for part in self.parts[value] if self.timed[part]]
        rest = [part for part in self.parts[value] if not self.timed[part]]
        if over_time:
            rest.append(self._over_time(self._sum(over_time)))
        return self._sum(rest)

    def _sum(self, parts: Sequence[int]) -> int:
        """The sum of some parts, of which those that are negated are subtracted."""
        apply, ops, args = self.values.apply, self.values.ops, self.values.args
        less = [args[part][0] for part in parts if ops[part] == neg.name]
        more = [part for part in parts if ops[part] != neg.name]
        if not more:
            return apply(neg.name, (self._sum(less),)) if less else self.zero
        total = more[0]
        for part in more[1:]:
            total = apply(add.name, (total, part))
        for part in less:
            total = apply(sub.name, (total, part))
        return total

    def _over_time(self, part: int) -> int:
        """The sum over time, from the last period to the first: the way that adjoints walk."""
        values = self.values
        if values.ops[part] == neg.name:
            return values.apply(neg.name, (self._over_time(values.args[part][0]),))
        later = values.open_shift("lead", self.zero, 1, None)
        total = values.apply(add.name, (later, part))
        values.close(later, total)
        first = values.fold("at", total, 0)
        if not self.ragged:
            return first
        some = values.apply(ge.name, (values.leaf(PERIODS), self.one))
        return self._where(some, first)

    def _give(self, to: int, part: int, often: bool) -> None:
        """Add to an operand's adjoint, `often` if the same comes from each period."""
        if self.active[to] and part != self.zero:
            if often and not self.timed[to] and not self.timed[part]:
                part = self.values.apply(mul.name, (part, self.values.leaf(PERIODS)))
            self.parts[to].append(part)

    def _pass_on(self, value: int, change: int) -> None:
        """Give a value's adjoint to its operands."""
        values, op = self.values, self.values.ops[value]
        args = values.args[value]
        if value in self.open:
            values.close(self.open[value], change)
        if op in LEAVES or op == ENDS:  # a whole number, and as flat as a floor
            return
        if op in SHIFTS:
            self._give(args[1], self._where(self._outside(value), change), True)
        elif op in FOLDS:
            where = FOLDS[op](self, value)
            self._give(args[0], change if where is None else self._where(where, change), True)
        elif op in LOOKUPS:
            slope = self.slope(value)
            if slope is not None:
                self._give(args[0], values.apply(mul.name, (change, slope)), self.timed[value])
        elif (pair := self.guarded(value)) is not None:
            for operand, part in zip(pair, self.parts_of(pair, change, change), strict=True):
                self._give(operand, part, self.timed[value])
        else:
            for arg, partial in zip(args, ARITH[op].gradient(), strict=True):
                if partial is not None and self.active[arg]:
                    part = self.times(partial, args, value, change)
                    self._give(arg, part, self.timed[value])

    def _where(self, condition: int, change: int) -> int:
        apply = self.values.apply
        if self.values.ops[change] == neg.name:
            return apply(neg.name, (self._where(condition, self.values.args[change][0]),))
        return apply(choose.name, (condition, change, self.zero))

    def _outside(self, value: int) -> int:
        """Where `prev` or `lead` takes its filling."""
        values, lag = self.values, self.values.const(float(self.values.settings[value]))
        t = values.leaf(TIME)
        if values.ops[value] == "prev":
            return values.apply(lt.name, (t, lag))
        first = values.apply(sub.name, (values.leaf(PERIODS), lag))
        return values.apply(ge.name, (t, first))
