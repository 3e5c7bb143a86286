"""Damaged program files: a code and a sentence, or another program that the gate lets through."""

import hashlib
import random
import tracemalloc

import msgspec
import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.container import _HEAD, dumps
from lanework.core.program.program import ListingEntry, Program, loads
from lanework.machines.fleet import plan as plans
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices import storage
from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine
from lanework.machines.fleet.reference.engine import ReferenceEngine
from lanework.machines.fleet.state import PROFILES


def golden():
    """A program with something of everything."""
    by = FLEET.by_name
    code = [
        by["SYSCALL_VMID"].make(dest=0),
        by["SYSCALL_READ"].make(dest=1, addr=0),
        by["CALL"].make(target=9),
        by["BRANCH_LT"].make(cond=1, target=6),
        by["SYSCALL_SPAWN"].make(dest=3, target=11, src=1),
        by["ATOMIC_CAS"].make(dest=2, addr=0, src1=1, src2=3),
        by["SYSCALL_WRITE"].make(addr=0, src=1),
        by["STORE"].make(src=1, word=15),
        by["SYSCALL_HALT"].make(),
        by["MULI"].make(dest=1, src=1, imm=0x40490FDB),
        by["RETURN"].make(),
        by["RAND"].make(dest=1),
        by["SYSCALL_KILL"].make(),
    ]
    phases = (
        Phase("wait_any", (Launch(0, 3, keep="k"), Launch(0, 2, "strided", 4, 2))),
        Phase("wait_all", (Launch(1, 2, "custom", 1),)),
        Phase("wait_all", (Launch(0, 3, resume="k"),)),
    )
    return package(
        code,
        [Routine("main", 0, 11), Routine("child", 11, 2)],
        Plan(phases, (0, 1, 2), 2),
        shared=8,
        epsilon=1e-4,
        depth=2,
        buffers=[Buffer("x", 0, 4, "inout", (0, 2)), Buffer("t", 4, 2)],
        listing=[ListingEntry(n, None, "line") for n in range(2)],
    )


def repaired(data):
    """The same bytes with a checksum that fits."""
    head, body = data[: _HEAD.size], data[_HEAD.size :]
    needs = head[56:60].strip(b"\0") and head[56:60]
    digest = hashlib.blake2b(head[:24] + needs + body, digest_size=32).digest()
    return head[:24] + digest + head[56:] + body


def accepted(data):
    """Load and verify; the program, or None when the bytes are refused with a code."""
    try:
        program = loads(data)
        if program.machine != "fleet":
            program = Program(**{**fields(program), "machine": "fleet"})
        program.verify()
    except Diagnostic as error:
        assert error.code.ident.startswith(("LW1", "LW60")), error
        assert error.render()
        return None
    return program


def fields(program):
    return {name: getattr(program, name) for name in program.__dataclass_fields__}


def run(program):
    """What passes stays inside its memory: the engine indexes arrays, which refuse the rest."""
    view = FleetView.of(program)
    if view.slots > 3000 or view.shared > 3000:
        return False
    engine = ReferenceEngine(view, Settings(on_fault="go on", patience=3))
    engine.begin(np.arange(view.shared, dtype=np.float32).view(np.uint32))
    for step in view.allocation.steps:
        for launch in step:
            engine.launch(launch)
        engine.run(12)
    return True


def flipped(data, bit):
    broken = bytearray(data)
    broken[bit // 8] ^= 1 << (bit % 8)
    return bytes(broken)


def test_the_golden_program_passes():
    assert accepted(dumps(golden())).hash == golden().hash
    assert run(golden())


def test_every_flipped_bit_is_refused():
    data = dumps(golden())
    for bit in range(len(data) * 8):
        assert accepted(flipped(data, bit)) is None, f"bit {bit}"


@pytest.mark.slow
def test_every_flipped_bit_with_a_repaired_checksum_is_handled():
    data = dumps(golden())
    count = ran = 0
    for bit in range(64 * 8, len(data) * 8):
        program = accepted(repaired(flipped(data, bit)))
        if program is not None:
            count += 1
            if bit % 5 == 0:
                ran += run(program)
    assert 300 < count < len(data) * 4  # numbers and operands may be others, structure may not
    assert ran > 40


def test_every_truncation_is_refused():
    data = dumps(golden())
    for size in range(len(data)):
        assert accepted(data[:size]) is None
        if size >= _HEAD.size:
            head = data[:16] + size.to_bytes(8, "little") + data[24:64]
            assert accepted(repaired(head + data[64:size])) is None
    assert accepted(data + b"\0") is None


@pytest.mark.parametrize("value", [0, 1, 63, 64, 2**31, 2**32 - 1])
@pytest.mark.parametrize("offset", [8, 12, 16, 20])
def test_every_lying_length_is_refused(offset, value):
    data = bytearray(dumps(golden()))
    if data[offset : offset + 4] == value.to_bytes(4, "little"):
        return
    data[offset : offset + 4] = value.to_bytes(4, "little")
    assert accepted(bytes(data)) is None
    assert accepted(repaired(bytes(data))) is None


def changed(program, **parts):
    return Program(**{**fields(program), **parts})


# Heads of MessagePack: arrays, strings, maps, bytes and numbers, with the bytes of their lengths.
LENGTHS = ((0xDD, 4), (0xDC, 2), (0xDB, 4), (0xDF, 4), (0xC6, 4), (0xCF, 8))


@pytest.mark.long
@pytest.mark.parametrize("name", ["routines", "plan", "buffers"])
def test_lengths_inside_are_not_believed(name):
    """Every byte of a section becomes the head of a long array, string, map or number."""
    program = golden()
    section = program.sections[name]
    heads = [
        b"\xdd\xff\xff\xff\xff",
        b"\xdd\x7f\xff\xff\xff",
        b"\xdc\xff\xff",
        b"\xdb\xff\xff\xff\xff",
    ]
    heads += [
        b"\xdf\xff\xff\xff\xff",
        b"\xcf" + b"\xff" * 8,
        b"\xd3\x80" + bytes(7),
        b"\xc0",
        b"\xca",
    ]

    def peak():
        tracemalloc.start()
        for at in range(len(section)):
            for head in heads:
                for bytes_ in (
                    section[:at] + head + section[at + 1 :],
                    section[:at] + head + section[at + len(head) :],
                ):
                    accepted(dumps(changed(program, sections={**program.sections, name: bytes_})))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    # A thread that still compiles something for an earlier test is counted too: not every time.
    assert any(peak() < 16_000_000 for _ in range(3))


def test_sections_that_are_cut_or_empty():
    program = golden()
    for name, section in program.sections.items():
        for size in range(len(section)):
            data = dumps(changed(program, sections={**program.sections, name: section[:size]}))
            assert accepted(data) is None


NUMBERS = [
    -(2**63),
    -(2**31),
    -2,
    -1,
    0,
    1,
    2,
    3,
    255,
    2**16,
    2**24,
    2**28,
    2**32,
    2**63,
    2**64 - 1,
]


def test_any_number_anywhere():
    """Each number of the header, the routines, the plan and the buffers becomes others."""
    program = golden()
    plan, others = plans.decode_plan(program.sections["plan"]), 0
    for name in program.header:
        for value in (*NUMBERS, 0.5, float("nan"), float("inf"), "", "S64", "x"):
            header = {**program.header, name: value}
            data = dumps(changed(program, header=header))
            subject = accepted(data)
            others += subject is not None and subject.hash != program.hash and run(subject)
    for name, items in (
        ("routines", plans.decode_routines(program.sections["routines"])),
        ("buffers", plans.decode_buffers(program.sections["buffers"])),
        ("plan", (plan.phases, plan.schedule, plan.spawn)),
    ):
        tree = msgspec.to_builtins(items)
        for path, leaf in leaves(tree):
            for value in (*NUMBERS, "", "k", "shared", None, [], [0, 0]):
                if value != leaf:
                    section = msgspec.msgpack.encode(replaced(tree, path, value))
                    data = dumps(changed(program, sections={**program.sections, name: section}))
                    subject = accepted(data)
                    others += subject is not None and run(subject)
    assert others > 60


def leaves(tree, path=()):
    if not isinstance(tree, (list, tuple)):
        yield path, tree
        return
    if path:
        yield path, tree
    for n, each in enumerate(tree):
        yield from leaves(each, (*path, n))


def replaced(tree, path, value):
    if not path:
        return value
    first, *rest = path
    return [replaced(each, rest, value) if n == first else each for n, each in enumerate(tree)]


@pytest.mark.long
def test_random_tapes():
    """Random words where operands are: most are refused, and what is not runs."""
    rand = random.Random(5)
    program, infos = golden(), list(FLEET.by_name.values())
    passed = 0
    for _ in range(6000):
        code = []
        for _ in range(13):
            info = rand.choice(infos)
            values = {}
            for spec in info.operands:
                most = {"target": 14, "imm": 2**32}.get(spec.name, 4)
                values[spec.name] = rand.randrange(most)
            code.append(info.make(**values))
        if rand.random() < 0.9:
            code[10] = code[12] = FLEET.by_name["SYSCALL_HALT"].make()
        linear = sum(FLEET.by_name[each.name].linear is not None for each in code)
        subject = changed(
            program,
            tape=FLEET.encode(code),
            header={**program.header, "linear": linear},
            sections={**program.sections, "matrices": storage.section(PROFILES["S22"], code)},
        )
        if accepted(dumps(subject)) is not None:
            passed += run(subject)
    assert passed > 100
