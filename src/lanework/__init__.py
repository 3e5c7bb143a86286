"""Lanework: compile a model once, run it over many lanes.

Numerical virtual machines with one op table, one program container and one way to run:

- `series`: named formulas over time columns, recurrences, units; for financial, actuarial and
  planning models.
- `belief`: factor graphs over tables of evidence; for exact inference and counting.
- `register`: small instructions that become machine code in microseconds; for code that is made
  and run on the fly.
- `fleet`: many tiny virtual machines in lockstep; for Monte Carlo, agents and images.

Example:
    >>> import lanework as lw
    >>> model = lw.series.Model("loan", periods=3)
    >>> _ = model.input("rate")
    >>> _ = model.formula("debt", "prev(debt, initial=100.0) * (1 + rate) - 40.0")
    >>> lw.compile(model).run(rate=0.01)["debt"].round(2).tolist()
    [61.0, 21.61, -18.17]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanework.base.lazy import face

if TYPE_CHECKING:
    from lanework.base.errors import Diagnostic, InternalFault, LaneworkError, Trap, UsageError
    from lanework.base.limits import Limits
    from lanework.compiling import compile
    from lanework.core.program.program import Program, load
    from lanework.core.result.result import Result
    from lanework.machines import belief, fleet, register, series

__version__ = "0.1.0"

__all__ = [
    "compile",
    "load",
    "Program",
    "Result",
    "Limits",
    "LaneworkError",
    "Diagnostic",
    "Trap",
    "UsageError",
    "InternalFault",
    "belief",
    "fleet",
    "register",
    "series",
]

if not TYPE_CHECKING:  # else any name would do
    __getattr__, __dir__ = face(__name__)
