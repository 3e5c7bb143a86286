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
2. `passes/`: names, units, value graph, optimisation, walks over time, tape; `program.py` adds to a
   program's tape derivatives of its outputs.
3. `isa.py`, `layout.py`, `asm.py`: the instructions, the sections of a program, its text.
4. `verify.py`: the gate; what passes stays inside its memory.
5. `data/`: inputs, aligned by the names of their axes, become lanes; outputs become files.
6. `reference/`: what a program means, in NumPy over the ledger (`state.py`).
7. `native/`: the tape as loop nests, and code for them from stencils or LLVM.
8. `runner.py` joins 5 to 7 for a call; `check/` holds every engine to the reference.
9. `solving/`: inputs that make outputs what they should be: goal seek, rates of return, and IPOPT
   (`nonlinear/`).
10. `audit/`: where a number comes from, and which inputs moved it.
11. `excel/`: models as workbooks with live formulas, and inputs from workbooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lanework.base.lazy import face

if TYPE_CHECKING:
    from lanework.core.data.files import iter_columns, read_columns
    from lanework.machines.series.audit.again import Again
    from lanework.machines.series.audit.bridge import Bridge
    from lanework.machines.series.audit.depends import Dependents
    from lanework.machines.series.audit.residuals import Residuals
    from lanework.machines.series.audit.result import SeriesResult
    from lanework.machines.series.audit.tornado import Tornado
    from lanework.machines.series.audit.tree import Explanation
    from lanework.machines.series.audit.trouble import Trouble
    from lanework.machines.series.data.labels import Labelled, along
    from lanework.machines.series.language.calendar import Calendar
    from lanework.machines.series.language.calls import *  # noqa: F403
    from lanework.machines.series.language.expression import Expr
    from lanework.machines.series.language.functions import functions
    from lanework.machines.series.language.model import Model, load_model, read_model
    from lanework.machines.series.language.nodes import Input, Output, TableHandle
    from lanework.machines.series.language.tables import Table
    from lanework.machines.series.nonlinear.solution import Solution, Solutions
    from lanework.machines.series.program import SeriesProgram
    from lanework.machines.series.runner import Runner
    from lanework.machines.series.solving.goal import Goal
    from lanework.machines.series.solving.returns import NoRate, Rates, irr, xirr
    from lanework.machines.series.solving.solve import Solver

__all__ = [
    "Again", "Bridge", "Calendar", "Dependents", "Explanation", "Expr", "Goal", "Input", "Labelled",
    "Model", "NoRate", "Output", "Rates", "Residuals", "Runner", "SeriesProgram", "SeriesResult",
    "Solution", "Solutions", "Solver", "Table", "TableHandle", "Tornado", "Trouble", "along",
    "functions", "irr", "iter_columns", "load_model", "read_columns", "read_model", "xirr",
]  # fmt: skip

if not TYPE_CHECKING:  # else any name would do
    _find, _names = face(__name__)

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
