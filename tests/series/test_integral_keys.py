"""Keys that hold whole numbers whatever the inputs are need no test; all others keep theirs."""

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.native.integrality import integral_keys

pytestmark = pytest.mark.slow

WAYS = [("stencil", None), ("llvm", 1), ("llvm", 4), ("llvm", 16)]
WHOLE = [
    "t", "t + 1", "floor(x)", "x // 2", "ceil(x) * 2 - t", "round(x) % 4", "trunc(x) + floor(y)",
    "where(x > 1, 2, t)", "(x > 1) + (y > 2)", "min(floor(x), 5)", "max(t, round(y))",
    "prev(floor(x), initial=0)", "abs(floor(x))", "-floor(x)", "kind(t % 3)", "count", "down",
    "total(floor(x))", "last(floor(x))", "at(floor(x), 1)", "periods - 1 - t",
    "lead(t, 1, final=0)",
]  # fmt: skip
OTHERS = [
    "x", "x + t", "t / 2", "floor(x) / 2", "floor(x) * 0.5", "x % 2", "x ** 2",
    "prev(x, initial=0)",
    "where(x > 1, 2, x)", "where(x > 1, 2.5, t)", "min(floor(x), y)", "sqrt(t)", "part(t % 3)",
    "slow", "prev(t, initial=x)", "total(x)", "floor(x) + 0.25", "lead(t, 1, final=0.5)",
]  # fmt: skip


def program(key, outside):
    model = lw.series.Model("m", periods=7)
    for name in "xy":
        model.input(name, axes="point")
    model.table("kind", {0: 3.0, 1: 1.0, 2: 2.0}, outside="clamp")
    model.table("part", {0: 3.0, 1: 0.5, 2: 2.0}, outside="clamp")
    model.formula("count", "prev(count, initial=0) + where(x > 2, 1, floor(y))")
    model.formula("slow", "prev(slow, initial=0) + 0.5 * (x > 2)")
    model.formula("down", "lead(down, 1, final=2) + 1")
    model.table("q", {n: float(n * n - 3) for n in range(-4, 30)}, outside=outside)
    model.formula("found", f"q({key})")
    return model.compile(outputs=["found"], optimise=False)


def outcome(run, **inputs):
    try:
        return run(**inputs)["found"]
    except lw.Diagnostic as error:
        assert error.code.ident == "LW3045"
        return str(error)


@pytest.mark.parametrize("key", WHOLE + OTHERS)
@pytest.mark.parametrize("outside", ["clamp", "error"])
def test_keys_are_found_and_faults_are_the_same(key, outside):
    compiled = program(key, outside)
    view = SeriesView.of(compiled)
    (of_q,) = (i for i in view.instructions if i.name == "lookup1" and len(
        view.tables[i.operands[1]].data) == 34)  # fmt: skip
    assert (of_q.operands[0] in integral_keys(view)) == (key in WHOLE)
    reference = compiled.bind("reference")
    runs = [compiled.bind(e, **({} if w is None else {"lane_width": w})) for e, w in WAYS]
    rng = np.random.default_rng(3)
    for count in (1, 7, 19):
        given = [rng.integers(0, 6, (2, count)).astype(float), rng.uniform(0, 6, (2, count))]
        given.append(given[0] * (1 + 2.0**-52))
        last = np.arange(count) == count - 1
        for more in (0.5, np.inf, 1e17, -1e300, 2.0**-49, 2.0**-51, 40.0):
            given.append(given[0] + np.where(last, more, 0.0))
        for x, y in given:
            right = outcome(reference, x=x, y=y)
            for run in runs:
                actual = outcome(run, x=x, y=y)
                assert actual == right if isinstance(right, str) else same_bits(actual, right)
