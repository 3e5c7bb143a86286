"""Memory that code runs in: seen twice, once to write it and once to run it.

One file in memory is mapped two times, so no page is ever writable and executable, and putting
code there takes no system call. Where a memory file may not be executed, there is one mapping,
which is writable or executable by turns.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

PAGE = mmap.PAGESIZE
_READ, _WRITE, _EXECUTE = 1, 2, 4


class Mapping:
    """Pages for code.

    Attributes:
        size: bytes, whole pages.
        write: the address through which they are written.
        run: the address at which they run.
        two_views: whether these are two mappings; if not, `writable` must be held to write.
    """

    def __init__(self, size: int) -> None:
        self.size = -(-size // PAGE) * PAGE
        self.two_views = False
        self._views: list[mmap.mmap] = []
        if os.environ.get("LANEWORK_CODE_MAPPING") != "protect":
            self._map_twice()
        if not self.two_views:
            self._map_once()

    def _map_twice(self) -> None:
        if not hasattr(os, "memfd_create"):
            return
        try:
            file = os.memfd_create("lanework", os.MFD_CLOEXEC)
        except OSError:
            return
        try:
            os.ftruncate(file, self.size)
            for protection in (_READ | _WRITE, _READ | _EXECUTE):
                self._views.append(mmap.mmap(file, self.size, mmap.MAP_SHARED, protection))
        except OSError:  # a system that forbids to execute memory files
            self._views.clear()
            return
        finally:
            os.close(file)
        self.write, self.run = (_address(view) for view in self._views)
        self.two_views = True

    def _map_once(self) -> None:
        view = mmap.mmap(-1, self.size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, _READ | _WRITE)
        self._views = [view]
        self.write = self.run = _address(view)
        self._protect(_READ | _EXECUTE)

    def _protect(self, protection: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        address, size = ctypes.c_void_p(self.write), ctypes.c_size_t(self.size)
        if libc.mprotect(address, size, protection):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    @contextmanager
    def writable(self) -> Iterator[None]:
        """While this is held, `write` may be written to."""
        if self.two_views:
            yield
            return
        self._protect(_READ | _WRITE)
        try:
            yield
        finally:
            self._protect(_READ | _EXECUTE)


def _address(view: mmap.mmap) -> int:
    """Where a mapping begins; also of one that cannot be written to."""
    import numpy as np

    return int(np.frombuffer(view, np.uint8).ctypes.data)


def flush(address: int, size: int) -> None:
    """Make the processor see new code, where it does not by itself."""
    if platform.machine() in ("aarch64", "arm64"):
        clear = getattr(ctypes.CDLL(None), "__clear_cache", None)
        if clear is not None:
            clear(ctypes.c_void_p(address), ctypes.c_void_p(address + size))
