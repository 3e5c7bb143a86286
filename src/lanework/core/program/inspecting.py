"""What is in a program, as plain values for people and for ``--json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lanework.core.machine import Machine
from lanework.core.program.data import Port, ProgramData
from lanework.core.result.show import figure, html_table, many, markup, size

if TYPE_CHECKING:
    from lanework.core.result.drawing import Drawing

DRAWN = 60  # nodes up to which a drawing is shown with a program
LISTED = 12  # ports that are named
LABELS = 6  # of a port that are shown


def inspect(
    program: ProgramData, digest: str, machine: Machine, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """See `Program.inspect`; `facts` is what the machine has to say."""
    code = machine.load("isa").decode(program.tape)
    counts = Counter(instruction.name for instruction in code)
    sections = {name: len(data) for name, data in sorted(program.sections.items())}
    return {
        "machine": program.machine,
        "hash": digest,
        "header": dict(program.header),
        "instructions": len(code),
        "by_name": dict(counts.most_common()),
        "ports": [asdict(port) for port in program.ports],
        "constants": len(program.constants),
        **facts,
        "sections": {"tape": len(program.tape), **sections},
        "listing": len(program.listing),
        "notes": list(program.notes),
    }


def port_table(
    title: str, ports: Sequence[Port], columns: Mapping[str, str]
) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of ports.

    Args:
        title: of the first column, the ports' names.
        ports: inputs or outputs.
        columns: title -> field of `Port`, as the machine says (`Machine.inputs`).
    """
    rows = [
        [port.name, *(_field(port, name) for name in columns.values()), _doc(port)]
        for port in ports
    ]
    return [title, *columns, "doc"], rows


def _field(port: Port, name: str) -> str:
    value = getattr(port, name)
    if isinstance(value, tuple):
        return ", ".join(value)
    if name == "default" and port.optional:
        return "optional"
    if name == "default" and value is not None:
        return port.categories[int(value)] if port.categories else figure(value)
    return "" if value is None else str(value)


def _doc(port: Port) -> str:
    doc = port.doc.split("\n")[0]
    if not port.categories:
        return doc
    more = ", ..." if len(port.categories) > LABELS else ""
    return f"{doc} ({', '.join(port.categories[:LABELS])}{more})".strip()


def html(program: ProgramData, digest: str, machine: Machine, drawing: Drawing | None) -> str:
    """What a notebook shows: facts, ports, notes, and a drawing where that is small."""
    code = machine.load("isa").decode(program.tape)
    facts = [
        ["name", str(program.header.get("name", "")) or "-"],
        ["instructions", f"{len(code):,}"],
        ["constants", f"{len(program.constants):,} ({size(8 * len(program.constants))})"],
        ["inputs", _named(program.inputs)],
        ["outputs", _named(program.outputs)],
        *(["", note] for note in program.notes),
        ["hash", digest[:16]],
    ]
    page = html_table(["", f"{program.machine} program"], facts, "Program")
    if drawing is None:
        return page
    if len(drawing.nodes) <= DRAWN:
        return page + drawing.svg()
    return page + f"<p>{markup(many(len(drawing.nodes), 'node'))}, too many to draw here</p>"


def _named(ports: Sequence[Port]) -> str:
    more = f" and {len(ports) - LISTED:,} more" if len(ports) > LISTED else ""
    return (", ".join(port.name for port in ports[:LISTED]) or "none") + more
