"""Savings EX4: account values of single and level premium contracts under one return path.

Formulas: lifelib, library ``savings``, model ``CashValue_ME_EX4`` (MIT, lifelib Developers), with
its table of 10,000 points and one scenario; mortality, lapse, cost of insurance and maintenance
fee are zero in the published run. The published sum of ``pv_net_cf`` is 3507113709040.141.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.data import F64, Array, columns, matrix

PUBLISHED_TOTAL = 3507113709040.141
EXPENSE_ACQ = 5000.0
EXPENSE_MAINT = 500.0
INFLATION = 0.01
COMMISSION = 0.05
MORT_RATE = 0.0
LAPSE_RATE = 0.0
COI_RATE = 0.0
MAINT_FEE_RATE = 0.0


@dataclass(frozen=True)
class Points:
    """Model points joined with their product's specification, and the tables.

    ``surr_type`` is the column of the surrender charge table, or -1 for no charge.
    """

    single: Array
    load_prem_rate: F64
    surr_type: Array
    policy_term: Array
    policy_count: F64
    sum_assured: F64
    duration_mth: Array
    premium_pp: F64
    av_pp_init: F64
    surr_charge: F64
    zero_spot: F64
    inv_return_mth: F64

    @property
    def periods(self) -> int:
        """Months to project: the longest of the points, the month of maturity included."""
        return int(np.max(12 * self.policy_term - self.duration_mth + 1))


def inv_return_mth(months: int = 242, seed: int = 1234) -> F64:
    """Monthly returns of lifelib's lognormal path: mu 2 %, sigma 3 % a year."""
    mu, sigma, dt = 0.02, 0.03, 1 / 12
    normal = np.random.default_rng(seed).standard_normal((1, months))[0]
    path: F64 = np.exp((mu - 0.5 * sigma**2) * dt + sigma * dt**0.5 * normal) - 1
    return path


def load() -> Points:
    """Read the 10,000 model points, join their specification, and read the tables."""
    points = columns("savings_ex4/model_point_table_10K.csv")
    spec = columns("savings_ex4/product_spec_table.csv")
    row = {name: i for i, name in enumerate(spec["spec_id"])}
    which = np.array([row[name] for name in points["spec_id"]])
    charges = list(columns("savings_ex4/surr_charge_table.csv"))[1:]
    types = [charges.index(name) if name else -1 for name in spec["surr_charge_id"]]
    return Points(
        single=spec["premium_type"][which] == "SINGLE",
        load_prem_rate=spec["load_prem_rate"][which],
        surr_type=np.array(types)[which],
        policy_term=points["policy_term"],
        policy_count=points["policy_count"].astype(np.float64),
        sum_assured=points["sum_assured"].astype(np.float64),
        duration_mth=points["duration_mth"],
        premium_pp=points["premium_pp"].astype(np.float64),
        av_pp_init=points["av_pp_init"].astype(np.float64),
        surr_charge=matrix("savings_ex4/surr_charge_table.csv"),
        zero_spot=columns("savings_ex4/disc_rate_ann.csv")["zero_spot"],
        inv_return_mth=columns("savings_ex4/inv_return_mth.csv")["inv_return_mth"],
    )


def run(p: Points) -> dict[str, F64]:
    """Present value of the net cash flow by point, shape (n,)."""
    pv_net_cf = np.zeros(len(p.sum_assured))
    pols_bef_mat = np.where(p.duration_mth > 0, p.policy_count, 0.0)
    av_bef_prem = p.av_pp_init
    mort_rate_mth = 1 - (1 - MORT_RATE) ** (1 / 12)
    lapse_rate_mth = 1 - (1 - LAPSE_RATE) ** (1 / 12)
    for t in range(p.periods):
        duration_mth = p.duration_mth + t
        row = np.minimum(duration_mth // 12, len(p.surr_charge) - 1)
        pols_maturity = np.where(duration_mth == 12 * p.policy_term, pols_bef_mat, 0.0)
        pols_new_biz = np.where(duration_mth == 0, p.policy_count, 0.0)
        pols_bef_decr = pols_bef_mat - pols_maturity + pols_new_biz
        pols_death = pols_bef_decr * mort_rate_mth
        pols_lapse = (pols_bef_decr - pols_death) * lapse_rate_mth
        pols_end = pols_bef_decr - pols_lapse - pols_death

        due = np.where(p.single, duration_mth == 0, duration_mth < 12 * p.policy_term)
        premium_pp = np.where(due, p.premium_pp, 0.0)
        av_bef_fee = av_bef_prem + (1 - p.load_prem_rate) * premium_pp
        coi_pp = COI_RATE * np.maximum(p.sum_assured - av_bef_fee, 0.0)
        av_bef_inv = av_bef_fee - MAINT_FEE_RATE * av_bef_fee - coi_pp
        inv_income_pp = p.inv_return_mth[t] * av_bef_inv
        av_mid_mth = av_bef_inv + 0.5 * inv_income_pp
        av_end = av_bef_inv + inv_income_pp

        premiums = premium_pp * pols_bef_decr
        inv_income = inv_income_pp * pols_end + 0.5 * inv_income_pp * (pols_death + pols_lapse)
        charge_rate = np.where(p.surr_type >= 0, p.surr_charge[row, p.surr_type], 0.0)
        claims_death = np.maximum(p.sum_assured, av_mid_mth) * pols_death
        claims_lapse = av_mid_mth * pols_lapse - charge_rate * av_mid_mth * pols_lapse
        claims_maturity = np.maximum(p.sum_assured, av_bef_prem) * pols_maturity
        claims = claims_death + claims_lapse + claims_maturity
        inflation_factor = (1 + INFLATION) ** (t / 12)
        maintenance = pols_bef_decr * EXPENSE_MAINT / 12 * inflation_factor
        expenses = EXPENSE_ACQ * pols_new_biz + maintenance
        av_change = av_end * pols_end - av_bef_prem * pols_bef_mat
        net_cf = premiums + inv_income - claims - expenses - COMMISSION * premiums - av_change
        pv_net_cf += net_cf * (1 + p.zero_spot[t // 12]) ** (-t / 12)
        pols_bef_mat, av_bef_prem = pols_end, av_end
    return {"pv_net_cf": pv_net_cf}
