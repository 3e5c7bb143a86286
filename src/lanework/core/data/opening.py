"""Files of data are opened by their endings, compressed ones with bounds on what they hold."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import BAD_DATA_ENDING, BAD_DATA_FILE, NO_DATA_FILE
from lanework.core.data.standard import STANDARD, standard_ending, standard_input
from lanework.core.options import path_of

Path_ = str | os.PathLike[str]

TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
ENDINGS = (*TEXTS, ".parquet", ".feather", ".arrow", ".xlsx", ".npy", ".npz", ".json")
"""The endings of files with columns."""

TABLE = "a table"
"""What standard input is read as here."""

_SHEET = re.compile(r"(.*\.xlsx)#(.+)", re.IGNORECASE | re.DOTALL)


def sheet_of(path: Path_) -> tuple[str, str | None]:
    """`BOOK.xlsx#SHEET` in its two parts; the sheet is None where none is named.

    Example:
        >>> sheet_of("a/book.xlsx#Q 1"), sheet_of("a/b.csv")
        (('a/book.xlsx', 'Q 1'), ('a/b.csv', None))
    """
    checked = path_of(path)
    text = path if isinstance(path, str) else os.fspath(checked)
    match = _SHEET.fullmatch(text)
    return (match[1], match[2]) if match else (text, None)


def ending_of(path: Path_) -> str:
    """The ending of a file's name in lower case, with what is before `.gz`; "" for none.

    Example:
        >>> ending_of("a/b.v2.CSV.gz"), ending_of("book.xlsx#Q 1"), ending_of("notes")
        ('.csv.gz', '.xlsx', '')
    """
    parts = Path(sheet_of(path)[0].lower()).suffixes
    return "".join(parts[-2:] if parts[-1:] == [".gz"] else parts[-1:])


def is_data(path: Path_) -> bool:
    """Whether the name is that of a data file, or of standard input."""
    return path == STANDARD or ending_of(path) in ENDINGS


def split_path(text: str) -> tuple[str, str | None]:
    """`FILE:column` in its two parts; the column is None where there is none.

    Example:
        >>> split_path("a/b.csv:rate"), split_path("a/b.npy")
        (('a/b.csv', 'rate'), ('a/b.npy', None))
    """
    path, colon, column = text.rpartition(":")
    return (path, column) if colon and is_data(path) else (text, None)


def data_ending(path: Path_) -> str:
    """The ending of a data file; for standard input what it would have, by what comes in.

    Raises:
        Diagnostic: LW3056 for another ending.
    """
    if isinstance(path, str) and path == STANDARD:
        return standard_ending(standard_input(TABLE))
    ending = ending_of(path)
    if ending not in ENDINGS:
        raise Diagnostic(
            BAD_DATA_ENDING,
            f"{os.fspath(path)!r} does not say how to read it: "
            + (f"its ending is {ending!r}" if ending else "it has no ending"),
            help=did_you_mean(ending, ENDINGS) or f"use one of {', '.join(ENDINGS)}",
        )
    return ending


def opened(path: Path_) -> IO[bytes]:
    """The open file; every caller closes it in a `with`.

    Raises:
        Diagnostic: LW3051.
    """
    name = (
        standard_input(TABLE) if isinstance(path, str) and path == STANDARD else sheet_of(path)[0]
    )
    try:
        return open(name, "rb")
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise Diagnostic(
            NO_DATA_FILE,
            f"{os.fspath(path)} cannot be opened: {getattr(error, 'strerror', None) or error}",
            help="check the path",
        ) from None


@contextlib.contextmanager
def opened_text(path: Path_) -> Iterator[tuple[IO[bytes], Callable[[], tuple[int, int]]]]:
    """The bytes of a text file, unpacked, and a function that says how many are read, and of all.

    Raises:
        Diagnostic: LW3051; LW3052 for what is not gzip after all.
    """
    with opened(path) as file:
        seekable, size = file.seekable(), os.fstat(file.fileno()).st_size

        def progress() -> tuple[int, int]:
            return file.tell() if seekable else 0, size

        if not data_ending(path).endswith(".gz"):
            yield file, progress
            return
        with damage(path, (OSError, EOFError, ValueError)), gzip.GzipFile(fileobj=file) as text:
            yield cast(IO[bytes], text), progress


@contextlib.contextmanager
def damage(path: Path_, errors: tuple[type[Exception], ...] = (Exception,)) -> Iterator[None]:
    """Errors of file readers, each of which has its own for damaged files, as diagnostics.

    Raises:
        Diagnostic: LW3052.
    """
    try:
        yield
    except Diagnostic:
        raise
    except errors as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        help = "check that the file is whole and that its ending fits"
        if "allow_pickle" in reason:  # NumPy's word for it
            reason = "an array in it holds Python objects, which are not loaded"
            help = "save numbers or texts: array.astype(float), array.astype(str)"
        raise Diagnostic(
            BAD_DATA_FILE, f"{os.fspath(path)} cannot be read: {reason}", help=help
        ) from None
