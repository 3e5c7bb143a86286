"""What threads of a process share, and what a child of `fork` has of it.

A child has the locks of its parent as they were, and none of the threads that would give them back:
it finds these free. What such a lock guards is therefore always left so that the next who holds it
can begin anew.
"""

from __future__ import annotations

import _frozen_importlib
import itertools
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Generic, TypeVar

IMPORTS = 1.0  # seconds that a fork waits for imports of other threads
K = TypeVar("K")
T = TypeVar("T")

_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def lock() -> threading.Lock:
    """A `threading.Lock`; whoever holds it does not fork.

    Example:
        >>> with lock():
        ...     print("alone")
        alone
    """
    new = threading.Lock()
    _locks.add(new)
    return new


_keeping = lock()


def rlock() -> Any:
    """A `threading.RLock`, which a thread that forks may hold: the child holds it then.

    Example:
        >>> held = rlock()
        >>> with held, held:
        ...     print("alone")
        alone
    """
    new = threading.RLock()
    _locks.add(new)
    return new


def keep(known: dict[K, T], key: K, value: T, most: int) -> None:
    """Put what was worked out among what is known, in place of the first where there are `most`.

    Threads that work the same out at once each put theirs.

    Example:
        >>> known = {"a": 1, "b": 2}
        >>> keep(known, "c", 3, most=2)
        >>> known
        {'b': 2, 'c': 3}
    """
    with _keeping:
        known.pop(key, None)
        while len(known) >= most:
            del known[next(iter(known))]
        known[key] = value


def free(lock: Any) -> None:
    """Give a lock back that a thread of the parent holds; for the child of a fork.

    Args:
        lock: a `threading.Lock` or `threading.RLock`, of other packages too.
    """
    owned = getattr(lock, "_is_owned", None)  # a plain lock does not know
    if owned is None or not owned():
        lock._at_fork_reinit()  # as Python does with the locks of its own modules


class Spares(threading.local, Generic[T]):
    """Memory that a thread has used and will use again; it goes with the thread, or with this.

    Attributes:
        free: what this thread has left.

    Example:
        >>> spares = Spares[bytearray]()
        >>> block = spares.free.pop() if spares.free else bytearray(8)
        >>> spares.free.append(block)
    """

    def __init__(self) -> None:
        self.free: list[T] = []


def _of_properties() -> Iterator[Any]:
    """The locks under which Python 3.11 computes cached properties: one for all objects."""
    for name, module in list(sys.modules.items()):
        if name.startswith("lanework."):
            for each in list(vars(module).values()):
                if isinstance(each, type) and each.__module__ == name:
                    for value in vars(each).values():
                        lock = getattr(value, "lock", None)
                        if lock is not None and isinstance(value, cached_property):
                            yield lock


def _imported_elsewhere() -> bool:
    """Whether another thread is importing, as a first run does: a child could not import that."""
    known = getattr(_frozen_importlib, "_module_locks", {})
    locks = [reference() for reference in list(known.values())]
    owners = {getattr(lock, "owner", None) for lock in locks}
    return not owners <= {None, threading.get_ident()}


def _settle() -> None:
    """Before a fork."""
    until = time.monotonic() + IMPORTS
    while _imported_elsewhere() and time.monotonic() < until:
        time.sleep(0.001)


def _begin_anew() -> None:
    for each in itertools.chain(list(_locks), _of_properties()):
        free(each)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_settle, after_in_child=_begin_anew)
