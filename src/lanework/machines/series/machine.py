"""The series machine as the rest of the house sees it."""

from __future__ import annotations

from typing import Any

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.isa import ISA
from lanework.core.program import Program
from lanework.machines.series.isa import SERIES
from lanework.machines.series.verify import verify


class SeriesMachine:
    """Time columns over lanes; see `lanework.core.machine` for what a machine must offer."""

    name = "series"
    isa: ISA = SERIES

    def verify(self, program: Program) -> list[Diagnostic]:
        """Every rule that the program breaks."""
        return verify(program)

    def bind(
        self, program: Program, engine: str = "auto", limits: Limits | None = None, **options: Any
    ) -> Any:
        """A `Runner` for the program."""
        from lanework.machines.series.runner import Runner

        return Runner(program, engine, limits, **options)

    def assembler(self) -> Any:
        """The directives of series programs."""
        from lanework.machines.series.asm import SeriesAssembler

        return SeriesAssembler()


MACHINE = SeriesMachine()
