"""Nodes that a run overrides: what is given stands in their place, and all else is as computed."""

import datetime
import io
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic

ENGINES = ("reference", "stencil", "llvm")
NAN = math.nan


def corkscrew():
    model = lw.series.Model("debt", periods=4)
    model.input("amount", axes="scenario", default=100.0)
    model.input("rate", default=0.1)
    model.formula("opening", "prev(closing, initial=amount)")
    model.formula("interest", "opening * rate")
    model.formula("repay", "min(opening + interest, 30)")
    model.formula("closing", "opening + interest - repay")
    model.formula("left", "last(closing)")
    model.formula("paid", "total(repay)")
    return model


def by_hand(over, amount=100.0, rate=0.1):
    """One lane, period by period; `over` has for a node a value a period, NaN where there is none.

    Of a node without time it has one value.
    """
    out = {name: [] for name in ("opening", "interest", "repay", "closing")}

    def keep(name, t, value):
        given = over.get(name)
        value = value if given is None or math.isnan(given[t]) else given[t]
        out[name].append(value)
        return value

    closing = amount
    for t in range(4):
        opening = keep("opening", t, closing)
        interest = keep("interest", t, opening * rate)
        repay = keep("repay", t, min(opening + interest, 30.0))
        closing = keep("closing", t, opening + interest - repay)
    left, paid = over.get("left", NAN), over.get("paid", NAN)
    out["left"] = out["closing"][-1] if math.isnan(left) else left
    out["paid"] = sum(out["repay"]) if math.isnan(paid) else paid
    return out


@pytest.mark.parametrize("engine", ENGINES)
def test_any_node_any_cell(engine):
    """Random cells of random nodes, over time and lanes, against a loop in Python."""
    rng = np.random.default_rng(7)
    model = corkscrew()
    timed = ["opening", "interest", "repay", "closing"]
    for _ in range(12):
        lanes = int(rng.integers(1, 5))
        names = [name for name in [*timed, "left", "paid"] if rng.random() < 0.4]
        cells = {}
        for name in names:
            shape = (4, lanes) if name in timed else (lanes,)
            array = rng.normal(50, 20, shape).round(2)
            cells[name] = np.where(rng.random(shape) < 0.5, NAN, array)
        amounts = rng.normal(100, 10, lanes).round(2)
        override = {
            name: lw.series.along(("time", "scenario")[-array.ndim :], array)
            for name, array in cells.items()
        }
        result = model.run(override=override, amount=amounts, engine=engine)
        for lane in range(lanes):
            here = {name: array[..., lane].tolist() for name, array in cells.items()}
            expected = by_hand(here, amounts[lane])
            for name, value in expected.items():
                got = result[name]
                assert np.array_equal(got[..., lane] if got.ndim else got, value), name


def test_missing_is_as_computed_whatever_way_it_is_said():
    model = corkscrew()
    plain = model.run()["closing"]
    for missing in (
        None,
        NAN,
        [None] * 4,
        np.full(4, NAN),
        pd.Series([pd.NA] * 4, dtype="Float64"),
    ):
        assert np.array_equal(model.run(override={"repay": missing})["closing"], plain)
    program = model.compile(overrides=["repay"])
    assert np.array_equal(program.run()["closing"], plain)
    assert np.array_equal(program.run(repay=None)["closing"], plain)


def test_ordinary_inputs_still_refuse_what_is_missing():
    model = corkscrew()
    with pytest.raises(Diagnostic, match="LW3043"):
        model.run(override={"repay": 3.0}, amount=[1.0, NAN])
    with pytest.raises(Diagnostic, match="LW3050"):
        model.run(override={"repay": "3.0"})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rate", "is an input"),
        ("mort", "is a table"),
        ("closeing", "is no node"),
        ("sink", "name of an option"),
    ],
)
def test_what_cannot_be_overridden(name, said):
    model = corkscrew()
    model.table("mort", {1: 0.5})
    model.formula("sink", "rate * mort(1)")
    with pytest.raises(Diagnostic, match=f"LW3070.*{said}"):
        model.compile(overrides=[name])


@pytest.mark.parametrize("override", [0.5, [3], None, [["repay"]]])
def test_what_are_no_names(override):
    with pytest.raises(Diagnostic, match=r"LW2005.*override is"):
        corkscrew().run(override=override)


def test_a_node_without_time_takes_no_time():
    with pytest.raises(Diagnostic, match=r"LW3050.*'paid'.*over time"):
        corkscrew().run(override={"paid": lw.series.along("time", [1.0, 2.0, 3.0, 4.0])})


def test_compiled_once_for_a_set_of_names(monkeypatch):
    model = corkscrew()
    count = []
    compile_ = lw.series.Model.compile

    def counted(*args, **named):
        count.append(named)
        return compile_(*args, **named)

    monkeypatch.setattr(lw.series.Model, "compile", counted)
    for value in (1.0, 2.0):
        model.run(override={"repay": value, "interest": value})
        model.run(override={"interest": value, "repay": value})
    assert len(count) == 1
    model.run(override={"repay": 1.0})
    assert len(count) == 2
    model.formula("twice", "closing * 2")
    assert "twice" in model.run(override={"repay": 1.0})


def test_a_program_for_overrides_is_saved_and_read(tmp_path):
    program = corkscrew().compile(overrides=["repay"])
    program.save(tmp_path / "p.lwp")
    read = lw.load(tmp_path / "p.lwp")
    text = lw.compile(program.dis())
    assert read.hash == program.hash == text.hash
    cells = [1.0, NAN, 2.0, NAN]
    for each in (read, text):
        assert np.array_equal(each.run(repay=cells)["closing"], program.run(repay=cells)["closing"])
    assert read.run()["left"] == corkscrew().run()["left"]


def test_columns_of_a_table_go_along_its_rows():
    """A frame of scenarios with gaps, with and without other inputs, and a long one."""
    model = corkscrew()
    frame = pd.DataFrame({"amount": [90.0, 110.0, 100.0], "repay": [NAN, 20.0, 0.0]})
    got = model.run(frame, override=["repay"])
    for lane, (amount, repay) in enumerate(zip(frame.amount, frame.repay, strict=True)):
        assert (
            got["closing"][:, lane].tolist() == by_hand({"repay": [repay] * 4}, amount)["closing"]
        )
    alone = model.run(frame[["repay"]], override=["repay"])
    assert alone["closing"][:, 1].tolist() == by_hand({"repay": [20.0] * 4})["closing"]
    long = pd.DataFrame({"scenario": ["a", "b", "b"], "time": [0, 3, 2], "repay": [5.0, 6.0, NAN]})
    long = pd.concat([long, pd.DataFrame({"scenario": ["a"], "time": [1], "repay": [NAN]})])
    got = model.run(long, override=["repay"])
    assert got["repay"][:, 0].tolist() == by_hand({"repay": [5.0, NAN, NAN, NAN]})["repay"]
    assert got["repay"][:, 1].tolist() == by_hand({"repay": [NAN, NAN, NAN, 6.0]})["repay"]
    blocks = [{"amount": [90.0, 110.0], "repay": [NAN, 20.0]}, {"amount": [100.0], "repay": [0.0]}]
    parts = []
    program = model.compile(["closing"], overrides=["repay"])
    program.bind().stream(blocks, "scenario", lambda part: parts.append(part["closing"]))
    at_once = model.run(frame, override=["repay"])["closing"]
    assert np.array_equal(np.concatenate(parts, axis=1), at_once)


def test_a_lookup_that_is_overridden_finds_nothing_without_harm():
    model = lw.series.Model("age", periods=2)
    model.table("q", {40: 0.1, 41: 0.2})
    model.input("age", axes="point")
    model.formula("rate", "q(age + t)")
    got = model.run(age=[40.0, 90.0], override={"rate": lw.series.along("point", [NAN, 0.5])})
    assert got["rate"].tolist() == [[0.1, 0.5], [0.2, 0.5]]
    with pytest.raises(Diagnostic, match="LW3045"):
        model.run(age=[40.0, 90.0], override={"rate": lw.series.along("point", [0.5, NAN])})


@pytest.mark.parametrize("engine", ENGINES)
def test_circular_nodes_and_what_is_in_their_loop(engine):
    def revolver():
        model = lw.series.Model("revolver", periods=3)
        model.formula("need", "50 + 10 * t")
        model.formula("interest", "0.05 * (prev(closing) + closing) / 2", circular=True)
        model.formula("closing", "prev(closing) + need + interest")
        return model

    over = {"interest": [NAN, 7.0, NAN], "closing": [NAN, NAN, 400.0]}
    result = revolver().run(override=over, engine=engine)
    first = (50.0) / (1 - 0.025)
    second = first + 60.0 + 7.0
    assert result["closing"].tolist() == pytest.approx([first, second, 400.0], rel=1e-14)
    third = 0.05 * (second + 400.0) / 2
    assert result["interest"].tolist() == pytest.approx([first * 0.025, 7.0, third], rel=1e-12)


def test_derivatives_go_through_what_is_given():
    """By the override where it is given, by the inputs where it is not, against differences."""
    program = corkscrew().compile(["left"], overrides=["repay"])
    cells = np.array([25.0, NAN, 12.0, NAN])
    result = program.gradient("left").run(repay=cells, rate=0.1)
    slopes = result["d_left_d_repay"]
    assert (slopes[np.isnan(cells)] == 0.0).all()
    for t in (0, 2):
        step = np.zeros(4)
        step[t] = 0.5
        up, down = (program.run(repay=cells + s * step)["left"] for s in (1, -1))
        assert slopes[t] == pytest.approx(up - down, rel=1e-9)
    up, down = (program.run(repay=cells, rate=0.1 + h)["left"] for h in (1e-6, -1e-6))
    assert result["d_left_d_rate"] == pytest.approx((up - down) / 2e-6, rel=1e-6)


def test_an_override_can_be_sought():
    model = lw.series.Model("sized", periods=3)
    model.formula("fee", "2 + 0 * periods")
    model.formula("cost", "total(fee * (t + 1))")
    program = model.compile(["cost"], overrides=["fee"])
    assert program.run()["cost"] == 12.0
    assert program.seek("fee", "cost", 30.0).value == pytest.approx(5.0)


def test_units_kinds_and_names_are_those_of_the_node():
    model = lw.series.Model("units", periods=2)
    model.input("volume", unit="MWh", kind="flow")
    model.input("price", unit="EUR/MWh")
    model.formula("revenue", "volume * price", unit="kEUR", kind="flow")
    model.table("kinds", {1: "A", 2: "B"})
    model.input("code", default=1)
    model.formula("kind", "kinds(code)")
    model.formula("fee", 'where(kind == "B", 1, 2)')
    model.outputs("revenue", "fee")
    program = model.compile(overrides=["revenue", "kind"])
    ports = {port.name: port for port in program.inputs}
    assert (ports["revenue"].unit, ports["revenue"].kind) == ("kEUR", "flow")
    assert ports["kind"].categories == ("A", "B")
    result = model.run(volume=1.0, price=2.0, override={"revenue": 5.0, "kind": "B"})
    assert (result["revenue"], result["fee"]) == (5.0, 1.0)
    with pytest.raises(Diagnostic, match="LW3020"):
        model.run(volume=1.0, price=2.0, override={"kind": "C"})


MODEL = """
model("debt", periods=3)
amount = input(axes="scenario", default=100)
repay = amount / 10
debt = prev(debt, initial=amount) - repay
output(debt, left=last(debt))
"""


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_on_the_command_line(tmp_path, ending):
    """A value, a column over time, and the columns of a file of scenarios with empty cells."""
    path, out = tmp_path / "debt.series", tmp_path / "out.csv"
    path.write_text(MODEL)

    def run(*words):
        done = CliRunner().invoke(cli, ["run", str(path), *words, "--out", str(out)])
        assert done.exit_code == 0, done.output
        return pd.read_csv(out)

    assert run("--override", "repay=1.5", "--outputs", "left")["left"].tolist() == [95.5]
    table = tmp_path / f"scenarios{ending}"
    frame = pd.DataFrame({"amount": [100.0, 50.0], "repay": [None, 2.0]})
    writers = {".csv": frame.to_csv, ".xlsx": frame.to_excel, ".parquet": frame.to_parquet}
    writers[ending](table, index=False)
    got = run("--override", "repay", f"scenario={table}", "--outputs", "left")
    assert got["left"].tolist() == [70.0, 44.0]
    refused = CliRunner().invoke(cli, ["run", str(path), "--override", "amount=3"])
    assert refused.exit_code
    assert "LW3070" in refused.output


def test_bad_cells_of_a_file_are_refused_with_their_place(tmp_path):
    (tmp_path / "debt.series").write_text(MODEL)
    table = tmp_path / "s.csv"
    table.write_text("amount,repay\n1,\n2,1.5%\n")
    done = CliRunner().invoke(
        cli, ["run", str(tmp_path / "debt.series"), "--override", "repay", f"scenario={table}"]
    )
    assert done.exit_code
    assert "LW3053" in done.output
    assert "line 3" in done.output


@pytest.mark.parametrize("node", ["open", "close", "last_one"])
def test_a_formula_is_no_input_and_can_be_overridden(node, tmp_path, monkeypatch):
    text = (
        'model("m", periods=2)\nx = input()\nopen = prev(close, initial=x)\n'
        "close = open * 2\nlast_one = close + 1\noutput(last_one)\n"
    )
    model = lw.series.Model.from_text(text)
    program = model.compile()
    saved = lw.load(io.BytesIO(bytes(program)))
    for run in (model.run, program.run, program.bind(), saved.run):
        for table in (None, {node: [1.0, 2.0]}, pd.DataFrame({node: [1.0]})):
            with pytest.raises(Diagnostic) as error:
                run(x=1.0, **{node: 0.5}) if table is None else run(table, x=1.0)
            assert error.value.code.ident == "LW3040"
            assert f'overrides=["{node}"]' in str(error.value.help)
    monkeypatch.chdir(tmp_path)
    Path("m.series").write_text(text)
    done = CliRunner().invoke(cli, ["run", "m.series", "x=1", f"{node}=0.5"])
    assert f"--override {node}=0.5" in done.output
    assert (
        CliRunner().invoke(cli, ["run", "m.series", "x=1", "--override", f"{node}=0.5"]).exit_code
        == 0
    )


def test_names_alone_of_overrides_need_columns(tmp_path):
    model = corkscrew()
    for table in (None, {"amount": [1.0, 2.0]}, pd.DataFrame({"amount": [1.0, 2.0]})):
        with pytest.raises(Diagnostic, match="LW3070: `repay` is to be overridden") as caught:
            model.run(*([] if table is None else [table]), override="repay")
        assert "a column repay" in str(caught.value.help)
    model.run({"amount": [1.0, 2.0], "repay": [3.0, None]}, override=["repay"])
    model.run(override=["repay"], repay=3.0)
    path, columns = tmp_path / "debt.series", tmp_path / "s.csv"
    path.write_text(MODEL)
    columns.write_text("amount\n1\n2\n")
    for words in ([], [f"scenario={columns}"]):
        done = CliRunner().invoke(cli, ["run", str(path), "--override", "repay", *words])
        assert done.exit_code
        assert "LW3070" in done.output


def test_a_compiled_program_says_what_it_was_compiled_for(tmp_path):
    path, program = tmp_path / "debt.series", tmp_path / "debt.lwp"
    path.write_text(MODEL)
    run = CliRunner().invoke
    assert (
        run(cli, ["compile", str(path), "--override", "repay", "-o", str(program)]).exit_code == 0
    )
    assert (
        "optional  Overrides repay where it is given." in run(cli, ["inspect", str(program)]).output
    )
    done = run(cli, ["run", str(program), "--override", "repay=1.5"])
    assert "95.5" in done.output
    done = run(cli, ["run", str(program), "--override", "debt=1.5"])
    assert done.exit_code
    assert "LW3070" in done.output


@pytest.mark.parametrize("empty", ["", " ", None, float("nan")])
def test_empty_cells_of_any_table_are_as_computed(empty):
    m = lw.series.Model("m", periods=4)
    m.input("x")
    m.formula("y", "x * t")
    for cells in (
        [9.0, empty, 7.0, empty],
        pd.Series([9.0, empty, 7.0, empty], dtype=object),
        np.array([9.0, empty, 7.0, empty], object),
    ):
        result = m.run(x=1.0, override={"y": cells})
        assert result["y"].tolist() == [9.0, 1.0, 7.0, 3.0]
    with pytest.raises(Diagnostic, match="input 'y' at 2: 'n' is not a number"):
        m.run(x=1.0, override={"y": [9.0, empty, "n", 7.0]})


@pytest.mark.parametrize("text", ["2", "", "north", "1,5"])
@pytest.mark.parametrize("make", [list, tuple, pd.Series, lambda x: np.array(x, object)])
def test_text_among_numbers_is_refused_where_it_stands(make, text):
    m = lw.series.Model("m", periods=1)
    m.input("x")
    m.formula("y", "x")
    with pytest.raises(Diagnostic) as caught:
        m.run(x=make([1, True, text, 2.5]))
    assert f"at 2: {text!r} is not a number" in caught.value.message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing as keys"),
        ({(0,): 1.0}, r"the key \(0,\)"),
        ({frozenset([1]): 1.0}, "the key frozenset"),
        ({None: 1.0}, "the key None"),
        ({True: 1.0}, "the key True"),
        ({b"1": 1.0}, "the key b'1'"),
        ({0: 1.0, "1": 2.0}, "both numbers and texts"),
        ({"2026-02-01": 1.0, 2: 2.0}, "both texts and numbers"),
        ({datetime.date(2026, 1, 1): 1.0, "2026-02-01": 2.0}, "both dates and texts"),
        ({np.datetime64("2026-01"): 1.0, 1: 2.0}, "both dates and numbers"),
    ],
)
def test_keys_of_a_mapping_are_of_one_kind(given, said):
    model = lw.series.Model("m", periods=3, start="2026-01-01", freq="month")
    model.input("a")
    model.formula("c", "a * (t + 1)")
    with pytest.raises(Diagnostic, match=f"LW3050: input 'c' .*{said}"):
        model.run(a=1.0, override={"c": given})


def test_what_is_overridden_is_not_given_by_name_too():
    model = corkscrew()
    for over, more in (({"repay": 1.0}, {"repay": 2.0}), ({"rate": 1.0}, {"rate": 1.0})):
        with pytest.raises(Diagnostic, match=r"LW1026.*given by name too"):
            model.run(override=over, **more)
    assert model.run(override=["repay"], repay=1.0)["paid"] == 4.0


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({1: "500"}, "at 1"),
        ({3: 1.0, 2: "x"}, "at 2"),
        (pd.Series({3: 1.0, 2: "x"}), "at 2"),
        (pd.Series([1.0, "x", 2.0, 3.0]), "at 1"),
        (["1", 2.0, 3.0, 4.0], "at 0"),
    ],
)
def test_text_is_named_by_the_label_that_it_has(given, place):
    with pytest.raises(Diagnostic, match=rf"LW3050.*'repay' {place}: '.*' is not a number"):
        corkscrew().run(override={"repay": given})


def test_text_is_named_by_its_date_and_its_lane():
    dated = lw.series.Model("m", periods=3, start="2026-01-01", freq="year")
    dated.input("x", axes=("time", "scenario"))
    dated.formula("y", "x + 1")
    dated.formula("z", "2 * t")
    frame = pd.DataFrame({"up": [1.0, 2.0, 3.0], "down": [1.0, "a", 3.0]})
    frame.index = pd.Index(["2026-01-01", "2027-01-01", "2028-01-01"], name="time")
    frame.columns.name = "scenario"
    with pytest.raises(Diagnostic, match=r"'x' at '2027-01-01', 'down': 'a' is not a number"):
        dated.run(x=frame)
    with pytest.raises(Diagnostic, match=r"'z' at '2027-01-01': 'b' is not a number"):
        dated.run(x=1.0, override={"z": {"2027-01-01": "b"}})


def over_lanes():
    m = lw.series.Model("o", periods=3)
    m.input("p", default=1.0), m.input("q", default=2.0, axes="scenario")
    m.formula("g", "p + q * t")
    return m


WIDE = pd.DataFrame(np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    ("override", "what", "advice"),
    [
        ({"g": {1: {"q": 5.0}}}, "a mapping for 1 in its mapping", "a list of a value a lane"),
        ({"g": {"q": {1: 5.0}}}, "a mapping for 'q' in its mapping", "for each of time, scenario"),
        ({"g": WIDE}, "has 2 periods, but the model has 3", r"turn it \(table.T\)"),
        ({"g": WIDE.set_axis(list("ab"))}, "along 'time' that are in no", r"turn it \(table.T\)"),
        (
            {"g": WIDE.set_axis(list("ab")).set_axis([0, 1, 2], axis=1)},
            "has 0 along 'scenario'",
            r"turn it \(table.T\)",
        ),
        (pd.DataFrame({"g": [5.0, 6.0]}), "override is a table", r"override=\['NODE'\]"),
    ],
)
def test_what_is_nested_or_lies_across_is_refused_with_what_to_write(override, what, advice):
    m, q = over_lanes(), pd.Series([1.0, 2.0], index=list("ab"))
    with pytest.raises(lw.Diagnostic, match=what) as caught:
        m.run(override=override, q=q)
    assert re.search(advice, caught.value.help)


def test_what_such_advice_says_to_write_is_taken():
    m, q = over_lanes(), pd.Series([1.0, 2.0], index=list("ab"))
    plain = m.run(q=q)["g"]
    turned = m.run(override={"g": WIDE.set_axis(list("ab")).T}, q=q)["g"]
    np.testing.assert_array_equal(turned, WIDE.to_numpy().T)
    listed = m.run(override={"g": {1: [5.0, 6.0]}}, q=q)["g"]
    np.testing.assert_array_equal(listed, [plain[0], [5.0, 6.0], plain[2]])
    table = pd.DataFrame({"time": [1], "scenario": ["b"], "g": [6.0]})
    long = m.run(override={"g": table}, q=q)["g"]
    np.testing.assert_array_equal(long, [plain[0], [plain[1][0], 6.0], plain[2]])
    rows = pd.DataFrame({"g": [5.0, 6.0], "q": [1.0, 2.0]})
    np.testing.assert_array_equal(m.run(rows, override=["g"])["g"], [[5.0, 6.0]] * 3)
