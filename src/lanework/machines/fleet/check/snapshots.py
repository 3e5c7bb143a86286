"""What can be seen of a run of a fleet program, and how two runs differ."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Trap
from lanework.base.limits import Limits
from lanework.core.codes import FUEL_SPENT
from lanework.core.program.program import Program
from lanework.machines.fleet.check.generate import Loose, loose
from lanework.machines.fleet.engine import Engine, Progress, Settings
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.ahead import AheadEngine
from lanework.machines.fleet.runtime.scheduler import Runtime
from lanework.machines.fleet.state import METADATA, Words

MOST = 20_000
"""Epochs after which a random program does not end, which would be a defect of the generator."""
COUNTS = tuple(name for name in Progress.__dataclass_fields__ if name != "stop")
"""What all engines count."""


@dataclass(frozen=True)
class Case:
    """Something to run.

    Attributes:
        program: the program.
        shared: what shared memory begins with, as words.
        settings: how it runs; layout, format and sort come from the way.
        cut: the epoch at which it is looked at for the first time.
        fuel: instructions of all VMs, or None.
    """

    program: Program
    shared: Words
    settings: Settings
    cut: int = 0
    fuel: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """What can be seen of a run.

    Attributes:
        stop: `done`, `epochs` for where it was cut, or the code of a trap and its instruction.
        counts: in the order of `COUNTS`.
        shared: shared memory.
        vms: the rows of `VMState`; that of the mirrored IP is 0. None where nobody looks at them.
        ahead: whether phases ran whole.
    """

    stop: str
    counts: tuple[object, ...]
    shared: Words
    vms: Words | None
    ahead: bool = False


def snapshots(
    engine: Engine, case: Case, steps: bool = False, *, blind: bool = False
) -> list[Snapshot]:
    """Run a case: what there is at its cut, and at the end.

    Args:
        engine: what runs it.
        case: the case.
        steps: whether one epoch at a time, saved and restored now and then.
        blind: whether VMs of phases that run whole are not looked at: that would run it again.
    """
    view = FleetView.of(case.program)
    runtime = Runtime(engine, view, Limits(fuel=case.fuel))
    runtime.begin(case.shared.copy())
    if isinstance(engine, AheadEngine):  # which is not looked at while it runs
        return [_until(runtime, None, steps, blind)]
    seen = [_until(runtime, case.cut, steps)]
    if seen[0].stop == "epochs":
        seen.append(_until(runtime, MOST, steps))
    return seen


def _until(runtime: Runtime, epochs: int | None, steps: bool, blind: bool = False) -> Snapshot:
    stop = "epochs"
    try:
        if not steps or epochs is None:
            stop = "done" if runtime.run(epochs) else stop
        else:
            for number in range(epochs):
                if number % 16 == 3:
                    saved = runtime.save()
                    with contextlib.suppress(Trap):
                        runtime.run(5)
                    runtime.restore(saved)
                if runtime.run(1):
                    stop = "done"
                    break
    except Trap as trap:
        stop = f"{trap.code.ident} at {trap.instruction}"
    engine, vms = runtime.engine, None
    ahead = isinstance(engine, AheadEngine) and engine.advanced
    if not (blind and ahead):
        vms = engine.vms().words
        vms[0] = 0
    counts = tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(runtime.counts, name) for name in COUNTS)
    )
    return Snapshot(stop, counts, engine.shared(), vms, ahead)


def difference(
    case: Case, expected: Sequence[Snapshot], actual: Sequence[Snapshot], ulp: int | None = 0
) -> str | None:
    """How two runs of a case differ, or None.

    Args:
        case: what was run.
        expected: one run.
        actual: the other.
        ulp: how far loose values may be apart; None leaves them out.
    """
    view, free = FleetView.of(case.program), loose(case.program)
    for a, b in zip(expected, actual, strict=False):
        when = "at the end" if a is expected[-1] else f"after epoch {case.cut}"
        what = _stopped(a, b) or _shared(a, b, free, ulp) or _vms(a, b, view, free, ulp)
        if what:
            return f"{when} {what}"
    if len(expected) != len(actual):
        return f"there are {len(actual)} stops and not {len(expected)}"
    if expected[-1].stop == "epochs":
        return f"it does not end within {MOST:,} epochs"
    return None


def outcome(case: Case, a: Snapshot, b: Snapshot, ulp: int | None = 0) -> str | None:
    """How two runs differ in the end, or None.

    After a trap other VMs have gone on, or not, as far as they please; and so there may be another
    trap where fuel is short.
    """
    fuel = [each.stop.startswith(FUEL_SPENT.ident) for each in (a, b)]
    if any(fuel) and "done" not in (a.stop, b.stop):
        return None
    if a.stop == b.stop and a.stop != "done":
        names = [COUNTS.index(each) for each in ("first_fault", "epochs")]
        x, y = ([each.counts[n] for n in names] for each in (a, b))
        return None if x == y else f"the first fault is {y} and not {x}"
    row = FleetView.of(case.program).profile.word("swept")  # which counts sweeps that were not
    for each in (a, b):
        if each.vms is not None:
            each.vms[row] = 0
    return difference(case, [a], [b], ulp)


def _stopped(a: Snapshot, b: Snapshot) -> str | None:
    if a.stop != b.stop:
        return f"it stopped with {b.stop} and not {a.stop}"
    for name, x, y in zip(COUNTS, a.counts, b.counts, strict=True):
        if x != y:
            return f"{name} is {y} and not {x}"
    return None


def _shared(a: Snapshot, b: Snapshot, free: Loose, ulp: int | None) -> str | None:
    wrong = ~same(a.shared, b.shared)
    loose = free.shared_words
    wrong[loose] &= ~_close(a.shared[loose], b.shared[loose], ulp)
    if not wrong.any():
        return None
    n = int(np.flatnonzero(wrong)[0])
    return f"shared word {n} is {_shown(b.shared[n])} and not {_shown(a.shared[n])}"


def _vms(a: Snapshot, b: Snapshot, view: FleetView, free: Loose, ulp: int | None) -> str | None:
    if a.vms is None or b.vms is None:
        return None
    profile = view.profile
    wrong = a.vms != b.vms
    wrong[: profile.length] = ~same(a.vms[: profile.length], b.vms[: profile.length])
    for row in (*map(profile.register, free.registers), *map(profile.own, free.own_words)):
        wrong[row] &= ~_close(a.vms[row], b.vms[row], ulp)
    if not wrong.any():
        return None
    row, vm = (int(each) for each in np.argwhere(wrong)[0])
    name, x, y = profile.fields[row], a.vms[row, vm], b.vms[row, vm]
    seen, right = (y, x) if name in METADATA else (_shown(y), _shown(x))
    return f"{name} of VM {vm} is {seen} and not {right}"


def _shown(word: np.uint32) -> str:
    return f"{float(word.view(np.float32)):.9g} ({int(word):#010x})"


def same(a: Words, b: Words) -> npt.NDArray[np.bool_]:
    """Where words are equal, or both NaN."""
    x, y = np.isnan(a.view(np.float32)), np.isnan(b.view(np.float32))
    out: npt.NDArray[np.bool_] = (a == b) | (x & y)
    return out


def _close(a: Words, b: Words, ulp: int | None) -> npt.NDArray[np.bool_]:
    """Where floats are at most so many units in the last place apart."""
    if ulp is None:
        return np.ones(a.shape, np.bool_)
    x, y = (_ordered(each) for each in (a, b))
    near: npt.NDArray[np.bool_] = np.abs(x - y) <= ulp
    numbers = ~np.isnan(a.view(np.float32)) & ~np.isnan(b.view(np.float32))
    return same(a, b) | (near & numbers)


def _ordered(words: Words) -> npt.NDArray[np.int64]:
    """Integers in the order of floats, neighbours next to each other."""
    size = (words & np.uint32(0x7FFFFFFF)).astype(np.int64)
    return np.where(words >> np.uint32(31), -size, size)
