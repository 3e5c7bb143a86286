"""What inputs and nodes are called in a workbook, for writing and for reading."""

from __future__ import annotations

import re

from lanework.machines.series.language.registry import Registry

_CELL = re.compile(r"[A-Za-z]{1,3}\d+|[rRcC]|[rR]\d*[cC]\d*|(?i:true|false)")


def names_in(model: Registry) -> dict[str, str]:
    """The names of all inputs and nodes: capitals are all one there, and A1 is a cell.

    They do not depend on what of the model is written, so that who reads finds who wrote.

    Example:
        >>> from lanework.machines.series.language.model import Model
        >>> model = Model("names")
        >>> _ = model.input("Rate"), model.input("rate"), model.input("a1"), model.input("a1_")
        >>> names_in(model)
        {'Rate': 'Rate', 'rate': 'rate_', 'a1': 'a1_', 'a1_': 'a1__'}
    """
    named: dict[str, str] = {}
    taken: set[str] = set()
    for name in (*model.inputs, *model.formulas):
        out = f"{name}_" if _CELL.fullmatch(name) else name
        while out.lower() in taken:
            out += "_"
        taken.add(out.lower())
        named[name] = out
    return named
