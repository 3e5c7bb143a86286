"""A journal: records appended one by one, each safe on disk before `append` returns.

The file is a magic number, a random salt, then records: a marker, the length, a CRC-32 of the
data, a CRC-32 of length and first CRC that starts from the salt, the data.

As every record is on disk before the next is begun, a crash can only spoil the last one; it was
never reported as done and is dropped. A bad record with a good one after it is damage, and
refused. (The salt keeps a journal that was stored as data in another one from being taken for
its records.)
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from pathlib import Path
from typing import Self

from lanework.base.codes import BAD_JOURNAL, FILE_NOT_WRITTEN, JOURNAL_BUSY
from lanework.base.errors import Diagnostic
from lanework.base.files import sync_folder

MAGIC = b"LWJRNL\x00\x01"
MARKER = b"\xa5LWR"
_HEADER = len(MAGIC) + 4
_FRAME = struct.Struct("<4sIII")
_WORDS = struct.Struct("<II")
LARGEST = 2**31 - 1


class Journal:
    """An open journal; a context manager.

    Attributes:
        records: what the journal held when it was opened.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Journal(f"{folder}/sweep") as journal:
        ...         journal.append(b"lane 0 done")
        ...     read(f"{folder}/sweep")
        [b'lane 0 done']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a journal for appending, or begin one; a record cut short is cut off.

        Raises:
            Diagnostic: LW0201, LW0202, LW0203.
        """
        self.path = Path(path)
        self.records: list[bytes] = []
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._begin()
        except BaseException:
            os.close(self._file)
            raise

    def _begin(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Diagnostic(
                JOURNAL_BUSY,
                f"{self.path} is in use by another process",
                help="wait for the other process, or end it",
            ) from None
        try:
            data = self.path.read_bytes()
            self._salt, self.records, self._end = _scan(data, self.path)
            if self._end == 0:
                self._salt = int.from_bytes(os.urandom(4))
                self._write(0, MAGIC + struct.pack("<I", self._salt))
                sync_folder(self.path.parent)
            elif self._end < len(data):
                os.ftruncate(self._file, self._end)
                os.fsync(self._file)
        except OSError as error:
            raise self._failed(error) from error

    def append(self, data: bytes) -> None:
        """Add a record; when this returns it is on disk.

        Raises:
            Diagnostic: LW0201; the journal is then as it was, and can be appended to again.
            ValueError: a record beyond 2 GiB.
        """
        if len(data) > LARGEST:
            raise ValueError(f"a journal's record has at most {LARGEST} bytes")
        check = zlib.crc32(data)
        frame = _FRAME.pack(MARKER, len(data), check, _head(len(data), check, self._salt)) + data
        try:
            self._write(self._end, frame)
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, start: int, data: bytes) -> None:
        """Write at `start` and sync; what an earlier failure left there is overwritten."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.pwrite(self._file, rest, start + len(data) - len(rest)) :]
            os.fsync(self._file)
        except BaseException:
            # The record is not done, whatever the disk holds of it.
            try:
                os.ftruncate(self._file, start)
            except OSError:
                os.pwrite(self._file, b"\0", start)  # at least make it no record
            raise
        self._end = start + len(data)

    def close(self) -> None:
        """Close the file and let others open it; closing twice does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _failed(self, error: OSError) -> Diagnostic:
        return Diagnostic(
            FILE_NOT_WRITTEN,
            f"the journal {self.path} could not be written: {error.strerror or error}",
            help="check free space and permissions; the records before this one are safe",
        )


def read(path: str | os.PathLike[str]) -> list[bytes]:
    """The records of a journal, without opening it for writing; none if there is no file.

    Raises:
        Diagnostic: LW0202.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return []
    return _scan(data, Path(path))[1]


def _head(length: int, check: int, salt: int) -> int:
    return zlib.crc32(_WORDS.pack(length, check), salt)


def _scan(data: bytes, path: Path) -> tuple[int, list[bytes], int]:
    """Salt, records, and where the last good one ends (0 when not even the header is whole)."""
    begun = len(data) < _HEADER and MAGIC.startswith(data[: len(MAGIC)])
    if begun or (len(data) <= _HEADER and not any(data)):
        return 0, [], 0  # a crash while the journal was begun
    if not data.startswith(MAGIC):
        raise Diagnostic(
            BAD_JOURNAL, f"{path} is not a journal", help="check the path; nothing was changed"
        )
    (salt,) = struct.unpack_from("<I", data, len(MAGIC))
    records = []
    at = _HEADER
    while (record := _record(data, at, salt)) is not None:
        records.append(record)
        at += _FRAME.size + len(record)
    later = data.find(MARKER, at + 1)
    while later >= 0:
        if _record(data, later, salt) is not None:
            raise Diagnostic(
                BAD_JOURNAL,
                f"{path} is damaged from byte {at} on, with good records after byte {later}",
                help="restore the file from a copy; nothing was changed",
            )
        later = data.find(MARKER, later + 1)
    return salt, records, at


def _record(data: bytes, at: int, salt: int) -> bytes | None:
    if at + _FRAME.size > len(data):
        return None
    marker, length, check, head = _FRAME.unpack_from(data, at)
    start = at + _FRAME.size
    if marker != MARKER or head != _head(length, check, salt) or length > len(data) - start:
        return None
    record = data[start : start + length]
    return record if zlib.crc32(record) == check else None
