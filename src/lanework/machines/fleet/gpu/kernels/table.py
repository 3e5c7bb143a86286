"""What the kernels' texts depend on, and the words that they share with the host."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from lanework.machines.fleet.gpu.cells import Cells
from lanework.machines.fleet.isa import FLEET, FleetInstr, Kernel
from lanework.machines.fleet.matrices.formats import Format
from lanework.machines.fleet.state import Convention, Profile

SIZE = 256
"""Invocations of a workgroup."""

EACH = 8
"""VMs that an invocation of classification looks at, one after another; their kinds fit a word."""


class Control(enum.IntEnum):
    """Words of the control buffer; batches follow, and then the marks of ordered instructions.

    The first six are counted by classification and taken away by the plan of each epoch. Counts
    from `READS_OUTSIDE` on are of one submission, so that 32 bits are enough.
    """

    LINEAR = 0
    ORACLE = 1
    BRANCH = 2
    IO = 3
    BLOCKED = 4
    IDLE = 5
    LENGTHS = 8  # of the four lists in this epoch
    STOP = 12
    MIXED = 15  # of one submission, as those from `READS_OUTSIDE` on
    SWEEP = 13
    QUIET = 14
    FAULTS = 16
    FIRST_FAULT = 17
    READS_OUTSIDE = 18
    WRITES_OUTSIDE = 19
    EPOCHS = 20
    BY_KERNEL = 21  # four of them
    ORDERED = 25  # whether VMs at ordered instructions wait for their turns
    HINT = 26  # no place for a VM that is started is free before this one
    FUEL = 27
    LISTED = 28  # VMs on the list of live ones
    CONFLICTS = 29  # these are of one submission, too
    STALLED = 30
    UNBORN = 31


HEADER = 32
"""Words before those of batches."""


class Batch(enum.IntEnum):
    """Words of a batch."""

    LIVE = 0
    COUNT = 1
    STREAM = 2


class Dispatch(enum.IntEnum):
    """Kernels whose numbers of workgroups the plan writes, three words each."""

    CLASSIFY = 0
    LINEAR = 1
    ORACLE = 2
    BRANCH = 3
    IO = 4
    ORDERED = 5
    TRACE = 6
    SCATTER = 7


PARAMETERS = (
    "capacity",  # places for VMs
    "words",  # of a VM
    "elements",  # that have a place: registers and own memory,
    "rows",  # and how many rows they take
    "shared_words",
    "instructions",
    "index_at",  # words of the code: the matrix of each instruction,
    "kinds_at",  # its kernel,
    "program_at",  # and its five words
    "depth",
    "patience",
    "seed_low",
    "seed_high",
    "epsilon",
    "spawn_first",  # the first place for VMs that others start
    "fault_stops",
    "group_limit",
    "marks_at",  # words of control: a bit for each VM at an ordered instruction,
    "summary_at",  # and a bit for each of these words
    "summary_count",
    "bucket_at",  # words of the code: the bucket of each instruction, where VMs are sorted
    "bucket_end0",  # the last bucket of each kernel, and one more
    "bucket_end1",
    "bucket_end2",
    "bucket_end3",
    "tally_at",  # words of control: how many VMs a bucket has; and where it begins
    "tally_count",
    "batches",
    "watching",
    "first",  # the VMs to look at: so many from this one on,
    "count",
    "listed",  # or so many on the list of live ones
    "most",  # epochs of this submission
    "turns",  # VMs that have their turns in one round
    "trace_vm",
    "trace_most",
    "traced",  # epochs on the trace before this submission
    "limits_at",  # words of the code: of each instruction the words that it may access
    "stores_at",  # what each puts into shared memory, and what does not belong into its regions
    "slot",  # of a launch
    "entry",
    "batch",
    "base",
    "stride",
    "strategy",
    "resume",
)
"""Words of the uniform buffer; the watched batches follow, a bit for each."""

WATCH = 8
"""Words of bits of watched batches."""


@dataclass(frozen=True)
class Spec:
    """What the texts depend on; nothing else of a program or of settings.

    Attributes:
        cells: where words lie.
        formats: how matrices are stored, and whether in half precision.
        single: whether each matrix is that of one instruction, with one row at most to work out.
        opcodes: the instructions that the program has. Only these are compiled: some processors
            go through all cases of a switch.
        fast: whether reads, writes and atomics go in any order.
        faults_outside: whether a VM faults outside shared memory.
        faults_conflicts: whether VMs fault that write one word.
        traps: whether it faults where finite operands have no finite result.
        convention: which registers a call keeps.
        sort: whether VMs are sorted by instruction.
        limited: whether there are instructions whose addresses are in a buffer by its name.
        stores: whether words are counted that are put where they do not belong.
    """

    cells: Cells
    formats: frozenset[tuple[Format, bool]]
    single: bool
    opcodes: frozenset[int]
    fast: bool
    faults_outside: bool
    faults_conflicts: bool
    traps: bool
    convention: Convention
    sort: bool = False
    limited: bool = False
    stores: bool = False

    def has(self, *names: str) -> bool:
        """Whether the program has one of these instructions."""
        return any(FLEET.by_name[name].code in self.opcodes for name in names)

    def used(self, kernel: Kernel) -> list[FleetInstr]:
        """The program's instructions of a kernel, by opcode."""
        infos = [FLEET.by_code[code] for code in sorted(self.opcodes)]
        return [info for info in infos if info.kernel is kernel]

    @property
    def profile(self) -> Profile:
        """The size of VMs."""
        return self.cells.profile

    @property
    def waits(self) -> bool:
        """Whether a VM can wait for others."""
        return self.has("SYSCALL_YIELD", "WAIT")

    @property
    def ordered(self) -> list[FleetInstr]:
        """The program's instructions that VMs do one after another."""
        used = self.used(Kernel.IO)
        return [each for each in used if each.ordered and (not self.fast or each.name in SERIAL)]

    @property
    def frame(self) -> int:
        """Words of a call's frame: the whole structure, or only what RETURN needs."""
        return 6 if self.cells.literal else 1 + len(self.convention.saved)


SERIAL = ("SYSCALL_SPAWN", "SYSCALL_KILL")
"""What stays in order where nothing else has to: it hands out places."""
