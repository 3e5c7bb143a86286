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


WRITTEN = {  # what others write: what is written here
    "x ^ 2": "write ** for a power",
    "x ^ 2 + y ^ 2": "write ** for a power",
    "x @ x": "write total(x * y)",
    "x << 1": "write x * 2 ** n",
    "sum(x)": "write total(x) for the sum over time",
    "x.sum()": "write total(x) for the sum over time",
    "np.sum(x)": "write total(x) for the sum over time",
    "mean(x)": "write average(x)",
    "x.mean()": "write average(x)",
    "AVG(x)": "write average(x)",
    "x[t-1]": "write prev(x)",
    "x[t - 3]": "write prev(x, 3)",
    "x[t+1]": "write lead(x)",
    "x[t]": "write x alone",
    "x[0]": "write at(x, 0)",
    "x[-1]": "write last(x)",
    "x[1:]": "write prev(x), lead(x) or at(x, 0)",
    'x["male"]': 'x["male"](key)',
    "x(t-1)": "write prev(x)",
    "x(t + 2)": "write lead(x, 2)",
    "x(0)": "write at(x, 0)",
    "x.shift(1)": "write prev(x)",
    "shift(x, 1)": "write prev(x)",
    "lag(x)": "write prev(x)",
    "x.diff()": "write change(x)",
    "diff(x)": "write change(x)",
    "x.prev(1)": "write prev(x, n=1, initial=0.0)",
    "x.anything": "nodes have no attributes",
    "int(x)": "write floor(x) to round down",
    "float(x)": "write the value alone",
    "bool(x)": "write the value alone",
    "len(x)": "write periods",
    "range(3)": "write t",
    "log1p(x)": "write log(1 + x)",
    "np.log1p(x)": "write log(1 + x)",
    "expm1(x)": "write exp(x) - 1",
    "log10(x)": "write log(x) / log(10)",
    "ln(x)": "write log(x)",
    "np.exp(x)": "write exp(x)",
    "math.pi": "write 3.14159",
    "max()": "maximum(x)",
    "max(x)": "maximum(x)",
    "min(x)": "minimum(x)",
    "MAX(x)": "write max(a, b, ...)",
    "IF(x > 1, 2, 3)": "write where(c, a, b)",
    "if(x > 1, 2, 3)": "write where(c, a, b)",
    "iif(x > 1, 2, 3)": "write where(c, a, b)",
    "2 if x": "write a if c else b",
    "x ? 1 : 2": "write a if c else b",
    "x && x": "write `and`",
    "x || x": "write `or`",
    "!x": "write `not`",
    "and(x, x)": "a and b",
    "x <> 2": "write !=",
    "x => 2": "write <= or >=",
    "x = 3": "write == to compare",
    "=x + 1": "leave out the =",
    "2x": "2 * x",
    "5%": "0.05 for 5 %",
    "x * 5% + 1": "0.05 for 5 %",
    "x; x": "commas",
    "$3": "currency",
    "x\N{SUPERSCRIPT TWO}": "x ** 2",
    "x \N{MULTIPLICATION SIGN} 2": "write *",
    "x \N{DIVISION SIGN} 2": "write /",
    "x \N{MINUS SIGN} 2": "write -",
    "x \N{LESS-THAN OR EQUAL TO} 2": "write <=",
    "x == \N{LEFT DOUBLE QUOTATION MARK}a\N{RIGHT DOUBLE QUOTATION MARK}": "straight quotes",
    "x +* 2": "one expression of numbers",
    "(x": "one expression of numbers",
    "pmt(0.1, 3, 100)": "write level_payment(rate, n, principal)",
    "irr(x)": "find it outside",
    "std(x)": "result",
    "rand()": "give them as an input",
    "x in (1, 2)": "write x == 1 or x == 2",
    "None": "finite numbers",
    "nan": "finite numbers",
    "pi": "write 3.14159",
    "true": "write 1",
    "max": "it is a function: write max(a, b, ...)",
    "prev + 1": "it is a function: write prev(x, n=1, initial=0.0)",
}


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("file", [False, True])
def test_what_to_write_instead(text, file):
    def build():
        if file:
            lw.series.read_model(f'model("m", periods=3)\nx = input()\ny = {text}\n').compile()
        some = model()
        some.formula("y", text)
        some.compile()

    if file and text in ("x = 3", "=x + 1", "x; x"):  # which are another thing in a file
        return
    with pytest.raises(lw.Diagnostic) as caught:
        build()
    assert caught.value.code.ident in ("LW3001", "LW3002", "LW3003", "LW3004", "LW3005")
    assert WRITTEN[text] in (caught.value.help or "")
    assert caught.value.span is not None


@pytest.mark.parametrize("text", ["x % -3", "x%-3", "x % +3", "5 % -x"])
def test_remainders_are_no_percentages(text):
    some = model()
    some.formula("y", text)
    assert float(some.run()["y"]) == eval(text, {"x": 2.0})


def test_names_that_are_near_come_first():
    some = model()
    some.table("sums", {1: 2.0})
    some.formula("y", "sum(x)")
    assert said("LW3004", some.compile)[1] == "did you mean 'sums'?"


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
    "index": (lambda x: x[0], "is a node and has no columns", "write at(x, 0)"),
    "another period": (lambda x: x["t - 1"], "is a node and has no columns", "prev"),
    "power": (lambda x: x ^ 2, "this operator (^)", "write ** for a power"),
    "power of": (lambda x: 2 ^ x, "this operator (^)", "write ** for a power"),
    "np.log1p": (np.log1p, "np.log1p works on numbers", "write log(1 + x)"),
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
        ({"categories": {"a", "b"}}, "LW3021", "the categories of input `z` are {"),
        ({"categories": frozenset("ab")}, "LW3021", "the categories of input `z` are frozenset"),
        ({"categories": {"a": 1, "b": 2}}, "LW3021", "the categories of input `z` are {'a': 1"),
        ({"categories": "MF"}, "LW3021", "the categories of input `z` are 'MF'"),
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
