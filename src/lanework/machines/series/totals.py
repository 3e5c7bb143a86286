"""Totals over lanes, in an order that no engine, width or number of threads can change.

Lanes are taken in units of 64. Within a unit, lane i is added to running total i mod 16, in
order; the 16 totals are folded by halves; the units are added in order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lanework.engines.loops import COLUMNS, UNIT

Array = npt.NDArray[np.float64]


def add_units(partials: Array) -> Array:
    """Add up the totals of units, shape ``(units, ...)``, in order from 0.0."""
    if len(partials) == 0:
        return np.zeros(partials.shape[1:])
    with np.errstate(all="ignore"):
        added: Array = np.add.accumulate(partials, axis=0)[-1] + 0.0
    return added


def unit_totals(values: Array) -> Array:
    """The totals of each unit over the last axis: ``(..., L)`` to ``(units, ...)``.

    Lanes that are absent or not active must hold 0.0.

    Example:
        >>> float(add_units(unit_totals(np.arange(3000.0))))
        4498500.0
    """
    lanes = values.shape[-1]
    units = -(-lanes // UNIT)
    padded = np.zeros((*values.shape[:-1], units * UNIT))
    padded[..., :lanes] = values
    rows = padded.reshape(*values.shape[:-1], units, UNIT // COLUMNS, COLUMNS)
    total = np.zeros((*values.shape[:-1], units, COLUMNS))
    width = COLUMNS
    with np.errstate(all="ignore"):
        for k in range(UNIT // COLUMNS):
            total = total + rows[..., k, :]
        while width > 1:
            width //= 2
            total = total[..., :width] + total[..., width : 2 * width]
    return np.moveaxis(total[..., 0], -1, 0)
