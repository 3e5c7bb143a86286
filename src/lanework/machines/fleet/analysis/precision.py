"""Whether a program may store registers and memory in half precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.ops.bounds import anything
from lanework.core.program.verify import Finding
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.analysis.memory import Ranges, declared
from lanework.machines.fleet.analysis.transfer import EXACT_HALF, LARGEST_HALF
from lanework.machines.fleet.codes import BAD_INPUT, LEAVES_HALF
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView

Floats = npt.NDArray[np.float32]

SHOWN = 5
"""Findings that an error tells of."""


def halves(view: FleetView, ranges: Ranges | None = None) -> list[Finding]:
    """Why a program may go wrong with storage in half precision; nothing if it may not.

    Args:
        view: the program, which is verified.
        ranges: between which numbers inputs lie, as for `Intervals`.

    Returns:
        Each instruction that may make a number above 65504, numbers of VMs above 2048, or the bits
        of an integer, and each that may use an address above 2048, in order.
    """
    known = Intervals(view, ranges, half=True)
    out: list[Finding] = []
    for ip, info in enumerate(view.infos):
        if known.known[ip] is not None:
            where = view.where(ip)
            out += ADDRESSES.get(info.name, _address)(known, ip, where)
            out += VALUES.get(info.name, _value)(known, ip, where)
    return out


def refuse(view: FleetView, ranges: Ranges | None = None) -> None:
    """Refuse storage in half precision where values may leave it.

    Raises:
        Diagnostic: LW6012, with what is wrong.
    """
    findings = halves(view, ranges)
    if not findings:
        return
    first = findings[0]
    entry = view.listing.get(first.instruction or 0)
    notes = [each.message for each in findings[1:SHOWN]]
    if len(findings) > SHOWN:
        notes.append(f"and {len(findings) - SHOWN} more")
    raise Diagnostic(
        LEAVES_HALF,
        first.message,
        span=entry.span if entry is not None else None,
        notes=notes,
        help="declare ranges of buffers, or use storage='f32'",
    )


def check(view: FleetView, shared: Floats, ranges: Ranges | None = None) -> None:
    """Refuse inputs that are not in the ranges that were declared for them.

    Args:
        view: the program.
        shared: shared memory as the program begins, float32.
        ranges: between which numbers inputs lie, as for `Intervals`.

    Raises:
        Diagnostic: LW6010, with the first word that is outside.
    """
    words = declared(view, ranges or {})
    for first, last, value in words.declared():
        inside = shared[first:last]
        fits = (inside >= value.low) & (inside <= value.high) | (value.nan & np.isnan(inside))
        wrong = np.flatnonzero(~fits)
        if wrong.size:
            at = first + int(wrong[0])
            names = [each.name for each in view.buffers if 0 <= at - each.offset < each.size]
            raise Diagnostic(
                BAD_INPUT,
                f"word {at} of shared memory is {shared[at]:g}, and its range is {value}",
                help="give numbers in that range, or declare a wider one",
                notes=[f"it is in buffer {name!r}" for name in names],
            )


# What each instruction may do that half precision does not keep -----------------------------------

Check = Callable[[Intervals, int, str], Iterator[Finding]]
"""From what is known, an instruction's number, and how to name it."""

_BITS = "the bits of an integer, which half precision does not keep"
_EXACT = "whole numbers are exact up to 2048"


def _always(what: str) -> Check:
    return lambda known, ip, where: iter((Finding(f"{where}: {what} {_BITS}", ip),))


_bits = _always("it makes")


def _address(known: Intervals, ip: int, where: str) -> Iterator[Finding]:
    address = known.accesses[ip][0] if ip in known.accesses else None
    if address is not None and known.view.shared > EXACT_HALF and address.size > EXACT_HALF:
        yield Finding(f"{where}: its address may be {address}, and {_EXACT}", ip)


def _number(known: Intervals, ip: int, where: str) -> Iterator[Finding]:
    """Of an instruction that gives the number of a VM."""
    if known.results[ip].size > EXACT_HALF:
        yield Finding(f"{where}: it may give {known.results[ip]}, and {_EXACT}", ip)


def _value(known: Intervals, ip: int, where: str) -> Iterator[Finding]:
    value, op = known.results.get(ip), known.view.infos[ip].elementwise
    if op is not None and "f32" not in op.dtypes and op.interval is anything:
        yield from _bits(known, ip, where)
    elif value is not None and value.size > LARGEST_HALF:
        yield Finding(f"{where}: it may give {value}, and numbers go up to 65504", ip)


ADDRESSES: dict[str, Check] = dict.fromkeys(("IREAD", "IWRITE"), _always("its address is"))
"""Instructions whose address is no float."""

VALUES: dict[str, Check] = {
    "IVMID": _bits,
    **{
        each.name: _bits
        for each in FLEET.by_name.values()
        if each.updates is not None and "f32" not in each.updates.dtypes
    },
    **dict.fromkeys(("SYSCALL_VMID", "VMGID", "VMCOUNT", "SYSCALL_SPAWN"), _number),
}
"""Instructions that give a number of VMs, or the bits of one."""
