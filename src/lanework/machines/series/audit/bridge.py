"""Which inputs moved an output between two runs of one program: `SeriesResult.bridge`.

What an input did is the difference of two runs that differ in it alone: in a stated order one input
after the other, or the mean over all orders (Shapley). Differences of floats are rounded; what that
leaves out is a line of its own, so that the parts add up to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, noting
from lanework.core.options import names
from lanework.core.result.show import figure, html_table, preview, text_table
from lanework.machines.series.audit.origin import Held, origin_of
from lanework.machines.series.codes import UNEXPLAINED

Array = npt.NDArray[np.float64]
MOST = 8  # inputs of which all sets are run


@dataclass(repr=False)
class Bridge:
    """The way from the output of one run to that of another.

    Attributes:
        output: its name.
        unit: its unit.
        axes: the axes of all arrays here.
        before: the output of the one run, float64.
        after: that of the other.
        parts: by the name of each input that differs, how much of the difference is due to it.
        rounding: what the rounding of the parts leaves out: ``math.fsum`` of the parts and this is
            ``after - before`` to the bit.
        order: the order in which inputs were changed, () for the mean over all orders.
    """

    output: str
    unit: str
    axes: tuple[str, ...]
    before: Array
    after: Array
    parts: dict[str, Array]
    rounding: Array
    order: tuple[str, ...] = ()
    coords: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> Array:
        """What is due to an input; nothing to one that does not differ.

        Raises:
            Diagnostic: LW3071 for what is no input that differs.
        """
        if name not in self.parts:
            raise _differ(f"{name!r} is no input that differs between the runs", self.parts)
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the inputs that differ."""
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def rows(self) -> list[tuple[str, Array]]:
        """The inputs with what is due to them, the largest first, then rounding and the sum."""
        parts = sorted(self.parts.items(), key=lambda part: -float(np.abs(part[1]).max(initial=0)))
        return [*parts, ("rounding", self.rounding), ("in all", self.after - self.before)]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text; of an output over time or lanes, the first and last values."""
        return ["input", "change"], [[name, _brief(part)] for name, part in self.rows()]

    @property
    def title(self) -> str:
        """What went from where to where."""
        how = f"in the order {', '.join(self.order)}" if self.order else "all orders"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.output}: {_brief(self.before)} to {_brief(self.after)}{unit}, {how}"

    def __str__(self) -> str:
        return f"{self.title}\n{text_table(*self.table())}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(*self.table(), self.title)


def _brief(array: Array) -> str:
    return preview(array) if array.ndim else figure(float(array))


def _differ(what: str, differing: Iterable[str]) -> Diagnostic:
    names = ", ".join(differing)
    return Diagnostic(UNEXPLAINED, what, help=f"these do: {names}" if names else "none does")


def bridge(before: Held, after: Held, output: str, order: Iterable[str] | None) -> Bridge:
    """See `SeriesResult.bridge`."""
    program, old = origin_of(before)
    other, new = origin_of(after)
    periods = int(before.stats["periods"])
    _check(program == other, "the runs are of two programs")
    _check(periods == after.stats["periods"], "the runs have different numbers of periods")
    defaults = {port.name: port.default for port in program.inputs}
    changed = [n for n, d in defaults.items() if not _same(old.get(n, d), new.get(n, d))]
    steps = names("order", order) if order is not None else ()
    if order is not None and sorted(steps) != sorted(changed):
        raise _differ(
            f"the order {', '.join(steps)} does not name each input that differs once", changed
        )
    if order is None and len(changed) > MOST:
        what = f"{len(changed)} inputs differ, which have too many orders to run them all"
        raise Diagnostic(UNEXPLAINED, what, help="give order=, the names of these inputs in turn")
    runner = program.bind(outputs=[output], periods=periods)
    runs = _Runs(runner, output, [*defaults], old, new)
    start, end = runs(frozenset()), runs(frozenset(changed))
    with np.errstate(all="ignore"):
        parts = _in_turn(runs, steps) if order is not None else _shapley(runs, changed)
        _check_finite(runs, np.isfinite(start) & np.isfinite(end), parts)
        rounding = np.vectorize(_left_out, otypes=[float])(start, end, *parts.values())
    unit = next(port.unit for port in program.outputs if port.name == output)
    return Bridge(output, unit, runs.axes, start, end, parts, rounding, steps, runs.coords)


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise Diagnostic(UNEXPLAINED, what, help="compare runs that differ in inputs alone")


def _same(one: Any, other: Any) -> bool:
    """Whether two runs were given the same for an input, as far as that is seen."""
    if one is other:
        return True
    try:
        return np.array_equal(one, other, equal_nan=True) and _plain(one, other)
    except (TypeError, ValueError):  # of text there is no NaN
        return np.array_equal(one, other) and _plain(one, other)


def _plain(*values: Any) -> bool:
    """Whether values have no labels of their own, which would have to be compared too."""
    return all(isinstance(v, int | float | str | list | tuple | np.ndarray) for v in values)


class _Runs:
    """Runs with some of the inputs as they are after, each made once."""

    def __init__(
        self,
        runner: Any,
        output: str,
        names: Sequence[str],
        old: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> None:
        self.runner, self.output, self.names, self.old, self.new = runner, output, names, old, new
        self.axes: tuple[str, ...] = ()
        self.coords: Mapping[str, Any] = {}
        self.known: dict[frozenset[str], Array] = {}

    def __call__(self, changed: frozenset[str]) -> Array:
        if changed not in self.known:
            sides = {name: self.new if name in changed else self.old for name in self.names}
            inputs = {name: side[name] for name, side in sides.items() if name in side}
            which = f"only {', '.join(sorted(changed))}" if changed else "nothing"
            with noting(f"in the run in which {which} is as afterwards"):
                result = self.runner(**inputs)
            axes = result.axes(self.output)
            same = not self.known or axes == self.axes
            _check(same, f"{self.output!r} has other axes in one run than in the other")
            for axis, labels in self.coords.items():
                here = result.coords.get(axis)
                same = here is None or np.array_equal(np.asarray(labels), np.asarray(here))
                _check(same, f"the runs have different labels along {axis!r}")
            self.axes, self.coords = axes, {**self.coords, **result.coords}
            value = np.asarray(result[self.output], np.float64)
            shapes = {value.shape, *(known.shape for known in self.known.values())}
            _check(len(shapes) == 1, f"{self.output!r} has another shape in one run")
            self.known[changed] = value
        return self.known[changed]


def _in_turn(runs: _Runs, order: Sequence[str]) -> dict[str, Array]:
    parts = {}
    for number, name in enumerate(order):
        last = runs(frozenset(order[:number]))
        parts[name] = np.asarray(runs(frozenset(order[: number + 1])) - last)
    return parts


def _shapley(runs: _Runs, changed: Sequence[str]) -> dict[str, Array]:
    """The mean over all orders: each set of other inputs with its share of the orders."""
    count = len(changed)
    parts = {}
    for name in changed:
        part: Any = 0.0
        terms = []
        for others in _subsets([each for each in changed if each != name]):
            orders = math.factorial(len(others)) * math.factorial(count - len(others) - 1)
            share, after, before = orders / math.factorial(count), others | {name}, others
            part = part + (runs(after) - runs(before)) * share
            terms += [runs(after) * share, runs(before) * -share]
        if not np.isfinite(part).all():  # a difference that is too large, of which a share is not
            part = np.where(np.isfinite(part), part, np.vectorize(_sum, otypes=[float])(*terms))
        parts[name] = np.asarray(part)
    return parts


def _check_finite(runs: _Runs, asked: Any, parts: Mapping[str, Array]) -> None:
    """Refuse parts that are no numbers where both ends are.

    Raises:
        Diagnostic: LW3071 for a run in between that is not finite, and for what is too large.
    """
    for changed, value in runs.known.items():
        bad = value[asked & ~np.isfinite(value)]
        if bad.size:
            which = ", ".join(sorted(changed))
            what = f"{runs.output!r} is {figure(float(bad[0]))} where only {which} is as afterwards"
            last = "give the inputs in an order in which it has a value all the way: order=[...]"
            raise Diagnostic(UNEXPLAINED, what, help=last)
    difference = runs(frozenset(parts)) - runs(frozenset())
    sizes = {f"what is due to {name!r}": part for name, part in parts.items()}
    for what, size in {f"the difference of {runs.output!r}": difference, **sizes}.items():
        if (asked & ~np.isfinite(size)).any():
            large = f"{what} is larger than numbers get"
            raise Diagnostic(UNEXPLAINED, large, help="give the output in a larger unit")


def _subsets(names: Sequence[str]) -> Iterator[frozenset[str]]:
    for size in range(len(names) + 1):
        for some in combinations(names, size):
            yield frozenset(some)


def _left_out(start: float, end: float, *parts: float) -> float:
    """What must be added to the parts for their exact sum to be that of the difference."""
    return _sum(end, -start, *(-part for part in parts))


def _sum(*values: float) -> float:
    """The exact sum, rounded once; infinite where no number is as large, NaN beside what is none.

    ``math.fsum`` refuses sums that get too large on the way.
    """
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return math.fsum(values)
    except OverflowError:
        total = sum(map(Fraction, values))
    try:
        return float(total)
    except OverflowError:
        return math.inf if total > 0 else -math.inf
