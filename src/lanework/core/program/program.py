"""The program: what every machine compiles to, and what every engine runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lanework.base.span import Span

if TYPE_CHECKING:
    from lanework.base.errors import Diagnostic
    from lanework.base.limits import Limits

Header = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Port:
    """An input or an output.

    Attributes:
        name: the name by which it is given or asked for.
        direction: ``in`` or ``out``.
        row: the row that holds it.
        dtype: always f64 on the series machine.
        unit: the unit of its numbers, as text; "" is dimensionless.
        axes: the axes that it declares, ``time`` first; others may be mapped over at a call.
        kind: stock, flow, rate, index, count, constant or "".
        doc: what it is.
        default: an input's value when none is given.
        categories: the labels that an input's numbers 0, 1, 2... stand for.
        reduce: the lane axes over which an output is summed.
    """

    name: str
    direction: Literal["in", "out"]
    row: int
    dtype: str = "f64"
    unit: str = ""
    axes: tuple[str, ...] = ()
    kind: str = ""
    doc: str = ""
    default: float | None = None
    categories: tuple[str, ...] = ()
    reduce: tuple[str, ...] = ()


@dataclass(frozen=True)
class ListingEntry:
    """Where an instruction comes from: its index, the node's name and formula, the span."""

    instruction: int
    span: Span | None = None
    text: str = ""


@dataclass(frozen=True, eq=False)
class Program:
    """A compiled model.

    Attributes:
        machine: the machine that it is for.
        header: the machine's own small numbers, such as the number of periods.
        tape: encoded instructions.
        ports: inputs and outputs, in order.
        constants: f64.
        sections: the machine's other sections, by name.
        listing: instruction -> source; not part of the hash.
        notes: what the compiler did, for people; not part of the hash.
    """

    machine: str
    header: Header
    tape: bytes
    ports: tuple[Port, ...]
    constants: npt.NDArray[np.float64]
    sections: Mapping[str, bytes] = field(default_factory=dict)
    listing: Sequence[ListingEntry] = ()
    notes: tuple[str, ...] = ()

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
    def inputs(self) -> tuple[Port, ...]:
        """The input ports."""
        return tuple(port for port in self.ports if port.direction == "in")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The output ports."""
        return tuple(port for port in self.ports if port.direction == "out")

    def problems(self) -> list[Diagnostic]:
        """Every rule of the machine that the program breaks."""
        from lanework.core.machine import find

        known: list[Diagnostic] | None = self.views.get("problems")
        if known is None:
            known = self.views["problems"] = find(self.machine).verify(self)
        return known

    def verify(self) -> None:
        """Check the program; nothing that fails here may run.

        Raises:
            Diagnostic: the first rule that it breaks.
        """
        for problem in self.problems():
            raise problem

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, atomically; `lanework.load` reads it."""
        from lanework.core.program.container import save

        save(self, path)

    def dis(self) -> str:
        """The program as assembly text, which assembles to the same hash."""
        from lanework.core.program.asm import disassemble

        return disassemble(self)

    def inspect(self) -> dict[str, Any]:
        """Counts, ports, sections with their bytes, notes and hash."""
        from lanework.core.program.inspecting import inspect

        counts: dict[str, Any] = inspect(self)
        return counts

    def bind(self, engine: str = "auto", limits: Limits | None = None, **options: Any) -> Any:
        """A runner for an engine; the machine's `Runner` says which options there are."""
        from lanework.core.machine import find

        return find(self.machine).bind(self, engine, limits, **options)

    def run(self, /, *, engine: str = "auto", limits: Limits | None = None, **inputs: Any) -> Any:
        """Bind and run once."""
        return self.bind(engine, limits)(**inputs)

    def _repr_html_(self) -> str:
        from lanework.core.program.inspecting import html

        page: str = html(self)
        return page

    def __repr__(self) -> str:
        return (
            f"<Program {self.machine}: {len(self.inputs)} inputs, {len(self.outputs)} outputs,"
            f" {len(self.tape) // 16} words, {self.hash[:12]}>"
        )
