"""Forward mode: the derivatives of values along a direction, forwards through the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lanework.core.ops.bodies.arithmetic import add, mul
from lanework.core.ops.bodies.logic import choose
from lanework.core.ops.table import ARITH
from lanework.machines.series.isa import ENDS, EXTREMES, LOOKUPS, SHIFTS
from lanework.machines.series.passes.derivatives import FOLDS, Derivatives, dependent
from lanework.machines.series.passes.values import LEAVES


class Tangent(Derivatives):
    """Derivatives of values along a direction, forwards through the graph."""

    def of(
        self, directions: Mapping[int, int], roots: Sequence[int], within: bool = False
    ) -> dict[int, int]:
        """The derivatives of roots, for leaves that change by these directions.

        `within` a period: what other periods bring does not change.
        """
        values = self.values
        active = dependent(values, directions, roots, within)
        tangents = dict(directions)
        open_: list[tuple[int, int]] = []
        for value, op in enumerate(values.ops[: len(active)]):
            if not active[value] or op in LEAVES:
                continue
            values.owner, args = values.owners[value], values.args[value]
            if op in SHIFTS:
                fill = tangents.get(args[1], self.zero)
                tangents[value] = values.open_shift(op, fill, values.settings[value], None)
                open_.append((tangents[value], args[0]))
            else:
                tangents[value] = self._step(value, op, args, tangents)
        for shift, source in open_:
            values.close(shift, self.zero if within else tangents.get(source, self.zero))
        values.owner = ""
        return {root: tangents.get(root, self.zero) for root in roots}

    def _step(self, value: int, op: str, args: Sequence[int], tangents: Mapping[int, int]) -> int:
        values = self.values
        if op == ENDS:
            return self.zero
        if op in EXTREMES:
            there = values.apply(choose.name, (self.extreme(value), tangents[args[0]], self.zero))
            return values.fold("tsum", there)
        if op in FOLDS:
            return values.fold(op, tangents[args[0]], values.settings[value])
        if op in LOOKUPS:
            slope = self.slope(value)
            change = tangents.get(args[0], self.zero)
            return self.zero if slope is None else values.apply(mul.name, (change, slope))
        pair = self.guarded(value)
        if pair is not None:
            change, slope = (tangents.get(each, self.zero) for each in pair)
            return values.apply(add.name, self.parts_of(pair, change, slope))
        total = self.zero
        for arg, partial in zip(args, ARITH[op].gradient(), strict=True):
            if partial is not None and tangents.get(arg, self.zero) != self.zero:
                part = self.times(partial, args, value, tangents[arg])
                total = part if total == self.zero else values.apply(add.name, (total, part))
        return total
