"""What ops make of intervals, against what they make of numbers."""

import math

import numpy as np
import pytest
from watched import FLOATS, inside

from lanework.core.ops.bounds import bounds
from lanework.core.ops.evaluate import evaluate as run_graph
from lanework.core.ops.interval import ANY, Interval, between, point
from lanework.machines.fleet.isa import FLEET

OPS = {
    info.elementwise.name: info.elementwise
    for info in FLEET.by_name.values()
    if info.elementwise is not None
}


def some(rng):
    """An interval around a few numbers, and numbers of it."""
    kinds = (
        lambda: rng.choice(FLOATS, rng.integers(1, 4)),
        lambda: rng.integers(-20, 300, rng.integers(1, 4)),
        lambda: rng.normal(size=rng.integers(1, 4)) * 10.0 ** rng.integers(-3, 4),
        lambda: rng.integers(0, 1 << 23, 2),
        lambda: np.abs(rng.normal(size=2) * 10.0 ** rng.integers(-30, 30)),
        lambda: rng.integers(0, 2**32, 2, dtype=np.uint32).view(np.float32),
    )
    with np.errstate(all="ignore"):
        ends = np.asarray(kinds[rng.integers(len(kinds))](), np.float32).tolist()
    actual = point(ends[0])
    for end in ends[1:]:
        actual = actual.join(point(end))
    low, high = (max(min(end, 3.4e38), -3.4e38) for end in (actual.low, actual.high))
    within = low + (high - low) * rng.random(64) if low <= high else np.zeros(0)
    spread = np.exp(rng.uniform(-100, 88, 64)) * rng.choice([-1, 1], 64)
    near = np.arange(8)
    all_of = np.concatenate(
        [ends, within, spread, FLOATS, np.rint(within), low + near, high - near]
    )
    with np.errstate(all="ignore"):
        numbers = all_of.astype(np.float32)
    numbers = numbers[inside(numbers, actual)]
    return actual, rng.choice(numbers, 128)


@pytest.mark.parametrize("name", OPS)
def test_ops(name):
    op = OPS[name]
    rng = np.random.default_rng(sum(map(ord, name)))
    for _ in range(300):
        pairs = [some(rng) for _ in op.operands]
        actual = bounds(op, [each for each, _ in pairs])
        numbers = [each for _, each in pairs]
        with np.errstate(all="ignore"):
            if "f32" in op.dtypes:
                values = op.evaluate(*numbers)
            else:
                patterns = [each.view(np.int32) for each in numbers]
                values = run_graph(op.graph("i32"), patterns).astype(np.int32).view(np.float32)
        wrong = np.flatnonzero(~inside(values, actual))
        assert not wrong.size, (
            pairs,
            values[wrong[0]],
            actual,
            [each[wrong[0]] for each in numbers],
        )


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("mul", (between(-2, 3), between(4, 5)), between(-10, 15)),
        ("div", (between(1, 2), between(4, 8)), between(0.125, 0.5)),
        ("div", (between(1, 2), between(0, 8)), Interval(-math.inf, math.inf)),
        ("sub", (between(1, 2), point(math.inf)), Interval(-math.inf, -math.inf)),
        ("sub", (between(0, math.inf), between(0, math.inf)), ANY),
        ("pow", (between(0, 2), between(-1, 1)), ANY),
        ("pow", (between(0, 2), between(0, 1)), between(0, 2.000002)),
        ("abs", (between(-3, 2),), between(0, 3)),
        ("sqrt", (between(-1, 4),), between(0, 2, True)),
        ("fmin", (between(0, 9), between(-4, 5)), between(-4, 5)),
        ("fmax", (ANY, between(0, 0)), between(0, math.inf)),
        ("floor", (between(0.5, 2.5),), between(0, 2, integral=True)),
        ("rem", (between(0, 1000, integral=True), point(10)), between(0, 9, integral=True)),
        ("fmod", (ANY, between(2, 3)), between(-3, 3, True)),
        ("icmp", (ANY, ANY), between(-1, 1, integral=True)),
        ("iadd", (ANY, ANY), ANY),
    ],
)  # fmt: skip
def test_tight(name, args, expected):
    actual = bounds(OPS[name], args)
    assert (actual.low, actual.high, actual.nan) == (expected.low, expected.high, expected.nan)
    assert actual.integral or not expected.integral


def test_functions_know_where_their_results_lie():
    assert bounds(OPS["sin"], [between(-1e30, 1e30)]).size < 1.00001
    assert not bounds(OPS["sin"], [between(-1e30, 1e30)]).nan
    assert bounds(OPS["exp"], [between(0.0, 1.0)]).high == pytest.approx(math.e, rel=1e-5)
    assert bounds(OPS["log"], [between(0.0, 1.0)]).low == -math.inf
    assert bounds(OPS["pow"], [between(1.0, 2.0), between(-1.0, 3.0)]).high < 8.001
