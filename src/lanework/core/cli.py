"""What a machine says of itself to the command line, and what a command asks of a machine.

`Machine.cli` names a `CommandLine`. The commands of the house know what they all have in common,
find the machine of a file, and hand it a `Request`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.checks import Checks
from lanework.core.codes import BAD_ARGUMENT, NO_SUCH_FILE, NOT_TEXT, UNKNOWN_ENDING
from lanework.core.data.standard import SHOWN, STANDARD, standard_input
from lanework.core.machine import MACHINES, find
from lanework.core.options import path_of

if TYPE_CHECKING:
    import click

    from lanework.base.limits import Limits
    from lanework.core.program.program import Program
    from lanework.core.resident import Growth

PROGRAMS = {".lasm": "assembly", ".lwp": "a compiled program"}


@dataclass(frozen=True)
class Request(Checks):
    """A command for a file.

    Attributes:
        file: the path as it was written, or `-` for a program or assembly on standard input.
        words: the inputs after it.
        libraries: the other files, which are linked with it.
        options: what the options say, by name; `request["name"]` is None for one that the command
            does not have.
    """

    file: str
    words: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            Diagnostic: LW2005 for what no file is called.
        """
        return path_of(self.file)

    @cached_property
    def machine(self) -> str:
        """The machine of the file: the one that reads such models, or a program's.

        Raises:
            Diagnostic: LW8003, LW8004 and, for a program, all that reading it says.
        """
        if self.file == STANDARD:
            return self.program.machine
        check_file(self.path)
        owners = {end: name for name, line in command_lines() for end in line.models}
        for ending, name in owners.items():
            if self.file.lower().endswith(ending):
                return name
        if self.path.suffix.lower() == ".lasm":
            from lanework.core.program.asm import machine_of

            return machine_of(read_text(self.path), self.file)
        return self.program.machine

    @property
    def line(self) -> CommandLine:
        """What the machine of the file says to the command line."""
        return command_line(self.machine)

    @property
    def is_model(self) -> bool:
        """Whether the file is a model, which is compiled before it runs."""
        return self.file != STANDARD and self.path.suffix.lower() not in PROGRAMS

    @cached_property
    def _loaded(self) -> tuple[Program[Any], float]:
        start = time.perf_counter()
        with self.growth.steady():
            program = _program(self)
        return program, time.perf_counter() - start

    @property
    def program(self) -> Program[Any]:
        """The program: loaded, assembled, or compiled.

        Raises:
            Diagnostic: LW8001, LW8003, LW8004, LW8008, and all that reader and compiler say.
        """
        return self._loaded[0]

    @property
    def seconds(self) -> float:
        """How long it took to load the program."""
        return self._loaded[1]

    @cached_property
    def limits(self) -> Limits:
        """What a run may use, reading its files included: the deadline counts from the first look.

        Raises:
            Diagnostic: LW0102.
        """
        from lanework.base.limits import Limits

        return Limits.from_text(
            **{name: self[name] for name in ("fuel", "memory", "deadline", "threads")}
        ).started()

    @cached_property
    def growth(self) -> Growth:
        """The memory that the command takes from the first look at this on."""
        from lanework.core.resident import Growth

        return Growth(self.limits)

    def about(self) -> dict[str, str]:
        """The program, as every report in JSON names it."""
        return {"file": str(self.path), "hash": self.program.hash}


@dataclass(frozen=True)
class CommandLine:
    """What a machine says to the command line.

    Attributes:
        actions: by the name of a command, what it does for files of this machine: `run`, which
            every machine has, `trace` and `test`; of `inspect`, what comes before the facts.
        options: by the name of a command, those that it takes beside what all machines have.
        inputs: how the inputs of `run` are written.
        names: what stands before `=` in them, and a word about each, for a shell to complete; by
            default the inputs of the program.
        models: the endings of its model files, and what such a file is.
        compile: the program of a model file.
        compile_text: the program of a text from standard input, None where it is no such model.
        link: the program of several files of assembly.
        writers: other forms that `compile` writes: by their ending what they are, and a function
            of a program and a path to the files that it wrote.
        benches: measurements, by the name that `bench` has for them; told whether to print JSON.
    """

    actions: Mapping[str, Callable[[Request], None]]
    options: Mapping[str, tuple[click.Option, ...]] = field(default_factory=dict)
    inputs: str = ""
    names: Callable[[Request], Mapping[str, str]] = lambda request: {
        port.name: port.unit for port in request.program.inputs
    }
    models: Mapping[str, str] = field(default_factory=dict)
    compile: Callable[[Request], Program[Any]] | None = None
    compile_text: Callable[[str], Program[Any] | None] | None = None
    link: Callable[[Request], Program[Any]] | None = None
    writers: Mapping[str, tuple[str, Callable[[Program[Any], Path], Sequence[Path]]]] = field(
        default_factory=dict
    )
    benches: Mapping[str, Callable[[bool], None]] = field(default_factory=dict)


def command_line(machine: str) -> CommandLine:
    """What a machine says to the command line."""
    line: CommandLine = find(machine).load("cli")
    return line


def command_lines() -> list[tuple[str, CommandLine]]:
    """What every machine says, by its name."""
    return [(name, command_line(name)) for name in MACHINES]


def endings() -> dict[str, str]:
    """Every ending of a file that commands take, and what such a file is."""
    models = {end: what for _, line in command_lines() for end, what in line.models.items()}
    return {**models, **PROGRAMS}


def _program(request: Request) -> Program[Any]:
    file = request.path
    if request.file == STANDARD and not request.libraries:
        return _standard_input()
    check_file(file)
    ending = file.suffix.lower()
    if request.libraries:
        return _linked(request)
    if ending == ".lwp":
        from lanework.core.program.program import load

        return load(file)
    if ending == ".lasm":
        from lanework.core.program.asm import assemble

        program = assemble(read_text(file), request.file)
        program.verify()
        return program
    known = endings()
    if not request.file.lower().endswith(tuple(known)):
        choice = ", ".join(f"{end} ({what})" for end, what in known.items() if end.count(".") == 1)
        raise Diagnostic(
            UNKNOWN_ENDING,
            f"{request.file}: the ending {ending or '(none)'!r} does not say what the file is",
            help=did_you_mean(ending, known) or f"use {choice}",
        )
    compiler = request.line.compile
    assert compiler is not None, f"{request.machine} has models and no compiler"
    return compiler(request)


def _standard_input() -> Program[Any]:
    """The program on standard input: a compiled one, a model, or assembly.

    Raises:
        Diagnostic: LW8008, and all that loading and the assembler say.
    """
    import io

    from lanework.core.program.asm import assemble
    from lanework.core.program.container import MAGIC
    from lanework.core.program.program import load

    data = Path(standard_input("the program")).read_bytes()
    if data.startswith(MAGIC):
        return load(io.BytesIO(data))
    text = _decoded(data, SHOWN)
    for _, line in command_lines():
        model = None if line.compile_text is None else line.compile_text(text)
        if model is not None:
            return model
    program = assemble(text, SHOWN)
    program.verify()
    return program


def _linked(request: Request) -> Program[Any]:
    link = request.line.link if request.path.suffix.lower() == ".lasm" else None
    if link is None:
        names = " or ".join(name for name, line in command_lines() if line.link is not None)
        raise Diagnostic(
            BAD_ARGUMENT,
            f"{request.file} is no {names} assembly, and only that is linked with other files",
            help=f"begin each .lasm file with .machine {names}",
        )
    return link(request)


def check_file(file: Path) -> None:
    """Refuse a path that is no file.

    Raises:
        Diagnostic: LW8003, with a suggestion among the files beside it.
    """
    if not os.path.isfile(file):  # whatever its name
        known = tuple(endings())
        beside = [p.name for p in file.parent.glob("*") if p.name.lower().endswith(known)]
        near = did_you_mean(file.name, beside)
        what, advice = "does not exist", near or "check the path"
        if os.path.isdir(file):
            what = "is a folder"
        elif os.path.exists(file):
            what, advice = "is a device or a pipe", "write what it gives into a file"
        raise Diagnostic(NO_SUCH_FILE, f"{file} {what}", help=advice)


def read_bytes(file: Path) -> bytes:
    """What a file holds.

    Raises:
        Diagnostic: LW8003; LW0101 for one that does not fit.
    """
    from lanework.core.data.holding import check_held

    check_file(file)
    try:
        check_held(file, file.stat().st_size, "raise the memory cap")
        return file.read_bytes()
    except OSError as error:
        raise Diagnostic(
            NO_SUCH_FILE, f"{file} cannot be read: {error.strerror or error}", help="check the file"
        ) from None


def read_text(file: Path, unpack: Callable[[bytes, str], bytes] | None = None) -> str:
    """The text in a file.

    Args:
        file: the file.
        unpack: from the bytes of a file and its name to those of the text.

    Raises:
        Diagnostic: LW8003, LW8008, and what `unpack` says.
    """
    data = read_bytes(file)
    if unpack is not None:
        data = unpack(data, str(file))
    return _decoded(data, str(file))


def _decoded(data: bytes, file: str) -> str:
    """The text of some bytes.

    Raises:
        Diagnostic: LW8008.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Diagnostic(
            NOT_TEXT, f"{file} is not UTF-8 text (byte {error.start})", help="check the file"
        ) from None
    if "\0" in text:
        raise Diagnostic(
            NOT_TEXT, f"{file} is not text (byte {text.index(chr(0))})", help="check the file"
        )
    return text


def engine_option(*engines: str) -> click.Option:
    """`--engine`, for a machine with these."""
    import click

    names = ("auto", *engines)
    return click.Option(
        ["--engine"],
        default="auto",
        show_default=True,
        help=f"{', '.join(names)}.",
        shell_complete=lambda _, __, typed: [name for name in names if name.startswith(typed)],
    )
