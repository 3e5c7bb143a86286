"""What is said of slips in models: a sentence that names them, and help that is right."""

import builtins
import datetime
import math

import numpy as np
import pandas as pd
import pytest

import lanework as lw


def model():
    out = lw.series.Model("m", periods=3)
    out.input("x", default=2.0)
    return out


def said(code, run, *args, **named):
    """The sentence and the help of what a call is refused with."""
    with pytest.raises(lw.Diagnostic) as caught:
        run(*args, **named)
    assert caught.value.code.ident == code
    assert caught.value.help
    return caught.value.message, caught.value.help


@pytest.mark.parametrize(
    ("text", "code", "message", "help"),
    [
        ("normal()", "LW3005", "`normal()` is no function", "normcdf"),
        ("x()", "LW3005", "`x()` is no function", "the name alone for a node: x"),
        ("mort(x)", "LW3004", "no function or table named `mort`", 'model.table("mort", ...)'),
        ("ord(x)", "LW3004", "named `ord`", None),
        ("summ(x)", "LW3004", "named `summ`", "cumsum"),
        ("norml(x)", "LW3004", "named `norml`", "normcdf"),
        ('mort["a"]()', "LW3005", "0 keys, and a table has one or two", "lookup"),
    ],
)
def test_unknown_functions_and_tables(text, code, message, help):
    def build():
        some = model()
        some.formula("y", text)
        some.compile()

    sentence, advice = said(code, build)
    assert message in sentence
    assert help is None or help in advice
    assert not any(f"'{word}'" in advice for word in ("or", "and", "not"))


def test_periods_are_said_where_they_are_given():
    some = model()
    some.input("z", axes="time")
    some.formula("y", "x * z")
    program = some.compile()
    _, advice = said("LW3042", program.run, z=[1.0, 2.0])
    assert "program.bind(periods=2)" in advice
    assert program.bind(periods=2)(z=[1.0, 2.0])["y"].tolist() == [2.0, 4.0]
    _, advice = said("LW3040", program.run, z=1.0, periods=2)
    assert "program.bind(periods=...)" in advice
    endless = lw.series.Model("m")
    endless.formula("y", "t")
    _, advice = said("LW3041", endless.compile().run)
    assert "program.bind(periods=12)" in advice
    sentence, _ = said("LW3041", program.run, z=None)
    assert sentence == "input 'z' is None"


@pytest.mark.parametrize(
    "start",
    [
        "2026-02-01",
        datetime.date(2026, 2, 1),
        datetime.datetime(2026, 2, 1),
        pd.Timestamp("2026-02-01"),
        np.datetime64("2026-02-01"),
        np.datetime64("2026-02"),
    ],
)
@pytest.mark.parametrize("periods", [2, np.int64(2), np.uint8(2)])
def test_dates_and_numbers_of_any_library(start, periods):
    some = lw.series.Model("m", periods=periods, start=start, freq="month")
    some.formula("y", "month + 0 * t")
    assert (some.start, type(some.periods)) == ("2026-02-01", int)
    assert some.compile().run()["y"].tolist() == [2.0, 3.0]
    assert some.compile().bind(periods=periods)()["y"].tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "start",
    ["2026-2-1", "2026-02-30", "01.02.2026", 20260201, datetime.datetime(2026, 2, 1, 5), pd.NaT],
)
def test_no_days(start):
    said("LW3016", lw.series.Model, "m", periods=2, start=start, freq="month")


@pytest.mark.parametrize("periods", [3.0, True, "3", np.float64(3), 0, -1])
def test_no_numbers_of_periods(periods):
    said("LW3016", lw.series.Model, "m", periods=periods)


MISUSE = {
    "np.exp": (np.exp, "np.exp works on numbers", "lanework.series.exp"),
    "np.maximum": (lambda x: np.maximum(x, 1), "np.maximum works on numbers", "lanework.series"),
    "np.sum": (np.sum, "works on numbers", "lanework.series"),
    "np.where": (lambda x: np.where(x > 0, 1, 2), "stands for a column", "operators"),
    "np.asarray": (np.asarray, "stands for a column", "operators"),
    "math.exp": (math.exp, "stands for a column", "lanework.series.exp"),
    "float": (float, "stands for a column", "operators"),
    "int": (int, "stands for a column", "operators"),
    "len": (len, "stands for a column", "operators"),
    "range": (range, "stands for a column", "operators"),
    "list": (list, "cannot loop over it", "prev"),
    "sum": (builtins.sum, "cannot loop over it", "prev"),
    "index": (lambda x: x[0], "is a node and has no columns", "prev"),
    "call": (lambda x: x(1), "is a node and is not called", "table"),
    "array": (lambda x: x * np.ones(2), "type ndarray", "input or a table"),
    "array first": (lambda x: np.ones(2) * x, "type ndarray", "input or a table"),
    "list operand": (lambda x: x + [1], "type list", "input or a table"),
    "None": (lambda x: None, "type NoneType", "formulas hold"),
    "complex": (lambda x: x * 1j, "type complex", "formulas hold"),
    "huge": (lambda x: x * 10**400, "beyond 1.8e308", "floats"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse_of_handles(name):
    function, message, help = MISUSE[name]

    def f(x):
        return function(x)

    for run in (lambda some: some.node(f), lambda some: some.formula("y", f(some["x"]))):
        sentence, advice = said("LW3002", run, model())
        assert message in sentence
        assert help in advice


def test_operators_with_numbers_of_numpy():
    some = model()
    x, two = some["x"], np.float64(2)
    some.formula("y", (two * x + np.int64(1)) / np.float32(2) - np.add(two, x) ** two)
    some.formula("z", (two <= x) & (np.float64(1) != x))
    assert float(some.run()["y"]) == 2.5 - 16
    assert float(some.run()["z"]) == 1.0


def test_parameters_of_node_functions():
    some = model()

    @some.node()
    def double(*, x):
        return 2 * x

    @some.node()
    def both(x, *, double):
        return x + double

    assert float(some.run()["both"]) == 6.0

    def default(x, k=3):
        return x * k

    def several(*x):
        return x[0]

    def others(x, **k):
        return x

    for function, words in ((default, "`k=3` has a default"), (several, "`*x`"), (others, "`**k`")):
        sentence, _ = said("LW3002", some.node, function)
        assert words in sentence
    said("LW3002", some.node, 5)
    said("LW3002", some.node, some["x"])


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"default": np.array([1, 2])}, "LW3021", "array of 2 values"),
        ({"default": [1.0, 2.0]}, "LW3021", "array of 2 values"),
        ({"default": pd.Series([1.0])}, "LW3021", "array of 1 values"),
        ({"default": "5%"}, "LW3021", "is the text '5%'"),
        ({"default": 1j}, "LW3021", "complex"),
        ({"default": 10**400}, "LW3021", "f64"),
        ({"default": math.nan}, "LW3021", "NaN"),
        ({"default": datetime.date(2026, 1, 1)}, "LW3021", "no number"),
        ({"categories": 5}, "LW3021", "the categories of input `z` are 5"),
        ({"axes": 5}, "LW3021", "the axes of input `z` are 5"),
        ({"unit": 5}, "LW3015", "the unit of `z` is 5"),
        ({"kind": 5}, "LW3015", "kind `5`"),
    ],
)
def test_settings_of_inputs(settings, code, words):
    with pytest.raises(lw.Diagnostic) as caught:
        model().input("z", **settings)
    assert caught.value.code.ident == code
    assert words in caught.value.message


@pytest.mark.parametrize("name", ["\N{MICRO SIGN}", "\N{LATIN SMALL LIGATURE FI}x", "Å", "größe"])
def test_names_that_python_spells_otherwise(name):
    some = lw.series.Model("m", periods=2)
    some.input(name)
    some.table(f"t{name}", {3: 7.0})
    some.formula("y", f"{name} * 2 + t{name}({name})")
    some.formula(f"out_{name}", some[name] + 1)
    result = some.run(**{name: 3.0})
    assert float(result["y"]) == 13.0
    assert float(result[f"out_{name}"]) == 4.0


@pytest.mark.parametrize("number", ["1e400", "-1e309", "9" * 400])
def test_numbers_that_leave_the_range(number):
    message, _ = said("LW3002", model().formula, "y", f"x * {number}")
    assert "number beyond 1.8e308" in message


@pytest.mark.parametrize("missing", [None, math.nan, "NA", ""])
def test_a_missing_label_is_called_so(missing):
    lives = lw.series.Model("m", periods=1)
    lives.input("sex", categories=("M", "F"))
    lives.formula("y", "sex == 'M'")
    message, _ = said("LW3020", lives.run, sex=["M", missing])
    assert message.startswith("input 'sex' at 1: the value is missing")
