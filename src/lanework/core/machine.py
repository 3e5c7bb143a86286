"""Machines: what each must offer the house, and how one is found by its name."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from lanework.base.errors import Diagnostic
from lanework.core.codes import UNKNOWN_MACHINE

if TYPE_CHECKING:
    from lanework.base.limits import Limits
    from lanework.core.isa import ISA
    from lanework.core.program import Program

MACHINES = ("series", "belief", "register")


class Machine(Protocol):
    """The face of a machine."""

    name: str
    isa: ISA

    def verify(self, program: Program) -> list[Diagnostic]:
        """Every rule that the program breaks."""

    def bind(
        self, program: Program, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A runner: called with inputs, it returns a result."""

    def assembler(self) -> Any:
        """The machine's directives for assembly text."""


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
    machine: Machine = importlib.import_module(f"lanework.machines.{name}.machine").MACHINE
    return machine
