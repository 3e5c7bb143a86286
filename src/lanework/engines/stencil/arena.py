"""The pool of buffers that hold machine code.

Buffers of one size come from slabs and go back to them in constant time, from any thread: the
free ones lie in a deque, whose ends the interpreter moves without a lock of ours. A program that
is larger gets pages of its own. What is given back is wiped with an instruction that traps.

A child of `fork` shares the pages with its parent, so its pools begin anew: what was there before
can be run by the child and is left as it is, by the parent too: a buffer that was in use when the
process forked is not wiped and not used again.
"""

from __future__ import annotations

import collections
import ctypes
import os
import platform
import sys
import time
import weakref
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lanework.base import sharing
from lanework.base.errors import Diagnostic
from lanework.engines.codes import NO_CODE_MEMORY
from lanework.engines.stencil.mapping import Mapping, flush

__all__ = ["Buffer", "Pool", "code_pool", "flush"]

SLAB = 64  # the most buffers of a slab
_BRK = b"\x00\x00\x20\xd4"
TRAP = {"aarch64": _BRK, "arm64": _BRK}.get(platform.machine(), b"\xcc")  # else INT3
_PAUSE = 0.0005  # seconds between looks for a buffer that came back

_Free = collections.deque[tuple[Mapping, int]]


class Buffer:
    """Memory for one program's code, given back with this, or at the end of a `with`.

    Attributes:
        write: the address to write to, while `mapping.writable()` is held.
        run: the address to run at.
        size: bytes.
        mapping: the pages that it is part of.
    """

    __slots__ = ("_forks", "_home", "_pool", "mapping", "run", "size", "write")

    def __init__(self, pool: Pool, home: _Free, mapping: Mapping, offset: int, size: int) -> None:
        self._pool, self._forks = pool, _forks[0]
        self._home = [home]  # whoever pops it is the one that gives the buffer back
        self.mapping = mapping
        self.write, self.run, self.size = mapping.write + offset, mapping.run + offset, size

    def release(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        """Give it back; twice is once. When the interpreter ends, it has no names to do so with."""
        if not ending():
            self._pool.release(self)

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


class Pool:
    """Buffers of one size, and larger ones.

    Example:
        >>> pool = Pool(buffers=2)
        >>> with pool.acquire() as buffer:
        ...     buffer.size
        4096
    """

    def __init__(
        self, buffers: int = SLAB, size: int = 4096, most: int = 16384, wait: float = 0.05
    ) -> None:
        """A pool; memory is taken when it is first asked for.

        Args:
            buffers: how many a slab holds, 64 at most.
            size: bytes of each.
            most: how many there may be in all; more are refused.
            wait: seconds to wait for one when there are none left.
        """
        self.buffers, self.size, self.most, self.wait = min(buffers, SLAB), size, most, wait
        self._lock = sharing.lock()  # for making memory, which is rare
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        """Own nothing: at first, and in the child of a fork."""
        self._free: _Free = collections.deque()
        self._slabbed = 0  # buffers of slabs
        self._large = 0  # larger ones, in buffers
        # To be taken off `_large` and `_slabbed`; no locks, since finalizers call.
        self._back: collections.deque[int] = collections.deque()
        self._lost: collections.deque[int] = collections.deque()

    def acquire(self, count: int = 1) -> Buffer:
        """A buffer of so many times the pool's size.

        Raises:
            Diagnostic: LW2101 when all are in use, and none came back in time.
        """
        until = 0.0
        while True:
            buffer = self._single() if count <= 1 else self._own(count)
            if buffer is not None:
                return buffer
            now = time.monotonic()
            until = until or now + self.wait
            if now >= until or count > self.most:
                raise Diagnostic(
                    NO_CODE_MEMORY,
                    f"{count} x {self.size} bytes are needed, and too many of the {self.most} "
                    "buffers are in use",
                    help="close runners that are no longer needed, or make a larger pool",
                )
            time.sleep(_PAUSE)

    def place(self, code: bytes | npt.NDArray[np.uint8]) -> Buffer:
        """A buffer with this code in it.

        Raises:
            Diagnostic: LW2101.
        """
        buffer = self.acquire(-(-len(code) // self.size))
        with buffer.mapping.writable():
            source = code if isinstance(code, bytes) else ctypes.c_void_p(code.ctypes.data)
            ctypes.memmove(buffer.write, source, len(code))
        flush(buffer.run, len(code))
        return buffer

    def release(self, buffer: Buffer) -> None:
        """Wipe a buffer and take it back; twice is once."""
        try:
            home = buffer._home.pop()
        except IndexError:
            return
        if home is not self._free:
            return  # the pages are the parent's, which may run what is in them
        if buffer.size > self.size:
            buffer.mapping.close()
            self._back.append(buffer.size // self.size)
            return
        if buffer.mapping.closed:  # all of the slab is garbage, and a collector took it first
            self._lost.append(1)
            return
        if buffer.mapping.two_views:
            if buffer._forks != _forks[0]:
                self._lost.append(1)  # a child may be running it
                return
            _wipe(buffer)
        else:
            with buffer.mapping.writable():
                _wipe(buffer)
        home.append((buffer.mapping, buffer.write - buffer.mapping.write))

    def _single(self) -> Buffer | None:
        home = self._free
        while True:
            try:
                mapping, offset = home.popleft()
            except IndexError:
                if not self._grow():
                    return None
            else:
                return Buffer(self, home, mapping, offset, self.size)

    def _own(self, count: int) -> Buffer | None:
        """A buffer with pages of its own; free small ones make room for it."""
        with self._lock:
            room = self._room()
            if room + len(self._free) < count:
                return None
            while room < count:
                try:
                    self._free.popleft()  # the slab goes with the last of its buffers
                except IndexError:
                    return None
                self._slabbed -= 1
                room += 1
            mapping = _mapping(count * self.size)
            self._large += count
        return Buffer(self, self._free, mapping, 0, count * self.size)

    def _grow(self) -> bool:
        """Make a slab, if there may be one more."""
        with self._lock:
            if self._free:
                return True
            count = min(self.buffers, self._room())
            if count <= 0:
                return False
            slab = _mapping(count * self.size)
            if slab.two_views:
                buffers = [(slab, n * self.size) for n in range(count)]
            else:  # each by itself, as the others must be able to run while one is written
                buffers = [(_mapping(self.size), 0) for _ in range(count)]
            self._slabbed += count
            self._free.extend(buffers)
            return True

    def _room(self) -> int:
        """How many more buffers there may be."""
        while self._back:
            self._large -= self._back.popleft()
        while self._lost:
            self._slabbed -= self._lost.popleft()
        return self.most - self._slabbed - self._large


def _wipe(buffer: Buffer) -> None:
    if len(TRAP) == 1:
        ctypes.memset(buffer.write, TRAP[0], buffer.size)
    else:  # pragma: no cover - not x86
        ctypes.memmove(buffer.write, TRAP * (buffer.size // len(TRAP)), buffer.size)
        flush(buffer.run, buffer.size)


def _mapping(size: int) -> Mapping:
    try:
        return Mapping(size)
    except OSError as error:
        raise Diagnostic(
            NO_CODE_MEMORY, f"the system gives no {size} bytes that may be executed: {error}"
        ) from error


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_forks = [0]  # how often this process was about to fork
_common: list[Pool] = []


def _begin_anew() -> None:
    for pool in list(_pools):
        pool._begin()


def _count_fork() -> None:
    _forks[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_count_fork, after_in_child=_begin_anew)


def code_pool() -> Pool:
    """The pool of this process, made when it is first asked for."""
    if not _common:
        _common.append(Pool())  # of two threads that do so, both take the first
    return _common[0]
