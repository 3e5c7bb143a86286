"""The gate: a program that breaks one rule is refused, with its code and the instruction."""

import dataclasses
import resource
import time
import tracemalloc

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.core.program.asm import assemble
from lanework.core.program.container import dumps
from lanework.core.program.isa import Instruction, OperandKind
from lanework.core.program.program import ListingEntry, Port, Program
from lanework.machines.fleet import plan as plans
from lanework.machines.fleet.analysis.estimate import estimate, estimated_epochs
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine, allocate, extent
from lanework.machines.fleet.state import PROFILES


def code(*lines):
    """Instructions: a mnemonic and its operands in order, numbers as they are."""
    collected = []
    for line in lines:
        name, *values = line.split()
        info = FLEET.by_name[name]
        names = [spec.name for spec in info.operands]
        collected.append(info.make(**dict(zip(names, map(int, values), strict=True))))
    return collected


HALT = ["SYSCALL_HALT"]
ONCE = Plan((Phase("wait_all", (Launch(0, 4),)),), (0,))


def program(*bodies, plan=ONCE, **options):
    """Routines of these bodies, called a, b, ..."""
    routines, lines = [], []
    for n, body in enumerate(bodies):
        routines.append(Routine("abcdef"[n], len(lines), len(body)))
        lines += body
    return package(code(*lines), routines, plan, **options)


def one(*args, barrier="wait_all", **names):
    return Phase(barrier, (Launch(*args, **names),))


def refused(subject, ident, *words, at=None):
    """The program is refused with this code, and the message has these words."""
    problems = subject.problems()
    assert problems, "accepted"
    assert problems[0].code.ident == ident, problems[0]
    for word in words:
        assert word in problems[0].message, problems[0].message
    if at is not None:
        listed = [ListingEntry(n, Span("x", n + 1, 1, n + 1, 2)) for n in range(100)]
        again = dataclasses.replace(subject, listing=listed).problems()[0]
        assert again.span.line == at + 1
    with pytest.raises(Diagnostic, match=ident):
        subject.verify()


def test_what_breaks_no_rule_passes():
    program(HALT).verify()
    phases = (
        one(0, 3, keep="k"),
        Phase("none", (Launch(0, 3, keep="k"), Launch(1, 2, "strided", 5, -2))),
        one(1, 1, "custom", 9, barrier="wait_any"),
        Phase("wait_all", (Launch(1, 3, keep="other"),)),
        Phase("wait_all", (Launch(0, 3, resume="k"), Launch(0, 1))),
    )
    subject = program(
        ["CALL 4", "CALL 2", "BRANCH_NE 0 1", *HALT, "ADD 3 3 3", "RETURN"],
        ["SYSCALL_SPAWN 1 0 2", "JUMP 6"],
        plan=Plan(phases, (0, 1, 2, 3, 4, 4), 7),
        shared=100,
        buffers=[
            Buffer("x", 0, 90, "inout", (0, 2)),
            Buffer("y", 3, 1, lifetime=(3, 5)),
            Buffer("z.1", 90, 1),
            Buffer("u", 91, 9, "in", dtype="u32", pad=True),
        ],
    )
    subject.verify()
    assert FleetView.of(subject).slots == 3 + 3 + 2 + 1 + 7


@pytest.mark.parametrize(
    ("lines", "ident", "words", "at"),
    [
        (["BRANCH_EQ 0 9", *HALT], "LW6001", "instruction 9, which is not there", 0),
        (["JUMP 2", *HALT], "LW6001", "leads to b+0: outside its routine", 0),
        (["CALL 3", *HALT], "LW6001", "leads to b+1: outside its routine", 0),
        (["SYSCALL_SPAWN 0 1 1", *HALT], "LW6001", "leads to a+1: the first of no routine", 0),
        (["SYSCALL_SPAWN 0 4 1", *HALT], "LW6001", "instruction 4", 0),
        ([*HALT, "CLEAR 0"], None, "", 0),  # nobody comes there
        (["CLEAR 0"], "LW6002", "goes on after CLEAR, its last instruction", 0),
        (["BRANCH_EQ 0 2", *HALT, "CLEAR 0"], "LW6002", "comes from a+0", 2),
        (["CALL 2", *HALT, "WAIT 0 0"], "LW6002", "comes from a+0", 2),
        (["JUMP 2", "CLEAR 0", "CALL 1"], "LW6002", "goes on after CALL", 2),
        (["ADD 4 0 0", *HALT], "LW6003", "ADD at a+0 names register r4, which S22 has not", 0),
        (["ADD 0 0 4", *HALT], "LW6003", "register r4", 0),
        (["COPY 1 16", *HALT], "LW6003", "COPY at a+0 names memory word 16", 0),
        (["COPY 17 1", *HALT], "LW6003", "memory word 17", 0),
        (["SYSCALL_SPAWN 0 0 9", *HALT], "LW6003", "register r9", 0),
        (["CALL 2", "RETURN", "RETURN"], "LW6021", "comes to RETURN at a+1", 1),
        (["BRANCH_EQ 0 0", "BRANCH_EQ 1 3", "RETURN", "RETURN"], "LW6021", "a+2", 2),
        (["BRANCH_EQ 0 2", "RETURN", *HALT], None, "", 0),
        (["CALL 2", "RETURN", *HALT], None, "", 0),  # the call may end the VM
    ],
)
def test_instructions(lines, ident, words, at):
    """An engine would read past its tables, or past the tape, with any of these."""
    subject = program(lines, ["CLEAR 0", *HALT])
    if ident is None:
        subject.verify()
    else:
        refused(subject, ident, words, at=at)


def test_every_operand_of_every_instruction_is_looked_at():
    """One past the last register or word, in any instruction; `one`, word 21 of S22, is none."""
    looked = 0
    for profile in PROFILES.values():
        limits = {OperandKind.REGISTER: profile.registers, OperandKind.WORD: profile.memory}
        for info in FLEET.by_name.values():
            for spec in info.operands:
                if spec.kind not in limits:
                    continue
                for value in (limits[spec.kind] - 1, limits[spec.kind], 2**32 - 1):
                    line = info.make(**{spec.name: value})
                    program = package(
                        [*code(*HALT), line, *code(*HALT)],
                        [Routine("a", 0, 3)],
                        ONCE,
                        state=profile.name,
                    )
                    if info.target is not None:
                        program = package(
                            [line, *code(*HALT)], [Routine("a", 0, 2)], ONCE, state=profile.name
                        )
                    if value < limits[spec.kind]:
                        program.verify()
                    else:
                        refused(program, "LW6003", info.name, str(value))
                    looked += 1
    assert looked > 3 * 3 * 2 * len(FLEET.by_name) * 0.5


def test_a_routine_that_is_called_may_end_the_vm():
    program(["CALL 2", "RETURN"], HALT).verify()
    program(["CALL 2", "RETURN"], ["CALL 4", "RETURN"], HALT).verify()
    refused(program(["CALL 2", "RETURN"], ["RETURN"]), "LW6021", "routine 'a'")
    refused(program(["SYSCALL_SPAWN 0 2 0", *HALT], ["CALL 2", "RETURN"]), "LW6021", "routine 'b'")


def with_plan(*phases, schedule=None, spawn=0, **options):
    plan = Plan(phases, tuple(range(len(phases))) if schedule is None else schedule, spawn)
    return program(HALT, **options, plan=plan)


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ([one(0, 1, barrier="wait_some")], "the barrier 'wait_some'"),
        ([Phase("none", ())], "phase 0 launches nothing"),
        ([one(1, 1)], "routine 1, which is not there"),
        ([one(-1, 1)], "routine -1, which is not there"),
        ([one(0, 0)], "launches 0 VMs"),
        ([one(0, -3)], "launches -3 VMs"),
        ([one(0, 1, "random")], "'random' numbers"),
        ([one(0, 2, "contiguous", 0, 2)], "a stride of 2"),
        ([one(0, 2, "contiguous", 2**32 - 1)], "to 4294967296"),
        ([one(0, 2, "contiguous", -1)], "from -1 to 0"),
        ([one(0, 3, "strided", 5, -3)], "from 5 to -1"),
        ([one(0, 1, keep="a b")], "'a b', which is no name"),
        ([one(0, 1, keep="1st")], "'1st', which is no name"),
        ([one(0, 1, keep="a"), one(0, 1, keep="b", resume="a")], "would keep them as 'b'"),
        ([one(0, 1, resume="a")], "step 0 goes on with 'a', which no step before it keeps"),
        ([one(0, 1, resume="a"), one(0, 1, keep="a")], "step 0 goes on with 'a'"),
        ([one(0, 1, keep="a"), one(0, 2, resume="a")], "2 VMs as 'a', of which there are 1"),
        ([one(0, 1, keep="a"), one(0, 2, keep="a")], "2 VMs as 'a', of which there are 1"),
        ([one(0, 1, barrier="wait_any", keep="a"), one(0, 1, resume="a")], "may still run"),
        ([Phase("wait_all", (Launch(0, 1, keep="a"),) * 2)], "may still run"),
    ],
)
def test_plans(phases, words):
    refused(with_plan(*phases), "LW6005", words)


def test_schedules():
    refused(with_plan(one(0, 1), schedule=()), "LW6005", "the schedule is empty")
    refused(with_plan(one(0, 1), schedule=(0, 1)), "LW6005", "step 1 of the schedule is phase 1")
    refused(with_plan(one(0, 1), schedule=(-1,)), "LW6005", "is phase -1")
    refused(with_plan(one(0, 1), spawn=-1), "LW6005", "-1 places")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: program(HALT, shared=2**30 + 1), "words of shared memory"),
        (lambda: program(HALT, depth=1025), "1,025 calls within calls, more than 1,024"),
        (lambda: with_plan(one(0, 1), spawn=2**28), "268,435,457 VMs, more than 268,435,456"),
        (lambda: with_plan(one(0, 2**60)), "1,152,921,504,606,846,976 VMs"),
        (lambda: with_plan(one(0, 1), schedule=(0,) * (2**20 + 1)), "1,048,577 steps"),
        (lambda: with_plan(Phase("wait_all", (Launch(0, 1),) * 257)), "257 batches at one time"),
        (lambda: with_plan(one(0, 1, barrier="none"), schedule=(0,) * 300), "300 batches"),
        (
            lambda: with_plan(Phase("wait_all", (Launch(0, 1),) * 5), schedule=(0,) * 2**20),
            "5,242,880 launches in the schedule",
        ),
    ],
)
def test_sizes(build, words):
    refused(build(), "LW6004", words)


def test_just_small_enough():
    program(HALT, shared=2**30, depth=1024).verify()
    with_plan(one(0, 1), spawn=2**28 - 1).verify()
    with_plan(one(0, 1), schedule=(0,) * 2**20).verify()
    with_plan(Phase("wait_all", (Launch(0, 1),) * 256)).verify()


def test_a_tape_that_is_too_long():
    tape = bytes(20 * (2**24 + 1))
    refused(dataclasses.replace(program(HALT), tape=tape), "LW6004", "16,777,217 instructions")


def header(**changes):
    subject = program(HALT, shared=4)
    return dataclasses.replace(subject, header={**subject.header, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "S23"}, "'state' is S23"),
        ({"state": 22}, "'state' is 22"),
        ({"shared": -1}, "'shared' is -1"),
        ({"shared": 4.0}, "'shared' is 4.0"),
        ({"shared": "4"}, "'shared' is '4'"),
        ({"depth": -1}, "'depth' is -1"),
        ({"depth": True}, "'depth' is True"),
        ({"convention": 3}, "'convention' is 3"),
        ({"convention": -1}, "'convention' is -1"),
        ({"epsilon": -1e-4}, "epsilon is -"),
        ({"epsilon": -0.0}, "epsilon is -0.0"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
        ({"epsilon": float("inf")}, "epsilon is inf"),
        ({"epsilon": 1e300}, "epsilon is inf"),
        ({"epsilon": 0.1}, "no single-precision number"),
        ({"epsilon": 0}, "'epsilon' is 0"),
        ({"instructions": 2}, "'instructions' is 2, and not 1"),
        ({"linear": 1}, "'linear' is 1, and not 0"),
        ({"routines": 0}, "'routines' is 0, and not 1"),
        ({"phases": 2}, "'phases' is 2, and not 1"),
        ({"vms": 5}, "'vms' is 5, and not 4"),
        ({"vms": 2**64 - 1}, "and not 4"),
    ],
)
def test_headers(changes, words):
    refused(header(**changes), "LW6006", words)


def test_parts_that_are_missing():
    subject = program(HALT)
    for name in subject.header:
        rest = {key: value for key, value in subject.header.items() if key != name}
        refused(dataclasses.replace(subject, header=rest), "LW6006", f"lacks {name!r}")
    for name in subject.sections:
        rest = {key: value for key, value in subject.sections.items() if key != name}
        if name == "matrices":
            refused(dataclasses.replace(subject, sections=rest), "LW6008", "take 0 bytes")
        else:
            what = f"section {name!r} is missing"
            refused(dataclasses.replace(subject, sections=rest), "LW6006", what)
    refused(dataclasses.replace(subject, constants=np.ones(3)), "LW6006", "3 constants")


@pytest.mark.parametrize(
    ("routines", "words"),
    [
        ([("a", 0, 2)], "the routines have 2 instructions, and the tape 3"),
        ([("a", 0, 4)], "the routines have 4 instructions, and the tape 3"),
        ([("a", 1, 2)], "2 instructions from 1 on, and the one before it ends at 0"),
        ([("a", 0, 2), ("b", 1, 2)], "ends at 2"),
        ([("a", 0, 3), ("b", 3, 0)], "0 instructions"),
        ([("a", 0, 3), ("b", 3, -1)], "-1 instructions"),
        ([("a", 0, 1), ("a", 1, 2)], "two routines are called 'a'"),
        ([("", 0, 3)], "'' is no name"),
        ([("x y", 0, 3)], "'x y' is no name"),
        ([("a\n", 0, 3)], "is no name"),
    ],
)
def test_routines(routines, words):
    program = package(code(*HALT * 3), [Routine(*each) for each in routines], ONCE)
    refused(program, "LW6006", words)


@pytest.mark.parametrize(
    ("buffers", "words"),
    [
        ([("x", 0, 5)], "the words from 0 to before 5, and shared memory has 4"),
        ([("x", -1, 2)], "from -1"),
        ([("x", 2, 0)], "to before 2"),
        ([("x", 2**63, 2**63)], "buffer 'x'"),
        ([("shared", 0, 1)], "called 'shared'"),
        ([("x", 0, 1), ("x", 1, 1)], "called 'x'"),
        ([("x y", 0, 1)], "called 'x y'"),
        ([("x", 0, 1, "both")], "the direction 'both'"),
        ([("x", 0, 1, "in", (1, 0))], "in use in the steps (1, 0)"),
        ([("x", 0, 1, "in", (0, 1))], "in use in the steps (0, 1)"),
        ([("x", 0, 1, "in", (-1, 0))], "in use in the steps (-1, 0)"),
        ([("x", 0, 1, "in", (0,))], "in use in the steps (0,)"),
        ([("x", 0, 1, "in", (), 2.0, 1.0)], "'x' lie between 2.0 and 1.0"),
        ([("x", 0, 1, "in", (), None, float("nan"))], "between -inf and nan"),
    ],
)
def test_buffers(buffers, words):
    subject = program(HALT, shared=4, buffers=[Buffer(*each) for each in buffers])
    refused(subject, "LW6007", words)


def test_ports():
    subject = program(HALT, shared=4, buffers=[Buffer("x", 1, 2, "in")])
    subject.verify()
    for ports in (subject.ports[1:], (*subject.ports, Port("y", "in", 0, "f32")), ()):
        refused(dataclasses.replace(subject, ports=ports), "LW6007", "the ports")
    moved = [dataclasses.replace(each, row=each.row + 1) for each in subject.ports]
    refused(dataclasses.replace(subject, ports=tuple(moved)), "LW6007", "the ports")


def test_findings_are_few():
    """A file of a million wrong instructions gives no million messages."""
    program = package(code("ADD 9 9 9") * 20000 + code(*HALT), [Routine("a", 0, 20001)], ONCE)
    assert len(program.problems()) == 16


def test_a_program_is_checked_in_time_that_grows_with_it():
    """A chain of calls, the last of which ends the VM: every routine is launched."""
    count = 20000
    lines = [f"CALL {2 * n + 2}" if k == 0 else "RETURN" for n in range(count) for k in (0, 1)]
    lines[-2:] = ["CLEAR 0", "SYSCALL_HALT"]
    routines = [Routine(f"r{n}", 2 * n, 2) for n in range(count)]
    phases = tuple(one(n, 2**40) for n in range(count))
    began = time.process_time()
    program = package(code(*lines), routines, Plan(phases, tuple(range(count))))
    assert program.problems()[0].code.ident == "LW6004"
    phases = tuple(one(n, 1) for n in range(count))
    package(code(*lines), routines, Plan(phases, tuple(range(count)))).verify()
    assert time.process_time() - began < 10


def test_huge_numbers_in_a_small_file_take_no_memory():
    plan = Plan((Phase("none", (Launch(0, 2**63),) * 50),), (0,) * 60000, 2**63)
    subject = program(HALT, plan=plan)
    subject = dataclasses.replace(subject, header={**subject.header, "vms": 2**64 - 1})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    assert subject.problems()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(dumps(subject)) + 16_000_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 50_000_000


def test_the_extent_is_that_of_the_places():
    rng = np.random.default_rng(3)
    for _ in range(300):
        phases = tuple(
            Phase(
                str(rng.choice(plans.BARRIERS)),
                tuple(
                    Launch(0, int(count), keep=str(rng.choice(["", "", "a", "b"])))
                    for count in rng.integers(1, 9, rng.integers(1, 4))
                ),
            )
            for _ in range(rng.integers(1, 5))
        )
        plan = Plan(phases, tuple(rng.integers(0, len(phases), rng.integers(1, 9)).tolist()))
        allocation, actual = allocate(plan), extent(plan)
        assert (allocation.slots, allocation.batches) == (actual.slots, actual.batches)
        assert sum(map(len, allocation.steps)) == actual.launches


# Estimates ----------------------------------------------------------------------------------------


def epochs(*bodies, **options):
    return estimated_epochs(FleetView.of(program(*bodies, **options)))


def test_epochs_of_what_ends_by_itself():
    assert epochs(HALT) == 1
    assert epochs(["CLEAR 0", "BRANCH_EQ 0 4", "CLEAR 1", *HALT, *HALT]) == 4
    assert epochs(["CALL 2", *HALT, "CLEAR 0", "RETURN"]) == 4
    assert epochs(["CALL 2", *HALT], ["CALL 4", "RETURN"], ["CLEAR 0", "RETURN"]) == 6
    assert epochs(["CLEAR 0", "JUMP 0"]) is None
    assert epochs(["CALL 0", *HALT]) is None
    assert epochs(["CALL 2", *HALT], ["CALL 0", "RETURN"]) is None
    assert epochs(["WAIT 0 0", *HALT]) is None
    assert epochs(["SYSCALL_YIELD", *HALT]) == 2
    assert epochs(["SYSCALL_SPAWN 0 0 0", *HALT]) is None
    assert epochs(["SYSCALL_SPAWN 0 2 0", *HALT], ["CLEAR 0", "CLEAR 0", *HALT]) == 4


def test_epochs_of_several_phases():
    bodies = [HALT, ["CLEAR 0"] * 4 + HALT, ["CLEAR 0"] * 6 + HALT]
    for barrier, expected in (("wait_all", 1 + 5 + 7), ("none", 7), ("wait_any", 1 + 5 + 7)):
        phases = tuple(one(n, 3, barrier=barrier) for n in range(3))
        assert epochs(*bodies, plan=Plan(phases, (0, 1, 2))) == expected
    both = Phase("wait_any", (Launch(1, 1), Launch(2, 1)))
    assert epochs(*bodies, plan=Plan((both, one(0, 1)), (0, 1))) == 7
    assert epochs(*bodies, plan=Plan((both, one(1, 1)), (0, 1, 0))) == 5 + 5 + 7


def test_the_size_of_a_program():
    subject = program(
        ["COPY 3 9", "CALL 3", *HALT, "ADD 2 0 0", "CALL 6", "RETURN", "RETURN"],
        shared=100,
        buffers=[Buffer("x", 0, 60, "in"), Buffer("t", 60, 40)],
        depth=8,
    )
    actual = estimate(FleetView.of(subject))
    assert actual.own_words == (3, 9)
    assert actual.registers == (0, 2)
    assert actual.buffers == {"x": 60, "t": 40}
    assert actual.depth == 2
    assert actual.vms == 4
    assert actual.bytes == 4 * 4 * 32 + 4 * 8 * 24 + 4 * 100


def test_a_program_that_was_not_made_by_package():
    nothing = Program("fleet", {}, b"", (), np.zeros(0))
    refused(nothing, "LW6006", "lacks 'state'")
    bad = dataclasses.replace(program(HALT), tape=b"\1" * 20)
    refused(bad, "LW1001", "opcode")
    unused = FLEET.encode([Instruction("SYSCALL_HALT", 0, (0, 0, 1))])
    refused(dataclasses.replace(program(HALT), tape=unused), "LW1001", "unused fields")
    empty = dataclasses.replace(program(HALT), tape=b"")
    refused(empty, "LW6006", "'instructions' is 1, and not 0")


@pytest.mark.parametrize(
    "name", ["r3", "mem1", "auto", "inf", "NaN", "a-b", "a$", "x.y", "é", "HALT", *plans.STRATEGIES]
    + ["keep", "resume", "wait_all", "_"],
)  # fmt: skip
def test_whatever_names_pass_can_be_written_in_assembly(name):
    program = package(
        code("CALL 2", *HALT, "SYSCALL_SPAWN 0 0 0", *HALT),
        [Routine("m", 0, 2), Routine(name, 2, 2)],
        Plan((one(1, 3, "strided", 9, -2, keep=name), one(1, 3, resume=name)), (0, 1), 3),
        shared=9,
        buffers=[Buffer(name, 0, 4, "in")],
    )
    program.verify()
    assert assemble(program.dis()).hash == program.hash
