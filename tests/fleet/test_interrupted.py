"""Ctrl-C in every kind of loop: it is heard of soon, and the runner can be used again."""

import os
import threading

import numpy as np
import pytest
from alike import ENGINES, native

import lanework as lw
from lanework.engines.gpu import device as gpu
from lanework.engines.llvm import jit
from lanework.machines.fleet.reference import sharing

N = 3000
HEAD = f"""
.state S32
.shared {2 * N + 16}
.buffer go, 0, {N}, in
.buffer out, {N}, {N}, out
.buffer marks, {2 * N}, 8, out, i32
.buffer sums, {2 * N + 8}, 8, out, i32
.routine main
    VMID r0
    READ r1, r0
    ADDI r7, r0, {N}
"""
TAIL = f"""
.phase wait_all
    .launch main, {N}
"""
SETTLED = (
    f"    ISETI r3, 3\n    MODI r5, r0, 8\n    ADDI r5, r5, {2 * N}\n    ATOMIC_IXCH r6, r5, r3\n"
)
LOOPS = {
    "one block": "again:\nADDI r2, r2, 1\nBRANCH_EQ r1, again\nHALT",
    "lanes apart": "again:\nADDI r2, r2, 1\nMODI r3, r0, 3\nBRANCH_EQ r3, on\nADDI r4, r4, 1\n"
    "on:\nBRANCH_EQ r1, again\nHALT",
    "nested": "outer:\nMODI r2, r0, 9\nagain:\nSUBI r2, r2, 1\nBRANCH_GT r2, again\n"
    "BRANCH_EQ r1, outer\nHALT",
    "calls": "again:\nCALL other\nBRANCH_EQ r1, again\nHALT\nother:\nADDI r2, r2, 1\nRETURN",
    "reads and writes": "again:\nREAD r2, r7\nADDI r2, r2, 1\nWRITE r7, r2\n"
    "BRANCH_EQ r1, again\nHALT",
    "random numbers": "again:\nRAND r2\nADD r3, r3, r2\nBRANCH_EQ r1, again\nWRITE r7, r3\nHALT",
    "waiting": "SETI r3, 5\nagain:\nWAIT r7, r3\nADDI r2, r2, 1\nBRANCH_EQ r1, again\nHALT",
    "atomics in any order": f"ISETI r3, 3\nSETI r5, {2 * N + 8}\nagain:\n"
    "ATOMIC_IADD r2, r5, r3\n"
    "BRANCH_EQ r1, again\nHALT",
    "atomics in the order of epochs": f"{SETTLED}again:\nADDI r2, r2, 1\nBRANCH_EQ r1, again\nHALT",
}


def interrupted(runner, ctrl_c, when, **inputs):
    ctrl_c.press(when)
    with pytest.raises(KeyboardInterrupt):
        runner(**inputs)
    assert ctrl_c.work_since() < 1.0


SLOW = [pytest.param(each, marks=pytest.mark.long) for each in ENGINES if each != "llvm"]
FAULTS = pytest.param({"bounds": "fault"}, marks=pytest.mark.long, id="faults")
OFTEN = list(LOOPS)[:3]
SELDOM = [pytest.param(each, marks=pytest.mark.long) for each in LOOPS if each not in OFTEN]


@pytest.mark.parametrize("settings", [pytest.param({}, id=""), FAULTS])
@pytest.mark.parametrize("engine", ["llvm", *SLOW])
@pytest.mark.parametrize("loop", [*OFTEN, *SELDOM])
def test_in_a_loop(loop, engine, settings, ctrl_c):
    program = lw.fleet.assemble(HEAD + LOOPS[loop] + TAIL)
    runner = program.bind(engine, **settings)
    endless, short = np.zeros(N), np.ones(N)
    wanted = program.bind("reference", **settings)(go=short)
    native(runner)
    for go in (endless, np.arange(N) % 7):
        runner(go=short)
        interrupted(runner, ctrl_c, 0.2, go=go)
        got = runner(go=short)
        for name in wanted:
            assert np.asarray(got[name]).tobytes() == np.asarray(wanted[name]).tobytes()


@pytest.mark.parametrize("engine", ["llvm", *SLOW])
@pytest.mark.parametrize("turns", [1, pytest.param(40, marks=pytest.mark.long)])
def test_in_a_schedule_of_many_steps(engine, turns, ctrl_c):
    text = f"""
.shared 40
.routine main
    VMID r0
    READ r1, r0
    SETI r2, {turns}
again:
    SUBI r2, r2, 1
    BRANCH_GT r2, again
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.repeat {{}}
.phase wait_all
    .launch main, 40
.end
"""
    runner = lw.fleet.assemble(text.format(30_000 if engine == "llvm" else 5_000)).bind(engine)
    native(runner)
    first = runner()
    if engine == "wgsl":
        interrupted(runner, ctrl_c, 0.2)
        assert (runner()["shared"] == first["shared"]).all()
    many = lw.fleet.assemble(text.format(700_000)).bind(engine)
    for _ in range(2):
        interrupted(many, ctrl_c, 0.3)


@pytest.mark.parametrize("engine", ["llvm", *SLOW])
def test_in_what_is_done_after_all_epochs(engine, monkeypatch, ctrl_c):
    """VMs are many, and a swap by each is done one after another."""
    n = 100_000
    text = f"""
.shared 8
.routine main
    VMID r0
    ATOMIC_IXCH r1, r2, r0
    HALT
.phase wait_all
    .launch main, {n}
"""
    runner = lw.fleet.assemble(text).bind(engine)
    native(runner)
    wanted, settling, update = runner()["shared"], threading.Event(), sharing.update

    def seen(info):
        settling.set()
        return update(info)

    monkeypatch.setattr(sharing, "update", seen)
    interrupted(runner, ctrl_c, settling.is_set)
    assert (runner()["shared"] == wanted).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_while_it_is_compiled(engine, monkeypatch, ctrl_c):
    """The first run of a routine of thousands of instructions, which no cache knows."""
    rng = np.random.default_rng(os.getpid())
    lines = []
    for n in range(1500):
        a, b, c = rng.integers(1, 8, 3)
        lines.append(f"{rng.choice(['MUL', 'MAX', 'SUB', 'MIN'])} r{a}, r{b}, r{c}")
        lines.append(f"ADDI r{a}, r{a}, {rng.random():.6f}")
        if n % 30 == 9:
            lines += [f"BRANCH_GT r{b}, on{n}", f"SQRT r{c}, r{a}", f"on{n}:"]
    text = "\n".join(lines)
    text = f".state S32\n.shared 40\n.routine main\nVMID r0\n{text}\nWRITE r0, r1\nHALT\n"
    program = lw.fleet.assemble(f"{text}.phase wait_all\n.launch main, 40\n")
    begun = threading.Event()
    owner, name = (jit, "compile_text") if engine == "llvm" else (gpu.Gpu, "kernel")
    original = getattr(owner, name)

    def seen(*args, **options):
        begun.set()
        return original(*args, **options)

    monkeypatch.setattr(owner, name, seen)
    runner = program.bind(engine)
    native(runner)
    interrupted(runner, ctrl_c, begun.is_set)
    wanted = program.bind("reference")()["shared"]
    assert np.asarray(runner()["shared"]).tobytes() == np.asarray(wanted).tobytes()
