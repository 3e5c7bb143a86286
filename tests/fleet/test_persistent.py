"""Lanes that begin anew while others go round a loop: all that there is to see is as in epochs."""

import random

import numpy as np
import pytest

import lanework as lw
from lanework.engines.lanes.convert import converted
from lanework.engines.lanes.persistent import suited
from lanework.engines.llvm.lanetarget import Target
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.module import module

LOOP = """
    MULI r1, r0, 0.37
    FLOOR r2, r1
    SUB r1, r1, r2
    MULI r1, r1, 90
    FLOOR r1, r1
    CLEAR r3
again:
    ADDI r3, r3, 1
    SUBI r1, r1, 1
    BRANCH_GT r1, again
"""
PROGRAMS = {
    "a loop": f"VMID r0\n{LOOP}VMID r0\nWRITE r0, r3\nHALT",
    "a number of its own": f"VMGID r0\n{LOOP}VMID r1\nVMGID r2\nADD r3, r3, r2\nWRITE r1, r3\nHALT",
    "nothing": "VMID r0\nADDI r1, r0, 3\nBRANCH_LT r1, out\n"
    f"{LOOP}out:\nVMID r0\nWRITE r0, r3\nHALT",
    "loops in loops": """
    VMID r0
    MODI r1, r0, 7
    CLEAR r3
outer:
    MODI r2, r0, 13
    ADD r2, r2, r1
inner:
    ADDI r3, r3, 1
    SUBI r2, r2, 1
    BRANCH_GT r2, inner
    SUBI r1, r1, 1
    BRANCH_GT r1, outer
    WRITE r0, r3
    HALT""",
    "one loop after another": f"VMID r0\n{LOOP}VMID r0\nSTORE r3, mem0\nMODI r1, r0, 29\nmore:\n"
    "ADDI r3, r3, 2\nSUBI r1, r1, 1\nBRANCH_GT r1, more\nWRITE r0, r3\nHALT",
    "words that it reads": """
    VMID r0
    CLEAR r3
    MODI r1, r0, 50
next:
    READ r2, r1
    ADD r3, r3, r2
    MUL r2, r2, r2
    ADDI r2, r2, 1
    SUB r1, r1, r2
    BRANCH_GE r1, next
    ADDI r0, r0, 100
    WRITE r0, r3
    HALT""",
    "two ways out": """
    VMID r0
    MODI r1, r0, 41
    MODI r2, r0, 17
    CLEAR r3
next:
    ADDI r3, r3, 1
    SUBI r1, r1, 1
    BRANCH_LT r1, one
    SUBI r2, r2, 0.5
    BRANCH_LT r2, other
    JUMP next
one:
    ADDI r3, r3, 1000
    WRITE r0, r3
    HALT
other:
    MULI r3, r3, -1
    WRITE r0, r3
    HALT""",
    "random numbers": """
    VMID r0
    CLEAR r3
next:
    ADDI r3, r3, 1
    RAND r1
    SUBI r1, r1, 0.03
    BRANCH_GT r1, next
    WRITE r0, r3
    HALT""",
    "counts together": f"VMID r0\n{LOOP}MODI r2, r3, 8\nADDI r2, r2, 6000\n"
    "SETI r1, int:2\nATOMIC_IADD r1, r2, r1\nCLEAR r1\nVMID r0\n"
    "ADDI r0, r0, 200\nWRITE r0, r3\nHALT",
}


def program(name, count, launch=""):
    return lw.fleet.assemble(
        ".buffer x, 0, 6000, inout\n.buffer n, 6000, 8, out, i32\n.routine main\n"
        f"{PROGRAMS[name]}\n.phase wait_all\n"
        f".launch main, {count}{launch}\n"
    )


def lowered(source):
    return converted(Lowering(FleetView.of(source), Form(0)).program())


LONG = [pytest.param(count, marks=pytest.mark.long) for count in (63, 64, 130, 1023, 5000)]


@pytest.mark.parametrize("count", [1, 65, 1025, *LONG])
@pytest.mark.parametrize("name", PROGRAMS)
def test_lanes_that_begin_anew(name, count):
    source = program(name, count)
    x = np.random.default_rng(1).random(6000).astype(np.float32)
    one, other = (source.bind(engine, seed=5)(x=x) for engine in ("reference", "llvm"))
    for each in one:
        assert np.asarray(one[each]).tobytes() == np.asarray(other[each]).tobytes()
    for what in ("epochs", "instructions", "by_kernel", "reads_outside", "writes_outside"):
        assert one.stats[what] == other.stats[what]


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "counts together"])
def test_which_lanes_do(name):
    assert suited(lowered(program(name, 5)))


@pytest.mark.parametrize("launch", [", strided 3 2", ", contiguous 100"])
def test_vms_that_are_apart(launch):
    source = program("a loop", 700, launch)
    x = np.zeros(6000, np.float32)
    one, other = (source.bind(engine)(x=x)["x"] for engine in ("reference", "llvm"))
    assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    assert np.count_nonzero(np.asarray(one)) == 700


def test_those_that_have_little_to_do_in_loops_do_not():
    long = "\n".join(f"ADDI r3, r3, {n}" for n in range(60))
    text = PROGRAMS["a loop"].replace("WRITE", f"{long}\nWRITE")
    source = lw.fleet.assemble(
        f".buffer x, 0, 50, inout\n.routine main\n{text}\n.phase wait_all\n.launch main, 50\n"
    )
    assert not suited(lowered(source))


@pytest.mark.parametrize(("many", "anew"), [(4, True), (16, False)])
def test_those_whose_code_would_take_long_to_compile_do_not(many, anew):
    """Lanes wait at many blocks for each other, which are all in one more loop."""
    tests = "\n".join(f"ADDI r2, r3, {-7 * n}\nBRANCH_EQ r2, out{n}" for n in range(many))
    outs = "\n".join(f"out{n}:\nVMID r0\nADDI r3, r3, {n}\nWRITE r0, r3\nHALT" for n in range(many))
    text = PROGRAMS["a loop"].replace("again:", f"again:\n{tests}")
    source = lw.fleet.assemble(
        f".buffer x, 0, 50, inout\n.routine main\n{text}\n{outs}\n"
        ".phase wait_all\n.launch main, 50\n"
    )
    assert suited(lowered(source))
    form, rows = Form(0), {name: n for n, name in enumerate(FleetView.of(source).profile.fields)}
    program = Lowering(FleetView.of(source), form).program()
    lines, _ = module([(form, program)], Target(16, True), rows, strict=True)
    assert ("%next = alloca" in lines) == anew


MORE = [pytest.param(seed, marks=pytest.mark.long) for seed in range(4, 40)]


@pytest.mark.parametrize("seed", [*range(4), *MORE])
def test_any_loops(seed):
    """Loops within and after one another, that end by what a VM is, with branches in them."""
    rng = random.Random(seed)
    lines, number = ["VMID r0", "MODI r1, r0, 23", "CLEAR r3"], 0

    def some(depth):
        nonlocal number
        number += 1
        mine, memory = number, f"mem{depth}"
        lines.extend([f"MODI r2, r0, {rng.randint(2, 19)}", f"STORE r2, {memory}", f"l{mine}:"])
        for _ in range(rng.randint(1, 3)):
            lines.append(f"ADDI r3, r3, {rng.randint(1, 9)}")
            if rng.random() < 0.5:
                lines.extend(
                    [f"MODI r2, r3, {rng.randint(2, 5)}", f"BRANCH_EQ r2, s{mine}.{len(lines)}"]
                )
                lines.extend(["MULI r3, r3, 0.5", "FLOOR r3, r3"])
                lines.append(lines[-3].split(", ")[1] + ":")
            if depth < 2 and rng.random() < 0.4:
                some(depth + 1)
        lines.extend([f"LOAD r2, {memory}", "SUBI r2, r2, 1", f"STORE r2, {memory}"])
        lines.append(f"BRANCH_GT r2, l{mine}")

    some(0)
    if rng.random() < 0.5:
        some(0)
    lines.extend(["WRITE r0, r3", "HALT"])
    body = "\n".join(line.replace(".", "_") if "s" in line else line for line in lines)
    source = lw.fleet.assemble(
        f".buffer x, 0, 3000, inout\n.routine main\n{body}\n.phase wait_all\n.launch main, 2500\n"
    )
    x = np.zeros(3000, np.float32)
    one, other = (source.bind(engine)(x=x) for engine in ("reference", "llvm"))
    assert np.asarray(one["x"]).tobytes() == np.asarray(other["x"]).tobytes()
    assert one.stats["epochs"] == other.stats["epochs"]
    assert one.stats["by_kernel"] == other.stats["by_kernel"]


@pytest.mark.long
def test_more_instructions_than_a_word_can_count():
    """Of one VM, while others begin anew."""
    text = """
.buffer x, 0, 200, out
.routine main
    VMID r0
    SETI r1, 1
    BRANCH_NE r0, again
    SETI r1, 4000
again:
    SETI r2, 1000000
more:
    SUBI r2, r2, 4
    ADDI r3, r3, 1
    MUL r3, r3, r3
    SUB r3, r3, r3
    BRANCH_GT r2, more
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    WRITE r0, r3
    HALT
.phase wait_all
.launch main, 4
"""
    stats = lw.fleet.assemble(text).bind("llvm")().stats
    assert stats["epochs"] == 3 + 1 + 4000 * (3 + 5 * 250_000) + 2
