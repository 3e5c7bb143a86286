"""Whole phases as SIMD code and as shaders: the same as the reference, to the bit."""

import numpy as np
import pytest
from alike import ENGINES, same

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.engines.lanes.program import Block, Branch, Compute, Jump, LaneProgram, Stop, Word
from lanework.engines.lanes.shape import shape
from lanework.engines.lanes.webs import split
from lanework.engines.llvm import turns
from lanework.machines.fleet.gpu import phases
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import graphs
from lanework.machines.fleet.native.engine import LLVMEngine
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.state import Status

COLLATZ = """
.state S22
.shared {n}
.routine collatz
    VMID r0
    ADDI r1, r0, 1
    CLEAR r2
loop:
    SUBI r3, r1, 1
    BRANCH_EQ r3, done
    ADDI r2, r2, 1
    MULI r3, r1, 0.5
    STORE r1, mem0
    FLOOR r1, r3
    SUB r1, r3, r1
    BRANCH_NE r1, odd
    MOV r1, r3
    JUMP loop
odd:
    LOAD r1, mem0
    MULI r1, r1, 3.0
    ADDI r1, r1, 1
    JUMP loop
done:
    WRITE r0, r2
    HALT
.phase wait_all
    .launch collatz, {n}
"""


@pytest.mark.parametrize("n", [1, 15, 64, 65, 1000, 1025, 3000])
def test_lanes_that_go_apart(n):
    runner = same(lw.fleet.assemble(COLLATZ.format(n=n)))
    assert runner.explain().count("independent") == 1


CALLS = """
.state S32
.shared 200
.convention {convention}
.routine main
    VMID r0
    MOV r5, r0
    SETI r1, 7
    SETI r2, 8
    SETI r3, 9
    CALL half
    ADD r0, r0, r1
    ADD r0, r0, r2
    ADD r0, r0, r3
    WRITE r5, r0
    HALT
half:
    SETI r1, 70
    SETI r2, 80
    MULI r0, r0, 0.5
    SUBI r3, r0, 20
    BRANCH_LT r3, back
    CALL half
back:
    SETI r3, 90
    RETURN
.phase wait_all
    .launch main, 200
"""


@pytest.mark.parametrize("convention", ["caller", "hybrid", "callee"])
def test_calls_within_calls(convention):
    same(lw.fleet.assemble(CALLS.format(convention=convention)))


RANDOM = """
.state S32
.shared 600
.routine draw
    VMID r0
    MULI r5, r0, 3
    MODI r1, r0, 7
again:
    RAND r2
    ADD r3, r3, r2
    SUBI r1, r1, 1
    BRANCH_GE r1, again
    WRITE r5, r3
    RAND1 r4
    ADDI r5, r5, 1
    WRITE r5, r4
    HALT
.phase wait_all
    .launch draw, 100, keep walkers
.phase wait_all
    .launch draw, 100, resume walkers
.phase wait_all
    .launch draw, 50, strided 2 100
"""


def test_random_numbers_and_vms_that_are_kept():
    same(lw.fleet.assemble(RANDOM), seed=12345678901234567890 % 2**64)


MIXED = """
.state S32
.shared 800
.routine draw
    VMID r0
    MULI r0, r0, 8
    MODI r1, r0, 3
    RAND r2
    WRITE r0, r2
    RAND1 r3
    ADDI r0, r0, 1
    WRITE r0, r3
    BRANCH_EQ r1, once
    RAND1 r4
once:
    RAND r2
    ADDI r0, r0, 1
    WRITE r0, r2
    HALT
.phase wait_all
    .launch draw, 100
"""


def test_random_numbers_of_both_kinds_take_turns():
    same(lw.fleet.assemble(MIXED), seed=7)


def test_a_branch_that_leads_to_what_follows():
    """Whatever its test gives."""
    text = COLLATZ.format(n=70).replace("    CLEAR r2", "    BRANCH_GT r1, on\non:\n    CLEAR r2")
    same(lw.fleet.assemble(text))


def test_what_would_take_long_to_compile_is_not():
    """Where lanes may wait at each of 150 parts, which lead to one another anyhow."""
    parts = [
        f"p{n}:\nRAND r1\nSUBI r1, r1, 0.9\nBRANCH_GT r1, p{n * 7 % (n + 1)}" for n in range(150)
    ]
    text = "\n".join([".routine main", *parts, "HALT", ".phase wait_all", ".launch main, 9"])
    runner = same(lw.fleet.assemble(text))
    assert "phase 0 runs on the reference: to compile so many" in runner.explain()


def test_instructions_in_one_matrix_take_one_epoch():
    """Which is for the reference."""
    same(lw.fleet.assemble(COLLATZ.format(n=70)), compose=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_schedule_of_many_steps(engine):
    text = """
.shared 64
.buffer x, 0, 64, inout
.routine step
    VMID r0
    READ r1, r0
    MULI r1, r1, 0.5
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.repeat 40000
.phase wait_all
    .launch step, 64
.end
"""
    program = lw.fleet.assemble(text)
    start = np.arange(64, dtype=np.float32)
    fast = program.bind(engine)(x=start)
    assert fast.stats["epochs"] == 6 * 40000
    assert fast.stats["instructions"] == 64 * 6 * 40000
    wanted = start.copy()
    for _ in range(200):
        wanted = wanted * np.float32(0.5) + np.float32(1)
    assert (np.asarray(fast["x"]) == wanted).all()


OUTSIDE = """
.shared 20
.routine main
    VMID r0
    SUBI r1, r0, 5
    READ r2, r1
    ADDI r2, r2, 1
    ADDI r1, r0, 0.75
    WRITE r1, r2
    HALT
.phase wait_all
    .launch main, 40
"""


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize(("words", "faults"), [(20, False), (19, True)])
def test_no_vm_is_tested_whose_addresses_certainly_are_inside(words, faults):
    text = f".shared {words}\n.routine main\nVMID r0\nREAD r1, r0\nADDI r1, r1, 1\nWRITE r0, r1\n"
    program = lw.fleet.assemble(text + "HALT\n.phase\n.launch main, 20\n")
    lanes = Lowering(FleetView.of(program), Form(0, bounds=True)).program()
    assert any(isinstance(block.end, Branch) for block in lanes.blocks) == faults
    same(program, bounds="fault", on_fault="go on")


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_addresses_outside_are_counted_or_a_fault():
    text = OUTSIDE.replace("READ r2, r1", "MOV r2, r1").replace("ADDI r1, r0, 0.75", "MOV r1, r0")
    same(lw.fleet.assemble(text))
    program = lw.fleet.assemble(text)
    traps = []
    for name in ("reference", *ENGINES):
        with pytest.raises(Trap) as trap:
            program.bind(name, bounds="fault")()
        traps.append(str(trap.value))
    assert traps[0] == traps[1] == traps[2]
    assert "VM 20" in traps[0]
    same(program, bounds="fault", on_fault="go on")


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_vms_that_see_each_other_run_in_epochs():
    runner = same(lw.fleet.assemble(OUTSIDE))
    assert "VM i" in runner.explain() or "another" in runner.explain()


def test_atomics_in_any_order_and_on_words_of_ones_own():
    text = """
.state S64
.shared 300
.buffer counts, 0, 4, out, i32
.buffer own, 100, 200, out, i32
.routine main
    VMID r0
    MODI r1, r0, 4
    SETI r2, int:3
    ATOMIC_IADD r3, r1, r2
    ADDI r4, r0, 100
    SETI r5, int:5
    ATOMIC_IMAX r6, r4, r5
    ATOMIC_CAS r7, r4, r5, r2
    ATOMIC_IADD r8, r4, r2
    ATOMIC_IOR r3, r4, r8
    SETI r9, 40.0
    SUB r9, r0, r9
    BRANCH_GT r9, end
    ATOMIC_IADD r3, r1, r5
end:
    CLEAR r3
    HALT
.phase wait_all
    .launch main, 200
"""
    same(lw.fleet.assemble(text))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bit", range(2))
def test_fuel_and_a_loop_that_does_not_end(bit, engine):
    text = ".routine main\nagain:\nADDI r0, r0, 1\nJUMP again\nHALT\n.phase\n.launch main, 100\n"
    program = lw.fleet.assemble(text)
    limits = Limits(fuel=10**6) if bit else Limits(deadline=0.2)
    with pytest.raises(Trap, match="LW2002" if bit else "LW2001"):
        program.bind(engine, limits)()


def test_fuel_of_more_turns_than_a_word_counts():
    """A loop without end ends with it: 2**32 turns are not 0."""
    program = lw.fleet.assemble(".routine main\nagain:\nJUMP again\n.phase\n.launch main, 1\n")
    with pytest.raises(Trap, match="LW2002"):
        program.bind("llvm", Limits(fuel=2**32 + 9, deadline=40))()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_exactly_enough_fuel(engine):
    program = lw.fleet.assemble(COLLATZ.format(n=300))
    need = program.bind("reference")().stats["instructions"]
    program.bind(engine, Limits(fuel=need))()
    with pytest.raises(Trap, match="LW2002"):
        program.bind(engine, Limits(fuel=need - 1))()


def test_fuel_that_is_used_up_ends_a_run_before_its_end():
    """Units of VMs that have not begun by then are left."""
    text = COLLATZ.format(n=100_000).replace("ADDI r1, r0, 1", "SETI r1, 27")  # 111 steps each
    runner = lw.fleet.assemble(text).bind("llvm", Limits(fuel=10**5, threads=1))
    with pytest.raises(Trap, match="LW2002"):
        runner()
    assert 10**5 < runner._last().progress.executed < 2 * 10**6  # of a hundred million


@pytest.mark.parametrize("engine", ["reference", *ENGINES])
def test_fuel_where_faults_go_on(engine):
    """What others have executed counts, although some have faulted."""
    text = COLLATZ.format(n=300).replace(".shared 300", ".shared 150")
    settings = {"on_fault": "go on", "bounds": "fault"}
    runner = lw.fleet.assemble(text).bind(engine, Limits(fuel=50_000), **settings)
    with pytest.raises(Trap, match="LW2002"):
        runner()


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupted_and_used_again(ctrl_c, engine):
    text = ".routine main\nagain:\nADDI r0, r0, 1\nJUMP again\nHALT\n.phase\n.launch main, 5000\n"
    runner = lw.fleet.assemble(text).bind(engine)
    for _ in range(2):
        ctrl_c.press(0.2)
        with pytest.raises(KeyboardInterrupt):
            runner()


NESTED = """
.state S32
.shared 300
.routine main
    VMID r0
    MODI r1, r0, 5
outer:
    MODI r2, r0, 7
inner:
    ADDI r3, r3, 1
    SUBI r2, r2, 1
    BRANCH_GT r2, inner
    MODI r4, r3, 11
    BRANCH_EQ r4, skip
    RAND r5
    ADD r6, r6, r5
skip:
    SUBI r1, r1, 1
    BRANCH_GE r1, outer
    WRITE r0, r3
    HALT
.phase wait_all
    .launch main, 300
"""


MIDDLE = """
.state S32
.shared 300
.routine main
    VMID r0
    MODI r1, r0, 3
first:
    SUBI r1, r1, 1
    BRANCH_GT r1, first
    MODI r1, r0, 5
    MOV r2, r0
    JUMP middle
again:
    SETI r2, 1
middle:
    ADD r3, r3, r2
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    WRITE r0, r3
    HALT
.phase wait_all
    .launch main, 300
"""
"""VMs come to the middle of a loop, with what is of no use at its beginning."""


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_vms_that_go_on_in_another_submission(turns, monkeypatch):
    """A device is not kept busy for long: what loops have left is for later."""
    monkeypatch.setattr(phases, "FEWEST", turns)
    monkeypatch.setattr(phases, "MOST", turns)
    calls, collatz = CALLS.format(convention="callee"), COLLATZ.format(n=70)
    for text in (NESTED, RANDOM, calls, collatz, MIDDLE):
        same(lw.fleet.assemble(text), seed=7)


def test_loops_that_often_let_others_in_keep_what_they_have(monkeypatch):
    """Python is called in the middle, which leaves no register as it was."""
    monkeypatch.setattr(turns, "CHECKS", 1)
    monkeypatch.setattr(turns, "SELDOM", 2)
    for text in (NESTED, RANDOM, COLLATZ.format(n=70)):
        same(lw.fleet.assemble(text), seed=7)


ENDLESS = """
.shared 10
.routine main
    VMID r0
    SUBI r1, r0, 20
    MULI r2, r0, 100
again:
    SUBI r2, r2, 1
    BRANCH_GT r2, again
    BRANCH_LT r1, again
    WRITE r0, r1
    HALT
.phase wait_all
    .launch main, 30
"""


def test_a_fault_ends_vms_that_would_go_on_for_ever():
    """The first in time, which is not that of the lowest number."""
    program, traps = lw.fleet.assemble(ENDLESS.replace("r0, 100", "r0, -100")), []
    for name in ("reference", "wgsl"):
        with pytest.raises(Trap) as trap:
            program.bind(name, bounds="fault")()
        traps.append(str(trap.value))
    assert traps[0] == traps[1]
    assert "VM 20" in traps[0]


@pytest.mark.timeout(60, method="thread")
@pytest.mark.parametrize("engine", ["reference", *ENGINES])
def test_a_fault_ends_later_vms_that_would_go_on_for_ever(engine):
    text = ENDLESS.replace("SUBI r1, r0, 20", "SETI r1, 200\n    SUB r1, r1, r0")
    text = text.replace("r0, 100", "r0, -100").replace("main, 30", "main, 300")
    program = lw.fleet.assemble(text)
    with pytest.raises(Trap, match="VM 10"):
        program.bind(engine, bounds="fault")()


@pytest.mark.parametrize("engine", ["reference", *ENGINES])
def test_a_fault_ends_the_phases_after_it(engine):
    """Of which one would fault earlier, and has other VMs."""
    text = """
.shared 100
.routine main
    VMID r0
    MULI r1, r0, 2
    MODI r2, r0, 5
wait:
    SUBI r2, r2, 1
    BRANCH_GT r2, wait
    WRITE r1, r0
    HALT
.routine next
    VMGID r0
    WRITE r0, r0
    HALT
.phase wait_all
    .launch next, 10
.phase wait_all
    .launch main, 70
.phase wait_all
    .launch next, 90
.phase wait_all
    .launch next, 120
"""
    runner = lw.fleet.assemble(text).bind(engine, bounds="fault")
    with pytest.raises(Trap, match="VM 50") as caught:
        runner()
    assert caught.value.lane == 50
    progress = runner._last().progress
    assert (progress.epochs, progress.faults, progress.first_fault) == (3 + 3 + 2 + 1, 8, 50)
    assert not runner.shared[81::2].any()


ODD = """
.state S32
.shared 600
.routine main
    VMID r0
    SETI r1, nan
    SETI r2, inf
    MULI r3, r0, inf
    ADDI r4, r0, -inf
    SUB r5, r2, r4
    MULI r6, r0, nan
    MAX r7, r6, r1
    NEG r2, r0
    CLEAR r1
    MUL r2, r2, r1
    MULI r1, r2, 0
    ADD r7, r7, r2
    ADDI r2, r2, 0
    WRITE r0, r7
    ADDI r0, r0, 200
    WRITE r0, r5
    ADDI r0, r0, 200
    WRITE r0, r3
    HALT
.phase wait_all
    .launch main, 200
"""


def test_constants_that_are_no_numbers():
    same(lw.fleet.assemble(ODD))


SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 1e-7, -1e-7, 1.0, 1 + 2**-21, -3.0, 3.4e38]


@pytest.mark.parametrize(
    ("test", "epsilon"),
    [*((test, 0) for test in ("EQ", "NE", "LT", "GT", "LE", "GE")), ("EQ", 1e-6), ("NE", 1e-6)],
)
def test_branches_at_special_values(test, epsilon):
    """Of a register, and of differences that have just been taken."""
    n = len(SPECIAL) ** 2
    ways = ("MOV r3, r1", "SUB r3, r1, r2", "SUBI r3, r1, 1", "SUBI r3, r1, inf", "MUL r3, r1, r2")
    parts = [
        f"{way}\nBRANCH_{test} r3, l{k}\nADDI r4, r4, {2**k}\nl{k}:" for k, way in enumerate(ways)
    ]
    text = [f".state S32\n.epsilon {epsilon}\n.buffer x, 0, {n}, in\n.buffer y, {n}, {n}, in"]
    text += [f".buffer z, {2 * n}, {n}, out\n.routine main\nVMID r0\nREAD r1, r0"]
    text += [f"ADDI r5, r0, {n}\nREAD r2, r5", *parts, f"ADDI r5, r5, {n}\nWRITE r5, r4\nHALT"]
    program = lw.fleet.assemble("\n".join([*text, f".phase wait_all\n.launch main, {n}"]))
    x, y = (each.ravel() for each in np.meshgrid(SPECIAL, SPECIAL))
    same(program, given={"x": x, "y": y})


def test_whole_numbers_at_special_values():
    """Shifts by more than a word has bits, too."""
    words = np.array([0, 1, 2, 31, 32, 33, -1, -31, 2**31 - 1, -(2**31), 0x5A5A5A5A], np.int64)
    ops = [
        info
        for info in FLEET.by_name.values()
        if info.name.startswith("I") and info.name != "ITOF" and info.elementwise is not None
    ]
    n = len(words) ** 2
    text = [f".state S32\n.shared {n * (len(ops) + 2)}"]
    text += [f".buffer x, 0, {n}, in, i32\n.buffer y, {n}, {n}, in, i32"]
    text += [f".buffer z, {2 * n}, {n * len(ops)}, out, i32\n.routine main\nVMID r0\nREAD r1, r0"]
    text += [f"ADDI r0, r0, {n}\nREAD r2, r0"]
    for info in ops:
        args = ("r1", "r2")[: len(info.operands) - 1]
        text += [f"{info.name} r3, {', '.join(args)}\nADDI r0, r0, {n}\nWRITE r0, r3"]
    text += [f"HALT\n.phase wait_all\n.launch main, {n}"]
    x, y = (each.ravel().astype(np.int32) for each in np.meshgrid(words, words))
    runner = same(lw.fleet.assemble("\n".join(text)), given={"x": x, "y": y})
    assert "on the reference" not in runner.explain()


# What lanes have in common ----------------------------------------------------------------------


def test_webs_and_divergence():
    """A variable that is used twice is two, of which one is the same for all lanes."""
    test = graphs.DIFFERS
    blocks = [
        Block([Compute(1, graphs.NEXT, (0,))], Branch(test, (1, Word(0)), 1, 2)),
        Block([Compute(1, graphs.NEXT, (Word(3),))], Jump(3)),
        Block([], Jump(3)),
        Block([Compute(1, graphs.NEXT, (Word(5),)), Compute(2, graphs.NEXT, (1,))], Stop()),
    ]
    program = split(LaneProgram(blocks, 3, {0: "vm_id"}, {"x": 2}))
    known = shape(program)
    assert known.masked == {1, 2}
    last = program.blocks[3].steps
    assert {step.dest for step in last}.isdisjoint(known.divergent)
    assert known.meet(1) == known.meet(0) == 3


def test_a_variable_that_becomes_another_value_while_it_is_of_use():
    """The number of each lane is taken; what stands there then is the same for all."""
    steps = [Compute(2, graphs.NEXT, (1,)), Compute(1, graphs.NEXT, (Word(5),))]
    blocks = [Block([], Jump(1)), Block(steps, Stop())]
    program = split(LaneProgram(blocks, 3, {1: "vm_id"}, {"x": 1, "y": 2}))
    known = shape(program)
    assert program.outputs["x"] not in known.divergent
    assert program.outputs["y"] in known.divergent


def test_a_run_has_nothing_of_the_run_before():
    """Places of VMs stay from run to run, and nothing that they were."""
    program = lw.fleet.assemble("""
.depth 2
.buffer x, 0, 200, inout
.routine main
    VMID r0
    READ r1, r0
    BRANCH_GT r1, deep
    RAND r2
    ADD r1, r1, r2
    WRITE r0, r1
    HALT
deep:
    CALL main
    HALT
.phase wait_all
    .launch main, 200
""")
    runner = program.bind("llvm", seed=3)
    expected = program.bind("reference", seed=3)(x=np.zeros(200))["x"]
    for first in (200, 0, 150, 200, 199):  # the first that calls without an end
        given = (np.arange(200) >= first).astype(float)
        if first == 200:
            assert np.array_equal(runner(x=given)["x"], expected)
            assert (runner.vms.row("status") == Status.HALTED).all()
            continue
        with pytest.raises(Trap) as caught:
            runner(x=given)
        assert caught.value.lane == first
        assert np.flatnonzero(runner.vms.row("status") == Status.FAULTED)[0] == first


def test_numbers_from_a_table_that_a_phase_writes():
    text = """
.shared 300
.buffer table, 0, 100, inout
.routine turn
    VMID r0
    SETI r1, 99
    SUB r1, r1, r0
    WRITE r0, r1
    HALT
.routine use
    VMID r0
    ADDI r1, r0, 100
    MULI r0, r0, 2
    WRITE r1, r0
    HALT
.phase wait_all
    .launch turn, 100
.phase wait_all
    .launch use, 100, custom table
"""
    runner = same(lw.fleet.assemble(text))
    assert "another" not in runner.explain()


def test_one_routine_for_numbers_of_every_kind():
    """In a row, apart, and from a table that the phase before has written."""
    text = """
.shared 500
.buffer table, 0, 64, inout
.routine put
    VMID r0
    ADDI r1, r0, 100
    WRITE r1, r0
    HALT
.routine turn
    VMID r0
    SETI r1, 63
    SUB r1, r1, r0
    WRITE r0, r1
    HALT
.routine look
    VMID r0
    VMGID r1
    ADDI r1, r1, 400
    WRITE r1, r0
    HALT
.phase wait_all
    .launch put, 64
.phase wait_all
    .launch put, 64, strided 2 100
.phase wait_all
    .launch look, 64
.phase wait_all
    .launch turn, 64
.phase wait_all
    .launch look, 64, custom table
"""
    same(lw.fleet.assemble(text))


def test_a_phase_waits_for_the_one_before_in_every_run():
    """Although a thread that is done with its VMs has nothing else to do."""
    program = lw.fleet.assemble("""
.shared 768
.buffer x, 0, 256, in
.buffer y, 512, 256, out
.routine slow
    VMID r0
    READ r1, r0
    SUBI r2, r0, 128
    BRANCH_GE r2, on
    SETI r2, 4000000
wait:
    SUBI r2, r2, 1
    BRANCH_GT r2, wait
on:
    ADDI r0, r0, 256
    WRITE r0, r1
    HALT
.routine next
    VMID r0
    ADDI r1, r0, 256
    READ r2, r1
    ADDI r0, r0, 512
    WRITE r0, r2
    HALT
.phase wait_all
    .launch slow, 256
.phase wait_all
    .launch next, 256
""")
    runner = program.bind("llvm", Limits(threads=2, deadline=60))
    for number in (1.0, 2.0, 3.0):
        assert (np.asarray(runner(x=np.full(256, number))["y"]) == number).all()


ORDERED = """
.state S32
.shared 40
.buffer sums, 0, 8, out
.buffer seen, 8, 8, out
.routine main
    VMID r0
    MODI r1, r0, 8
    MULI r2, r0, 0.1
    MODI r3, r0, 5
wait:
    SUBI r3, r3, 1
    BRANCH_GT r3, wait
    {what}
    HALT
.phase wait_all
    .launch main, 700
.phase wait_all
    .launch main, 33
"""


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize(
    "what",
    [
        "ATOMIC_ADD r4, r1, r2",
        "ATOMIC_MIN r4, r1, r2",
        "ATOMIC_IXCH r4, r1, r2",
        "WRITE r1, r2",
        "ADDI r1, r1, 8\nWRITE r1, r2\nADDI r2, r2, 1\nSUBI r1, r1, 8\nWRITE r1, r0",
    ],
)
def test_what_counts_in_the_order_of_epochs(what):
    program = lw.fleet.assemble(ORDERED.format(what=what))
    results = [program.bind(name)() for name in ("reference", *ENGINES)]
    one, *others = ({name: np.asarray(r[name]).tobytes() for name in r} for r in results)
    assert others == [one, one]
    for name in ("conflicts", "stalled", "epochs", "instructions", "by_kernel"):
        assert len({str(result.stats[name]) for result in results}) == 1, name
    groups = program.bind("llvm")._ready(None).groups
    assert not any(isinstance(rows, str) for rows in groups.rows)


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_order_counts_where_there_are_several_vms():
    """The routine is another one then."""
    text = ORDERED.format(what="WRITE r1, r2").replace("main, 700", "main, 1")
    program = lw.fleet.assemble(text)
    results = [program.bind(name)() for name in ("reference", *ENGINES)]
    assert len({np.asarray(each["sums"]).tobytes() for each in results}) == 1
    groups = program.bind("llvm")._ready(None).groups
    assert [bool(groups.ordered(step)) for step in (0, 1)] == [False, True]
    assert not any(isinstance(rows, str) for rows in groups.rows)


TRIANGLES = """
.state S32
.shared 600
.buffer x, 0, 300, in
.buffer y, 300, 300, out
.routine main
    VMID r0
    READ r1, r0
    SETI r4, 9
again:
    BRANCH_LT r1, below
    MULI r1, r1, 0.5
    SUBI r1, r1, 1
    BRANCH_GT r1, on
    ADDI r2, r2, 3
    JUMP on
below:
    SUB r1, r4, r1
on:
    ADD r3, r3, r1
    SUBI r4, r4, 1
    BRANCH_NE r4, again
    ADD r3, r3, r2
    ADDI r0, r0, 300
    WRITE r0, r3
    HALT
.phase wait_all
    .launch main, 300
"""


DIAMONDS = TRIANGLES.replace("    BRANCH_GT r1, on\n", "")
"""Both ways have instructions, one way more than the other."""


@pytest.mark.parametrize("text", [TRIANGLES, DIAMONDS], ids=["triangles", "diamonds"])
def test_short_ways_become_one(text):
    """Instructions are counted as if lanes had gone apart."""
    from lanework.engines.lanes.convert import converted
    from lanework.engines.lanes.webs import split

    program = lw.fleet.assemble(text)
    same(program)
    lanes = Lowering(FleetView.of(program), Form(0)).program()
    assert len(shape(split(lanes)).masked) > len(converted(lanes).masked)


def test_a_short_way_that_others_come_to_stays():
    same(
        lw.fleet.assemble("""
.state S32
.shared 90
.routine main
    VMID r0
    MODI r1, r0, 3
    BRANCH_EQ r1, more
    MODI r2, r0, 2
    BRANCH_NE r2, on
more:
    ADDI r3, r3, 5
on:
    WRITE r0, r3
    HALT
.phase wait_all
    .launch main, 90
""")
    )


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize(
    "what",
    [
        "WRITE r0, r2",
        "ADDI r3, r0, 100\nMUL r3, r1, r3\nWRITE r3, r2",
        "ADD r3, r0, r0\nWRITE r3, r2",
        "CLEAR r3\nATOMIC_IADD r5, r3, r4",
        "CLEAR r3\nWRITE r3, r0",
        "SETI r3, 5000\nREAD r5, r3",
        "MUL r3, r1, r0\nADDI r3, r3, 300\nREAD r5, r3\nADD r2, r2, r5",
        "ADDI r3, r0, 100\nATOMIC_ADD r5, r3, r2",
    ],
)
def test_a_vm_that_is_elsewhere_does_nothing(what):
    """In the same vector, where others write, update or read."""
    text = f"""
.state S32
.shared 500
.routine main
    VMID r0
    MODI r1, r0, 3
    ADDI r2, r0, 7
    SETI r4, int:3
    BRANCH_EQ r1, end
    {what}
end:
    HALT
.phase wait_all
    .launch main, 100
"""
    same(lw.fleet.assemble(text))


@pytest.mark.parametrize("one", [-1, 1])
@pytest.mark.parametrize("other", [-1, 1])
def test_ways_that_meet_at_different_blocks(one, other):
    """VMs go all together to the middle of a way that others have parted for, or to a loop."""
    text = f"""
.state S32
.shared 100
.routine main
    VMID r0
    SETI r1, {one}
    SETI r2, {other}
    MODI r3, r0, 3
    BRANCH_GT r1, together
    BRANCH_EQ r3, part
    RAND r4
    JUMP on
together:
    BRANCH_GT r2, part
loop:
    ADDI r4, r4, 2
    SUBI r3, r3, 1
    BRANCH_GT r3, loop
    ADDI r4, r4, 100
    JUMP on
part:
    RAND r4
    ADDI r4, r4, 7
on:
    WRITE r0, r4
    HALT
.phase wait_all
    .launch main, 100
"""
    same(lw.fleet.assemble(text), seed=7)


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_faults_of_vms_that_go_on_later_are_known():
    text = """
.routine main
    VMID r0
    BRANCH_NE r0, on
    RETURN
on:
    HALT
.routine end
    SYSCALL_KILL
.phase wait_all
    .launch main, 3, keep k
.phase wait_all
    .launch end, 3, resume k
"""
    program = lw.fleet.assemble(text)
    for name in ("reference", "llvm"):
        runner = program.bind(name, on_fault="go on")
        runner()
        last = runner._last()
        assert (last.progress.faults, last.progress.first_fault) == (1, 0)


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.LossNotice")
@pytest.mark.parametrize("engine", ENGINES)
def test_places_of_vms_that_others_have_had(engine):
    """Nobody cleans up where nothing was left: after a fault, and after epochs, somebody does."""
    text = """
.buffer x, 0, 8, inout
.buffer y, auto, 8, out
.routine main
    VMID r0
    READ r1, r0
    BRANCH_GT r1, bad
    ADDI r1, r1, 1
    WRITE r0, r1
    ADDI r0, r0, y
    WRITE r0, r1
    HALT
bad:
    RETURN
.phase wait_all
    .launch main, 8
"""
    program = lw.fleet.assemble(text)
    runner, reference = (program.bind(e, on_fault="go on") for e in (engine, "reference"))
    for given in (np.zeros(8), np.arange(8) % 2, np.zeros(8), np.ones(8), np.arange(8) % 3):
        one, other = runner(x=given), reference(x=given)
        assert np.array_equal(one["shared"], other["shared"])
        assert one.stats["faults"] == other.stats["faults"]
        rows = [each.vms.words[1:] for each in (runner, reference)]
        assert np.array_equal(*rows)
        assert len(list(runner.epochs(x=given))) == other.stats["epochs"]


def test_what_is_kept_of_vms_is_of_their_last_launch():
    same(
        lw.fleet.assemble("""
.shared 16
.routine two
    VMGID r0
    READ r1, r0
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.routine one
    VMGID r0
    RAND r1
    WRITE r0, r1
    HALT
.phase wait_all
    .launch one, 4, keep a
    .launch one, 3, keep b
.repeat 3
.phase wait_all
    .launch one, 3, resume b
.phase none
    .launch two, 2
.phase wait_all
    .launch one, 4, resume a
.end
""")
    )


IN_PLACE = """
.buffer x, 0, 100, in
.buffer y, auto, 100, in
.buffer z, auto, 100, in
.buffer p, auto, 100, in
.buffer q, auto, 100, in, pad
.buffer w, auto, 100, inout
.buffer out, auto, 100, out
.routine main
    VMID r0
    READ r1, r0
    ADDI r2, r0, y
    READ r2, r2
    ADD r1, r1, r2
    ADDI r2, r1, z
    READ r2, r2
    ADD r1, r1, r2
    ADDI r2, r0, p
    READ r2, r2
    ADD r1, r1, r2
    ADDI r2, r0, 350
    READ r2, r2
    ADD r1, r1, r2
    ADDI r2, r0, w
    READ r3, r2
    ADD r1, r1, r3
    WRITE r2, r1
    ADDI r0, r0, out
    WRITE r0, r1
    BRANCH_LT r1, bad
    HALT
bad:
    RETURN
.phase wait_all
    .launch main, 100
"""


def test_inputs_are_read_where_they_are_given(monkeypatch):
    """But for those that somebody writes, or comes to from elsewhere."""
    program, rng = lw.fleet.assemble(IN_PLACE), np.random.default_rng(5)
    sizes = {**dict.fromkeys("xyzpw", 100), "q": 7}
    given = {name: rng.integers(0, 9, n).astype(np.float32) for name, n in sizes.items()}
    seen = []

    def noted(engine, *args):
        seen.append(sorted(engine.lent))
        return ahead(engine, *args)

    ahead = LLVMEngine.ahead
    monkeypatch.setattr(LLVMEngine, "ahead", noted)
    for settings in ({}, {"epochs": 9}):
        runner = program.bind("llvm", outputs=["out", "w"], **settings)
        reference = program.bind("reference", **settings)
        for _ in range(2):
            one, other = runner(**given), reference(**given)
            for name in one:
                assert one[name].tobytes() == other[name].tobytes()
            assert one.stats["reads_outside"] == other.stats["reads_outside"]
    short, before = program.bind("llvm", Limits(fuel=50), outputs="w"), given["x"].copy()
    with pytest.raises(Trap):
        short(**given)
    given["x"][:] = 3
    assert np.array_equal(short.shared[:100], before)
    given["x"][50] = -1000
    runner, reference = (program.bind(e, outputs=["out", "w"]) for e in ("llvm", "reference"))
    for each in (runner, reference):
        with pytest.raises(Trap):
            each(**given)
    given["x"][:] = 5
    assert np.array_equal(runner.shared[:400], reference.shared[:400])
    assert np.array_equal(runner.vms.words[1:], reference.vms.words[1:])
    assert seen == [["x", "y", "z"]] * 4 + [[]]  # and once more, with all VMs kept


@pytest.mark.parametrize("engine", ["llvm", "wgsl"])
@pytest.mark.parametrize("waiting", [1, 3, 90])
@pytest.mark.parametrize("patience", [1, 1000])
@pytest.mark.parametrize("before", [0, 2])
def test_nothing_begins_behind_vms_that_wait_for_ever(engine, waiting, patience, before, gpu):
    """Nor is it counted: the phases before have done what they do, and those after nothing."""
    text = (
        ".machine fleet\n.buffer y, 10, 200, out\n.routine main\nVMGID r0\nSETI r1, 0\n"
        f"CMPI r2, r0, {waiting}\nBRANCH_GE r2, on\nWAIT r1, r1\non:\nADDI r2, r0, y\n"
        "WRITE r2, r0\nHALT\n.routine more\nVMGID r0\nADDI r2, r0, y\nREAD r1, r2\n"
        "ADDI r1, r1, 500\nWRITE r2, r1\nHALT\n"
        + before * ".phase wait_all\n.launch more, 100\n"
        + ".phase wait_all\n.launch main, 100\n"
        + 2 * ".phase wait_all\n.launch more, 100\n"
    )
    seen = []
    for name in ("reference", engine):
        runner = lw.fleet.assemble(text).bind(name, patience=patience)
        with pytest.raises(lw.Trap, match="LW6026: ") as caught:
            runner()
        counts = runner._desk.run.counts
        said = str(caught.value).partition("patience")[0]
        seen.append((said, counts.epochs, counts.executed, counts.live, runner.shared.tolist()))
    assert seen[0] == seen[1]
