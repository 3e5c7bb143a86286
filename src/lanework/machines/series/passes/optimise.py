"""Passes over the value graph. None of them changes a bit of any result.

Constants are folded and neutral operands dropped while the graph is built (`values.py`). Here
are the passes that need the whole graph:

- equal recurrences become one;
- **table folding**: an element-wise expression of one table cell, or of one whole number in a
  known range, is computed once for every cell and becomes a table itself. A monthly mortality
  rate ``1 - (1 - mort(age, duration)) ** (1/12)`` costs one load afterwards.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from lanework.core.ops.bounds import bounds
from lanework.core.ops.interval import ANY, Interval, number
from lanework.core.ops.rules import CHOICE, COMPARE, KEEP, LEAST, LOGIC, REMAINDER, SUM
from lanework.core.ops.table import ARITH
from lanework.machines.series.isa import LOOKUPS, SHIFTS
from lanework.machines.series.language.tables import Floats, KeyDim
from lanework.machines.series.passes.values import CONST, LEAVES, PERIODS, TIME, TableData, Values
from lanework.machines.series.passes.walks import needed_values

MAX_CELLS = 65_536
"""Cells of the largest table that folding makes."""

MAX_RANGE = 4_096
"""Whole numbers of the widest range that becomes a table."""

WORTH = 16
"""Fuel that a table must save when it does not replace another."""

_NONE, _CONSTANT = -1, -2


def optimise(values: Values, roots: list[int]) -> tuple[list[int], list[str]]:
    """Run the passes, which change `values`; the roots afterwards, and a line for each thing."""
    notes = []
    if values.folded:
        notes.append(f"folded {values.folded} operations on constants")
    if values.simplified:
        notes.append(f"dropped {values.simplified} neutral operations")
    same = merge_shifts(values)
    if same:
        roots = [same.get(root, root) for root in roots]
        notes.append(f"merged {len(same)} equal values across recurrences")
    notes += fold_tables(values, roots)
    return roots, notes


def merge_shifts(values: Values) -> dict[int, int]:
    """Make values one that became equal when recurrences were closed.

    Returns:
        For each value that is no longer used the one that stands in its place.
    """
    same: dict[int, int] = {}
    while True:
        seen: dict[tuple[object, ...], int] = {}
        merged = False
        for value, op in enumerate(values.ops):
            if value in same or op in LEAVES or (not same and op not in SHIFTS):
                continue
            args = tuple(same.get(arg, arg) for arg in values.args[value])
            values.args[value] = args
            first = seen.setdefault((op, values.settings[value], *args), value)
            if first != value:
                same[value] = first
                merged = True
        if not merged:
            return same
        for value, target in same.items():
            while target in same:
                target = same[target]
            same[value] = target


_TIME = Interval(0.0, math.inf, False, True)
_INTEGERS = Interval(-math.inf, math.inf, True, True)

_FOLLOWED = (SUM, LEAST, CHOICE, REMAINDER, KEEP)
"""Ops whose ranges are followed even if they may be NaN. Elsewhere only whole numbers matter, and a
table over some that may be NaN would stand in the way of one over a later range without it."""


def _range(values: Values, value: int, known: list[Interval]) -> Interval:
    """What a value may be, from what its operands may be."""
    name = values.ops[value]
    if name == CONST:
        return number(float(values.settings[value]))
    if name in (TIME, PERIODS):
        return _TIME
    return _result(name, *[known[arg] for arg in values.args[value]]) if name in ARITH else ANY


@functools.lru_cache(4096)
def _result(name: str, *args: Interval) -> Interval:
    """What an op may give; kept, for of most operands nothing is known."""
    op = ARITH[name]
    out = bounds(op, args, "f64")
    if op.units in _FOLLOWED or (out.integral and not out.nan):
        return out
    return _INTEGERS if out.integral else ANY


_ONE_ZERO = (COMPARE, LOGIC, REMAINDER)
"""Ops whose zero is 0.0: of remainders only those by a number above zero have a known range."""


def fold_tables(values: Values, roots: Sequence[int]) -> list[str]:
    """Replace expressions of one table cell, or one whole number, by tables."""
    ops = values.ops
    met = set(ops)
    fuel = {name: op.fuel for name, op in ARITH.items() if name in met}
    has_costly = any(cost >= WORTH for cost in fuel.values())
    if not (has_costly or met & LOOKUPS):
        return []
    needed = needed_values(values, roots)
    sources, costs, known = _sources(values, needed, fuel, has_costly)
    escapes = set(roots)  # and what something of another source uses
    escapes.update(
        arg
        for value, wanted in enumerate(needed)
        if wanted
        for arg in values.args[value]
        if sources[arg] >= 0 and (sources[value] != sources[arg] or value == arg)
    )
    tops: dict[int, list[int]] = {}
    for value in sorted(escapes):
        source = sources[value]
        if source >= 0 and source != value and needed[value]:
            tops.setdefault(source, []).append(value)
    notes: list[str | None] = []
    for source, ends in tops.items():
        replaces = ops[source] in LOOKUPS and len(ends) == 1 and source not in escapes
        paying = [end for end in ends if replaces or costs[end] >= WORTH]
        # what an end is made of must still be there
        notes += [_fold(values, source, end, known) for end in reversed(paying)]
    return [note for note in notes if note]


def _sources(
    values: Values, needed: Sequence[bool], fuel: dict[str, int], ranges: bool
) -> tuple[list[int], list[int], list[Interval]]:
    """For each value the one cell or whole number that it is a function of, and the fuel since."""
    sources: list[int] = []
    costs: list[int] = []
    known: list[Interval] = []
    for value, op in enumerate(values.ops):
        cost = 0
        if not needed[value]:
            source = _NONE
        elif op == CONST:
            source = _CONSTANT
        elif op in LOOKUPS:
            table = values.tables[values.settings[value]]
            plain = table.dims[0].knots is None and table.data.size <= MAX_CELLS
            source = value if plain else _NONE
        elif op in fuel:
            met = {sources[arg] for arg in values.args[value]} - {_CONSTANT}
            source = met.pop() if len(met) == 1 else _NONE
            if source != _NONE:
                cost = fuel[op] + sum(costs[arg] for arg in values.args[value])
        else:
            source = _NONE
        if ranges:
            here = _range(values, value, known) if needed[value] else ANY
            known.append(here)
            if source == _NONE and here.integral and 0.0 <= here.high - here.low < MAX_RANGE:
                source, cost = value, 0
        sources.append(source)
        costs.append(cost)
    return sources, costs, known


def _fold(values: Values, source: int, end: int, known: list[Interval]) -> str | None:
    """Make `end` a lookup in a new table; None if that would change a bit."""
    if values.ops[source] in LOOKUPS:
        table = values.tables[values.settings[source]]
        cells, dims, keys = table.data, table.dims, values.args[source]
        name, faults = table.name, any(dim.faults for dim in table.dims)
    else:
        here = known[source]
        size = int(here.high - here.low) + 1
        cells = here.low + np.arange(size, dtype=np.float64)
        dims, keys = (KeyDim("key", "clamp", here.low, size),), (source,)
        name, faults = values.owners[source] or "range", False
    results = _evaluate(values, source, end, np.append(cells.ravel(), (math.nan, 0.0, -0.0)))
    at_nan, *zeros = results[-3:].tolist()
    folded = results[:-3].reshape(cells.shape)
    # Outside the table, and in its empty cells, the value must stay NaN; in a table whose NaN
    # cells are faults no other cell may become one.
    may_be_nan = values.ops[source] in LOOKUPS or known[source].nan
    if may_be_nan and not math.isnan(at_nan):
        return None
    if _has_both_zeros(values, source, known) and repr(zeros[0]) != repr(zeros[1]):
        return None
    if faults and bool(np.any(np.isnan(folded) & ~np.isnan(cells))):
        return None
    steps = sum(values.ops[value] != CONST for value in _cone(values, source, end))
    values.tables.append(TableData(f"{name}*", dims, np.ascontiguousarray(folded)))
    values.ops[end] = "lookup1" if len(keys) == 1 else "lookup2"
    values.args[end] = tuple(keys)
    values.settings[end] = len(values.tables) - 1
    what = "element-wise step" + ("s" if steps > 1 else "")
    return f"folded {steps} {what} of {values.owners[end]} into a table of {cells.size} cells"


def _has_both_zeros(values: Values, source: int, known: list[Interval]) -> bool:
    """Whether a whole number may be a zero of either sign; keys have one."""
    op = values.ops[source]
    return op not in LOOKUPS and 0.0 in known[source] and ARITH[op].units not in _ONE_ZERO


def _cone(values: Values, source: int, end: int) -> list[int]:
    """The values between source and end, without the source, operands first."""
    seen: set[int] = set()
    stack = [end]
    while stack:
        value = stack.pop()
        if value != source and value not in seen:
            seen.add(value)
            stack.extend(values.args[value])
    return sorted(seen)


def _evaluate(values: Values, source: int, end: int, cells: Floats) -> Floats:
    results: dict[int, Floats] = {source: cells}
    for value in _cone(values, source, end):
        op = values.ops[value]
        if op == CONST:
            results[value] = np.float64(values.settings[value])  # type: ignore[assignment]
        else:
            results[value] = ARITH[op].evaluate(*(results[arg] for arg in values.args[value]))
    return np.broadcast_to(results[end], cells.shape).copy()
