"""What numbers in assembly may be made of, and schedules of many steps."""

import math

import pytest

import lanework as lw
from lanework.machines.fleet.layout import FleetView

HEAD = ".machine fleet\n.shared 1\n.const W 7\n.const HALF W/2\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3/W", 3 / 7), ("12/W*W", 12), ("W/2/2", 1.75), ("1/(1/4)", 4), ("-6/-4", 1.5),
     ("HALF", 3.5), ("2*HALF/W", 1), ("sqrt(2)", math.sqrt(2)), ("exp(-1)*2", 2 / math.e),
     ("log(exp(3))", 3), ("sqrt(sqrt(16))", 2), ("-sqrt(W*W)", -7), ("sin(1/2)", math.sin(0.5)),
     ("cos(0)+tan(0)", 1), ("floor(W/2)", 3), ("ceil(W/2)", 4), ("abs(1-W)", 6),
     ("2*sqrt(4)-(3)", 1), ("<W>/2", 3.5), ("sqrt(<W>)", math.sqrt(7))],
)  # fmt: skip
def test_quotients_and_functions(text, value):
    for line in (f"SETI r1, {text}", f"SETI r2, 1\nSCALE r1, r2, {text}"):
        shared = lw.fleet.assemble(f"{HEAD}{line}\nWRITE r0, r1\nHALT").run()["shared"]
        assert shared[0] == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize(
    ("text", "what"),
    [("1/0", "by zero"), ("1/(W-7)", "by zero"), ("sqrt(-1)", "no sqrt"), ("log(0)", "no log"),
     ("exp(1000)", "no exp"), ("sqr(2)", "no number"), ("2 sqrt(2)", "no number"),
     ("sqrt()", "no number"), ("/2", "no number"), ("2/", "no number"), ("sqrt(2", "no number"),
     ("1//2", "no number"), ("sin(1)(2)", "no number"), ("minus(2)", "no number"),
     ("sqrt", "no symbol"), ("1e400", "beyond"), ("-1e400", "beyond"), ("1e400*0", "beyond"),
     ("1e39", "beyond"), ("1/1e999", "beyond")],
)  # fmt: skip
def test_what_is_no_number(text, what):
    with pytest.raises(lw.Diagnostic, match=what) as caught:
        lw.fleet.assemble(f"{HEAD}SETI r1, {text}\nHALT")
    assert caught.value.span.line == 5


def test_targets_between_angles():
    text = """.machine fleet
.shared 2
.spawn 1
.routine main
    JUMP <over>
    HALT
over:
    CALL <half>
    WRITE r1, r0
    SPAWN r2, <child>, r0
    HALT
.routine half
    SETI r0, <N>/2
    RETURN
.routine child
    SETI r1, 1
    WRITE r1, r0
    HALT
.const N 7
.phase
    .launch main, 1
"""
    assert lw.fleet.assemble(text).run()["shared"].tolist() == [3.5, 3.5]
    with pytest.raises(lw.Diagnostic, match="no label and no routine 'halve'"):
        lw.fleet.assemble(text.replace("<half>", "<halve>"))


def test_counts_are_integers():
    text = ".machine fleet\n.buffer x, 0, {n}, out\n.routine main\nHALT\n.phase\n.launch main, {n}"
    assert FleetView.of(lw.fleet.assemble(text.format(n="12/4"))).slots == 3
    with pytest.raises(lw.Diagnostic, match="whole number"):
        lw.fleet.assemble(text.format(n="13/4"))


LONG = """
.machine fleet
.buffer n, 0, 1, out, u32
.routine start
    SETI r1, int:1
    HALT
.routine tick
    ATOMIC_IADD r2, r0, r1
    HALT
.phase
    .launch start, 1, keep one
.repeat {times}
.phase
    .launch tick, resume one
.end
"""


@pytest.mark.timeout(120)
def test_repeats_go_beyond_65536():
    program = lw.fleet.assemble(LONG.format(times=70_000))
    assert program.problems() == []
    result = program.bind("reference", epochs=400)()
    assert result.stats["steps"] == 200
    assert result["n"].tolist() == [199]
    view = FleetView.of(lw.fleet.assemble(LONG.format(times=1_000_000)))
    assert len(view.allocation.steps) == 1_000_001
    assert [each.slot for each in view.allocation.steps[1_000_000]] == [0]
    assert view.allocation.steps[7][0].step == 7
    assert ".repeat 100000\n" in lw.fleet.assemble(LONG.format(times=100_000)).dis()
