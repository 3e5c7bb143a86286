"""What is in a program, as plain values for people and for ``--json``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from lanework.base.lazy import load
from lanework.core.machine import find
from lanework.core.program.program import Program
from lanework.core.result.show import html_table, many, markup, size

DRAWN = 60  # nodes up to which a drawing is shown with a program
LISTED = 12  # ports that are named


def inspect(program: Program) -> dict[str, Any]:
    """Counts, ports, sections with their bytes, notes and hash.

    Returns:
        machine, hash, header, instructions (in all and by name), ports, constants, sections
        (name -> bytes), listing (entries), notes; and what the machine has to say.
    """
    machine = find(program.machine)
    code = machine.isa.decode(program.tape)
    counts = Counter(instruction.name for instruction in code)
    sections = {name: len(data) for name, data in sorted(program.sections.items())}
    return {
        "machine": program.machine,
        "hash": program.hash,
        "header": dict(program.header),
        "instructions": len(code),
        "by_name": dict(counts.most_common()),
        "ports": [asdict(port) for port in program.ports],
        "constants": len(program.constants),
        **(load(machine.facts)(program) if machine.facts and not program.problems() else {}),
        "sections": {"tape": len(program.tape), **sections},
        "listing": len(program.listing),
        "notes": list(program.notes),
    }


def html(program: Program) -> str:
    """What a notebook shows: facts, ports, notes, and a drawing where that is small."""
    code = find(program.machine).isa.decode(program.tape)
    facts = [
        ["name", str(program.header.get("name", "")) or "-"],
        ["instructions", f"{len(code):,}"],
        ["constants", f"{len(program.constants):,} ({size(8 * len(program.constants))})"],
        *([what, _named(ports)] for what, ports in _ports(program)),
        *(["", note] for note in program.notes),
        ["hash", program.hash[:16]],
    ]
    page = html_table(["", f"{program.machine} program"], facts, "Program")
    where = find(program.machine).drawing
    if where is not None and not program.problems():
        drawing = load(where)(program)
        if len(drawing.nodes) <= DRAWN:
            page += drawing.svg()
        else:
            page += f"<p>{markup(many(len(drawing.nodes), 'node'))}, too many to draw here</p>"
    return page


def _ports(program: Program) -> list[tuple[str, list[str]]]:
    return [
        ("inputs", [port.name for port in program.inputs]),
        ("outputs", [port.name for port in program.outputs]),
    ]


def _named(names: list[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more
