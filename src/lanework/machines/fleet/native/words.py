"""What a VM does with words of shared memory, and what is counted of it."""

from __future__ import annotations

from collections.abc import Mapping

from lanework.core.ops.bodies import arithmetic
from lanework.engines.lanes.program import Compute, Copy, Load, Step, Store, Tally, Update
from lanework.machines.fleet.analysis.accesses import WRITES
from lanework.machines.fleet.analysis.effects import Effects
from lanework.machines.fleet.analysis.kinds import stores
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import graphs
from lanework.machines.fleet.native.parts import parts

Names = Mapping[str, int]
"""Variables: `index`, where the word is; `scratch`, `old` and `tally`, which are nobody's."""


def accessed(effects: Effects, ip: int, names: Names, *, inside: bool, row: bool) -> list[Step]:
    """A read, a write, or an atomic in whose word no order is seen.

    Args:
        effects: what is known of the program.
        ip: the instruction.
        names: variables.
        inside: whether the word certainly is.
        row: whether lanes have theirs in a row.
    """
    view, index = effects.view, names["index"]
    info, register = view.infos[ip], view.profile.register
    values = info.values(view.instructions[ip])
    if info.name in ("SYSCALL_READ", "IREAD"):
        part = parts(effects).reads.get(ip, 0)
        return [Load(register(values["dest"]), index, inside, row, part=part)]
    if info.name in WRITES:
        return [Store(index, register(values["src"]), inside, row)]
    if anyhow(effects, ip):
        assert info.updates is not None
        how = info.updates.name.removeprefix("i")  # what LLVM calls it
        return [Update(index, register(values["src"]), how)]
    return _own(view, ip, names)


def anyhow(effects: Effects, ip: int) -> bool:
    """Whether VMs may do an atomic in any order."""
    access = effects.access(ip)
    return access is not None and access.update is not None


def _own(view: FleetView, ip: int, names: Names) -> list[Step]:
    """What an atomic does with a word that no other VM is at."""
    info, register = view.infos[ip], view.profile.register
    values = info.values(view.instructions[ip])
    index, old, new = names["index"], names["old"], names["scratch"]
    steps: list[Step] = [Load(old, index, counted=False)]
    if info.updates is None:
        given = register(values["src1"]), register(values["src2"])
        steps.append(Compute(new, graphs.SWAP, (old, *given)))
    else:
        source = register(values["src"])
        kind = "f32" if "f32" in info.updates.dtypes else "i32"
        steps.append(Compute(new, info.updates.graph(kind), (old, source)))
        if info.updates is arithmetic.add:
            steps += [
                Compute(names["tally"], graphs.STALLED, (index, old, source)),
                Tally(names["tally"], "stalled"),
            ]
    return [*steps, Store(index, new), Copy(register(values["dest"]), old)]


def mixed(effects: Effects, ip: int, names: Names) -> list[Step]:
    """Count words of another kind than where an instruction may put them."""
    known, access = stores(effects.view), effects.access(ip)
    if known is None or access is None:
        return []
    where = known.where(ip, access.first, access.last)
    if not where:
        return []
    test = Compute(names["tally"], graphs.within(tuple(where)), (names["index"],))
    return [test, Tally(names["tally"], "mixed")]
