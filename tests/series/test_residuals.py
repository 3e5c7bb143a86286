"""What is left of loops: against the formulas in 50 digits, on every engine, in text and files."""

import json
import pickle

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.machines.series.runner import ENGINES

LW = lw.series
FIRST = "2026-01-31"


def model():
    """A curved loop over time, and one of two nodes that needs it."""
    m = LW.Model("m", periods=4, start=FIRST, freq="month")
    m.input("a", axes=("time", "scenario"))
    m.formula("x", "a * cos(x) + prev(x, initial=0.25) / 10", circular=True)
    m.formula("y", "0.3 * z + x / 8", circular=True)
    m.formula("z", "0.2 * y * y + 0.1", circular=True)
    m.formula("end", "last(y)")
    return m


A = np.random.default_rng(5).uniform(0.1, 1.0, (4, 3))


def exact(a):
    """The solution of each node in 50 digits, by bisection and a fixed point."""
    with mpmath.workdps(50):
        before, out = mpmath.mpf("0.25"), []
        for value in map(mpmath.mpf, a):
            x = mpmath.findroot(lambda x, v=value, b=before: v * mpmath.cos(x) + b / 10 - x, 0.5)
            y = z = mpmath.mpf(0)
            for _ in range(400):
                y = mpmath.mpf(0.3) * z + x / 8
                z = mpmath.mpf(0.2) * y * y + mpmath.mpf(0.1)
            out.append((x, y, z))
            before = x
        return out


def left(a, before, x, y, z):
    """What the formulas give, less the nodes, in 50 digits."""
    with mpmath.workdps(50):
        a, before, x, y, z = map(mpmath.mpf, map(float, (a, before, x, y, z)))
        return (
            a * mpmath.cos(x) + before / 10 - x,
            mpmath.mpf(0.3) * z + x / 8 - y,
            mpmath.mpf(0.2) * y * y + mpmath.mpf(0.1) - z,
        )


def test_what_is_left_is_that_of_the_formulas_in_fifty_digits():
    result = model().run(a=A)
    values = result.residuals().values
    assert values.axes("x.residual") == ("time", "scenario")
    for lane in range(3):
        before = 0.25
        for t, roots in enumerate(exact(A[:, lane])):
            nodes = [result[name][t, lane] for name in "xyz"]
            truth = left(A[t, lane], before, *nodes)
            for name, node, root, rest in zip("xyz", nodes, roots, truth, strict=True):
                assert abs(node - float(root)) < 1e-12
                said = values[f"{name}.residual"][t, lane]
                assert abs(said - float(rest)) < 4e-16  # it is rounded as the formula is
                assert values[f"{name}.relative"][t, lane] <= 1e-12
            before = nodes[0]


def test_the_worst_is_the_worst_of_all_and_has_its_place():
    report = model().run(a=LW.along(("time", "scenario"), A)).residuals()
    assert [loop.nodes for loop in report.loops] == [("x",), ("y", "z")]
    for loop in report.loops:
        shares = {name: report.values[f"{name}.relative"] for name in loop.nodes}
        assert loop.relative == max(share.max() for share in shares.values())
        where = loop.at.period, loop.at.lane["scenario"][0]
        assert shares[loop.node][where] == loop.relative
        assert report.values[f"{loop.node}.residual"][where] == loop.residual
        assert loop.at.label == f"2026-0{loop.at.period + 1}-{[31, 28, 31, 30][loop.at.period]}"
        taken = report.values[f"{loop.nodes[0]}.iterations"]
        assert loop.iterations == taken.max() <= loop.steps == 9
        assert (loop.failed, loop.failed_at) == (0, ())
    assert report.worst.relative == max(loop.relative for loop in report.loops)


@pytest.mark.parametrize("failures", ["fault", "nan"])
def test_every_engine_says_the_same_to_the_bit(failures):
    m = model()
    m.circular("x", failures=failures)
    program = m.compile()
    reports = [program.run(engine=engine, a=A).residuals() for engine in ENGINES]
    assert [report.values.stats["engine"] for report in reports] == [*ENGINES]
    for report in reports[1:]:
        assert report.loops == reports[0].loops
        for name in report.values:
            assert report.values[name].tobytes() == reports[0].values[name].tobytes()


@pytest.mark.parametrize(("a", "steps"), [(0.0, 0), (0.125, 1), (-3.0, 1)])
def test_a_linear_loop_takes_one_step_and_none_where_it_is_solved_already(a, steps):
    m = LW.Model("m", periods=3)
    m.input("a")
    m.formula("x", "0.5 * x + a", circular=True)
    m.formula("later", "0.5 * later + x + 0 * t", circular=True)
    loops = {loop.nodes[0]: loop for loop in m.run(a=a).residuals().loops}
    assert (loops["x"].iterations, loops["x"].steps) == (steps, 2)
    taken = m.run(a=a).residuals().values["later.iterations"].tolist()
    assert taken == [steps, 0, 0]  # the period before has the solution of the next


def test_residuals_have_the_unit_of_their_node():
    m = LW.Model("m", periods=2)
    m.input("debt", unit="EUR")
    m.formula("closing", "debt + interest")
    m.formula("interest", "0.1 * closing", circular=True)
    values = m.run(debt=100.0).residuals().values
    assert (values.units["interest.residual"], values.units["interest.relative"]) == ("EUR", "")


def failing():
    m = LW.Model("m", periods=4)
    m.input("a", axes=("time", "scenario"))
    m.formula("x", "x * x + a", circular=True, failures="nan")
    m.formula("y", "x + 1")
    a = np.full((4, 5), 0.1)
    a[1, 3], a[2, 0], a[2, 4], a[3, 3] = 1.0, 1.0, 2.0, 0.5
    return m, LW.along(("time", "scenario"), a)


def test_places_without_a_solution_are_counted_and_the_first_named():
    m, a = failing()
    (loop,) = m.run(a=a).residuals().loops
    assert loop.failed == 4
    assert [(at.period, at.lane["scenario"][0]) for at in loop.failed_at] == [
        (1, 3),
        (2, 0),
        (2, 4),
    ]
    assert loop.relative <= 1e-12  # the worst is of those that have one
    text = str(m.run(a=a).select(["y"]).residuals())
    assert "4: period 1, scenario 3; period 2, scenario 0; period 2, scenario 4; ..." in text


def test_lanes_have_their_labels_and_loops_without_time_have_no_period():
    pandas = pytest.importorskip("pandas")
    m = LW.Model("m", periods=3)
    m.input("a", axes="scenario")
    m.formula("x", "x * x + a", circular=True, failures="nan")
    given = pandas.Series([0.1, 0.9], index=pandas.Index(["low", "high"], name="scenario"))
    (loop,) = m.run(a=given).residuals().loops
    assert str(loop.at) == "scenario 0 (low)"
    assert str(loop.failed_at[0]) == "scenario 1 (high)"
    m = LW.Model("m", periods=3)
    m.formula("x", "x * x + 1", circular=True, failures="nan")
    report = m.run().residuals()
    assert (report.loops[0].failed, report.loops[0].node, report.worst) == (1, "", None)
    assert "1: everywhere" in str(report)


def test_where_there_is_no_loop_it_says_so():
    m = LW.Model("m", periods=2)
    m.formula("x", "t + 1", circular=True)
    report = m.run().residuals()
    assert (report.loops, report.worst) == ((), None)
    assert str(report) == "residuals: no loop within a period is solved"
    m.formula("y", "0.5 * y + 1", circular=True)
    assert m.compile(outputs=["x"]).run().residuals().loops == ()
    assert len(m.run().residuals().loops) == 1


def test_overrides_cut_loops_and_lanes_that_end_have_nothing_left():
    m = LW.Model("m", periods=3)
    m.input("n", axes="lane")
    m.formula("x", "cos(x) + t / 10", circular=True)
    m.horizon("n")
    values = m.run(n=[1, 3]).residuals().values
    assert (values["x.iterations"][:, 0] > 0).tolist() == [True, False, False]
    assert (values["x.failed"] == 0).all()
    m = LW.Model("m", periods=3)
    m.formula("x", "x * x + t + 0.1", circular=True)
    program = m.compile(overrides=["x"])
    (loop,) = program.run(x=[np.nan, 0.5, 7.0]).residuals().loops
    assert (loop.relative <= 1e-12, loop.failed) == (True, 0)
    with pytest.raises(Diagnostic, match="LW3061"):
        program.run(x=[np.nan, 0.5, np.nan])


def test_derivatives_have_the_loops_of_their_outputs():
    m = model()
    result = m.compile(outputs=["end"]).gradient("end", ["a"]).run(a=A)
    assert [loop.nodes for loop in result.residuals().loops] == [("x",), ("y", "z")]


def test_what_has_no_inputs_or_no_formulas_any_more_says_so(tmp_path):
    program, a = model().compile(), A.copy()
    result = program.run(a=a)
    with pytest.raises(Diagnostic, match="LW3071: this result does not have the inputs"):
        pickle.loads(pickle.dumps(result)).residuals()
    a[2, 1] += 0.25
    with pytest.raises(Diagnostic, match="LW3071: the inputs give 'x' other values now"):
        result.residuals()
    program.save(tmp_path / "m.lw")
    with pytest.raises(Diagnostic, match="LW3071: the program was read from a file"):
        lw.load(tmp_path / "m.lw").run(a=A).residuals()


def test_tables_for_notebooks_and_the_command_line(tmp_path):
    file = tmp_path / "m.series"
    file.write_text(
        'model("m", periods=3)\na = input(axes="scenario")\n'
        'x = x * x + a * t\ncircular(x, failures="nan")\n'
    )
    report = LW.Model.load(file).run(a=[0.1, 0.2]).residuals()
    assert "<td>x in period 2, scenario 0</td>" in report._repr_html_()
    words = ["run", str(file), "a=0.1,0.2", "--residuals"]
    ran = CliRunner().invoke(cli, words)
    assert ran.exit_code == 0, ran.output
    assert str(report) in ran.output
    ran = CliRunner().invoke(cli, [*words, "--json"])
    said = json.loads(ran.output)["residuals"]
    assert said == json.loads(json.dumps(report.to_dict()))
    assert said["loops"][0]["failed_at"] == [
        {"period": 2, "label": "", "lane": {"scenario": [1, ""]}}
    ]
    assert "residuals" not in json.loads(CliRunner().invoke(cli, [*words[:-1], "--json"]).output)
