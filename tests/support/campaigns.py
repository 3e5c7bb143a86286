"""How much of a long campaign a daily run does; the rest is marked `long`, for `make test-long`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest


def campaign(count: int, daily: int, chunk: int) -> list[Any]:
    """Ranges of seeds that together are all of `count`; those from `daily` on are marked `long`.

    @pytest.mark.parametrize("seeds", campaign(20_000, daily=1000, chunk=250))
    def test_engines_agree(seeds):
        for seed in seeds: ...
    """
    starts = [*range(0, daily, chunk), *range(daily, count, chunk)]
    return [
        pytest.param(range(start, end), id=str(start), marks=[pytest.mark.long] * (start >= daily))
        for start, end in pairwise([*starts, count])
    ]


def effort(daily: int, full: int) -> list[Any]:
    """Two efforts of the same test: that of a daily run, and the full one, marked `long`."""
    return [daily, pytest.param(full, marks=pytest.mark.long)]
