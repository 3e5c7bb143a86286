"""The derivatives of a posterior probability by every entry of every table.

With q a state of a variable and e a row of evidence, P(q|e) = P(q,e) / P(e), so

    dP(q|e) = P(q|e) P(not q|e) (d ln P(q,e) - d ln P(not q,e)),

and the derivatives of ln P of a row are what the program answers (A. Darwiche, J. ACM 50, 2003,
section 4). Where q or its contrary is impossible, d ln P(e) stands in for the one that is missing:
an entry of zero has a derivative too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_PROGRAM
from lanework.machines.belief.data.evidence import Evidence
from lanework.machines.belief.data.posterior import Posterior
from lanework.machines.belief.layout import BeliefView

F64 = npt.NDArray[np.float64]

FEW_BITS = 2.0**-1000
"""What is below may have lost bits at the end of float64."""


def query_derivatives(
    answer: Callable[[Evidence], Posterior], view: BeliefView, evidence: Evidence
) -> Posterior:
    """Three rows for each row of evidence, put together from what `answer` says of them.

    In place of the derivatives of ln P(evidence) are those of the state's posterior, zeros for rows
    that are impossible.

    Raises:
        Diagnostic: LW1002 for a program that asks for no state.
    """
    slot = next((key for key in view.slots if key[0] == "posterior"), None)
    if slot is None:
        raise Diagnostic(BAD_PROGRAM, "the program asks for the sensitivity of no state")
    _, variable, state = slot
    rows = evidence.rows
    answers = answer(_narrowed(evidence, variable, view.variables[variable].size, state))
    plain, with_state, without = (answers.totals[n * rows : (n + 1) * rows] for n in range(3))
    wide = answers.slots[slot]
    beliefs = np.broadcast_to(wide, (len(wide), 3 * rows))[:, :rows]
    yes, no = beliefs[state], np.delete(beliefs, state, axis=0).sum(axis=0)
    always, never = without == -np.inf, with_state == -np.inf
    with np.errstate(invalid="ignore"):  # of rows that are impossible
        ln_both = with_state + without - 2 * plain
    slots = {}
    for key, value in answers.slots.items():
        if key[0] != "gradient":
            slots[key] = value[:, :rows] if value.shape[1] > 1 else value
        elif value.shape[1] == 1:  # it is the same whatever is known
            slots[key] = np.zeros_like(value)
        else:
            own, more, less = (value[:, n * rows : (n + 1) * rows] for n in range(3))
            both = _between(yes, no, ln_both, own, more, less)
            slots[key] = np.where(never, own - less, np.where(always, more - own, both))
    return Posterior(slots, plain.copy(), answers.lost[:rows])


def _between(yes: F64, no: F64, ln_both: F64, own: F64, more: F64, less: F64) -> F64:
    """P(q|e) P(not q|e) (d ln P(q,e) - d ln P(not q,e)), also where a factor leaves float64.

    `ln_both` is the logarithm of the first two, which have lost bits where one is next to nothing.
    Where a derivative is beyond the range, that of ln P(e), their mean, stands in for it.
    """
    with np.errstate(all="ignore"):
        steps = more - less
        scaled = np.sign(steps) * np.exp(np.log(np.abs(steps)) + ln_both)
        out = np.where(np.minimum(yes, no) < FEW_BITS, scaled, yes * no * steps)
        rest = np.where(np.isfinite(less), no * (own - less), yes * (more - own))
        return np.where(np.isfinite(steps), out, rest)


def _narrowed(evidence: Evidence, variable: int, size: int, state: int) -> Evidence:
    """The rows as they are, then with the state, then with all others."""
    rows = evidence.rows
    three = {v: np.tile(weights, 3) for v, weights in evidence.weights.items()}
    at = three.setdefault(variable, np.ones((size, 3 * rows)))
    other = np.arange(size) != state
    at[other, rows : 2 * rows] = 0.0
    at[state, 2 * rows :] = 0.0
    return Evidence(three, 3 * rows, single=False)
