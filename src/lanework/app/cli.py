"""The command line: commands, options, and what becomes of errors.

Exit status: 0 done, 1 a diagnostic, 2 wrong usage, 3 a trap, 4 an internal fault, 130
interrupted. Messages go to standard error, results to standard output.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import click

EXIT_USAGE, EXIT_FAULT, EXIT_INTERRUPTED = 2, 4, 130


class Commands(click.Group):
    """A group of commands whose errors are shown for people and end in an exit status."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and exit with the status that the outcome has."""
        kwargs["standalone_mode"] = False
        words = kwargs.get("args") or (args[0] if args else None) or sys.argv[1:]
        as_json = "--json" in words
        try:
            status = super().main(*args, **kwargs)
        except click.UsageError as error:
            status = _usage(error, as_json)
        except click.ClickException as error:
            error.show()
            status = EXIT_USAGE
        except click.Abort:
            click.echo("interrupted", err=True)
            status = EXIT_INTERRUPTED
        except Exception as error:  # the last place where anything can be caught
            status = _failed(error, as_json)
        sys.exit(status if isinstance(status, int) else 0)


def _usage(error: click.UsageError, as_json: bool) -> int:
    if as_json:
        from lanework.app import render

        text = error.format_message()
        render.json_out({"error": {"code": None, "kind": "usageerror", "message": text}})
    else:
        error.show()
    return EXIT_USAGE


def _failed(error: Exception, as_json: bool) -> int:
    from lanework.app import render
    from lanework.app.codes import FAULT, OUT_OF_MEMORY
    from lanework.base.errors import Diagnostic, InternalFault, LaneworkError

    problem: LaneworkError
    if isinstance(error, LaneworkError):
        problem = error
    elif isinstance(error, MemoryError):
        problem = Diagnostic(
            OUT_OF_MEMORY,
            "there is not enough memory",
            help="run fewer lanes, or a smaller --block",
        )
    else:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        problem = InternalFault(
            FAULT,
            f"Lanework failed ({what})",
            help="please report this with the command and the file; LANEWORK_DEBUG=1 shows where",
        )
    if os.environ.get("LANEWORK_DEBUG") == "1" and problem.exit_status == EXIT_FAULT:
        import traceback

        traceback.print_exception(error)
    render.error(problem, as_json)
    return problem.exit_status


def _notice(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"note: {message}", err=True)


FILE = click.argument("file", type=click.Path())
QUERY = click.option(
    "--query",
    default="all",
    show_default=True,
    help="What to ask a network: all, variables with commas, z, mpe, mmap:A,B, joint:A,B,"
    " kbest:K, sample:N, gradient, sensitivity:A=STATE.",
)
NORMALIZE = click.option(
    "--normalize", is_flag=True, help="Scale the tables of a network to sums of one."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, errors included.")


def FLEET(command: Any) -> Any:  # noqa: N802 - used as the options above are
    """What runs of fleet programs take."""
    options = (
        click.option("--shared", metavar="FILE", help="What a fleet's shared memory begins with."),
        click.option("--epochs", type=click.IntRange(min=1), help="Stop a fleet after so many."),
        click.option("--adapter", metavar="NAME", help="Part of a graphics adapter's name."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="Of a fleet: layout, format, threshold, compose, storage, io, bounds, arithmetic,"
            " patience, on_fault, sort, general.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name=None,
    prog_name="lanework",
    message="%(prog)s %(version)s",
    version=__import__("lanework").__version__,
)
def cli() -> None:
    """Compile a model once, run it over many lanes."""
    warnings.showwarning = _notice


@cli.command()
@FILE
@click.argument("inputs", nargs=-1, metavar="[NAME=VALUE | AXIS=FILE]...")
@click.option(
    "--engine",
    default="auto",
    show_default=True,
    help="auto, llvm, stencil, reference; for register programs and networks also native; for"
    " fleets epoch and reference.",
)
@click.option("--fuel", type=click.IntRange(min=0), help="At most so many operations.")
@click.option("--memory", metavar="SIZE", help="At most so much memory, such as 512M or 2GiB.")
@click.option("--deadline", metavar="TIME", help="At most so long, such as 500ms or 2min.")
@click.option("--lanes", type=click.IntRange(min=1), help="Only the first rows of lane tables.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads; one a core by default.")
@click.option("--periods", type=click.IntRange(min=1), help="Periods, if not the model's own.")
@click.option("--outputs", metavar="A,B", help="Compute these outputs only.")
@click.option(
    "--block",
    type=click.IntRange(min=1),
    default=65536,
    show_default=True,
    help="Lanes in a block when a table is streamed.",
)
@click.option("--out", metavar="FILE", help="Write outputs: .csv, .parquet, .npz, .npy, .json.")
@click.option(
    "--evidence", metavar="FILE", help="A table of evidence for a network (.csv, .parquet)."
)
@click.option("--given", multiple=True, metavar="VAR=STATE", help="What is known of a network.")
@QUERY
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of what --query sample draws.")
@click.option(
    "--approximate",
    type=click.Choice(["loopy"]),
    help="Do not be exact: loopy belief propagation, for networks that are too wide.",
)
@NORMALIZE
@FLEET
@click.option("--trace", metavar="vm=N", help="Of a fleet: print what one VM does, and no result.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep compiled code on disk.")
@JSON
def run(file: str, inputs: tuple[str, ...], as_json: bool, no_cache: bool, **given: Any) -> None:
    """Run a model (.series), assembly (.lasm) or a compiled program (.lwp).

    NAME=VALUE gives an input: a number, numbers with commas, a label, @FILE or FILE:column.
    AXIS=FILE fills the inputs along an axis (time, scenario, point) from the columns of a table;
    a table longer than a block is streamed in bounded memory.
    """
    from lanework.app.run import Options
    from lanework.app.run import run as run_file

    run_file(file, inputs, Options(**given, json=as_json, cache=not no_cache))


@cli.command("compile")
@FILE
@click.argument("libraries", nargs=-1, type=click.Path(), metavar="[LIBRARY]...")
@click.option(
    "--out",
    "-o",
    metavar="FILE",
    help="Where to write; by default FILE with .lwp. A register program also becomes an executable"
    " (no ending), an object with a C header (.o), raw code (.bin).",
)
@QUERY
@click.option(
    "--observed", default="", metavar="A,B", help="Variables of a network that every row observes."
)
@NORMALIZE
@JSON
def compile_(
    file: str,
    libraries: tuple[str, ...],
    out: str | None,
    query: str,
    observed: str,
    normalize: bool,
    as_json: bool,
) -> None:
    """Compile a model, a network or assembly to a program file (.lwp), or to machine code.

    Fleet assembly (.lasm) is linked with the libraries that come after it.
    """
    from lanework.app.programs import compile_file

    names = tuple(name.strip() for name in observed.split(",") if name.strip())
    compile_file(file, out, as_json, libraries, query=query, observed=names, normalize=normalize)


@cli.command()
@FILE
@JSON
def dis(file: str, as_json: bool) -> None:
    """Print a program as assembly text, which assembles to the same hash."""
    from lanework.app.programs import disassemble_file

    disassemble_file(file, as_json)


@cli.command()
@FILE
@JSON
def verify(file: str, as_json: bool) -> None:
    """Check a program against every rule of its machine."""
    from lanework.app.programs import verify_file

    verify_file(file, as_json)


@cli.command()
@FILE
@JSON
@click.option("--graph", metavar="FILE", help="Draw the graph of a network (.svg, .dot).")
@click.option("--tree", metavar="FILE", help="Draw the tree of a belief program (.svg, .dot).")
def inspect(file: str, as_json: bool, graph: str | None, tree: str | None) -> None:
    """Show inputs, outputs, sizes and what the compiler did."""
    from lanework.app.programs import inspect_file

    inspect_file(file, as_json, graph=graph, tree=tree)


@cli.command()
@FILE
@click.argument("inputs", nargs=-1, metavar="[NAME=FILE]...")
@click.option("--vm", type=click.IntRange(min=0), required=True, help="The VM's number.")
@click.option("--engine", default="auto", show_default=True, help="auto, epoch, reference.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of random numbers.")
@FLEET
@JSON
def trace(file: str, inputs: tuple[str, ...], vm: int, as_json: bool, **given: Any) -> None:
    """Show what one VM of a fleet does in each epoch: instruction, kernel, registers, memory."""
    from lanework.app.fleets import trace as trace_vm
    from lanework.app.loading import load_program
    from lanework.app.run import Options

    trace_vm(load_program(file), inputs, Options(**given, json=as_json), vm)


@cli.command()
@click.argument("code", required=False)
@JSON
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code, or list them all."""
    from lanework.app.explaining import explain as explain_code

    explain_code(code, as_json)


@cli.command()
@FILE
@JSON
def test(file: str, as_json: bool) -> None:
    """Run the `; @test:` lines of an assembly file on every engine."""
    from lanework.app.registers import test as run_tests

    run_tests(file, as_json)


@cli.command()
@click.argument("what", type=click.Choice(["jit"]))
@JSON
def bench(what: str, as_json: bool) -> None:
    """Measure on this machine: `jit`, how long code takes to be made."""
    from lanework.app.registers import bench_jit

    bench_jit(as_json)


@cli.command()
@click.argument("machine", type=click.Choice(["series", "belief", "register", "fleet"]))
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many programs.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="The first one's seed.")
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Processes; one a core.")
@click.option("--engine", default="all", show_default=True, help="Of the fleet: only this engine.")
@JSON
def fuzz(machine: str, count: int, seed: int, jobs: int | None, engine: str, as_json: bool) -> None:
    """Compare the engines on random programs of a MACHINE, bit by bit; graphs, with enumeration."""
    from lanework.app import fuzzing
    from lanework.base.host import thread_count

    checks: dict[str, Callable[..., None]] = {
        "series": fuzzing.fuzz_series,
        "belief": fuzzing.fuzz_belief,
        "register": fuzzing.fuzz_register,
        "fleet": functools.partial(fuzzing.fuzz_fleet, engine=engine),
    }
    if machine != "fleet" and engine != "all":
        raise click.BadParameter(f"all engines of {machine} are compared", param_hint="--engine")
    checks[machine](count, seed, jobs or thread_count(), as_json)


def main() -> None:
    """The entry point of the `lanework` command."""
    cli.main(prog_name="lanework")


if __name__ == "__main__":
    main()
