"""BasicTerm_ME: monthly cash flows of term policies in force and yet to start.

Formulas: lifelib, library ``basiclife``, model ``BasicTerm_ME`` (MIT, lifelib Developers).
The published sum of ``pv_net_cf`` over 10,000 model points and 277 months is 215146132.0684811.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.data import F64, Array, columns, matrix

PUBLISHED_TOTAL = 215146132.0684811
FIRST_AGE = 18
EXPENSE_ACQ = 300.0
EXPENSE_MAINT = 60.0
INFLATION = 0.01


@dataclass(frozen=True)
class Points:
    """Model points as columns of length n, and the three tables.

    ``duration_mth`` is months in force at t = 0, negative before the policy starts; ``mort`` is
    yearly mortality by age from 18 and duration 0..5; ``premium`` is the rate by age from 20 and
    term 10, 15, 20; ``zero_spot`` is the yearly rate by year.
    """

    age_at_entry: Array
    policy_term: Array
    policy_count: F64
    sum_assured: F64
    duration_mth: Array
    mort: F64
    premium: F64
    zero_spot: F64

    @property
    def periods(self) -> int:
        """Months to project: the longest of the points."""
        return int(np.max(12 * self.policy_term - self.duration_mth + 1))


def load() -> Points:
    """Read the 10,000 model points and the tables."""
    points = columns("basicterm_me/model_point_table.csv")
    rates = columns("basicterm_me/premium_table.csv")
    premium = np.full((40, 3), np.nan)
    rows = rates["age_at_entry"].astype(np.int64) - 20
    premium[rows, rates["policy_term"] // 5 - 2] = rates["premium_rate"]
    return Points(
        age_at_entry=points["age_at_entry"],
        policy_term=points["policy_term"],
        policy_count=points["policy_count"].astype(np.float64),
        sum_assured=points["sum_assured"].astype(np.float64),
        duration_mth=points["duration_mth"],
        mort=matrix("basicterm_me/mort_table.csv"),
        premium=premium,
        zero_spot=columns("basicterm_me/disc_rate_ann.csv")["zero_spot"],
    )


def run(p: Points) -> dict[str, F64]:
    """Present values by point, shape (n,), and totals over points by month, shape (T,)."""
    periods = p.periods
    premium_pp = np.around(
        p.sum_assured * p.premium[p.age_at_entry - 20, p.policy_term // 5 - 2], 2
    )
    flows = ("premiums", "claims", "expenses", "commissions")
    present = {name: np.zeros(len(premium_pp)) for name in flows}
    totals = {name: np.zeros(periods) for name in (*flows, "net_cf")}
    pols_bef_mat = np.where(p.duration_mth > 0, p.policy_count, 0.0)
    for t in range(periods):
        duration_mth = p.duration_mth + t
        duration = duration_mth // 12
        # Before a policy starts its duration is negative: the rate is not used, only kept in range.
        age = np.maximum(p.age_at_entry + duration, FIRST_AGE)
        mort_rate = p.mort[age - FIRST_AGE, np.clip(duration, 0, 5)]
        mort_rate_mth = 1 - (1 - mort_rate) ** (1 / 12)
        lapse_rate = np.maximum(0.1 - 0.02 * duration, 0.02)

        pols_maturity = np.where(duration_mth == 12 * p.policy_term, pols_bef_mat, 0.0)
        pols_new_biz = np.where(duration_mth == 0, p.policy_count, 0.0)
        pols_bef_decr = pols_bef_mat - pols_maturity + pols_new_biz
        pols_death = pols_bef_decr * mort_rate_mth
        pols_lapse = (pols_bef_decr - pols_death) * (1 - (1 - lapse_rate) ** (1 / 12))

        inflation_factor = (1 + INFLATION) ** (t / 12)
        maintenance = pols_bef_decr * EXPENSE_MAINT / 12 * inflation_factor
        premiums = premium_pp * pols_bef_decr
        flow = {
            "premiums": premiums,
            "claims": p.sum_assured * pols_death,
            "expenses": EXPENSE_ACQ * pols_new_biz + maintenance,
            "commissions": np.where(duration == 0, premiums, 0.0),
        }
        net_cf = flow["premiums"] - flow["claims"] - flow["expenses"] - flow["commissions"]
        discount = (1 + p.zero_spot[t // 12]) ** (-t / 12)
        for name, values in flow.items():
            present[name] += values * discount
            totals[name][t] = values.sum()
        totals["net_cf"][t] = net_cf.sum()
        pols_bef_mat = pols_bef_decr - pols_lapse - pols_death
    pv_net_cf = present["premiums"] - present["claims"]
    pv_net_cf = pv_net_cf - present["expenses"] - present["commissions"]
    by_point = {f"pv_{name}": values for name, values in present.items()}
    by_month = {f"total_{name}": values for name, values in totals.items()}
    return {"pv_net_cf": pv_net_cf, **by_point, **by_month}
