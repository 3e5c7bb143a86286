"""The kernels of nests: code from either engine that makes code, and the memory it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lanework.base.sharing import Spares
from lanework.engines.kernel import Kernel
from lanework.engines.native import Frame, address
from lanework.machines.series.data.binding import Array
from lanework.machines.series.native.nests import Lowered

Memory = dict[str, Mapping[int, Any] | Sequence[Any]]
"""Where the slots of a nest lie, by their kind: a number, or an array, for each index."""

SINGLE = "x86-64-v3"  # one lane is done sooner in narrower registers


@dataclass(frozen=True)
class LaneLoop:
    """How a nest goes over its lanes.

    Attributes:
        single: with one lane, the same value for all.
        ordered: lanes run in another order than they lie.
        many: there are lanes for more than a block or two.
    """

    single: bool
    ordered: bool = False
    many: bool = False


class CompiledNest:
    """A nest, its code, and frames that wait for the next call.

    Attributes:
        slots: by what they are (`input`, `output`, `bridge`, `periods`), the nest's memory slots
            and their numbers.
    """

    def __init__(self, lowered: Lowered, kernel: Kernel, tables: list[Array]) -> None:
        self.lowered, self.kernel, self.tables = lowered, kernel, tables
        self.slots = lowered.by_kind
        self._frames = Spares[tuple[Frame, Array]]()

    def frame(self) -> tuple[Frame, Array]:
        """A frame nobody else uses, with a cell for each slot that holds one number."""
        if self._frames.free:
            return self._frames.free.pop()
        count = len(self.lowered.slots)
        frame, cells = Frame(count), np.zeros(count)
        frame.columns[:count] = address(cells) + 8 * np.arange(count)
        for number, slot in self.slots["table"]:
            frame.columns[number] = address(self.tables[slot.index])
        return frame, cells

    def point(self, frame: Frame, cells: Array, memory: Memory, lanes: int) -> None:
        """Let a frame's slots be where this memory is, which must outlive what runs in it."""
        columns, dims = frame.columns, frame.dims
        if self.slots["periods"]:
            memory["periods"] = [np.arange(float(lanes))]
        for kind, arrays in memory.items():
            for number, slot in self.slots[kind]:
                value = arrays[slot.index]
                if type(value) is float:
                    cells[number] = value
                else:
                    columns[number] = address(value)
                    if value.ndim == 2:
                        dims[4 + number] = value.strides[0] // 8

    def keep(self, frame: Frame, cells: Array) -> None:
        """Let this thread's next call have this frame."""
        self._frames.free.append((frame, cells))

    def describe(self) -> str:
        """What was made of the nest."""
        nest, kernel = self.lowered.nest, self.kernel
        walks = [stage.direction for stage in nest.stages if stage.direction]
        return (
            f"{nest.size} steps at width {kernel.width}, {len(walks)} walks over time,"
            f" {len(nest.saved)} rows kept, {'from the cache' if kernel.cached else 'compiled'}"
            f" in {kernel.seconds * 1e3:.1f} ms"
        )


def llvm_kernel(lowered: Lowered, loop: LaneLoop, lane_width: int | None, *, cache: bool) -> Kernel:
    """Code from LLVM."""
    from lanework.engines.llvm import jit as llvm
    from lanework.engines.llvm.nest import nest_module, scratch_size

    nest = lowered.nest
    # two SIMD registers a value hide the latency of arithmetic, where registers do not run out; of
    # several walks no two blocks take turns, so that it is worth more, and short spills cost less
    bits = llvm.vector_bits()
    two = 2 * nest.carried <= bits // 16 + 8 or (bits < 512 and bool(nest.saved))
    width = max(2, bits // (32 if two else 64))
    width = 1 if loop.single else lane_width or width
    many, registers = loop.many, llvm.vector_registers()
    text = nest_module(
        nest, width, "lanework_nest", ordered=loop.ordered, many=many, registers=registers
    )
    kernel = llvm.compile_text(text, "lanework_nest", nest.size, disk=cache)
    kernel.width, kernel.engine = width, "llvm"
    kernel.fixed, kernel.timed = scratch_size(nest, width, many=many, registers=registers)
    return kernel


def stencil_kernel(lowered: Lowered, loop: LaneLoop) -> Kernel:
    """Code from stencils.

    Raises:
        Diagnostic: LW2103, LW2101.
    """
    from lanework.engines.vector.kernel import compile_nest
    from lanework.engines.vector.loader import helpers, level

    known = level()
    assert known is not None
    name = SINGLE if loop.single else known.name
    return compile_nest(
        lowered.nest, helpers(name), lowered.tapes, ordered=loop.ordered, many=loop.many
    )
