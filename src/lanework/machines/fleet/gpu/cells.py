"""Where a VM's words lie in a buffer: an array of structures, or a structure of arrays.

The array of structures is `state.Profile` word for word, padding too. The structure of arrays has
a row for each word that is not known anyway: IP, the constant 1 and the global id are made when
VMs are read back, and words of own memory that the program never names have no row, since they
stay zero. In half precision two elements share a word there; in the array of structures they are
rounded to it, and stay words of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lanework.core.ops.bodies import words32
from lanework.core.ops.evaluate import evaluate
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import METADATA, Profile, VMState, Words

_MADE = "global_id"  # the place itself


@dataclass(frozen=True)
class Cells:
    """Where words lie.

    Attributes:
        profile: the size of VMs.
        layout: `soa` or `aos`.
        half: whether elements are rounded to half precision.
        memory: words of own memory that have rows.

    Example:
        >>> from lanework.machines.fleet.state import PROFILES
        >>> Cells(PROFILES["S22"], "aos", False, 16).words
        32
        >>> Cells(PROFILES["S22"], "soa", False, 2).words
        15
    """

    profile: Profile
    layout: str
    half: bool
    memory: int

    @staticmethod
    def of(view: FleetView, layout: str, storage: str) -> Cells:
        """The cells of a program's VMs."""
        return Cells(view.profile, layout, storage == "f16", named(view))

    @property
    def literal(self) -> bool:
        """Whether it is the array of structures."""
        return self.layout == "aos"

    @cached_property
    def metadata(self) -> tuple[str, ...]:
        """The rows before those of elements."""
        return tuple(field for field in METADATA if field != _MADE)

    @property
    def elements(self) -> int:
        """Elements that have a place: registers and memory, from element 1 on."""
        return self.profile.registers + (self.profile.memory if self.literal else self.memory)

    @property
    def packed(self) -> bool:
        """Whether two elements share a word."""
        return self.half and not self.literal

    @property
    def rows(self) -> int:
        """Rows or words that they take."""
        return -(-self.elements // 2) if self.packed else self.elements

    @property
    def words(self) -> int:
        """Words of a VM."""
        return self.profile.words if self.literal else len(self.metadata) + self.rows

    def row(self, field: str) -> int:
        """The word or the row of a metadata field."""
        return self.profile.word(field) if self.literal else self.metadata.index(field)

    @property
    def first(self) -> int:
        """The word or row that element 0 would have; in half precision that of element 1."""
        return 0 if self.literal else len(self.metadata) - (not self.packed)

    def unpack(self, words: Words, slots: Words) -> VMState:
        """VMs from their words; the mirror of IP stays zero.

        Args:
            words: shape (VMs, words) for the array of structures, else (words, VMs).
            slots: the global id of each.
        """
        profile, vms = self.profile, VMState(self.profile, len(slots))
        if self.literal:
            vms.words[1:] = words[:, 1 : profile.rows].T
            return vms
        for n, field in enumerate(self.metadata):
            vms.row(field)[:] = words[n]
        vms.row("global_id")[:] = slots
        stored = words[len(self.metadata) :]
        if self.packed:
            halves = np.stack((stored & 0xFFFF, stored >> 16), 1).reshape(-1, len(slots))
            stored = evaluate(words32.from_half.graph("i32"), [halves.view(np.int32)])
            stored = stored.view(np.uint32)
        vms.words[1 : 1 + self.elements] = stored[: self.elements]
        return vms


def named(view: FleetView) -> int:
    """How many words of own memory a program names: the last one's number, and one more."""
    last = (int(numbers.max()) for _, _, numbers in view.named(OperandKind.WORD))
    return min(max(last, default=-1) + 1, view.profile.memory)
