"""What a program can be asked about its inputs: the part of `SeriesProgram` that is here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lanework.core.options import names
from lanework.core.program.program import Program
from lanework.machines.series.data.tableinputs import inputs_by_name
from lanework.machines.series.layout import SeriesView

if TYPE_CHECKING:
    from lanework.base.limits import Limits
    from lanework.core.data.tables import TableLike
    from lanework.machines.series.audit.again import Again
    from lanework.machines.series.audit.depends import Dependents
    from lanework.machines.series.audit.tornado import Tornado
    from lanework.machines.series.runner import Runner

    Base = Program[Runner]
else:
    Base = Program


@dataclass(frozen=True, eq=False, repr=False)
class AuditedProgram(Base):
    """A program, and what each of its inputs does."""

    def tornado(
        self,
        output: str,
        changes: Mapping[str, Any] | float = 0.1,
        *,
        inputs: Mapping[str, Any] | TableLike | None = None,
        periods: int | None = None,
    ) -> Tornado:
        """What a change of each input, one at a time, does to an output.

        Args:
            output: an output without the axis time, in one lane.
            changes: for each input either a share, such as 0.1 for 10 % less and more, or its low
                and its high value, ``(low, high)``; a share alone is that of every input that is a
                number. The share of an input over time is of each of its values.
            inputs: the inputs, as `run` takes them; by default their defaults.
            periods: how many periods to run, if not the model's own number.

        Returns:
            A bar for each input, the largest swing first, those that are NaN last: what the model
            gives at the low and the high value, and what the gradient says of the same change.

        Raises:
            Diagnostic: LW3060, LW3044 as `gradient`; LW3071 for what has no one number; LW2005 for
                a change that is none.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("sales", periods=1)
            >>> _ = model.input("price", default=10.0), model.input("volume", default=5.0)
            >>> _ = model.formula("profit", "last(price * volume - 20)")
            >>> print(model.compile().tornado("profit", {"price": (9.0, 12.0), "volume": 0.2}))
            profit: 30
            input   low  high  at low  at high  swing  by gradient
            volume    4     6      20       40     20  20 40
            price     9    12      25       40     15  25 40
        """
        from lanework.machines.series.audit.tornado import tornado

        return tornado(self, output, changes, self._by_name(inputs), periods)

    def dependents(self, inputs: str | Iterable[str]) -> Dependents:
        """What has to be computed again when inputs change, counted in ops.

        Args:
            inputs: names of inputs of the program.

        Raises:
            Diagnostic: LW3071 for an input that it does not have.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("sales", periods=1)
            >>> _ = model.input("price"), model.input("volume"), model.input("rent")
            >>> _ = model.formula("revenue", "price * volume")
            >>> _ = model.formula("cost", "rent * 12 + 1")
            >>> _ = model.formula("profit", "revenue - cost")
            >>> print(model.compile().dependents("price"))
            2 of 4 ops depend on price: revenue (1), profit (1)
        """
        from lanework.machines.series.audit.depends import dependents

        return dependents(self, names("inputs", inputs))

    def again(
        self,
        changing: str | Iterable[str],
        inputs: Mapping[str, Any] | TableLike | None = None,
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        periods: int | None = None,
    ) -> Again:
        """Run once, to run again for some inputs what depends on them, and nothing else.

        What the others lead to is kept, over time and lanes, where it is needed: for each such
        value as much memory as an output takes.

        Args:
            changing: the inputs that will be given again.
            inputs: all inputs, as `run` takes them.
            engine: which engine runs.
            limits: fuel, memory, deadline and threads of each run.
            periods: how many periods to run, if not the model's own number.

        Returns:
            What is called with other values, and gives all outputs to the bit as a whole run does.

        Raises:
            Diagnostic: LW3071 for an input that it does not have, and what any run says.

        Example:
            >>> import lanework as lw
            >>> model = lw.series.Model("sales", periods=1)
            >>> _ = model.input("price"), model.input("volume"), model.input("rent")
            >>> _ = model.formula("revenue", "price * volume")
            >>> _ = model.formula("cost", "rent * 12 + 1")
            >>> _ = model.formula("profit", "revenue - cost")
            >>> again = model.compile().again("price", {"price": 5.0, "volume": 3.0, "rent": 1.0})
            >>> float(again.base["profit"]), float(again(price=7.0)["profit"])
            (2.0, 8.0)
            >>> print(again.dependents)
            2 of 4 ops depend on price: revenue (1), profit (1)
        """
        from lanework.machines.series.audit.again import Again

        def bind(program: Program) -> Any:
            return program.bind(engine, limits, periods=periods)

        return Again(self, names("changing", changing), self._by_name(inputs), bind)

    def _by_name(self, inputs: Mapping[str, Any] | TableLike | None) -> Mapping[str, Any]:
        return inputs_by_name(inputs, SeriesView.of(self))
