"""Random factor graphs against enumeration, in every semiring and on every engine."""

import itertools
import math

import numpy as np
import pytest

from lanework.machines.belief.compile import compile_graph
from lanework.machines.belief.model import FactorGraph
from lanework.machines.belief.semiring import SEMIRINGS, vm_counting_semiring

COUNT, CHUNK = 1000, 100


def random_graph(seed):
    """Up to 6 variables; scopes in any order, hard zeros, parts that are not connected."""
    rng = np.random.default_rng(seed)
    graph = FactorGraph(f"random {seed}")
    sizes = rng.integers(1, 4, rng.integers(0, 7))
    for number, size in enumerate(sizes):
        graph.variable(f"v{number}", int(size))
    for _ in range(rng.integers(0, 8)):
        count = int(rng.integers(0, min(len(sizes), 3) + 1))
        scope = rng.choice(len(sizes), count, replace=False) if count else []
        table = rng.random([int(sizes[v]) for v in scope]) * 3
        table = np.where(rng.random(table.shape) < 0.25, 0.0, table)
        graph.factor([f"v{v}" for v in scope], table)
    return graph


def joint(graph, weights):
    """The whole table, by name of variable in order, evidence included."""
    names = list(graph.variables)
    sizes = [graph.variables[name].size for name in names]
    table = np.ones(sizes)
    for cell in itertools.product(*map(range, sizes)):
        at = dict(zip(names, cell, strict=True))
        for factor in graph.factors:
            table[cell] *= factor.table[tuple(at[name] for name in factor.scope)]
        for name, known in weights.items():
            table[cell] *= known[at[name]]
    return table


def evidence_of(graph, seed):
    rng = np.random.default_rng(seed + 1)
    found = {}
    for name, variable in graph.variables.items():
        if rng.random() < 0.4:
            soft = rng.random() < 0.5
            found[name] = rng.random(variable.size) if soft else np.eye(variable.size)[0]
    return found


def marginal(table, axis, fold):
    axes = tuple(n for n in range(table.ndim) if n != axis)
    return fold(table, axis=axes) if axes else table


@pytest.mark.parametrize("start", range(0, COUNT, CHUNK))
def test_enumeration(start):
    for seed in range(start, start + CHUNK):
        graph, names = random_graph(seed), None
        names = list(graph.variables)
        weights = evidence_of(graph, seed)
        table = joint(graph, weights)
        program = compile_graph(graph, seconds=0.0)
        assert program.problems() == []
        for engine, semiring in (("native", "prob"), ("reference", "prob"), ("auto", "logprob")):
            result = program.bind(engine, semiring=semiring, threads=1)(weights)
            total, found = float(table.sum()), float(result["ln_p_evidence"])
            if total == 0:
                assert found == -math.inf, seed
                continue
            assert found == pytest.approx(math.log(total), rel=1e-9, abs=1e-9), seed
            for axis, name in enumerate(names):
                right = marginal(table, axis, np.sum) / total
                np.testing.assert_allclose(result[name], right, atol=1e-10, err_msg=str(seed))
        best = program.bind(semiring="max")(weights)["ln_p_best"]
        top = float(table.max()) if table.size else 0.0
        assert best == (pytest.approx(math.log(top), abs=1e-9) if top else -math.inf), seed
        cost = program.bind(semiring="minsum")(weights)["least_cost"]
        assert cost == (pytest.approx(-math.log(top), abs=1e-9) if top else math.inf), seed
        assert int(program.bind(semiring="counting")(weights)["count"]) == (table > 0).sum(), seed
        assert bool(program.bind(semiring="bool")(weights)["satisfiable"]) == (top > 0), seed


def test_observed_variables_by_enumeration():
    for seed in range(400):
        graph = random_graph(seed)
        rng = np.random.default_rng(seed + 7)
        names = [name for name in graph.variables if rng.random() < 0.5]
        states = {name: int(rng.integers(graph.variables[name].size)) for name in names}
        weights = {n: np.eye(graph.variables[n].size)[state] for n, state in states.items()}
        table = joint(graph, weights)
        total = float(table.sum())
        program = compile_graph(graph, observed=names, seconds=0.0)
        assert program.problems() == []
        columns = {name: [state] * 3 for name, state in states.items()}
        for engine in ("native", "reference"):
            result = program.bind(engine)(columns)
            found = np.atleast_1d(result["ln_p_evidence"])
            if total == 0:
                assert (found == -math.inf).all(), seed
                continue
            np.testing.assert_allclose(found, math.log(total), rtol=1e-9, atol=1e-9)
            for axis, name in enumerate(graph.variables):
                right = marginal(table, axis, np.sum) / total
                got = result[name][-1] if names else result[name]
                np.testing.assert_allclose(got, right, atol=1e-10, err_msg=str(seed))


def test_counting_is_exact_past_any_machine_word():
    graph = FactorGraph()
    for number in range(200):
        graph.variable(f"v{number}", 3)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], 1.0 - np.eye(3))
    count = compile_graph(graph, "z", seconds=0.0).bind(semiring="counting")()["count"]
    assert int(count) == 3 * 2**199
    sr = vm_counting_semiring()
    many = sr.add_reduce(np.full(10, 2**62), (0,))
    assert int(many) == 10 * 2**62


@pytest.mark.parametrize("semiring", ["prob", "logprob"])
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_a_long_chain_does_not_underflow(engine, semiring):
    graph = FactorGraph()
    for number in range(1000):
        graph.variable(f"v{number}", 2)
        if number:
            graph.factor([f"v{number - 1}", f"v{number}"], [[3e-5, 1e-5], [1e-5, 3e-5]])
    result = compile_graph(graph, ["v0"], seconds=0.0).bind(engine, semiring=semiring)()
    assert float(result["ln_p_evidence"]) == pytest.approx(math.log(2) + 999 * math.log(4e-5))
    np.testing.assert_allclose(result["v0"], [0.5, 0.5], rtol=1e-12)


def test_all_semirings_are_tried():
    assert set(SEMIRINGS) == {"prob", "logprob", "max", "minsum", "counting", "bool"}
