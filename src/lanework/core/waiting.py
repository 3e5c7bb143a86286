"""Work that cannot be stopped, and a caller who can: Ctrl-C and deadlines hold while it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from lanework.core.runner import check_deadline

T = TypeVar("T")


def waited(work: Callable[[], T], until: float | None, help: str) -> T:
    """What `work` gives, which another thread does while this one looks after Ctrl-C and the clock.

    Work that is not waited for to its end goes on by itself, and nobody hears of it.

    Args:
        work: a compiler, say: native code that looks at neither signals nor the clock.
        until: the deadline, on the clock of `time.monotonic`; None for none.
        help: what to do about a deadline that was missed.

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

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # raised where it is waited for
            raised.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="lanework-work", daemon=True).start()
    while not done.wait(None if until is None else max(until - time.monotonic(), 0.001)):
        check_deadline(until, help)
    if raised:
        raise raised[0]
    return given[0]
