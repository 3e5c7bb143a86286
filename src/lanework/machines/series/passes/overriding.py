"""Nodes that a run may override: each is what it is given, where it is given, else its formula.

An input of the node's name is added, in which a cell that is missing says "as computed": NaN is no
number there, as it is in no input. So one program serves every set of cells, and derivatives,
loops and engines see nothing but a choice between two values.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.series.codes import BAD_OVERRIDE
from lanework.machines.series.isa import AGGREGATES, SHIFTS
from lanework.machines.series.language.expression import Expr, spelt
from lanework.machines.series.language.nodes import OPTIONS, Formula, Input
from lanework.machines.series.language.registry import Registry
from lanework.machines.series.passes.flatten import Flattener
from lanework.machines.series.passes.values import INPUT, TIME, UNKNOWN, Kinds, Values


def overridable(model: Registry, names: Collection[str]) -> Registry:
    """The same model with an input for each of these nodes.

    Raises:
        Diagnostic: LW3070 for what is no formula of the model.
    """
    if not names:
        return model
    out = copy.copy(model)
    out.inputs = dict(model.inputs)
    for name in map(spelt, names):
        if name in model.inputs:
            what, advice = "is an input", f"give it as one: {name}=..."
        elif name not in model.formulas:
            what = "is a table" if name in model.tables else "is no node of the model"
            near = did_you_mean(str(name), model.formulas)
            advice = near or "override a node that has a formula"
        elif name in OPTIONS:
            what = "has the name of an option of calls"
            advice = "rename it, or override a node that it is made of"
        else:
            doc = f"Overrides {name} where it is given."
            out.inputs[name] = Input(name, default=math.nan, doc=doc)
            continue
        raise Diagnostic(BAD_OVERRIDE, f"`{name}` {what}, and cannot be overridden", help=advice)
    return out


def describe(
    model: Registry,
    ordered: Sequence[Formula],
    reader: Flattener,
    typed: Kinds,
    categories: dict[str, tuple[str, ...]],
) -> None:
    """Give these inputs what their nodes have: unit, kind, names, and the axis time.

    Their lane axes, as of all values, are found when the tape is written.

    Args:
        model: the model that `overridable` made.
        ordered: the formulas that are read.
        reader: what they were read by.
        typed: units and kinds.
        categories: the names of every input, to which these are added.
    """
    over_time = {name for name, node in model.inputs.items() if "time" in node.axes}
    for name in (formula.name for formula in ordered if formula.name in model.inputs):
        value = reader.solved[name] if name in reader.solved else reader.known[name]
        timed = _timed(reader.values, value, over_time, reader.solved)
        axes = ("time",) if timed else ()
        unit, kind = typed.units.get(name, ""), typed.kinds.get(name, "")
        model.inputs[name] = replace(model.inputs[name], unit=unit, kind=kind, axes=axes)
        categories[name] = reader.lookups.labels(Expr.name(name))


def _timed(
    values: Values, root: int, over_time: Collection[str], solved: Mapping[str, int]
) -> bool:
    """Whether a value depends on the period, if inputs of these names do."""
    stack, seen = [root], set[int]()
    while stack:
        value = stack.pop()
        if value in seen:
            continue
        seen.add(value)
        op, setting = values.ops[value], values.settings[value]
        if op in SHIFTS or op == TIME or (op == INPUT and setting in over_time):
            return True
        if op == UNKNOWN:
            stack.append(solved[setting])
        elif op not in AGGREGATES:
            stack += values.args[value]
    return False
