"""Tables from arrays, keys of pairs and indices of levels; and what is said where words fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

PAIRS = {(40, "F"): 1.0, (40, "M"): 2.0, (41, "F"): 3.0, (41, "M"): 4.0}
KEYS = ("age", "sex")
LEVELS = pd.Series(PAIRS).rename_axis([*KEYS])


def _looked_up(data: object, call: str, **options: object) -> float:
    model = lw.series.Model("m", periods=1)
    model.table("q", data, **options)
    model.formula("y", call)
    return float(model.run()["y"])


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (PAIRS, KEYS),
        (LEVELS, None),
        (LEVELS, KEYS),
        (LEVELS.to_frame("v"), None),
        (LEVELS.rename_axis([None, None]), KEYS),
        (LEVELS.rename_axis([None, None]).to_frame("v"), KEYS),
    ],
)
def test_pairs_of_keys_come_from_mappings_and_levels(data, keys) -> None:
    for (age, sex), value in PAIRS.items():
        assert _looked_up(data, f"q({age}, '{sex}')", keys=keys) == value


def test_the_places_of_an_array_are_its_keys() -> None:
    for kind in (float, np.float32, int):
        row = np.array([4, 5, 6], kind)
        assert [_looked_up(row, f"q({n})") for n in range(3)] == [4.0, 5.0, 6.0]
        grid = row * np.array([[1], [2]], kind)
        assert _looked_up(grid, "q(1, 2)") == _looked_up(grid, "q(1, 2)", keys=KEYS) == 12.0
    with pytest.raises(Diagnostic) as error:
        _looked_up(np.ones(3), "q(3)")
    assert error.value.code.ident == "LW3045"


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (PAIRS, {}),
        (PAIRS | {42: 1.0}, {"keys": KEYS}),
        (PAIRS, {"keys": "age"}),
        ({1: 2.0}, {"keys": KEYS}),
        ({(1, 2, 3): 4.0}, {}),
        (np.ones((2, 2, 2)), {}),
        (np.ones((2, 2)), {"keys": "age"}),
    ],
)
def test_keys_of_another_number_are_refused(data, options) -> None:
    with pytest.raises(Diagnostic) as error:
        _looked_up(data, "q(1)", **options)
    assert error.value.code.ident == "LW3018"


@pytest.mark.parametrize("rule", ["zero", "err", "extrapolate", ""])
def test_rules_for_keys_outside_are_all_named(rule: str) -> None:
    with pytest.raises(Diagnostic) as error:
        _looked_up({1: 2.0}, "q(1)", outside=rule)
    assert all(repr(word) in error.value.help for word in ("error", "clamp", "interpolate"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("iff(1 > 0, 1, 0)", "where(c, a, b)"),
        ("if_else(1 > 0, 1, 0)", "where(c, a, b)"),
        ("wher(1 > 0, 1, 0)", "did you mean 'where'"),
        ("irr(t)", "lw.series.irr"),
    ],
)
def test_calls_of_no_function_say_what_is_meant(call: str, words: str) -> None:
    model = lw.series.Model("m", periods=2)
    with pytest.raises(Diagnostic) as error:
        model.formula("y", call)
        model.compile()
    assert error.value.code.ident == ("LW3005" if "mean" in words else "LW3004")
    assert words in str(error.value.help)


@pytest.mark.parametrize("text", ["max(p, 1000)", "p + 1000", "1000 < p", "where(t > 0, p, 1000)"])
def test_a_number_without_a_unit_is_told_the_way_out(text: str) -> None:
    model = lw.series.Model("m", periods=2)
    model.input("p", unit="EUR", default=1.0)
    model.formula("y", text)
    with pytest.raises(Diagnostic) as error:
        model.compile()
    assert error.value.code.ident == "LW3012"
    way = 'formula("limit", "1000", unit="EUR")'
    assert way in str(error.value.help)
    model.formula("limit", "1000", unit="EUR")
    other = lw.series.Model("other", periods=2)
    other.input("p", unit="EUR", default=1.0)
    other.formula("limit", "1000", unit="EUR")
    other.formula("y", text.replace("1000", "limit"))
    other.compile()


def test_a_function_that_needs_itself_is_told_to_name_the_node() -> None:
    model = lw.series.Model("m", periods=3)
    model.input("e", axes="time")

    def total(e: object) -> object:
        return lw.series.prev(total) + e

    with pytest.raises(Diagnostic) as error:
        model.node(total)
    assert "def total(total, ...)" in str(error.value.help)


def test_an_input_that_changes_nothing_is_no_goal() -> None:
    model = lw.series.Model("m", periods=3)
    model.input("infl", default=0.02)
    model.input("rate", default=0.02)
    model.formula("a", "rate * 3")
    model.formula("b", "infl * 3")
    with pytest.raises(Diagnostic, match="no output that the program has depends on") as error:
        model.seek("infl", "a", 1.0)
    assert error.value.code.ident == "LW3040"


@pytest.mark.parametrize(
    ("table", "keys", "there"),
    [
        (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), (1,), (2,)),
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), (1,), (2,)),
        (np.ma.array([[1.0, 3.0], [2.0, 4.0]], mask=[[0, 0], [1, 0]]), (1, 0), (0, 1)),
        ({"k": [0, 1, 2], "v": np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])}, (1,), (2,)),
        ({"k": pa.array([0, 1, 2]), "v": pa.array([1.0, None, 3.0])}, (1,), (2,)),
        ({"k": pa.chunked_array([[0], [1, 2]]), "v": pl.Series([1.0, None, 3.0])}, (1,), (2,)),
    ],
)
def test_cells_that_are_masked_or_null_have_no_value(table, keys, there) -> None:
    assert _looked_up(table, f"q{there}".replace(",)", ")")) == 3.0
    with pytest.raises(Diagnostic, match=r"LW3045.*the cell is missing"):
        _looked_up(table, f"q{keys}".replace(",)", ")"))


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame(index=[1, 2])])
def test_a_table_without_columns_says_so(frame) -> None:
    with pytest.raises(Diagnostic, match=r"LW3018.*no columns"):
        _looked_up(frame, "q(1)")
