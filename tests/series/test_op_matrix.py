"""Every op, on every engine, at every pair of special values."""

import itertools

import numpy as np
import pytest

from lanework.core.ops.table import ARITH
from lanework.core.program.isa import Instruction
from lanework.core.program.program import Port, Program
from lanework.engines.vector.loader import levels
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along
from lanework.machines.series.isa import SERIES
from lanework.machines.series.layout import (
    STRAIGHT,
    Row,
    RowKind,
    Segment,
    encode_rows,
    encode_segments,
)

SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 1e300, -1e300, 1e-300]
    + [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -1.7976931348623157e308]
    + [np.inf, -np.inf, np.nan, 709.8, -745.2, 1e16, 2.0**52, 2.0**53 + 2, np.pi, 1e22, 0.1]
)


ENGINES = (
    *(("reference", None), ("llvm", 1), ("llvm", 4), ("llvm", 16)),
    *(("stencil", level.name) for level in levels()),
)


def program_of(name):
    operands = tuple(range(len(SERIES.by_name[name].operands)))
    target = len(operands)
    rows = [Row(RowKind.INPUT, n) for n in operands] + [Row(RowKind.NODE)]
    return Program(
        machine="series",
        header={"periods": 1, "horizon": -1},
        tape=SERIES.encode([Instruction(name, target, operands)]),
        ports=(
            *(Port(f"x{n}", "in", n) for n in operands),
            Port("y", "out", target),
        ),
        constants=np.zeros(0),
        sections={
            "rows": encode_rows(rows),
            "segments": encode_segments([Segment(STRAIGHT, 0, 1)]),
        },
    )


@pytest.mark.parametrize("name", ARITH)
def test_op_at_special_values(name, monkeypatch):
    program = program_of(name)
    count = len(program.inputs)
    values = SPECIAL if count < 3 else SPECIAL[::2]
    grid = np.array(list(itertools.product(values, repeat=count))).T
    inputs = {f"x{n}": along("scenario", column) for n, column in enumerate(grid)}
    expected = np.asarray(ARITH[name].evaluate(*grid))
    for engine, how in ENGINES:
        if engine == "stencil":
            monkeypatch.setenv("LANEWORK_CPU_LEVEL", how)
        # NaN among the inputs is refused by the runner, so those cells go in through an op
        width = how if engine == "llvm" else None
        runner = program.bind(engine, lane_width=width, cache=False)
        actual = run_with_nan(runner, inputs, grid.shape[1])
        assert same_bits(actual, expected), f"{name} on {engine}, {how}"


def run_with_nan(runner, inputs, lanes):
    """NaN is refused as an input, which is tested elsewhere; here the check is taken out."""
    from lanework.machines.series.data import binding

    original = binding.check_missing
    binding.check_missing = lambda *_: None
    try:
        return runner(**inputs)["y"]
    finally:
        binding.check_missing = original


@pytest.mark.parametrize("name", ARITH)
def test_stated_special_values(name):
    for rule in ARITH[name].special:
        actual = ARITH[name].evaluate(*rule.args)
        assert same_bits(actual, rule.result), f"{name}{rule.args} is {actual}"
