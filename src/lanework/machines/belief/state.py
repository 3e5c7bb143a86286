"""What a belief program holds while it runs: tensors in registers, and slots for what stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lanework.base.errors import Diagnostic
from lanework.machines.belief.codes import BAD_SLOT
from lanework.machines.belief.tensor import Array, TensorSpec

SlotKey = tuple[Any, ...]  # ("msg", u, v), ("bel", a), ("Z",)


@dataclass(frozen=True)
class RegisterInfo:
    """What is known of a register: its axes, its entries with lanes, its bytes."""

    spec: TensorSpec
    entries: int
    bytes: int


class RegisterBank:
    """Tensors by register.

    Example:
        >>> import numpy as np
        >>> bank = RegisterBank()
        >>> bank.put(3, np.ones(()), TensorSpec())
        >>> bank.info(3).entries, bank.peak
        (1, 8)
        >>> bank.free(3)
        >>> len(bank)
        0
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[Array, TensorSpec]] = {}
        self.bytes = 0
        self.peak = 0  # the most bytes that were held at a time

    def put(self, register: int, array: Array, spec: TensorSpec) -> None:
        """Hold a tensor, in the place of what was there."""
        if register in self._held:
            self.free(register)
        self._held[register] = (array, spec)
        self.bytes += array.nbytes
        self.peak = max(self.peak, self.bytes)

    def get(self, register: int) -> tuple[Array, TensorSpec]:
        """The tensor in a register.

        Raises:
            Diagnostic: LW5007 if there is none.
        """
        held = self._held.get(register)
        if held is None:
            raise Diagnostic(BAD_SLOT, f"the register {register} holds nothing")
        return held

    def info(self, register: int) -> RegisterInfo:
        """What a register holds."""
        array, spec = self.get(register)
        return RegisterInfo(spec, array.size, array.nbytes)

    def free(self, register: int) -> None:
        """Let a register's tensor go.

        Raises:
            Diagnostic: LW5007 if there is none.
        """
        array, _ = self.get(register)
        self.bytes -= array.nbytes
        del self._held[register]

    def __len__(self) -> int:
        return len(self._held)


class SlotStore:
    """Messages, beliefs and results by key; each is written once.

    Example:
        >>> import numpy as np
        >>> slots = SlotStore()
        >>> slots.put(("Z",), np.array(0.5), TensorSpec())
        >>> float(slots.get(("Z",))[0]), ("Z",) in slots
        (0.5, True)
    """

    def __init__(self) -> None:
        self._held: dict[SlotKey, tuple[Array, TensorSpec]] = {}

    def put(self, key: SlotKey, array: Array, spec: TensorSpec) -> None:
        """Write a slot.

        Raises:
            Diagnostic: LW5007 if it was written before.
        """
        if key in self._held:
            raise Diagnostic(BAD_SLOT, f"the slot {key} is written twice")
        self._held[key] = (array, spec)

    def get(self, key: SlotKey) -> tuple[Array, TensorSpec]:
        """What is in a slot.

        Raises:
            Diagnostic: LW5007 if nothing was written.
        """
        if key not in self._held:
            raise Diagnostic(BAD_SLOT, f"the slot {key} is read before it is written")
        return self._held[key]

    def replace(self, key: SlotKey, array: Array) -> None:
        """Put another array of the same axes into a slot.

        Raises:
            Diagnostic: LW5007 if nothing was written.
        """
        self._held[key] = array, self.get(key)[1]

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[SlotKey]:
        return iter(self._held)
