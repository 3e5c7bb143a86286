"""The fleet machine: many tiny virtual machines run one program in lockstep.

A program has routines and phases that launch VMs on them. VMs have registers and a memory of
their own, and shared memory between them.
"""

from __future__ import annotations

from lanework.base.lazy import face

_HOMES = {
    "lanework.core.program.asm": ["assemble"],
    ".compile": ["package"],
    ".isa": ["FLEET"],
    ".linker": ["assemble_module", "link"],
    ".module": ["Module"],
    ".plan": ["Buffer", "Launch", "Phase", "Plan", "Routine"],
    ".state": ["PROFILES", "Convention", "Fault", "Profile", "Status", "VMState"],
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

__getattr__, __dir__ = face(__name__, _HOMES)
