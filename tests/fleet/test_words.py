"""What people write, and what is said about it: sentence, place, help."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.text.operands import pattern

BUFFERS = ".buffer x, 0, 4, in\n.buffer y, auto, 4, out\n"
PHASE = "\n.phase\n.launch main, 4\n"
COPY = f"{BUFFERS}.routine main\nVMID r0\nREAD r1, r0\nADDI r0, r0, y\nWRITE r0, r1\nHALT{PHASE}"


def refused(text, *said, settings=None, **inputs):
    """The error of a text, which says this in its sentence or its help."""
    with pytest.raises(Diagnostic) as caught:
        program = lw.fleet.assemble(text)
        if settings is None:
            program.run(**inputs)
        program.bind(**settings)
    for each in said:
        assert each in f"{caught.value.message}\n{caught.value.help}"
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"// copies\n{COPY}", 1, ("// begins no comment", "begin with ;")),
        (COPY.replace("HALT", "HALT // the end"), 8, ("// begins no comment", "begin with ;")),
        (COPY.replace("x, 0, 4, in", "x, 0, 4, in, float"), 1, ("'float'", "f32, u32, i32")),
        (COPY.replace("x, 0, 4, in", "x, 0, 4, in, out"), 1, ("is there twice: direction",)),
        (f'.include "a"\n{COPY}', 1, ("no directive .include", ".buffer, ", ".routine")),
        (COPY.replace("VMID r0", "VMID r9"), 4, ("register r9", ".state S64 has 16")),
        (COPY.replace("\nHALT", ""), 7, ("goes on after", "end it with HALT")),
    ],
)
def test_what_is_wrong_is_marked(text, line, said):
    assert refused(text, *said, x=[1, 2, 3, 4]).span.line == line


def test_plans_say_what_to_do():
    refused(COPY.replace("4, in", "4, in, range 5 1"), "range 1.0 5.0", x=[1, 2, 3, 4])
    refused(COPY.replace(".phase", ".repeat 0\n.phase") + ".end", ".launch NAME", x=[1, 2, 3, 4])


@pytest.mark.parametrize(
    ("name", "value"), [("arithmetic", "trap"), ("seed", 3), ("layout", "aos"), ("sort", True)]
)
def test_options_are_not_inputs(name, value):
    error = refused(COPY, f"program.bind({name}=...)", x=[1, 2, 3, 4], **{name: value})
    assert f"no input {name!r}" in error.message
    product = lw.register.assemble("mul r0, r0, r1\nhalt")
    with pytest.raises(Diagnostic) as caught:
        product.run(r0=6, r1=7, stencils="memory")
    assert "program.bind(stencils=...)" in caught.value.help


@pytest.mark.parametrize("given", ["a.lasm", ["a.lasm"], [None], 5])
def test_modules_are_linked_and_nothing_else(given):
    with pytest.raises(Diagnostic, match="is no module") as caught:
        lw.fleet.link(given)
    assert "assemble_module" in caught.value.help


@pytest.mark.parametrize("engine", ["auto", "epoch"])
def test_an_adapter_that_is_asked_for_is_there(engine):
    with pytest.raises(Diagnostic) as caught:
        lw.fleet.assemble(COPY).bind(engine, adapter="no such card")(x=[1, 2, 3, 4])
    assert caught.value.code.ident == "LW2201"


@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_an_adapter_is_of_engines_on_cards(engine, tmp_path):
    settings = {"engine": engine, "adapter": "a"}
    error = refused(COPY, f"the engine {engine} runs on no adapter", settings=settings)
    assert error.code.ident == "LW6011"
    assert error.help == "bind to the engine wgsl or epoch, or leave adapter out"
    file = tmp_path / "copy.lasm"
    file.write_text(f".machine fleet\n{COPY}")
    words = ["run", str(file), "x=1,2,3,4", "--adapter", "a", "--engine", engine]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1
    assert "give --engine wgsl or epoch, or leave out --adapter" in done.stderr


@pytest.mark.parametrize("given", [None, "north", "2024-01-01"])
def test_inputs_that_are_no_numbers_are_no_rows_of_a_table(given):
    error = refused(COPY, x=[1, given, 3, 4])
    assert error.code.ident == "LW6010"
    assert error.help.removeprefix("a date: ") == "give a number there"


@pytest.mark.parametrize(
    ("dtype", "sets", "said"),
    [
        ("u32", "SETI r1, 5.5\nWRITE r0, r1", "FTOU or FTOI, or by ISETI"),
        ("f32", "ISETI r1, 5\nWRITE r0, r1", "UTOF or ITOF, or by SETI"),
        ("u32", "SETI r1, 5.5\nATOMIC_ADD r2, r0, r1", "ATOMIC_IADD adds integers"),
        ("f32", "ISETI r1, 5\nATOMIC_IADD r2, r0, r1", "ATOMIC_ADD adds floats"),
    ],
)
def test_kinds_that_are_mixed_are_converted(dtype, sets, said):
    text = f".buffer x, 0, 4, out, {dtype}\n.buffer n, auto, 1, inout, u32\n"
    error = refused(f"{text}SETI r0, x\n{sets}\nHALT", said)
    assert error.code.ident == "LW6013"


def test_a_threshold_is_of_matrices_that_have_one():
    settings = {"engine": "epoch", "threshold": 0.5}
    error = refused(COPY, "threshold has no effect on matrices stored as rows", settings=settings)
    assert "format='hybrid'" in error.help


def test_lists_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("copy.lasm").write_text(f".machine fleet\n{COPY}")
    Path("double.lasm").write_text("add r0, r0, r0\nhalt")
    Path("m.series").write_text('model("m", periods=1)\nx = input()\ny = x * 2\n')
    for file, given, said in (
        ("copy.lasm", "x=1,2,3,a", "no number"),
        ("copy.lasm", "x=1,05", "without commas, 1.05"),
        ("double.lasm", "r0=0,05", "without commas, 0.05"),
        ("double.lasm", "r0=1,000", "without commas, 1000"),
        ("m.series", "x=0,05", "without commas, 0.05"),
        ("m.series", "x=1,05,2", "without leading zeros"),
        ("m.series", "x=12,000,050.5", "without commas, 12000050.5"),
    ):
        done = CliRunner().invoke(cli, ["run", file, given])
        assert done.exit_code == 1
        assert said in done.stderr
        assert given in done.stderr
    assert CliRunner().invoke(cli, ["run", "m.series", "x=0.05,0.5,0,5"]).exit_code == 0


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("BRANCH_GTE r1, on", "did you mean 'BRANCH_GE'?"),
        ("branch_lte r1, on", "did you mean 'BRANCH_LE'?"),
        ("BRANCH_NEQ r1, on", "did you mean 'BRANCH_NE'?"),
        ("BRANCH_GEQ r1, on", "did you mean 'BRANCH_GE'?"),
        ("WRITE r0", "write SYSCALL_WRITE r1, r2, which are addr, src"),
        ("SELECT r0, r1, r2", "write SELECT r0, r1, r2, r3, which are dest, cond, src1, src2"),
        ("WAIT r0, s", "which are addr, src; a number, or where a buffer is, goes into one first:"
         " SETI r1, s"),
        ("WRITE s, r0", "SETI r1, s"),
        ("ATOMIC_CAS r0, 5, r1, r2", "which are dest, addr, src1, src2; a number, or where a buffer"
         " is, goes into one first: SETI r1, 5"),
    ],
)  # fmt: skip
def test_operands_are_told_apart_and_branches_found(line, advice):
    with pytest.raises(Diagnostic) as caught:
        lw.fleet.assemble(f".buffer s, 0, 4\n.routine main\non:\n    {line}\n    HALT\n")
    assert advice in caught.value.help


def test_an_alias_that_is_misspelt_is_no_number():
    with pytest.raises(Diagnostic) as caught:
        lw.fleet.assemble(".routine main\n.alias wait r1\nWRITE wiat, r0\nHALT\n")
    assert caught.value.help == "did you mean 'wait'?"


def test_operands_of_examples_are_all_different():
    for info in FLEET.by_name.values():
        words = pattern(info).replace(",", "").split()[1:]
        assert len(set(words)) == len(words)
