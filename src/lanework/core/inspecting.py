"""What is in a program, as plain values for people and for ``--json``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from lanework.core.machine import find
from lanework.core.program import Program


def inspect(program: Program) -> dict[str, Any]:
    """Counts, ports, sections with their bytes, notes and hash.

    Returns:
        machine, hash, header, instructions (in all and by name), ports, constants, sections
        (name -> bytes), listing (entries), notes.
    """
    code = find(program.machine).isa.decode(program.tape)
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
        "sections": {"tape": len(program.tape), **sections},
        "listing": len(program.listing),
        "notes": list(program.notes),
    }
