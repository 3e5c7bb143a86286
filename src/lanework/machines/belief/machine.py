"""The belief machine as the rest of the house sees it."""

from __future__ import annotations

from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.isa import ISA
from lanework.core.program import Program
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.verify import verify


class BeliefMachine:
    """Tensors over a semiring; see `lanework.core.machine` for what a machine must offer."""

    name = "belief"
    isa: ISA = BELIEF

    def verify(self, program: Program) -> list[Diagnostic]:
        """Every rule that the program breaks."""
        return verify(program)

    def bind(
        self, program: Program, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A `Runner` for the program."""
        from lanework.machines.belief.runner import Runner

        return Runner(program, engine, limits, **options)

    def assembler(self) -> Any:
        """The assembler of belief programs."""
        from lanework.machines.belief.asm import BeliefAssembler

        return BeliefAssembler()


MACHINE = BeliefMachine()
