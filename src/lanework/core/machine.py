"""Machines: what each must offer the house, and how one is found by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lanework.base.errors import Diagnostic
from lanework.base.lazy import load
from lanework.core.codes import UNKNOWN_MACHINE

if TYPE_CHECKING:
    from lanework.base.limits import Limits
    from lanework.core.program.asm import Assembler
    from lanework.core.program.isa import ISA
    from lanework.core.program.program import Program

MACHINES = ("series", "belief", "register", "fleet")


@dataclass(frozen=True)
class Machine:
    """The face of a machine.

    Attributes:
        name: as programs and assembly text name it.
        isa: its instructions.
        verify: a program -> every rule that it breaks.
        runner: the class of its runners, as ``module:name``; it is loaded when it is first needed.
        text: the class that reads and prints its assembly text, likewise.
        facts: a function from a program to what `Program.inspect` also says, likewise, if any.
        drawing: a function from a program to a `Drawing` of it, likewise, if there is one.
    """

    name: str
    isa: ISA
    verify: Callable[[Program], list[Diagnostic]]
    runner: str
    text: str
    drawing: str | None = None
    facts: str | None = None

    def bind(
        self, program: Program, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A runner: called with inputs, it returns a result."""
        return load(self.runner)(program, engine, limits, **options)

    def assembler(self) -> Assembler:
        """The machine's directives for assembly text."""
        made: Assembler = load(self.text)()
        return made


@cache
def find(name: str) -> Machine:
    """The machine of this name.

    Raises:
        Diagnostic: LW1002.
    """
    if name not in MACHINES:
        raise Diagnostic(
            UNKNOWN_MACHINE, f"there is no machine {name!r}", help=f"there is: {MACHINES}"
        )
    machine: Machine = load(f"lanework.machines.{name}.machine:MACHINE")
    return machine
