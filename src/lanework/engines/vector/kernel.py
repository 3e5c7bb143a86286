"""A nest's code from stencils, ready to be run by `engines.native`."""

from __future__ import annotations

import functools
import time
from array import array

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.engines.codes import MISSING_STENCIL
from lanework.engines.kernel import COLUMNS, UNIT, Kernel
from lanework.engines.loops import LoopNest
from lanework.engines.native import address
from lanework.engines.stencil.arena import Pool
from lanework.engines.vector.isa import FRAME_HEAD, RECORD_WORDS, Descriptor, Job, Kind, Outcome
from lanework.engines.vector.loader import Helpers
from lanework.engines.vector.tape import Tape
from lanework.engines.vector.writer import TapeWriter

_START = 16 * 1024  # bytes of code to begin with
_PER_RECORD = 64  # and for each instruction
_REST = [0] * (Job.WORDS - Job.REGISTERS - 1)
# Steps up to which four blocks run together, with walks over time and without, measured: each
# hides the latency of the others, but takes registers from them. Where a walk keeps rows for the
# next, two blocks wait for their stores more than for each other.
FEW, FEW_FLAT = 8, 100


def compile_nest(
    nest: LoopNest,
    helpers: Helpers,
    tapes: dict[bool, TapeWriter] | None = None,
    *,
    ordered: bool = False,
    many: bool = False,
) -> Kernel:
    """Make code of a nest.

    Args:
        nest: the nest.
        helpers: the tables of a level.
        tapes: what was written of this nest before, by `ordered`; is added to.
        ordered: whether lanes run in another order than they lie.
        many: whether there are more lanes than one register holds.

    Raises:
        Diagnostic: LW2103 for an op that has no stencil, LW2101 where there is no memory for code.
    """
    start = time.perf_counter()
    written = None if tapes is None else tapes.get(ordered)
    if written is None:
        written = TapeWriter(nest, helpers.numbers, ordered=ordered)
        try:
            written.write()
        except KeyError as error:
            raise Diagnostic(MISSING_STENCIL, f"there is no stencil for {error}") from None
        if tapes is not None:
            tapes[ordered] = written
    walks = any(stage.direction for stage in nest.stages)
    blocks = 1 if not many or nest.saved else 4 if nest.size <= (FEW if walks else FEW_FLAT) else 2
    return _finish(nest, written, helpers, blocks, start)


def _finish(
    nest: LoopNest, written: TapeWriter, helpers: Helpers, blocks: int, start: float
) -> Kernel:
    """Code in its place, and the descriptor for the driver."""
    tape, width = written.tape, blocks * helpers.level.width
    code, starts, frame = assemble(tape, helpers, blocks)
    buffer = _pool().place(code)
    constants = b"".join(written.constants)
    timed, flat_totals = written.totals
    frame = -(-frame // FRAME_HEAD) * FRAME_HEAD
    entries: list[int] = []
    for piece, at in zip(tape.pieces, starts, strict=True):
        entries += (buffer.run + at, piece.kind)
    flat = tape.pieces[-1].kind is Kind.FLAT
    alone = entries[-2] if flat and not timed and not flat_totals else 0
    descriptor = array("q", [
        UNIT if flat else width, frame, 8 * width * len(nest.saved), 0, nest.horizon is None,
        8 * COLUMNS * len(timed), 8 * COLUMNS * len(flat_totals), len(timed), len(flat_totals),
        len(tape.pieces), 8 * nest.slots, alone, *entries, *timed, *flat_totals,
    ])  # fmt: skip
    descriptor.frombytes(constants or bytes(8))
    place = descriptor.buffer_info()[0]
    descriptor[Descriptor.CONSTANTS] = place + 8 * len(descriptor) - max(len(constants), 8)
    return Kernel(
        helpers.drive,
        helpers.addresses["drive"],
        False,
        time.perf_counter() - start,
        (buffer, descriptor, helpers),  # as long as the kernel
        "stencil",
        width,
        frame // 8 + FRAME_HEAD // 8 + COLUMNS * len(flat_totals),
        width * len(nest.saved) + COLUMNS * len(timed),
        place,
    )


@functools.cache
def _pool() -> Pool:
    """Buffers for code of nests, most of which fits in one."""
    return Pool(buffers=16, size=16384)


def assemble(
    tape: Tape, helpers: Helpers, blocks: int
) -> tuple[npt.NDArray[np.uint8], list[int], int]:
    """Code of a tape, which runs wherever it lies; where its pieces begin; the bytes of a frame."""
    words = array("I")
    pieces = array("q")
    for piece in tape.pieces:
        first = len(words) // RECORD_WORDS
        words.extend(piece.words)
        pieces.extend((first, len(words) // RECORD_WORDS, piece.kind, 0))
    level, records = helpers.level, len(words) // RECORD_WORDS
    count = tape.count * blocks
    capacity = _START + records * blocks * _PER_RECORD
    while True:
        uses = np.empty(4 * (records * blocks + 1), np.uint32)
        # places, last uses, spare places, values, registers
        lists = np.empty(4 * count + count // 4 + 1, np.uint32)
        out = np.empty(capacity, np.uint8)
        place = address(lists)
        job = array("q", [
            words.buffer_info()[0], pieces.buffer_info()[0], len(tape.pieces),
            place + 12 * count, tape.count, blocks, address(helpers.table), address(out), capacity,
            place, place + 16 * count, place + 4 * count, address(uses), place + 8 * count, 0,
            0, level.bytes, level.width, len(level.registers), *_REST,
        ])  # fmt: skip
        status = helpers.assemble(job.buffer_info()[0])
        if status == Outcome.DONE:
            return out[: job[Job.OFFSET]], pieces[3::4].tolist(), job[Job.FRAME]
        if status == Outcome.UNKNOWN:
            raise RuntimeError("a value of a vector tape is used before it is made")
        capacity *= 2
