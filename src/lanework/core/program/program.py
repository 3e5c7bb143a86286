"""The program: what every machine compiles to, and what every engine runs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, overload

from lanework.base.errors import Diagnostic
from lanework.base.files import write_bytes_atomic
from lanework.core.codes import BAD_WORD, NEWER_SET, NO_PROGRAM_FILE
from lanework.core.machine import Machine, find
from lanework.core.program.data import ListingEntry, Port, ProgramData

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from lanework.base.limits import Limits
    from lanework.core.result.result import Result
    from lanework.core.runner import Options, Runner

    R = TypeVar("R", covariant=True, default=Runner)
    """The runner of the program's machine; where that is not known, any runner."""
    Out = TypeVar("Out", covariant=True, bound=Result)
    P = TypeVar("P", covariant=True, bound="Program")
else:
    from typing import TypeVar

    R, Out, P = TypeVar("R"), TypeVar("Out"), TypeVar("P")

__all__ = ["Compilable", "ListingEntry", "Port", "Program", "compile", "load", "loads"]


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
    """A compiled model: what it is made of, and what can be done with it."""

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, atomically; `lanework.load` reads it.

        Raises:
            Diagnostic: LW0201; the file is then as it was.
        """
        from lanework.core.program.container import dumps

        write_bytes_atomic(path, dumps(self))

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
        /,
        *,
        engine: str = "auto",
        limits: Limits | None = None,
        **inputs: Any,
    ) -> Out:
        """Bind and run once."""
        result: Out = self._machine.bind(self, engine, limits)(**inputs)
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


def load(path: str | os.PathLike[str]) -> Program:
    """Read a program from a file.

    Raises:
        Diagnostic: LW1004 to LW1006 when it is no program file or a damaged one, and what the
            machine's verifier finds.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise Diagnostic(
            NO_PROGRAM_FILE, f"{os.fspath(path)} cannot be read: {error.strerror or error}"
        ) from error
    program = loads(data, str(path))
    program.verify()
    return program


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
    program: Program = Program(**vars(held))
    program.views["version"] = needs
    return program


class Compilable(Protocol[Taken, P]):
    """A model of some machine."""

    def compile(self, *args: Taken.args, **options: Taken.kwargs) -> P:
        """The program of the model."""


def compile(model: Compilable[Taken, P], *args: Taken.args, **options: Taken.kwargs) -> P:
    """Compile a model to a program.

    Args:
        model: a model, such as `lanework.series.Model`.
        *args: what the model's own `compile` takes.
        **options: likewise.

    Raises:
        Diagnostic: what is wrong with the model, and where.
    """
    return model.compile(*args, **options)
