"""Tables and likelihoods as large and as small as numbers can be: every answer stays right."""

import dataclasses
import random
import warnings
from fractions import Fraction

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.machines.belief.check import fuzz
from lanework.machines.belief.check.enumeration import Enumeration
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.data.evidence import Evidence, evidence_of
from lanework.machines.belief.graph.factor import Factor
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.passes.outputs import factor_names
from lanework.machines.belief.queries.conditioning import ConditionedRunner
from lanework.machines.belief.queries.cutset import Cutset, Question
from lanework.machines.belief.queries.infer import infer
from lanework.machines.belief.queries.learning import expected_counts
from lanework.machines.belief.queries.loopy import loopy


def large_case(seed):
    """A random case whose factors and likelihoods are multiplied by anything that there is."""
    case, rng = random_case(seed), np.random.default_rng(seed)
    factors = []
    for factor in case.graph.factors:
        by = 10.0 ** rng.uniform(-250, 307, factor.table.shape if rng.random() < 0.3 else ())
        table = np.minimum(factor.table * by, 1.7e308)
        factors.append(dataclasses.replace(factor, table=table, child=None))
    given = {
        name: column * 10.0 ** rng.uniform(-200, 300, (case.rows, 1))
        if isinstance(column, np.ndarray)
        else column
        for name, column in case.given.items()
    }
    graph = dataclasses.replace(case.graph, factors=factors)
    return dataclasses.replace(case, graph=graph, given=given)


@pytest.mark.parametrize("seeds", campaign(120, 20, daily=40, quick=20))
def test_large_and_small_numbers_in_every_way(seeds):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [fuzz.check(large_case(seed), fuzz.ways(), seed) for seed in seeds] == [None] * len(
            seeds
        )


@pytest.mark.slow
def test_decisions_and_derivatives_of_large_numbers():
    checked = 0
    for seed in range(60):
        case = large_case(seed)
        graph, names = case.graph, list(case.graph.variables)
        table = Enumeration(case.graph, case.weights(), case.rows)
        best, some = table.answers("max").totals, np.isfinite(table.answers("prob").totals)
        if not names or case.observed or not some.any():
            continue
        checked += 1
        for engine in ("native", "reference"):
            for query in ("mpe", "kbest:3"):
                program = compile_graph(graph, query, evidence=case.evidence, seconds=0.0)
                answer = program.bind(engine)(case.given)["ln_p_best"]
                first = (answer if query == "mpe" else answer[..., 0]).reshape(-1)
                np.testing.assert_allclose(first, best[: len(first)], rtol=1e-10)
            program = compile_graph(graph, "gradient", evidence=case.evidence, seconds=0.0)
            answer = program.bind(engine)(case.given)
            for factor, name in zip(graph.factors, factor_names(graph.factors), strict=True):
                derivative = answer[name].reshape(-1, *factor.table.shape)
                if np.isfinite(derivative).all():  # by an entry of 1e-320 it may be no number
                    axes = tuple(range(1, derivative.ndim))
                    with np.errstate(under="ignore"):
                        sums = (derivative * factor.table).sum(axis=axes)
                    np.testing.assert_allclose(sums[some[: len(sums)]], 1.0, rtol=1e-9)
            draws = compile_graph(graph, "sample:5", evidence=case.evidence, seconds=0.0)
            drawn = draws.bind(engine)(case.given)["ln_p_evidence"].reshape(-1)
            assert np.isfinite(drawn).any()
    assert checked > 15


def two(first, second=None):
    graph = FactorGraph()
    graph.variable("a", 2)
    for table in (first, first if second is None else second):
        graph.factor(["a"], table)
    return graph


def test_an_answer_is_the_same_on_every_way_to_it():
    graph = two([1e200, 2e200])
    right = {"a": [0.2, 0.8], "ln_p_evidence": 400 * np.log(10) + np.log(5)}
    for engine in ("native", "reference"):
        for semiring in ("prob", "logprob"):
            if (engine, semiring) != ("native", "logprob"):
                result = infer(graph, engine=engine, semiring=semiring)
                for name, value in right.items():
                    np.testing.assert_allclose(result[name], value, rtol=1e-12)
    best = infer(graph, query="kbest:2")["ln_p_best"]
    np.testing.assert_allclose(best[0], 400 * np.log(10) + np.log(4))
    assert infer(graph, semiring="counting")["count"] == 2
    for name, value in right.items():
        np.testing.assert_allclose(loopy(graph)[name], value, rtol=1e-12)
    counts = expected_counts(graph)
    np.testing.assert_allclose(counts["f0"], [0.2, 0.8])


def test_zero_times_what_is_no_number_is_zero():
    assert infer(two([0.0, 1e300], [1e300, 1e300]), semiring="counting")["count"] == 1
    graph = two([1e300, 1e300], [0.0, 1e300])
    graph.factor(["a"], [1e300, 1.0])
    assert infer(graph)["a"].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("query", ["all", "mpe", "kbest:2", "sample:3", "joint:x00,x11"])
def test_strong_couplings(query):
    """An Ising model whose couplings no exponential of a sum could hold."""
    graph, size = FactorGraph(), 3
    for i in range(size):
        for j in range(size):
            graph.variable(f"x{i}{j}", ["down", "up"])
    table = np.exp([[200.0, -200.0], [-200.0, 200.0]])
    for i in range(size):
        for j in range(size - 1):
            graph.factor([f"x{i}{j}", f"x{i}{j + 1}"], table)
            graph.factor([f"x{j}{i}", f"x{j + 1}{i}"], table)
    known = {"x11": ["up", None]}
    for strategy in ("tree", "modes", "auto"):
        if strategy == "modes" and query[0] in "sj":
            continue
        for engine in ("native", "reference"):
            program = compile_graph(graph, query, strategy=strategy, seconds=0.0)
            result = program.bind(engine)(known)
            total = result[result.total]
            if query in ("mpe", "kbest:2"):
                np.testing.assert_allclose(total.reshape(2, -1)[:, 0], 2400.0)
                assert (result["x00"].reshape(2, -1)[0, 0]) == "up"
            else:
                np.testing.assert_allclose(total.reshape(2, -1)[:, 0], [2400, 2400 + np.log(2)])
            if query == "all":
                np.testing.assert_allclose(result["x20"], [[0, 1], [0.5, 0.5]], atol=1e-12)
    np.testing.assert_allclose(loopy(graph, known)["x20"][0], [0, 1], atol=1e-12)


def test_likelihoods_that_are_densities():
    graph = FactorGraph()
    graph.variable("a", 3)
    given = {}
    for number in range(40):
        graph.variable(f"y{number}", 3)
        graph.factor(["a", f"y{number}"], np.eye(3))
        given[f"y{number}"] = np.array([[4e8, 3.9e8, 4e7], [1.0, 1.0, 1.0], [4e-8, 3.9e-8, 4e-9]])
    shares = np.array([1.0, 0.975**40, 1e-40])
    total = np.log(shares.sum())
    totals = [40 * np.log(4e8) + total, np.log(3), 40 * np.log(4e-8) + total]
    shares /= shares.sum()
    for result in (infer(graph, given, ["a"]), loopy(graph, given, ["a"])):
        np.testing.assert_allclose(result["a"], [shares, [1 / 3] * 3, shares], rtol=1e-9)
        np.testing.assert_allclose(result["ln_p_evidence"], totals, rtol=1e-12)


def test_conditioned_lanes_of_large_numbers():
    graph = FactorGraph()
    for name in "abcd":
        graph.variable(name, 2)
    for scope in ("ab", "bc", "cd", "da"):
        graph.factor(scope, [[1e250, 2e250], [3e250, 1e250]])
    question = Question(graph, "all", list("abcd"), (), "prob")
    known = evidence_of(graph.variables.values(), {})
    cutset = Cutset(question, known)
    assert cutset.grow()
    runner = ConditionedRunner(question.program(cutset.names), cutset)
    result, plain = runner.answer(Evidence({}, 1, single=True)), infer(graph)
    for name in plain:
        np.testing.assert_allclose(result[name], plain[name], rtol=1e-10)
    right = Enumeration(graph, {}, 1).answers("prob")
    np.testing.assert_allclose(plain["ln_p_evidence"], right.totals[0], rtol=1e-12)
    np.testing.assert_allclose(plain["c"], right.beliefs["c"][0], rtol=1e-10)


@pytest.mark.slow
def test_what_vanishes_in_one_step_may_matter_in_the_next():
    """A state that is 1e-320 of another is far more likely once that one is excluded, nearly."""
    for seed in range(150):
        rng, graph = np.random.default_rng(seed), FactorGraph()
        for number in range(6):
            graph.variable(f"v{number}", 2)
            scopes = [[f"v{number}"]] * int(rng.integers(0, 4))
            scopes += [[f"v{rng.integers(number)}", f"v{number}"]] if number else []
            for scope in scopes:
                shape = (2,) * len(scope)
                power = rng.uniform(0, 170, shape) * (rng.random(shape) < 0.6)
                graph.factor(scope, 10.0**-power)
        right = Enumeration(graph, {}, 1).answers("prob")
        for engine in ("native", "reference"):
            answer = compile_graph(graph, seconds=0.0).bind(engine)()
            np.testing.assert_allclose(answer["ln_p_evidence"], right.totals[0], rtol=1e-10)
            for name in graph.variables:
                close = {"rtol": 1e-9, "atol": 1e-250, "err_msg": f"{seed} {engine}"}
                np.testing.assert_allclose(answer[name], right.beliefs[name][0], **close)


def test_tables_whose_sums_are_no_numbers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        graph = FactorGraph()
        graph.variable("a", 2)
        graph.factors.append(Factor("a", ("a",), np.array([1.5e308, 0.5e308]), "a"))
        np.testing.assert_allclose(infer(graph)["a"], [0.75, 0.25])
        assert graph.normalized().factors[0].table.tolist() == [0.75, 0.25]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tables", "ln_z", "posterior"),
    [
        ([[1e-10, 2e-10]] * 40, -893.3081499752195, [2.0**-40, 1.0]),
        ([[0.4, 0.4], [0.5, 0.6]] * 550, -784.9139956020801, [(5 / 6) ** 550, 1.0]),
        ([[1e-162, 1e-162], [1e-162, 3e-162]], -744.6512757689509, [0.25, 0.75]),
    ],
)
@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_vanishes_where_nothing_is_observed(engine, tables, ln_z, posterior):
    graph = FactorGraph("g")
    graph.variable("a", ["x", "y"])
    for table in tables:
        graph.factor(["a"], table)
    result = infer(graph, engine=engine)
    assert result["ln_p_evidence"] == pytest.approx(ln_z, rel=1e-12)
    assert result["a"] == pytest.approx(posterior, rel=1e-9)
    for query in ("mpe", "kbest:2", "mmap:a"):
        assert np.isfinite(np.max(infer(graph, query=query, engine=engine)["ln_p_best"]))
    program = compile_graph(graph, evidence=[])
    assert program.bind(engine)()["ln_p_evidence"] == pytest.approx(ln_z, rel=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("seed", range(12))
def test_derivatives_by_entries_at_the_end_of_the_range_are_those_of_fractions(seed, engine):
    rand = random.Random(seed)

    def entry(low):
        return Fraction(10.0 ** rand.choice([rand.uniform(low, low + 30), rand.uniform(-1, 0)]))

    for _ in range(5):
        prior = [entry(-323.5) for _ in range(2)]
        prior[rand.randrange(2)] = Fraction(rand.uniform(0.1, 1))
        table = [[entry(-100) for _ in range(2)] for _ in range(2)]
        graph = lw.belief.FactorGraph("ends")
        graph.variable("a", ["0", "1"]), graph.variable("b", ["0", "1"])
        graph.factor(["a"], list(map(float, prior)), name="prior")
        graph.factor(["a", "b"], [list(map(float, row)) for row in table], name="table")
        answer = lw.belief.sensitivity(graph, "a", "0", {"b": "0"}, engine=engine)
        yes, no = prior[0] * table[0][0], prior[1] * table[1][0]
        square = (yes + no) ** 2
        right = [table[0][0] * no, -table[1][0] * yes], [prior[0] * no, -prior[1] * yes]
        for name, wanted in zip(("prior", "table"), right, strict=True):
            exact = [float(part / square) for part in wanted]
            shown = answer[name] if name == "prior" else answer[name][:, 0]
            np.testing.assert_allclose(shown, exact, rtol=1e-11, atol=1e-305)
