"""Formulas that are made in Python: what is wrong with one is said with its line."""

from __future__ import annotations

import linecache
import re

import pytest

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
