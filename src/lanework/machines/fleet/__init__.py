"""The fleet machine: many tiny virtual machines run one program in lockstep.

A program has routines and phases that launch VMs on them. VMs have registers and a memory of
their own, and shared memory between them. It goes through these rooms:

1. `text`: assembly is read into modules, and modules are linked. `isa` has the instructions.
2. `plan`, `compile`: every launch gets its place; all of it is packaged as a program.
3. `verify` with `rules` and `planrules`: the gate. `layout` decodes what passes.
4. `analysis`: between which numbers values lie, for storage in half precision.
5. `matrices`: linear instructions as matrices, composed, and stored in a format.
6. `runner`, `runtime`: inputs into shared memory, an engine, and the schedule, phase by phase.
7. `engine` says what an epoch is; `reference` is that in NumPy, and `gpu` in WGSL.
8. `check`: random programs hold the engines to each other.
"""

from __future__ import annotations

from lanework.base.lazy import face

_HOMES = {
    "lanework.core.program.asm": ["assemble"],
    ".compile": ["package"],
    ".isa": ["FLEET"],
    ".text.linker": ["assemble_module", "link"],
    ".text.module": ["Module"],
    ".plan": ["Buffer", "Launch", "Phase", "Plan", "Routine"],
    ".state": ["PROFILES", "Convention", "Fault", "Profile", "Status", "VMState"],
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

__getattr__, __dir__ = face(__name__, _HOMES)
