"""What the named cells of a workbook give to the inputs of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.data.opening import Path_
from lanework.core.data.sheets import Named, named_cells
from lanework.core.data.spelling import text_advice
from lanework.core.data.values import Given, exactly
from lanework.machines.series.codes import NO_NAMED_CELLS
from lanework.machines.series.excel.naming import names_in
from lanework.machines.series.language.nodes import Input
from lanework.machines.series.language.registry import Registry


def read_inputs(model: Registry, path: Path_) -> dict[str, Any]:
    """The inputs of a model from the named cells of a workbook; see `Model.read_xlsx`."""
    by_name = named_cells(path)
    known = {name.lower(): name for name in by_name}
    named = names_in(model)
    inputs = {}
    for name, node in model.inputs.items():
        called = known.get(named[name].lower())
        if called is None:
            continue
        if called != named[name] and called in model.inputs:
            raise Diagnostic(
                NO_NAMED_CELLS,
                f"{by_name[called].place}: the cells named {called} are of input `{called}` or of"
                f" `{name}`: in a workbook capitals are all one",
                help=f"name those of `{name}` {named[name]}, those of `{called}` {named[called]}",
            )
        inputs[name] = _value(node, by_name[called])
    if not inputs:
        near = did_you_mean(next(iter(known), ""), model.inputs)
        raise Diagnostic(
            NO_NAMED_CELLS,
            f"{path} has no named cells that are inputs of model `{model.name}`",
            help=near or f"name cells {', '.join(list(model.inputs)[:6])}",
        )
    return inputs


def _value(node: Input, cells: Named) -> Any:
    """What named cells give to an input."""
    if cells.values.ndim == 2 and 1 not in cells.values.shape:
        rows, columns = cells.values.shape
        raise Diagnostic(
            NO_NAMED_CELLS,
            f"{cells.place}: the cells named {node.name} are {rows} x {columns}",
            help="name one cell, one row or one column",
        )
    flat = cells.values.ravel().tolist()
    for n, value in enumerate(flat):
        if isinstance(value, str) and node.categories and value in node.categories:
            continue
        if isinstance(value, bool | int | float) and not node.categories:
            continue
        said = "is empty, or a formula without a value" if value is None else f"holds {value!r}"
        advice = f"write one of {', '.join(map(repr, node.categories[:8]))}"
        if not node.categories:
            text = isinstance(value, str)
            advice = text_advice(value) if text else "write a number"
        if value is None:
            advice += "; formulas get their values when a spreadsheet saves the file"
        where = f", cell {n + 1} of {len(flat)}" if len(flat) > 1 else ""
        raise Diagnostic(
            NO_NAMED_CELLS, f"{cells.place}{where}: input `{node.name}` {said}", help=advice
        )
    if node.categories:
        return flat if len(flat) > 1 else flat[0]
    array = np.empty(len(flat), object)
    array[:] = flat
    given = Given(f"{cells.place}: input `{node.name}`", NO_NAMED_CELLS)
    values = exactly(array, "f64", given)
    return values if len(flat) > 1 else float(values[0])
