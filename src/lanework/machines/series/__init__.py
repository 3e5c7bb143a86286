"""The series machine: vectorised bytecode for financial, actuarial and other models over time.

    import lanework as lw

    model = lw.series.Model("loan", periods=120)
    principal, rate = model.input("principal", unit="USD"), model.input("rate")
    model.formula("opening", "prev(closing, initial=principal)")
    model.formula("interest", "opening * rate")
    model.formula("closing", "opening - principal / periods")
    model.run(principal=120_000, rate=0.004)["interest"]

The functions of the formula language (`prev`, `lead`, `where`, `cumsum`, `total`, `min`...) are
attributes of this package, for formulas that are written in Python.
"""

from __future__ import annotations

from typing import Any

_HOME = {
    "Model": "model",
    "TableHandle": "model",
    "Input": "model",
    "Output": "model",
    "Calendar": "calendar",
    "Table": "tables",
    "Expr": "expression",
    "load_model": "modelfile",
    "read_model": "modelfile",
    "along": "labels",
    "read_columns": "columns",
    "iter_columns": "columns",
    "Labelled": "labels",
    "functions": "functions",
}

__all__ = ["Calendar", "Expr", "Input", "Model", "Output", "Table", "along", "load_model"]


def __getattr__(name: str) -> Any:
    """The public names, and the functions of the formula language, on first use."""
    import importlib

    if name.startswith("__"):
        raise AttributeError(name)
    home = _HOME.get(name)
    if home is not None:
        module = importlib.import_module(f"{__name__}.{home}")
        value = module if name == home else getattr(module, name)
    else:
        table = importlib.import_module(f"{__name__}.functions")
        if name not in table.functions():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = table.caller(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from lanework.machines.series.functions import functions

    return sorted({*globals(), *_HOME, *functions()})
