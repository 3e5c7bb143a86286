"""The memory that a command takes, looked at while it works: what nothing has estimated is seen.

What a run needs is estimated before it is taken; reading and compiling are not, since what a text
becomes hangs on what it says.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lanework.base.codes import MEMORY_CAP
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits, show_size

OFTEN = 0.002  # seconds between two looks
MODULE = 1 << 19  # bytes that a module takes, as it is loaded, at most
_PAGES = "/proc/self/statm"


def resident() -> int:
    """Bytes of memory that this process alone has, code of libraries aside; 0 where nobody says."""
    try:
        with open(_PAGES, "rb") as file:
            _, all_pages, shared, *_ = map(int, file.read().split())
    except OSError:
        return 0
    return (all_pages - shared) * os.sysconf("SC_PAGE_SIZE")


class Growth:
    """How much this process has grown.

    What it grows by while it loads modules is theirs: libraries are not of the run.

    Attributes:
        cap: how much it may grow by; None where nobody has said.
        steadily: whether it grows in small steps, so that the next one is seen coming.
    """

    def __init__(self, limits: Limits) -> None:
        """Begin to count; only a cap that somebody asked for is looked at."""
        self.cap = limits.memory
        self.steadily = False
        self._base = self._last = resident()
        self._step = 0
        self._modules = len(sys.modules)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Read and compile: what grows in small steps, and stays as long as the command.

        Nobody looks for what has become garbage, meanwhile and in what there is after it: to look
        through the millions of objects of a long text is one step, in which no clock is seen.
        """
        before, self.steadily = gc.isenabled(), True
        gc.disable()
        try:
            yield
        finally:
            gc.freeze()
            if before:
                gc.enable()
            self.steadily = False

    def check(self) -> None:
        """Look.

        Raises:
            Diagnostic: LW0101.
        """
        now, modules = resident(), len(sys.modules)
        step = max(now - self._last, 0)
        if modules != self._modules:
            self._base += min(step, MODULE * (modules - self._modules))
        self._last, self._modules = now, modules
        self._step, before = step, self._step
        if self.cap is None:
            return
        # who looks may come late, on a machine with much else to do
        next_ = min(max(2 * min(step, before), self.cap // 24), self.cap // 4)
        if now + (next_ if self.steadily else 0) - self._base > self.cap:
            taken, cap = show_size(now - self._base), show_size(self.cap)
            raise Diagnostic(
                MEMORY_CAP,
                f"the command has taken {taken}, takes more, and the cap is {cap}",
                help="raise the memory cap, or give it less to read, or smaller blocks",
            )
