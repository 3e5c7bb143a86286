"""Networks on the command line: evidence in, answers out."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import CommandLine, Request, check_file, engine_option, read_text
from lanework.core.codes import BAD_ARGUMENT, NO_ROWS
from lanework.core.data.opening import sheet_of
from lanework.core.result.show import figure, many, seconds

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.core.result.drawing import Drawing
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


def compile_network(request: Request) -> Program:
    """The program that answers the query for any evidence."""
    from lanework.machines.belief.passes.compile import compile_graph

    observed = request.names("observed") or ()
    return compile_graph(read_graph(request), request["query"] or "all", observed=observed)


def evidence(request: Request) -> dict[str, list[Any]]:
    """Columns of states: a table's, or one row of what is given on the command line.

    Raises:
        Diagnostic: LW8001, LW8003.
    """
    words = (*request.words, *request["given"])
    if request["evidence"] is not None:
        if words:
            help = "in a table, or one by one"
            raise Diagnostic(BAD_ARGUMENT, "evidence is given twice", help=help)
        return read_table(Path(request["evidence"]), request["lanes"])
    given: dict[str, list[Any]] = {}
    for word in words:
        name, sign, state = word.partition("=")
        if not sign:
            what = f"{word!r} is no evidence"
            raise Diagnostic(BAD_ARGUMENT, what, help="write VARIABLE=STATE")
        if given.setdefault(name, [state]) != [state]:
            what = f"the evidence of {name!r} is given twice: {given[name][0]!r} and {state!r}"
            raise Diagnostic(BAD_ARGUMENT, what, help="give each variable one state")
    return given


def read_table(path: Path, most: int | None) -> dict[str, list[Any]]:
    """Columns of states from a table or a UAI evidence file; an empty cell says nothing.

    Raises:
        Diagnostic: LW8003, LW8006 and what is wrong with the table.
    """
    check_file(Path(sheet_of(path)[0]))
    if path.suffix.lower() == ".evid":
        from lanework.machines.belief.graph.uai import read_evid

        return {name: [state] for name, state in read_evid(path.read_text(), str(path)).items()}
    from lanework.machines.belief.data.evidence import read_table as read

    columns = read(path, most)
    if not any(columns.values()):
        raise Diagnostic(NO_ROWS, f"{path} has no rows", help="give it at least one")
    return columns


# Answers ------------------------------------------------------------------------------------------


def run(request: Request) -> None:
    """Answer for columns of evidence: by a program, by programs made for them, or about.

    Raises:
        Diagnostic: LW1023, LW8001, and what evidence, query and limits say.
    """
    from lanework.machines.belief.data.result import ENDINGS

    request.check_out(*ENDINGS)
    given = evidence(request)
    if request.is_model:
        _ask(request, given)
    else:
        for option, default in (("approximate", None), ("query", "all"), ("normalize", False)):
            if request[option] != default:
                what = f"--{option} is for networks, and {request.file} is compiled"
                raise Diagnostic(BAD_ARGUMENT, what, help="give the network, or compile it anew")
        runner = request.program.bind(request["engine"], request.limits, threads=request["threads"])
        _report(request, runner(given, seed=request["seed"]), request.seconds)


def _ask(request: Request, given: dict[str, list[Any]]) -> None:
    """Answer of a network: exactly, or by messages that may go round in circles."""
    from lanework.core.waiting import within
    from lanework.machines.belief.data.evidence import evidence_of
    from lanework.machines.belief.passes.query import read_query
    from lanework.machines.belief.queries.infer import SLOW, grouped, run_groups
    from lanework.machines.belief.queries.loopy import convergence, loopy
    from lanework.machines.belief.queries.sensitivity import Sensitivity

    approximate, query = request["approximate"] is not None, request["query"]
    if approximate and request["engine"] != "auto":
        help = "leave out --engine, or --approximate"
        raise Diagnostic(BAD_ARGUMENT, "approximations have no engine to choose", help=help)
    limits = request.limits

    def ask() -> tuple[FactorGraph, BeliefResult, float]:
        """Read, compile and run: all of it by the deadline."""
        start = time.perf_counter()
        graph = read_graph(request)
        if not approximate:
            known = evidence_of(graph.variables.values(), given)
            groups = grouped(graph, known, query)
        loading = time.perf_counter() - start
        with terminal.Bar(request.path.name, shown=not request["json"]) as bar:
            if approximate:
                result = loopy(graph, given, query, limits=limits, progress=bar.update)
            else:
                options = {name: request[name] for name in ("engine", "threads", "seed")}
                result = run_groups(groups, known, limits=limits, progress=bar.update, **options)
        return graph, result, loading

    graph, result, loading = within(limits, ask, SLOW)
    asked = read_query(graph, query)
    if asked.kind == "sensitivity":
        result = Sensitivity.of(graph, asked, result)
    _report(request, result, loading)
    if approximate:
        terminal.message(convergence(result.stats))


def _report(request: Request, result: BeliefResult, loading: float) -> None:
    """Write files, or print; and say what was done."""
    files = (
        ()
        if request["out"] is None
        else result.save(request["out"], csv_safe=request["csv_safe"], wide=request["wide"])
    )
    stats = result.stats
    if request["json"]:
        mark = {"approximate": True} if result.approximate else {}
        terminal.json_out({"rows": list(result.objects()), **mark, "stats": dict(stats)})
    elif not files:
        _show(result)
    terminal.message(
        f"loaded {request.path.name} in {seconds(loading)}, answered"
        f" {many(stats['lanes'], 'row')} on {stats['engine']} in {seconds(stats['run_seconds'])}"
    )
    if "conditioning" in stats:
        terminal.message(stats["conditioning"])
    if stats["impossible"] and stats["lanes"] > 1:
        some = many(stats["impossible"], "row")
        terminal.message(f"the evidence of {some} is impossible: its probability is 0")
    terminal.wrote(files)


def _show(result: BeliefResult) -> None:
    from lanework.machines.belief.data.result import POSTERIOR
    from lanework.machines.belief.data.tabular import DECIDED
    from lanework.machines.belief.queries.entries import Entries
    from lanework.machines.belief.queries.sensitivity import Sensitivity

    totals = result.rows(result.total)
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


def _posterior(result: BeliefResult, name: str) -> str:
    pairs = zip(result.states[name], result.rows(name)[0].tolist(), strict=True)
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


# Drawings -----------------------------------------------------------------------------------------


def draw(request: Request) -> None:
    """Draw the graph of a network, or the tree of a program.

    Raises:
        Diagnostic: LW1023, LW8001.
    """
    from lanework.core.result.saving import check_ending
    from lanework.machines.belief.drawing import tree_drawing

    for option in ("graph", "tree"):
        if request[option] is not None:
            check_ending(Path(request[option]), (".svg", ".dot"))
    if request["graph"] is not None:
        if not request.is_model:
            raise Diagnostic(BAD_ARGUMENT, f"--graph draws networks, and {request.file} is none")
        _write(read_graph(request).drawing(), Path(request["graph"]))
    if request["tree"] is not None:
        _write(tree_drawing(request.program), Path(request["tree"]))


def _write(drawing: Drawing, path: Path) -> None:
    from lanework.base.files import atomic_write

    with atomic_write(path, "w") as file:
        file.write(drawing.dot() if path.suffix.lower() == ".dot" else drawing.svg())
    terminal.wrote([path])


# What the command line is told --------------------------------------------------------------------

_MODELS = {
    **dict.fromkeys((".bif", ".xmlbif", ".bifxml", ".xml"), "a Bayesian network"),
    **dict.fromkeys((".uai", ".json"), "a factor graph"),
}
_QUERY = click.Option(
    ["--query"],
    default="all",
    show_default=True,
    help="What to ask: all, variables with commas, z, mpe, mmap:A,B, joint:A,B, kbest:K, sample:N,"
    " gradient, sensitivity:A=STATE.",
)
_NORMALIZE = click.Option(
    ["--normalize"], is_flag=True, help="Scale the tables of a network to sums of one."
)

COMMANDS = CommandLine(
    actions={"run": run, "inspect": draw},
    options={
        "run": (
            engine_option("native", "reference"),
            _QUERY,
            click.Option(
                ["--evidence"],
                metavar="FILE",
                help="A table of evidence (.csv, .xlsx, .parquet, .evid).",
            ),
            click.Option(["--given"], multiple=True, metavar="VAR=STATE", help="What is known."),
            click.Option(
                ["--lanes"], type=click.IntRange(min=1), help="Only the first rows of evidence."
            ),
            click.Option(
                ["--seed"], type=click.IntRange(min=0), default=0, help="Of --query sample."
            ),
            click.Option(
                ["--approximate"],
                type=click.Choice(["loopy"]),
                help="Do not be exact: loopy belief propagation, for networks that are too wide.",
            ),
            _NORMALIZE,
            click.Option(
                ["--wide"], is_flag=True, help="Tables with a column for each state (--out)."
            ),
        ),
        "compile": (
            _QUERY,
            click.Option(["--observed"], metavar="A,B", help="Variables that every row observes."),
            _NORMALIZE,
        ),
        "inspect": (
            click.Option(["--graph"], metavar="FILE", help="Draw a network (.svg, .dot)."),
            click.Option(["--tree"], metavar="FILE", help="Draw its tree (.svg, .dot)."),
        ),
    },
    inputs="VARIABLE=STATE is evidence, as with --given.",
    models={**_MODELS, **{f"{end}.gz": what for end, what in _MODELS.items()}},
    compile=compile_network,
)
