"""The error tree: every error has a stable code, one sentence, and says what to do.

A `Diagnostic` rejects a program or its input. A `Trap` stops a running program by a rule. As text,
in tracebacks and notebooks too, each has its sentence, its place with a caret line, and what to do.
The explanation behind a code is shown by ``lanework explain CODE``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Self

from lanework.base.printable import shown
from lanework.base.span import Span


@dataclass(frozen=True)
class Code:
    """A stable error code with its title and its explanation.

    Attributes:
        help: what to do, where an error has nothing more exact to say.
    """

    ident: str
    title: str
    explanation: str
    help: str = ""


_codes: dict[str, Code] = {}
_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_NOTEBOOK = os.path.join("IPython", "core", "")


def code(ident: str, title: str, explanation: str, help: str = "") -> Code:
    """Register an error code.

    Raises:
        ValueError: the code is taken.
    """
    if ident in _codes:
        raise ValueError(f"error code {ident} is registered twice")
    _codes[ident] = Code(ident, title, explanation, help)
    return _codes[ident]


def all_codes() -> dict[str, Code]:
    """Every registered code, in order of registration."""
    return dict(_codes)


class Advice(str):
    """What to do, as Python says it, and where that is other, what to type on the command line.

    Example:
        >>> help = Advice("bind with program.bind(periods=12)", typed="give --periods 12")
        >>> str(help), help.typed
        ('bind with program.bind(periods=12)', 'give --periods 12')
    """

    typed: str

    def __new__(cls, python: str, *, typed: str) -> Self:
        """As a text it is what Python says."""
        advice = super().__new__(cls, python)
        advice.typed = typed
        return advice

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str]]:
        return (str(self),), {"typed": self.typed}


class LaneworkError(Exception):
    """The base of every error that Lanework raises on purpose."""

    exit_status = 1

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        span: Span | None = None,
        help: str | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{code.ident}: {message}")
        self.code = code
        self.message = message
        self.span = span
        self.help = help or code.help or None
        self.notes = tuple(notes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)

    @property
    def sentence(self) -> str:
        """The code and the message, as one line within other text."""
        return f"{self.code.ident}: {shown(self.message)}"

    def __str__(self) -> str:
        """The sentence; below it the place with a caret line, notes and help."""
        return "\n".join([self.sentence, *self._below()])

    def render(self, color: bool = False) -> str:
        """The same for a terminal, and how to read more."""
        red, bold, plain = ("\x1b[31m", "\x1b[1m", "\x1b[0m") if color else ("", "", "")
        first = f"{red}{bold}error[{self.code.ident}]{plain}{bold}: {shown(self.message)}{plain}"
        return "\n".join([first, *self._below(), f"  more: lanework explain {self.code.ident}"])

    def _below(self) -> list[str]:
        """All that stands below the sentence, as lines."""
        lines = [f"  note: {shown(note)}" for note in self.notes]
        if self.help:
            lines.append(f"  help: {shown(self.help)}")
        if self.span is None:
            return lines
        caret = self.span.caret()
        return [f"  --> {self.span}", *([caret] if caret else []), *lines]

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.render())}</pre>"

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show where it was raised: the user's lines, not ours."""
        import traceback

        frames: list[Any] = list(traceback.extract_tb(self.__traceback__))
        if self.exit_status != InternalFault.exit_status:
            frames = [f for f in frames if not f.filename.startswith(_PACKAGE)]
        frames = [f for f in frames if _NOTEBOOK not in f.filename]
        return [*"".join(traceback.format_list(frames)).splitlines(), *self.render().splitlines()]

    def to_dict(self) -> dict[str, Any]:
        """The error for machines (``--json``)."""
        span = self.span
        return {
            "code": self.code.ident,
            "title": self.code.title,
            "kind": type(self).__name__.lower(),
            "message": self.message,
            "help": self.help,
            "notes": list(self.notes),
            "span": span and {key: value for key, value in asdict(span).items() if key != "text"},
        }


def _rebuild(kind: type[LaneworkError], state: dict[str, Any]) -> LaneworkError:
    error = kind.__new__(kind)
    Exception.__init__(error, f"{state['code'].ident}: {state['message']}")
    error.__dict__.update(state)
    return error


@contextmanager
def noting(note: str) -> Iterator[None]:
    """Adds to errors within what was being done: which of several runs it was."""
    try:
        yield
    except LaneworkError as error:
        error.notes = (*error.notes, note)
        raise


class Diagnostic(LaneworkError):
    """A program or an input was rejected."""


class Trap(LaneworkError):
    """A running program was stopped by a rule.

    Attributes:
        instruction: the instruction's index on the tape, if one is to blame.
        lane: the lane, if one is to blame.
        listing: the instruction's line in the listing.
    """

    exit_status = 3

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        span: Span | None = None,
        help: str | None = None,
        notes: Sequence[str] = (),
        instruction: int | None = None,
        lane: int | None = None,
        listing: str | None = None,
    ) -> None:
        super().__init__(code, message, span=span, help=help, notes=notes)
        self.instruction = instruction
        self.lane = lane
        self.listing = listing

    def to_dict(self) -> dict[str, Any]:
        """The error for machines, with the instruction, the lane and the listing's line."""
        return {
            **super().to_dict(),
            "instruction": self.instruction,
            "lane": self.lane,
            "listing": self.listing,
        }


class UsageError(LaneworkError):
    """A command or a function was used wrongly."""

    exit_status = 2


class InternalFault(LaneworkError):
    """A defect of Lanework itself."""

    exit_status = 4


def did_you_mean(name: object, candidates: Iterable[str]) -> str | None:
    """A suggestion for a misspelt name, or None; also for what is no text at all.

    Example:
        >>> did_you_mean("balanse", ["balance", "rate"])
        "did you mean 'balance'?"
    """
    import difflib

    pool = list(candidates)
    if not isinstance(name, str):
        return None

    near = difflib.get_close_matches(name, pool, n=1, cutoff=0.6)
    if not near:
        folded = {candidate.lower(): candidate for candidate in pool}
        near = [folded[name.lower()]] if name.lower() in folded else []
    return f"did you mean {near[0]!r}?" if near else None
