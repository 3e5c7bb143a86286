"""What the epoch engine keeps on the device: its code, its buffers, and whether they fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.result.show import size
from lanework.engines.codes import DEVICE_LIMIT
from lanework.engines.gpu.device import WORD
from lanework.machines.fleet.analysis.estimate import call_depth
from lanework.machines.fleet.analysis.kinds import stores
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.gpu.cells import Cells
from lanework.machines.fleet.gpu.kernels.io import writes
from lanework.machines.fleet.gpu.kernels.table import HEADER, Batch, Spec
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.compose import maps_for
from lanework.machines.fleet.matrices.formats import CHOICES as FORMATS
from lanework.machines.fleet.matrices.formats import Encoded, encode
from lanework.machines.fleet.state import Words


@dataclass(frozen=True)
class Code:
    """A program as words for the kernels.

    Attributes:
        words: matrices, the matrix of each instruction, its kernel, and its five words.
        index_at, kinds_at, program_at: where the last three begin.
        bucket_at: where the bucket of each instruction begins, in case VMs are sorted.
        limits_at: where the first word that each instruction may access begins, and their number.
        stores_at: where begins what each puts into shared memory, and what belongs where.
        ends: for each kernel its last bucket, and one more.
    """

    words: Words
    index_at: int
    kinds_at: int
    program_at: int
    bucket_at: int
    limits_at: int
    stores_at: int
    ends: tuple[int, ...]


BUCKETS = 1024
"""Into how many parts VMs are sorted at most."""


def matrices(view: FleetView, settings: Settings) -> Encoded:
    """The matrices of a program, stored as the settings say."""
    chosen, half = maps_for(view, settings), settings.storage == "f16"
    format, threshold = settings.format, settings.threshold
    return encode(chosen, view.profile, format, threshold=threshold, half=half)


def code(view: FleetView, stored: Encoded) -> Code:
    """A program and its matrices as words."""
    kinds = np.array([info.kernel for info in view.infos], np.uint32)
    index = np.maximum(stored.index, 0).astype(np.uint32)
    bucket, ends = buckets(view)
    spans = np.tile(np.array([0, view.shared], np.uint32), (len(view.infos), 1))
    for ip, buffer in limits(view).items():
        spans[ip] = buffer.offset, buffer.size
    known = stores(view)
    puts = np.zeros(len(view.infos) + 1) if known is None else known.words(len(view.infos))
    parts = [stored.words, index, kinds, view.words.ravel(), bucket, spans.ravel(), puts]
    index_at, kinds_at, program_at, bucket_at, limits_at, stores_at, _ = np.cumsum(
        [len(each) for each in parts]
    ).tolist()
    words = np.concatenate(parts).astype(np.uint32)
    return Code(words, index_at, kinds_at, program_at, bucket_at, limits_at, stores_at, ends)


def buckets(view: FleetView) -> tuple[Words, tuple[int, ...]]:
    """The bucket of each instruction, ordered by kernel and opcode, and where kernels end."""
    count = len(view.infos)
    order = sorted(range(count), key=lambda ip: (view.infos[ip].kernel, view.infos[ip].code, ip))
    share = max(1, -(-count // (BUCKETS - len(Kernel))))  # instructions to a bucket
    out, ends, number = np.zeros(count, np.uint32), [], 0
    for kernel in Kernel:
        own = [ip for ip in order if view.infos[ip].kernel is kernel]
        out[own] = number + np.arange(len(own)) // share
        number += -(-len(own) // share)
        ends.append(number)
    return out, tuple(ends)


def spec(view: FleetView, settings: Settings, stored: Encoded) -> Spec:
    """What the kernels' texts depend on."""
    formats = {(stored.format(n), stored.half(n)) for n in range(stored.count)}
    opcodes = view.words[:, 0].tolist()
    if settings.general:
        halves = (False, True) if settings.storage == "f16" else (False,)
        formats = {(each, half) for each in FORMATS[settings.format] for half in halves}
        opcodes = list(FLEET.by_code)
    return Spec(
        Cells.of(view, settings.layout, settings.storage),
        frozenset(formats),
        not settings.compose,
        frozenset(opcodes),
        settings.io == "fast",
        settings.bounds == "fault",
        settings.conflicts == "fault",
        settings.arithmetic == "trap",
        view.convention,
        settings.sort,
        bool(limits(view)) or settings.general,
        stores(view) is not None or settings.general,
    )


def depth(view: FleetView) -> int:
    """Frames of calls that a VM can need: fewer than the header says where no call recurs."""
    if not view.has("CALL"):
        return 0
    known = call_depth(view)
    return view.depth if known is None else min(view.depth, known)


def marks(view: FleetView, spec: Spec) -> tuple[int, int]:
    """Words of bits for VMs at ordered instructions, and words of bits for these words."""
    if not spec.ordered:
        return 0, 0
    words = -(-view.slots // 32)
    return words, -(-words // 32)


def sizes(view: FleetView, spec: Spec, words: int) -> dict[str, int]:
    """Words of each buffer.

    Args:
        view: the program.
        spec: what its kernels depend on.
        words: of its code.
    """
    slots = max(view.slots, 1)
    tallies = 2 * BUCKETS if spec.sort else 0
    return {
        "code": words,
        "states": slots * spec.cells.words,
        "memory": view.shared,
        "lists": (6 if spec.sort else 5) * slots,
        "control": HEADER + len(Batch) * batches(view) + sum(marks(view, spec)) + tallies,
        "stack": slots * spec.frame * depth(view),
        "winner": view.shared + -(-view.shared // 32) if writes(spec) else 0,
    }


def batches(view: FleetView) -> int:
    """Batches that may run at one time, one at least."""
    return max(view.allocation.batches, 1)


WHAT = {
    "code": "the program",
    "states": "states of VMs",
    "memory": "shared memory",
    "lists": "lists of VMs",
    "control": "marks of VMs",
    "stack": "frames of calls",
    "winner": "bids for shared memory",
}
"""Buffers for people."""


def check(view: FleetView, needed: dict[str, int], largest: int, adapter: str) -> None:
    """Refuse a program before anything is made for it.

    Args:
        view: the program.
        needed: words of each buffer.
        largest: bytes that a buffer may have.
        adapter: its name.

    Raises:
        Diagnostic: LW2203 with the buffer, and how many VMs there could be.
    """
    for name, words in needed.items():
        if WORD * words <= largest:
            continue
        slots = max(view.slots, 1)
        fit = largest * slots // (WORD * words)
        per_vm, less = name in ("states", "lists", "stack"), "use less shared memory"
        raise Diagnostic(
            DEVICE_LIMIT,
            f"the buffer of {WHAT[name]} needs {size(WORD * words)} for {view.slots:,} VMs and"
            f" {view.shared:,} words of shared memory; {adapter} allows {size(largest)}",
            help=f"{fit:,} VMs would fit" if per_vm else f"{less}, or another engine",
        )


def estimate(view: FleetView, settings: Settings) -> int:
    """Bytes that a run of the epoch engine needs, results on the host too."""
    stored = matrices(view, settings)
    chosen = spec(view, settings, stored)
    needed = sizes(view, chosen, len(code(view, stored).words))
    host = needed["states"] + needed["memory"] + view.slots * view.profile.rows
    return WORD * (sum(needed.values()) + host)
