"""`lanework run` for Bayesian networks and belief programs: evidence in, posteriors out."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.app import render
from lanework.app.codes import BAD_ARGUMENT, NO_ROWS, NO_SUCH_FILE
from lanework.base.errors import Diagnostic
from lanework.base.files import atomic_write
from lanework.core.frames import need
from lanework.core.saving import check_ending
from lanework.core.show import figure, many, seconds, size

if TYPE_CHECKING:
    from lanework.app.loading import Loaded
    from lanework.app.run import Options
    from lanework.core.result import Result

LN_P = "ln_p_evidence"
ENDINGS = (".json", ".csv", ".parquet", ".pr", ".mar")


def evidence(arguments: Sequence[str], options: Options) -> dict[str, list[Any]]:
    """Columns of states: a table's, or one row of what is given on the command line.

    Raises:
        Diagnostic: LW8001, LW8003.
    """
    if options.evidence is not None:
        if arguments or options.given:
            help = "in a table, or one by one"
            raise Diagnostic(BAD_ARGUMENT, "evidence is given twice", help=help)
        return read_table(Path(options.evidence), options.lanes)
    given: dict[str, list[Any]] = {}
    for argument in (*arguments, *options.given):
        name, sign, state = argument.partition("=")
        if not sign:
            what = f"{argument!r} is no evidence"
            raise Diagnostic(BAD_ARGUMENT, what, help="write VARIABLE=STATE")
        if given.setdefault(name, [state]) != [state]:
            what = f"the evidence of {name!r} is given twice: {given[name][0]!r} and {state!r}"
            raise Diagnostic(BAD_ARGUMENT, what, help="give each variable one state")
    return given


def run(loaded: Loaded, given: dict[str, list[Any]], options: Options) -> None:
    """Answer for columns of evidence."""
    if options.out is not None:
        check_ending(Path(options.out), ENDINGS)
    runner = loaded.program.bind(options.engine, options.limits(), threads=options.threads)
    result = runner(given)
    files = [] if options.out is None else [_write(result, Path(options.out))]
    stats = result.stats
    if options.json:
        render.json_out({"rows": list(_objects(result)), "stats": dict(stats)})
    elif not files:
        _show(result)
    render.message(
        f"loaded {loaded.path.name} in {seconds(loaded.seconds)}, answered"
        f" {many(stats['lanes'], 'row')} on {stats['engine']} in {seconds(stats['run_seconds'])}"
    )
    if stats["impossible"] and stats["lanes"] > 1:
        some = many(stats["impossible"], "row")
        render.message(f"the evidence of {some} is impossible: its probability is 0")
    for file in files:
        render.message(f"wrote {file} ({size(file.stat().st_size)})")


def read_table(path: Path, most: int | None) -> dict[str, list[Any]]:
    """Columns of states from a CSV, Parquet or UAI evidence file; an empty cell says nothing.

    Raises:
        Diagnostic: LW8003, LW8006 and what is wrong with the table.
    """
    from lanework.machines.belief.readers.csvtable import read_csv

    if not path.is_file():
        raise Diagnostic(NO_SUCH_FILE, f"{path} does not exist", help="check the path")
    if path.suffix.lower() == ".evid":
        from lanework.machines.belief.readers.uai import read_evid

        return {name: [state] for name, state in read_evid(path.read_text(), str(path)).items()}
    if path.suffix.lower() == ".parquet":
        parquet = need("pyarrow.parquet", "reading Parquet")
        try:
            table = parquet.read_table(path).slice(0, most)
        except (OSError, ValueError) as error:  # what pyarrow raises is one of these
            raise Diagnostic(NO_SUCH_FILE, f"{path} is no Parquet: {error}") from None
        columns = {name: table.column(name).to_pylist() for name in table.column_names}
        return _some(columns, path)
    return _some(read_csv(path, most), path)


def _some(columns: dict[str, list[Any]], path: Path) -> dict[str, list[Any]]:
    """The columns of a table that has rows."""
    if not any(columns.values()):
        raise Diagnostic(NO_ROWS, f"{path} has no rows", help="give it at least one")
    return columns


def _rows(result: Result) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ln P of each row, and posteriors of shape (rows, states)."""
    totals = np.atleast_1d(result[LN_P])
    found = {name: result[name] for name in result if name != LN_P}
    return totals, {n: v[np.newaxis] if v.ndim == 1 else v for n, v in found.items()}


def _objects(result: Result) -> Iterator[dict[str, Any]]:
    totals, posteriors = _rows(result)
    states = {name: list(map(str, result.coords[name])) for name in posteriors}
    for row, total in enumerate(totals.tolist()):
        if total == -math.inf:
            yield {LN_P: None, "impossible": True}
            continue
        yield {
            LN_P: total,
            "posteriors": {
                name: dict(zip(states[name], value[row].tolist(), strict=True))
                for name, value in posteriors.items()
            },
        }


def _write(result: Result, path: Path) -> Path:
    ending = path.suffix.lower()
    if ending == ".json":
        with atomic_write(path, "w") as file:
            file.write('{"rows": [')
            for number, row in enumerate(_objects(result)):
                file.write(",\n" * (number > 0) + json.dumps(row))
            file.write("]}\n")
        return path
    if ending in (".pr", ".mar"):
        with atomic_write(path, "w") as file:
            file.write(_uai(result, path))
        return path
    columns = _long(result)
    if ending == ".parquet":
        pyarrow, parquet = (need(n, "writing Parquet") for n in ("pyarrow", "pyarrow.parquet"))
        with atomic_write(path) as file:
            parquet.write_table(pyarrow.table(columns), file)
        return path
    with atomic_write(path, "w") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return path


def _uai(result: Result, path: Path) -> str:
    """A result as UAI inference competitions have it, of one row."""
    from lanework.machines.belief.readers.uairesults import write_results

    totals, posteriors = _rows(result)
    if len(totals) != 1:
        what = f"{path.name} holds one row of evidence, not {len(totals):,}"
        raise Diagnostic(BAD_ARGUMENT, what, help="write .json, .csv or .parquet")
    if path.suffix.lower() == ".pr":
        return write_results(float(totals[0]))
    if result.stats["variables"] != len(posteriors):
        what = f"{path.name} holds every variable, and the answer {len(posteriors)}"
        raise Diagnostic(BAD_ARGUMENT, what, help="leave out --query")
    return write_results(marginals=[value[0].tolist() for value in posteriors.values()])


def _long(result: Result) -> dict[str, np.ndarray]:
    """A row for each state; rows of evidence that is impossible are left out."""
    totals, posteriors = _rows(result)
    if not posteriors:
        return {"row": np.arange(len(totals)), LN_P: totals}
    possible = np.flatnonzero(totals > -np.inf)
    parts: dict[str, list[np.ndarray]] = {
        n: [] for n in ("row", "variable", "state", "probability")
    }
    for name, value in posteriors.items():
        states = np.array(list(map(str, result.coords[name])), object)
        parts["row"].append(np.repeat(possible, len(states)))
        parts["variable"].append(np.full(len(possible) * len(states), name, object))
        parts["state"].append(np.tile(states, len(possible)))
        parts["probability"].append(value[possible].ravel())
    columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    order = np.argsort(columns["row"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


def _show(result: Result) -> None:
    totals, posteriors = _rows(result)
    if len(totals) > 1:
        render.result(result)
        return
    if totals[0] == -math.inf:
        print("the evidence is impossible: its probability is 0")
        return
    cells = [
        [name, "  ".join(f"{s} {figure(float(p))}" for s, p in zip(states, value[0], strict=True))]
        for name, value in posteriors.items()
        for states in [result.coords[name]]
    ]
    render.table(["variable", "posterior"], [*cells, [LN_P, figure(float(totals[0]))]])
