"""A network or a program asked from the command line: evidence in, answers to files or people."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import Request, read_text
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.result.show import figure, many, seconds
from lanework.machines.belief.telling import blocks_of

if TYPE_CHECKING:
    from lanework.machines.belief.data.result import BeliefResult
    from lanework.machines.belief.graph.model import FactorGraph

SHOWN = 20  # assignments, or derivatives


# What is asked ------------------------------------------------------------------------------------


def read_graph(request: Request) -> FactorGraph:
    """The graph in a file of a network.

    Raises:
        Diagnostic: LW8003, LW8008, and all that the reader says.
    """
    from lanework.machines.belief.graph import files

    path, limits = request.path, request.limits
    text = read_text(path, functools.partial(files.unpacked, limits=limits))
    normalize = bool(request["normalize"])
    return files.read_text(text, str(path), normalize=normalize, limits=limits)


# Answers ------------------------------------------------------------------------------------------


def run(request: Request) -> None:
    """Answer for columns of evidence: by a program, by programs made for them, or about.

    Raises:
        Diagnostic: LW1023, LW8001, and what evidence, query and limits say.
    """
    from lanework.machines.belief.data.result import ENDINGS

    request.check_out(*ENDINGS)
    if request.is_model:
        _ask(request)
        return
    for option, default in (("approximate", None), ("query", "all"), ("normalize", False)):
        if request[option] != default:
            what = f"--{option} is for networks, and {request.file} is compiled"
            raise Diagnostic(BAD_ARGUMENT, what, help="give the network, or compile it anew")
    runner = request.program.bind(request["engine"], request.limits, threads=request["threads"])
    kind = str(request.program.header.get("query"))
    blocks, several = blocks_of(request, runner.view.variables, kind)
    if several:
        results = (runner(given) for given in blocks)
        _reported(request, _written(request, results), request.seconds)
    else:
        _report(request, runner(next(blocks), seed=request["seed"] or 0), request.seconds)


def _ask(request: Request) -> None:
    """Answer of a network: exactly, or by messages that may go round in circles."""
    from lanework.core.waiting import within
    from lanework.machines.belief.data.evidence import evidence_of
    from lanework.machines.belief.passes.query import read_query
    from lanework.machines.belief.queries.infer import SLOW, grouped, run_groups
    from lanework.machines.belief.queries.loopy import convergence, loopy
    from lanework.machines.belief.queries.sensitivity import Sensitivity
    from lanework.machines.belief.queries.streaming import block_answers

    approximate, query = request["approximate"] is not None, request["query"]
    if approximate and request["engine"] != "auto":
        help = "leave out --engine, or --approximate"
        raise Diagnostic(BAD_ARGUMENT, "approximations have no engine to choose", help=help)
    limits, options = request.limits, {name: request[name] for name in ("engine", "threads")}

    def ask() -> tuple[FactorGraph, BeliefResult | dict[str, Any], float]:
        """Read, compile and run: all of it by the deadline."""
        start = time.perf_counter()
        graph = read_graph(request)
        kind = read_query(graph, query).kind
        blocks, several = blocks_of(request, graph.variables.values(), kind)
        if several:
            results = block_answers(graph, blocks, query, limits=limits, **options)
            loading = time.perf_counter() - start
            return graph, _written(request, results), loading
        given = next(blocks)
        if not approximate:
            known = evidence_of(graph.variables.values(), given)
            groups = grouped(graph, known, query)
        loading = time.perf_counter() - start
        with terminal.Bar(request.path.name, shown=not request["json"]) as bar:
            if approximate:
                result = loopy(graph, given, query, limits=limits, progress=bar.update)
            else:
                more = {**options, "seed": request["seed"] or 0, "progress": bar.update}
                result = run_groups(groups, known, limits=limits, **more)
        return graph, result, loading

    graph, result, loading = within(limits, ask, SLOW)
    if isinstance(result, dict):
        _reported(request, result, loading)
        return
    asked = read_query(graph, query)
    if asked.kind == "sensitivity":
        result = Sensitivity.of(graph, asked, result)
    _report(request, result, loading)
    if approximate:
        terminal.message(convergence(result.stats))


def _written(request: Request, results: Iterable[BeliefResult]) -> dict[str, Any]:
    from lanework.machines.belief.queries.streaming import write_answers

    csv_safe, wide = request["csv_safe"], request["wide"]
    return write_answers(results, Path(request["out"]), csv_safe=csv_safe, wide=wide)


def _report(request: Request, result: BeliefResult, loading: float) -> None:
    """Write files, or print; and say what was done."""
    if request["out"] is not None:
        result.save(request["out"], csv_safe=request["csv_safe"], wide=request["wide"])
    if request["json"]:
        mark = {"approximate": True} if result.approximate else {}
        terminal.json_out({"rows": list(result.objects()), **mark, "stats": dict(result.stats)})
    elif request["out"] is None:
        _show(result)
    _reported(request, result.stats, loading)


def _reported(request: Request, stats: Mapping[str, Any], loading: float) -> None:
    terminal.message(
        f"loaded {request.path.name} in {seconds(loading)}, answered"
        f" {many(stats['lanes'], 'row')} on {stats['engine']} in {seconds(stats['run_seconds'])}"
    )
    if "conditioning" in stats:
        terminal.message(stats["conditioning"])
    if stats["impossible"] and stats["lanes"] > 1:
        some = many(stats["impossible"], "row")
        terminal.message(f"the evidence of {some} is impossible: its probability is 0")
    terminal.wrote([] if request["out"] is None else [Path(request["out"])])


def _show(result: BeliefResult) -> None:
    from lanework.machines.belief.data.result import POSTERIOR
    from lanework.machines.belief.data.tabular import DECIDED
    from lanework.machines.belief.queries.entries import Entries
    from lanework.machines.belief.queries.sensitivity import Sensitivity

    totals = result.rows(result.total)
    if len(totals) > 1 and result.query == "marginals":
        _several(result, totals)
        return
    if len(totals) > 1:
        terminal.result(result)
        return
    if not result.possible().any():
        print("the evidence is impossible: its probability is 0")
        return
    last = [result.total, figure(totals.max().item())]
    if result.query in ("mpe", "mmap"):
        cells = [[name, str(result.rows(name)[0, 0])] for name in result.names]
        terminal.table(["variable", "state"], [*cells, last])
    elif result.query in DECIDED:
        _assignments(result)
    elif isinstance(result, Sensitivity):
        terminal.table(Entries.HEADER, result.largest(SHOWN).cells())
        print(f"{POSTERIOR} {figure(result.probability().flat[0].item())}")
    elif result.query in ("joint", "gradient", "sensitivity"):
        terminal.result(result)
    else:
        cells = [[name, _posterior(result, name)] for name in result.names]
        head = "posterior (approximate)" if result.approximate else "posterior"
        terminal.table(["variable", head], [*cells, last])


def _several(result: BeliefResult, totals: Any) -> None:
    """The first rows of answers, with the names of states."""
    from lanework.machines.belief.data.answers import ROWS

    labels = result.labels(ROWS, len(totals))
    rows = range(min(len(totals), max(SHOWN // max(len(result.names), 1), 1)))
    cells = []
    for row in rows:
        cells += [[str(labels[row]), name, _posterior(result, name, row)] for name in result.names]
        cells.append([str(labels[row]), result.total, figure(totals[row].max().item())])
    head = "posterior (approximate)" if result.approximate else "posterior"
    terminal.table([ROWS, "variable", head], cells)
    if len(totals) > len(rows):
        terminal.message(f"{len(totals) - len(rows):,} more rows; --out writes all of them")


def _posterior(result: BeliefResult, name: str, row: int = 0) -> str:
    if not result.possible()[row].any():
        return "impossible"
    pairs = zip(result.states[name], result.rows(name)[row].tolist(), strict=True)
    return "  ".join(f"{state} {figure(value)}" for state, value in pairs)


def _assignments(result: BeliefResult) -> None:
    from lanework.machines.belief.data.answers import BEST

    turns = result.possible()[0].nonzero()[0][:SHOWN]
    values = [result.rows(name)[0] for name in result.names]
    head = ["", *result.names]
    cells = [[str(turn), *(str(value[turn]) for value in values)] for turn in turns]
    if result.total == BEST:
        head.append(BEST)
        totals = (figure(result.rows(BEST)[0, turn].item()) for turn in turns)
        cells = [[*cell, total] for cell, total in zip(cells, totals, strict=True)]
    terminal.table(head, cells)
    more = result.rows(result.total).shape[1] - len(turns)
    if more > 0:
        terminal.message(f"{more:,} more; --out writes all of them")
