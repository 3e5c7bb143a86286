"""Branches, calls and system calls of the reference: where VMs go next, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.machines.fleet.reference import groups, sharing
from lanework.machines.fleet.reference.execution import Execution
from lanework.machines.fleet.reference.groups import Members
from lanework.machines.fleet.state import Fault, Status, Words

Values = Mapping[str, int]
Handler = Callable[[Members], None]
Maker = Callable[[Execution, int, Values], Handler]
"""From an execution, an instruction's number and operands to what it does to a group of VMs."""

YIELDED = np.uint32(Status.YIELDED)

Test = Callable[[npt.NDArray[np.float32], np.float32], Any]


def _branch(test: Test) -> Maker:
    def make(run: Execution, ip: int, values: Values) -> Handler:
        cond = run.register(values["cond"]).view(np.float32)
        epsilon, target = np.float32(run.view.epsilon), values["target"]

        def handle(members: Members) -> None:
            taken, rest = groups.split(members, test(cond[members], epsilon))
            run.go(target, taken)
            run.go(ip + 1, rest)

        return handle

    return make


def _zero(x: npt.NDArray[np.float32], epsilon: np.float32) -> Any:
    return np.abs(x) < epsilon if epsilon > 0.0 else x == 0.0


def _call(run: Execution, ip: int, values: Values) -> Handler:
    rows = [run.register(number) for number in run.view.convention.saved]
    pointers, frames, depth = run.state.row("stack_pointer"), run.frames, run.view.depth

    def handle(members: Members) -> None:
        full, rest = groups.split(members, pointers[members] >= depth)
        run.fault(ip, full, Fault.STACK_OVERFLOW)
        if rest is None:
            return
        level, who = _frames(pointers, rest)
        frames[level, 0, who] = ip + 1
        for n, row in enumerate(rows, 1):
            frames[level, n, who] = row[rest]
        pointers[rest] += np.uint32(1)
        run.go(values["target"], rest)

    return handle


def _return(run: Execution, ip: int, values: Values) -> Handler:
    rows = [run.register(number) for number in run.view.convention.saved]
    pointers, frames = run.state.row("stack_pointer"), run.frames

    def handle(members: Members) -> None:
        empty, rest = groups.split(members, pointers[members] == 0)
        run.fault(ip, empty, Fault.STACK_UNDERFLOW)
        if rest is None:
            return
        pointers[rest] -= np.uint32(1)
        level, who = _frames(pointers, rest)
        for n, row in enumerate(rows, 1):
            row[rest] = frames[level, n, who]
        back = frames[level, 0, who]
        if (back == back[0]).all():
            run.go(int(back[0]), rest)
            return
        for target in np.unique(back).tolist():
            run.go(target, groups.split(rest, back == target)[0])

    return handle


def _frames(pointers: Words, members: Members) -> tuple[Any, Members]:
    """Where the frames of VMs are: levels, and VMs; one level where that is all of theirs."""
    level = pointers[members]
    if isinstance(members, slice) and (level == level[0]).all():
        return int(level[0]), members
    return level, groups.ids(members)


def _read(run: Execution, ip: int, values: Values) -> Handler:
    row = run.register(values["addr"])

    def handle(members: Members) -> None:
        rest, at = run.place(ip, members, row[members], True)
        if rest is None:
            return
        if isinstance(at, slice):
            words = run.words[at]
        else:
            words, missing = sharing.read(run.words, at)
            run.progress.reads_outside += missing
        run.put(values["dest"], rest, words)
        run.go(ip + 1, rest)

    return handle


def _write(run: Execution, ip: int, values: Values) -> Handler:
    row, source = run.register(values["addr"]), run.register(values["src"])

    def handle(members: Members) -> None:
        rest, at = run.place(ip, members, row[members], False)
        if rest is None:
            return
        if not isinstance(at, slice):
            run.progress.writes_outside += int(np.count_nonzero(at < 0))
        run.store(ip, at)
        run.writes[ip] = rest, at, source[rest]  # of which none changes before they are done

    return handle


def _asks(bits: Callable[[Execution, Members], Any]) -> Maker:
    """Of an instruction that gives what a VM knows of itself."""

    def make(run: Execution, ip: int, values: Values) -> Handler:
        def handle(members: Members) -> None:
            run.put(values["dest"], members, bits(run, members))
            run.go(ip + 1, members)

        return handle

    return make


def _float(name: str) -> Callable[[Execution, Members], Words]:
    """A row of whole numbers as floats."""
    return lambda run, members: run.state.row(name)[members].astype(np.float32).view(np.uint32)


def _yield(run: Execution, ip: int, values: Values) -> Handler:
    status, swept = run.state.row("status"), run.state.row("swept")

    def handle(members: Members) -> None:
        status[members] = YIELDED
        swept[members] = run.sweep
        run.yielded.append(members)
        run.go(ip + 1, members)

    return handle


def changed(run: Execution, ip: int, members: Members) -> tuple[npt.NDArray[np.bool_], Any]:
    """Which VMs at a WAIT may go on, and their addresses."""
    values = run.view.infos[ip].values(run.view.instructions[ip])
    at = run.addresses(ip, run.register(values["addr"])[members])
    words, _ = sharing.read(run.words, at)
    return words != run.register(values["src"])[members], at


def _wait(run: Execution, ip: int, values: Values) -> Handler:
    row = run.register(values["addr"])

    def handle(members: Members) -> None:
        rest, _ = run.inside(ip, members, row[members])
        if rest is None:
            return
        mask, at = changed(run, ip, rest)
        run.progress.reads_outside += int(np.count_nonzero(at < 0))
        ready, still = groups.split(rest, mask)
        run.go(ip + 1, ready)
        if still is not None:
            run.state.row("status")[still] = Status.BLOCKED
            known = run.blocked.get(ip)
            run.blocked[ip] = still if known is None else groups.merge([known, still])

    return handle


HANDLERS: dict[str, Maker] = {
    "BRANCH_EQ": _branch(_zero),
    "BRANCH_NE": _branch(lambda x, epsilon: ~_zero(x, epsilon)),
    "BRANCH_LT": _branch(lambda x, epsilon: x < 0.0),
    "BRANCH_GT": _branch(lambda x, epsilon: x > 0.0),
    "BRANCH_LE": _branch(lambda x, epsilon: x <= 0.0),
    "BRANCH_GE": _branch(lambda x, epsilon: x >= 0.0),
    "JUMP": lambda run, ip, values: partial(run.go, values["target"]),
    "CALL": _call,
    "RETURN": _return,
    "SYSCALL_READ": _read,
    "IREAD": _read,
    "SYSCALL_WRITE": _write,
    "IWRITE": _write,
    "SYSCALL_VMID": _asks(_float("vm_id")),
    "IVMID": _asks(lambda run, members: run.state.row("vm_id")[members]),
    "VMGID": _asks(_float("global_id")),
    "VMCOUNT": _asks(lambda run, who: run.counts[run.state.row("batch")[who]].view(np.uint32)),
    "SYSCALL_YIELD": _yield,
    "SYSCALL_HALT": lambda run, ip, values: partial(run.end, ip, status=Status.HALTED),
    "WAIT": _wait,
}
"""What each branch and I/O instruction does that VMs do not do one after another."""
