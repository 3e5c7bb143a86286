"""A fleet program epoch by epoch: what happens in each, and one VM's trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.machines.fleet.codes import BAD_VM
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.runtime.scheduler import Runtime
from lanework.machines.fleet.state import LIVE, Status, VMState


class Run:
    """What can be seen of a run at any time."""

    runtime: Runtime

    @property
    def vms(self) -> VMState:
        """All VMs as they are now."""
        with self.runtime.held() as engine:
            return engine.vms()

    @property
    def shared(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Shared memory as it is now."""
        with self.runtime.held() as engine:
            return engine.shared().view(np.float32)


@dataclass(frozen=True)
class Epoch(Run):
    """What there is after an epoch.

    Attributes:
        number: the epoch, from 1.
        phase: the entry of the schedule that was begun last.
        kernels: instructions that each kernel executed in this epoch.
        live: VMs that have not ended.
        ended: whether everything has run.
        runtime: the run.
    """

    number: int
    phase: int
    kernels: dict[str, int]
    live: int
    ended: bool
    runtime: Runtime = field(repr=False)


@dataclass(frozen=True)
class Moment:
    """One VM in one epoch.

    Attributes:
        epoch: the epoch, from 1.
        phase: the entry of the schedule.
        ip: the instruction that it executed, or None if it did not run.
        text: that instruction.
        kernel: the kernel that ran it.
        status: what the VM does after the epoch.
        registers: after the epoch; float32.
        memory: after the epoch; float32.
    """

    epoch: int
    phase: int
    ip: int | None
    text: str
    kernel: str
    status: Status
    registers: np.ndarray[Any, np.dtype[np.float32]]
    memory: np.ndarray[Any, np.dtype[np.float32]]


def watch(runtime: Runtime, most: int | None = None) -> Iterator[Epoch]:
    """Run an epoch at a time.

    Args:
        runtime: the run, as it has begun.
        most: epochs at most.
    """
    done = 0
    while most is None or done < most:
        before = runtime.counts
        ended = runtime.run(1)
        counts = runtime.counts
        if counts.epochs > before.epochs:
            done += 1
            kernels = {
                kernel.name.lower(): counts.by_kernel[kernel] - before.by_kernel[kernel]
                for kernel in Kernel
            }
            yield Epoch(counts.epochs, runtime.phase, kernels, counts.live, ended, runtime)
        if ended:
            return


def trace(runtime: Runtime, vm: int, most: int | None = None) -> Iterator[Moment]:
    """What one VM does, epoch by epoch.

    Args:
        runtime: the run, as it has begun.
        vm: the VM's number among all.
        most: epochs at most.

    Raises:
        Diagnostic: LW6030.
    """
    view = runtime.view
    check_vm(view, vm)
    done = 0
    while most is None or done < most:
        before, counts, step = vm_of(runtime, vm), runtime.counts, runtime.cursor.step
        ended = runtime.run(1)
        if runtime.counts.epochs > counts.epochs:
            done += 1
            yield _moment(runtime, before, vm_of(runtime, vm), step)
        if ended:
            return


def vm_of(runtime: Runtime, number: int) -> VMState:
    """One VM as it is now."""
    with runtime.held() as engine:
        return engine.vm(number)


def _moment(runtime: Runtime, before: VMState, after: VMState, step: int) -> Moment:
    """What a VM did between two looks at it, the first of them before this step was begun."""
    view, profile = runtime.view, runtime.view.profile
    first = Status(int(before.row("status")[0]))
    now = Status(int(after.row("status")[0]))
    ip = _entry(runtime, int(after.row("global_id")[0]), step)
    waits = first is Status.BLOCKED and now is Status.BLOCKED
    if ip is None and first in LIVE and not waits:
        ip = int(before.row("ip")[0])
    floats = after.floats[:, 0]
    return Moment(
        epoch=runtime.counts.epochs,
        phase=runtime.phase,
        ip=ip,
        text="" if ip is None else show(view, ip),
        kernel="" if ip is None else view.infos[ip].kernel.name.lower(),
        status=now,
        registers=floats[1 : 1 + profile.registers].copy(),
        memory=floats[profile.own(0) : profile.own(profile.memory)].copy(),
    )


def _entry(runtime: Runtime, vm: int, step: int) -> int | None:
    """Where a VM began, if it was launched in this step or after it."""
    for launches in runtime.view.allocation.steps[step : runtime.cursor.step]:
        for allocated in launches:
            if allocated.slot <= vm < allocated.slot + allocated.launch.count:
                return runtime.view.routines[allocated.launch.routine].entry
    return None


def show(view: FleetView, ip: int) -> str:
    """An instruction as it is listed, or else as assembly is printed."""
    from lanework.machines.fleet.text import asm

    entry, routine = view.listing.get(ip), view.routine_of(ip)
    if entry is not None and entry.text:
        return entry.text
    names = {each.entry: each.name for each in view.routines}
    assert routine is not None
    return asm.show(routine, view.instructions[ip], names)


def check_vm(view: FleetView, vm: int) -> None:
    """Refuse a VM that there is not.

    Raises:
        Diagnostic: LW6030.
    """
    if isinstance(vm, bool) or not isinstance(vm, int | np.integer) or not 0 <= vm < view.slots:
        raise Diagnostic(
            BAD_VM,
            f"there is no VM {vm!r}",
            help=f"the program has VMs 0 to {view.slots - 1:,}",
        )
