"""Making the stencil tables that the package ships: run when the package is built, not by users.

``python -m lanework.machines.register.native.build`` writes them anew, in some ten seconds, to the
same bytes every time; ``--check`` says without LLVM whether those that are there were made from
these sources. It has to be run whenever an instruction, the body of an op, or a layout changed.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from lanework.core.ops.table import INTEGER
from lanework.engines.llvm.ir import op_function
from lanework.engines.stencil.building import Target, declared_once, main
from lanework.engines.stencil.elf import flatten
from lanework.engines.stencil.shipped import digest, pack
from lanework.engines.stencil.stencil import Stencil, extract
from lanework.machines.register.native.interpreter import interpreter_text
from lanework.machines.register.native.lanes import lanes_text
from lanework.machines.register.native.loader import agreed
from lanework.machines.register.native.patcher import patch_text
from lanework.machines.register.native.stencils import (
    HELPER_NAMES,
    PINNED,
    entry_text,
    forms,
    module_text,
)
from lanework.machines.register.native.table import pack as pack_table

FOLDER = Path(__file__).parent / "tables"
TARGETS = {
    "x86_64": Target("x86_64-unknown-linux-gnu", "x86-64-v3"),
    "aarch64": Target("aarch64-unknown-linux-gnu", "generic", "+lse"),
}
BATCH = 1000  # stencils in a module


@functools.cache
def stencil_texts(pinned: int) -> list[str]:
    """The modules of a set; the same for all architectures."""
    wanted = list(forms(pinned))
    return [
        module_text(pinned, wanted[start : start + BATCH], extras=start == 0)
        for start in range(0, len(wanted), BATCH)
    ]


def make_stencils(name: str, pinned: int) -> dict[str, Stencil]:
    """All stencils of a set, by the name of their form."""
    target = TARGETS[name]
    objects = map(target.object_code, stencil_texts(pinned))
    return {key: stencil for data in objects for key, stencil in extract(name, data).items()}


def helpers_text(machine: str) -> str:
    """What is called from outside or by stencils, as one module."""
    parts = [patch_text(machine), lanes_text(), interpreter_text(), entry_text(0, "enter_0")]
    parts.append(entry_text(PINNED, f"enter_{PINNED}"))
    for op in HELPER_NAMES:
        text, declares = op_function(f"help_{op}", INTEGER[op].graph("i64"), 1, "nounwind")
        parts += [*declares, text.replace("define internal", "define")]
    once, body = declared_once("\n".join(parts))
    return "\n".join([*once, *body, '!0 = !{!"branch_weights", i32 1, i32 1000000}'])


def stamps(name: str) -> dict[str, str]:
    """The digests of what the file for an architecture is made from."""
    texts = [repr(TARGETS[name]), helpers_text(name), *stencil_texts(0), *stencil_texts(PINNED)]
    return {"contract": agreed(), "sources": digest(texts)}


def build(name: str) -> bytes:
    """The file for an architecture: helpers and both tables, packed."""
    helpers = TARGETS[name].object_code(helpers_text(name), pic=True, optimise=True)
    blob, functions = flatten(name, helpers)
    parts = {"blob": blob}
    for pinned in (0, PINNED):
        parts[f"table_{pinned}"] = pack_table(make_stencils(name, pinned), forms(pinned), pinned)
    return pack({"machine": name, "functions": functions, **stamps(name)}, parts)


if __name__ == "__main__":
    sys.exit(main(FOLDER, TARGETS, build, stamps))
