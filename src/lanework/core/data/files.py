"""Tables of input columns from files, whole or in blocks of rows.

CSV (without any extra), Parquet (with pyarrow), .npy, .npz and .json. Columns come as float64;
columns of labels come as positions in the list of categories.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import (
    BAD_DATA_ENDING,
    BAD_DATA_FILE,
    MISSING_COLUMN,
    NO_DATA_FILE,
    RAGGED_ROW,
)
from lanework.core.data.csvtext import (
    Array,
    Categories,
    CsvText,
    bad_cell,
    check_header,
    number_in,
)
from lanework.core.data.labels import codes_of
from lanework.core.result.frames import need

Path_ = str | os.PathLike[str]

ENDINGS = (".csv", ".parquet", ".npy", ".npz", ".json")
BLOCK = 65536
"""Rows in a block: many lanes for the engines, and a few megabytes."""


def column_names(path: Path_) -> list[str]:
    """The names of a file's columns; "" for the one array of a `.npy` file.

    Raises:
        Diagnostic: LW3051, LW3052, LW3056, LW1022 for Parquet without pyarrow.
    """
    ending = _ending(path)
    if ending == ".csv":
        with _open(path) as file:
            return CsvText.start(file, os.fspath(path)).header
    if ending == ".parquet":
        with _parquet(path) as parquet:
            return list(parquet.schema_arrow.names)
    return list(_arrays(path, ending))


def read_columns(
    path: Path_, wanted: Sequence[str] | None = None, categories: Categories | None = None
) -> dict[str, Array]:
    """Columns of a file, whole.

    Args:
        path: a .csv, .parquet, .npy, .npz or .json file. A JSON file holds an object of lists,
            or a list of objects.
        wanted: the columns to read; by default all, and all must then be numbers or have
            categories.
        categories: for columns of labels, the list of labels.

    Returns:
        float64 columns by name, all of one length where the file is a table.

    Raises:
        Diagnostic: LW3051 to LW3056 and LW3020, naming line and column; LW1022.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = pathlib.Path(folder.name, "points.csv")
        >>> _ = file.write_text(chr(10).join(["age,sex", "47,M", "29,F"]))
        >>> read_columns(file, ["sex", "age"], {"sex": ["F", "M"]})
        {'sex': array([1., 0.]), 'age': array([47., 29.])}
        >>> folder.cleanup()
    """
    if wanted is None:
        wanted = column_names(path)
    blocks = list(iter_columns(path, wanted, BLOCK, categories))
    if len(blocks) == 1:
        return blocks[0]
    return {name: np.concatenate([np.empty(0), *(b[name] for b in blocks)]) for name in wanted}


def iter_columns(
    path: Path_,
    wanted: Sequence[str],
    rows_per_block: int = BLOCK,
    categories: Categories | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[dict[str, Array]]:
    """The same columns in blocks of rows, in bounded memory for CSV and Parquet.

    Args:
        path: see `read_columns`.
        wanted: the columns to read.
        rows_per_block: rows in every block but the last.
        categories: for columns of labels, the list of labels.
        progress: called after each block with bytes (CSV) or rows read, and their number in all.

    Raises:
        Diagnostic: as `read_columns`.
    """
    categories = {k: v for k, v in (categories or {}).items() if k in wanted}
    ending = _ending(path)
    reader = {".csv": _iter_csv, ".parquet": _iter_parquet}.get(ending, _iter_arrays)
    wanted = list(dict.fromkeys(wanted))
    if not wanted:
        return
    for block, done, total in reader(path, wanted, rows_per_block, categories):
        yield block
        if progress is not None:
            progress(done, total)


Block = tuple[dict[str, Array], int, int]


def _iter_csv(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories
) -> Iterator[Block]:
    with _open(path) as file:
        text = CsvText.start(file, os.fspath(path))
        check_columns(path, wanted, text.header)
        total = os.fstat(file.fileno()).st_size
        for block in text.blocks(wanted, categories, rows):
            yield block, file.tell() if file.seekable() else 0, total


def _iter_parquet(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories
) -> Iterator[Block]:
    with _parquet(path) as parquet:
        check_columns(path, wanted, parquet.schema_arrow.names)
        total, done = parquet.metadata.num_rows, 0
        with _damage(path):
            for batch in parquet.iter_batches(batch_size=rows, columns=list(wanted)):
                block = {}
                for name in wanted:
                    column = batch.column(name)
                    values = np.asarray(column.to_numpy(zero_copy_only=False))
                    block[name] = _column(path, name, values, done, categories.get(name))
                done += batch.num_rows
                if batch.num_rows:
                    yield block, done, total


def _iter_arrays(
    path: Path_, wanted: Sequence[str], rows: int, categories: Categories
) -> Iterator[Block]:
    arrays = _arrays(path, _ending(path))
    check_columns(path, wanted, list(arrays))
    columns = {name: _column(path, name, arrays[name], 0, categories.get(name)) for name in wanted}
    flat = next((name for name in wanted if columns[name].ndim != 1), None)
    if flat is not None:
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{os.fspath(path)}: {flat or 'the array'!r} has {columns[flat].ndim} dimensions, and"
            " a column has one",
            help="give such an array to its input by itself",
        )
    sizes = {name: len(column) for name, column in columns.items()}
    total = max(sizes.values())
    short = next((name for name in wanted if sizes[name] != total), None)
    if short is not None:
        raise Diagnostic(
            RAGGED_ROW,
            f"{os.fspath(path)}: column {short!r} has {sizes[short]} rows and another {total}",
            help="give every column as many rows",
        )
    for start in range(0, total, rows):
        stop = min(start + rows, total)
        yield {name: column[start:stop] for name, column in columns.items()}, stop, total


def check_columns(path: Path_, wanted: Sequence[str], header: Sequence[str]) -> None:
    """Refuse a table that lacks a column.

    Raises:
        Diagnostic: LW3055, with a suggestion.
    """
    for name in wanted:
        if name not in header:
            shown = ", ".join(header[:12]) + (", ..." if len(header) > 12 else "")
            raise Diagnostic(
                MISSING_COLUMN,
                f"{os.fspath(path)} has no column {name!r}",
                help=did_you_mean(name, header) or f"its columns are {shown}",
            )


def read_array(path: Path_, column: str | None = None) -> Array:
    """One array of numbers from a file, of any shape for .npy and .npz.

    Args:
        path: see `read_columns`.
        column: which one, where the file holds several.

    Raises:
        Diagnostic: as `read_columns`; LW3055 when it is not clear which column is meant.
    """
    names = column_names(path)
    if column is None:
        if len(names) != 1:
            raise Diagnostic(
                MISSING_COLUMN,
                f"{os.fspath(path)} has {len(names)} columns, and none is named",
                help=f"name one: {os.fspath(path)}:{names[0] if names else 'column'}",
            )
        column = names[0]
    check_columns(path, [column], names)
    ending = _ending(path)
    if ending in (".npy", ".npz", ".json"):
        return _column(path, column, _arrays(path, ending)[column], 0, None, labels=True)
    if ending == ".parquet":
        with _parquet(path) as parquet, _damage(path):
            table = parquet.read(columns=[column])
            values = np.asarray(table.column(column).to_numpy(zero_copy_only=False))
        return _column(path, column, values, 0, None, labels=True)
    with _open(path) as file:  # as text where the first cell is no number
        text = CsvText.start(file, os.fspath(path))
        first = next(text.rows(list(file.readlines(1))), None)
        cell = "" if first is None else first[1][text.header.index(column)].strip()
    if not cell or number_in(cell) is not None:
        return read_columns(path, [column])[column]
    with _open(path) as file:
        text = CsvText.start(file, os.fspath(path))
        at = text.header.index(column)
        return np.array([row[at].strip() for _, row in text.rows(file.readlines())])


def _column(
    path: Path_,
    name: str,
    values: Array,
    start: int,
    labels_of: Sequence[str] | None,
    labels: bool = False,
) -> Array:
    """A column as float64, or the error for its first bad cell; rows are counted from 1."""
    source, title = os.fspath(path), name or "values"
    if values.dtype.kind == "O":
        items = values.reshape(-1).tolist()
        if any(isinstance(item, str) for item in items):
            values = np.array(["" if x is None else str(x) for x in items]).reshape(values.shape)
        else:
            values = np.array([np.nan if x is None else x for x in items]).reshape(values.shape)
    if values.dtype.kind in "US" and labels_of is not None:
        return codes_of(
            values,
            labels_of,
            lambda place, text: bad_cell(
                source, f"row {start + place + 1}", title, text, labels_of
            ),
        )
    if values.dtype.kind in "US":
        numbers = [number_in(str(text)) for text in values.reshape(-1).tolist()]
        if labels and any(number is None for number in numbers):
            return values
        for place, number in enumerate(numbers):
            if number is None:
                text = str(values.reshape(-1)[place])
                raise bad_cell(source, f"row {start + place + 1}", title, text, None)
        return np.array(numbers, np.float64).reshape(values.shape)
    if values.dtype.kind not in "fiub":
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{source}: {title!r} holds {values.dtype}, not numbers",
            help="store numbers or text",
        )
    column = np.asarray(values, np.float64)
    missing = np.isnan(column)
    if missing.any():
        row = int(np.argwhere(missing)[0][0]) if column.ndim else 0
        raise bad_cell(source, f"row {start + row + 1}", title, "NaN", None)
    return column


def _arrays(path: Path_, ending: str) -> dict[str, Array]:
    """Every array in a .npy, .npz or .json file."""
    with _open(path) as file:
        if ending == ".json":
            return _json(path, file)
        with _damage(path):
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                if loaded.dtype.names:
                    return {name: loaded[name] for name in loaded.dtype.names}
                return {"": loaded}
            return {name: loaded[name] for name in loaded.files}


def _json(path: Path_, file: IO[bytes]) -> dict[str, Array]:
    try:
        data = json.load(file)
        if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
            names = list(data[0])
            odd = next((i for i, row in enumerate(data) if list(row) != names), None)
            if odd is not None:
                raise Diagnostic(
                    RAGGED_ROW,
                    f"{os.fspath(path)}, row {odd + 1}: its names are not those of the first row",
                    help="give every row the same names",
                )
            data = {name: [row[name] for row in data] for name in names}
        if not isinstance(data, dict):
            data = {"": data}
        check_header(list(data), os.fspath(path))
        return {str(name): np.asarray(values) for name, values in data.items()}
    except (ValueError, RecursionError) as error:
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{os.fspath(path)} cannot be read: {error}",
            help='write columns as {"name": [1, 2, 3]}',
        ) from None


def _ending(path: Path_) -> str:
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise Diagnostic(
            BAD_DATA_ENDING,
            f"{os.fspath(path)!r} does not say how to read it: its ending is"
            f" {Path(path).suffix or 'missing'!r}",
            help=did_you_mean(ending, ENDINGS) or f"use one of {', '.join(ENDINGS)}",
        )
    return ending


def _open(path: Path_) -> IO[bytes]:
    try:
        return open(path, "rb")  # every caller closes it in a `with`
    except OSError as error:
        raise Diagnostic(
            NO_DATA_FILE,
            f"{os.fspath(path)} cannot be opened: {error.strerror or error}",
            help="check the path",
        ) from None


@contextlib.contextmanager
def _parquet(path: Path_) -> Iterator[Any]:
    module = need("pyarrow.parquet", "reading Parquet")
    with _open(path) as file:
        with _damage(path):
            opened = module.ParquetFile(file)
        yield opened


@contextlib.contextmanager
def _damage(path: Path_) -> Iterator[None]:
    """Errors of file readers as diagnostics."""
    try:
        yield
    except (Diagnostic, MemoryError):
        raise
    except Exception as error:  # every reader has its own errors for damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{os.fspath(path)} cannot be read: {reason}",
            help="check that the file is whole and that its ending fits",
        ) from None
