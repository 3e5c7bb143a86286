"""Models as workbooks: opened again and computed anew, they give what our engines give."""

import math
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner
from recompute import nodes

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.machines.series.excel.formulas import LOGIC, SPECIAL
from lanework.machines.series.excel.functions import FOLDED, TRUTHS, WRITTEN
from lanework.machines.series.language.functions import MACROS, functions

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def same(model, path, inputs, outputs=None):
    """The workbook of a model, computed anew, equals a run to 1e-12 of the largest value."""
    model.to_xlsx(path, inputs, outputs)
    program = model.compile(outputs)
    result, sheet = program.run(**inputs), nodes(path)
    for name in result:
        ours = np.asarray(result[name], float)
        theirs = np.asarray(sheet[name], float)
        scale = max(np.abs(ours).max(), 1.0)
        assert theirs.reshape(ours.shape) == pytest.approx(ours, rel=1e-12, abs=1e-12 * scale), name
    return sheet


@pytest.mark.slow
def test_projfin40(tmp_path):
    """Forty nodes and twelve recurrences, all compared, over the first months."""
    periods = 12
    model = lw.series.load_model(EXAMPLES / "projfin40.series")
    model.periods = periods
    data = pd.read_csv(EXAMPLES / "data" / "projfin40" / "time_inputs.csv").iloc[:periods]
    names = ["price_curve", "season", "ops", "capex_prof", "amort"]
    inputs = {name: np.array(data[name], float) for name in names}
    inputs["ops"][4:] = 1.0
    same(model, tmp_path / "p.xlsx", inputs, [*model.formulas])


@pytest.mark.slow
def test_basicterm_of_one_policy(tmp_path):
    """A horizon, tables of one key and of two, rounding, and totals that end with the policy."""
    folder = EXAMPLES / "data" / "basicterm_me"
    points = pd.read_csv(folder / "model_point_table.csv")
    model = lw.series.load_model(EXAMPLES / "basicterm_me.series")
    point = points[points.duration_mth > 12 * points.policy_term - 20].iloc[0]
    model.periods = 24
    inputs = {name: float(point[name]) for name in model.inputs if name in points}
    for name in ("expense_acq", "expense_maint", "inflation_rate"):
        inputs.pop(name, None)
    sheet = same(model, tmp_path / "b.xlsx", inputs)
    horizon = int(sheet[model.horizon_name])
    assert 0 < horizon < 24
    assert not sheet["pols"][horizon:].any()


def test_every_function_says_itself_or_is_refused_by_name(tmp_path):
    """One node for each function of the language, and the few that no workbook says."""
    written = set(WRITTEN) | set(TRUTHS) | set(FOLDED) | set(LOGIC)
    written |= set(SPECIAL) | {macro.name for macro in MACROS}
    assert set(functions()) - written == {"fma"}
    calls = {
        "one": "sqrt(x) + abs(-x) + floor(x) * 3 + ceil(x) + trunc(-x) + copysign(x, -y)",
        "two": "exp(x) + log(y) + sin(x) + cos(x) + tan(x) + tanh(x) + atan2(x, y) + hypot(x, y)",
        "three": "erf(x / 4) + normcdf(x - 2) + cbrt(-x) + stop_gradient(y) + x ** 2 + y ** x",
        "power": "0 ** (x - 0.5) + sign(x - 2)",
        "four": "min(x, y, 2.5) + max(x, y) + (x // y) * 10 + (-x % y) + -x",
        "five": "(x < y) + 2 * (x <= y) + 4 * (x > 2) + 8 * (x >= 2) + 16 * (x == 2.5) + (x != 1)",
        "six": "where(x > 2 and y > 1 or not (x > 1), x, y) + (x > 1 and y) + (not x)",
        "seven": "round(x) + round(-x) + round(x * 1.25, 1) + round(x * 1000, -2) + round(y + 0.5)",
        "eight": "prev(x) + prev(x, 2, 7) + lead(y) + lead(x * y, 2, -1) + cumsum(x) + cumprod(y)",
        "nine": "total(x * y) + minimum(x) + maximum(y) + last(x) + at(y, 2) + average(x)",
        "first": "first(y) * t",
        "ten": "change(x) + clip(x, 1, 2) + discount_factors(x / 10) + growth_factors(0.01)",
        "eleven": "npv(0.1, x) + annuity(0.04, 12) + annuity(0.0001, 9) + pv(0.02, 5, y, x)",
        "twelve": "level_payment(0.01, 24, 1000) + per_period(x) + compound_per_period(0.12)",
        "thirteen": "year + month + days_in_period + year_fraction + t + periods",
    }
    model = lw.series.Model("all", periods=5, start="2024-01-31", freq="month")
    model.input("x", axes="time")
    model.input("y", default=1.5)
    for name, text in calls.items():
        model.formula(name, text)
    same(model, tmp_path / "all.xlsx", {"x": [0.5, 1.5, 2.5, 2.0, 3.25]})
    model.formula("fused", "fma(x, y, 1)")
    with pytest.raises(Diagnostic, match=r"LW3081.*`fused` has `fma`"):
        model.to_xlsx(tmp_path / "fused.xlsx", {"x": [0.5, 1.5, 2.5, 2.0, 3.25]})
    assert not (tmp_path / "fused.xlsx").exists()


@pytest.mark.parametrize("seed", range(4))
def test_random_models(tmp_path, seed):
    """Nodes of random formulas, recurrences among them, with and without an end of the lane."""
    rng = np.random.default_rng(seed)
    model = lw.series.Model("random", periods=6)
    model.input("a", axes="time")
    model.input("b", default=0.75)
    if seed % 2:
        model.input("n", default=4.0)
        model.horizon("n")
    names = ["a", "b", "t"]

    def term(depth):
        pick = rng.integers(0, 12) if depth else rng.integers(0, 3)
        inner = [term(depth - 1) for _ in range(3)] if pick > 2 else []
        name = str(rng.choice(names))
        return [
            lambda: name,
            lambda: f"{rng.normal():.3f}",
            lambda: f"prev({name}, {rng.integers(1, 3)}, {rng.normal():.2f})",
            lambda: f"({inner[0]} + {inner[1]})",
            lambda: f"({inner[0]} - 0.5 * {inner[1]})",
            lambda: f"tanh({inner[0]}) * {inner[1]}",
            lambda: f"({inner[0]}) / (1 + abs({inner[1]}))",
            lambda: f"where({inner[0]} > {inner[1]}, {inner[2]}, {inner[0]})",
            lambda: f"min({inner[0]}, max({inner[1]}, {inner[2]}))",
            lambda: f"lead({inner[0]}, 1, {rng.normal():.2f})",
            lambda: f"{rng.choice(['total', 'minimum', 'maximum', 'last'])}({inner[0]}) / 7",
            lambda: f"cumsum(tanh({inner[0]}))",
        ][pick]()

    for n in range(6):
        model.formula(f"f{n}", f"0.5 * prev(f{n}) + {term(2)}")
        names.append(f"f{n}")
    same(model, tmp_path / "r.xlsx", {"a": rng.normal(size=6).round(3)})


def test_tables_names_and_units(tmp_path):
    """Clamped and interpolated keys, names as keys and values, conversions, names like cells."""
    model = lw.series.Model("tables", periods=4, start="2026-01-01", freq="year")
    model.input("sex", categories=("F", "M"))
    model.input("A1", unit="kEUR", kind="stock", default=2.0, doc="=1+1")
    model.input("power", unit="MW", axes="time")
    model.table("q", {40: 0.1, 41: 0.2, 42: 0.4}, outside="clamp")
    model.table("curve", {0.0: 1.0, 1.5: 2.0, 2.5: 0.0}, outside="interpolate")
    book = {"age": [1, 1, 2, 2], "sex": ["F", "M", "F", "M"], "w": [1.5, 2.5, 3.5, 4.5]}
    model.table("weight", book, keys=("age", "sex"))
    model.table("kind", {1: "low", 2: "high"})
    model.formula("rate", "q(40.5 + t - 0.5) + q(39) + curve(t * 0.9 - 0.2)")
    model.formula("each", 'weight(1 + t // 2, sex) + (sex == "M") + (kind(1 + t % 2) == "high")')
    model.formula("euro", "A1 * 2", unit="EUR")
    model.formula("R", "power", unit="kW")
    path = tmp_path / "t.xlsx"
    inputs = {"sex": "M", "power": [1.0, 2.0, 3.0, 4.0]}
    sheet = same(model, path, inputs)
    assert sheet["euro"] == 4000.0
    book = openpyxl.load_workbook(path)
    assert {"A1_", "R_", "sex", "euro"} <= set(book.defined_names)
    note = book["Inputs"]["C7"]
    assert (note.value, note.data_type, note.quotePrefix) == ("=1+1", "s", True)
    assert book["Inputs"]["D7"].number_format == '#,##0.00 "kEUR"'
    assert str(book["Model"]["E3"].value)[:10] == "2026-01-01"


def test_formulas_are_live(tmp_path):
    """An input is changed in the workbook, and all that depends on it follows."""
    model = lw.series.Model("loan", periods=5)
    model.input("amount", default=100.0)
    model.input("rate", axes="time")
    model.formula("debt", "prev(debt, initial=amount) * (1 + rate) - 10")
    model.formula("left", "last(debt)")
    path = tmp_path / "loan.xlsx"
    model.to_xlsx(path, {"rate": 0.1})
    book = openpyxl.load_workbook(path)
    book["Inputs"]["D6"] = 250.0
    book["Inputs"]["G7"] = 0.3
    book.save(path)
    inputs = model.read_xlsx(path)
    assert inputs["amount"] == 250.0
    assert inputs["rate"].tolist() == [0.1, 0.1, 0.3, 0.1, 0.1]
    result, sheet = model.run(**inputs), nodes(path)
    assert sheet["debt"] == pytest.approx(result["debt"], rel=1e-14)
    assert sheet["left"] == pytest.approx(float(result["left"]), rel=1e-14)


@pytest.mark.parametrize("ends", [False, True])
def test_overrides_stand_in_their_cells(tmp_path, ends):
    model = lw.series.Model("over", periods=4)
    model.input("x", axes="time")
    model.input("n", default=3.0)
    model.formula("twice", "x * 2")
    model.formula("sum", "prev(sum) + twice")
    model.formula("end", "last(sum) + total(twice)")
    model.formula("high", "end * 3")
    if ends:
        model.horizon("n")
    inputs, over = {"x": [1.0, 2.0, 3.0, 4.0]}, {"twice": [None, 7.5, None, -1.0], "high": 5.0}
    path = tmp_path / "o.xlsx"
    model.to_xlsx(path, inputs, override=over)
    result, sheet = model.run(**inputs, override=over), nodes(path)
    for name in result:
        assert np.array_equal(sheet[name], result[name]), name
    assert openpyxl.load_workbook(path)["Inputs"].max_row == (7 if ends else 6)
    rows = openpyxl.load_workbook(path)["Model"].iter_rows(values_only=True)
    notes = {row[0]: row[2] for row in rows}
    assert notes["high"] == "override"
    assert notes["twice"] == "override, in part; else x * 2"
    assert notes["sum"] == "prev(sum) + twice"


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("cut", [["x"], ["debt"], ["tax", "x"], ["share"]])
def test_overrides_of_every_period_cut_a_loop(tmp_path, cut, ends):
    model = lw.series.Model("loop", periods=4)
    model.input("rep", axes="time", default=1.0)
    model.input("n", default=3.0)
    model.formula("debt", "prev(debt, initial=10) - rep + x + tax")
    model.formula("share", "0.01 + 0.001 * prev(x)")
    model.formula("x", "(0.05 + t * 0.01) * debt * (1 + share)", circular=True)
    model.formula("tax", "0.1 * x")
    model.formula("paid", "total(x)")
    if cut == ["share"]:  # a node that is the same in all periods, of the only loop
        model.formula("x2", "0.5 * rep + high")
        model.formula("high", "0.1 * x2", circular=True)
        cut = ["high", "x"]
    if ends:
        model.horizon("n")
    plain = model.run()
    over = {name: plain[name].tolist() if name == "x" else 1.25 for name in cut}
    path = tmp_path / "o.xlsx"
    model.to_xlsx(path, override=over)
    result, sheet = model.run(override=over), nodes(path)
    for name in result:
        assert sheet[name] == pytest.approx(result[name], rel=1e-12), name
    for name in cut:
        less = [None, *np.broadcast_to(over[name], 4)[1:].tolist()]
        with pytest.raises(Diagnostic, match=r"LW3081.*\n.*in every period: override="):
            model.to_xlsx(path, override={**over, name: less} if name != "tax" else {name: less})


def test_inputs_that_are_not_needed_are_left_out(tmp_path):
    model = lw.series.Model("part", periods=2)
    model.input("x")
    model.input("y")
    model.table("history", {0: 1.0, 1: 2.0})
    model.formula("a", "x + history(t)")
    model.formula("b", "y + t")
    same(model, tmp_path / "p.xlsx", {"x": 1.0, "y": 2.0}, ["a"])
    book = openpyxl.load_workbook(tmp_path / "p.xlsx")
    assert book.sheetnames == ["Inputs", "Model", "Check", "history_2"]
    with pytest.raises(Diagnostic, match="LW1023"):
        model.to_xlsx(tmp_path / "p.csv", {"x": 1.0, "y": 1.0})
    with pytest.raises(Diagnostic, match=r"LW2005.*path is 5"):
        model.to_xlsx(5, {"x": 1.0, "y": 1.0})
    with pytest.raises(Diagnostic, match=r"LW2005.*inputs is 5"):
        model.to_xlsx(tmp_path / "p.xlsx", 5)
    with pytest.raises(Diagnostic, match=r"LW3040.*'z'"):
        model.to_xlsx(tmp_path / "p.xlsx", {"x": 1.0, "z": 1.0}, "a")


def test_our_values_stand_beside(tmp_path):
    from recompute import differences

    model = lw.series.Model("beside", periods=3)
    model.formula("x", "t / 3 + 1")
    model.formula("y", "total(x)")
    path = tmp_path / "b.xlsx"
    model.to_xlsx(path)
    assert all(far < 1e-12 for far in differences(path).values())
    book = openpyxl.load_workbook(path)
    book["Check"]["F6"] = 9.0
    book.save(path)
    far = differences(path)
    assert far["x"] == pytest.approx(9.0 - 4 / 3)
    assert far["y"] < 1e-12


@pytest.mark.parametrize("count", [0.0, 1.0, 3.0, 6.0])
def test_what_is_over_all_of_time_ends_with_the_lane(tmp_path, count):
    """Inputs, the period and the calendar go on beyond the horizon, and are not counted there."""
    model = lw.series.Model("ends", periods=6, start="2024-01-01", freq="month")
    model.input("x", axes="time")
    model.input("n")
    model.horizon("n")
    of = ("x", "t", "year", "cumsum(x)", "prev(x)", "lead(x, 1, 7)", "x * 2")
    model.formula("several", "total(x) + total(t) + total(n) + total(year) + total(1)")
    for n, what in enumerate(of):
        model.formula(f"total{n}", f"total({what})")
        model.formula(f"rest{n}", f"average({what}) + minimum({what}) + maximum({what})")
        model.formula(f"least{n}", f"minimum({what})")
        model.formula(f"last{n}", f"last({what})")
    path, inputs = tmp_path / "e.xlsx", {"x": [3.0, -1.0, 2.0, 30.0, -10.0, 8.0], "n": count}
    model.to_xlsx(path, inputs)
    result, sheet = model.run(**inputs), nodes(path)
    for name in result:
        ours = float(result[name])
        if math.isnan(ours):
            assert str(sheet[name]).startswith("#"), name
        else:
            assert sheet[name] == pytest.approx(ours, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize("op", ["//", "%"])
def test_floored_quotients_are_exact_or_errors(tmp_path, op):
    """A spreadsheet rounds a quotient before it takes the whole part: 1 / 0.1 is 10, not 9."""
    model = lw.series.Model("floored", periods=150)
    model.input("a", axes="time")
    model.input("b", axes="time")
    model.formula("y", f"a {op} b")
    model.formula("z", f"(a + b) {op} -12 + (a {op} 0.25) + t {op} 7")
    rng = np.random.default_rng(3)
    b = np.concatenate([rng.integers(1, 50, 75) / 4, rng.integers(-30, 30, 75) / 10])
    b[b == 0] = 0.3
    quotient = rng.integers(-40, 40, 150)
    a = b * quotient + rng.choice([0.0, 0.1, -1e-9], 150)
    a[7], b[8] = 1e15, 1e15
    path = tmp_path / "f.xlsx"
    model.to_xlsx(path, {"a": a, "b": b})
    result, sheet = model.run(a=a, b=b), nodes(path)
    errors = {name: np.array([str(x) == "#N/A" for x in sheet[name]]) for name in result}
    assert np.array_equal(errors["y"], (b * 1024 % 1 != 0) | (a > 4e12) | (b > 4e12))
    assert np.flatnonzero(errors["z"]).tolist() == [7, 8]
    for name in result:
        ours, there = result[name][~errors[name]], ~errors[name]
        assert np.array(sheet[name][there], float) == pytest.approx(ours, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("text", ["x // 0.1", "x % 0.1", "x // -0.3", "t % 1e13", "1 // 0.1"])
def test_floored_quotients_by_a_fraction_are_refused(tmp_path, text):
    model = lw.series.Model("m", periods=2)
    model.input("x", default=1.0)
    model.formula("y", text)
    with pytest.raises(Diagnostic, match=r"LW3081.*`y` has `(//|%)` by"):
        model.to_xlsx(tmp_path / "m.xlsx")


def refused(build, said, **inputs):
    model = lw.series.Model("m", periods=3)
    build(model)
    with pytest.raises(Diagnostic, match=said):
        model.to_xlsx("never.xlsx", inputs)
    assert not Path("never.xlsx").exists()


def test_what_no_workbook_says():
    def circular(model):
        model.formula("a", "0.5 * a + 1", circular=True)

    def infinite(model):
        model.formula("a", lw.series.max(math.inf, model["t"]))

    def lanes(model):
        model.input("x", axes="scenario")
        model.formula("a", "x + t")

    def capitals(model):
        model.table("q", {"m": 1.0, "M": 2.0})
        model.input("x", categories=("m", "M"))
        model.formula("a", "q(x) + t")

    refused(circular, r"LW3081.*`a` is circular")
    refused(infinite, r"LW3081.*`a` has the number inf")
    refused(lanes, r"LW3081.*over lanes \(scenario 2\)", x=[1.0, 2.0])
    refused(lanes, r"LW3040|LW3041|missing")
    refused(capitals, r"LW3081.*take[s]? for one another", x="m")


def test_periods_beyond_the_columns_of_a_sheet(tmp_path):
    model = lw.series.Model("long", periods=16_384)
    model.formula("a", "t * 2")
    with pytest.raises(Diagnostic, match=r"LW3081.*16,384 periods"):
        model.to_xlsx(tmp_path / "l.xlsx")


def named(path, cells, names):
    book = openpyxl.Workbook()
    for place, value in cells.items():
        book.active[place] = value
    for name, area in names.items():
        defined = openpyxl.workbook.defined_name.DefinedName(name, attr_text=f"Sheet!${area}")
        book.defined_names[name] = defined
    book.save(path)


@pytest.mark.parametrize(
    ("cells", "area", "said"),
    [
        ({"A1": "ten"}, "A$1", "'ten'"),
        ({"A1": "10%"}, "A$1", "'10%'.*0.1"),
        ({"A1": "=1+1"}, "A$1", "is empty, or a formula without a value.*spreadsheet saves"),
        ({"B1": 1.0}, "A$1", "is empty"),
        ({"A1": 1.0, "B1": "=1+1"}, "A$1:$B$1", "cell 2 of 2: input `x` is empty, or a formula"),
        ({"A1": 1.0, "B1": None, "C1": 2.0}, "A$1:$C$1", "cell 2 of 3: input `x` is empty"),
        ({"A1": 1.0, "B2": 2.0}, "A$1:$B$2", "2 x 2"),
        ({"A1": pd.Timestamp("2026-01-01")}, "A$1", "datetime"),
    ],
)
def test_named_cells_that_are_no_inputs(tmp_path, cells, area, said):
    model = lw.series.Model("m", periods=3)
    model.input("x", axes="time")
    named(tmp_path / "n.xlsx", cells, {"x": area})
    with pytest.raises(Diagnostic, match=rf"(?s)LW3082.*{said}"):
        model.read_xlsx(tmp_path / "n.xlsx")


def test_named_cells_down_and_across(tmp_path):
    model = lw.series.Model("m", periods=3)
    model.input("x", axes="time")
    model.input("y")
    model.input("sex", categories=("F", "M"))
    model.formula("z", 'x * y + (sex == "M")')
    cells = {"A1": 1, "A2": 2.5, "A3": True, "C1": 4, "D1": "M", "E1": 5}
    names = {"X": "A$1:$A$3", "y": "C$1", "sex": "D$1", "other": "E$1"}
    named(tmp_path / "n.xlsx", cells, names)
    inputs = model.read_xlsx(tmp_path / "n.xlsx")
    assert sorted(inputs) == ["sex", "x", "y"]
    assert model.run(**inputs)["z"].tolist() == [5.0, 11.0, 5.0]


@pytest.mark.parametrize("part", [None, 0, -1])
@pytest.mark.parametrize(
    "names",
    [("Rate", "rate"), ("rate", "Rate", "RATE"), ("a1", "a1_"), ("a1_", "A1", "a1"), ("rate_",)],
)
def test_inputs_come_back_under_their_own_names(tmp_path, names, part):
    """Names that a spreadsheet takes for one another, in workbooks of all or of one output."""
    model = lw.series.Model("m", periods=2)
    for name in names:
        model.input(name)
    for n, name in enumerate(names):
        model.formula(f"y{n}", f"{name} * 2")
    used = names if part is None else [names[part]]
    given = {name: 3.0 + names.index(name) for name in used}
    outputs = None if part is None else [f"y{range(len(names))[part]}"]
    model.to_xlsx(tmp_path / "m.xlsx", given, outputs)
    assert model.read_xlsx(tmp_path / "m.xlsx") == given


def test_cells_of_another_input_are_not_taken(tmp_path):
    model = lw.series.Model("m", periods=2)
    model.input("rate", default=1.0)
    model.input("rate_", default=2.0)
    named(tmp_path / "n.xlsx", {"A1": 5.0}, {"rate_": "A$1"})
    assert model.read_xlsx(tmp_path / "n.xlsx") == {"rate_": 5.0}
    model = lw.series.Model("m", periods=2)
    model.input("Rate")
    model.input("rate")
    named(tmp_path / "n.xlsx", {"A1": 5.0}, {"rate": "A$1"})
    with pytest.raises(Diagnostic, match=r"(?s)LW3082.*`rate` or of `Rate`.*`rate` rate_"):
        model.read_xlsx(tmp_path / "n.xlsx")


@pytest.mark.parametrize("area", ["A$1", "A$1:$B$1"])
def test_a_cell_that_no_float_is_is_refused(tmp_path, area):
    model = lw.series.Model("m", periods=2)
    model.input("x", axes="time")
    named(tmp_path / "n.xlsx", {"A1": 111, "B1": 1}, {"x": area})
    with zipfile.ZipFile(tmp_path / "n.xlsx") as book:
        parts = {part: book.read(part) for part in book.namelist()}
    with zipfile.ZipFile(tmp_path / "n.xlsx", "w") as book:
        for part, text in parts.items():
            book.writestr(part, text.replace(b"<v>111<", b"<v>9007199254740993<"))
    with pytest.raises(Diagnostic, match=r"LW3082.*9007199254740993"):
        model.read_xlsx(tmp_path / "n.xlsx")


def test_on_the_command_line(tmp_path):
    """The workbook of a run: its inputs, the first row of a table, its overrides, its outputs."""
    (tmp_path / "m.series").write_text(
        'model("m", periods=3)\nx = input(axes="scenario")\nr = input(axes="time")\n'
        "y = prev(y, initial=x) * (1 + r)\nz = y * 2\noutput(y, z)\n"
    )
    (tmp_path / "s.csv").write_text("x,z\n5,\n6,1\n")
    (tmp_path / "r.csv").write_text("r\n0.1\n0.2\n0.3\n")
    path = tmp_path / "m.xlsx"
    words = [f"scenario={tmp_path / 's.csv'}", f"time={tmp_path / 'r.csv'}", "--override", "z"]
    command = ["run", str(tmp_path / "m.series"), *words, "--workbook", str(path)]
    done = CliRunner().invoke(cli, [*command, "--lanes", "1"])
    assert done.exit_code == 0, done.output
    model = lw.series.load_model(tmp_path / "m.series")
    result, sheet = model.run(x=5.0, r=[0.1, 0.2, 0.3]), nodes(path)
    assert sheet["z"] == pytest.approx(result["z"], rel=1e-14)
    done = CliRunner().invoke(cli, command)
    assert "LW3081" in done.output
    path.unlink()  # what the run would be refused for is looked at before the workbook is written
    model_file = str(tmp_path / "m.series")
    (tmp_path / "m.series").write_text((tmp_path / "m.series").read_text() + "other = x + 1\n")
    words = ["x=5", words[1], "--outputs", "other", "--workbook", str(path)]
    done = CliRunner().invoke(cli, ["run", model_file, *words])
    assert "LW3044" in done.output
    assert not path.exists()
    model.compile().save(tmp_path / "m.lwp")
    plain = ["run", str(tmp_path / "m.lwp"), *words[:2], "--workbook", "w.xlsx"]
    done = CliRunner().invoke(cli, plain)
    assert "LW8001" in done.output


def test_an_angle_of_no_point_is_nought_as_it_is_here(tmp_path):
    model = lw.series.Model("angles", periods=3)
    model.input("y", axes="time")
    model.input("x", axes="time")
    model.formula("angle", "atan2(y, x)")
    inputs = {"y": [0.0, 0.0, 1.0], "x": [0.0, -2.0, 0.0]}
    path = tmp_path / "a.xlsx"
    model.to_xlsx(path, inputs)
    assert nodes(path)["angle"] == pytest.approx(model.run(**inputs)["angle"], rel=1e-15)
