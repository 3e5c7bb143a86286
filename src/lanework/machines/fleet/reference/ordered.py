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

NOWHERE: sharing.Addresses = np.zeros(0, np.int64)
NO_ROOM = np.float32(-1.0).view(np.uint32)


def run_ordered(run: Execution) -> None:
    """Let every VM that waits for its turn have it."""
    sound: dict[int, tuple[Members, sharing.Addresses]] = {}
    for ip, members in run.waiting.items():
        info, rest, at = run.view.infos[ip], members, NOWHERE
        if info.atomic:
            values = info.values(run.view.instructions[ip])
            rest, at = run.inside(ip, members, run.register(values["addr"])[members])
        if rest is not None:
            sound[ip] = rest, at
    if len(sound) == 1:
        (ip, (members, at)), *_ = sound.items()
        if _at_once(run, ip, members, at):
            return
    if not sound:
        return
    turns: dict[int, tuple[Members, Turn]] = {}
    for ip, (members, _) in sound.items():
        info = run.view.infos[ip]
        turn = TURNS[info.name](run, ip, info.values(run.view.instructions[ip]))
        turns[ip] = members, turn
    who = [groups.ids(members) for members, _ in turns.values()]
    ips = np.repeat(list(turns), [len(each) for each in who])
    vms = np.concatenate(who)
    for n in np.argsort(vms):
        vm = int(vms[n])
        turns[int(ips[n])][1](vm, slice(vm, vm + 1))


def _at_once(run: Execution, ip: int, members: Members, at: sharing.Addresses) -> bool:
    """All VMs at the same instruction at once, where that comes to the same."""
    info = run.view.infos[ip]
    if info.name == "SYSCALL_KILL":
        _end(run, ip, members)
        return True
    return info.updates is not None and _together(run, ip, members, at)


def _together(run: Execution, ip: int, members: Members, at: sharing.Addresses) -> bool:
    info = run.view.infos[ip]
    values = info.values(run.view.instructions[ip])
    inside = at >= 0
    there, given = at[inside], run.register(values["src"])[members][inside]
    kept = run.words[there]
    before = sharing.together(info.updates, run.words, there, given)
    if before is None:
        return False
    if traps(run, info) and not (sharing.finite(before) & sharing.finite(run.words[there])).all():
        run.words[there] = kept
        return False
    run.store(ip, at)
    run.progress.writes_outside += len(at) - len(there)
    if info.updates is arithmetic.add:
        run.progress.stalled += sharing.stalled(before, given)
    words = np.zeros(len(at), np.uint32)
    words[inside] = before
    run.put(values["dest"], members, words)
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
    return lambda vm, member: _end(run, ip, member)


def _end(run: Execution, ip: int, members: Members) -> None:
    """End VMs and free their places."""
    run.end(ip, members, Status.FREE)
    who = groups.ids(members)
    started = who[who >= run.view.allocation.slots]
    if len(started):
        run.spare = min(run.spare, int(started[0]))


TURNS: dict[str, Maker] = {
    **{info.name: _atomic for info in FLEET.by_name.values() if info.atomic},
    "SYSCALL_SPAWN": _spawn,
    "SYSCALL_KILL": _kill,
}
"""What each ordered instruction does in the turn of one VM."""
