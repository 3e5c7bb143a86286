"""The registry: names, inputs, outputs, horizons."""

from __future__ import annotations

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.model import Model


def code_of(action):
    with pytest.raises(Diagnostic) as caught:
        action()
    return caught.value.code.ident


def loan():
    model = Model("loan", periods=4)
    model.input("principal", axes="scenario")
    model.formula("closing", "opening - repay")
    model.formula("opening", "prev(closing, initial=principal)")
    model.formula("repay", "min(opening, 30)")
    return model


def test_forward_references_and_recurrences():
    result = (
        loan()
        .compile(outputs=["closing", "repay"])
        .run(engine="reference", principal=np.array([100.0, 45.0]))
    )
    assert result["closing"].tolist() == [[70, 15], [40, 0], [10, 0], [0, 0]]
    assert result["repay"].tolist() == [[30, 30], [30, 15], [30, 0], [10, 0]]


def test_backward_recurrences():
    model = Model("value", periods=3)
    model.input("cash", axes="time")
    model.formula("value", "(lead(value) + cash) / 2")
    result = model.compile().run(engine="reference", cash=np.array([8.0, 4.0, 2.0]))
    assert result["value"].tolist() == [5.25, 2.5, 1.0]


@pytest.mark.parametrize("name", ["1x", "a b", "if", "", "t", "periods", "principal", "closing"])
def test_bad_and_taken_names(name):
    model = loan()
    assert code_of(lambda: model.input(name)) in ("LW3006", "LW3007")
    assert code_of(lambda: model.formula(name, "1")) in ("LW3006", "LW3007")
    assert code_of(lambda: model.table(name, {1: 2.0})) in ("LW3006", "LW3007")


def test_a_table_cannot_hide_a_function():
    assert code_of(lambda: Model("m").table("exp", {1: 2.0})) == "LW3006"


@pytest.mark.parametrize(
    "settings",
    [
        {"axes": ("time", "time")},
        {"axes": "not an axis"},
        {"kind": "constant", "axes": "time"},
        {"categories": ("a", "a")},
        {"categories": ("a", "b"), "default": "c"},
        {"default": float("nan")},
    ],
)
def test_inputs_that_make_no_sense(settings):
    assert code_of(lambda: Model("m").input("x", **settings)) == "LW3021"


@pytest.mark.parametrize(
    "settings",
    [
        {"periods": 0},
        {"periods": 2.5},
        {"periods": 2**40},
        {"freq": "fortnight"},
        {"freq": "month", "start": "2024-02-30"},
        {"start": "2024-01-01"},
    ],
)
def test_models_whose_time_makes_no_sense(settings):
    assert code_of(lambda: Model("m", **settings)) == "LW3016"


def test_only_what_outputs_need_is_compiled():
    model = loan()
    model.input("spare")
    model.formula("heavy", "exp(spare) + erf(closing)")
    program = model.compile(outputs=["repay"])
    assert [port.name for port in program.inputs] == ["principal"]
    assert program.header["unused"] == "spare"
    assert not any("heavy" in entry.text for entry in program.listing)


def test_ports_carry_what_was_declared():
    model = Model("m", periods=2)
    model.input("rate", axes=("point", "time"), default=0.5, doc="A rate.")
    model.input("sex", axes="point", categories=("M", "F"), default="F")
    model.formula("out", "total(rate) * (sex == 'M')", doc="The sum.")
    model.output("out", reduce="point")
    model.output("rate")
    program = model.compile()
    rate, sex = program.inputs
    assert (rate.axes, rate.default, rate.doc) == (("point", "time"), 0.5, "A rate.")
    assert (sex.categories, sex.default) == (("M", "F"), 1.0)
    out, again = program.outputs
    assert (out.axes, out.reduce, out.doc) == ((), ("point",), "The sum.")
    assert again.axes == ("time", "point")
    result = program.run(
        engine="reference", rate=np.array([[1.0, 2.0], [3.0, 4.0]]), sex=["M", "F"]
    )
    assert float(result["out"]) == 3.0


def test_outputs_that_cannot_be():
    model = loan()
    assert code_of(lambda: model.compile(outputs=["closng"])) == "LW3003"
    assert code_of(lambda: Model("empty").compile()) == "LW3026"
    assert code_of(lambda: model.output("closing", reduce="time")) == "LW3027"
    model.output("closing", reduce="point")
    assert code_of(model.compile) == "LW3027"


def test_beyond_its_horizon_a_lane_has_ended():
    model = Model("m", periods=5)
    model.input("term", axes="point")
    model.horizon("min(term, 4)")
    model.formula("x", "t + 1")
    model.formula("ahead", "lead(x, final=100)")
    model.formula("sum_x", "total(x)")
    model.formula("end", "last(x) + 10 * periods")
    result = model.compile().run(engine="reference", term=np.array([2.0, 9.0]))
    assert result["ahead"].T.tolist() == [[2, 100, 0, 0, 0], [2, 3, 4, 100, 0]]
    assert result["sum_x"].tolist() == [3.0, 10.0]
    assert result["end"].tolist() == [22.0, 44.0]


@pytest.mark.parametrize("horizon", ["t", "total(x)", "periods - 1", "prev(x)"])
def test_a_horizon_is_one_number_a_lane(horizon):
    model = Model("m", periods=5)
    model.input("x", axes="time")
    model.formula("y", "x")
    model.horizon(horizon)
    assert code_of(lambda: model.compile(outputs=["y"])) == "LW3011"
