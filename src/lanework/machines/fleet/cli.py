"""Fleets on the command line: arrays into shared memory and out of it, and what one VM does."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lanework.base.errors import Diagnostic
from lanework.core import terminal
from lanework.core.cli import (
    CommandLine,
    Request,
    check_file,
    engine_option,
    read_text,
)
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.opening import ending_of
from lanework.core.options import LIMITS
from lanework.core.result.saving import labels_in_json
from lanework.core.result.show import many, seconds, show_word

if TYPE_CHECKING:
    from lanework.core.program.program import Program
    from lanework.machines.fleet.runner import Runner
    from lanework.machines.fleet.runtime.watching import Moment

log = logging.getLogger("lanework")

NUMBERS = ("seed", "patience")
FLAGS = ("compose", "sort", "general")


def link_files(request: Request) -> Program:
    """The program of some files of fleet assembly, linked in their order.

    Raises:
        Diagnostic: LW8001, LW8003, and all that the assembler and the linker say.
    """
    from lanework.core.program.asm import machine_of
    from lanework.machines.fleet.text.linker import assemble_module, link

    modules = []
    for path in (request.file, *request.libraries):
        check_file(Path(path))
        text = read_text(Path(path)) if path.lower().endswith(".lasm") else ""
        if machine_of(text, path) != "fleet":
            what = f"{path} is no fleet assembly, and only that is linked with other files"
            raise Diagnostic(BAD_ARGUMENT, what, help="begin each .lasm file with .machine fleet")
        modules.append(assemble_module(text, path))
    return link(modules)


def run(request: Request) -> None:
    """Run a fleet program, write and print what comes out."""
    request.check_out()
    if request["trace"] is None:
        _run(request)
        return
    for option in ("out", "outputs", "width"):
        request.check_used(option, False, "--trace has no result", "leave out --trace")
    _trace(request, _traced(request["trace"]))


def _run(request: Request) -> None:
    from lanework.machines.fleet.runtime.arguments import inputs
    from lanework.machines.fleet.runtime.losses import LossNotice, losses
    from lanework.machines.fleet.runtime.pictures import as_picture
    from lanework.machines.fleet.runtime.settings import wanted

    given, chosen = inputs(request), request.names("outputs")
    names = wanted(request.program, chosen)
    if chosen is None and ending_of(request["out"] or "") == ".npy":
        names = ("shared",)
    shape = _check_written(request, names, given)
    with (
        warnings.catch_warnings(action="ignore", category=LossNotice),  # they are told below
        terminal.Bar(request.path.name, shown=not request["json"]) as bar,
        bind(request, progress=bar.update, outputs=chosen) as runner,
    ):
        result = runner(**given)
        if log.isEnabledFor(logging.DEBUG):
            for line in runner.explain().splitlines()[1:]:  # after the engine
                log.debug(line)
    files: Sequence[Path] = ()
    if chosen is not None:
        result = result.select(chosen)
    if request["out"] is not None:
        written = result.select(names)
        if shape:
            written = as_picture(written, shape)
        files = written.save(request["out"], csv_safe=request["csv_safe"])
    stats = result.stats
    if request["json"]:
        terminal.json_out(
            {
                "outputs": {name: result[name] for name in result if not files},
                **labels_in_json(result),
                "program": request.about(),
                "stats": dict(stats),
                "files": [str(file) for file in files],
            }
        )
        return
    terminal.result(result)
    adapter = f" ({stats['adapter']})" if stats["adapter"] else ""
    terminal.message(
        f"loaded {request.path.name} in {seconds(request.seconds)}, ran"
        f" {many(stats['instructions'], 'instruction')} of {many(stats['vms'], 'VM')} in"
        f" {many(stats['epochs'], 'epoch')} on {stats['engine']}{adapter} in"
        f" {seconds(stats['run_seconds'])}"
    )
    if not stats["ended"]:
        terminal.message(f"stopped after {many(stats['epochs'], 'epoch')}, as asked for")
    for sentence in losses(stats, "--set {}=fault"):
        terminal.message(sentence)
    terminal.wrote(files)


def _check_written(
    request: Request, names: Sequence[str], given: Mapping[str, Any]
) -> tuple[int, ...]:
    """The shape of the picture that is written, () for other files.

    Raises:
        Diagnostic: LW1024, LW1027, LW1028, LW8001.
    """
    from lanework.core.result.picture import PICTURES
    from lanework.machines.fleet.layout import FleetView
    from lanework.machines.fleet.runtime.pictures import picture_shape

    view = FleetView.of(request.program)
    sizes = {"shared": view.shared, **{buffer.name: buffer.size for buffer in view.buffers}}
    request.check_held(names, max((sizes[name] for name in names), default=0))
    ending = ending_of(request["out"] or "")
    if ending in PICTURES:
        return picture_shape(names[0], sizes[names[0]], ending, request["width"], given.values())
    request.check_used("width", False, "no picture is written", "give --out FILE.pgm")
    return ()


def trace(request: Request) -> None:
    """Print what the VM of `--vm` does, an epoch a line."""
    if request["vm"] is None:
        raise click.UsageError("Missing option '--vm'.")
    _trace(request, request["vm"])


def _trace(request: Request, vm: int) -> None:
    from lanework.machines.fleet.runtime.arguments import inputs
    from lanework.machines.fleet.runtime.binding import bind_inputs
    from lanework.machines.fleet.runtime.watching import trace as moments

    given = inputs(request)
    with bind(request) as runner:
        runtime = runner.runtime(bind_inputs(request.program, given))
        last: Moment | None = None
        for moment in moments(runtime, vm, request["epochs"]):
            if request["json"]:
                terminal.json_out(_plain(moment))
            else:
                if last is None:
                    print(f"{'epoch':>7}  {'kernel':6}  {'instruction':32}  VM {vm} after it")
                print(_line(moment, last))
            last = moment


def _traced(text: str) -> int:
    name, _, number = text.partition("=")
    if name.strip() != "vm" or not number.strip().isdecimal():
        raise Diagnostic(BAD_ARGUMENT, f"--trace {text} names no VM", help="write --trace vm=42")
    return int(number)


def _plain(moment: Moment) -> dict[str, Any]:
    return {
        "epoch": moment.epoch,
        "phase": moment.phase,
        "ip": moment.ip,
        "instruction": moment.text,
        "kernel": moment.kernel,
        "status": moment.status.name,
        "registers": moment.registers.tolist(),
        "memory": moment.memory.tolist(),
    }


def _line(moment: Moment, last: Moment | None) -> str:
    registers = " ".join(f"r{n}={show_word(x)}" for n, x in enumerate(moment.registers))
    words = [
        f"mem{n}={show_word(x)}"
        for n, x in enumerate(moment.memory)
        if (last is None and x != 0) or (last is not None and _differ(last.memory[n], x))
    ]
    status = "" if moment.status.name == "RUNNING" else moment.status.name.lower()
    text = moment.text or "-"
    parts = [f"{moment.epoch:>7}  {moment.kernel:6}  {text:32}  {registers}", *words, status]
    return " ".join(part for part in parts if part)


def _differ(a: Any, b: Any) -> bool:
    return bool(a != b and not (a != a and b != b))


def bind(request: Request, **more: Any) -> Runner:
    """A runner with the options of the command line."""
    from lanework.machines.fleet.runtime.settings import BESIDE, checked

    settings: Any = {"seed": request["seed"] or 0}
    if request["adapter"] is not None:
        settings["adapter"] = request["adapter"]
    for text in request["settings"]:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign:
            raise Diagnostic(
                BAD_ARGUMENT, f"--set {text} has no value", help="write --set layout=aos"
            )
        if name in ("engine", *LIMITS, *BESIDE):
            more_help = "it has an option of its own, see lanework run --help"
            raise Diagnostic(BAD_ARGUMENT, f"{name} is no setting", help=more_help)
        settings[name] = _setting(name, value)
    checked(settings)  # before a name that is none of them is taken for another argument
    runner: Runner = request.program.bind(
        request["engine"], request.limits, epochs=request["epochs"], **more, **settings
    )
    return runner


def _setting(name: str, value: str) -> Any:
    if name == "threshold":
        try:
            return float(value)
        except ValueError:
            raise Diagnostic(
                BAD_ARGUMENT, f"{name}={value!r} is no number", help=f"{name}=0.15"
            ) from None
    if name in NUMBERS:
        if not value.isdecimal():
            raise Diagnostic(BAD_ARGUMENT, f"{name}={value!r} is no number", help=f"{name}=1000")
        return int(value)
    if name in FLAGS:
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if value.lower() not in known:
            raise Diagnostic(BAD_ARGUMENT, f"{name}={value!r}", help="write yes or no")
        return known[value.lower()]
    return value


_SHARED = (
    engine_option("llvm", "wgsl", "epoch", "reference"),
    click.Option(["--seed"], type=click.IntRange(min=0), help="Of random numbers, 0 by default."),
    click.Option(["--shared"], metavar="FILE", help="What shared memory begins with."),
    click.Option(
        ["--labels"], metavar="A,B", help="Columns of files that have the labels of their rows."
    ),
    click.Option(["--epochs"], type=click.IntRange(min=1), help="Stop after so many."),
    click.Option(["--adapter"], metavar="NAME", help="Part of a graphics adapter's name."),
    click.Option(
        ["--set", "settings"],
        multiple=True,
        metavar="NAME=VALUE",
        help="layout, format, threshold, compose, storage, io, bounds, conflicts,"
        " arithmetic, patience, on_fault, sort, general.",
    ),
)

COMMANDS = CommandLine(
    actions={"run": run, "trace": trace},
    options={
        "run": (
            *_SHARED,
            click.Option(["--outputs"], metavar="A,B", help="Show or write these outputs only."),
            click.Option(
                ["--width"],
                type=click.IntRange(min=1),
                metavar="N",
                help="Samples in a row of a picture (--out).",
            ),
            click.Option(
                ["--trace"], metavar="vm=N", help="Print what one VM does, and no result."
            ),
        ),
        "trace": (
            click.Option(["--vm"], type=click.IntRange(min=0), help="The VM's number.  [required]"),
            *_SHARED,
        ),
    },
    inputs="NAME=FILE or NAME=1,2,3 fills a buffer; files are .npy, .pgm, .ppm, text, or"
    " FILE:COLUMN of a table, whose rows are matched by a column id, or --labels.",
    link=link_files,
)
