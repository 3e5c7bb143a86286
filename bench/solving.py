"""Unknowns of a model: IPOPT as Lanework and as CasADi put it to work, and circular periods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import lanework as lw
from bench.harness import Case, Contestant, Job

MONTHS = 360
RATE, COVER, SIZE = 0.004, 1.3, 15_000.0
NAMES = ("interest", "repay", "balance")
CASH = 100 + 10 * np.sin(np.arange(MONTHS) / 5)


def solve() -> Case:
    """A loan of 360 months whose every interest, repayment and balance is an unknown."""

    def ours(again: bool = True) -> Job:
        model = lw.series.Model("debt", periods=MONTHS)
        for name in NAMES:
            model.input(name, axes="time", default=0.0)
        model.input("cash", axes="time")
        model.formula("opening", f"prev(balance, initial={SIZE})")
        model.formula("of_interest", f"interest - {RATE} * (opening + balance) / 2")
        model.formula("of_repay", f"(interest + repay) * {COVER} - cash")
        model.formula("of_balance", "balance - (opening - repay)")
        residuals = ["of_interest", "of_repay", "of_balance"]
        program = model.compile(outputs=residuals)
        solver = program.solver(NAMES, residuals)

        def job() -> dict[str, Any]:
            used = solver if again else program.solver(NAMES, residuals)
            return {"balance": used({"cash": CASH})["balance"]}

        return job

    def casadi() -> Job:
        import casadi as ca

        interest, repay, balance = (ca.SX.sym(name, MONTHS) for name in NAMES)
        opening = ca.vertcat(SIZE, balance[:-1])
        equations = ca.vertcat(
            interest - RATE * (opening + balance) / 2,
            (interest + repay) * COVER - ca.DM(CASH),
            balance - (opening - repay),
        )
        problem = {"x": ca.vertcat(interest, repay, balance), "f": 0, "g": equations}
        quiet = {"ipopt.print_level": 0, "print_time": False, "ipopt.sb": "yes"}
        solver = ca.nlpsol("debt", "ipopt", problem, {**quiet, "ipopt.tol": 1e-10})

        def job() -> dict[str, Any]:
            solution = solver(x0=np.zeros(3 * MONTHS), lbg=0, ubg=0)["x"]
            return {"balance": np.asarray(solution).ravel()[2 * MONTHS :]}

        return job

    return Case(
        "solve",
        "IPOPT, a loan of 360 months with 3 unknowns each (goal: at most 10 ms)",
        (
            Contestant("Lanework", ours),
            Contestant("Lanework, derivatives and code included", lambda: ours(again=False)),
            Contestant("CasADi", casadi, "casadi"),
        ),
        repeats=9,
    )


def circular(lanes: int) -> Case:
    """Interest on the average of opening and closing balance, with the cash left swept."""
    random = np.random.default_rng(1)
    rates = random.uniform(0.002, 0.008, lanes)
    cash = 60 + 20 * np.sin(np.arange(MONTHS) / 7)

    def ours() -> Job:
        model = lw.series.Model("revolver", periods=MONTHS)
        model.input("rate")
        model.input("cash", axes="time")
        model.formula("opening", "prev(closing, initial=10_000)")
        model.formula("interest", "rate * (opening + closing) / 2", circular=True)
        model.formula("closing", "max(opening + interest - cash, 0)")
        model.formula("owed", "total(closing)")
        model.formula("paid", "total(interest)")
        runner = model.compile(outputs=["owed", "paid"]).bind(cache=False)
        rate: Any = float(rates[0]) if lanes == 1 else rates
        return lambda: dict(runner(rate=rate, cash=cash))

    def numba() -> Job:
        import numba as nb

        @nb.njit(parallel=True)
        def run(rates: Any, cash: Any) -> Any:
            owed, paid = np.empty(len(rates)), np.empty(len(rates))
            for lane in nb.prange(len(rates)):
                closing, total, held = 10_000.0, 0.0, 0.0
                for month in range(len(cash)):
                    opening = closing
                    interest = rates[lane] * opening
                    for _ in range(100):  # a fixed point, as a spreadsheet iterates
                        closing = max(opening + interest - cash[month], 0.0)
                        again = rates[lane] * (opening + closing) / 2
                        if abs(again - interest) <= 1e-13 * abs(again):
                            break
                        interest = again
                    total += interest
                    held += closing
                owed[lane], paid[lane] = held, total
            return owed, paid

        def job() -> dict[str, Any]:
            owed, paid = run(rates, cash)
            one = lanes == 1
            return {"owed": owed[0] if one else owed, "paid": paid[0] if one else paid}

        return job

    return Case(
        f"circular_{lanes}",
        f"interest on average balances, 360 months, {lanes:,} scenarios (goals: at most 1 ms for"
        " one, 2 us each in bulk)",
        (Contestant("Lanework", ours), Contestant("numba, fixed point", numba, "numba")),
        repeats=9,
    )


CASES: dict[str, Callable[[], Case]] = {
    "solve": solve,
    "circular_1": lambda: circular(1),
    "circular_10000": lambda: circular(10_000),
}
