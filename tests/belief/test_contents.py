"""What a graph holds is checked as it is put in, whatever way it comes in."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.factor import Factor, Variable
from lanework.machines.belief.graph.model import FactorGraph

COIN = Variable("c", ("x", "y"))
TABLE = Factor("f", ("a",), np.ones(2))


def graph():
    graph = FactorGraph("coin")
    graph.variable("a", ["x", "y"])
    graph.factor(["a"], [0.25, 0.75])
    return graph


def put(graph, way, value):
    """Put a variable in, or a dictionary of it."""
    if way == "set":
        graph.variables["c"] = value
    elif way == "update":
        graph.variables.update(c=value)
    elif way == "or":
        graph.variables |= {"c": value}
    elif way == "default":
        graph.variables.setdefault("c", value)
    elif way == "attribute":
        graph.variables = {"c": value}
    else:
        FactorGraph("other", {"c": value})


@pytest.mark.parametrize("way", ["set", "update", "or", "default", "attribute", "new"])
@pytest.mark.parametrize(
    "value",
    [3, None, "c", ["x", "y"], ("x", "y"), Variable("d", ("x", "y"))]
    + [Variable("c", states) for states in ((), ("x", "x"), 0, "xy", None, {"x", "y"}, ("x", None))]
    + [Variable("c", ("x", b"y")), Variable("c", ("\ud800",))],
    ids=lambda value: type(value).__name__,
)
def test_variables(way, value):
    one = graph()
    with pytest.raises(Diagnostic) as caught:
        put(one, way, value)
    assert caught.value.code.ident == "LW5001"
    assert caught.value.help
    assert list(one.variables) == ["a"]
    put(one, way, COIN)


FACTORS = {
    "append": lambda graph, factor: graph.factors.append(factor),
    "extend": lambda graph, factor: graph.factors.extend([TABLE, factor]),
    "insert": lambda graph, factor: graph.factors.insert(0, factor),
    "set": lambda graph, factor: graph.factors.__setitem__(0, factor),
    "slice": lambda graph, factor: graph.factors.__setitem__(slice(1), [TABLE, factor]),
    "add": lambda graph, factor: graph.factors.__iadd__([factor]),
    "attribute": lambda graph, factor: setattr(graph, "factors", [factor]),
    "new": lambda graph, factor: FactorGraph("other", graph.variables, [factor]),
}


@pytest.mark.parametrize("way", FACTORS)
@pytest.mark.parametrize("value", [3, None, "f", np.ones(2), ["a"], COIN], ids=type)
def test_factors(way, value):
    one = graph()
    with pytest.raises(Diagnostic) as caught:
        FACTORS[way](one, value)
    assert caught.value.code.ident == "LW5001"
    assert "graph.factor" in caught.value.help
    assert len(one.factors) == 1
    FACTORS[way](one, TABLE)
    assert lw.belief.infer(one)["a"].shape == (2,)


@pytest.mark.parametrize(
    ("code", "work"),
    [
        ("LW5001", lambda g: setattr(g, "variables", 7)),
        ("LW5001", lambda g: setattr(g, "factors", None)),
        ("LW5001", lambda g: setattr(g, "name", 3)),
        ("LW5001", lambda g: FactorGraph(None)),
        ("LW5001", lambda g: g.variables.__setitem__(5, Variable(5, ("x",)))),
        ("LW5001", lambda g: g.variable(3, 2)),
        ("LW5001", lambda g: g.variable("c", 2.5)),
        ("LW5001", lambda g: g.variable("c", -1)),
        ("LW5001", lambda g: g.variable("c", True)),
        ("LW5001", lambda g: g.variable("c", "yes")),
        ("LW5001", lambda g: g.variable("c", {"x", "y"})),
        ("LW5001", lambda g: g.variable("c", {"x": 1})),
        ("LW5001", lambda g: g.variable("c", None)),
        ("LW5001", lambda g: g.variable("c", ["x", None])),
        ("LW5001", lambda g: g.variable("c", [["x"]])),
        ("LW5001", lambda g: g.factor(3, [1, 1])),
        ("LW5001", lambda g: g.factor([["a"]], [1, 1])),
        ("LW5001", lambda g: g.factor(["a"], [1, 1], name=4)),
        ("LW5001", lambda g: g.factor(["a"], [1, 1], child=["a"])),
        ("LW5002", lambda g: g.factor(["a"], ["1", "1"])),
        ("LW5002", lambda g: g.factors.append(Factor("f", ("a",), ["1", "1"]))),
        ("LW5002", lambda g: g.factors.append(Factor("f", ("a",), [2**53 + 1, 1]))),
        ("LW5001", lambda g: g.factors.append(Factor("f", 3, [1, 1]))),
    ],
)
def test_what_is_no_content(code, work):
    with pytest.raises(Diagnostic) as caught:
        work(graph())
    assert caught.value.code.ident == code
    assert caught.value.help


@pytest.mark.parametrize("write", ["write_json", "write_uai", "write_bif", "write_xmlbif"])
def test_what_does_not_fit_is_not_written(write):
    one = FactorGraph("n")
    one.variable("a", 2)
    one.factor(["a"], [0.5, 0.5], child="a")
    assert getattr(lw.belief, write)(one)
    one.variables["b"] = Variable("b", ["x", "y"])
    one.factors.append(Factor("b", ("b",), np.ones(3), "b"))
    with pytest.raises(Diagnostic) as caught:
        getattr(lw.belief, write)(one)
    assert caught.value.code.ident == "LW5001"


def test_copies_are_graphs_of_their_own():
    one = graph()
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert other.variables == one.variables
        other.variables["c"] = COIN
        other.factors += [Factor("g", ("c",), np.ones(2))]
        with pytest.raises(Diagnostic):
            other.variables["d"] = 3
        with pytest.raises(Diagnostic):
            other.factors.append(3)
        assert lw.belief.infer(other)["c"].tolist() == [0.5, 0.5]
    assert list(one.variables) == ["a"]
    assert len(one.factors) == 1


def _labelled(kind, values, rows, columns):
    if kind == "pandas":
        return pd.DataFrame(values, index=rows, columns=columns)
    if kind == "turned":
        frame = pd.DataFrame(values, pd.Index(rows, name="a"), pd.Index(columns, name="b"))
        return frame.T
    array = xr.DataArray(values, dims=("a", "b"), coords={"a": rows, "b": columns})
    return array if kind == "xarray" else array.T


@pytest.mark.parametrize("kind", ["pandas", "turned", "xarray", "xarray turned"])
def test_labels_of_a_table_are_states_and_names_of_its_dimensions_variables(kind):
    graph = FactorGraph()
    graph.variable("a", ["x", "y"])
    graph.variable("b", ["u", "v"])
    table = _labelled(kind, [[1.0, 2.0], [3.0, 4.0]], ["y", "x"], ["v", "u"])
    assert graph.factor(["a", "b"], table).table.tolist() == [[4.0, 3.0], [2.0, 1.0]]
    with pytest.raises(Diagnostic, match=r"LW5002.*no 'x'"):
        graph.factor(["a", "b"], _labelled(kind, [[1.0, 2.0], [3.0, 4.0]], ["y", "z"], ["v", "u"]))


def test_labels_of_a_table_over_one_variable_and_those_that_cannot_be_put_in_order():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.variable("b", ["u", "v"])
    assert graph.factor(["a"], pd.Series([0.3, 0.7], index=[1, 0])).table.tolist() == [0.7, 0.3]
    assert graph.factor(["a"], pd.Series([0.3, 0.7])).table.tolist() == [0.3, 0.7]
    for frame in (pl.DataFrame, pa.table):
        table = graph.factor(["a", "b"], frame({"v": [1.0, 2.0], "u": [3.0, 4.0]})).table
        assert table.tolist() == [[3.0, 1.0], [4.0, 2.0]]
    with pytest.raises(Diagnostic, match="dimensions b, c"):
        graph.factor(["a", "b"], xr.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("b", "c")))
    with pytest.raises(Diagnostic, match=r"graph.factor\(scope, table\)"):
        Factor("a", ("a",), pd.Series([0.3, 0.7], index=[1, 0]))
