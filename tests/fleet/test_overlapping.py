"""Phases that wait for any of their batches, run whole: as in epochs."""

import numpy as np
import pytest
from alike import ENGINES, native, same

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits

TEXT = """
.state S32
.shared 700
.routine count
    VMID r0
    MODI r1, r0, {turns}
again:
    ADDI r2, r2, 1
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    RAND r3
    ADD r2, r2, r3
    WRITE r0, r2
    HALT
.routine short
    VMID r0
    WRITE r0, r0
    HALT
{phases}
"""
PHASES = {
    "any of two": """
.phase wait_any
    .launch count, 100
    .launch short, 50, contiguous 100
.phase wait_all
    .launch count, 70, contiguous 200
""",
    "several": """
.phase none
    .launch count, 90, contiguous 300
.phase wait_any
    .launch count, 100
    .launch count, 20, contiguous 400
.phase wait_any
    .launch short, 50, contiguous 100
    .launch count, 60, contiguous 150
.phase wait_all
    .launch short, 70, contiguous 220
.phase wait_all
    .launch count, 100
""",
    "at the end": """
.phase wait_all
    .launch short, 700
.phase wait_any
    .launch count, 100
    .launch short, 60, contiguous 100
""",
}


@pytest.mark.parametrize("turns", [2, 13, 90])
@pytest.mark.parametrize("phases", PHASES)
def test_phases_that_overlap(phases, turns):
    program = lw.fleet.assemble(TEXT.format(phases=PHASES[phases], turns=turns))
    native(same(program, seed=5))


@pytest.mark.filterwarnings("ignore::lanework.fleet.LossNotice")
@pytest.mark.parametrize("how", ["WRITE", "ATOMIC_ADD r3,"])
@pytest.mark.parametrize("turns", [2, 13, 90])
@pytest.mark.parametrize("phases", PHASES)
def test_the_order_of_writes_of_phases_that_overlap(phases, turns, how):
    """By epochs, in which they have begun at different times."""
    text = TEXT.format(phases=PHASES[phases], turns=turns)
    text = text.replace("WRITE r0, r2", f"MODI r0, r0, 11\n    {how} r0, r2")
    text = text.replace("WRITE r0, r0", f"MODI r1, r0, 7\n    {how} r1, r0")
    native(same(lw.fleet.assemble(text), seed=5))


ENDS = {
    "a fault": ("ADDI r2, r0, 700\nWRITE r2, r0", {"bounds": "fault"}),
    "a VM that waits": ("ADDI r2, r0, 300\nWAIT r2, r1", {}),
    "fuel": ("MUL r1, r1, r1\nWRITE r0, r0", {"limits": Limits(fuel=900)}),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ENDS)
def test_runs_that_end_early_where_phases_overlap(how, engine):
    """When that is depends on when a phase has begun: they run once more, in epochs."""
    what, settings = ENDS[how]
    text = (
        TEXT.split(".routine")[0]
        + f"""
.routine one
    VMID r0
    MUL r3, r1, r0
    WRITE r0, r3
    HALT
.routine other
    VMID r0
    {what}
    HALT
.phase wait_any
    .launch one, 90
.phase wait_any
    .launch one, 20, contiguous 90
    .launch other, 50, contiguous 110
.phase wait_all
    .launch one, 70, contiguous 220
"""
    )
    program, said = lw.fleet.assemble(text), []
    for each in ("reference", engine):
        runner = program.bind(each, **settings)
        if each != "reference":
            native(runner)
        for _ in range(2):
            with pytest.raises(Trap) as trap:
                runner(shared=np.zeros(700))
        said.append((str(trap.value), np.asarray(runner.shared).tolist()))
    assert said[0] == said[1]


def test_a_fault_is_heard_of_where_phases_overlap():
    """Although VMs before it never end; so they run in epochs."""
    phases = PHASES["any of two"].replace("contiguous 200", "contiguous 680")
    text = TEXT.format(phases=phases, turns=9)
    program = lw.fleet.assemble(text.replace("BRANCH_GT r1, again", "BRANCH_LE r1, again"))
    runner = program.bind("llvm", Limits(deadline=30), bounds="fault")
    assert "phases overlap of which VMs may fault" in runner.explain()
    with pytest.raises(Trap, match="LW6022"):
        runner(shared=np.zeros(700))
