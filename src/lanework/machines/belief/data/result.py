"""Answers about a graph: as arrays, and as objects and tables for files and frames."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.files import atomic_write
from lanework.core.result.frames import need
from lanework.core.result.result import Array, Result
from lanework.core.result.saving import check_ending
from lanework.core.result.show import figure, markup
from lanework.core.result.tablefile import TABLES, TableFile, write_book
from lanework.machines.belief.codes import NO_TABLE
from lanework.machines.belief.data.answers import BEST, ROWS, TOTALS
from lanework.machines.belief.graph.uai import write_results
from lanework.machines.belief.semiring import CUSTOM

if TYPE_CHECKING:
    import pandas
    import pyarrow

LN_P, JOINT, POSTERIOR, SCALE = "ln_p_evidence", "joint", "posterior", "ln_scale"
ENDINGS = (".json", *TABLES, ".xlsx", ".npz", ".pr", ".mar", ".mpe")
LISTED, BAR = 20, 120  # variables that a notebook shows, and the width of a bar for one
DECIDED = ("mpe", "mmap", "kbest", "sample")  # queries whose answers are states
# What the value of a row is that has no answer, where that is not minus infinity.
_NOTHING = {"count": 0, "satisfiable": False, "least_cost": np.inf}


class BeliefResult(Result):
    """A result whose rows are those of the evidence.

    Attributes:
        query: the kind of the query that it answers.
        states: the states of each variable that is asked for.
        total: the name of the whole program's value.

    Example:
        >>> from lanework.machines.belief.graph.model import FactorGraph
        >>> from lanework.machines.belief.queries.infer import infer
        >>> graph = FactorGraph()
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.25, 0.75])
        >>> columns = infer(graph).columns()
        >>> list(columns), columns["state"].tolist(), columns["probability"].tolist()
        (['row', 'variable', 'state', 'probability'], ['yes', 'no'], [0.25, 0.75])
    """

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
        return value.reshape(len(value), -1) if self.query in DECIDED else value

    def possible(self) -> Array:
        """Where there is an answer: one a row, or one an assignment."""
        return np.asarray(self.rows(self.total) != _NOTHING.get(self.total, -np.inf))

    def _labels(self, axis: str) -> list[str]:
        return list(map(str, self.coords[axis]))

    # Objects ----------------------------------------------------------------------------------

    def objects(self) -> Iterator[dict[str, Any]]:
        """An object for each row, of plain values."""
        totals, possible = self.rows(self.total), self.possible()
        values = {name: self.rows(name) for name in self.names}
        for row in range(len(totals)):
            if not possible[row].any():
                yield {self.total: None, "impossible": True}
            elif self.query in DECIDED:
                yield self._assignments(values, totals[row], possible[row], row)
            else:
                yield {self.total: totals[row : row + 1].tolist()[0], **self._answers(values, row)}

    def _answers(self, values: Mapping[str, Array], row: int) -> dict[str, Any]:
        if self.query == "joint":
            names = self.axes(JOINT)[int(self.rowed) :]
            states = {name: self._labels(name) for name in names}
            return {JOINT: {"states": states, "probability": values[JOINT][row].tolist()}}
        tables = {name: value[row].tolist() for name, value in values.items()}
        if self.query == "gradient":
            return {"gradient": tables}
        if self.query == "sensitivity":
            labels = self._labels(self.axes(POSTERIOR)[-1])
            posterior = dict(zip(labels, tables.pop(POSTERIOR), strict=True))
            return {POSTERIOR: posterior, "sensitivity": tables}
        pairs = {name: zip(self._labels(name), of, strict=True) for name, of in tables.items()}
        return {"posteriors": {name: dict(pair) for name, pair in pairs.items()}}

    def _assignments(
        self, values: Mapping[str, Array], totals: Array, possible: Array, row: int
    ) -> dict[str, Any]:
        assignments = []
        for turn in np.flatnonzero(possible).tolist():
            states = {name: str(value[row, turn]) for name, value in values.items()}
            one: dict[str, Any] = {"states": states}
            assignments.append(one | ({BEST: totals[turn].item()} if self.total == BEST else {}))
        if self.query in ("mpe", "mmap"):
            return assignments[0]
        if self.query == "sample":
            return {LN_P: totals[0].item(), "assignments": assignments}
        return {"assignments": assignments}

    # Tables -----------------------------------------------------------------------------------

    def columns(self, *names: str) -> dict[str, Array]:
        """A long table without rows of evidence that are impossible; of `names` as for `Result`.

        Posteriors have a row for each state, a joint one for each combination of states, and
        assignments one each, with a column for each variable.

        Raises:
            Diagnostic: LW5012 for derivatives, which have no table.
        """
        if names:
            return super().columns(*names)
        if self.query in ("gradient", "sensitivity"):
            what = "derivatives are tables of their own, one a factor"
            raise Diagnostic(NO_TABLE, what, help="write .json or .npz, or name one factor")
        if self.query in DECIDED:
            return self._assigned()
        if not self.names:
            totals = self.rows(self.total)
            return self._marked({"row": np.arange(len(totals)), self.total: totals})
        return self._jointly() if self.query == "joint" else self._long()

    def _assigned(self) -> dict[str, Array]:
        """A row for each assignment, a column for each variable."""
        rows, turns = np.nonzero(self.possible())
        table: dict[str, Array] = {"row": rows}
        if self.query in ("kbest", "sample"):
            table["assignment"] = turns
        if self.total == BEST:
            table[BEST] = self.rows(BEST)[rows, turns]
        for name in self.names:
            table[f"{name} (state)" if name in table else name] = self.rows(name)[rows, turns]
        return table

    def _jointly(self) -> dict[str, Array]:
        possible = np.flatnonzero(self.possible())
        names = self.axes(JOINT)[int(self.rowed) :]
        value = self.rows(JOINT)[possible]
        cells = np.indices(value.shape).reshape(value.ndim, -1)
        table: dict[str, Array] = {"row": possible[cells[0]]}
        for name, place in zip(names, cells[1:], strict=True):
            column = np.array(self._labels(name), object)[place]
            table[f"{name} (state)" if name in table else name] = column
        return {**table, "probability": value.ravel()}

    def _long(self) -> dict[str, Array]:
        possible = np.flatnonzero(self.possible())
        parts: dict[str, list[Array]] = {n: [] for n in ("row", "variable", "state", "probability")}
        for name in self.names:
            states = np.array(self._labels(name), object)
            parts["row"].append(np.repeat(possible, len(states)))
            parts["variable"].append(np.full(len(possible) * len(states), name, object))
            parts["state"].append(np.tile(states, len(possible)))
            parts["probability"].append(self.rows(name)[possible].ravel())
        columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        order = np.argsort(columns["row"], kind="stable")
        return self._marked({name: column[order] for name, column in columns.items()})

    def _marked(self, columns: dict[str, Array]) -> dict[str, Array]:
        """A table that says in each row that it is approximate, if it is."""
        if self.approximate:
            columns["approximate"] = np.ones(len(columns["row"]), bool)
        return columns

    def to_pandas(self, *names: str, wide: bool = False) -> pandas.DataFrame:
        """The long table, or posteriors with a line for each row and a column for each state.

        Args:
            *names: variables, as for `Result`; by default the whole answer.
            wide: whether states of variables go across.

        Raises:
            Diagnostic: LW1022 without pandas; LW5012 for derivatives.
        """
        if names:
            return super().to_pandas(*names, wide=wide)
        frame: pandas.DataFrame = need("pandas", "to_pandas()").DataFrame(self.columns())
        if wide and "variable" in frame:
            across = ["variable", "state"]
            order = list(dict.fromkeys(zip(frame["variable"], frame["state"], strict=True)))
            frame = frame.pivot(index="row", columns=across, values="probability")[order]
        return frame

    def to_arrow(self, *names: str) -> pyarrow.Table:
        """The long table; of `names` as for `Result`.

        Raises:
            Diagnostic: LW1022 without pyarrow; LW5012 for derivatives.
        """
        if names:
            return super().to_arrow(*names)
        table: pyarrow.Table = need("pyarrow", "to_arrow()").table(self.columns())
        return table

    # Files ------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, csv_safe: bool = False) -> tuple[Path, ...]:
        """Write a file: .json has an object a row, .csv and other tables are long, .npz has arrays.

        ``.pr``, ``.mar`` and ``.mpe`` are results of one row as UAI inference competitions have
        them.

        Args:
            path: the file.
            csv_safe: as for `Result.save`.

        Raises:
            Diagnostic: LW1022 for a missing extra, LW1023 for an unknown ending, LW5012 for what
                the file cannot hold, or an error of the file system.
        """
        target = Path(path)
        ending = check_ending(target, ENDINGS)
        if ending == ".npz":
            return super().save(target)
        if ending in (*TABLES, ".xlsx"):
            columns = self.columns()
            with atomic_write(target) as raw:
                if ending == ".xlsx":
                    write_book(raw, {"answers": columns})
                else:
                    with TableFile(raw, ending, csv_safe) as table:
                        table.write(columns, {})
            return (target,)
        with atomic_write(target, "w") as file:
            if ending == ".json":
                file.write('{"rows": [')
                for number, row in enumerate(self.objects()):
                    file.write(",\n" * (number > 0) + json.dumps(row))
                file.write('], "approximate": true}\n' if self.approximate else "]}\n")
            else:
                file.write(self._uai(target))
        return (target,)

    def _uai(self, path: Path) -> str:
        """A result as UAI inference competitions have it, of one row."""
        totals = self.rows(self.total)
        if len(totals) != 1:
            what = f"{path.name} holds one row of evidence, not {len(totals):,}"
            raise Diagnostic(NO_TABLE, what, help="write .json, .csv or .parquet")
        ending = path.suffix.lower()
        if ending == ".pr" and self.total == LN_P:
            return write_results(float(totals.max()))
        query = {".mar": "marginals", ".mpe": "mpe", ".pr": "z"}[ending]
        if self.query != query:
            asked = "all" if query == "marginals" else query
            what = f"{path.name} does not hold what was asked for"
            raise Diagnostic(NO_TABLE, what, help=f"ask with --query {asked}")
        if self.stats["variables"] != len(self.names):
            what = f"{path.name} holds every variable, and the answer {len(self.names)}"
            raise Diagnostic(NO_TABLE, what, help="leave out --query")
        if ending == ".mar":
            return write_results(marginals=[self.rows(name)[0].tolist() for name in self.names])
        if not self.possible().all():
            raise Diagnostic(NO_TABLE, "the evidence is impossible: there is no assignment")
        best = [self.states[name].index(str(self.rows(name)[0, 0])) for name in self.names]
        return write_results(best=dict(enumerate(best)))

    def _repr_html_(self) -> str:
        """Bars for the posteriors of a single row."""
        names = [name for name in self if self.axes(name) == (name,)]
        if not names or self.query != "marginals" or self.total == TOTALS[CUSTOM]:
            return super()._repr_html_()
        rows = [(n, self._labels(n), self[n].astype(np.float64).tolist()) for n in names[:LISTED]]
        total = f"{self.total} {figure(self[self.total].item())}"
        more = [f"{len(names) - LISTED:,} more"] if len(names) > LISTED else []
        return _page(rows, "Posteriors: " + ", ".join([self.summary(), total, *more]))


def _page(rows: Sequence[tuple[str, list[str], list[float]]], caption: str) -> str:
    """A table with a bar for each state of each variable, which has the colour of the text."""
    body = []
    for name, states, values in rows:
        for number, (state, value) in enumerate(zip(states, values, strict=True)):
            head = f"<th rowspan={len(states)}>{markup(name)}</th>" if number == 0 else ""
            share = min(max(value, 0.0), 1.0)
            bar = (
                f'<div style="width:{BAR * share:.0f}px;height:0.8em;background:currentColor;'
                'opacity:0.5"></div>'
            )
            body.append(
                f"<tr>{head}<td>{markup(state)}</td><td>{markup(figure(value))}</td>"
                f'<td style="text-align:left">{bar}</td></tr>'
            )
    head = "<thead><tr><th>variable</th><th>state</th><th>probability</th><th></th></tr></thead>"
    title = f"<caption>{markup(caption)}</caption>"
    return f"<table>{title}{head}<tbody>{''.join(body)}</tbody></table>"
