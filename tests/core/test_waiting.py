"""Work that is waited for: stopped as a whole, seen while it takes memory, and over soon after."""

import gc
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from bench import deadlines
from click.testing import CliRunner
from stopping import BUSY, idle

import lanework as lw
from lanework.app.cli import cli
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core import resident
from lanework.core.codes import DEADLINE_PASSED
from lanework.core.resident import Growth
from lanework.core.waiting import left, waited, watched

pytestmark = pytest.mark.slow

DEADLINE = Limits(deadline=0.05)


def soon(seconds):
    return Limits(deadline=float(seconds)).until()


def spin():
    while True:
        pass


# One within another ------------------------------------------------------------------------------


def test_what_work_waits_for_in_turn_it_does_itself():
    def inner():
        return threading.current_thread()

    def outer():
        own = threading.current_thread()
        return own is waited(inner, None, "", stops=True), own is waited(inner, None, "")

    assert waited(outer, None, "", stops=True) == (True, False)
    assert waited(outer, None, "") == (False, False)


@pytest.mark.parametrize(("outer", "inner", "said"), [(60, 0.03, "inner"), (0.03, 60, "outer")])
def test_the_deadline_that_is_over_says_what_to_do(outer, inner, said):

    def work():
        return waited(spin, soon(inner), "inner", stops=True)

    with pytest.raises(Trap) as caught:
        waited(work, soon(outer), "outer", stops=True)
    assert caught.value.help == said
    assert idle() < BUSY


@pytest.mark.parametrize("around", [60, None])
@pytest.mark.parametrize("depth", [1, 2])
def test_an_inner_deadline_ends_what_is_within_and_nothing_else(around, depth):
    """Such as a run in a callback of another run."""

    def work(level):
        seen = []
        for _ in range(3):
            with pytest.raises(Trap) as caught:
                waited(spin, soon(0.02), f"{level}", stops=True)
            seen.append(caught.value.help)
        if level < depth:
            seen += waited(partial(work, level + 1), soon(50 - level), "", stops=True)
        return seen

    until = None if around is None else soon(around)
    expected = [str(level) for level in range(depth + 1) for _ in range(3)]
    assert waited(partial(work, 0), until, "outer", stops=True) == expected
    assert idle() < BUSY
    assert not left()


def test_what_is_within_ends_with_what_is_around_it():
    """Also what has a thread of its own, as its deadline would have been over before."""
    begun = []

    def inner():
        begun.append(1)
        spin()

    def work():
        waited(inner, soon(0.5), "inner", stops=True)

    def ends():
        with pytest.raises(Trap) as caught:
            waited(work, None, "", stops=True, growth=Ending())
        return caught.value.help

    class Ending:
        """What ends the work around at once, as Ctrl-C does."""

        def check(self):
            if begun:
                raise Trap(DEADLINE_PASSED, "stopped", help="around")

    for _ in range(20):
        begun.clear()
        assert ends() == "around"
    assert idle() < BUSY
    assert not left()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_cap_on_what_is_within_holds_there():
    def take():
        kept = [bytes(10_000) for _ in range(40_000)]
        return len(kept)

    def work():
        limits = Limits(memory=100_000_000)
        with pytest.raises(Diagnostic) as caught:
            watched(limits, take, "", Growth(limits))
        return caught.value.code.ident

    assert waited(work, soon(60), "outer", stops=True) == "LW0101"


def test_a_deadline_that_was_kept_is_none_of_what_comes_after():
    def work():
        assert waited(lambda: 1, soon(0.02), "inner", stops=True) == 1
        time.sleep(0.1)
        return 2

    assert waited(work, soon(60), "outer", stops=True) == 2


def test_all_of_it_ends_however_often_it_is_stopped():
    """Work whose own deadline is over while it is stopped, and that takes long to clear away."""

    def work(until):
        try:
            return waited(spin, until, "inner", stops=True)
        finally:
            end = time.thread_time() + 0.03
            while time.thread_time() < end:
                pass

    for _ in range(30):
        until = soon(0.004)
        with pytest.raises(Trap):
            waited(partial(work, until), until, "outer", stops=True)
    assert idle() < 4 * BUSY
    assert not left()


def test_what_is_not_waited_for_keeps_nothing_of_what_it_had():
    held = np.zeros(1000)

    def work(held):
        waited(spin, soon(60), "inner", stops=True)

    before = sys.getrefcount(held)
    with pytest.raises(Trap) as caught:
        waited(lambda: work(held), soon(0.02), "outer", stops=True)
    idle()
    del caught
    assert sys.getrefcount(held) == before


# Memory -------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_memory_is_seen_while_it_is_taken():
    kept = []

    def work():
        for _ in range(40_000):
            kept.append(bytes(10_000))

    limits = Limits(memory=100_000_000)
    growth = Growth(limits)
    with pytest.raises(Diagnostic) as caught:
        watched(limits, work, "", growth)
    assert caught.value.code.ident == "LW0101"
    idle()
    assert 90_000_000 < 10_000 * len(kept) < 200_000_000
    kept.clear()
    assert watched(limits, lambda: 3, "", Growth(limits)) == 3
    assert watched(Limits(), lambda: 3, "", Growth(Limits())) == 3


def test_what_modules_take_is_not_of_the_run(monkeypatch):
    taken, modules = [50_000_000], {}
    monkeypatch.setattr(resident, "resident", lambda: taken[0])
    monkeypatch.setattr(resident.sys, "modules", modules)
    growth = Growth(Limits(memory=1_000_000))
    for name in ("a", "b", "c"):
        modules[name] = None
        taken[0] += 500_000
        growth.check()
    taken[0] += 500_000
    growth.check()
    modules["d"] = None
    taken[0] += 3_000_000  # far more than a module takes
    with pytest.raises(Diagnostic) as caught:
        growth.check()
    assert "3.0 MB" in caught.value.message


def test_the_next_step_is_seen_coming(monkeypatch):
    taken = [0]
    monkeypatch.setattr(resident, "resident", lambda: taken[0])
    steady, other = Growth(Limits(memory=1_000_000)), Growth(Limits(memory=1_000_000))
    steady.steadily = True
    for size in range(0, 1_000_000, 40_000):
        taken[0] = size
        other.check()
        if size <= 880_000:
            steady.check()
    with pytest.raises(Diagnostic):
        steady.check()


# Programs as texts and files ----------------------------------------------------------------------


def text_of(kind, count):
    """A program of about so many lines."""
    if kind == "long.series":
        formulas = "".join(f"v{n} = a * {n} + {n}.5\n" for n in range(count // 4))
        return f'model("m", periods=3)\na = input()\n{formulas}'
    if kind == "series.lasm":
        return ".machine series\n" + "    add %1, %0, %0\n" * count
    if kind == "fleet.lasm":
        begin = ".machine fleet\n.shared 16\n.routine main\n"
        return (
            begin
            + "    ADDI r1, r2, 3\n" * count
            + "    HALT\n.phase wait_all\n    .launch main, 1\n"
        )
    return ".machine register\n" + "    add r1, r2, r3\n" * count + "    halt\n"


MANY = 80_000
TEXTS = ["register.lasm", "fleet.lasm", "series.lasm", "long.series"]
PROGRAMS = ["register.lwp", "fleet.lwp"]
WORDS = {"long.series": ["a=3"], "register.lwp": ["r2=1", "r3=1"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Long programs, and short ones in `few`."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "few").mkdir()
    for name in TEXTS:
        (folder / name).write_text(text_of(name, MANY))
        (folder / "few" / name).write_text(text_of(name, 8))
    for name in PROGRAMS:
        text = name.replace("lwp", "lasm")
        lw.compile(text_of(text, MANY)).save(folder / name)
        lw.compile(text_of(text, 8)).save(folder / "few" / name)
    return folder


FILES = [*TEXTS, *PROGRAMS]
COMMAND = """
import sys
from lanework.app.cli import cli
from lanework.core.resident import resident
try:
    cli(sys.argv[1:], standalone_mode=False)
finally:
    print([line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line][0])
"""


def peak(folder, *words):
    command = [sys.executable, "-c", COMMAND, "run", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.stdout, done.stderr
    return 1024 * int(done.stdout.split()[-1]), done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("name", FILES)
def test_a_program_is_loaded_under_the_cap(folder, name):
    cap = 32_000_000
    words = [*WORDS.get(name, []), f"--memory={cap}"]
    base, _ = peak(folder, f"few/{name}", *words)
    most, said = peak(folder, name, *words)
    assert "LW0101" in said
    assert most - base <= 1.05 * cap


ALONE = """
import sys
import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.core.resident import Growth, seen
name, cap = sys.argv[1], int(sys.argv[2])
lw.compile("few/" + name)
peak = lambda: [int(x.split()[1]) for x in open("/proc/self/status") if "VmHWM" in x][0]
base = peak()
try:
    with seen(Growth(Limits(memory=cap))):
        lw.compile(name)
except Diagnostic as problem:
    print(problem.code.ident, 1024 * (peak() - base))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("name", ["register.lasm", "fleet.lasm", *PROGRAMS])
def test_long_loops_look_by_themselves(folder, name):
    """However late whoever waits comes to look: here nobody does."""
    cap = 32_000_000
    command = [sys.executable, "-c", ALONE, name, str(cap)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    code, taken = done.stdout.split()
    assert code == "LW0101"
    assert int(taken) <= 1.05 * cap


@pytest.mark.parametrize("name", FILES)
def test_a_program_is_loaded_by_the_deadline(folder, name):
    for deadline in (0.02, 0.1, 0.3):
        words = ["run", str(folder / name), *WORDS.get(name, []), f"--deadline={deadline}"]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 3, done.output
        assert "LW2001" in done.stderr
        assert idle() < BUSY


# In Python ----------------------------------------------------------------------------------------


def rows_of(count):
    """A chain of as many variables."""
    graph = lw.belief.FactorGraph()
    for n in range(count):
        graph.variable(f"v{n}", ["no", "yes"])
        if n:
            graph.factor([f"v{n - 1}", f"v{n}"], [[0.5, 0.5], [0.25, 0.75]])
    return graph


def ways(folder):
    """All that compiles and reads programs in Python; how it is called with limits."""
    text = {name: (folder / name).read_text() for name in TEXTS}
    module = lw.fleet.assemble_module(text_of("fleet.lasm", MANY // 4))
    model, graph = lw.series.read_model(text_of("long.series", MANY // 4)), rows_of(20_000)
    return {
        "text": partial(lw.compile, text["register.lasm"]),
        **{name: partial(lw.compile, folder / name) for name in FILES},
        "register": partial(lw.register.assemble, text["register.lasm"]),
        "fleet": partial(lw.fleet.assemble, text["fleet.lasm"]),
        "module": partial(lw.fleet.assemble_module, text["fleet.lasm"]),
        "link": partial(lw.fleet.link, [module]),
        "modules": partial(lw.compile, module),
        "load": partial(lw.load, folder / "register.lwp"),
        "read": partial(lw.series.read_model, text["long.series"]),
        "load_model": partial(lw.series.load_model, folder / "long.series"),
        "model": model.compile,
        "compile": partial(lw.compile, model),
        "graph": partial(lw.compile, graph, seconds=0.0),
        "compile_graph": partial(lw.belief.compile_graph, graph, seconds=0.0),
    }


@pytest.mark.long
def test_what_compiles_in_python_holds_a_deadline(folder):
    for name, way in ways(folder).items():
        with pytest.raises(Trap) as caught:
            way(limits=DEADLINE)
        assert caught.value.code.ident == "LW2001", name
        assert idle() < BUSY, name


CAPPED = """
import sys
from contextlib import suppress
from pathlib import Path
import lanework as lw
from lanework.core.resident import resident
from test_waiting import FILES, rows_of, ways
folder = Path(sys.argv[1])
for name in FILES:
    with suppress(lw.Diagnostic):  # libraries are not of the call
        lw.compile(folder / "few" / name)
lw.compile(rows_of(3))
for name, way in ways(folder).items():
    before = resident()
    try:
        way(limits=lw.Limits(memory=20_000_000))
        print(name, "took", resident() - before)
    except lw.Diagnostic as problem:
        print(name, problem.code.ident, resident() - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_what_compiles_in_python_holds_a_cap(folder):
    path = [str(Path(__file__).parent), *sys.path]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path}{CAPPED}", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    took = {line[0] for line in lines if line[1] != "LW0101"}
    assert took <= {
        "link",
        "modules",
        "model",
        "compile",
        "compile_graph",
    }  # in what others gave back
    assert max(int(line[2]) for line in lines) <= 1.05 * 20_000_000  # 5 %: an arena of Python's


def test_limits_that_hold_change_nothing():
    limits = Limits(memory=10**9, deadline=60.0)
    for kind in TEXTS[:2]:
        text = text_of(kind, 8)
        assert lw.compile(text, limits=limits) == lw.compile(text)
    model = lw.series.read_model(text_of("long.series", 8), limits=limits)
    assert model.compile(limits=limits) == lw.compile(model)
    assert lw.compile(rows_of(3), "z", limits=limits) == lw.compile(rows_of(3), "z")


@pytest.mark.parametrize("limits", [1.0, {"deadline": 1.0}, "1s"])
def test_what_are_no_limits_are_refused(limits):
    for way in (partial(lw.compile, "halt\n"), lw.series.Model("m").compile):
        with pytest.raises(Diagnostic, match="LW2005: limits is"):
            way(limits=limits)


def test_garbage_is_looked_for_after_what_is_compiled_in_python(folder):
    frozen = gc.get_freeze_count()
    lw.compile(folder / "few" / "register.lasm")
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen


# Everything that may be stopped -------------------------------------------------------------------

CASES = [
    pytest.param(engine, make, id=f"{machine} {engine} {step}")
    for machine, engine, step, make in deadlines.cases()
    if (engine, step) != ("llvm", "compiling")  # LLVM ends what it is at, and that is kept
]


@pytest.mark.parametrize(("engine", "make"), CASES)
def test_nothing_is_busy_after_a_deadline(engine, make, tmp_path, request):
    if engine == "epoch":
        request.getfixturevalue("gpu")
    call = make(tmp_path)
    deadlines.late(call)
    assert idle() < BUSY
