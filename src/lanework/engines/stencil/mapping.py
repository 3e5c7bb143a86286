"""Memory that code runs in: seen twice, once to write it and once to run it.

One file in memory is mapped two times, so no page is ever writable and executable, and putting
code there takes no system call. Where a memory file may not be executed, there is one mapping,
which is writable or executable by turns.

The system is asked through ctypes: Python's own mappings of a file each keep it open, and
thousands of programs would run out of files.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import platform
import struct
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PAGE = mmap.PAGESIZE
_READ, _WRITE, _EXECUTE = 1, 2, 4
_MAP_JIT = 0x800  # Darwin: pages that a hardened process may make executable


class Mapping:
    """Pages for code.

    Attributes:
        size: bytes, whole pages.
        write: the address through which they are written.
        run: the address at which they run.
        two_views: whether these are two mappings; if not, `writable` must be held to write, and
            nothing in these pages may run meanwhile.
    """

    def __init__(self, size: int) -> None:
        """Map so many bytes, rounded up to pages.

        Raises:
            OSError: the system gives no memory, or none that may be executed.
        """
        self.size = -(-size // PAGE) * PAGE
        views = None
        if _is_arm():
            _flusher()  # without it no code is run
        if os.environ.get("LANEWORK_CODE_MAPPING") != "protect" and _seen_through_both():
            views = _two_views(self.size)
        self.two_views = views is not None
        self.write, self.run = views or (_one_view(self.size),) * 2
        self._close = weakref.finalize(self, _unmap_all, {self.write, self.run}, self.size)
        self._close.atexit = False  # threads may be in the code until the very end

    @property
    def closed(self) -> bool:
        """Whether the pages were given back."""
        return not self._close.alive

    def close(self) -> None:
        """Give the pages back to the system; twice is once."""
        self._close()

    @contextmanager
    def writable(self) -> Iterator[None]:
        """While this is held, `write` may be written to."""
        if self.two_views:
            yield
            return
        _protect(self.write, self.size, _READ | _WRITE)
        try:
            yield
        finally:
            _protect(self.write, self.size, _READ | _EXECUTE)


def _is_arm() -> bool:
    return platform.machine() in ("aarch64", "arm64")


@functools.cache
def _seen_through_both() -> bool:
    """Whether code that was changed through one view runs as it is now at the other.

    Emulators keep what they translated of a page until that page is written to; QEMU before 8.1
    does not hear of the other view, nor of `flush`.
    """
    if not _is_arm():
        return True
    views = _two_views(PAGE)
    if views is None:
        return False
    given = []
    for move in (0x52800020, 0x52800040):  # mov w0, 1 and 2; ret
        ctypes.memmove(views[0], struct.pack("<2I", move, 0xD65F03C0), 8)
        flush(views[1], 8)
        given.append(ctypes.CFUNCTYPE(ctypes.c_int)(views[1])())
    _unmap_all(set(views), PAGE)
    return given == [1, 2]


def _unmap_all(addresses: set[int], size: int) -> None:
    for address in addresses:
        _unmap(address, size)


if sys.platform == "win32":  # pragma: no cover - Windows
    from ctypes import wintypes

    _PAGES = {_READ | _WRITE: 0x04, _READ | _EXECUTE: 0x20}  # PAGE_READWRITE, PAGE_EXECUTE_READ
    _VIEWS = (0x02 | 0x04, 0x04 | 0x20)  # FILE_MAP_WRITE or _EXECUTE, with FILE_MAP_READ
    _PAGE_EXECUTE_READWRITE = 0x40  # the most that views of the file may ask for
    _COMMIT_RESERVE, _RELEASE = 0x3000, 0x8000

    @functools.cache
    def _kernel() -> Any:
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        address, size, word = ctypes.c_void_p, ctypes.c_size_t, wintypes.DWORD
        handle, flag = wintypes.HANDLE, wintypes.BOOL
        for name, result, arguments in (
            ("CreateFileMappingW", handle, [handle, address, word, word, word, wintypes.LPCWSTR]),
            ("MapViewOfFile", address, [handle, word, word, word, size]),
            ("UnmapViewOfFile", flag, [address]),
            ("CloseHandle", flag, [handle]),
            ("VirtualAlloc", address, [address, size, word, word]),
            ("VirtualProtect", flag, [address, size, word, ctypes.POINTER(word)]),
            ("VirtualFree", flag, [address, size, word]),
        ):
            function = getattr(kernel, name)
            function.restype, function.argtypes = result, arguments
        return kernel

    def _two_views(size: int) -> tuple[int, int] | None:
        kernel = _kernel()
        nowhere = wintypes.HANDLE(-1)  # INVALID_HANDLE_VALUE: backed by the paging file
        file = kernel.CreateFileMappingW(
            nowhere, None, _PAGE_EXECUTE_READWRITE, size >> 32, size & 0xFFFFFFFF, None
        )
        if not file:
            return None
        views = [kernel.MapViewOfFile(file, access, 0, 0, size) for access in _VIEWS]
        kernel.CloseHandle(file)  # the views keep it
        if all(views):
            return int(views[0]), int(views[1])
        for view in filter(None, views):
            kernel.UnmapViewOfFile(view)
        return None

    def _one_view(size: int) -> int:
        address = _kernel().VirtualAlloc(None, size, _COMMIT_RESERVE, _PAGES[_READ | _WRITE])
        if not address:
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            _protect(address, size, _READ | _EXECUTE)
        except OSError:
            _unmap(address, size)
            raise
        return int(address)

    def _protect(address: int, size: int, protection: int) -> None:
        old = wintypes.DWORD()
        if not _kernel().VirtualProtect(address, size, _PAGES[protection], ctypes.byref(old)):
            raise ctypes.WinError(ctypes.get_last_error())

    def _unmap(address: int, size: int) -> None:
        if not _kernel().UnmapViewOfFile(address):  # then it is not a view
            _kernel().VirtualFree(address, 0, _RELEASE)

else:

    @functools.cache
    def _libc() -> Any:
        libc = ctypes.CDLL(None, use_errno=True)
        address, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        libc.mmap.restype = address
        libc.mmap.argtypes = [address, size, number, number, number, ctypes.c_long]
        libc.mprotect.argtypes = [address, size, number]
        libc.munmap.argtypes = [address, size]
        return libc

    def _error() -> OSError:
        number = ctypes.get_errno()
        return OSError(number, os.strerror(number))

    def _map(size: int, protection: int, flags: int, file: int = -1) -> int:
        address = _libc().mmap(None, size, protection, flags, file, 0)
        if address is None or address == ctypes.c_void_p(-1).value:
            raise _error()
        return int(address)

    def _two_views(size: int) -> tuple[int, int] | None:
        if sys.platform != "linux" or not hasattr(os, "memfd_create"):
            return None
        try:
            file = os.memfd_create("lanework", os.MFD_CLOEXEC)
        except OSError:
            return None
        views: list[int] = []
        try:
            os.ftruncate(file, size)
            for protection in (_READ | _WRITE, _READ | _EXECUTE):
                views.append(_map(size, protection, mmap.MAP_SHARED, file))  # noqa: PERF401
        except OSError:  # a system that forbids to execute memory files
            _unmap_all(set(views), size)
            return None
        finally:
            os.close(file)
        return views[0], views[1]

    def _one_view(size: int) -> int:
        plain = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        if sys.platform == "darwin":  # pragma: no cover - macOS
            try:
                return _executable(size, plain)
            except OSError:
                return _executable(size, plain | _MAP_JIT)
        return _executable(size, plain)

    def _executable(size: int, flags: int) -> int:
        address = _map(size, _READ | _WRITE, flags)
        try:
            _protect(address, size, _READ | _EXECUTE)
        except OSError:
            _unmap(address, size)
            raise
        return address

    def _protect(address: int, size: int, protection: int) -> None:
        if _libc().mprotect(address, size, protection):
            raise _error()

    def _unmap(address: int, size: int) -> None:
        _libc().munmap(address, size)


def flush(address: int, size: int) -> None:
    """Make the processor see new code at the address it runs at; x86 does so by itself.

    Raises:
        OSError: there is no way to do that here.
    """
    if _is_arm():
        _flusher()(address, size)


@functools.cache
def _flusher() -> Callable[[int, int], Any]:
    for library in (None, "libgcc_s.so.1"):  # pragma: no cover - not x86
        try:
            names = ctypes.CDLL(library)
        except (OSError, TypeError):
            continue
        if hasattr(names, "sys_icache_invalidate"):
            invalidate = names.sys_icache_invalidate
            invalidate.restype, invalidate.argtypes = None, [ctypes.c_void_p, ctypes.c_size_t]
            return lambda address, size: invalidate(address, size)
        if hasattr(names, "__clear_cache"):
            clear = names["__clear_cache"]
            clear.restype, clear.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p]
            return lambda address, size: clear(address, address + size)
    raise OSError("the C library has no function that clears the cache of instructions")
