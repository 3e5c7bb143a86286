"""Work that cannot be stopped, and a caller who can: Ctrl-C and deadlines hold while it goes on."""

from __future__ import annotations

import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from lanework.base import sharing
from lanework.base.limits import Limits
from lanework.core.runner import check_deadline

NAME = "lanework-work"  # of threads that are waited for
GRACE = 0.02  # seconds after a deadline in which whoever holds it may say so
TICK = 0.02  # seconds between looks at the clock, and at whether this thread itself is to stop
T = TypeVar("T")
Taken = ParamSpec("Taken")


class Guard:
    """When a thread may be struck: not once it ended, nor while it starts another.

    The interpreter finds a thread by its number. One that has ended leaves its number to the next,
    and one that is being started has that of its starter until it runs: a stroke would end an
    innocent thread, which whoever waits for it would never hear of.
    """

    def __init__(self) -> None:
        self._lock = sharing.lock()
        self._ended = False

    def strike(self, thread: threading.Thread) -> bool:
        """Raise `SystemExit` in the thread; false once it is at its end."""
        with self._lock:
            if self._ended or not thread.is_alive():
                return False
            number, error = ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(number, error)
            return True

    def start(self, thread: threading.Thread) -> None:
        """Start a thread from the guarded one."""
        with self._lock:
            thread.start()

    def end(self, done: threading.Event) -> None:
        """Let nothing strike any more; called by the thread itself."""
        with self._lock:
            self._ended = True
        done.set()


_GUARD: ContextVar[Guard | None] = ContextVar("_GUARD", default=None)  # of the work in this thread


def start(thread: threading.Thread) -> None:
    """Start a thread, from work that may be stopped too.

    Example:
        >>> begun = threading.Event()
        >>> start(threading.Thread(target=begun.set))
        >>> begun.wait()
        True
    """
    guard = _GUARD.get()
    if guard is None:
        thread.start()
    else:
        guard.start(thread)


def waited(work: Callable[[], T], until: float | None, help: str, *, stops: bool = False) -> T:
    """What `work` gives, which another thread does while this one looks after Ctrl-C and the clock.

    Work that is not waited for to its end goes on by itself, and nobody hears of it.

    Args:
        work: a compiler, say: native code that looks at neither signals nor the clock.
        until: the deadline, on the clock of `time.monotonic`; None for none.
        help: what to do about a deadline that was missed.
        stops: end it instead where Python can do that, between two calls of native code.

    Raises:
        Trap: LW2001.
        KeyboardInterrupt: at once, on the main thread.

    Example:
        >>> waited(lambda: 6 * 7, None, "raise the deadline")
        42
    """
    given: list[T] = []
    raised: list[BaseException] = []
    done = threading.Event()
    guard = Guard()

    def run() -> None:
        _GUARD.set(guard)
        try:
            try:
                given.append(work())
            except BaseException as error:  # raised where it is waited for
                raised.append(error)
            guard.end(done)
        except SystemExit:  # struck on the last steps: the next stroke is a while away
            guard.end(done)

    own = contextvars.copy_context()  # such as the limits of reading
    thread = threading.Thread(target=own.run, args=(run,), name=NAME, daemon=True)
    start(thread)
    try:
        while not done.wait(TICK if until is None else min(TICK, max(until - time.monotonic(), 0))):
            check_deadline(until, help)
    except BaseException:
        if stops:
            start(threading.Thread(target=_stop, args=(thread, guard), daemon=True))
            thread.join(GRACE / 2)  # it may have a file to clear away
        raise
    if raised:
        raise raised[0]
    return given[0]


def _hook(before: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The hook for errors that nobody can catch, as in a callback, but not for those of `_stop`."""

    def hook(unraisable: Any) -> None:
        stopped = threading.current_thread().name == NAME
        if not (stopped and unraisable.exc_type is SystemExit):
            before(unraisable)

    hook.__module__ = __name__
    return hook


def _stop(thread: threading.Thread, guard: Guard) -> None:
    """Raise `SystemExit` in a thread until it ends: where it is now that may be caught."""
    if sys.unraisablehook.__module__ != __name__:
        sys.unraisablehook = _hook(sys.unraisablehook)
    while guard.strike(thread):
        thread.join(TICK)


def within(limits: Limits | None, work: Callable[[], T], help: str) -> T:
    """What `work` gives, by the deadline if there is one.

    Raises:
        Trap: LW2001.

    Example:
        >>> within(Limits(deadline=60.0), lambda: 6 * 7, "raise the deadline")
        42
    """
    until = None if limits is None else limits.until()
    return work() if until is None else waited(work, until, help, stops=True)


def watched(limits: Limits, work: Callable[[], T], help: str) -> T:
    """What `work` gives, which holds the deadline itself where it can say more of it.

    What does not look at the clock, such as a reader of files, is stopped a little later.

    Raises:
        Trap: LW2001.

    Example:
        >>> watched(Limits(deadline=60.0), lambda: 6 * 7, "raise the deadline")
        42
    """
    until = limits.until()
    return work() if until is None else waited(work, until + GRACE, help, stops=True)


def timed(help: str) -> Callable[[Callable[Taken, T]], Callable[Taken, T]]:
    """Hold a function to the deadline of the argument that it has by the name `limits`, if any.

    Example:
        >>> @timed("raise the deadline")
        ... def product(a: int, b: int, limits: Limits | None = None) -> int:
        ...     return a * b
        >>> product(6, 7, limits=Limits(deadline=60.0))
        42
    """

    def held(work: Callable[Taken, T]) -> Callable[Taken, T]:
        @wraps(work)
        def run(*args: Taken.args, **more: Taken.kwargs) -> T:
            limits: Any = more.get("limits")
            return within(limits, partial(work, *args, **more), help)

        return run

    return held
