"""projfin40: a project-finance model of 40 nodes and 12 recurrences over 360 months.

Formulas: ``examples/data/projfin40/model.txt``, written for this project. Expected values of the
base case: ``expected_base.json`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.data import F64, columns, document

INPUTS = (
    "infl_m price_mult vol0 degr_m varcost fix0 capex_total gearing rate_m sweep_pct tax_rate "
    "wc_days min_cash disc_m dep_life"
).split()
TIME_INPUTS = ("price_curve", "season", "ops", "capex_prof", "amort")
OUTPUTS = ("npv", "short_cum", "cash")


def base_inputs() -> dict[str, float]:
    """The 15 inputs of the base case."""
    return document("projfin40/base_inputs.json")


def expected_base() -> dict[str, float]:
    """npv, short_cum and cash of the base case in the last month."""
    return document("projfin40/expected_base.json")


def time_inputs() -> F64:
    """The five inputs over time, shape (360, 5), columns in the order of TIME_INPUTS."""
    table = columns("projfin40/time_inputs.csv")
    return np.column_stack([table[name].astype(np.float64) for name in TIME_INPUTS])


def run(lanes: Mapping[str, F64], series: F64) -> dict[str, F64]:
    """Last values of npv, short_cum and cash, by lane; every input in `lanes` has shape (n,)."""
    x = {name: np.asarray(lanes[name], dtype=np.float64) for name in INPUTS}
    zero = np.zeros(len(x["vol0"]))
    infl_idx, degr, df = zero + 1.0, zero + 1.0, zero + 1.0
    cum_draw = cum_capex = asset = tl = wc = cash = debt = npv = short_cum = zero
    for price_curve, season, ops, capex_prof, amort in series:
        infl_idx = infl_idx * (1.0 + x["infl_m"])
        price = price_curve * x["price_mult"] * infl_idx
        degr = degr * (1.0 - x["degr_m"])
        volume = x["vol0"] * season * degr * ops
        revenue = price * volume
        opex = revenue * x["varcost"] + x["fix0"] * infl_idx * ops
        ebitda = revenue - opex
        capex = x["capex_total"] * capex_prof
        draw = capex * x["gearing"]
        equity = capex - draw
        interest = debt * x["rate_m"]
        idc = interest * (1.0 - ops)
        int_paid = interest - idc
        cum_draw = cum_draw + draw + idc
        sched = np.minimum(debt, cum_draw * amort)
        cum_capex = cum_capex + capex + idc
        dep = np.minimum(asset, cum_capex / x["dep_life"] * ops)
        asset = asset + capex + idc - dep
        ebt = ebitda - dep - int_paid
        tl_used = np.minimum(tl, np.maximum(ebt, 0.0))
        tl = tl + np.maximum(-ebt, 0.0) - tl_used
        taxable = np.maximum(ebt, 0.0) - tl_used
        tax = taxable * x["tax_rate"]
        last_wc, wc = wc, revenue * x["wc_days"]
        cfads = ebitda - tax - (wc - last_wc)
        avail = cash + cfads - int_paid - sched
        wanted = x["sweep_pct"] * (avail - x["min_cash"])
        sweep = np.maximum(0.0, np.minimum(debt - sched, wanted))
        debt = debt + draw + idc - sched - sweep
        dist = np.maximum(0.0, avail - sweep - x["min_cash"]) * ops
        cash = avail - sweep - dist
        df = df / (1.0 + x["disc_m"])
        npv = npv + (dist - equity) * df
        short_cum = short_cum + np.maximum(0.0, 1.2 * (int_paid + sched) - cfads)
    return {"npv": npv, "short_cum": short_cum, "cash": cash}
