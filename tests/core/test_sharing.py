"""One runner in eight threads, on every machine and engine: each call gets its own answer.

And the ends of it: a process ends when its main thread does, and a child of `fork` can work.
"""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from graphs import chain

import lanework as lw
from lanework.base.sharing import keep

THREADS, RUNS = 8, 1000
KINDS = 24  # different calls, whose answers are known before


def series(engine):
    model = lw.series.Model("m", periods=6)
    model.input("rate")
    model.table("q", {"age": [0, 1, 2], "v": [0.1, 0.2, 0.3]})
    model.formula("x", "prev(x, initial=1.0) * (1 + rate) + q(t % 3)")
    model.formula("sum", "total(x)")
    run = model.compile(outputs=["x", "sum"]).bind(engine)

    def call(n):
        rate = n / 10_000 if n % 3 == 0 else np.arange(n % 3 * 40) / 1000 + n
        result = run(rate=rate)
        return result["x"], result["sum"]

    return call


def belief(engine):
    run = lw.belief.compile_graph(chain()).bind(engine)

    def call(n):
        states = [str((n + k) % 3) for k in range(n % 5 + 1)]
        result = run({"c": states[0] if n % 2 else states})
        return result["a"], result["b"], result["ln_p_evidence"]

    return call


LOOP = """
    movi r2, 64
    store.d r0, [r2 + 0]
loop:
    load.d r3, [r2 + 0]
    add r1, r1, r3
    addi r4, r4, 1
    bltu r4, r0, loop
    halt
"""


def register(engine):
    run = lw.register.assemble(LOOP).bind(engine)

    def call(n):
        given = np.arange(1, 20) + n % 20 if n % 4 == 0 else n * 5 % 40 + 1
        return (run(r0=given)["r1"],)

    return call


SQUARES = """
.machine fleet
.buffer given, 0, 4, in
.buffer sums, auto, 4, out
.routine main
    VMID r0
    READ r1, r0
again:
    ADD r2, r2, r1
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    ADDI r0, r0, sums
    WRITE r0, r2
    HALT
.phase wait_all
    .launch main, 4
"""


def fleet(engine):
    run = lw.fleet.assemble(SQUARES).bind(engine)

    def call(n):
        return (run(given=np.arange(4.0) + n % 3 + 1)["sums"],)

    return call


MACHINES = {
    "series": (series, ("auto", "stencil", "llvm", "reference")),
    "belief": (belief, ("auto", "native", "reference")),
    "register": (register, ("auto", "stencil", "llvm", "native", "reference")),
    "fleet": (fleet, ("reference", "epoch")),
}
WAYS = [(name, engine) for name, (_, engines) in MACHINES.items() for engine in engines]


def in_threads(call, right, runs):
    """What went wrong in threads that call at once, each so often."""
    wrong: list[object] = []
    together = threading.Barrier(THREADS)

    def work(thread):
        together.wait()
        try:
            for n in range(runs):
                kind = (n * 7 + thread) % KINDS
                for given, known in zip(call(kind), right[kind], strict=True):
                    if not np.array_equal(np.asarray(given), np.asarray(known)):
                        wrong.append((thread, kind))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


SUMS = "\n".join(f"movi r2, {n}\nmul r1, r0, r2\nadd r0, r0, r1" for n in range(100)) + "\nhalt"


def first_run(machine):
    """A call that makes code, and gives the seconds that it says it took."""
    if machine == "register":
        run = lw.register.assemble(SUMS).bind("stencil")
        return lambda: run(r0=1).stats
    model = lw.series.Model("m", periods=3)
    model.input("x0")
    for n in range(40):
        model.formula(f"x{n + 1}", f"exp(x{n} * {n + 1}.5) + t")
    run = model.compile(outputs=["x40"]).bind("llvm", cache=False)
    return lambda: run(x0=np.arange(3.0)).stats


@pytest.mark.parametrize("machine", ["register", "series"])
def test_seconds_are_those_of_the_call(machine):
    stats, call, together = [], first_run(machine), threading.Barrier(THREADS)

    def work():
        together.wait()
        stats.append(call())

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert min(each["run_seconds"] for each in stats) >= 0
    assert min(each["compile_seconds"] for each in stats) >= 0


ONE_CARD = [  # its calls come one after another, each in some milliseconds
    pytest.param("fleet", "epoch", 8, marks=pytest.mark.slow),
    pytest.param("fleet", "epoch", RUNS, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
]
ALL_AT_ONCE = [
    pytest.param(*way, RUNS, marks=pytest.mark.long if way[1] == "reference" else pytest.mark.slow)
    for way in WAYS
    if way != ("fleet", "epoch")
]
AS_IT_IS_MEANT = [  # slowly, so that all runs are left to the campaigns
    pytest.param(*way, 100, marks=pytest.mark.slow) for way in WAYS if way[1] == "reference"
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("machine", "engine", "runs"), [*ALL_AT_ONCE, *AS_IT_IS_MEANT, *ONE_CARD])
def test_eight_threads_share_a_runner(machine, engine, runs):
    make = MACHINES[machine][0]
    alone = make(engine)
    right = [alone(n) for n in range(KINDS)]
    assert in_threads(make(engine), right, runs) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("machine", "engine"), WAYS)
def test_first_calls_come_at_once(machine, engine):
    """What is made when it is first asked for is made once, or by each for itself."""
    make = MACHINES[machine][0]
    alone = make(engine)
    right = [alone(n) for n in range(KINDS)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(5 if engine in ("reference", "epoch") else 20):
            assert in_threads(make(engine), right, 8) == []
    finally:
        sys.setswitchinterval(interval)


# The end of a process, and children --------------------------------------------------------------

LONG = r"""
    import threading, time
    import numpy as np
    import lanework as lw

    model = lw.series.Model("m", periods=2000)
    model.input("rate")
    model.formula("x", "prev(x, initial=0.0) * 0.5 + sin(rate * t) + exp(rate * t)")
    for n in range(20):
        model.formula(f"s{n}", f"total(x * {n + 2})")
    series = model.compile(outputs=[f"s{n}" for n in range(20)])
    rate = np.linspace(0.0, 0.01, 1_000_000)
    register = lw.register.assemble("loop: addi r0, r0, 1\n jmp loop")
    graph = lw.belief.FactorGraph()
    for n in range(8):
        graph.variable(f"v{n}", 30)
    for n in range(7):
        graph.factor([f"v{n}", f"v{n + 1}"], np.random.default_rng(1).random((30, 30)))
    belief = lw.belief.compile_graph(graph)
    rows = {"v0": ["1"] * 1_000_000}
    spin = lw.fleet.assemble(
        ".machine fleet\n.shared 4\n.routine spin\nagain:\n ADDI r0, r0, 1\n JUMP again\n"
        ".phase wait_all\n .launch spin, 1000\n"
    )
    threading.Thread(target=lambda: RUN, daemon=True).start()
    time.sleep(1.0)
    print("the main thread ends")
"""
FOREVER = {
    "series, LLVM": "series.bind('llvm', threads=2)(rate=rate)",
    "series, stencils on a thread": "series.bind('stencil', threads=1)(rate=rate)",
    "series, stencils": "series.bind('stencil', threads=2)(rate=rate)",
    "series, reference": "series.bind('reference')(rate=rate)",
    "register": "register.bind()()",
    "register, LLVM": "register.bind('llvm')()",
    "register, reference": "register.bind('reference')()",
    "belief": "belief.bind('native', threads=2)(rows)",
    "belief, reference": "belief.bind('reference')(rows)",
    "fleet": "spin.bind('reference')()",
}


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", FOREVER)
def test_a_process_ends_when_its_main_thread_does(name):
    code = textwrap.dedent(LONG).replace("RUN", FOREVER[name])
    start = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=100, check=False
    )
    end = os.times()
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"the main thread ends\n"
    worked = end.children_user - start.children_user
    assert worked < 15  # two threads for a second, and the import; it would be 60 and more


FORKED = """
    import os, signal, sys, threading
    sys.path[:0] = FOLDERS
    import test_sharing as t

    calls = [(make(engine), engine) for make, engine in t.in_child()]
    right = [call(1) for call, _ in calls]
    stop = threading.Event()

    def work(n):
        while not stop.is_set():
            for call, _ in calls:
                call(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for n in range(40):
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # which ends one that hangs
            for (call, _), known in zip(calls, right):
                for given, value in zip(call(1), known):
                    if not (given == value).all():
                        os._exit(3)
            for make, engine in t.in_child():  # and what it makes itself
                make(engine)(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            stop.set()
            sys.exit(f"a child ended with {status}")
    stop.set()
"""


def in_child():
    """What runs beside forks and in children: a graphics card does not (`tests/fleet`)."""
    return [(MACHINES[name][0], engine) for name, engine in WAYS if engine != "epoch"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_child_of_fork_can_work_whatever_other_threads_did():
    code = textwrap.dedent(FORKED).replace("FOLDERS", repr([os.path.dirname(__file__), *sys.path]))
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        capture_output=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_threads_put_what_they_work_out_in_one_place():
    known, failed = {}, []

    def work(first):
        try:
            for n in range(20_000):
                keep(known, first + n % 7, n, most=1)
        except Exception as error:  # pragma: no cover
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert failed == []
    assert len(known) == 1


COMPILED = """
    import os, signal, sys, threading, time
    import lanework as lw
    from lanework.engines.llvm import jit

    loop = "l{0}: addi r1, r1, {1}\\n xor r2, r2, r1\\n mul r3, r2, r1\\n bltu r1, r0, l{0}"
    large = lw.register.assemble("\\n".join(loop.format(n, n + 1) for n in range(250)) + "\\nhalt")
    small = lw.series.Model("small", periods=3)
    small.formula("v", "prev(v, initial=1.0) * 1.5")
    small = small.compile()
    right = small.bind("llvm", cache=False)()["v"]
    at_work, beside = [], 0

    def object_code(*arguments, compiled=jit._object_code):
        at_work.append(0)
        try:
            return compiled(*arguments)
        finally:
            at_work.pop()

    jit._object_code = object_code
    thread = threading.Thread(target=lambda: large.bind("llvm")(r0=3))
    thread.start()
    while thread.is_alive():
        time.sleep(0.02)
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            answer = small.bind("llvm", cache=False)()["v"]
            os._exit(0 if (answer == right).all() else 3)
        beside += len(at_work)
        if os.waitpid(child, 0)[1]:
            sys.exit("a child failed")
    print(beside)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_child_of_fork_can_compile_whatever_is_compiled_meanwhile(tmp_path):
    code = textwrap.dedent(COMPILED)
    command = [sys.executable, "-X", "faulthandler", "-c", code]
    fresh = {**os.environ, "LANEWORK_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(command, env=fresh, capture_output=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # a fork waits a moment, and not for the compiler, which makes three calls that take long
    assert int(done.stdout) > 5
