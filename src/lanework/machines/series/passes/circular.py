"""Loops within a period, solved by Newton's method in every period, over all lanes at once.

A node that is marked as circular is an unknown: the formulas that need it are read with it as a
leaf, and its own formula says what it should be. For each group of unknowns that need each other,
the values between are written once more for each step of Newton's method, with the derivatives that
the op table gives (Kelley, "Solving Nonlinear Equations with Newton's Method", 2003). It starts
from the period before. A step that makes things worse is halved. What is left in the end is
compared with the size of the terms, and a lane without a solution is a fault, or NaN. On the way
keys of tables may go anywhere; the lookups of the solution are those of the formulas, with their
faults.

All of it is values as any other: they run on every engine, with the same bits.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.ops.bodies.arithmetic import add, mul
from lanework.core.ops.bodies.logic import choose, eq
from lanework.core.ops.rules import COMPARE, LOGIC, UnitRule
from lanework.core.ops.table import ARITH
from lanework.machines.series.codes import BAD_MARK, CYCLE_OVER_TIME
from lanework.machines.series.isa import AGGREGATES, LOOKUPS, SHIFTS
from lanework.machines.series.language.tables import Floats, KeyDim, first_valid
from lanework.machines.series.layout import GUARD, SOLVED
from lanework.machines.series.passes.derivatives import Timed
from lanework.machines.series.passes.newton import EXACT, Group, Left, Newton, Unknown
from lanework.machines.series.passes.tangent import Tangent
from lanework.machines.series.passes.values import CONST, LEAVES, TableData, Values

STEPS = (2, 5, 9)
"""Newton's steps of loops that are linear, linear in pieces (`min`, `max`), and curved."""
MOST = 6
"""Unknowns of one group."""


class Circles:
    """Writes a graph with unknowns again, as one without.

    Attributes:
        to: for each value of the graph the one that stands for it.
        notes: what was solved.
        left: what is left of each group that was written, if that is asked for.
    """

    def __init__(
        self, values: Values, unknowns: Sequence[Unknown], timed: Timed, measure: bool = False
    ) -> None:
        self.old, self.unknowns, self.timed, self.measure = values, unknowns, timed, measure
        self.left: list[tuple[Group, Left]] = []
        self.values = Values(simplify=values.simplify)
        self.values.tables = values.tables
        self.to: dict[int, int] = {}
        self.notes: list[str] = []
        self._waiting: list[tuple[int, int]] = []
        self._open_tables: dict[int, int] = {}
        self._zero_tables: dict[int, int] = {}
        self.of_leaf = {unknown.leaf: unknown for unknown in unknowns}
        self.groups: dict[int, Group] = {}
        for members in self._loops():
            group = self._group(members)
            for unknown in members:
                self.groups[unknown.leaf] = group
            names = ", ".join(unknown.name for unknown in members)
            self.notes.append(
                f"{names} solved in each period, {group.steps} steps of Newton's method"
            )
        for unknown in unknowns:
            if unknown.leaf not in self.groups:
                self.notes.append(f"{unknown.name} is marked as circular and is in no loop")

    # Groups -------------------------------------------------------------------------------------

    def _within(self) -> list[int]:
        """For each value a bit for each unknown that it needs within the period."""
        old, bit = self.old, {u.leaf: 1 << n for n, u in enumerate(self.unknowns)}
        needs: list[int] = []
        for value, args in enumerate(old.args):
            seen = bit.get(value, 0)
            for arg in args[1:] if old.ops[value] in SHIFTS else args:
                seen |= needs[arg]
            needs.append(seen)
        return needs

    def _loops(self) -> Iterator[list[Unknown]]:
        """The groups of unknowns that need each other."""
        self.needs = self._within()
        count = len(self.unknowns)
        reach = [self.needs[unknown.value] for unknown in self.unknowns]
        for k in range(count):  # Warshall's closure
            reach = [r | reach[k] if r >> k & 1 else r for r in reach]
        done = 0
        for n in range(count):
            if reach[n] >> n & 1 and not done >> n & 1:
                both = [m for m in range(count) if reach[n] >> m & 1 and reach[m] >> n & 1]
                done |= sum(1 << m for m in both)
                yield [self.unknowns[m] for m in both]

    def _group(self, unknowns: list[Unknown]) -> Group:
        old = self.old
        if len(unknowns) > MOST:
            names = ", ".join(unknown.name for unknown in unknowns)
            raise Diagnostic(
                BAD_MARK,
                f"{len(unknowns)} circular nodes need each other, and {MOST} are solved at most:"
                f" {names}",
                span=next((e.span for e in [old.exprs[unknowns[0].value]] if e is not None), None),
                help="mark one node of each loop only",
            )
        slopes = [[old.const(0.0)] * len(unknowns) for _ in unknowns]
        values = [unknown.value for unknown in unknowns]
        for n, unknown in enumerate(unknowns):
            tangent = Tangent(old, self.timed, ragged=False)
            by = tangent.of({unknown.leaf: old.const(1.0)}, values, within=True)
            for row, value in zip(slopes, values, strict=True):
                row[n] = by[value]
        self.needs = self._within()
        bits = sum(1 << self.unknowns.index(unknown) for unknown in unknowns)
        body = self._body([*values, *(each for row in slopes for each in row)], bits)
        leaves = {unknown.leaf for unknown in unknowns}
        over = next((v for v in body if old.ops[v] in AGGREGATES), None)
        if over is not None:
            names = " -> ".join(unknown.name for unknown in unknowns)
            raise Diagnostic(
                CYCLE_OVER_TIME,
                f"a loop of circular nodes goes through a value of the whole of time: {names}",
                span=next((e.span for e in [old.exprs[over]] if e is not None), None),
                help="a total, minimum, maximum, last or at cannot be part of its own history",
            )
        start = self._start(unknowns) if any(self.timed[value] for value in values) else None
        body = [value for value in body if value not in leaves]
        needed = self._body(values, bits)
        return Group(unknowns, slopes, body, *self._kind(unknowns, slopes, body, needed), start)

    def _body(self, roots: Sequence[int], bits: int) -> list[int]:
        """What the roots need within the period and what needs these unknowns, in order."""
        old, body = self.old, set[int]()
        stack = list(roots)
        while stack:
            value = stack.pop()
            if value not in body and self.needs[value] & bits:
                body.add(value)
                stack += old.args[value][1:] if old.ops[value] in SHIFTS else old.args[value]
        return sorted(body)

    def _start(self, unknowns: Sequence[Unknown]) -> str:
        """Which way the loop walks through time: from the period before, or from the next."""
        old = self.old
        seen: set[int] = set()
        stack = [unknown.value for unknown in unknowns]
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            stack += old.args[value]
            if value in self.of_leaf:
                stack.append(self.of_leaf[value].value)
        return (
            "lead"
            if any(old.ops[v] == "lead" and self._round(v, unknowns) for v in seen)
            else "prev"
        )

    def _round(self, lead: int, unknowns: Sequence[Unknown]) -> bool:
        """Whether what a `lead` looks at needs the unknowns, through all of time."""
        leaves, seen = {unknown.leaf for unknown in unknowns}, set[int]()
        stack = [self.old.args[lead][0]]
        while stack:
            value = stack.pop()
            if value in leaves:
                return True
            if value not in seen:
                seen.add(value)
                stack += self.old.args[value]
                if value in self.of_leaf:
                    stack.append(self.of_leaf[value].value)
        return False

    def _kind(
        self,
        unknowns: Sequence[Unknown],
        slopes: Sequence[Sequence[int]],
        body: Sequence[int],
        needed: Sequence[int],
    ) -> tuple[int, bool, bool]:
        """How many steps, whether slopes depend on the unknowns, and other than by branches.

        There are as many steps as were asked for, or as the kind of the loop takes. What goes in
        steps, as `floor` does, has no slope, and comes nearer more slowly.
        """
        old, zero = self.old, self.old.const(0.0)
        flat = [slope for row in slopes for slope in row]
        varying = any(slope in body for slope in flat)
        curved = False
        for unknown in unknowns if varying else ():
            tangent = Tangent(old, self.timed, ragged=False)
            second = tangent.of({unknown.leaf: old.const(1.0)}, flat, within=True)
            curved = curved or any(second[slope] != zero for slope in flat)
        branches = (COMPARE, LOGIC) if varying else ()
        stairs = any(self._stair(value, branches) for value in needed)
        steps = STEPS[2 if curved or stairs else 1 if varying else 0]
        asked = [u.how.iterations for u in unknowns if u.how.iterations is not None]
        return max(EXACT, *asked) if asked else steps, varying, curved

    def _stair(self, value: int, branches: Sequence[UnitRule | None]) -> bool:
        """Whether a value has no slope, unless it is of these kinds of op."""
        op = self.old.ops[value]
        if op in LOOKUPS:
            return self.old.tables[self.old.settings[value]].dims[0].knots is None
        if op not in ARITH or ARITH[op].units in branches:
            return False
        return all(partial is None for partial in ARITH[op].gradient())

    # Writing ------------------------------------------------------------------------------------

    def write(self, roots: Sequence[int]) -> list[int]:
        """The values that stand for these."""
        self._reach(roots)
        for shift, source in self._waiting:  # which grows: what they look at has shifts too
            self._reach([source])
            self.values.close(shift, self.to[source])
        return [self.to[root] for root in roots]

    def _reach(self, roots: Sequence[int]) -> None:
        """Write these values, and what they need within the period before them."""
        stack = list(reversed(roots))
        while stack:
            value = stack[-1]
            if value in self.to:
                stack.pop()
                continue
            missing = [each for each in self._before(value) if each not in self.to]
            if missing:
                stack += missing
                continue
            stack.pop()
            if value in self.groups:
                self._solve(self.groups[value])
            elif value in self.of_leaf:
                self.to[value] = self.to[self.of_leaf[value].value]
            else:
                self.to[value] = self._copy(value, self.to)

    def _before(self, value: int) -> list[int]:
        """What must be written before a value."""
        old = self.old
        group = self.groups.get(value)
        if group is not None:
            inner = {*group.body, *(unknown.leaf for unknown in group.unknowns)}
            pairs = ((v, old.args[v]) for v in group.body)
            outer = [a for v, args in pairs for a in (args[1:] if old.ops[v] in SHIFTS else args)]
            outer += [each for row in group.slopes for each in row]
            outer += [unknown.value for unknown in group.unknowns]
            return [each for each in dict.fromkeys(outer) if each not in inner]
        if value in self.of_leaf:
            return [self.of_leaf[value].value]
        return [*(old.args[value][1:] if old.ops[value] in SHIFTS else old.args[value])]

    def _copy(self, value: int, to: Mapping[int, int], *, final: bool = True) -> int:
        """A value again, of what stands for its operands.

        One that is not final may overflow: on the way numbers are not those of the formula.
        """
        old, values, op = self.old, self.values, self.old.ops[value]
        values.owner = old.owners[value]
        setting, expr = old.settings[value], old.exprs[value]
        if op in LEAVES:
            return values.const(setting) if op == CONST else values.leaf(op, setting)
        if op in SHIFTS:
            source, fill = old.args[value]
            shift = values.open_shift(op, to[fill], setting, expr)
            self._waiting.append((shift, source))
            return shift
        args = tuple(to[arg] for arg in old.args[value])
        if op in LOOKUPS:
            return values.lookup(setting, args, expr)
        if op in AGGREGATES:
            return values.fold(op, args[0], setting, expr)
        return values.apply(op, args, expr if final else None)

    def _at(self, group: Group, point: Sequence[int]) -> Mapping[int, int]:
        """The body of a group at a point."""
        leaves = [unknown.leaf for unknown in group.unknowns]
        to = ChainMap(dict(zip(leaves, point, strict=True)), self.to)
        for value in group.body:
            if self.old.ops[value] in LOOKUPS:  # of a table that gives something everywhere
                table = self._everywhere(self.old.settings[value])
                to[value] = self.values.lookup(table, tuple(to[a] for a in self.old.args[value]))
            else:
                to[value] = self._copy(value, to, final=False)
        return to

    def _everywhere(self, number: int) -> int:
        """A table whose nearest key stands for one outside: on the way keys may go anywhere."""
        if number not in self._open_tables:
            table = self.values.tables[number]
            dims = tuple(
                dim if dim.outside == "interpolate" else replace(dim, outside="clamp", exact=False)
                for dim in table.dims
            )
            data = np.nan_to_num(table.data, nan=0.0)  # of cells that are missing
            self.values.tables.append(TableData(table.name, dims, data))
            self._open_tables[number] = len(self.values.tables) - 1
        return self._open_tables[number]

    def _solve(self, group: Group) -> None:
        values, unknowns = self.values, group.unknowns
        at = partial(self._at, group)
        newton = Newton(values, self.old, group, at, self.measure)
        point, good, left = newton.solve([self._guess(group, unknown) for unknown in unknowns])
        if self.measure:
            self.left.append((group, left))
        nan = any(unknown.how.failures == "nan" for unknown in unknowns)
        zeros = self._checks(group, point, good)  # first: their faults are why later periods fail
        zeros += [] if nan else [self._guard(group, left.status)]
        for unknown, x in zip(unknowns, point, strict=True):
            values.owner, place = unknown.name, self.old.exprs[unknown.value]
            for zero in zeros:
                x = values.apply(add.name, (x, zero), place)
            if nan:  # by a product, through which derivatives are NaN too
                there = (good, values.const(1.0), values.const(-np.nan))  # as x86 makes it
                x = values.apply(mul.name, (x, values.apply(choose.name, there, place)), place)
            self.to[unknown.leaf] = x

    def _checks(self, group: Group, point: Sequence[int], good: int) -> list[int]:
        """Zeros that are faults where the solution looks up what a table does not have."""
        old, values, zeros = self.old, self.values, list[int]()
        bits = sum(1 << self.unknowns.index(unknown) for unknown in group.unknowns)
        needed = self._body([unknown.value for unknown in group.unknowns], bits)
        strict = [
            v for v in needed if old.ops[v] in LOOKUPS and values.tables[old.settings[v]].faults
        ]
        at = self._at(group, point) if strict else {}
        for value in strict:
            table = values.tables[old.settings[value]]
            number = self._zero_tables.get(old.settings[value])
            if number is None:
                number = self._zero_tables[old.settings[value]] = len(values.tables)
                values.tables.append(TableData(table.name, table.dims, _zeros(table.data)))
            safe = map(values.const, first_valid(table.dims, table.data))
            pairs = zip((at[arg] for arg in old.args[value]), safe, strict=True)
            keys = tuple(values.apply(choose.name, (good, *pair)) for pair in pairs)
            values.owner = old.owners[value]
            zeros.append(values.lookup(number, keys, old.exprs[value]))
        return zeros

    def _guess(self, group: Group, unknown: Unknown) -> int:
        """Where Newton's method starts."""
        first = self.values.const(unknown.how.guess)
        if group.start is None:
            return first
        shift = self.values.open_shift(group.start, first, 1, None)
        self._waiting.append((shift, unknown.leaf))
        if unknown.how.failures != "nan":
            return shift
        known = self.values.apply(eq.name, (shift, shift))  # no solution a period before
        return self.values.apply(choose.name, (known, shift, first))

    def _guard(self, group: Group, status: int) -> int:
        """0 where there is a solution, else a fault that names the nodes."""
        values = self.values
        names = ", ".join(unknown.name for unknown in group.unknowns)
        values.tables.append(
            TableData(GUARD + names, (KeyDim("status", "error", SOLVED, 1),), np.zeros(1))
        )
        place = self.old.exprs[group.unknowns[0].value]
        values.owner = group.unknowns[0].name
        return values.lookup(len(values.tables) - 1, (status,), place)


def _zeros(cells: Floats) -> Floats:
    """Zeros where there are cells, NaN where they are missing."""
    return np.where(np.isnan(cells), np.nan, 0.0)
