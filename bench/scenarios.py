"""Scenarios of projfin40: the base case, and seeded variations of all its inputs."""

from __future__ import annotations

import numpy as np

from bench.data import F64
from bench.oracles import projfin40

SPREAD = 0.05


def sample(count: int, seed: int = 20_240) -> dict[str, F64]:
    """`count` lanes, each input of shape (count,) varied by up to 5 % either way.

    Lane 0 is the base case itself, so that every answer carries a value checked on its own. No
    input changes sign, and depreciation life stays positive.
    """
    rng = np.random.default_rng(seed)
    lanes = {}
    for name, base in projfin40.base_inputs().items():
        factor = 1.0 + SPREAD * (2.0 * rng.random(count) - 1.0)
        factor[:1] = 1.0
        lanes[name] = base * factor
    return lanes
