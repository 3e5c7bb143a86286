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

From text to code, room by room:

1. `language/`: formulas become trees; a model keeps named nodes.
2. `passes/`: names, units, value graph, optimisation, walks over time, tape.
3. `isa.py`, `layout.py`, `asm.py`: the instructions, the sections of a program, its text.
4. `verify.py`: the gate; what passes stays inside its memory.
5. `data/`: inputs, aligned by the names of their axes, become lanes; outputs become files.
6. `reference/`: what a program means, in NumPy over the ledger (`state.py`).
7. `native/`: the tape as loop nests, and code for them from stencils or LLVM.
8. `runner.py` joins 5 to 7 for a call; `check/` holds every engine to the reference.
"""

from __future__ import annotations

from typing import Any

from lanework.base.lazy import face

__all__ = ["Calendar", "Expr", "Input", "Model", "Output", "Table", "along", "load_model"]

_find, _names = face(
    __name__,
    {
        ".language.model": ["Model", "load_model", "read_model"],
        ".language.nodes": ["TableHandle", "Input", "Output"],
        ".language.calendar": ["Calendar"],
        ".language.tables": ["Table"],
        ".language.expression": ["Expr"],
        ".data.labels": ["along", "Labelled"],
        ".data.columns": ["read_columns", "iter_columns"],
        ".language.functions": ["functions"],
    },
)


def __getattr__(name: str) -> Any:
    """The public names, and the functions of the formula language, on first use."""
    if not name.startswith("__") and name not in _names():
        from lanework.machines.series.language.formula import caller
        from lanework.machines.series.language.functions import functions

        if name in functions():
            globals()[name] = caller(name)
            return globals()[name]
    return _find(name)


def __dir__() -> list[str]:
    from lanework.machines.series.language.functions import functions

    return sorted({*_names(), *functions()})
