"""Programs that do not fit are conditioned: the same answers in less memory."""

import math
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.machines.belief.check.enumeration import Enumeration
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.data.evidence import evidence_of, read_evidence
from lanework.machines.belief.passes.elimination import best_order
from lanework.machines.belief.queries.conditioning import ConditionedRunner
from lanework.machines.belief.queries.cutset import Cutset, Question
from lanework.machines.belief.queries.infer import grouped, infer, run_groups
from lanework.machines.belief.runner import Runner
from lanework.machines.belief.semiring import SEMIRINGS

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "examples/data/belief"
TINY = {("alarm.bif", "all"): 20_000, ("alarm.bif", "mpe"): 20_000}  # bytes
TINY |= {("hepar2.bif", "all"): 52_000, ("hepar2.bif", "mpe"): 52_000}
WAYS = [("native", "prob"), ("reference", "logprob"), ("native", "max")]
WAYS += [("reference", name) for name in ("minsum", "counting", "bool")]


def grid(side, states, seed=0):
    rng = np.random.default_rng(seed)
    graph = lw.belief.FactorGraph("grid")
    for row in range(side):
        for column in range(side):
            graph.variable(f"v{row}_{column}", states)
            for above, left in ((row - 1, column), (row, column - 1)):
                if above >= 0 and left >= 0:
                    scope = [f"v{above}_{left}", f"v{row}_{column}"]
                    graph.factor(scope, 0.1 + rng.random((states, states)))
    return graph


def same(actual, right):
    assert list(actual) == list(right)
    for name in right:
        assert actual.axes(name) == right.axes(name)
        assert actual[name].dtype == right[name].dtype
        if actual[name].dtype == object and isinstance(actual[name].flat[0], str | None):
            assert actual[name].tolist() == right[name].tolist()
        else:
            np.testing.assert_allclose(
                np.asarray(actual[name], float),
                np.asarray(right[name], float),
                rtol=1e-9,
                atol=1e-10,
            )


def conditioned(graph, query, given, semiring, engine, variables=2):
    """A plain run, and one conditioned on the variables that the compiler takes first."""
    every = tuple(graph.variables.values())
    known = read_evidence(every, frozenset(range(len(every))), given)
    question = Question(graph, query, list(given), (), semiring)
    plain = Runner(question.program(seconds=0.0), engine, semiring=semiring, threads=1)
    cutset = Cutset(question, known)
    while len(cutset.variables) < variables and cutset.grow():
        pass
    program = question.program(cutset.names, seconds=0.0)
    runner = ConditionedRunner(program, cutset, engine=engine, semiring=semiring, threads=1)
    return plain, runner, known


@pytest.mark.parametrize(("engine", "semiring"), WAYS)
@pytest.mark.parametrize("seeds", campaign(60, 30, daily=30, quick=15))
def test_random_graphs_in_every_semiring(engine, semiring, seeds):
    grown = 0
    for seed in seeds:
        case = random_case(seed)
        for query in ("all", "z"):
            plain, runner, known = conditioned(case.graph, query, case.given, semiring, engine)
            grown += len(runner.conditioned)
            same(runner.answer(known), plain.answer(known))
    assert grown > 1.6 * len(seeds)


def test_all_semirings_are_tried():
    assert {semiring for _, semiring in WAYS} == set(SEMIRINGS)


@pytest.mark.slow
@pytest.mark.parametrize("query", ["mpe", "mmap", "joint", "kbest:4"])
def test_random_graphs_in_every_query(query):
    grown = 0
    for seed in range(60):
        case = random_case(seed)
        names = list(case.graph.variables)
        if not names:
            continue
        asked = f"{query}:{','.join(names[::2])}" if query in ("mmap", "joint") else query
        plain, runner, known = conditioned(case.graph, asked, case.given, "prob", "native")
        grown += len(runner.conditioned)
        actual, right = runner.answer(known), plain.answer(known)
        if query == "joint":
            same(actual, right)
            continue
        np.testing.assert_allclose(actual["ln_p_best"], right["ln_p_best"], rtol=1e-9, atol=1e-9)
        logs = Enumeration(case.graph, case.weights(), case.rows).logs
        best = np.asarray(actual["ln_p_best"]).reshape(known.rows, -1)
        others = tuple(n + 1 for n, name in enumerate(names) if name not in actual)
        with np.errstate(divide="ignore"):
            logs = np.log(np.exp(logs).sum(axis=others)) if others else logs
        for row, turn in zip(*np.nonzero(best > -np.inf), strict=True):
            # equally good ones are not always the same
            states = [
                np.asarray(actual[name]).reshape(best.shape)[row, turn]
                for name in names
                if name in actual
            ]
            place = [
                case.graph.state(name, state)
                for name, state in zip([n for n in names if n in actual], states, strict=True)
            ]
            assert logs[row][tuple(place)] == pytest.approx(best[row, turn], rel=1e-9, abs=1e-9)
    assert grown > 20


@pytest.mark.parametrize(("engine", "semiring"), [("native", "prob"), ("reference", "counting")])
def test_draws_follow_the_posterior(engine, semiring):
    tried = 0
    for seed in range(40):
        case = random_case(seed)
        names = list(case.graph.variables)
        one = {name: column[:1] for name, column in case.given.items()}
        weights = np.exp(Enumeration(case.graph, case.weights(), case.rows).logs[0]).ravel()
        if semiring == "counting":
            weights = (weights > 0).astype(float)
        if not names or not 2 <= np.count_nonzero(weights) <= 60:
            continue
        tried += 1
        _, runner, known = conditioned(case.graph, "sample:4000", one, semiring, engine)
        result = runner.answer(known, seed)
        states = [[case.graph.state(n, s) for s in result[n].reshape(-1)] for n in names]
        shape = [case.graph.variables[name].size for name in names]
        counts = np.bincount(np.ravel_multi_index(states, shape), minlength=weights.size)
        assert counts[weights == 0].sum() == 0
        expected = 4000 * weights / weights.sum()
        some = expected > 5
        chi = ((counts - expected)[some] ** 2 / expected[some]).sum()
        freedom = max(int(some.sum()) - 1, 1)
        assert chi < freedom + 4 * math.sqrt(2 * freedom) + 12, (seed, chi, freedom)
    assert tried > 10


def test_draws_of_rows_are_the_same_for_a_seed():
    graph = grid(4, 2)
    given = {"v0_0": ["0", "1", None], "v1_1": ["", "1", "0"]}
    _, runner, known = conditioned(graph, "sample:7", given, "prob", "auto")
    one, again, other = (runner.answer(known, seed) for seed in (1, 1, 2))
    assert one["v3_3"].shape == (3, 7)
    assert one["v3_3"].tolist() == again["v3_3"].tolist()
    assert any(one[name].tolist() != other[name].tolist() for name in graph.variables)
    assert set(one["v0_0"][0]) == {"0"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alarm.bif", "hepar2.bif"])
@pytest.mark.parametrize("query", ["all", "mpe"])
def test_networks_under_a_tiny_cap(name, query):
    graph = lw.belief.read_network(DATA / name)
    rng = np.random.default_rng(1)
    given = {}
    for variable in list(graph.variables.values())[::6]:
        cells = [str(rng.choice(variable.states)) for _ in range(2)]
        given[variable.name] = [cell if rng.random() < 0.6 else None for cell in cells]
    last = list(graph.variables.values())[-2]
    given[last.name] = rng.random((2, last.size))
    plain = infer(graph, given, query, threads=1)
    small = infer(graph, given, query, limits=lw.Limits(memory=TINY[name, query]), threads=1)
    assert "conditioning" not in plain.stats
    assert small.stats["conditioning"].startswith("conditioned on ")
    if query == "mpe":
        np.testing.assert_allclose(small["ln_p_best"], plain["ln_p_best"], rtol=1e-12)
    else:
        same(small, plain)


def test_rows_that_fit_a_few_at_a_time():
    graph = grid(4, 2)
    rows = {"v0_0": ["0", "1", None] * 2000}
    limits = lw.Limits(memory=6_000_000)
    with pytest.raises(Diagnostic) as caught:
        Runner(Question(graph, "all", ["v0_0"], (), "prob").program(), "reference", limits)(rows)
    assert caught.value.code.ident == "LW0101"
    result = infer(graph, rows, engine="reference", limits=limits)
    assert "conditioning" not in result.stats
    same(result, infer(graph, rows))
    with pytest.raises(Diagnostic) as caught:
        infer(graph, rows, engine="reference", limits=lw.Limits(memory=1_000_000))
    assert "fewer rows" in str(caught.value.help)


@pytest.mark.slow
def test_a_grid_that_does_not_fit():
    graph, given = grid(14, 2), {"v3_3": ["0", "1", None], "v5_7": ["1", None, None]}
    limits = lw.Limits(memory=1_000_000)
    done = []
    every = tuple(graph.variables.values())
    known = read_evidence(every, frozenset(range(len(every))), given)
    groups = grouped(graph, known, "all")
    with pytest.raises(Diagnostic) as caught:
        groups[0].program.bind(limits=limits)(given)
    assert caught.value.code.ident == "LW0101"
    actual = run_groups(groups, known, limits=limits, progress=lambda *pair: done.append(pair))
    same(actual, infer(graph, given))
    assert "lanes for 3 rows" in actual.stats["conditioning"]
    assert done[-1][0] == done[-1][1] >= 24


def test_a_row_that_knows_a_state_has_one_lane_for_it():
    graph = grid(9, 3)
    rows = {f"v4_{column}": ["0"] * 9 + [None] for column in range(9)}
    every = tuple(graph.variables.values())
    known = read_evidence(every, frozenset(range(len(every))), rows)
    cutset = Cutset(Question(graph, "z", list(rows), (), "prob"), known)
    for _ in range(4):
        cutset.grow()
    known = [name for name in cutset.names if name in rows]
    assert len(known) >= 2
    assert cutset.lanes[0] * 3 ** len(known) == cutset.lanes[9] == 81.0


def test_impossible_rows_and_states_without_weight():
    graph = lw.belief.FactorGraph()
    for name in "abc":
        graph.variable(name, 3)
    for scope in ("ab", "bc", "ca"):
        graph.factor(scope, np.eye(3))
    given = {"a": np.array([[0.0, 0.0, 0.0], [0.0, 0.3, 0.0], [1.0, 1.0, 1.0]]), "b": [0, 0, None]}
    plain, runner, known = conditioned(graph, "all", given, "prob", "auto", 1)
    result = runner.answer(known)
    same(result, plain.answer(known))
    assert result.stats["impossible"] == 2


def test_what_takes_too_long_is_refused_with_its_time():
    graph = grid(24, 3)
    with pytest.raises(Diagnostic) as caught:
        infer(graph, limits=lw.Limits(memory=1_000_000))
    assert caught.value.code.ident == "LW0101"
    assert "conditioning" in caught.value.message
    assert "or more" in caught.value.message
    assert "loopy" in str(caught.value.help)


def test_cliques_past_any_float():
    sizes = dict.fromkeys(range(60), 1 << 24)
    order = best_order([range(50), range(40, 60)], sizes, seconds=0.0)
    assert 1e250 < order.cost < np.inf


@pytest.mark.timeout(60, method="thread")
def test_no_longer_than_the_deadline():
    graph = grid(12, 2)
    small = lw.Limits(memory=100_000)
    assert "conditioning" in infer(graph, {"v0_0": "0"}, "z", limits=small).stats
    limits = lw.Limits(memory=100_000, deadline=1e-4)
    known = evidence_of(graph.variables.values(), {"v0_0": "0"})
    with pytest.raises(Diagnostic) as caught:
        run_groups(grouped(graph, known, "z"), known, limits=limits)
    assert "conditioning" in caught.value.message
    with pytest.raises(Trap):  # which compiling has passed
        infer(graph, {"v0_0": "0"}, "z", limits=limits)
    _, runner, known = conditioned(graph, "z", {"v0_0": "0"}, "prob", "reference")
    with pytest.raises(Trap) as stopped:
        runner._posterior(known, 0, until=0.0)
    assert stopped.value.code.ident == "LW2001"


def test_derivatives_are_not_conditioned():
    with pytest.raises(Diagnostic) as caught:
        infer(grid(12, 2), {}, "gradient", limits=lw.Limits(memory=100_000))
    assert caught.value.code.ident == "LW0101"
    assert "case by case" in caught.value.message


def test_a_sum_over_cases_does_not_follow_a_maximum():
    graph = grid(6, 2)
    question = Question(graph, "mmap:v1_1,v2_2,v3_3", (), (), "prob")
    cutset = Cutset(question, read_evidence((), frozenset(), {}))
    while cutset.grow():
        pass
    assert set(cutset.names) == {"v1_1", "v2_2", "v3_3"}
