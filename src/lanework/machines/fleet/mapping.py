"""The matrix of each linear instruction, alone or composed with those after it."""

from __future__ import annotations

from dataclasses import dataclass

from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices import Row, is_linear, linear_row


@dataclass(frozen=True)
class LinearMap:
    """A matrix by its rows that are not the identity's.

    Attributes:
        rows: ascending by element; without the row of IP.
        length: how many instructions it stands for, and so what is added to IP.
    """

    rows: tuple[Row, ...]
    length: int = 1


def linear_maps(view: FleetView, settings: Settings) -> dict[int, LinearMap]:
    """For each linear instruction by its number the matrix that runs there."""
    return {
        ip: LinearMap((linear_row(view.profile, each),))
        for ip, each in enumerate(view.instructions)
        if is_linear(each)
    }
