"""The values of every node of a model in one lane, from the reference engine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.machines.series.audit.origin import Floats
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.language.calendar import COLUMNS
from lanework.machines.series.language.expression import LABEL, LOOKUP, NAME, WHERE, WRITTEN, Expr
from lanework.machines.series.language.nodes import Formula
from lanework.machines.series.layout import SeriesView
from lanework.machines.series.reference.scan import scan

if TYPE_CHECKING:
    from lanework.core.program.program import Port, Program
    from lanework.machines.series.language.registry import Registry

PERIODS = "periods#"  # no name of a node has this sign


@dataclass(frozen=True)
class Whole:
    """A program with all nodes as outputs.

    Attributes:
        model: what it was compiled from.
        program: its outputs are all formulas that are needed, and parts of them.
        parts: by the identity of a step of a formula the output that has its value: of lookups
            and their keys, and of conditions.
    """

    model: Registry
    program: Program
    parts: Mapping[int, str]


def model_of(program: Program) -> Registry:
    """The model that a program was compiled from.

    Raises:
        Diagnostic: LW3071 for a program that was read from a file.
    """
    model: Registry | None = program.views.get("model")
    if model is None:
        raise Diagnostic(
            UNEXPLAINED,
            "the program was read from a file, which does not have the formulas of its model",
            help="compile the model, and run that",
        )
    return model


def whole_of(program: Program, node: str) -> Whole:
    """The program of all nodes that the outputs of a program need, and of a node of its model.

    Raises:
        Diagnostic: LW3071, LW3003 for an unknown node.
    """
    model = model_of(program)
    if node not in model and any(port.name == node for port in program.outputs):
        what = f"{node!r} has no formula: it is a derivative"
        raise Diagnostic(UNEXPLAINED, what, help="explain the output that it is of")
    model.need(node)
    known: Whole | None = program.views.get("audit")
    if known is not None and any(port.name == node for port in known.program.ports):
        return known
    names = [port.name for port in program.outputs if port.name in model.formulas]
    horizon = [model.horizon_name] if model.horizon_name else []
    formulas = needed(model.formulas, [*names, node, *horizon])
    parts: dict[int, str] = {}
    more = [Formula(PERIODS, Expr.name("periods"), None, None, "", None)]
    if node not in formulas:  # an input, which outputs may not need
        same = Expr(WRITTEN["=="], (Expr.name(node),) * 2)  # names may be compared
        more.append(Formula(f"{node}#", same, None, None, "", None))
    for formula in formulas.values():
        for step in _parts(formula.expr):
            name = parts[id(step)] = f"{formula.name}#{len(parts)}"
            more.append(Formula(name, step, None, None, "", None))
        dated = COLUMNS if model.start is not None else ()
        more += [
            Formula(f"{column}#", Expr.name(column), None, None, "", None)
            for column in dated
            if column in (*formula.now, *formula.later) and column not in model
        ]
    every, overridden = computed(model)
    every.formulas = {**formulas, **{formula.name: formula for formula in more}}
    every.declared = {}
    every.marks = {name: mark for name, mark in model.marks.items() if name in formulas}
    overrides = [name for name in overridden if name in formulas]
    full = Whole(every, every.compile(overrides=overrides), parts)
    program.views["audit"] = full
    return full


def computed(model: Registry) -> tuple[Any, list[str]]:
    """The model of a program without inputs that override nodes, and the names of these."""
    overridden = [name for name in model.inputs if name in model.formulas]
    plain: Any = copy.copy(model)
    plain.inputs = {name: node for name, node in model.inputs.items() if name not in overridden}
    return plain, overridden


def needed(formulas: Mapping[str, Formula], names: list[str]) -> dict[str, Formula]:
    """These formulas and all that they need, in this period or another."""
    needed: dict[str, Formula] = {}
    todo = names[::-1]
    while todo:
        name = todo.pop()
        if name in formulas and name not in needed:
            needed[name] = formula = formulas[name]
            todo += [*formula.later, *formula.now]
    return needed


def _parts(expr: Expr) -> list[Expr]:
    """The steps of a formula whose values are shown, or decide what is."""
    parts = []
    for step in expr.walk():
        if step.head == LOOKUP:
            parts += [step, *(key for key in step.args if not _names(key))]
        elif step.head == WHERE:
            parts.append(step.args[0])
    return parts


def _names(key: Expr) -> bool:
    """Whether a key is, or may be, a name that is written out."""
    return any(step.head == LABEL for step in key.walk())


class Lane:
    """The values of one lane.

    Attributes:
        length: how many periods the lane has.
    """

    def __init__(self, full: Whole, arrays: list[Floats], periods: int) -> None:
        program = full.program
        self.full, self._names = full, {port.name: port for port in program.inputs}
        self.ports: dict[str, Port] = {port.name: port for port in program.ports}
        outputs = program.outputs
        view = SeriesView.of(program)
        scanned = scan(view, arrays, periods, 1, [port.row for port in outputs])
        self._columns = {port.name: scanned.rows[port.row][:, 0] for port in outputs}
        inputs = zip(program.inputs, arrays, strict=True)
        given = {port.name: array[:, 0] for port, array in inputs}
        self._given = {name: array for name, array in given.items() if name in self._columns}
        self._columns = {**given, **self._columns}
        self.length = int(self._columns[PERIODS][0])

    def timed(self, name: str) -> bool:
        """Whether a node has a value in each period."""
        port = self.ports.get(name)
        return len(self._columns.get(name, ())) > 1 or (port is not None and "time" in port.axes)

    def column(self, name: str) -> Floats | None:
        """The values of a node in all periods, or its only one; None of what holds names."""
        return self._columns.get(name)

    def overridden(self, name: str, t: int | None) -> bool:
        """Whether a node is not computed there, but given."""
        given = self._given.get(name)
        return given is not None and not np.isnan(given[(t or 0) if len(given) > 1 else 0])

    def value(self, name: str, t: int | None) -> Any:
        """The value of a node in a period: a number, or the name that it stands for."""
        column = self._columns.get(name)
        if column is None:
            return "(a name)"
        number = float(column[(t or 0) if len(column) > 1 else 0])
        port = self._names.get(name)
        return port.categories[int(number)] if port is not None and port.categories else number

    def part(self, step: Expr, t: int | None) -> Any:
        """The value of a step of a formula, if it is known."""
        if step.head == NAME and step.value in self.ports:
            return self.value(step.value, t)
        name = self.full.parts.get(id(step))
        return None if name is None or name not in self._columns else self.value(name, t)
