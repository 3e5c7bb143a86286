"""From the lines of a fleet program to a module: labels, instructions, and directives by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lanework.base.errors import did_you_mean
from lanework.core.program.asmtext import Line, find_directive, read_header, read_string, split
from lanework.core.resident import looked
from lanework.machines.fleet.plan import DTYPES
from lanework.machines.fleet.state import PROFILES, Convention
from lanework.machines.fleet.text.draft import ModuleDraft
from lanework.machines.fleet.text.expression import Expression, read_number
from lanework.machines.fleet.text.module import Module, ModuleBuffer, Setting
from lanework.machines.fleet.text.words import (
    Position,
    directive_word,
    directive_words,
    own_word,
    plain,
    read_name,
    register,
    without_comment,
)
from lanework.machines.fleet.verify import HEADER

DIRECTIONS = ("temp", "in", "out", "inout")
KINDS = {"direction": DIRECTIONS, "dtype": DTYPES, "pad": ("pad",)}
"""What may follow the size of a buffer, once each."""
DERIVED = tuple(HEADER)
"""Fields of the header that have a directive of their own, or follow from the rest."""


def read(lines: Sequence[Line], source: str) -> Module:
    """The module of a text.

    Raises:
        Diagnostic: LW1010 with the place.
    """
    draft = ModuleDraft(source)
    raw = split(lines[0].text) if lines else ()
    for line in looked(lines):
        words = without_comment(line.words)
        while words and words[0].text.endswith(":") and words[0].text != ":":
            draft.label(line, words[0])
            words = words[1:]
        rest = Line(line.number, words, line.source, line.text)
        if words and words[0].text.startswith("."):
            find_directive(rest, DIRECTIVES)(draft, rest)
        elif words:
            draft.instruction(rest, raw[line.number - 1])
    return draft.finish()


# Settings -------------------------------------------------------------------------------------


def _set(draft: ModuleDraft, line: Line, value: str | Convention | Expression) -> None:
    name = line.words[0].text[1:]
    if name in draft.settings:
        raise line.fault(f".{name} is there twice")
    draft.settings[name] = Setting(value, Position(line, line.words[-1]))


def _state(draft: ModuleDraft, line: Line) -> None:
    _chosen(draft, line, {name: name for name in PROFILES})


def _convention(draft: ModuleDraft, line: Line) -> None:
    _chosen(draft, line, {each.name.lower(): each for each in Convention})


def _chosen(draft: ModuleDraft, line: Line, known: Mapping[str, str | Convention]) -> None:
    word, name = directive_word(line, next(iter(known))), line.words[0].text[1:]
    values = {each.lower(): value for each, value in known.items()}
    if word.text.lower() not in values:
        raise line.fault(f"there is no {name} {word.text!r}", word, ", ".join(known))
    _set(draft, line, values[word.text.lower()])


def _number(draft: ModuleDraft, line: Line) -> None:
    _set(draft, line, read_number(line, directive_word(line, "16")))


def _shared(draft: ModuleDraft, line: Line) -> None:
    word = directive_word(line, "4096")
    _set(draft, line, "auto" if word.text == "auto" else read_number(line, word))


def _header(draft: ModuleDraft, line: Line) -> None:
    name, value = read_header(line)
    if name in DERIVED or name in draft.header:
        what = "has a directive of its own" if name in DERIVED else "is there twice"
        raise line.fault(f"the field {name!r} of the header {what}", line.words[1])
    draft.header[name] = value, Position(line)


def _section(draft: ModuleDraft, line: Line) -> None:
    name, data = directive_words(line, 2, 2, '.section "name" 00ff')
    text = read_string(line, name)
    if text in ("routines", "plan", "buffers") or text in draft.sections:
        raise line.fault(f"the section {text!r} cannot be given", name)
    try:
        draft.sections[text] = bytes.fromhex("" if data.text == "-" else data.text), Position(line)
    except ValueError:
        raise line.fault("a section is written in pairs of hexadecimal digits", data) from None


# Symbols and names ----------------------------------------------------------------------------


def _const(draft: ModuleDraft, line: Line) -> None:
    name, value = directive_words(line, 2, 2, ".const N 1000")
    text = read_name(line, name, "a symbol")
    draft.define(line, name, text)
    draft.symbols[text] = read_number(line, value)


def _buffer(draft: ModuleDraft, line: Line) -> None:
    form = ".buffer image, 0, 3000, in"
    name, offset, size, *rest = directive_words(line, 3, 10, form)
    text = read_name(line, name, "a buffer")
    kind: dict[str, str] = {}
    while rest and rest[0].text not in ("steps", "range"):
        word = rest.pop(0)
        sort = next((sort for sort, known in KINDS.items() if word.text in known), None)
        if sort is None or sort in kind:
            near = did_you_mean(word.text, (*DIRECTIONS, *DTYPES, "pad"))
            help = near or f"it is {', '.join(DIRECTIONS)}; then {', '.join(DTYPES)}; then pad"
            what = f"is there twice: {sort}" if sort else f"has no direction {word.text!r}"
            raise line.fault(f"a buffer {what}", word, help)
        kind[sort] = word.text
    pairs: dict[str, list[Expression | None]] = {"steps": [], "range": []}
    while rest:
        option, *pair = rest[:3]
        if len(pair) != 2 or pairs.get(option.text, [None]):
            help = f"write {form}, steps 0 2, range -1 1"
            raise line.fault("the buffer cannot be read", option, help)
        pairs[option.text] = [
            None if option.text == "range" and word.text == "any" else read_number(line, word)
            for word in pair
        ]
        rest = rest[3:]
    draft.define(line, name, text, f"{text}.size")
    where = None if offset.text == "auto" else read_number(line, offset)
    lifetime = tuple(each for each in pairs["steps"] if each is not None)
    ends = tuple(pairs["range"]) or (None, None)
    words = read_number(line, size)
    place, direction = Position(line, name), kind.get("direction", "temp")
    how = kind.get("dtype", "f32"), "pad" in kind
    draft.buffers.append(ModuleBuffer(text, where, words, direction, lifetime, place, ends, *how))


def _extern(draft: ModuleDraft, line: Line) -> None:
    for word in directive_words(line, 1, 1000, ".extern name"):
        name = read_name(line, word, "anything")
        if name in draft.names:
            raise line.fault(f"the symbol {name!r} is there twice", word)
        draft.externs.setdefault(name, Position(line, word))


def _alias(draft: ModuleDraft, line: Line) -> None:
    name, word = directive_words(line, 2, 2, ".alias counter r2")
    aliases = draft.aliases if draft.current is None else draft.current.aliases
    to = aliases.get(word.text, word.text)
    if register(to) is None and own_word(to) is None:
        raise line.fault(f"{word.text!r} is no register and no memory word", word, "r2, or mem3")
    if not plain(name.text) or name.text in aliases:
        what = "is there twice" if name.text in aliases else "cannot be another name"
        raise line.fault(f"{name.text!r} {what}", name)
    aliases[name.text] = to


def _routine(draft: ModuleDraft, line: Line) -> None:
    word = directive_word(line, "name")
    draft.begin(read_name(line, word, "a routine"), Position(line, word))


DIRECTIVES: dict[str, Callable[[ModuleDraft, Line], None]] = {
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
    ".phase": lambda draft, line: draft.plan.phase(line),
    ".launch": lambda draft, line: draft.plan.launch(line),
    ".repeat": lambda draft, line: draft.plan.repeat(line),
    ".end": lambda draft, line: draft.plan.end(line),
    ".schedule": lambda draft, line: draft.plan.schedule(line),
}
"""What each directive does."""
