"""Making the tables of vector stencils that the package ships: run when the package is built.

``python -m lanework.engines.vector.build`` writes them anew; ``--check`` says whether those that
are there are what the sources give.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lanework.engines.stencil.blob import flatten
from lanework.engines.stencil.building import Inputs, Target, main
from lanework.engines.stencil.shipped import pack
from lanework.engines.stencil.stencil import Constants
from lanework.engines.tensors.text import tensor_text
from lanework.engines.threadpool import crew_text
from lanework.engines.vector.driver import drive_text
from lanework.engines.vector.isa import LEVELS
from lanework.engines.vector.patcher import RESERVE, patch_text
from lanework.engines.vector.stencils import make
from lanework.engines.vector.table import pack as pack_table

FOLDER = Path(__file__).parent / "tables"
HELPERS = Target("x86_64-unknown-linux-gnu", "x86-64-v3")


def build(name: str) -> bytes:
    """The file of a level: the patch loop, the driver, the crew's code and the table."""
    text = f"{drive_text()}\n{patch_text()}\n{crew_text('x86_64')}"
    inputs, constants = Inputs(), Constants()
    helpers = HELPERS.object_code(text, inputs, pic=True, optimise=True)
    blob, functions = flatten("x86_64", helpers)
    level = Target("x86_64-unknown-linux-gnu", name)
    text = tensor_text(LEVELS[name].width)
    kernels, more = flatten("x86_64", level.object_code(text, inputs, pic=True, optimise=True))
    made = make(LEVELS[name], constants, inputs)
    longest = max(len(stencil.stencil.code) for stencil in made.values())
    if 2 * longest > RESERVE:
        raise ValueError(f"a stencil of {longest} bytes is too long for the patch loop")
    head = {
        "level": name,
        "functions": functions,
        "kernels": more,
        "stencils": list(made),
        "inputs": inputs.digest(),
    }
    return pack(head, {"blob": blob, "kernels": kernels, "table": pack_table(made, constants)})


if __name__ == "__main__":
    sys.exit(main(FOLDER, LEVELS, build))
