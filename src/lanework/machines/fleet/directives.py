"""Directives of fleet assembly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lanework.base.errors import did_you_mean
from lanework.core.asmtext import Line, Token, find_directive, read_header, read_string
from lanework.machines.fleet.expression import Expression, constant, whole
from lanework.machines.fleet.module import (
    ModuleBuffer,
    ModuleLaunch,
    ModulePhase,
    Repeat,
    Setting,
)
from lanework.machines.fleet.plan import BARRIERS
from lanework.machines.fleet.state import PROFILES, Convention
from lanework.machines.fleet.words import (
    Place,
    own_word,
    plain,
    read_name,
    register,
)

if TYPE_CHECKING:
    from lanework.machines.fleet.reading import Reader


@dataclass
class Block:
    """Steps of the schedule between `.repeat` and `.end`, or all of them."""

    place: Place | None = None
    count: Expression | None = None
    steps: list[int | Repeat] = field(default_factory=list)


DIRECTIONS = ("temp", "in", "out", "inout")
DERIVED = ("state", "shared", "epsilon", "convention", "depth", "instructions", "linear",
           "routines", "phases", "vms")  # fmt: skip
"""Fields of the header that have a directive of their own, or follow from the rest."""

_NESTED = 64  # .repeat within .repeat


def read(reader: Reader, line: Line) -> None:
    """Do what a directive says.

    Raises:
        Diagnostic: LW1010.
    """
    find_directive(line, DIRECTIVES)(reader, line)


def _words(line: Line, least: int, most: int, form: str) -> list[Token]:
    """The words after the directive, without commas."""
    words = [word for word in line.words[1:] if word.text not in (",", "=")]
    if not least <= len(words) <= most:
        raise line.fault(f"{line.words[0].text} cannot be read", None, f"write {form}")
    return words


def _one(line: Line, form: str) -> Token:
    return _words(line, 1, 1, f"{line.words[0].text} {form}")[0]


# Settings -------------------------------------------------------------------------------------


def _set(reader: Reader, line: Line, value: str | Convention | Expression) -> None:
    name = line.words[0].text[1:]
    if name in reader.settings:
        raise line.fault(f".{name} is there twice")
    reader.settings[name] = Setting(value, Place(line, line.words[-1]))


def _state(reader: Reader, line: Line) -> None:
    word = _one(line, "S22")
    name = word.text.upper()
    if name not in PROFILES:
        raise line.fault(f"there is no state {word.text!r}", word, ", ".join(PROFILES))
    _set(reader, line, name)


def _convention(reader: Reader, line: Line) -> None:
    word = _one(line, "caller")
    known = {each.name.lower(): each for each in Convention}
    if word.text.lower() not in known:
        raise line.fault(f"there is no convention {word.text!r}", word, ", ".join(known))
    _set(reader, line, known[word.text.lower()])


def _number(reader: Reader, line: Line) -> None:
    _set(reader, line, reader.expression(line, _one(line, "16")))


def _shared(reader: Reader, line: Line) -> None:
    word = _one(line, "4096")
    _set(reader, line, "auto" if word.text == "auto" else reader.expression(line, word))


def _header(reader: Reader, line: Line) -> None:
    name, value = read_header(line)
    if name in DERIVED or name in reader.header:
        what = "has a directive of its own" if name in DERIVED else "is there twice"
        raise line.fault(f"the field {name!r} of the header {what}", line.words[1])
    reader.header[name] = value, Place(line)


def _section(reader: Reader, line: Line) -> None:
    name, data = _words(line, 2, 2, '.section "name" 00ff')
    text = read_string(line, name)
    if text in ("routines", "plan", "buffers") or text in reader.sections:
        raise line.fault(f"the section {text!r} cannot be given", name)
    try:
        reader.sections[text] = bytes.fromhex("" if data.text == "-" else data.text), Place(line)
    except ValueError:
        raise line.fault("a section is written in pairs of hexadecimal digits", data) from None


# Symbols and names ----------------------------------------------------------------------------


def _const(reader: Reader, line: Line) -> None:
    name, value = _words(line, 2, 2, ".const N 1000")
    text = read_name(line, name, "a symbol")
    reader.define(line, name, text)
    reader.symbols[text] = reader.expression(line, value)


def _buffer(reader: Reader, line: Line) -> None:
    form = ".buffer image, 0, 3000, in"
    name, offset, size, *rest = _words(line, 3, 7, form)
    text = read_name(line, name, "a buffer")
    direction = "temp"
    if rest and rest[0].text != "steps":
        direction = rest.pop(0).text
        if direction not in DIRECTIONS:
            near = did_you_mean(direction, DIRECTIONS) or ", ".join(DIRECTIONS)
            raise line.fault(f"a buffer has no direction {direction!r}", line.words[-1], near)
    if rest and (rest[0].text != "steps" or len(rest) != 3):
        raise line.fault("the buffer cannot be read", rest[0], f"write {form}, steps 0 2")
    reader.define(line, name, text, f"{text}.size")
    lifetime = tuple(reader.expression(line, word) for word in rest[1:])
    where = None if offset.text == "auto" else reader.expression(line, offset)
    reader.buffers.append(
        ModuleBuffer(text, where, reader.expression(line, size), direction, lifetime,
                     Place(line, name))
    )  # fmt: skip


def _extern(reader: Reader, line: Line) -> None:
    for word in _words(line, 1, 1000, ".extern name"):
        name = read_name(line, word, "anything")
        if name in reader.names:
            raise line.fault(f"the symbol {name!r} is there twice", word)
        reader.externs.setdefault(name, Place(line, word))


def _alias(reader: Reader, line: Line) -> None:
    name, word = _words(line, 2, 2, ".alias counter r2")
    aliases = reader.aliases if reader.current is None else reader.current.aliases
    to = aliases.get(word.text, word.text)
    if register(to) is None and own_word(to) is None:
        raise line.fault(f"{word.text!r} is no register and no memory word", word, "r2, or mem3")
    if not plain(name.text) or name.text in aliases:
        what = "is there twice" if name.text in aliases else "cannot be another name"
        raise line.fault(f"{name.text!r} {what}", name)
    aliases[name.text] = to


def _routine(reader: Reader, line: Line) -> None:
    word = _one(line, "name")
    reader.begin(read_name(line, word, "a routine"), Place(line, word))


# The plan -------------------------------------------------------------------------------------


def _phase(reader: Reader, line: Line) -> None:
    words = _words(line, 0, 1, ".phase wait_all")
    barrier = words[0].text if words else BARRIERS[0]
    if barrier not in BARRIERS:
        near = did_you_mean(barrier, BARRIERS) or ", ".join(BARRIERS)
        raise line.fault(f"there is no barrier {barrier!r}", words[0], near)
    reader.blocks[-1].steps.append(len(reader.phases))
    reader.phases.append((barrier, []))
    reader.open = reader.planned = True


def _launch(reader: Reader, line: Line) -> None:
    form = "write .launch double, 1000, contiguous 0, keep name"
    if not reader.open:
        raise line.fault(".launch stands outside a phase", None, "write .phase wait_all before it")
    words = _words(line, 1, 20, ".launch double, 1000")
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
    numbers = [reader.expression(line, word) for word in given.get("strategy", ())[1:]]
    strategy = given["strategy"][0].text if "strategy" in given else "contiguous"
    stride = numbers.pop(0) if strategy == "strided" else None
    names = {
        kind: read_name(line, given[kind][1], "kept VMs") if kind in given else ""
        for kind in ("keep", "resume")
    }
    if not first and not names["resume"]:
        raise line.fault("the launch does not say how many VMs", None, form)
    count = reader.expression(line, first[0]) if first else None
    base = numbers[0] if numbers else None
    places = Place(line, words[0]), Place(line, given["resume"][1] if "resume" in given else None)
    reader.phases[-1][1].append(
        ModuleLaunch(
            routine, count, strategy, base, stride, names["keep"], names["resume"], *places
        )
    )


_CLAUSES = {"contiguous": ("strategy", 0, 1), "strided": ("strategy", 1, 2),
            "custom": ("strategy", 1, 1), "keep": ("keep", 1, 1),
            "resume": ("resume", 1, 1)}  # fmt: skip


def _repeat(reader: Reader, line: Line) -> None:
    word = _one(line, "100")
    if len(reader.blocks) > _NESTED:
        raise line.fault("repeats are nested too deeply")
    reader.blocks.append(Block(Place(line), reader.expression(line, word)))
    reader.planned, reader.open = True, False


def _end(reader: Reader, line: Line) -> None:
    _words(line, 0, 0, ".end")
    if len(reader.blocks) == 1:
        raise line.fault(".end has no .repeat")
    block = reader.blocks.pop()
    assert block.count is not None
    reader.blocks[-1].steps.append(Repeat(block.count, tuple(block.steps)))
    reader.open = False


def _schedule(reader: Reader, line: Line) -> None:
    words = _words(line, 1, 1 << 20, ".schedule 0 1 0")
    listed = [] if reader.listed is None else reader.listed
    reader.listed = [*listed, *(reader.expression(line, word) for word in words)]
    reader.planned = True


def finished(reader: Reader) -> Iterator[ModulePhase]:
    """The phases, when all lines are read."""
    for barrier, launches in reader.phases:
        yield ModulePhase(barrier, tuple(launches))


def schedule(reader: Reader) -> tuple[int | Repeat, ...]:
    """The schedule of a module: as phases stand in the text, or as it is written out."""
    steps = reader.blocks[0].steps
    if reader.listed is None:
        return tuple(steps)
    if any(isinstance(step, Repeat) for step in steps):
        raise reader.listed[0].place.fault(
            "a schedule cannot be written out where phases repeat", "leave out .repeat"
        )
    numbers = []
    for each in reader.listed:
        number = whole(each.value(constant), each.place)
        if number >= len(reader.phases):
            raise each.place.fault(f"there is no phase {number}", "phases are counted from 0")
        numbers.append(number)
    return tuple(numbers)


DIRECTIVES: dict[str, Callable[[Reader, Line], None]] = {
    ".state": _state,
    ".shared": _shared,
    ".epsilon": _number,
    ".convention": _convention,
    ".depth": _number,
    ".spawn": _number,
    ".header": _header,
    ".section": _section,
    ".const": _const,
    ".buffer": _buffer,
    ".extern": _extern,
    ".alias": _alias,
    ".routine": _routine,
    ".phase": _phase,
    ".launch": _launch,
    ".repeat": _repeat,
    ".end": _end,
    ".schedule": _schedule,
}
"""What each directive does."""
