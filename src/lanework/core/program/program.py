"""The program: what every machine compiles to, and what every engine runs."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, overload

from lanework.base.errors import Diagnostic
from lanework.base.files import write_bytes_atomic
from lanework.core.codes import BAD_WORD, NEWER_SET, NO_PROGRAM_FILE, NOT_BINARY
from lanework.core.machine import Machine, find
from lanework.core.options import LIMITS, nearest, path_of
from lanework.core.program.data import ListingEntry, Port, ProgramData

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from lanework.base.limits import Limits
    from lanework.core.data.tables import TableLike
    from lanework.core.result.result import Result
    from lanework.core.runner import Options, Runner

    R = TypeVar("R", covariant=True, default=Runner)
    """The runner of the program's machine; where that is not known, any runner."""
    Out = TypeVar("Out", covariant=True, bound=Result)
else:
    from typing import TypeVar

    R, Out = TypeVar("R"), TypeVar("Out")

__all__ = ["ListingEntry", "Port", "Program", "load", "loads"]


Taken = ParamSpec("Taken")


class Taking(Protocol[Taken]):
    """A runner that says what it is made with."""

    @property
    def _options(self) -> Options[Taken]:
        """What `bind` takes."""


class Unknown(Protocol):
    """A runner of any machine, which does not say it."""

    @property
    def _options(self) -> None:
        """What has the type Any."""


class Call(Protocol[Out]):
    """What is called with inputs and gives a result."""

    def __call__(self, /, *args: Any, **inputs: Any) -> Out:
        """Run."""


@dataclass(frozen=True, eq=False)
class Program(ProgramData, Generic[R]):
    """A compiled model: what it is made of, and what can be done with it.

    Programs of the same hash are equal. `len` is the number of instructions, `bytes` the content
    of a program file; programs pickle, as what they would be in a file.
    """

    @cached_property
    def views(self) -> dict[str, Any]:
        """Decoded forms that machines keep beside the program."""
        return {}

    @cached_property
    def hash(self) -> str:
        """blake2b-256 over everything but listing and notes, as hex."""
        from lanework.core.program.container import content

        return hashlib.blake2b(content(self), digest_size=32).hexdigest()

    @property
    def _machine(self) -> Machine:
        return find(self.machine)

    def problems(self) -> list[Diagnostic]:
        """Every rule of the machine that the program breaks."""
        known: list[Diagnostic] | None = self.views.get("problems")
        if known is None:
            known = self._machine.load("verify")(self)
            says = self.views.get("version")  # of a program that was read from a file
            if not known and says is not None and self.needs > says:
                message = f"the file says that it needs version {says} of the {self.machine}"
                known = [Diagnostic(BAD_WORD, f"{message} ISA, and its tape needs {self.needs}")]
            self.views["problems"] = known
        return known

    @property
    def needs(self) -> int:
        """The oldest version of the machine's instruction set that has all of its instructions."""
        isa = self._machine.load("isa")
        try:
            version: int = isa.version_of(isa.read(self))
        except Diagnostic:  # a tape that cannot be read is for nobody else to read
            version = isa.version
        return version

    def verify(self) -> None:
        """Check the program; nothing that fails here may run.

        Raises:
            Diagnostic: the first rule that it breaks.
        """
        for problem in self.problems():
            raise problem

    def __eq__(self, other: object) -> bool:
        return self.hash == other.hash if isinstance(other, Program) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.hash)

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self._machine.load("isa").decode(self.tape))

    def __bytes__(self) -> bytes:
        from lanework.core.program.container import dumps

        return dumps(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return loads, (bytes(self),)

    def save(self, path: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write the program to a file; `lanework.load` reads it.

        Args:
            path: a path, whose file is replaced whole or not at all, an open file, or `-` for
                standard output.

        Raises:
            Diagnostic: LW0201, and the file is then as it was; LW1013 for a file open as text.
        """
        stream = sys.stdout.buffer if isinstance(path, str) and path == "-" else path
        if isinstance(stream, str | os.PathLike):
            write_bytes_atomic(path_of(stream), bytes(self))
            return
        _check_binary(stream, "write")
        stream.write(bytes(self))
        stream.flush()

    def dis(self) -> str:
        """The program as assembly text, which assembles to the same hash."""
        lines = self._machine.load("text")().disassemble(self)
        return "\n".join([f".machine {self.machine}", *lines]) + "\n"

    def inspect(self) -> dict[str, Any]:
        """What is in the program.

        Returns:
            machine, hash, header, instructions (in all and by name), ports, constants, sections
            (name -> bytes), listing (entries), notes; and what the machine has to say.
        """
        from lanework.core.program.inspecting import inspect

        say = self._machine.load("facts")
        facts = say(self) if say and not self.problems() else {}
        return inspect(self, self.hash, self._machine, facts)

    @overload
    def bind(self: Program[Taking[Taken]], *args: Taken.args, **options: Taken.kwargs) -> R: ...
    @overload
    def bind(
        self: Program[Unknown], engine: str = ..., limits: Limits | None = ..., **options: Any
    ) -> R: ...
    def bind(  # type: ignore[misc]  # all runners begin with engine and limits
        self, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A runner for an engine; the machine's `Runner` says which options there are."""
        return self._machine.bind(self, engine, limits, **options)

    def run(
        self: Program[Call[Out]],
        table: TableLike | None = None,
        /,
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        **inputs: Any,
    ) -> Out:
        """Bind and run once.

        Args:
            table: inputs as the columns of a mapping, a DataFrame of pandas or polars, an Arrow
                table, a relation of DuckDB, or anything with the Arrow C stream interface.
            engine: one of the machine's, or `auto`.
            limits: fuel, memory, deadline and threads.
            **inputs: inputs by name.

        Raises:
            Diagnostic: what the machine's `Runner` says.
        """
        runner = self._machine.bind(self, engine, limits)
        try:
            result: Out = runner(**inputs) if table is None else runner(table, **inputs)
        except Diagnostic as problem:
            others = inputs.keys() - {port.name for port in self.inputs}
            options = [*self._machine.options()]
            for name in others & {*options, *LIMITS}:
                if repr(name) in problem.message:
                    problem.help = (
                        f"{name} is an option of bind: program.bind({name}=...)(...)"
                        if name in options
                        else nearest(name, options)
                    )
            raise
        return result

    def _repr_html_(self) -> str:
        from lanework.core.program.inspecting import html

        draw = self._machine.load("drawing")
        drawing = draw(self) if draw and not self.problems() else None
        return html(self, self.hash, self._machine, drawing)

    def __repr__(self) -> str:
        return (
            f"<Program {self.machine}: {len(self.inputs)} inputs, {len(self.outputs)} outputs,"
            f" {len(self.tape):,} bytes of tape, {self.hash[:12]}>"
        )


def load(path: str | os.PathLike[str] | IO[bytes], *, limits: Limits | None = None) -> Program:
    """Read a program from a file.

    Args:
        path: a path, an open file, or `-` for standard input.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW1004 to LW1006 when it is no program file or a damaged one, LW1013 for a file
            open as text, LW0101 for one that does not fit, and what the machine's verifier finds.
        Trap: LW2001.
    """
    from lanework.core.waiting import LONG, bounded

    return bounded(limits, partial(_load, path), LONG)


def _load(path: str | os.PathLike[str] | IO[bytes]) -> Program:
    from lanework.core.data.holding import check_held

    stream = sys.stdin.buffer if isinstance(path, str) and path == "-" else path
    name = str(stream if isinstance(stream, str | os.PathLike) else _name(stream))
    try:
        if isinstance(stream, str | os.PathLike):
            check_held(name, os.stat(path_of(stream)).st_size, "raise the memory cap")
            data = Path(stream).read_bytes()
        else:
            _check_binary(stream, "read")
            data = stream.read()
    except OSError as error:
        what = f"{name} cannot be read: {error.strerror or error}"
        help = "check the path; lanework.compile takes models, networks and assembly"
        raise Diagnostic(NO_PROGRAM_FILE, what, help=help) from error
    program = loads(data, name)
    program.verify()
    return program


def _name(stream: IO[bytes]) -> str:
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else "program"


def _check_binary(stream: object, method: str) -> None:
    """Refuse what is no file of bytes.

    Raises:
        Diagnostic: LW1013.
    """
    if not hasattr(stream, method):
        what = f"an object of the class {type(stream).__name__} is no path and no open file"
        raise Diagnostic(NOT_BINARY, what, help="give a path, an open file, or '-'")
    if isinstance(stream, io.TextIOBase):
        what = f"the file {getattr(stream, 'name', '(in memory)')} is open as text"
        raise Diagnostic(NOT_BINARY, what, help="open it with 'rb' or 'wb'")


def loads(data: bytes, name: str = "program") -> Program:
    """Read a program from the bytes of a file; it is not verified yet.

    Raises:
        Diagnostic: LW1004 to LW1006 when it is no program file or a damaged one, LW1011 when it
            needs a newer instruction set than this version has.
    """
    from lanework.core.program.container import decode

    held, needs = decode(data, name)
    known = find(held.machine).load("isa").version
    if needs > known:
        raise Diagnostic(
            NEWER_SET,
            f"{name} needs version {needs} of the {held.machine} instruction set, and this version "
            f"of Lanework has {known} (offset 56)",
            help="update Lanework, or compile the model again",
        )
    kind: Any = find(held.machine).load("program") or Program
    program: Program = kind(**vars(held))
    program.views["version"] = needs
    return program
