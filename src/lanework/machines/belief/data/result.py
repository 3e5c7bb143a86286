"""Answers about a graph: as arrays, and as objects and tables for files and frames."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.files import atomic_write
from lanework.core.options import flag
from lanework.core.result.result import Array
from lanework.core.result.saving import check_ending, json_text, path_of
from lanework.core.result.show import figure, markup
from lanework.core.result.tablefile import TABLES, TableFile, write_book
from lanework.machines.belief.codes import NO_TABLE
from lanework.machines.belief.data.answers import BEST, ROWS, TOTALS
from lanework.machines.belief.data.tabular import DECIDED, JOINT, LN_P, Answers
from lanework.machines.belief.graph.uai import write_results
from lanework.machines.belief.semiring import CUSTOM

POSTERIOR = "posterior"
UAI = {".pr": "z", ".mar": "marginals", ".mpe": "mpe"}
"""The endings of results of UAI inference competitions, and the query that each answers."""
ENDINGS = (".json", *TABLES, ".xlsx", ".npz", *UAI)
LISTED, BAR = 20, 120  # variables that a notebook shows, and the width of a bar for one


def check_uai(path: Path, query: str, rows: int) -> None:
    """Refuse what a result of UAI inference competitions does not hold.

    Args:
        path: the file.
        query: the kind of the query.
        rows: of evidence.

    Raises:
        Diagnostic: LW5012.
    """
    if rows != 1:
        what = f"{path.name} holds one row of evidence, not {rows:,}"
        raise Diagnostic(NO_TABLE, what, help="write .json, .csv or .parquet")
    held = UAI[path.suffix.lower()]
    if query != held:
        asked = "all" if held == "marginals" else held
        what = f"{path.name} does not hold what was asked for"
        raise Diagnostic(NO_TABLE, what, help=f"ask with --query {asked}")


class BeliefResult(Answers):
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

    # Objects ----------------------------------------------------------------------------------

    def objects(self) -> Iterator[dict[str, Any]]:
        """An object for each row, of plain values."""
        totals, possible = self.rows(self.total), self.possible()
        labels = self._row_labels() if ROWS in self.coords else None
        values = {name: self.rows(name) for name in self.names}
        for row in range(len(totals)):
            if not possible[row].any():
                answer = {self.total: None, "impossible": True}
            elif self.query in DECIDED:
                answer = self._assignments(values, totals[row], possible[row], row)
            else:
                answer = {
                    self.total: totals[row : row + 1].tolist()[0],
                    **self._answers(values, row),
                }
            yield answer if labels is None else {ROWS: _plain(labels[row]), **answer}

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
        axes = {name: self._labels(self.axes(name)[-1]) for name in tables}
        pairs = {name: zip(axes[name], of, strict=True) for name, of in tables.items()}
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

    # Files ------------------------------------------------------------------------------------

    def save(
        self, path: str | os.PathLike[str], *, csv_safe: bool = False, wide: bool = False
    ) -> tuple[Path, ...]:
        """Write a file: .json has an object a row, .csv and other tables are long, .npz has arrays.

        ``.pr``, ``.mar`` and ``.mpe`` are results of one row as UAI inference competitions have
        them.

        Args:
            path: the file.
            csv_safe: as for `Result.save`.
            wide: as for `columns`.

        Raises:
            Diagnostic: LW1022 for a missing extra, LW1023 for an unknown ending, LW5012 for what
                the file cannot hold, or an error of the file system.
        """
        target, csv_safe, wide = path_of(path), flag("csv_safe", csv_safe), flag("wide", wide)
        ending = check_ending(target, ENDINGS)
        if ending == ".npz":
            return super().save(target)
        if ending in (*TABLES, ".xlsx"):
            with atomic_write(target) as raw:
                if ending == ".xlsx":
                    write_book(raw, {"answers": partial(self.blocks, wide=wide)})
                else:
                    with TableFile(raw, ending, csv_safe) as table:
                        for columns in self.blocks(wide=wide):
                            table.write(columns, {})
            return (target,)
        with atomic_write(target, "w") as file:
            if ending == ".json":
                file.write('{"rows": [')
                for number, row in enumerate(self.objects()):
                    file.write(",\n" * (number > 0) + json_text(row).decode())
                file.write('], "approximate": true}\n' if self.approximate else "]}\n")
            else:
                file.write(self._uai(target))
        return (target,)

    def _uai(self, path: Path) -> str:
        """A result as UAI inference competitions have it, of one row."""
        totals, ending = self.rows(self.total), path.suffix.lower()
        logarithm = ending == ".pr" and self.total == LN_P
        check_uai(path, "z" if logarithm else self.query, len(totals))
        if logarithm:
            return write_results(float(totals.max()))
        if self.stats["variables"] != len(self.names):
            what = f"{path.name} holds every variable, and the answer {len(self.names)}"
            raise Diagnostic(NO_TABLE, what, help="leave out --query")
        if ending == ".mar":
            return write_results(marginals=[self.rows(name)[0].tolist() for name in self.names])
        if not self.possible().all():
            raise Diagnostic(
                NO_TABLE,
                "the evidence is impossible: there is no assignment",
                help="change or leave out some of it",
            )
        best = [self.states[name].index(str(self.rows(name)[0, 0])) for name in self.names]
        return write_results(best=dict(enumerate(best)))

    def _repr_html_(self) -> str:
        """Bars for the posteriors of a single row."""
        names = [name for name in self if len(self.axes(name)) == 1 and not self.rowed]
        if not names or self.query != "marginals" or self.total == TOTALS[CUSTOM]:
            return super()._repr_html_()
        rows = [
            (n, self._labels(self.axes(n)[-1]), self[n].astype(np.float64).tolist())
            for n in names[:LISTED]
        ]
        total = f"{self.total} {figure(self[self.total].item())}"
        more = [f"{len(names) - LISTED:,} more"] if len(names) > LISTED else []
        return _page(rows, "Posteriors: " + ", ".join([self.summary(), total, *more]))


def _plain(label: Any) -> str | int | float:
    """A label as JSON has it."""
    label = label.item() if isinstance(label, np.generic) else label
    return label if isinstance(label, str | int | float) else str(label)


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
