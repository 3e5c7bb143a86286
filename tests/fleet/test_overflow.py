"""`arithmetic="trap"`: finite operands without a finite result stop a VM, whatever computes it."""

import numpy as np
import pytest
from oracle import bits

import lanework as lw
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import Fault

pytestmark = pytest.mark.filterwarnings(  # what is lost is what is tested
    "ignore::lanework.machines.fleet.runtime.losses.LossNotice"
)

VALUES = [0.0, -0.0, 1.0, -1.5, 1e-40, 2e38, -2e38, 3.4e38, np.inf, -np.inf, np.nan]
WORDS = np.array([*map(bits, VALUES), 7, 2**32 - 1], np.uint32)
PAIRS = np.array([(a, b) for a in WORDS for b in WORDS], np.uint32)
NUMBERS = [bits(x) for x in (3.4e38, 2.0, np.inf, 1.0, 0.0)]  # of instructions that have one
ORDERED = {each.name: each for each in FLEET.by_name.values() if each.atomic}
COMPUTES = {each.name: each for each in FLEET.by_name.values() if each.kernel < Kernel.BRANCH}
# What only moves bits, and what computes on integers, whatever floats these would be.
COPIES = {"MOV", "SETI", "LOAD", "STORE", "COPY", "CLEAR", "SELECT", "RAND", "RAND1"}
COPIES |= {"ATOMIC_CAS", "ATOMIC_IXCH"}
INTEGERS = {
    name
    for name, each in {**COMPUTES, **ORDERED}.items()
    for op in (each.elementwise or each.updates,)
    if op is not None and op.dtypes == ("i32",)
}


def cases():
    """Each instruction, once for each number that it may have."""
    for name, info in {**COMPUTES, **ORDERED}.items():
        numbers = NUMBERS if any(s.kind is OperandKind.PATTERN for s in info.operands) else [None]
        yield from ((name, number) for number in numbers)


CASES = list(cases())


def everything():
    """A routine for each case, with a VM for each pair of operands; the word of each, as it began.

    A VM leaves the result in its word; an atomic works on that word.
    """
    count, code, routines = len(PAIRS), [], []
    make = {name: info.make for name, info in FLEET.by_name.items()}
    given = {"dest": 0, "src": 1, "src1": 1, "src2": 2, "src3": 2, "cond": 2, "word": 3, "from": 5}
    for number, (name, imm) in enumerate(CASES):
        info, start, base = FLEET.by_name[name], len(code), (2 + number) * count
        own = given | ({"addr": 4, "src": 2, "src1": 1} if name in ORDERED else {})
        values = {spec.name: own.get(spec.name, imm) for spec in info.operands}
        code += [
            make["IVMID"](dest=3),
            make["IREAD"](dest=1, addr=3),
            make["SETI"](dest=0, imm=count),
            make["IADD"](dest=3, src1=3, src2=0),
            make["IREAD"](dest=2, addr=3),
            make["STORE"](src=2, word=5),
            make["SETI"](dest=0, imm=base - count),
            make["IADD"](dest=3, src1=3, src2=0),
            make["UTOF"](dest=4, src=3),
            make[name](**values),
        ]
        if any(spec.kind is OperandKind.WORD for spec in info.operands):
            code.append(make["LOAD"](dest=0, word=3))
        if name not in ORDERED:
            code.append(make["IWRITE"](addr=3, src=0))
        code.append(make["SYSCALL_HALT"]())
        routines.append(Routine(f"{name}_{number}", start, len(code) - start))
    launches = tuple(Launch(n, count) for n in range(len(CASES)))
    plan = Plan((Phase("wait_all", launches),), (0,))
    program = package(code, routines, plan, state="S32", shared=count * (2 + len(CASES)))
    shared = np.concatenate([PAIRS[:, 0], PAIRS[:, 1], np.tile(PAIRS[:, 0], len(CASES))])
    return program, shared.astype(np.uint32)


def ran(program, shared, engine, **settings):
    """Shared memory and faults, a row for each case."""
    with program.bind(engine, on_fault="go on", **settings) as runner:
        runner(shared=shared.view(np.float32))
        words = runner.shared.view(np.uint32)[2 * len(PAIRS) :]
        faults = runner.vms.row("fault")
    return words.reshape(len(CASES), -1), faults.reshape(len(CASES), -1)


def finite(words):
    return np.isfinite(np.asarray(words, np.uint32).view(np.float32))


def expected(plain):
    """Which VMs fault: by the results of IEEE 754, and what of them is computed on floats."""
    out = np.zeros(plain.shape, bool)
    for number, (name, imm) in enumerate(CASES):
        if name in COPIES or name in INTEGERS:
            continue
        info = FLEET.by_name[name]
        two = sum(spec.name.startswith("src") for spec in info.operands) > 1 or name in ORDERED
        sound = finite(PAIRS[:, 0]) & (finite(PAIRS[:, 1]) | (not two))
        sound &= imm is None or bool(finite([imm])[0])
        out[number] = sound & ~finite(plain[number])
    return out


@pytest.fixture(scope="module")
def known():
    """The program, what shared memory holds, and what it does without traps."""
    program, shared = everything()
    return program, shared, ran(program, shared, "reference")[0]


def check(known, engine, **settings):
    program, shared, plain = known
    words, faults = ran(program, shared, engine, arithmetic="trap", **settings)
    right = expected(plain)
    for number, (name, imm) in enumerate(CASES):
        bad = np.flatnonzero((faults[number] == Fault.BAD_VALUE) != right[number])
        assert not len(bad), (name, imm, PAIRS[bad[0]].view(np.float32))
        kept = shared[: len(PAIRS)]  # what faults changes nothing
        after = np.where(right[number], kept, plain[number])
        same = (words[number] == after) | (~finite(words[number]) & ~finite(after))
        assert same.all(), (name, imm, PAIRS[np.flatnonzero(~same)[0]].view(np.float32))


@pytest.mark.parametrize("compose", [False, True])
def test_every_instruction_that_computes_traps(known, compose):
    check(known, "reference", compose=compose)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"layout": "aos", "format": "dense"}, {"compose": True, "format": "csr"},
     {"io": "fast", "format": "bsr"}],
)  # fmt: skip
def test_every_instruction_that_computes_traps_on_a_gpu(known, gpu, settings):
    check(known, "epoch", **settings)


def test_each_kind_of_instruction_is_among_them(known):
    trapping = {name for (name, _), row in zip(CASES, expected(known[2]), strict=True) if row.any()}
    assert {"ADD", "SUB", "ADDI", "SUBI", "SCALE", "MUL", "MULI", "DIV", "ATOMIC_ADD"} <= trapping
    computing = {each.name for each in FLEET.by_name.values() if each.may_overflow}
    assert trapping <= computing
    assert not computing & (COPIES | INTEGERS)
    assert {"NEG", "ABS", "MIN", "FLOOR", "ATOMIC_MIN"}.isdisjoint(trapping)


SUM = """
.state S32
.shared 2
.routine main
    VMID r1
    SETI r3, 2e38
    ATOMIC_ADD r4, r1, r3
    ATOMIC_ADD r5, r0, r3
    HALT
.phase
    .launch main, 2
"""


@pytest.mark.parametrize("again", [1, 3])
def test_several_that_add_to_one_word(again):
    """Each that overflows stops with the word as it was; at once or one after another."""
    program = lw.fleet.assemble(SUM)
    with program.bind("reference", arithmetic="trap", on_fault="go on") as runner:
        for _ in range(again):
            result = runner()
            assert result["shared"].tolist() == [np.float32(2e38)] * 2
            assert result.stats["faults"] == 2
            assert runner.vms.floats[6].tolist() == [0.0, 0.0]
    with pytest.raises(lw.Trap, match="ATOMIC_ADD r5, r0, r3") as caught:
        program.bind("reference", arithmetic="trap")()
    assert caught.value.code.ident == "LW6025"
    assert program.run(engine="reference")["shared"][0] == np.inf


RUN = """
.shared 2
    SETI r1, 3e38
    MOV r2, r1
    {line}
    MOV r3, r1
    WRITE r0, r1
    HALT
"""


@pytest.mark.parametrize("compose", [False, True])
@pytest.mark.parametrize(
    "line", ["ADD r1, r1, r2", "SUB r1, r1, r3\n    ADDI r1, r1, 3e38", "SCALE r1, r1, 10",
             "ADD r1, r1, r1", "SUBI r1, r1, -3e38", "SCALE r1, r1, -1e5"],
)  # fmt: skip
def test_a_fault_names_the_instruction_that_computed(compose, line):
    """Composed or not: it stands at its own line, and nothing after it is done."""
    program = lw.fleet.assemble(RUN.format(line=line))
    with program.bind("reference", arithmetic="trap", compose=compose) as runner:
        with pytest.raises(lw.Trap) as caught:
            runner()
        assert caught.value.code.ident == "LW6025"
        assert line.split("\n")[-1].strip() in str(caught.value)
        assert runner.vms.floats[2].tolist() == [np.float32(3e38)]
    assert program.bind("reference", compose=compose)()["shared"][0] in (np.inf, -np.inf)


def test_infinities_that_are_given_go_on():
    """Only finite operands trap: an infinity or an integer has come from elsewhere."""
    program = lw.fleet.assemble(
        "READ r1, r0\nADD r2, r1, r1\nSCALE r2, r1, 2\nADDI r2, r1, 1\nWRITE r0, r2\nHALT\n"
        ".shared 1"
    )
    for value in (np.inf, -np.inf, np.nan):
        result = program.bind("reference", arithmetic="trap")(shared=[value])
        assert not np.isfinite(result["shared"][0])
