"""Modules become a program: routines one after another, buffers placed, symbols filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.limits import Limits
from lanework.core.program.asm import lines_of
from lanework.core.program.isa import Instruction
from lanework.core.program.program import ListingEntry, Program
from lanework.core.resident import looked
from lanework.core.waiting import LONG, bounded
from lanework.machines.fleet.codes import BAD_LINK
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import DEPTH, FLOATS
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine, Symbol
from lanework.machines.fleet.planrules import PLACES
from lanework.machines.fleet.state import Convention
from lanework.machines.fleet.text.expression import Expression, Number, integer
from lanework.machines.fleet.text.module import (
    Fill,
    Module,
    ModuleLaunch,
    ModuleRoutine,
    Relocation,
    Repeat,
)
from lanework.machines.fleet.text.operands import fill_in
from lanework.machines.fleet.text.reading import read
from lanework.machines.fleet.text.symbols import Symbols, conflict
from lanework.machines.fleet.text.words import Position, float_bits
from lanework.machines.fleet.verify import MOST_STEPS

STRIDE = 1 - (1 << 32)
"""The least that numbers of VMs may differ by."""


def assemble_module(text: str, source: str = "assembly", *, limits: Limits | None = None) -> Module:
    r"""What one text assembles to, to be linked with others.

    Args:
        text: assembly.
        source: what messages call it.
        limits: as for `link`.

    Raises:
        Diagnostic: LW1010 with the place.

    Example:
        >>> module = assemble_module(".routine twice\nADD r0, r0, r0\nRETURN")
        >>> [routine.name for routine in module.routines]
        ['twice']
    """
    return bounded(limits, lambda: _module(text, source), LONG)


def _module(text: str, source: str) -> Module:
    lines = list(lines_of(text, source))
    if lines and lines[0].words[0].text == ".machine":
        if [word.text for word in lines[0].words[1:]] != ["fleet"]:
            raise lines[0].fault("modules are of the fleet machine", None, "write .machine fleet")
        del lines[0]
    return read(lines, source)


def link(modules: Sequence[Module], *, limits: Limits | None = None) -> Program[Any]:
    r"""One program of some modules.

    Routines and phases come in the order of the modules. `.extern name` in a module declares what
    another one defines. Shared memory is as large as the largest `.shared`, and at least as the
    buffers need; places for VMs that others start are added up, and the greatest `.depth` counts.

    Args:
        modules: in order.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW6009 for names that are defined nowhere or twice, and for modules that do not
            agree; LW1010 for what is wrong within one text.

    Example:
        >>> main = assemble_module(".extern twice\nSETI r0, 21\nCALL twice\nHALT", "main")
        >>> library = assemble_module(".routine twice\nADD r0, r0, r0\nRETURN", "library")
        >>> program = link([main, library])
        >>> program.header["instructions"], program.header["vms"]
        (5, 1)
    """
    given = list(modules) if isinstance(modules, Iterable) else [modules]
    for module in given:
        if not isinstance(module, Module):
            what = f"a {type(module).__name__} is no module"
            help = "give a list of what lanework.fleet.assemble_module makes of each text"
            raise Diagnostic(BAD_LINK, what, help=help)
    return bounded(limits, _Linker(given).program, LONG)


def link_all(*modules: Module, limits: Limits | None = None) -> Program[Any]:
    """The same, of modules one after another: what `lanework.compile` does with them."""
    return link(modules, limits=limits)


@dataclass
class _Linker:
    """Links modules.

    Attributes:
        modules: in order.
        symbols: of all of them.
        entries: of routines.
        kept: how many VMs are kept under a name.
        named: the buffers that instructions name.
        floats: instructions whose number is written as a float.
    """

    modules: list[Module]
    symbols: Symbols = field(default_factory=Symbols)
    entries: dict[str, tuple[int, Position]] = field(default_factory=dict)
    kept: dict[str, Expression | None] = field(default_factory=dict)
    named: dict[int, Symbol] = field(default_factory=dict)
    floats: set[int] = field(default_factory=set)

    def program(self) -> Program:
        """The program."""
        if not any(module.routines for module in self.modules):
            names = ", ".join(module.source for module in self.modules) or "what is linked"
            raise Diagnostic(BAD_LINK, f"{names} holds no instruction")
        self.symbols.define(self.modules)
        routines, code, listing = self._code()
        plan = self._plan({routine.name: n for n, routine in enumerate(routines)})
        needed = max((buffer.offset + buffer.size for buffer in self.symbols.allocated), default=0)
        self._room(needed)
        program = package(
            code,
            routines,
            plan,
            state=str(self._agreed("state", "S22")),
            shared=max([needed, *self._numbers("shared")]),
            epsilon=self._epsilon(),
            convention=Convention(int(self._agreed("convention", Convention.CALLER))),
            depth=max(self._numbers("depth"), default=DEPTH),
            buffers=self.symbols.allocated,
            listing=listing,
            names=self.named,
        )
        header = _merged("header", [module.header for module in self.modules])
        sections = _merged("sections", [module.sections for module in self.modules])
        if header or sections:
            header, sections = {**program.header, **header}, {**program.sections, **sections}
            program = replace(program, header=header, sections=sections)
        program.views[FLOATS] = frozenset(self.floats)
        program.views[PLACES] = {
            each.name: f"{each.place.line.source}:{each.place.line.number}"
            for each in self.symbols.buffers
        }
        return program

    # Instructions -----------------------------------------------------------------------------

    def _code(self) -> tuple[list[Routine], list[Instruction], list[ListingEntry]]:
        routines: list[Routine] = []
        at = 0
        parts = [routine for module in self.modules for routine in module.routines]
        for part in parts:
            if part.name in self.entries:
                first = self.entries[part.name][1].line.source
                second = part.place.line.source
                what = f"the routine {part.name!r} is defined twice, in {first} and in {second}"
                raise conflict(what, part.place)
            self.entries[part.name] = at, part.place
            routines.append(Routine(part.name, at, len(part.instructions)))
            at += len(part.instructions)
        code: list[Instruction] = []
        listing: list[ListingEntry] = []
        for part, routine in zip(parts, routines, strict=True):
            code += self._filled(part, routine.entry)
            at = routine.entry
            own = looked(part.listing)
            listing += [ListingEntry(at + e.instruction, e.span, e.text) for e in own]
        return routines, code, listing

    def _filled(self, part: ModuleRoutine, entry: int) -> list[Instruction]:
        """The instructions of a routine that begins at `entry`."""
        rows = []
        for instruction in looked(part.instructions):
            row = [instruction.target, *instruction.operands]
            target = FLEET.by_name[instruction.name].target
            if target is not None:
                row[target] += entry
            rows.append(row)
        self.floats |= {entry + number for number in part.floats}
        for each in part.relocations:
            rows[each.instruction][each.field] = self._fill(each, entry)
            if not isinstance(each.value, str) and each.fill in (Fill.FLOAT, Fill.INTEGER):
                symbol = self.symbols.place(each.value)
                if symbol is not None:
                    self.named[entry + each.instruction] = symbol
        return [
            Instruction(instruction.name, row[0], tuple(row[1:]))
            for instruction, row in looked(zip(part.instructions, rows, strict=True))
        ]

    def _fill(self, open: Relocation, entry: int) -> int:
        if isinstance(open.value, str):
            if open.value not in self.entries:
                raise self._no_routine(open.value, open.place)
            return self.entries[open.value][0]
        value = open.value.value(self.symbols.value)
        if open.fill is Fill.OFFSET:
            return entry + integer(value, open.place, (1 << 32) - 1 - entry, -entry)
        return fill_in(open.fill, value, open.place)

    def _no_routine(self, name: str, position: Position) -> Diagnostic:
        near = did_you_mean(name, list(self.entries))
        return conflict(f"the routine {name!r} is defined nowhere", position, near)

    # The plan ---------------------------------------------------------------------------------

    def _plan(self, numbers: dict[str, int]) -> Plan:
        spawn = sum(self._numbers("spawn"))
        if not any(module.planned for module in self.modules):
            return Plan((Phase("wait_all", (Launch(self._only(numbers), 1),)),), (0,), spawn)
        written = [phase for module in self.modules for phase in module.phases]
        for launch in (each for phase in written for each in phase.launches if each.keep):
            self.kept.setdefault(launch.keep, launch.count)
        phases: list[Phase] = []
        schedule: list[int] = []
        for module in self.modules:
            schedule += self._steps(module.schedule, len(phases))
            for phase in module.phases:
                launches = tuple(self._launch(each, numbers) for each in phase.launches)
                phases.append(Phase(phase.barrier, launches))
        return Plan(tuple(phases), tuple(schedule), spawn)

    def _only(self, numbers: dict[str, int]) -> int:
        """The routine that one VM runs where no module has a plan."""
        implicit = next((each for each in self.modules if each.implicit), None)
        if implicit is not None:
            return numbers[implicit.routines[0].name]
        first = next(module for module in self.modules if module.routines).routines[0]
        help = f"add .phase wait_all, and below it .launch {first.name}, 1000"
        if len(self.modules) == 1:
            raise first.place.fault("nothing says what runs", help)
        raise conflict("no module says what runs", first.place, help)

    def _launch(self, launch: ModuleLaunch, numbers: dict[str, int]) -> Launch:
        if launch.routine not in numbers:
            raise self._no_routine(launch.routine, launch.place)
        count = launch.count
        if launch.resume and launch.resume not in self.kept:
            near = did_you_mean(launch.resume, list(self.kept))
            raise conflict(f"no launch keeps VMs as {launch.resume!r}", launch.group, near)
        if count is None:
            count = self.kept[launch.resume]
        if count is None:
            raise launch.group.fault("the launch does not say how many VMs")
        return Launch(
            numbers[launch.routine],
            self.symbols.integer(count),
            launch.strategy,
            0 if launch.base is None else self.symbols.integer(launch.base),
            1 if launch.stride is None else self.symbols.integer(launch.stride, STRIDE),
            launch.keep,
            launch.resume,
        )

    def _steps(self, steps: Sequence[int | Repeat], first: int) -> list[int]:
        out: list[int] = []
        for step in steps:
            if isinstance(step, int):
                out.append(first + step)
                continue
            inner, count = self._steps(step.steps, first), self.symbols.integer(step.count)
            if len(out) + len(inner) * count > MOST_STEPS:
                raise step.count.place.fault(
                    f"the schedule becomes longer than {MOST_STEPS:,} steps", "repeat less often"
                )
            out += inner * count
        return out

    # Settings ---------------------------------------------------------------------------------

    def _numbers(self, name: str) -> list[int]:
        """What modules ask for, as whole numbers."""
        asked = [m.settings[name].value for m in self.modules if name in m.settings]
        return [self.symbols.integer(each) for each in asked if isinstance(each, Expression)]

    def _room(self, needed: int) -> None:
        """Refuse shared memory that is said to be smaller than the text's own buffers need."""
        asked = self.modules[0].settings.get("shared")
        if asked is None or len(self.modules) > 1 or not isinstance(asked.value, Expression):
            return  # other modules may bring buffers of their own
        if self.symbols.integer(asked.value) < needed:
            raise asked.place.fault(
                f"shared memory is smaller than its buffers, which need {needed:,} words",
                f"write .shared {needed} or .shared auto, or leave it out",
            )

    def _epsilon(self) -> float:
        value = self._agreed("epsilon", 0.0)
        for module in self.modules:
            if "epsilon" in module.settings:  # it has to be one of single precision
                float_bits(float(value), module.settings["epsilon"].place)
        return float(value)

    def _agreed(self, name: str, absent: str | Number) -> str | Number:
        """What all modules ask for that ask at all."""
        agreed: tuple[str | Number, Position] | None = None
        for setting in (each.settings[name] for each in self.modules if name in each.settings):
            value = setting.value
            if isinstance(value, Expression):
                value = value.value(self.symbols.value)
            if agreed is not None and value != agreed[0]:
                raise conflict(
                    f".{name} is {_shown(agreed[0])} in {agreed[1].line.source} and"
                    f" {_shown(value)} in {setting.place.line.source}",
                    setting.place,
                    "all modules of a program have to agree",
                )
            agreed = agreed or (value, setting.place)
        return absent if agreed is None else agreed[0]


_Value = TypeVar("_Value")


def _merged(what: str, parts: Sequence[Mapping[str, tuple[_Value, Position]]]) -> dict[str, _Value]:
    """What modules give by name, where they do not contradict each other."""
    merged: dict[str, _Value] = {}
    for part in parts:
        for name, (value, position) in part.items():
            if merged.setdefault(name, value) != value:
                raise conflict(f"two modules give {name!r} in the {what} differently", position)
    return merged


def _shown(value: str | Number) -> str:
    return value.name.lower() if isinstance(value, Convention) else str(value)
