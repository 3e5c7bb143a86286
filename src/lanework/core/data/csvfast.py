"""Columns of numbers from a piece of CSV text, by a fast parser where that is sure to be right.

What is read is what `csvtext.py` reads cell by cell: a fast parser takes the text that means the
same to both, and the rest, which may be wrong, is left to the one that knows where a cell stands.
pyarrow parses where it is installed and there is enough to read that loading it pays; else NumPy.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import UNKNOWN_LABEL
from lanework.core.data.labels import codes_of

Array = npt.NDArray[Any]
Categories = Mapping[str, Sequence[str]]

ROWS = 2**16
"""Bytes of rows whose quotes are looked at together."""
SOME = 2**13
"""Lines that NumPy reads at a time."""
LARGE = 2**21
"""Bytes of text from which it pays to load pyarrow."""
TRUTHS = ("false", "true")
"""What cells say of what is true, in small letters."""
NUMBERS = {
    **{f"int{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
}
"""Types of numbers by the names that Arrow has for them."""
EXACT = 2.0**53
"""From here on an integer may not be a float; it is looked at cell by cell."""


def arrow_for(size: int) -> Any:
    """The CSV reader of pyarrow, or None where it is not installed, or not worth its loading."""
    loaded = sys.modules.get("pyarrow.csv")
    if loaded is None and size >= LARGE and importlib.util.find_spec("pyarrow") is not None:
        return importlib.import_module("pyarrow.csv")
    return loaded


def fast_columns(
    data: bytes,
    header: Sequence[str],
    separator: str,
    wanted: Sequence[str],
    categories: Categories,
    arrow: Any = None,
) -> dict[str, Array] | None:
    """The columns of whole lines of CSV, or None where a fast parser cannot be sure of them.

    Args:
        data: whole lines in UTF-8.
        header: the names of all columns.
        separator: what is between cells.
        wanted: the columns to read.
        categories: for columns of labels, the list of labels.
        arrow: the CSV reader of pyarrow; None for NumPy's.
    """
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return None
    if not _plain_ends(data) or not _well_quoted(data, separator):
        return None
    read = _by_numpy if arrow is None else _by_arrow
    labels = {**_truths(data, header, separator), **categories}
    labels = {name: labels[name] for name in wanted if name in labels}
    block = read(data, header, separator, wanted, labels, arrow)
    for name, column in (block or {}).items():
        if name not in categories and not _plain(column):
            return None
    return block


def _truths(data: bytes, header: Sequence[str], separator: str) -> dict[str, Sequence[str]]:
    """The columns that begin with True or False, whose numbers are places among these."""
    cells = data[: data.find(b"\n")].split(separator.encode())
    return {
        name: TRUTHS
        for name, cell in zip(header, cells, strict=False)
        if cell.strip().lower() in (b"true", b"false")
    }


def _plain(column: Array) -> bool:
    """Whether all numbers are finite and so small that integers are exact."""
    return not len(column) or bool(-EXACT < column.min() <= column.max() < EXACT)


def _plain_ends(data: bytes) -> bool:
    """Whether no line ends in a mere carriage return; looking for one is quicker than counting."""
    return b"\r" not in data or data.count(b"\r") == data.count(b"\r\n")


def _well_quoted(data: bytes, separator: str) -> bool:
    """Whether every quote is around a whole cell, or doubled in one."""
    if b'"' not in data:
        return True
    mark = re.escape(separator.encode())
    cell = re.compile(rb'(?<![^%s\n])"[^"]*(?:""[^"]*)*"(?![^%s\r\n])' % (mark, mark))
    return not any(b'"' in cell.sub(b"", rows) for rows in _rows(data))


def _rows(data: bytes) -> Iterator[bytes]:
    """Rows together, not too many of them, so that clocks are seen in between."""
    at = 0
    while at < len(data):
        end, odd = at, 1
        while odd and end < len(data):
            line = data.find(b"\n", end + ROWS) + 1 or len(data)
            odd = (data.count(b'"', end, line) + (end > at and odd)) % 2
            end = line
        yield data[at:end]
        at = end


def arrow_numbers(column: Any) -> Array | None:
    """The numbers of an array of Arrow without nulls, None of any other.

    `to_numpy` of Arrow would import pandas, which takes half a second, and fifty megabytes.
    """
    kind = NUMBERS.get(str(column.type))
    if kind is None or column.null_count:
        return None
    if not len(column):
        return np.empty(0, kind)
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def _by_arrow(
    data: bytes,
    header: Sequence[str],
    separator: str,
    wanted: Sequence[str],
    categories: Categories,
    csv: Any,
) -> dict[str, Array] | None:
    import pyarrow as pa

    if b"\0" in data:  # which neither reader shows in a cell
        return None
    types: dict[str, Any] = dict.fromkeys(wanted, pa.float64())
    types |= {n: pa.dictionary(pa.int32(), pa.string()) for n in wanted if n in categories}
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=list(header)),
            csv.ParseOptions(delimiter=separator, newlines_in_values=b'"' in data),
            csv.ConvertOptions(column_types=types, include_columns=list(wanted), null_values=[]),
        )
        return {
            name: _codes(table.column(name), categories[name])
            if name in categories
            else np.concatenate([np.empty(0), *map(arrow_numbers, table.column(name).chunks)])
            for name in wanted
        }
    except (pa.ArrowException, Diagnostic):
        return None


def _codes(column: Any, categories: Sequence[str]) -> Array:
    """Labels that Arrow has told apart, as places in a list of categories."""
    parts = [np.empty(0)]
    for chunk in column.chunks:
        texts = np.array(chunk.dictionary.to_pylist(), str)
        texts = np.char.lower(texts) if categories is TRUTHS else texts
        parts.append(codes_of(texts, categories, _other)[arrow_numbers(chunk.indices)])
    return np.concatenate(parts)


def _by_numpy(
    data: bytes,
    header: Sequence[str],
    separator: str,
    wanted: Sequence[str],
    categories: Categories,
    _: Any,
) -> dict[str, Array] | None:
    lines = io.BytesIO(data).readlines()
    mark = separator.encode()
    if b'"' in data or b"\0" in data or any(line.count(mark) != len(header) - 1 for line in lines):
        return None
    if len(header) == 1 and not all(map(bytes.strip, lines)):
        return None  # blank lines
    options: dict[str, Any] = {"delimiter": separator, "comments": None}
    numbers = [name for name in wanted if name not in categories]
    block: dict[str, Array] = {}
    try:
        if numbers:
            where = [header.index(name) for name in numbers]
            cells = _loaded(lines, float, usecols=where, ndmin=2, **options)
            block = {name: cells[:, i].copy() for i, name in enumerate(numbers)}
        for name in set(wanted) & set(categories):
            longest = max((len(label.encode()) for label in categories[name]), default=0)
            where = [header.index(name)]
            texts = _loaded(lines, f"S{longest + 8}", usecols=where, ndmin=1, **options)
            if (np.char.str_len(texts) == longest + 8).any():  # perhaps there was more of it
                return None
            texts = np.char.lower(texts) if categories[name] is TRUTHS else texts
            block[name] = codes_of(texts, categories[name], _other)
    except (ValueError, Diagnostic):
        return None
    if any(len(column) != len(lines) for column in block.values()):
        return None
    return {name: block[name] for name in wanted}


def _loaded(lines: list[bytes], dtype: Any, **options: Any) -> Array:
    """What NumPy reads, some lines at a time, between which clocks are seen."""
    parts = [
        np.loadtxt(lines[at : at + SOME], dtype, **options) for at in range(0, len(lines), SOME)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _other(_: int, text: str) -> Diagnostic:
    return Diagnostic(UNKNOWN_LABEL, text)
