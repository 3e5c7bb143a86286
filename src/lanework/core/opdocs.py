"""The op table as a page of documentation, made from the table itself."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable

from lanework.core.arith import ARITH
from lanework.core.elementary.measured import MEASURED
from lanework.core.op import Op, Term

HEAD = """\
# The op table

Every element-wise operation of every machine. Numbers are float64 unless a machine says
otherwise; true is 1.0 and false is 0.0, and whatever is not zero counts as true, NaN included.

Each op is one Python function over traced scalars. The reference evaluation, the machine code
and the text for GPUs are read off the same trace, which holds no fused multiply-add, so all CPU
engines give the same bits (which NaN it is aside).

Errors are in units in the last place of the exact result: 0 is exact, 0.5 correctly rounded, and
anything else an upper bound that holds for every argument. Fuel is the number of primitive
operations of one application to one lane.
"""


def number(value: float) -> str:
    """A number as these pages show it.

    Example:
        >>> number(-0.0), number(2.0), number(float("-inf")), number(0.1), number(1e300)
        ('-0', '2', '-inf', '0.1', '1e+300')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return f"-{abs(int(value))}" if math.copysign(1.0, value) < 0 else str(int(value))
    return repr(value)


def call(op: Op, args: Iterable[str]) -> str:
    """An application, such as ``max(2, 3)``."""
    return f"{op.name}({', '.join(args)})"


def show_term(term: Term | None, op: Op) -> str:
    """A derivative as text over the op's operands; `r` is the op's own result.

    Example:
        >>> show_term(ARITH["div"].gradient()[1], ARITH["div"])
        'neg(div(r, b))'
    """
    if term is None:
        return "0"
    if term.value is not None:
        return number(term.value)
    if term.op is None:
        return "r" if term.index == -1 else op.operands[term.index or 0]
    return call(term.op, (show_term(arg, op) for arg in term.args))


def render_op(op: Op) -> str:
    """The section of one op."""
    lines = [f"## `{call(op, op.operands)}`", "", inspect.cleandoc(op.doc), ""]
    if op.example is not None:
        args, result = op.example
        lines += [f"Example: `{call(op, map(number, args))}` is `{number(result)}`.", ""]
    cases = [f"`{call(op, map(number, c.args))}` is `{number(c.result)}`" for c in op.special]
    if cases:
        lines += ["Special values: " + "; ".join(cases) + ".", ""]
    partials = op.gradient()
    if all(partial is None for partial in partials):
        lines += ["Derivative: zero.", ""]
    else:
        shown = (
            f"by `{name}`: `{show_term(partial, op)}`"
            for name, partial in zip(op.operands, partials, strict=True)
        )
        result_used = any("r" in _leaves(partial) for partial in partials)
        note = ", where `r` is the result" if result_used else ""
        lines += [f"Derivative {'; '.join(shown)}{note}.", ""]
    lines += [f"{_errors(op)} Fuel {op.fuel}.{' The operands commute.' * op.commutes}", ""]
    return "\n".join(lines)


def _leaves(term: Term | None) -> set[str]:
    if term is None:
        return set()
    if term.op is None:
        return {"r"} if term.index == -1 else set()
    return set().union(*(_leaves(arg) for arg in term.args))


def _errors(op: Op) -> str:
    text = f"Error: at most {op.ulp['f64']:g} ULP in f64, {op.ulp['f32']:g} in f32."
    if (op.name, "f64") not in MEASURED:
        return text
    double, single = MEASURED[op.name, "f64"], MEASURED[op.name, "f32"]
    return (
        f"{text} Measured: {double.ulp:.2f} at worst among {double.points:,} arguments, and "
        f"{single.ulp:.2f} among {single.points:,}."
    )


def render_ops() -> str:
    """The whole page in Markdown: an overview, then a section an op, in the table's order."""
    rows = [
        "| op | operands | f64 | f32 | fuel | |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for op in ARITH.values():
        summary = inspect.cleandoc(op.doc).splitlines()[0]
        rows.append(
            f"| `{op.name}` | {', '.join(op.operands)} | {op.ulp['f64']:g} | {op.ulp['f32']:g} "
            f"| {op.fuel} | {summary} |"
        )
    sections = [render_op(op) for op in ARITH.values()]
    return "\n".join([HEAD, *rows, "", *sections])
