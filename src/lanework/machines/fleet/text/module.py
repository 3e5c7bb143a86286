"""A module: what one text assembles to before it is known where things lie.

Targets within a routine are counted from its start. What depends on symbols or on other routines is
left open, with a relocation for each place in an instruction that `link` fills.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from lanework.core.program.isa import Instruction
from lanework.core.program.program import ListingEntry
from lanework.machines.fleet.state import Convention
from lanework.machines.fleet.text.expression import Expression, Number
from lanework.machines.fleet.text.words import Position


class Fill(enum.Enum):
    """What a relocation puts into an instruction."""

    ENTRY = "the first instruction of a routine"
    OFFSET = "an instruction, counted from the start of the routine"
    FLOAT = "the bits of a float"
    INTEGER = "the bits of an integer"
    WORD = "a word of the VM's own memory"


@dataclass(frozen=True)
class Relocation:
    """A field of an instruction that is still open.

    Attributes:
        instruction: counted from the start of the routine.
        field: 0 to 3.
        fill: what goes there.
        value: a number, or the name of a routine.
        place: where it stands.
    """

    instruction: int
    field: int
    fill: Fill
    value: Expression | str
    place: Position


@dataclass(frozen=True)
class ModuleRoutine:
    """A routine of a module.

    Attributes:
        name: as calls and launches name it.
        place: where it begins in the text.
        instructions: targets are counted from the start of the routine.
        relocations: what is open.
        listing: of each instruction.
        floats: instructions whose number is written as a float.
    """

    name: str
    place: Position
    instructions: tuple[Instruction, ...]
    relocations: tuple[Relocation, ...]
    listing: tuple[ListingEntry, ...]
    floats: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ModuleBuffer:
    """A buffer of a module; without an offset it comes after the one before it.

    Its words lie between `ends` as the program begins.
    """

    name: str
    offset: Expression | None
    size: Expression
    direction: str
    lifetime: tuple[Expression, ...]
    place: Position
    ends: tuple[Expression | None, ...] = (None, None)
    dtype: str = "f32"
    pad: bool = False


@dataclass(frozen=True)
class ModuleLaunch:
    """A launch of a module; see `plan.Launch`. Without a count it has that of the kept VMs."""

    routine: str
    count: Expression | None
    strategy: str
    base: Expression | None
    stride: Expression | None
    keep: str
    resume: str
    place: Position
    group: Position


@dataclass(frozen=True)
class ModulePhase:
    """A phase of a module."""

    barrier: str
    launches: tuple[ModuleLaunch, ...]


@dataclass(frozen=True)
class Repeat:
    """Steps of a schedule that run several times."""

    count: Expression
    steps: tuple[int | Repeat, ...]


@dataclass(frozen=True)
class Setting:
    """What a module asks of the program: the value, and where it does."""

    value: int | float | str | Convention | Expression
    place: Position


@dataclass(frozen=True)
class Module:
    """What one text assembles to, to be linked.

    Attributes:
        source: the name of the text.
        settings: what directives of this name ask for: state, shared, epsilon and so on.
        header: other fields of the program's header.
        sections: other sections of the program.
        symbols: constants, by name.
        buffers: in order; their names are symbols too.
        routines: in order.
        phases: in order.
        schedule: phases of this module by number.
        planned: whether the text says what runs; a module that has a plan may be empty of phases.
        implicit: whether its first routine is run by one VM if no module has a plan.
        externs: names of routines, symbols and kept VMs that another module defines, and where
            they are declared.
    """

    source: str
    settings: dict[str, Setting] = field(default_factory=dict)
    header: dict[str, tuple[Number | str, Position]] = field(default_factory=dict)
    sections: dict[str, tuple[bytes, Position]] = field(default_factory=dict)
    symbols: dict[str, Expression] = field(default_factory=dict)
    buffers: tuple[ModuleBuffer, ...] = ()
    routines: tuple[ModuleRoutine, ...] = ()
    phases: tuple[ModulePhase, ...] = ()
    schedule: tuple[int | Repeat, ...] = ()
    planned: bool = False
    implicit: bool = False
    externs: dict[str, Position] = field(default_factory=dict)
