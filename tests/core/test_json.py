"""JSON has no NaN and no infinities: they are texts, of whatever machine, and are read back."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.core.result.saving import json_text

VALUES = [1.5, np.inf, -np.inf, np.nan, -0.0, 5e-324, 1.7976931348623157e308]
TEXTS = [1.5, "inf", "-inf", "nan", -0.0, 5e-324, 1.7976931348623157e308]
SERIES = 'model("m", periods=1)\nx = input()\ny = input()\nz = x / y\noutput(z)\n'
REGISTER = ".machine register\n.input r0 f64\n.output r1 f64\nmov r1, r0\nhalt\n"
FLEET = """
.machine fleet
.buffer a, 0, 7, in
.buffer b, 7, 7, out
SYSCALL_VMID r0
READ r1, r0
ADDI r0, r0, 7
WRITE r0, r1
HALT
.phase
.launch main, 7
"""


def strict(text):
    """What a reader of JSON makes of a text, who knows no NaN and no infinity."""

    def unknown(word):
        raise ValueError(word)

    return json.loads(text, parse_constant=unknown)


def network():
    graph = lw.belief.FactorGraph("n")
    graph.variable("a", ["x", "y"])
    graph.factor(["a"], [1.0, 0.0])
    return graph


def results():
    model = lw.series.Model("m", periods=1)
    model.input("x", axes="point")
    model.input("y", axes="point")
    model.formula("z", "x / y")
    yield model.run(x=np.array([1, 1, -1, 0, 2.0]), y=np.array([2, 0, 0, 0, 1.0])), "z"
    yield lw.compile(REGISTER).run(r0=VALUES), "r1"
    yield (
        lw.compile(FLEET).run(engine="reference", a=np.array([*VALUES[:5], 0, 0], np.float32)),
        "b",
    )


@pytest.mark.parametrize("number", range(3))
def test_every_machine_writes_them_alike(number, tmp_path):
    result, name = list(results())[number]
    result.save(tmp_path / "out.json")
    values = np.array(
        strict((tmp_path / "out.json").read_text())["outputs"][name]["values"], object
    )
    flat = [x for x in values.reshape(-1).tolist() if isinstance(x, str)]
    assert flat == ["inf", "-inf", "nan"]
    assert np.array(result.to_dict()["outputs"][name]["values"]).reshape(-1)[1] == np.inf


def test_answers_of_networks_are_json(tmp_path):
    """Derivatives, where an entry of zero is certain, and evidence that is impossible."""
    graph = network()
    for asked in ("all", "gradient", "mpe", "sensitivity:a=x"):
        for state in ("x", "y"):
            result = lw.belief.infer(graph, {"a": [state]}, asked)
            result.save(tmp_path / "out.json")
            rows = strict((tmp_path / "out.json").read_text())["rows"]
            assert rows == strict(json_text(list(result.objects())))


COMMANDS = {
    "p.lasm": (REGISTER, ["r0=inf"]),
    "q.lasm": (
        FLEET.replace("READ r1, r0", "SETI r1, inf").replace(", in\n", ", temp\n"),
        ["--engine", "reference"],
    ),
    "m.series": (SERIES, ["x=1", "y=0"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_writes_them_alike(tmp_path, name):
    path, (text, words) = tmp_path / name, COMMANDS[name]
    path.write_text(text)
    done = CliRunner().invoke(cli, ["run", str(path), *words, "--json"])
    assert done.exit_code == 0, done.output
    assert '"inf"' in done.stdout
    assert "null" not in done.stdout
    strict(done.stdout)


@pytest.mark.parametrize("shape", ["columns", "rows", "one"])
def test_infinities_are_read_back(tmp_path, shape):
    numbers = [1.5, np.inf, -np.inf, 0.0]
    columns = {"x": numbers, "n": [1, 2, 3, 4]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path = tmp_path / "t.json"
    path.write_bytes(json_text({"columns": columns, "rows": rows, "one": numbers}[shape]))
    strict(path.read_text())
    if shape == "one":
        assert lw.core.data.files.read_array(path).tolist() == numbers
    else:
        assert lw.series.read_columns(path)["x"].tolist() == numbers
        assert [b["x"].tolist() for b in lw.series.iter_columns(path, ["x"], 3)] == [
            numbers[:3], numbers[3:]]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "said"),
    [('"nan"', "missing"), ('"Infinity"', "infinite"), ("Infinity", "infinite"),
     ("1e400", "beyond 1.8e308: inf"), ("-1e400", ": -inf"), ("NaN", "missing"),
     ("null", "empty"), ('"7"', "spells a number")],
)  # fmt: skip
def test_what_else_is_no_number_stays_none(tmp_path, cell, said):
    (tmp_path / "t.json").write_text(f'{{"x": [1.0, {cell}]}}')
    with pytest.raises(Diagnostic) as caught:
        lw.series.read_columns(tmp_path / "t.json")
    assert caught.value.code.ident == "LW3053"
    assert "row 2" in caught.value.message
    assert said in str(caught.value)


def test_a_name_that_is_spelt_like_one_is_a_name(tmp_path):
    (tmp_path / "t.json").write_text('{"x": ["inf", "low", "inf"]}')
    read = lw.series.read_columns(tmp_path / "t.json", categories={"x": ["low", "inf"]})
    assert read["x"].tolist() == [1.0, 0.0, 1.0]


def test_texts_of_all_values():
    assert strict(json_text(VALUES)) == TEXTS
    nested = {"a": [{"b": (np.inf, None, "null")}], "c": {"d": np.float64(-np.inf)}}
    assert strict(json_text(nested)) == {"a": [{"b": ["inf", None, "null"]}], "c": {"d": "-inf"}}
    assert strict(json_text({"n": 2**70, "x": [np.nan]})) == {"n": 2**70, "x": ["nan"]}
