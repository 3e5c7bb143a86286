"""Assembly text: one format for all machines.

A file says its machine first (``.machine series``); then come directives, which begin with a
dot, and instructions, one a line: a mnemonic and operands divided by commas. ``;`` begins a
comment, and so does ``#`` at the begin of a line. Strings are written as in JSON.

`Program.dis` prints a program, and `assemble` of that text gives a program of the same hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from lanework.base.errors import Diagnostic, LaneworkError
from lanework.base.limits import Limits
from lanework.base.span import Span
from lanework.core.codes import BAD_ASSEMBLY
from lanework.core.machine import MACHINES, find
from lanework.core.program.asmtext import Line, Token, split
from lanework.core.program.program import Program
from lanework.core.resident import looked
from lanework.core.waiting import LONG, bounded

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|"[^\s,=]*|\'(?:[^\'\\]|\\.)\'|[^\s,=;]+|[,=]|;.*')


def machine_of(text: str, source: str = "assembly") -> str:
    """The machine that a text begins with; register if it names none.

    Raises:
        Diagnostic: LW1010 with the place.
    """
    first = next(lines_of(text, source), None)
    if first is None or first.words[0].text != ".machine":
        return "register"
    if len(first.words) != 2:
        raise first.fault("write .machine NAME")
    return first.words[1].text


_PATH = re.compile(r"\S*\.(?:lasm|asm|s|lwp|series|bif|txt)")
_MODELS = {
    word: f"it is no assembly, but a model: {how}"
    for word, how in (
        ("model", "lanework.series.read_model reads its text, and lanework.compile its file"),
        ("network", "lanework.belief.read_network reads its file"),
    )
}
"""What is said to who gives the text of a model, by how it begins."""


def assemble(
    text: str,
    source: str = "assembly",
    machine: str | None = None,
    limits: Limits | None = None,
) -> Program[Any]:
    """Read assembly text.

    Args:
        text: assembly, which may say its machine in its first line.
        source: what messages call it.
        machine: the machine that it is for; by default any, and register if it says none.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW1010 with the place, LW1002 and what the machine's assembler says; LW0101.
        Trap: LW2001.
    """
    return bounded(limits, partial(_assembled, text, source, machine), LONG)


def _assembled(text: str, source: str, machine: str | None) -> Program[Any]:
    lines = list(lines_of(text, source))
    if not lines:
        help = "write one, such as halt"
        raise Diagnostic(BAD_ASSEMBLY, f"{source} holds no instruction", help=help)
    first, said = lines[0], lines[0].words[0].text == ".machine"
    name = machine_of(text, source) if said else machine or "register"
    if machine not in (None, name):
        what = f"this is assembly of the {name} machine, and one of the {machine} is asked for"
        raise first.fault(what, None, f"use lanework.{name}.assemble, or lanework.compile")
    if said:
        del lines[0]
    try:
        program: Program[Any] = find(name).load("text")().assemble(lines)
    except Diagnostic as problem:
        if not said:
            problem.help = _advice(lines, name, problem, machine is not None) or problem.help
        raise
    return program


def _advice(lines: list[Line], name: str, problem: Diagnostic, asked: bool) -> str | None:
    """What to do about a text that is no assembly of the machine, but perhaps something else."""
    begin = lines[0].words[0].text
    if _PATH.fullmatch(lines[0].text.strip()):
        return f"it is a path: lanework.compile({begin!r}) reads the file"
    usual = problem.help in (None, problem.code.help)
    known = not usual and not str(problem.help).startswith("did you mean")
    known = known and any(_unknown(line, problem.span) for line in lines)
    other = _other(lines, name, problem.span, known)
    if other is None:
        return _MODELS.get(begin.partition("(")[0])
    how = f"lanework.{other}.assemble reads it" if asked else f"begin it with .machine {other}"
    if known:
        return f"{problem.help}; if it is assembly of the {other} machine, {how}"
    return f"it is assembly of the {other} machine: {how}"


def _unknown(line: Line, span: Span | None) -> bool:
    """Whether an instruction, and no directive, is what is not known."""
    return line.span(line.words[0]) == span and not line.words[0].text.startswith(".")


def _other(lines: list[Line], name: str, span: Span | None, all_of_it: bool) -> str | None:
    """The other machine that a text is of, if it may be: the first word of a line is not known.

    It reads all of the text, or more of it than the machine that was meant.
    """
    if span is None or span not in [line.span(line.words[0]) for line in lines]:
        return None
    for other in MACHINES:
        if other != name:
            try:
                find(other).load("text")().assemble(lines)
            except LaneworkError as problem:
                if all_of_it or problem.span is None or problem.span.line <= span.line:
                    continue
            return other
    return None


def lines_of(text: str, source: str) -> Iterator[Line]:
    """The lines of a text that hold words, without comments.

    Raises:
        Diagnostic: LW1010 for what is no text.
    """
    if not isinstance(source, str):
        what = f"the name of the text is {source!r}"
        raise Diagnostic(BAD_ASSEMBLY, what, help="give what comes after the text by name: types=")
    if not isinstance(text, str):
        what = f"{source} is text, and this is {type(text).__name__}"
        raise Diagnostic(BAD_ASSEMBLY, what, help="lanework.compile reads files by their paths")
    for number, raw in enumerate(looked(split(text)), 1):
        words: list[Token] = []
        for match in _TOKEN.finditer(raw):
            if match[0][0] == ";" or (match[0][0] == "#" and not words):
                break
            words.append(Token(match[0], match.start() + 1))
            if match[0].startswith("//"):
                line = Line(number, tuple(words), source, text)
                raise line.fault("// begins no comment", words[-1], "comments begin with ;")
        if words:
            yield Line(number, tuple(words), source, text)
