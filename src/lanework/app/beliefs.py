"""`lanework run` for Bayesian networks and belief programs: evidence in, posteriors out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.app import render
from lanework.app.answers import show
from lanework.app.codes import BAD_ARGUMENT, NO_ROWS, NO_SUCH_FILE
from lanework.app.loading import Loaded, load_network
from lanework.app.progress import Bar
from lanework.base.errors import Diagnostic
from lanework.core.result.frames import need
from lanework.core.result.saving import check_ending
from lanework.core.result.show import many, seconds, size

if TYPE_CHECKING:
    from lanework.app.run import Options
    from lanework.machines.belief.data.result import BeliefResult


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
    """Answer for columns of evidence, by a program."""
    _check(options)
    runner = loaded.program.bind(options.engine, options.limits(), threads=options.threads)
    result = runner(given, seed=options.seed)
    _report(result, loaded.path, loaded.seconds, options)


def ask(path: str, given: dict[str, list[Any]], options: Options) -> None:
    """Answer for columns of evidence, by programs that are made for them."""
    from lanework.machines.belief.data.evidence import read_evidence
    from lanework.machines.belief.passes.query import read_query
    from lanework.machines.belief.queries.infer import grouped, run_groups
    from lanework.machines.belief.queries.sensitivity import Sensitivity

    _check(options)
    start = time.perf_counter()
    graph = load_network(path, normalize=options.normalize)
    variables = tuple(graph.variables.values())
    known = read_evidence(variables, frozenset(range(len(variables))), given)
    groups = grouped(graph, known, options.query)
    loaded = Loaded(groups[0].program, Path(path), time.perf_counter() - start)
    limits = options.limits()
    with Bar(loaded.path.name, shown=not options.json) as bar:
        result = run_groups(
            groups,
            known,
            engine=options.engine,
            limits=limits,
            threads=options.threads,
            seed=options.seed,
            progress=bar.update,
        )
    query = read_query(graph, options.query)
    if query.kind == "sensitivity":
        result = Sensitivity.of(graph, query, result)
    _report(result, loaded.path, loaded.seconds, options)


def approximate(path: str, given: dict[str, list[Any]], options: Options) -> None:
    """Answer for columns of evidence by messages that may go round in circles."""
    from lanework.machines.belief.queries.loopy import convergence, loopy

    _check(options)
    if options.engine != "auto":
        help = "leave out --engine, or --approximate"
        raise Diagnostic(BAD_ARGUMENT, "approximations have no engine to choose", help=help)
    start = time.perf_counter()
    graph = load_network(path, normalize=options.normalize)
    loading = time.perf_counter() - start
    with Bar(Path(path).name, shown=not options.json) as bar:
        result = loopy(graph, given, options.query, limits=options.limits(), progress=bar.update)
    _report(result, Path(path), loading, options)
    render.message(convergence(result.stats))


def _check(options: Options) -> None:
    """What can be refused before the work."""
    from lanework.machines.belief.data.result import ENDINGS

    if options.out is not None:
        check_ending(Path(options.out), ENDINGS)


def _report(result: BeliefResult, path: Path, loading: float, options: Options) -> None:
    """Write files, or print; and say what was done."""
    files = () if options.out is None else result.save(options.out)
    stats = result.stats
    if options.json:
        mark = {"approximate": True} if result.approximate else {}
        render.json_out({"rows": list(result.objects()), **mark, "stats": dict(stats)})
    elif not files:
        show(result)
    render.message(
        f"loaded {path.name} in {seconds(loading)}, answered"
        f" {many(stats['lanes'], 'row')} on {stats['engine']} in {seconds(stats['run_seconds'])}"
    )
    if "conditioning" in stats:
        render.message(stats["conditioning"])
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
    from lanework.machines.belief.data.csvtable import read_csv

    if not path.is_file():
        raise Diagnostic(NO_SUCH_FILE, f"{path} does not exist", help="check the path")
    if path.suffix.lower() == ".evid":
        from lanework.machines.belief.graph.uai import read_evid

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
