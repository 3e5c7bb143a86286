"""A program as plain data: what a file holds and what machines read.

`lanework.core.program.program.Program` is this with all that can be done with it; files and pages
need no more than what is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from lanework.base.span import Span

Header = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Port:
    """An input or an output.

    Every port has a name, a direction, a number, a dtype and, if it has any, axes and a doc. The
    other fields are for what a machine has to say of its ports, and empty where it says nothing:
    `Machine.inputs` and `Machine.outputs` list those that it fills.

    Attributes:
        name: the name by which it is given or asked for.
        direction: ``in`` or ``out``.
        row: where the machine holds it: the number of a row, a variable, a register or a word.
        dtype: of its values.
        unit: the unit of its numbers, as text; "" is dimensionless.
        axes: the axes that it declares, ``time`` first; others may be mapped over at a call.
        kind: what its numbers are through time, such as stock or flow.
        doc: what it is.
        default: an input's value when none is given; NaN where nothing need be given, in all of
            it or in some cells, and the program goes by what is there.
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

    @property
    def optional(self) -> bool:
        """Whether cells of it may be missing, which its default says by being NaN."""
        return self.default is not None and self.default != self.default

    @property
    def start(self) -> float:
        """Where a search for its value begins: at its default, at 0 where it has none."""
        return 0.0 if self.default is None or self.optional else self.default


@dataclass(frozen=True, slots=True)
class ListingEntry:
    """Where an instruction comes from: its index, the node's name and formula, the span."""

    instruction: int
    span: Span | None = None
    text: str = ""


@dataclass(frozen=True, eq=False)
class ProgramData:
    """What a program is made of.

    Attributes:
        machine: the machine that it is for.
        header: the machine's own small numbers, such as the number of periods.
        tape: encoded instructions.
        ports: inputs and outputs, in order.
        constants: f64, read-only.
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

    def __post_init__(self) -> None:
        """Take constants as they are now: what is hashed and verified does not change."""
        constants = self.constants.view()
        constants.flags.writeable = False
        object.__setattr__(self, "constants", constants)

    @property
    def needs(self) -> int:
        """The version of the machine's instruction set that it needs: the first, as data alone."""
        return 1

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The input ports."""
        return tuple(port for port in self.ports if port.direction == "in")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The output ports."""
        return tuple(port for port in self.ports if port.direction == "out")
