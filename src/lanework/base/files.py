"""Atomic writes: the old file or the new one, never half of either.

What is being written lies beside its target under a name of its own, and locked. A process that is
killed leaves it there; the next write into that folder finds that nobody holds it, and removes it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from lanework.base.codes import FILE_NOT_WRITTEN
from lanework.base.errors import Diagnostic

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, and nothing swept
    fcntl = None  # type: ignore[assignment]

_written: set[Path] = set()
"""What is being written now."""

_TEMPORARY = re.compile(r"\.lanework-[0-9a-f]{16}-.*", re.DOTALL)


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that replaces it when the block ends well.

    A link is followed, and the file it leads to replaced; permissions of the old file stay. A
    device or a pipe has no old state to keep and is written to directly.

    Args:
        path: the file to make or replace; its folder must exist.
        mode: ``wb`` or ``w`` (UTF-8).

    Raises:
        Diagnostic: LW0201 when the file cannot be written; `path` is then as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(f"{folder}/a.txt", "w") as file:
        ...         _ = file.write("whole")
        ...     Path(folder, "a.txt").read_text()
        'whole'
    """
    target = Path(os.path.realpath(path))
    temporary: Path | None = None
    held: list[int] = []
    try:
        old = _status(target)
        if old is not None and not stat.S_ISREG(old.st_mode):
            with _open(os.open(target, os.O_WRONLY), mode) as file:
                yield file
            return
        # not open to more people than what it replaces, while it is written neither
        permissions = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o666 | 0o200
        temporary, handle = _beside(target, permissions)
        held.append(os.dup(handle))  # locked until it has its name
        with _open(handle, mode) as file:
            yield file
            file.flush()
            if old is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _written.discard(temporary)
        temporary = None
        with suppress(OSError):  # not every file system can sync a folder
            sync_folder(target.parent)
    except OSError as error:
        if error.filename is not None and Path(error.filename) not in (temporary, target):
            raise  # the block's own trouble with another file
        raise _unwritten(path, target, error.strerror or str(error)) from error
    finally:
        _give_up(temporary, held)


def check_target(path: str | os.PathLike[str]) -> None:
    """Refuse a path that cannot be written to, before there is anything to write.

    Raises:
        Diagnostic: LW0201 where there is no folder, or no permission, or the path is a folder.
    """
    target = Path(os.path.realpath(path))
    touched = target if target.exists() and not target.is_file() else target.parent
    reason = errno.EISDIR if target.is_dir() else errno.ENOENT
    if target.parent.is_dir() and not target.is_dir():
        if os.access(touched, os.W_OK):
            return
        reason = errno.EACCES
    raise _unwritten(path, target, os.strerror(reason))


def _unwritten(path: str | os.PathLike[str], target: Path, reason: str) -> Diagnostic:
    help = "check free space and permissions; what was there before is untouched"
    if target.is_dir():
        help = "give a file, not a folder"
    elif not target.parent.is_dir():
        help = f"make the folder first: {target.parent}"
    return Diagnostic(FILE_NOT_WRITTEN, f"{path} could not be written: {reason}", help=help)


def write_bytes_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes so that a reader sees all of them or what was there before.

    Raises:
        Diagnostic: LW0201.
    """
    with atomic_write(path) as file:
        file.write(data)


def write_private(path: Path, data: bytes, *, replace: bool = True, sweep: bool = True) -> None:
    """Write a file that only this user may read; what stands in its place is not followed.

    Args:
        path: the file.
        data: what it holds.
        replace: whether it may replace another one.
        sweep: whether what killed processes left is looked for, which reads the folder.

    Raises:
        OSError: it cannot be written; FileExistsError for one that is there and may not go.
    """
    temporary, handle = _beside(path, 0o600, sweep)
    held = [os.dup(handle)]
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            os.link(temporary, path, follow_symlinks=False)
    finally:
        _give_up(temporary, held)


def _give_up(temporary: Path | None, held: list[int]) -> None:
    """Remove what did not take its name, and let its lock go."""
    if temporary is not None:
        _written.discard(temporary)
        with suppress(OSError):
            os.unlink(temporary)
    for handle in held:
        with suppress(OSError):
            os.close(handle)


def give_up() -> None:
    """Remove what other threads are writing: the process is about to end."""
    for temporary in list(_written):
        _give_up(temporary, [])


def _status(target: Path) -> os.stat_result | None:
    try:
        return os.stat(target)
    except FileNotFoundError:
        return None


def _beside(target: Path, mode: int = 0o666, sweep: bool = True) -> tuple[Path, int]:
    """A new file in the target's folder, locked; its mode is subject to the umask, as of any."""
    if sweep:
        _sweep(target.parent)
    name = os.fsencode(target.name)[:200].decode(errors="ignore")
    while True:
        path = target.with_name(f".lanework-{os.urandom(8).hex()}-{name}")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            # The caller's path is what the message should be about.
            raise OSError(error.errno, error.strerror) from error
        _lock(handle, wait=True)  # another process may be about to sweep it
        if os.fstat(handle).st_nlink:  # it was not swept before it was locked
            _written.add(path)
            return path, handle
        os.close(handle)


def _lock(handle: int, *, wait: bool = False) -> bool:
    """Hold a file until it is closed; False where another writer holds it, or none can."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what processes that are no more were writing into a folder."""
    try:
        left = [name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
    except OSError:
        return
    for name in left:
        with suppress(OSError):
            handle = os.open(folder / name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if _lock(handle):
                    os.unlink(folder / name)
            finally:
                os.close(handle)


def _open(handle: int, mode: str) -> IO[Any]:
    binary = "b" in mode
    return os.fdopen(
        handle, mode, encoding=None if binary else "utf-8", newline=None if binary else ""
    )


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
