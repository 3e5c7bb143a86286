"""A module while its text is read: routines with labels, buffers, symbols, phases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token, read_string
from lanework.core.program.isa import Instruction
from lanework.core.program.program import ListingEntry
from lanework.core.resident import looked
from lanework.machines.fleet.text.expression import Expression, read_expression
from lanework.machines.fleet.text.module import (
    Fill,
    Module,
    ModuleBuffer,
    ModuleLaunch,
    ModulePhase,
    ModuleRoutine,
    Relocation,
    Repeat,
    Setting,
)
from lanework.machines.fleet.text.operands import Draft, read_instruction
from lanework.machines.fleet.text.phases import PlanText
from lanework.machines.fleet.text.words import Position, fields, named, plain, quote

MAIN = "main"
"""The routine of a text that names none."""

_LABEL = re.compile(r"\.?[^\W\d][\w.]*")


@dataclass
class Routine:
    """A routine that is being read."""

    name: str
    place: Position
    aliases: dict[str, str]
    labels: dict[str, int] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass
class ModuleDraft:
    """A module while its text is read: a `Module` is made of it when all lines are."""

    source: str
    settings: dict[str, Setting] = field(default_factory=dict)
    header: dict[str, tuple[int | float | str, Position]] = field(default_factory=dict)
    sections: dict[str, tuple[bytes, Position]] = field(default_factory=dict)
    symbols: dict[str, Expression] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)  # of all symbols, those of buffers too
    buffers: list[ModuleBuffer] = field(default_factory=list)
    routines: dict[str, Routine] = field(default_factory=dict)
    current: Routine | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    externs: dict[str, Position] = field(default_factory=dict)
    plan: PlanText = field(default_factory=PlanText)
    implicit: bool = False

    def instruction(self, line: Line, raw: str) -> None:
        """An instruction of the routine; `raw` is the line as it is written."""
        routine = self._routine(line)
        operands = fields(raw, line.words[1:])
        number = len(routine.drafts)
        routine.drafts.append(read_instruction(line, operands, number, routine.aliases))
        first, last = line.words[0], line.words[-1]
        routine.texts.append(raw[first.column - 1 : last.column - 1 + len(last.text)])

    def _routine(self, line: Line) -> Routine:
        if self.current is None:
            self.begin(MAIN, Position(line, line.words[0]))
            self.implicit = True
        assert self.current is not None
        return self.current

    def begin(self, name: str, position: Position) -> None:
        """Begin a routine."""
        if name in self.routines:
            raise position.fault(f"the routine {name!r} is there twice")
        self._no_empty_routine()
        self.current = self.routines[name] = Routine(name, position, dict(self.aliases))

    def _no_empty_routine(self) -> None:
        if self.current is not None and not self.current.drafts:
            raise self.current.place.fault(f"the routine {self.current.name!r} is empty")

    def label(self, line: Line, word: Token) -> None:
        """A label, which the next instruction has."""
        name = word.text[:-1]
        if not _LABEL.fullmatch(name) or not plain(name.removeprefix(".")):
            raise line.fault(f"{name!r} cannot be a label", word, "use letters, digits and _")
        routine = self._routine(line)
        if name in routine.labels:
            raise line.fault(f"the label {name!r} is there twice in {routine.name}", word)
        routine.labels[name] = len(routine.drafts)

    def define(self, line: Line, word: Token, *names: str) -> None:
        """Take names for symbols."""
        for name in names:
            if name in self.names or name in self.externs:
                raise line.fault(f"the symbol {name!r} is there twice", word)
            self.names.add(name)

    def finish(self) -> Module:
        """The module, when all lines are read."""
        self._no_empty_routine()
        module = Module(
            self.source,
            self.settings,
            self.header,
            self.sections,
            self.symbols,
            tuple(self.buffers),
            tuple(self._finished(routine) for routine in self.routines.values()),
            self.plan.finished(),
            self.plan.steps(),
            self.plan.said,
            self.implicit,
            self.externs,
        )
        _check(module, self.names)
        return module

    def _finished(self, routine: Routine) -> ModuleRoutine:
        instructions, relocations, listing = [], [], []
        both = zip(routine.drafts, routine.texts, strict=True)
        for number, (draft, text) in enumerate(looked(both)):
            values = list(draft.fields)
            for each in draft.open:
                target = self._target(routine, each) if each.fill is Fill.ENTRY else each
                if isinstance(target, int):
                    values[each.field] = target
                else:
                    relocations.append(target)
            instructions.append(Instruction(draft.info.name, values[0], tuple(values[1:])))
            listing.append(ListingEntry(number, draft.line.span(), text))
        floats = frozenset(number for number, draft in enumerate(routine.drafts) if draft.float)
        parts = (tuple(instructions), tuple(relocations), tuple(listing), floats)
        return ModuleRoutine(routine.name, routine.place, *parts)

    def _target(self, routine: Routine, open: Relocation) -> Relocation | int:
        """Where a branch, call or spawn leads: within its routine, or still open."""
        text, position = open.value, open.place
        assert isinstance(text, str)
        assert position.word is not None
        quoted = text.startswith('"')
        if text[:1] + text[-1:] == "<>":  # as the original design writes it
            text = text[1:-1].strip()
        name = read_string(position.line, position.word) if quoted else text
        if not quoted and name in routine.labels:
            return routine.labels[name]
        known = name in self.routines or name in self.externs
        if known and (quoted or named(name)):
            return Relocation(open.instruction, open.field, Fill.ENTRY, name, position)
        if quoted or (_LABEL.fullmatch(name) and name not in self.names):
            near = did_you_mean(name, [*routine.labels, *self.routines, *self.externs])
            raise position.fault(f"there is no label and no routine {name!r}", near)
        value = read_expression(text, position)
        return Relocation(open.instruction, open.field, Fill.OFFSET, value, position)


def _check(module: Module, symbols: set[str]) -> None:
    """Whether everything that a module needs is there, or declared."""
    relocations = [each.relocations for each in module.routines]
    parts = (module.symbols, module.settings, module.buffers, module.phases, relocations)
    for expression in _expressions((*parts, module.schedule)):
        for name in expression.names:
            bare = name.removesuffix(".size")
            if name not in symbols and not {name, bare} & module.externs.keys():
                near = did_you_mean(name, sorted(symbols | module.externs.keys()))
                raise expression.place.fault(
                    f"there is no symbol {name!r}",
                    near or f"define it: .const {name} 5, or declare it: .extern {name}",
                )
    launches = [launch for phase in module.phases for launch in phase.launches]
    kept, routines = {each.keep for each in launches}, {each.name for each in module.routines}
    for launch in launches:
        _known(module, launch.place, launch.routine, routines, "routine")
        if launch.resume:
            _known(module, launch.group, launch.resume, kept, "group of kept VMs")


def _known(module: Module, position: Position, name: str, known: set[str], what: str) -> None:
    if name not in known and name not in module.externs:
        near = did_you_mean(name, sorted(known))
        help = near or f"if it is in another file, declare it: .extern {quote(name)}"
        raise position.fault(f"there is no {what} {name!r}", help)


def _expressions(part: object) -> Iterator[Expression]:
    """The expressions in parts of a module."""
    if isinstance(part, Expression):
        yield part
    elif isinstance(part, dict):
        yield from _expressions([*part.values()])
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _expressions(each)
    elif isinstance(
        part, Setting | ModuleBuffer | ModulePhase | ModuleLaunch | Relocation | Repeat
    ):
        yield from _expressions([*vars(part).values()])
