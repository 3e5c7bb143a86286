"""Formulas: text and Python give one tree, mean what Python and NumPy mean, and fail clearly."""

from __future__ import annotations

import ast
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lanework.machines.series as series
from lanework.base.errors import Diagnostic
from lanework.machines.series.language.formula import parse_formula
from lanework.machines.series.language.model import Model

T = 7
RNG = np.random.default_rng(3)
X = RNG.normal(size=T)
Y = RNG.normal(size=T)


def run(text, periods=T, **inputs):
    """One formula over inputs, on the reference engine."""
    model = Model("one", periods=periods)
    for name, value in inputs.items():
        model.input(name, axes="time" if np.ndim(value) else ())
    model.formula("out", text)
    program = model.compile(outputs=["out"])
    needed = {port.name: inputs[port.name] for port in program.inputs}
    return program.run(engine="reference", **needed)["out"]


PYTHON = [
    "x + y * 2 - 3 / y",
    "-x ** 2 + +y",
    "(x - y) % 3 + (x // 0.3)",
    "x < y",
    "-1 < x <= y < 2",
    "not (x > 0) and y > 0 or x < -1",
    "x if x > y else y * 2",
    "min(x, y, 0.1) + max(x, y)",
    "abs(x) + abs(-y)",
]


@pytest.mark.parametrize("text", PYTHON)
def test_it_means_what_python_means(text):
    code = compile(text, "formula", "eval")
    expected = [
        float(eval(code, {"min": min, "max": max, "abs": abs}, {"x": x, "y": y}))
        for x, y in zip(X.tolist(), Y.tolist(), strict=True)
    ]
    assert run(text, x=X, y=Y).tolist() == expected


NUMPY = {
    "round(x, 2)": np.round(X, 2),
    "round(x * 1000, -2)": np.round(X * 1000, -2),
    "round(x * 10)": np.rint(X * 10),
    "floor(x) + 10 * ceil(y) + 100 * trunc(x)": np.floor(X) + 10 * np.ceil(Y) + 100 * np.trunc(X),
    "sign(x)": np.sign(X),
    "sqrt(abs(x))": np.sqrt(np.abs(X)),
    "prev(x)": np.concatenate([[0.0], X[:-1]]),
    "prev(x, 3, y)": np.concatenate([Y[:3], X[:-3]]),
    "prev(x, n=2, initial=9)": np.concatenate([[9.0, 9.0], X[:-2]]),
    "lead(x, 2, final=y)": np.concatenate([X[2:], Y[-2:]]),
    "cumsum(x)": np.cumsum(X),
    "cumprod(x)": np.cumprod(X),
    "at(x, 3) + t * 0": np.full(T, X[3]),
    "first(x) + last(y) * t": X[0] + Y[-1] * np.arange(T),
    "minimum(x) - maximum(y)": X.min() - Y.max(),
    "change(x, initial=1)": np.diff(X, prepend=1.0),
    "clip(x, -0.5, 0.5)": np.clip(X, -0.5, 0.5),
    "t * periods": np.arange(T) * float(T),
}


@pytest.mark.parametrize("text", NUMPY)
def test_it_means_what_numpy_means(text):
    assert run(text, x=X, y=Y).tolist() == np.asarray(NUMPY[text]).tolist()


CLOSE = {
    "exp(x) + log(y * y) + sin(x) * cos(y) + tanh(x)": np.exp(X)
    + np.log(Y * Y)
    + np.sin(X) * np.cos(Y)
    + np.tanh(X),
    "abs(x) ** y": np.abs(X) ** Y,
    "average(x)": X.mean(),
    "total(x * y)": X @ Y,
    "discount_factors(0.05)": 1.05 ** -np.arange(1.0, T + 1),
    "growth_factors(x)": np.cumprod(1 + X),
    "npv(0.05, x)": (X * 1.05 ** -np.arange(1.0, T + 1)).sum(),
    "annuity(0.01, 12)": sum(1.01**-k for k in range(1, 13)),
    "annuity(0, 12)": 12.0,
    "pv(0.01, 12, 5, 100)": 5 * sum(1.01**-k for k in range(1, 13)) + 100 * 1.01**-12,
    "level_payment(0.01, 12, 1000) * annuity(0.01, 12)": 1000.0,
}


@pytest.mark.parametrize("text", CLOSE)
def test_functions_have_their_values(text):
    np.testing.assert_allclose(run(text, x=X, y=Y), CLOSE[text], rtol=1e-13)


def test_text_operators_and_functions_give_one_program():
    def hashes(define):
        model = Model("m", periods=5)
        model.input("x", axes="time")
        model.input("y")
        define(model)
        return model.compile(outputs=["out"]).hash

    def by_text(model):
        model.formula("out", "where(x > y and not x < 3, -x ** 2 % y, prev(out, 2, y)) + cumsum(x)")

    def by_handles(model):
        x, y = model["x"], model["y"]
        where, prev = series.where, series.prev
        model["out"] = where((x > y) & ~(x < 3), -(x**2) % y, prev(model["out"], 2, y)) + (
            series.cumsum(x)
        )

    def by_function(model):
        @model.node
        def out(x, y, out):
            chosen = series.where((x > y) & ~(x < 3), -(x**2) % y, series.prev(out, 2, y))
            return chosen + series.cumsum(x)

    assert hashes(by_text) == hashes(by_handles) == hashes(by_function)


REJECTED = {
    "x +": ("LW3001", 1, 1),
    "": ("LW3001", None, None),
    "x + * 2": ("LW3001", 1, 5),
    "x.y": ("LW3002", 1, 1),
    "1 + (lambda: x)": ("LW3002", 1, 6),
    "[x for x in y]": ("LW3002", 1, 1),
    "x in y": ("LW3002", 1, 1),
    "x @ y": ("LW3002", 1, 1),
    "f'{x}'": ("LW3002", 1, 1),
    "None": ("LW3002", 1, 1),
    "1j": ("LW3002", 1, 1),
    "y * principel": ("LW3003", 1, 5),
    "1 + exq(x)": ("LW3004", 1, 5),
    "exp(x, y)": ("LW3005", 1, 1),
    "prev(x, n=y)": ("LW3005", 1, 11),
    "prev(x, 0)": ("LW3005", 1, 9),
    "prev(x, 1.5)": ("LW3005", 1, 9),
    "prev(x, m=1)": ("LW3005", 1, 1),
    "prev(x, 1, n=1)": ("LW3005", 1, 1),
    "min(x)": ("LW3005", 1, 1),
    "round(x, y)": ("LW3005", 1, 10),
    "exp(*x)": ("LW3002", 1, 5),
    "x + 'label'": ("LW3002", 1, 5),
    "10 ** 999 * (" + "9" * 400 + ")": ("LW3002", 1, 14),
    "x +\n  ü * nope": ("LW3003", 2, 7),
    "(" * 400 + "x" + ")" * 400: ("LW3001", None, None),
    "-" * 300 + "x": ("LW3024", None, None),
    "x\0": ("LW3001", None, None),
    "year + 1": ("LW3017", 1, 1),
}


@pytest.mark.parametrize("text", REJECTED)
def test_what_is_wrong_is_said_with_its_place(text):
    model = Model("bad", periods=3)
    for name in ("x", "y", "principal", "ü"):
        model.input(name)
    with pytest.raises(Diagnostic) as caught:
        model.formula("out", text)
        model.compile()
    ident, line, column = REJECTED[text]
    error = caught.value
    assert error.code.ident == ident
    if line is not None:
        assert (error.span.line, error.span.column) == (line, column)
        assert "^" in error.span.caret()


def test_misspellings_get_a_suggestion():
    model = Model("bad", periods=3)
    model.input("principal")
    model.formula("out", "principel * 2")
    with pytest.raises(Diagnostic) as caught:
        model.compile()
    assert "principal" in caught.value.help
    with pytest.raises(Diagnostic) as caught:
        parse_formula("cumsun(x) + cumsum(x, k=1)")
    assert "cumsum" in caught.value.help


@pytest.mark.parametrize(
    "branch",
    [
        lambda x: x if x > 0 else -x,
        lambda x: min(x, 0),
        lambda x: x and 1,
        lambda x: sum(x),
        lambda x: x + {1},
    ],
)
def test_python_functions_that_branch_or_loop_on_a_node_are_told_why(branch):
    model = Model("bad", periods=3)
    model.input("x")
    with pytest.raises(Diagnostic) as caught:
        model.node(name="out")(branch)
    assert caught.value.code.ident in ("LW3002", "LW3008")
    assert caught.value.span.source.endswith("test_formula.py")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("x & 1", 5),
        ("1 | x", 1),
        ("x or 5", 6),
        ("x and y and 2.5", 13),
        ("not 3", 5),
        ("~0", 2),
        ("x > 1 & y < 2", 5),
        ("x + (y | -1)", 10),
        ("where(x & 7 == 1, 2, 3)", 11),
        ("x or (0)", 7),
    ],
)
def test_numbers_are_no_conditions(text, column):
    with pytest.raises(Diagnostic, match=r"LW3002.*join conditions") as caught:
        parse_formula(text)
    assert caught.value.span.column == column
    model = Model("bad", periods=1)
    x, y = model.input("x"), model.input("y")
    if (
        not {"and", "or", "not", "where"} & set(text.split())
        and "x" in text
        and "where" not in text
    ):
        with pytest.raises(Diagnostic, match=r"LW3002.*join conditions"):
            eval(text, {"x": x, "y": y})


@pytest.mark.parametrize(
    ("text", "value"),
    [("x & y", 1), ("x & (y == 0)", 0), ("~x", 0), ("True & (x > 1)", 1), ("x or False", 1)],
)
def test_nodes_and_truth_are_conditions(text, value):
    model = Model("good", periods=1)
    model.input("x", default=4.0)
    model.input("y", default=2.0)
    model.formula("z", text)
    assert model.run()["z"] == value


def test_a_sum_may_be_long_and_traced_trees_may_share():
    model = Model("long", periods=2)
    x = model.input("x")
    terms = " + ".join(["x"] * 800)
    model.formula("text", terms)
    acc = x
    for _ in range(3000):
        acc = acc + 1.0
    model.formula("traced", acc)
    doubled = x
    for _ in range(60):  # 2**60 paths, 60 steps
        doubled = doubled + doubled
    model.formula("shared", doubled)
    result = model.compile().run(engine="reference", x=1.0)
    assert float(result["text"]) == 800.0
    assert float(result["traced"]) == 3001.0
    assert float(result["shared"]) == 2.0**60


_NAMES = st.sampled_from(["x", "y", "t", "0.5", "3", "1e-3"])
_TEXTS = st.recursive(
    _NAMES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "<", "=="]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda part: f"-{part}"),
        inner.map(lambda part: f"abs({part})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"prev({p[0]}, 2, {p[1]})"),
    ),
    max_leaves=12,
)


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_a_tree_printed_is_the_tree_again(text):
    tree = parse_formula(text)
    assert str(parse_formula(str(tree))) == str(tree)


@given(st.text(alphabet="xy t+-*/()<=,.0123e'\"[]:{}ifelsand\n", max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_tree_or_a_diagnostic(text):
    try:
        tree = parse_formula(text)
    except Diagnostic:
        return
    ast.parse(str(tree), mode="eval")


NEAR_ZERO = [0.0, 1e-300, 1e-16, -1e-14, 1e-9, -2.5e-5, 2.9e-5, 0.0009, 0.0011, 0.002, -0.004, 0.05]


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 4, 360])
@pytest.mark.parametrize("rate", NEAR_ZERO)
def test_annuities_and_their_slopes_hold_near_a_rate_of_zero(rate, n):
    """Against sums of powers, to the last digits, where 1 - (1 + rate) ** -n cancels."""
    model = Model("m", periods=1)
    model.input("rate")
    model.formula("worth", f"annuity(rate, {n})")
    model.formula("paid", f"level_payment(rate, {n}, {n})")
    model.formula("value", f"pv(rate, {n}, 2)")
    names = ["worth", "paid", "value"]
    result = model.compile(outputs=names).jacobian(names, "rate").run(rate=rate)
    worth = math.fsum((1 + Fraction(rate)) ** -k for k in range(1, n + 1))
    slope = math.fsum(-k * (1 + Fraction(rate)) ** -(k + 1) for k in range(1, n + 1))
    wanted = {"worth": (worth, slope), "paid": (n / worth, -n * slope / worth**2)}
    for name, pair in {**wanted, "value": (2 * worth, 2 * slope)}.items():
        value, gain = (result[key].item() for key in (name, f"d_{name}_d_rate"))
        assert value == pytest.approx(pair[0], rel=2e-13)
        assert gain == pytest.approx(pair[1], rel=1e-10)


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "x == 9007199254740993", "x + 0x20000000000001", "-9007199254740993 * x",
     "x * 9_007_199_254_740_993.0", "where(x, 18446744073709551615, 0)",
     "min(x, 10**0 + 2**0 * 9007199254740995)"],
)  # fmt: skip
def test_whole_numbers_that_no_float_is_are_refused(text):
    model = Model("m", periods=1)
    model.input("x")
    with pytest.raises(Diagnostic, match="no float is") as caught:
        model.formula("y", text)
    assert caught.value.code.ident == "LW3002"
    assert caught.value.span is not None
    with pytest.raises(Diagnostic, match="no float is 9007199254740993"):
        model["x"] + 9007199254740993
    model.formula("z", "x == 9007199254740992")
    assert model.run(x=2.0**53)["z"] == 1.0
    model.formula("big", "x * 6.02214076e23 + 1e23")  # floats are rounded as ever
    model.compile()


@pytest.mark.parametrize(
    "text", ["9**9**9", "x + 9**9**9", "x * (1e308 * 10)", "exp(1000) / x", "-1e308 - 1e308 + x",
             "where(x > 0, 9**9**9, 1)", "1e308 / 1e-10 * x"]
)  # fmt: skip
def test_constants_that_overflow_are_refused(text):
    model = Model("m", periods=1)
    model.input("x")
    model.formula("y", text)
    with pytest.raises(Diagnostic, match=r"is beyond 1.8e308") as caught:
        model.compile()
    assert caught.value.code.ident == "LW3002"
    assert caught.value.span is not None


@pytest.mark.parametrize(
    "text", ["1e-400 * x", "x + 0.1e-330", "where(x, 1, 1E-999)", "-1e-324 - x"]
)
def test_constants_that_vanish_are_refused(text):
    model = Model("m", periods=1)
    model.input("x")
    with pytest.raises(Diagnostic, match=r"a number below 4.9e-324") as caught:
        model.formula("y", text)
    assert caught.value.code.ident == "LW3002"
    for zero in ("0", "0.0", "0e5", "-0.0", "0x0", "0_0.0", "False", "5e-324", "00.00e-999"):
        model.formula("z", f"{zero} * x")
        del model.formulas["z"]
