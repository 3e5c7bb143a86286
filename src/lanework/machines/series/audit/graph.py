"""A model drawn: its inputs, tables and formulas, what each is made of, and its loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lanework.core.options import names
from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.machines.series.audit.nodes import needed
from lanework.machines.series.language.expression import LOOKUP

if TYPE_CHECKING:
    from lanework.machines.series.language.nodes import Formula
    from lanework.machines.series.language.registry import Registry

LOOP, CIRCLE = (
    0.5,
    1.0,
)  # how strongly nodes of loops through time, and within a period, are coloured
APART = "a period apart"


def draw(model: Registry, outputs: Iterable[str] | None) -> Drawing:
    """See `Model.graph`."""
    asked_for = names("outputs", () if outputs is None else outputs)
    for name in asked_for:
        model.need(name)
    kept = needed(model.formulas, [*(asked_for or model.formulas)])
    formulas = {name: formula for name, formula in model.formulas.items() if name in kept}
    sources = {name: _sources(model, formula) for name, formula in formulas.items()}
    used = {name for into in sources.values() for name in into}
    asked = {*used, *(asked_for or (*model.inputs, *model.tables))}
    loops = _loops({name: set(into) & set(formulas) for name, into in sources.items()})
    drawing = Drawing(model.name)
    number: dict[str, int] = {}
    for each in model.given:
        if each.name in asked:
            number[each.name] = len(number)
            drawing.nodes.append(Node(_lines(each.name, each.unit, each.kind), "box", each.doc))
    for name, formula in formulas.items():
        number[name] = len(number)
        heat = CIRCLE if name in model.marks else LOOP if name in loops else 0.0
        title = f"{name} = {formula.shown}" + (f"\n{formula.doc}" if formula.doc else "")
        lines = _lines(name, formula.unit or "", formula.kind or "")
        drawing.nodes.append(Node(lines, title=title, heat=heat))
    for name, into in sources.items():
        drawing.edges += [
            Edge(number[source], number[name], APART if apart else "")
            for source, apart in into.items()
            if source in number
        ]
    return drawing


def _lines(name: str, unit: str, kind: str) -> tuple[str, ...]:
    about = ", ".join(part for part in (unit, kind) if part)
    return (name, about) if about else (name,)


def _sources(model: Registry, formula: Formula) -> dict[str, bool]:
    """What a formula names, and whether only of other periods; tables too."""
    sources = {name: True for name in formula.later if name in model}
    sources |= {name: False for name in formula.now if name in model}
    for step in formula.expr.walk():
        if step.head == LOOKUP:
            sources[step.value[0]] = False
    return sources


def _loops(sources: Mapping[str, set[str]]) -> set[str]:
    """The nodes that need themselves, in this period or another.

    What nothing needs, and what needs nothing, is in no loop: these are taken away until all that
    is left is in loops or between them, and then each is looked at.
    """
    left = {name: set(into) for name, into in sources.items()}
    users: dict[str, set[str]] = {name: set() for name in left}
    for name, into in left.items():
        for source in into:
            users[source].add(name)
    todo = [name for name in left if not left[name] or not users[name]]
    while todo:
        name = todo.pop()
        if name not in left:
            continue
        for source in left.pop(name):
            users[source].discard(name)
            todo += [source] if source in left and not users[source] else []
        for user in users.pop(name):
            left[user].discard(name)
            todo += [user] if not left[user] else []
    return {name for name in left if _reaches(name, users)}


def _reaches(name: str, users: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    todo = [*users[name]]
    while todo:
        here = todo.pop()
        if here == name:
            return True
        if here not in seen:
            seen.add(here)
            todo += users[here]
    return False
