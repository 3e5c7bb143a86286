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
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lanework.core.ops.bodies import arithmetic, logic
from lanework.core.ops.expr import ROUNDING
from lanework.core.ops.op import COMPARE, LOGIC, Op
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


@dataclass(frozen=True)
class _Range:
    """What is known of a value: its bounds, whether it is whole when finite, whether NaN occurs."""

    low: float
    high: float
    integral: bool
    nan: bool


_ANY = _Range(-math.inf, math.inf, False, True)
_TRUTH = _Range(0.0, 1.0, True, False)
_WHOLE = _Range(-math.inf, math.inf, True, True)
_TIME = _Range(0.0, math.inf, True, False)


def _range(values: Values, value: int, known: list[_Range]) -> _Range:
    """The range of a value from those of its operands."""
    op = values.ops[value]
    if op == CONST:
        x = float(values.settings[value])
        return _Range(x, x, x.is_integer(), False) if math.isfinite(x) else _ANY
    if op in (TIME, PERIODS):
        return _TIME
    rule = _rule(op)
    return _ANY if rule is None else rule(*(known[arg] for arg in values.args[value]))


@functools.cache
def _rule(name: str) -> Callable[..., _Range] | None:
    """What an op makes of ranges, by its primitive or by what it is there for."""
    op = ARITH.get(name)
    if op is None or op.units in (COMPARE, LOGIC):
        return None if op is None else lambda *_: _TRUTH
    result = op.graph("f64").result
    if result.prim in ROUNDING and result.args[0].prim == "arg":
        how = getattr(np, result.prim)
        return lambda a: _Range(float(how(a.low)), float(how(a.high)), True, a.nan)
    return RANGES.get(op)


def _either(test: _Range, a: _Range, b: _Range) -> _Range:
    return _Range(min(a.low, b.low), max(a.high, b.high), a.integral and b.integral, a.nan or b.nan)


def _least(a: _Range, b: _Range) -> _Range:
    high = b.high if a.nan else min(a.high, b.high)  # a if a < b else b: b whenever a is NaN
    return _Range(min(a.low, b.low), high, a.integral and b.integral, b.nan)


def _most(a: _Range, b: _Range) -> _Range:
    low = b.low if a.nan else max(a.low, b.low)
    return _Range(low, max(a.high, b.high), a.integral and b.integral, b.nan)


def _added(a: _Range, b: _Range, low: float, high: float) -> _Range:
    integral = a.integral and b.integral
    if math.isinf(a.low + b.low + a.high + b.high):
        return _Range(-math.inf, math.inf, integral, True)
    return _Range(a.low + low, a.high + high, integral, a.nan or b.nan)


def _remainder(a: _Range, b: _Range) -> _Range:
    if a.integral and b.integral and b.low == b.high and b.low > 0.0:
        return _Range(0.0, b.low - 1.0, True, True)
    return _ANY


RANGES: dict[Op, Callable[..., _Range]] = {
    logic.choose: _either,
    arithmetic.min_: _least,
    arithmetic.max_: _most,
    arithmetic.floordiv: lambda a, b: _WHOLE,
    arithmetic.mod: _remainder,
    arithmetic.add: lambda a, b: _added(a, b, b.low, b.high),
    arithmetic.sub: lambda a, b: _added(a, b, -b.high, -b.low),
    arithmetic.mul: lambda a, b: _WHOLE if a.integral and b.integral else _ANY,
}
"""What is known of other ops' values from what is known of their operands; of most, nothing."""


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
) -> tuple[list[int], list[int], list[_Range]]:
    """For each value the one cell or whole number that it is a function of, and the fuel since."""
    sources: list[int] = []
    costs: list[int] = []
    known: list[_Range] = []
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
            here = _range(values, value, known) if needed[value] else _ANY
            known.append(here)
            if source == _NONE and here.integral and here.high - here.low < MAX_RANGE:
                source, cost = value, 0
        sources.append(source)
        costs.append(cost)
    return sources, costs, known


def _fold(values: Values, source: int, end: int, known: list[_Range]) -> str | None:
    """Make `end` a lookup in a new table; None if that would change a bit."""
    if values.ops[source] in LOOKUPS:
        table = values.tables[values.settings[source]]
        cells, dims, keys = table.data, table.dims, values.args[source]
        name, faults = table.name, any(dim.outside == "error" for dim in table.dims)
    else:
        here = known[source]
        size = int(here.high - here.low) + 1
        cells = here.low + np.arange(size, dtype=np.float64)
        dims, keys = (KeyDim("key", "clamp", here.low, size),), (source,)
        name, faults = values.owners[source] or "range", False
    folded = _evaluate(values, source, end, np.append(cells.ravel(), math.nan))
    at_nan, folded = folded[-1], folded[:-1].reshape(cells.shape)
    # Outside the table, and in its empty cells, the value must stay NaN; in a table whose NaN
    # cells are faults no other cell may become one.
    may_be_nan = values.ops[source] in LOOKUPS or known[source].nan
    if may_be_nan and not math.isnan(at_nan):
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
