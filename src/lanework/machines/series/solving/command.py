"""Solving on the command line: the same words as in Python, as options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import Request, engine_option, read_text
from lanework.core.codes import BAD_ARGUMENT

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.core.result.result import Result
    from lanework.machines.series.program import SeriesProgram

_ENGINE = engine_option("llvm", "stencil", "reference")

SOLVE = (
    click.Option(["--variables"], metavar="A,B", required=True, help="The inputs to find."),
    click.Option(["--residuals"], metavar="A,B", help="Outputs that are to be 0."),
    click.Option(
        ["--bounds", "--bound", "bounds"],
        metavar="NAME=LOW:HIGH",
        multiple=True,
        help="Bounds of an unknown or an output, such as cover=1.3: or debt=0:1e6.",
    ),
    click.Option(["--objective"], metavar="NAME", help="The output that is to be least."),
    click.Option(["--maximise"], is_flag=True, help="It is to be greatest instead."),
    click.Option(["--ignore"], metavar="A,B", help="Columns of tables to leave out."),
    click.Option(["--option"], metavar="NAME=VALUE", multiple=True, help="An option of IPOPT."),
    click.Option(["--iterations"], is_flag=True, help="Print a line for each iteration."),
    _ENGINE,
)
SEEK = (
    click.Option(["--variable"], metavar="NAME", required=True, help="The input to find."),
    click.Option(["--output"], metavar="NAME", required=True, help="The output to look at."),
    click.Option(
        ["--target"], type=float, default=0.0, show_default=True, help="What it should be."
    ),
    click.Option(
        ["--bounds", "--bound", "bounds"], metavar="LOW:HIGH", help="Where to look, such as 0:1e6."
    ),
    click.Option(["--ignore"], metavar="A,B", help="Columns of tables to leave out."),
    _ENGINE,
)


def solve(request: Request) -> None:
    """Solve, print the unknowns, and write all outputs where `--out` says.

    Raises:
        Diagnostic: what `SeriesProgram.solve` says; LW3063 where it is not solved.
    """
    from lanework.machines.series.nonlinear.solution import Solution

    variables = request.names("variables") or []
    residuals = request.names("residuals") or []
    bounds = dict(_bound(text) for text in request["bounds"])
    outputs = [*residuals, *(name for name in bounds if name not in variables)]
    outputs += [request["objective"]] if request["objective"] else []
    program = _program(request, outputs)
    solution = program.solve(
        variables,
        residuals,
        bounds,
        request["objective"],
        maximise=request["maximise"],
        inputs=_inputs(request, program),
        options=dict(_option(text) for text in request["option"]),
        limits=request.limits,
        engine=request["engine"],
    )
    for one in (solution,) if isinstance(solution, Solution) else solution:
        if request["iterations"]:
            terminal.text(one.table())
        if one.status == "interrupted":
            raise KeyboardInterrupt
        if not one.ok:
            raise one.error()
    _report(request, solution.variables, solution.result, str(solution))


def seek(request: Request) -> None:
    """Seek a goal, print the unknown, and write all outputs where `--out` says.

    Raises:
        Diagnostic: what `SeriesProgram.seek` says.
    """
    program = _program(request, [request["output"]])
    name = request["variable"]
    named, equals, ends = (request["bounds"] or ":").partition("=")
    if equals and named.strip() == name:
        help = f"write {ends}: there is one unknown"
        raise Diagnostic(BAD_ARGUMENT, f"the bound {request['bounds']!r} has a name", help=help)
    goal = program.seek(
        name,
        request["output"],
        request["target"],
        bounds=_ends(request["bounds"] or ":"),
        inputs=_inputs(request, program),
        limits=request.limits,
        engine=request["engine"],
    )
    _report(request, {name: goal.value}, goal.result, f"{goal.iterations} runs of the program")


def _program(request: Request, outputs: list[str]) -> SeriesProgram:
    """The program of these outputs: a model file has every formula."""
    from lanework.machines.series.language.model import read_model

    request.check_out()
    program: Program[Any] = request.program
    known = {port.name for port in program.outputs}
    request.check_held(known | set(outputs))
    if request.is_model and not known.issuperset(outputs):
        path = request.path
        model = read_model(read_text(path), str(path), str(path.parent))
        return model.compile(list(dict.fromkeys((*outputs, *known))))
    return program  # type: ignore[return-value]


def _inputs(request: Request, program: SeriesProgram) -> dict[str, Any]:
    from lanework.machines.series.data.arguments import parse
    from lanework.machines.series.layout import SeriesView

    inputs = parse(request.words, SeriesView.of(program), request.names("ignore") or ())
    values = dict(inputs.values)
    for table in inputs.tables:
        values.update(table.all_rows(None))
    return values


def _ends(text: str) -> tuple[float | None, float | None]:
    low, colon, high = text.partition(":")
    try:
        ends = tuple(float(end) if end.strip() else None for end in (low, high))
    except ValueError:
        colon = ""
        ends = ()
    if not colon:
        raise Diagnostic(
            BAD_ARGUMENT,
            f"the bound {text!r} is not LOW:HIGH",
            help="write numbers, or nothing where there is no bound: 0:1e6, 1.3:, :5",
        )
    return ends[0], ends[1]


def _bound(text: str) -> tuple[str, tuple[float | None, float | None]]:
    name, equals, ends = text.partition("=")
    return name.strip(), _ends(ends if equals else text)


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def _report(request: Request, values: Mapping[str, Any], result: Result, said: str) -> None:
    files = [] if request["out"] is None else result.save(request["out"])
    if request["json"]:
        from lanework.core.result.saving import described

        about = {"program": request.about(), "files": [str(file) for file in files]}
        unknowns = {name: np.asarray(value) for name, value in values.items()}
        terminal.json_out({**described(result), "variables": unknowns, **about})
        return
    for name, value in values.items():
        terminal.text(f"{name} = {np.array2string(np.asarray(value), precision=10)}")
    terminal.result(result)
    terminal.message(said)
    terminal.wrote(files, "")
