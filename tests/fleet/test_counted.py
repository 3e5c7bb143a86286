"""What whole phases count of accesses to shared memory: as the reference does."""

import numpy as np
import pytest
from alike import native, same

import lanework as lw

pytestmark = pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")

ADDED = """
.state S32
.shared 420
.buffer given, 0, 100, in
.buffer sums, 100, 100, inout
.buffer whole, 200, 100, inout, i32
.routine main
    VMID r0
    READ r1, r0
    ADDI r2, r0, 100
    MODI r3, r0, 7
again:
    ATOMIC_ADD r4, r2, r1
    ADD r5, r5, r4
    SUBI r3, r3, 1
    BRANCH_GT r3, again
    ADDI r2, r0, {base}
    ATOMIC_ADD r6, r2, r5
    ATOMIC_CAS r7, r2, r4, r1
    WRITE r2, r{source}
    ADDI r2, r0, 300
    WRITE r2, r5
    HALT
.phase wait_all
    .launch main, 100
"""


@pytest.mark.parametrize(("base", "source"), [(100, 6), (100, 1), (400, 5)])
@pytest.mark.parametrize("settings", [{}, {"bounds": "fault", "on_fault": "go on"}])
def test_numbers_that_are_added_to_words_of_ones_own(base, source, settings):
    """Sums, and how many stay the same; outside, too."""
    program = lw.fleet.assemble(ADDED.format(base=base, source=source))
    rng = np.random.default_rng(4)
    sums = rng.choice([1.0, 2.0**24, 2.0**30, np.inf, np.nan, 0.5, -(2.0**25)], 100)
    given = rng.choice([1.0, 2.0, 0.0, -1.0, 0.5, 2.0**24, np.inf, np.nan], 100)
    inputs = {"given": given, "sums": sums, "whole": np.zeros(100, np.int32)}
    runner = same(program, given=inputs, **settings)
    native(runner)
    assert runner(**inputs).stats["stalled"] > 10


KINDS = """
.shared 300
.buffer floats, 0, 100, inout
.buffer whole, 100, 100, inout, i32
.buffer more, 200, 100, inout, u32
.routine main
    VMID r0
    ADDI r1, r0, {first}
    {lines}
    HALT
.phase wait_all
    .launch main, 150
"""
PUT = {
    "a float": "SETI r2, 2.5\nWRITE r1, r2",
    "an integer": "ISETI r2, 7\nWRITE r1, r2",
    "twice": "SETI r2, 2.5\nWRITE r1, r2\nISETI r2, 7\nWRITE r1, r2",
    "a sum": "SETI r2, 2.5\nATOMIC_ADD r3, r1, r2",
    "an integer's sum": "ISETI r2, 7\nATOMIC_IADD r3, r1, r2\nWRITE r1, r3",
    "some of them": "MODI r3, r0, 4\nBRANCH_EQ r3, out\nISETI r2, 7\nWRITE r1, r2\nout:",
    "one that many take": "ISETI r2, 7\nMODI r1, r0, 130\nATOMIC_IADD r3, r1, r2",
    "in the order of VMs": "VMID r2\nMODI r1, r0, 130\nWRITE r1, r2",
}


@pytest.mark.parametrize("first", [50, 97])
@pytest.mark.parametrize("put", PUT)
def test_words_of_another_kind_are_counted(put, first):
    program = lw.fleet.assemble(KINDS.format(lines=PUT[put], first=first))
    inputs = {"floats": np.zeros(100), "whole": np.ones(100), "more": np.zeros(100)}
    runner = same(program, given=inputs)
    native(runner)
    assert runner(**inputs).stats["mixed"] > 0
