"""The plan of a fleet program as it is read and written: phases, launches, and what repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, Token
from lanework.machines.fleet.plan import BARRIERS
from lanework.machines.fleet.text.expression import Expression, constant, integer, read_number
from lanework.machines.fleet.text.module import ModuleLaunch, ModulePhase, Repeat
from lanework.machines.fleet.text.words import Position, directive_word, directive_words, read_name

_NESTED = 64  # .repeat within .repeat
_CLAUSES = {"contiguous": ("strategy", 0, 1), "strided": ("strategy", 1, 2),
            "custom": ("strategy", 1, 1), "keep": ("keep", 1, 1),
            "resume": ("resume", 1, 1)}  # fmt: skip
"""What may follow the count of a launch: which part of it that is, and how many words it takes."""


@dataclass
class Block:
    """Steps of the schedule between `.repeat` and `.end`, or all of them."""

    place: Position | None = None
    count: Expression | None = None
    steps: list[int | Repeat] = field(default_factory=list)


@dataclass
class PlanText:
    """The plan, as far as it is read.

    Attributes:
        phases: barriers, with their launches.
        open: whether launches may follow.
        blocks: the whole schedule, and the repeats that have not ended.
        listed: the schedule, if it is written out.
        said: whether the text has a plan at all.
    """

    phases: list[tuple[str, list[ModuleLaunch]]] = field(default_factory=list)
    open: bool = False
    blocks: list[Block] = field(default_factory=lambda: [Block()])
    listed: list[Expression] = field(default_factory=list)
    said: bool = False

    def phase(self, line: Line) -> None:
        """`.phase wait_all`: launches follow."""
        words = directive_words(line, 0, 1, ".phase wait_all")
        barrier = words[0].text if words else BARRIERS[0]
        if barrier not in BARRIERS:
            near = did_you_mean(barrier, BARRIERS) or ", ".join(BARRIERS)
            raise line.fault(f"there is no barrier {barrier!r}", words[0], near)
        self.blocks[-1].steps.append(len(self.phases))
        self.phases.append((barrier, []))
        self.open = self.said = True

    def launch(self, line: Line) -> None:
        """`.launch double, 1000`: a launch of the phase before it."""
        form = "write .launch double, 1000, contiguous 0, keep name"
        if not self.open:
            raise line.fault(
                ".launch stands outside a phase", None, "write .phase wait_all before it"
            )
        words = directive_words(line, 1, 20, ".launch double, 1000")
        routine = read_name(line, words[0], "a routine")
        parts: list[list[Token]] = [[]]
        for word in words[1:]:
            if word.text in _CLAUSES:
                parts.append([])
            parts[-1].append(word)
        first, *clauses = parts
        if len(first) > 1:
            raise line.fault(f"{first[1].text!r} has no place in a launch", first[1], form)
        given: dict[str, list[Token]] = {}
        for clause in clauses:
            kind, least, most = _CLAUSES[clause[0].text]
            if kind in given or not least <= len(clause) - 1 <= most:
                raise line.fault(f"{clause[0].text} cannot be read", clause[0], form)
            given[kind] = clause
        numbers = [read_number(line, word) for word in given.get("strategy", ())[1:]]
        strategy = given["strategy"][0].text if "strategy" in given else "contiguous"
        stride = numbers.pop(0) if strategy == "strided" else None
        names = {
            kind: read_name(line, given[kind][1], "kept VMs") if kind in given else ""
            for kind in ("keep", "resume")
        }
        if not first and not names["resume"]:
            raise line.fault("the launch does not say how many VMs", None, form)
        count = read_number(line, first[0]) if first else None
        base = numbers[0] if numbers else None
        group = Position(line, given["resume"][1] if "resume" in given else None)
        one = ModuleLaunch(routine, count, strategy, base, stride, **names,
                            place=Position(line, words[0]), group=group)  # fmt: skip
        self.phases[-1][1].append(one)

    def repeat(self, line: Line) -> None:
        """`.repeat 100`: the phases up to `.end` run so often."""
        word = directive_word(line, "100")
        if len(self.blocks) > _NESTED:
            raise line.fault("repeats are nested too deeply")
        self.blocks.append(Block(Position(line), read_number(line, word)))
        self.said, self.open = True, False

    def end(self, line: Line) -> None:
        """`.end` of `.repeat`."""
        directive_words(line, 0, 0, ".end")
        if len(self.blocks) == 1:
            raise line.fault(".end has no .repeat")
        block = self.blocks.pop()
        assert block.count is not None
        self.blocks[-1].steps.append(Repeat(block.count, tuple(block.steps)))
        self.open = False

    def schedule(self, line: Line) -> None:
        """`.schedule 0 1 0`: the phases by number, in the order in which they run."""
        words = directive_words(line, 1, 1 << 20, ".schedule 0 1 0")
        self.listed += [read_number(line, word) for word in words]
        self.said = True

    def finished(self) -> tuple[ModulePhase, ...]:
        """The phases, when all lines are read."""
        return tuple(ModulePhase(barrier, tuple(launches)) for barrier, launches in self.phases)

    def steps(self) -> tuple[int | Repeat, ...]:
        """The schedule of a module: as phases stand in the text, or as it is written out."""
        if len(self.blocks) > 1:
            block = self.blocks[-1]
            assert block.place is not None
            raise block.place.fault(".repeat has no .end")
        steps = self.blocks[0].steps
        if not self.listed:
            return tuple(steps)
        if any(isinstance(step, Repeat) for step in steps):
            raise self.listed[0].place.fault(
                "a schedule cannot be written out where phases repeat", "leave out .repeat"
            )
        numbers = []
        for each in self.listed:
            number = integer(each.value(constant), each.place)
            if number >= len(self.phases):
                raise each.place.fault(f"there is no phase {number}", "phases are counted from 0")
            numbers.append(number)
        return tuple(numbers)


# How a schedule is written ------------------------------------------------------------------------


@dataclass(frozen=True)
class Again:
    """Steps that run several times."""

    count: int
    steps: tuple[int | Again, ...]


def nested(schedule: Sequence[int], phases: int) -> tuple[int | Again, ...] | None:
    """The steps of a schedule, each phase written once and in order; None if that cannot be.

    Example:
        >>> nested((0, 1, 1, 2, 1, 1, 2, 3), 5)
        (0, Again(count=2, steps=(Again(count=2, steps=(1,)), 2)), 3, Again(count=0, steps=(4,)))
        >>> nested((0, 1, 0), 2) is None
        True
    """
    return _cover(tuple(schedule), 0, phases)


def _cover(steps: tuple[int, ...], first: int, end: int) -> tuple[int | Again, ...] | None:
    """Items that write the phases from `first` to before `end`, each once."""
    last = {number: at for at, number in enumerate(steps)}
    out: list[int | Again] = []
    at = 0
    while first < end:
        if at == len(steps) or steps[at] > first:
            stop = end if at == len(steps) else min(end, steps[at])
            out.append(Again(0, tuple(range(first, stop))))
            first = stop
            continue
        if steps[at] < first:
            return None
        # the smallest part that holds every step of the phases in it
        begin, close, after = at, at, first
        while at <= close:
            close, after = max(close, last[steps[at]]), max(after, steps[at] + 1)
            at += 1
        part = steps[begin:at]
        if len(part) == 1:
            out.append(first)
        else:
            period = _period(part)
            inner = None if period == len(part) else _cover(part[:period], first, after)
            if inner is None:
                return None
            out.append(Again(len(part) // period, inner))
        first = after
    return tuple(out) if at == len(steps) else None


def _period(steps: tuple[int, ...]) -> int:
    """The length of the shortest part that gives the steps when it is repeated."""
    border = [0] * len(steps)
    for at in range(1, len(steps)):
        know = border[at - 1]
        while know and steps[at] != steps[know]:
            know = border[know - 1]
        border[at] = know + (steps[at] == steps[know])
    period = len(steps) - border[-1]
    return period if len(steps) % period == 0 else len(steps)
