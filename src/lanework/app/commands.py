"""What commands have in common: the status that an error ends in, and options of machines.

Exit status: 0 done, 1 a diagnostic, 2 wrong usage, 3 a trap, 4 an internal fault, 130
interrupted.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from lanework.core.cli import CommandLine, Request

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
            sys.stdout.flush()
        except click.UsageError as error:
            status = _usage(error, as_json)
        except click.ClickException as error:
            _show(error)
            status = EXIT_USAGE
        except click.Abort:
            click.echo("interrupted", err=True)
            status = EXIT_INTERRUPTED
        except Exception as error:  # the last place where anything can be caught
            status = _failed(error, as_json)
        sys.exit(status if isinstance(status, int) else 0)


def _usage(error: click.UsageError, as_json: bool) -> int:
    if as_json:
        from lanework.core import terminal

        text = error.format_message()
        terminal.json_out({"error": {"code": None, "kind": "usageerror", "message": text}})
    else:
        _show(error)
    return EXIT_USAGE


def _show(error: click.ClickException) -> None:
    from lanework.base.printable import shown

    text = io.StringIO()
    error.show(text)
    click.echo(shown(text.getvalue(), lines=True), nl=False, err=True)


def _failed(error: Exception, as_json: bool) -> int:
    from lanework.base.errors import Diagnostic, InternalFault, LaneworkError
    from lanework.core import terminal
    from lanework.core.codes import FAULT, OUT_OF_MEMORY

    problem: LaneworkError
    if isinstance(error, OSError) and error.filename is None:
        return _unwritten(error)
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
    terminal.error(problem, as_json)
    return problem.exit_status


def _unwritten(error: OSError) -> int:
    """Standard output takes no more: a full device, or a pipe that was closed."""
    from lanework.base.codes import FILE_NOT_WRITTEN
    from lanework.base.errors import Diagnostic
    from lanework.core import terminal

    with suppress(OSError, ValueError):  # what is left in its buffer goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    what = f"standard output could not be written: {error.strerror or error}"
    problem = Diagnostic(FILE_NOT_WRITTEN, what, help="check free space, or write to a file")
    with suppress(OSError):
        terminal.error(problem)
    return problem.exit_status


def end_left(end: BaseException | None) -> None:
    """End the process at once, where a thread is at work that nobody waits for.

    What it has made would be given back first, object by object.
    """
    waiting = sys.modules.get("lanework.core.waiting")  # not loaded for the help
    if isinstance(end, SystemExit) and waiting is not None and waiting.left():
        from lanework.base.files import give_up

        give_up()
        atexit._run_exitfuncs()
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 0)


def completed(what: str) -> Callable[[click.Context, click.Parameter, str], Any]:
    """How a shell completes a parameter: a function of `completion`, loaded when one asks."""

    def ask(ctx: click.Context, _: click.Parameter, typed: str) -> Any:
        from lanework.app import completion

        return getattr(completion, what)(ctx, typed)

    return ask


class Offered(click.Choice[str]):
    """A choice among what machines offer, who are asked when that is needed."""

    def __init__(self, names: Callable[[], Iterable[str]]):
        self._names, self.case_sensitive = names, True

    @property
    def choices(self) -> tuple[str, ...]:  # type: ignore[override]  # click has it as a field
        """The names, as they are now."""
        return tuple(self._names())


class MachineCommand(click.Command):
    """A command to which machines add options; its help lists them machine by machine."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, then those that machines add, each name once."""
        params = {param.name: param for param in super().get_params(ctx)}
        added = self.added()
        if ctx.resilient_parsing:  # a shell asks what to complete
            from lanework.app.completion import machine

            added = {name: added[name] for name in [machine(ctx)] if name} or added
        for options in added.values():
            params = {**{option.name: option for option in options}, **params}
        return list(params.values())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave out an option that waits for its value, where a shell asks what that could be."""
        waits = ctx.resilient_parsing and args and args[-1].startswith("-")
        return super().parse_args(ctx, args[:-1] if waits else args)

    def added(self) -> dict[str, tuple[click.Option, ...]]:
        """What each machine adds."""
        from lanework.core.cli import command_lines

        return {name: line.options.get(str(self.name), ()) for name, line in command_lines()}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of all machines, then those of each."""
        from lanework.core.cli import command_line

        own = (param for param in super().get_params(ctx) if isinstance(param, click.Option))
        self._section(ctx, formatter, "Options", [], own)
        for name, options in self.added().items():
            notes = list(self._notes(command_line(name)))
            self._section(ctx, formatter, f"For {name}", notes, options)

    def _section(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
        title: str,
        notes: list[str],
        options: Iterable[click.Option],
    ) -> None:
        records = [record for each in options if (record := each.get_help_record(ctx)) is not None]
        if notes or records:
            with formatter.section(title):
                for note in notes:
                    formatter.write_text(note)
                if records:
                    formatter.write_dl(records)

    def _notes(self, line: CommandLine) -> Iterator[str]:
        """What else there is to say of a machine."""
        if self.name == "run" and line.inputs:
            yield line.inputs
        if self.name == "compile" and line.writers:
            kinds = (f"{end or 'no ending'} for {what}" for end, (what, _) in line.writers.items())
            yield f"--out also takes {', '.join(kinds)}."
        if self.name == "compile" and line.link is not None:
            yield "Assembly is linked with the libraries that come after it."

    def refuse_others(self, ctx: click.Context, request: Request) -> None:
        """Refuse options that are for other machines than that of the file.

        Raises:
            Diagnostic: LW8001.
        """
        from lanework.base.errors import Diagnostic
        from lanework.core.codes import BAD_ARGUMENT

        added = self.added()
        known = {option.name for option in request.line.options.get(str(self.name), ())}
        for option in (option for options in added.values() for option in options):
            source = ctx.get_parameter_source(str(option.name))
            if source != ParameterSource.COMMANDLINE or option.name in known:
                continue
            owners = [name for name, has in added.items() if option.name in {o.name for o in has}]
            raise Diagnostic(
                BAD_ARGUMENT,
                f"{request.file} is for the {request.machine} machine, which has no option"
                f" {option.opts[0]}",
                help=f"{option.opts[0]} is for {' and '.join(owners)}",
            )


LONGER = "raise the deadline, or give it less to read"


def ask(command: str = "", /, **options: Any) -> Request:
    """The request of the command line.

    Args:
        command: one that the machine of the file must have.
        **options: file, words, libraries, as_json, and what options say.

    Raises:
        Diagnostic: LW8001 for an option of another machine or a command that the machine lacks;
            what finding the machine says.
    """
    from lanework.base.errors import Diagnostic
    from lanework.core.cli import Request, command_lines
    from lanework.core.codes import BAD_ARGUMENT
    from lanework.core.data.holding import reading
    from lanework.core.waiting import watched

    file, as_json = options.pop("file"), options.pop("as_json")
    words, libraries = options.pop("words", ()), options.pop("libraries", ())
    request = Request(file, words, libraries, {"json": as_json, **options})
    with reading(request.limits):  # standard input may take long, or never end
        watched(request.limits, lambda: request.machine, LONGER, request.growth)
    if command and command not in request.line.actions:
        names = " and ".join(name for name, line in command_lines() if command in line.actions)
        what = f"{file} is for the {request.machine} machine, which has no {command!r}"
        raise Diagnostic(BAD_ARGUMENT, what, help=f"lanework {command} is for {names}")
    ctx = click.get_current_context()
    if isinstance(ctx.command, MachineCommand):
        ctx.command.refuse_others(ctx, request)
    return request


def act(command: str, /, **options: Any) -> None:
    """Let the machine of the file do what it has to do for a command, within its limits."""
    from lanework.core.data.holding import reading
    from lanework.core.waiting import watched

    request = ask(command, **options)
    limits, work = request.limits, partial(request.line.actions[command], request)
    if limits.memory is not None:
        from lanework.core.data.arrays import give_back

        give_back()
    with reading(limits):
        watched(limits, work, LONGER, request.growth)
