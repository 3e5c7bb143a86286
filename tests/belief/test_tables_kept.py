"""Tables of a graph and of a program are what was checked, and stay it."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.container import dumps
from lanework.core.program.program import loads
from lanework.machines.belief.graph.factor import Factor, Variable
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.queries.loopy import loopy


def coin():
    graph = FactorGraph("coin")
    graph.variable("a", ["heads", "tails"])
    graph.variable("b", 2)
    graph.factor(["a"], [0.25, 0.75])
    graph.factor(["a", "b"], [[0.5, 0.5], [0.1, 0.9]])
    return graph


def test_tables_cannot_be_written_to():
    given = np.array([[0.5, 0.5], [0.1, 0.9]])
    graph = coin()
    factor = graph.factor(["a", "b"], given)
    given[0, 0] = -1.0
    assert factor.table[0, 0] == 0.5
    for one in [*graph.factors, *graph.normalized().factors]:
        with pytest.raises(ValueError, match="read-only"):
            one.table[...] = -1.0
    program = compile_graph(graph)
    with pytest.raises(ValueError, match="read-only"):
        program.constants[0] = -1.0
    with pytest.raises(ValueError, match="read-only"):
        loads(dumps(program)).constants[0] = -1.0


@pytest.mark.parametrize(
    ("factor", "code"),
    [
        (Factor("f", ("a",), np.array([-1.0, 2.0])), "LW5002"),
        (Factor("f", ("a",), np.array([np.nan, 2.0])), "LW5002"),
        (Factor("f", ("b", "a"), np.array([[1.0, 2.0], [np.inf, 1.0]])), "LW5002"),
        (Factor("f", ("a",), np.array([1.0, 2.0, 3.0])), "LW5001"),
        (Factor("f", ("a", "a"), np.eye(2)), "LW5001"),
        (Factor("f", ("a",), np.ones(2), "b"), "LW5001"),
        (Factor("f", ("c",), np.ones(2)), "LW5005"),
    ],
)
def test_factors_are_checked_when_a_program_is_made(factor, code):
    """However they came into the graph."""
    first, appended, replaced = coin(), coin(), coin()
    appended.factors.append(factor)
    replaced.factors[0] = factor
    copied = dataclasses.replace(first, factors=[factor])
    for graph in (appended, replaced, copied, FactorGraph("g", first.variables, [factor])):
        for ask in (compile_graph, lw.belief.infer, loopy):
            with pytest.raises(Diagnostic) as caught:
                ask(graph)
            assert caught.value.code.ident == code


def test_variables_are_checked_when_a_program_is_made():
    graph = coin()
    graph.variables["a"] = Variable("a", ("heads", "tails", "edge"))
    with pytest.raises(Diagnostic, match="shape"):
        compile_graph(graph)


def test_graphs_share_no_lists():
    first = coin()
    for other in (
        FactorGraph("b", first.variables, first.factors),
        dataclasses.replace(first),
        copy.copy(first),
        copy.deepcopy(first),
        pickle.loads(pickle.dumps(first)),
    ):
        assert not any(factor.table.flags.writeable for factor in other.factors)
        other.variable("more", 2)
        other.factor(["more"], [1.0, 2.0])
    assert list(first.variables) == ["a", "b"]
    assert len(first.factors) == 2
    first.variable("own", 3)
    assert "own" not in other.variables


@pytest.mark.parametrize(
    ("table", "what"),
    [
        (["0.5", "0.5"], "0 is the text '0.5'"),
        ([0.5, None], "1 is missing"),
        ([0.5, 1j], "complex"),
        (["5%", 0.5], "the text '5%'"),
        ([2**60 + 1, 1], "1152921504606846977"),
    ],
)
def test_text_and_what_no_float_holds_makes_no_table(table, what):
    graph = coin()
    with pytest.raises(Diagnostic) as caught:
        graph.factor(["a"], table, name="odd")
    assert caught.value.code.ident == "LW5002"
    assert "the table of 'odd'" in caught.value.message
    assert what in caught.value.message
    assert caught.value.help


@pytest.mark.parametrize("number", [-0.5, np.nan, np.inf])
def test_programs_with_such_tables_are_refused(number):
    program = compile_graph(coin())
    constants = np.array(program.constants)
    constants[1] = number
    with pytest.raises(Diagnostic) as caught:
        dataclasses.replace(program, constants=constants).bind()
    assert caught.value.code.ident == "LW5002"


@pytest.mark.parametrize(
    "ask",
    [
        lw.belief.compile_graph,
        lw.compile,
        lambda graph: lw.belief.infer(graph, {"b": "x"}),
        lambda graph: lw.belief.loopy(graph, {"b": "x"}, "a"),
        lambda graph: lw.belief.jeffrey(graph, {"b": [0.4, 0.6]}),
        lambda graph: lw.belief.infer(graph, {"b": "x"}, limits=lw.Limits(memory=1 << 26)),
    ],
)
def test_tables_are_noticed_at_the_line_that_led_there(ask):
    graph = lw.belief.FactorGraph("n")
    graph.variable("a", ["x", "y"])
    graph.variable("b", ["x", "y"])
    graph.factor(["a"], [0.5, 0.25], child="a")
    graph.factor(["a", "b"], [[0.5, 0.5], [0.4, 0.6]], child="b")
    with pytest.warns(lw.belief.TableNotice) as caught:
        ask(graph)
    assert {each.filename for each in caught} == {__file__}
