"""Work that cannot be stopped, and a caller who can: Ctrl-C and deadlines hold while it goes on."""

from __future__ import annotations

import _thread
import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from functools import partial, wraps
from math import inf
from typing import Any, Generic, ParamSpec, TypeVar

from lanework.base import sharing
from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.calm import calm
from lanework.core.data.holding import reading
from lanework.core.options import limits_of
from lanework.core.resident import OFTEN, Growth, seen
from lanework.core.runner import check_deadline

NAME = "lanework-work"  # of threads that are waited for
GRACE = 0.02  # seconds after a deadline in which whoever holds it may say so
LONG = "raise the deadline, or give it less to compile"  # where compiling has one
SOON = 0.05  # seconds after it until what is not waited for any longer is stopped
TICK = 0.02  # seconds between looks at the clock, and at whether this thread itself is to stop
PATIENCE = 100  # looks until work is stopped in what passes
T = TypeVar("T")
Taken = ParamSpec("Taken")


def _hook(before: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The hook for errors that nobody can catch, as in a callback, but those of `_Work.stop`."""

    def hook(unraisable: Any) -> None:
        stopped = threading.current_thread().name == NAME
        if not (stopped and unraisable.exc_type is SystemExit):
            before(unraisable)

    hook.__module__ = __name__
    return hook


class _Work(threading.Thread, Generic[T]):
    """A thread that does something, for one that waits for it.

    It is stopped by its number. One that has ended leaves its number to the next, and one that is
    being started has that of its starter until it runs: `_end` is held by who strikes it, by itself
    while it starts another, and at its end.

    Attributes:
        stops: whether it is stopped when nobody waits any longer.
        deadlines: those that hold, and what to do about each; inner ones last.
        given: a list of what came out.
        error: what was raised.
        done: whether there is one of these.
        left: whether nobody waits for it any longer.
        growth: the memory that it may take, if that is looked at.
        inner: the work that it waits for, which is stopped with it.
    """

    def __init__(self, work: Callable[[], T], stops: bool, growth: Growth | None) -> None:
        super().__init__(name=NAME, daemon=True)
        self.stops = stops
        self.deadlines: list[tuple[float, str]] = []
        self.given: list[T] = []
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.growth = growth
        self.inner: _Work[Any] | None = None
        within = contextvars.copy_context().run  # such as the limits of reading
        self._work: Callable[[], T] | None = partial(within, work)
        self.left = self._over = False
        self._end = sharing.lock()

    def run(self) -> None:
        """Do it, unless nobody waits already."""
        try:
            try:
                if self._work is not None and not self.left:
                    self.given.append(self._work())
            except BaseException as error:  # raised where it is waited for
                self.error = None if self.left else error
            self._finish()
        except SystemExit:  # struck on the last steps: the next stroke is a while away
            self._finish()

    def _finish(self) -> None:
        with self._end:
            self._over = True
        self._work = None  # what it holds may go
        self.done.set()

    def begin(self, begun: Callable[[], object]) -> None:
        """Start another thread from this one."""
        with self._end:
            begun()

    def within(self, until: float | None, growth: Growth | None) -> bool:
        """Whether it is over first, however long work goes on that it would do by itself."""
        earlier = until is not None and until < min([at for at, _ in self.deadlines], default=inf)
        return not self.left and not earlier and (growth is None or self.growth is not None)

    def wait(self) -> None:
        """Wait for it, until it is done, one of its deadlines is over, or its memory is.

        Raises:
            Trap: LW2001.
            Diagnostic: LW0101.
        """
        while not self.done.wait(self._pause()):
            if self.growth is not None:
                self.growth.check()
            for until, help in reversed(self.deadlines.copy()):
                check_deadline(until, help)

    def _pause(self) -> float:
        nearest = min([until for until, _ in self.deadlines.copy()], default=None)
        longest = TICK if self.growth is None else OFTEN
        return longest if nearest is None else min(longest, max(nearest - time.monotonic(), 0))

    def stop(self, soon: float) -> None:
        """Raise `SystemExit` in it until it ends: where it is now that may be caught.

        Args:
            soon: seconds until then, in which whoever waited goes on: as it ends, millions of
                objects may be given back in one step, in which no other thread of Python runs.
        """
        if sys.unraisablehook.__module__ != __name__:
            sys.unraisablehook = _hook(sys.unraisablehook)
        self.left = True  # it may not have begun
        self.done.wait(soon)
        looks = 0
        while (pause := self._strike(looks < PATIENCE)) is not None:
            self.done.wait(pause)
            looks += 1
        if self.inner is not None:  # it does not wait for that any longer
            self.inner.stop(0.0)

    def _strike(self, patient: bool) -> float | None:
        """Strike it, unless it is at something that must not be left half-way.

        Args:
            patient: whether it is left alone in what passes, too.

        Returns:
            Seconds until the next stroke; None once it is over.

        What is raised comes out at the next look of the interpreter: at once, where the thread
        waits for its turn at such a look; else as soon as the call that it is in returns, in the
        function that was seen to call it, or where the next one begins and has done nothing. A
        lock of C's, in a `with`, is taken and left without such a look; one taken in Python, as
        LLVM's is, would stay taken if its taker were struck as it waits, so that no stroke may be
        under way then. This thread may lose its own turn between its look and the stroke, and the
        other go on: so it looks once more, and takes back a stroke that has not come out. It has
        just had its turn, and others have to ask for it for 5 ms: it is not lost twice.
        """
        with self._end:
            if self._over or not self.is_alive():
                return None
            if rests := calm(self.ident, _Work.run.__code__, patient):
                raises, number = ctypes.pythonapi.PyThreadState_SetAsyncExc, self.ident or 0
                raises(ctypes.c_ulong(number), ctypes.py_object(SystemExit))
                if not calm(self.ident, _Work.run.__code__, patient):
                    raises(ctypes.c_ulong(number), None)
            return TICK if rests else TICK / 10


def start(thread: threading.Thread) -> None:
    """Start a thread, from work that may be stopped too.

    Example:
        >>> begun = threading.Event()
        >>> start(threading.Thread(target=begun.set))
        >>> begun.wait()
        True
    """
    _begin(thread.start)


def _begin(begun: Callable[[], object]) -> None:
    own = threading.current_thread()
    if isinstance(own, _Work):
        own.begin(begun)
    else:
        begun()


def waited(
    work: Callable[[], T],
    until: float | None,
    help: str,
    *,
    stops: bool = False,
    growth: Growth | None = None,
) -> T:
    """What `work` gives, which another thread does while this one looks after Ctrl-C and the clock.

    Work that is not waited for to its end goes on by itself, and nobody hears of it. What such a
    thread waits for in turn, and may stop, it does itself: whoever waits for it looks at all
    deadlines, and there is one thread to stop. Where the inner deadline is over first, or there is
    a cap only on what is within, that has a thread of its own: it ends, and what is around goes on.

    Args:
        work: a compiler, say: native code that looks at neither signals nor the clock.
        until: the deadline, on the clock of `time.monotonic`; None for none.
        help: what to do about a deadline that was missed.
        stops: end it instead where Python can do that, between two calls of native code.
        growth: the memory that it may take.

    Raises:
        Trap: LW2001.
        Diagnostic: LW0101.
        KeyboardInterrupt: at once, on the main thread.

    Example:
        >>> waited(lambda: 6 * 7, None, "raise the deadline")
        42
    """
    own = threading.current_thread()
    deadlines = [] if until is None else [(until, help)]
    outer = own if stops and isinstance(own, _Work) and own.stops else None
    if outer is not None and outer.within(until, growth):
        outer.deadlines += deadlines
        try:
            return work()
        finally:
            del outer.deadlines[len(outer.deadlines) - len(deadlines) :]
    thread = _Work(work, stops, growth)
    thread.deadlines += deadlines
    if outer is not None:
        outer.inner = thread
    try:
        start(thread)
        thread.wait()
    except BaseException as error:
        if outer is not None and outer.left:  # whoever stops that one stops both
            raise
        if stops:  # at once: Ctrl-C may come again
            soon = SOON if isinstance(error, Trap) else 0.0
            _begin(partial(_thread.start_new_thread, thread.stop, (soon,)))
        if outer is not None:
            outer.inner = None
        raise
    if outer is not None:
        outer.inner = None
    if thread.error is not None:
        try:
            raise thread.error
        finally:
            thread.error = None  # which has this frame
    return thread.given[0]


def left() -> bool:
    """Whether some thread is still at work that nobody waits for.

    Example:
        >>> left()
        False
    """
    return any(isinstance(thread, _Work) for thread in threading.enumerate())


def within(limits: Limits | None, work: Callable[[], T], help: str) -> T:
    """What `work` gives, by the deadline if there is one.

    Raises:
        Diagnostic: LW2005 for limits that are none.
        Trap: LW2001.

    Example:
        >>> within(Limits(deadline=60.0), lambda: 6 * 7, "raise the deadline")
        42
    """
    until = None if limits is None else limits_of(limits).until()
    return work() if until is None else waited(work, until, help, stops=True)


def watched(limits: Limits, work: Callable[[], T], help: str, growth: Growth | None = None) -> T:
    """What `work` gives, which holds the deadline itself where it can say more of it.

    What does not look at the clock, such as a reader of files, is stopped a little later; and what
    takes memory that nobody has estimated, where that is looked at.

    Raises:
        Trap: LW2001.
        Diagnostic: LW0101.

    Example:
        >>> watched(Limits(deadline=60.0), lambda: 6 * 7, "raise the deadline")
        42
    """
    until = limits.until()
    return _seen(work, None if until is None else until + GRACE, help, growth)


def bounded(limits: Limits | None, work: Callable[[], T], help: str) -> T:
    """What `work` gives, within limits that a caller may have given: both deadline and memory.

    The memory is what the whole process grows by meanwhile.

    Raises:
        Diagnostic: LW2005 for limits that are none; LW0101.
        Trap: LW2001.

    Example:
        >>> bounded(Limits(deadline=60.0, memory=10**9), lambda: 6 * 7, "raise the deadline")
        42
    """
    if limits is None:
        return work()
    until, growth = limits_of(limits).until(), Growth(limits, "the call", steadily=True)
    with reading(limits):
        return _seen(work, until, help, growth)


def _seen(work: Callable[[], T], until: float | None, help: str, growth: Growth | None) -> T:
    if growth is not None and growth.cap is None:
        growth = None
    if until is None and growth is None:
        return work()
    with seen(growth):
        return waited(work, until, help, stops=True, growth=growth)


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
