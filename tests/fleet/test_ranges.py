"""What shared memory may hold, and which of its words are a VM's own."""

import math

import numpy as np
import pytest
from watched import FOUR, MAP, Machine, inputs, program, soup

from lanework.base.errors import Diagnostic
from lanework.core.ops.interval import ANY, Interval, between, point
from lanework.machines.fleet import compile as fleet
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine


def test_words_that_are_a_vms_own():
    rng = np.random.default_rng(50)
    own = 0
    for _ in range(100):
        view = soup(rng, wild=False, own=True)
        intervals = Intervals(view, {"b": (0.0, 9.0)})
        own += bool(intervals.private)
        Machine(view, intervals, rng, inputs(rng)).run(25)
    assert own > 30


def test_ranges_of_inputs():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1",
             "SYSCALL_READ 2 0", "SYSCALL_HALT"]  # fmt: skip
    buffers = [Buffer("x", 0, 4, "inout")]
    assert Intervals(program(lines, shared=8, buffers=buffers)).before(3, 2) == ANY
    view = program(lines, shared=8, buffers=[Buffer("x", 0, 4, "inout", (), -1.0, 2.0)])
    intervals = Intervals(view)
    assert intervals.before(2, 2) == between(-1.0, 2.0)
    assert intervals.before(5, 3) == between(-10.0, 20.0)
    assert intervals.words.read(point(1.0)) == between(-10.0, 20.0)
    assert intervals.words.read(point(4.0)) == ANY
    once = program([*lines[:3], "SYSCALL_HALT"], shared=8, buffers=buffers)
    assert Intervals(once, {"x": (-1, 2)}).before(2, 2) == between(-1.0, 2.0)
    assert Intervals(once, {"shared": (0, 3)}).before(2, 2) == between(0.0, 3.0)
    # outside it is 0
    far = program(lines[:4], shared=4, buffers=buffers, launches=(Launch(0, 5),))
    assert Intervals(far, {"x": (1, 2)}).before(2, 2) == between(0.0, 2.0)


def test_what_another_vm_wrote():
    """Each word may have been scaled before, by any number of VMs."""
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "ADDI 0 0 1",
             "SYSCALL_WRITE 0 1", "SYSCALL_HALT"]  # fmt: skip
    intervals = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert intervals.private == []
    assert intervals.before(2, 2) == Interval(1.0, math.inf)
    alone = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 10", "SYSCALL_WRITE 0 1",
             "SYSCALL_HALT"]  # fmt: skip
    one = {"shared": (1, 2)}
    for launches, own in (
        (FOUR, [[0]]),
        ((Launch(0, 4, "strided", 0, 2),), [[0]]),
        ((Launch(0, 4, "strided", 0, 0),), []),
        ((Launch(0, 4, "custom"),), []),
        ((Launch(0, 2), Launch(0, 2)), []),
        ((Launch(0, 2), Launch(0, 2, "contiguous", 2)), []),
    ):
        intervals = Intervals(program(alone, shared=8, launches=launches), one)
        assert intervals.private == own
        assert (intervals.words.read(point(1.0)).high == 20.0) is bool(own)
    twice = Plan((Phase("wait_all", FOUR),), (0, 0))
    assert Intervals(program(alone, shared=8, plan=twice), one).private == []


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["main:", "SYSCALL_VMID 0", "SETI 0 3", *MAP[2:], "SYSCALL_HALT"], {}),
        ([*MAP, "SYSCALL_SPAWN 2 other 3", "SYSCALL_HALT", "other:", *MAP[1:], "SYSCALL_HALT"],
         {"plan": Plan((Phase("wait_all", FOUR),), (0,), 2)}),
        ([*MAP, "SYSCALL_HALT"], {"launches": (Launch(0, 2**24 + 2),), "shared": 2**25}),
        ([*MAP, "IREAD 2 0", "SYSCALL_HALT"], {}),
        ([*MAP, "WAIT 0 0", "SYSCALL_HALT"], {}),
        ([*MAP, "VMGID 0", "SYSCALL_READ 1 0", "SYSCALL_HALT"], {}),
        ([*MAP, "ADDI 0 0 1", "SYSCALL_READ 1 0", "SYSCALL_HALT"], {}),
    ],
)  # fmt: skip
def test_words_that_are_no_vms_own(lines, options):
    options = {"shared": 8} | options
    intervals = Intervals(program(lines, **options), {"shared": (1, 2)})
    assert intervals.private == []
    assert intervals.words.read(point(1.0)).high == math.inf


def test_own_words_by_other_ways():
    """Multiples, copies in memory, differences, and what a comparison leaves."""
    lines = ["main:", "VMGID 0", "MULI 0 0 3", "SETI 2 9", "SUB 0 2 0", "NEG 0 0", "STORE 0 1",
             "CMPI 3 0 5", "LOAD 3 1", "SYSCALL_READ 1 3", "MULI 1 1 10", "CMPI 3 3 -2",
             "SUBI 3 3 2", "SYSCALL_WRITE 3 1", "SYSCALL_READ 2 3", "SYSCALL_HALT"]  # fmt: skip
    intervals = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert intervals.private == [[0]]
    assert intervals.before(14, 3) == between(0.0, 20.0)


def test_one_region_may_be_own_and_another_not():
    lines = [*MAP, "ADDI 0 0 4", "SYSCALL_READ 1 0", "MULI 1 1 10", "ADDI 0 0 1",
             "SYSCALL_WRITE 0 1", "SYSCALL_HALT"]  # fmt: skip
    buffers = [Buffer("x", 0, 4, "inout", (), 1.0, 2.0), Buffer("y", 4, 5, "inout", (), 1.0, 2.0)]
    intervals = Intervals(program(lines, shared=16, buffers=buffers))
    assert intervals.private == [[0]]
    assert intervals.words.read(point(0.0)).high == 20.0
    assert intervals.words.read(point(4.0)).high == math.inf


def test_an_own_word_may_stay():
    lines = ["main:", "SYSCALL_VMID 0", "SETI 3 7", "ATOMIC_CAS 1 0 2 3", "SYSCALL_READ 2 0",
             "SYSCALL_HALT"]  # fmt: skip
    intervals = Intervals(program(lines, shared=8), {"shared": (1, 2)})
    assert intervals.private
    assert intervals.before(4, 3) == between(1.0, 7.0)


def test_a_number_of_before():
    """VMs that go on have another number, and a register may still have the one of before."""
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_HALT", "again:", "SYSCALL_VMID 1",
             "SYSCALL_READ 2 0", "MULI 2 2 10", "SYSCALL_WRITE 1 2", "SYSCALL_HALT"]  # fmt: skip
    phases = (
        Phase("wait_all", (Launch(0, 3, keep="a"),)),
        Phase("wait_all", (Launch(1, 3, "contiguous", 1, resume="a"),)),
    )
    intervals = Intervals(program(lines, shared=8, plan=Plan(phases, (0, 1))), {"shared": (1, 2)})
    assert intervals.private == []


def test_addresses_between_words():
    view = program(["main:", "SYSCALL_READ 1 0", "SYSCALL_HALT"], shared=8)
    words = Intervals(view, {"shared": (1, 2)}).words
    for low, high, expected in (
        (-0.5, -0.25, "0 to 0"),
        (-1.0, 0.0, "0 to 2"),
        (0.0, 1.0, "0 to 2"),  # the pattern of an integer is next to 0, and outside
        (0.5, 1.0, "1 to 2"),
        (7.5, 7.75, "1 to 2"),
        (7.5, 8.0, "0 to 2"),
        (8.0, 9.0, "0 to 0"),
        (-3.0, -1.0, "0 to 0"),
    ):
        assert str(words.read(between(low, high))) == expected
    assert str(words.read(between(3.0, 4.0, True))) == "0 to 2"


def test_ranges_that_are_none():
    view = program(["main:", "SYSCALL_HALT"], shared=4, buffers=[Buffer("x", 0, 4, "in")])
    with pytest.raises(Diagnostic, match="LW6010"):
        Intervals(view, {"y": (0, 1)})
    with pytest.raises(Diagnostic, match="LW6007"):
        Intervals(view, {"x": (2, 1)})


def test_a_program_carries_its_ranges():
    program = fleet.package(
        [FLEET.by_name["SYSCALL_HALT"].make()], [Routine("main", 0, 1)],
        Plan((Phase("wait_all", (Launch(0, 1),)),), (0,)), shared=4,
        buffers=[Buffer("x", 0, 2, "in", (), -1.0, 1.0), Buffer("y", 2, 2, "out", (0, 0))],
    )  # fmt: skip
    x, y = FleetView.of(program).buffers
    assert (x.low, x.high, y.low, y.high, y.lifetime) == (-1.0, 1.0, None, None, (0, 0))
