"""Runs of linear instructions as one matrix give what the instructions give, to the bit."""

import itertools

import numpy as np
import pytest
from readers import apply, evaluate

from lanework.core.ops.evaluate import evaluate as run_graph
from lanework.core.ops.table import SINGLE
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet import compile as fleet
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices.compose import MOST, compose, in_place
from lanework.machines.fleet.matrices.formats import encode
from lanework.machines.fleet.matrices.maps import (
    ONE,
    LinearMap,
    Row,
    linear_row,
    pattern,
)
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import PROFILES

LINEAR = [info for info in FLEET.by_name.values() if info.kernel is Kernel.LINEAR]
HALT = FLEET.by_name["SYSCALL_HALT"].make()
PLACES = (OperandKind.REGISTER, OperandKind.WORD)
FLOATS = (0.0, -0.0, 1.0, -1.0, 2.0, -4.0, 0.5, 0.1, 3.0, 1e-45, 1e-20, 65504.0, 3e38, -3e38)
WORDS = [pattern(each) for each in (*FLOATS, np.inf, -np.inf, np.nan)]


def viewed(code, routines=(), state="S22"):
    """The view of a program of these instructions, in one routine or several."""
    routines = routines or [Routine("main", 0, len(code))]
    plan = Plan((Phase("wait_all", (Launch(0, 1),)),), (0,))
    return FleetView.of(fleet.package(code, routines, plan, state=state))


def instr(name, *operands):
    info = FLEET.by_name[name]
    numbers = [
        pattern(each) if spec.kind is OperandKind.PATTERN else each
        for spec, each in zip(info.operands, operands, strict=True)
    ]
    return info.make(**dict(zip((spec.name for spec in info.operands), numbers, strict=True)))


def vectors(profile, lanes, rng):
    words = rng.choice(np.array(WORDS, np.uint32), (profile.length, lanes))
    words[0] = rng.integers(0, 1 << 20, lanes).astype(np.float32).view(np.uint32)
    words[-1] = ONE
    return words


def halved(words):
    half = run_graph(SINGLE["to_half"].graph("i32"), [words.view(np.int32)])
    return run_graph(SINGLE["from_half"].graph("i32"), [half]).view(np.uint32)


def after_one_another(profile, code, words, half):
    words = words.copy()
    for each in code:
        row = linear_row(profile, each)
        subject = evaluate(row, words)
        words[row.element] = halved(subject) if half else subject
        words[0] = (words[0].view(np.float32) + np.float32(1.0)).view(np.uint32)
    return words


def same(actual, expected):
    """To the bit, payloads of NaN aside."""
    both = np.isnan(actual.view(np.float32)) & np.isnan(expected.view(np.float32))
    return bool(np.all(both | (actual == expected)))


def check(view, words, half=False, format="rows"):
    """Every run of a program against its instructions; how long the runs are."""
    composed = compose(view, half=half)
    encoded = encode(composed, view.profile, format, half=half)
    for ip, each in enumerate(composed):
        if each is None:
            assert view.infos[ip].linear is None
            continue
        expected = after_one_another(
            view.profile, view.instructions[ip : ip + each.length], words, half
        )
        actual = apply(encoded, encoded.index[ip], words)
        if half:
            changed = [row.element for row in each.rows]
            actual[changed] = halved(actual[changed])
        assert same(actual, expected), (view.instructions[ip : ip + each.length], each)
    return [0 if each is None else each.length for each in composed]


def random_code(rng, count, profile, size=3):
    """Linear instructions among few registers and words, so that they meet."""
    out = []
    for _ in range(count):
        info = LINEAR[rng.integers(len(LINEAR))]
        values = {
            spec.name: int(rng.integers(size)) if spec.kind in PLACES else int(rng.choice(WORDS))
            for spec in info.operands
        }
        out.append(info.make(**values))
    return out


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", PROFILES)
def test_random_programs(name, half):
    rng = np.random.default_rng(7 + half)
    profile = PROFILES[name]
    lengths = []
    for _ in range(60):
        code = random_code(rng, 12, profile, int(rng.integers(2, 5)))
        words = vectors(profile, 256, rng)
        view = viewed([*code, HALT], state=name)
        if half:
            words[1:] = halved(words[1:])
        lengths += check(view, words, half)
    assert np.mean(lengths) > 1.5
    assert max(lengths) > 5


@pytest.mark.parametrize("format", ["dense", "csr", "bsr2", "bsr4", "hybrid", "adaptive"])
def test_other_formats(format):
    rng = np.random.default_rng(9)
    profile = PROFILES["S22"]
    for _ in range(20):
        check(viewed([*random_code(rng, 10, profile), HALT]), vectors(profile, 128, rng),
              format=format)  # fmt: skip


def test_every_pair_of_instructions():
    """With every sharing of two places, and every special number."""
    rng = np.random.default_rng(11)
    profile = PROFILES["S22"]
    words = vectors(profile, 512, rng)
    code = []
    for first, second in itertools.product(LINEAR, LINEAR):
        for _ in range(24):
            for info in (first, second):
                values = {
                    spec.name: int(rng.integers(2)) if spec.kind in PLACES else rng.choice(WORDS)
                    for spec in info.operands
                }
                code.append(info.make(**{key: int(each) for key, each in values.items()}))
            code.append(HALT)
    check(viewed(code), words)


# What is exact, and what is not. Each case: instructions, how many of them are one run, and the
# terms of a row that it makes.
EXACT = {
    "copies of copies": (("MOV 1 0", "MOV 2 1", "STORE 2 3"), {8: ((1, 1.0),)}),
    "constants": (("SETI 0 2.0", "ADDI 0 0 0.5", "SCALE 1 0 4.0"), {2: ((21, 10.0),)}),
    "nothing": (("CLEAR 0", "NEG 1 0", "ADD 2 0 1"), {1: (), 2: ((21, -0.0),), 3: ()}),
    "a copy scaled": (("LOAD 0 0", "SCALE 1 0 0.1"), {2: ((5, 0.1),)}),
    "a copy negated twice": (("NEG 1 0", "NEG 2 1"), {3: ((1, 1.0),)}),
    "what is scaled, negated": (("SCALE 1 0 0.1", "NEG 1 1"), {2: ((1, -0.1),)}),
    "doubled twice": (("ADD 0 0 0", "ADD 0 0 0"), {1: ((1, 4.0),)}),
    "the sum of copies": (("LOAD 0 0", "LOAD 1 1", "SUB 2 1 0"), {3: ((5, -1.0), (6, 1.0))}),
    "a copy and a constant": (("LOAD 0 2", "SUBI 0 0 0.1"), {1: ((7, 1.0), (21, -0.1))}),
    "the same twice": (("MOV 1 0", "ADD 2 0 1"), {3: ((1, 2.0),)}),
    "the same negated twice": (("NEG 1 0", "SUB 2 1 0"), {3: ((1, -2.0),)}),
    "one term more": (("ADD 3 0 1", "ADD 3 3 2"), {4: ((1, 1.0), (2, 1.0), (3, 1.0))}),
    "a copy of a sum": (("ADD 3 0 1", "STORE 3 1"), {6: ((1, 1.0), (2, 1.0))}),
    "minus zero added": (("CLEAR 0", "SUB 1 2 0"), {2: ((3, 1.0), (21, -0.0))}),
    "done in another order": (("MOV 1 0", "MOV 2 1", "MOV 0 3"), {1: ((4, 1.0),), 3: ((1, 1.0),)}),
    "there and back": (("MOV 1 0", "MOV 0 1"), {2: ((1, 1.0),)}),
}
INEXACT = {
    "x - x": ("MOV 1 0", "SUB 2 0 1"),
    "x and -x": ("NEG 1 0", "ADD 2 0 1"),
    "a sum negated": ("ADD 0 1 2", "NEG 0 0"),
    "a sum scaled": ("ADDI 0 0 1.0", "SCALE 0 0 2.0"),
    "scaled twice": ("SCALE 0 0 0.1", "SCALE 0 0 3.0"),
    "halved twice": ("SCALE 0 0 0.5", "SCALE 0 0 0.5"),
    "halved and doubled": ("SCALE 0 0 0.5", "ADD 0 0 0"),
    "doubled and halved": ("ADD 0 0 0", "SCALE 0 0 0.5"),
    "zero of both signs": ("SCALE 0 0 -0.0", "NEG 0 0"),
    "too large a factor": ("SCALE 0 0 1.7014118346046923e38", "SCALE 0 0 2.0"),
    "sums of sums": ("ADD 0 1 2", "ADD 0 0 0"),
    "a term in between": ("ADD 3 0 2", "ADD 3 3 1"),
    "two constants added": ("ADDI 0 0 0.1", "ADDI 0 0 0.1"),
    "zero added": ("CLEAR 0", "ADD 2 0 1"),
    "a scaled term added": ("SCALE 0 0 3.0", "ADD 0 0 1"),
    "a circle": ("MOV 2 0", "MOV 0 1", "MOV 1 2"),
}


def parsed(lines):
    out = []
    for line in lines:
        name, *operands = line.split()
        out.append(instr(name, *(float(each) if "." in each else int(each) for each in operands)))
    return out


@pytest.mark.parametrize("case", EXACT)
def test_exact(case):
    lines, rows = EXACT[case]
    view = viewed([*parsed(lines), HALT])
    each = compose(view)[0]
    assert each.length == len(lines)
    actual = {row.element: row.terms for row in each.rows}
    for element, terms in rows.items():
        expected = tuple((column, pattern(number)) for column, number in terms)
        assert actual[element] == tuple((c, bits) for c, bits in expected if bits)
    assert check(view, vectors(view.profile, 512, np.random.default_rng(5)))[0] == len(lines)


@pytest.mark.parametrize("case", INEXACT)
def test_inexact(case):
    code = parsed(INEXACT[case])
    lengths = [0 if each is None else each.length for each in compose(viewed([*code, HALT]))]
    assert lengths[0] == len(code) - 1


def test_in_half_precision_every_step_rounds():
    third = parsed(["SETI 0 0.1", "ADD 1 2 0"])
    each = compose(viewed([*third, HALT]), half=True)[0]
    constants = [bits for row in each.rows for column, bits in row.terms if column == 21]
    assert constants == [pattern(np.float16(0.1))] * 2
    sums = viewed([*parsed(["ADD 3 0 1", "ADD 3 3 2"]), HALT])
    assert compose(sums)[0].length == 2
    assert compose(sums, half=True)[0].length == 1


def test_a_run_ends_with_its_routine():
    code = parsed(["MOV 1 0", "MOV 2 1", "MOV 3 2"])
    view = viewed(code, [Routine("a", 0, 2), Routine("b", 2, 1)])
    assert [each.length for each in compose(view)] == [2, 1, 1]


def test_runs_have_an_end():
    code = parsed(["MOV 1 0", "STORE 1 0"]) * MOST
    lengths = [each.length for each in compose(viewed(code))]
    assert lengths[0] == MOST
    assert lengths[-1] == 1


def test_other_instructions_have_no_run():
    code = [*parsed(["MOV 1 0"]), HALT, *parsed(["MOV 1 0", "MOV 2 0"])]
    lengths = [each and each.length for each in compose(viewed(code))]
    assert lengths == [1, None, 2, 1]


def test_the_order_of_rows():
    to_two, to_one = Row(2, ((1, ONE),)), Row(1, ((3, ONE),))
    assert in_place([to_one, to_two]) == [to_two, to_one]
    assert in_place([Row(1, ((2, ONE),)), Row(2, ((1, ONE),))]) is None
    assert in_place([Row(1, ((1, ONE),))]) == []
    assert in_place([Row(1, ((1, pattern(2.0)),))]) == [Row(1, ((1, pattern(2.0)),))]


def test_a_matrix_may_do_nothing_but_advance():
    view = viewed([*parsed(["MOV 1 1", "MOV 2 2"]), HALT])
    assert compose(view)[0] == LinearMap((), 2)
    check(view, vectors(view.profile, 4, np.random.default_rng(1)))
