"""Audit: trees against trees by hand, values to the bit, what moved an output, what can."""

import json
import math
import pickle
import random
import re
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LW = lw.series


def debt():
    m = LW.Model("debt", periods=6, start="2026-01-31", freq="month")
    m.input("cash", axes=("time", "scenario"), unit="EUR", kind="flow")
    m.input("rate", default=0.01, kind="rate")
    m.input("principal", default=100.0, unit="EUR", kind="stock")
    m.formula("opening", "prev(closing, initial=principal)", unit="EUR", kind="stock")
    m.formula("interest", "opening * rate")
    m.formula("repay", "where(cash > interest, min(cash - interest, opening), 0)")
    m.formula("closing", "opening - repay")
    m.formula("dscr", "cash / (interest + repay)")
    m.formula("worst", "minimum(dscr)")
    return m


CASH = np.outer([5.0, 0.5, 30.0, 40.0, 50.0, 60.0], [1.0, 1.5])


def shape(step):
    """Names with periods, as nested lists."""
    name = step.name if step.period is None else f"{step.name}@{step.period}"
    return [name, *map(shape, step.children)] if step.children else name


def test_the_tree_of_a_number_is_that_by_hand():
    result = debt().run(cash=CASH)
    tree = result.explain("dscr", t=2, scenario=1)
    opening = ["opening@2", "closing@1"]
    interest = ["interest@2", opening, "rate"]
    assert shape(tree.root) == [
        "dscr@2", "cash@2", interest, ["repay@2", "cash@2", "interest@2", "opening@2"],
    ]  # fmt: skip
    steps = {step.name: step for step in tree.root.walk()}
    assert steps["rate"].source == "default"
    assert steps["cash"].source == "input"
    assert (steps["cash"].value, steps["cash"].unit, steps["cash"].label) == (
        45.0, "EUR", "2026-03-31",
    )  # fmt: skip
    assert [step.name for step in tree.root.walk() if step.again] == ["interest", "opening"]
    assert tree.title == "dscr in period 2 (2026-03-31), scenario 1"
    assert steps["dscr"].value == 45.0 / (steps["interest"].value + steps["repay"].value)


def test_only_the_branch_that_was_taken_is_followed():
    result = debt().run(cash=CASH)
    assert shape(result.explain("repay", t=1, scenario=0, depth=1).root) == [
        "repay@1", "cash@1", "interest@1",
    ]  # fmt: skip


def test_the_first_period_has_its_initial_value():
    (step,) = debt().run(cash=CASH).explain("opening", t=0, scenario=0).root.children
    note = "before the first period"
    assert (step.name, step.value, step.note) == ("principal", 100.0, note)
    m = LW.Model("m", periods=4)
    m.input("start")
    m.formula("up", "prev(up, 2, initial=start * 3) + 1")
    m.formula("count", "prev(count, initial=7) + 1")
    m.formula("down", "lead(down, 1, final=start) + 1")
    result = m.run(start=2.0)
    (step,) = result.explain("count", t=0).root.children
    assert (step.value, step.source, step.note) == (7.0, "constant", note)
    assert shape(result.explain("up", t=1).root) == ["up@1", "start"]
    assert shape(result.explain("up", t=2).root) == ["up@2", "up@0"]
    assert shape(result.explain("down", t=3).root) == ["down@3", "start"]
    assert shape(result.explain("down", t=1).root) == ["down@1", "down@2"]


def test_periods_back_are_followed_as_far_as_is_said():
    result = debt().run(cash=CASH)
    for back in (1, 2, 3):
        tree = result.explain("opening", t=5, scenario=0, back=back, depth=50)
        assert min(s.period for s in tree.root.walk() if s.period is not None) == 5 - back


def test_depth_is_what_is_said():
    m = LW.Model("m", periods=1)
    m.input("x0")
    for n in range(30):
        m.formula(f"x{n + 1}", f"x{n} + x{n}")
    result = m.run(x0=1.0)
    for depth in (0, 1, 7):
        steps = [*result.explain("x30", t=None, depth=depth).root.walk()]
        assert len(steps) == depth + 1
        assert steps[-1].more
    assert len([*result.explain("x30", depth=100).root.walk()]) == 31


def test_table_cells_have_their_keys_and_lanes_that_are_not_taken_have_none():
    m = LW.Model("m", periods=2)
    book = {"age": [40, 40, 41, 41], "sex": ["F", "M", "F", "M"], "q": [1, 2, 3, 4]}
    m.table("book", book, keys=("age", "sex"), unit="EUR")
    m.input("age", axes="point")
    m.input("sex", categories=("M", "F"), axes="point")
    m.formula("q", "where(age + t > 41, 0 * book(40, sex), book(age + t, sex))")
    result = m.run(age=[40.0, 41.0], sex=["F", "M"])
    tree = result.explain("q", t=1, point=0)
    cell = tree.root.children[-1]
    assert (cell.name, cell.value, cell.unit, cell.source) == (
        "book(age=41, sex=F)", 3.0, "EUR", "table",
    )  # fmt: skip
    assert [step.name for step in cell.children] == ["age", "sex"]
    assert cell.children[1].value == "F"
    tree = result.explain("q", t=1, point=1)
    assert tree.root.value == 0.0
    assert tree.root.children[-1].name == "book(age=40, sex=M)"


def test_what_is_of_all_time_and_of_the_calendar():
    m = LW.Model("m", periods=3, start="2026-01-01", freq="month")
    m.input("x", axes="time")
    m.formula("y", "x * days_in_period + year")
    m.formula("z", "total(y) / periods + last(x) + at(y, 1)")
    m.formula("seven", "7")
    result = m.run(x=[1.0, 2.0, 3.0])
    root = result.explain("z", depth=1).root
    assert shape(root) == ["z", "y", "periods", "x@2", "y@1"]
    assert [step.value for step in root.children] == [None, 3.0, 3.0, 2 * 28 + 2026.0]
    steps = {step.name: step for step in result.explain("y", t=1).root.walk()}
    assert (steps["days_in_period"].value, steps["year"].value) == (28.0, 2026.0)
    assert steps["year"].source == "calendar"
    assert result.explain("seven").root.source == "constant"


def test_lanes_and_periods_are_places_or_labels():
    m = LW.Model("m", periods=3, start="2026-01-01", freq="month")
    m.input("x", axes=("time", "scenario"))
    m.input("y", axes="loan")
    m.formula("z", "x * y + t")
    pandas = pytest.importorskip("pandas")
    x = pandas.DataFrame(np.arange(6.0).reshape(3, 2), columns=["up", "down"])
    x.columns.name = "scenario"
    y = pandas.Series([2.0, 3.0], index=pandas.Index([10, 20], name="loan"))
    result = m.run(x=LW.along(("time", "scenario"), x.to_numpy()), y=y)
    assert result.explain("z", t="2026-03-01", scenario=1, loan=20).root.value == 17.0
    assert result.explain("z", t=2, scenario=1, loan=20).root.value == 17.0
    with pytest.raises(Diagnostic, match="none of the labels along 'loan'"):
        result.explain("z", t=2, scenario=1, loan=1)
    with pytest.raises(Diagnostic, match="none of the labels along 'time'"):
        result.explain("z", t="2026-03-02", scenario=1, loan=20)
    named = m.run(x=LW.along(("time", "scenario"), x.to_numpy()), y=y.rename({10: "a", 20: "b"}))
    tree = named.explain("z", t=0, scenario=0, loan="b")
    assert tree.lane["loan"] == (1, "b")
    assert str(tree).startswith("z in period 0 (2026-01-01), scenario 0, loan 1 (b)\n")


def random_model(seed):
    rand = random.Random(seed)
    m = LW.Model(f"m{seed}", periods=rand.randint(1, 5))
    m.table("tab", {k: rand.uniform(0.1, 2.0) for k in range(6)}, outside="clamp")
    m.input("a", axes="time")
    m.input("b", axes="scenario")
    m.input("c", default=1.25)
    names = ["a", "b", "c"]
    for n in range(rand.randint(3, 9)):
        x, y, z = (rand.choice(names) for _ in "xyz")
        text = rand.choice(
            (
                f"{x} + {y} * {z}", f"prev(n{n}, initial={x}) * 0.5 + {y}", f"max({x}, {y}) / {z}",
                f"where({x} > {y}, {z} - {x}, prev({y}) + {z})", f"cumsum({x}) - {y}",
                f"total({x}) + {y}", f"maximum({x}) - last({y})", f"tab(floor(abs({x}))) * {y}",
                f"lead({x}, 1, {y}) / {z}", f"exp(-abs({x})) + t * {z}", f"at({x}, 0) - {y}",
            )
        )  # fmt: skip
        m.formula(f"n{n}", text)
        names.append(f"n{n}")
    lanes = rand.randint(1, 3)
    inputs = {
        "a": np.array([rand.uniform(-2, 3) for _ in range(m.periods)]),
        "b": np.array([rand.uniform(-2, 3) for _ in range(lanes)]),
    }
    return m, inputs


@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
@pytest.mark.parametrize("seed", range(8))
def test_values_are_those_of_the_result_to_the_bit(seed, engine):
    m, inputs = random_model(seed)
    result = m.compile().run(engine=engine, **inputs)
    lanes = len(inputs["b"])
    for name in result:
        array = result[name]
        axes = result.axes(name)
        for place in random.Random(seed).sample([*np.ndindex(array.shape)], min(array.size, 4)):
            at = dict(zip(axes, place, strict=True))
            t = at.pop("time", None)
            tree = result.explain(name, t, depth=6, back=2, **at)
            assert np.float64(tree.root.value).tobytes() == array[place].tobytes()
            lane = at.get("scenario", 0)
            assert lane < lanes
            for step in tree.root.walk():
                if step.name in result and step.value is not None and "scenario" in axes:
                    where = tuple(
                        {"time": step.period or 0, "scenario": lane}[a]
                        for a in result.axes(step.name)
                    )
                    expected = result[step.name][where]
                    assert step.value == expected or math.isnan(expected)


def test_every_node_of_a_project_can_be_explained():
    folder = EXAMPLES / "data/projfin40"
    m = LW.load_model(EXAMPLES / "projfin40.series")
    inputs = dict(LW.read_columns(folder / "time_inputs.csv"))
    inputs = {name: inputs[name] for name in inputs if name in m.inputs}
    program = m.compile()
    if missing := [p for p in program.inputs if p.default is None and p.name not in inputs]:
        base = json.loads((folder / "base_inputs.json").read_text())
        inputs |= {port.name: base[port.name] for port in missing}
    result = m.compile([*m.formulas]).run(**inputs)
    for name in m.formulas:
        timed = "time" in result.axes(name)
        for t in (0, 1, 119, 359) if timed else (None,):
            root = result.explain(name, t).root
            assert root.value == (result[name][t] if timed else result[name])
            assert root.children
            assert root.unit == result.units.get(name, "")


def test_other_nodes_than_outputs_can_be_explained():
    result = debt().compile(["worst"]).run(cash=CASH)
    assert result.explain("interest", t=0, scenario=0).root.value == 1.0
    with pytest.raises(Diagnostic, match="has no node `dscrs`"):
        result.explain("dscrs", t=0, scenario=0)


def test_lanes_that_end_and_totals_over_lanes():
    m = LW.Model("m", periods=4)
    m.input("term", axes="point")
    m.formula("pay", "10 + t")
    m.formula("paid", "last(cumsum(pay))")
    m.output("paid", reduce="point")
    m.output("pay")
    m.horizon("term")
    result = m.run(term=[2.0, 4.0])
    tree = result.explain("paid", point=0)
    assert tree.root.value == 21.0
    assert tree.root.note == "one lane of its total over point"
    assert tree.root.children[0].period == 1
    assert result.explain("pay", t=3, point=0).root.value == 0.0
    with pytest.raises(Diagnostic, match="2 lanes along 'point'"):
        result.explain("paid")


def test_inputs_and_nodes_beside_the_outputs_can_be_explained():
    m = LW.Model("m", periods=2)
    m.input("a", axes="time")
    m.input("b", default=2.0)
    m.input("kind", categories=("x", "y"), default="y")
    m.formula("c", "a * 2")
    m.formula("loop", "loop * 0.5 + b")
    m.formula("other", "where(kind == 'y', loop, 0)")
    m.circular("loop")
    result = m.compile(["c"]).run(a=[3.0, 4.0])
    assert (result.explain("a", t=1).root.value, result.explain("a", t=1).root.source) == (
        4.0, "input",
    )  # fmt: skip
    assert (result.explain("b").root.value, result.explain("b").root.source) == (2.0, "default")
    assert result.explain("kind").root.value == "y"
    assert result.explain("other").root.value == pytest.approx(4.0)
    assert result.explain("c", t=0).root.value == 6.0


def test_the_command_line_explains(tmp_path):
    path = tmp_path / "m.series"
    path.write_text(
        'model("m", periods=3, start="2026-01-01", freq="month")\n'
        'cash = input(axes=("time", "scenario"))\nx = prev(x) + cash\noutput(last(x))\n'.replace(
            "output(last(x))", "output(y=last(x))"
        )
    )
    (tmp_path / "cash.csv").write_text("cash\n1\n2\n4\n")
    words = ["run", str(path), f"time={tmp_path / 'cash.csv'}", "--explain", "x@2,depth=1"]
    run = CliRunner().invoke(cli, [*words, "--explain", "x @ 2026-02-01, back=2"])
    assert run.exit_code == 0, run.output
    assert "x in period 2 (2026-03-01)\nx[2] = 7 <- prev(x) + cash\n" in run.stdout
    assert "x[0] = 1 <-" in run.stdout
    steps = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)["explained"]
    assert [(step["name"], step["value"]) for step in steps] == [("x", 7.0)]
    wrong = CliRunner().invoke(cli, [*words[:3], "--explain", "x@9"])
    assert (wrong.exit_code, "LW3071" in wrong.stderr) == (1, True)
    for where in ("y", "y,depth=1", "y@depth=1"):
        run = CliRunner().invoke(cli, [*words[:3], "--explain", where])
        assert "y = 7 <- last(x)\n" in run.stdout, where
    wrong = CliRunner().invoke(cli, [*words[:3], "--explain", "y@1"])
    assert "leave the period out: 'y' alone, and the lane" in wrong.stderr


def test_circular_nodes_are_shown_once():
    m = LW.Model("m", periods=2)
    m.input("draw", default=100.0)
    m.formula("interest", "debt * 0.1")
    m.formula("debt", "prev(debt) + draw + interest")
    m.circular("debt")
    result = m.run()
    tree = result.explain("debt", t=0, depth=20)
    assert shape(tree.root) == ["debt@0", "prev(debt, 1, 0.0)", "draw", ["interest@0", "debt@0"]]
    assert tree.root.value == result["debt"][0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"node": "dscr", "scenario": 0}, "has a value in each of 6 periods"),
        ({"node": "worst", "t": 1, "scenario": 0}, "one value for all periods"),
        ({"node": "dscr", "t": 6, "scenario": 0}, "t=6 is no place along 'time'"),
        ({"node": "dscr", "t": -1, "scenario": 0}, "t=-1 is no place"),
        ({"node": "dscr", "t": 1}, "'dscr' is of 2 lanes along 'scenario'"),
        ({"node": "dscr", "t": 1, "scenario": 2}, "scenario=2 is no place"),
        ({"node": "dscr", "t": 1, "scenario": True}, "scenario=True is no place"),
        ({"node": "dscr", "t": 1, "scenario": 0, "loan": 1}, "no lanes along 'loan'"),
        ({"node": "dscr", "t": "2026-02-03", "scenario": 0}, "none of the labels along 'time'"),
        ({"node": "dscr", "t": "soon", "scenario": 0}, "none of the labels along 'time'"),
    ],
)
def test_what_is_not_there_is_refused(asked, said):
    with pytest.raises(Diagnostic) as refused:
        debt().run(cash=CASH).explain(**asked)
    assert refused.value.code.ident == "LW3071"
    assert said in refused.value.message


def test_a_result_that_cannot_be_explained_says_so(tmp_path):
    m = debt()
    result = m.run(cash=CASH)
    for other in (
        pickle.loads(pickle.dumps(result)),
        m.compile(["rate", "worst"]).bind().stream([{"cash": CASH}], "scenario", sink=len),
    ):
        with pytest.raises(Diagnostic, match="does not have the inputs"):
            other.explain("worst", scenario=0)
    m.compile().save(tmp_path / "m.lwp")
    saved = lw.load(tmp_path / "m.lwp").run(cash=CASH)
    with pytest.raises(Diagnostic, match="read from a file"):
        saved.explain("worst", scenario=0)


def test_inputs_that_were_changed_after_the_run_are_seen():
    cash = CASH.copy()
    result = debt().run(cash=cash)
    assert result._origin[1]["cash"] is cash  # nothing is copied
    cash *= 2.0
    with pytest.raises(Diagnostic, match="run again"):
        result.explain("repay", t=2, scenario=0)


def test_a_model_that_grows_does_not_change_what_was():
    m = debt()
    result = m.run(cash=CASH)
    m.formula("later", "dscr * 2")
    with pytest.raises(Diagnostic, match="has no node `later`"):
        result.explain("later", t=0, scenario=0)


def test_overridden_nodes_are_sources_where_they_are_given():
    m = debt()
    result = m.run(cash=CASH, override={"interest": [None, None, 2.5, None, None, None]})
    tree = result.explain("dscr", t=2, scenario=0)
    step = next(s for s in tree.root.walk() if s.name == "interest")
    assert (step.value, step.source, step.children) == (2.5, "override", ())
    assert result.explain("interest", t=1, scenario=0).root.source == "formula"
    assert result.explain("interest", t=3, scenario=0, back=3).root.children
    report = m.compile(["worst"], overrides=["interest"])
    base = report.run(cash=CASH)
    assert list(report.run(cash=CASH, interest=1.0).bridge(base, "worst").parts) == ["interest"]
    assert list(report.run(cash=CASH, rate=0.02).bridge(base, "worst").parts) == ["rate"]
    assert {bar.name for bar in report.tornado("worst", inputs={"cash": CASH[:, :1]}).bars} == {
        "cash", "rate", "principal",
    }  # fmt: skip


def test_derivatives_keep_the_tree_of_what_they_are_of():
    m = LW.Model("m", periods=1)
    m.input("x", default=3.0)
    m.formula("y", "last(x * x)")
    result = m.compile().gradient("y").run()
    assert shape(result.explain("y").root) == ["y", "x"]
    with pytest.raises(Diagnostic, match="'d_y_d_x' has no formula: it is a derivative"):
        result.explain("d_y_d_x")


# Values that are not finite -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_the_first_division_by_zero_is_found(seed):
    rand = random.Random(seed)
    periods, lanes = rand.randint(3, 9), rand.randint(1, 150)
    t, lane = rand.randrange(periods), rand.randrange(lanes)
    service = np.array([[rand.uniform(1, 2) for _ in range(lanes)] for _ in range(periods)])
    service[t, lane] = 0.0
    if t + 1 < periods:
        service[t + 1, lane] = 0.0
    m = LW.Model("m", periods=periods)
    m.input("service", axes=("time", "scenario"))
    m.formula("net", "service * 2")
    m.formula("cover", "where(t < 0, 1 / (net - net), 10 / net)")
    m.formula("after", "prev(after) * 0 + cover")
    m.formula("fine", "net + 1")
    m.formula("mean", "average(after)")
    for names in (["mean"], ["after", "fine"], ["cover", "mean", "after"]):
        (report,) = m.compile(names).run(service=service).trouble()
        assert (report.node, report.period, report.lane) == ("cover", t, {"scenario": lane})
        assert report.what == "division by zero: 10 / 0 is inf"
        assert report.formula == "cover = where(t < 0, 1 / (net - net), 10 / net)"
    assert m.compile(["fine"]).run(service=service).trouble() == []


POLES = {
    "1 / 0": "division by zero: 1 / 0 is inf",
    "0 / 0": "division by zero: 0 / 0 is nan",
    "-3 / (2 - 2)": "division by zero: -3 / 0 is -inf",
    "log(0)": "log(0) is -inf",
    "sqrt(1 - 5)": "sqrt(-4) is nan",
    "0 ** -1": "0 ** -1 is inf",
}


@pytest.mark.parametrize("pole", POLES)
@pytest.mark.parametrize("way", ["{}", "x + {}", "prev(y, initial={}) + 1", "cumsum(x + {})"])
@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
def test_poles_of_constants_are_located(pole, way, engine):
    m = LW.Model("m", periods=3)
    m.input("x", default=2.0)
    m.formula("y", way.format(pole))
    program = m.compile()
    (report,) = program.bind(engine)().trouble()
    assert (report.node, report.what) == ("y", POLES[pole])
    assert pole in report.formula
    values = [program.bind(each)()["y"] for each in ("reference", engine)]
    assert np.array_equal(*values, equal_nan=True)


def test_trouble_within_totals_over_lanes_and_in_inputs():
    m = LW.Model("m", periods=2)
    m.input("x", axes="point")
    m.formula("root", "sqrt(x)")
    m.formula("all_in", "total(root)")
    m.output("all_in", reduce="point")
    x = np.ones(200)
    x[130] = -4.0
    (report,) = m.run(x=x).trouble()
    assert (report.node, report.lane, report.period) == ("root", {"point": 130}, None)
    assert report.what == "sqrt(-4) is nan"
    x[130] = math.inf
    (report,) = m.run(x=x).trouble()
    assert (report.node, report.what) == ("x", "the input is inf")


def test_where_a_value_arises_is_marked_in_the_tree():
    m = LW.Model("m", periods=3)
    m.input("x", axes="time")
    m.formula("y", "log(x)")
    m.formula("z", "y + 1")
    result = m.run(x=[1.0, -1.0, 2.0])
    arising = [s.name for s in result.explain("z", t=1).root.walk() if s.arises]
    assert arising == ["y"]
    assert "<-- arises here" in str(result.explain("z", t=1, depth=1))
    assert not any(s.arises for s in result.explain("z", t=2).root.walk())


# Two runs -----------------------------------------------------------------------------------------


def sales():
    m = LW.Model("sales", periods=4)
    m.input("price", axes=("time", "region"))
    m.input("volume", axes="region")
    m.input("cost", default=3.0)
    m.input("rent", default=1.0)
    m.formula("profit", "prev(profit) * 0.9 + price * volume - cost * volume / 3 - rent")
    m.formula("final", "last(profit)")
    return m.compile()


def two_runs(seed):
    rand = np.random.default_rng(seed)
    base = {"price": rand.uniform(1, 9, (4, 3)), "volume": rand.uniform(1, 9, 3), "cost": 2.7}
    after = {"price": base["price"] * 1.1, "volume": rand.uniform(1, 9, 3), "cost": 3.1}
    return base, after


def exact(bridge, place):
    parts = [float(part[place]) for part in bridge.parts.values()]
    return math.fsum([*parts, float(bridge.rounding[place])])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("output", ["profit", "final"])
def test_the_parts_of_a_bridge_add_up_to_the_bit(seed, output):
    program, (base, after) = sales(), two_runs(seed)
    before, now = program.run(**base), program.run(**after)
    for order in (None, ("volume", "price", "cost")):
        report = now.bridge(before, output, order)
        assert report.axes == before.axes(output)
        assert sorted(report.parts) == ["cost", "price", "volume"]
        difference = now[output] - before[output]
        for place in np.ndindex(difference.shape):
            assert exact(report, place) == difference[place]
        size = np.abs(now[output]).max()
        assert np.abs(report.rounding).max() <= 8 * np.spacing(size)


def test_a_bridge_in_order_is_made_of_runs_in_between():
    program, (base, after) = sales(), two_runs(9)
    report = program.run(**after).bridge(program.run(**base), "final", ["cost", "price", "volume"])
    steps = [base, {**base, "cost": after["cost"]}, {**after, "volume": base["volume"]}, after]
    values = [program.run(**inputs)["final"] for inputs in steps]
    for name, one, other in zip(report.order, values, values[1:], strict=False):
        assert (report[name] == other - one).all()


def test_a_bridge_without_an_order_is_the_mean_over_all_orders():
    program, (base, after) = sales(), two_runs(3)
    before, now = program.run(**base), program.run(**after)
    orders = [now.bridge(before, "final", o) for o in permutations(("price", "volume", "cost"))]
    report = now.bridge(before, "final")
    for name in report.parts:
        np.testing.assert_allclose(report[name], np.mean([o[name] for o in orders], 0), rtol=1e-12)


def test_a_linear_model_gives_each_input_its_own():
    m = LW.Model("m", periods=1)
    for name in "abc":
        m.input(name, default=1.0)
    m.formula("y", "2 * a + 3 * b - c")
    program = m.compile()
    report = program.run(a=5.0, b=2.0).bridge(program.run(c=1.0), "y")
    assert {name: float(part) for name, part in report.parts.items()} == {"a": 8.0, "b": 3.0}
    assert float(report.rounding) == 0.0
    assert str(report).splitlines()[0] == "y: 4 to 15, all orders"


def test_runs_that_cannot_be_compared_are_refused():
    program, (base, after) = sales(), two_runs(1)
    before, now = program.run(**base), program.run(**after)
    with pytest.raises(Diagnostic, match="two programs"):
        now.bridge(debt().run(cash=CASH), "final")
    with pytest.raises(Diagnostic, match="does not name each input that differs once"):
        now.bridge(before, "final", ["price"])
    with pytest.raises(Diagnostic, match="no input that differs"):
        now.bridge(before, "final")["rent"]
    with pytest.raises(Diagnostic, match="has no output"):
        now.bridge(before, "finally")
    more = program.run(**{**base, "rent": LW.along("case", [1.0, 2.0])})
    with pytest.raises(Diagnostic, match="other axes"):
        more.bridge(before, "final")


LARGE = 1e308


def bridge_of_large(formula, moves, order):
    m = LW.Model("m", periods=1)
    for name in moves:
        m.input(name)
    m.formula("y", f"last({formula})")
    program = m.compile()
    start, end = (program.run(**{n: move[k] for n, move in moves.items()}) for k in (0, 1))
    return end.bridge(start, "y", order)


@pytest.mark.parametrize(
    ("formula", "moves", "order", "right"),
    [
        ("a * b", {"a": (1.0, -1.0), "b": (1.5 * LARGE, 0.0)}, None, [-1.5, 0.0]),
        (
            "a + b + c",
            {"a": (-0.7 * LARGE, -1.6 * LARGE), "b": (0.0, 1.3 * LARGE), "c": (0.0, 1.3 * LARGE)},
            "abc",
            [-0.9, 1.3, 1.3],
        ),
    ],
)
def test_parts_of_large_numbers_add_up(formula, moves, order, right):
    report = bridge_of_large(formula, moves, order and [*order])
    assert [part / LARGE for part in report.parts.values()] == pytest.approx(right)
    total = sum(map(Fraction, map(float, (*report.parts.values(), report.rounding))))
    assert float(total) == report.after - report.before


@pytest.mark.parametrize(
    ("formula", "moves", "said"),
    [
        ("a", {"a": (LARGE, -LARGE)}, "the difference of 'y' is larger than numbers get"),
        (
            "a + b",
            {"a": (LARGE, -LARGE), "b": (0.0, LARGE)},
            "('y' is inf where only b is as|what is due to 'a' is larger than numbers get)",
        ),
        ("a + b", {"a": (LARGE, -LARGE), "b": (-LARGE, 0.0)}, "'y' is -inf where only a is as"),
    ],
)
@pytest.mark.parametrize("ordered", [False, True])
def test_parts_that_are_too_large_are_said(formula, moves, said, ordered):
    with pytest.raises(Diagnostic, match=f"LW3071: {said}"):
        bridge_of_large(formula, moves, [*moves] if ordered else None)


def test_a_run_in_between_without_a_value_is_named():
    m = LW.Model("m", periods=1)
    m.input("a"), m.input("b")
    m.formula("y", "last(a / b)")
    program = m.compile()
    end, start = program.run(a=1.0, b=2.0), program.run(a=0.0, b=0.0)
    assert math.isnan(end.bridge(start, "y").rounding)  # as the end is
    m = LW.Model("m", periods=1)
    m.input("a", default=1.0), m.input("b", default=1.0)
    m.formula("y", "last(1 / (a + b))")
    program = m.compile()
    end, start = program.run(a=-1.0, b=-2.0), program.run()
    with pytest.raises(Diagnostic, match="LW3071: 'y' is inf where only a is as afterwards"):
        end.bridge(start, "y")
    assert end.bridge(start, "y", ["b", "a"])["b"] == -1.5


# What inputs can do -------------------------------------------------------------------------------


def loan():
    m = LW.Model("loan", periods=5)
    m.input("rate", default=0.05)
    m.input("amount", default=100.0)
    m.input("curve", axes="time")
    m.input("kind", categories=("a", "b"), default="a")
    m.formula("value", "last(prev(balance, initial=amount) * (1 + rate)) + total(curve) / 2")
    m.formula("balance", "prev(balance, initial=amount) * (1 + rate)")
    return m


def test_a_tornado_is_runs_with_one_input_changed():
    m, curve = loan(), np.arange(5.0)
    changes = {"rate": (0.0, 0.1), "amount": 0.2, "curve": 0.5}
    report = m.tornado("value", changes, inputs={"curve": curve})
    assert report.base == float(m.run(curve=curve)["value"])
    bars = {bar.name: bar for bar in report.bars}
    assert (bars["rate"].at_low, bars["rate"].at_high) == (
        float(m.run(curve=curve, rate=0.0)["value"]),
        float(m.run(curve=curve, rate=0.1)["value"]),
    )
    assert bars["amount"].at_low == float(m.run(curve=curve, amount=80.0)["value"])
    assert bars["curve"].at_high == float(m.run(curve=curve * 1.5)["value"])
    swings = [bar.swing for bar in report.bars]
    assert swings == sorted(swings, reverse=True)
    for name in ("amount", "curve"):  # linear: the gradient is right
        assert bars[name].slope_low == pytest.approx(bars[name].at_low, rel=1e-12)
        assert bars[name].slope_high == pytest.approx(bars[name].at_high, rel=1e-12)
    slope = 100 * 5 * 1.05**4
    assert bars["rate"].slope_high == pytest.approx(report.base + slope * 0.05, rel=1e-12)


def test_a_tornado_takes_inputs_with_labels_in_any_order():
    pandas = pytest.importorskip("pandas")
    m = LW.Model("m", periods=4, start="2026-01-01", freq="month")
    m.input("curve", axes=("time", "scenario"))
    m.input("weight", axes="time")
    m.formula("y", "total(curve * weight * weight)")
    dates = pandas.date_range("2026-01-01", periods=4, freq="MS")
    weight = pandas.Series([1.0, 2.0, 3.0, 4.0], index=dates)
    plain = {"curve": [[1.0], [2.0], [5.0], [9.0]], "weight": weight.to_numpy()}
    labelled = {"curve": pandas.Series([1.0, 2.0, 5.0, 9.0], index=dates), "weight": weight[::-1]}
    report = [m.tornado("y", {"weight": 0.1, "curve": 0.1}, inputs=i) for i in (plain, labelled)]
    assert report[0] == report[1]
    assert report[0].bars[0].at_high == pytest.approx(report[0].base * 1.21, rel=1e-12)
    assert report[0].bars[0].slope_high == pytest.approx(report[0].base * 1.2, rel=1e-12)


def test_a_share_alone_is_of_every_number():
    report = loan().tornado("value", 0.1, inputs={"curve": np.ones(5)})
    assert {bar.name for bar in report.bars} == {"rate", "amount", "curve"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rates": 0.1}, "LW3071"), ({"kind": 0.1}, "LW3071"), ({"rate": -0.1}, "LW2005"),
        ({"rate": "10%"}, "LW2005"), ({"rate": (1, 2, 3)}, "LW2005"), ({"rate": True}, "LW2005"),
    ],
)  # fmt: skip
def test_changes_that_are_none_are_refused(change, code):
    with pytest.raises(Diagnostic) as refused:
        loan().tornado("value", change, inputs={"curve": np.ones(5)})
    assert refused.value.code.ident == code


@pytest.mark.parametrize("order", list(permutations("abcd"))[::5])
def test_a_swing_that_is_no_number_stands_last(order):
    m = LW.Model("m", periods=1)
    for name in order:
        m.input(name, default=2.0)
    m.formula("y", "last(a * 0.01 + log(b - 1.9) + 100 * c + d)")
    bars = m.tornado("y").bars
    assert [bar.name for bar in bars] == ["c", "d", "a", "b"]
    assert math.isnan(bars[-1].swing)


@pytest.mark.parametrize("share", [np.float16(0.5), np.float32(0.5), np.float64(0.5), np.int64(1)])
def test_shares_of_any_width(share):
    plain = loan().tornado("value", float(share), inputs={"curve": np.ones(5) / 3})
    assert loan().tornado("value", share, inputs={"curve": np.ones(5) / 3}) == plain
    each = loan().tornado("value", {"curve": share}, inputs={"curve": np.ones(5) / 3})
    assert each.bars == tuple(bar for bar in plain.bars if bar.name == "curve")


def test_no_periods_are_not_the_usual_ones():
    m = LW.Model("m", periods=3)
    m.input("x", default=2.0)
    m.formula("y", "total(x)")
    assert m.tornado("y", periods=1).base == 2.0
    for call in (m.tornado, m.compile().again):
        with pytest.raises(Diagnostic, match=r"LW3022.*0 periods"):
            call("y" if call == m.tornado else "x", periods=0)


def test_inputs_of_audits_are_tables_too():
    pandas = pytest.importorskip("pandas")
    m = LW.Model("m", periods=2)
    m.input("curve", axes="time")
    m.input("rate", default=2.0)
    m.formula("y", "total(curve) * rate")
    program, frame = m.compile(), pandas.DataFrame({"curve": [1.0, 2.0]})
    for table in (frame, frame.to_records(index=False)):
        assert program.tornado("y", inputs=table).base == 6.0
        assert float(program.again("rate", table)(rate=3.0)["y"]) == 9.0
    for none in (5, [1.0], "curve"):
        for call in (
            lambda: program.tornado("y", inputs=none),  # noqa: B023
            lambda: program.again("rate", none),  # noqa: B023
        ):
            with pytest.raises(Diagnostic, match="LW1034"):
                call()


def test_a_tornado_is_of_one_number():
    with pytest.raises(Diagnostic, match="value in each period"):
        loan().tornado("balance", 0.1, inputs={"curve": np.ones(5)})
    with pytest.raises(Diagnostic, match="2 lanes"):
        loan().tornado("value", 0.1, inputs={"curve": np.ones(5), "rate": [0.1, 0.2]})


def test_a_tornado_can_be_drawn():
    pytest.importorskip("matplotlib").use("Agg")
    report = loan().tornado("value", 0.1, inputs={"curve": np.ones(5)})
    axes = report.plot()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [bar.name for bar in report.bars[::-1]]


# The model ----------------------------------------------------------------------------------------


def test_a_drawing_has_the_nodes_units_and_loops():
    m = debt()
    drawing = m.graph()
    names = [node.lines[0] for node in drawing.nodes]
    assert names == ["cash", "rate", "principal", *m.formulas]
    assert drawing.nodes[0].lines == ("cash", "EUR, flow")
    loop = {name for name, node in zip(names, drawing.nodes, strict=True) if node.heat}
    assert loop == {"opening", "interest", "repay", "closing"}
    edges = {(names[e.tail], names[e.head]): e.title for e in drawing.edges}
    assert edges["closing", "opening"] == "a period apart"
    assert edges["opening", "closing"] == ""
    few = [node.lines[0] for node in m.graph("interest").nodes]
    assert few == ["cash", "rate", "principal", "opening", "interest", "repay", "closing"]
    assert re.findall("<svg", drawing.svg()) == ["<svg"]
    with pytest.raises(Diagnostic, match="no node"):
        m.graph(["interests"])


def test_circular_nodes_and_tables_are_drawn():
    m = LW.Model("m", periods=1)
    m.table("tab", {1: 2.0}, unit="EUR")
    m.formula("a", "b * 0.5 + tab(1)", unit="EUR")
    m.formula("b", "a * 0.5")
    m.circular("a")
    nodes = {node.lines[0]: node for node in m.graph().nodes}
    assert (nodes["a"].heat, nodes["b"].heat, nodes["tab"].shape) == (1.0, 0.5, "box")


def test_dependents_are_what_changes():
    program = debt().compile()
    report = program.dependents("cash")
    assert report.outputs == ("opening", "interest", "repay", "closing", "dscr", "worst")
    assert sum(report.nodes.values()) == report.ops <= report.of == len(program)
    rates = program.dependents(["rate"])
    assert rates.ops == report.ops - sum(report.nodes.values()) + sum(rates.nodes.values())
    m = LW.Model("m", periods=1)
    m.input("a"), m.input("b")
    m.formula("x", "a * 2 + 1")
    m.formula("y", "b + x")
    assert m.compile().dependents("b").nodes == {"y": 1}
    assert m.compile().dependents("a").nodes == {"x": 2, "y": 1}
    with pytest.raises(Diagnostic, match="no input 'c'"):
        m.compile().dependents("c")


def same_results(one, other):
    assert [*one] == [*other]
    for name in one:
        assert one.axes(name) == other.axes(name)
        assert one[name].tobytes() == other[name].tobytes()
        assert one.units.get(name) == other.units.get(name)


@pytest.mark.parametrize("engine", ["reference", "stencil", "llvm"])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_run_again_is_what_a_run_gives(seed, engine):
    m, inputs = random_model(seed)
    program = m.compile()
    inputs["c"] = 0.75
    names = [port.name for port in program.inputs]
    for name in names:
        again = program.again(name, {n: inputs[n] for n in names}, engine=engine)
        same_results(again.base, program.run(engine=engine, **{n: inputs[n] for n in names}))
        now = {n: inputs[n] for n in names} | {name: inputs[name] * 1.5}
        same_results(again(**{name: now[name]}), program.run(engine=engine, **now))
        assert len(again.program or ()) == again.dependents.ops


def test_horizons_totals_and_values_that_are_none_are_run_again():
    m = LW.Model("m", periods=6)
    m.input("term", axes="point")
    m.input("amount", axes="point")
    m.input("rate")
    m.input("shift", axes="time")
    m.formula("odd", "log(shift) + amount")
    m.formula("ends", "max(term - 1, 0)")
    m.formula("value", "prev(value, initial=amount) * (1 + rate) + odd")
    m.formula("book", "total(value) + last(odd)")
    m.formula("apart", "amount * 2")
    m.horizon("ends")
    m.output("value")
    m.output("book", reduce="point")
    m.output("apart")
    rand = np.random.default_rng(4)
    inputs = {
        "term": rand.integers(1, 7, 300).astype(float),
        "amount": rand.uniform(1, 2, 300),
        "rate": 0.1,
        "shift": np.array([1.0, 2.0, 3.0, 4.0, -1.0, 5.0]),
    }
    program = m.compile()
    again = program.again(["rate"], inputs)
    assert again.dependents.outputs == ("value", "book")
    assert again.dependents.ops < len(again.program) < len(program)  # and the horizon
    for rate in (0.2, -0.5):
        same_results(again(rate=rate), program.run(**{**inputs, "rate": rate}))
    same_results(again(), program.run(**inputs))
    longer = program.again("term", {**inputs, "amount": np.flip(inputs["amount"])})
    same_results(
        longer(term=inputs["term"][::-1].copy()),
        program.run(**{**inputs, "term": inputs["term"][::-1], "amount": inputs["amount"][::-1]}),
    )
    assert longer.dependents.ops == len(program)  # all depends on the horizon
    with pytest.raises(Diagnostic, match="not one of the inputs"):
        again(amount=1.0)


def test_what_is_run_again_has_labels_and_can_be_explained():
    pandas = pytest.importorskip("pandas")
    m = LW.Model("m", periods=2, start="2026-01-01", freq="month")
    m.input("a", axes="loan")
    m.input("b", axes="loan")
    m.formula("x", "exp(a) + t")
    m.formula("y", "x * b")
    labels = pandas.Index(["p", "q", "r"], name="loan")
    inputs = {
        "a": pandas.Series([1.0, 2.0, 3.0], index=labels),
        "b": pandas.Series([6.0, 5.0, 4.0], index=labels[::-1]),
    }
    program = m.compile(["y"])
    again = program.again("b", inputs)
    b = pandas.Series([1.0, 2.0, 3.0], index=labels[[1, 0, 2]])
    result = again(b=b)
    same_results(result, program.run(**{**inputs, "b": b}))
    assert list(result.coords["loan"]) == ["p", "q", "r"]
    assert result.explain("y", t=1, loan="q").root.value == (math.exp(2.0) + 1) * 1.0


def test_names_that_are_none_are_refused():
    m = debt()
    result = m.run(cash=CASH)
    for call in (
        lambda: m.graph(3),
        lambda: result.bridge(result, "worst", 3),
        lambda: m.compile().dependents(3),
        lambda: m.compile().again(3, {"cash": CASH}),
    ):
        with pytest.raises(Diagnostic) as refused:
            call()
        assert refused.value.code.ident == "LW2005"


def test_a_tornado_takes_nodes_that_are_overridden():
    m = lw.series.Model("m", periods=3)
    m.input("debt", default=900.0)
    m.formula("cash", "100 + t")
    m.formula("left", "debt - total(cash)")
    program = m.compile(overrides=["cash"])
    given = {"cash": [200.0, 250.0, 300.0]}
    (bar,) = program.tornado("left", {"cash": (300.0, 400.0)}, inputs=given).bars
    assert (bar.at_low, bar.at_high) == (0.0, -300.0) == (bar.slope_low, bar.slope_high)
    (bar,) = program.tornado("left", {"cash": 0.1}, inputs=given).bars
    assert (bar.at_low, bar.at_high) == pytest.approx((225.0, 75.0))
    assert [bar.name for bar in program.tornado("left", 0.1, inputs=given).bars] == ["debt"]
    for some in ({}, {"cash": [200.0, None, 300.0]}):
        with pytest.raises(Diagnostic, match="'cash' is computed, in some periods") as error:
            program.tornado("left", {"cash": 0.1}, inputs=some)
        assert error.value.code.ident == "LW3071"


def test_what_is_no_change_is_named_as_it_is_given():
    with pytest.raises(Diagnostic, match=r"the changes are \['rate'\]") as error:
        loan().tornado("value", ["rate"], inputs={"curve": np.ones(5)})
    assert error.value.code.ident == "LW2005"
