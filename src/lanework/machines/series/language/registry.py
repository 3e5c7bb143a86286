"""The named nodes of a model: what it holds, and whether a name may be added.

The passes that compile a model read this and nothing else of it.
"""

from __future__ import annotations

import copy
import datetime
import keyword
from collections.abc import Iterator
from typing import Self

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.units import Unit
from lanework.core import options
from lanework.machines.series.codes import (
    BAD_CALENDAR,
    BAD_NAME,
    DUPLICATE,
    NO_PERIODS,
    UNKNOWN_NAME,
)
from lanework.machines.series.language.calendar import (
    Calendar,
    check_frequency,
    check_periods,
    check_start,
)
from lanework.machines.series.language.nodes import (
    RESERVED,
    Circular,
    Formula,
    Input,
    Output,
    check_kind,
)
from lanework.machines.series.language.tables import Table


class Registry:
    """Inputs, tables, formulas and outputs by name; see `Model` for the arguments.

    Raises:
        Diagnostic: LW3016 for a calendar that makes no sense.
    """

    def __init__(
        self,
        name: str,
        periods: int | None = None,
        start: str | datetime.date | np.datetime64 | None = None,
        freq: str | None = None,
        doc: str = "",
    ) -> None:
        self.name, self.doc = options.text("the model's name", name), options.text("doc", doc)
        if periods is not None:
            periods = check_periods("model", periods)
        if freq is not None:
            check_frequency(freq)
        if start is not None:
            start = check_start(start)
            if freq is None:
                raise Diagnostic(
                    BAD_CALENDAR,
                    "the model has a start date and no frequency",
                    help="give freq= day, month, quarter or year",
                )
        self.periods = periods
        self.start: str | None = start
        self.freq = freq
        self.inputs: dict[str, Input] = {}
        self.formulas: dict[str, Formula] = {}
        self.tables: dict[str, Table] = {}
        self.declared: dict[str, Output] = {}
        self.horizon_name: str | None = None
        self.units: dict[str, Unit] = {}
        self.marks: dict[str, Circular] = {}

    def __repr__(self) -> str:
        return (
            f"<series model {self.name}: {len(self.inputs)} inputs, {len(self.formulas)} formulas, "
            f"{len(self.tables)} tables>"
        )

    @property
    def calendar(self) -> Calendar | None:
        """The calendar of a model that has a start, a frequency and a number of periods."""
        if self.start is None or self.freq is None or self.periods is None:
            return None
        return Calendar(self.start, self.freq, self.periods)

    @property
    def given(self) -> list[Input | Table]:
        """What comes from outside: inputs and tables."""
        return [*self.inputs.values(), *self.tables.values()]

    def __contains__(self, name: object) -> bool:
        return name in self.inputs or name in self.formulas or name in self.tables

    def __iter__(self) -> Iterator[str]:
        yield from self.inputs
        yield from self.formulas

    def snapshot(self) -> Self:
        """The model as it is now, whatever is added to it later."""
        now = copy.copy(self)
        vars(now).pop("_programs", None)  # of the model that grows
        for name in ("inputs", "formulas", "tables", "declared", "units", "marks"):
            setattr(now, name, dict(getattr(self, name)))
        return now

    def add_formula(self, formula: Formula) -> None:
        """Add a formula that is parsed already."""
        self._check_name(formula.name)
        check_kind(formula.kind or "", formula.name)
        self.formulas[formula.name] = formula

    def _check_identifier(self, name: str, what: str = "node") -> None:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise Diagnostic(
                BAD_NAME,
                f"{name!r} cannot be the name of a {what}",
                help="use letters, digits and underscores, and no Python keyword",
            )

    def _check_name(self, name: str) -> None:
        self._check_identifier(name)
        if name in RESERVED:
            raise Diagnostic(
                DUPLICATE,
                f"`{name}` is the machine's own name",
                help="t is the index of the period, periods their number; choose another name",
            )
        if name in self:
            what = f"`{name}` is defined already in model `{self.name}`"
            raise Diagnostic(DUPLICATE, what, help="give one of them another name")

    def need(self, name: str) -> None:
        """Raise the diagnostic for a node that the model does not have."""
        if not isinstance(name, str) or (name not in self.inputs and name not in self.formulas):
            names = [*self.formulas, *self.inputs]
            raise Diagnostic(
                UNKNOWN_NAME,
                f"model `{self.name}` has no node `{name}`",
                help=did_you_mean(name, names) or "define it as an input or a formula",
            )

    def need_periods(self) -> int:
        """The number of periods, for what cannot do without.

        Raises:
            Diagnostic: LW3022.
        """
        if self.periods is None:
            raise Diagnostic(
                NO_PERIODS,
                f"model `{self.name}` does not say how many periods it has",
                help=f'write Model("{self.name}", periods=...)',
            )
        return self.periods
