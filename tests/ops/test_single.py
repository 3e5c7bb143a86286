"""Ops on 32-bit words: their rules, and what NumPy, fractions and Python's integers say."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from words import PATTERNS, special, wild

from lanework.core.ops.op import Op
from lanework.core.ops.table import SINGLE

Array = np.ndarray[Any, Any]
OPS = pytest.mark.parametrize("op", list(SINGLE.values()), ids=list(SINGLE))


def kind_of(op: Op) -> type[np.generic]:
    return np.float32 if op.dtypes == ("f32",) else np.int32


def same(got: Array, want: Array) -> Array:
    """The same bits, or both not a number."""
    bits = got.view(np.uint32) == want.view(np.uint32)
    return bits | (np.isnan(got) & np.isnan(want)) if got.dtype == np.float32 else bits


def columns(count: int, size: int = 60_000) -> list[Array]:
    """Special words and wild ones."""
    pairs = zip(special(count), wild(np.random.default_rng(5), count, size), strict=True)
    return [np.concatenate(pair) for pair in pairs]


@OPS
def test_is_documented(op: Op) -> None:
    assert op.doc.strip().splitlines()[0].endswith(".")
    assert op.example is not None
    assert op.dtypes in (("f32",), ("i32",))
    assert set(op.ulp) == set(op.dtypes)
    assert op.special or op.dtypes == ("i32",)
    assert op.graph(op.dtypes[0]).result.dtype == op.dtypes[0]


@OPS
def test_rules_and_example(op: Op) -> None:
    kind = kind_of(op)
    cases = [(case.args, case.result) for case in op.special]
    assert op.example is not None
    for args, result in [*cases, op.example]:
        got = op(*(np.asarray([arg], kind) for arg in args))
        assert got.dtype == kind
        assert same(got, np.asarray([result], kind)).all(), (args, got)


@OPS
def test_commutes_where_it_says_so(op: Op) -> None:
    if op.commutes:
        a, b = (column.view(kind_of(op)) for column in columns(2))
        assert same(op(a, b), op(b, a)).all()


# Floats -------------------------------------------------------------------------------------------


def floats(size: int = 60_000) -> list[Array]:
    return [column.view(np.float32) for column in columns(2, size)]


def test_fmod_is_that_of_numpy() -> None:
    a, b = floats(400_000)
    with np.errstate(all="ignore"):
        assert same(SINGLE["fmod"](a, b), np.fmod(a, b)).all()


def test_fmod_is_exact() -> None:
    """The remainder of the fractions, with the sign of a."""
    a, b = floats(4000)
    fine = np.isfinite(a) & np.isfinite(b) & (b != 0)
    got = SINGLE["fmod"](a, b)
    for x, y, r in zip(a[fine].tolist(), b[fine].tolist(), got[fine].tolist(), strict=True):
        top, bottom = Fraction(x), Fraction(y)
        assert Fraction(r) == top - bottom * math.trunc(top / bottom), (x, y)
        assert math.copysign(1.0, r) == math.copysign(1.0, x)


def test_rem_is_its_definition() -> None:
    a, b = floats()
    with np.errstate(all="ignore"):
        want = a - b * np.trunc(a / b)
    assert same(SINGLE["rem"](a, b), want).all()


def near_integers(size: int) -> list[Array]:
    """Dividends next to multiples of the divisor, where the quotient may round up to one."""
    rng = np.random.default_rng(6)
    b = (rng.uniform(1, 2, size) * 2.0 ** rng.integers(-20, 20, size)).astype(np.float32)
    a = (b.astype(np.float64) * rng.integers(1, 2**20, size)).astype(np.float32)
    a = (a.view(np.int32) + rng.integers(-3, 4, size, np.int32)).view(np.float32)
    return [a * rng.choice(np.array([-1, 1], np.float32), size), b]


def test_rem_is_near_a_remainder() -> None:
    """As its documentation says; and it is as far off as that."""
    pairs = zip(floats(6000), near_integers(6000), strict=True)
    a, b = (np.concatenate(pair) for pair in pairs)
    fine = (np.abs(a) < 2.0**127) & np.isfinite(b) & (b != 0)  # so that no product overflows
    worst, turned = Fraction(0), 0
    got = SINGLE["rem"](a, b)
    unit = np.spacing(np.abs(np.where(fine, a, np.float32(0.0))))
    rows = (column[fine].tolist() for column in (a, b, got, unit))
    for x, y, r, one in zip(*rows, strict=True):
        quotient = Fraction(x) / Fraction(y)
        if abs(quotient) >= 2**24:
            continue
        full = math.trunc(quotient)
        more = full + (1 if quotient > 0 else -1)
        off = [abs(Fraction(r) - (Fraction(x) - Fraction(y) * n)) for n in (full, more)]
        assert min(off) <= Fraction(one), (x, y, r)
        worst = max(worst, min(off) / Fraction(one))
        turned += off[1] < off[0]
    assert worst > Fraction(1, 4)
    assert turned > 20


@pytest.mark.parametrize("name", ["fmin", "fmax"])
def test_min_and_max_are_those_of_numpy(name: str) -> None:
    a, b = floats(400_000)
    got, want = SINGLE[name](a, b), getattr(np, name)(a, b)
    equal = a == b
    assert same(got, np.where(equal, b, want)).all()  # where they are equal it is b, to the bit
    assert ((got == want) | (np.isnan(got) & np.isnan(want))).all()
    zeros = np.array([0.0, -0.0], np.float32)
    for x, y in itertools.product(zeros, zeros):
        assert np.signbit(SINGLE[name](x, y)) == np.signbit(y)


# Integers -----------------------------------------------------------------------------------------


def _signed(word: int) -> int:
    return word - 2**32 if word >> 31 else word


def _float(word: int) -> float:
    return float(np.uint32(word).view(np.float32))


def _pattern(value: float) -> int:
    return int(np.float32(value).view(np.uint32))


def _order(a: int, b: int) -> int:
    return _pattern(float((a > b) - (a < b)))


def _saturated(word: int, low: int, high: int) -> int:
    x = _float(word)
    if math.isnan(x):
        return 0
    return min(max(int(x), low), high) if math.isfinite(x) else (high if x > 0 else low)


PYTHON: dict[str, Callable[..., int]] = {
    "iadd": operator.add,
    "isub": operator.sub,
    "imul": operator.mul,
    "iquo": lambda a, b: a // b if b else -1,
    "irem": lambda a, b: a % b if b else a,
    "iand": operator.and_,
    "ior": operator.or_,
    "ixor": operator.xor,
    "inot": operator.invert,
    "ishl": lambda a, b: a << b % 32,
    "ishr": lambda a, b: a >> b % 32,
    "isar": lambda a, b: _signed(a) >> b % 32,
    "irotl": lambda a, b: a << b % 32 | a >> (32 - b % 32),
    "irotr": lambda a, b: a >> b % 32 | a << (32 - b % 32),
    "ipopcount": int.bit_count,
    "iclz": lambda a: 32 - a.bit_length(),
    "ictz": lambda a: (a & -a).bit_length() - 1 if a else 32,
    "ibswap": lambda a: int.from_bytes(a.to_bytes(4, "little"), "big"),
    "icmp": lambda a, b: _order(_signed(a), _signed(b)),
    "ucmp": _order,
    "itof": lambda a: _pattern(_signed(a)),  # a double holds the integer, so it is rounded once
    "utof": _pattern,
    "ftoi": lambda a: _saturated(a, -(2**31), 2**31 - 1),
    "ftou": lambda a: _saturated(a, 0, 2**32 - 1),
}


def test_every_op_has_an_oracle() -> None:
    others = {"rem", "fmod", "fmin", "fmax", "to_half", "from_half"}
    assert set(PYTHON) | others == set(SINGLE)


@pytest.mark.parametrize("name", list(PYTHON))
def test_like_the_integers_of_python(name: str) -> None:
    """Words are taken as unsigned, and results modulo 2**32."""
    op = SINGLE[name]
    args = columns(len(op.operands), 4000)
    got = op(*(arg.view(np.int32) for arg in args)).view(np.uint32)
    want = [PYTHON[name](*row) % 2**32 for row in zip(*(a.tolist() for a in args), strict=True)]
    assert got.tolist() == want


# Halves -------------------------------------------------------------------------------------------


def halves() -> Array:
    return np.arange(2**16, dtype=np.uint16)


def test_every_half_becomes_the_float_of_numpy() -> None:
    every = halves()
    got = SINGLE["from_half"](every.astype(np.int32)).view(np.float32)
    assert same(got, every.view(np.float16).astype(np.float32)).all()
    garbage = every.astype(np.int32) | np.int32(0x5A5A0000)
    assert (
        SINGLE["from_half"](garbage).view(np.float32).view(np.int32) == got.view(np.int32)
    ).all()


def to_half(words: Array) -> None:
    got = SINGLE["to_half"](words.view(np.int32))
    with np.errstate(over="ignore", invalid="ignore"):
        want = words.view(np.float32).astype(np.float16)
    assert (got & ~0xFFFF == 0).all()
    actual = got.astype(np.uint16).view(np.float16)
    wrong = (actual.view(np.uint16) != want.view(np.uint16)) & ~(np.isnan(actual) & np.isnan(want))
    assert not wrong.any(), words[wrong][:5]


def test_random_floats_become_the_half_of_numpy() -> None:
    rng = np.random.default_rng(7)
    to_half(PATTERNS)
    to_half(rng.integers(0, 2**32, 3_000_000, np.uint32))
    # within the range of halves, where most patterns are not
    narrow = rng.integers(0x32000000, 0x48000000, 3_000_000, np.uint32)
    to_half(narrow | (rng.integers(0, 2, narrow.size, np.uint32) << np.uint32(31)))


def test_floats_between_halves_become_the_half_of_numpy() -> None:
    """Each half, the middle between it and the next, and what lies beside these."""
    exact = halves()[:0x7C01].view(np.float16).astype(np.float64)
    exact[-1] = 65536.0  # where the next half would be
    ends = np.concatenate((exact, (exact[:-1] + exact[1:]) / 2)).astype(np.float32)
    words = ends.view(np.int32)[:, None] + np.arange(-2, 3, dtype=np.int32)
    words = words[words >= 0].view(np.uint32)
    to_half(words)
    to_half(words | np.uint32(1 << 31))
    back = SINGLE["from_half"](halves().astype(np.int32))
    again = SINGLE["to_half"](back).astype(np.uint16).view(np.float16)
    kept = (again.view(np.uint16) == halves()) | np.isnan(halves().view(np.float16))
    assert kept.all()
