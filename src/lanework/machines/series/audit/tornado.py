"""What a change of each input does to an output: `SeriesProgram.tornado`.

Each input in turn is set to a low and to a high value, and the model is run again; beside that
stands what the derivative by the input says of the same change: exact where the output is linear.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean, noting
from lanework.core.codes import BAD_OPTION
from lanework.core.data.values import Given, exactly
from lanework.core.options import integer
from lanework.core.program.program import Program
from lanework.core.result.frames import need
from lanework.core.result.show import figure, html_table, preview, text_table
from lanework.machines.series.audit.origin import Floats, arrays_of, bound_of
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.data.coords import by_period
from lanework.machines.series.data.labels import along
from lanework.machines.series.data.outputs import names_of_periods
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.passes.derive import Deriver, over_time

if TYPE_CHECKING:
    import matplotlib.axes


@dataclass(frozen=True)
class Bar:
    """An input, and what it does to the output.

    Attributes:
        name: the input.
        low: its low value, a number, or the least of those over time.
        high: its high value, a number, or the largest of those over time.
        at_low: the output there.
        at_high: the output there.
        slope_low: what the gradient says the output is there.
        slope_high: what the gradient says the output is there.
    """

    name: str
    low: float
    high: float
    at_low: float
    at_high: float
    slope_low: float
    slope_high: float

    @property
    def swing(self) -> float:
        """How far apart the output is."""
        return abs(self.at_high - self.at_low)


@dataclass(frozen=True)
class Tornado:
    """The inputs of a program, from the one that moves an output most to the one that does least.

    Attributes:
        output: its name.
        unit: its unit.
        base: the output with all inputs as they are.
        bars: one an input, the largest swing first, those that are NaN last.
    """

    output: str
    unit: str
    base: float
    bars: tuple[Bar, ...]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text."""
        head = ["input", "low", "high", "at low", "at high", "swing", "by gradient"]
        return head, [
            [
                bar.name,
                *map(figure, (bar.low, bar.high, bar.at_low, bar.at_high, bar.swing)),
                f"{figure(bar.slope_low)} {figure(bar.slope_high)}",
            ]
            for bar in self.bars
        ]

    @property
    def title(self) -> str:
        """The output, and what it is."""
        return f"{self.output}: {figure(self.base)}{f' {self.unit}' if self.unit else ''}"

    def __str__(self) -> str:
        return f"{self.title}\n{text_table(*self.table())}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(*self.table(), self.title)

    def plot(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """Draw the bars, the largest on top, and what the gradient says as marks.

        Raises:
            Diagnostic: LW1022 without matplotlib.
        """
        pyplot = need("matplotlib.pyplot", "a plot")
        axes = pyplot.figure().subplots() if ax is None else ax
        bars = self.bars[::-1]
        for which in ("low", "high"):
            ends = [getattr(bar, f"at_{which}") - self.base for bar in bars]
            axes.barh([bar.name for bar in bars], ends, left=self.base, label=which)
        for which in ("low", "high"):
            marks = [getattr(bar, f"slope_{which}") for bar in bars]
            axes.plot(marks, range(len(bars)), "k|", markersize=12)
        axes.axvline(self.base, color="black", linewidth=0.8)
        axes.set_xlabel(f"{self.output}{f' ({self.unit})' if self.unit else ''}")
        axes.legend()
        return axes


def tornado(
    program: Program,
    output: str,
    changes: Mapping[str, Any] | float,
    inputs: Mapping[str, Any],
    periods: int | None,
) -> Tornado:
    """See `SeriesProgram.tornado`."""
    ports = {p.name: p for p in program.inputs if not p.categories}
    nodes = {name for name, port in ports.items() if port.optional}
    if not isinstance(changes, Mapping | numbers.Real):
        raise Diagnostic(
            BAD_OPTION,
            f"the changes are {changes!r}",
            help="give a share such as 0.1 for all inputs, or by the name of an input its share,"
            " or its low and its high value: {'rate': 0.1, 'price': (90, 110)}",
        )
    if not isinstance(changes, Mapping):
        changes = dict.fromkeys((name for name in ports if name not in nodes), changes)
    for name in changes:
        if name not in ports:
            raise Diagnostic(
                UNEXPLAINED,
                f"the program has no input {name!r} that is a number",
                help=did_you_mean(name, ports) or f"it has {', '.join(ports)}",
            )
    if periods is not None:
        periods = integer("periods", periods)
    periods = periods if periods is not None else (SeriesView.of(program).periods or None)
    bound = bound_of(program, periods, inputs)
    if bound.lanes * bound.repeats != 1:
        what = f"the inputs have {bound.lanes * bound.repeats:,} lanes"
        raise Diagnostic(UNEXPLAINED, what, help="give those of one lane")
    columns = zip(program.inputs, arrays_of(bound, dict.fromkeys(bound.axes, 0)), strict=True)
    moved = ports.keys() - (nodes - changes.keys())
    middles = {p.name: _plain(array) for p, array in columns if p.name in moved}
    for name in nodes.intersection(changes):
        if np.isnan(middles[name]).any():
            what = f"{name!r} is computed, in some periods at least, and is not overridden there"
            raise Diagnostic(UNEXPLAINED, what, help=f"give all of it: inputs={{{name!r}: ...}}")
    base_inputs = {**inputs, **{name: _given(middle) for name, middle in middles.items()}}
    runner = program.bind(outputs=[output], periods=bound.periods)
    each = {
        name: _given(np.broadcast_to(middles[name], bound.periods))
        for name in changes
        if "time" in ports[name].axes  # a slope for each period, for a change may differ so
    }
    gradient = _gradient(program, output, [*changes]).bind(periods=bound.periods)
    slopes = gradient(**{**base_inputs, **each})
    base = float(slopes[output])
    bars = []
    along_time = bound.periods, names_of_periods(program), bound.coords.get("time")
    for name, change in changes.items():
        ends = _ends(name, change, middles[name], each.get(name), along_time)
        at = []
        for end in ends:
            with noting(f"in the run with {name} = {preview(np.asarray(end))}"):
                at.append(float(runner(**{**base_inputs, name: _given(end)})[output]))
        slope = slopes[f"d_{output}_d_{name}"]
        with np.errstate(all="ignore"):  # of infinite inputs it says nothing
            said = [base + float(np.sum(slope * (end - middles[name]))) for end in ends]
        low, high = float(np.min(ends[0])), float(np.max(ends[1]))
        bars.append(Bar(name, low, high, *at, *said))
    unit = next(port.unit for port in program.outputs if port.name == output)
    return Tornado(output, unit, base, tuple(sorted(bars, key=_place)))


def _place(bar: Bar) -> tuple[bool, float]:
    """The largest swing first; NaN is neither more nor less than any, and comes last."""
    return math.isnan(bar.swing), -bar.swing


def _gradient(program: Program, output: str, names: list[str]) -> Program:
    """The program of an output and of its derivatives by these inputs."""
    deriver = Deriver(program)
    leaves = deriver.leaves(names)
    (port,) = deriver.asked(output)
    if "time" in port.axes:
        raise over_time(port)
    deriver.adjoint(port, leaves)
    return Program(**vars(deriver.finish("tornado")))


def _plain(array: Floats) -> Any:
    """An input of one lane: a number, or an array over time."""
    return float(array[0, 0]) if len(array) == 1 else array[:, 0]


def _given(value: Any) -> Any:
    """The same as a run takes it, whatever other axes the input has."""
    return value if np.ndim(value) == 0 else along("time", value)


def _ends(
    name: str, change: Any, middle: Any, timed: Any, along_time: tuple[Any, ...]
) -> tuple[Any, Any]:
    """The low and the high values of an input; those over time by the labels that they have.

    Raises:
        Diagnostic: LW2005 for what is neither a share nor two values.
    """
    if isinstance(change, tuple | list) and len(change) == 2:
        given = Given(f"the change of {name!r}", BAD_OPTION)
        if timed is not None:
            change = [by_period(end, f"the change of {name}", *along_time) for end in change]
        low, high = (exactly(end, "f64", given) for end in change)
        return (low if low.ndim else float(low)), (high if high.ndim else float(high))
    number = isinstance(change, numbers.Real) and not isinstance(change, bool)
    if not number or not 0 < change <= 1:
        more = f", which is {100 * change:g} % less and more" if number and change > 1 else ""
        raise Diagnostic(
            BAD_OPTION,
            f"the change of {name!r} is {change!r}{more}",
            help="give a share such as 0.1, for 10 % less and more, or a low and a high value",
        )
    share = float(change)  # one of half precision would leave the result in that
    less, more = middle * (1 - share), middle * (1 + share)
    return np.minimum(less, more)[()], np.maximum(less, more)[()]
