"""The five kernels on a GPU: against the plain machine, and what only this engine has."""

import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from oracle import Oracle, bits

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.base.rng import philox
from lanework.core import runner as runners
from lanework.core.program.isa import OperandKind
from lanework.engines.gpu import device as gpu
from lanework.machines.fleet.check.snapshots import Case, difference, same, snapshots
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.engine import CHOICES, Settings, Stop
from lanework.machines.fleet.gpu import epoch, sizes
from lanework.machines.fleet.gpu.epoch import EpochEngine
from lanework.machines.fleet.gpu.kernels.table import Control
from lanework.machines.fleet.gpu.phases import WGSLEngine
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.runtime import choice as engines
from lanework.machines.fleet.state import Status

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 7.25, -7.0, 1e-40, 1e30, -1e30, 3.4e38]
SPECIAL += [float("inf"), float("-inf"), float("nan"), 2.0**31, -(2.0**31), 2.0**32, 1e-7]
PATTERNS = [bits(x) for x in SPECIAL] + [1, 2**31, 2**32 - 1, 31, 32, 0x7F800001]
ONE = """
.machine fleet
.state {state}
.shared {shared}
.epsilon {epsilon}
.routine main
{body}
.phase
    .launch main, {count}
"""
COUNTDOWN = """
    SYSCALL_VMID r0
    MODI r0, r0, 8
again:
    ADDI r1, r1, 2
    STORE r1, 3
    SUBI r0, r0, 1
    BRANCH_GT r0, again
    HALT
"""


@pytest.fixture(scope="module", autouse=True)
def device():
    try:
        return gpu.device()
    except Diagnostic as problem:
        pytest.skip(f"no Vulkan, not even in software: {problem}")


def assembled(body, count=1, shared=8, state="S22", epsilon=0.0, verify=True):
    text = ONE.format(body=body, count=count, shared=shared, state=state, epsilon=epsilon)
    program = lw.fleet.assemble(text, "test.lasm")
    if verify:
        program.verify()
    return program


def started(program, shared=None, engine=EpochEngine, settings=None, **more):
    """An engine with the first phase launched."""
    view = FleetView.of(program)
    subject = engine(view, settings or Settings(), **more)
    subject.begin(np.zeros(view.shared, np.uint32) if shared is None else shared)
    for allocated in view.allocation.steps[0]:
        subject.launch(allocated)
    return subject


def check(program, shared=None, cut=1000, fuel=None, **settings):
    """The same as the reference, at an epoch and at the end."""
    view = FleetView.of(program)
    words = np.zeros(view.shared, np.uint32) if shared is None else shared
    case = Case(program, words, Settings(**settings), cut, fuel)
    expected = snapshots(ReferenceEngine(view, case.settings), case)
    engine = EpochEngine(view, case.settings)
    actual = snapshots(engine, case)
    engine.close()
    assert difference(case, expected, actual) is None
    return expected[-1]


# Instructions -------------------------------------------------------------------------------------


def everything():
    """Every linear and oracle instruction on pairs of special values, results in shared memory."""
    pairs = [(a, b) for a in PATTERNS for b in PATTERNS]
    n = len(pairs)
    make = {name: info.make for name, info in FLEET.by_name.items()}
    code = [
        make["IVMID"](dest=3),
        make["IREAD"](dest=1, addr=3),
        make["SETI"](dest=0, imm=n),
        make["IADD"](dest=3, src1=3, src2=0),
        make["IREAD"](dest=2, addr=3),
    ]
    names = [each.name for each in FLEET.by_name.values() if each.kernel < Kernel.BRANCH]
    given = {"dest": 0, "src": 1, "src1": 1, "src2": 2, "cond": 2, "word": 3, "from": 5}
    for number, name in enumerate(names):
        info = FLEET.by_name[name]
        values = {spec.name: given.get(spec.name, 0) for spec in info.operands}
        if "imm" in values:
            values["imm"] = PATTERNS[number % len(PATTERNS)]
        code += [make["STORE"](src=2, word=5), make["CLEAR"](dest=0), make[name](**values)]
        if any(spec.kind is OperandKind.WORD for spec in info.operands):
            code.append(make["LOAD"](dest=0, word=3))
        code += [make["STORE"](src=0, word=0), make["SETI"](dest=0, imm=n)]
        code += [make["IADD"](dest=3, src1=3, src2=0), make["LOAD"](dest=0, word=0)]
        code.append(make["IWRITE"](addr=3, src=0))
    code.append(make["SYSCALL_HALT"]())
    plan = Plan((Phase("wait_all", (Launch(0, n),)),), (0,))
    routine = Routine("main", 0, len(code))
    program = package(code, [routine], plan, shared=n * (2 + len(names)))
    program.verify()
    shared = np.zeros(n * (2 + len(names)), np.uint32)
    shared[: 2 * n] = np.array(pairs, np.uint32).T.ravel()
    return program, shared, names, n


@pytest.mark.slow
def test_every_instruction_on_special_values():
    """Against the plain machine, to the bit but for which NaN it is."""
    program, shared, names, n = everything()
    machine = Oracle(program, Settings(seed=5))
    with np.errstate(all="ignore"):
        assert machine.run(shared) == "done"
    expected = np.array([machine.shared[place] for place in range(len(shared))], np.uint32)
    for settings in (Settings(seed=5), Settings(seed=5, layout="aos", format="dense")):
        engine = started(program, shared, settings=settings)
        progress = engine.run(10_000)
        assert (progress.stop, progress.epochs) == (Stop.DONE, machine.epochs)
        assert progress.by_kernel == machine.by_kernel
        actual = engine.shared()
        for number, name in enumerate(names, 2):
            part = slice(number * n, (number + 1) * n)
            right = same(actual[part], expected[part])
            assert right.all(), (name, np.flatnonzero(~right)[:4], settings.layout)
        engine.close()


def test_bits_are_copied():
    """A NaN is moved as it is, and an integer too."""
    program = assembled("READ r1, r0\nMOV r2, r1\nSTORE r2, 1\nCOPY 2, 1\nLOAD r3, 2\nHALT")
    for layout in CHOICES["layout"]:
        for word in (0x7F800001, 0xFFFFFFFF, 7):
            shared = np.full(8, word, np.uint32)
            for format in CHOICES["format"]:
                engine = started(program, shared, settings=Settings(layout=layout, format=format))
                engine.run(10)
                vm = engine.vms().words[:, 0]
                assert [int(vm[n]) for n in (2, 3, 4, 6, 7)] == [word] * 5


@pytest.mark.parametrize("epsilon", [0.0, 1e-4])
def test_branches_on_special_values(epsilon):
    """Each condition and each value, a bit for each that is taken."""
    names = [name for name in FLEET.by_name if name.startswith("BRANCH")]
    body = ["SYSCALL_VMID r0", "READ r1, r0"]
    for number, name in enumerate(names):
        body += [f"{name} r1, yes{number}", f"JUMP no{number}"]
        body += [f"yes{number}:", f"ADDI r2, r2, {2.0**number}", f"no{number}:"]
    values = [*SPECIAL, 9.9e-5, -9.9e-5, 1e-4, -1e-4, 1.1e-4]
    program = assembled("\n".join([*body, "HALT"]), len(values), len(values), epsilon=epsilon)
    shared = np.array(values, np.float32)
    engine = started(program, shared.view(np.uint32))
    assert engine.run(100).stop is Stop.DONE
    taken = engine.vms().floats[3]
    for value, actual in zip(shared, taken, strict=True):
        zero = bool(value == 0 or abs(value) < np.float32(epsilon))
        right = [zero, not zero, value < 0, value > 0, value <= 0, value >= 0]
        assert actual == sum(2.0**n for n, each in enumerate(right) if each), value


def test_random_numbers_are_those_of_the_house():
    program = assembled("RAND1 r0\nRAND1 r1\nRAND r2\nHALT", 300)
    seed = 0x0123456789ABCDEF
    engine = started(program, settings=Settings(seed=seed))
    engine.run(10)
    key = np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32)
    for drawn in range(3):
        counter = np.zeros((300, 4), np.uint32)
        number, word = (0, 2) if drawn == 2 else (drawn, 0)
        counter[:, 0], counter[:, 2] = number, np.arange(300)
        expected = (philox(counter, key)[:, word] >> 8) * 2.0**-24
        assert engine.vms().floats[1 + drawn].tolist() == expected.tolist()


CALLS = """
    SETI r0, 1
    SETI r1, 2
    SETI r2, 3
    SETI r3, 4
    CALL deeper
    STORE r0, 0
    HALT
deeper:
    ADDI r0, r0, 10
    SETI r1, 0
    SETI r2, 0
    SETI r3, 0
    LOAD r3, 1
    ADDI r3, r3, 1
    STORE r3, 1
    SUBI r3, r3, 3
    BRANCH_GE r3, out
    CALL deeper
out:
    RETURN
"""


@pytest.mark.parametrize("layout", CHOICES["layout"])
@pytest.mark.parametrize("convention", ["caller", "hybrid", "callee"])
def test_calls_within_calls(layout, convention):
    text = ONE.format(body=CALLS, count=5, shared=0, state="S22", epsilon=0.0)
    text = text.replace(".state", f".convention {convention}\n.state")
    program = lw.fleet.assemble(text, "test.lasm")
    engine = started(program, settings=Settings(layout=layout))
    assert engine.run(100).stop is Stop.DONE
    kept = {"caller": [0, 0, 0], "hybrid": [2, 0, 0], "callee": [2, 3, 4]}[convention]
    vms = engine.vms()
    assert vms.floats[1:5, 4].tolist()[:3] == [31.0, *map(float, kept[:2])]
    assert vms.floats[5, 4] == 31.0
    assert vms.row("stack_pointer").tolist() == [0] * 5
    check(program, layout=layout)


@pytest.mark.parametrize("layout", CHOICES["layout"])
def test_calls_that_are_too_deep_and_returns_without_one(layout):
    deep = assembled("again:\nADDI r0, r0, 1\nCALL again\nHALT", 3)
    engine = started(deep, settings=Settings(layout=layout))
    progress = engine.run(100)
    assert (progress.stop, progress.faults, progress.first_fault) == (Stop.FAULT, 3, 0)
    assert engine.vms().floats[1].tolist() == [17.0] * 3
    assert set(engine.vms().row("fault").tolist()) == {1}
    check(deep, layout=layout, on_fault="go on")
    check(assembled("RETURN", 3, verify=False), layout=layout)


def test_calls_of_others_that_are_too_deep():
    text = """
    .machine fleet
    .depth 2
    .routine a
        CALL b
        HALT
    .routine b
        CALL c
        RETURN
    .routine c
        CALL d
        RETURN
    .routine d
        RETURN
    .phase
        .launch a, 9
    """
    program = lw.fleet.assemble(text, "test.lasm")
    engine = started(program)
    assert sizes.depth(engine.view) == 2
    assert engine.run(100).stop is Stop.FAULT
    assert set(engine.vms().row("fault").tolist()) == {1}
    shallow = lw.fleet.assemble(text.replace(".depth 2", ".depth 200"), "test.lasm")
    assert sizes.depth(FleetView.of(shallow)) == 3
    assert check(shallow).stop == "done"


# Shared memory ------------------------------------------------------------------------------------

CONFLICTS = """
    SYSCALL_VMID r0
    MODI r1, r0, 3
    SYSCALL_WRITE r1, r0
    SYSCALL_READ r2, r1
    ADDI r3, r1, 3
    ATOMIC_{op} r3, r3, r0
    SUBI r0, r0, 5
    SYSCALL_WRITE r0, r2
    HALT
"""


def test_of_several_writes_that_of_the_highest_vm_stays():
    engine = started(assembled(CONFLICTS.format(op="ADD"), 100))
    progress = engine.run(100)
    assert engine.vms().floats[3, :6].tolist() == [99.0, 97.0, 98.0] * 2  # as written before
    assert engine.shared().view(np.float32)[:3].tolist() == [98.0, 99.0, 97.0]
    assert (progress.stop, progress.writes_outside) == (Stop.DONE, 5 + 87)


def test_the_highest_vm_need_not_be_the_last():
    """Sorted by instruction, VMs with high numbers come first here."""
    body = """
        SYSCALL_VMID r0
        SUBI r1, r0, 200
        BRANCH_LT r1, low
        SYSCALL_WRITE r2, r0
        HALT
    low:
        SYSCALL_WRITE r2, r0
        HALT
    """
    engine = started(assembled(body, 400), settings=Settings(sort=True))
    engine.run(100)
    assert engine.shared().view(np.float32)[0] == 399.0


@pytest.mark.parametrize("op", ["ADD", "MIN", "MAX"])
@pytest.mark.parametrize("layout", CHOICES["layout"])
def test_atomics_in_order(op, layout):
    check(assembled(CONFLICTS.format(op=op), 2100), layout=layout)


@pytest.mark.parametrize("turns", [1, 7, 32, 100])
def test_turns_in_several_rounds(monkeypatch, turns):
    """An epoch takes as many rounds as it has to, and nothing goes on in between."""
    monkeypatch.setattr(epoch, "TURNS", turns)
    body = """
        SYSCALL_VMID r0
        MODI r1, r0, 3
        BRANCH_EQ r1, waits
        SETI r1, 2
        ATOMIC_ADD r3, r1, r0
        SYSCALL_YIELD
        ATOMIC_CAS r3, r1, r3, r0
        SUBI r3, r0, 100
        BRANCH_LT r3, over
        SPAWN r3, other, r0
    over:
        HALT
    waits:
        SETI r1, 2
        WAIT r1, r2
        HALT
    """
    text = ONE.format(body=body, count=130, shared=8, state="S22", epsilon=0.0)
    text = text.replace(".phase", ".routine other\nRAND r1\nKILL\n.phase").replace(
        ".epsilon", ".spawn 9\n.epsilon"
    )
    program = lw.fleet.assemble(text, "test.lasm")
    for cut in range(1, 12):
        check(program, cut=cut)
    expected, subject = started(program, engine=ReferenceEngine), started(program)
    subject.trace(77, 100)
    subject.run(100)
    for column in subject.traced().words.T:
        expected.run(1)
        assert same(column[1:], expected.vm(77).words[1:, 0]).all()


def test_atomics_in_order_are_rounded_one_after_another():
    program = assembled("SETI r1, 0.1\nATOMIC_ADD r2, r0, r1\nHALT", 1500)
    engine = started(program)
    engine.run(10)
    total, before = np.float32(0), []
    for _ in range(1500):
        before.append(float(total))
        total += np.float32(0.1)
    assert engine.shared().view(np.float32)[0] == total
    assert engine.vms().floats[3].tolist() == before


def test_in_any_order():
    """Each word is still changed by one VM at a time, and what nobody else touches is exact."""
    body = """
        SYSCALL_VMID r0
        SETI r1, 1
        CLEAR r2
        ATOMIC_ADD r3, r2, r1
        ADDI r3, r3, 16
        SYSCALL_WRITE r3, r0
        SETI r2, 1
        ATOMIC_MAX r3, r2, r0
        SETI r2, 2
        ATOMIC_MIN r3, r2, r0
        SETI r2, 3
        CLEAR r1
        SUBI r0, r0, 70
        ATOMIC_CAS r3, r2, r1, r0
        HALT
    """
    shared = np.zeros(2016, np.float32)
    shared[2] = 50.0
    engine = started(
        assembled(body, 2000, 2016), shared.view(np.uint32), settings=Settings(io="fast")
    )
    progress = engine.run(100)
    assert (progress.stop, progress.writes_outside) == (Stop.DONE, 0)
    actual = engine.shared().view(np.float32)
    assert actual[:3].tolist() == [2000.0, 1999.0, 0.0]
    assert sorted(actual[16:].tolist()) == list(map(float, range(2000)))
    # the first VM whose turn it was put its number there; none but one with that number gets on
    assert -70.0 <= actual[3] < 1930.0
    kept = {"reads_outside": progress.reads_outside, "faults": progress.faults}
    assert kept == {"reads_outside": 0, "faults": 0}


SPAWNING = """
.machine fleet
.shared 8
.spawn 40
.routine parent
    SYSCALL_VMID r0
    SPAWN r1, child, r0
    SPAWN r2, child, r0
    RAND r3
    HALT
.routine child
    SYSCALL_VMID r1
    RAND r3
    MODI r2, r1, 2
    BRANCH_EQ r2, over
    SETI r2, 1
    ATOMIC_ADD r2, r2, r0
    HALT
over:
    KILL
.phase
    .launch parent, 30
"""


@pytest.mark.parametrize("layout", CHOICES["layout"])
@pytest.mark.parametrize("io", CHOICES["io"])
def test_vms_start_vms(layout, io):
    program = lw.fleet.assemble(SPAWNING, "test.lasm")
    engine = started(program, settings=Settings(layout=layout, io=io))
    assert engine.run(2).live == 60
    assert engine.vms().floats[2, :30].tolist() == [30.0 + n for n in range(30)]
    progress = engine.run(100)
    assert (progress.stop, progress.live) == (Stop.DONE, 0)
    vms = engine.vms()
    assert vms.floats[3, :12].tolist() == [60.0 + n for n in range(10)] + [-1.0, -1.0]
    assert set(vms.row("status")[30::2].tolist()) == {Status.FREE}
    assert set(vms.row("status")[31::2].tolist()) == {Status.HALTED}
    assert set(vms.row("generation")[30:].tolist()) == {1}
    if io == "ordered":
        check(program, layout=layout, seed=9)


def test_places_are_used_again():
    text = """
    .machine fleet
    .shared 8
    .spawn 4
    .routine parent
        SETI r2, 6
    again:
        SPAWN r1, child, r0
        SYSCALL_WRITE r2, r1
        MOV r3, r3
        SUBI r2, r2, 1
        BRANCH_GT r2, again
        HALT
    .routine child
        KILL
    .phase
        .launch parent, 1
    """
    engine = started(lw.fleet.assemble(text, "test.lasm"))
    engine.run(100)
    assert engine.shared().view(np.float32)[1:7].tolist() == [1.0] * 6
    assert engine.vms().row("generation").tolist() == [0, 6, 0, 0, 0]


PHASES = """
.machine fleet
.routine once
    YIELD
    HALT
.routine works
    ADDI r0, r0, 1
    ADDI r0, r0, 1
    ADDI r0, r0, 1
    HALT
"""


def test_a_launch_begins_to_count_sweeps_anew():
    one = ".phase\n.launch once, 1\n.launch works, 1\n.phase\n.launch works, 1\n"
    two = ".phase\n.launch once, 1\n" * 2
    for phases, patience in ((one, 1), (two, 2)):
        program = lw.fleet.assemble(PHASES + phases, "test.lasm")
        assert check(program, patience=patience).stop == "done"


def test_waiting_and_deadlocks():
    chain = """
        SYSCALL_VMID r0
        BRANCH_EQ r0, first
        SUBI r1, r0, 1
        WAIT r1, r2
    first:
        SETI r1, 1
        SYSCALL_WRITE r0, r1
        HALT
    """
    program = assembled(chain, 40, 40)
    last = check(program, cut=17)
    assert last.stop == "done"
    stuck = assembled("SETI r1, 3\nWAIT r1, r0\nHALT", 5)
    assert check(stuck).stop.startswith("LW6026")
    yields = assembled("again:\nSYSCALL_YIELD\nJUMP again", 7)
    for patience in (1, 4):
        assert check(yields, patience=patience).stop.startswith("LW6026")


# Dispatch -----------------------------------------------------------------------------------------


def test_two_dimensions_of_workgroups(device):
    program = assembled(COUNTDOWN, 5000, state="S32")
    expected = started(program, engine=ReferenceEngine)
    expected.run(100)
    for limit in (1, 3, 7):
        engine = started(program, group_limit=limit)
        assert engine.on.workgroups(5000)[1] > 1
        engine.run(100)
        assert same(engine.vms().words[1:], expected.vms().words[1:]).all()


def test_nothing_is_read_back_within_a_submission(monkeypatch):
    engine = started(assembled("again:\nADDI r0, r0, 1\nJUMP again", 10))
    calls = []
    real = engine.gpu.mapped
    monkeypatch.setattr(engine.gpu, "mapped", lambda *args: calls.append(args) or real(*args))
    monkeypatch.setattr(engine.gpu, "read", None)
    engine._chunk = 512
    assert engine.run(500).epochs == 500
    assert len(calls) == 1
    assert len(calls[0][0].label) > 0
    monkeypatch.undo()
    assert engine.vms().floats[1].tolist() == [250.0] * 10


@pytest.mark.parametrize("fuel", [None, 100, 701])
def test_the_rest_of_a_submission_changes_nothing(fuel):
    """The state is that of the stop, however many epochs were submitted with it."""
    program = assembled(COUNTDOWN, 50)
    expected = started(program, engine=ReferenceEngine)
    want = expected.run(10_000, fuel=fuel)
    engine = started(program)
    engine._chunk = 64
    actual = engine.run(64, fuel=fuel)
    assert actual == want
    assert same(engine.vms().words[1:], expected.vms().words[1:]).all()
    assert engine.run(5, fuel=0) == replace(actual, stop=want.stop)


def test_a_batch_that_is_watched():
    text = """
    .machine fleet
    .routine quick
        HALT
    .routine slow
        ADDI r0, r0, 1
        ADDI r0, r0, 1
        ADDI r0, r0, 1
        HALT
    .phase wait_any
        .launch slow, 300
        .launch quick, 200
    """
    engine = started(lw.fleet.assemble(text, "test.lasm"))
    progress = engine.run(100, watch=[0, 1])
    assert (progress.stop, progress.epochs, progress.live) == (Stop.BATCH, 1, 300)
    assert engine.run(100, watch=[0]).stop is Stop.DONE


def test_only_live_vms_are_looked_at(monkeypatch):
    """Once most have ended, those that have not are listed; a launch makes the list void."""
    monkeypatch.setattr(epoch, "COMPACT", 8)
    body = """
        SYSCALL_VMID r0
        MODI r1, r0, 37
        BRANCH_NE r1, out
    again:
        ADDI r2, r2, 1
        SUBI r0, r0, 37
        BRANCH_GT r0, again
    out:
        HALT
    """
    program = assembled(body, 3000)
    engine = started(program)
    expected = started(program, engine=ReferenceEngine)
    listed = set()
    while (progress := engine.run(9)).stop is Stop.EPOCHS:
        assert progress == expected.run(9)
        assert same(engine.vms().words[1:], expected.vms().words[1:]).all()
        listed.add(engine._listed)
    assert max(listed) <= 82
    assert len(listed) >= 2
    for allocated in engine.view.allocation.steps[0]:
        engine.launch(allocated)
        expected.launch(allocated)
    assert engine._listed == 0
    engine.run(10**6)
    expected.run(10**6)
    assert same(engine.vms().words[1:], expected.vms().words[1:]).all()


@pytest.mark.parametrize("buckets", [1024, 8])
def test_vms_sorted_by_instruction(monkeypatch, buckets):
    monkeypatch.setattr(sizes, "BUCKETS", buckets)
    body = "SYSCALL_VMID r0\nMODI r0, r0, 6\nagain:\nSUBI r0, r0, 1\nBRANCH_GE r0, again\n"
    body += "\n".join(["ADDI r1, r1, 1", "MULI r2, r2, 2"] * 20) + "\nHALT"
    program = assembled(body, 2000)
    engine = started(program, settings=Settings(sort=True))
    engine.run(20)
    ips = engine.vms().row("ip")
    lists = engine.gpu.read(engine.on.buffers["lists"]).reshape(6, 2000)
    engine.run(1)
    head = engine.on.head
    kernels = np.array([info.kernel for info in engine.view.infos])
    lists = engine.gpu.read(engine.on.buffers["lists"]).reshape(6, 2000)
    table, _ = sizes.buckets(engine.view)
    assert len(set(table.tolist())) <= buckets
    for kernel in Kernel:
        many = int(head[Control.LENGTHS + kernel])
        listed = lists[kernel, :many]
        assert sorted(listed.tolist()) == np.flatnonzero(kernels[ips] == kernel).tolist()
        assert (np.diff(table[ips[listed]].astype(int)) >= 0).all()
    check(program, sort=True)


def test_kernels_do_not_depend_on_the_program():
    """Another program with the same instructions needs no other kernel."""
    first = started(assembled(COUNTDOWN, 10))
    known = len(first.gpu._kernels)
    other = assembled(COUNTDOWN.replace("8", "5").replace("STORE r1, 3", "STORE r1, 9"), 999, 77)
    second = started(other)
    assert len(second.gpu._kernels) == known
    assert second.on.kernels == first.on.kernels


# Looking ------------------------------------------------------------------------------------------


def test_the_array_of_structures_is_literal():
    """128 bytes a VM in S22, IP as a float beside the whole number."""
    engine = started(assembled(COUNTDOWN, 20), settings=Settings(layout="aos"))
    engine.run(9)
    raw = engine.gpu.read(engine.on.buffers["states"])
    assert raw.nbytes == 20 * 128
    structures = raw.view(engine.view.profile.dtype)
    assert structures.tobytes() == engine.vms().structures().tobytes()
    assert structures["IP"].tolist() == structures["ip"].tolist()
    assert set(structures["one"].tolist()) == {1.0}
    assert structures["registers"][3, 1] == 4.0
    assert structures["global_id"].tolist() == list(range(20))


@pytest.mark.parametrize("layout", CHOICES["layout"])
def test_the_trace_of_a_vm(layout):
    program = assembled(COUNTDOWN, 20)
    expected = started(program, engine=ReferenceEngine)
    engine = started(program, settings=Settings(layout=layout))
    assert engine.traced().count == 0
    engine.trace(13, 12)
    engine.run(3)
    engine.run(7)
    assert engine.traced().count == 10
    engine.run(30)
    traced = engine.traced()
    assert traced.count == 12  # there was room for no more
    for number in range(12):
        expected.run(1)
        assert same(traced.words[1:, number], expected.vm(13).words[1:, 0]).all(), number
    expected.run(100)
    assert same(engine.vm(13).words[1:, 0], expected.vm(13).words[1:, 0]).all()
    engine.trace(0, 0)
    assert engine.traced().count == 0


def test_back_to_what_was_saved():
    for settings in (Settings(), Settings(layout="aos"), Settings(storage="f16")):
        engine = started(assembled(CALLS, 5), settings=settings)
        before = engine.run(13)
        saved = engine.save()
        vms, shared = engine.vms().words, engine.shared()
        after = engine.run(100)
        last = engine.vms().words
        engine.restore(saved)
        assert engine.run(0) == before
        assert (engine.vms().words == vms).all()
        assert (engine.shared() == shared).all()
        assert engine.run(100) == after
        assert (engine.vms().words == last).all()


def test_halves_are_stored_as_halves():
    program = assembled("SETI r0, 0.1\nMULI r1, r0, 3\nSTORE r1, 2\nHALT", 1000)
    engine = started(program, settings=Settings(storage="f16"))
    full = started(program)
    engine.run(10)
    tenth = np.float16(0.1)
    product = np.float16(np.float32(tenth) * np.float32(3))
    assert engine.vms().floats[1, 7] == np.float32(tenth)
    assert engine.vms().floats[[2, 7], 7].tolist() == [float(product)] * 2
    rows = full.cells.words - engine.cells.words
    assert rows == (4 + 3) - 4  # four registers, and the three words that the program names


def test_words_that_no_instruction_names_take_no_room():
    short = started(assembled("STORE r0, 1\nHALT", 100, state="S64"))
    long = started(assembled("STORE r0, 45\nHALT", 100, state="S64"))
    assert long.cells.words - short.cells.words == 44
    assert short.vms().words.shape == long.vms().words.shape
    short.run(10)
    assert not short.vms().words[19:63].any()


# Limits -------------------------------------------------------------------------------------------


def test_a_program_that_is_too_large(device):
    """It is refused before anything is made for it."""
    program = assembled("STORE r0, 45\nHALT", 10**7, state="S64")
    view = FleetView.of(program)
    with pytest.raises(Diagnostic, match="LW2203: the buffer of states of VMs needs") as caught:
        EpochEngine(view, Settings())
    fit = int(caught.value.help.split()[0].replace(",", ""))
    assert fit == device.largest // (4 * (9 + 62))
    shared = assembled("HALT", 1, 2**30)
    with pytest.raises(Diagnostic, match="LW2203: the buffer of shared memory") as caught:
        EpochEngine(FleetView.of(shared), Settings())
    assert "less shared memory" in caught.value.help


def test_memory_is_known_before(device):
    program = assembled(COUNTDOWN, 10_000)
    view = FleetView.of(program)
    known = engines.estimate("epoch", view, Settings())
    engine = started(program)
    buffers = sum(buffer.size for buffer in engine.on.buffers.values())
    assert buffers <= known <= 4 * buffers  # all VMs are looked at on the host too
    assert engines.estimate("epoch", view, Settings(layout="aos")) > known
    deep = FleetView.of(assembled("again:\nCALL again\nHALT", 10_000))
    flat = FleetView.of(assembled("again:\nJUMP again\nHALT", 10_000))
    more = engines.estimate("epoch", deep, Settings()) - engines.estimate("epoch", flat, Settings())
    assert more == 10_000 * 16 * 4


def test_a_device_that_is_lost_in_the_middle():
    own = gpu.Gpu(gpu.pick())
    program = assembled("again:\nADDI r0, r0, 1\nJUMP again", 100)
    turns = []

    def between():
        turns.append(1)
        if len(turns) == 4:
            own.destroy()

    engine = started(program, device=own, between=between)
    with pytest.raises(Trap, match=r"LW2202: the device of .* was lost while"):
        engine.run(10**6)
    assert len(turns) == 4
    assert own.lost
    engine.close()


@pytest.mark.parametrize("engine", ["wgsl", "epoch"])
def test_a_run_is_repeated_on_the_reference(engine, monkeypatch):
    own = gpu.Gpu(gpu.pick())
    monkeypatch.setattr(gpu, "device", lambda wanted="": own)
    program = assembled(COUNTDOWN, 100)
    runner = program.bind("auto", adapter="0", compose=engine == "epoch")
    assert runner.engine == engine
    runner()
    own.destroy()
    monkeypatch.setattr(runners, "_noticed", set())
    with pytest.warns(UserWarning, match="graphics device was lost"):
        result = runner()
    assert result.stats["engine"] == "reference"
    assert runner.vms.floats[2, 7] == 14.0
    asked = program.bind(engine)
    with pytest.raises(Trap, match="LW2202"):
        asked()


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
def test_a_run_is_repeated_from_its_beginning(monkeypatch):
    """What phases have written before the device was lost is not there."""
    own, calls, call = gpu.Gpu(gpu.pick()), [], WGSLEngine._call

    def once(*given):
        calls.append(1)
        if len(calls) == 2:
            own.destroy()
        return call(*given)

    monkeypatch.setattr(gpu, "device", lambda wanted="": own)
    monkeypatch.setattr(WGSLEngine, "_call", once)
    monkeypatch.setattr(runners, "_noticed", set())
    program = lw.fleet.assemble(
        ".buffer x, 0, 8, inout\n"
        ".routine more\nVMID r0\nREAD r1, r0\nADDI r1, r1, 1\nWRITE r0, r1\nHALT\n"
        ".routine last\nCLEAR r0\nVMID r1\nWRITE r0, r1\nHALT\n"
        ".phase\n.launch more, 8\n.phase\n.launch last, 8\n"
    )
    runner = program.bind("auto", adapter="0")
    assert runner.engine == "wgsl"
    with pytest.warns(UserWarning, match="graphics device was lost"):
        result = runner(x=np.arange(8) * 10)
    assert len(calls) == 2
    assert result.stats["engine"] == "reference"
    assert result["x"].tolist() == [7, 11, 21, 31, 41, 51, 61, 71]


@pytest.mark.timeout(120, method="thread")
def test_interrupted_and_used_again(ctrl_c):
    runner = assembled("again:\nADDI r0, r0, 1\nJUMP again", 1000).bind("epoch", Limits(fuel=10**9))
    for _ in range(2):
        ctrl_c.press(0.2)
        with pytest.raises(KeyboardInterrupt):
            runner()
    short = assembled("again:\nADDI r0, r0, 1\nJUMP again", 1000).bind(
        "epoch", Limits(deadline=0.1)
    )
    with pytest.raises(Trap, match="LW2001"):
        short()


def test_a_runner_names_the_adapter(device):
    result = assembled(COUNTDOWN, 100).run(engine="epoch")
    assert result.stats["adapter"] == str(device.adapter)
    assert result.stats["epochs"] == 2 + 4 * 7 + 1
    with pytest.raises(Diagnostic, match="LW2201"):
        assembled(COUNTDOWN, 100).bind("epoch", adapter="no such adapter")()


def test_whole_programs_of_several_phases():
    text = """
    .machine fleet
    .shared 512
    .routine fill
        SYSCALL_VMID r0
        VMCOUNT r1
        SYSCALL_WRITE r0, r1
        STORE r0, 4
        HALT
    .routine more
        SYSCALL_VMID r0
        LOAD r1, 4
        ADD r0, r0, r1
        SYSCALL_WRITE r0, r1
        RAND r2
        HALT
    .phase wait_all
        .launch fill, 100, keep=first
        .launch fill, 20, strided, 100, 3
    .phase none
        .launch more, 100, resume=first
    .phase wait_any
        .launch more, 50, custom, 10
        .launch fill, 1, contiguous, 300
    .phase wait_all
        .launch more, 7
    """
    program = lw.fleet.assemble(text, "test.lasm")
    program.verify()
    for layout in CHOICES["layout"]:
        check(program, layout=layout, cut=7)


FORKED = """
    import os, signal, sys, threading, warnings
    import numpy as np
    import lanework as lw

    TEXT = ".machine fleet\\n.buffer a, 0, 4, inout\\n.routine main\\n VMID r0\\n READ r1, r0\\n" \\
        " ADDI r1, r1, 1\\n WRITE r0, r1\\n HALT\\n.phase wait_all\\n .launch main, 4\\n"
    program = lw.fleet.assemble(TEXT)
    runs = {name: program.bind(name) for name in ("epoch", "reference")}
    given = np.arange(4.0)
    for run in runs.values():
        assert (run(a=given)["a"] == given + 1).all()
    end = threading.Event()

    def work():
        while not end.is_set():
            runs["epoch"](a=given)

    thread = threading.Thread(target=work)
    thread.start()
    for n in range(5):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            warnings.simplefilter("ignore")
            for make in (lambda: runs["epoch"], lambda: program.bind("epoch")):
                try:
                    make()(a=given)
                except lw.LaneworkError as error:
                    assert "forked" in str(error) and "spawn" in str(error), error
                else:
                    os._exit(3)
            for run in (runs["reference"], program.bind()):
                assert (run(a=given)["a"] == given + 1).all()
            runs["epoch"].close()
            runs.clear()
            sys.exit(5)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 5:
            end.set()
            sys.exit("a child failed")
    end.set()
    thread.join()
    assert (runs["epoch"](a=given)["a"] == given + 1).all()
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_child_of_a_fork_says_why_it_has_no_gpu():
    command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(FORKED)]
    done = subprocess.run(command, capture_output=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_vms_like_those_before_take_as_many_rounds_at_once(monkeypatch):
    """The second step knows how long the first one was, and what comes out stays the same."""
    text = ONE.format(state="S22", shared=8, epsilon=0.0, body=COUNTDOWN, count=8)
    text = text.replace(".phase", ".repeat 3\n.phase") + ".end\n"
    engine = EpochEngine(FleetView.of(lw.fleet.assemble(text)), Settings())
    rounds = []
    submit = EpochEngine._submit

    def counted(self, some, epochs, fuel):
        rounds.append(some)
        return submit(self, some, epochs, fuel)

    monkeypatch.setattr(EpochEngine, "_submit", counted)
    monkeypatch.setattr(epoch, "TURN", 1e9)  # however slow the machine is
    view, epochs = engine.view, []
    for number, step in enumerate(view.allocation.steps):
        engine.begin(np.zeros(view.shared, np.uint32))
        rounds.clear()
        for allocated in step:
            engine.launch(allocated)
        epochs.append(engine.run(1000).epochs)
        assert rounds == ([32] if number else [1, 2, 4, 8, 16, 32])
    assert epochs == [31] * 3
    engine.close()
