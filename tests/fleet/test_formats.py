"""All formats of matrices mean the same, to the bit, and are what SciPy makes of them."""

import itertools

import numpy as np
import pytest
from readers import apply, evaluate, stored
from scipy import sparse

from lanework.base.errors import Diagnostic
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet import compile as fleet
from lanework.machines.fleet.isa import FLEET, Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.matrices import storage
from lanework.machines.fleet.matrices.compose import in_place
from lanework.machines.fleet.matrices.formats import CHOICES, HALF, Format, density, encode, exact
from lanework.machines.fleet.matrices.maps import (
    ONE,
    LinearMap,
    Row,
    dense,
    linear_map,
    linear_row,
    maps,
    pattern,
)
from lanework.machines.fleet.plan import Launch, Phase, Plan, Routine
from lanework.machines.fleet.state import PROFILES

LINEAR = [info for info in FLEET.by_name.values() if info.kernel is Kernel.LINEAR]
FLOATS = (0.0, -0.0, 1.0, -1.0, 2.0, 1e-45, 0.1, 0.5, 65504.0, 3e38, np.inf, -np.inf, np.nan)
WORDS = [pattern(each) for each in FLOATS] + [7, 0xFFFFFFFF, 0x7F800001, 0x33800000]


def instructions():
    """Every linear instruction, with operands the same and different, and special numbers."""
    for info in LINEAR:
        kinds = [spec.kind for spec in info.operands]
        choices = [WORDS if kind is OperandKind.PATTERN else (0, 3) for kind in kinds]
        for values in itertools.product(*choices):
            names = (spec.name for spec in info.operands)
            yield info.make(**dict(zip(names, values, strict=True)))


def vectors(profile, lanes=64, seed=1):
    rng = np.random.default_rng(seed)
    words = rng.choice(np.array(WORDS, np.uint32), (profile.length, lanes))
    words[0] = rng.integers(0, 1 << 24, lanes).astype(np.float32).view(np.uint32)
    words[-1] = ONE
    return words


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("format", CHOICES)
def test_all_instructions(format, half):
    for name, profile in PROFILES.items():
        instr = list(instructions())[:: 1 if name == "S22" else 7]
        encoded = encode(maps(profile, instr), profile, format, half=half)
        words = vectors(profile)
        for ip, each in enumerate(instr):
            expected = words.copy()
            row = linear_row(profile, each)
            expected[row.element] = evaluate(row, words)
            expected[0] = (words[0].view(np.float32) + np.float32(1.0)).view(np.uint32)
            assert np.array_equal(apply(encoded, encoded.index[ip], words), expected), each


def random_map(rng, profile):
    """A matrix with some full rows, as runs of instructions could have."""
    while True:
        rows = []
        for element in rng.choice(np.arange(1, profile.length - 1), rng.integers(0, 6), False):
            columns = np.sort(rng.choice(np.arange(1, profile.length), rng.integers(0, 9), False))
            bits = rng.choice([word for word in WORDS if word], len(columns))
            pairs = zip(columns.tolist(), bits.tolist(), strict=True)
            rows.append(Row(int(element), tuple(pairs)))
        order = in_place(rows)
        if order is not None:
            return LinearMap(tuple(order), int(rng.integers(1, 2000)))


@pytest.mark.parametrize("half", [False, True])
def test_matrices_of_many_rows(half):
    rng = np.random.default_rng(2)
    for profile in PROFILES.values():
        several = [random_map(rng, profile) for _ in range(40)]
        words = vectors(profile)
        by_format = {format: encode(several, profile, format, half=half) for format in CHOICES}
        for number, each in enumerate(several):
            expected = words.copy()
            for row in each.full(profile):
                expected[row.element] = evaluate(row, words)
            for format, encoded in by_format.items():
                actual = apply(encoded, encoded.index[number], words)
                assert np.array_equal(actual, expected), (format, each)


@pytest.mark.parametrize("name", PROFILES)
def test_csr_is_that_of_scipy(name):
    profile = PROFILES[name]
    for each in instructions():
        matrix = dense(profile, each)
        if np.any(np.signbit(matrix) & (matrix == 0)):
            continue  # SciPy drops -0.0, which is no term that may be dropped
        theirs = sparse.csr_matrix(matrix)
        encoded = encode([linear_map(profile, each)], profile, "csr")
        _, at, _, count = encoded.table[0]
        n = profile.length
        words = encoded.words[at:]
        assert np.array_equal(words[: n + 1] - (at + n + 1), theirs.indptr)
        assert np.array_equal(words[n + 1 : n + 1 + count], theirs.indices)
        assert np.array_equal(words[n + 1 + count :], theirs.data.view(np.uint32))


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("side", [2, 4])
def test_bsr_is_that_of_scipy(side, name):
    profile = PROFILES[name]
    many = -(-profile.length // side)
    for each in instructions():
        matrix = np.zeros((many * side, many * side), np.float32)
        matrix[: profile.length, : profile.length] = dense(profile, each)
        if np.any(np.signbit(matrix) & (matrix == 0)):
            continue
        theirs = sparse.bsr_matrix(matrix, blocksize=(side, side))
        theirs.sort_indices()
        encoded = encode([linear_map(profile, each)], profile, f"bsr{side}")
        _, at, _, count = encoded.table[0]
        words = encoded.words[at:]
        first = many + 1
        assert count == len(theirs.indices)
        assert np.array_equal(words[:first] - (at + first), theirs.indptr)
        assert np.array_equal(words[first : first + count], theirs.indices)
        blocks = words[first + count :].view(np.float32)
        assert np.array_equal(blocks, theirs.data.ravel(), equal_nan=True)


def test_products_are_those_of_scipy():
    """Where no infinity and no NaN is about, it is a product of a sparse matrix."""
    rng = np.random.default_rng(3)
    profile = PROFILES["S22"]
    floats = rng.normal(size=(profile.length, 100)).astype(np.float32)
    floats[0], floats[-1] = np.arange(100), 1.0
    for each in instructions():
        matrix = dense(profile, each)
        if not np.isfinite(matrix).all():
            continue
        expected = sparse.csr_matrix(matrix) @ floats
        for format in ("rows", "csr", "bsr2", "bsr4", "dense"):
            encoded = encode([linear_map(profile, each)], profile, format)
            actual = apply(encoded, 0, floats.view(np.uint32)).view(np.float32)
            assert np.array_equal(actual, expected), (format, each)


def test_a_dense_product_would_poison_and_this_does_not():
    profile = PROFILES["S22"]
    add = FLEET.by_name["ADD"].make(dest=0, src1=1, src2=2)
    floats = np.zeros((profile.length, 1), np.float32)
    floats[-1], floats[4] = 1.0, np.inf
    with np.errstate(invalid="ignore"):
        assert np.isnan((dense(profile, add) @ floats)[0]).all()
    encoded = encode([linear_map(profile, add)], profile, "dense")
    assert apply(encoded, 0, floats.view(np.uint32)).view(np.float32)[0] == 1.0


def test_equal_matrices_are_stored_once():
    profile = PROFILES["S22"]
    add = linear_map(profile, FLEET.by_name["ADD"].make(dest=0, src1=1, src2=2))
    other = linear_map(profile, FLEET.by_name["ADD"].make(dest=0, src1=2, src2=1))
    clear = linear_map(profile, FLEET.by_name["CLEAR"].make(dest=0))
    encoded = encode([add, None, clear, other, add], profile, "csr")
    assert encoded.index.tolist() == [0, -1, 1, 0, 0]
    assert encoded.count == len(encoded.table) == 2
    again = encode([LinearMap(clear.rows, 2), clear], profile)
    assert again.index.tolist() == [0, 1]
    assert again.table[:, 2].tolist() == [2, 1]


def test_halves_only_where_they_are_exact():
    profile = PROFILES["S22"]
    scale = FLEET.by_name["SCALE"]
    for number, fits in ((0.5, True), (0.1, False), (65504.0, True), (65536.0, False)):
        each = linear_map(profile, scale.make(dest=0, src=1, imm=pattern(number)))
        assert exact(pattern(number)) is fits
        for format in ("rows", "dense", "csr", "bsr2", "bsr4"):
            encoded = encode([each], profile, format, half=True)
            full = encode([each], profile, format)
            assert encoded.half(0) is fits
            assert bool(encoded.table[0, 0] & HALF) is fits
            assert len(encoded.words) < len(full.words) if fits else len(full.words)
            assert stored(encoded, 0) == stored(full, 0)
    assert not exact(0x7FC00001)
    assert not exact(7)  # an integer's pattern


def test_hybrid_goes_by_density():
    profile = PROFILES["S22"]
    each = linear_map(profile, FLEET.by_name["ADD"].make(dest=0, src1=1, src2=2))
    assert density(each, profile) == 24 / 484
    for threshold, format in ((0.15, Format.CSR), (0.05, Format.CSR), (0.0495, Format.DENSE)):
        encoded = encode([each], profile, "hybrid", threshold=threshold)
        assert encoded.format(0) is format
    full = LinearMap((Row(1, tuple((column, ONE) for column in range(1, 22))),))
    assert encode([full], profile, "bsr").format(0) in (Format.BSR2, Format.BSR4)
    sizes = {format: len(encode([full], profile, format).words) for format in CHOICES}
    assert sizes["adaptive"] == min(sizes.values())


def test_there_is_no_such_format():
    with pytest.raises(Diagnostic, match="LW6011"):
        encode([], PROFILES["S22"], "coo")


# What a program stores ----------------------------------------------------------------------------


def program(*subject, state="S22"):
    routine = Routine("main", 0, len(subject))
    plan = Plan((Phase("wait_all", (Launch(0, 1),)),), (0,))
    return fleet.package(subject, [routine], plan, state=state)


def sample():
    table = FLEET.by_name
    return program(
        table["SETI"].make(dest=0, imm=pattern(0.1)),
        table["MUL"].make(dest=1, src1=0, src2=0),
        table["ADD"].make(dest=1, src1=0, src2=1),
        table["ADD"].make(dest=1, src1=0, src2=1),
        table["STORE"].make(src=1, word=3),
        table["SYSCALL_HALT"].make(),
    )


def test_a_program_stores_its_matrices():
    program = sample()
    view = FleetView.of(program)
    data = program.sections["matrices"]
    assert storage.check_section(view, data) is None
    encoded = encode(maps(view.profile, view.instructions), view.profile)
    head = np.frombuffer(data, "<u4")
    assert head[:2].tolist() == [6, 3]
    assert head[2:8].astype(np.int32).tolist() == encoded.index.tolist() == [0, -1, 1, 1, 2, -1]
    assert np.array_equal(head[8:], encoded.words)


@pytest.mark.parametrize("place", range(4, 25))
def test_damaged_matrices_are_found(place):
    program = sample()
    view = FleetView.of(program)
    data = bytearray(program.sections["matrices"])
    data[4 * place] ^= 1
    assert storage.check_section(view, bytes(data)) is not None


def test_what_is_wrong_is_said():
    program = sample()
    view = FleetView.of(program)
    data = np.frombuffer(program.sections["matrices"], "<u4").copy()
    assert "should take" in storage.check_section(view, b"")
    data[2] = 1
    assert storage.check_section(view, data.tobytes()) == "main+0 is given matrix 1"
    data[2], data[-1] = 0, 5
    assert "should be" in storage.check_section(view, data.tobytes())


def test_operands_that_are_not_there_do_not_stop_the_compiler():
    subject = program(FLEET.by_name["MOV"].make(dest=1 << 31, src=77))
    assert storage.check_section(FleetView.of(subject), subject.sections["matrices"]) is None


def test_what_one_addition_takes():
    """The original design says about 30 coefficients and 83 elements: it is 24 and 71."""
    subject = program(FLEET.by_name["ADD"].make(dest=0, src1=1, src2=2))
    actual = storage.report(FleetView.of(subject))
    assert actual["coefficients"] == 24
    assert actual["density"] == 24 / 484 < 0.05
    table = 16
    sizes = {format: each["bytes"] - table for format, each in actual["formats"].items()}
    assert sizes["dense"] == 4 * 484 == 1936
    assert sizes["csr"] == 4 * (24 + 24 + 23) == 4 * 71
    assert sizes["rows"] == 4 * (1 + 2 * 2)
    assert 1 - sizes["csr"] / sizes["dense"] > 0.85
    assert actual["formats"]["hybrid"]["chosen"] == {"csr": 1}
    assert actual["formats"]["adaptive"]["chosen"] == {"rows": 1}


def test_no_instruction_is_dense():
    for profile in PROFILES.values():
        worst = max(density(linear_map(profile, each), profile) for each in instructions())
        assert worst == (profile.length + 2) / profile.length**2 <= 0.0496


def test_the_report():
    actual = storage.report(FleetView.of(sample()))
    assert (actual["linear"], actual["matrices"], actual["shared"]) == (4, 3, 1)
    assert actual["composed"]["runs"] == 1
    lines = storage.text(actual).splitlines()
    assert lines[0] == "linear    4 of 6 instructions; they have 3 matrices of 22 x 22"
    assert any(line.startswith("hybrid") and "3 csr" in line for line in lines)
    empty = storage.report(FleetView.of(program()))
    assert empty["density"] == 0.0
    assert storage.text(empty)
