"""A run by hand: where it cannot go is said, and it stops at breakpoints and changed words."""

import numpy as np
import pytest

import lanework as lw

TEXT = """.machine fleet
.buffer total, 2, 3, out
.buffer hits, 5, 1, out, u32
.routine begin
    VMID r0
    HALT
.routine count
    SETI r1, 3
again:
    SUBI r1, r1, 1
    BRANCH_GT r1, again
    VMID r0
    ADDI r2, r0, total
    WRITE r2, r0
    SETI r0, hits
    SETI r1, int:1
    ATOMIC_IADD r2, r0, r1
    HALT
.phase
    .launch begin, 2
.phase
    .launch count, 3
"""


@pytest.fixture(params=["reference", "epoch"])
def debugger(request):
    if request.param == "epoch":
        request.getfixturevalue("gpu")
    with lw.fleet.assemble(TEXT, "count.lasm").bind(request.param) as runner:
        yield runner.debug()


@pytest.fixture
def plain():
    return lw.fleet.assemble(TEXT, "count.lasm").bind("reference").debug()


def refused(call, code, *words):
    with pytest.raises(lw.Diagnostic) as caught:
        call()
    assert caught.value.code.ident == code
    for word in words:
        assert word in f"{caught.value.message} {caught.value.help}"


@pytest.mark.parametrize("bad", [-1, -5, 1.5, 2.0, "1", None, True, np.float64(1)])
@pytest.mark.parametrize("what", ["step", "back", "goto", "run"])
def test_what_is_no_number_of_epochs(plain, what, bad):
    plain.step(2)
    if what == "run" and bad is None:
        return
    refused(lambda: getattr(plain, what)(bad), "LW6032", f"{what}(")
    assert plain.epoch == 2


def test_it_goes_no_further_than_there_is(plain):
    assert plain.back(10) == 0
    assert plain.goto(1000) == plain.step(3) == plain.run(5) == plain.run()
    assert plain.ended
    assert plain.goto(np.int64(3)) == 3
    assert not plain.ended


def test_snapshots_are_so_many_at_most():
    text = ".machine fleet\n.shared 1\nagain:\nADDI r1, r1, 1\nJUMP again"
    runner = lw.fleet.assemble(text).bind("reference")
    debugger = runner.debug()
    assert debugger.step(64 * 32 + 1) == 2049
    assert sorted(debugger._kept) == list(range(0, 2049, 128))
    assert debugger.goto(1001) == 1001
    assert debugger.vm(0).floats[2, 0] == 501
    assert debugger.step(9000) == 10_001
    assert len(debugger._kept) <= 32
    runner.limits = lw.Limits(memory=10_000)
    little = runner.debug()
    little.step(3000)
    assert len(little._kept) <= 10_000 // 4 // 128
    little.back(1)
    assert little.vm(0).floats[2, 0] == 1500


@pytest.mark.parametrize("bad", [-1, 3, 100, 1.5, "0", None, True])
def test_vms_that_there_are_not(plain, bad):
    refused(lambda: plain.vm(bad), "LW6030")
    refused(lambda: plain.where(bad), "LW6030")
    if bad is not None:
        refused(lambda: plain.breakpoint("count", bad), "LW6030")


def test_breakpoints_by_routine_line_and_instruction(debugger):
    debugger.breakpoint("count")  # its first instruction, before it is executed
    assert debugger.run() == 2
    assert debugger.stopped == "VM 0, and 2 others, at count+0 (line 8): SETI r1, 3"
    assert debugger.vm(0).floats[2] == 0.0
    debugger.clear()
    debugger.breakpoint(11, vm=2)  # the branch
    epochs = [debugger.run() for _ in range(3)]
    assert epochs == [4, 6, 8]
    assert debugger.stopped.startswith("VM 2 at count+2 (line 11): BRANCH_GT")
    debugger.clear()
    debugger.breakpoint("count+5")
    assert debugger.run() == 11
    assert "line 14" in debugger.stopped
    assert debugger.run() > 11
    assert debugger.ended
    assert debugger.stopped == ""


def test_watchpoints(debugger):
    debugger.watchpoint("total", 1)
    debugger.watchpoint("hits")
    assert debugger.run() == 12
    assert debugger.stopped == "total[1] is 1, and was 0"
    assert debugger.run() == 15
    assert debugger.stopped == "hits[0] is 3, and was 0"
    debugger.back(4)
    assert debugger.epoch == 11
    assert debugger.run() == 12  # again
    assert debugger.stopped == "total[1] is 1, and was 0"
    assert debugger.run(1) == 13
    assert debugger.stopped == ""


@pytest.mark.parametrize(
    "place",
    [0, 1, 9, 100, "cuont", "count+12", "count+-1", "count+", "count+x", "+1", "", 1.5, None],
)
def test_places_that_there_are_not(plain, place):
    refused(lambda: plain.breakpoint(place), "LW6032")


@pytest.mark.parametrize(
    ("name", "index"), [("totla", 0), ("total", 3), ("total", -1), ("total", 0.5), ("shared", 6)]
)
def test_words_that_there_are_not(plain, name, index):
    refused(lambda: plain.watchpoint(name, index), "LW6032")
