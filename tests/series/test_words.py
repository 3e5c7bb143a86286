"""Formulas that are made in Python: what is wrong with one is said with its line."""

from __future__ import annotations

import linecache
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic

SCRIPT = """import lanework as lw

model = lw.series.Model("m", periods=3)
model.input("price", unit="EUR/MWh")
model.input("volume", unit="MWh")
model.input("rates", categories=["A", "B"])
model.table("spec", {1: 0.5, 2: 0.25})


@model.node(unit="EUR")
def revenue(price, volume):
    return price * volume


%s

program = model.compile()
"""


@pytest.mark.parametrize(
    ("added", "marked", "code"),
    [
        ("@model.node()\ndef bad(price, volume):\n    return price + volume", "@model.node()",
         "LW3012"),
        ("@model.node\ndef bad(prise):\n    return prise * 2", "@model.node", "LW3003"),
        ("@model.node(name='bad')\ndef other(volume):\n    return sum([volume, 5])",
         "@model.node(name='bad')", "LW3012"),
        ('model.formula("bad", model["prise"] * 2)', 'model.formula("bad"', "LW3003"),
        ('model["bad"] = model["price"] + 1', 'model["bad"]', "LW3012"),
        ('model.output("bad", model["price"] - model["volume"])', 'model.output("bad"', "LW3012"),
        ('for name in ["bad"]:\n    model.formula(name, model["rates"] * 2)', "model.formula(name",
         "LW3002"),
        ('model.formula(\n    "bad",\n    lw.series.exp(model["price"]),\n)', None, "LW3012"),
        ("@model.node()\ndef bad(other):\n    return other\n\n\n@model.node()\ndef other(bad):\n"
         "    return bad", "@model.node()", "LW3009"),
        ("@model.node(kind='stock')\ndef bad(rates):\n    return model['volume'] / 'x'",
         "@model.node(kind='stock')", None),
    ],
)  # fmt: skip
def test_the_line_that_made_a_formula_is_marked(tmp_path, added, marked, code):
    path, text = tmp_path / "script.py", SCRIPT % added
    path.write_text(text)
    with pytest.raises(Diagnostic) as caught:
        exec(compile(text, str(path), "exec"), {})
    error = caught.value
    assert code in (None, error.code.ident)
    assert error.span.source == str(path)
    row = text.splitlines()[error.span.line - 1]
    assert row.strip() in str(error)
    assert "^" in str(error)
    if marked is not None:
        assert row.strip().startswith(marked)
        first = added.splitlines()[0]
        assert text.splitlines().index(row) >= text.splitlines().index(first)
    assert re.search(r"note: bad = |in the function of node `bad`", str(error))


def test_cells_of_notebooks_are_shown():
    cell, text = "<ipython-input-7>", 'm.formula("q", m["zz"] * 2)\nm.compile()\n'
    linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
    model = lw.series.Model("m", periods=3)
    model.input("x")
    with pytest.raises(Diagnostic) as caught:
        exec(compile(text, cell, "exec"), {"m": model})
    assert '1 | m.formula("q", m["zz"] * 2)' in str(caught.value)
    del linecache.cache[cell]


def test_programs_do_not_know_where_their_formulas_were_written(tmp_path):
    text = 'import lanework as lw\nm = lw.series.Model("m", periods=3)\nm.input("x")\n'
    programs = []
    for name in ("one.py", "two.py"):
        path, names = tmp_path / name, {}
        source = (
            "\n" * len(programs) + text + 'm["y"] = m["x"] * 2\n@m.node\ndef z(y): return y + 1\n'
        )
        path.write_text(source)
        exec(compile(source, str(path), "exec"), names)
        programs.append(names["m"].compile())
    assert bytes(programs[0]) == bytes(programs[1])


def curve():
    """A model of a curve and a table over two axes."""
    model = lw.series.Model("curve", periods=4, start="2026-01-01", freq="quarter")
    model.input("price", axes="time")
    model.input("volume", axes=("region", "time"))
    model.formula("cash", "price * volume")
    return model


@pytest.mark.parametrize(
    ("dims", "said"),
    [
        (("Region", "time"), "did you mean 'region'?"),
        (("regoin", "time"), "did you mean 'region'?"),
        (("region", "tme"), "did you mean 'time'?"),
        (("region", "Time"), "did you mean 'time'?"),
    ],
)
def test_axes_that_are_misspelt(dims, said):
    values = np.ones((2, 4))
    for given in (xr.DataArray(values, dims=dims), lw.series.along(dims, values)):
        with pytest.raises(Diagnostic) as caught:
            curve().run(price=np.ones(4), volume=given)
        assert caught.value.code.ident == "LW3042"
        assert "input 'volume' is along" in caught.value.message
        assert caught.value.help == said


def test_axes_of_a_run_s_own():
    values = lw.series.along(("shock", "time"), np.ones((3, 4)))
    assert curve().run(price=np.ones(4), volume=values).axes("cash") == ("time", "shock")
    values = lw.series.along(("region",), np.ones(3))
    assert curve().run(price=np.ones(4), volume=values).axes("cash") == ("time", "region")


def test_the_input_of_another_number_of_periods_is_named():
    for price, volume, said in ((3, 4, "'price' has 3"), (4, 5, "'volume' has 5")):
        with pytest.raises(Diagnostic) as caught:
            curve().run(price=np.ones(price), volume=np.ones((2, volume)))
        assert f"input {said} periods, but the model has 4" in caught.value.message


@pytest.mark.parametrize("title", ["Date", "DATE", "Period", "Time", "T"])
def test_columns_of_labels_in_capitals(title):
    frame = pd.DataFrame({title: pd.date_range("2026-01-01", periods=4, freq="QS"), "price": 1.0})
    with pytest.raises(Diagnostic) as caught:
        curve().run(frame, volume=np.ones((2, 4)))
    assert f"call it {title.lower()!r} if it has the labels of periods" in caught.value.help
    renamed = frame.rename(columns={title: title.lower()})
    assert curve().run(renamed, volume=np.ones((2, 4)))["cash"].shape == (4, 2)
