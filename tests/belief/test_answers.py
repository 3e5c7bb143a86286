"""Every query from the command line, to every kind of file."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lanework.app.cli import cli
from lanework.machines.belief.graph.uai import read_results

DATA = Path(__file__).parents[2] / "examples/data/belief"
ASIA = str(DATA / "asia.bif")


def run(*arguments):
    return CliRunner().invoke(cli, ["run", ASIA, *arguments])


def rows(tmp_path, *arguments):
    """The answers of a JSON file, and of a table."""
    out, table = tmp_path / "a.json", tmp_path / "a.csv"
    for file in (out, table):
        done = run(*arguments, "--out", str(file))
        assert done.exit_code == 0, done.stderr
    with table.open(newline="") as lines:
        return json.loads(out.read_text())["rows"], list(csv.DictReader(lines))


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("xray,either,tub\nyes,,\nno,,\nno,no,yes\n")  # the last cannot be
    return str(file)


def test_best_assignments(tmp_path, table):
    actual, lines = rows(tmp_path, "--evidence", table, "--query", "mpe")
    assert [row.get("impossible", False) for row in actual] == [False, False, True]
    assert actual[0]["states"]["lung"] == lines[0]["lung"] == "yes"
    assert float(lines[0]["ln_p_best"]) == actual[0]["ln_p_best"]
    assert [line["row"] for line in lines] == ["0", "1"]
    few, lines = rows(tmp_path, "--evidence", table, "--query", "mmap:lung,bronc")
    assert set(few[0]["states"]) == {"lung", "bronc"}
    assert list(lines[0]) == ["row", "ln_p_best", "lung", "bronc"]


def test_several_assignments(tmp_path, table):
    actual, lines = rows(tmp_path, "--evidence", table, "--query", "kbest:3")
    values = [one["ln_p_best"] for one in actual[0]["assignments"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3
    assert [(line["row"], line["assignment"]) for line in lines[:4]] == [
        ("0", "0"), ("0", "1"), ("0", "2"), ("1", "0"),
    ]  # fmt: skip
    drawn, lines = rows(tmp_path, "--given", "xray=yes", "--query", "sample:5", "--seed", "3")
    assert len(drawn[0]["assignments"]) == len(lines) == 5
    again, _ = rows(tmp_path, "--given", "xray=yes", "--query", "sample:5", "--seed", "3")
    other, _ = rows(tmp_path, "--given", "xray=yes", "--query", "sample:5", "--seed", "4")
    assert drawn == again != other
    assert {line["xray"] for line in lines} == {"yes"}


def test_joint_posteriors_and_derivatives(tmp_path, table):
    actual, lines = rows(tmp_path, "--evidence", table, "--query", "joint:lung,bronc")
    assert actual[0]["joint"]["states"] == {"lung": ["yes", "no"], "bronc": ["yes", "no"]}
    assert sum(map(sum, actual[0]["joint"]["probability"])) == pytest.approx(1.0)
    assert len(lines) == 8
    assert float(lines[1]["probability"]) == actual[0]["joint"]["probability"][0][1]
    done = run("--given", "xray=yes", "--query", "gradient", "--json")
    gradient = json.loads(done.stdout)["rows"][0]["gradient"]
    assert len(gradient["dysp"]) == 2
    done = run("--query", "gradient", "--out", str(tmp_path / "g.csv"))
    assert done.exit_code == 1
    assert "write .json" in done.stderr


def test_results_of_uai(tmp_path):
    file = tmp_path / "best.mpe"
    assert run("--query", "mpe", "--out", str(file)).exit_code == 0
    assert read_results(file.read_text()).best == dict.fromkeys(range(8), 1)
    wrong = run("--query", "z", "--out", str(file))
    assert wrong.exit_code == 1
    assert "--query mpe" in wrong.stderr


@pytest.mark.parametrize("query", ["mpe", "mmap:lung,bronc", "kbest:3", "sample:3", "joint:lung"])
def test_on_a_terminal(query, table):
    one = run("--given", "xray=yes", "--query", query)
    assert one.exit_code == 0, one.stderr
    assert "lung" in one.stdout
    many = run("--evidence", table, "--query", query)
    assert many.exit_code == 0, many.stderr


def test_compiled_for_a_query(tmp_path):
    file = str(tmp_path / "best.lwp")
    subject = CliRunner().invoke(
        cli, ["compile", ASIA, "--query", "mpe", "--observed", "xray, dysp", "-o", file]
    )
    assert subject.exit_code == 0, subject.stderr
    done = CliRunner().invoke(cli, ["run", file, "xray=yes", "dysp=no", "--json"])
    assert json.loads(done.stdout)["rows"][0]["states"]["xray"] == "yes"
    assert CliRunner().invoke(cli, ["run", file, "xray=yes"]).exit_code == 1
    series = str(DATA.parents[1] / "projfin40.series")
    refused = CliRunner().invoke(cli, ["compile", series, "--query", "mpe"])
    assert "the series machine, which has no option --query" in refused.stderr


def test_queries_that_make_no_sense():
    wrong = run("--query", "kbst:3")
    assert wrong.exit_code == 1
    assert "kbest" in wrong.stderr
