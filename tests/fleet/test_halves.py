"""Whole phases in half precision: the same as the reference to the bit, for any numbers."""

import numpy as np
import pytest
from alike import ENGINES

import lanework as lw
from lanework.core.program.isa import OperandKind
from lanework.engines.gpu import halves
from lanework.engines.lanes.program import Branch, Copy
from lanework.engines.llvm import jit
from lanework.machines.fleet.check.snapshots import COUNTS, Case, outcome, snapshots
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.engine import CHOICES, Settings
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.steps import Groups
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.runtime import choice
from lanework.machines.fleet.state import PROFILES

SIZES = [0.0, 2.0**-24, 2.0**-14 - 2.0**-24, 0.1, 1.0, 7.25, 2048.0, 65504.0, np.inf, np.nan]
BETWEEN = [2.0**-25, 2.0**-25 + 2.0**-45, 1e-45, 2049.0, 2051.0, 65519.0, 65520.0, -65520.0, 3e38]
NUMBERS = np.array([*SIZES, *(-x for x in SIZES), *BETWEEN], np.float32)
"""Numbers of half precision, and others: between two of them, and beyond."""
WORDS = np.concatenate([NUMBERS.view(np.uint32), np.array([0x7F800001, 0xFFC12345], np.uint32)])
PAIRS = [each.ravel() for each in np.meshgrid(WORDS, WORDS)]
COUNT = len(PAIRS[0])


def ran(name, program, shared, **settings):
    """A program on an engine, nobody having looked whether numbers stay in half precision."""
    view, settings = FleetView.of(program), Settings(storage="f16", **settings)
    engine = choice.make(name, view, settings)
    try:
        if name != "reference":
            assert engine.groups.all
        return snapshots(engine, Case(program, shared, settings, 100_000))[-1]
    finally:
        engine.close()


def alike(program, shared, engines=ENGINES, **settings):
    """The same on these engines as on the reference, which is what comes out."""
    words = np.asarray(shared).view(np.uint32)
    case = Case(program, words, Settings(storage="f16", **settings), 1)
    with np.errstate(all="ignore"):
        expected = ran("reference", program, words, **settings)
    for name in engines:
        actual = ran(name, program, words, **settings)
        assert outcome(case, expected, actual) is None, name
        if expected.stop == "done":
            assert (unsigned(expected.shared) == unsigned(actual.shared)).all(), name
            assert (unsigned(expected.vms) == unsigned(actual.vms)).all(), name
    return expected


def unsigned(words):
    """NaN without the sign, which is nobody's."""
    return np.where(np.isnan(words.view(np.float32)), words & 0x7FFFFFFF, words)


def every_instruction():
    """All that compute, some in a program: on each pair, with results in the VM's own memory."""
    profile = PROFILES["S64"]
    make = {name: info.make for name, info in FLEET.by_name.items()}
    names = [each.name for each in FLEET.by_name.values() if each.kernel < Kernel.BRANCH]
    given = {"dest": 0, "src": 1, "src1": 1, "src2": 2, "src3": 3, "cond": 2, "word": 0, "from": 1}
    begin = [make["SYSCALL_VMID"](dest=0), make["SYSCALL_READ"](dest=1, addr=0)]
    begin += [make["ADDI"](dest=0, src=0, imm=int(np.float32(COUNT).view(np.uint32)))]
    begin += [make["SYSCALL_READ"](dest=2, addr=0), make["STORE"](src=1, word=1)]
    begin += [make["FMOD"](dest=3, src1=1, src2=2)]
    for first in range(0, len(names), profile.memory - 2):
        code = list(begin)
        for n, name in enumerate(names[first : first + profile.memory - 2]):
            info = FLEET.by_name[name]
            values = {spec.name: given[spec.name] for spec in info.operands if spec.name != "imm"}
            if any(spec.name == "imm" for spec in info.operands):
                values["imm"] = int(WORDS[(first + 7 * n) % len(WORDS)])
            code += [make["CLEAR"](dest=0), make[name](**values)]
            if any(spec.kind is OperandKind.WORD for spec in info.operands):
                code.append(make["LOAD"](dest=0, word=0))
            code.append(make["STORE"](src=0, word=2 + n))
        code.append(make["SYSCALL_HALT"]())
        plan = Plan((Phase("wait_all", (Launch(0, COUNT),)),), (0,))
        yield package(code, [Routine("main", 0, len(code))], plan, state="S64", shared=2 * COUNT)


@pytest.mark.parametrize(
    "engine", [*ENGINES, "llvm without instructions for halves", "wgsl with numbers of 16 bits"]
)
def test_every_instruction_on_special_values(engine, monkeypatch):
    if engine not in ENGINES:
        monkeypatch.setattr(jit, "halves", lambda: False)
        monkeypatch.setattr(halves, "own", lambda device: True)
    assert COUNT < 2048 // 2  # above, numbers of VMs are not exact
    for program in every_instruction():
        program.verify()
        alike(program, np.concatenate(PAIRS), [engine.split()[0]])


CONSTANTS = (1.0, 0.1, 2.0**-26, 2049.0, float("inf"))
WAYS = [
    "MOV r3, r1",
    "CMP r3, r1, r2",
    "CMP r3, r3, r2",
    *(f"SUBI r3, r1, {x!r}" for x in CONSTANTS),
]


def branching(test, epsilon):
    """A program that tests numbers and differences that have just been taken."""
    parts = [
        f"MOV r3, r1\n{way}\nBRANCH_{test} r3, l{k}\nADDI r4, r4, {2**k}\nl{k}:"
        for k, way in enumerate(WAYS)
    ]
    text = [f".state S32\n.shared {2 * COUNT}\n.epsilon {epsilon}\n.routine main\nVMID r0"]
    text += [f"READ r1, r0\nADDI r5, r0, {COUNT}\nREAD r2, r5", *parts, "WRITE r0, r4\nHALT"]
    return lw.fleet.assemble("\n".join([*text, f".phase\n.launch main, {COUNT}"]))


@pytest.mark.parametrize("test", ["EQ", "NE", "LT", "GT", "LE", "GE"])
def test_branches_on_differences(test):
    """What is left of a small one is 0 where an operand is none of half precision."""
    for epsilon in (0.0, 1e-6)[: 1 + (test in ("EQ", "NE"))]:
        taken = alike(branching(test, epsilon), np.concatenate(PAIRS)).shared[:COUNT]
        assert len(np.unique(taken)) > 5


def test_differences_of_halves_are_compared():
    """Where nothing can be left of them but their sign."""
    lowered = Lowering(FleetView.of(branching("LT", 0.0)), Form(0, half=True)).program()
    asked = [block.end.args for block in lowered.blocks if isinstance(block.end, Branch)]
    assert [len(args) for args in asked] == [1, 2, 2, 2, 1, 1, 1, 2]


COUNTED = """
.shared 9000
.routine main
    VMID r0
    SETI r3, {turns}
again:
    MULI r1, r0, {factor}
    SUBI r3, r3, 1
    ADD r2, r2, r3
    BRANCH_GT r3, again
    HALT
.phase
    .launch main, 40
"""


@pytest.mark.parametrize(
    ("turns", "factor", "rounded"), [(2000, 52, 1), (9, 53, 2), (9, 0.3, 2), (3000, 3, 2)]
)
def test_small_whole_numbers_are_not_rounded(turns, factor, rounded):
    """39 times 52 is one; what is counted from 3,000 on is none; a sum in a loop is not known."""
    program = lw.fleet.assemble(COUNTED.format(turns=turns, factor=factor))
    lowered = Lowering(FleetView.of(program), Form(0, half=True)).program()
    steps = [step for block in lowered.blocks for step in block.steps]
    assert sum(isinstance(step, Copy) and step.half for step in steps) == rounded
    if turns < 3000:  # which would not end
        alike(program, np.zeros(9000, np.float32))


OWN = """
.state S22
.shared 400
.routine main
    VMID r0
    RAND r2
    MULI r2, r2, 3.3
    READ r1, r0
    ADD r1, r1, r2
    ATOMIC_ADD r3, r0, r1
    STORE r3, 1
    CALL twice
    ADDI r1, r0, 200
    WRITE r1, r2
    HALT
twice:
    MUL r2, r2, r3
    RETURN
.routine again
    VMCOUNT r1
    LOAD r2, 1
    DIV r2, r2, r1
    VMID r0
    WRITE r0, r2
    HALT
.phase
    .launch main, 150, keep k
.phase
    .launch again, 150, resume k
"""


def test_memory_is_single_and_what_is_read_of_it_half():
    rng = np.random.default_rng(5)
    shared = rng.normal(0, 100, 400).astype(np.float32)
    expected = alike(lw.fleet.assemble(OWN), shared)
    assert not np.isin(expected.shared[200:350].view(np.float32) % 1, [0]).all()


def test_numbers_of_many_vms_are_rounded():
    """Where they read, too; VMs that others see run in epochs."""
    text = ".shared 3000\n.routine main\nVMID r0\nREAD r1, r0\nHALT\n.phase\n.launch main, 3000"
    last = alike(lw.fleet.assemble(text), np.arange(3000, dtype=np.float32))
    assert last.vms[1:3, 2051].view(np.float32).tolist() == [2052.0, 2052.0]


STARTED = """
.shared 200
.spawn 60
.routine main
    VMID r0
    READ r1, r0
    MULI r1, r1, 1.37
    SPAWN r3, child, r1
    HALT
.routine child
    VMID r1
    MULI r2, r0, 0.3
    WRITE r1, r2
    HALT
.phase
    .launch main, 50
"""


def test_vms_that_others_start_have_halves():
    numbers = np.linspace(-30, 30, 200, dtype=np.float32)
    last = alike(lw.fleet.assemble(STARTED), numbers, ["llvm"])
    right = numbers[:50].astype(np.float16).astype(np.float32)
    for factor in (1.37, 0.3):
        right = (right * np.float32(factor)).astype(np.float16).astype(np.float32)
    assert (last.shared[50:100].view(np.float32) == right).all()


NOWHERE = """
.shared 200
.routine main
    VMID r0
    READ r1, r0
    SETI r2, 1
    MAX r1, r1, r2
    MUL r1, r1, r1
    MULI r2, r1, 0
    READ r3, r2
    ADDI r0, r0, 100
    WRITE r0, r3
    HALT
.phase
    .launch main, 100
"""


@pytest.mark.parametrize("bounds", ["count", "fault"])
def test_numbers_beyond_half_precision_are_no_addresses(bounds):
    """Infinity times 0 is NaN, although any float times 0 is 0."""
    shared = np.linspace(0, 999, 200, dtype=np.float32)
    last = alike(lw.fleet.assemble(NOWHERE), shared, bounds=bounds)
    outside = last.counts[COUNTS.index("reads_outside")]
    assert outside > 40 if bounds == "count" else last.stop.startswith("LW6022")


INPLACE = """
.buffer x, 0, {n}, inout, range -10 10
.routine main
    VMID r0
    READ r1, r0
    SIN r1, r1
    WRITE r0, r1
    HALT
.phase
    .launch main, {n}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_what_runs_whole_is_said(engine):
    def said(n, **more):
        return lw.fleet.assemble(INPLACE.format(n=n)).bind(engine, storage="f16", **more).explain()

    assert "phase 0: VMs are independent" in said(2048)
    assert "reference" not in said(2048)
    assert "traps of arithmetic are for other engines" in said(9, arithmetic="trap")
    with pytest.raises(lw.Diagnostic, match="LW6012"):  # their numbers would be rounded
        said(2050)
    view = FleetView.of(lw.fleet.assemble(INPLACE.format(n=2050)))
    assert Groups(view, Settings()).why(0) == ""
    assert "another writes" in Groups(view, Settings(storage="f16")).why(0)


def test_shaders_have_numbers_of_16_bits_where_these_are_right(monkeypatch):
    view = FleetView.of(lw.fleet.assemble(INPLACE.format(n=9)))
    monkeypatch.setattr(halves, "own", lambda device: True)
    for storage in CHOICES["storage"]:
        engine = choice.make("wgsl", view, Settings(storage=storage))
        (shader,) = engine._shaders
        assert shader.text.startswith(halves.ENABLE) == (storage == "f16")
        assert (halves.OWN in shader.text) == (storage == "f16")
        engine.close()
