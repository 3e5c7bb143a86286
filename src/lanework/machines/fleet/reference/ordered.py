"""What VMs do one after another, by global id: atomics, and starting and ending VMs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lanework.core.ops.bodies import arithmetic
from lanework.machines.fleet.isa import FLEET, FleetInstr
from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.control import Values
from lanework.machines.fleet.reference.execution import Execution
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.state import Fault, Status

Turn = Callable[[int, slice], None]
"""What a VM does in its turn: its number, and the same as members."""

Maker = Callable[[Execution, int, Values], Turn]

NO_ROOM = np.float32(-1.0).view(np.uint32)


def run_ordered(run: Execution) -> None:
    """Let every VM that waits for its turn have it."""
    turns: dict[int, tuple[Members, Turn]] = {}
    for ip, members in run.waiting.items():
        info, sound = run.view.infos[ip], members
        values = info.values(run.view.instructions[ip])
        if "addr" in values:
            sound, _ = run.inside(ip, members, run.register(values["addr"])[members])
        if sound is not None:
            turns[ip] = sound, TURNS[info.name](run, ip, values)
    if len(turns) == 1:
        (ip, (members, _)), *_ = turns.items()
        if _together(run, ip, members):
            return
    if not turns:
        return
    who = [groups.ids(members) for members, _ in turns.values()]
    ips = np.repeat(list(turns), [len(each) for each in who])
    vms = np.concatenate(who)
    for n in np.argsort(vms):
        vm = int(vms[n])
        turns[int(ips[n])][1](vm, slice(vm, vm + 1))


def _together(run: Execution, ip: int, members: Members) -> bool:
    """All at the same atomic at once, where that comes to the same."""
    info = run.view.infos[ip]
    values = info.values(run.view.instructions[ip])
    if info.updates is None:
        return False
    at = run.addresses(ip, run.register(values["addr"])[members])
    if (at < 0).any():
        return False
    given = np.array(run.register(values["src"])[members])
    kept = run.words[at]
    before = sharing.together(info.updates, run.words, at, given)
    if before is None:
        return False
    if traps(run, info) and not (sharing.finite(before) & sharing.finite(run.words[at])).all():
        run.words[at] = kept
        return False
    run.store(ip, at)
    if info.updates is arithmetic.add:
        run.progress.stalled += sharing.stalled(before, given)
    run.put(values["dest"], members, before)
    run.go(ip + 1, members)
    return True


def traps(run: Execution, info: FleetInstr) -> bool:
    """Whether a VM faults for whom it has no finite result."""
    return run.settings.arithmetic == "trap" and info.may_overflow


def _atomic(run: Execution, ip: int, values: Values) -> Turn:
    info, addresses = run.view.infos[ip], run.register(values["addr"])
    trapping = traps(run, info)
    update = sharing.update(info)
    sources = [run.register(values[name]) for name in values if name.startswith("src")]

    def turn(vm: int, member: slice) -> None:
        where = run.addresses(ip, addresses[member])
        at, before = int(where[0]), np.uint32(0)
        if at < 0:
            run.progress.writes_outside += 1
        else:
            before, given = run.words[at], [source[vm] for source in sources]
            word = update(before, *given)
            if trapping and sharing.finite(np.array([before, *given])).all() > sharing.finite(word):
                run.fault(ip, member, Fault.BAD_VALUE)
                return
            run.words[at] = word
            if info.updates is arithmetic.add:
                run.progress.stalled += sharing.stalled(np.array([before]), sources[0][member])
        run.store(ip, where)
        run.put(values["dest"], member, before)
        run.go(ip + 1, member)

    return turn


def _spawn(run: Execution, ip: int, values: Values) -> Turn:
    def turn(vm: int, member: slice) -> None:
        number = _start(run, values["target"], vm, run.register(values["src"])[vm])
        run.put(values["dest"], member, number)
        run.go(ip + 1, member)

    return turn


def _start(run: Execution, entry: int, parent: int, data: np.uint32) -> np.uint32:
    """Start a VM at the lowest free place; the bits of its number."""
    state, slot = run.state, run.spare
    status = state.row("status")
    while slot < state.count and status[slot] != Status.FREE:
        slot += 1
    run.spare = min(slot + 1, state.count)
    if slot == state.count:
        run.progress.unborn += 1
        return np.uint32(NO_ROOM)
    state.words[1 : state.profile.length - 1, slot] = 0
    run.register(0)[slot] = data
    batch = state.row("batch")[parent]
    fields = {"vm_id": slot, "status": Status.RUNNING, "batch": batch}
    for name in ("vm_id", "stack_pointer", "status", "fault", "batch", "counter", "swept"):
        state.row(name)[slot] = fields.get(name, 0)
    state.row("generation")[slot] += np.uint32(1)
    run.blocks.forget(slice(slot, slot + 1))
    run.live[batch] += 1
    run.progress.live += 1
    run.go(entry, slice(slot, slot + 1))
    return np.float32(slot).view(np.uint32)


def _kill(run: Execution, ip: int, values: Values) -> Turn:
    def turn(vm: int, member: slice) -> None:
        run.end(ip, member, Status.FREE)
        if vm >= run.view.allocation.slots:
            run.spare = min(run.spare, vm)

    return turn


TURNS: dict[str, Maker] = {
    **{info.name: _atomic for info in FLEET.by_name.values() if info.atomic},
    "SYSCALL_SPAWN": _spawn,
    "SYSCALL_KILL": _kill,
}
"""What each ordered instruction does in the turn of one VM."""
