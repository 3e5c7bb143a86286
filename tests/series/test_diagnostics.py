"""What is refused, place by place, where no other test comes: the code and words of each."""

import json

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.program import Port
from lanework.machines.series.data.filetables import Table
from lanework.machines.series.data.labels import as_labelled
from lanework.machines.series.language.formula import call, parse_formula

HEAD = ".machine series\n"


def refused(code, words, run, *args, **named):
    with pytest.raises(Diagnostic) as caught:
        run(*args, **named)
    assert caught.value.code.ident == code
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".row %1 time", "row %0 is never given or made"),
        (".row %99999999 time", "too high"),
        ('.periods 3\n.header "periods" 4', "is there twice"),
        (".row %1", "write .row %N const INDEX"),
        (".row %1 clock", "a row is const, time or periods, not 'clock'"),
        (".table clamp 0.0", "write .table MODE BASE SIZE"),
        (".table round 0.0 3", "a key is one of error, clamp, interpolate, exact"),
        ('.section "more" xyz', "hexadecimal"),
        ('.input "x"', "write .input NAME %ROW"),
        ('.input "x" %0 unit', "write key=value"),
    ],
)
def test_assembly(text, words):
    refused("LW1010", words, assemble, HEAD + text + "\n")


@pytest.mark.parametrize(
    ("code", "words", "text"),
    [
        ("LW3005", "has no parameter `row`", 'mort["m"](1, row=2)'),
        ("LW3002", "`**`", "min(**x)"),
        ("LW3005", "called without a table", "lookup()"),
        ("LW3005", "is given twice", "prev(x, 1, n=2)"),
        ("LW3001", "null bytes", "x + \0"),
    ],
)
def test_formulas(code, words, text):
    refused(code, words, parse_formula, text)


def test_a_function_that_is_not_there():
    refused("LW3004", "no function named `frob`", call, "frob", [])


@pytest.mark.parametrize(
    ("code", "words", "text"),
    [
        ("LW3023", "takes at most 5 values", 'model("m", 3, "2020-01-01", "month", "d", 6)'),
        ("LW3023", "`periods` is given twice", 'model("m", 3, periods=4)'),
        ("LW3015", "which does not exist", 'x = input(kind="frob")'),
        (
            "LW3020",
            "different categories",
            'model("m", periods=2)\na = input(categories=("x", "y"))\n'
            'b = input(categories=("y", "x"))\nc = a == b',
        ),
        (
            "LW3012",
            "declared in USD and its formula gives year",
            'model("m", periods=2)\na = input(unit="year")\nb: "USD" = a * 2',
        ),
        (
            "LW3014",
            "needs a value per year",
            'model("m", periods=2, freq="month")\nr = input(unit="1/day")\ny = per_period(r)',
        ),
        (
            "LW3011",
            "needs a value of the whole of time",
            'model("m", periods=2)\nx = input()\nn = x + periods\nhorizon(n)\ny = x',
        ),
    ],
)
def test_model_files(code, words, text):
    refused(code, words, lambda: lw.series.read_model(text).compile())


def test_tables():
    model = lw.series.Model("m", periods=2)
    wide = {"age": [0, 10**5], "year": [0, 10**5], "q": [0.1, 0.2]}
    refused("LW3018", "cells, more than", model.table, "q", wide, keys=("age", "year"))
    small = {"age": [0, 1], "q": [0.1, 0.2]}
    refused("LW3018", "no value column `p`", model.table, "q", small, keys="age", value="p")


def test_files_of_columns(tmp_path):
    def read(name, content, **named):
        path = tmp_path / name
        path.write_bytes(content)
        return lw.series.read_columns(path, **named)

    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2)))
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 2)), y=np.zeros(2))
    np.savez(tmp_path / "b.npz", x=np.zeros(2, np.complex128))
    refused("LW3052", "2 dimensions", lw.series.read_columns, tmp_path / "a.npz")
    refused("LW3052", "holds complex128", lw.series.read_columns, tmp_path / "b.npz")
    rows = json.dumps([{"x": 1.0}, {"y": 2.0}]).encode()
    refused("LW3054", "not those of the first row", read, "r.json", rows)
    refused("LW3052", "is not text", read, "n.csv", b"x\0,y\n1,2\n")
    refused("LW3052", "it is not CSV", read, "q.csv", b'x,y\n1,"a"b\n', categories={"y": ("a",)})


def test_inputs():
    port = Port("x", "in", 0, axes=("time",))

    class Twice:  # as an xarray.DataArray looks
        dims, values = ("time", "time"), np.zeros((2, 2))

    refused("LW3050", "has an axis twice", as_labelled, Twice(), port)
    odd = np.array([1.0, object()], dtype=object)
    refused("LW3050", "which is no number", as_labelled, odd, port)


def test_streams_and_tables_without_rows(tmp_path):
    model = lw.series.Model("m", periods=2)
    x = model.input("x", axes="point")
    model.formula("y", x * 2)
    model.output("y", reduce="point")
    runner = model.compile().bind("reference")
    refused("LW3044", "no blocks to run", runner.stream, [])
    path = tmp_path / "none.csv"
    path.write_text("x\n")
    table = Table("point", str(path), (Port("x", "in", 0, axes=("point",)),))
    refused("LW8006", "has no rows", table.all_rows, None)
