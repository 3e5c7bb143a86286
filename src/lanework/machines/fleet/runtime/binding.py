"""Inputs as words of shared memory, and shared memory as outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.values import Given, as_array
from lanework.core.program.program import Port, Program
from lanework.machines.fleet.codes import BAD_INPUT
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import Words


def bind_inputs(program: Program, inputs: Mapping[str, Any]) -> Words:
    """Shared memory as a run begins: zeros, with what is given at its place.

    `shared` is put in first, and buffers over it.

    Args:
        program: the program.
        inputs: arrays of numbers by port, of any shape, which is flattened; stored as float32.

    Raises:
        Diagnostic: LW6010.
    """
    view = FleetView.of(program)
    words = np.zeros(view.shared, np.uint32)
    known = {port.name: port for port in program.inputs}
    for name in inputs:
        if name not in known:
            raise Diagnostic(
                BAD_INPUT,
                f"the program has no input {name!r}",
                help=did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}",
            )
    for name, port in known.items():
        if name in inputs:
            values = _floats(name, inputs[name])
            most = _size(view, port)
            if len(values) > most:
                raise Diagnostic(
                    BAD_INPUT,
                    f"{name} has {len(values):,} numbers, and there is room for {most:,}",
                    help="give fewer, or make the buffer or .shared larger",
                )
            words[port.row : port.row + len(values)] = values.view(np.uint32)
    return words


def _floats(name: str, given: Any) -> npt.NDArray[np.float32]:
    array = as_array(given, Given(f"the array {name!r}", BAD_INPUT))
    if array.dtype.kind not in "biuf":
        what = f"{name} holds {array.dtype}, not numbers"
        raise Diagnostic(BAD_INPUT, what, help="give an array of float32")
    if array.dtype.kind in "iu" and array.size and np.abs(array.astype(np.float64)).max() > 2**24:
        raise Diagnostic(
            BAD_INPUT,
            f"{name} holds whole numbers above 2**24, which float32 does not have exactly",
            help="give floats, or patterns by array.view(numpy.float32)",
        )
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32).reshape(-1)


def _size(view: FleetView, port: Port) -> int:
    sizes = {each.name: each.size for each in view.buffers}
    return view.shared if port.name == "shared" else sizes[port.name]


def outputs(program: Program, words: Words) -> dict[str, npt.NDArray[np.float32]]:
    """The output ports: float32, one axis."""
    view = FleetView.of(program)
    floats = words.view(np.float32)
    return {
        port.name: floats[port.row : port.row + _size(view, port)].copy()
        for port in program.outputs
    }
