"""The functions that a formula can call.

Functions that are ops come from the op table: nobody lists them a second time. This module adds
what needs a period's neighbours or the whole of time, and helpers that are written in the
formula language itself (`MACROS`), whose text is their documentation.
"""

from __future__ import annotations

import functools
import keyword
from dataclasses import dataclass

from lanework.core.ops.bodies.arithmetic import round_
from lanework.core.ops.table import IN_FORMULAS


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its default (None when it must be given), whether it is static.

    A static argument is a plain whole number from `least` to `most`: it shapes the program.
    """

    name: str
    default: float | None = None
    static: bool = False
    least: int = 0
    most: int = 2**31 - 1


@dataclass(frozen=True)
class Function:
    """A function of the language: parameters, documentation, and for a helper its text."""

    name: str
    parameters: tuple[Parameter, ...]
    doc: str
    text: str | None = None
    variadic: bool = False

    @property
    def signature(self) -> str:
        """How a person calls it, such as ``prev(x, n=1, initial=0.0)``."""
        shown = [
            p.name if p.default is None else f"{p.name}={int(p.default) if p.static else p.default}"
            for p in self.parameters
        ]
        return f"{self.name}({', '.join(shown)}{', ...' if self.variadic else ''})"


_X = Parameter("x")

OVER_TIME = (
    Function(
        "prev",
        (_X, Parameter("n", 1, static=True, least=1), Parameter("initial", 0.0)),
        "The value of `x` `n` periods earlier; `initial` in the first `n` periods. A loop of nodes "
        "through `prev` is a recurrence.",
    ),
    Function(
        "lead",
        (_X, Parameter("n", 1, static=True, least=1), Parameter("final", 0.0)),
        "The value of `x` `n` periods later; `final` in the last `n` periods of the lane. A loop "
        "of nodes through `lead` is a recurrence that runs backwards.",
    ),
    Function("cumsum", (_X,), "The running total of `x`: x[0] + ... + x[t]."),
    Function("cumprod", (_X,), "The running product of `x`: x[0] * ... * x[t]."),
)
AGGREGATES = (
    Function("total", (_X,), "The sum of `x` over the lane's periods, added in order."),
    Function("minimum", (_X,), "The smallest `x` over the lane's periods."),
    Function("maximum", (_X,), "The largest `x` over the lane's periods."),
    Function("last", (_X,), "`x` in the lane's last period."),
    Function(
        "at",
        (_X, Parameter("period", static=True)),
        "`x` in one period, counted from 0; NaN when the lane ends before it.",
    ),
)
CALENDAR_FUNCTIONS = (
    Function(
        "per_period",
        (_X,),
        "A yearly rate or flow as one per period: x / 12 in monthly periods, x / 4 in quarterly, "
        "x / 365 in daily. Needs a calendar.",
    ),
    Function(
        "compound_per_period",
        (_X,),
        "The rate per period that compounds to the yearly rate `x`: (1 + x) ** (1 / 12) - 1 in "
        "monthly periods. Needs a calendar.",
    ),
)
ROUND = Function(
    round_.name,
    (_X, Parameter("digits", 0, static=True, least=-300, most=300)),
    "`x` rounded to `digits` decimals by NumPy's rule: rint(x * 10**digits) / 10**digits, ties to "
    "even.",
)

_NEAR = "(abs(rate) * (abs(n) + 7) < 0.01)"
_NEAR_RATE = f"where({_NEAR}, rate, 0)"
_CLOSE = "(abs(rate) < 0.1 and abs(n) < 1000000)"
_ANNUITY = functools.reduce(
    lambda rest, k: f"(1 - (n + {k}) * {_NEAR_RATE} / {k + 1} * {rest})", range(6, 0, -1), "1"
)
"""The binomial series of an annuity over `n`: at small rates 1 - (1 + rate) ** -n cancels."""
_ROUNDED_OFF = f"where({_CLOSE}, n * (rate - (1 + rate - 1)) / where({_CLOSE}, 1 + rate, 1), 0)"
"""What the rounding of 1 + rate leaves out of its power, relatively."""

MACROS = (
    Function("average", (_X,), "The mean of `x` over the lane's periods.", "total(x) / periods"),
    Function("first", (_X,), "`x` in the first period.", "at(x, 0)"),
    Function(
        "change",
        (_X, Parameter("initial", 0.0)),
        "What `x` gained since the period before.",
        "x - prev(x, 1, initial)",
    ),
    Function(
        "clip",
        (_X, Parameter("low"), Parameter("high")),
        "`x`, kept between `low` and `high`.",
        "min(max(x, low), high)",
    ),
    Function(
        "discount_factors",
        (Parameter("rate"),),
        "The present value, before the first period, of 1 paid at the end of each period; `rate` "
        "is the rate of each period and may vary.",
        "cumprod(1 / (1 + rate))",
    ),
    Function(
        "growth_factors",
        (Parameter("rate"),),
        "What 1 has grown to at the end of each period at the period's `rate`.",
        "cumprod(1 + rate)",
    ),
    Function(
        "npv",
        (Parameter("rate"), Parameter("cf")),
        "Net present value of the cash flows `cf`, each at the end of its period, as spreadsheets "
        "define it.",
        "total(cf * discount_factors(rate))",
    ),
    Function(
        "annuity",
        (Parameter("rate"), Parameter("n")),
        "The present value of `n` payments of 1, each at the end of a period, at the constant "
        "`rate` per period.",
        f"where({_NEAR}, n * {_ANNUITY},"
        f" (1 - (1 + rate) ** (-n) * (1 - {_ROUNDED_OFF})) / where({_NEAR}, 1, rate))",
    ),
    Function(
        "pv",
        (Parameter("rate"), Parameter("n"), Parameter("payment"), Parameter("final", 0.0)),
        "The present value of `n` equal payments and a `final` one with the last of them. (A "
        "spreadsheet's PV has the opposite sign.)",
        "payment * annuity(rate, n) + final * (1 + rate) ** (-n)",
    ),
    Function(
        "level_payment",
        (Parameter("rate"), Parameter("n"), Parameter("principal")),
        "The equal payment at the end of each of `n` periods that repays `principal` with "
        "interest at `rate` per period. (A spreadsheet's PMT has the opposite sign.)",
        "principal / annuity(rate, n)",
    ),
)

LOOKUP_FUNCTION = Function(
    "lookup",
    (Parameter("table"), Parameter("key"), Parameter("key2")),
    "The value of a table for a key, or for two keys. `mort(age, duration)` is the short form, and "
    'for a table with several columns `surrender["type_1"](year)`.',
)


@functools.cache
def functions() -> dict[str, Function]:
    """Every function by name, ops first."""
    ops = (
        Function(name, tuple(map(Parameter, op.operands)), op.doc, variadic=op.folds)
        for name, op in IN_FORMULAS.items()
    )
    own = (*OVER_TIME, *AGGREGATES, *CALENDAR_FUNCTIONS, ROUND, *MACROS)
    return {function.name: function for function in (*ops, *own)}


@functools.cache
def signatures() -> dict[str, str]:
    """How every function is called, by name."""
    return {name: functions()[name].signature for name in callable_names()}


def callable_names() -> list[str]:
    """The names of the functions that are called by name: `or` and its like are written otherwise.

    Example:
        >>> "prev" in callable_names(), "or" in callable_names()
        (True, False)
    """
    return [name for name in functions() if not keyword.iskeyword(name)]
