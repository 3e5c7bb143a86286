"""Division by what a loop does not change: the bits of the division, for every kind of number."""

import itertools

import numpy as np
import pytest

import lanework as lw
from lanework.engines import llvm
from lanework.engines.llvm_nest import nest_module
from lanework.machines.series.fuzz import same_bits
from lanework.machines.series.labels import along

EDGES = [0.0, -0.0, 1.0, -1.0, 3.0, 1 / 3, 5e-324, 2.2250738585072014e-308, 1e-310, 1e308]
EDGES += [1.7976931348623157e308, np.inf, -np.inf, 2.0**100, 2.0**-100, 2.0**600, 2.0**-600]
EDGES += [2.0**701, 2.0**-701, np.nextafter(1, 2), np.nextafter(1, 0), np.nextafter(2, 0)]


def runner(width=16):
    model = lw.series.Model("quotient", periods=2)
    model.input("x", axes=("time", "scenario"))
    model.input("d")
    model.formula("q", "x / d")
    return model.compile(outputs=["q"]).bind("llvm", lane_width=width, cache=False)


def check(x, d, width=16):
    """`x` in the second period, so that blocks mix quick and slow lanes."""
    both = np.stack([np.full(len(x), 5.0), x])
    found = runner(width)(x=along(("time", "scenario"), both), d=d)["q"]
    with np.errstate(all="ignore"):
        assert same_bits(found, both / d)


def mantissas(rng, count):
    """Random ones, short ones, and those next to powers of two."""
    wide = rng.uniform(1, 2, count)
    near = 2.0 - rng.integers(1, 200, count) * 2.0**-52
    low = 1.0 + rng.integers(0, 200, count) * 2.0**-52
    short = rng.integers(1, 4096, count).astype(float)
    return np.choose(rng.integers(0, 4, count), [wide, near, low, short])


@pytest.mark.parametrize("width", [2, 4, 8, 16])
def test_edges(width):
    x, d = np.array(list(itertools.product(EDGES, EDGES))).T
    check(x, d, width)
    order = np.random.default_rng(1).permutation(len(x))
    check(x[order], d[order], width)


@pytest.mark.parametrize("reach", [0, 5, 90, 500, 1000])
def test_random_quotients(reach):
    rng = np.random.default_rng(reach)
    for _ in range(4):
        count = 250_000
        x = np.ldexp(mantissas(rng, count), rng.integers(-reach, reach + 1, count))
        d = np.ldexp(mantissas(rng, count), rng.integers(-reach, reach + 1, count))
        sign = rng.choice([-1.0, 1.0], count)
        check(x * sign, d)


def hardest(rng, count):
    """Quotients as close to the middle of two numbers as there are.

    For an odd b of 53 bits and M = k / b modulo 2**54, a = (M * b - k) / 2**54 is an integer,
    and a / b differs from the middle M / 2**54 by k / (b * 2**54) only.
    """
    for _ in range(count):
        b = int(rng.integers(2**51, 2**52)) * 2 + 1
        k = int(rng.choice([-1, 1])) * int(rng.integers(0, 3)) * 2 + 1
        middle = k * pow(b, -1, 2**54) % 2**54
        a, rest = divmod(middle * b - k, 2**54)
        assert rest == 0
        if 0 < a < 2**53 and middle >= 2**53:
            yield float(a), float(b)


def test_quotients_next_to_the_middle_of_two_numbers():
    x, d = np.array(list(hardest(np.random.default_rng(7), 200_000))).T
    assert len(x) > 50_000
    check(x, d)


@pytest.mark.skipif(not llvm.has_fma(), reason="needs a processor with fused multiply-add")
def test_the_quick_way_is_taken():
    from lanework.machines.series.layout import SeriesView
    from lanework.machines.series.lower import Given, lower

    program = runner().program
    given = (Given(True, True), Given(False, True))
    plan = lower(SeriesView.of(program), given, (0,), swap=False, totals=frozenset())
    assert "llvm.fma" in nest_module(plan.lanes.nest, 16, "nest", fused=True)
    assert "llvm.fma" not in nest_module(plan.lanes.nest, 16, "nest")
