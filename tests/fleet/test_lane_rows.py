"""Vectors of words one after another: known by how addresses are computed."""

import numpy as np
import pytest

import lanework as lw
from lanework.engines.llvm.lanetarget import Target
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.native import module
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.steps import Groups

ROWS = {
    "low bits": ["IAND r1, r0, r5"],
    "low bits, from elsewhere on": ["IADD r1, r0, r4", "IAND r1, r1, r5"],
    "before the first": ["ISUB r1, r0, r4", "IAND r1, r1, r5"],
    "the first of each": ["IAND r1, r0, r5", "ISUB r1, r0, r1"],
    "two": [
        "IAND r1, r0, r5",
        "ISUB r2, r0, r1",
        "IADD r1, r1, r4",
        "IAND r1, r1, r5",
        "IADD r1, r1, r2",
    ],
    "backwards": ["IAND r1, r0, r5", "ISUB r1, r5, r1"],
    "twice": ["IADD r1, r0, r0"],
    "a difference that is none": ["IADD r1, r0, r0", "ISUB r1, r1, r0"],
    "bits that are not low": ["ISETI r2, 254", "IAND r1, r0, r2"],
    "both low": ["IAND r1, r0, r5", "IAND r2, r0, r5", "IAND r1, r1, r2"],
    "loaded": ["IREAD r1, r0", "IADD r1, r1, r4"],
    "loaded, and less": ["IREAD r1, r0", "ISUB r2, r0, r1", "IADD r1, r0, r2"],
}
"""Addresses, of which r0 is the VM's number, r4 a number and r5 the greatest of some."""


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize("launch", ["300", "150, strided 2", "100, contiguous 7"])
@pytest.mark.parametrize("what", ROWS)
def test_words_in_a_row(what, launch):
    """Vectors are loaded at once where words certainly are in a row, all of them, or may be."""
    body = "\n".join(f"    {line}" for line in ROWS[what])
    x = np.arange(1024, dtype=np.uint32)
    x[280:] = x[1000:230:-1][:744]
    for last, number in ((255, 1), (15, 3), (511, 200)):
        program = lw.fleet.assemble(f"""
.state S32
.buffer x, 0, 1024, in, u32
.buffer y, auto, 1024, out, u32
.buffer z, auto, 1024, out, u32
.routine main
    IVMID r0
    ISETI r4, {number}
    ISETI r5, {last}
{body}
    IREAD r3, r1
    ISETI r6, y
    IADD r6, r6, r0
    IWRITE r6, r3
    IAND r7, r0, r4
    BRANCH_NE r7, on
{body}
    IREAD r3, r1
    ISETI r6, z
    IADD r6, r6, r0
    IWRITE r6, r3
on:
    HALT
.phase wait_all
    .launch main, {launch}
""")
        one, other = program.bind("reference")(x=x), program.bind("llvm")(x=x)
        for name in ("y", "z"):
            assert np.array_equal(one[name], other[name])
        assert one.stats["reads_outside"] == other.stats["reads_outside"]


def test_the_beginning_again_of_low_bits_is_looked_for_alone():
    """What is computed of it is a row where it is; what is certainly one needs no look."""
    program = lw.fleet.assemble("""
.state S32
.buffer x, 0, 1024, in
.buffer y, auto, 1024, out
.routine main
    IVMID r0
    ISETI r5, 255
    IAND r1, r0, r5
    ISUB r2, r0, r1
    IREAD r3, r1
    IADD r1, r1, r2
    IREAD r4, r1
    ADD r3, r3, r4
    ISUB r4, r0, r5
    IAND r4, r4, r5
    IADD r4, r4, r2
    IREAD r4, r4
    ADD r3, r3, r4
    ISETI r6, y
    IADD r6, r6, r0
    IWRITE r6, r3
    HALT
.phase wait_all
    .launch main, 1024
""")
    view = program.bind("llvm").view
    form = next(iter(Groups(view, Settings()).forms))
    rows = {name: n for n, name in enumerate(view.profile.fields)}
    lowered = Lowering(view, form).program()
    lines = module.module([(form, lowered)], Target(16, True), rows, strict=True)[0].split("\n")
    assert sum("vector.reduce" not in line and "icmp ne <16 x i32>" in line for line in lines) == 0
    assert sum("icmp ule i32" in line for line in lines) == 2


def test_words_that_are_read_before_they_are_written():
    """By some lanes alone, in vectors of one register, as lanes have many words."""
    many = range(4, 20)
    program = lw.fleet.assemble(
        """
.state S64
.buffer x, 0, 400, inout
.buffer y, auto, 400, out
.routine main
    VMID r0
    SETI r2, 39
    MODI r3, r0, 3
    ADDI r1, r0, 0.5
"""
        + "\n".join(f"    SQRT r5, r0\n    STORE r5, mem{n}\n    ADDI r0, r0, 1" for n in many)
        + """
    VMID r0
    BRANCH_EQ r3, on
    READ r1, r0
    WRITE r0, r2
on:
"""
        + "\n".join(f"    LOAD r5, mem{n}\n    ADD r1, r1, r5" for n in many)
        + """
    ADDI r0, r0, y
    WRITE r0, r1
    HALT
.phase wait_all
    .launch main, 400
"""
    )
    x = np.arange(400, dtype=np.float32) * 3
    one, other = program.bind("reference")(x=x), program.bind("llvm")(x=x)
    assert np.array_equal(one["x"], other["x"])
    assert np.array_equal(one["y"], other["y"])
