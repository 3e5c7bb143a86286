"""What programs are found to hold is what they hold, however they run."""

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from campaigns import campaign
from watched import S22, Machine, inputs, inside, program, soup

from lanework.base.errors import Trap
from lanework.core.ops.interval import Interval, between, point
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.check.fuzz import case_of
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Launch, Phase, Plan
from lanework.machines.fleet.runtime import choice as engines
from lanework.machines.fleet.runtime.scheduler import Runtime
from lanework.machines.fleet.state import Convention, Status

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(8))
def test_any_program(seed):
    rng = np.random.default_rng(seed)
    for _ in range(25):
        view = soup(rng, wild=bool(rng.integers(2)))
        intervals = Intervals(view, {"b": (0.0, 9.0)})
        Machine(view, intervals, rng, inputs(rng)).run(25)


@pytest.mark.parametrize("seed", range(8))
def test_integers_and_sums(seed):
    rng = np.random.default_rng(seed)
    for _ in range(30):
        view = soup(rng, wild=bool(rng.integers(2)), integers=True)
        Machine(view, Intervals(view, any_inputs=True), rng, inputs(rng)).run(30)


LOOPS = {
    "up, tested below": (
        ["main:", "SETI 0 0", ".top", "ADDI 0 0 1", "CMPI 1 0 1000", "BRANCH_LT 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 1000.0)),
    "up, tested above": (
        ["main:", ".top", "CMPI 1 0 1000", "BRANCH_GE 1 .end", "ADDI 0 0 1", "JUMP .top", ".end",
         "SYSCALL_HALT"],
        1, (0.0, 1000.0)),
    "down to zero": (
        ["main:", "SETI 0 500", ".top", "SUBI 0 0 1", "BRANCH_NE 0 .top", "SYSCALL_HALT"],
        1, (0.0, 500.0)),
    "down while positive": (
        ["main:", "SETI 0 500", ".top", "ADDI 0 0 -1", "BRANCH_GT 0 .top", "SYSCALL_HALT"],
        1, (0.0, 500.0)),
    "the counter in memory": (
        ["main:", ".top", "LOAD 0 5", "ADDI 0 0 1", "STORE 0 5", "SUBI 1 0 300",
         "BRANCH_LT 1 .top", "SYSCALL_HALT"],
        S22.own(5), (0.0, 300.0)),
    "to a number in a register": (
        ["main:", "SETI 3 77", ".top", "ADDI 0 0 1", "SUB 1 0 3", "BRANCH_LE 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 78.0)),
    "from the VM's number by strides": (
        ["main:", "SYSCALL_VMID 0", ".top", "CMPI 1 0 1000", "BRANCH_GE 1 .end", "ADDI 0 0 64",
         "JUMP .top", ".end", "SYSCALL_HALT"],
        1, (0.0, 1063.0)),
    "two loops": (
        ["main:", ".outer", "CLEAR 1", ".inner", "ADDI 1 1 1", "CMPI 2 1 8", "BRANCH_LT 2 .inner",
         "ADDI 0 0 1", "CMPI 2 0 30", "BRANCH_LT 2 .outer", "SYSCALL_HALT"],
        2, (0.0, 8.0)),
    "a counter that a call changes": (
        ["main:", ".top", "CALL more", "CMPI 1 0 20", "BRANCH_LT 1 .top", "SYSCALL_HALT",
         "more:", "ADDI 0 0 2", "RETURN"],
        1, (0.0, 21.0)),
    "a value that decays": (
        ["main:", "SETI 0 100.5", ".top", "SCALE 0 0 0.5", "CMPI 1 0 0.25", "BRANCH_GT 1 .top",
         "SYSCALL_HALT"],
        1, (0.0, 100.5)),
    "never more than a limit": (
        ["main:", ".top", "ADDI 0 0 3.5", "SETI 1 50", "MIN 0 0 1", "JUMP .top"],
        1, (0.0, 53.5)),
    "a logistic map": (
        ["main:", "SETI 0 0.3", ".top", "SETI 1 1", "SUB 1 1 0", "MUL 0 0 1", "MULI 0 0 3.5",
         "SETI 1 1", "MIN 0 0 1", "CLEAR 1", "MAX 0 0 1", "JUMP .top"],
        1, (-0.0, 3.5)),
}  # fmt: skip


@pytest.mark.parametrize("case", LOOPS)
def test_loops_have_bounds(case):
    lines, element, expected = LOOPS[case]
    intervals = Intervals(program(lines)).element(element)
    assert not intervals.nan
    assert expected[0] <= intervals.low
    assert intervals.high <= expected[1]


@pytest.mark.parametrize("case", LOOPS)
def test_loops_stay_in_their_bounds(case):
    view = program(LOOPS[case][0])
    rng = np.random.default_rng(3)
    machine = Machine(view, Intervals(view), rng, np.zeros(0))
    machine.run(300)


def test_a_loop_without_end_has_no_bound():
    view = program(["main:", ".top", "ADDI 0 0 1", "JUMP .top"])
    assert Intervals(view).element(1) == Interval(0.0, math.inf, False, True)


def test_numbers_of_vms():
    lines = ["main:", "SYSCALL_VMID 0", "VMGID 1", "VMCOUNT 2", "SYSCALL_HALT",
             "other:", "SYSCALL_VMID 0", "VMGID 1", "VMCOUNT 2", "SYSCALL_HALT"]  # fmt: skip
    launches = (Launch(0, 10, "contiguous", 5), Launch(1, 4, "strided", 100, -10))
    intervals = Intervals(program(lines, launches=launches))
    known = [[(v.low, v.high) for v in intervals.known[ip].values[1:4]] for ip in (3, 7)]
    assert known == [[(5, 14), (0, 9), (10, 10)], [(70, 100), (10, 13), (4, 4)]]
    custom = program(lines[:3], launches=(Launch(0, 1, "custom"),))
    assert Intervals(custom).before(1, 1).high == 2.0**32


def test_vms_that_others_start():
    lines = ["main:", "SETI 1 7", "SYSCALL_SPAWN 0 other 1", "SYSCALL_HALT",
             "other:", "SYSCALL_VMID 2", "SYSCALL_HALT"]  # fmt: skip
    plan = Plan((Phase("wait_all", (Launch(0, 3),)),), (0,), 5)
    intervals = Intervals(program(lines, plan=plan))
    assert (intervals.before(2, 1).low, intervals.before(2, 1).high) == (-1.0, 7.0)
    assert intervals.before(3, 1) == point(7.0)
    assert (intervals.before(4, 3).low, intervals.before(4, 3).high) == (3.0, 7.0)
    none = Intervals(program(lines))
    assert none.before(2, 1) == point(-1.0)
    assert none.before(3, 1) is None


def test_vms_that_go_on():
    lines = ["main:", "SETI 1 7", "SYSCALL_HALT", "again:", "ADDI 1 1 1", "SYSCALL_HALT"]
    phases = (
        Phase("wait_all", (Launch(0, 3, keep="a"),)),
        Phase("wait_all", (Launch(1, 3, resume="a"),)),
    )
    once = Intervals(program(lines, plan=Plan(phases, (0, 1))))
    assert once.before(2, 2).high >= 7.0
    assert once.before(3, 2).high >= 9.0  # the plan may go on with them again and again
    assert Intervals(program(lines, plan=Plan(phases[:1], (0,)))).before(2, 2) is None


def test_conventions():
    lines = ["main:", "SETI 1 5", "CALL sub", "SYSCALL_HALT", "sub:", "SETI 1 9", "SETI 0 3",
             "RETURN"]  # fmt: skip
    for convention, kept in ((Convention.CALLER, 9.0), (Convention.HYBRID, 5.0)):
        intervals = Intervals(program(lines, convention=convention))
        assert intervals.before(2, 2) == point(kept)
        assert intervals.before(2, 1) == point(3.0)


def test_a_call_is_known_anew():
    """What a call keeps changes, though nothing in what is called does."""
    lines = ["main:", ".top", "ADDI 1 1 1", "CALL sub", "CMPI 2 1 10", "BRANCH_LT 2 .top",
             "SYSCALL_HALT", "sub:", "CLEAR 1", "CLEAR 2", "RETURN"]  # fmt: skip
    view = program(lines, convention=Convention.HYBRID)
    intervals = Intervals(view)
    assert (intervals.before(2, 2).low, intervals.before(2, 2).high) == (1.0, 10.0)
    Machine(view, intervals, np.random.default_rng(1), np.zeros(0)).run(80)


def test_branches_refine():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "BRANCH_LT 1 .low", "SYSCALL_HALT",
             ".low", "SYSCALL_HALT"]  # fmt: skip
    view = program(lines, shared=8)
    intervals = Intervals(view)
    assert intervals.before(3, 2) == Interval(0.0, math.inf, True)
    assert intervals.before(4, 2) == Interval(-math.inf, 0.0)
    known = Intervals(view, {"shared": (1, 2)})
    assert known.before(4, 2) is None


def test_epsilon():
    lines = ["main:", "SYSCALL_READ 1 0", "BRANCH_EQ 1 .zero", "SYSCALL_HALT", ".zero",
             "SYSCALL_HALT"]  # fmt: skip
    intervals = Intervals(program(lines, shared=8, epsilon=0.5), {"shared": (0, 4)})
    assert intervals.before(2, 2) == between(0.5, 4.0)
    assert intervals.before(3, 2) == between(0.0, 0.5)


def test_epsilon_of_a_difference():
    lines = ["main:", "SYSCALL_READ 1 0", "CMPI 2 1 2", "BRANCH_EQ 2 .zero", "SYSCALL_HALT",
             ".zero", "SYSCALL_HALT"]  # fmt: skip
    intervals = Intervals(program(lines, shared=8, epsilon=0.5), {"shared": (0, 4)})
    assert 1.6 in intervals.before(4, 2)
    assert 1.6 not in Intervals(program(lines, shared=8), {"shared": (0, 4)}).before(4, 2)


def test_a_choice_is_a_branch():
    lines = ["main:", "SYSCALL_READ 1 0", "CLEAR 2", "SELECT 3 1 1 2", "SYSCALL_HALT"]
    intervals = Intervals(program(lines, shared=8))
    assert intervals.before(3, 4) == Interval(0.0, math.inf)


def test_every_io_instruction_is_known_here():
    """Each says something of its result, but those that give the bits of integers."""
    for info in FLEET.by_name.values():
        if info.kernel is not Kernel.IO or info.dest is None or info.name == "IVMID":
            continue
        if info.updates is not None and info.updates.dtypes == ("i32",):
            continue
        words = [info.name]
        words += ["main" if s.kind is OperandKind.CODE else "0" for s in info.operands]
        intervals = Intervals(program(["main:", " ".join(words), "SYSCALL_HALT"], shared=2),
                          {"shared": (0, 1)})  # fmt: skip
        assert intervals.before(1, 1).low >= -1.0, info.name


@pytest.mark.slow
@pytest.mark.parametrize("seeds", campaign(60, 20, daily=20, quick=20))
def test_what_the_reference_shows(seeds):
    """Random programs with phases, kept and spawned VMs: after every epoch, all VMs at once."""
    compared = 0
    for seed in seeds:
        case = case_of(seed)
        view = FleetView.of(case.program)
        shared = np.nan_to_num(case.shared.view(np.float32), posinf=1e9, neginf=-1e9)
        ranges = {"shared": (float(shared.min()), float(shared.max()))} if shared.size else {}
        intervals = Intervals(view, ranges)
        settings = replace(case.settings, storage="f32", compose=False, on_fault="go on")
        runtime = Runtime(engines.make("reference", view, settings), view)
        runtime.begin(shared.view(np.uint32))
        for _ in range(120):
            with suppress(Trap):
                if runtime.run(1):
                    break
            compared += compare(view, intervals, runtime.engine)
    assert compared > 10_000


def compare(view, actual, engine):
    """All that VMs and shared memory hold with what was found; how many numbers these are."""
    vms = engine.vms()
    there = vms.row("status") != Status.FREE
    for ip in np.unique(vms.row("ip")[there]):
        known = actual.known[ip]
        floats = vms.floats[:, there & (vms.row("ip") == ip)]
        for element in range(1, view.profile.length):
            value = known.values[element]
            assert inside(floats[element], value).all(), (view.where(ip), element, str(value))
    words = engine.shared().view(np.float32)
    for n, (start, end, _) in enumerate(actual.words.declared()):
        assert inside(words[start:end], actual.words.values[n]).all(), (start, end)
    return int(there.sum()) * view.profile.length
