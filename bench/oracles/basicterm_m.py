"""BasicTerm_M: new term policies whose premium follows from their own expected claims.

Formulas: lifelib, library ``basiclife``, model ``BasicTerm_M`` (MIT, lifelib Developers).
The published sum of ``pv_net_cf`` over 10,000 model points and 241 months is 14489630.534603368.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.data import F64, Array, columns, matrix

PUBLISHED_TOTAL = 14489630.534603368
FIRST_AGE = 18
EXPENSE_ACQ = 300.0
EXPENSE_MAINT = 60.0
INFLATION = 0.01
LOADING = 0.5


@dataclass(frozen=True)
class Points:
    """Model points as columns of length n; mortality by age from 18 and duration 0..5."""

    age_at_entry: Array
    policy_term: Array
    sum_assured: F64
    mort: F64
    zero_spot: F64

    @property
    def periods(self) -> int:
        """Months to project: the longest term and the month of maturity."""
        return int(12 * self.policy_term.max() + 1)


def load() -> Points:
    """Read the 10,000 model points and the tables."""
    points = columns("basicterm_m/model_point_table.csv")
    return Points(
        age_at_entry=points["age_at_entry"],
        policy_term=points["policy_term"],
        sum_assured=points["sum_assured"].astype(np.float64),
        mort=matrix("basicterm_m/mort_table.csv"),
        zero_spot=columns("basicterm_m/disc_rate_ann.csv")["zero_spot"],
    )


def run(p: Points) -> dict[str, F64]:
    """Present values and the yearly premium by point, shape (n,).

    The premium is known only after a first sum over all months, and every later month uses it:
    here the sums of policies and of first-year policies are kept, and multiplied at the end.
    """
    count = len(p.sum_assured)
    pols_if = np.ones(count)
    pols_next = np.ones(count)
    pv_claims, pv_pols_if, pv_expenses, pv_first_year = (np.zeros(count) for _ in range(4))
    for t in range(p.periods):
        duration = t // 12
        pols_if = pols_next - np.where(t == 12 * p.policy_term, pols_next, 0.0)
        mort_rate = p.mort[p.age_at_entry + duration - FIRST_AGE, min(duration, 5)]
        pols_death = pols_if * (1 - (1 - mort_rate) ** (1 / 12))
        lapse_rate = max(0.1 - 0.02 * duration, 0.02)
        pols_lapse = (pols_if - pols_death) * (1 - (1 - lapse_rate) ** (1 / 12))
        pols_next = pols_if - pols_lapse - pols_death

        discount = (1 + p.zero_spot[duration]) ** (-t / 12)
        inflation_factor = (1 + INFLATION) ** (t / 12)
        acquisition = EXPENSE_ACQ * pols_if if t == 0 else 0.0
        expenses = acquisition + pols_if * EXPENSE_MAINT / 12 * inflation_factor
        pv_claims += p.sum_assured * pols_death * discount
        pv_pols_if += pols_if * discount
        pv_expenses += expenses * discount
        if duration == 0:
            pv_first_year += pols_if * discount
    premium_pp = np.around((1 + LOADING) * (pv_claims / pv_pols_if), 2)
    pv_premiums = premium_pp * pv_pols_if
    pv_commissions = premium_pp * pv_first_year
    return {
        "pv_net_cf": pv_premiums - pv_claims - pv_expenses - pv_commissions,
        "pv_premiums": pv_premiums,
        "pv_claims": pv_claims,
        "pv_expenses": pv_expenses,
        "pv_commissions": pv_commissions,
        "premium_pp": premium_pp,
    }
