"""Networks on the command line: evidence in, answers out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import CommandLine, Request, engine_option
from lanework.core.codes import BAD_ARGUMENT
from lanework.machines.belief.asking import read_graph, run

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.core.result.drawing import Drawing


def compile_network(request: Request) -> Program:
    """The program that answers the query for any evidence."""
    from lanework.machines.belief.passes.compile import compile_graph

    observed = request.names("observed") or ()
    return compile_graph(read_graph(request), request["query"] or "all", observed=observed)


def names(request: Request) -> dict[str, str]:
    """The variables of a network with their states, or the evidence that a program takes."""
    if not request.is_model:
        return {port.name: port.unit for port in request.program.inputs}
    variables = read_graph(request).variables
    return {name: ", ".join(each.states[:5]) for name, each in variables.items()}


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
            what = f"--graph draws networks, and {request.file} is none"
            raise Diagnostic(BAD_ARGUMENT, what, help="give the network, or --tree FILE")
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
            click.Option(
                ["--row-labels"],
                metavar="COLUMN",
                help="The column of the table that has labels of rows, which results carry.",
            ),
            click.Option(["--ignore"], metavar="A,B", help="Columns of the table to leave out."),
            click.Option(
                ["--given"], multiple=True, metavar="VAR=STATE,...", help="What is known."
            ),
            click.Option(
                ["--lanes"], type=click.IntRange(min=1), help="Only the first rows of evidence."
            ),
            click.Option(
                ["--seed"],
                type=click.IntRange(min=0),
                help="Of --query sample, 0 by default.",
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
    names=names,
    models={**_MODELS, **{f"{end}.gz": what for end, what in _MODELS.items()}},
    compile=compile_network,
)
