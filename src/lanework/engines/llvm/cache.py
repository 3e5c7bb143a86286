"""Compiled code on disk, by the hash of everything it depends on: only what this user made is run.

A file holds a digest of its name and its content in front, made with a key that lies beside it and
that only the user can read: nobody else can write code that is run, and damaged code is compiled
again. Folder, key and files belong to the user and cannot be written by others; files are regular
ones of bounded size. Anything odd is a miss, with one notice. The cache may be deleted at any time,
and a folder that cannot be written is no error.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lanework.base import files, host
from lanework.core.runner import notify

FORMAT = "2"  # raise when the layout of the files or the calling convention changes
LIMIT = 256 * 1024 * 1024  # bytes of all files
MOST = 64 * 1024 * 1024  # bytes of one
OFTEN = 32  # looks through the folder, while as much is written as it may hold
_DIGEST = _KEY = 32
_KEY_NAME = "key"
_refused: set[str] = set()  # caches of which that was said
_off = 0  # how often it was turned off
# A link is not followed, and a pipe that nobody writes to is not waited for.
_CAREFULLY = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class _Odd(Exception):
    """Something in the cache is not what this user made."""


def key(*parts: str) -> str:
    """The cache key of these parts."""
    digest = hashlib.blake2b(digest_size=20)
    for part in (FORMAT, *parts):
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


@contextmanager
def unused() -> Iterator[None]:
    """Compile as if nothing were stored, and store nothing: for what nobody runs again."""
    global _off
    _off += 1
    try:
        yield
    finally:
        _off -= 1


def read(name: str) -> bytes | None:
    """The stored code, or None when there is none, it is damaged, or it is not the user's own."""
    if _off:
        return None
    try:
        folder = _folder()
        data = _content(folder / f"{name}.o", MOST)
        code = data[_DIGEST:]
        if not hmac.compare_digest(_digest(_secret(folder), name, code), data[:_DIGEST]):
            raise _Odd(f"{folder / name}.o is not what was written")
    except _Odd as problem:
        refuse(str(problem))
    except OSError:
        pass
    else:
        return code
    return None


def write(name: str, code: bytes) -> None:
    """Store code; a full or read-only disk just means compiling again next time."""
    if _off or len(code) + _DIGEST > MOST:
        return
    try:
        folder = _folder(make=True)
        secret = _secret(folder, make=True)
        data, due = _digest(secret, name, code) + code, _due(name, len(code))
        files.write_private(folder / f"{name}.o", data, sweep=due)
        if due:
            _trim(folder)
    except _Odd as problem:
        refuse(str(problem))
    except OSError:
        pass


def refuse(problem: str) -> None:
    """Say that compiled code was not taken from the cache; once for each cache in a process."""
    folder = str(host.cache_dir())
    if folder not in _refused:
        _refused.add(folder)
        notify(f"compiled code in the cache is not used: {problem}")


def _folder(make: bool = False) -> Path:
    """The folder, which is the user's own, as is the one that it is in."""
    folder = Path(host.cache_dir()) / "code"
    try:
        if make:
            folder.parent.parent.mkdir(parents=True, exist_ok=True)
            for each in (folder.parent, folder):
                each.mkdir(mode=0o700, exist_ok=True)
        for each in (folder.parent, folder):
            status = os.stat(each)
            if not stat.S_ISDIR(status.st_mode):
                raise _Odd(f"{each} is no folder")
            _check(each, status)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP):  # a link to nowhere, a file
            raise _Odd(f"{error.filename} leads to no folder") from None
        raise
    return folder


def _check(path: Path, status: os.stat_result, others: int = 0o022) -> None:
    """Refuse what is another user's, or open to others in these ways."""
    if not hasattr(os, "geteuid"):  # Windows says who may do what in another way
        return
    if status.st_uid != os.geteuid():
        raise _Odd(f"{path} belongs to another user")
    if stat.S_IMODE(status.st_mode) & others:
        way = "written" if others == 0o022 else "read"
        raise _Odd(f"{path} can be {way} by others (chmod go-rwx)")


def _content(path: Path, most: int, others: int = 0o022) -> bytes:
    """What a regular file of the user's holds, if it holds so many bytes at most."""
    try:
        handle = os.open(path, _CAREFULLY)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):  # a link; a socket
            raise _Odd(f"{path} is no regular file") from None
        raise
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _Odd(f"{path} is no regular file")
        _check(path, status, others)
        if status.st_size > most:
            raise _Odd(f"{path} is larger than any that is written")
        with open(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)


def _secret(folder: Path, make: bool = False) -> bytes:
    """The key of the digests, made when it is first needed, and anew in the place of an odd one."""
    path = folder / _KEY_NAME
    if make:
        if not os.path.lexists(path):
            with suppress(FileExistsError):
                files.write_private(path, os.urandom(_KEY), replace=False)
        try:
            return _secret(folder)
        except _Odd as problem:  # whatever was written with it, nobody can tell
            refuse(f"{problem}; there is a new key now")
            files.write_private(path, os.urandom(_KEY))
    secret = _content(path, _KEY + 1, others=0o077)
    if len(secret) != _KEY:
        raise _Odd(f"{path} is no key")
    return secret


def _digest(secret: bytes, name: str, code: bytes) -> bytes:
    digest = hashlib.blake2b(name.encode() + b"\0", digest_size=_DIGEST, key=secret)
    digest.update(code)
    return digest.digest()


def _due(name: str, size: int) -> bool:
    """Whether to look through the folder: that takes long, so it is done once in a while.

    Names are digests, as good as random: of all that is written, every `LIMIT / OFTEN` bytes bring
    it about once.
    """
    return int(name[:8], 16) * LIMIT < (size << 32) * OFTEN


def _trim(folder: Path) -> None:
    """Keep the folder under `LIMIT` by deleting what was made longest ago."""
    entries = [(entry.lstat(), entry) for entry in folder.glob("*.o")]
    total = sum(status.st_size for status, _ in entries)
    for status, entry in sorted(entries, key=lambda item: item[0].st_mtime):
        if total <= LIMIT:
            return
        with suppress(OSError):
            entry.unlink()
        total -= status.st_size
