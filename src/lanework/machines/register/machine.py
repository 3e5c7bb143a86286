"""The register machine as the rest of the house sees it."""

from __future__ import annotations

from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.isa import ISA
from lanework.core.program import Program
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.verify import verify


class RegisterMachine:
    """Registers of 64 bits; see `lanework.core.machine` for what a machine must offer."""

    name = "register"
    isa: ISA = REGISTER

    def verify(self, program: Program) -> list[Diagnostic]:
        """Every rule that the program breaks."""
        return verify(program)

    def bind(
        self, program: Program, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A `Runner` for the program."""
        from lanework.machines.register.runner import Runner

        return Runner(program, engine, limits, **options)

    def assembler(self) -> Any:
        """The assembler of register programs."""
        from lanework.machines.register.asm import RegisterAssembler

        return RegisterAssembler()


MACHINE = RegisterMachine()
