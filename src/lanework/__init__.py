"""Lanework: compile a model once, run it over many lanes.

Numerical virtual machines with one op table, one program container and one way to run:

- `series`: named formulas over time columns, recurrences, units; for financial, actuarial and
  planning models.
- `belief`: factor graphs over tables of evidence; for exact inference and counting.
- `register`: small instructions that become machine code in microseconds; for code that is made
  and run on the fly.

Example:
    >>> import lanework as lw
    >>> model = lw.series.Model("loan", periods=3)
    >>> _ = model.input("rate")
    >>> _ = model.formula("debt", "prev(debt, initial=100.0) * (1 + rate) - 40.0")
    >>> lw.compile(model).run(rate=0.01)["debt"].round(2).tolist()
    [61.0, 21.61, -18.17]
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lanework.base.errors import Diagnostic, InternalFault, LaneworkError, Trap, UsageError
    from lanework.base.limits import Limits
    from lanework.core.compiling import compile
    from lanework.core.container import load
    from lanework.core.program import Program
    from lanework.core.result import Result
    from lanework.machines import belief, register, series

__version__ = "0.1.0"

_FACE = {
    "compile": "lanework.core.compiling",
    "load": "lanework.core.container",
    "Program": "lanework.core.program",
    "Result": "lanework.core.result",
    "Limits": "lanework.base.limits",
    "LaneworkError": "lanework.base.errors",
    "Diagnostic": "lanework.base.errors",
    "Trap": "lanework.base.errors",
    "UsageError": "lanework.base.errors",
    "InternalFault": "lanework.base.errors",
}
_MACHINES = ("series", "belief", "register")

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
    "register",
    "series",
]


def __getattr__(name: str) -> Any:
    """Load a part of the public face when it is first touched."""
    if name in _MACHINES:
        value: Any = import_module(f"lanework.machines.{name}")
    elif name in _FACE:
        value = getattr(import_module(_FACE[name]), name)
    else:
        raise AttributeError(f"module 'lanework' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
