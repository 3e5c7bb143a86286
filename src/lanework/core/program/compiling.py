"""One way to compile: whatever the machine, a model knows how to become a program."""

from __future__ import annotations

from typing import Any, Protocol

from lanework.core.program.program import Program


class Compilable(Protocol):
    """A model of some machine."""

    def compile(self, **options: Any) -> Program:
        """The program of the model."""


def compile(model: Compilable, **options: Any) -> Program:
    """Compile a model to a program.

    Args:
        model: a model, such as `lanework.series.Model`.
        **options: what the model's own `compile` takes.

    Raises:
        Diagnostic: what is wrong with the model, and where.
    """
    return model.compile(**options)
