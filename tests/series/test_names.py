"""Names are no numbers: text of tables, arithmetic on categories, and codes outside of them."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.machines.series import along

ENGINES = ("reference", "stencil", "llvm")


def refused(code, words, run, *args, **named):
    with pytest.raises(lw.Diagnostic) as caught:
        run(*args, **named)
    assert caught.value.code.ident == code
    assert words in f"{caught.value.message} ({caught.value.help})"


SPELT = {
    "0.10%": "0.001",
    "12 %": "0.12",
    "1,000": "1000",
    "2,500.75": "2500.75",
    "1,5": "1.5",
    "$3": "3",
    "3 EUR": "3",
    "USD 12": "12",
    "(7.5)": "7.5",
    "25bp": "25",
    "1 000": "",
    "inf": "finite",
    "-Infinity": "finite",
    "1e400": "finite",
    "1_000": "",
    "N/A": "missing",
}


@pytest.mark.parametrize("text", SPELT)
@pytest.mark.parametrize("source", ["dict", "frame", "file"])
@pytest.mark.parametrize("others", [["0.5", "2"], ["0.11%", "$4"], ["5", ""]])
def test_text_that_means_a_number_is_refused_with_row_and_column(text, source, others, tmp_path):
    pd = pytest.importorskip("pandas")
    columns = {"k": [40, 41, 42], "v": [others[0], text, others[1]]}
    if source == "file":
        frame = pd.DataFrame(columns)
        frame.to_csv(tmp_path / "q.csv", index=False)
        data = tmp_path / "q.csv"
    else:
        if not others[0].endswith("%"):
            columns["v"] = [float(others[0]), text, 1.0]
        data = pd.DataFrame(columns) if source == "frame" else columns
    model = lw.series.Model("m", periods=1)
    with pytest.raises(lw.Diagnostic) as caught:
        model.table("q", data)
    assert caught.value.code.ident == "LW3018"
    assert "column `v`" in caught.value.message
    row = 1 if others[0].endswith("%") else 2
    place = f"line {row + 1} of q.csv" if source == "file" else f"row {row}"
    assert place in caught.value.message
    assert (SPELT[text] if row == 2 else "0.0011") in caught.value.help


@pytest.mark.parametrize("keys", [["20%", "30%"], ["1,000", "2,000"], ["inf", "1"], ["1", "2,5"]])
def test_keys_that_mean_numbers_are_refused(keys):
    model = lw.series.Model("m", periods=1)
    refused("LW3018", "key `k` is", model.table, "q", {"k": keys, "v": [1.0, 2.0]})


def test_names_of_any_kind_stay_names():
    model = lw.series.Model("m", periods=1)
    names = ["A1", "20-24", "3M", "north", "2024-01-31"]
    model.table("q", {"k": names, "v": [1.0, 2.0, 3.0, 4.0, 5.0], "kind": names})
    model.input("x")
    model.formula("y", 'q["v"](x) + 10 * (q["kind"](x) == "3M")')
    program = model.compile()
    assert [float(program.run(x=name)["y"]) for name in names] == [1.0, 2.0, 13.0, 4.0, 5.0]


ARITHMETIC = [
    *("sex * 10", "10 - sex", "-sex", "sex ** 2", "sex // 1", "sex % 2", "sex < 1", "sex == 1"),
    *("max(sex, 1)", "exp(sex)", "round(sex)", "abs(sex)", "total(sex)", "cumsum(sex)"),
    *("minimum(sex)", "where(sex, 1, 2)", "where(x > 0, sex, x) + 1", "prev(sex)", "not sex"),
    *("sex and x", "x if sex else 2", "clip(sex, 0, 1)", "kind(x) * 2", "1 + last(sex)"),
    *("renamed * 2", "where(x > 0, kind(x), sex) == 'u'", "rate(sex) + sex", "cumprod(kind(x))"),
]


@pytest.mark.parametrize("text", ARITHMETIC)
@pytest.mark.parametrize("unit", ["", "USD"])
@pytest.mark.parametrize("optimise", [True, False])
def test_arithmetic_on_names_is_refused(text, unit, optimise):
    model = named()
    model.input("paid", unit=unit, default=1.0)
    model.formula("y", text)
    refused("LW3002", "holds names", model.compile, ["y"], optimise=optimise)


def named():
    model = lw.series.Model("m", periods=2)
    model.input("sex", categories=("M", "F"))
    model.input("x", default=1.0)
    model.table("kind", {"a": [0, 1], "name": ["u", "v"]})
    model.table("rate", {"M": 1.0, "F": 2.0})
    model.formula("renamed", "sex")
    return model


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sex == 'F'", 1.0),
        ("rate(sex) + rate(prev(sex, initial=sex))", 4.0),
        ("kind(x) == 'v'", 1.0),
        ("last(sex) != 'M'", 1.0),
        ("where(x > 0, sex, renamed) == 'F'", 1.0),
        ("rate(sex) if renamed == 'F' else x", 2.0),
    ],
)
def test_names_are_compared_and_looked_up(text, value):
    model = named()
    model.formula("y", text)
    assert np.all(model.compile(outputs=["y"]).run(sex="F")["y"] == value)


def test_names_are_no_outputs():
    model = named()
    model.formula("twice", "2 * x")
    assert list(model.compile().run(sex="F")) == ["twice"]
    refused("LW3002", "the output `renamed` holds names", model.compile, ["renamed"])
    model.output("picked", "kind(x)")
    refused("LW3002", "the output `picked` holds names", model.compile)


CODES = [7, -1, 0.5, 2.0, np.float64(3), np.nextafter(1.0, 2.0), np.inf]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("axes", [(), ("time",), ("point",)])
@pytest.mark.parametrize("code", CODES)
def test_codes_outside_the_categories_are_refused(engine, axes, code):
    model = lw.series.Model("m", periods=3)
    model.input("sex", categories=("M", "F"), axes=axes)
    model.formula("y", "(sex == 'F') * 10 + 0 * t")
    run = model.compile().bind(engine)
    for _ in range(3):  # the short way, too
        assert run(sex=1.0)["y"].tolist() == [10.0] * 3
        refused("LW3020", "is not one of its categories", run, sex=code)
        refused("LW3020", "at 1", run, sex=np.array([0, code, 1]))
        refused("LW3020", "at 1", run, sex=[0, code, 1])
    refused("LW3020", "the categories are M, F", run, sex="X")
    if axes != ("time",):
        refused("LW3020", "at 1", run, sex=along("point", [0, code, 1]))


def test_a_table_that_is_keyed_by_names_takes_no_numbers():
    model = lw.series.Model("m", periods=1)
    model.input("x")
    model.table("z", {"A": 1.0, "B": 2.0})
    model.formula("y", "z(x)")
    run = model.compile().bind()
    assert run(x="B")["y"] == 2.0
    for value in (1.0, 0, True, [0, 1], (1.0,), np.float64(1)):
        refused("LW3020", "the categories are A, B", run, x=value)


def test_names_that_spell_numbers_are_given_as_text():
    model = lw.series.Model("m", periods=1)
    model.input("rating", categories=("1", "2", "3"))
    model.table("z", {"rating": ["1", "2", "3"], "v": [10.0, 20.0, 30.0]})
    model.formula("y", "z(rating)")
    run = model.compile().bind()
    assert run(rating="1")["y"] == 10.0
    refused("LW3020", "is not one of its categories", run, rating=1)


def test_a_default_is_a_category():
    model = lw.series.Model("m", periods=1)
    refused("LW3021", "'A', 'B'", model.input, "x", categories=("A", "B"), default=2.0)


@pytest.mark.parametrize("value", [True, [True, False], np.array([True])])
def test_truth_is_no_position(value):
    model = lw.series.Model("m", periods=1)
    model.input("smoker", categories=("no", "yes"))
    model.formula("y", "where(smoker == 'yes', 1, 0)")
    with pytest.raises(lw.Diagnostic, match="LW3020"):
        model.run(smoker=value)


@pytest.mark.parametrize("value", [2**53 + 1, [2**53 + 1], np.array([2**53 + 1]), -(2**53) - 1])
def test_whole_numbers_that_a_float_lacks_are_refused(value):
    model = lw.series.Model("m", periods=1)
    model.input("x")
    model.formula("y", "x - 9007199254740992")
    with pytest.raises(lw.Diagnostic, match="LW3050"):
        model.run(x=value)
    assert model.run(x=2**53)["y"] == 0.0


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx", ".json", ".npz"])
def test_numbers_in_files_are_names_where_names_spell_numbers(ending, tmp_path):
    model = lw.series.Model("m", periods=1)
    model.input("k", axes="loan", categories=("3", "1", "0.5", "2"))
    model.formula("y", "where(k == '1', 10, where(k == '2', 20, 30))")
    run, path = model.compile().bind(), tmp_path / f"loans{ending}"
    frame = pd.DataFrame({"k": [1, 2, 1, 3]})
    writers = {
        ".csv": lambda frame: frame.to_csv(path, index=False),
        ".parquet": lambda frame: frame.to_parquet(path),
        ".xlsx": lambda frame: frame.to_excel(path, index=False),
        ".json": lambda frame: path.write_text(frame.to_json(orient="records")),
        ".npz": lambda frame: np.savez(path, k=frame["k"]),
    }
    for column in (frame, frame.astype(float)) if ending != ".csv" else (frame,):
        writers[ending](column)
        read = lw.series.read_columns(path, ["k"], {"k": ("3", "1", "0.5", "2")})
        assert run(read)["y"].ravel().tolist() == [10.0, 20.0, 10.0, 30.0]
    for bad in ([1, 0], [1.5, 1], [True, False]):
        writers[ending](pd.DataFrame({"k": bad}))
        with pytest.raises(lw.Diagnostic, match="LW3020"):
            lw.series.read_columns(path, ["k"], {"k": ("3", "1", "0.5", "2")})
    for table in (frame, frame.to_records(index=False), {"k": [1, 2, 1, 3]}):
        refused("LW3020", "is not one of its categories", run, table)


BEYOND = [2**53 + 1, -(2**60) - 1, np.int64(2**53 + 1), np.uint64(2**64 - 1), 10**400, 10**5000,
          Decimal(2**53 + 1), Decimal("1e400"), np.longdouble(10) ** 400]  # fmt: skip


@pytest.mark.parametrize(
    "number", BEYOND, ids=[type(x).__name__ + str(n) for n, x in enumerate(BEYOND)]
)
def test_cells_and_keys_that_no_float_holds_are_refused(number):
    model = lw.series.Model("m", periods=1)
    code, words = "LW3018", "f64 does not have"
    refused(code, words, model.table, "a", {1: number, 2: 1.0})
    frame = pd.DataFrame({"k": [1, 2], "v": np.array([number, 1], object)})
    refused(code, words, model.table, "b", frame)
    refused(code, "key `key` is '", model.table, "c", {number: 1.0, 2: 1.0})


def test_a_cell_keeps_a_number_that_a_float_holds():
    model = lw.series.Model("m", periods=1)
    given = [
        2**60,
        Decimal("0.1"),
        np.int64(2**53),
        np.uint64(2**63),
        True,
        np.float32(0.5),
        5e-324,
    ]
    model.table("q", dict(enumerate(given)))
    model.input("k", axes="lane")
    model.formula("y", "q(k)")
    assert model.run(k=np.arange(len(given)))["y"].tolist() == [float(x) for x in given]
