"""Answers about networks as people, programs and tables want them, whatever was asked."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.app import render
from lanework.app.codes import BAD_ARGUMENT
from lanework.base.errors import Diagnostic
from lanework.base.files import atomic_write
from lanework.core.frames import need
from lanework.core.show import figure

if TYPE_CHECKING:
    from lanework.core.program import Program
    from lanework.core.result import Result

LN_P, BEST, JOINT = "ln_p_evidence", "ln_p_best", "joint"
ENDINGS = (".json", ".csv", ".parquet", ".pr", ".mar", ".mpe")
_MANY = 20  # assignments that are shown on a terminal


class Answers:
    """A result, a row of evidence at a time."""

    def __init__(self, result: Result, program: Program | None) -> None:
        """Take a result apart: a program's, or without one approximate posteriors."""
        query = "marginals" if program is None else str(program.header.get("query", "marginals"))
        self.approximate = bool(result.stats.get("approximate"))
        self.result, self.program, self.query = result, program, query
        self.total = BEST if BEST in result else LN_P
        self.rowed = "row" in result.axes(self.total)
        self.values = {n: self._rows(result[n]) for n in result if n != self.total}
        self.totals = self._rows(result[self.total])
        self.states = query in ("mpe", "mmap", "kbest", "sample")
        if self.states:  # (row, assignment)
            self.totals = self.totals.reshape(len(self.totals), -1)
            self.values = {n: v.reshape(self.totals.shape) for n, v in self.values.items()}

    def _rows(self, value: Any) -> np.ndarray:
        return np.asarray(value) if self.rowed else np.asarray(value)[np.newaxis]

    def _labels(self, axis: str) -> list[str]:
        return list(map(str, self.result.coords[axis]))

    # For programs -----------------------------------------------------------------------------

    def objects(self) -> Iterator[dict[str, Any]]:
        """An object for each row."""
        for row in range(len(self.totals)):
            total = self.totals[row]
            if np.max(total) == -math.inf:
                yield {self.total: None, "impossible": True}
            elif self.states:
                yield self._assignments(row)
            else:
                yield {self.total: total.tolist(), **self._of(row)}

    def _of(self, row: int) -> dict[str, Any]:
        if self.query == "joint":
            names = [name for name in self.result.axes(JOINT) if name != "row"]
            states = {name: self._labels(name) for name in names}
            return {JOINT: {"states": states, "probability": self.values[JOINT][row].tolist()}}
        if self.query == "gradient":
            return {"gradient": {name: value[row].tolist() for name, value in self.values.items()}}
        return {
            "posteriors": {
                name: dict(zip(self._labels(name), value[row].tolist(), strict=True))
                for name, value in self.values.items()
            }
        }

    def _assignments(self, row: int) -> dict[str, Any]:
        found = []
        for turn, total in enumerate(self.totals[row].tolist()):
            if total > -math.inf:
                states = {name: str(value[row, turn]) for name, value in self.values.items()}
                found.append({"states": states} | ({BEST: total} if self.total == BEST else {}))
        if self.query in ("mpe", "mmap"):
            return found[0]
        if self.query == "sample":
            return {LN_P: float(self.totals[row][0]), "assignments": found}
        return {"assignments": found}

    # For tables -------------------------------------------------------------------------------

    def columns(self) -> dict[str, np.ndarray]:
        """A table without rows of evidence that are impossible.

        Raises:
            Diagnostic: LW8001 for derivatives, which have no table.
        """
        if self.query == "gradient":
            what = "derivatives are tables of their own, one a factor"
            raise Diagnostic(BAD_ARGUMENT, what, help="write .json")
        if self.states:
            return self._assigned()
        if not self.values:
            table = {"row": np.arange(len(self.totals)), self.total: self.totals}
            mark = {"approximate": np.ones(len(self.totals), bool)} if self.approximate else {}
            return table | mark
        return self._joint() if self.query == "joint" else self._long()

    def _assigned(self) -> dict[str, np.ndarray]:
        """A row for each assignment, a column for each variable."""
        rows, turns = np.nonzero(self.totals > -np.inf)
        table: dict[str, np.ndarray] = {"row": rows}
        if self.query in ("kbest", "sample"):
            table["assignment"] = turns
        if self.total == BEST:
            table[BEST] = self.totals[rows, turns]
        for name, value in self.values.items():
            table[f"{name} (state)" if name in table else name] = value[rows, turns]
        return table

    def _joint(self) -> dict[str, np.ndarray]:
        """A row for each combination of states."""
        possible = np.flatnonzero(self.totals > -np.inf)
        names = [name for name in self.result.axes(JOINT) if name != "row"]
        value = self.values[JOINT][possible]
        places = np.indices(value.shape).reshape(value.ndim, -1)
        table = {"row": possible[places[0]]}
        for name, place in zip(names, places[1:], strict=True):
            table[f"{name} (state)" if name in table else name] = np.array(
                self._labels(name), object
            )[place]
        return {**table, "probability": value.ravel()}

    def _long(self) -> dict[str, np.ndarray]:
        """A row for each state of each variable."""
        possible = np.flatnonzero(self.totals > -np.inf)
        parts: dict[str, list[np.ndarray]] = {
            n: [] for n in ("row", "variable", "state", "probability")
        }
        for name, value in self.values.items():
            states = np.array(self._labels(name), object)
            parts["row"].append(np.repeat(possible, len(states)))
            parts["variable"].append(np.full(len(possible) * len(states), name, object))
            parts["state"].append(np.tile(states, len(possible)))
            parts["probability"].append(value[possible].ravel())
        columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        if self.approximate:
            columns["approximate"] = np.ones(len(columns["row"]), bool)
        order = np.argsort(columns["row"], kind="stable")
        return {name: column[order] for name, column in columns.items()}

    def write(self, path: Path) -> Path:
        """Write a file of the kind that its ending says."""
        ending = path.suffix.lower()
        if ending == ".json":
            with atomic_write(path, "w") as file:
                file.write('{"rows": [')
                for number, row in enumerate(self.objects()):
                    file.write(",\n" * (number > 0) + json.dumps(row))
                file.write('], "approximate": true}\n' if self.approximate else "]}\n")
        elif ending in (".pr", ".mar", ".mpe"):
            with atomic_write(path, "w") as file:
                file.write(self._uai(path))
        elif ending == ".parquet":
            columns = self.columns()
            pyarrow, parquet = (need(n, "writing Parquet") for n in ("pyarrow", "pyarrow.parquet"))
            with atomic_write(path) as file:
                parquet.write_table(pyarrow.table(columns), file)
        else:
            columns = self.columns()
            with atomic_write(path, "w") as file:
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(columns)
                lines.writerows(zip(*(c.tolist() for c in columns.values()), strict=True))
        return path

    def _uai(self, path: Path) -> str:
        """A result as UAI inference competitions have it, of one row."""
        from lanework.machines.belief.layout import BeliefView
        from lanework.machines.belief.readers.uairesults import write_results

        if len(self.totals) != 1:
            what = f"{path.name} holds one row of evidence, not {len(self.totals):,}"
            raise Diagnostic(BAD_ARGUMENT, what, help="write .json, .csv or .parquet")
        ending = path.suffix.lower()
        if ending == ".pr" and self.total == LN_P:
            return write_results(float(np.max(self.totals[0])))
        query = {".mar": "marginals", ".mpe": "mpe", ".pr": "z"}[ending]
        if self.query != query:
            asked = "all" if query == "marginals" else query
            what = f"{path.name} does not hold what was asked for"
            raise Diagnostic(BAD_ARGUMENT, what, help=f"ask with --query {asked}")
        if self.result.stats["variables"] != len(self.values):
            what = f"{path.name} holds every variable, and the answer {len(self.values)}"
            raise Diagnostic(BAD_ARGUMENT, what, help="leave out --query")
        if ending == ".mar":
            return write_results(marginals=[value[0].tolist() for value in self.values.values()])
        if self.totals[0, 0] == -np.inf:
            raise Diagnostic(BAD_ARGUMENT, "the evidence is impossible: there is no assignment")
        assert self.program is not None  # which alone has a best assignment
        states = {v.name: v.states for v in BeliefView.of(self.program).variables}
        best = [states[name].index(str(value[0, 0])) for name, value in self.values.items()]
        return write_results(best=dict(enumerate(best)))

    # For people -------------------------------------------------------------------------------

    def show(self) -> None:
        """Print one row in words, many as a table."""
        if len(self.totals) > 1:
            render.result(self.result)
            return
        total = float(np.max(self.totals[0]))
        if total == -math.inf:
            print("the evidence is impossible: its probability is 0")
            return
        last = [self.total, figure(total)]
        if self.states:
            self._show_assignments(last)
        elif self.query in ("joint", "gradient"):
            render.result(self.result)
        else:
            cells = [
                [
                    name,
                    "  ".join(
                        f"{state} {figure(float(p))}"
                        for state, p in zip(self._labels(name), value[0], strict=True)
                    ),
                ]
                for name, value in self.values.items()
            ]
            head = "posterior (approximate)" if self.approximate else "posterior"
            render.table(["variable", head], [*cells, last])

    def _show_assignments(self, last: list[str]) -> None:
        """A column for each assignment, as many as fit."""
        turns = np.flatnonzero(self.totals[0] > -np.inf)[:_MANY]
        if self.query in ("mpe", "mmap"):
            cells = [[name, str(value[0, 0])] for name, value in self.values.items()]
            render.table(["variable", "state"], [*cells, last])
            return
        cells = [[str(turn), *(str(v[0, turn]) for v in self.values.values())] for turn in turns]
        if self.total == BEST:
            cells = [
                [*c, figure(float(self.totals[0, t]))] for c, t in zip(cells, turns, strict=True)
            ]
        head = ["", *self.values, *([BEST] if self.total == BEST else [])]
        render.table(head, cells)
        more = self.totals.shape[1] - len(turns)
        if more > 0:
            render.message(f"{more:,} more; --out writes all of them")
