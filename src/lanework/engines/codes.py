"""Codes of the engines: LW21xx and LW22xx."""

from __future__ import annotations

from lanework.base.errors import code

NO_CODE_MEMORY = code(
    "LW2101",
    "there is no memory left for machine code",
    "Programs on the stencil engine hold buffers of a pool. All of them are in use, and none came "
    "back while the pool waited. Close runners that are no longer needed, or give the pool more.",
    help="allow pages of code, or take the engine reference",
)
DAMAGED_TABLES = code(
    "LW2102",
    "a stencil table of the package is damaged",
    "A file with machine code that the package ships is not what was built. Install the package "
    "again; `python -m lanework.machines.register.native.build` and `python -m "
    "lanework.engines.vector.build` make the tables anew from the sources.",
)
MISSING_STENCIL = code(
    "LW2103",
    "an instruction has no stencil",
    "The stencil table of this machine lacks an instruction of the program. With engine='auto' "
    "another engine runs it instead, with one notice.",
    help="take another engine, such as llvm",
)
STALE_TABLES = code(
    "LW2104",
    "a stencil table of the package was made for another version of it",
    "A file with machine code that the package ships was compiled from other sources than this "
    "package has: other instructions, or another layout of what Python and compiled code share. "
    "With engine='auto' another engine runs instead, with one notice. Install the package again; "
    "`python -m lanework.machines.register.native.build` and `python -m "
    "lanework.engines.vector.build` make the tables anew from the sources.",
)
# What is wrong with stencils here, and so no reason not to run on another engine.
FALL_BACK = (NO_CODE_MEMORY, DAMAGED_TABLES, MISSING_STENCIL, STALE_TABLES)
NO_ADAPTER = code(
    "LW2201",
    "no graphics adapter",
    "Engines on a GPU need the extra `lanework[gpu]` and a driver for Vulkan, Metal or Direct3D "
    "12. Without a GPU a software driver does: on Debian and Ubuntu `apt install "
    "mesa-vulkan-drivers`.",
    help="install a driver for Vulkan, Metal or Direct3D, or take the engine llvm",
)
DEVICE_LOST = code(
    "LW2202",
    "the graphics device was lost",
    "The driver took the device away during a run: it was reset, it ran out of memory, or one "
    "submission took too long. With engine='auto' the run is repeated on another engine.",
)
DEVICE_LIMIT = code(
    "LW2203",
    "too large for the graphics adapter",
    "The run needs a buffer that is larger than the adapter allows. Use fewer VMs, less shared "
    "memory, another adapter, or the engine reference. Of one VM in one launch wgsl counts some "
    "2**31 instructions, in words of 32 bits, and stops one that goes on; llvm counts on.",
    help="run fewer lanes, or take the engine llvm",
)
