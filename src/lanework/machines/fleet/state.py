"""What a fleet register holds: one value per virtual machine, and what is kept of each VM.

One schema gives everything: the NumPy dtype of a VM, the structure in WGSL, and the word where
each field lies. Floats and counts are all 32-bit words, so that a VM is a row of words.

A VM has a vector ``[IP, r0.., mem0.., 1]``, on which the matrices work, and metadata beside it.
There are two layouts: an array of structures, one VM after another, padded to a whole number of
cache lines (128 bytes in S22), and a structure of arrays, where the same field of all VMs is
contiguous.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.fleet.codes import BAD_VM

METADATA = tuple(
    "vm_id global_id stack_pointer status fault ip batch counter generation swept".split()
)
"""Words beside the vector: number within its launch, number among all, frames in use, `Status`,
`Fault`, the instruction, its batch, random numbers drawn, how often its place was used before, and
the sweep in which it last yielded."""

LINE = 64  # bytes that a structure is padded to a multiple of


class Status(enum.IntEnum):
    """What a VM does."""

    FREE = 0
    RUNNING = 1
    BLOCKED = 2
    YIELDED = 3
    HALTED = 4
    FAULTED = 5


LIVE = (Status.RUNNING, Status.BLOCKED, Status.YIELDED)


class Fault(enum.IntEnum):
    """Why a VM stopped against its will."""

    NONE = 0
    STACK_OVERFLOW = 1
    STACK_UNDERFLOW = 2
    BAD_ADDRESS = 3
    BAD_OPCODE = 4
    PAST_END = 5
    BAD_VALUE = 6
    CONFLICT = 7


class Convention(enum.IntEnum):
    """Which registers RETURN brings back; r0, the result, never."""

    CALLER = 0
    HYBRID = 1
    CALLEE = 2

    @property
    def saved(self) -> tuple[int, ...]:
        """The registers that a call keeps."""
        return {0: (), 1: (1,), 2: (1, 2, 3)}[int(self)]


FRAME = ("vm_id", "return_ip", "saved0", "saved1", "saved2", "saved3")
"""Words of a call's frame: whose it is, where it returns to, and r0 to r3 as they were."""


@dataclass(frozen=True)
class Profile:
    """A size of VMs.

    Attributes:
        name: as assembly names it.
        registers: r0, r1, ...
        memory: words of the VM's own memory.

    Example:
        >>> PROFILES["S22"].length, PROFILES["S22"].bytes, PROFILES["S22"].word("mem0")
        (22, 128, 5)
    """

    name: str
    registers: int
    memory: int

    @property
    def length(self) -> int:
        """Elements of the vector, with IP and the constant 1."""
        return self.registers + self.memory + 2

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The name of every word, padding too."""
        vector = ["IP", *(f"r{n}" for n in range(self.registers))]
        vector += [*(f"mem{n}" for n in range(self.memory)), "one"]
        names = [*vector, *METADATA]
        padding = -len(names) % (LINE // 4)
        return (*names, *(f"_padding{n}" for n in range(padding)))

    @cached_property
    def offsets(self) -> dict[str, int]:
        """The word of each field, the same in both layouts."""
        return {field: number for number, field in enumerate(self.fields)}

    @property
    def words(self) -> int:
        """Words of a VM in the array of structures."""
        return len(self.fields)

    @property
    def bytes(self) -> int:
        """Bytes of a VM in the array of structures."""
        return 4 * self.words

    @property
    def rows(self) -> int:
        """Rows of the structure of arrays: the words without padding."""
        return self.length + len(METADATA)

    def word(self, field: str) -> int:
        """The word of a field, the same in both layouts."""
        return self.offsets[field]

    def register(self, number: int) -> int:
        """The element of the vector that is a register."""
        return 1 + number

    def own(self, word: int) -> int:
        """The element of the vector that is a word of the VM's own memory."""
        return 1 + self.registers + word

    @property
    def dtype(self) -> np.dtype[np.void]:
        """A VM as a NumPy structure: the fields of the seed's VMState, and metadata."""
        return np.dtype(
            [
                ("IP", "<f4"),
                ("registers", "<f4", (self.registers,)),
                ("memory", "<f4", (self.memory,)),
                ("one", "<f4"),
                *((name, "<u4") for name in METADATA),
                *((name, "<u4") for name in self.fields[self.rows :]),
            ]
        )

    def wgsl(self) -> str:
        """A VM as a structure in WGSL, word for word the same."""
        lines = ["struct VMState {", "  IP: f32,"]
        lines.append(f"  registers: array<f32, {self.registers}>,")
        lines.append(f"  memory: array<f32, {self.memory}>,")
        lines.append("  one: f32,")
        lines += [f"  {name}: u32," for name in self.fields[self.length :]]
        return "\n".join([*lines, "}"]) + "\n"


PROFILES = {
    profile.name: profile
    for profile in (Profile("S22", 4, 16), Profile("S32", 8, 22), Profile("S64", 16, 46))
}

Words = npt.NDArray[np.uint32]
Spans = Sequence[tuple[int, int]]
"""Parts of something: first ones, and those behind the last."""


def without(spans: Spans, others: Spans) -> Spans:
    """Parts less others, which are in order.

    Example:
        >>> without([(0, 10)], [(2, 4), (3, 5), (9, 12)])
        [(0, 2), (5, 9)]
    """
    out = []
    for first, last in spans:
        at = first
        for begin, end in others:
            if begin < last and at < end:
                if at < begin:
                    out.append((at, begin))
                at = end
        if at < last:
            out.append((at, last))
    return out


class VMState:
    """All VMs, as a structure of arrays.

    Attributes:
        profile: their size.
        words: uint32, shape (rows, VMs); one row a field.

    Example:
        >>> vms = VMState(PROFILES["S22"], 3)
        >>> vms.floats[1] = 2.5
        >>> vms.structures()["registers"][:, 0].tolist()
        [2.5, 2.5, 2.5]
        >>> vms
        <VMState S22: 3 free>
    """

    def __init__(self, profile: Profile, count: int) -> None:
        self.profile = profile
        self.words: Words = np.zeros((profile.rows, count), np.uint32)
        self.row("global_id")[:] = np.arange(count, dtype=np.uint32)
        self.floats[profile.length - 1] = 1.0

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.words.shape[1])

    @property
    def floats(self) -> npt.NDArray[np.float32]:
        """The same words as floats."""
        return self.words.view(np.float32)

    def row(self, field: str) -> Words:
        """A field of all VMs, words; `floats` has those of registers and memory as numbers.

        Args:
            field: `r0` and so on, `mem0` and so on, or one of `METADATA`, such as `status`.

        Raises:
            Diagnostic: LW6030 for a field that VMs have not.

        Example:
            >>> VMState(PROFILES["S22"], 3).row("global_id").tolist()
            [0, 1, 2]
        """
        try:
            out: Words = self.words[self.profile.word(field)]
        except (KeyError, TypeError, IndexError):
            raise self._unknown(field) from None
        return out

    def _unknown(self, field: object) -> Diagnostic:
        known = self.profile.fields[: self.profile.rows]
        near = did_you_mean(str(field), known)
        return Diagnostic(
            BAD_VM,
            f"VMs have no field {field!r}",
            help=near or f"there are r0, mem0 and their like, {', '.join(METADATA)}",
        )

    def others(self, field: str) -> list[Words]:
        """The rows of all fields but this."""
        left = self.profile.word(field)
        return [row for number, row in enumerate(self.words) if number != left]

    def __repr__(self) -> str:
        status = self.row("status")
        kinds = {each: int(np.count_nonzero(status == each)) for each in Status}
        said = ", ".join(f"{count:,} {kind.name.lower()}" for kind, count in kinds.items() if count)
        return f"<VMState {self.profile.name}: {said or 'no VM'}>"

    def structures(self) -> npt.NDArray[np.void]:
        """The VMs as an array of structures, IP as a float beside the whole number."""
        wide = np.zeros((self.count, self.profile.words), np.uint32)
        wide[:, : self.profile.rows] = self.words.T
        out = wide.view(self.profile.dtype)[:, 0]
        out["IP"] = self.row("ip")
        return out

    @classmethod
    def of(cls, profile: Profile, structures: npt.NDArray[np.void]) -> VMState:
        """The VMs of an array of structures."""
        vms = cls(profile, len(structures))
        flat = np.ascontiguousarray(structures).view(np.uint32).reshape(len(structures), -1)
        vms.words[:] = flat[:, : profile.rows].T
        return vms
