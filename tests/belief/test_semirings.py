"""Semirings of the user's own, held to enumeration: bottlenecks, cheapest ways, provenance."""

import dataclasses
import functools
import heapq
import itertools

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.check.generate import random_case
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.queries.infer import infer
from lanework.machines.belief.reference import kernels
from lanework.machines.belief.semiring import VMSemiringRuntime, vm_prob_semiring

BEST = 2


def bottleneck():
    """The widest of the narrowest: tables are capacities."""
    return VMSemiringRuntime(
        name="bottleneck",
        dtype=np.dtype(float),
        mul=np.minimum,
        add_reduce=lambda x, axes: np.max(x, axis=axes),
        one=lambda shape: np.full(shape, np.inf),
        zero=lambda shape: np.zeros(shape),
    )


def filled(value):
    def fill(shape):
        array = np.empty(shape, object)
        for cell in np.ndindex(shape):
            array[cell] = value
        return array

    return fill


def objects(name, times, plus, one, zero, convert):
    """A semiring over any values, from functions of two of them."""
    mul, add = np.frompyfunc(times, 2, 1), np.frompyfunc(plus, 2, 1)

    def add_reduce(x, axes):
        for axis in sorted(axes, reverse=True):
            x = add.reduce(x, axis=axis)
        return x

    def entries(table):
        array = np.empty(np.shape(table), object)
        for cell in np.ndindex(array.shape):
            array[cell] = convert(float(table[cell]))
        return array

    make = (filled(one), filled(zero))
    return VMSemiringRuntime(name, np.dtype(object), mul, add_reduce, *make, convert=entries)


def cheapest(count=BEST):
    """The least costs of all, in order: tables are costs."""

    def plus(x, y):
        return tuple(heapq.merge(x, y))[:count]

    def times(x, y):
        return tuple(sorted(a + b for a in x for b in y))[:count]

    return objects("cheapest", times, plus, (0.0,), (), lambda cost: (cost,))


def provenance():
    """Polynomials over N in the entries: monomials with how often they occur."""

    def plus(x, y):
        return {m: x.get(m, 0) + y.get(m, 0) for m in {**x, **y}}

    def times(x, y):
        subject = {}
        for (m, a), (n, b) in itertools.product(x.items(), y.items()):
            key = tuple(sorted(m + n))
            subject[key] = subject.get(key, 0) + a * b
        return subject

    return objects("provenance", times, plus, {(): 1}, {}, lambda number: {(int(number),): 1})


def enumerated(case, one, times, convert):
    """Of each row: each assignment that it allows and the product of its entries."""
    graph, names = case.graph, list(case.graph.variables)
    weights = case.weights()
    for row in range(case.rows):
        actual = {}
        for cell in np.ndindex(*(v.size for v in graph.variables.values())):
            at = dict(zip(names, cell, strict=True))
            if all(known[row, at[name]] > 0 for name, known in weights.items()):
                entries = (f.table[tuple(at[v] for v in f.scope)] for f in graph.factors)
                actual[cell] = functools.reduce(times, map(convert, entries), one)
        yield names, actual


def hard_cases(seeds):
    for seed in seeds:
        case = random_case(seed)
        soft = [name for name, column in case.given.items() if isinstance(column, np.ndarray)]
        for name in soft:
            case.given.pop(name)
        yield seed, case


def row_of(result, name, row):
    value = result[name]
    return value[row] if "row" in result.axes(name) else value


@pytest.mark.parametrize("seed", range(40))
def test_bottlenecks(seed):
    for _, case in hard_cases([seed]):
        result = infer(case.graph, case.given, semiring=bottleneck())
        for row, (names, actual) in enumerate(enumerated(case, np.inf, min, float)):
            if row and "row" not in result.axes("total"):
                break
            assert row_of(result, "total", row) == max(actual.values(), default=0.0)
            for place, name in enumerate(names):
                right = np.zeros(case.graph.variables[name].size)
                for cell, width in actual.items():
                    right[cell[place]] = max(right[cell[place]], width)
                assert row_of(result, name, row).tolist() == right.tolist(), name


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_cheapest_ways(seed):
    for _, case in hard_cases([seed]):
        if sum(f.table.size for f in case.graph.factors) > 300:
            continue
        for query in ("all", "z"):
            program = compile_graph(case.graph, query, semiring=cheapest(), seconds=0.0)
            assert program.problems() == []
            result = program.bind(semiring=cheapest())(case.given)
            for row, (names, actual) in enumerate(enumerated(case, 0.0, float.__add__, float)):
                if row and "row" not in result.axes("total"):
                    break
                right = sorted(actual.values())[:BEST]
                total = row_of(result, "total", row)
                total = total.item() if isinstance(total, np.ndarray) else total
                assert list(total) == pytest.approx(right)
                for place, name in enumerate(names if query == "all" else ()):
                    for state, costs in enumerate(row_of(result, name, row)):
                        some = (cost for cell, cost in actual.items() if cell[place] == state)
                        assert list(costs) == pytest.approx(sorted(some)[:BEST])


def numbered_chain():
    """A chain whose entries are numbered, so that products tell where they come from."""
    graph, numbers = FactorGraph("chain"), itertools.count(1)
    for name, size in (("a", 2), ("b", 3), ("c", 2)):
        graph.variable(name, size)
    for scope in ("a", "ab", "bc"):
        shape = graph.shape(scope)
        graph.factor(scope, np.reshape([next(numbers) for _ in range(np.prod(shape))], shape))
    return graph


def test_provenance():
    graph = numbered_chain()
    result = infer(graph, {"c": ["1", None]}, "joint:a,c", semiring=provenance())
    for row, states in enumerate(([1], [0, 1])):
        right = {}
        for a, b, c in itertools.product(range(2), range(3), states):
            cells = (graph.factors[0].table[a], graph.factors[1].table[a, b])
            key = tuple(sorted(map(int, (*cells, graph.factors[2].table[b, c]))))
            right[key] = right.get(key, 0) + 1
        assert result["total"][row] == right
        assert all(result["joint"][row][a, 0] == {} for a in range(2)) == (states == [1])
    assert len(infer(graph, None, "z", semiring=provenance())["total"].item()) == 12
    assert infer(graph, None, "a", semiring=provenance())._repr_html_()
    assert len(list(infer(graph, None, "a", semiring=provenance()).objects())) == 1
    assert "{(1, 3, 9): 1" in repr(infer(graph, None, "z", semiring=provenance()))


def test_products_of_tables_are_left_to_the_semiring():
    """0.5 times 0.5 is 0.25, and the narrower of the two is 0.5."""
    graph = FactorGraph()
    graph.variable("a", 2)
    for _ in range(3):
        graph.factor(["a"], [0.5, 0.25])
    assert infer(graph, {"a": ["0", "1", None]}, semiring=bottleneck())["total"].tolist() == [
        0.5,
        0.25,
        0.5,
    ]
    with pytest.raises(Diagnostic) as caught:
        compile_graph(graph).bind(semiring=bottleneck())
    assert caught.value.code.ident == "LW2005"
    assert "compile it" in caught.value.help
    program = compile_graph(graph, semiring=bottleneck())
    with pytest.raises(Diagnostic) as caught:
        program.bind()
    assert caught.value.code.ident == "LW2005"
    assert program.bind(semiring="prob")()["ln_p_evidence"] == pytest.approx(np.log(9 / 64))
    explained = program.bind(semiring=bottleneck()).explain()
    assert "engine: reference" in explained
    assert "semiring: bottleneck" in explained


def test_tables_that_are_no_probabilities():
    """No warning of sums, no table left out, and a zero that is no zero."""
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", 2)
    graph.factor(["a"], [0.0, 3.0], child="a")
    graph.factor(["a", "b"], [[5.0, 1.0], [0.0, 0.0]], child="b")
    result = infer(graph, {"a": ["0", "1", None]}, ["a"], semiring=cheapest())
    assert result["total"].tolist() == [(1.0, 5.0), (3.0, 3.0), (1.0, 3.0)]
    assert result["a"][2].tolist() == [(1.0, 5.0), (3.0, 3.0)]


def test_a_semiring_that_scales():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1e-30, 3e-30])
    result = infer(graph, {"a": [None, "0"]}, semiring=vm_prob_semiring(np.float32))
    assert result["a"].dtype == np.float32
    right = np.log([4e-30, 1e-30])
    np.testing.assert_allclose(np.log(result["total"]) + result["ln_scale"], right, rtol=1e-6)
    assert result.axes("ln_scale") == ("row",)


def test_likelihoods_are_converted_as_tables_are():
    graph = FactorGraph()
    graph.variable("a", 3)
    graph.factor(["a"], [4.0, 5.0, 6.0])
    soft = np.array([[2.0, 7.0, 1.0], [0.0, 1.0, 0.0]])
    result = infer(graph, {"a": soft}, semiring=bottleneck())
    assert result["a"].tolist() == [[2.0, 5.0, 6.0], [0.0, 5.0, 0.0]]


def test_the_seeds_way_to_write_one():
    """All fields by name, with a normalize that does nothing."""
    runtime = VMSemiringRuntime(
        name="MY_SR",
        dtype=np.dtype(np.int64),
        mul=lambda a, b: a * b % 1_000_003,
        add_reduce=lambda x, axes: np.sum(x, axis=axes) % 1_000_003,
        one=lambda shape: np.ones(shape, np.int64),
        zero=lambda shape: np.zeros(shape, np.int64),
        normalize=lambda x, axes: (
            x,
            np.zeros([n for i, n in enumerate(x.shape) if i not in axes]),
        ),
        convert=lambda table: table.astype(np.int64),
    )
    graph = FactorGraph()
    for name in "abcdefg":
        graph.variable(name, 10)
        graph.factor([name], np.arange(10))
    assert infer(graph, None, "z", semiring=runtime)["total"] == 45**7 % 1_000_003
    assert lw.belief.VirtualMachine(runtime).sr.name == "MY_SR"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("add_reduce", lambda x, axes: np.max(x)),
        ("mul", lambda x, y: np.zeros(3)),
        ("one", lambda shape: 1.0),
        ("one", lambda shape: np.zeros(shape)),
        ("zero", lambda shape: np.ones(shape)),
        ("convert", lambda table: np.zeros(np.shape(table), complex)),
        ("convert", lambda table: 1.0),
        ("normalize", lambda x, axes: (0.0, 0.0)),
    ],
)
def test_semirings_that_make_no_sense(field, value):
    runtime = dataclasses.replace(bottleneck(), **{field: value})
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", 2)
    graph.factor(["a", "b"], [[0.5, 0.5], [1, 2]])
    with pytest.raises(Diagnostic) as caught:
        infer(graph, {"a": ["0", "1"]}, semiring=runtime)
    assert caught.value.code.ident == "LW5011"
    assert "bottleneck" in caught.value.message


@pytest.mark.parametrize("query", ["mpe", "sample:2", "kbest:2", "gradient", "mmap:a"])
def test_what_needs_more_than_sums(query):
    graph = FactorGraph()
    graph.variable("a", 2)
    with pytest.raises(Diagnostic) as caught:
        compile_graph(graph, query, semiring=bottleneck())
    assert caught.value.code.ident == "LW5009"
    with pytest.raises(Diagnostic) as caught:
        compile_graph(graph, strategy="modes", semiring=bottleneck())
    assert caught.value.code.ident == "LW2005"
    assert compile_graph(graph, query).problems() == []


def plain(dtype, mul=np.multiply):
    return VMSemiringRuntime(
        "mine",
        np.dtype(dtype),
        mul,
        lambda x, axes: np.sum(x, axis=axes, dtype=x.dtype),
        lambda shape: np.ones(shape, dtype),
        lambda shape: np.zeros(shape, dtype),
        convert=lambda table: np.asarray(table, dtype),
    )


@pytest.mark.parametrize(
    ("dtype", "tables"),
    [
        (np.float64, [[1e200, 2e200], [1e200, 2e200]]),
        (np.float64, [[1.7e308, 1.7e308], [1.0, 1.0]]),
        (np.float32, [[1e30, 1.0], [1e30, 1.0]]),
        (np.int64, [[2.0**40, 1.0], [2.0**40, 1.0]]),
        (np.int64, [[2.0**62, 2.0**62], [1.0, 1.0]]),
        (np.int32, [[2.0**20, 1.0], [2.0**20, 1.0]]),
        (np.uint8, [[200.0, 100.0], [1.0, 1.0]]),
    ],
)
def test_what_leaves_the_range_of_a_dtype_is_refused(dtype, tables):
    graph = FactorGraph()
    graph.variable("a", 2)
    for table in tables:
        graph.factor(["a"], table)
    mine = plain(dtype)
    program = compile_graph(graph, "z", semiring=mine)
    with pytest.raises(Diagnostic) as caught:
        program.bind(semiring=mine)()
    assert caught.value.code.ident == "LW5011"
    assert f"leaves the range of {np.dtype(dtype)}" in caught.value.message
    assert "dtype=object" in caught.value.help
    exact = dataclasses.replace(
        plain(object), convert=lambda x: np.vectorize(int, otypes=[object])(x)
    )
    right = sum(int(tables[0][n]) * int(tables[1][n]) for n in range(2))
    assert compile_graph(graph, "z", semiring=exact).bind(semiring=exact)()["total"].item() == right


def test_infinity_that_was_meant_is_no_overflow():
    ways = FactorGraph()
    for name in "ab":
        ways.variable(name, 2)
    ways.factor(["a", "b"], [[0.0, 1.0], [1.0, 0.0]])  # costs, of which 0 is no way
    cost = VMSemiringRuntime(
        "cost",
        np.dtype(float),
        np.add,
        lambda x, axes: np.min(x, axis=axes),
        lambda shape: np.zeros(shape),
        lambda shape: np.full(shape, np.inf),
        convert=lambda table: np.where(table > 0, table, np.inf),
    )
    result = compile_graph(ways, "b", semiring=cost).bind(semiring=cost)({"a": ["0", "1"]})
    assert result["b"].tolist() == [[np.inf, 1.0], [1.0, np.inf]]


def test_bits_do_not_grow():
    bits = plain(np.int64, np.bitwise_and)
    bits = dataclasses.replace(
        bits,
        add_reduce=lambda x, axes: np.bitwise_or.reduce(x, axis=axes[0]) if axes else x,
        one=lambda shape: np.full(shape, -1),
    )
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [2.0**62 + 2.0**40, 1.0])
    graph.factor(["a"], [2.0**62, 3.0])
    assert compile_graph(graph, "z", semiring=bits).bind(semiring=bits)()["total"] == 2**62 + 1


@pytest.mark.parametrize("query", ["z", "all"])
def test_large_products_of_counts_in_pieces(monkeypatch, query):
    case = next(c for c in map(random_case, range(3, 60)) if len(c.graph.variables) > 4)
    right = infer(case.graph, case.given, query, semiring="counting")
    monkeypatch.setattr(kernels, "PIECE", 2)
    some = infer(case.graph, case.given, query, semiring="counting")
    for name in right:
        assert some[name].tolist() == right[name].tolist()
