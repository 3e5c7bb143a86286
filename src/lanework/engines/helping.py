"""Native helpers: as they are shipped, or from LLVM where nothing is."""

from __future__ import annotations

from collections.abc import Callable

from lanework.engines.kernel import CALL, Kernel
from lanework.engines.llvm import jit as llvm
from lanework.engines.vector import loader


def helpers(names: tuple[str, ...], text: Callable[[], str]) -> tuple[Kernel, ...]:
    """The functions of these names, which own their code.

    Args:
        names: what they are called in the tables of vector stencils, and in the text.
        text: writes them as LLVM IR.
    """
    known = loader.level()
    if known is not None and loader.why_not() is None:
        shipped = loader.helpers(known.name)
        codes = (shipped.addresses[name] for name in names)
        return tuple(Kernel(CALL(at), at, True, 0.0, shipped, "stencil") for at in codes)
    return tuple(llvm.compile_text(text(), name, 0) for name in names)
