"""BasicTerm_ME for the peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.harness import Answer
from bench.oracles import basicterm_me as oracle


def _hoisted(p: oracle.Points) -> tuple[Any, ...]:
    """What depends on table cells or on time only, worked out before the loop over policies."""
    months = np.arange(p.periods)
    return (
        1 - (1 - p.mort) ** (1 / 12),
        1 - (1 - np.maximum(0.1 - 0.02 * np.arange(5), 0.02)) ** (1 / 12),
        (1 + oracle.INFLATION) ** (months / 12),
        (1 + p.zero_spot[months // 12]) ** (-months / 12),
        np.around(p.sum_assured * p.premium[p.age_at_entry - 20, p.policy_term // 5 - 2], 2),
    )


def numba_job(p: oracle.Points) -> Callable[[], Answer]:
    """`prange` over policies, a scalar loop that ends with the policy, everything hoisted."""
    import numba

    @numba.njit(parallel=True, error_model="numpy")
    def run(
        age: Any, term: Any, count: Any, assured: Any, start: Any,
        mort: Any, lapse: Any, inflation: Any, discount: Any, premium: Any, out: Any,
    ) -> None:  # fmt: skip
        for i in numba.prange(len(age)):
            end = 12 * term[i] - start[i]
            pols = count[i] if start[i] > 0 else 0.0
            prem = claim = exp = com = 0.0
            first = start[i]
            for t in range(max(0, -first), end):
                month = first + t
                year = month // 12
                if month == 0:
                    pols += count[i]
                k = year if year < 5 else 5
                death = pols * mort[age[i] + year - 18, k]
                lapsed = (pols - death) * lapse[year if year < 4 else 4]
                d = discount[t]
                paid = premium[i] * pols
                prem += paid * d
                claim += assured[i] * death * d
                cost = pols * 60.0 / 12 * inflation[t]
                if month == 0:
                    cost += 300.0 * count[i]
                exp += cost * d
                if year == 0:
                    com += paid * d
                pols = pols - lapsed - death
            out[0, i] = prem - claim - exp - com
            out[1, i], out[2, i], out[3, i], out[4, i] = prem, claim, exp, com

    hoisted = _hoisted(p)

    def job() -> Answer:
        out = np.empty((5, len(p.age_at_entry)))
        run(
            p.age_at_entry, p.policy_term, p.policy_count, p.sum_assured, p.duration_mth,
            *hoisted, out,
        )  # fmt: skip
        return dict(zip(NAMES, out.sum(axis=1), strict=True))

    return job


def numba_by_year_job(p: oracle.Points) -> Callable[[], Answer]:
    """`prange` over policies, an outer loop over policy years and an inner one over their months.

    Mortality and lapse change only with the policy year, so the inner loop keeps nothing but the
    policies in force, and the rates are applied to sums. This restructures the model by hand.
    """
    import numba

    @numba.njit(parallel=True, error_model="numpy")
    def run(
        age: Any, term: Any, count: Any, assured: Any, start: Any,
        mort: Any, lapse: Any, inflation: Any, discount: Any, premium: Any, out: Any,
    ) -> None:  # fmt: skip
        for i in numba.prange(len(age)):
            first = start[i]
            end = 12 * term[i] - first
            t = max(0, -first)
            pols = count[i]
            exp = 300.0 * count[i] * discount[t] if first <= 0 else 0.0
            paid = dead = kept_up = new = 0.0
            while t < end:
                year = (first + t) // 12
                q = mort[age[i] + year - 18, min(year, 5)]
                stays = (1 - q) * (1 - lapse[min(year, 4)])
                until = min(end, 12 * (year + 1) - first)
                in_force = 0.0
                for u in range(t, until):
                    valued = pols * discount[u]
                    in_force += valued
                    kept_up += valued * inflation[u]
                    pols *= stays
                paid += in_force
                dead += in_force * q
                if year == 0:
                    new += in_force
                t = until
            exp += 60.0 / 12 * kept_up
            prem, claim, com = premium[i] * paid, assured[i] * dead, premium[i] * new
            out[0, i] = prem - claim - exp - com
            out[1, i], out[2, i], out[3, i], out[4, i] = prem, claim, exp, com

    def job() -> Answer:
        out = np.empty((5, len(p.age_at_entry)))
        run(
            p.age_at_entry, p.policy_term, p.policy_count, p.sum_assured, p.duration_mth,
            *_hoisted(p), out,
        )  # fmt: skip
        return dict(zip(NAMES, out.sum(axis=1), strict=True))

    return job


NAMES = ("pv_net_cf", "pv_premiums", "pv_claims", "pv_expenses", "pv_commissions")


def numpy_job(p: oracle.Points) -> Callable[[], Answer]:
    """NumPy over policies, month by month: the oracle itself."""

    def job() -> Answer:
        totals = oracle.run(p)
        return {name: totals[name].sum() for name in NAMES}

    return job


def jax_job(p: oracle.Points) -> Callable[[], Answer]:
    """`lax.scan` over months, all policies in each, compiled by XLA."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    mort, lapse, inflation, discount, premium = (jnp.asarray(x) for x in _hoisted(p))
    age, term, start = (jnp.asarray(x) for x in (p.age_at_entry, p.policy_term, p.duration_mth))
    count, assured = jnp.asarray(p.policy_count), jnp.asarray(p.sum_assured)

    @jax.jit
    def run(count: Any, assured: Any) -> Any:
        def step(carry: Any, now: Any) -> Any:
            pols, sums = carry
            t, infl, disc = now
            month = start + t
            year = month // 12
            pols = jnp.where(month == 12 * term, 0.0, pols) + jnp.where(month == 0, count, 0.0)
            rows = jnp.maximum(age + year, 18) - 18
            death = pols * mort[rows, jnp.clip(year, 0, 5)]
            lapsed = (pols - death) * lapse[jnp.clip(year, 0, 4)]
            paid = premium * pols
            cost = jnp.where(month == 0, 300.0 * count, 0.0) + pols * 60.0 / 12 * infl
            flows = (paid, assured * death, cost, jnp.where(year == 0, paid, 0.0))
            sums = tuple(s + f * disc for s, f in zip(sums, flows, strict=True))
            return (pols - lapsed - death, sums), None

        zero = jnp.zeros_like(count)
        first = (jnp.where(start > 0, count, 0.0), (zero, zero, zero, zero))
        (_, sums), _ = jax.lax.scan(step, first, (jnp.arange(p.periods), inflation, discount))
        return [s.sum() for s in sums]

    def job() -> Answer:
        prem, claim, exp, com = (float(x) for x in jax.block_until_ready(run(count, assured)))
        return dict(zip(NAMES, (prem - claim - exp - com, prem, claim, exp, com), strict=True))

    return job
