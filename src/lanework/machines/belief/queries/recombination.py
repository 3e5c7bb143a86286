"""Recombination: what holds for each state of some variables becomes what holds for all.

The total of a row is the semiring's sum of its lanes' totals, and a belief the sum of the lanes'
beliefs, each times its total. Probabilities are added as logarithms, so that lanes of probability
zero, or far smaller than others, do no harm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.data.posterior import Posterior
from lanework.machines.belief.state import SlotKey

Array = npt.NDArray[Any]
# How lanes are added. The numbers of the first four are logarithms here.
ADD: dict[str, np.ufunc] = {
    "prob": np.logaddexp,
    "logprob": np.logaddexp,
    "max": np.maximum,
    "minsum": np.maximum,
    "counting": np.add,
    "bool": np.logical_or,
}


# Semirings without scales, and what holds their entries: counts may outgrow any machine word.
EXACT: dict[str, Any] = {"counting": object, "bool": bool}


class Recombination:
    """Rows whose lanes come one after another.

    Example:
        >>> slots = {("bel", 0): np.array([[1.0, 0.5], [0.0, 0.5]])}
        >>> lanes = Posterior(slots, np.log([0.1, 0.3]), np.zeros(2, bool))
        >>> rows = Recombination("prob", {("bel", 0): 2}, 1)
        >>> rows.add(np.array([0, 0]), lanes, np.zeros(2))
        >>> posterior = rows.posterior()
        >>> posterior.slots["bel", 0].round(3).tolist(), np.exp(posterior.totals).round(3).tolist()
        ([[0.625], [0.375]], [0.4])
    """

    def __init__(self, semiring: str, entries: Mapping[SlotKey, int], rows: int) -> None:
        """Begin with no lane at all; `entries`: how many each slot of the answer has."""
        self.semiring, self.plus = semiring, ADD[semiring]
        nothing, dtype = 0 if semiring in EXACT else -np.inf, EXACT.get(semiring, np.float64)
        self.totals = np.full(rows, nothing, dtype)
        self.best = np.full(rows, -np.inf)  # the largest lane, whose states are kept
        self.slots: dict[SlotKey, Array] = {}
        for key, count in entries.items():
            own = (0.0, np.float64) if key[0] == "state" else (nothing, dtype)
            self.slots[key] = np.full((count, rows), *own)

    def add(
        self, rows: npt.NDArray[np.intp], lanes: Posterior, logs: npt.NDArray[np.float64]
    ) -> None:
        """Add lanes, in the order of `rows`, their rows; `logs` are logarithms of their weights."""
        which, starts = np.unique(rows, return_index=True)
        totals = absolute(lanes.totals, self.semiring, logs)
        self._best(rows, which, starts, lanes, logs_of(totals))
        for key, kept in self.slots.items():
            if key[0] != "state":
                value = np.broadcast_to(lanes.slots[key], (len(kept), len(rows)))
                scaled = self._scaled(value, totals)
                sums = self.plus.reduceat(scaled, starts, axis=1)
                kept[:, which] = self.plus(kept[:, which], sums)
        self.totals[which] = self.plus(self.totals[which], self.plus.reduceat(totals, starts))

    def _best(
        self,
        rows: npt.NDArray[np.intp],
        which: npt.NDArray[np.intp],
        starts: npt.NDArray[np.intp],
        lanes: Posterior,
        logs: npt.NDArray[np.float64],
    ) -> None:
        states = [key for key in self.slots if key[0] == "state"]
        tops = np.maximum.reduceat(logs, starts)
        better = tops > self.best[which]
        if not (states and better.any()):
            return
        ends = [*starts[1:], len(rows)]
        firsts = np.array([a + np.argmax(logs[a:b]) for a, b in zip(starts, ends, strict=True)])
        for key in states:
            value = np.broadcast_to(lanes.slots[key], (len(self.slots[key]), len(rows)))
            if self.semiring == "minsum":
                value = np.exp(-value)  # of costs the least is the state
            self.slots[key][:, which[better]] = value[:, firsts[better]]
        self.best[which[better]] = tops[better]

    def _scaled(self, value: Array, totals: Array) -> Array:
        """Beliefs times the totals of their lanes."""
        if self.semiring in EXACT:
            return value.astype(EXACT[self.semiring])
        with np.errstate(divide="ignore"):
            logs = -value if self.semiring == "minsum" else np.log(value)
        return np.asarray(np.where(totals == -np.inf, -np.inf, logs + totals))

    def posterior(self) -> Posterior:
        """What holds for each row, as a run of one program would say it."""
        slots: dict[SlotKey, Array] = {}
        for key, kept in self.slots.items():
            slots[key] = kept
            if key[0] == "state":
                slots[key] = 1.0 - kept if self.semiring == "minsum" else kept
            elif self.semiring == "counting":
                slots[key] = narrowed(kept)
            elif self.semiring != "bool":
                logs = kept - np.where(self.totals == -np.inf, 0.0, self.totals)
                slots[key] = -logs if self.semiring == "minsum" else np.exp(logs)
        totals = narrowed(self.totals) if self.semiring == "counting" else self.totals
        totals = -totals if self.semiring == "minsum" else totals
        return Posterior(slots, totals, np.zeros(len(totals), bool))


def absolute(totals: Array, semiring: str, logs: npt.NDArray[np.float64]) -> Array:
    """Totals of lanes times their weights; a count or a truth value knows no weights."""
    if semiring in EXACT:
        return totals.astype(EXACT[semiring])
    return np.asarray((-totals if semiring == "minsum" else totals) + logs)


def logs_of(totals: Array) -> npt.NDArray[np.float64]:
    """Totals of `absolute` as logarithms, whatever they are."""
    if totals.dtype == object:  # whole numbers of any length, which only Python's log takes
        return np.array([math.log(total) if total else -math.inf for total in totals])
    return np.where(totals, 0.0, -np.inf) if totals.dtype == bool else totals


def narrowed(counts: Array) -> Array:
    """Counts as int64 if they all fit."""
    most: Iterable[int] = counts.ravel().tolist()
    return counts.astype(np.int64) if max(most, default=0) < 2**63 else counts
