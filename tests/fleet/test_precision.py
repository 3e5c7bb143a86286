"""Whether half precision holds a program."""

import numpy as np
import pytest
from watched import MAP, Machine, inputs, program, soup

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.analysis.precision import check, halves, refuse
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan


@pytest.mark.parametrize("seed", range(4))
def test_any_program_in_half_precision(seed):
    rng = np.random.default_rng(100 + seed)
    left = 0
    for _ in range(25):
        view = soup(rng, wild=False)
        intervals = Intervals(view, {"b": (0.0, 9.0)}, half=True)
        machine = Machine(view, intervals, rng, inputs(rng), half=True)
        machine.run(25)
        guilty = {each.instruction for each in halves(view, {"b": (0.0, 9.0)})}
        assert guilty.issuperset(machine.left)
        left += len(machine.left)
    assert left


def whys(lines, ranges=None, **options):
    return [each.message for each in halves(program(lines, **options), ranges)]


def test_numbers_that_leave_half_precision():
    lines = ["main:", "SETI 0 300", "MUL 1 0 0", "ADD 2 1 1", "SYSCALL_HALT"]
    expected = [(1, "90000 to 90000"), (2, "131008 to 131008")]
    assert whys(lines) == [
        f"main+{n}: it may give {what}, and numbers go up to 65504" for n, what in expected
    ]
    assert whys(["main:", "SETI 0 250", "MUL 1 0 0", "SYSCALL_HALT"]) == []


def test_inputs_need_ranges():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "MULI 1 1 2", "SYSCALL_HALT"]
    assert len(whys(lines, shared=8)) == 2
    assert whys(lines, {"shared": (0, 30000)}, shared=8) == []
    assert len(whys(lines, {"shared": (0, 40000)}, shared=8)) == 1
    view = program(lines, shared=8, buffers=[Buffer("x", 0, 8, "in", (), 0.0, 1.0)])
    assert halves(view) == []
    refuse(view)


def test_addresses_and_numbers_need_eleven_bits():
    lines = ["main:", "SYSCALL_VMID 0", "SYSCALL_READ 1 0", "SYSCALL_HALT"]
    one = {"shared": (0, 1)}
    assert whys(lines, one, shared=5000, launches=(Launch(0, 2049),)) == []
    many = whys(lines, one, shared=5000, launches=(Launch(0, 2050),))
    assert many == ["main+0: it may give 0 to 2049, and whole numbers are exact up to 2048"]
    add = ["main:", "SETI 0 2000", "ADDI 0 0 100", "SYSCALL_READ 1 0", "SYSCALL_HALT"]
    assert "its address may be 2100" in whys(add, one, shared=5000)[0]
    assert whys(add, one, shared=2048) == []


def test_numbers_of_spawned_vms_need_eleven_bits():
    lines = ["main:", "SETI 1 1", "SYSCALL_SPAWN 0 child 1", "SYSCALL_HALT", "child:"]
    lines.append("SYSCALL_HALT")
    few, many = (Plan((Phase("wait_all", (Launch(0, 4),)),), (0,), more) for more in (2000, 3000))
    assert whys(lines, plan=few) == []
    why = whys(lines, plan=many)
    assert len(why) == 1
    assert why[0].startswith("main+1: it may give")
    assert why[0].endswith("whole numbers are exact up to 2048")


def test_bits_of_integers_are_not_kept():
    actual = whys(["main:", "IVMID 0", "IADD 0 0 0", "IREAD 1 0", "ITOF 2 0", "SYSCALL_HALT"],
                 {"shared": (0, 1)}, shared=8)  # fmt: skip
    assert [each.split(":")[0] for each in actual] == ["main+0", "main+1", "main+2", "main+3"]
    assert "bits of an integer" in actual[0]
    assert "address" in actual[2]
    assert "numbers go up to" in actual[3]


def test_loops_that_stay():
    lines = ["main:", ".top", "ADDI 0 0 1", "ADDI 2 2 3", "CMPI 1 0 1000", "BRANCH_LT 1 .top",
             "SYSCALL_HALT"]  # fmt: skip
    actual = whys(lines)
    assert [each.split(":")[0] for each in actual] == ["main+1"]  # only r2 is not counted


def test_inputs_are_held_to_their_ranges():
    buffers = [Buffer("x", 2, 3, "in", (), -1.0, 1.0), Buffer("y", 5, 2, "out")]
    view = program(["main:", "SYSCALL_HALT"], shared=8, buffers=buffers)
    shared = np.zeros(8, np.float32)
    shared[[0, 5]] = 100.0, np.nan
    check(view, shared)
    for bad in (1.5, -1.5, np.nan):
        shared[3] = bad
        with pytest.raises(Diagnostic, match="LW6010: word 3") as caught:
            check(view, shared)
        assert caught.value.notes == ("it is in buffer 'x'",)
    shared[3] = 1.0
    with pytest.raises(Diagnostic, match="word 0"):
        check(view, shared, {"shared": (0, 99)})
    check(program(["main:", "SYSCALL_HALT"]), shared[:0])


def test_the_error():
    with pytest.raises(Diagnostic) as caught:
        refuse(program(["main:", *["SETI 0 1e6"] * 7, "SYSCALL_HALT"]))
    assert caught.value.code.ident == "LW6012"
    assert caught.value.message.startswith("main+0: it may give 1e+06")
    assert caught.value.notes[-1] == "and 2 more"
    assert "ranges" in caught.value.help


def test_half_precision_has_few_whole_numbers():
    view = program([*MAP, "SYSCALL_HALT"], shared=5000, launches=(Launch(0, 2049),))
    one = {"shared": (1, 2)}
    assert Intervals(view, one).private == [[0]]
    assert Intervals(view, one, half=True).private == []
    fewer = program([*MAP, "SYSCALL_HALT"], shared=5000, launches=(Launch(0, 2048),))
    assert Intervals(fewer, one, half=True).private == [[0]]
    assert halves(fewer, one) == []


def test_a_difference_may_vanish_in_half_precision():
    x = np.float32(np.float16(0.1))
    above = float(np.nextafter(x, np.float32(1.0)))
    lines = ["main:", "SYSCALL_READ 1 0", f"CMPI 2 1 {above!r}", "BRANCH_LT 2 .low",
             "SYSCALL_HALT", ".low", "SYSCALL_HALT"]  # fmt: skip
    view = program(lines, shared=8)
    assert x not in Intervals(view, {"shared": (0, 4)}).before(3, 2)
    assert x in Intervals(view, {"shared": (0, 4)}, half=True).before(3, 2)


TWICE = """.machine fleet
.buffer x, 0, 100, inout, range -1000 1000
.routine double
    VMID r0
    READ r1, r0
    MULI r1, r1, 2.0
    WRITE r0, r1
    HALT
.phase
    .launch double, 100
"""


def test_a_run_with_ranges():
    """In place: nobody but the VM itself reads what it wrote."""
    program = assemble(TWICE)
    numbers = np.linspace(-1000.0, 1000.0, 100, dtype=np.float32)
    actual = program.bind("reference", storage="f16")(x=numbers)["x"]
    assert np.array_equal(actual, 2.0 * numbers.astype(np.float16).astype(np.float32))
    with pytest.raises(Diagnostic, match="LW6010: word 0"):
        program.bind("reference", storage="f16")(x=2.0 * np.abs(numbers))
    with pytest.raises(Diagnostic, match="LW6012"):
        assemble(TWICE.replace("range -1000 1000", "range -40000 1")).bind(storage="f16")
    with pytest.raises(Diagnostic, match="LW6012"):
        assemble(TWICE.replace(", range -1000 1000", "")).bind(storage="f16")
