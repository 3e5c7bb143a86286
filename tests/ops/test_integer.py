"""Ops on words: their rules and examples, in NumPy and as Python functions, and on random words."""

import numpy as np
import pytest

from lanework.core.ops.scalar import python_function
from lanework.core.ops.table import INTEGER

EDGES = [0, 1, 2, 63, 64, 65, 255, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2]
FLOATS = [0.0, -0.0, 1.0, -1.5, 2.5, 1e308, 5e-324, np.inf, -np.inf, np.nan, 2.0**63, -(2.0**63)]
FLOATS += [2.0**64, 2.0**53 + 1, 1e19, 0.3]
WORDS = EDGES + [int(word) for word in np.array(FLOATS).view(np.uint64)]


@pytest.mark.parametrize("op", INTEGER.values(), ids=INTEGER)
def test_rules_and_example(op):
    function = python_function(op.graph("i64"))
    for args, result in ((r.args, r.result) for r in op.special):
        assert int(op.evaluate(*args)) == result
        assert function(*(a % 2**64 for a in args)) == result % 2**64
    args, result = op.example
    assert int(op.evaluate(*args)) == result
    assert function(*(a % 2**64 for a in args)) == result % 2**64


@pytest.mark.parametrize("op", INTEGER.values(), ids=INTEGER)
def test_numpy_and_python_agree(op):
    rng = np.random.default_rng(len(op.name))
    words = np.array(WORDS, np.uint64)
    more = rng.integers(0, 2**64, 500, np.uint64) >> rng.integers(0, 64, 500).astype(np.uint64)
    words = np.concatenate([words, more])
    args = [rng.permutation(np.repeat(words, 8)) for _ in op.operands]
    args = [np.concatenate([a, np.array(EDGES, np.uint64)]) for a in args]
    actual = op.evaluate(*(a.view(np.int64) for a in args)).view(np.uint64)
    function = python_function(op.graph("i64"))
    expected = [function(*(int(word) for word in row)) for row in zip(*args, strict=True)]
    assert actual.tolist() == expected
