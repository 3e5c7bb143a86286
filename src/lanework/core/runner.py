"""What every runner is: a program bound to an engine, which is called with inputs.

A machine's runner names its engines, says why one does not suit a program, and runs. How an engine
is chosen, what happens when it cannot run, what is said about that, how many threads there are,
what `explain` begins with, and that a runner is a context is the same for all machines.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, Protocol, Self

from lanework.base import host
from lanework.base.errors import Diagnostic, Trap, did_you_mean
from lanework.base.limits import Limits
from lanework.core.codes import DEADLINE_PASSED, ENGINE_UNAVAILABLE, UNKNOWN_ENGINE
from lanework.core.data.tables import TableLike
from lanework.core.options import integer, limits_of
from lanework.core.result.result import Result

FEWER = "raise the deadline, or run fewer lanes or periods"
LOOPS = "raise the deadline, or look for a loop that does not end"

_noticed: set[str] = set()
log = logging.getLogger("lanework")


class EngineNotice(UserWarning):
    """An engine could not run, and the next one did."""


def notify(notice: str) -> None:
    """Warn once in a process about each notice, and log it whenever it holds."""
    if notice:
        log.info("%s", notice)
    if notice and notice not in _noticed:
        _noticed.add(notice)
        warnings.warn(notice, EngineNotice, stacklevel=4)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that led here."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("lanework."):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level)


def check_engine(name: str, engines: Sequence[str]) -> None:
    """Refuse what is neither `auto` nor one of these engines.

    Raises:
        Diagnostic: LW2003, with a suggestion.
    """
    if not isinstance(name, str) or (name != "auto" and name not in engines):
        raise Diagnostic(
            UNKNOWN_ENGINE,
            f"there is no engine {name!r}",
            help=did_you_mean(name, engines) or f"engines are auto, {', '.join(engines)}",
        )


def check_deadline(
    until: float | None,
    help: str = FEWER,
    message: str = "the run was stopped at its deadline",
    instruction: int | None = None,
) -> None:
    """Stop a run at its deadline, which is what `Limits.until` said at its begin.

    Raises:
        Trap: LW2001.
    """
    if until is not None and time.monotonic() > until:
        raise Trap(DEADLINE_PASSED, message, help=help, instruction=instruction)


class Runnable(Protocol):
    """What a runner needs of a program."""

    def verify(self) -> None:
        """Raise the first rule that it breaks."""


Taken = ParamSpec("Taken")


class Options(Generic[Taken]):
    """What a runner is made with, for those who read types: `Program.bind` takes the same."""

    def __init__(self, init: Callable[Concatenate[Any, Any, Taken], None]):
        """Take over what `Runner.__init__` takes after the program."""

    def __call__(self, name: Callable[[Any], None]) -> Self:
        """Stand for a method: a name that is only assigned has the type that its class gave it."""
        return self


class Remade:
    r"""What holds code, memory and locks of its process: copied or pickled, it is made again.

    Example:
        >>> import lanework as lw, pickle
        >>> runner = lw.register.assemble("mul r0, r0, r1\n halt").bind("reference")
        >>> pickle.loads(pickle.dumps(runner))(r0=6, r1=7)["r0"]
        array(42, dtype=uint64)
    """

    _remade: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Keep what it is made of."""
        self = super().__new__(cls)
        self._remade = args, options
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        args, options = self._remade
        return partial(type(self), **options), args


class Runner(Remade, ABC):
    r"""A program ready to run; also a context, at whose end it gives back what it holds.

    Attributes:
        program: what it runs.
        ENGINES: the machine's engines, the fastest first; the last one always runs.
        limits: fuel, memory, deadline and threads of each call.
        threads: at most so many are used.
        engine: the engine that runs the program.
        notice: why it is not the first choice, or "".

    Example:
        >>> import lanework as lw
        >>> with lw.register.assemble("mul r0, r0, r1\n halt").bind("reference") as run:
        ...     print(run(r0=6, r1=7)["r0"], run.engine)
        42 reference
    """

    ENGINES: ClassVar[tuple[str, ...]]
    _options: Any  # of each machine's runner `Options`

    def __init__(self, program: Runnable, limits: Limits | None, threads: int | None = None):
        """Take a program that keeps the machine's rules.

        Raises:
            Diagnostic: LW2005 for limits and a number of threads that are none; a program that
                fails to verify.
        """
        program.verify()
        self.program = program
        self.limits = limits_of(limits)
        threads = self.limits.threads if threads is None else integer("threads", threads, 1)
        self.threads = threads or host.thread_count()

    # Engines ------------------------------------------------------------------------------------

    def _settle(self, engine: str, *, quiet: bool = False) -> None:
        """Choose the engine, and give notice where it is not the first choice.

        Raises:
            Diagnostic: LW2003, LW2004.
        """
        check_engine(engine, self.ENGINES)
        self.engine, self.notice = self._choose(engine)
        log.debug("engine %s for %r", self.engine, self.program)
        if not quiet:
            notify(self.notice)

    def _choose(self, engine: str) -> tuple[str, str]:
        """The engine to use, and the notice to give ("" when the first choice runs)."""
        if engine != "auto":
            reason = self._unsuited(engine)
            if reason is not None:
                raise Diagnostic(ENGINE_UNAVAILABLE, f"engine {engine!r} cannot run: {reason}")
            return engine, ""
        reasons: dict[str, list[str]] = {}
        for candidate in self.ENGINES:
            reason = self._unsuited(candidate)
            if reason is None:
                break
            reasons.setdefault(reason, []).append(repr(candidate))
        notices = [
            f"engine {', '.join(names)} cannot run ({reason}), using the next one"
            for reason, names in reasons.items()
        ]
        return candidate, "; ".join(notices)

    @abstractmethod
    def _unsuited(self, engine: str) -> str | None:
        """Why an engine cannot run this program here, or None; the last one always can."""

    def _fall_back(self, engine: str, notice: str) -> None:
        """Go on with another engine than was chosen."""
        self.engine, self.notice = engine, notice
        notify(notice)

    # Running ------------------------------------------------------------------------------------

    @abstractmethod
    def __call__(self, table: TableLike | None = None, /, **inputs: Any) -> Result:
        """Run the program on its inputs: the columns of a table, or by name, or both."""

    def explain(self) -> str:
        """What will run how: the engine, and what was done to the program."""
        engine = f"engine: {self.engine}" + (f" ({self.notice})" if self.notice else "")
        return "\n".join([engine, *self._details()])

    @abstractmethod
    def _details(self) -> Iterable[str]:
        """The lines of `explain` that are the machine's own."""

    def close(self) -> None:
        """Give back what the engine holds; a later call takes it again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Runner on {self.engine} of {self.program!r}>"
