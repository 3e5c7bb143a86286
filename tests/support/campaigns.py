"""How much of a long campaign each run does: `make quick`, `make test`, `make test-long`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest


def campaign(count: int, chunk: int, *, daily: int, quick: int | None = None) -> list[Any]:
    """Ranges of seeds that together are all of `count`, for a test that is parametrised with them.

        @pytest.mark.parametrize("seeds", campaign(20_000, 250, daily=2000, quick=150))
        def test_engines_agree(seeds):
            for seed in seeds: ...

    Those from `daily` on are marked `long`, those from `quick` on (all of a day's) `slow`.
    """
    quick = daily if quick is None else quick
    ends = sorted({0, quick, daily, count} | set(range(0, count, chunk)))
    return [
        pytest.param(range(start, end), id=str(start), marks=marks(start, quick, daily))
        for start, end in pairwise(ends)
    ]


def marks(start: int, quick: int, daily: int) -> list[Any]:
    return [pytest.mark.long] * (start >= daily) + [pytest.mark.slow] * (quick <= start < daily)
