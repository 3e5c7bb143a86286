"""Answers as tables: long ones, wide ones, in blocks of rows, as frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.options import flag
from lanework.core.result.frames import arrow_table, need, one_type
from lanework.core.result.result import Array, Result
from lanework.machines.belief.codes import NO_TABLE
from lanework.machines.belief.data.answers import ASSIGNMENTS, BEST, ROWS, SCALE

if TYPE_CHECKING:
    import pandas
    import pyarrow

LN_P, JOINT = "ln_p_evidence", "joint"
BLOCK = 1 << 16  # numbers of a block of a table
DECIDED = ("mpe", "mmap", "kbest", "sample")  # queries whose answers are states
# What the value of a row is that has no answer, where that is not minus infinity.
_NOTHING = {"count": 0, "satisfiable": False, "least_cost": np.inf}


def no_table() -> Diagnostic:
    """What is said where derivatives are to be one table."""
    what = "derivatives are tables of their own, one a factor"
    return Diagnostic(NO_TABLE, what, help="write .json or .npz, or name one factor")


class Answers(Result):
    """A result whose rows are those of the evidence; the attributes are those of `BeliefResult`."""

    __slots__ = ("query", "states", "total")

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        query: str,
        states: Mapping[str, Sequence[str]],
        total: str,
        **more: Any,
    ) -> None:
        """Keep values; the rest is as for `Result`."""
        super().__init__(values, **more)
        self.query, self.states, self.total = query, states, total

    @property
    def names(self) -> list[str]:
        """The answers but for the whole program's value."""
        return [name for name in self if name not in (self.total, SCALE)]

    @property
    def approximate(self) -> bool:
        """Whether the answers are approximate, as was asked for by name."""
        return bool(self.stats.get("approximate"))

    @property
    def rowed(self) -> bool:
        """Whether there was a table of evidence, and not one row."""
        return self.axes(self.total)[:1] == (ROWS,)

    def rows(self, name: str) -> Array:
        """A value with an axis of rows first, and where states are answered one of assignments."""
        value = self[name] if self.rowed else self[name][np.newaxis]
        return value.reshape(len(value), prod(value.shape[1:])) if self.query in DECIDED else value

    def possible(self) -> Array:
        """Where there is an answer: one a row, or one an assignment."""
        return np.asarray(self.rows(self.total) != _NOTHING.get(self.total, -np.inf))

    def trimmed(self) -> Self:
        """The same with no more assignments than the row has that has the most, but for one."""
        if self.query != "kbest" or self.axes(self.total)[-1:] != (ASSIGNMENTS,):
            return self
        most = max(1, int(self.possible().sum(axis=1).max(initial=0)))
        values = {name: self[name][..., :most] for name in self}
        asked: dict[str, Any] = {"query": self.query, "states": self.states, "total": self.total}
        return type(self)(values, axes=self._axes, coords=self.coords, stats=self.stats, **asked)

    def _labels(self, axis: str) -> list[str]:
        return list(map(str, self.coords[axis]))

    def columns(self, *names: str, wide: bool = False) -> dict[str, Array]:
        """A table without rows of evidence that are impossible; of `names` as for `Result`.

        Posteriors have a row for each state, a joint one for each combination of states, and
        assignments one each, with a column for each variable. `row` has the labels of the rows, or
        their numbers.

        Args:
            *names: answers, as for `Result`.
            wide: let posteriors have a row for each row of evidence, and a column `VARIABLE=STATE`
                for each state.

        Raises:
            Diagnostic: LW5012 for derivatives, which have no table.
        """
        wide = flag("wide", wide)
        return super().columns(*names) if names else self._table(slice(None), wide)

    def blocks(self, *, wide: bool = False) -> Iterator[dict[str, Array]]:
        """The same table in blocks of some rows of evidence, which need little memory.

        Raises:
            Diagnostic: LW5012 for derivatives, which have no table.
        """
        wide = flag("wide", wide)
        if self.query in ("gradient", "sensitivity"):
            yield self.columns(wide=wide)
            return
        count, cells = len(self.rows(self.total)), sum(self[name].size for name in self)
        step, empty = max(1, BLOCK * count // max(cells, 1)), True
        for first in range(0, count, step):
            columns = self._table(slice(first, first + step), wide)
            if len(columns["row"]):  # of nothing there are no types
                yield columns
                empty = False
        if empty:
            yield self._table(slice(0), wide)

    def _table(self, rows: slice, wide: bool) -> dict[str, Array]:
        if self.query in ("gradient", "sensitivity"):
            raise no_table()
        possible = self.possible()
        numbers = np.arange(len(possible))[rows]
        if self.query in DECIDED:
            return self._assigned(numbers)
        if not self.names:
            totals = self.rows(self.total)[rows]
            return self._marked({"row": self._row_labels()[numbers], self.total: totals})
        numbers = numbers[possible[rows]]
        if self.query == "joint":
            return self._jointly(numbers)
        return self._wide(numbers) if wide else self._long(numbers)

    def _row_labels(self) -> Array:
        """A label for each row, or its number; of several levels they are one text."""
        labels = self.labels(ROWS, len(self.rows(self.total)))
        return one_type(labels)

    def _assigned(self, numbers: Array) -> dict[str, Array]:
        """A row for each assignment, a column for each variable."""
        which, turns = np.nonzero(self.possible()[numbers])
        rows = numbers[which]
        table: dict[str, Array] = {"row": self._row_labels()[rows]}
        if self.query in ("kbest", "sample"):
            table["assignment"] = turns
        if self.total == BEST:
            table[BEST] = self.rows(BEST)[rows, turns]
        for name in self.names:
            table[f"{name} (state)" if name in table else name] = self.rows(name)[rows, turns]
        return table

    def _jointly(self, numbers: Array) -> dict[str, Array]:
        names = self.axes(JOINT)[int(self.rowed) :]
        value = self.rows(JOINT)[numbers]
        cells = np.indices(value.shape).reshape(value.ndim, -1)
        table: dict[str, Array] = {"row": self._row_labels()[numbers][cells[0]]}
        for name, place in zip(names, cells[1:], strict=True):
            column = np.array(self._labels(name), object)[place]
            table[f"{name} (state)" if name in table else name] = column
        return {**table, "probability": value.ravel()}

    def _states(self) -> list[tuple[str, str]]:
        """Every state of every variable asked for."""
        return [(name, state) for name in self.names for state in self._labels(self.axes(name)[-1])]

    def _posteriors(self, numbers: Array) -> Array:
        """A column for each of `_states`."""
        return np.concatenate([self.rows(name)[numbers] for name in self.names], axis=1)

    def _long(self, numbers: Array) -> dict[str, Array]:
        variables, states = np.array(self._states(), object).T
        columns = {
            "row": np.repeat(self._row_labels()[numbers], len(states)),
            "variable": np.tile(variables, len(numbers)),
            "state": np.tile(states, len(numbers)),
            "probability": self._posteriors(numbers).ravel(),
        }
        return self._marked(columns)

    def _wide(self, numbers: Array) -> dict[str, Array]:
        values = self._posteriors(numbers).T
        cells = {
            f"{name}={state}": v for (name, state), v in zip(self._states(), values, strict=True)
        }
        return self._marked({"row": self._row_labels()[numbers], **cells})

    def _marked(self, columns: dict[str, Array]) -> dict[str, Array]:
        """A table that says in each row that it is approximate, if it is."""
        if self.approximate:
            columns["approximate"] = np.ones(len(columns["row"]), bool)
        return columns

    def to_pandas(self, *names: str, wide: bool = False) -> pandas.DataFrame:
        """The long table, or posteriors with a line for each row and a column for each state.

        Args:
            *names: variables, as for `Result`; by default the whole answer.
            wide: whether states of variables go across, in the order in which they are declared.

        Raises:
            Diagnostic: LW1022 without pandas; LW5012 for derivatives.
        """
        wide = flag("wide", wide)
        if names:
            return super().to_pandas(*names, wide=wide)
        pd = need("pandas", "to_pandas()")
        frame: pandas.DataFrame
        if not (wide and self.query == "marginals" and self.names):
            frame = pd.DataFrame(self.columns())
            return frame
        numbers = np.flatnonzero(self.possible())
        across = pd.MultiIndex.from_tuples(self._states(), names=["variable", "state"])
        labels = self.labels(ROWS, len(self.rows(self.total)))
        index = pd.Index(labels[numbers], name="row")
        frame = pd.DataFrame(self._posteriors(numbers), index=index, columns=across)
        return frame

    def to_arrow(self, *names: str) -> pyarrow.Table:
        """The long table; of `names` as for `Result`.

        Raises:
            Diagnostic: LW1022 without pyarrow; LW1029; LW5012 for derivatives.
        """
        if names:
            return super().to_arrow(*names)
        return arrow_table(self.columns(), {})
