"""A call of compiled code: its arguments, the memory that it works on, and what it counts."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field

import numpy as np
import numpy.typing as npt

from lanework.engines import signals
from lanework.engines.native import Frame, address
from lanework.machines.fleet.native import abi
from lanework.machines.fleet.state import Words

ENDLESS = (1 << 62) - 1

Ages = npt.NDArray[np.uint64]


@dataclass
class Call:
    """Arguments of compiled code, which may be used again.

    Args:
        count: parts of shared memory that may be elsewhere.

    Attributes:
        frame: as native code has them.
        entries: launches.
        words, rows, later: shared memory, the state of VMs, what they do later.
        notes: what VMs do that who runs them is to know.
        ages: how old VMs were that stopped.
        parts: of those parts the first word, and what is there.
        epochs, counters: what is counted.
        table: for signals.
        threads: how many there are to be.
    """

    count: InitVar[int]
    frame: Frame = field(init=False)
    entries: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    words: Words = field(default_factory=lambda: np.zeros(0, np.uint32))
    rows: Words = field(default_factory=lambda: np.zeros((0, 0), np.uint32))
    later: Words = field(default_factory=lambda: np.zeros((0, 0), np.uint32))
    notes: Words = field(default_factory=lambda: np.zeros((abi.NOTE, 0), np.uint32))
    ages: Ages = field(default_factory=lambda: np.zeros(0, np.uint64))
    parts: list[tuple[int, Words]] = field(default_factory=list)
    threads: int = 1

    def __post_init__(self, count: int) -> None:
        self.frame = Frame(abi.PARTS + count)

    def begin(self, seed: int, fuel: int, limit: int) -> None:
        """Count anew.

        Args:
            seed: of random numbers.
            fuel: instructions of all VMs after which the call ends.
            limit: turns of loops, or instructions of a VM that may fault, after which it gives up.
        """
        last, frame = self.entries[-1], self.frame
        units = int(last[abi.ENTRY.index("first")] + last[abi.ENTRY.index("units")])
        self.epochs = np.zeros(int(last[abi.ENTRY.index("phase")]) + 1, np.uint64)
        self.counters = np.zeros(abi.COUNTS, np.int64)
        self.counters[abi.LIMIT], self.table = limit, signals.table()
        self.counters[abi.ROOM] = self.notes.shape[1]
        most = int(self.entries[:, abi.ENTRY.index("units")].max())
        self.threads = max(1, min(self.threads, most))
        frame.shape(len(self.entries), len(self.words), units, 8, self.threads)
        columns: dict[int, npt.NDArray[np.generic]] = {
            abi.MEMORY: self.words,
            abi.ROWS: self.rows,
            abi.ENTRIES: self.entries,
            abi.AGES: self.ages,
            abi.EPOCHS: self.epochs,
            abi.COUNTERS: self.counters,
            abi.LATER: self.later,
            abi.NOTES: self.notes,
            abi.SIGNALS: self.table,
        }
        for column, array in columns.items():
            frame.columns[column] = address(array)
        for n, (first, given) in enumerate(self.parts):
            frame.columns[abi.PARTS + n] = address(given) - 4 * first
        frame.dims[abi.SLOTS] = self.rows.shape[1]
        frame.dims[abi.KEY0], frame.dims[abi.KEY1] = seed & 0xFFFFFFFF, seed >> 32
        frame.dims[abi.FUEL], frame.shared[abi.DONE] = fuel, 0

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop, or used up its fuel."""
        return bool(self.frame.shared[1])

    def stop(self) -> None:
        """Tell it to."""
        self.frame.shared[1] = 1
