"""Contractions with many zeros, by groups of outputs: the same answers, and fewer products."""

import dataclasses
import gzip
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

from lanework.engines.tensors.layout import grouped_sizes
from lanework.engines.vector import loader
from lanework.machines.belief.check import fuzz
from lanework.machines.belief.graph.files import read_network
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.native import calls
from lanework.machines.belief.native import executor as native
from lanework.machines.belief.native.groups import term_sets
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
LEVELS = [level.name for level in loader.levels()]


@pytest.fixture
def forced(monkeypatch):
    """Groups wherever there is a zero, in programs of any size."""
    monkeypatch.setattr(calls, "PAYS", math.inf)
    monkeypatch.setattr(calls, "TURN", 0)
    monkeypatch.setattr(native, "CACHE", 0)


def axes(*numbers, size=4):
    return TensorSpec(tuple(Axis(n, AxisType.GEOMETRIC, size + n % 3) for n in numbers))


@pytest.mark.parametrize("seed", range(20))
def test_groups_have_the_terms_that_are_not_zero(seed):
    rng = np.random.default_rng(seed)
    out, summed = axes(0, 1, 2), axes(3, 4)
    tables, full = [], np.ones((*out.shape, *summed.shape), bool)
    for scope in ((1, 3), (4, 0, 3), (2, 1), (3, 4, 2)):
        spec = axes(*scope)
        tables.append((rng.random(spec.shape) < 0.7, spec))
        order = "".join("abcde"[n] for n in scope)
        full &= np.einsum(f"{order},abcde->abcde", tables[-1][0], np.ones_like(full))
    terms = full.reshape(out.entries, summed.entries)
    actual = term_sets(out, summed, tables)
    np.testing.assert_array_equal(actual.support.ravel(), terms.any(axis=1))
    for tile in (1, 2, 4):
        groups = actual.groups(tile)
        np.testing.assert_array_equal(np.sort(groups.outputs), np.arange(out.entries))
        each = np.split(groups.outputs, np.cumsum(groups.sizes)[:-1])
        sets = np.split(groups.terms, np.cumsum(groups.counts)[:-1])
        for outputs, number in zip(each, groups.sets, strict=True):
            exact = terms[outputs].any(axis=0)
            assert set(np.flatnonzero(exact)) <= set(sets[number].tolist())
            if len(outputs) > tile:
                assert (terms[outputs] == exact).all()
        padded = groups.padded(tile)
        assert len(padded) == tile * groups.tiles(tile).sum()
        assert set(padded) == set(groups.outputs)
        # tiles that are not full are never dearer than their outputs one by one
        assert terms.sum() <= groups.products(tile) <= tile * terms.sum()
    assert actual.groups(1).products() == terms.sum()


def random_graph(rng):
    """A graph with cycles, most entries zero, and at least one assignment that is possible."""
    graph = FactorGraph()
    sizes = rng.integers(2, 6, 8)
    for number, size in enumerate(sizes):
        graph.variable(f"v{number}", int(size))
    sure = [int(rng.integers(size)) for size in sizes]
    scopes = [
        (n, n + 1, int(rng.choice([m for m in range(8) if m not in (n, n + 1)]))) for n in range(7)
    ]
    for scope in [*scopes, *itertools.combinations(range(0, 8, 3), 2)]:
        table = rng.random(sizes[list(scope)]) * (rng.random(sizes[list(scope)]) < 0.35)
        table[tuple(sure[n] for n in scope)] = 0.5
        graph.factor([f"v{n}" for n in scope], table)
    return graph, sure


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("seed", range(6))
def test_native_answers_are_those_of_the_reference(seed, level, forced, monkeypatch):
    """Blocks of all sizes that groups have kernels for, with rows to spare."""
    monkeypatch.setenv("LANEWORK_CPU_LEVEL", level)
    rng = np.random.default_rng(seed)
    graph, sure = random_graph(rng)
    given = {
        "v0": [None, str(sure[0]), *map(str, rng.integers(0, graph.variables["v0"].size, 69))],
        "v5": rng.random((71, graph.variables["v5"].size)),
    }
    cases = [
        ("all", "prob", ()),
        ("joint:v1,v4", "prob", ()),
        ("all", "max", ()),
        ("mpe", "max", ()),
    ]
    cases += [("gradient", "prob", ()), ("mmap:v2,v3", "prob", ()), ("sample:2", "prob", ("v0",))]
    for query, semiring, observed in cases:
        known = {"v0": [str(sure[0])] * 71, "v5": given["v5"]} if observed else given
        program = compile_graph(graph, query, observed=observed, seconds=0.0)
        expected = program.bind("reference", semiring=semiring)(known)
        for lanes in grouped_sizes(loader.LEVELS[level].width):
            runner = program.bind("native", semiring=semiring, threads=1)
            executor = runner._executor()
            assert any(call.groups is not None for call in executor.lowered.calls)
            executor.lanes = lambda rows, lanes=lanes: lanes
            result = runner(known)
            for name in expected:
                if expected[name].dtype == object or expected[name].dtype.kind == "U":
                    assert (result[name] == expected[name]).all()
                else:
                    np.testing.assert_allclose(result[name], expected[name], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("seeds", campaign(300, 100, daily=100, quick=50))
def test_enumeration_with_groups(seeds, forced):
    assert fuzz.campaign().run(len(seeds), seeds.start) == []


def test_groups_pay_on_mildew():
    """A third of the products, and lists that take no more memory than was foreseen."""
    graph = read_network(DATA / "mildew.bif.gz")
    (row, *_) = json.loads(gzip.decompress((DATA / "expected/mildew.json.gz").read_bytes()))["rows"]
    observed = list(row["evidence"])
    program = compile_graph(graph, evidence=list(row["soft"]), observed=observed, seconds=0.0)
    executor = program.bind("native")._executor()
    calls = [call for call in executor.lowered.calls if call.groups is not None]
    every = sum(dataclasses.replace(call, groups=None).terms for call in executor.lowered.calls)
    assert executor.terms < 0.35 * every
    assert len(calls) > 10
    for lanes in grouped_sizes(executor.width):
        lists = {array.ctypes.data: array.nbytes for array in executor.records(lanes)._keep}
        assert sum(lists.values()) <= executor.shared_bytes
