"""From the text of a fleet program to a module: routines with labels, buffers, symbols, phases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token, read_string
from lanework.core.program.isa import Instruction
from lanework.core.program.program import ListingEntry
from lanework.machines.fleet.text import directives
from lanework.machines.fleet.text.expression import Expression, read_expression
from lanework.machines.fleet.text.module import (
    Fill,
    Module,
    ModuleBuffer,
    ModuleRoutine,
    Relocation,
    Repeat,
    Setting,
)
from lanework.machines.fleet.text.operands import Draft, read_instruction
from lanework.machines.fleet.text.phases import PlanText
from lanework.machines.fleet.text.words import Place, fields, named, plain, quote, without_comment

MAIN = "main"
"""The routine of a text that names none."""

_LABEL = re.compile(r"\.?[^\W\d][\w.]*")


@dataclass
class Routine:
    """A routine that is being read."""

    name: str
    place: Place
    aliases: dict[str, str]
    labels: dict[str, int] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass
class Reader:
    """Reads the lines of a module; directives are functions of `directives`."""

    source: str
    raw: Sequence[str] = ()
    settings: dict[str, Setting] = field(default_factory=dict)
    header: dict[str, tuple[int | float | str, Place]] = field(default_factory=dict)
    sections: dict[str, tuple[bytes, Place]] = field(default_factory=dict)
    symbols: dict[str, Expression] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)  # of all symbols, those of buffers too
    buffers: list[ModuleBuffer] = field(default_factory=list)
    routines: dict[str, Routine] = field(default_factory=dict)
    current: Routine | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    externs: dict[str, Place] = field(default_factory=dict)
    plan: PlanText = field(default_factory=PlanText)
    implicit: bool = False

    def read(self, lines: Sequence[Line]) -> Module:
        """The module.

        Raises:
            Diagnostic: LW1010 with the place.
        """
        self.raw = lines[0].text.splitlines() if lines else ()
        for line in lines:
            words = without_comment(line.words)
            while words and words[0].text.endswith(":") and words[0].text != ":":
                self._label(line, words[0])
                words = words[1:]
            if words:
                self._line(Line(line.number, words, line.source, line.text))
        return self.finish()

    def _line(self, line: Line) -> None:
        if line.words[0].text.startswith("."):
            directives.read(self, line)
            return
        routine = self._routine(line)
        operands = fields(self.raw[line.number - 1], line.words[1:])
        draft = read_instruction(line, operands, len(routine.drafts), routine.aliases)
        last = line.words[-1]
        text = self.raw[line.number - 1][line.words[0].column - 1 :]
        routine.texts.append(text[: last.column + len(last.text) - line.words[0].column])
        routine.drafts.append(draft)

    def _routine(self, line: Line) -> Routine:
        if self.current is None:
            self.begin(MAIN, Place(line, line.words[0]))
            self.implicit = True
        assert self.current is not None
        return self.current

    def begin(self, name: str, place: Place) -> None:
        """Begin a routine."""
        if name in self.routines:
            raise place.fault(f"the routine {name!r} is there twice")
        if self.current is not None and not self.current.drafts:
            raise self.current.place.fault(f"the routine {self.current.name!r} is empty")
        self.current = self.routines[name] = Routine(name, place, dict(self.aliases))

    def _label(self, line: Line, word: Token) -> None:
        name = word.text[:-1]
        if not _LABEL.fullmatch(name) or not plain(name.removeprefix(".")):
            raise line.fault(f"{name!r} cannot be a label", word, "use letters, digits and _")
        routine = self._routine(line)
        if name in routine.labels:
            raise line.fault(f"the label {name!r} is there twice in {routine.name}", word)
        routine.labels[name] = len(routine.drafts)

    # Names and numbers for directives ---------------------------------------------------------

    def expression(self, line: Line, word: Token) -> Expression:
        """A word of a directive as a number that may depend on symbols."""
        return read_expression(word.text, Place(line, word))

    def define(self, line: Line, word: Token, *names: str) -> None:
        """Take names for symbols."""
        for name in names:
            if name in self.names or name in self.externs:
                raise line.fault(f"the symbol {name!r} is there twice", word)
            self.names.add(name)

    # The end of the text ----------------------------------------------------------------------

    def finish(self) -> Module:
        """The module, when all lines are read."""
        if self.current is not None and not self.current.drafts:
            raise self.current.place.fault(f"the routine {self.current.name!r} is empty")
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
        _Needs(module, self.names).check()
        return module

    def _finished(self, routine: Routine) -> ModuleRoutine:
        instructions, relocations, listing = [], [], []
        for number, (draft, text) in enumerate(zip(routine.drafts, routine.texts, strict=True)):
            values = list(draft.fields)
            for each in draft.open:
                found = self._target(routine, each) if each.fill is Fill.ENTRY else each
                if isinstance(found, int):
                    values[each.field] = found
                else:
                    relocations.append(found)
            instructions.append(Instruction(draft.info.name, values[0], tuple(values[1:])))
            listing.append(ListingEntry(number, draft.line.span(), text))
        parts = (tuple(instructions), tuple(relocations), tuple(listing))
        return ModuleRoutine(routine.name, routine.place, *parts)

    def _target(self, routine: Routine, open: Relocation) -> Relocation | int:
        """Where a branch, call or spawn leads: within its routine, or still open."""
        text, place = open.value, open.place
        assert isinstance(text, str)
        assert place.word is not None
        quoted = text.startswith('"')
        name = read_string(place.line, place.word) if quoted else text
        if not quoted and name in routine.labels:
            return routine.labels[name]
        known = name in self.routines or name in self.externs
        if known and (quoted or named(name)):
            return Relocation(open.instruction, open.field, Fill.ENTRY, name, place)
        if quoted or (_LABEL.fullmatch(name) and name not in self.names):
            near = did_you_mean(name, [*routine.labels, *self.routines, *self.externs])
            raise place.fault(f"there is no label and no routine {name!r}", near)
        value = read_expression(text, place)
        return Relocation(open.instruction, open.field, Fill.OFFSET, value, place)


@dataclass
class _Needs:
    """Looks whether everything that a module needs is there, or declared."""

    module: Module
    symbols: set[str]

    def check(self) -> None:
        module, symbols = self.module, self.symbols
        for expression in self._expressions():
            for name in expression.names:
                bare = name.removesuffix(".size")
                if name not in symbols and not {name, bare} & module.externs.keys():
                    near = did_you_mean(name, sorted(symbols | module.externs.keys()))
                    raise expression.place.fault(
                        f"there is no symbol {name!r}",
                        near or f"define it: .const {name} 5, or declare it: .extern {name}",
                    )
        kept: set[str] = set()
        for phase in module.phases:
            kept |= {launch.keep for launch in phase.launches}
        routines = {routine.name for routine in module.routines}
        for phase in module.phases:
            for launch in phase.launches:
                self._known(launch.place, launch.routine, routines, "routine")
                if launch.resume:
                    self._known(launch.group, launch.resume, kept, "group of kept VMs")

    def _known(self, place: Place, name: str, known: set[str], what: str) -> None:
        if name not in known and name not in self.module.externs:
            near = did_you_mean(name, sorted(known))
            help = near or f"if it is in another file, declare it: .extern {quote(name)}"
            raise place.fault(f"there is no {what} {name!r}", help)

    def _expressions(self) -> list[Expression]:
        module = self.module
        found = [*module.symbols.values()]
        found += [s.value for s in module.settings.values() if isinstance(s.value, Expression)]
        for buffer in module.buffers:
            numbers = (buffer.offset, buffer.size, *buffer.lifetime, *buffer.ends)
            found += [each for each in numbers if each is not None]
        for phase in module.phases:
            for launch in phase.launches:
                numbers = (launch.count, launch.base, launch.stride)
                found += [each for each in numbers if each is not None]
        for routine in module.routines:
            values = [open.value for open in routine.relocations]
            found += [value for value in values if isinstance(value, Expression)]
        waiting = [*module.schedule]
        while waiting:
            step = waiting.pop()
            if isinstance(step, Repeat):
                found.append(step.count)
                waiting += step.steps
        return found
