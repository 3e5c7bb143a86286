r"""The register machine: code that is made and run on the fly.

Thirty-two registers of 64 bits, instructions of four or eight bytes, a memory of its own. A
program becomes machine code in under a microsecond by copying stencils and patching them; the
same program is interpreted, optimised by LLVM, or written as an executable.

    import lanework as lw

    program = lw.register.assemble("mul r0, r0, r1\n halt")
    program.run(r0=6, r1=7)["r0"]
"""

from __future__ import annotations

from typing import Any

_HOME = {
    "assemble": "lanework.core.asm",
    "Runner": "lanework.machines.register.runner",
}

__all__ = ["Runner", "aot", "assemble"]


def __getattr__(name: str) -> Any:
    """Load a part of the machine when it is first touched."""
    from importlib import import_module

    if name == "aot":
        value: Any = import_module("lanework.machines.register.aot")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"the register machine has no {name!r}")
    globals()[name] = value
    return value
