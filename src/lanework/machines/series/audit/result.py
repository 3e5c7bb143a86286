"""What a run of a series program gives back: outputs, and what is needed to explain them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core import options
from lanework.core.result.result import SHOWN, Array
from lanework.machines.series.audit.origin import Held
from lanework.machines.series.data.longtables import TIME
from lanework.machines.series.layout import SeriesView

if TYPE_CHECKING:
    from lanework.machines.series.audit.bridge import Bridge
    from lanework.machines.series.audit.residuals import Residuals
    from lanework.machines.series.audit.tree import Explanation
    from lanework.machines.series.audit.trouble import Trouble

FEW = 4  # labels that are all shown, as of numbers


class SeriesResult(Held):
    """The outputs of a run; they can be explained as long as the inputs are what they were.

    It refers to the program and to the inputs as they were given, and copies nothing. A result
    of a stream, or one that was pickled, does not have them.

    Example:
        >>> import lanework as lw
        >>> model = lw.series.Model("loan", periods=3)
        >>> _ = model.input("rate", default=0.1)
        >>> _ = model.formula("debt", "prev(debt, initial=100) + interest - 40")
        >>> _ = model.formula("interest", "prev(debt, initial=100) * rate")
        >>> print(model.run().explain("debt", t=1))
        debt in period 1
        debt[1] = 37 <- prev(debt, initial=100) + interest - 40
          debt[0] = 70 <- prev(debt, initial=100) + interest - 40 ...
          interest[1] = 7 <- prev(debt, initial=100) * rate
            debt[0] = 70 (see above)
            rate = 0.1, default
    """

    __slots__ = ()

    def select(self, names: Iterable[str]) -> SeriesResult:
        """The same result with these outputs only.

        Raises:
            Diagnostic: LW1020 for a name that is not an output.
        """
        listed = options.names("names", names)
        chosen = self.replaced({name: self[name] for name in listed}, self.stats)
        origin = getattr(self, "_origin", None)
        return chosen if origin is None else chosen.of(*origin)

    def replaced(self, values: Mapping[str, Array], stats: Mapping[str, Any]) -> SeriesResult:
        """Other values for some of the outputs, which the inputs do not explain."""
        plain = super().replaced(values, stats)
        return SeriesResult(
            values,
            axes=plain._axes,
            units=plain.units,
            kinds=plain.kinds,
            coords=plain.coords,
            stats=plain.stats,
            levels=plain.levels,
            absent=plain.absent,
        )

    def overview(self, most: int = SHOWN) -> tuple[list[str], list[list[str]], int]:
        """The same as of any result, and the labels of lanes: inputs may be in several orders."""
        header, rows, left = super().overview(most)
        over = dict.fromkeys(axis for name, *_ in rows for axis in self.axes(name))
        for axis in over:
            if axis != TIME and axis in self.coords:
                labels = np.asarray(self.coords[axis])
                shown = labels if len(labels) <= FEW else labels[[0, 1, 2, -1]]
                texts = ["-" if label is None else str(label) for label in shown]
                last = f" ... {texts.pop()}" if len(labels) > FEW else ""
                rows.append([axis, "labels", "", "  ".join(texts) + last])
        return header, rows, left

    def _unknown(self, name: object, known: str = "") -> Diagnostic:
        origin = getattr(self, "_origin", None)
        node = SeriesView.of(origin[0]).output_of(str(name)) if origin else ""
        return super()._unknown(name, node or known)

    def explain(
        self, node: str, t: Any = None, *, depth: int = 4, back: int = 1, **lane: Any
    ) -> Explanation:
        """The formulas, values and sources that made a number.

        Args:
            node: any node of the model, an output or not.
            t: the period, from 0, or its label, such as its first day. Of an output without the
                axis time it is left out.
            depth: how many formulas deep to go.
            back: how many periods back to follow `prev` (and ahead, `lead`).
            **lane: for each lane axis which lane, from 0, or its label, as ``scenario=3``. Where
                labels are numbers, a number is a label. An axis with one lane is left out.

        Returns:
            A tree, which prints itself. Its values are of the reference engine, for this lane, and
            equal to those of the result to the bit.

        Raises:
            Diagnostic: LW3071 for what cannot be explained, LW3003 for an unknown node.
        """
        from lanework.machines.series.audit.explain import explain

        return explain(self, options.text("node", node), t, lane, depth, back)

    def trouble(self) -> list[Trouble]:
        """Where outputs that are not finite come from.

        Returns:
            Of the first lane with an output that is NaN or infinite, the nodes where such a value
            arises from finite ones and goes on into an output, in the order of periods, each with
            its first period. Nothing if all outputs are finite.

        Raises:
            Diagnostic: LW3071 for a result that cannot be explained.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("cover", periods=3)
            >>> _ = model.input("service", axes="time")
            >>> _ = model.formula("cover", "10 / service")
            >>> _ = model.formula("mean", "average(cover)")
            >>> for trouble in model.run(service=[1.0, 0.0, 2.0]).trouble():
            ...     print(trouble)
            cover = 10 / service: division by zero: 10 / 0 is inf (period 1)
        """
        from lanework.machines.series.audit.trouble import trouble

        return trouble(self)

    def residuals(self) -> Residuals:
        """How well each loop of circular nodes was closed.

        The loops are solved once more, by the engine that ran, with what is left of each in every
        period and lane: as much memory as four outputs over both take, for each circular node.

        Returns:
            For each loop how many steps it took, the worst residual with node, period and lane,
            and where there is no solution; of all periods and lanes in `values`.

        Raises:
            Diagnostic: LW3071 for a result that cannot be explained.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("loan", periods=3)
            >>> _ = model.input("rate", axes="scenario")
            >>> _ = model.formula("debt", "100 + interest")
            >>> _ = model.formula("interest", "rate * debt", circular=True)
            >>> print(model.run(rate=[0.5, 0.75]).residuals())
            residuals of 1 loop, tolerance 1e-12
            loop      iterations  worst residual  of its terms  at
            interest  1 of 2      0               0             interest in scenario 0
        """
        from lanework.machines.series.audit.residuals import residuals

        return residuals(self)

    def bridge(
        self, before: SeriesResult, output: str, order: Iterable[str] | None = None
    ) -> Bridge:
        """Which inputs moved an output since another run of the same program.

        Args:
            before: the other run.
            output: an output of the program, over time and lanes as it is.
            order: the inputs that differ, in the order in which they are changed one after the
                other. Without it every order counts the same (Shapley), for at most eight inputs.

        Raises:
            Diagnostic: LW3071 for runs that cannot be compared.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("sales", periods=1)
            >>> _ = model.input("price"), model.input("volume")
            >>> _ = model.formula("revenue", "price * volume")
            >>> program = model.compile()
            >>> plan = program.run(price=10.0, volume=5.0)
            >>> actual = program.run(price=8.0, volume=6.0)
            >>> print(actual.bridge(plan, "revenue"))
            revenue: 50 to 48, all orders
            input     change
            price     -11
            volume      9
            rounding    0
            in all     -2
        """
        from lanework.machines.series.audit.bridge import bridge

        return bridge(before, self, output, order)
