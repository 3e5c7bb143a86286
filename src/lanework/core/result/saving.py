"""Results written to files, whole or not at all."""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.files import atomic_write
from lanework.core import options
from lanework.core.codes import BAD_ENDING, ONE_OUTPUT
from lanework.core.data.opening import ending_of
from lanework.core.options import flag
from lanework.core.result.frames import long_blocks, need, one_type, units_of
from lanework.core.result.outputs import Array, Outputs
from lanework.core.result.picture import PICTURES, picture_of
from lanework.core.result.tablefile import TABLES, TEXTS, TableFile, write_book

PART = 1 << 14
"""Numbers of an array that are one piece of what is written."""
ENDINGS = (*TABLES, ".xlsx", ".npz", ".npy", ".json", *PICTURES)


def check_ending(path: Path, endings: tuple[str, ...] = ENDINGS) -> str:
    """The ending of a path, lower case.

    Raises:
        Diagnostic: LW1023 when results are not written to such files.
    """
    ending = ending_of(path)
    if ending not in endings:
        raise Diagnostic(
            BAD_ENDING,
            f"{path.name!r} does not say how to write the result: "
            + (f"its ending is {ending!r}" if ending else "it has no ending"),
            help=did_you_mean(ending, endings) or f"use one of {', '.join(endings)}",
        )
    if ending in TABLES and ending not in TEXTS:
        need("pyarrow", f"writing {ending}")
    if ending == ".xlsx":
        need("openpyxl", "writing .xlsx")
    return ending


def check_count(ending: str, count: int) -> None:
    """Refuse more outputs than such a file holds.

    Raises:
        Diagnostic: LW1024.
    """
    if ending in (".npy", *PICTURES) and count != 1:
        raise Diagnostic(
            ONE_OUTPUT,
            f"a {ending} file holds one array, and the result has {count} outputs",
            help="choose one output, or use .npz",
        )


def table_paths(path: Path, shapes: Mapping[tuple[str, ...], Any]) -> dict[tuple[str, ...], Path]:
    """Where each table goes: the first to the path itself, others with their axes in the name."""
    paths = {}
    stem, ending = path.name[: -len(ending_of(path))], path.name[-len(ending_of(path)) :]
    for number, axes in enumerate(shapes):
        paths[axes] = path if number == 0 else path.with_name(f"{stem}.{_title(axes)}{ending}")
    return paths


def _title(axes: tuple[str, ...]) -> str:
    return "-".join(axes) or "scalar"


def path_of(path: Any) -> Path:
    """The path that a result is written to.

    Raises:
        Diagnostic: LW1023 for what is none, such as an open file.
    """
    if isinstance(path, str | os.PathLike):
        return options.path_of(path)
    help = "give a path, such as 'result.csv'; to_pandas() and to_arrow() write to open files"
    raise Diagnostic(BAD_ENDING, f"a {type(path).__name__} is no path", help=help)


def save(result: Outputs, path: Path, csv_safe: bool = False) -> tuple[Path, ...]:
    """See `Result.save`."""
    ending, csv_safe = check_ending(path), flag("csv_safe", csv_safe)
    if ending in TABLES:
        shapes = result.shapes()
        paths = table_paths(path, shapes)
        with contextlib.ExitStack() as files:
            for axes, names in shapes.items():
                file = files.enter_context(atomic_write(paths[axes]))
                with TableFile(file, ending, csv_safe) as table:
                    for columns in long_blocks(result, names):
                        table.write(columns, units_of(result))
        return tuple(paths.values())
    if ending == ".xlsx":
        sheets = {
            _title(axes): partial(long_blocks, result, x) for axes, x in result.shapes().items()
        }
        with atomic_write(path) as file:
            write_book(file, sheets)
        return (path,)
    check_count(ending, len(result))
    if ending in PICTURES:
        name = next(iter(result))
        picture = picture_of(result[name], name, ending)
        with atomic_write(path) as file:
            file.write(picture)
        return (path,)
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        ".npz": lambda file: write_arrays(file, {**_labels(result), **result}),
        ".npy": lambda file: write_array(file, result[next(iter(result))]),
        ".json": lambda file: write_json(file, described(result)),
    }
    with atomic_write(path) as file:
        writers[ending](file)
    return (path,)


def write_arrays(file: IO[bytes], arrays: Mapping[str, Any]) -> None:
    """Arrays as the members of an .npz file, whatever their names: `np.savez` has some of its own.

    Objects, such as names of states and whole numbers of more than 64 bits, are texts there, and
    None an empty one: nothing is pickled.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_arrays(file, {"file": np.zeros(2), "allow_pickle": np.ones(1)})
        >>> _ = file.seek(0)
        >>> sorted(np.load(file))
        ['allow_pickle', 'file']
    """
    with zipfile.ZipFile(file, "w") as members:
        for name, array in arrays.items():
            with members.open(f"{name}.npy", "w", force_zip64=True) as member:
                write_array(member, np.asanyarray(array))


def write_array(file: IO[bytes], array: Array) -> None:
    """An array as an .npy file, part by part: NumPy copies up to 16 MiB of it at a time.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_array(file, np.array([["up", None]], object))
        >>> _ = file.seek(0)
        >>> np.load(file)
        array([['up', '']], dtype='<U2')
    """
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    objects, kind = array.dtype.kind == "O", array.dtype
    if objects:
        kind = _plain_type(array)
    descr = np.lib.format.dtype_to_descr(kind)
    header = {"descr": descr, "fortran_order": fortran, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for part in _parts(array, "F" if fortran else "C"):
        texts = objects and kind.kind == "U"
        cells = np.array([_cell(item) for item in part.tolist()], kind) if texts else part
        file.write(cells.astype(kind, copy=False).tobytes())


def _parts(array: Array, order: Literal["C", "F"] = "C") -> Iterator[Array]:
    flags: list[Any] = ["external_loop", "buffered", "zerosize_ok", "refs_ok"]
    with np.nditer(array, flags, order=order, buffersize=PART) as parts:
        for part in parts:
            yield np.asarray(part)


def _plain_type(objects: Array) -> np.dtype[Any]:
    """Of whole numbers, if 64 bits hold them all, else of texts."""
    integers, longest = True, 1
    for part in _parts(objects):
        for item in part.tolist():
            integers &= type(item) is int and -(1 << 63) <= item < 1 << 63
            longest = max(longest, len(_cell(item)))
    return np.dtype(np.int64) if integers else np.dtype((str, longest))


def _cell(item: Any) -> str:
    return "" if item is None else str(item)


def _labels(result: Outputs) -> dict[str, Any]:
    """The labels along axes that no output is called like."""
    arrays: dict[str, Array] = {}
    for axis, x in result.coords.items():
        if x is not None:
            arrays |= result.by_level(axis, len(x)) or {axis: one_type(np.asarray(x))}
    return {axis: labels for axis, labels in arrays.items() if axis not in result}


def plain(result: Outputs) -> dict[str, Any]:
    """The result as plain Python values."""
    listed: dict[str, Any] = _listed(described(result))
    return listed


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(each) for name, each in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def described(result: Outputs) -> dict[str, Any]:
    """What JSON says of a result: arrays as they are, all else as plain Python values."""
    outputs = {}
    for name in result:
        value = result[name]
        outputs[name] = {
            "axes": list(result.axes(name)),
            "shape": list(value.shape),
            "unit": result.units.get(name, ""),
            "kind": result.kinds.get(name, ""),
            "values": np.asarray(value),
        }
    return {"outputs": outputs, "coords": _coords(result), "stats": dict(result.stats)}


def labels_in_json(result: Outputs) -> dict[str, Any]:
    """The labels along axes as `coords`, if there are any."""
    coords = _coords(result)
    return {"coords": coords} if coords else {}


def _coords(result: Outputs) -> dict[str, Any]:
    return {
        axis: _plain(one_type(np.asarray(labels)))
        for axis, labels in result.coords.items()
        if labels is not None
    }


def json_text(value: Any) -> bytes:
    """A value as JSON, which lacks NaN and infinities: they are texts there, spelt as Python does.

    Example:
        >>> json_text({"x": [1.5, float("-inf"), None]})
        b'{"x":[1.5,"-inf",null]}'
    """
    import msgspec

    encode = partial(msgspec.json.encode, enc_hook=lambda number: number.item())  # of NumPy's
    text: bytes = encode(value)
    return encode(_spelt(value)) if b"null" in text else text


def _spelt(value: Any) -> Any:
    """The same with texts for floats that JSON lacks, which would become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(float(value))
    if isinstance(value, Mapping):
        return {name: _spelt(each) for name, each in value.items()}
    return [_spelt(each) for each in value] if isinstance(value, list | tuple) else value


def json_parts(value: Any) -> Iterator[bytes]:
    """The same part by part: of arrays, which may be large, so many numbers at a time.

    Example:
        >>> b"".join(json_parts({"x": np.array([[0.5, 2.0], [np.nan, 1.0]]), "n": 3}))
        b'{"x":[[0.5,2.0],["nan",1.0]],"n":3}'
    """
    if isinstance(value, Mapping):
        yield b"{"
        for number, (name, each) in enumerate(value.items()):
            yield b"," * (number > 0) + json_text(name) + b":"
            yield from json_parts(each)
        yield b"}"
    elif not isinstance(value, np.ndarray):
        yield json_text(value)
    elif value.size <= PART:
        yield json_text(value.tolist())
    else:
        rows = PART * len(value) // value.size  # that are not too many numbers together
        yield b"["
        for start in range(0, len(value), rows or 1):
            yield b"," * (start > 0)
            if rows:
                yield json_text(value[start : start + rows].tolist())[1:-1]
            else:
                yield from json_parts(value[start])
        yield b"]"


def write_json(file: IO[bytes], value: Any) -> None:
    """A value as one JSON text; see `json_text`."""
    file.writelines(json_parts(value))
    file.write(b"\n")


def _plain(labels: Array) -> Any:
    """Labels as JSON has them: moments and durations as text."""
    moments = labels.dtype.kind in "mM" or any(hasattr(x, "isoformat") for x in labels[:1])
    return [str(x) for x in labels] if moments else labels
