"""Modules become a program: routines one after another, buffers placed, symbols filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.asm import lines_of
from lanework.core.isa import Instruction
from lanework.core.program import ListingEntry, Program
from lanework.machines.fleet.codes import BAD_LINK
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.expression import Expression, Number, whole
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import DEPTH
from lanework.machines.fleet.module import (
    Fill,
    Module,
    ModuleBuffer,
    ModuleLaunch,
    ModuleRoutine,
    Relocation,
    Repeat,
)
from lanework.machines.fleet.operands import fill_in
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine
from lanework.machines.fleet.reading import Reader
from lanework.machines.fleet.state import Convention
from lanework.machines.fleet.verify import MOST_STEPS
from lanework.machines.fleet.words import Place, float_bits

_DEEP = 100  # symbols that are defined through each other


def assemble_module(text: str, source: str = "assembly") -> Module:
    r"""What one text assembles to, to be linked with others.

    Raises:
        Diagnostic: LW1010 with the place.

    Example:
        >>> module = assemble_module(".routine twice\nADD r0, r0, r0\nRETURN")
        >>> [routine.name for routine in module.routines]
        ['twice']
    """
    lines = list(lines_of(text, source))
    if lines and lines[0].words[0].text == ".machine":
        if [word.text for word in lines[0].words[1:]] != ["fleet"]:
            raise lines[0].fault("modules are of the fleet machine", None, "write .machine fleet")
        del lines[0]
    return Reader(source).read(lines)


def link(modules: Sequence[Module]) -> Program:
    r"""One program of some modules.

    Routines and phases come in the order of the modules. `.extern name` in a module declares what
    another one defines. Shared memory is as large as the largest `.shared`, and at least as the
    buffers need; places for VMs that others start are added up, and the greatest `.depth` counts.

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
    return _Linker(list(modules)).program()


def _conflict(message: str, place: Place, help: str | None = None) -> Diagnostic:
    return Diagnostic(BAD_LINK, message, span=place.line.span(place.word), help=help)


@dataclass
class _Linker:
    """Links modules.

    Attributes:
        modules: in order.
        values: of symbols, as far as they are known.
        defined: what symbols are: a constant's expression, or a buffer's number.
        buffers: of all modules.
        first: the number of each module's first buffer.
        entries: of routines.
        depth: symbols that are being found.
    """

    modules: list[Module]
    values: dict[str, Number] = field(default_factory=dict)
    defined: dict[str, tuple[Expression | int, Place]] = field(default_factory=dict)
    buffers: list[ModuleBuffer] = field(default_factory=list)
    placed: list[Buffer] = field(default_factory=list)
    entries: dict[str, tuple[int, Place]] = field(default_factory=dict)
    kept: dict[str, Expression | None] = field(default_factory=dict)
    depth: int = 0

    def program(self) -> Program:
        """The program."""
        if not any(module.routines for module in self.modules):
            names = ", ".join(module.source for module in self.modules) or "nothing"
            raise Diagnostic(BAD_LINK, f"{names} holds no instruction")
        self._define()
        routines, code, listing = self._code()
        plan = self._plan({routine.name: n for n, routine in enumerate(routines)})
        needed = max((buffer.offset + buffer.size for buffer in self.placed), default=0)
        made = package(
            code,
            routines,
            plan,
            state=str(self._agreed("state", "S22")),
            shared=max([needed, *self._numbers("shared")]),
            epsilon=self._epsilon(),
            convention=Convention(int(self._agreed("convention", Convention.CALLER))),
            depth=max(self._numbers("depth"), default=DEPTH),
            buffers=self.placed,
            listing=listing,
        )
        header = _merged("header", [module.header for module in self.modules])
        sections = _merged("sections", [module.sections for module in self.modules])
        if not header and not sections:
            return made
        return replace(
            made, header={**made.header, **header}, sections={**made.sections, **sections}
        )

    # Symbols and buffers ----------------------------------------------------------------------

    def _define(self) -> None:
        for module in self.modules:
            for name, expression in module.symbols.items():
                self._symbol(name, expression, expression.place)
            for buffer in module.buffers:
                number = len(self.buffers)
                self.buffers.append(buffer)
                self._symbol(buffer.name, number, buffer.place)
                self._symbol(f"{buffer.name}.size", buffer.size, buffer.place)
        at = highest = 0
        starts = {sum(len(m.buffers) for m in self.modules[:n]) for n in range(len(self.modules))}
        for number, buffer in enumerate(self.buffers):
            at = highest if number in starts else at
            size = self._whole(buffer.size)
            offset = at if buffer.offset is None else self._whole(buffer.offset)
            self.values[buffer.name] = offset
            steps = [self._whole(each) for each in buffer.lifetime]
            lifetime = (steps[0], steps[1]) if steps else ()
            self.placed.append(Buffer(buffer.name, offset, size, buffer.direction, lifetime))
            at = offset + size
            highest = max(highest, at)
        for name, (value, place) in self.defined.items():
            if isinstance(value, Expression):
                self._value(name, place)

    def _symbol(self, name: str, value: Expression | int, place: Place) -> None:
        if name in self.defined:
            known, first = self.defined[name]
            same = isinstance(known, Expression) and isinstance(value, Expression)
            if same and known.items == value.items and not value.names:  # type: ignore[union-attr]
                return
            raise _conflict(
                f"the symbol {name!r} is defined twice, in {first.line.source} and in"
                f" {place.line.source}",
                place,
                f"define it once, and declare it elsewhere: .extern {name}",
            )
        self.defined[name] = value, place

    def _value(self, name: str, place: Place) -> Number:
        """The value of a symbol."""
        if name in self.values:
            return self.values[name]
        if name not in self.defined:
            near = did_you_mean(name, list(self.defined))
            help = near or "no module defines it with .const or .buffer"
            raise _conflict(f"the symbol {name!r} is defined nowhere", place, help)
        expression, _ = self.defined[name]
        self.depth += 1
        if self.depth > _DEEP or isinstance(expression, int):
            raise place.fault(
                f"the symbol {name!r} depends on itself, or on too many others",
                "define symbols before they are used",
            )
        self.values[name] = expression.value(self._value)
        self.depth -= 1
        return self.values[name]

    def _whole(self, expression: Expression) -> int:
        return whole(expression.value(self._value), expression.place)

    # Instructions -----------------------------------------------------------------------------

    def _code(self) -> tuple[list[Routine], list[Instruction], list[ListingEntry]]:
        routines: list[Routine] = []
        at = 0
        parts = [routine for module in self.modules for routine in module.routines]
        for part in parts:
            if part.name in self.entries:
                first = self.entries[part.name][1].line.source
                raise _conflict(
                    f"the routine {part.name!r} is defined twice, in {first} and in"
                    f" {part.place.line.source}",
                    part.place,
                )
            self.entries[part.name] = at, part.place
            routines.append(Routine(part.name, at, len(part.instructions)))
            at += len(part.instructions)
        code: list[Instruction] = []
        listing: list[ListingEntry] = []
        for part, routine in zip(parts, routines, strict=True):
            code += self._filled(part, routine.entry)
            listing += [
                ListingEntry(routine.entry + entry.instruction, entry.span, entry.text)
                for entry in part.listing
            ]
        return routines, code, listing

    def _filled(self, part: ModuleRoutine, entry: int) -> list[Instruction]:
        """The instructions of a routine that begins at `entry`."""
        rows = []
        for instruction in part.instructions:
            row = [instruction.target, *instruction.operands]
            target = FLEET.by_name[instruction.name].target
            if target is not None:
                row[target] += entry
            rows.append(row)
        for each in part.relocations:
            rows[each.instruction][each.field] = self._fill(each, entry)
        return [
            Instruction(instruction.name, row[0], tuple(row[1:]))
            for instruction, row in zip(part.instructions, rows, strict=True)
        ]

    def _fill(self, open: Relocation, entry: int) -> int:
        if isinstance(open.value, str):
            if open.value not in self.entries:
                raise self._no_routine(open.value, open.place)
            return self.entries[open.value][0]
        value = open.value.value(self._value)
        if open.fill is Fill.OFFSET:
            return entry + whole(value, open.place, (1 << 32) - 1 - entry, -entry)
        return fill_in(open.fill, value, open.place)

    def _no_routine(self, name: str, place: Place) -> Diagnostic:
        near = did_you_mean(name, list(self.entries))
        return _conflict(f"the routine {name!r} is defined nowhere", place, near)

    # The plan ---------------------------------------------------------------------------------

    def _plan(self, numbers: dict[str, int]) -> Plan:
        spawn = sum(self._numbers("spawn"))
        if not any(module.planned for module in self.modules):
            return Plan((Phase("wait_all", (Launch(self._only(numbers), 1),)),), (0,), spawn)
        for module in self.modules:
            for phase in module.phases:
                for launch in phase.launches:
                    if launch.keep:
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
        for module in self.modules:
            if module.implicit:
                return numbers[module.routines[0].name]
        first = next(module for module in self.modules if module.routines).routines[0]
        help = f"add .phase wait_all, and below it .launch {first.name}, 1000"
        if len(self.modules) == 1:
            raise first.place.fault("nothing says what runs", help)
        raise _conflict("no module says what runs", first.place, help)

    def _launch(self, launch: ModuleLaunch, numbers: dict[str, int]) -> Launch:
        if launch.routine not in numbers:
            raise self._no_routine(launch.routine, launch.place)
        count = launch.count
        if launch.resume and launch.resume not in self.kept:
            near = did_you_mean(launch.resume, list(self.kept))
            raise _conflict(f"no launch keeps VMs as {launch.resume!r}", launch.group, near)
        if count is None:
            count = self.kept[launch.resume]
        if count is None:
            raise launch.group.fault("the launch does not say how many VMs")
        return Launch(
            numbers[launch.routine],
            self._whole(count),
            launch.strategy,
            0 if launch.base is None else self._whole(launch.base),
            1 if launch.stride is None else self._stride(launch.stride),
            launch.keep,
            launch.resume,
        )

    def _stride(self, expression: Expression) -> int:
        return whole(expression.value(self._value), expression.place, least=1 - (1 << 32))

    def _steps(self, steps: Sequence[int | Repeat], first: int) -> list[int]:
        made: list[int] = []
        for step in steps:
            if isinstance(step, int):
                made.append(first + step)
                continue
            inner, count = self._steps(step.steps, first), self._whole(step.count)
            if len(made) + len(inner) * count > MOST_STEPS:
                raise step.count.place.fault(
                    f"the schedule becomes longer than {MOST_STEPS:,} steps", "repeat less often"
                )
            made += inner * count
        return made

    # Settings ---------------------------------------------------------------------------------

    def _numbers(self, name: str) -> list[int]:
        """What modules ask for, as whole numbers."""
        asked = [m.settings[name].value for m in self.modules if name in m.settings]
        return [self._whole(each) for each in asked if isinstance(each, Expression)]

    def _epsilon(self) -> float:
        value = self._agreed("epsilon", 0.0)
        places = [m.settings["epsilon"].place for m in self.modules if "epsilon" in m.settings]
        if places:
            float_bits(float(value), places[0])  # it has to be one of single precision
        return float(value)

    def _agreed(self, name: str, absent: str | Number) -> str | Number:
        """What all modules ask for that ask at all."""
        found: tuple[str | Number, Place] | None = None
        for module in self.modules:
            setting = module.settings.get(name)
            if setting is None:
                continue
            value = setting.value
            if isinstance(value, Expression):
                value = value.value(self._value)
            if found is not None and value != found[0]:
                raise _conflict(
                    f".{name} is {_shown(found[0])} in {found[1].line.source} and"
                    f" {_shown(value)} in {setting.place.line.source}",
                    setting.place,
                    "all modules of a program have to agree",
                )
            found = found or (value, setting.place)
        return absent if found is None else found[0]


_Value = TypeVar("_Value")


def _merged(what: str, parts: Sequence[Mapping[str, tuple[_Value, Place]]]) -> dict[str, _Value]:
    """What modules give by name, where they do not contradict each other."""
    merged: dict[str, _Value] = {}
    for part in parts:
        for name, (value, place) in part.items():
            if merged.setdefault(name, value) != value:
                raise _conflict(f"two modules give {name!r} in the {what} differently", place)
    return merged


def _shown(value: str | Number) -> str:
    return value.name.lower() if isinstance(value, Convention) else str(value)
