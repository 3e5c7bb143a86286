"""How a routine is compiled: what of the launch and of the settings its code depends on."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 20_000
"""Instructions, calls written out, of what is compiled."""


class TooLarge(Exception):
    """There is more than is compiled."""


@dataclass(frozen=True)
class Form:
    """What is compiled of a routine.

    Attributes:
        entry: its first instruction.
        resume: whether VMs go on with the registers and memory that they have.
        record: whether these are kept.
        bounds: whether an address outside is a fault.
        stride: how far apart the numbers of VMs are.
        table: whether VMs have their numbers from a table, which is in their state by then.
        half: whether registers and memory are stored in half precision.
        ordered: instructions whose effects on words are to be done in the order of epochs.
        born: whether others start its VMs.
    """

    entry: int
    resume: bool = False
    record: bool = False
    bounds: bool = False
    stride: int = 1
    table: bool = False
    half: bool = False
    ordered: frozenset[int] = frozenset()
    born: bool = False
