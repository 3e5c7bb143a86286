"""Traps: which VM stopped, where, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lanework.base.errors import Code, Trap
from lanework.machines.fleet import codes
from lanework.machines.fleet.engine import Engine, Progress
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.state import Fault, Status

SHOWN = 5

_FAULTS: dict[Fault, tuple[Code, str]] = {
    Fault.STACK_OVERFLOW: (codes.STACK_OVERFLOW, "calls within calls are too deep"),
    Fault.STACK_UNDERFLOW: (codes.STACK_UNDERFLOW, "RETURN without a call"),
    Fault.BAD_ADDRESS: (codes.BAD_ADDRESS, "an address outside shared memory"),
    Fault.BAD_OPCODE: (codes.BAD_OPCODE, "an instruction that is none"),
    Fault.PAST_END: (codes.PAST_END, "the end of the program"),
    Fault.BAD_VALUE: (codes.BAD_VALUE, "an operation without a finite result"),
}
_HELP = {
    Fault.STACK_OVERFLOW: "look for a recursion that does not end, or raise .depth (now {depth})",
    Fault.STACK_UNDERFLOW: "end a routine that is launched with HALT",
    Fault.BAD_ADDRESS: "look at the register of the address; shared memory has {shared:,} words",
    Fault.BAD_VALUE: "test the operands before, or run with arithmetic='ieee'",
}


def fault(view: FleetView, engine: Engine, counts: Progress) -> Trap:
    """The trap for the first VM that faulted."""
    number = counts.first_fault
    vm = engine.vm(number)
    kind, ip = Fault(int(vm.row("fault")[0])), int(vm.row("ip")[0])
    code, sentence = _FAULTS[kind]
    others = f", and {counts.faults - 1:,} others" if counts.faults > 1 else ""
    values = ", ".join(
        f"r{n}={value:.9g}" for n, value in enumerate(vm.floats[1 : 1 + view.profile.registers, 0])
    )
    help = _HELP.get(kind)
    return Trap(
        code,
        f"VM {number}{others}: {sentence}, at {view.where(ip)}, in epoch {counts.epochs:,}",
        help=None if help is None else help.format(depth=view.depth, shared=view.shared),
        notes=[f"VM {number} has {values}"],
        lane=number,
        **_listed(view, ip),
    )


def deadlock(view: FleetView, engine: Engine, counts: Progress) -> Trap:
    """The trap for VMs that all wait, with where they wait."""
    vms = engine.vms()
    status, ips = vms.row("status"), vms.row("ip")
    notes = []
    waiting: Counter[tuple[int, int]] = Counter()
    for kind in (Status.BLOCKED, Status.YIELDED, Status.RUNNING):
        waiting.update((int(kind), int(ip)) for ip in ips[status == kind].tolist())
    for (status_now, ip), count in waiting.most_common(SHOWN):
        does = Status(status_now).name.lower()
        notes.append(f"{count:,} VM{'s' * (count != 1)} {does} at {view.where(ip)}")
    if len(waiting) > SHOWN:
        notes.append(f"... and at {len(waiting) - SHOWN} more instructions")
    first = min(waiting, default=(0, 0))[1]
    return Trap(
        codes.DEADLOCK,
        f"all {counts.live:,} VMs that still run wait, in epoch {counts.epochs:,}",
        help="look at what they wait for: who should have written it?",
        notes=notes,
        **_listed(view, first),
    )


def _listed(view: FleetView, ip: int) -> dict[str, Any]:
    """An instruction, with its place in a text, as errors take it."""
    entry = view.listing.get(ip)
    span, text = (None, None) if entry is None else (entry.span, entry.text)
    return {"instruction": ip, "span": span, "listing": text}
