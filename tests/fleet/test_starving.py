"""A VM that faults is heard of, although others never end that come before it."""

import numpy as np
import pytest
from alike import native

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits

HEAD = """
.state S32
.shared {n}
.buffer what, 0, {n}, inout
.routine main
    VMID r0
    READ r1, r0
    ADDI r6, r0, {n}
"""
TAIL = """
.phase wait_all
    .launch main, {n}
"""
SHAPES = {
    "the fault behind the loop": """
again:
    ADDI r3, r3, 1
    BRANCH_EQ r1, again
    BRANCH_GT r1, bad
    HALT
bad:
    WRITE r6, r3
    HALT
""",
    "where all lanes come together": """
    BRANCH_NE r1, on
again:
    ADDI r3, r3, 1
    BRANCH_EQ r2, again
on:
    ADDI r4, r4, 1
    CMPI r5, r1, 1
    BRANCH_NE r5, fine
    WRITE r6, r4
fine:
    WRITE r0, r4
    HALT
""",
    "in a loop, at an address": """
    CMPI r4, r1, 1
again:
    ADDI r3, r3, 1
    BRANCH_NE r4, stay
    WRITE r6, r3
stay:
    WRITE r0, r3
    BRANCH_NE r1, done
    JUMP again
done:
    HALT
""",
    "behind a long loop": "again:\n"
    + "ADDI r3, r3, 1\n" * 30
    + """
    BRANCH_EQ r1, again
    BRANCH_GT r1, bad
    HALT
bad:
    WRITE r6, r3
    HALT
""",
    "in loops of loops": """
outer:
    SETI r4, 3
inner:
    SUBI r4, r4, 1
    BRANCH_GT r4, inner
    BRANCH_NE r1, leave
    ADDI r5, r5, 1
    JUMP outer
leave:
    SETI r4, 5
again:
    SUBI r4, r4, 1
    BRANCH_GT r4, again
    BRANCH_LT r1, end
    WRITE r6, r4
end:
    WRITE r0, r4
    HALT
""",
    "after some thousand turns": """
    MULI r2, r1, 9000
    BRANCH_GT r1, count
again:
    ADDI r3, r3, 1
    BRANCH_EQ r1, again
    HALT
count:
    SUBI r2, r2, 1
    BRANCH_GT r2, count
    WRITE r6, r4
    HALT
""",
    "calls without end": """
    BRANCH_GT r1, more
again:
    ADDI r3, r3, 1
    BRANCH_EQ r1, again
    HALT
more:
    CALL more
    HALT
""",
}


def trapped(runner, **inputs):
    with pytest.raises(Trap) as trap:
        runner(**inputs)
    return str(trap.value)


def compare(text, several, engine, **settings):
    """Faults of VMs whose word is 1, while those that have 0 go on for ever, the others end."""
    program = lw.fleet.assemble(text)
    limits = Limits(deadline=30)
    one, other = (program.bind(name, limits, bounds="fault") for name in ("reference", engine))
    native(other)
    for words in several:
        assert trapped(one, what=words) == trapped(other, what=words)
    other.close()


def words(n, k, loops=None):
    """What VMs do: one faults, one or all others never end."""
    out = np.zeros(n, np.float32)
    if loops is not None:
        out[:] = -1
        out[loops] = 0
    out[k] = 1
    return out


@pytest.mark.parametrize("engine", ["llvm", "wgsl"])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_faults_and_others_never_end(shape, engine):
    text = HEAD + SHAPES[shape] + TAIL
    some = [words(150, 149, 0), words(150, 0, 149), words(150, 70), words(150, 17, 16)]
    compare(text.format(n=150), some, engine)


@pytest.mark.parametrize("shape", list(SHAPES)[:3])
def test_any_two_of_a_vector(shape):
    text = HEAD + SHAPES[shape] + TAIL
    pairs = [words(16, k, (5 * k + 7) % 16) for k in range(16) if k % 4 != 2]
    compare(text.format(n=16), [*pairs, *(words(16, k) for k in range(0, 16, 5))], "llvm")


def test_several_at_once_and_the_first_in_time():
    """The one that faults first, whichever is seen first, and how many do at that time."""
    text = (
        HEAD + SHAPES["the fault behind the loop"].replace("r1, bad", "r1, later") + TAIL
    ).replace("bad:", "later:\n    SUBI r1, r1, 1\n    BRANCH_GT r1, later")
    rng = np.random.default_rng(3)
    several = [rng.permutation(np.arange(300) % 60).astype(np.float32) for _ in range(5)]
    for each in several:
        each[(each > 0) & (each < 20)] = 0
    compare(text.format(n=300), several, "llvm")


def test_of_many_the_last():
    n = 90_000
    text = HEAD + SHAPES["the fault behind the loop"] + TAIL
    compare(text.format(n=n), [words(n, n - 1, slice(0, n, 7))], "llvm")


def test_routines_and_phases():
    """One routine never ends, and another one faults; phases before have written."""
    text = """
.state S32
.shared 200
.buffer what, 0, 200, inout
.routine first
    VMID r0
    READ r1, r0
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.routine endless
again:
    ADDI r3, r3, 1
    JUMP again
    HALT
.routine faults
    VMID r0
    ADDI r2, r0, 100
    READ r1, r2
    BRANCH_EQ r1, done
    ADDI r2, r0, 300
    WRITE r2, r1
done:
    HALT
.phase wait_all
    .launch first, 200
.phase wait_all
    .launch endless, 100
    .launch faults, 100
"""
    given = np.full(200, -1, np.float32)
    given[170] = 3
    compare(text, [given], "llvm")


def test_what_is_kept_and_goes_on():
    """VMs of a phase before go on from what they were, and some never end."""
    text = """
.state S32
.shared 64
.buffer what, 0, 64, inout
.routine first
    VMID r0
    READ r1, r0
    HALT
.routine second
again:
    ADDI r3, r3, 1
    BRANCH_EQ r1, again
    ADDI r0, r0, 64
    WRITE r0, r3
    HALT
.phase wait_all
    .launch first, 64, keep these
.phase wait_all
    .launch second, resume these
"""
    compare(text, [words(64, 40)], "llvm")


def test_without_a_fault_nothing_is_lost():
    """A run with VMs of very different lengths, some long, is what it is without a look ahead."""
    text = (
        HEAD
        + """
again:
    SUBI r1, r1, 1
    ADDI r3, r3, 1
    BRANCH_GT r1, again
    WRITE r0, r3
    HALT
"""
        + TAIL
    ).format(n=64)
    given = np.ones(64, np.float32)
    given[::9] = 3e6 + np.arange(8)
    program = lw.fleet.assemble(text)
    runs = [program.bind("llvm", bounds=bounds)(what=given) for bounds in ("fault", "count")]
    assert runs[0].stats["instructions"] == runs[1].stats["instructions"]
    assert (runs[0]["what"] == runs[1]["what"]).all()
    assert runs[0]["what"].max() == given.max()
