"""Series on the command line: models compiled, tables streamed in blocks, totals and files out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import CommandLine, Request, engine_option, read_text
from lanework.core.codes import BAD_ARGUMENT
from lanework.machines.series.solving import command

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.machines.series.audit.residuals import Residuals
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.audit.tree import Explanation
    from lanework.machines.series.data.arguments import Inputs
    from lanework.machines.series.data.filetables import Block, Table
    from lanework.machines.series.language.model import Model
    from lanework.machines.series.runner import Runner


BLOCK = 65536
"""Lanes of a block, where nothing is said."""


@dataclass
class Outcome:
    """What a run on the command line gave.

    Attributes:
        result: the outputs; of a streamed run those that are summed over its lanes.
        files: what was written.
        rows: rows in the first of them, if it is a table.
        dropped: outputs of a streamed run that were not kept.
    """

    result: SeriesResult
    files: tuple[Path, ...] = ()
    rows: int | None = None
    dropped: tuple[str, ...] = ()


def compile_model(request: Request) -> Program:
    """The program of a model file."""
    overrides = [word.partition("=")[0].strip() for word in _overridden(request)]
    return _model(request).compile(overrides=dict.fromkeys(overrides))


def _model(request: Request) -> Model:
    """The model of a model file."""
    from lanework.machines.series.language.model import read_model

    path = request.path
    return read_model(read_text(path), str(path), str(path.parent))


def names(request: Request) -> dict[str, str]:
    """Inputs, and the axes that tables go along."""
    ports = request.program.inputs
    axes = {axis: "a table" for port in ports for axis in port.axes}
    return {port.name: port.unit for port in ports} | axes


def compile_text(text: str) -> Program | None:
    """The program of a model on standard input, whose tables are in the working directory."""
    if re.search(_ASSEMBLY, text) or not re.search(_MODEL, text):
        return None
    from lanework.core.data.standard import SHOWN
    from lanework.machines.series.language.model import read_model

    return read_model(text, SHOWN).compile()


_MODEL = re.compile(r"^(model|output|horizon|unit)[ \t]*\(|^\w+[ \t]*(:[^=\n]*)?=", re.MULTILINE)
_ASSEMBLY = re.compile(r"^[ \t]*\.\w", re.MULTILINE)


def run(request: Request) -> None:
    """Run a series program, write and print what comes out.

    Raises:
        Diagnostic: what inputs, verifier, limits and lookups say.
        Trap: fuel and deadline.
    """
    from lanework.machines.series.data.arguments import parse
    from lanework.machines.series.data.tableinputs import check_overridden
    from lanework.machines.series.layout import SeriesView

    request.check_out()
    program = request.program
    words = (*request.words, *_overrides(request))
    view = SeriesView.of(program)
    inputs = parse(words, view, request.names("ignore") or ())
    columns = (name for table in inputs.tables for name in table.names)
    alone = [word for word in _overridden(request) if "=" not in word]
    check_overridden(alone, {*inputs.values, *columns, *view.unused})
    runner = _bound(request)
    request.check_held(runner.wanted)
    _check_tables(request, inputs)
    if request["workbook"] is not None:
        _write_workbook(request, inputs)
    with terminal.Bar(request.path.name, shown=not request["json"]) as bar:
        outcome = _execute(request, runner, inputs, bar)
    explained = _explained(outcome.result, request["explain"])
    residuals = outcome.result.residuals() if request["residuals"] else None
    _report(request, outcome, explained, residuals)


def _check_tables(request: Request, inputs: Inputs) -> None:
    """Refuse what is said of a table of lanes where there is none that it is of use for.

    Raises:
        Diagnostic: LW8001.
    """
    from lanework.core.data.opening import ending_of
    from lanework.core.result.tablefile import TABLES

    lanes = any(not table.unbroken for table in inputs.tables)
    streamed = lanes and (request["out"] is None or ending_of(request["out"]) in TABLES)
    lacks, help = "no table of lanes is given", "give one, such as point=FILE"
    request.check_used("lanes", lanes, lacks, help)
    if lanes:
        lacks, help = "no table is streamed into such a file", "write .csv or .parquet"
    request.check_used("block", streamed, lacks, help)


def _write_workbook(request: Request, inputs: Inputs) -> None:
    """Write the model, with the inputs of one lane, as a workbook with live formulas.

    Raises:
        Diagnostic: LW8001 for what is no model file, and what `Model.to_xlsx` says.
    """
    if not request.is_model:
        raise Diagnostic(
            BAD_ARGUMENT,
            f"{request.file} is a compiled program, and a workbook has the formulas of a model",
            help="give the model file",
        )
    values = dict(inputs.values)
    for table in inputs.tables:
        values.update(table.all_rows(None if table.unbroken else request["lanes"]))
    model, over = _model(request), [p.name for p in request.program.inputs if p.optional]
    model.periods = request["periods"] or model.periods
    override = {name: values.pop(name) for name in over if name in values}
    path = request["workbook"]
    model.to_xlsx(path, values, request.names("outputs"), override=override)
    terminal.wrote((Path(path),))


def _explained(result: SeriesResult, asked: tuple[str, ...]) -> list[Explanation]:
    """What is asked for as NODE@PERIOD,AXIS=LANE; NODE,AXIS=LANE of what has no periods."""
    out = []
    for word in asked:
        node, rest = (*re.split("[@,]", word, maxsplit=1), "")[:2]
        parts = [part.strip() for part in rest.split(",") if part.strip()]
        where = [part.partition("=") if "=" in part else ("t", "=", part) for part in parts]
        position: dict[str, Any] = {axis.strip(): _place(text.strip()) for axis, _, text in where}
        out.append(result.explain(node.strip(), position.pop("t", None), **position))
    return out


def _place(text: str) -> int | str:
    return int(text) if text.isdecimal() and text.isascii() else text


def _overridden(request: Request) -> list[str]:
    """What is to be overridden: names alone may be a list, as `--outputs` takes one."""
    given: list[str] = list(request["override"] or ())
    lists = ([word] if "=" in word else word.split(",") for word in given)
    return [word.strip() for words in lists for word in words if word.strip()]


def _overrides(request: Request) -> list[str]:
    """The overrides that have a value; those without one are columns of a table.

    Raises:
        Diagnostic: LW3070 for a node that the program was not compiled for.
    """
    from lanework.machines.series.codes import BAD_OVERRIDE
    from lanework.machines.series.layout import SeriesView

    words = _overridden(request)
    known = [port.name for port in request.program.inputs if port.optional]
    for word in words:
        name = word.partition("=")[0].strip()
        if name not in (*known, *SeriesView.of(request.program).unused):
            raise Diagnostic(
                BAD_OVERRIDE,
                f"the program has no input that overrides `{name}`",
                help=f"compile the model for it: lanework compile MODEL --override {name}",
            )
    return [word for word in words if "=" in word]


def _bound(request: Request) -> Runner:
    """What runs the program, as the options say; what they say wrong is refused here."""
    runner: Runner = request.program.bind(
        request["engine"],
        request.limits,
        threads=request["threads"],
        periods=request["periods"],
        outputs=request.names("outputs"),
        cache=not request["no_cache"],
    )
    return runner


def _execute(request: Request, runner: Runner, inputs: Inputs, bar: terminal.Bar) -> Outcome:
    """Run the program, streaming the first table of lanes that is longer than a block."""
    from lanework.core.data.opening import ending_of
    from lanework.core.result.tablefile import TABLES
    from lanework.machines.series.data.streaming import block_rows

    values, lanes = dict(inputs.values), request["lanes"]
    streamed: tuple[Table, Iterator[Block]] | None = None
    for table in sorted(inputs.tables, key=lambda table: not table.unbroken):
        if table.unbroken or streamed is not None:
            values.update(table.all_rows(None if table.unbroken else lanes))
            continue
        ending = ending_of(request["out"] or "")
        if request["out"] is not None and ending not in TABLES:
            values.update(table.all_rows(lanes))
            continue
        rows = block_rows(runner, table, values, ending, request["block"] or BLOCK)
        first, blocks = table.first_blocks(rows, lanes, bar.update)
        if blocks is None:
            values.update(first)
        else:
            streamed = table, blocks
    if streamed is not None:
        table, blocks = streamed
        return _stream(request, runner, table.axis, blocks, values)
    runner.progress = bar.update
    result = runner(**values)
    if request["out"] is None:
        return Outcome(result)
    files = result.save(request["out"], csv_safe=request["csv_safe"])
    (name, *_), *_ = result.shapes().values()
    return Outcome(result, files, result[name].size if ending_of(files[0]) in TABLES else None)


def _stream(
    request: Request, runner: Any, axis: str, blocks: Iterator[Block], values: Block
) -> Outcome:
    from lanework.machines.series.data.outputs import TableSink

    if request["out"] is None:
        seen: dict[str, None] = {}
        result = runner.stream(
            blocks, axis, lambda block: seen.update(dict.fromkeys(block)), **values
        )
        return Outcome(result, dropped=tuple(name for name in seen if name not in result))
    with TableSink(request["out"], axis, request["csv_safe"]) as sink:
        result = runner.stream(blocks, axis, sink, **values)
        sink.totals(result)
    return Outcome(result, tuple(sink.paths.values()), sink.rows)


def _report(
    request: Request, outcome: Outcome, explained: list[Explanation], residuals: Residuals | None
) -> None:
    """Print the result, the times, and where the output went."""
    from lanework.core.result.saving import described
    from lanework.core.result.show import many, seconds

    result, stats = outcome.result, outcome.result.stats
    if request["json"]:
        files = [str(file) for file in outcome.files]
        about = {"program": request.about(), "load_seconds": request.seconds, "files": files}
        about["not_kept"] = list(outcome.dropped)
        if explained:
            about["explained"] = [each.to_dict() for each in explained]
        if residuals is not None:
            about["residuals"] = residuals.to_dict()
        terminal.json_out({**described(result), **about})
        return
    terminal.result(result)
    for each in (*explained, *([] if residuals is None else [residuals])):
        terminal.text(str(each))
    cached = " (from the cache)" if stats.get("cached") else ""
    terminal.message(
        f"loaded {request.path.name} in {seconds(request.seconds)}, compiled for"
        f" {stats.get('engine')} in {seconds(stats.get('compile_seconds', 0.0))}{cached}, ran"
        f" {many(stats.get('lanes', 1), 'lane')} x {many(stats.get('periods', 1), 'period')} in"
        f" {seconds(stats.get('run_seconds', 0.0))} on {many(stats.get('threads', 1), 'thread')}"
    )
    if outcome.dropped:
        names = ", ".join(outcome.dropped[:6]) + (", ..." if len(outcome.dropped) > 6 else "")
        terminal.message(f"not kept, one value a lane: {names} (--out FILE.csv writes them)")
    terminal.wrote(outcome.files, "" if outcome.rows is None else f"{many(outcome.rows, 'row')}, ")


_OVERRIDE = click.Option(
    ["--override"],
    multiple=True,
    metavar="NODE[=VALUE] | A,B",
    help="Take a node from here, or nodes from a table's columns; what is missing is computed.",
)
_POSITIVE = click.IntRange(min=1)

COMMANDS = CommandLine(
    actions={"run": run, "solve": command.solve, "seek": command.seek},
    options={
        "compile": (_OVERRIDE,),
        "solve": command.SOLVE,
        "seek": command.SEEK,
        "run": (
            _OVERRIDE,
            engine_option("llvm", "stencil", "reference"),
            click.Option(["--lanes"], type=_POSITIVE, help="Only the first rows of lane tables."),
            click.Option(
                ["--workbook"],
                metavar="FILE",
                help="Write the model, with the inputs of one lane, as .xlsx with live formulas: of"
                " --outputs alone, and with the values of --override in their cells.",
            ),
            click.Option(["--periods"], type=_POSITIVE, help="Periods, if not the model's own."),
            click.Option(["--ignore"], metavar="A,B", help="Columns of tables to leave out."),
            click.Option(["--outputs"], metavar="A,B", help="Compute these outputs only."),
            click.Option(
                ["--explain"],
                metavar="NODE@PERIOD,AXIS=LANE",
                multiple=True,
                help="The formulas that made a number.",
            ),
            click.Option(
                ["--residuals"],
                is_flag=True,
                help="How well each loop of circular nodes was closed.",
            ),
            click.Option(
                ["--block"],
                type=_POSITIVE,
                help="At most so many lanes in a block of a streamed table, 65,536 by default.",
            ),
            click.Option(
                ["--no-cache"],
                is_flag=True,
                help="Neither use nor keep compiled code on disk.",
            ),
        ),
    },
    inputs="NAME=VALUE is a number, numbers with commas, a label, @FILE or FILE:column. AXIS=FILE"
    " fills the inputs along an axis (time, scenario, point) from the columns of a table; a table"
    " longer than a block is streamed in bounded memory. As a table, - is standard input.",
    names=names,
    models={".series": "a model"},
    compile=compile_model,
    compile_text=compile_text,
)
