"""Programs as values: equal by hash, sent to other processes, in files of any kind."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic


def series(name: str = "rate") -> Any:
    model = lw.series.Model("loan", periods=3)
    model.input(name)
    model.formula("debt", f"prev(debt, initial=100.0) * (1 + {name})")
    return model.compile()


def belief() -> Any:
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.25, 0.75])
    return lw.belief.compile_graph(graph)


def register() -> Any:
    return lw.register.assemble("mul r0, r0, r1\nhalt")


def fleet() -> Any:
    return lw.fleet.assemble(".machine fleet\n.shared 4\nSETI r0, 2\nSTORE r0, 1\nHALT")


MAKE = [series, belief, register, fleet]
INPUTS: dict[Any, dict[str, Any]] = {series: {"rate": 0.5}, register: {"r0": 6, "r1": 7}}


def answer(program: Any, inputs: dict[str, Any]) -> tuple[str, list[Any]]:
    """Run where it came to."""
    program.views["seen"] = True
    return program.hash, [value.tolist() for value in program.run(**inputs).values()]


def called(runner: Any, inputs: dict[str, Any]) -> list[Any]:
    """Run by a runner that came over."""
    return [value.tolist() for value in runner(**inputs).values()]


@pytest.mark.parametrize("make", MAKE)
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_runners_are_made_again_where_they_come_to(make: Any, engine: str) -> None:
    inputs = INPUTS.get(make, {})
    limits = lw.Limits(memory=2**28, deadline=60.0)
    with make().bind(engine, limits) as runner:
        expected = called(runner, inputs)
        for there in (pickle.loads(pickle.dumps(runner)), copy.copy(runner), copy.deepcopy(runner)):
            assert there is not runner
            assert (there.engine, there.limits) == (runner.engine, limits)
            assert called(there, inputs) == expected
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            assert pool.submit(called, runner, inputs).result() == expected


def test_options_of_runners_come_along() -> None:
    runner = series().bind(periods=2, outputs=["debt"], threads=1, cache=False)
    assert pickle.loads(pickle.dumps(runner))(rate=0.5)["debt"].tolist() == [150.0, 225.0]
    text = ".machine fleet\n.shared 4\nSETI r1, 7\nSETI r0, 9\nWRITE r0, r1\nHALT"
    faulty = pickle.loads(pickle.dumps(lw.fleet.assemble(text).bind("reference", bounds="fault")))
    with pytest.raises(lw.Trap, match="outside"):
        faulty()


def test_what_is_sought_comes_along_and_a_debugger_does_not() -> None:
    model = lw.series.Model("double", periods=1)
    model.input("x")
    model.formula("y", "x * 2")
    there = pickle.loads(pickle.dumps(model.seek("x", "y", 3.0)))
    assert (there.value, there.result["y"].tolist()) == (1.5, 3.0)
    model.formula("miss", "last(y) - 3")
    solver = model.compile().solver("x", "miss")
    assert pickle.loads(pickle.dumps(solver))()["x"] == pytest.approx(1.5)
    for lose in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(Diagnostic, match="LW6032") as error:
            lose(fleet().bind("reference").debug())
        assert "pickle the program" in str(error.value.help)


@pytest.mark.parametrize("make", MAKE)
def test_programs_are_equal_when_their_hashes_are(make: Any) -> None:
    one, other = make(), make()
    assert one is not other
    assert one == other
    assert len({one, other, copy.copy(one), copy.deepcopy(one)}) == 1
    assert {one: "here"}[other] == "here"
    different = [each() for each in MAKE if each is not make] + [series("interest")]
    assert all(one != each for each in different)
    assert one != one.hash
    assert one


def test_a_program_of_no_instructions_is_a_program_still() -> None:
    model = lw.series.Model("m", periods=2)
    model.input("x")
    model.formula("y", "x")
    program = model.compile()
    assert len(program) == 0
    assert program


@pytest.mark.parametrize("make", MAKE)
def test_len_is_instructions_and_bytes_is_the_file(make: Any, tmp_path: Path) -> None:
    program = make()
    path = tmp_path / "p.lwp"
    program.save(path)
    assert path.read_bytes() == bytes(program)
    decode = program._machine.load("isa").decode
    assert len(program) == len(decode(program.tape)) > 0


@pytest.mark.parametrize("make", MAKE)
def test_programs_pickle_after_a_run_too(make: Any) -> None:
    program = make()
    before = answer(program, INPUTS.get(make, {}))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(program, protocol))
        assert again == program
        assert list(again.listing) == list(program.listing)
        assert again.notes == program.notes
        assert answer(again, INPUTS.get(make, {})) == before


@pytest.mark.slow
def test_spawned_processes_run_programs_of_every_machine() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for make in MAKE:
            inputs = INPUTS.get(make, {})
            assert pool.submit(answer, make(), inputs).result() == answer(make(), inputs)


@pytest.mark.parametrize("make", MAKE)
def test_open_files_and_streams_hold_programs(make: Any, tmp_path: Path) -> None:
    program = make()
    memory = io.BytesIO()
    program.save(memory)
    memory.seek(0)
    assert lw.load(memory) == program
    with open(tmp_path / "p.lwp", "wb") as file:
        program.save(file)
    with open(tmp_path / "p.lwp", "rb") as file:
        assert lw.load(file) == program


def test_standard_input_and_output_hold_programs() -> None:
    program = register()
    run = "assert p.run(r0=6, r1=0)['r0'] == 0"
    code = f"import lanework as lw; p = lw.load('-'); {run}; p.save('-')"
    done = subprocess.run([sys.executable, "-c", code], input=bytes(program), capture_output=True)
    assert done.stdout == bytes(program), done.stderr.decode()


def test_streams_of_text_and_damaged_streams_are_refused(tmp_path: Path) -> None:
    program = register()
    for stream in (io.StringIO(), (tmp_path / "t.lwp").open("w+")):
        with stream:
            with pytest.raises(Diagnostic, match=r"LW1013.*open as text") as caught:
                program.save(stream)  # type: ignore[arg-type]
            assert "'wb'" in str(caught.value)
            with pytest.raises(Diagnostic, match="LW1013"):
                lw.load(stream)  # type: ignore[arg-type]
    for other in (3, None, object()):
        for use in (program.save, lw.load):
            with pytest.raises(Diagnostic, match=f"LW1013.*{type(other).__name__} is no path"):
                use(other)  # type: ignore[arg-type, operator]
    with pytest.raises(Diagnostic, match="LW1006: program is damaged at offset 16"):
        lw.load(io.BytesIO(bytes(program)[:-1]))
    (tmp_path / "cut.lwp").write_bytes(bytes(program)[:-1])
    with open(tmp_path / "cut.lwp", "rb") as file, pytest.raises(Diagnostic, match=r"cut\.lwp is"):
        lw.load(file)
    assert not os.path.exists("-")


@pytest.mark.parametrize(
    ("program", "option", "near"),
    [
        (lw.load(Path(__file__).parent / "saved/series.lwp"), "thread", "threads"),
        (lw.load(Path(__file__).parent / "saved/belief.lwp"), "thread", "threads"),
        (lw.load(Path(__file__).parent / "saved/register_fib.lwp"), "sed", "seed"),
        (lw.load(Path(__file__).parent / "saved/fleet_ring.lwp"), "sed", "seed"),
    ],
)
def test_an_option_that_is_misspelt_is_refused(program, option, near):
    with pytest.raises(lw.Diagnostic, match=f"there is no option '{option}'") as caught:
        program.bind(**{option: 1})
    assert f"did you mean {near!r}" in caught.value.help
    with pytest.raises(lw.Diagnostic, match="there is no option 'fuel'") as caught:
        program.bind(fuel=1)
    assert "lanework.Limits(fuel=...)" in caught.value.help


@pytest.mark.parametrize("name", ["series", "register_fib", "fleet_ring"])
def test_a_limit_that_is_given_as_an_input_is_refused(name):
    program = lw.load(Path(__file__).parent / f"saved/{name}.lwp")
    with pytest.raises(lw.Diagnostic) as caught:
        program.run(deadline=1)
    assert "lanework.Limits(deadline=...)" in caught.value.help
