"""Test lines in assembly: ``; @test: r0=5 -> r0=120``, held on every engine."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.base.span import Span
from lanework.core.program.program import Program
from lanework.machines.register.codes import DISAGREE
from lanework.machines.register.runner import ENGINES, Runner

_LINE = re.compile(r"^\s*;\s*@test:\s*(.*?)\s*->\s*(.*?)\s*$")
FUEL = 100_000_000


@dataclass(frozen=True)
class Expectation:
    """What goes in, and what is to come out: numbers by port, or a trap's code."""

    given: dict[str, int | float]
    expected: dict[str, int | float]
    trap: str
    span: Span


def read_tests(text: str, source: str) -> list[Expectation]:
    """The test lines of an assembly file.

    Raises:
        Diagnostic: LW4020 for a line that cannot be read, or a file without any.

    Example:
        >>> read_tests("; @test: r0=5, r1=2 -> r0=10", "assembly")[0].expected
        {'r0': 10}
    """
    expectations = []
    for number, line in enumerate(text.splitlines(), 1):
        if "@test" not in line:
            continue
        span = Span(source, number, 1, number, len(line) + 1, text)
        match = _LINE.match(line)
        try:
            if match is None:
                raise ValueError
            trap = match[2] if re.fullmatch(r"LW\d{4}", match[2]) else ""
            expectations.append(
                Expectation(_pairs(match[1]), {} if trap else _pairs(match[2]), trap, span)
            )
        except ValueError:
            raise Diagnostic(
                DISAGREE,
                "this test line cannot be read",
                span=span,
                help="write ; @test: r0=5 -> r0=120, or a code such as LW4011 after the arrow",
            ) from None
    if not expectations:
        raise Diagnostic(
            DISAGREE, f"{source} has no test lines", help="write one: ; @test: r0=5 -> r0=120"
        )
    return expectations


def _pairs(text: str) -> dict[str, int | float]:
    pairs: dict[str, int | float] = {}
    for part in re.split(r"[,\s]+", text.strip()) if text.strip() else ():
        name, sign, value = part.partition("=")
        if not sign:
            raise ValueError(part)
        try:
            pairs[name] = int(value, 0)
        except ValueError:
            pairs[name] = float(value)
            if math.isinf(pairs[name]) and any(map(str.isdigit, value)):
                raise ValueError(f"{part} is more than any float") from None
    return pairs


def check(
    program: Program, tests: Sequence[Expectation], engines: Sequence[str] = ENGINES
) -> tuple[str, ...]:
    """Hold the tests on every engine that runs here; which those are.

    Raises:
        Diagnostic: LW4020, the first line that does not hold.
    """
    for engine in engines:
        with Runner(program, engine, Limits(fuel=FUEL)) as runner:
            for test in tests:
                _hold(runner, engine, test)
    return tuple(engines)


def _hold(runner: Runner, engine: str, test: Expectation) -> None:
    try:
        result = runner(**test.given)
    except Diagnostic as problem:
        raise Diagnostic(problem.code, problem.message, span=test.span, help=problem.help) from None
    except Trap as trap:
        if trap.code.ident == test.trap:
            return
        raise Diagnostic(DISAGREE, f"on {engine}: {trap}", span=test.span) from None
    if test.trap:
        raise Diagnostic(DISAGREE, f"on {engine}: it ends, without {test.trap}", span=test.span)
    for name, wanted in test.expected.items():
        value = result[name]
        if isinstance(wanted, float):
            value = value.view("f8")
        if value.dtype.kind == "f":
            same = value == wanted or (value != value and wanted != wanted)
        else:
            same = (int(value) - wanted) % 2**64 == 0
        if not same:
            what = f"on {engine}: {name} is {value} and not {wanted}"
            raise Diagnostic(DISAGREE, what, span=test.span)
