"""Horizons are exact on every engine: a whole number of periods, or a fault that names the lane."""

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.machines.series.native import compiled

ENGINES = ("reference", "stencil", "llvm")
WAYS = [("reference", None), ("stencil", None), *(("llvm", width) for width in (1, 4, 16))]


def terms(horizon="n", periods=60, **axes):
    model = lw.series.Model("m", periods=periods)
    model.input("n", axes=axes.get("axes", "point"))
    model.horizon(horizon)
    model.formula("x", "1 + 0 * t")
    model.formula("count", "total(x)")
    return model.compile(outputs=["x", "count"])


def bound(program, engine, width, **more):
    options = {} if width is None else {"lane_width": width}
    return program.bind(engine, **options, **more)


def refused(run, *words, **inputs):
    with pytest.raises(lw.Diagnostic) as caught:
        run(**inputs)
    assert caught.value.code.ident == "LW3047"
    for word in words:
        assert word in str(caught.value)
    return caught.value


WHOLE = {0.57 * 100: 57, 0.29 * 100: 29, 1.1 * 30: 33, 0.1 * 3 * 10: 3, 4.35 * 10: None,
         59.99999999999999: 60, -1e-17: 0, -0.0: 0, 60.0: 60}  # fmt: skip


@pytest.mark.parametrize(("engine", "width"), WAYS)
@pytest.mark.parametrize("count", [1, 2, 7, 8, 37, 200])
def test_what_arithmetic_leaves_of_a_whole_number_is_that_number(engine, width, count, monkeypatch):
    given = [n for n, right in WHOLE.items() if right is not None]
    right = [n for n in WHOLE.values() if n is not None]
    order = np.arange(count) % len(given)

    def locate(*_):
        raise AssertionError("the reference was asked where the fault is, and there is none")

    monkeypatch.setattr(compiled, "locate", locate)
    result = bound(terms(), engine, width)(n=np.array(given)[order])
    assert result["count"].tolist() == np.array(right, float)[order].tolist()
    assert result["x"].sum(0).tolist() == result["count"].tolist()


WRONG = {
    2.5: "is 2.5, and a lane has a whole number of periods",
    43.4999: "is 43.4999, and",
    1.9999999999: "is 1.9999999999, and",
    0.25: "is 0.25, and",
    -0.5: "is -0.5, and",
    -1.0: "is -1 ",
    -np.inf: "is -inf ",
    61.0: "is 61, and there are 60 periods",
    1e300: "is 1e+300, and there are 60 periods",
    np.inf: "is inf, and there are 60 periods",
}


@pytest.mark.parametrize(("engine", "width"), WAYS)
@pytest.mark.parametrize("count", [1, 5, 70])
@pytest.mark.parametrize("number", WRONG)
def test_anything_else_is_refused_with_the_lane(engine, width, count, number):
    n = np.arange(count) % 61.0
    n[-1] = number
    run = bound(terms(), engine, width)
    refused(run, "the horizon `n`", WRONG[number], f"lane {count - 1}", n=n)
    named = pd.Series(n, pd.Index([f"p{i}" for i in range(count)], name="point"))
    refused(run, f"lane {count - 1} (p{count - 1})", n=named)
    short = bound(terms(), engine, width, outputs=["count"])
    refused(short, WRONG[number], n=n)
    assert run(n=np.full(count, 3.0))["count"].tolist() == [3.0] * count


@pytest.mark.parametrize(("engine", "width"), WAYS)
def test_what_is_no_number_is_refused(engine, width):
    run = bound(terms("n / n * 5"), engine, width)
    assert run(n=np.array([1.0, 7.0]))["count"].tolist() == [5.0, 5.0]
    error = refused(run, "`n / n * 5` is not a number", "lane 1", n=np.array([1.0, 0.0]))
    assert error.span is not None


@pytest.mark.parametrize(("engine", "width"), WAYS)
@pytest.mark.parametrize("horizon", ["n", "n * 100", "min(n * 12, 60)", "years(n)"])
def test_one_number_for_all_lanes_is_held_to_the_same(engine, width, horizon):
    model = lw.series.Model("m", periods=60)
    model.input("n")
    model.input("a", axes="point")
    model.table("years", {0: 0.0, 1: 2.5, 2: 1.0, 3: 12.0}, outside="clamp")
    model.horizon(horizon)
    model.formula("x", "a + 0 * t")
    model.formula("count", "total(1 + 0 * t)")
    run = bound(model.compile(outputs=["x", "count"]), engine, width)
    good = {"n": 3.0, "n * 100": 0.57, "min(n * 12, 60)": 9.0, "years(n)": 3.0}[horizon]
    bad = {"n": 2.5, "n * 100": 0.575, "min(n * 12, 60)": 0.1, "years(n)": 1.0}[horizon]
    for a in (np.ones(40), 1.0):
        count = {"n": 3, "n * 100": 57, "min(n * 12, 60)": 60, "years(n)": 12}[horizon]
        assert float(run(n=good, a=a)["count"]) == count
        assert float(run(n=good, a=a)["x"].sum()) == count * np.size(a)  # the short way too
        refused(run, horizon, n=bad, a=a)
        assert float(run(n=good, a=a)["count"]) == count


@pytest.mark.parametrize(("engine", "width"), WAYS)
@pytest.mark.parametrize("reduce", [(), "point"])
def test_it_is_checked_whatever_is_asked_for(engine, width, reduce):
    model = lw.series.Model("m", periods=9)
    model.input("n", axes="point")
    model.input("r")
    model.horizon("n + r - 1")
    for name, text in {"flat": "r * 2", "laned": "n * 0 + r", "timed": "r + t"}.items():
        model.formula(name, text)
        model.output(name, reduce=reduce)
    for name in ("flat", "laned", "timed"):
        run = bound(model.compile(outputs=[name]), engine, width)
        for count in (1, 40):
            n = np.full(count, 3.0)
            assert run(n=n, r=1.0)[name].size > 0
            n[-1] = 2.5
            refused(run, "is 2.5, and a lane has", f"lane {count - 1}", n=n, r=1.0)
        refused(run, "is 10, and there are 9 periods", n=10.0, r=1.0)
        assert run(n=np.zeros(0), r=1.0)[name].size >= 0


@pytest.mark.parametrize("engine", ENGINES)
def test_fewer_periods_than_the_model_has_end_all_lanes(engine):
    n = np.array([3.0, 12.0, 40.0, 60.0])
    run = terms().bind(engine, periods=12)
    assert run(n=n)["count"].tolist() == [3.0, 12.0, 12.0, 12.0]
    refused(run, "is 61, and there are 60 periods", n=np.array([61.0]))
    assert terms().bind(engine, periods=70)(n=np.array([70.0]))["count"].tolist() == [70.0]
    refused(terms().bind(engine, periods=70), "there are 70 periods", n=np.array([71.0]))
    run = terms(periods=None).bind(engine, periods=12)
    refused(run, "is 40, and there are 12 periods", "run more periods", n=n)


@pytest.mark.parametrize("engine", ENGINES)
def test_horizons_over_two_axes_and_in_derivatives(engine):
    run = terms(axes=("scenario", "point")).bind(engine)
    n = np.array([[3.0, 4.0, 5.0], [6.0, 0.57 * 100, 8.0]])
    assert run(n=n)["count"].tolist() == [[3.0, 4.0, 5.0], [6.0, 57.0, 8.0]]
    n[1, 2] = 7.5
    refused(run, "is 7.5", "scenario 1", "lane 2", n=n)
    model = lw.series.Model("m", periods=20)
    model.input("n", axes="point")
    model.input("r", axes="point")
    model.horizon("n")
    model.formula("sum", "total(r ** t)")
    slope = model.compile(outputs=["sum"]).gradient().bind(engine)
    assert slope(n=np.array([3.0]), r=np.array([2.0]))["d_sum_d_r"].tolist() == [5.0]
    refused(slope, "is 3.5", n=np.array([3.5]), r=np.array([2.0]))


@pytest.mark.parametrize(
    ("text", "name"),
    [("horizon(n)", "n"), ("k = n*2\nhorizon(k)", "k"), ("horizon(n*2 + 0.3)", "n*2 + 0.3")],
)
def test_programs_of_programs_call_it_as_the_model_does(text, name):
    model = lw.series.read_model(f"x = input()\nn = input()\n{text}\ny = total(x*t)\noutput(y)")
    program = model.compile()
    derived = program.gradient("y", "x")
    for subject in (program, derived, derived.gradient("d_y_d_x", "x"), program.jacobian("y", "x")):
        refused(subject.bind("reference", periods=7), f"the horizon `{name}` is ", x=1.0, n=2.2)


def test_programs_keep_what_they_were_saved_as(tmp_path):
    program = terms()
    program.save(tmp_path / "m.lwp")
    again = lw.load(tmp_path / "m.lwp")
    refused(again.bind(), "the horizon `n` is 2.5", n=np.array([2.5]))
    assert again == program
    assert program.needs == 4
    text = program.dis()
    line = next(line for line in text.splitlines() if "ends %" in line)
    row = line.split(",")[1].split(";")[0].strip()
    older = lw.compile(
        text.replace(line, line.replace("ends", "max").replace(row, f"{row}, {row}"))
    )
    assert older.needs == 1
    for engine in ENGINES:  # it rounds down, and ends where periods do
        count = older.bind(engine)(n=np.array([2.5, -3.0, 99.0, 4.0]))["count"]
        assert count.tolist() == [2.0, 0.0, 60.0, 4.0]
