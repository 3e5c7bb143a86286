r"""The register machine: code that is made and run on the fly.

Thirty-two registers of 64 bits, instructions of four or eight bytes, a memory of its own. A
program becomes machine code in under a microsecond by copying stencils and patching them; the
same program is interpreted, optimised by LLVM, or written as an executable.

    import lanework as lw

    program = lw.register.assemble("mul r0, r0, r1\n halt")
    program.run(r0=6, r1=7)["r0"]

`text/` reads assembly into a tape of the instructions in `isa`; `layout` decodes that tape for all
who follow, and `verify` is the gate. `runner` binds inputs and external functions (`binding`), and
runs the program on the bank of `state`, the one block of words that every engine reads and writes:
on `reference/`, which defines what a program does, or on `native/`, which interprets, copies and
patches stencils, or optimises; `tiers` makes these engines and moves from one to the next in the
middle of a loop. Many lanes run side by side where they can, on `simd/`. What stops a program is in
`traps`. `check/` draws programs and holds all engines to the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lanework.base.lazy import face

if TYPE_CHECKING:
    from lanework.base.limits import Limits as _Limits
    from lanework.core.program.program import Program as _Program
    from lanework.machines.register.native import aot
    from lanework.machines.register.runner import Runner

__all__ = [
    "Runner", "aot", "assemble",
]  # fmt: skip

if not TYPE_CHECKING:  # else any name would do
    __getattr__, __dir__ = face(__name__)


def assemble(
    text: str,
    source: str = "assembly",
    *,
    types: Mapping[str, str] | None = None,
    limits: _Limits | None = None,
) -> _Program[Runner]:
    r"""A program from assembly text.

    Args:
        text: assembly.
        source: what messages call it.
        types: what ports hold, by their names: ``u64`` (if nothing is said), ``i64`` or ``f64``.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW1010 with the place, LW4004 for types of ports that there are not; LW0101.
        Trap: LW2001.

    Example:
        >>> double = assemble("fadd r1, r0, r0\n halt", types={"r0": "f64", "r1": "f64"})
        >>> print(double.run(r0=1.5)["r1"])
        3.0
    """
    from lanework.core.program.asm import assemble
    from lanework.machines.register.layout import typed

    return typed(assemble(text, source, "register", limits), {} if types is None else types)
