"""Networks and factor graphs whose answers others have computed, on every engine."""

import functools
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from lanework.machines.belief.graph.files import read_network
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
NETWORKS = ("asia", "alarm", "hailfinder", "hepar2", "win95pts")
LARGE = ("pigs", "link", "mildew", "diabetes", "barley", "munin1")
WAYS = (("native", "prob"), ("reference", "prob"), ("reference", "logprob"))
EDGES = json.loads((DATA / "expected/edge_cases.json").read_text())["cases"]


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    graph = read_network(DATA / f"{request.param}.bif")
    expected = json.loads((DATA / f"expected/{request.param}.json").read_text())
    return graph, expected, compile_graph(graph, seconds=0.0)


def given(row):
    return {**row["evidence"], **{name: np.array(w, float) for name, w in row["soft"].items()}}


@pytest.mark.parametrize(("engine", "semiring"), WAYS)
def test_posteriors_of_pyagrum(network, engine, semiring):
    _, expected, program = network
    runner = program.bind(engine, semiring=semiring)
    for row in expected["rows"]:
        result = runner(given(row))
        assert float(result["ln_p_evidence"]) == pytest.approx(row["ln_pe"], rel=1e-10)
        for name, values in row["posterior"].items():
            np.testing.assert_allclose(result[name], values, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("engine", "semiring"), WAYS)
def test_observed_variables_are_cut_out(network, engine, semiring):
    """What every row says goes before the tree is made; the answers stay."""
    graph, expected, _ = network
    for row in expected["rows"]:
        program = compile_graph(
            graph, evidence=list(row["soft"]), observed=list(row["evidence"]), seconds=0.0
        )
        program.verify()
        result = program.bind(engine, semiring=semiring)(given(row))
        assert float(result["ln_p_evidence"]) == pytest.approx(row["ln_pe"], rel=1e-10)
        for name, values in row["posterior"].items():
            np.testing.assert_allclose(result[name], values, rtol=0, atol=1e-10)
        for name, state in row["evidence"].items():
            assert result[name][graph.state(name, state)] == 1.0


@functools.cache
def cut(name):
    """A large network, and its expected rows with a program for each, its evidence cut out."""
    graph = read_network(DATA / f"{name}.bif.gz")
    packed = (DATA / f"expected/{name}.json.gz").read_bytes()
    rows = json.loads(gzip.decompress(packed))["rows"]
    programs = [
        compile_graph(
            graph, evidence=list(row["soft"]), observed=list(row["evidence"]), seconds=0.0
        )
        for row in rows
    ]
    return graph, list(zip(rows, programs, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize(("engine", "semiring"), WAYS)
def test_large_networks(name, engine, semiring):
    graph, cases = cut(name)
    for row, program in cases:
        result = program.bind(engine, semiring=semiring)(given(row))
        assert float(result["ln_p_evidence"]) == pytest.approx(row["ln_pe"], rel=1e-10)
        assert row["posterior"].keys() == graph.variables.keys() - row["evidence"].keys()
        for variable, values in row["posterior"].items():
            np.testing.assert_allclose(result[variable], values, rtol=0, atol=1e-10)
        for variable, state in row["evidence"].items():
            assert result[variable][graph.state(variable, state)] == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_most_probable_assignment_of_large_networks(name):
    for row, program in cut(name)[1]:
        best = program.bind(semiring="max")(given(row))["ln_p_best"]
        assert float(best) == pytest.approx(row["mpe_ln_joint"], rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alarm", "hepar2", "mildew", "barley", "munin1", "diabetes"])
def test_sums_alone_and_one_posterior(name):
    """Tables that sum to one in a few digits only are not left out."""
    (path,) = DATA.glob(f"{name}.bif*")
    (answers,) = (DATA / "expected").glob(f"{name}.json*")
    data = answers.read_bytes()
    graph = read_network(path)
    for row in json.loads(gzip.decompress(data) if answers.suffix == ".gz" else data)["rows"]:
        known = {"evidence": [*row["soft"]], "observed": [*row["evidence"]], "seconds": 0.0}
        total = compile_graph(graph, "z", **known).bind()(given(row))
        assert float(total["ln_p_evidence"]) == pytest.approx(row["ln_pe"], rel=1e-10)
        asked = next(iter(row["posterior"]))
        result = compile_graph(graph, [asked], **known).bind()(given(row))
        np.testing.assert_allclose(result[asked], row["posterior"][asked], rtol=0, atol=1e-10)


def test_rows_are_answered_each_by_itself(network):
    """Rows with other evidence, and with none, in blocks that do not come out even."""
    graph, expected, program = network
    rng = np.random.default_rng(5)
    names = list(expected["rows"][0]["evidence"])
    columns = {
        name: [rng.choice([*graph.variables[name].states, None]) for _ in range(150)]
        for name in names
    }
    native = program.bind("native", threads=2)(columns)
    reference = program.bind("reference")(columns)
    possible = native["ln_p_evidence"] > -np.inf
    assert (possible == (reference["ln_p_evidence"] > -np.inf)).all()
    for name in reference:
        np.testing.assert_allclose(
            native[name][possible], reference[name][possible], rtol=1e-9, atol=1e-12
        )
    single = program.bind("native")({name: column[7] for name, column in columns.items()})
    for name in graph.variables:
        np.testing.assert_array_equal(single[name], native[name][7])


def test_the_most_probable_assignment(network):
    _, expected, program = network
    for row in expected["rows"]:
        if "mpe_ln_joint" in row:
            for semiring, sign in (("max", 1), ("minsum", -1)):
                result = program.bind(semiring=semiring)(given(row))
                name = "ln_p_best" if semiring == "max" else "least_cost"
                assert sign * float(result[name]) == pytest.approx(row["mpe_ln_joint"], rel=1e-10)


@pytest.mark.parametrize("name", ["cancer", "earthquake", "survey"])
@pytest.mark.parametrize(("engine", "semiring"), WAYS)
def test_small_networks_by_enumeration(name, engine, semiring):
    graph = read_network(DATA / f"{name}.bif")
    runner = compile_graph(graph, seconds=0.0).bind(engine, semiring=semiring)
    number = {variable: n for n, variable in enumerate(graph.variables)}
    parts = [part for f in graph.factors for part in (f.table, [number[v] for v in f.scope])]
    joint = np.einsum(*parts, list(number.values()))
    for observed, variable in graph.variables.items():
        seen = np.take(joint, [variable.size - 1], axis=number[observed])
        result = runner({observed: variable.states[-1]})
        assert float(result["ln_p_evidence"]) == pytest.approx(math.log(seen.sum()), rel=1e-12)
        for other, place in number.items():
            if other != observed:
                sums = seen.sum(axis=tuple(n for n in number.values() if n != place))
                np.testing.assert_allclose(result[other], sums / seen.sum(), rtol=0, atol=1e-12)


def graph_of(case):
    graph = FactorGraph(case["name"])
    for name, size in case["variables"].items():
        graph.variable(name, size)
    for name, factor in case["factors"].items():
        graph.factor(factor["scope"], factor["values"], name=name)
    return graph


@pytest.mark.parametrize("case", EDGES, ids=[case["name"] for case in EDGES])
@pytest.mark.parametrize(("engine", "semiring"), WAYS)
def test_edge_cases(case, engine, semiring):
    result = compile_graph(graph_of(case)).bind(engine, semiring=semiring)()
    z = float(result["ln_p_evidence"])
    assert z == pytest.approx(math.log(case["Z"]), rel=1e-12) if case["Z"] else z == -math.inf
    for name, values in case["marginals"].items():
        if values is not None and case["Z"]:
            np.testing.assert_allclose(result[name], values, atol=1e-12)
    satisfiable = compile_graph(graph_of(case)).bind(semiring="bool")()["satisfiable"]
    assert bool(satisfiable) == (case["Z"] > 0)
