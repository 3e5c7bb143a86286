"""A lowered nest with its code, from either engine that makes code."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lanework.engines.kernel import Kernel
from lanework.engines.native import Frame, address
from lanework.machines.series.data.binding import Array
from lanework.machines.series.native.nests import Lowered

SINGLE = "x86-64-v3"  # one lane is done sooner in narrower registers


@dataclass(frozen=True)
class Way:
    """How a nest is run.

    Attributes:
        single: with one lane, the same value for all.
        ordered: lanes run in another order than they lie.
        many: there are lanes for more than a block or two.
    """

    single: bool
    ordered: bool = False
    many: bool = False


@dataclass
class Part:
    """A nest, its code, and frames that wait for the next call."""

    lowered: Lowered
    kernel: Kernel
    tables: list[Array]
    frames: list[tuple[Frame, Array]] = field(default_factory=list)

    def frame(self) -> tuple[Frame, Array]:
        """A frame nobody else uses, with a cell for each slot that holds one number."""
        try:
            return self.frames.pop()  # atomic: two threads never get the same one
        except IndexError:
            slots = self.lowered.slots
            frame = Frame(len(slots))
            cells = np.zeros(len(slots))
            base = address(cells)
            for number, slot in enumerate(slots):
                frame.columns[number] = base + 8 * number
                if slot.kind == "table":
                    frame.columns[number] = address(self.tables[slot.index])
            return frame, cells

    def describe(self) -> str:
        """What was made of the nest."""
        nest, kernel = self.lowered.nest, self.kernel
        walks = [stage.direction for stage in nest.stages if stage.direction]
        return (
            f"{nest.size} steps at width {kernel.width}, {len(walks)} walks over time,"
            f" {len(nest.saved)} rows kept, {'from the cache' if kernel.cached else 'compiled'}"
            f" in {kernel.seconds * 1e3:.1f} ms"
        )


def llvm_kernel(lowered: Lowered, way: Way, lane_width: int | None, *, cache: bool) -> Kernel:
    """Code from LLVM."""
    from lanework.engines.llvm import jit as llvm
    from lanework.engines.llvm.nest import nest_module, scratch_size

    nest = lowered.nest
    # two SIMD registers of f64 hide the latency of arithmetic
    width = 1 if way.single else lane_width or max(2, llvm.vector_bits() // 32)
    text = nest_module(nest, width, "lanework_nest", ordered=way.ordered, many=way.many)
    kernel = llvm.compile_text(text, "lanework_nest", nest.size, disk=cache)
    kernel.width, kernel.engine = width, "llvm"
    kernel.fixed, kernel.timed = scratch_size(nest, width)
    return kernel


def stencil_kernel(lowered: Lowered, way: Way) -> Kernel:
    """Code from stencils.

    Raises:
        Diagnostic: LW2103, LW2101.
    """
    from lanework.engines.vector.kernel import compile_nest
    from lanework.engines.vector.loader import helpers, level

    known = level()
    assert known is not None
    name = SINGLE if way.single else known.name
    return compile_nest(
        lowered.nest, helpers(name), lowered.tapes, ordered=way.ordered, many=way.many
    )
