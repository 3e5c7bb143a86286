"""Tables: how they are read, looked up and refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base.errors import Diagnostic
from lanework.machines.series.language.model import Model
from lanework.machines.series.language.tables import build_table


def looked_up(text, tables, **inputs):
    model = Model("m", periods=1)
    for name, (data, settings_) in tables.items():
        model.table(name, data, **settings_)
    for name in inputs:
        model.input(name, axes="point")
    model.formula("out", text)
    return model.compile().run(engine="reference", **inputs)["out"].tolist()


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


MATRIX = "age,0,1,2\n20,.1,.2,.3\n21,.4,.5,.6\n"
LONG = "age,dur,rate\n20,0,.1\n21,0,.4\n20,1,.2\n20,2,.3\n21,1,.5\n21,2,.6\n"


@pytest.mark.parametrize(
    "text", [MATRIX, LONG, "\ufeff" + MATRIX, MATRIX.replace("\n", "\r\n\r\n")]
)
def test_matrix_and_long_form_are_one_table(tmp_path, text):
    given_ = (write(tmp_path, text), {"keys": ("age", "dur")})
    age, dur = np.array([20.0, 21, 21]), np.array([2.0, 0, 1])
    assert looked_up("q(age, dur)", {"q": given_}, age=age, dur=dur) == [0.3, 0.4, 0.5]
    assert looked_up("lookup(q, age, dur)", {"q": given_}, age=age, dur=dur) == [0.3, 0.4, 0.5]


@pytest.mark.parametrize(
    "ending", ["csv", "tsv", "csv.gz", "parquet", "feather", "arrow", "xlsx", "json"]
)
def test_tables_of_every_kind_of_file(tmp_path, ending):
    frame = pd.DataFrame({"kind": ["a", "b", "b"], "age": [18, 18, 19], "rate": [1.5, 2.5, 1 / 3]})
    path = tmp_path / f"t.{ending}"
    if ending == "json":
        frame.to_json(path, orient="records", double_precision=15)
        frame["rate"] = [1.5, 2.5, 0.333333333333333]
    elif ending == "xlsx":
        frame.to_excel(path, index=False)
    elif ending in ("feather", "arrow"):
        frame.to_feather(path)
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    model = Model("m", periods=1)
    model.table("q", path, keys=("kind", "age"))
    model.formula("out", "q('b', 18) + q('b', 19)")
    assert float(model.compile().run(engine="reference")["out"]) == 2.5 + frame["rate"][2]


@pytest.mark.parametrize("ending", ["parquet", "feather", "xlsx", "json"])
def test_text_in_files_whose_values_have_types_is_text(tmp_path, ending):
    frame = pd.DataFrame({"age": [18, 19], "rate": ["1.5", "2.5"]})
    path = tmp_path / f"t.{ending}"
    writers = {"xlsx": lambda: frame.to_excel(path, index=False),
               "json": lambda: path.write_text(json.dumps(frame.to_dict("list")))}  # fmt: skip
    writers.get(ending, lambda: getattr(frame, f"to_{ending}")(path))()
    with pytest.raises(Diagnostic) as caught:
        build_table("q", path)
    assert caught.value.code.ident == "LW3018"
    assert "row " in caught.value.message
    assert "'1.5'" in caught.value.message


def test_columns_dicts_and_frames():
    data = {"age": [18, 19, 20], "male": [1.0, 2.0, 3.0], "female": [4.0, 5.0, 6.0]}
    for source in (data, pd.DataFrame(data)):
        text = 'q["male"](x) + 10 * q["female"](x)'
        assert looked_up(text, {"q": (source, {})}, x=np.array([18.0, 20.0])) == [41.0, 63.0]
    assert looked_up("q(x)", {"q": ({5: 1.0, 6: 2.0}, {})}, x=np.array([6.0, 5.0])) == [2.0, 1.0]


@given(st.lists(st.floats(-4, 12), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_outside_is_clamped_or_interpolated_as_numpy_does(keys):
    x = np.array(keys)
    block = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    data = {"k": list(range(2, 7)), "v": block.tolist()}
    clamped = block[np.clip(np.floor(x).astype(int) - 2, 0, 4)]
    assert looked_up("q(floor(x))", {"q": (data, {"outside": "clamp"})}, x=x) == clamped.tolist()
    knots = {"k": [0.5, 7.0, 2.0], "v": [1.0, -2.0, 3.0]}
    linear = np.interp(x, [0.5, 2.0, 7.0], [1.0, 3.0, -2.0])
    got = looked_up("q(x)", {"q": (knots, {"outside": "interpolate"})}, x=x)
    np.testing.assert_allclose(got, linear, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("key", [17.0, 17.999, 21.0, 1e150, -1e150, np.inf, 19.5])
def test_outside_is_a_fault_that_names_the_lane(key):
    table = ({18: 1.0, 20: 3.0}, {})
    with pytest.raises(Diagnostic) as caught:
        looked_up("q(x)", {"q": table}, x=np.array([18.0, key]))
    assert caught.value.code.ident == "LW3045"
    assert "lane 1" in caught.value.message


def test_a_lookup_counts_only_on_the_branch_taken():
    x = np.array([18.0, 99.0, 20.0])
    tables = {"q": ({18: 1.0, 20: 3.0}, {})}
    assert looked_up("q(x) if x <= 20 else 7", tables, x=x) == [1.0, 7.0, 3.0]
    assert looked_up("where(x > 20, 7, q(x) + 0 * q(x + 0))", tables, x=x) == [1.0, 7.0, 3.0]
    nested = "(q(x) if x > 19 else q(18)) if x < 30 else (-1 if x > 0 else q(x))"
    assert looked_up(nested, tables, x=x) == [1.0, -1.0, 3.0]
    with pytest.raises(Diagnostic):  # both sides of `and` are computed
        looked_up("x <= 20 and q(x) > 2", tables, x=x)


def test_names_as_keys():
    spec = {"product": ["A", "B"], "kind": ["SINGLE", "LEVEL"], "load": [0.0, 0.1], "id": ["u", ""]}
    charge = ({"year": [0, 1], "v": [5.0, 6.0], "u": [1.0, 2.0]}, {"keys": ("year", "id")})
    model = Model("m", periods=1)
    model.input("product", axes="point")
    model.table("spec", spec, keys="product")
    model.table("charge", charge[0], **charge[1])
    model.formula("load", 'spec["load"](product)')
    model.formula("level", 'spec["kind"](product) == "LEVEL"')
    model.formula("fee", 'charge(1, spec["id"](product)) if not level else 0')
    model.formula("fixed", 'charge(0, "v")')
    program = model.compile()
    assert program.inputs[0].categories == ("A", "B")
    result = program.run(engine="reference", product=["B", "A"])
    assert result["load"].tolist() == [0.1, 0.0]
    assert result["level"].tolist() == [1.0, 0.0]
    assert result["fee"].tolist() == [0.0, 2.0]
    assert float(result["fixed"]) == 5.0


def test_a_tables_labels_are_put_in_the_inputs_order():
    model = Model("m", periods=1)
    model.input("sex", axes="point", categories=("F", "M", "X"))
    model.table("q", {"M": 1.0, "F": 2.0})
    model.formula("out", "q(sex)")
    program = model.compile()
    assert program.run(engine="reference", sex=["M", "F"])["out"].tolist() == [1.0, 2.0]
    with pytest.raises(Diagnostic) as caught:
        program.run(engine="reference", sex=["M", "X"])
    assert caught.value.code.ident == "LW3045"


REFUSED = {
    "a,b\n1,2\n1,3\n": ("LW3018", ("line 3", "line 2")),
    "a,b\n1,2\n2\n": ("LW3018", ("line 3", "1 cells")),
    "a,b\n1,2\n2,3,4\n": ("LW3018", ("line 3", "3 cells")),
    "a,b\n1,2\n\n2,n/a\n": ("LW3018", ("line 4", "`b`", "n/a")),
    "a,b\n1,2\n1.5,3\n": ("LW3018", ("line 3", "`a`", "1.5")),
    "a,b\n1,2\n,3\n": ("LW3018", ("line 3", "`a`")),
    "a,a\n1,2\n": ("LW3018", ("two columns named 'a'",)),
    "a,b\n": ("LW3018", ("no rows",)),
    "a\n1\n": ("LW3018", ("no column of values",)),
    "": ("LW3018", ("empty",)),
    'a,b\n1,"2\n': ("LW3018", ("line 2", "never closes")),
    "a,b\n1,2\n9000000,3\n": ("LW3018", ("too far",)),
}


@pytest.mark.parametrize("text", REFUSED)
def test_bad_files_are_refused_by_line(tmp_path, text):
    code, words = REFUSED[text]
    with pytest.raises(Diagnostic) as caught:
        build_table("q", write(tmp_path, text))
    assert caught.value.code.ident == code
    for word in words:
        assert word in caught.value.message


@pytest.mark.parametrize(
    ("data", "settings_", "code"),
    [
        ("missing.csv", {}, "LW3025"),
        ([1, 2], {}, "LW3018"),
        ({"a": [1, 2], "b": [1]}, {}, "LW3018"),
        ({"a": [1, 2], "b": [1, 2]}, {"keys": "A"}, "LW3018"),
        ({"a": [1, 2], "b": [1, 2]}, {"outside": "clam"}, "LW3018"),
        ({"a": [1, 2], "b": [1, 2]}, {"outside": ("clamp", "clamp")}, "LW3018"),
        ({"a": [1, 2], "b": [1, 2]}, {"keys": ("a", "c"), "outside": "interpolate"}, "LW3018"),
        ({"a": [1, 2], "b": [1, 2]}, {"keys": ("a", "b", "c")}, "LW3018"),
        ({"a": [1, 3], "b": [1, 2]}, {"outside": "clamp"}, "LW3019"),
        ({"a": ["x", "y"], "b": [1, 2]}, {"outside": "interpolate"}, "LW3018"),
    ],
)
def test_bad_settings_are_refused(data, settings_, code):
    with pytest.raises(Diagnostic) as caught:
        build_table("q", data, **settings_)
    assert caught.value.code.ident == code


def test_text_that_is_not_utf8(tmp_path):
    with pytest.raises(Diagnostic) as caught:
        build_table("q", write(tmp_path, "a,b\n1,ü\n", "latin-1"))
    assert "UTF-8" in caught.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mrt(x)", "LW3004"),
        ("mort(x, x)", "LW3019"),
        ("wide(x)", "LW3019"),
        ('wide["c"](x)', "LW3019"),
        ("named(x + 1)", "LW3019"),
        ("mort(sex)", "LW3019"),
        ("named('z')", "LW3020"),
        ("sex == 'Z'", "LW3020"),
        ("x == 'M'", "LW3020"),
        ("mort(x, y, x)", "LW3005"),
        ("mort()", "LW3005"),
        ("mort[1](x)", "LW3005"),
        ("lookup(x + 1, x)", "LW3005"),
        ("mort + 1", "LW3003"),
    ],
)
def test_lookups_that_do_not_fit(text, code):
    model = Model("m", periods=1)
    model.input("x")
    model.input("y")
    model.input("sex", categories=("M", "F"))
    model.table("mort", {1: 1.0})
    model.table("wide", {"k": [1], "a": [1.0], "b": [2.0]})
    model.table("named", {"u": 1.0, "v": 2.0})
    with pytest.raises(Diagnostic) as caught:
        model.formula("out", text)
        model.compile()
    assert caught.value.code.ident == code
    assert caught.value.span is not None


@pytest.mark.parametrize("where", ["key", "value"])
@pytest.mark.parametrize(
    "number", [2**53 + 1, np.int64(2**53 + 1), np.uint64(2**64 - 1), 10**30 + 1]
)
@pytest.mark.parametrize("form", ["dict", "frame", "csv"])
def test_whole_numbers_that_no_float_is_are_no_keys_and_no_values(where, number, form, tmp_path):
    key, value = ([1, number], [1.0, 2.0]) if where == "key" else ([1, 2], [number, 5])
    data = dict(zip(key, value, strict=True))
    if form == "frame":
        data = pd.DataFrame({"key": key, "value": value})
    if form == "csv":
        data = tmp_path / "table.csv"
        data.write_text(f"key,value\n{key[0]},{value[0]}\n{key[1]},{value[1]}\n")
    with pytest.raises(Diagnostic, match=r"f64 does not have|no float is") as caught:
        Model("m", periods=1).table("q", data)
    assert caught.value.code.ident == "LW3018"
    assert str(int(number)) in caught.value.message


@pytest.mark.parametrize("cell", [1j, b"a", (1, 2), frozenset("a"), object(), np.array([1, 2])])
def test_what_is_no_number_and_no_name_is_in_no_table(cell):
    frame = {"k": [1, 2], "v": [cell, cell]}
    swapped = {"k": [cell, cell], "v": [1.0, 2.0]}
    for data in (frame, swapped, *([{cell: 1.0}] if cell.__hash__ else [])):
        with pytest.raises(Diagnostic) as caught:
            Model("m").table("q", data)
        assert caught.value.code.ident == "LW3018"
        assert "no number and no name" in caught.value.message


@pytest.mark.parametrize(
    "cells",
    [
        {0: -1.7e308, 1: 1.7e308},
        {0: 1e308, 10: -1e308},
        {0: 1.0, 1: 2.0, 1.0000001: 1e304},
        {-1.7e308: 1.0, 1.7e308: 2.0},
    ],
)
def test_cells_without_a_line_between_them_are_not_interpolated(cells):
    with pytest.raises(Diagnostic, match=r"LW3018.*cannot be interpolated between"):
        Model("m").table("q", cells, outside="interpolate")
    Model("m").table("q", {key / 4: cell / 1e5 for key, cell in cells.items()},
                     outside="interpolate")  # fmt: skip
