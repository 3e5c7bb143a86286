"""Where each instruction accesses shared memory, for one VM and for all VMs of a launch.

An atomic does not read as far as anybody knows if what it gives is not used: its register is dead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from lanework.core.ops.bodies import words32
from lanework.core.ops.interval import Interval
from lanework.core.ops.op import Op
from lanework.core.program.isa import OperandKind
from lanework.machines.fleet import updates
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.disjoint import FAR, Span
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.analysis.forms import Form
from lanework.machines.fleet.analysis.meanings import limits
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.plan import Allocated

WRITES = frozenset({"SYSCALL_WRITE", "IWRITE"})
"""Instructions that put a word where they say, whatever is there."""
COMMUTING = (words32.iadd, words32.iand, words32.ior, updates.imin, updates.imax)
"""Updates of words that come to the same in any order, if nobody looks in between."""


@dataclass(frozen=True)
class Access:
    """Where an instruction accesses shared memory.

    Attributes:
        inside: whether it always is inside shared memory, and inside the buffer that is named.
        first, last: the words that it may access; none if first is above last.
        form: the address, exactly, as a sum of the VM's numbers, of others and a constant.
        affine: the same, if it is a multiple of one of the VM's numbers and a constant: the
            instruction that gives that number ("" for a constant), the factor, the constant.
        reads: whether the VM sees what is there.
        writes: whether it changes it.
        numbers: the VM's numbers that tests let come here: by name, and between which they are.
        update: of an update that comes to the same in any order, the op.
    """

    inside: bool
    first: int
    last: int
    form: Form | None
    reads: bool
    writes: bool
    update: Op | None
    numbers: tuple[tuple[str, Interval], ...] = ()

    @property
    def affine(self) -> tuple[str, int, int] | None:
        """The address as a multiple of one number of the VM's and a constant."""
        if self.form is None or len(self.form.terms) > 1:
            return None
        if not self.form.terms:
            return "", 0, self.form.constant
        ((symbol, factor),) = self.form.terms
        return (symbol.name, factor, self.form.constant) if symbol.name else None


def access(view: FleetView, known: Intervals | None, ip: int) -> Access | None:
    """Where an instruction accesses shared memory; None if it does not, or no VM comes to it."""
    info, inside, form, dead = view.infos[ip], False, None, False
    numbers: tuple[tuple[str, Interval], ...] = ()
    if "addr" not in info.values(view.instructions[ip]):
        return None
    buffer = limits(view).get(ip)
    first, last = (0, view.shared - 1) if buffer is None else (
        buffer.offset, min(buffer.offset + buffer.size, view.shared) - 1)  # fmt: skip
    if known is not None:
        if ip not in known.accesses:
            return None
        address, form = known.accesses[ip]
        low, high = _word(address.low), _word(address.high)
        inside = not known.words.outside(address) and first <= low <= high <= last
        first, last = max(first, low), min(last, high)
        if address.fixed and address.integral and abs(address.low) < FAR:
            form = Form(int(address.low))
        dead = info.atomic and unused(known.flow, ip)
        state = known.known[ip]
        numbers = tuple(state.numbers.items()) if state is not None else ()
    reads = info.name in ("SYSCALL_READ", "IREAD", "WAIT")
    return Access(
        inside,
        first,
        last,
        form,
        reads or (info.atomic and not dead),
        info.atomic or info.name in WRITES,
        info.updates if dead and info.updates in COMMUTING else None,
        numbers,
    )


def _word(end: float) -> int:
    """The word of an address, where that is one; no end is infinite."""
    return math.trunc(max(min(end, FAR), -FAR)) if not math.isnan(end) else -FAR


def span(known: Intervals, each: Access, allocated: Allocated) -> Span:
    """The words that the VMs of a launch access."""
    launch = allocated.launch
    step = {"contiguous": 1, "strided": launch.stride}.get(launch.strategy)
    numbers = {"VMGID": (1, allocated.slot)}
    if step is not None:
        numbers["SYSCALL_VMID"] = step, launch.base
    begin, end = 0, launch.count - 1
    for name, value in each.numbers:
        if name in numbers:
            begin, end = _between(begin, end, value, *numbers[name])
    if each.form is None:
        return Span(0, each.first, each.last, 1, 0, each.first, each.last, begin, end)
    factor, constant, low, high, modulus = 0, each.form.constant, 0, 0, 0
    for symbol, times in each.form.terms:
        if symbol.name in numbers:
            more, first = numbers[symbol.name]
            factor, constant = factor + times * more, constant + times * first
        elif symbol.name == "VMCOUNT" and allocated.slot < known.view.allocation.slots:
            constant += times * launch.count
        else:
            ends = _ends(known.bounds(symbol), times) if not symbol.name else (-FAR, FAR)
            low, high, modulus = low + ends[0], high + ends[1], gcd(modulus, times)
    return Span(factor, constant + low, constant + high, modulus, constant, each.first, each.last,
                begin, end)  # fmt: skip


def _between(begin: int, end: int, value: Interval, step: int, first: int) -> tuple[int, int]:
    """The VMs whose number is in an interval."""
    low, high = _word(value.low) - first, _word(value.high) - first
    if step < 0:
        step, low, high = -step, -high, -low
    if not step:
        return (begin, end) if low <= 0 <= high else (0, -1)
    return max(begin, -(-low // step)), min(end, high // step)


def _ends(value: Interval, times: int) -> tuple[int, int]:
    a, b = sorted(times * _word(end) for end in (value.low, value.high))
    return a, b


# Live variables ----------------------------------------------------------------------------------


def unused(flow: ControlFlow, ip: int) -> bool:
    """Whether no instruction uses the register that one writes, before it becomes something else.

    A VM that is kept and goes on may use it then. What is shown of VMs that have ended is no use.
    """
    number = flow.view.infos[ip].values(flow.view.instructions[ip])["dest"]
    seen: set[int] = set()
    waiting = [ip + 1]
    while waiting:
        at = waiting.pop()
        if at in seen or at >= flow.count:
            continue
        seen.add(at)
        info = flow.view.infos[at]
        values = info.values(flow.view.instructions[at])
        kinds = {spec.name: spec.kind for spec in info.operands}
        if any(
            value == number and name != "dest" and kinds[name] is OperandKind.REGISTER
            for name, value in values.items()
        ):
            return False
        if values.get("dest") != number:
            waiting += _onward(flow, at, number)
    return True


def _onward(flow: ControlFlow, ip: int, number: int) -> Iterator[int]:
    """Where a register's value goes on to."""
    saved = number in flow.view.convention.saved
    leads = flow.leads(ip)
    yield from flow.resumed.get(ip, ())
    yield from leads.called
    if not leads.called or saved:  # else it comes back with what is called
        yield from leads.next
    if not saved:
        yield from (call + 1 for call in flow.callers.get(ip, ()))
