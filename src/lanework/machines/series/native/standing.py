"""A run that is done again and again by native code: its kernels, each in a frame of its own.

Nothing is checked, made or kept between two runs: inputs are read where they lie, and outputs are
written where they lay before. What lies beyond the end of a lane is written by none, so it has to
be cleared where other inputs may move that end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.core.program.program import Port
from lanework.engines.callbacktext import KERNEL_WORDS
from lanework.engines.kernel import UNIT
from lanework.engines.native import Frame, address
from lanework.machines.series.data.binding import Array
from lanework.machines.series.data.lanes import Output
from lanework.machines.series.native.kernels import CompiledNest, Memory


class Standing:
    """What native code needs to run it, alive as long as this is.

    Attributes:
        outputs: what the last run gave.
        words: int64, `KERNEL_WORDS` for each kernel, as `engines/callbacktext.py` has them.
    """

    def __init__(
        self, ports: tuple[Port, ...], outputs: list[Output], beyond: Iterable[Array]
    ) -> None:
        """No kernel yet; `beyond` are arrays that hold zeros where a lane has ended."""
        self.outputs = outputs
        self._beyond = list(beyond)
        self.words = np.zeros(0, np.int64)
        self._ports = {port.name: index for index, port in enumerate(ports)}
        self._kernels: list[tuple[CompiledNest, Frame, Array, Memory]] = []
        self._held: dict[str, Any] = {}

    def add(self, nest: CompiledNest, memory: Memory, periods: int, lanes: int) -> None:
        """One kernel more, which runs after those before."""
        frame, cells = nest.frame()
        nest.point(frame, cells, memory, lanes)
        kernel = nest.kernel
        units = -(-lanes // UNIT)
        frame.shape(periods, lanes, units, kernel.scratch(periods), 1)
        self._kernels.append((nest, frame, cells, dict(memory)))
        words = [
            kernel.address,
            *map(address, (frame.columns, frame.dims, frame.shared, frame.scratch[0])),
            kernel.descriptor,
            address(frame.faults),
            units,
        ]
        assert len(words) == KERNEL_WORDS
        self.words = np.append(self.words, words)

    def clear(self) -> None:
        """Zeros beyond the ends of lanes, which may be others from now on."""
        for array in self._beyond:
            array.fill(0.0)

    @property
    def count(self) -> int:
        """How many kernels there are."""
        return len(self._kernels)

    def put(self, name: str, value: npt.NDArray[np.float64] | float) -> None:
        """Read an input from elsewhere: of the same axes as before, or a number where it was one.

        One number of an array may be given for a number: it is read at each run.
        """
        self._held[name] = value
        for nest, frame, cells, _ in self._kernels:
            for number, slot in nest.slots["input"]:
                if slot.index == self._ports.get(name):
                    if isinstance(value, float):
                        cells[number] = value
                    else:
                        frame.columns[number] = address(value)

    def values(self) -> dict[str, tuple[Array, tuple[str, ...]]]:
        """The outputs, and the axes of each."""
        return {output.port.name: (output.result, output.axes) for output in self.outputs}
