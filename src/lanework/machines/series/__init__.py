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

from lanework.base.lazy import face

__all__ = ["Calendar", "Expr", "Input", "Model", "Output", "Table", "along", "load_model"]

_find, _names = face(
    __name__,
    {
        ".model": ["Model"],
        ".nodes": ["TableHandle", "Input", "Output"],
        ".calendar": ["Calendar"],
        ".tables": ["Table"],
        ".expression": ["Expr"],
        ".modelfile": ["load_model", "read_model"],
        ".labels": ["along", "Labelled"],
        ".columns": ["read_columns", "iter_columns"],
        ".functions": ["functions"],
    },
)


def __getattr__(name: str) -> Any:
    """The public names, and the functions of the formula language, on first use."""
    if not name.startswith("__") and name not in _names():
        from lanework.machines.series.functions import caller, functions

        if name in functions():
            globals()[name] = caller(name)
            return globals()[name]
    return _find(name)


def __dir__() -> list[str]:
    from lanework.machines.series.functions import functions

    return sorted({*_names(), *functions()})
