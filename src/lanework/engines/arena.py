"""The pool of buffers that hold machine code.

Buffers of one page come from slabs and go back to them in constant time, from any thread: the
free ones lie in a deque, whose ends the interpreter moves without a lock of ours. A program that
is larger gets pages of its own. What is given back is wiped with an instruction that traps.
"""

from __future__ import annotations

import collections
import ctypes
import os
import platform
import threading
import time

from lanework.base.errors import Diagnostic
from lanework.engines.codes import NO_CODE_MEMORY
from lanework.engines.mapping import PAGE, Mapping, flush

__all__ = ["Buffer", "Pool", "code_pool", "flush"]

_TRAP = {"aarch64": b"\x00\x00\x20\xd4", "arm64": b"\x00\x00\x20\xd4"}
WIPED = _TRAP.get(platform.machine(), b"\xcc") * PAGE


class Buffer:
    """Memory for one program's code; a context manager that gives it back.

    Attributes:
        write: the address to write to.
        run: the address to run at.
        size: bytes.
        mapping: the pages that it is part of.
    """

    __slots__ = ("_pool", "mapping", "run", "size", "write")

    def __init__(self, pool: Pool, mapping: Mapping, offset: int, size: int) -> None:
        self._pool: Pool | None = pool
        self.mapping = mapping
        self.write, self.run, self.size = mapping.write + offset, mapping.run + offset, size

    def release(self) -> None:
        """Give it back; twice is once."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.release(self)

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *_: object) -> None:
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
        self, buffers: int = 64, size: int = PAGE, most: int = 16384, wait: float = 0.05
    ) -> None:
        """A pool; memory is taken when it is first asked for.

        Args:
            buffers: how many a slab holds.
            size: bytes of each, whole pages.
            most: how many there may be in all; more are refused.
            wait: seconds to wait for one when there are none left.
        """
        self.buffers, self.size, self.most, self.wait = buffers, size, most, wait
        self._free: collections.deque[tuple[Mapping, int]] = collections.deque()
        self._made = 0
        self._large = 0  # in buffers
        self._lock = threading.Lock()  # for making slabs, which is rare
        self._process = os.getpid()

    def acquire(self, count: int = 1) -> Buffer:
        """A buffer of so many times the pool's size.

        Raises:
            Diagnostic: LW2101 when all are in use, and none came back in time.
        """
        if os.getpid() != self._process:
            self._after_fork()
        if count > 1:
            return self._own(count)
        until = 0.0
        while True:
            try:
                mapping, offset = self._free.popleft()
                return Buffer(self, mapping, offset, self.size)
            except IndexError:
                pass
            if self._grow():
                continue
            now = time.monotonic()
            until = until or now + self.wait
            if now > until:
                raise self._none_left(count)
            time.sleep(0.0005)

    def release(self, buffer: Buffer) -> None:
        """Wipe a buffer and take it back."""
        if os.getpid() != self._process:
            return  # the pages belong to the parent, which may run what is in them
        with buffer.mapping.writable():
            for start in range(0, buffer.size, PAGE):
                ctypes.memmove(buffer.write + start, WIPED, PAGE)
        if buffer.size == self.size:
            self._free.append((buffer.mapping, buffer.write - buffer.mapping.write))
        else:
            with self._lock:
                self._large -= buffer.size // self.size

    def _own(self, count: int) -> Buffer:
        with self._lock:
            if self._made + self._large + count > self.most:
                raise self._none_left(count)
            self._large += count
        return Buffer(self, Mapping(count * self.size), 0, count * self.size)

    def _grow(self) -> bool:
        """Make a slab, if there may be one more."""
        with self._lock:
            if self._free:
                return True
            count = min(self.buffers, self.most - self._made - self._large)
            if count <= 0:
                return False
            mapping = Mapping(count * self.size)
            self._made += count
            self._free.extend((mapping, n * self.size) for n in range(count))
            return True

    def _none_left(self, count: int) -> Diagnostic:
        return Diagnostic(
            NO_CODE_MEMORY,
            f"{count} buffers of {self.size} bytes are needed, and all {self.most} are in use",
            help="close runners that are no longer needed, or make a pool with more buffers",
        )

    def _after_fork(self) -> None:
        """The parent's pages are shared with it: leave them, and make new ones."""
        self._free = collections.deque()
        self._lock = threading.Lock()
        self._made = self._large = 0
        self._process = os.getpid()


_pools: list[Pool] = []


def code_pool() -> Pool:
    """The pool of this process."""
    if not _pools:
        _pools.append(Pool())
    return _pools[0]
