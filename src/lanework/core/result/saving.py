"""Results written to files, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.files import atomic_write
from lanework.core.codes import BAD_ENDING, ONE_OUTPUT
from lanework.core.result.frames import long_columns, need, to_arrow
from lanework.core.result.outputs import Array, Outputs

ENDINGS = (".csv", ".parquet", ".npz", ".npy", ".json")
CHUNK = 65536


def check_ending(path: Path, endings: tuple[str, ...] = ENDINGS) -> str:
    """The ending of a path, lower case.

    Raises:
        Diagnostic: LW1023 when results are not written to such files.
    """
    ending = path.suffix.lower()
    if ending not in endings:
        raise Diagnostic(
            BAD_ENDING,
            f"{path.name!r} does not say how to write the result: its ending is "
            f"{path.suffix or 'missing'!r}",
            help=did_you_mean(ending, endings) or f"use one of {', '.join(endings)}",
        )
    if ending == ".parquet":
        need("pyarrow", "writing Parquet")
    return ending


def table_paths(path: Path, shapes: Mapping[tuple[str, ...], Any]) -> dict[tuple[str, ...], Path]:
    """Where each table goes: the first to the path itself, others with their axes in the name."""
    paths = {}
    for number, axes in enumerate(shapes):
        name = "-".join(axes) or "scalar"
        paths[axes] = path if number == 0 else path.with_suffix(f".{name}{path.suffix}")
    return paths


def save(result: Outputs, path: Path) -> tuple[Path, ...]:
    """See `Result.save`."""
    ending = check_ending(path)
    if ending in (".csv", ".parquet"):
        shapes = result.shapes()
        paths = table_paths(path, shapes)
        with contextlib.ExitStack() as files:
            for axes, names in shapes.items():
                file = files.enter_context(atomic_write(paths[axes]))
                if ending == ".csv":
                    write_csv(file, long_columns(result, names, lanes_first=True))
                else:
                    parquet = need("pyarrow.parquet", "writing Parquet")
                    parquet.write_table(to_arrow(result, names, lanes_first=True), file)
        return tuple(paths.values())
    if ending == ".npy" and len(result) != 1:
        raise Diagnostic(
            ONE_OUTPUT,
            f"a .npy file holds one array, and the result has {len(result)} outputs",
            help="choose one output, or use .npz",
        )
    writers: dict[str, Callable[[IO[bytes]], None]] = {
        ".npz": lambda file: np.savez(file, **dict[str, Any](result)),
        ".npy": lambda file: np.save(file, result[next(iter(result))]),
        ".json": lambda file: write_json(file, plain(result)),
    }
    with atomic_write(path) as file:
        writers[ending](file)
    return (path,)


def plain(result: Outputs) -> dict[str, Any]:
    """The result as plain Python values, for JSON."""
    outputs = {}
    for name in result:
        value = result[name]
        outputs[name] = {
            "axes": list(result.axes(name)),
            "shape": list(value.shape),
            "unit": result.units.get(name, ""),
            "kind": result.kinds.get(name, ""),
            "values": value.tolist(),
        }
    coords = {
        axis: _texts(labels)
        if np.asarray(labels).dtype.kind == "M"
        else np.asarray(labels).tolist()
        for axis, labels in result.coords.items()
        if labels is not None
    }
    return {"outputs": outputs, "coords": coords, "stats": dict(result.stats)}


def write_json(file: IO[bytes], value: Any) -> None:
    """A value as one JSON text; NaN and infinities, which JSON lacks, become null."""
    import msgspec

    file.write(msgspec.json.encode(value))
    file.write(b"\n")


def write_csv(file: IO[bytes], columns: Mapping[str, Array], header: bool = True) -> None:
    """Columns of equal length as CSV (UTF-8, comma, newline, a header line).

    Numbers are written with the fewest digits that give the same number back.
    """
    if header:
        file.write(b",".join(_quoted(name) for name in columns) + b"\n")
    arrays = list(columns.values())
    count = len(arrays[0]) if arrays else 0
    for start in range(0, count, CHUNK):
        cells = [_cells(array[start : start + CHUNK]) for array in arrays]
        file.write(b"\n".join(map(b",".join, zip(*cells, strict=True))))
        file.write(b"\n")


def _cells(values: Array) -> list[bytes]:
    if values.dtype.kind in "iub":
        return str(values.tolist())[1:-1].encode().split(b", ")
    if values.dtype.kind == "f":
        if np.isfinite(values).all():
            import msgspec

            return msgspec.json.encode(values.tolist())[1:-1].split(b",")
        return [repr(x).encode() for x in values.tolist()]
    return [_quoted(text) for text in _texts(values)]


def _texts(values: Any) -> list[str]:
    return [str(x) for x in np.asarray(values)]


def _quoted(text: str) -> bytes:
    if any(mark in text for mark in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'
    return text.encode()
