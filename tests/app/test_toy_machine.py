"""A machine that is registered here alone has every command, without a line of it in `app`."""

import json
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.core import machine, terminal
from lanework.core.arguments import split_input
from lanework.core.cli import CommandLine, command_lines, engine_option, read_text
from lanework.core.fuzzing import Campaign, Divergence
from lanework.core.machine import MACHINES, Machine, find
from lanework.core.program.data import Port
from lanework.core.program.isa import ISA, Instr, Instruction
from lanework.core.program.program import Program
from lanework.core.result.result import Result
from lanework.core.runner import Runner

HERE = __name__


# The machine: each instruction doubles x ----------------------------------------------------------

TOY = ISA("toy", [Instr("twice", 1, (), "Doubles.")])
MACHINE = Machine(
    "toy",
    isa=f"{HERE}:TOY",
    verify=f"{HERE}:verify",
    runner=f"{HERE}:ToyRunner",
    text=f"{HERE}:Text",
    cli=f"{HERE}:COMMANDS",
    fuzz=f"{HERE}:campaign",
    facts=f"{HERE}:facts",
    inputs={"number": "row"},
)


def program(count):
    tape = TOY.encode([Instruction("twice", 0, ())] * count)
    ports = (Port("x", "in", 7), Port("y", "out", 8, doc="What comes out."))
    return Program("toy", {"name": "toy"}, tape, ports, np.zeros(0))


def verify(program):
    TOY.decode(program.tape)
    return []


def facts(program):
    return {"factor": 2 ** len(TOY.decode(program.tape))}


class Text:
    def assemble(self, lines):
        return program(sum(line.words[0].text == "twice" for line in lines))

    def disassemble(self, program):
        return (instruction.name for instruction in TOY.decode(program.tape))


class ToyRunner(Runner):
    ENGINES = ("reference",)

    def __init__(self, program, engine="auto", limits=None, *, plus=0.0):
        super().__init__(program, limits)
        self._settle(engine)
        self.plus = plus

    def _unsuited(self, engine):
        return None

    def _details(self):
        return ()

    def __call__(self, x):
        factor = 2 ** len(TOY.decode(self.program.tape))
        return Result({"y": np.array(factor * x + self.plus)}, axes={"y": ()})


def run(request):
    given = dict(split_input(word, "write x=2") for word in request.words)
    runner = request.program.bind(request["engine"], request.limits, plus=request["plus"])
    result = runner(**{name: float(text) for name, text in given.items()})
    if request["json"]:
        terminal.json_out({"y": result["y"].item(), "program": request.about()})
    else:
        terminal.result(result)


COMMANDS = CommandLine(
    actions={"run": run},
    options={
        "run": (engine_option("reference"), click.Option(["--plus"], type=float, default=0.0)),
    },
    models={".toy": "a toy"},
    compile=lambda request: program(len(read_text(request.path).split())),
    benches={"toys": lambda as_json: terminal.message("quick")},
)


def check_seed(seed):
    factor = program(seed % 5).run(x=1.0)["y"]
    return None if factor == 2 ** (seed % 5) else Divergence(seed, "reference", "is wrong")


def campaign():
    return Campaign("toy", check_seed, lambda divergence: f"twice {divergence.seed}")


# What the house does with it ----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _registered(tmp_path, monkeypatch):
    monkeypatch.setitem(MACHINES, "toy", f"{HERE}:MACHINE")
    monkeypatch.chdir(tmp_path)
    Path("three.toy").write_text("one two three")
    Path("fib.lasm").write_text("addi r0, r0, 1\nhalt")
    yield
    machine.find.cache_clear()


def call(*words, status=0):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == status, done.output
    return done


def test_its_models_and_programs_run():
    assert "16" in call("run", "three.toy", "x=2").stdout
    compiled = call("compile", "three.toy").stdout.strip()
    assert lw.load("three.lwp").hash == compiled
    Path("three.lasm").write_text(call("dis", "three.lwp").stdout)
    for file in ("three.toy", "three.lwp", "three.lasm"):
        done = call("run", file, "x=2", "--plus", "1", "--json")
        assert json.loads(done.stdout) == {"y": 17.0, "program": {"file": file, "hash": compiled}}
        assert compiled in call("verify", file).stdout
    assert lw.load("three.lwp").run(x=1.0)["y"] == 8.0


def test_it_is_inspected_in_its_own_words():
    lines = [line.split() for line in call("inspect", "three.toy").stdout.splitlines()]
    assert ["factor", "8"] in lines
    assert ["input", "number", "doc"] in lines
    assert ["x", "7"] in lines
    assert ["output", "doc"] in lines
    assert "<Program toy: 1 inputs, 1 outputs" in repr(program(3))


def test_its_options_are_its_own():
    shown = call("run", "--help").stdout
    own = shown[shown.index("For toy") :]
    assert "--plus" in own
    assert "--epochs" not in own
    done = call("run", "three.toy", "x=2", "--epochs", "3", status=1)
    assert "three.toy is for the toy machine, which has no option --epochs" in done.stderr
    assert "--epochs is for fleet" in done.stderr
    done = call("run", "fib.lasm", "--plus", "1", "--json", status=1)
    assert "the register machine, which has no option --plus" in done.stdout
    assert "no engine 'llvm'" in call("run", "three.toy", "--engine", "llvm", status=1).stderr


def test_commands_that_it_lacks():
    assert "the toy machine, which has no 'test'" in call("test", "three.toy", status=1).stderr
    assert "only that is linked" in call("compile", "three.toy", "fib.lasm", status=1).stderr
    assert "ends in .lwp" in call("compile", "three.toy", "-o", "three.o", status=1).stderr
    assert call("bench", "toys").stderr == "quick\n"
    assert "'jit', 'toys'" in call("bench", "tois", status=2).stderr


def test_it_is_fuzzed(monkeypatch):
    assert (
        "30 programs from seed 0: 0 divergences"
        in call("fuzz", "toy", "--count", "30", "--jobs", "1").stdout
    )
    monkeypatch.setattr(ToyRunner, "__call__", lambda self, x: {"y": 4.0})
    done = call("fuzz", "toy", "--count", "5", "--jobs", "1", status=4)
    assert "4 of 5 programs differ between engines; the first is seed 0" in done.stderr
    assert "twice 0" in done.stderr
    assert "'toi' is not one of 'series', 'belief'" in call("fuzz", "toi", status=2).stderr


def test_unknown_files_are_told_what_there_is():
    Path("x.to").write_text("")
    done = call("run", "x.to", status=1)
    assert "error[LW8004]" in done.stderr
    assert "did you mean '.toy'?" in done.stderr
    done = call("run", "thre.toy", status=1)
    assert "did you mean 'three.toy'?" in done.stderr


@pytest.mark.parametrize("name", [*MACHINES, "toy"])
def test_every_part_of_a_machine_is_where_it_says(name):
    for part in ("isa", "verify", "runner", "text", "cli", "fuzz", "facts", "drawing"):
        assert (find(name).load(part) is None) == (getattr(find(name), part) == "")


def test_options_of_one_name_are_read_in_one_way():
    """Two machines may have an option of the same name: then it takes the same values."""
    known = {}
    for _, line in command_lines():
        for command, options in line.options.items():
            for option in options:
                shape = (option.opts, repr(option.type), option.multiple, option.is_flag)
                shape += (option.nargs, repr(option.default))
                assert known.setdefault((command, option.name), shape) == shape
