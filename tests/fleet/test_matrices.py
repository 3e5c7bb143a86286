"""What each linear instruction means as a matrix, against NumPy, and as SciPy sees it."""

import itertools

import numpy as np
import pytest
from readers import evaluate

from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.isa import FLEET, Kernel
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
from lanework.machines.fleet.state import PROFILES

LINEAR = [info for info in FLEET.by_name.values() if info.kernel is Kernel.LINEAR]
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, -1e-39, 0.1, 3.5, 65504.0, 3e38, -3e38, np.inf, -np.inf)
WORDS = [pattern(each) for each in FLOATS] + [0x7FC00000, 7, 0xFFFFFFFF, 0x7F800001]
MEANING = {
    "ADD": lambda a, b, _: a + b,
    "SUB": lambda a, b, _: a - b,
    "MOV": lambda a, _, __: a,
    "SETI": lambda _, __, imm: imm,
    "LOAD": lambda a, _, __: a,
    "STORE": lambda a, _, __: a,
    "COPY": lambda a, _, __: a,
    "CLEAR": lambda _, __, ___: np.float32(0.0),
    "NEG": lambda a, _, __: -a,
    "SCALE": lambda a, _, imm: a * imm if imm.view(np.uint32) else np.float32(0.0),
    "ADDI": lambda a, _, imm: a + imm if imm.view(np.uint32) else a,
    "SUBI": lambda a, _, imm: a - imm if imm.view(np.uint32) != 1 << 31 else a,
}


def same(actual, expected):
    """To the bit, payloads of NaN aside."""
    actual, expected = np.asarray(actual).view(np.float32), np.asarray(expected).view(np.float32)
    both = np.isnan(actual) & np.isnan(expected)
    return bool(np.all(both | (actual.view(np.uint32) == expected.view(np.uint32))))


def instruction(info, imm=0):
    """With operands of different numbers."""
    numbers = itertools.count(1)
    values = {}
    for spec in info.operands:
        values[spec.name] = imm if spec.kind is OperandKind.PATTERN else next(numbers)
    return info.make(**values)


def sources(info, profile, subject):
    """The elements that a linear instruction reads, and the one that it writes."""
    values = info.values(subject)
    place = {OperandKind.REGISTER: profile.register, OperandKind.WORD: profile.own}
    elements = {
        spec.name: place[spec.kind](values[spec.name])
        for spec in info.operands
        if spec.kind in place
    }
    dest = elements.pop("dest" if "dest" in elements else "word")
    return dest, list(elements.values())


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("info", LINEAR, ids=lambda info: info.name)
def test_meaning(info, name):
    profile = PROFILES[name]
    pairs = np.array(list(itertools.product(WORDS, WORDS)), np.uint32).T
    for imm in WORDS if "imm" in (spec.name for spec in info.operands) else [0]:
        instr = instruction(info, imm)
        dest, read = sources(info, profile, instr)
        words = np.zeros((profile.length, pairs.shape[1]), np.uint32)
        words[-1] = ONE
        for element, values in zip(read, pairs, strict=False):
            words[element] = values
        row = linear_row(profile, instr)
        assert row.element == dest
        floats = [words[element].view(np.float32) for element in read] + [None, None]
        with np.errstate(all="ignore"):
            number = np.uint32(imm).view(np.float32)
            expected = MEANING[info.name](floats[0], floats[1], number)
        expected = np.broadcast_to(np.asarray(expected, np.float32), pairs.shape[1:])
        assert same(evaluate(row, words), np.ascontiguousarray(expected)), hex(imm)


def test_the_table_of_this_test_is_complete():
    assert set(MEANING) == {info.name for info in LINEAR}


def test_copies_keep_all_bits():
    words = np.array([[0], [0x7F800001], [0x00000001], [ONE]], np.uint32)
    assert evaluate(Row(1, ((1, ONE),)), words)[0] == 0x7F800001
    assert evaluate(Row(1, ((2, ONE),)), words)[0] == 1
    assert evaluate(Row(1, ((3, 0x7F800001),)), words)[0] == 0x7F800001


def test_coefficients_accumulate():
    s22 = PROFILES["S22"]
    add, sub = FLEET.by_name["ADD"], FLEET.by_name["SUB"]
    assert linear_row(s22, add.make(dest=0, src1=3, src2=3)).terms == ((4, pattern(2.0)),)
    assert linear_row(s22, sub.make(dest=0, src1=3, src2=3)).terms == ()


def test_rows_of_the_identity_are_no_difference():
    s22 = PROFILES["S22"]
    assert linear_map(s22, FLEET.by_name["MOV"].make(dest=2, src=2)) == LinearMap(())
    assert linear_map(s22, FLEET.by_name["COPY"].make(word=2, **{"from": 3})).rows != ()


@pytest.mark.parametrize("name", PROFILES)
def test_the_whole_matrix(name):
    profile = PROFILES[name]
    for info in LINEAR:
        instr = instruction(info, pattern(0.25))
        square = np.zeros((profile.length, profile.length), np.float32)
        for row in linear_map(profile, instr).full(profile):
            for column, bits in row.terms:
                square[row.element, column] = np.uint32(bits).view(np.float32)
        assert np.array_equal(square, dense(profile, instr))


def test_operands_that_are_not_there_have_no_matrix():
    s22 = PROFILES["S22"]
    bad = [
        FLEET.by_name["MOV"].make(dest=4, src=0),
        FLEET.by_name["LOAD"].make(dest=0, word=16),
        FLEET.by_name["MUL"].make(dest=0, src1=0, src2=0),
    ]
    assert maps(s22, bad) == [None, None, None]
    assert None not in maps(PROFILES["S32"], bad[:2])
