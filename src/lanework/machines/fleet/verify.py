"""What every fleet program must keep to."""

from __future__ import annotations

from collections.abc import Iterator

from lanework.base.errors import Diagnostic
from lanework.core.program import Program
from lanework.core.verify import Finding, Rule, run_rules
from lanework.machines.fleet.codes import TOO_LARGE
from lanework.machines.fleet.layout import FleetView

MOST_INSTRUCTIONS = 1 << 24
"""The instruction pointer is a float too, which is exact up to here."""


def verify(program: Program) -> list[Diagnostic]:
    """Every rule that the program breaks."""
    try:
        view = FleetView.of(program)
    except Diagnostic as problem:
        return [problem]
    return run_rules(program, (program, view), RULES)


_Both = tuple[Program, FleetView]


def _size(both: _Both) -> Iterator[Finding]:
    count = len(both[1].instructions)
    if count > MOST_INSTRUCTIONS:
        yield Finding(f"the program has {count:,} instructions, more than {MOST_INSTRUCTIONS:,}")


RULES = (Rule(TOO_LARGE, _size, gate=True),)
