"""Loops: within a period, through time, and both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.model import Model
from lanework.machines.series.layout import STRAIGHT, SeriesView
from lanework.machines.series.passes.values import Values
from lanework.machines.series.passes.walks import BACKWARD, FORWARD, components, needed_values


def rejection(**formulas):
    model = Model("m", periods=4)
    model.input("x", axes="time")
    for name, text in formulas.items():
        model.formula(name, text)
    with pytest.raises(Diagnostic) as caught:
        model.compile()
    return caught.value


def test_a_loop_within_a_period_is_named_node_by_node():
    error = rejection(
        fee="debt * 0.01", debt="prev(debt) + draw + x", draw="need + 1", need="fee * 2"
    )
    assert error.code.ident == "LW3009"
    assert "fee -> debt -> draw -> need -> fee" in error.message
    assert error.notes == (
        "fee = debt * 0.01",
        "debt = prev(debt) + draw + x",
        "draw = need + 1",
        "need = fee * 2",
    )
    assert "prev(" in error.help
    assert error.span.text == "debt * 0.01"


def test_a_node_that_needs_itself():
    assert "`a`" in rejection(a="a + 1").message
    assert rejection(a="prev(x, initial=a)").code.ident == "LW3009"


@pytest.mark.parametrize(
    "formulas",
    [
        {"a": "b + 1", "b": "total(a)"},
        {"a": "prev(b) + 1", "b": "total(a)"},
        {"a": "prev(b) + x", "b": "at(a, 2) * x"},
        {"a": "prev(b) + lead(b)", "b": "a * x"},
        {"a": "prev(b) + x", "b": "a + lead(c)", "c": "b * 2"},
        {"a": "cumsum(b)", "b": "lead(a)"},
    ],
)
def test_a_loop_that_has_no_direction(formulas):
    error = rejection(**formulas)
    assert error.code.ident == "LW3010"
    assert "a -> b" in error.message or "b -> a" in error.message


def test_loops_through_time_become_walks():
    model = Model("m", periods=4)
    model.input("x", axes="time")
    model.formula("up", "prev(up, initial=1) * 2 + x")
    model.formula("also", "prev(also) + x")
    model.formula("down", "lead(down) + up")
    model.formula("sum_down", "total(down)")
    model.formula("last_one", "prev(last_one) + sum_down + also")
    program = model.compile()
    program.verify()
    view = SeriesView.of(program)
    kinds = [segment.kind for segment in view.segments]
    assert [kind for kind in kinds if kind != STRAIGHT] == [FORWARD, BACKWARD, FORWARD]
    result = program.run(engine="reference", x=np.array([1.0, 2.0, 3.0, 4.0]))
    up = [3.0, 8.0, 19.0, 42.0]
    down = np.cumsum(up[::-1])[::-1]
    assert result["up"].tolist() == up
    assert result["down"].tolist() == down.tolist()
    steps = np.array([1.0, 3.0, 6.0, 10.0]) + down.sum()
    assert result["last_one"].tolist() == np.cumsum(steps).tolist()


def test_a_chain_of_thousands_needs_no_recursion():
    model = Model("chain", periods=2)
    model.input("x")
    model.formula("n0", "x + 1")
    for k in range(1, 6000):
        model.formula(f"n{k}", f"n{k - 1} + prev(n{k - 1})")
    model.formula("loop", "prev(n5999) + prev(loop)")
    program = model.compile(outputs=["loop"])
    program.verify()
    assert float(program.run(engine="reference", x=0.0)["loop"][0]) == 0.0


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_components_are_those_of_a_plain_search(data):
    size = data.draw(st.integers(2, 14))
    values = Values(simplify=False)
    x = values.leaf("input", "x")
    shifts = []
    for _ in range(size):
        low = len(values.ops) - 1
        pick = st.integers(0, low)
        if data.draw(st.booleans()):
            shifts.append(values.open_shift("prev", data.draw(pick), 1, None))
        else:
            values._new("add", (data.draw(pick), data.draw(pick)), None, None)
    for shift in shifts:
        values.args[shift] = (data.draw(st.integers(0, len(values.ops) - 1)), values.args[shift][1])
    count = len(values.ops)
    reach = np.zeros((count, count), bool)
    for value in range(count):
        for arg in values.args[value]:
            reach[value, arg] = True
    for k in range(count):
        reach |= np.outer(reach[:, k], reach[k])
    loops = {
        tuple(v for v in range(count) if v == u or (reach[u, v] and reach[v, u]))
        for u in range(count)
        if reach[u, u]
    }
    actual = list(components(values, needed_values(values, range(count))))
    assert {tuple(part) for part in actual if isinstance(part, list)} == loops
    place = {}
    for number, part in enumerate(actual):
        for value in part if isinstance(part, list) else [part]:
            place[value] = number
    assert sorted(place) == list(range(count))
    for value in range(count):
        for arg in values.args[value]:
            assert place[arg] <= place[value]
    assert x == 0
