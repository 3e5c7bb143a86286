"""Inputs and outputs of register programs: 64-bit numbers, one or one a lane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.program.program import Port, Program
from lanework.machines.register.codes import BAD_INPUT

_TYPES = {"u64": np.uint64, "i64": np.int64, "f64": np.float64}
Words = npt.NDArray[np.uint64]


def bind_inputs(
    program: Program, inputs: Mapping[str, Any]
) -> tuple[int | None, list[tuple[int, Words]]]:
    """The number of lanes (None without an array), and for each given port register and words.

    Raises:
        Diagnostic: LW4006.
    """
    ports = {port.name: port for port in program.inputs}
    columns: list[tuple[int, Words]] = []
    lanes: int | None = None
    longest = ""
    for name, value in inputs.items():
        port = ports.get(name)
        if port is None:
            known = ", ".join(ports) or "none"
            raise Diagnostic(
                BAD_INPUT,
                f"the program reads no register {name!r}",
                help=did_you_mean(name, list(ports)) or f"inputs are: {known}",
            )
        words, many = _words(port, value)
        if many:
            if lanes is not None and len(words) != lanes:
                raise Diagnostic(
                    BAD_INPUT,
                    f"input {name!r} has {len(words)} lanes and {longest!r} has {lanes}",
                    help="give as many values for each, or one number for all lanes",
                )
            lanes, longest = len(words), name
        columns.append((port.row, words))
    return lanes, columns


def _words(port: Port, value: Any) -> tuple[Words, bool]:
    if type(value) is int and port.dtype != "f64":
        if -(1 << 63) <= value < 1 << 64:
            return np.array([value % (1 << 64)], np.uint64), False
        raise _bad(port, value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        raise _bad(port, value) from None
    if array.ndim > 1 or array.dtype.kind not in "iufb":
        raise _bad(port, value)
    many = array.ndim == 1
    flat = array.reshape(-1)
    if array.dtype.kind == "f" or port.dtype == "f64":
        if flat.dtype.kind == "f" and port.dtype != "f64" and _whole(flat):
            flat = flat.astype(np.int64)
        else:
            flat = flat.astype(np.float64)
    elif array.dtype.kind in "ib":
        flat = flat.astype(np.int64)
    return np.ascontiguousarray(flat).view(np.uint64), many


def _whole(flat: npt.NDArray[Any]) -> bool:
    """Whether floats stand for whole numbers, as they do on the command line."""
    return bool(np.all(np.abs(flat) < 2.0**53) and np.all(flat == np.floor(flat)))


def _bad(port: Port, value: Any) -> Diagnostic:
    text = repr(value)
    return Diagnostic(
        BAD_INPUT,
        f"input {port.name!r} is {text if len(text) < 40 else type(value).__name__}",
        help="give a number of 64 bits, or a column of them",
    )


def output_array(port: Port, words: npt.NDArray[np.uint64], lanes: int | None) -> Any:
    """An output as its port's type: one number, or one a lane."""
    typed = words.view(_TYPES[port.dtype])
    return typed[0] if lanes is None else typed
