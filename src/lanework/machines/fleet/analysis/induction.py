"""Induction variables: what goes up by the same step in every round of a loop.

In the n-th round such a variable is what it was before the loop, and n steps more. Of how many
rounds there are, one variable that is tested tells, and then the others are known, too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lanework.core.ops.bodies import words32
from lanework.core.ops.interval import INF, Interval, add, stepped
from lanework.machines.fleet.analysis.abstract import WORD, AbstractState
from lanework.machines.fleet.analysis.controlflow import ControlFlow
from lanework.machines.fleet.analysis.forms import ROUNDS, Form, beginning, symbol
from lanework.machines.fleet.analysis.linear import number
from lanework.machines.fleet.isa import Kernel
from lanework.machines.fleet.matrices.maps import linear_row

LONGEST = 1024
"""Instructions of programs whose loops are looked at."""

_ONE, _MINUS_ONE = 0x3F800000, 0xBF800000


class Step(NamedTuple):
    """By how much an element goes up: a number, or an element that does not change, and its sign.

    For the integer in an element, the step is the integer in another, as its complement.
    """

    sign: int
    by: int | Interval


class Loop(NamedTuple):
    """A natural loop: what leads back to its head, and to nothing else that was not there before.

    Attributes:
        head: the instruction that each round begins with.
        body: all of its instructions.
        steps: induction variables: elements, or complements for the integers in them.
    """

    head: int
    body: frozenset[int]
    steps: Mapping[int, Step]


def loops(flow: ControlFlow) -> dict[int, Loop]:
    """Loops that have induction variables, by their heads."""
    if flow.count > LONGEST:
        return {}
    out = {}
    for head, body in _bodies(flow).items():
        steps = _steps(flow, head, body)
        if steps:
            out[head] = Loop(head, frozenset(body), steps)
    return out


def _bodies(flow: ControlFlow) -> dict[int, set[int]]:
    leads = map(flow.leads, range(flow.count))
    entries = {each for lead in leads for each in lead.called + lead.started}
    entries |= set(map(flow.entry, flow.allocated))
    out: dict[int, set[int]] = {}
    heads = {each for ip in range(flow.count) for each in flow.after(ip) if each <= ip}
    for head in sorted(heads):
        body, waiting = {head}, [ip for ip in flow.before(head) if ip >= head]
        while waiting:
            each = waiting.pop()
            if each not in body:
                body.add(each)
                waiting += flow.before(each)
        returns = head > 0 and flow.leads(head - 1).called  # where it is not known from which round
        if not returns and entries.isdisjoint(body - {head}):
            out[head] = body
    return out


def _steps(flow: ControlFlow, head: int, body: set[int]) -> dict[int, Step]:
    called = [each for ip in body for each in flow.leads(ip).called]
    inner = flow.reached(called, calls=True).keys()
    if not body.isdisjoint(inner):
        return {}
    writes: dict[int, list[int]] = {}
    for ip in (*body, *inner):
        element = _written(flow, ip)
        if element is not None:
            writes.setdefault(element, []).append(ip)
    out = {}
    for element, ips in writes.items():
        step = _total([None if ip in inner else _step(flow, ip, element) for ip in ips])
        if step is None or (isinstance(step[1].by, int) and _base(step[1].by) in writes):
            continue
        if all(_once(flow, head, body, ip) for ip in ips):
            out[step[0]] = step[1]
    return out


def _base(element: int) -> int:
    return element if element >= 0 else ~element


def _total(steps: Sequence[tuple[int, Step] | None]) -> tuple[int, Step] | None:
    """Several steps as one: integers that all go the same way, so that none is beyond the ends."""
    if len(steps) == 1:
        return steps[0]
    sizes = [each[1].by for each in steps if each is not None]
    fixed = [size for size in sizes if isinstance(size, Interval) and size.integral]
    up = all(size.low > 0.0 for size in fixed)
    if steps[0] is None or len(fixed) < len(steps) or (not up and any(s.high > 0.0 for s in fixed)):
        return None
    return steps[0][0], Step(1, functools.reduce(add, fixed))


def _written(flow: ControlFlow, ip: int) -> int | None:
    """The element that an instruction writes."""
    view, info = flow.view, flow.view.infos[ip]
    values = info.values(view.instructions[ip])
    if "dest" in values:
        return view.profile.register(values["dest"])
    return view.profile.own(values["word"]) if info.kernel is Kernel.LINEAR else None


def _step(flow: ControlFlow, ip: int, element: int) -> tuple[int, Step] | None:
    """The variable that an instruction adds something to, and what."""
    view, info = flow.view, flow.view.infos[ip]
    if info.name == "STORE":
        step = _brought(flow, ip, element)
        return None if step is None else (element, step)
    if info.kernel is Kernel.LINEAR:
        terms = dict(linear_row(view.profile, view.instructions[ip]).terms)
        if terms.pop(element, None) != _ONE or len(terms) != 1:
            return None
        ((column, bits),) = terms.items()
        if column == view.profile.length - 1:
            return element, Step(1, number(bits))
        sign = {_ONE: 1, _MINUS_ONE: -1}.get(bits)
        return None if sign is None else (element, Step(sign, column))
    if info.elementwise not in (words32.iadd, words32.isub):
        return None
    values = info.values(view.instructions[ip])
    a, b = (view.profile.register(values[name]) for name in ("src1", "src2"))
    if info.elementwise is words32.iadd and b == element:
        a, b = b, a
    sign = 1 if info.elementwise is words32.iadd else -1
    return (~element, Step(sign, ~b)) if a == element != b else None


def _brought(flow: ControlFlow, ip: int, word: int) -> Step | None:
    """What is added to a word of the VM's memory by way of a register, which is stored there."""
    view, step = flow.view, None
    register = view.profile.register(view.instructions[ip].target)
    while ip > 0 and flow.before(ip) == [ip - 1]:
        ip -= 1
        if flow.leads(ip).called:
            return None
        if _written(flow, ip) != register:
            continue
        if step is not None:
            info = view.infos[ip]
            loaded = info.values(view.instructions[ip]).get("word") if info.name == "LOAD" else None
            return step if loaded is not None and view.profile.own(loaded) == word else None
        element, step = _step(flow, ip, register) or (-1, None)
        if element != register:
            return None
    return None


def _once(flow: ControlFlow, head: int, body: set[int], ip: int) -> bool:
    """Whether an instruction is executed exactly once in each round."""

    def came(starts: Iterable[int], without: int) -> set[int]:
        waiting, seen = [each for each in starts if each in body], set[int]()
        while waiting:
            each = waiting.pop()
            if each not in seen and each != without:
                seen.add(each)
                waiting += [after for after in flow.after(each) if after in body]
        return seen

    around = came([head], ip) if ip != head else set()
    return not any(head in flow.after(each) for each in around) and ip not in came(
        flow.after(ip), head
    )


# Rounds -------------------------------------------------------------------------------------------


def follow(
    loop: Loop, entered: AbstractState, known: AbstractState, exact: float
) -> tuple[AbstractState, float]:
    """What is known at the head of a loop, and how many rounds there are at most before.

    Args:
        loop: the loop.
        entered: what is known of a VM that comes into it.
        known: the same of any that comes to its head.
        exact: below which integers are exact as floats.
    """
    steps = {
        element: size
        for element, step in loop.steps.items()
        if (size := _size(step, known, exact)) is not None
    }
    rounds = min(
        (
            (value.high - value.low) // abs(size)
            for element, size in steps.items()
            if size and (value := _integer(element, known, exact)) is not None
        ),
        default=INF,
    )
    out = known.copy()
    again = beginning(loop.head)
    out.forms = {each: form for each, form in out.forms.items() if not form.mentions(again)}
    for element, size in steps.items():
        _advance(out, loop.head, entered, element, size, rounds, exact)
    return out, rounds


def _size(step: Step, known: AbstractState, exact: float) -> int | None:
    value = step.by if isinstance(step.by, Interval) else known.side(step.by)
    fits = value.fixed and value.integral and value.size < exact
    return step.sign * int(value.low) if fits else None


def _integer(element: int, known: AbstractState, exact: float) -> Interval | None:
    """Between which ends a variable is, if it is an integer in all rounds."""
    if element < 0:
        return known.integers.get(~element)
    value = known.values[element]
    fits = value.integral and not value.nan and not value.empty and value.size < exact
    return value if fits else None


def _advance(
    out: AbstractState,
    head: int,
    entered: AbstractState,
    element: int,
    size: int,
    rounds: float,
    exact: float,
) -> None:
    """What is known of a variable after so many steps at most."""
    first, now = _integer(element, entered, exact), _integer(element, out, exact)
    if first is None:
        return
    most = size * rounds if size else 0.0
    span = Interval(first.low + min(most, 0.0), first.high + max(most, 0.0), False, True)
    limit = Interval(-exact + 1.0, exact - 1.0) if element >= 0 else WORD
    if limit.low <= span.low <= span.high <= limit.high:
        now = span if now is None else Interval(
            max(now.low, span.low), min(now.high, span.high), False, True)  # fmt: skip
    if now is None:
        return
    form = Form(int(first.low)) if first.fixed else entered.forms.get(element)
    if form is not None and not form.mentions(beginning(head)):
        form = form.plus(symbol("", beginning(head), ROUNDS), size)
        now = stepped(now, *form.congruence)
        if not now.fixed:
            out.forms[element] = form
    if element >= 0:
        out.values[element] = now
    else:
        out.integers[~element] = now
