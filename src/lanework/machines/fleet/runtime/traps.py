"""Traps: which VM stopped, where, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Code, Trap
from lanework.core.result.show import show_word
from lanework.machines.fleet import codes
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.engine import Engine, Progress
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Allocated, Buffer
from lanework.machines.fleet.reference.sharing import LEAST, addresses
from lanework.machines.fleet.state import Fault, Status, VMState, Words

SHOWN = 5

_FAULTS: dict[Fault, tuple[Code, str]] = {
    Fault.STACK_OVERFLOW: (codes.STACK_OVERFLOW, "calls within calls are too deep"),
    Fault.STACK_UNDERFLOW: (codes.STACK_UNDERFLOW, "RETURN without a call"),
    Fault.BAD_ADDRESS: (codes.BAD_ADDRESS, "an address outside shared memory"),
    Fault.BAD_OPCODE: (codes.BAD_OPCODE, "an instruction that is none"),
    Fault.PAST_END: (codes.PAST_END, "the end of the program"),
    Fault.BAD_VALUE: (codes.BAD_VALUE, "an operation without a finite result"),
    Fault.CONFLICT: (codes.CONFLICT, "several VMs write one word"),
}
_HELP = {
    Fault.STACK_OVERFLOW: "look for a recursion that does not end, or raise .depth (now {depth})",
    Fault.STACK_UNDERFLOW: "end a routine that is launched with HALT",
    Fault.BAD_ADDRESS: "look at the register of the address; shared memory has {shared:,} words",
    Fault.CONFLICT: "let one of them write, or use ATOMIC_ADD or ATOMIC_IADD to count and add up",
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
        f"r{n}={show_word(value, 9)}"
        for n, value in enumerate(vm.floats[1 : 1 + view.profile.registers, 0])
    )
    if kind is Fault.BAD_ADDRESS:
        sentence += f", {_address(view, vm, ip)}"
        buffer = limits(view).get(ip)
        if buffer is not None:
            sentence = f"an address outside {buffer.name}, {_inside(view, vm, ip, buffer)}"
    sentence = f"VM {number}{others}: {sentence}, at {view.where(ip)}"
    if kind is Fault.CONFLICT:
        sentence = _conflict(view, engine, vm, ip)
    help = _HELP.get(kind)
    return Trap(
        code,
        f"{sentence}, in epoch {counts.epochs:,}",
        help=None if help is None else help.format(depth=view.depth, shared=view.shared),
        notes=[f"VM {number} has {values}"],
        lane=number,
        **_listed(view, ip),
    )


def _operand(view: FleetView, vm: VMState, ip: int) -> np.uint32:
    """The word of the register that has an instruction's address."""
    values = view.infos[ip].values(view.instructions[ip])
    out: np.uint32 = vm.words[view.profile.register(values["addr"]), 0]
    return out


def _place(view: FleetView, vm: VMState, ip: int) -> int:
    bits = np.array([_operand(view, vm, ip)])
    return int(addresses(bits, view.shared, view.infos[ip].whole_address)[0])


def _inside(view: FleetView, vm: VMState, ip: int, buffer: Buffer) -> str:
    """A place counted from the beginning of the buffer that it should be in."""
    bits = np.array([_operand(view, vm, ip)])
    at = int(addresses(bits, 1 << 32, view.infos[ip].whole_address)[0])
    return (
        _address(view, vm, ip)
        if at < 0
        else (f"{buffer.name}[{at - buffer.offset}], and it has {buffer.size:,} words")
    )


def _address(view: FleetView, vm: VMState, ip: int) -> str:
    """An address that is outside, for people."""
    bits = _operand(view, vm, ip)
    number = float(bits.view(np.float32))
    if view.infos[ip].whole_address:
        return view.word(int(bits))
    if 0 < abs(number) < LEAST:
        help = ", which are IREAD's and IWRITE's addresses" if bits < view.shared else ""
        return f"the integer {int(bits.view(np.int32))}{help}"
    return view.word(int(number)) if 0 <= number < 2.0**32 else f"{number:.9g}"


def _conflict(view: FleetView, engine: Engine, vm: VMState, ip: int) -> str:
    """Which VMs write the word of one that has faulted for it, and where."""
    vms, at = engine.vms(), _place(view, vm, ip)
    others = []
    for number in np.flatnonzero(vms.row("fault") == Fault.CONFLICT).tolist():
        other = VMState(view.profile, 0)
        other.words = vms.words[:, number : number + 1]
        where = int(other.row("ip")[0])
        if number != int(vm.row("global_id")[0]) and _place(view, other, where) == at:
            others.append((number, where))
            if len(others) > 1:
                break
    more = " and others" if len(others) > 1 else ""
    number, where = others[0]
    return (
        f"VM {int(vm.row('global_id')[0])} at {view.where(ip)} and VM {number} at"
        f" {view.where(where)}{more} write {view.word(at)}"
    )


def are_numbers(words: Words) -> bool:
    """Whether words are numbers of VMs: whole, from 0 to below 2**32, as floats."""
    return bool(_numbers(words).all())


def _numbers(words: Words) -> npt.NDArray[np.bool_]:
    floats = words.view(np.float32)
    right = (floats < 2.0**32) & (floats == np.trunc(floats))
    out: npt.NDArray[np.bool_] = right & ((floats >= LEAST) | (words << np.uint32(1) == 0))
    return out


def bad_table(view: FleetView, allocated: Allocated, words: Words) -> Trap:
    """The trap for a table of what are no numbers of VMs, or of too few words.

    Args:
        view: the program.
        allocated: a launch by the table.
        words: of the table, as far as there is shared memory.
    """
    launch, right = allocated.launch, _numbers(words)
    n = len(words) if right.all() else int(np.argmin(right))
    if n == len(words):
        what = "is outside"
    elif 0 < words[n] < LEAST.view(np.uint32):
        what = f"is the integer {words[n]}, and a float has to be there"
    else:
        what = f"is {float(words.view(np.float32)[n]):.9g}"
    return Trap(
        codes.BAD_NUMBER,
        f"{view.routines[launch.routine].name!r} is launched by a table: VM {n} of"
        f" {launch.count:,} would have the number in {view.word(launch.base + n)}, which {what}",
        help="fill the table with whole numbers from 0 on before the phase begins",
        lane=allocated.slot + n,
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
