"""Functions of programs: they keep their code, in threads and after their runner is closed."""

import ctypes
import gc
import threading

import numpy as np
import pytest

from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core.program.asm import assemble
from lanework.engines.stencil import arena
from lanework.machines.register import assemble as typed
from lanework.machines.register.runner import ENGINES
from lanework.machines.register.state import RegisterBank

NATIVE = [engine for engine in ENGINES if engine != "reference"]
COUNT = assemble(".l: addi r1, r1, 3\n subi r0, r0, 1\n bne r0, zero, .l\n halt")


def churn(count):
    """Many programs, each in a buffer of its own, that are kept."""
    runners = [assemble(f"mov r0, {n + 840}\nhalt").bind("stencil") for n in range(count)]
    for runner in runners:
        runner()
    return runners


def in_threads(work, count=8):
    """Do it in threads at once; what any of them raised."""
    wrong = []

    def run(n):
        try:
            work(n)
        except BaseException as failure:
            wrong.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize("way", ["close", "context", "dropped"])
def test_a_function_outlives_its_runner(engine, way):
    program = assemble("addi r0, r0, 1\nhalt")
    if way == "context":
        with program.bind(engine) as runner:
            f = runner.function("r0")
    else:
        runner = program.bind(engine)
        f = runner.function("r0")
        runner.close()
    if way == "dropped":
        del runner
    kept = churn(130)
    assert [f(n) for n in (1, 41)] == [2, 42]
    assert f(-1) == 0  # the long way
    assert [int(each()["r0"]) for each in kept[:3]] == [840, 841, 842]


def test_code_is_given_back_with_the_last_who_holds_it():
    pool = arena.code_pool()
    runner = COUNT.bind("stencil")
    f = runner.function("r0", output="r1")
    free = len(pool._free)
    runner.close()
    assert len(pool._free) == free
    assert f(5) == 15
    del runner, f
    assert len(pool._free) == free + 1


@pytest.mark.parametrize("engine", ["auto", *NATIVE])
def test_closing_while_others_run(engine):
    """Threads that call a runner, its function and lanes, while another one closes it."""
    runner = COUNT.bind(engine)
    f = runner.function("r0", output="r1")
    lanes = np.arange(1, 40)
    stop = threading.Event()

    def close():
        while not stop.wait(0.001):
            runner.close()

    closing = threading.Thread(target=close)
    closing.start()

    def work(n):
        for k in range(60):
            turns = 1 + 97 * n + k
            assert f(turns) == 3 * turns
            assert int(runner(r0=turns)["r1"]) == 3 * turns
            assert runner(r0=lanes)["r1"].tolist() == (3 * lanes).tolist()

    try:
        in_threads(work, 4)
    finally:
        stop.set()
        closing.join()


@pytest.mark.parametrize("engine", ["auto", *NATIVE])
def test_a_function_in_threads(engine):
    f = COUNT.bind(engine).function("r0", output="r1")

    def work(n):
        for k in range(500):
            assert f(1 + 64 * n + k) == 3 * (1 + 64 * n + k)

    in_threads(work)


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_what_functions_raise_stays_with_their_thread(engine):
    """Externals that fail in some threads only, each with a number of its own."""

    def picky(registers):
        if registers[0] % 2:
            raise ValueError(f"odd {registers[0]}")

    runner = assemble("ext 0\nhalt").bind(engine, externals={0: picky})

    def work(n):
        for _ in range(60):
            if n % 2 == 0:
                assert int(runner(r0=n)["r0"]) == n
                continue
            with pytest.raises(Trap, match=f"ValueError: odd {n}") as caught:
                runner(r0=n)
            assert isinstance(caught.value.__cause__, ValueError)

    in_threads(work)


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_functions_take_and_give_numbers_of_their_ports(engine):
    program = typed(
        ".input r0 f64 = 0\n.input r1 i64 = 0\n.input r2 u64 = 0\n.output r3 f64\n"
        ".output r4 i64\n.output r5 u64\nfadd r3, r0, r0\nsub r4, r1, r2\nmov r5, r2\nhalt",
    )
    runner = program.bind(engine)
    twice = runner.function("r0", output="r3")
    for x in (1.5, -5.0, 0.1, float("inf"), np.float64(2.5), np.float32(0.5), 7, -3):
        assert twice(x) == 2 * x
        assert type(twice(x)) is float
    difference = runner.function("r1", "r2", output="r4")
    for a, b in ((1, 5), (-7, 2), (np.int64(3), np.uint8(4)), (True, 2)):
        assert difference(a, b) == int(a) - int(b)
        assert type(difference(a, b)) is int
    assert runner.function("r2", output="r5")(2**64 - 1) == 2**64 - 1
    for call in (
        lambda: twice(2**53 + 1),
        lambda: twice("1.5"),
        lambda: twice(None),
        lambda: difference(1.0, 1),
        lambda: difference(2**63, 1),
        lambda: difference(1, 2**64),
        lambda: difference(1),
        lambda: difference(1, 2, 3),
        lambda: difference([1, 2], 1),
    ):
        with pytest.raises(Diagnostic) as caught:
            call()
        assert caught.value.code.ident == "LW4006"


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_native_externals(engine):
    """By their address or as a ctypes function; what is not 0 stops the program and is named."""
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(ctypes.c_uint64))

    @prototype
    def native(registers):
        registers[1] = registers[0] * 3
        return -7 if registers[0] == 9 else 0

    for function in (native, ctypes.cast(native, ctypes.c_void_p).value):
        runner = assemble("ext 2\nhalt").bind(engine, externals={2: function})
        assert int(runner(r0=5)["r1"]) == 15
        with pytest.raises(Trap, match="external function 2 returned -7") as caught:
            runner(r0=9)
        assert caught.value.code.ident == "LW4015"
        assert int(runner(r0=5)["r1"]) == 15
    for number in (1, 7, -1):
        missing = assemble(f"ext {number}\nhalt").bind(engine, externals={2: native})
        with pytest.raises(Trap, match=f"external function {number}: there is none"):
            missing()


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_what_is_no_failure_is_raised_as_it_is(engine):
    def end(registers):
        raise SystemExit(3)

    runner = assemble("ext 0\nhalt").bind(engine, externals={0: end})
    with pytest.raises(SystemExit):
        runner()


@pytest.mark.parametrize("function", [0, -1, 2**64, "f", None])
def test_what_is_no_function_is_refused(function):
    with pytest.raises(Diagnostic, match="external function 4") as caught:
        assemble("ext 4\nhalt").bind(externals={4: function})
    assert caught.value.code.ident == "LW2005"


def test_fuel_of_a_function():
    f = COUNT.bind(limits=Limits(fuel=10)).function("r0", output="r1")
    assert f(10) == 30
    with pytest.raises(Trap) as caught:
        f(12)
    assert caught.value.code.ident == "LW2002"


def banks():
    gc.collect()
    return sum(isinstance(each, RegisterBank) for each in gc.get_objects())


@pytest.mark.long
@pytest.mark.parametrize("engine", ["auto", "stencil", "llvm", "native", "reference"])
@pytest.mark.parametrize("way", ["runner", "function"])
def test_memory_of_runs_goes_with_their_threads_and_with_the_runner(engine, way):
    """One for a thread that is still there, however many there were."""
    before = banks()
    run = assemble(".memory 65536\nadd r1, r0, r0\nhalt").bind(engine)
    function = run.function("r0")
    together = threading.Barrier(8)

    def work():
        together.wait()
        for n in range(20):
            run(r0=n) if way == "runner" else function(n)

    for _ in range(3):
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert banks() <= before + 1
    run(r0=1) if way == "runner" else function(1)
    assert banks() <= before + 2
    run.close()
    function = None
    assert banks() == before
