"""Files of fleet assembly, linked on the command line."""

import json

import pytest
from click.testing import CliRunner

import lanework as lw
from lanework import fleet
from lanework.app.cli import cli

MAIN = """.machine fleet
.extern twice
    SETI r0, 21
    CALL twice
    STORE r0, 0
    HALT
"""
LIBRARY = """.machine fleet
.routine twice
    ADD r0, r0, r0
    RETURN
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.lasm").write_text(MAIN)
    (tmp_path / "library.lasm").write_text(LIBRARY)
    (tmp_path / "fib.lasm").write_text("addi r0, r0, 1\nhalt")
    (tmp_path / "loan.series").write_text("")


def call(*words):
    return CliRunner().invoke(cli, words)


def test_files_are_linked_and_run():
    done = call("compile", "main.lasm", "library.lasm", "-o", "program.lwp")
    assert done.exit_code == 0, done.output
    program = lw.load("program.lwp")
    linked = fleet.link([fleet.assemble_module(MAIN), fleet.assemble_module(LIBRARY)])
    assert program.hash == linked.hash == done.stdout.strip()
    runner = program.bind("reference")
    runner()
    assert runner.vms.structures()["memory"][0, 0] == 42.0
    assert call("verify", "program.lwp").exit_code == 0


def test_the_program_is_named_like_the_first_file():
    done = call("compile", "main.lasm", "library.lasm", "--json")
    assert json.loads(done.stdout)["file"] == "main.lwp"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("LW1010: 'twice' is in another file", ["main.lasm"]),
        ("LW6009: the routine 'twice' is defined twice", ["main.lasm", *["library.lasm"] * 2]),
        ("fib.lasm is no fleet assembly", ["main.lasm", "fib.lasm"]),
        ("loan.series is no fleet assembly", ["loan.series", "library.lasm"]),
        ("missing.lasm does not exist", ["main.lasm", "missing.lasm"]),
        ("a compiled program ends in .lwp", ["main.lasm", "library.lasm", "-o", "program"]),
        ("LW6002", ["main.lasm", "endless.lasm"]),
    ],
)
def test_what_cannot_be_linked(tmp_path, said, words):
    (tmp_path / "endless.lasm").write_text(LIBRARY.replace("    RETURN\n", ""))
    done = call("compile", *words)
    assert done.exit_code == 1
    assert said.removeprefix("LW1010: ").removeprefix("LW6009: ") in done.stderr
    assert not said.startswith("LW") or f"error[{said[:6]}]" in done.stderr


def test_an_option_of_networks_is_none_of_fleets():
    done = call("compile", "main.lasm", "library.lasm", "--normalize")
    assert done.exit_code == 1
    assert "the fleet machine, which has no option --normalize" in done.stderr
