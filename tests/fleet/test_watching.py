"""Epoch by epoch: what is shown is what happened, and steps back lead where the run has been."""

import numpy as np
import pytest

import lanework as lw
from lanework.machines.fleet.runtime.binding import bind_inputs
from lanework.machines.fleet.runtime.debugging import Debugger
from lanework.machines.fleet.runtime.watching import trace
from lanework.machines.fleet.state import Status

TEXT = """
.machine fleet
.shared 16
.spawn 2
.routine main
    VMID r0
    SETI r1, 3
again:
    STORE r1, 4
    RAND r2
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    WRITE r0, r2
    HALT
.routine later
    YIELD
    SPAWN r1, child, r0
    HALT
.routine child
    KILL
.phase wait_all
    .launch main, 8, keep them
.phase wait_all
    .launch later, resume them
"""


@pytest.fixture(scope="module")
def program():
    subject = lw.fleet.assemble(TEXT, "watch.lasm")
    subject.verify()
    return subject


def moments(program, vm, most=None):
    runner = program.bind("reference", seed=5)
    return list(trace(runner.runtime(bind_inputs(program, {})), vm, most))


def test_a_trace_says_what_the_vm_executed(program):
    seen = moments(program, 3)
    assert [moment.ip for moment in seen] == [0, 1, *[2, 3, 4, 5] * 3, 6, 7, 8, 9, 10]
    assert [moment.kernel for moment in seen][:6] == [
        *("io", "linear", "linear", "oracle", "linear", "branch"),
    ]
    assert seen[0].text == "VMID r0"
    assert seen[0].registers[0] == 3
    assert seen[2].memory[4] == 3.0
    assert [moment.epoch for moment in seen] == list(range(1, len(seen) + 1))
    assert [moment.status for moment in seen][15:18] == [
        Status.HALTED,
        Status.YIELDED,
        Status.RUNNING,
    ]
    assert seen[16].phase == 1
    assert seen[16].registers[0] == 3


def test_a_spawned_vm(program):
    seen = moments(program, 8)
    assert [moment.ip for moment in seen[-2:]] == [None, 11]
    assert seen[-2].status is Status.RUNNING
    assert seen[-1].status is Status.FREE


def test_a_vm_that_there_is_not(program):
    with pytest.raises(lw.Diagnostic) as caught:
        moments(program, 10)
    assert caught.value.code.ident == "LW6030"
    assert "0 to 9" in caught.value.help


def test_a_trace_of_some_epochs(program):
    assert len(moments(program, 0, 5)) == 5


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_epochs_add_up(program):
    runner = program.bind("reference", seed=5)
    seen = list(runner.epochs())
    full = program.bind("reference", seed=5)()
    assert len(seen) == full.stats["epochs"]
    for kernel, count in full.stats["by_kernel"].items():
        assert sum(epoch.kernels[kernel] for epoch in seen) == count
    assert seen[-1].live == 0
    assert np.array_equal(seen[-1].shared, full["shared"])


def test_steps_back_lead_where_the_run_has_been(program):
    runner = program.bind("reference", seed=5)
    debugger = Debugger(runner.runtime(bind_inputs(program, {})), every=4)
    states = [debugger.vms.words]
    while not debugger.ended:
        debugger.step()
        states.append(debugger.vms.words)
    last = debugger.epoch
    for epoch in (last - 1, 3, 17, 0, 9, last, 1):
        assert debugger.goto(epoch) == epoch
        assert np.array_equal(debugger.vms.words, states[epoch]), epoch
    debugger.goto(10)
    assert debugger.back(4) == 6
    assert debugger.back(100) == 0
    assert repr(debugger) == "<Debugger: epoch 0, in phase 0, 0 live VMs>"
    assert debugger.goto(10**6) == last
    assert debugger.ended
    assert debugger.where(0).startswith("halted at later+2 (line ")


@pytest.mark.parametrize("way", ["__call__", "epochs", "debug"])
def test_inputs_keep_to_the_cap_however_a_run_begins(way):
    text = ".buffer a, 0, 200000, inout\n.routine main\n    HALT\n.phase\n    .launch main, 1\n"
    runner = lw.fleet.assemble(text).bind("reference", lw.Limits(memory=3_000_000))
    with pytest.raises(lw.Diagnostic, match=r"LW0101: the arrays of a need 4\.8 MB"):
        getattr(runner, way)(a=[0.5] * 200_000)
