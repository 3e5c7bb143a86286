"""VMs that others start, run whole: numbers, places and epochs as on the reference."""

import numpy as np
import pytest
from alike import same

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.generations import Generations
from lanework.machines.fleet.native.steps import Groups

pytestmark = pytest.mark.filterwarnings("ignore::lanework.fleet.LossNotice")


@pytest.fixture
def ended(monkeypatch):
    """Whether the runs of generations have ended by themselves, and how many calls there were."""
    out, original = [], Generations.all

    def all_(self, *args):
        calls, inner = [], self.run
        self.run = lambda *given: (calls.append(1), inner(*given))[1]
        out.append((original(self, *args), len(calls)))
        return out[-1][0]

    monkeypatch.setattr(Generations, "all", all_)
    return out


def alike(text, ended, **settings):
    """A program whose phases run whole, and what calls of compiled code there were."""
    program = lw.fleet.assemble(text)
    runner = program.bind("llvm", **settings)
    natively(runner)
    same(program, **settings)
    assert [ends for ends, _ in ended] == [True] * len(ended)
    assert ended
    return [calls for _, calls in ended]


def natively(runner):
    """Its phases run whole."""
    groups = Groups(runner.view, runner.settings, births=True)
    assert not any(groups.why(step) for step in groups.starts.tolist())


FAMILY = """
.machine fleet
.state S32
.shared 9000
.spawn {room}
.routine main
    VMID r0
    MODI r1, r0, 5
    ADDI r1, r1, 1
again:
    SPAWN r3, child, r0
    ADDI r0, r0, 0.25
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    HALT
.routine child
    VMID r1
    RAND r2
    ADD r2, r2, r0
    VMCOUNT r4
    ADD r2, r2, r4
    WRITE r1, r2
    FLOOR r5, r0
    SUB r5, r5, r0
    BRANCH_LT r5, out
    SPAWN r3, leaf, r2
out:
    {end}
.routine leaf
    VMGID r1
    RAND r2
    WRITE r1, r2
    ADDI r1, r1, 4000
    WRITE r1, r0
    {end}
.phase none
    .launch main, 100
.phase wait_all
    .launch main, 90, strided 1000 7
.phase wait_all
    .launch main, 40
"""


@pytest.mark.parametrize("end", ["HALT", "KILL"])
@pytest.mark.parametrize("room", [0, 1, 50, 2000])
def test_parents_children_and_their_children(room, end, ended):
    """What VMs are numbered, of their random numbers the stream, and those without a place."""
    alike(FAMILY.format(room=room, end=end), ended, seed=7)


TREE = """
.machine fleet
.shared 3000
.spawn 1100
.routine node
{first}
    VMID r1
    WRITE r1, r0
    SUBI r0, r0, 1
    BRANCH_LE r0, leaf
    SPAWN r2, node, r0
    SPAWN r2, node, r0
leaf:
    {end}
.routine stub
    VMID r1
    WRITE r1, r0
    {end}
.routine root
    VMID r0
    ADDI r0, r0, 5
    SPAWN r1, node, r0
    HALT
.phase
    .launch root, 4
"""


@pytest.mark.parametrize("end", ["HALT", "KILL"])
@pytest.mark.parametrize("first", ["", "    SPAWN r2, stub, r0"])
def test_a_routine_that_starts_itself(first, end, ended):
    """With a start at once, VMs begin in one epoch of parents that began in it, and of others."""
    alike(TREE.format(first=first, end=end), ended)


def test_two_places_are_used_again_and_again(ended):
    """Of which random numbers know."""
    text = """
.machine fleet
.buffer out, 0, 64, out
.spawn 2
.routine link
    ADDI r1, r0, out
    RAND r2
    WRITE r1, r2
    ADDI r0, r0, 1
    SUBI r1, r0, 60
    BRANCH_GE r1, last
    SPAWN r3, next, r0
last:
    KILL
.routine next
    CLEAR r1
    SPAWN r3, link, r0
    KILL
.routine begin
    SPAWN r3, link, r0
    HALT
.phase
    .launch begin, 1
"""
    assert alike(text, ended) == [120]
    out = lw.fleet.assemble(text).bind("llvm")()["out"]
    assert len(set(out[:60].tolist())) == 60


TURNS = """
.machine fleet
.shared 400
.spawn {room}
.routine main
    VMID r0
    MODI r1, r0, 3
    BRANCH_EQ r1, on
wait:
    SUBI r1, r1, 1
    BRANCH_GT r1, wait
on:
    SPAWN r2, child, r0
    CLEAR r3
    SPAWN r2, other, r0
    HALT
.routine child
    VMID r1
    RAND r2
    WRITE r1, r2
    MODI r1, r1, 2
    BRANCH_EQ r1, now
    SPAWN r3, other, r0
now:
    KILL
.routine other
    VMID r1
    WRITE r1, r0
    MODI r1, r1, 3
    BRANCH_EQ r1, now
    SPAWN r3, child, r0
now:
    {end}
.phase
    .launch main, 30
"""


@pytest.mark.parametrize("end", ["HALT", "KILL"])
@pytest.mark.parametrize("room", [3, 8, 20, 90])
def test_places_are_freed_in_the_epoch_in_which_others_begin(room, end, ended):
    """In turn: those of VMs with lower numbers first."""
    alike(TURNS.format(room=room, end=end), ended)


def test_halves(ended):
    alike(TURNS.format(room=20, end="KILL"), ended, storage="f16")


def test_many_epochs_apart(ended):
    """Begun in epochs that a word of 16 bits, say, does not hold."""
    text = """
.machine fleet
.buffer out, 0, 40, out
.spawn 6
.routine main
    VMID r0
    MULI r1, r0, 14000
    ADDI r1, r1, 1
again:
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    SPAWN r2, child, r0
    HALT
.routine child
    VMID r1
    ADDI r1, r1, out
    WRITE r1, r0
    SETI r1, out
    WRITE r1, r0
    HALT
.phase
    .launch main, 6
"""
    assert alike(text, ended) == [2]


SAME = """
.machine fleet
.shared 500
.spawn 300
.routine main
    VMID r0
    MODI r1, r0, 7
    ADDI r1, r1, {more}
    SPAWN r3, child, r0
wait:
    SUBI r1, r1, 1
    BRANCH_GT r1, wait
    MODI r1, r0, 10
    {how} r1, r0
    HALT
.routine child
    MODI r1, r0, 10
    MODI r2, r0, 4
wait:
    SUBI r2, r2, 1
    BRANCH_GT r2, wait
    {how} r1, r0
    HALT
.phase
    .launch main, 200
"""


@pytest.mark.parametrize("how", ["WRITE", "ATOMIC_ADD r2,"])
@pytest.mark.parametrize("more", [1, 2, 3, 4])
def test_the_order_of_writes_of_parents_and_children(more, how, ended):
    """By epochs, in which they begin at different times, and then by number."""
    text = SAME.format(more=more, how=how)
    if "ATOMIC" in how:
        text = text.replace("MODI r1, r0, 10\n", "MODI r1, r0, 10\n    MULI r0, r0, 0.1\n")
    alike(text, ended)


def test_the_order_of_writes_of_routines_that_begin_together(ended):
    """By number, however their routines are grouped."""
    text = """
.machine fleet
.state S32
.shared 500
.spawn 300
.routine main
    VMID r0
    MODI r1, r0, 2
    BRANCH_EQ r1, even
    SPAWN r3, one, r0
    HALT
even:
    SPAWN r3, other, r0
    HALT
.routine one
    MODI r1, r0, 5
    WRITE r1, r0
    HALT
.routine other
    MODI r1, r0, 5
    WRITE r1, r0
    HALT
.phase
    .launch main, 200
"""
    alike(text, ended)


def test_numbers_from_a_table_and_routines_in_turn(ended):
    text = """
.machine fleet
.buffer table, 0, 60, in
.buffer out, 60, 200, out
.spawn 120
.routine main
    VMID r0
    MODI r1, r0, 2
    BRANCH_EQ r1, even
    SPAWN r2, one, r0
    HALT
even:
    SPAWN r2, other, r0
    HALT
.routine one
    VMID r1
    ADDI r1, r1, out
    WRITE r1, r0
    HALT
.routine other
    VMID r1
    ADDI r1, r1, out
    MULI r0, r0, -1
    WRITE r1, r0
    SPAWN r2, one, r0
    HALT
.phase
    .launch main, 60, custom table
"""
    program = lw.fleet.assemble(text)
    runner = program.bind("llvm")
    natively(runner)
    same(program, {"table": np.random.default_rng(2).integers(0, 99, 60).astype(np.float32)})
    assert [ends for ends, _ in ended] == [True]


FAULT = "ADDI r1, r0, 260; WRITE r1, r0"
ENDS = {
    "a fault": (FAULT, {"bounds": "fault"}, "LW6022"),
    "a VM that waits": ("SETI r1, 190; WAIT r1, r2", {}, "LW6026"),
    "fuel": ("MUL r1, r1, r1", {"limits": Limits(fuel=300)}, "LW2002"),
}
EARLY = """
.machine fleet
.shared 300
.spawn 50
.routine main
    VMID r0
    SPAWN r1, child, r0
    WRITE r0, r0
    HALT
.routine child
    VMID r3
    {}
    ADDI r0, r0, 9
    WRITE r3, r0
    HALT
.phase
    .launch main, 50
"""


@pytest.mark.parametrize("how", ENDS)
def test_runs_that_end_early(how, ended):
    """All is as in epochs, in which these run once more."""
    what, settings, code = ENDS[how]
    program, said = lw.fleet.assemble(EARLY.format(what.replace("; ", "\n    "))), []
    for engine in ("reference", "llvm"):
        runner = program.bind(engine, **settings)
        for _ in range(2):
            with pytest.raises(Trap) as trap:
                runner(shared=np.zeros(300))
        assert code in str(trap.value)
        said.append((str(trap.value), np.asarray(runner.shared).tolist()))
    assert said[0] == said[1]
    assert [ends for ends, _ in ended] == [False] * len(ended)
    assert ended


def test_faults_after_which_others_go_on(ended):
    program = lw.fleet.assemble(EARLY.format(FAULT.replace("; ", "\n    ")))
    same(program, on_fault="go on", bounds="fault")
    assert [ends for ends, _ in ended] == [False] * len(ended)
    assert ended


@pytest.mark.parametrize(("parents", "turns"), [(3, 3000), (6000, 1)])
def test_more_starts_than_there_is_room_for(parents, turns, ended):
    """These end the call; epochs count them."""
    again = "    SUBI r0, r0, 1\n    BRANCH_GT r0, again" * (turns > 1)
    text = f"""
.machine fleet
.shared 4
.spawn 2
.routine main
    SETI r0, {turns}
again:
    SPAWN r1, child, r0
{again}
    HALT
.routine child
    HALT
.phase
    .launch main, {parents}
"""
    same(lw.fleet.assemble(text))
    assert [ends for ends, _ in ended] == [False] * len(ended)
    assert ended
    assert lw.fleet.assemble(text).bind("llvm")().stats["unborn"] == parents * turns - 2


@pytest.mark.parametrize("limits", [Limits(deadline=0.5), Limits(fuel=2000)])
def test_vms_that_start_others_for_ever(limits):
    """Each ends when it has started another one: a generation is soon over, and the next begins."""
    text = """
.machine fleet
.shared 4
.spawn 2
.routine main
    SPAWN r1, one, r0
    HALT
.routine one
    CLEAR r1
    SPAWN r1, other, r0
    KILL
.routine other
    CLEAR r1
    SPAWN r1, one, r0
    KILL
.phase
    .launch main, 1
"""
    runner = lw.fleet.assemble(text).bind("llvm", limits)
    natively(runner)
    for _ in range(2):
        with pytest.raises(Trap, match=r"deadline|fuel"):
            runner()


def reasons(text, **settings):
    return lw.fleet.assemble(text).bind("llvm", **settings).explain()


START = """
.machine fleet
.shared 100
.spawn 50
.routine main
    VMID r0
    SPAWN r1, child, r0
    {after}
    HALT
.routine child
    {child}
    HALT
.phase {barrier}
    .launch main, 40{keep}
.phase wait_all
    .launch main, 4
"""
PLAIN = {"after": "CLEAR r1", "child": "CLEAR r1", "barrier": "wait_all", "keep": ""}
WHY = {
    "what SPAWN gives at main+1 (line 7) is used": {"after": "WRITE r0, r1"},
    "VMs are kept of which some start others": {"keep": ", keep some"},
    "phases overlap of which VMs start others": {"barrier": "wait_any"},
    "as a VM may read at child+0 (line 11) what another writes at main+2 (line 8)": {
        "child": "READ r1, r0",
        "after": "WRITE r0, r0",
    },
    "VMs start others of which one may fault, and one may never end": {
        "child": "ADDI r1, r0, 90; WRITE r1, r0; BRANCH_GT r0, 2"
    },
    "a VM may let others run at child+0 (line 11) time and again": {"child": "YIELD; JUMP 0"},
}


@pytest.mark.parametrize("why", WHY)
def test_why_they_run_in_epochs(why):
    def explained(parts):
        return reasons(
            START.format(**{name: part.replace("; ", "\n    ") for name, part in parts.items()}),
            bounds="fault" if "fault" in why else "count",
        )

    assert why in explained(PLAIN | WHY[why])
    assert why not in explained(PLAIN)
    assert "runs on" not in explained(PLAIN)
    assert "needed" not in explained(PLAIN)


def test_words_of_parents_are_cleared_before():
    """A run may begin once more, and a child may look at them."""
    both = START.format(**{**PLAIN, "after": "WRITE r0, r0", "child": "CLEAR r1"})
    text = both.rpartition(".phase")[0]  # words are left as they are of one phase alone
    view = FleetView.of(lw.fleet.assemble(text))
    assert not Groups(view, Settings(), births=True).overwritten
    alone = FleetView.of(lw.fleet.assemble(text.replace("SPAWN r1, child, r0", "CLEAR r1")))
    assert Groups(alone, Settings(), births=True).overwritten


def test_shaders_leave_it_to_epochs():
    view = FleetView.of(lw.fleet.assemble(START.format(**PLAIN)))
    assert "for the engine llvm" in Groups(view, Settings()).why(0)
    assert not Groups(view, Settings(), births=True).why(0)


def test_places_have_their_words():
    """Children at words by their number do not meet, parents and children may."""
    own = START.format(**{**PLAIN, "child": "VMID r1\n    READ r2, r1\n    WRITE r1, r2"})
    native_or = reasons(own).splitlines()
    assert "phase 0: VMs are independent" in native_or
    both = own.replace("CLEAR r1", "ADDI r0, r0, 20\n    WRITE r0, r0")
    assert "may read at child+1" in reasons(both)
    counted = START.format(
        **{
            **PLAIN,
            "child": "VMCOUNT r1\n    VMID r2\n    ADD r1, r1, r2\n    WRITE r1, r2",
            "after": "ADDI r2, r0, 100\n    READ r2, r2",
        }
    )
    counted = counted.replace(".shared 100", ".shared 5000").replace(".spawn 50", ".spawn 2000")
    assert "may read at main+3" in reasons(counted)  # there are 40 of its launch, not 2000
