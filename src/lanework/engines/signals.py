"""Ctrl-C for native code that the thread runs which hears of it.

A signal's handler is Python, which runs when the thread comes back to it. Native code that may go
on for long calls, now and then, what lets it run; an exception that it raises is kept, and raised
by whoever called the native code.
"""

from __future__ import annotations

import ctypes
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

_NAMES = ("PyGILState_Ensure", "PyErr_CheckSignals", "PyErr_Fetch", "PyGILState_Release")
KEPT = len(_NAMES)
"""Where what was raised is kept: its type, itself, and where it came from."""

TEXT = """
define internal i1 @signalled(ptr %table) noinline nounwind {
  %check.at = getelementptr ptr, ptr %table, i64 1
  %fetch.at = getelementptr ptr, ptr %table, i64 2
  %release.at = getelementptr ptr, ptr %table, i64 3
  %ensure = load ptr, ptr %table
  %check = load ptr, ptr %check.at
  %fetch = load ptr, ptr %fetch.at
  %release = load ptr, ptr %release.at
  %state = call i32 %ensure()
  %answer = call i32 %check()
  %raised = icmp ne i32 %answer, 0
  br i1 %raised, label %keep, label %exit
keep:
  %type = getelementptr ptr, ptr %table, i64 4
  %value = getelementptr ptr, ptr %table, i64 5
  %trace = getelementptr ptr, ptr %table, i64 6
  call void %fetch(ptr %type, ptr %value, ptr %trace)
  br label %exit
exit:
  call void %release(i32 %state)
  ret i1 %raised
}
"""
"""A function that lets handlers of signals run, and says whether one of them has raised."""


def asking(column: int) -> str:
    """A function of a kernel's columns and shared words: all threads stop if a handler has raised.

    Args:
        column: which one has the `table`.
    """
    return f"""{TEXT}
define internal void @ask(ptr %columns, ptr %shared) noinline nounwind {{
  %table.at = getelementptr i64, ptr %columns, i64 {column}
  %table = load ptr, ptr %table.at
  %halt = call i1 @signalled(ptr %table)
  br i1 %halt, label %stop, label %exit
stop:
  %stop.at = getelementptr i64, ptr %shared, i64 1
  store atomic i64 1, ptr %stop.at monotonic, align 8
  br label %exit
exit:
  ret void
}}
"""


@functools.cache
def _addresses() -> tuple[int, ...]:
    functions = (getattr(ctypes.pythonapi, name) for name in _NAMES)
    return tuple(ctypes.cast(each, ctypes.c_void_p).value or 0 for each in functions)


def table() -> npt.NDArray[np.int64]:
    """What `signalled` takes: functions, and room for what is raised."""
    return np.array([*_addresses(), 0, 0, 0], np.int64)


def check(table: npt.NDArray[np.int64]) -> None:
    """Raise what a handler has raised."""
    kept = [int(each) for each in table[KEPT:]]
    if not kept[0]:
        return
    kind, value, _ = (ctypes.cast(each, ctypes.py_object).value if each else None for each in kept)
    for each in kept:
        if each:
            ctypes.pythonapi.Py_DecRef(ctypes.c_void_p(each))
    if isinstance(value, BaseException):
        raise value
    raised: Any = kind
    raise raised() if value is None else raised(value)


@contextmanager
def on_ctrl_c(handler: Callable[..., None]) -> Iterator[None]:
    """What Ctrl-C does meanwhile, on the main thread, where it means anything."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
