"""What VMs do one after another, by global id: atomics, and starting and ending VMs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    if info.name == "SYSCALL_SPAWN":
        _start(run, ip, info.values(run.view.instructions[ip]), members)
        return True
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
    return lambda vm, member: _start(run, ip, values, member)


def _start(run: Execution, ip: int, values: Values, parents: Members) -> None:
    """Start a VM for each of these at the lowest free places; where there is none, say so."""
    state, count = run.state, groups.size(parents)
    slots = _free(run, count)
    born, some = groups.tidy(slots), len(slots)
    numbers = np.full(count, NO_ROOM)
    if some:
        batch = state.row("batch")[parents][:some]
        data = run.register(values["src"])[parents][:some]
        for row in state.words[1 : state.profile.length - 1]:
            row[born] = 0
        run.register(0)[born] = data
        fields: dict[str, Any] = {"vm_id": slots, "status": int(Status.RUNNING), "batch": batch}
        for name in ("vm_id", "stack_pointer", "status", "fault", "batch", "counter", "swept"):
            state.row(name)[born] = fields.get(name, 0)
        state.row("generation")[born] += np.uint32(1)
        run.blocks.forget(born)
        run.live += np.bincount(batch, minlength=len(run.live))
        run.progress.live += some
        run.go(values["target"], born)
        numbers[:some] = slots.astype(np.float32).view(np.uint32)
    run.progress.unborn += count - some
    run.put(values["dest"], parents, numbers)
    run.go(ip + 1, parents)


def _free(run: Execution, count: int) -> groups.Index:
    """The lowest free places, so many at most; below `spare` there are none."""
    status, last = run.state.row("status"), run.state.count
    if count > 1:
        slots = run.spare + np.flatnonzero(status[run.spare :] == int(Status.FREE))[:count]
    else:  # others may come one by one, too
        slot = run.spare
        while slot < last and status[slot] != int(Status.FREE):
            slot += 1
        slots = np.arange(slot, min(slot + 1, last))
    run.spare = int(slots[-1]) + 1 if len(slots) == count else last
    return slots


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
