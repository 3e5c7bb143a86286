"""The command line: commands and their options.

A command that depends on the machine of its file leaves options and work to that machine
(`Machine.cli`). Messages go to standard error, results to standard output.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any

import click

from lanework.app.commands import (
    Commands,
    MachineCommand,
    Offered,
    act,
    ask,
    completed,
    end_left,
)
from lanework.base.printable import shown

FILE = click.argument("file", type=click.Path())
log = logging.getLogger("lanework")
WORDS = click.argument(
    "words",
    nargs=-1,
    metavar="[NAME=VALUE | AXIS=FILE]...",
    shell_complete=completed("inputs"),
)
OUT = click.option(
    "-o", "--out", metavar="FILE", help="Write outputs: .csv, .tsv, .xlsx, .parquet, .npz, ..."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, errors included.")


_LIMITS = (
    click.option("--threads", type=click.IntRange(min=1), help="Threads; one a core by default."),
    click.option("--deadline", metavar="TIME", help="At most so long, such as 500ms or 2min."),
    click.option("--memory", metavar="SIZE", help="At most so much memory, such as 512M or 2GiB."),
    click.option("--fuel", type=click.IntRange(min=0), help="At most so many operations."),
)


def limited(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what it may use."""
    for option in _LIMITS:  # the last one that is added stands first
        command = option(command)
    return command


class Messages(logging.Handler):
    """Log records as lines on standard error, control characters shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        click.echo(f"{record.levelname.lower()}: {shown(record.getMessage())}", err=True)


def _notice(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"note: {shown(str(message))}", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name=None,
    prog_name="lanework",
    message="%(prog)s %(version)s",
    version=__import__("lanework").__version__,
)
@click.option("--verbose", "-v", is_flag=True, help="Say which engine runs and what is compiled.")
def cli(verbose: bool) -> None:
    """Compile a model once, run it over many lanes."""
    warnings.showwarning = _notice
    if verbose:
        log.handlers = [Messages()]
        log.setLevel(logging.DEBUG)


@cli.command(cls=MachineCommand)
@FILE
@WORDS
@limited
@OUT
@click.option("--csv-safe", is_flag=True, help="Mark text in CSV that a spreadsheet would run.")
@JSON
def run(**options: Any) -> None:
    """Run a model, a network, assembly (.lasm) or a compiled program (.lwp); `-` is standard input.

    What inputs look like, and which other options there are, depends on the machine of the file.
    """
    act("run", **options)


@cli.command(cls=MachineCommand)
@FILE
@WORDS
@limited
@OUT
@JSON
def solve(**options: Any) -> None:
    """Find inputs of a model such that outputs are 0, within bounds, or least; by IPOPT."""
    act("solve", **options)


@cli.command(cls=MachineCommand)
@FILE
@WORDS
@limited
@OUT
@JSON
def seek(**options: Any) -> None:
    """Find the one input of a model with which an output is what it should be."""
    act("seek", **options)


@cli.command("compile", cls=MachineCommand)
@FILE
@click.argument("libraries", nargs=-1, type=click.Path(), metavar="[LIBRARY]...")
@click.option(
    "--out",
    "-o",
    metavar="FILE",
    help="Where to write, `-` for standard output; by default FILE with .lwp.",
)
@JSON
def compile_(**options: Any) -> None:
    """Compile a model, a network or assembly to a program file (.lwp), or to machine code."""
    from lanework.app.programs import compile_file

    compile_file(ask(**options))


@cli.command()
@FILE
@JSON
def dis(**options: Any) -> None:
    """Print a program as assembly text, which assembles to the same hash."""
    from lanework.app.programs import disassemble_file

    disassemble_file(ask(**options))


@cli.command()
@FILE
@JSON
def verify(**options: Any) -> None:
    """Check a program against every rule of its machine."""
    from lanework.app.programs import verify_file

    verify_file(ask(**options))


@cli.command(cls=MachineCommand)
@FILE
@JSON
def inspect(**options: Any) -> None:
    """Show inputs, outputs, sizes and what the compiler did."""
    from lanework.app.programs import inspect_file

    inspect_file(ask(**options))


@cli.command(cls=MachineCommand)
@FILE
@click.argument("words", nargs=-1, metavar="[NAME=FILE]...", shell_complete=completed("inputs"))
@JSON
def trace(**options: Any) -> None:
    """Show what one VM of a fleet does in each epoch: instruction, kernel, registers, memory."""
    act("trace", **options)


@cli.command()
@FILE
@JSON
def test(**options: Any) -> None:
    """Run the `; @test:` lines of an assembly file on every engine."""
    act("test", **options)


@cli.command()
@click.argument("code", required=False, shell_complete=completed("codes"))
@JSON
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code, or list them all."""
    from lanework.app.programs import explain as explain_code

    explain_code(code, as_json)


def _benches() -> dict[str, Callable[[bool], None]]:
    from lanework.core.cli import command_lines

    return {name: bench for _, line in command_lines() for name, bench in line.benches.items()}


@cli.command()
@click.argument("what", type=Offered(_benches))
@JSON
def bench(what: str, as_json: bool) -> None:
    """Measure on this machine: `jit`, how long code takes to be made."""
    _benches()[what](as_json)


def _fuzzed() -> Iterator[str]:
    from lanework.core.machine import MACHINES, find

    return (name for name in MACHINES if find(name).fuzz)


@cli.command()
@click.argument("machine", type=Offered(_fuzzed))
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many programs.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="The first one's seed.")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Processes; one a core.")
@click.option(
    "--engine",
    default="all",
    show_default=True,
    help="Of the fleet: only this engine.",
)
@JSON
def fuzz(machine: str, count: int, seed: int, jobs: int | None, engine: str, as_json: bool) -> None:
    """Compare the engines on random programs of a MACHINE, bit by bit; graphs, with enumeration."""
    from lanework.base.host import thread_count
    from lanework.core.machine import find

    campaign = find(machine).load("fuzz")
    if engine != "all" and not signature(campaign).parameters:
        raise click.BadParameter(f"all engines of {machine} are compared", param_hint="--engine")
    chosen = campaign() if engine == "all" else campaign(engine)
    chosen.report(count, seed, jobs or thread_count(), as_json)


def main() -> None:
    """The entry point of the `lanework` command."""
    for name in ("stdout", "stderr"):  # None where a shell closed it (>&-): nobody reads it
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    try:
        cli.main(prog_name="lanework")
    finally:
        end_left(sys.exc_info()[1])
