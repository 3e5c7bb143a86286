"""Loops within a period among nodes that are none: in whatever order outputs are asked for."""

import itertools
import random

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.runner import ENGINES

pytestmark = pytest.mark.slow

OUTSIDE = {
    "size": "total(rep)",
    "end": "last(rep)",
    "top": "maximum(rep * curve(t))",
    "third": "at(rep + size, 2)",
    "before": "prev(rep, initial=size)",
    "after": "lead(curve(t), final=end)",
    "running": "cumsum(rep) / size",
    "looked": "curve(min(t, 2)) + prev(curve(t), initial=0.5)",
}
"""Nodes that no loop needs to be solved for."""
REP = [1.0, 0.5, 0.25, 2.0]


def debts(seed):
    """A loop of a debt and its interest, one of what comes of all of it, and what is outside."""
    chosen = random.Random(seed)
    one, two, three, four = chosen.sample(sorted(OUTSIDE), 4)
    m = lw.series.Model("debts", periods=4)
    m.input("rep", axes="time")
    m.input("scale", default=1.0)
    m.table("curve", {0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3}, keys="year")
    nodes = {
        **OUTSIDE,
        "debt": f"prev(debt, initial={one}) + {two} - rep + x",
        "x": f"0.05 * debt * scale + 0.01 * {three}",
        "fee": f"0.02 * max(0, paid - {four}) + 0.001 * total(x)",
        "paid": "prev(paid + debt) + fee + prev(fee, initial=third)",
        "left": "total(debt) - last(paid) + prev(x)",
    }
    for name in chosen.sample(sorted(nodes), len(nodes)):  # written in any order too
        m.formula(name, nodes[name])
    m.circular("x")
    m.circular("fee")
    return m, nodes, chosen


@pytest.mark.parametrize("seed", range(8))
def test_every_order_of_outputs_gives_the_same_bits(seed):
    m, nodes, chosen = debts(seed)
    every = m.compile(outputs=sorted(nodes)).run(rep=REP)
    asked = ["x", *chosen.sample(sorted(OUTSIDE), 1), chosen.choice(["fee", "left"])]
    for order in itertools.permutations(asked):
        program = m.compile(outputs=list(order))
        for engine in ENGINES:
            result = program.run(rep=REP, engine=engine)
            for name in order:
                assert result[name].tobytes() == every[name].tobytes(), (order, engine, name)


def test_every_pair_of_outputs_is_compiled():
    m, nodes, _ = debts(0)
    every = m.compile(outputs=sorted(nodes)).run(rep=REP, engine="reference")
    for pair in itertools.permutations(nodes, 2):
        result = m.compile(outputs=list(pair)).run(rep=REP, engine="reference")
        for name in pair:
            assert result[name].tobytes() == every[name].tobytes(), pair


@pytest.mark.parametrize("order", [*itertools.permutations(["x", "size", "left"])])
def test_unknowns_are_solved_for_whatever_the_order_of_outputs(order):
    m, _, _ = debts(1)
    goal = m.compile(outputs=["left"]).run(rep=REP, scale=1.5)["left"][-1]
    m.formula("miss", f"last(left) - {float(goal)!r}")
    for outputs in ([*order, "miss"], ["miss", *order]):
        solver = m.compile(outputs=outputs).solver("scale", "miss")
        assert solver({"rep": REP})["scale"] == pytest.approx(1.5, rel=1e-9)


def test_the_debt_with_its_size_asked_for_last():
    m = lw.series.Model("m", periods=3)
    m.input("rep", axes="time", default=1)
    m.formula("size", "total(rep)")
    m.formula("debt", "prev(debt) + size - rep + x")
    m.formula("x", "0.05 * debt", circular=True)
    program = m.compile(outputs=["x", "size"])
    debt = 0.0
    for t in range(3):
        debt = (debt + 2) / 0.95
        for engine in ENGINES:
            assert program.run(engine=engine)["x"][t] == pytest.approx(0.05 * debt, rel=1e-14)
    assert np.all(program.run()["size"] == 3.0)
