"""Random programs: the reference against LLVM at three lane widths, bit for bit."""

import numpy as np
import pytest
from campaigns import campaign

from lanework.core.program.program import Program
from lanework.machines.series.check import fuzz
from lanework.machines.series.check.generate import random_inputs, random_program
from lanework.machines.series.isa import SERIES


@pytest.mark.parametrize("seeds", campaign(10_000, 250, daily=100, quick=50))
def test_engines_agree_to_the_bit(seeds):
    assert [str(d) for d in fuzz.campaign().run(len(seeds), seeds.start)] == []


@pytest.mark.slow
def test_every_instruction_is_generated():
    seen = set()
    for seed in range(3000):
        seen |= {i.name for i in SERIES.decode(random_program(seed).tape)}
    assert seen == set(SERIES.by_name)


def test_a_wrong_engine_is_found_and_shrunk(monkeypatch):
    from lanework.core.ops.prims import Prim
    from lanework.engines.llvm import ir as llvm_ir

    monkeypatch.setitem(llvm_ir._OF_FLOATS, Prim.SUB, "fadd")
    actual = next(d for d in map(fuzz.check_seed, range(200)) if d is not None)
    program = random_program(actual.seed)
    periods, lanes = fuzz.shape_of(actual.seed)
    inputs = random_inputs(program, actual.seed, periods, lanes)
    small = fuzz.shrink(program, inputs, periods, actual.way)
    assert isinstance(small, Program)
    assert small.problems() == []
    assert len(small.tape) <= len(program.tape)
    assert fuzz.compare(small, inputs, periods, (actual.way,)) is not None


def test_same_bits_tells_zeros_apart():
    assert not fuzz.same_bits(np.array([0.0]), np.array([-0.0]))
    assert not fuzz.same_bits(np.zeros(2), np.zeros(3))
