"""Whether what an instruction gives is used: live variables, of one register at a time."""

from __future__ import annotations

from collections.abc import Iterator

from lanework.core.program.isa import OperandKind
from lanework.machines.fleet.analysis.controlflow import ControlFlow

END = "SYSCALL_HALT"


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
