"""Every op at special values on every engine; random programs; stencils against the op bodies."""

import itertools

import numpy as np
import pytest
from campaigns import campaign

from lanework.base.errors import Diagnostic
from lanework.core.ops.table import INTEGER
from lanework.core.program.asm import assemble
from lanework.machines.register.binding import ExternalTable
from lanework.machines.register.check import fuzz
from lanework.machines.register.isa import REGISTER
from lanework.machines.register.layout import RegisterView
from lanework.machines.register.native.bodies import BODIES
from lanework.machines.register.reference.interpret import STEPS
from lanework.machines.register.state import RegisterBank

WORDS = [0, 1, 2, 63, 64, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
WORDS += [int(np.float64(x).view(np.uint64)) for x in (1.0, -1.5, 5e-324, 1e308, np.inf, np.nan)]
WORDS += [0x8000000000000000 ^ 0x7FF0000000000000, 0x43E0000000000000, 0xFFF8000000000001]
ENGINES = ("reference", *fuzz.ENGINES)
PURE = [i for i in REGISTER.by_name.values() if i.elementwise is not None and i.group != "branch"]
SPREADS = [(0, 1, 2), (3, 3, 3), (12, 1, 2), (1, 12, 2), (1, 2, 12), (20, 21, 22)]
TABLE = ExternalTable({})


def outcome(name, program, values, wanted):
    view = RegisterView.of(program)
    engine = fuzz.engine_of(name, program, TABLE)
    actual = []
    for row in values:
        bank = RegisterBank(view)
        for register, word in row.items():
            bank.words[register] = word
        engine.run(bank)
        actual.append(bank.words[wanted])
    return actual


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("info", PURE, ids=lambda info: info.name)
def test_op_at_special_values(info, name):
    """With operands pinned, in the state, mixed, and the same."""
    op = info.elementwise
    for rd, a, b in SPREADS[:2] if name in ("llvm", "reference", "native") else SPREADS:
        if info.wide:
            for number in (0, 1, -1, 63, 64, 2**31 - 1, -(2**31)):
                program = assemble(f"{info.name} r{rd}, r{a}, {number}\nhalt")
                actual = outcome(name, program, [{a: word} for word in WORDS], rd)
                assert actual == [_value(op, word, number) for word in WORDS], number
            continue
        names = ", ".join(f"r{n}" for n in (rd, a, b)[: 1 + len(info.operands)])
        program = assemble(f"{info.name} {names}\nhalt")
        pairs = [(x, y) for x, y in itertools.product(WORDS, WORDS) if a != b or x == y]
        if info.name in ("div", "mod"):
            pairs = [(x, y) for x, y in pairs if y]
        rows = [{rd: z, a: x, b: y} for (x, y), z in zip(pairs, itertools.cycle(WORDS[1:]))]
        read = [a, b][: len(info.operands)]
        read += [rd] * (len(op.operands) - len(read))  # an accumulator
        actual = outcome(name, program, rows, rd)
        assert actual == [_value(op, *(row[n] for n in read)) for row in rows]


def _value(op, *words):
    signed = [word - 2**64 if word >= 2**63 else word for word in words]
    return int(op.evaluate(*signed)) % 2**64


@pytest.mark.parametrize("seeds", campaign(20_000, 2500, daily=5000, quick=1000))
def test_random_programs_agree(seeds):
    for seed in seeds:
        assert fuzz.check_seed(seed) is None


@pytest.mark.parametrize("seeds", campaign(150, 50, daily=50, quick=50))
def test_random_programs_agree_with_llvm(seeds):
    for seed in seeds:
        assert fuzz.check_seed(seed, ("llvm",)) is None


def test_the_fuzzer_sees_a_difference(monkeypatch):
    """With an engine whose external function does something else."""
    real = fuzz.engine_of

    def engine_of(name, program, table):
        other = ExternalTable({0: lambda registers: None})
        return real(name, program, table if name == "reference" else other)

    monkeypatch.setattr(fuzz, "engine_of", engine_of)
    actual = fuzz.compare(assemble("ext 0\nhalt"), 1, ("native",))
    assert actual is not None
    assert actual.what.startswith("r1 is")


def test_every_op_on_words_is_used():
    used = {info.elementwise.name for info in REGISTER.by_name.values() if info.elementwise}
    assert set(INTEGER) - used == {"random"}


def test_random_programs_read_back_from_their_listing():
    for seed in range(300):
        program = fuzz.program_of(seed)
        assert assemble(program.dis()).hash == program.hash, seed


def test_tapes_are_written_in_one_way_only():
    """Any change of a bit gives another valid instruction, or is refused with a code."""
    tape = assemble("load.d r1, [r2 + 8]\nadd r1, r2, r3\nmov r4, -7\nhalt").tape
    for bit in range(len(tape) * 8):
        changed = bytearray(tape)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            code = REGISTER.decode(bytes(changed))
        except Diagnostic as problem:
            assert problem.code.ident == "LW1001"
        else:
            assert REGISTER.encode(code) == bytes(changed)


@pytest.mark.parametrize("table", [STEPS, BODIES], ids=["reference", "native"])
def test_every_instruction_has_a_function(table):
    assert not table.missing
    assert set(table) == set(REGISTER.by_name)


@pytest.mark.parametrize("name", ENGINES)
def test_a_target_that_is_read_is_read_where_it_is(name):
    """In a pinned register, or in the state, after it was written; and it is an input."""
    for rd in (2, 12):
        program = assemble(f"fadd r{rd}, r{rd}, r{rd}\nfma r{rd}, r0, r1\nhalt")
        assert [port.name for port in program.inputs] == ["r0", "r1", f"r{rd}"]
        two, three, five, sixteen = (int(np.float64(x).view("u8")) for x in (2, 3, 5, 16))
        assert outcome(name, program, [{0: two, 1: three, rd: five}], rd) == [sixteen]
