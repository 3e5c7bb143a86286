"""Whether VMs can see each other: verdicts, and that they hold in what the reference does."""

import contextlib
import random

import numpy as np
import pytest
from campaigns import campaign
from watched import Machine

import lanework as lw
from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.machines.fleet.analysis import disjoint
from lanework.machines.fleet.analysis.disjoint import Span
from lanework.machines.fleet.analysis.effects import effects
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.check.generate import random_program, random_shared
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.reference import groups
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.runtime.scheduler import Runtime


def view(text):
    return FleetView.of(lw.fleet.assemble(text, "test.lasm"))


def phase(body, count=10, shared=100, head="", more=""):
    """One routine that is launched once."""
    body = body.replace("; ", "\n")
    return view(
        f".machine fleet\n.state S32\n.shared {shared}\n{head}\n.routine main\n{body}\nHALT\n"
        f"{more or f'.phase{chr(10)}.launch main, {count}'}"
    )


# A table of programs ------------------------------------------------------------------------------

FREE = {
    "nothing shared": "VMID r0; MULI r0, r0, 3",
    "a word of its own": "VMID r0; READ r1, r0; WRITE r0, r1",
    "one buffer to another": "VMID r0; READ r1, r0; ADDI r0, r0, 10; WRITE r0, r1",
    "blocks of three": "VMID r0; SCALE r0, r0, 3; READ r1, r0; ADDI r0, r0, 2; WRITE r0, r1",
    "from the end": "VMID r0; SETI r1, 50; SUB r0, r1, r0; READ r2, r0; WRITE r0, r2",
    "among all VMs": "VMGID r0; READ r1, r0; WRITE r0, r1",
    "one number by the other": "VMGID r0; VMID r1; READ r2, r0; WRITE r1, r2",
    "a place in a row and the row": "VMID r0; MODI r1, r0, 4; SUB r2, r0, r1; ADDI r2, r2, 20;"
    " READ r3, r0; ADD r2, r2, r1; WRITE r2, r3",
    "neighbours in a row, to another buffer": "VMID r0; MODI r1, r0, 5; SUB r2, r0, r1;"
    " ADDI r1, r1, 4; MODI r1, r1, 5; ADD r3, r2, r1; READ r3, r3; ADDI r0, r0, 10; WRITE r0, r3",
    "a private block by data": "VMID r0; READ r1, r0; CLEAR r2; MAX r1, r1, r2; SETI r2, 3;"
    " MIN r1, r1, r2; FLOOR r1, r1; SCALE r0, r0, 4; ADDI r0, r0, 10; ADD r0, r0, r1; WRITE r0, r2;"
    " READ r3, r0",
    "an atomic on words of its own": "VMID r0; SETI r1, 1; ATOMIC_ADD r2, r0, r1; ATOMIC_IADD r3,"
    " r0, r2",
    "outside": "VMID r0; ADDI r1, r0, 100; WRITE r1, r0; READ r2, r0",
    "all read one word": "CLEAR r0; READ r1, r0; VMID r0; ADDI r0, r0, 1; WRITE r0, r1",
    "a count in any order": "CLEAR r0; SETI r1, int:1; ATOMIC_IADD r2, r0, r1",
    "yields": "YIELD; VMID r0; YIELD; WRITE r0, r0",
    "rows, word by word": "VMID r0; SCALE r0, r0, 8; CLEAR r1; next:; READ r2, r0; WRITE r0, r2;"
    " ADDI r0, r0, 1; ADDI r1, r1, 1; CMPI r3, r1, 8; BRANCH_LT r3, next",
    "rows, two words at a time": "VMID r0; SCALE r0, r0, 8; CLEAR r1; next:; READ r2, r0;"
    " ADDI r0, r0, 1; WRITE r0, r2; ADDI r0, r0, 1; ADDI r1, r1, 1; CMPI r3, r1, 4;"
    " BRANCH_LT r3, next",
    "rows, counted in memory": "VMID r0; SCALE r0, r0, 8; SETI r1, 8; STORE r1, mem3; next:;"
    " READ r2, r0; WRITE r0, r2; ADDI r0, r0, 1; LOAD r1, mem3; SUBI r1, r1, 1; STORE r1, mem3;"
    " BRANCH_GT r1, next",
    "rows from their ends": "VMID r0; SCALE r0, r0, 8; ADDI r0, r0, 7; SETI r1, 8; next:;"
    " READ r2, r0; WRITE r0, r2; SUBI r0, r0, 1; SUBI r1, r1, 1; BRANCH_GT r1, next",
    "strides over all": "VMID r0; VMCOUNT r1; next:; READ r2, r0; WRITE r0, r2; ADD r0, r0, r1;"
    " CMPI r3, r0, 95; BRANCH_LT r3, next",
    "integers": "IVMID r0; SETI r1, int:3; IAND r2, r0, r1; ISUB r0, r0, r2; IOR r3, r0, r2;"
    " IREAD r4, r3; IWRITE r3, r4",
    "strides of integers": "IVMID r0; VMCOUNT r1; FTOI r1, r1; SETI r2, int:95; next:;"
    " IREAD r3, r0;"
    " IWRITE r0, r3; IADD r0, r0, r1; ICMP r3, r0, r2; BRANCH_LT r3, next",
    "integers as floats": "IVMID r0; SETI r1, int:2; ISHL r0, r0, r1; ITOF r0, r0; READ r1, r0;"
    " ADDI r0, r0, 3; WRITE r0, r1",
    "one VM alone": "VMID r0; BRANCH_GT r0, skip; SETI r1, 50; READ r2, r1; WRITE r1, r2; skip:",
    "one VM, by an integer": "IVMID r0; SETI r1, int:4; ICMP r2, r0, r1; BRANCH_NE r2, skip;"
    " SETI r1, 50; READ r2, r1; WRITE r1, r2; skip:",
    "one half and the other": "VMID r0; SUBI r1, r0, 5; BRANCH_GE r1, high; READ r1, r0;"
    " JUMP end; high:; WRITE r0, r0; end:",
    "waits for what nobody changes": "CLEAR r0; WAIT r0, r0; VMID r0; ADDI r0, r0, 1; WRITE r0, r0",
}
"""VMs that see nothing of each other, and nothing hangs on the order of what they write."""


@pytest.mark.parametrize("name", FREE)
def test_independent(name):
    verdict = effects(phase(FREE[name])).verdict(0)
    assert verdict.conflict is None
    assert verdict.independent
    assert verdict.ordered == frozenset()


SEEN = {
    "the word of the next": ("VMID r0; ADDI r1, r0, 1; READ r2, r1; WRITE r0, r2", 2, 3),
    "one word": ("CLEAR r0; READ r1, r0; ADDI r1, r1, 1; WRITE r0, r1", 1, 3),
    "blocks that overlap": ("VMID r0; SCALE r0, r0, 2; READ r1, r0; ADDI r0, r0, 2; WRITE r0, r1",
                            2, 4),
    "any word, by data": ("VMID r0; READ r1, r0; WRITE r1, r0", 1, 2),
    "in place": ("VMID r0; SCALE r1, r0, 3; READ r1, r1; WRITE r0, r1", 2, 3),
    "what others count": ("CLEAR r0; SETI r1, int:1; ATOMIC_IADD r2, r0, r1; VMID r0; WRITE r0, r2",
                          2, 2),
    "a word that others exchange": ("CLEAR r0; ATOMIC_IXCH r1, r0, r0; STORE r1, mem0", 1, 1),
    "waits for others": ("CLEAR r0; WAIT r0, r0; VMID r1; WRITE r0, r1", 1, 3),
    "its own word, which others write too": ("CLEAR r0; WRITE r0, r0; READ r1, r0", 2, 1),
    "numbers that a float has not": ("VMID r0; MULI r0, r0, 16777216; READ r1, r0; WRITE r0, r1",
                                     2, 3),
    "rows that overlap by one": ("VMID r0; SCALE r0, r0, 8; CLEAR r1; next:; READ r2, r0;"
                                 " WRITE r0, r2; ADDI r0, r0, 1; ADDI r1, r1, 1; CMPI r3, r1, 9;"
                                 " BRANCH_LT r3, next", 3, 4),
    "strides that are too short": ("VMID r0; next:; READ r2, r0; WRITE r0, r2; ADDI r0, r0, 9;"
                                   " CMPI r3, r0, 95; BRANCH_LT r3, next", 1, 2),
    "rows with a step that is left out at times": (
        "VMID r0; SCALE r0, r0, 8; CLEAR r1; next:; READ r2, r0; WRITE r0, r2; BRANCH_LT r2, skip;"
        " ADDI r1, r1, 1; skip:; ADDI r0, r0, 1; CMPI r3, r1, 8; BRANCH_LT r3, next", 3, 4),
    "two VMs": ("VMID r0; SUBI r1, r0, 1; BRANCH_GT r1, skip; SETI r1, 50; READ r2, r1;"
                " WRITE r1, r2; skip:", 4, 5),
    "one half and the other": ("VMID r0; SUBI r1, r0, 5; BRANCH_GE r1, high; ADDI r1, r0, 5;"
                               " READ r2, r1; JUMP end; high:; WRITE r0, r0; end:", 4, 6),
    "half of the number": ("VMID r0; MULI r0, r0, 0.5; READ r1, r0; WRITE r0, r1", 2, 3),
    "a remainder": ("VMID r0; MODI r0, r0, 5; READ r1, r0; WRITE r0, r1", 2, 3),
}  # fmt: skip
"""VMs that see each other: the instruction that sees, and the one that is seen."""


@pytest.mark.parametrize("name", SEEN)
def test_conflicts(name):
    body, first, second = SEEN[name]
    verdict = effects(phase(body)).verdict(0)
    assert not verdict.independent
    assert (verdict.conflict.first, verdict.conflict.second) == (first, second)


BLOCK = (
    "VMID r0; SCALE r0, r0, 4; RAND r1; MULI r1, r1, 4; FLOOR r1, r1; ADD r1, r1, r0; WRITE r1, r0;"
    " SETI r2, 3; WRITE r2, r0"
)
"""Into a block of the VM's own, and to a word in that of VM 0."""

ORDERED = {
    "a word that all write": ("CLEAR r0; VMID r1; WRITE r0, r1", {2}),
    "a sum of floats": ("CLEAR r0; VMID r1; ATOMIC_ADD r2, r0, r1", {2}),
    "a word that VMs write and count": ("CLEAR r0; SETI r1, int:1; ATOMIC_IADD r2, r0, r1;"
                                        " WRITE r0, r1", {2, 3}),
    "two ways to count": ("CLEAR r0; SETI r1, int:1; ATOMIC_IADD r2, r0, r1; ATOMIC_IMAX r2, r0,"
                          " r1", {2, 3}),
    "a write of its own after one in order": (f"{BLOCK}; WRITE r0, r0", {6, 8, 9}),
    "an exchange": ("CLEAR r0; ATOMIC_IXCH r1, r0, r0", {1}),
}  # fmt: skip
"""Writes of several VMs to one word that nobody reads, of which the order counts."""


@pytest.mark.parametrize("name", ORDERED)
def test_order(name):
    body, ordered = ORDERED[name]
    verdict = effects(phase(body)).verdict(0)
    assert verdict.independent
    assert verdict.ordered == ordered


def test_a_vm_cannot_see_what_it_writes_in_order():
    """It would not be there yet."""
    conflict = effects(phase(f"{BLOCK}; READ r3, r0")).verdict(0).conflict
    assert (conflict.first, conflict.second) == (9, 6)
    assert effects(phase(f"{BLOCK}; ADDI r0, r0, 40; READ r3, r0")).verdict(0).independent


def test_launches_of_a_phase():
    """VMs of two launches may have the same number."""
    body = "VMID r0; READ r1, r0; WRITE r0, r1"
    two = ".phase\n.launch main, 10\n.launch main, 10, contiguous {}"
    assert effects(phase(body, more=two.format(10))).verdict(0).independent
    assert not effects(phase(body, more=two.format(9))).verdict(0).independent
    assert not effects(phase(body, more=two.format(0))).verdict(0).independent
    assert effects(phase(body.replace("VMID", "VMGID"), more=two.format(0))).verdict(0).independent
    odd = ".phase\n.launch main, 10, strided 2 0\n.launch main, 10, strided 2 1"
    assert effects(phase(body, more=odd)).verdict(0).independent
    same = ".phase\n.launch main, 10, strided 0 0"
    assert not effects(phase(body, more=same)).verdict(0).independent


def test_phases_that_run_together():
    body = "VMID r0; READ r1, r0; ADDI r1, r0, 10; WRITE r1, r1"
    plan = ".phase {}\n.launch main, 10\n.phase wait_all\n.launch other, 10"
    other = ".routine other\nVMID r0\nREAD r1, r0\nADDI r1, r0, {}\nREAD r1, r1\nHALT\n"

    def known(barrier, at):
        return effects(phase(body, more=other.format(at) + plan.format(barrier)))

    assert known("wait_all", 10).verdict(0).independent
    assert known("none", 20).verdict(0).independent
    for barrier in ("none", "wait_any"):
        subject = known(barrier, 10)
        assert not subject.verdict(0).independent
        assert subject.verdict(1) is subject.verdict(0)
        assert [*subject.together(0)] == [*subject.together(1)] == [0, 1]
    (line,) = known("none", 10).describe()
    assert line.startswith("phases 0 and 1: epochs are needed, as a VM may read at other+3 (line ")


@pytest.mark.parametrize(
    ("table", "free"), [(16, True), (17, False), (20, False), (29, False), (30, True)]
)
def test_tables_of_numbers(table, free):
    """What gives VMs their numbers is read when they begin, while others may run."""
    other = ".routine other\nVMID r0\nHALT\n"
    plan = f".phase none\n.launch main, 10\n.phase\n.launch other, 4, custom {table}"
    verdict = effects(phase("VMID r0; ADDI r0, r0, 20; WRITE r0, r0", more=other + plan)).verdict(0)
    assert verdict.independent is free
    assert free or "gives later VMs their numbers" in verdict.conflict.reason
    body = "VMID r0; WRITE r0, r0"
    alone = effects(phase(body, more=".phase\n.launch main, 10, custom 20")).verdict(0)
    assert alone.ordered == {1}  # two of them may be the same


KEPT = """
.machine fleet
.shared 40
.routine first
    VMID r0
    SETI r3, int:1
    ATOMIC_IADD r2, r1, r3
    HALT
.routine again
    {}
    HALT
.phase
    .launch first, 10, keep some
.phase
    .launch again, contiguous {}, resume some
"""


def test_vms_that_are_kept():
    """They may have other numbers when they go on, and what they knew is used."""
    subject = effects(view(KEPT.format("READ r1, r0\n VMID r1\n WRITE r1, r1", 0)))
    assert [subject.verdict(step).independent for step in (0, 1)] == [True, False]
    subject = effects(view(KEPT.format("VMID r0\n READ r1, r0\n WRITE r0, r1", 5)))
    assert [subject.verdict(step).independent for step in (0, 1)] == [True, True]
    used = effects(view(KEPT.format("VMID r0\n ADDI r0, r0, 1\n WRITE r0, r2", 0)))
    assert used.verdict(0).conflict.first == used.verdict(0).conflict.second == 2
    for each in (subject, used):
        assert check(each.view, np.zeros(40, np.uint32)).sum() == 2


@pytest.mark.parametrize(("convention", "free"), [("caller", False), ("callee", True)])
def test_what_a_call_brings_back(convention, free):
    """A result that the call's end puts away is not used after it; one that it keeps is."""
    text = """
.machine fleet
.convention {}
.shared 40
.routine main
    CALL count
    {}
    VMID r1
    ADDI r1, r1, 1
    WRITE r1, r2
    HALT
.routine count
    CLEAR r1
    SETI r3, int:1
    ATOMIC_IADD r2, r1, r3
    RETURN
.phase
    .launch main, 10
"""
    subject = effects(view(text.format(convention, "MOV r0, r0")))
    assert subject.verdict(0).independent is free
    assert effects(view(text.format(convention, "CLEAR r2"))).verdict(0).independent
    check(subject.view, np.zeros(40, np.uint32))


def test_explain():
    text = """
.machine fleet
.buffer x, 0, 20
.routine double
    VMID r0
    READ r1, r0
    ADDI r0, r0, 1
    WRITE r0, r1
    HALT
.routine far
    VMID r0
    WRITE r0, r0
    HALT
.phase
    .launch far, 10
.phase
    .launch double, 10
"""
    lines = lw.fleet.assemble(text).bind("reference").explain().splitlines()
    assert "phase 0: VMs are independent" in lines
    assert (
        "phase 1: epochs are needed, as a VM may read at double+1 (line 6) what another writes at"
        " double+3 (line 8), in x"
    ) in lines


def test_vms_that_others_notice():
    spawn = phase("SPAWN r1, main, r0", head=".spawn 3")
    assert effects(spawn).verdict(0).independent
    looks = phase(
        "VMGID r0; SPAWN r1, main, r0; READ r1, r0; ADDI r0, r0, 1; WRITE r0, r1", head=".spawn 3"
    )
    assert "another writes" in effects(looks).verdict(0).conflict.reason
    again = phase("again:; YIELD; VMID r0; BRANCH_GT r0, again")
    assert "time and again" in effects(again).verdict(0).conflict.reason


def test_access():
    known = effects(phase("VMID r0; SCALE r0, r0, 3; ADDI r0, r0, 7; READ r1, r0; READ r1, r1"))
    assert known.access(3).affine == ("SYSCALL_VMID", 3, 7)
    assert known.access(3).inside
    assert (known.access(3).first, known.access(3).last) == (7, 34)
    assert known.access(4).affine is None
    assert not known.access(4).inside
    assert known.access(0) is None
    buffers = ".buffer x, 0, 10\n.buffer y, auto, 10"
    assert effects(phase("VMID r0; ADDI r0, r0, y; WRITE r0, r0", head=buffers)).access(2).inside
    buffers = ".buffer x, 0, 10\n.buffer y, auto, 9"
    known = effects(phase("VMID r0; ADDI r0, r0, y; WRITE r0, r0", head=buffers)).access(2)
    assert (known.inside, known.first, known.last) == (False, 10, 18)


def test_large_schedules_and_programs():
    many = ".repeat 50000\n.phase\n.launch main, 4\n.phase\n.launch main, 8\n.end"
    subject = effects(phase("VMID r0; WRITE r0, r0", more=many))
    assert len(subject.view.plan.schedule) == 100_000
    assert list(subject.describe()) == [f"phase {n}: VMs are independent" for n in (0, 1)]
    for body in (["READ r1, r0; WRITE r1, r1"] * 400, ["ADD r0, r0, r0"] * 5000):
        known = effects(phase("; ".join([*body, "WRITE r0, r0"])))
        assert "too large" in known.verdict(0).conflict.reason
    access = known.access(5000)  # at which nobody has looked
    assert (access.first, access.last, access.inside) == (0, 99, False)


# Diophantine questions ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_whether_vms_meet(seed):
    """What is said not to meet does not, by trying all."""
    rand = random.Random(seed)
    for _ in range(150):
        spans = []
        for _ in range(2):
            modulus, low = rand.choice((0, 1, 2, 3, 4, 6)), rand.randrange(-6, 12)
            high = low + modulus * rand.randrange(4)
            residue = low % modulus if modulus else low
            factor, vms = rand.choice((0, 1, 2, 3, 4, -1, -3)), rand.randint(1, 5)
            first = rand.choice((-100, 0))
            begin = rand.choice((0, 0, 1, 2))
            spans.append(Span(factor, low, high, modulus, residue, first, 100, begin, vms - 1))
        same = rand.random() < 0.6
        a, b = spans
        words = [{n: _words(span, n) for n in range(span.begin, span.end + 1)} for span in (a, b)]
        others = [(x & y, i, j) for i, x in words[0].items() for j, y in words[1].items()]
        meets = any(both and (not same or i != j) for both, i, j in others)
        assert disjoint.meet(a, b, same) or not meets, (a, b, same)
        if same:
            alone = any(both and i == j for both, i, j in others)
            assert disjoint.itself(a, b) or not alone, (a, b)
        if same and a.factor == b.factor and a.modulus == b.modulus:  # then it is exact
            inside = a.first < 0 > b.first
            assert not inside or disjoint.meet(a, b, same) == meets, (a, b)


def _words(span, n):
    rests = range(span.low, span.high + 1)
    if span.modulus:
        rests = [rest for rest in rests if (rest - span.residue) % span.modulus == 0]
    at = (span.factor * n + rest for rest in rests)
    return {each for each in at if span.first <= each <= span.last}


# What the reference does --------------------------------------------------------------------------


class Recorder(ReferenceEngine):
    """Notes who accesses which word."""

    def begin(self, shared, blank=()):
        super().begin(shared, blank)
        self.group, self.seen = 0, set()

    def launch(self, allocated):
        self.group = effects(self.view).together(allocated.step).start
        super().launch(allocated)

    def _epoch(self):
        for ip, members in self.at.items():
            values = self.view.infos[ip].values(self.view.instructions[ip])
            if "addr" in values:
                who = groups.ids(members)
                at = self.addresses(ip, np.array(self.register(values["addr"])[who]))
                numbers = self.state.row("vm_id")[who].tolist()
                rows = zip(at.tolist(), who.tolist(), numbers, strict=True)
                self.seen |= {(self.group, word, vm, ip, number) for word, vm, number in rows}
        super()._epoch()


def recorded(subject, words):
    engine = Recorder(subject, Settings())
    runtime = Runtime(engine, subject, Limits(fuel=200_000))
    runtime.begin(words)
    with contextlib.suppress(Trap):
        runtime.run(2000)
    return engine.seen


def check(subject, words):
    """What is said of a program is so; how many phases are independent, and how many are not."""
    known = effects(subject)
    seen = recorded(subject, words)
    touched = {}
    for group, word, vm, ip, number in seen:
        access = known.access(ip)
        if word < 0:
            assert not access.inside, subject.where(ip)
            continue
        assert access.first <= word <= access.last, subject.where(ip)
        if access.affine is not None and access.affine[0] != "VMCOUNT":
            name, factor, constant = access.affine
            assert word == factor * (vm if name == "VMGID" else number) + constant
        touched.setdefault((group, word), {}).setdefault(vm, set()).add(ip)
    for (group, word), by_vm in touched.items():
        verdict = known.verdict(group)
        if not verdict.independent or len(by_vm) < 2:
            continue
        ips = [(vm, known.access(ip), ip) for vm, some in by_vm.items() for ip in some]
        for vm, access, ip in ips:
            for other, another, second in ips:
                if other != vm and (access.writes or another.writes):
                    where = (word, subject.where(ip), subject.where(second))
                    assert not access.reads, where
                    assert not another.reads, where
                    free = access.update is not None and access.update is another.update
                    assert free or {ip, second} <= verdict.ordered, where
    verdicts = [known.verdict(group) for group in {each[0] for each in seen}]
    return np.bincount([each.independent for each in verdicts], minlength=2)


def shaped(rand):
    """A program whose addresses are made as people make them, and sometimes wrongly."""
    lines, names = [], iter(range(100))

    def small():
        return rand.choice((1, 1, 2, 3, 4, 5, 8))

    def address():
        lines.append(rand.choice(("VMID r0", "VMID r0", "VMGID r0", "IVMID r0\nITOF r0, r0")))
        for _ in range(rand.choice((0, 1, 1, 2))):
            how = rand.randrange(9)
            if how == 0:
                lines.append(f"MULI r0, r0, {small()}")
            elif how == 1:
                lines.append(f"ADDI r0, r0, {rand.choice((0, 1, 20, 40, 60))}")
            elif how == 2:
                lines.append(f"MODI r1, r0, {small()}\nSUB r0, r0, r1")
            elif how == 3:
                lines.append(f"MODI r0, r0, {small()}")
            elif how == 4:
                size = small()
                lines.append(f"MODI r1, r0, {size}\nSCALE r0, r0, {rand.choice((size, small()))}")
                lines.append("ADD r0, r0, r1")
            elif how == 5:
                lines.append(f"SETI r1, {rand.choice((20, 50))}\nSUB r0, r1, r0")
            elif how == 6:
                lines.append(f"IVMID r1\nSETI r2, int:{small() - 1}\nIAND r1, r1, r2")
                lines.append("ITOF r1, r1\nADD r0, r0, r1")
            elif how == 7:
                lines.append(f"SETI r1, {small()}\nMIN r1, r0, r1\nMULI r0, r0, 4\nADD r0, r0, r1")
            else:
                lines.append(f"DIVI r1, r0, {small()}\nFLOOR r1, r1\nADD r0, r0, r1")

    def access():
        kind = rand.randrange(8)
        if kind < 4:
            lines.append("READ r3, r0")
        elif kind < 7:
            lines.append("WRITE r0, r3")
        else:
            name = rand.choice(("ADD", "IADD", "IMAX", "IXCH"))
            lines.append(f"ATOMIC_{name} {rand.choice(('r3', 'r4'))}, r0, r3")
        if rand.random() < 0.2:
            lines.append("FTOI r1, r0\n" + rand.choice(("IREAD r3, r1", "IWRITE r1, r3")))

    for _ in range(rand.choice((1, 2, 2, 3))):
        address()
        how, skip = rand.randrange(5), f"l{next(names)}" * (rand.random() < 0.2)
        if skip:  # not for all VMs
            test = rand.choice(("VMID r5", "VMGID r5", "MOV r5, r0"))
            lines.append(f"{test}\nSUBI r5, r5, {small()}")
            lines.append(f"BRANCH_{rand.choice(('NE', 'GT', 'LT', 'EQ'))} r5, {skip}")
        if how == 0:  # strides over a grid
            label = f"l{next(names)}"
            lines.append(f"{label}:")
            access()
            step = rand.choice(
                ("VMCOUNT r5\nADD r0, r0, r5", f"ADDI r0, r0, {rand.choice((8, 10))}")
            )
            lines.append(f"{step}\nSUBI r5, r0, {rand.choice((30, 70))}\nBRANCH_LT r5, {label}")
        elif how == 1:  # a row of words
            label = f"l{next(names)}"
            lines.append(f"CLEAR r6\nSTORE r6, mem5\n{label}:")
            access()
            count = "ADDI r6, r6, 1"
            if rand.random() < 0.3:
                count = f"LOAD r6, mem5\n{count}\nSTORE r6, mem5"
            more = rand.choice(("", "", "ADDI r0, r0, 1\n", "ADDI r0, r0, 2\nREAD r4, r0\n"))
            lines.append(f"{more}ADDI r0, r0, 1\n{count}\nSUBI r5, r6, {small()}")
            lines.append(f"BRANCH_LT r5, {label}")
        elif how == 2:  # or with a sum in the loop
            label = f"l{next(names)}"
            lines.append(f"CLEAR r6\nMOV r7, r0\n{label}:\nADD r0, r7, r6")
            access()
            lines.append(f"ADDI r6, r6, 1\nSUBI r5, r6, {small()}\nBRANCH_LT r5, {label}")
        elif how == 3:  # rows of rows
            outer, inner = f"l{next(names)}", f"l{next(names)}"
            lines.append(f"CLEAR r6\n{outer}:\nCLEAR r2\n{inner}:")
            access()
            more = rand.choice(("ADDI r0, r0, 1", "ADDI r0, r0, 1", "CALL next", "SUBI r0, r0, 2"))
            lines.append(f"{more}\nADDI r2, r2, 1\nSUBI r5, r2, {small()}\nBRANCH_LT r5, {inner}")
            lines.append(rand.choice(("", "ADDI r0, r0, 1", "CALL next", "VMID r0")))
            lines.append(f"ADDI r6, r6, 1\nSUBI r5, r6, {small()}\nBRANCH_LT r5, {outer}")
        else:
            access()
        if skip:
            lines.append(f"{skip}:")
    more = rand.choice(("", "", f", contiguous {rand.randrange(30)}", ", strided 2"))
    plan = f".phase {rand.choice(('wait_all', 'wait_all', 'none', 'wait_any'))}\n"
    plan += f".launch main, {rand.choice((8, 10))}{more}\n"
    if rand.random() < 0.3:
        plan += f".launch main, 5, contiguous {rand.choice((8, 10))}\n"
    if rand.random() < 0.5:
        plan += ".phase\n.launch main, 4\n"
    body = "\n".join(lines)
    called = ".routine next\nADDI r0, r0, 1\nRETURN"
    head = f".machine fleet\n.state S32\n.shared 100\n{rand.choice(('', '.convention callee'))}"
    return view(f"{head}\n.routine main\n{body}\nHALT\n{called}\n{plan}")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", campaign(20_000, 250, daily=300, quick=150))
def test_no_vm_sees_what_another_does(seeds):
    counts = np.zeros(2, np.int64)
    for seed in seeds:
        rand = random.Random(seed)
        words = np.array([float(rand.randrange(-2, 100)) for _ in range(100)], np.float32)
        counts += check(shaped(rand), words.view(np.uint32))
    assert counts.min() > 0.1 * counts.sum()  # neither is rare


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_sums_are_exact(seed):
    """Every element that is known to be a sum is that."""
    subject, rng = shaped(random.Random(seed)), np.random.default_rng(seed)
    words = rng.integers(-2, 100, 100).astype(np.float32)
    Machine(subject, Intervals(subject, any_inputs=True), rng, words).run(60)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", campaign(20_000, 250, daily=200, quick=60))
def test_any_program(seeds):
    for seed in seeds:
        program = random_program(seed)
        words = random_shared(seed, program).view(np.uint32)
        check(FleetView.of(program), words)
