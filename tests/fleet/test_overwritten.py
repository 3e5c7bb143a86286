"""Words that a run writes anew need not be zeros before, and nobody sees what they were."""

import numpy as np
import pytest

import lanework as lw
from lanework.base.limits import Limits
from lanework.machines.fleet.native.engine import LLVMEngine
from lanework.machines.fleet.runtime.choice import make

HEAD = """
.machine fleet
.buffer x, 0, 300, in
.buffer y, auto, 300, out
.routine main
"""
COPY = "VMID r0\nREAD r1, r0\nADDI r2, r0, y\nWRITE r2, r1\nHALT\n"


def runner(text, **more):
    return lw.fleet.assemble(text).bind("llvm", outputs="y", **more)


def spans(text, **more):
    bound = runner(text, **more)
    engine = make("llvm", bound.view, bound.settings, 1, asked=True)
    assert isinstance(engine, LLVMEngine)
    return engine.overwrites


CASES = {
    "all": (COPY + ".phase wait_all\n.launch main, 300", [(300, 600)]),
    "some": (COPY + ".phase wait_all\n.launch main, 200", [(300, 500)]),
    "two launches": (
        COPY + ".phase wait_all\n.launch main, 100\n.launch main, 150, contiguous 150",
        [(300, 400), (450, 600)],
    ),
    "a later phase reads": (
        COPY + ".phase wait_all\n.launch main, 300\n.phase wait_all\n.launch more, 300\n"
        ".routine more\nVMID r0\nADDI r0, r0, y\nREAD r1, r0\nADD r1, r1, r1\nWRITE r0, r1\nHALT",
        [],
    ),
    "the VM reads before": (
        "VMID r0\nADDI r2, r0, y\nREAD r1, r2\nREAD r3, r0\nADD r1, r1, r3\nWRITE r2, r1\nHALT\n"
        ".phase wait_all\n.launch main, 300",
        [],
    ),
    "another reads": (
        COPY + ".routine look\nVMID r0\nADDI r1, r0, y\nREAD r1, r1\nHALT\n"
        ".phase wait_any\n.launch look, 300\n.phase wait_all\n.launch main, 300",
        [],
    ),
    "every second": (
        "VMID r0\nREAD r1, r0\nADD r2, r0, r0\nADDI r2, r2, y\nWRITE r2, r1\nHALT\n"
        ".phase wait_all\n.launch main, 150",
        [],
    ),
    "not all VMs": (
        "VMID r0\nREAD r1, r0\nADDI r2, r0, y\nBRANCH_LE r1, no\nWRITE r2, r1\nno:\nHALT\n"
        ".phase wait_all\n.launch main, 300",
        [],
    ),
    "a loop": (
        "VMID r0\nREAD r1, r0\nADDI r2, r0, y\nagain:\nSUBI r1, r1, 1\nBRANCH_GT r1, again\n"
        "WRITE r2, r1\nHALT\n.phase wait_all\n.launch main, 300",
        [],
    ),
    "a place that is read": (
        "VMID r0\nREAD r1, r0\nADDI r2, r1, y\nWRITE r2, r1\nHALT\n"
        ".phase wait_all\n.launch main, 300",
        [],
    ),
    "an atomic": (
        "VMID r0\nREAD r1, r0\nADDI r2, r0, y\nATOMIC_ADD r3, r2, r1\nHALT\n"
        ".phase wait_all\n.launch main, 300",
        [],
    ),
    "a second phase": (
        COPY + ".routine first\nVMID r0\nHALT\n.phase wait_all\n.launch first, 3\n"
        ".phase wait_all\n.launch main, 300",
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_only_what_is_certainly_written_may_be_anything_before(name):
    text, known = CASES[name]
    assert spans(HEAD + text) == known


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize("name", CASES)
def test_nobody_sees_what_was_there(name):
    """Calls that follow each other, in memory that others had."""
    text = HEAD + CASES[name][0]
    mine, rng = runner(text), np.random.default_rng(5)
    reference = lw.fleet.assemble(text).bind("reference", outputs="y")
    for _ in range(4):
        x = rng.integers(-2, 250, 300).astype(np.float32)
        assert mine(x=x)["y"].tolist() == reference(x=x)["y"].tolist()


@pytest.mark.parametrize("limits", [Limits(fuel=700), Limits(fuel=10**6), Limits(deadline=60)])
def test_runs_that_may_end_early_begin_with_zeros(limits, monkeypatch):
    text = HEAD + CASES["all"][0]
    mine = runner(text, limits=limits)
    asked = []
    monkeypatch.setattr(LLVMEngine, "overwrites", property(lambda engine: asked.append(engine)))
    if limits.fuel == 700:
        with pytest.raises(lw.Trap, match="LW2002"):
            mine(x=np.ones(300))
    else:
        mine(x=np.ones(300))
    assert not asked


def test_a_run_that_is_broken_off_leaves_zeros(monkeypatch):
    mine = runner(HEAD + CASES["all"][0])
    for value in (3, 4, 5):
        mine(x=np.full(300, value))

    def ahead(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(LLVMEngine, "ahead", ahead)
    with pytest.raises(KeyboardInterrupt):
        mine(x=np.ones(300))
    assert mine.shared[:300].tolist() == [1.0] * 300
    assert mine.shared[300:].tolist() == [0.0] * 300


FAULTS = {
    "recursion": ("CALL rec\nHALT\n.routine rec\nCALL rec\nRETURN\n", "LW6020", {}),
    "a deadlock": ("again:\nYIELD\nJUMP again\n", "LW6026", {}),
    "outside": ("SETI r0, 5000\nREAD r1, r0\nHALT\n", "LW6022", {"bounds": "fault"}),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("together", [False, True])
def test_what_was_written_before_a_trap_is_there(name, together):
    body, code, settings = FAULTS[name]
    phase = "" if together else ".phase wait_all\n"
    text = f"{HEAD}{COPY}.routine next\n{body}.phase wait_all\n.launch main, 300\n"
    program = lw.fleet.assemble(f"{text}{phase}.launch next, 1\n")
    x = np.arange(1, 301, dtype=np.float32)
    for engine in ("reference", "llvm"):
        bound = program.bind(engine, outputs="y", **settings)
        for turn in (1, 2, 3):
            with pytest.raises(lw.Trap, match=code):
                bound(x=turn * x)
        y = np.asarray(bound.shared)[300:]
        written = y == 3 * x
        assert (written | ((y == 0) if together else False)).all()


@pytest.mark.parametrize("more", ["", ", range -10 10"])
def test_ranges_of_halves_are_of_what_is_given(more):
    """Not of what memory held, nor of what is read where it is given."""
    text = (
        f".machine fleet\n.buffer x, 0, 300, in, f32, range -10 10\n"
        f".buffer y, auto, 300, inout, f32, pad{more}\n.routine main\nVMID r0\nREAD r1, r0\n"
        "MULI r1, r1, 100\nADDI r0, r0, y\nWRITE r0, r1\nHALT\n.phase wait_all\n.launch main, 300"
    )
    for engine in ("reference", "llvm", "auto"):
        bound = lw.fleet.assemble(text).bind(engine, outputs="y", storage="f16")
        for value in (0.5, 3, 4, 5):
            given = np.full(300, value, np.float32)
            assert bound(x=given)["y"].tolist() == [100 * value] * 300
        with pytest.raises(lw.Diagnostic, match="LW6010: word 0 of shared memory is 5000"):
            bound(x=np.full(300, 5000, np.float32))
