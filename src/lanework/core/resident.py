"""The memory that a command takes, looked at while it works: what nothing has estimated is seen.

What a run needs is estimated before it is taken; reading and compiling are not, since what a text
becomes hangs on what it says. Whoever waits for the work looks every now and then (`Growth.check`),
and may come late on a busy machine; long loops look by themselves (`looked`), and so does what
takes much in one step (`look`).
"""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

from lanework.base import sharing
from lanework.base.codes import MEMORY_CAP
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits, show_size

OFTEN = 0.002  # seconds between two looks
MODULE = 1 << 19  # bytes that a module takes, as it is loaded, at most
EVERY = 256  # steps of a long loop from one look to the next
_PAGES = b"/proc/self/statm"
T = TypeVar("T")


def resident() -> int:
    """Bytes of memory that this process alone has, code of libraries aside; 0 where nobody says.

    The file is opened each time: one that stayed open would be closed by a process that becomes a
    daemon, and its number be that of another.

    Raises:
        Diagnostic: LW0101 where no more files can be opened: a cap is not left unlooked at.
    """
    if sys.platform != "linux":
        return 0
    library, text = _library(), ctypes.create_string_buffer(200)
    pages = library.open(_PAGES, os.O_RDONLY | os.O_CLOEXEC)
    if pages < 0 and ctypes.get_errno() in (errno.EMFILE, errno.ENFILE):
        raise Diagnostic(
            MEMORY_CAP,
            "the memory that is taken cannot be seen, for no more files can be opened",
            help="close files, or raise the limit of open files (ulimit -n)",
        )
    if pages < 0:
        return 0
    try:
        library.read(pages, text, len(text))
    finally:
        library.close(pages)
    if not text.value:
        return 0
    _, all_pages, shared, *_ = map(int, text.value.split())
    return (all_pages - shared) * os.sysconf("SC_PAGE_SIZE")


@cache
def _library() -> ctypes.PyDLL:
    """What calls the system and keeps the interpreter's lock.

    Where another thread computes, each call that lets go of it is a wait until that one does too.
    """
    return ctypes.PyDLL(None, use_errno=True)


class Growth:
    """How much this process has grown.

    What it grows by while it loads modules is theirs: libraries are not of the run.

    Attributes:
        cap: how much it may grow by; None where nobody has said.
        what: what takes it, for messages.
        steadily: whether it grows in small steps, so that the next one is seen coming.
    """

    def __init__(self, limits: Limits, what: str = "the command", steadily: bool = False) -> None:
        """Begin to count; only a cap that somebody asked for is looked at."""
        self.cap, self.what = limits.memory, what
        self.steadily = steadily
        self._asked = limits.memory is not None or limits.deadline is not None
        self._base = self._last = resident() if self.cap is not None else 0
        self._step = 0
        self._modules = len(sys.modules)
        self._lock = sharing.lock()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Read and compile: what grows in small steps, and stays as long as the command.

        Nobody looks for what has become garbage meanwhile, nor, where there are limits, in what
        there is after it: to look through the millions of objects of a long text is one step, in
        which no clock is seen.
        """
        before, self.steadily = gc.isenabled(), True
        gc.disable()
        try:
            yield
        finally:
            if self._asked:
                gc.freeze()
            if before:
                gc.enable()
            self.steadily = False

    def check(self, coming: int = 0) -> None:
        """Look.

        Args:
            coming: bytes that the next step takes, as far as that is known.

        Raises:
            Diagnostic: LW0101.
        """
        if self.cap is None:
            return
        with self._lock:
            now, modules = resident(), len(sys.modules)
            step = max(now - self._last, 0)
            if modules != self._modules:
                self._base += min(step, MODULE * (modules - self._modules))
            self._last, self._modules = now, modules
            self._step, before = step, self._step
            grown = now - self._base
        # who looks may come late, on a machine with much else to do
        next_ = min(max(2 * min(step, before), self.cap // 24), self.cap // 4)
        if grown + max(coming, next_ if self.steadily else 0) > self.cap:
            taken, cap = show_size(grown), show_size(self.cap)
            raise Diagnostic(
                MEMORY_CAP,
                f"{self.what} has taken {taken}, takes more, and the cap is {cap}",
                help="raise the memory cap, or give it less to read, or smaller blocks",
            )


_SEEN: ContextVar[Growth | None] = ContextVar("the growth that is looked at", default=None)


@contextmanager
def seen(growth: Growth | None) -> Iterator[None]:
    """Let `look` and `looked` see to this growth, on this thread and those it waits for."""
    before = _SEEN.set(growth)
    try:
        yield
    finally:
        with suppress(ValueError):  # left half-way, it is closed where this was never set
            _SEEN.reset(before)


def look(coming: int = 0) -> None:
    """Look at the memory of the command, if it has a cap, before so many bytes more are taken.

    Raises:
        Diagnostic: LW0101.

    Example:
        >>> with seen(Growth(Limits(memory=1000))):
        ...     look(2000)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW0101: the command has taken ..., and the cap is 1.0 kB
          help: raise the memory cap, or give it less to read, or smaller blocks
    """
    growth = _SEEN.get()
    if growth is not None:
        growth.check(coming)


def looked(items: Iterable[T]) -> Iterator[T]:
    """The same, with a look every so many.

    Raises:
        Diagnostic: LW0101.

    Example:
        >>> list(looked(range(3)))
        [0, 1, 2]
    """
    growth = _SEEN.get()
    if growth is None:
        yield from items
        return
    for number, item in enumerate(items, 1):
        if not number % EVERY:
            growth.check()
        yield item
