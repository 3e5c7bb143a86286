"""The native engines by name, each made of a view, a tape and external functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lanework.machines.register.native.execute import Executor, NativeExecutor, StencilExecutor
from lanework.machines.register.native.loader import SETS


def _optimised(*program: Any, **options: Any) -> Executor:
    from lanework.machines.register.native.optimised import LLVMExecutor  # brings LLVM

    return LLVMExecutor(*program, **options)


NATIVE: dict[str, Callable[..., Executor]] = {
    "native": NativeExecutor,
    "llvm": _optimised,
    **{name: functools.partial(StencilExecutor, stencils=name) for name in SETS},
}
"""Stencils go by their set."""
