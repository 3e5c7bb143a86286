"""Columns out of files that hold arrays: .npy, .npz, .json, Parquet, Arrow, and sheets of .xlsx.

Their values have types, so text in them never becomes a number; of integers, float64 takes those
that it has exactly.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NoReturn

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.span import span_at
from lanework.core.codes import BAD_CELL, BAD_DATA_FILE, RAGGED_ROW
from lanework.core.data.csvfast import Array, arrow_numbers
from lanework.core.data.csvheader import check_header
from lanework.core.data.csvtext import bad_cell
from lanework.core.data.holding import JSON, NUMBERS, check_file, check_held, check_packed
from lanework.core.data.jsontext import offset_of_second
from lanework.core.data.labels import codes_of, number_names
from lanework.core.data.opening import Path_, damage, data_ending, opened
from lanework.core.data.sheets import sheet_columns
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.result.frames import need

GROUPS = "raise the memory cap, or write the file in smaller row groups"
FORM = 'write columns as {"name": [1, 2, 3]}'
TABLES = (".parquet", ".feather", ".arrow")


@dataclass(frozen=True)
class ArrowFile:
    """An open Parquet or Arrow file.

    Attributes:
        names: the columns.
        rows: how many there are; 0 where that is not known.
        batches: an iterator over batches of rows with the columns that are asked for, of about as
            many rows as are asked for.
    """

    names: list[str]
    rows: int
    batches: Callable[..., Iterator[Any]]


def give_back() -> None:
    """Let Arrow take memory of the system and give it back: its own allocator keeps what it had."""
    arrow = sys.modules.get("pyarrow")
    if arrow is None:  # which looks at this when it is imported
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    else:
        arrow.set_memory_pool(arrow.system_memory_pool())


@contextmanager
def arrow_file(path: Path_) -> Iterator[ArrowFile]:
    """Open a Parquet or Arrow file; one of Arrow may be a file or a stream.

    Raises:
        Diagnostic: LW1022 without pyarrow, LW3051, LW3052.
    """
    if data_ending(path) == ".parquet":
        module = need("pyarrow.parquet", "reading Parquet")
        with opened(path) as file:
            with damage(path):
                parquet = module.ParquetFile(file, buffer_size=1 << 16)  # page by page
                known = parquet.metadata
                groups = [known.row_group(n).total_byte_size for n in range(known.num_row_groups)]
                check_held(path, max(groups, default=0), GROUPS)

            def batches(wanted: Sequence[str] | None = None, rows: int = 65536) -> Iterator[Any]:
                columns = None if wanted is None else list(wanted)
                return iter(parquet.iter_batches(batch_size=rows, columns=columns))

            yield ArrowFile(list(parquet.schema_arrow.names), parquet.metadata.num_rows, batches)
        return
    ipc = need("pyarrow.ipc", "reading Arrow files")
    with opened(path) as file:
        with damage(path):
            named = file.read(6) == b"ARROW1"
            file.seek(0)
            book = ipc.open_file(file) if named else ipc.open_stream(file)

        def parts(*_: Any, **__: Any) -> Iterator[Any]:
            if not named:
                return iter(book)
            return (book.get_batch(n) for n in range(book.num_record_batches))

        yield ArrowFile(list(book.schema.names), 0, parts)


def arrow_values(column: Any) -> Array:
    """The values of an array of Arrow, where possible without `to_numpy`, which imports pandas."""
    numbers = arrow_numbers(column)
    if numbers is not None:
        return numbers
    texts = str(column.type) in ("string", "large_string", "string_view")
    return (
        np.array(column.to_pylist(), object)
        if texts
        else np.asarray(column.to_numpy(zero_copy_only=False))
    )


def all_arrays(path: Path_) -> tuple[dict[str, Array], Sequence[int] | None]:
    """Every array in a .npy, .npz, .json or .xlsx file, and in which row of it their places are.

    Raises:
        Diagnostic: LW3051, LW3052, LW3054; LW0101 for what does not fit; LW1022 for .xlsx without
            openpyxl.
    """
    ending = data_ending(path)
    if ending == ".xlsx":
        return sheet_columns(path)
    with opened(path) as file:
        if ending == ".json":
            check_file(path, file, JSON)
            return _json(path, file), None
        with damage(path):
            check_file(path, file)
            if ending == ".npz":
                check_packed(path, file)
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.ndarray):
                return {name: loaded[name] for name in loaded.files}, None
            if loaded.dtype.names:
                return {name: loaded[name] for name in loaded.dtype.names}, None
            return {"": loaded}, None


def _json(path: Path_, file: IO[bytes]) -> dict[str, Array]:
    data = _loaded(path, file)
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
    elif list(data) == ["outputs", "coords", "stats"]:
        data = _of_result(**data)
    check_header(list(data), os.fspath(path))
    return {name: _as_array(path, name, values) for name, values in data.items()}


def _of_result(outputs: Any, coords: Any, stats: Any) -> dict[str, Any]:
    """The arrays of a result that was saved, and the labels beside them, as in .npz."""
    written = isinstance(outputs, dict) and isinstance(coords, dict)
    if not written or not all(isinstance(x, dict) and "values" in x for x in outputs.values()):
        return {"outputs": outputs, "coords": coords, "stats": stats}  # columns that are called so
    labels = {axis: own for axis, own in coords.items() if axis not in outputs}
    return {**labels, **{name: each["values"] for name, each in outputs.items()}}


def _loaded(path: Path_, file: IO[bytes]) -> Any:
    """What JSON says.

    Raises:
        Diagnostic: LW3052, with line and column.
    """
    source, raw = os.fspath(path), file.read()
    try:
        return json.loads(raw, object_pairs_hook=_once, **NUMBERS)
    except _Twice as error:
        text = raw.decode(json.detect_encoding(raw))
        at, what = (
            offset_of_second(text, error.args[0]),
            f"an object has the name {error.args[0]!r} twice",
        )
        advice = "give every column a name of its own"
    except json.JSONDecodeError as error:
        text, at, what = error.doc, error.pos, f"it is not JSON: {error.msg}"
        advice = FORM
    except UnicodeDecodeError:
        text, at, what, advice = "", 0, "it is not UTF-8 text", "save the file as UTF-8"
    except (ValueError, RecursionError) as error:
        text, at, what, advice = "", 0, f"it cannot be read: {error}", FORM
    span = span_at(text, source, at)
    raise Diagnostic(BAD_DATA_FILE, f"{source}, line {span.line}: {what}", help=advice, span=span)


class _Twice(ValueError):
    """An object has a name twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name is there twice."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Twice(next(name for n, (name, _) in enumerate(pairs) if name in dict(pairs[:n])))
    return fields


def _as_array(path: Path_, name: str, values: Any) -> Array:
    """Values of JSON, without NumPy's making texts of numbers that stand beside texts.

    Raises:
        Diagnostic: LW3052 for objects, LW3054 for lists of several lengths.
    """
    what = f"{os.fspath(path)}: {name or 'the array'!r}"
    if isinstance(values, dict):
        raise Diagnostic(BAD_DATA_FILE, f"{what} is an object, and no list", help=FORM)
    array = as_array(values, Given(what, RAGGED_ROW))  # floats round no whole number beside them
    return np.array(values, object) if array.dtype.kind == "U" and array.ndim else array


@dataclass(frozen=True)
class Rows(Given):
    """What messages say of a column, its places being rows."""

    row: Callable[[int], str] = str

    def refuse(
        self, message: str, help: str, place: int | None = None, shape: tuple[int, ...] = ()
    ) -> NoReturn:
        """Refuse the column, or the value in one of its rows.

        Raises:
            Diagnostic: always.
        """
        where = self.what if place is None else self.row(place)
        raise Diagnostic(self.code, f"{where}: it {message}", help=help)


def column_of(
    path: Path_,
    name: str,
    values: Array,
    lines: Sequence[int] | None,
    categories: Sequence[str] | None,
) -> Array:
    """A column as float64, or the error for its first bad cell.

    Args:
        path: the file, for messages.
        name: the column.
        values: what it holds.
        lines: the row of the file in which each of them is; 1, 2, ... by default.
        categories: for a column of labels, the list of labels; numbers are names among them where
            a name spells a number, else positions.

    Raises:
        Diagnostic: LW3052 for what are no numbers, LW3053 for a bad cell, LW3020 for a label that
            is not a category.
    """
    source, title = os.fspath(path), name or "values"

    def row(place: int) -> str:
        first = int(np.unravel_index(place, values.shape)[0]) if values.ndim else 0
        return f"row {lines[first] if lines else first + 1}"

    def refuse(place: int, text: str) -> Diagnostic:
        return bad_cell(source, row(place), title, text, categories)

    def where(place: int) -> str:
        return f"{source}, {row(place)}, column {title!r}"

    spelt = data_ending(path) == ".json" and categories is None
    values, infinite = infinities(values) if spelt else (values, None)
    values = _objects(values, categories, refuse)
    if values.dtype.kind in "US" and categories is not None:
        return codes_of(values, categories, refuse)
    if values.dtype.kind in "US":
        for place, text in enumerate(values.reshape(-1).tolist()):
            raise refuse(
                place, text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            )
        return np.empty(values.shape)
    if values.dtype.kind not in "fiubO":
        raise Diagnostic(
            BAD_DATA_FILE,
            f"{source}: {title!r} holds {values.dtype}, not numbers",
            help="store numbers or text",
        )
    column = exactly(values, "f64", Rows(f"{source}, column {title!r}", BAD_CELL, where))
    missing = np.isnan(column)
    if missing.any():
        raise refuse(int(np.argmax(missing.reshape(-1))), "NaN")
    if spelt and np.isinf(column).any():  # which are no JSON, or 1e400
        place = int(np.argmax(np.isinf(column.reshape(-1))))
        what = f"{where(place)} is infinite, or beyond 1.8e308: {column.reshape(-1)[place]}"
        help = 'give a number below 1.8e308, or an infinity as a text: "inf"'
        raise Diagnostic(BAD_CELL, what, help=help)
    if infinite is not None:
        column[infinite != 0] = infinite[infinite != 0]
    return column


def infinities(values: Array) -> tuple[Array, Array | None]:
    """Values of JSON with 0 for infinities, which are texts there; and these, 0 elsewhere.

    Example:
        >>> values, infinite = infinities(np.array([1.5, "-inf"], object))
        >>> values.tolist(), infinite.tolist()
        ([1.5, 0.0], [0.0, -inf])
    """
    if values.dtype.kind not in "OU":
        return values, None
    items = values.reshape(-1).tolist()
    known = {"inf": math.inf, "-inf": -math.inf}
    infinite = np.array([known.get(x, 0.0) if isinstance(x, str) else 0.0 for x in items])
    rest = [0.0 if x else item for x, item in zip(infinite.tolist(), items, strict=True)]
    plain = np.empty(len(rest), object)
    plain[:] = rest
    return plain.reshape(values.shape), infinite.reshape(values.shape)


def _objects(values: Array, categories: Sequence[str] | None, refuse: Any) -> Array:
    """Values of Python without what is missing, and as text where all or labels are."""
    labels = categories is not None
    if values.dtype.kind != "O":
        named = categories is not None and values.dtype.kind in "iufb"
        return number_names(values, categories or ()) if named else values
    items = values.reshape(-1).tolist()
    for place, item in enumerate(items):
        if item is None:
            raise refuse(place, "")
        if isinstance(item, str) and not labels:
            raise refuse(place, item)
    if labels and any(isinstance(item, str) for item in items):
        return np.array([str(item) for item in items]).reshape(values.shape)
    return values if categories is None else number_names(values, categories)
