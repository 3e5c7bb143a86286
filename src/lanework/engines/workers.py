"""Threads for work in native code that the process does not wait for at its end.

A pool of `concurrent.futures` is joined when the main thread ends, so that a process would go on
for as long as some forgotten run. These threads are daemons: they end with the process.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from lanework.core.waiting import start

_Task = tuple[Future[None], Callable[..., None], tuple[Any, ...]]
_tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
_idle = threading.Semaphore(0)  # workers without work


def submit(work: Callable[..., None], *args: Any) -> Future[None]:
    """Let a worker do this, at once: one is made where none is idle.

    Example:
        >>> submit(print, "done").result()
        done
    """
    future: Future[None] = Future()
    if not _idle.acquire(blocking=False):
        start(threading.Thread(target=_serve, name="lanework", daemon=True))
    _tasks.put((future, work, args))  # only now: a thread that cannot start leaves no task behind
    return future


def _serve() -> None:
    while True:
        future, work, args = _tasks.get()
        if future.set_running_or_notify_cancel():
            try:
                work(*args)
            except BaseException as error:  # raised by the future
                future.set_exception(error)
            else:
                future.set_result(None)
        del future, work, args  # what they hold may go
        _idle.release()


def ended(futures: Sequence[Future[None]]) -> bool:
    """Wait for work that was told to stop; False when something came in between once more.

    Ctrl-C and the end of a deadline are raised anywhere, here too; the memory that the work writes
    to must not go before it has ended.
    """
    try:
        for future in futures:
            if not future.cancel():
                future.exception()
    except BaseException:
        return False
    return True


def _begin_anew() -> None:
    """The child of a fork has no workers."""
    global _tasks, _idle
    _tasks, _idle = queue.SimpleQueue(), threading.Semaphore(0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
