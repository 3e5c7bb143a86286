"""Benchmarks of Lanework against its peers, and the independent oracles both are checked with.

Nothing here is part of the package: run it from the root of the repository with
``python -m bench list``, ``python -m bench run NAME`` and ``python -m bench memory``.
"""

from __future__ import annotations

import os

from lanework.base import host

if host.cpu_level() == "x86-64-v3":  # peers that can be told so make code for the same processor
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa=AVX2".strip()
    os.environ.update(NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx2,+fma")
