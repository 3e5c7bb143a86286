"""What to do about an error, as it is said where a person is: in Python, on the command line."""

import pickle
import re

import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Advice, Diagnostic, all_codes

MODEL = """model("m", periods=4)
a = input(default=1)
s = input(axes="time", default=0)
p = input(axes="scenario", default=0)
k = input(axes=("scenario", "time"), default=0)
balance = prev(balance, initial=100) * (1 + a / 100) - s + k
left = last(balance)
each = left + p
aside = fma(a, a, 1)
output(left, balance, each)
"""
LOOP = """model("l", periods=2)
a = input(default=1)
x = x * x + a
circular(x)
"""
OPEN = """model("o")
a = input(default=1)
x = prev(x, initial=a) + 1
"""
PYTHON = re.compile(r"\.\w+\(|\bNone\b|\b(?:compile|to_xlsx|solve|bind)\(|`|=\{|failures")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("m", MODEL), ("l", LOOP), ("o", OPEN)):
        (tmp_path / f"{name}.series").write_text(text)
    (tmp_path / "names.csv").write_text("p\nred\n")
    (tmp_path / "lanes.csv").write_text("p\n1\n2\n3\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run m.series s=1,2", "or --periods 2"),
        ("run o.series", "give --periods 12"),
        ("run m.series k=1,2,3,4", "as the column k of a table: scenario=FILE or time=FILE"),
        ("run m.series --outputs aside", "write output(aside) in the model"),
        ("run m.series --explain balance", "say which: --explain balance@0"),
        ("run m.series p=1,2 --explain each", "say which: --explain NODE,scenario=0"),
        ("run m.series scenario=names.csv", "p = input(categories=[...])"),
        (
            "run l.series --workbook x.xlsx",
            "--outputs A,B, or give it in every period: --override x=",
        ),
        ("solve m.series --variables a", "give as many --residuals as unknowns, or an --objective"),
        ("solve m.series --variables a --bounds left=5:3", "--bounds left=LOWEST:HIGHEST"),
        ("solve m.series --variables a --residuals left --maximise", "--objective NAME"),
        (
            "solve m.series --variables a --bounds left=1e9: --bounds a=0:1 --objective left",
            "begin elsewhere (UNKNOWN=VALUE)",
        ),
        ("seek m.series --variable a --output each p=1 --bounds 9:1", "--bounds LOWEST:HIGHEST"),
        ("seek m.series --variable a --output left --bounds 0:1 --target 1e9", "--bounds LOW:HIGH"),
        ("seek m.series --variable s --output left", "lanework solve takes more"),
        ("seek m.series --variable a --output left --bounds nan:1", "--bounds 0:1e6"),
        (
            "solve m.series --variables a --bounds left=nan:1 --objective left",
            "--bounds left=0:1e6",
        ),
        ("run m.series scenario=lanes.csv --block 1 --explain each", "give a larger --block"),
    ],
)
def test_on_the_command_line_it_is_what_to_type(command, said, folder):
    outcome = CliRunner().invoke(cli, command.split())
    assert outcome.exit_code == 1
    (help,) = [line for line in outcome.stderr.splitlines() if line.startswith("  help: ")]
    assert said in help
    assert not PYTHON.search(help)
    shown = CliRunner().invoke(cli, [*command.split(), "--json"])
    assert said in shown.stdout


def test_loops_name_their_line_of_the_model_file(folder):
    outcome = CliRunner().invoke(cli, ["run", "l.series"])
    assert "help: in the model's line circular(x, ...) give guess=" in outcome.stderr


def test_in_python_it_is_what_to_call():
    model = lw.series.Model("m", periods=4)
    model.input("s", axes="time"), model.input("a")
    model.formula("y", "total(s) * a")
    with pytest.raises(Diagnostic, match=r"help: .*program\.bind\(periods=2\)") as caught:
        model.run(s=[1.0, 2.0], a=1.0)
    assert "--" not in str(caught.value)
    assert "--" not in caught.value.render()  # as a notebook shows it
    with pytest.raises(Diagnostic, match=r"help: give \(lowest, highest\)"):
        model.seek("a", "y", bounds=(2.0, 1.0), inputs={"s": [1.0] * 4})


def test_both_go_where_an_error_goes():
    error = Diagnostic(
        next(iter(all_codes().values())), "no", help=Advice("call it", typed="type it")
    )
    again = pickle.loads(pickle.dumps(error))
    assert (again.help, again.help.typed) == ("call it", "type it")
