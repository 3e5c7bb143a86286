"""Random programs survive being printed, and no text breaks the assembler."""

import math
import random
import re
import struct
from pathlib import Path

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.compile import package
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.plan import BARRIERS, STRATEGIES, Buffer, Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import PROFILES, Convention
from lanework.machines.fleet.text.phases import Again, nested
from lanework.machines.fleet.text.words import show_pattern

PATTERNS = [0, 1, 42, 0x7FFFFF, 0x800000, 0x80000000, 0x80000001, 0x807FFFFF, 0x7F800000]
PATTERNS += [0x7F800001, 0x7FC00000, 0x7FFFFFFF, 0xFF800000, 0xFF800001, 0xFFC00000, 0xFFC00001]
PATTERNS += [0xFFFFFFFF, 0xFFFFFFFE, 0x3F800000, 0x3DCCCCCD, 0x4B800001, 0x7F7FFFFF, 0x5A0E1BCA]
NAMES = ["double", "a.b", "L7", "L", "_L3", "main", "inf", "r1", "mem3", "auto", "a-b", "x$", "é"]
NAMES += ["two words", 'quo"te', "semi;colon", "hash#", "a,b", "12", "", "line\nbreak", "\u2028"]


def some_pattern(rng):
    return rng.choice([rng.choice(PATTERNS), rng.getrandbits(32)])


def some_instruction(rng, length):
    info = rng.choice(list(FLEET.by_name.values()))
    values = {}
    for spec in info.operands:
        if spec.kind is OperandKind.REGISTER:
            values[spec.name] = rng.randrange(16)
        elif spec.kind is OperandKind.PATTERN:
            values[spec.name] = some_pattern(rng)
        elif spec.kind is OperandKind.CODE:
            values[spec.name] = rng.choice([rng.randrange(length), rng.getrandbits(32)])
        else:
            values[spec.name] = rng.randrange(60)
    return info.make(**values)


def some_schedule(rng, phases, depth=0):
    """Phases in order with nested repeats, or now and then anything."""
    if depth == 0 and rng.random() < 0.3:
        return [rng.randrange(phases) for _ in range(rng.randrange(12))]
    out = []
    first = 0
    while first < phases:
        end = rng.randint(first + 1, phases)
        inner = [first] if end == first + 1 else None
        if inner is None:
            inner = [first + each for each in some_schedule(rng, end - first, depth + 1)]
        out += inner * rng.choice([0, 1, 1, 2, 3])
        first = end
    return out


def some_program(rng):
    lengths = [rng.randint(1, 12) for _ in range(rng.randint(1, 4))]
    names = rng.sample(NAMES, len(lengths))
    starts = [sum(lengths[:n]) for n in range(len(lengths))]
    routines = [Routine(*each) for each in zip(names, starts, lengths, strict=True)]
    phases = []
    kept = [""]
    for _ in range(rng.randrange(5)):
        launches = []
        for _ in range(rng.randrange(3)):
            strategy = rng.choice(STRATEGIES)
            stride = rng.randrange(9) if strategy == "strided" else 1
            keep, resume = rng.choice(["", "", rng.choice(NAMES)]), rng.choice(kept)
            kept.append(keep)
            base, count = rng.choice([0, rng.randrange(99)]), rng.randrange(99)
            number = rng.randrange(len(routines))
            launches.append(Launch(number, count, strategy, base, stride, keep, resume))
        phases.append(Phase(rng.choice(BARRIERS), tuple(launches)))
    schedule = tuple(some_schedule(rng, len(phases))) if phases else ()
    buffers, shared = [], 0
    for name in rng.sample(NAMES, rng.randrange(4)):
        offset, size = rng.randrange(50), rng.randrange(50)
        shared = max(shared, offset + size)
        lifetime = (rng.randrange(3), rng.randrange(3)) if rng.random() < 0.3 else ()
        direction = rng.choice(["in", "out", "inout", "temp"])
        ends = (rng.choice([None, None, each, 0]) for each in (-math.inf, 1e300 * rng.random()))
        buffers.append(Buffer(name, offset, size, direction, lifetime, *ends))
    return package(
        [some_instruction(rng, sum(lengths)) for _ in range(sum(lengths))],
        routines,
        Plan(tuple(phases), schedule, rng.randrange(3)),
        state=rng.choice(list(PROFILES)),
        shared=shared + rng.randrange(2),
        epsilon=rng.choice([0.0, 1e-4, rng.random()]),
        convention=rng.choice(list(Convention)),
        depth=rng.choice([16, rng.randrange(100)]),
        buffers=buffers,
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_read_back(seed):
    rng = random.Random(seed)
    for _ in range(100):
        program = some_program(rng)
        text = program.dis()
        again = assemble(text)
        assert again.tape == program.tape, text
        assert again.hash == program.hash, text


def test_patterns_read_back():
    rng = random.Random(7)
    bits = PATTERNS + [rng.getrandbits(32) for _ in range(3000)]
    text = "".join(f"SETI r0, {show_pattern(each)}\n" for each in bits)
    tape = assemble(f".machine fleet\n{text}").tape
    assert [row[2] for row in struct.iter_unpack("<5I", tape)] == bits


def flat(steps):
    out = []
    for step in steps:
        out += flat(step.steps) * step.count if isinstance(step, Again) else [step]
    return out


def test_schedules_are_written_with_repeats_where_that_can_be():
    rng = random.Random(3)
    actual = 0
    for _ in range(3000):
        phases = rng.randint(1, 6)
        schedule = some_schedule(rng, phases)
        steps = nested(schedule, phases)
        if steps is not None:
            assert flat(steps) == schedule
            actual += 1
    assert 2000 < actual < 3000
    assert nested((0, 0, 1, 0, 0, 1) * 5, 2) == (Again(10, (Again(2, (0,)), 1)),)
    assert nested((1, 0), 2) is None
    assert nested((), 2) == (Again(0, (0, 1)),)
    assert nested([0, 1] * 30000, 2) == (Again(30000, (0, 1)),)


# Texts that are wrong ------------------------------------------------------------------------

JUNK = ["", ",", "=", ":", '"', '"a', "(", ")", "r1", "r99999999999", "mem3", "[", "[5]", "-", "*"]
JUNK += ["nan", "inf", "1e999", "9" * 50, "0x", "int:", "bits:", "int:r1", "bits:nan", "\x00", "é"]
JUNK += ["#", ";", ".", "..", ".end", ".repeat", ".phase", ".launch", "auto", "keep", "resume"]
JUNK += ["<", "<N>", "\u2028", "\t", "N.size", "image.size", "-1", "4294967296", "0.5", "\ud800"]


def sources():
    folder = Path(__file__).parent
    from_test = re.search(r'^ALL = """(.*?)^"""', (folder / "test_asm.py").read_text(), re.M | re.S)
    yield from_test[1]
    for path in sorted(folder.glob("listings/*.txt")):
        yield ".machine fleet\n" + path.read_text()


def mutated(rng, text):
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        kind = rng.randrange(6)
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        words = re.findall(r"\s+|[\w.]+|[^\w\s]", lines[at])
        spot = rng.randrange(len(words) + 1)
        if kind == 0:
            text = text[: rng.randrange(len(text) + 1)]
            continue
        if kind == 1:
            words.insert(spot, rng.choice(JUNK))
        elif kind == 2 and words:
            words[spot - 1] = rng.choice(JUNK)
        elif kind == 3 and len(words) > 1:
            one, two = rng.sample(range(len(words)), 2)
            words[one], words[two] = words[two], words[one]
        elif kind == 4:
            del words[spot - 1 : spot]
        else:
            lines[at], words = rng.choice(lines), re.findall(r".", lines[at])
        lines[at : at + 1] = ["".join(words)] if kind != 5 else [lines[at], "".join(words)]
        text = "\n".join(lines)
    return text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_mutated_text_is_a_program_or_a_diagnostic(seed):
    rng = random.Random(seed)
    originals = list(sources())
    programs = refusals = 0
    for _ in range(1000):
        text = mutated(rng, rng.choice(originals))
        if ".machine fleet" not in text:
            continue  # it would be another machine's
        try:
            program = assemble(text)
        except Diagnostic as problem:
            problem.render()
            refusals += 1
            continue
        programs += 1
        assert assemble(program.dis()).hash == program.hash, text
    assert programs > 150
    assert refusals > 300
