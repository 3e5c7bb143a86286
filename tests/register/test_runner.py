"""Running: inputs, fuel, deadlines, Ctrl-C, externals, yields, tiers, lanes, what is refused."""

import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import numpy as np
import pytest

from lanework.base import rng
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.core.program.program import load
from lanework.machines.register.runner import ENGINES, Runner

pytestmark = pytest.mark.slow

COUNT = assemble(
    """
.loop:
    addi r1, r1, 3
    subi r0, r0, 1
    bne r0, zero, .loop
    halt
"""
)


def refused(call, code, *words):
    with pytest.raises((Diagnostic, Trap)) as caught:
        call()
    text = caught.value.render()
    assert caught.value.code.ident == code, text
    for word in words:
        assert word in text, text


@pytest.mark.timeout(60, method="thread")
@pytest.mark.parametrize("engine", ENGINES)
def test_fuel_stops_every_engine_at_the_same_instruction(engine):
    done = COUNT.bind(engine, Limits(fuel=9))(r0=10)
    assert done.stats["fuel"] == 9
    with pytest.raises(Trap) as caught:
        COUNT.bind(engine, Limits(fuel=8))(r0=10)
    assert caught.value.code.ident == "LW2002"
    assert caught.value.instruction == 2


@pytest.mark.timeout(60, method="thread")
@pytest.mark.parametrize("engine", ["stencil", "llvm", "native", "reference", "auto"])
def test_a_deadline_ends_an_endless_loop(engine):
    endless = assemble(".loop:\n addi r1, r1, 1\n jmp .loop")
    start = time.process_time()
    with pytest.raises(Trap) as caught:
        endless.bind(engine, Limits(deadline=0.3))()
    assert caught.value.code.ident == "LW2001"
    assert time.process_time() - start < 2.5


@pytest.mark.timeout(60, method="thread")
def test_ctrl_c_ends_compiled_code(ctrl_c):
    runner = assemble(".loop:\n addi r1, r1, 1\n jmp .loop").bind("stencil")
    ctrl_c.press(0.5)
    with pytest.raises(KeyboardInterrupt):
        runner()
    assert ctrl_c.work_since() < 0.1


@pytest.mark.timeout(60, method="thread")
def test_the_gil_is_released():
    runner = COUNT.bind("stencil")
    seen = []
    thread = threading.Thread(target=lambda: [runner(r0=400_000_000), seen.append("end")])
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 5


def test_auto_warms_up_and_says_so():
    runner = COUNT.bind()
    assert runner(r0=5).stats["tiers"] == ("native",)
    assert runner(r0=5000).stats["tiers"] == ("native", "stencil")
    result = runner(r0=600_000_000)
    assert result.stats["tiers"] == ("native", "stencil", "llvm")
    assert int(result["r1"]) == 1_800_000_000
    assert "llvm: made in" in runner.explain()


@pytest.mark.parametrize("count", [7, 200])
@pytest.mark.parametrize("engine", ENGINES)
def test_lanes_have_registers_memory_and_random_numbers_of_their_own(engine, count):
    program = assemble(
        """
        load.d r2, [r0]
        store.d r0, [r0]
        add r2, r2, r0
        rand r3
        rand r4
        halt
        """
    )
    lanes = np.arange(8, 8 * count + 8, 8)
    result = program.bind(engine, seed=11)(r0=lanes)
    assert result.axes("r2") == ("lane",)
    assert result["r2"].tolist() == lanes.tolist()
    first = rng.words(11, np.arange(count), 0)
    second = rng.words(11, np.arange(count), 1)
    for name, words in (("r3", first), ("r4", second)):
        expected = words[:, 0].astype(np.uint64) | words[:, 1].astype(np.uint64) << np.uint64(32)
        assert result[name].tolist() == expected.tolist()


@pytest.mark.parametrize("engine", ENGINES)
def test_externals_and_yields(engine):
    program = assemble("mov r5, 4\n ext 0\n yield\n add r0, r0, r5\n ext 1\n halt")
    seen = []

    def triple(registers):
        registers[5] = registers[5] * 3

    def fail(registers):
        raise ValueError("no such luck")

    runner = program.bind(
        engine, externals={0: triple, 1: fail}, on_yield=lambda r: seen.append(r[5])
    )
    refused(lambda: runner(r0=1), "LW4015", "ValueError: no such luck", "ext 1")
    assert seen == [12]
    fine = assemble("ext 0\n halt").bind(engine, externals={0: triple})
    assert int(fine(r5=7)["r5"]) == 21


def test_inputs_of_many_kinds():
    runner = assemble('.input "x" r0 f64\n.output "y" r1 f64\nfadd r1, r0, r0\nhalt').bind()
    assert float(runner(x=1.25)["y"]) == 2.5
    assert runner(x=[1, 2.5])["y"].tolist() == [2.0, 5.0]
    plain = assemble("mov r1, r0\nhalt").bind()
    assert int(plain(r0=-1)["r1"]) == 2**64 - 1
    assert plain(r0=np.array([True, False]))["r1"].tolist() == [1, 0]
    assert plain(r0=np.arange(8, dtype=np.uint8))["r1"].tolist() == list(range(8))


def test_inputs_that_make_no_sense_are_refused():
    runner = assemble("add r1, r0, r2\nhalt").bind()
    refused(lambda: runner(r9=1), "LW4006", "r9")
    refused(lambda: runner(r0=2**64), "LW4006", "r0")
    refused(lambda: runner(r0="x"), "LW4006", "r0")
    refused(lambda: runner(r0=[[1]]), "LW4006", "r0")
    refused(lambda: runner(r0=[1, 2], r2=[1, 2, 3]), "LW4006", "3 lanes")
    refused(lambda: Runner(COUNT, stencils="some"), "LW2005")
    refused(lambda: COUNT.bind("gpu"), "LW2003")


def test_programs_are_kept_in_files(tmp_path):
    COUNT.save(tmp_path / "count.lwp")
    again = load(tmp_path / "count.lwp")
    assert again.hash == COUNT.hash
    assert int(again.run(r0=4)["r1"]) == 12


def test_many_programs_are_alive_at_once():
    runners = [assemble(f"mov r0, {n}\nhalt").bind("stencil") for n in range(2000)]
    for n, runner in enumerate(runners):
        runner.executor("stencil")
        assert int(runner()["r0"]) == n
    for n in (0, 1000, 1999):
        assert int(runners[n]()["r0"]) == n


def test_a_long_function_is_too_large_for_stencils_and_not_for_others():
    program = assemble("mul r9, r9, r10\n" * 9000 + "halt")
    refused(lambda: program.run(engine="stencil", r10=1), "LW4005", "64 KiB")
    assert program.run(engine="native", r9=1, r10=1)["r9"] == 1
    with pytest.warns(UserWarning, match="64 KiB"):
        runner = program.bind()
        runner._heat = 10_000
        assert runner(r9=1, r10=1)["r9"] == 1


def test_a_large_program_of_small_functions_is_fine():
    body = "".join(f"f{n}:\n" + "mul r9, r9, r10\n" * 1000 + "ret\n" for n in range(12))
    calls = "".join(f"call f{n}\n" for n in range(12))
    program = assemble(f".entry main\n{body}main:\n{calls}halt")
    assert program.run(engine="stencil", r9=1, r10=1)["r9"] == 1


def test_nothing_leaks_over_many_programs():
    tape = assemble("addi r0, r0, 1\nhalt")

    def cycle():
        with Runner(tape, "stencil") as runner:
            runner(r0=1)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for _ in range(300):
        cycle()
    before = resident()
    for _ in range(5000):
        cycle()
    assert resident() - before < 1_000_000


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs Linux's list of mappings")
@pytest.mark.parametrize("way", ["", "protect"])
def test_no_page_is_writable_and_executable(way):
    """In a process of its own, with code interpreted and patched, and Python functions called."""
    code = """
        from lanework.core.program.asm import assemble
        program = assemble(".l:\\n ext 0\\n subi r0, r0, 1\\n bne r0, zero, .l\\n halt")
        runners = [program.bind(e, externals={0: lambda r: None}) for e in ("native", "stencil")]
        for runner in runners:
            runner(r0=5)
        modes = [line.split()[1] for line in open("/proc/self/maps")]
        assert any("x" in mode for mode in modes)
        print(sum("w" in mode and "x" in mode for mode in modes))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "LANEWORK_CODE_MAPPING": way},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "0\n"


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_many_lanes_stop_at_the_first_that_traps(engine):
    program = assemble("div r2, r0, r1\nhalt")
    r1 = np.ones(500, np.int64)
    r1[333] = 0
    with pytest.raises(Trap) as caught:
        program.bind(engine)(r0=np.arange(500), r1=r1)
    assert caught.value.lane == 333
    assert caught.value.code.ident == "LW4011"


@pytest.mark.parametrize("engine", ["stencil", "llvm", "auto"])
def test_many_lanes_spend_fuel_and_outlast_a_slice(engine):
    turns = np.full(20, 7)
    turns[11] = 3_000_000  # more than a slice
    result = COUNT.bind(engine)(r0=turns)
    assert result["r1"].tolist() == (turns * 3).tolist()
    assert result.stats["fuel"] == int((turns - 1).sum())
    refused(lambda: COUNT.bind(engine, Limits(fuel=40))(r0=turns), "LW2002")


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_a_program_as_a_function(engine):
    runner = assemble("div r2, r0, r1\nrand r3\nhalt").bind(engine)
    divide = runner.function("r0", "r1", output="r2")
    assert [divide(n, 3) for n in range(0, 100, 7)] == [n // 3 for n in range(0, 100, 7)]
    assert divide(-1, 1) == 2**64 - 1
    refused(lambda: divide(1), "LW4006", "2 numbers")
    refused(lambda: divide([1, 2], 1), "LW4006", "columns")
    refused(lambda: divide(1.0, 1), "LW4006", "float 1.0")
    refused(lambda: divide(1, 0), "LW4011", "div r2, r0, r1")
    refused(lambda: divide(2**64, 1), "LW4006")
    first = runner.function("r0", "r1", output="r3")
    assert first(1, 1) == first(2, 1) != 0
    refused(lambda: runner.function("r9"), "LW4006", "r9")
    count = COUNT.bind(engine).function("r0", output="r1")
    assert count(10) == 30
    if engine != "reference":
        assert count(3_000_000) == 9_000_000


@pytest.mark.parametrize("engine", ENGINES)
def test_fuel_of_many_lanes_ends_at_one_instruction_of_one_lane(engine):
    turns = np.random.default_rng(1).integers(1, 60, 300)
    spent = np.cumsum(turns - 1)
    for lane in (0, 1, 57, 299):
        enough, short = int(spent[lane]), int(spent[lane]) - 1
        assert COUNT.bind(engine, Limits(fuel=enough))(r0=turns[: lane + 1]).stats["fuel"] == enough
        if short < 0:
            continue
        with pytest.raises(Trap) as caught:
            COUNT.bind(engine, Limits(fuel=short))(r0=turns[: lane + 1])
        assert caught.value.code.ident == "LW2002"
        assert caught.value.instruction == 2
    exact = COUNT.bind(engine, Limits(fuel=int(spent[-1])))(r0=turns)
    assert exact["r1"].tolist() == (3 * turns).tolist()


@pytest.fixture
def compiler(monkeypatch):
    """An event for which the optimiser waits, and whom to tell that it should fail."""
    from lanework.machines.register.native import optimised

    real, go, failures = optimised.llvm._object_code, threading.Event(), []

    def object_code(*args):
        go.wait()
        if failures:
            raise failures[0]
        return real(*args)

    monkeypatch.setattr(optimised.llvm, "_object_code", object_code)
    monkeypatch.setattr(optimised.llvm, "_stored", lambda key, name: None)
    yield go, failures
    go.set()


@pytest.mark.timeout(60, method="thread")
def test_code_is_optimised_aside(compiler):
    """A run does not wait for LLVM, nor does a deadline; it goes on with what LLVM made."""
    go, _ = compiler
    runner = COUNT.bind()
    result = runner(r0=400_000_000)
    assert int(result["r1"]) == 1_200_000_000
    assert result.stats["tiers"] == ("native", "stencil")
    assert runner._optimising is not None
    endless = assemble(".loop:\n addi r1, r1, 1\n jmp .loop")
    for engine in ("auto", "llvm"):
        refused(lambda engine=engine: endless.bind(engine, Limits(deadline=0.2))(), "LW2001")
    go.set()
    runner._optimising.join()
    assert runner(r0=7).stats["tiers"] == ("native", "stencil", "llvm")


@pytest.mark.timeout(60, method="thread")
def test_ctrl_c_does_not_wait_for_llvm(compiler, ctrl_c):
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        COUNT.bind("llvm")(r0=5)


@pytest.mark.timeout(60, method="thread")
def test_what_cannot_be_optimised_runs_as_it_is(compiler):
    go, failures = compiler
    failures.append(RuntimeError("no memory for LLVM"))
    runner = COUNT.bind()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert int(runner(r0=400_000_000)["r1"]) == 1_200_000_000
        go.set()
        runner._optimising.join()
    assert "not optimised: no memory for LLVM" in runner.notice
    assert int(runner(r0=9)["r1"]) == 27


@pytest.fixture
def denied(monkeypatch):
    """Deny memory for code from now on."""
    from lanework.engines.stencil import arena, mapping
    from lanework.machines.register.native import loader

    def deny():
        def refuse(real):
            def call(*args):
                if args[{"_map": 1, "_protect": 2}[real.__name__]] & mapping._EXECUTE:
                    raise PermissionError(13, "Permission denied")
                return real(*args)

            return call

        for name in ("_map", "_protect"):
            monkeypatch.setattr(mapping, name, refuse(getattr(mapping, name)))
        monkeypatch.setattr(arena, "_common", [arena.Pool(wait=0.0)])

    yield deny
    loader.native.cache_clear()


@pytest.mark.parametrize("way", ["", "protect"])
@pytest.mark.parametrize("when", ["before", "later"])
def test_auto_goes_down_to_the_reference_without_memory_for_code(denied, monkeypatch, when, way):
    from lanework.machines.register.native import loader

    monkeypatch.setenv("LANEWORK_CODE_MAPPING", way)
    if when == "before":
        loader.native.cache_clear()
        denied()
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        runner = COUNT.bind()
        if when == "later":
            denied()
        assert runner.engine == ("reference" if when == "before" else "stencil")
        assert int(runner(r0=5000)["r1"]) == 15_000
        assert runner(r0=np.arange(1, 40))["r1"].tolist() == list(range(3, 120, 3))
        assert runner.function("r0", output="r1")(9) == 27
    assert "Permission denied" in runner.notice
    if when == "before":
        refused(lambda: COUNT.bind("stencil"), "LW2004", "Permission denied")


@pytest.mark.parametrize("externals", [5, [print], {"print": print}, {0: "print"}, {-1: print}])
def test_externals_are_functions_by_number(externals):
    with pytest.raises(Diagnostic, match=r"LW2005.*external"):
        assemble("ext 0\n halt").bind(externals=externals)
