"""Verification: a table of rules, each a check that yields what it finds.

A machine lists its rules; `run_rules` runs them in order. A rule marked `gate` stops the rest
when it finds something, because later rules rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from lanework.base.errors import Code, Diagnostic
from lanework.core.program.data import ListingEntry, ProgramData

V = TypeVar("V")


@dataclass(frozen=True)
class Finding:
    """What a rule found: a sentence, the instruction to blame, if there is one, and what to do."""

    message: str
    instruction: int | None = None
    help: str | None = None


@dataclass(frozen=True)
class Rule(Generic[V]):
    """A rule: its code, the check over the machine's view, and whether it is a gate."""

    code: Code
    check: Callable[[V], Iterator[Finding]]
    gate: bool = False


def run_rules(program: ProgramData, view: V, rules: Iterable[Rule[V]]) -> list[Diagnostic]:
    """Everything that the rules find, as diagnostics that show only the guilty instruction."""
    out: list[Diagnostic] = []
    for rule in rules:
        findings = [_diagnostic(program, rule.code, finding) for finding in rule.check(view)]
        out += findings
        if findings and rule.gate:
            break
    return out


def _diagnostic(program: ProgramData, code: Code, finding: Finding) -> Diagnostic:
    entries = (each for each in program.listing if each.instruction == finding.instruction)
    entry = next(entries, ListingEntry(0))
    notes = [f"instruction {finding.instruction}: {entry.text}"] if entry.text else []
    return Diagnostic(code, finding.message, span=entry.span, notes=notes, help=finding.help)
