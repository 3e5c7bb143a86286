"""Whether a program may store registers and memory in half precision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.program.verify import Finding
from lanework.machines.fleet.analysis.bounds import KNOWN
from lanework.machines.fleet.analysis.fixpoint import Intervals
from lanework.machines.fleet.analysis.interval import Interval
from lanework.machines.fleet.analysis.memory import Ranges, declared
from lanework.machines.fleet.analysis.transfer import (
    EXACT_HALF,
    INTEGER_ADDRESSES,
    LARGEST_HALF,
    NUMBERS,
)
from lanework.machines.fleet.codes import BAD_INPUT, LEAVES_HALF
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
    found = Intervals(view, ranges, half=True)
    out: list[Finding] = []
    for ip in range(len(view.instructions)):
        if found.known[ip] is not None:
            out += [Finding(f"{view.where(ip)}: {what}", ip) for what in _problems(found, ip)]
    return out


def refuse(view: FleetView, ranges: Ranges | None = None) -> None:
    """Refuse storage in half precision where values may leave it.

    Raises:
        Diagnostic: LW6012, with what is wrong.
    """
    found = halves(view, ranges)
    if not found:
        return
    first = found[0]
    entry = view.listing.get(first.instruction or 0)
    notes = [each.message for each in found[1:SHOWN]]
    if len(found) > SHOWN:
        notes.append(f"and {len(found) - SHOWN} more")
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
                notes=[f"it is in buffer {name!r}" for name in names],
            )


def _problems(found: Intervals, ip: int) -> Iterator[str]:
    view = found.view
    info = view.infos[ip]
    made, address = found.made.get(ip), found.accesses.get(ip, (None, None))[0]
    op = info.elementwise
    if info.name in INTEGER_ADDRESSES:
        yield "its address is the bits of an integer, which half precision does not keep"
    elif address is not None and view.shared > EXACT_HALF and _above(address, EXACT_HALF):
        yield f"its address may be {address}, and whole numbers are exact up to 2048"
    if info.name == "IVMID" or (op is not None and "f32" not in op.dtypes and op.name not in KNOWN):
        yield "it makes the bits of an integer, which half precision does not keep"
    elif made is None:
        return
    elif info.name in (*NUMBERS, "SYSCALL_SPAWN") and _above(made, EXACT_HALF):
        yield f"it may give {made}, and whole numbers are exact up to 2048"
    elif _above(made, LARGEST_HALF):
        yield f"it may give {made}, and numbers go up to 65504"


def _above(value: Interval, limit: float) -> bool:
    return value.size > limit
