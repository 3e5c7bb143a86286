"""What every engine of the fleet does, and what the runtime sees of it.

An epoch is one step: every VM that runs executes one instruction. All engines do the same:

1. VMs that have yielded run again. A blocked VM runs again if the word that it waits for has other
   bits now.
2. The engine looks whether it has to stop (`Stop`).
3. Every running VM executes its instruction. Reads see shared memory as the epoch began. Then
   writes are done, of several to one word that of the highest VM; then, one VM after another by
   global id, the instructions that the ISA calls ordered.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypedDict

from lanework.machines.fleet.plan import Allocated
from lanework.machines.fleet.state import Spans, VMState, Words


class Stop(enum.IntEnum):
    """Why an engine came back, the first that holds."""

    FAULT = 1
    """A VM has faulted, and faults stop the run."""
    DONE = 2
    """No VM is live."""
    BATCH = 3
    """One of the batches that are watched has no live VM."""
    DEADLOCK = 4
    """Every live VM waits, and none can go on."""
    FUEL = 5
    """The next epoch would execute more instructions than are left."""
    EPOCHS = 6
    """As many epochs as were asked for have run."""
    STILL = 7
    """Every live VM waits or has yielded `patience` times over: what an engine that works by itself
    comes back with to have looked whether anything changes. No run ends with it."""


LOOKS = 8
"""Sweeps over which what there is is compared with what there was: a VM may come round in turns."""


class Stillness:
    """Whether anything changes where every live VM waits or yields.

    After `patience` sweeps a digest of what there is is kept; if one of the next `LOOKS` sweeps
    finds the same again, it will for ever.
    """

    def __init__(self) -> None:
        self.kept: bytes | None = None

    def look(self, sweeps: int, now: Iterable[Words]) -> bool | None:
        """Look after a sweep: True, nothing changes; None, count sweeps from 0 again.

        Args:
            sweeps: how many there were after `patience`.
            now: all that there is.
        """
        digest = hashlib.blake2b(digest_size=16)
        for words in now:
            digest.update(words.tobytes() if not words.flags.c_contiguous else words.data)
        if self.kept is None:
            self.kept = digest.digest()
            return False
        if digest.digest() == self.kept:
            return True
        if sweeps < LOOKS:
            return False
        self.kept = None
        return None


@dataclass(frozen=True)
class Settings:
    """How a program runs.

    Attributes:
        seed: of random numbers.
        layout: `soa` (a structure of arrays) or `aos` (an array of structures, 128 bytes in S22).
        format: how matrices are stored: rows (only those that are not the identity's), dense, csr,
            hybrid (dense from a density on), bsr, or adaptive (whichever takes fewest words).
        threshold: the density from which hybrid stores a matrix dense.
        compose: whether runs of linear instructions become one matrix where that is exact.
        storage: what registers and memory are stored as, f32 or f16.
        io: `ordered`, or `fast`: reads, writes and atomics of an epoch in any order.
        bounds: what happens outside shared memory: `count` or `fault`.
        conflicts: what happens where several VMs write one word in an epoch: `count` or `fault`.
        arithmetic: `ieee`, or `trap`: finite operands without a finite result are a fault.
        patience: sweeps of VMs that only yield after which it is looked whether anything changes.
        on_fault: `stop` the run, or let the others `go on`.
        sort: whether VMs are sorted by instruction within a kernel.
        general: whether kernels are made for all instructions, once for many programs, and not for
            those of this program alone, which is faster.
        adapter: part of an adapter's name, or its number; "" is the best there is.
    """

    seed: int = 0
    layout: str = "soa"
    format: str = "rows"
    threshold: float = 0.15
    compose: bool = False
    storage: str = "f32"
    io: str = "ordered"
    bounds: str = "count"
    conflicts: str = "count"
    arithmetic: str = "ieee"
    patience: int = 1000
    on_fault: str = "stop"
    sort: bool = False
    general: bool = False
    adapter: str = ""


class Changes(TypedDict, total=False):
    """Settings by name, as `Program.bind` takes them."""

    seed: int
    layout: str
    format: str
    threshold: float
    compose: bool
    storage: str
    io: str
    bounds: str
    conflicts: str
    arithmetic: str
    patience: int
    on_fault: str
    sort: bool
    general: bool
    adapter: str


CHOICES = {
    "layout": ("soa", "aos"),
    "format": ("rows", "dense", "csr", "hybrid", "bsr", "adaptive"),
    "storage": ("f32", "f16"),
    "io": ("ordered", "fast"),
    "bounds": ("count", "fault"),
    "conflicts": ("count", "fault"),
    "arithmetic": ("ieee", "trap"),
    "on_fault": ("stop", "go on"),
}
"""What settings there are, the default first."""


@dataclass
class Progress:
    """Counts since the engine began.

    Attributes:
        epochs: epochs that ran.
        executed: instructions of all VMs.
        by_kernel: the same for each `Kernel`.
        live: VMs that have not ended.
        reads_outside, writes_outside: accesses outside shared memory.
        conflicts: words that several VMs wrote in one epoch, each epoch counted anew.
        stalled: whole numbers that ATOMIC_ADD added to a float so large that it stayed the same.
        mixed: floats that were put into buffers of integers, and integers into buffers of floats,
            as far as it is known which of them an instruction puts there.
        unborn: VMs that SYSCALL_SPAWN did not start, as there was no place.
        faults: VMs that faulted.
        first_fault: the lowest global id among them, or -1.
        stop: why the engine came back.
    """

    epochs: int = 0
    executed: int = 0
    by_kernel: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    live: int = 0
    reads_outside: int = 0
    writes_outside: int = 0
    conflicts: int = 0
    stalled: int = 0
    mixed: int = 0
    unborn: int = 0
    faults: int = 0
    first_fault: int = -1
    stop: Stop = Stop.EPOCHS

    def copied(self) -> Progress:
        """The same counts, which stay as they are now."""
        return replace(self, by_kernel=self.by_kernel.copy())


class Engine(Protocol):
    """An engine with a program on it."""

    name: str

    def begin(self, shared: Words, blank: Spans = ()) -> None:
        """Start anew: no VM, and shared memory as given.

        Args:
            shared: uint32, bits of floats.
            blank: words of it that are known to be zeros.
        """

    def clear(self, first: int, last: int) -> None:
        """Make the places from `first` to before `last` free."""

    def launch(self, allocated: Allocated) -> None:
        """Start the VMs of a launch at their places."""

    def ahead(
        self, step: int, fuel: int | None, until: float | None
    ) -> tuple[int, Progress] | None:
        """Run steps of the schedule as a whole, as many as can be.

        Args:
            step: the first; no VM is live.
            fuel: instructions that may still be executed.
            until: the deadline.

        Returns:
            How many have run, at whose end no VM is live, and the counts; None for none.
        """

    def run(
        self,
        epochs: int,
        watch: Sequence[int] = (),
        fuel: int | None = None,
        until: float | None = None,
    ) -> Progress:
        """Run at most so many epochs.

        Args:
            epochs: how many at most.
            watch: batches of which one without a live VM stops the run.
            fuel: instructions that may still be executed.
            until: on the clock of `time.monotonic`: come back after the epoch in which it passes.
        """

    def shared(self) -> Words:
        """Shared memory as it is now: a copy."""

    def peek(self, first: int, count: int) -> Words:
        """Some words of it, as they are now: a copy."""

    def vms(self) -> VMState:
        """All VMs as they are now: a copy."""

    def vm(self, number: int) -> VMState:
        """One VM as it is now."""

    def save(self) -> Any:
        """Everything there is, for `restore`."""

    def restore(self, saved: Any) -> None:
        """Go back to what `save` gave."""

    def close(self) -> None:
        """Give back what the engine holds."""
