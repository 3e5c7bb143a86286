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


SAME = {  # of NumPy and pandas: what gives the same for these columns, and the words that say it
    "np.maximum(x, y)": ("max(x, y)", "max(a, b, ...)"),
    "np.minimum(x, y)": ("min(x, y)", "min(a, b, ...)"),
    "np.fmax(x, y)": ("max(x, y)", "max(a, b)"),
    "np.fmin(x, y)": ("min(x, y)", "min(a, b)"),
    "np.max(x)": ("maximum(x)", "maximum(x)"),
    "np.amin(x)": ("minimum(x)", "minimum(x)"),
    "x.max()": ("maximum(x)", "maximum(x)"),
    "x.min()": ("minimum(x)", "minimum(x)"),
    "np.sum(x)": ("total(x)", "total(x)"),
    "x.sum()": ("total(x)", "total(x)"),
    "x.mean()": ("average(x)", "average(x)"),
    "np.average(x)": ("average(x)", "average(x)"),
    "np.abs(x)": ("abs(x)", "abs(a)"),
    "np.fabs(x)": ("abs(x)", "abs(x)"),
    "np.where(c, x, y)": ("where(c, x, y)", "where(c, a, b)"),
    "x.where(c, y)": ("where(c, x, y)", "where(c, x, b)"),
    "x.mask(c, y)": ("where(c, y, x)", "where(c, b, x)"),
    "np.exp(x)": ("exp(x)", "exp(x)"),
    "np.exp2(x)": ("2 ** x", "2 ** x"),
    "np.expm1(x)": ("exp(x) - 1", "exp(x) - 1"),
    "np.log10(y)": ("log(y) / log(10)", "log(x) / log(10)"),
    "np.log1p(y)": ("log(1 + y)", "log(1 + x)"),
    "np.cumsum(x)": ("cumsum(x)", "cumsum(x)"),
    "x.cumprod()": ("cumprod(x)", "cumprod(x)"),
    "x.cummax()": ("peak", "where(t == 0, x, max(prev(peak), x))"),
    "np.minimum.accumulate(x)": ("trough", "where(t == 0, x, min(prev(trough), x))"),
    "np.clip(x, 0, 2)": ("clip(x, 0, 2)", "clip(x, low, high)"),
    "x.clip(0, 2)": ("clip(x, 0, 2)", "clip(x, low, high)"),
    "np.rint(x)": ("round(x)", "round(x)"),
    "np.around(x, 1)": ("round(x, 1)", "round(x, digits)"),
    "np.fix(x)": ("trunc(x)", "trunc(x) towards zero"),
    "np.fmod(x, y)": ("x - trunc(x / y) * y", "x - trunc(x / y) * y"),
    "np.remainder(x, y)": ("x % y", "x % y"),
    "np.mod(x, y)": ("mod(x, y)", "mod(a, b)"),
    "np.power(y, 2)": ("y ** 2", "x ** y"),
    "np.square(x)": ("x ** 2", "x ** 2"),
    "np.reciprocal(y)": ("1 / y", "1 / x"),
    "np.ptp(x)": ("maximum(x) - minimum(x)", "maximum(x) - minimum(x)"),
    "np.any(c)": ("maximum(c != 0)", "maximum(x != 0)"),
    "np.all(c)": ("minimum(c != 0)", "minimum(x != 0)"),
    "np.logical_and(c, x)": ("c and x", "a and b"),
    "np.logical_not(c)": ("not c", "not a"),
    "np.subtract(x, y)": ("x - y", "a - b"),
    "x.truediv(y)": ("x / y", "a / b"),
    "np.floor_divide(x, y)": ("x // y", "a // b"),
    "np.greater(x, y)": ("x > y", "a > b"),
    "x.between(0, 2)": ("(0 <= x) and (x <= 2)", "(low <= x) and (x <= high)"),
    "np.heaviside(x, y)": (
        "where(x > 0, 1, where(x == 0, y, 0))",
        "where(x > 0, 1, where(x == 0, y, 0))",
    ),
    "np.sinh(x)": ("(exp(x) - exp(-x)) / 2", "(exp(x) - exp(-x)) / 2"),
    "np.arctan(x)": ("atan2(x, 1)", "atan2(x, 1)"),
    "np.arctan2(x, y)": ("atan2(x, y)", "atan2(y, x)"),
    "np.arcsin(s)": ("atan2(s, sqrt(1 - s * s))", "atan2(x, sqrt(1 - x * x))"),
    "np.arccos(s)": ("atan2(sqrt(1 - s * s), s)", "atan2(sqrt(1 - x * x), x)"),
}
COLUMNS = {
    "x": [-1.5, 2.5, 0.0, 3.7],
    "y": [2.0, 1.5, 3.0, 2.0],
    "c": [1.0, 0.0, 1.0, 1.0],
    "s": [-0.5, 0.25, 0.0, 1.0],
}


@pytest.mark.parametrize("text", SAME)
def test_what_is_advised_for_names_of_libraries_gives_their_numbers(text):
    same, words = SAME[text]
    some = lw.series.Model("m", periods=4)
    for name in COLUMNS:
        some.input(name, axes="time")
    some.formula("peak", "where(t == 0, x, max(prev(peak), x))")
    some.formula("trough", "where(t == 0, x, min(prev(trough), x))")
    advice = said("LW3002", some.formula, "z", text)[1]
    assert advice.startswith("write ")
    assert words in advice.partition(";")[0]
    some.formula("z", same)
    data = pd.DataFrame(COLUMNS).astype({"c": bool})
    wanted = np.asarray(eval(text, {"np": np, **data}), float)
    got = np.asarray(some.run(COLUMNS)["z"])
    np.testing.assert_allclose(*np.broadcast_arrays(got, wanted), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda x: np.maximum(x, 2), "write max(a, b, ...)"),
        (lambda x: np.max(x), "write maximum(x)"),
        (lambda x: np.min(x), "write minimum(x)"),
        (lambda x: np.sum(x), "write total(x)"),
        (lambda x: np.any(x), "write maximum(x != 0)"),
        (lambda x: np.maximum.accumulate(x), "max(prev(peak), x)"),
        (lambda x: x.max(), "write maximum(x)"),
        (lambda x: x.shift(1), "write prev(x)"),
        (lambda x: x.frob(), "nodes have no attributes"),
    ],
)
def test_functions_and_methods_of_libraries_on_handles(run, words):
    with pytest.raises((lw.Diagnostic, AttributeError)) as caught:
        run(model()["x"])
    assert words in str(caught.value)
    assert not hasattr(model()["x"], "max")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("maximum(x, 2)", "maximum(x), over time; of several values it is max(a, b, ...)"),
        ("minimum(x, 2, 3)", "of several values it is min(a, b, ...)"),
        ("log(x, 10)", "log(x) / log(base)"),
        ("MIN(x)", "over time it is minimum(x)"),
    ],
)
def test_calls_that_other_libraries_mean_otherwise(text, words):
    some = model()
    with pytest.raises(lw.Diagnostic) as caught:
        some.formula("y", text)
        some.compile()
    assert words in caught.value.help


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


@pytest.mark.parametrize("digits", [301, 309, 400, -301])
def test_round_has_digits_that_a_float_may_have(digits):
    model = lw.series.Model("m", periods=1)
    model.input("x")
    with pytest.raises(lw.Diagnostic, match=r"LW3005.*whole number of at least -300"):
        model.formula("y", f"round(x, {digits})")
        model.compile()

    @model.node
    def z(x):
        return lw.series.round(x, 300) + lw.series.round(x, -300)

    assert model.run(x=1.5)["z"] == 1.5
