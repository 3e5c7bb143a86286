"""The fleet machine: many tiny virtual machines run one program in lockstep.

A program has routines and phases that launch VMs on them. VMs have registers and a memory of
their own, and shared memory between them. It goes through these rooms:

1. `text`: assembly is read into modules, and modules are linked. `isa` has the instructions
   (`updates`: what integer atomics make of a word), `state` what they work on.
2. `plan`, `compile`: every launch gets its place; all of it is packaged as a program.
3. `verify` with `rules` and `planrules`: the gate. `layout` decodes what passes, `facts` lists it.
4. `analysis`: between which numbers values lie, for storage in half precision, and whether the VMs
   of a phase can see each other.
5. `matrices`: linear instructions as matrices, composed, and stored in a format.
6. `runner`, `runtime`: inputs into shared memory, an engine, and the schedule, phase by phase.
7. `engine` says what an epoch is; `reference` is that in NumPy, and `gpu` in WGSL; `native` runs
   whole phases as SIMD code, `gpu` as shaders.
8. `check`: random programs hold the engines to each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanework.base.lazy import face

if TYPE_CHECKING:
    from collections.abc import Sequence as _Sequence

    from lanework.base.limits import Limits as _Limits
    from lanework.core.program.program import Program as _Program
    from lanework.machines.fleet.compile import package
    from lanework.machines.fleet.isa import FLEET
    from lanework.machines.fleet.plan import Buffer, Launch, Phase, Plan, Routine
    from lanework.machines.fleet.runner import Runner
    from lanework.machines.fleet.runtime.losses import LossNotice
    from lanework.machines.fleet.state import PROFILES, Convention, Fault, Profile, Status, VMState
    from lanework.machines.fleet.text.linker import assemble_module
    from lanework.machines.fleet.text.module import Module

__all__ = [
    "Buffer", "Convention", "FLEET", "Fault", "Launch", "LossNotice", "Module", "PROFILES",
    "Phase", "Plan", "Profile", "Routine", "Runner", "Status", "VMState", "assemble",
    "assemble_module", "link", "package",
]  # fmt: skip

if not TYPE_CHECKING:  # else any name would do
    __getattr__, __dir__ = face(__name__)


def assemble(
    text: str, source: str = "assembly", *, limits: _Limits | None = None
) -> _Program[Runner]:
    r"""A program from assembly text, with `.machine fleet` in its first line or without.

    Args:
        text: assembly.
        source: what messages call it.
        limits: the memory that the process may grow by meanwhile, and a deadline.

    Raises:
        Diagnostic: LW1010 with the place; LW6009 and LW6007 for what does not go together; LW0101.
        Trap: LW2001.

    Example:
        >>> assemble("SETI r0, 2\nWRITE r1, r0\nHALT\n.shared 1").run()["shared"]
        array([2.], dtype=float32)
    """
    from lanework.core.program.asm import assemble

    return assemble(text, source, "fleet", limits)


def link(modules: _Sequence[Module], *, limits: _Limits | None = None) -> _Program[Runner]:
    """One program of some modules; see `lanework.machines.fleet.text.linker.link`."""
    from lanework.machines.fleet.text.linker import link

    return link(modules, limits=limits)
