"""What goes into a belief program and comes out of it."""

from __future__ import annotations

from collections.abc import Sequence

from lanework.core.program import Port, Program
from lanework.machines.belief.emit import Emitter
from lanework.machines.belief.model import FactorGraph

LN_P = "ln_p_evidence"


def finish(
    out: Emitter,
    graph: FactorGraph,
    asked: Sequence[str],
    observed: Sequence[str],
    semiring: str,
    notes: tuple[str, ...],
    *,
    pruned: bool = False,
) -> Program:
    """The program that was written, with a port for each variable observed or asked for.

    Args:
        out: the instructions; the marginals are in slots, and so is the whole sum.
        graph: the variables.
        asked: those whose marginals are outputs.
        observed: those whose states are inputs.
        semiring: what the program is bound to unless another is asked for.
        notes: what the compiler did.
        pruned: whether tables were left out because they sum to one.
    """
    number = {name: n for n, name in enumerate(graph.variables)}
    slots = {slot: n for n, slot in enumerate(out.slots)}
    ports = [
        Port(name, "in", number[name], categories=graph.variables[name].states) for name in observed
    ]
    ports += [Port(name, "out", slots["bel", number[name]]) for name in asked]
    ports.append(Port(LN_P, "out", slots["Z",]))
    header: dict[str, int | float | str] = {"name": graph.name, "semiring": semiring}
    if pruned:
        header["pruned"] = 1
    return out.program(ports, header, notes)
