"""Where a thread may be stopped: not where that would be felt by others, or ever after."""

from __future__ import annotations

import sys
from types import CodeType, FrameType

# Modules whose functions are not left half-way: they load modules or give things back, or are ours
# and take what only they know of. Those that pass take locks in Python; work that is in them again
# and again is stopped there in the end, but not while it takes a lock.
KEPT = (
    *("weakref.", "importlib.", "_frozen_importlib.", "_frozen_importlib_external.", "zipimport."),
    *("lanework.core.resident.", "lanework.engines.stencil.", "lanework.engines.workers."),
)
WAITING = ("threading.", "queue.", "concurrent.")  # where waits for other threads may be left
PASSING = (*WAITING, "logging.", "llvmlite.")
WAITS = ("wait", "join", "_wait_for_tstate_lock")
LOCKS = (
    *("__enter__", "__exit__", "acquire", "release", "_acquireLock", "_releaseLock"),
    *("_acquire_restore", "_release_save"),
)


def calm(thread: int | None, bottom: CodeType, patient: bool) -> bool:
    """Whether nothing of what a thread is at must be ended first.

    Args:
        thread: its number.
        bottom: the function within which all of that is.
        patient: whether it is left alone in what passes, too.

    Example:
        >>> import threading
        >>> def work():
        ...     return calm(threading.get_ident(), work.__code__, True)
        >>> work()
        True
    """
    frame = sys._current_frames().get(thread or 0)
    waits = frame is not None and frame.f_code.co_name in WAITS and _is_of(frame, WAITING)
    passing = PASSING[len(WAITING) :] if waits else PASSING
    while frame is not None and frame.f_code is not bottom:
        name = frame.f_code.co_name
        if name == "__del__" or _is_of(frame, KEPT):
            return False
        if (patient or name in LOCKS) and _is_of(frame, passing):
            return False
        frame = frame.f_back
    return frame is not None


def _is_of(frame: FrameType, modules: tuple[str, ...]) -> bool:
    return f"{frame.f_globals.get('__name__')}.".startswith(modules)
