"""The op table as pages of documentation, made from the table itself.

``python -m lanework.core.ops.docs docs`` writes them anew into the folder `docs`.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lanework.core.machine import find
from lanework.core.ops.expr import FLOATS
from lanework.core.ops.measured import MEASURED
from lanework.core.ops.op import Op, Term
from lanework.core.ops.table import ARITH, SINGLE

HEAD = """\
# The op table

Every element-wise operation of every machine. Numbers are float64 unless a machine says
otherwise; true is 1.0 and false is 0.0, and whatever is not zero counts as true, NaN included.

Each op is one Python function over traced scalars. The reference evaluation, the machine code
and the text for GPUs are read off the same trace, in which nothing is contracted, so all CPU
engines give the same bits (which NaN it is aside).

Errors are in units in the last place of the exact result: 0 is exact, 0.5 correctly rounded, and
anything else an upper bound that holds for every argument. Fuel is the number of primitive
operations of one application to one lane.

On GPUs the text is WGSL over f32, which promises less than IEEE 754: a driver may flush subnormals
to zero, and be 2.5 ULP off in a quotient. A software driver, Mesa 22.3.6 with llvmpipe, does
neither: of ten million arguments for each op, random patterns and points where errors are worst, it
gave the bits of the reference for all. So the errors in f32 are its own too.
"""

WORDS_HEAD = """\
# Ops on 32-bit words

Ops of machines whose registers hold 32 bits, the fleet machine above all. Most of what is done
with floats is in [the op table](ops.md), traced in f32; here are the float ops whose rules differ,
and integers, bits, conversions and halves. Ops on integers take and give words: one that stands for
a float is shown as its pattern, such as `0x3f800000` for 1.0.

All are exact, but for `rem`. They too are one Python function each, and agree to the bit on all CPU
engines and on Mesa's software driver for GPUs (ten million arguments for each op).
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


def word(value: float) -> str:
    """A 32-bit word: small numbers as they are, others as patterns.

    Example:
        >>> word(-2), word(0x3F800000), word(-(2**31))
        ('-2', '0x3f800000', '0x80000000')
    """
    small = abs(value) < 2**16
    return str(int(value)) if small else f"{int(value) & 0xFFFFFFFF:#010x}"


def call(op: Op, args: Iterable[str]) -> str:
    """An application, such as ``max(2, 3)``."""
    return f"{op.name}({', '.join(args)})"


def show_term(term: Term | None, op: Op) -> str:
    """A derivative as text over the op's operands; `r` is the op's own result.

    Example:
        >>> show_term(ARITH["div"].gradient()[1], ARITH["div"])
        'neg(mul(r, div(1, b)))'
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
    show = word if op.dtypes == ("i32",) else number
    lines = [f"## `{call(op, op.operands)}`", "", inspect.cleandoc(op.doc), ""]
    if op.example is not None:
        args, result = op.example
        lines += [f"Example: `{call(op, map(show, args))}` is `{show(result)}`.", ""]
    cases = [f"`{call(op, map(show, c.args))}` is `{show(c.result)}`" for c in op.special]
    if cases:
        lines += ["Special values: " + "; ".join(cases) + ".", ""]
    if op.dtypes == FLOATS:
        lines += [_derivative(op), ""]
    lines += [_offers(op), ""] if op.offers else []
    lines += [f"{_errors(op)}Fuel {op.fuel}.{' The operands commute.' * op.commutes}", ""]
    return "\n".join(lines)


def _offers(op: Op) -> str:
    """Where the op is had, under which number and name, and what it does to units."""
    had = [
        f"{machine} {offer.code} (`{find(machine).load('isa').by_code[offer.code].name}`)"
        for machine, offer in op.offers.items()
    ]
    units = f" Units: {op.units.name.replace('_', ' ')}." if op.units else ""
    return f"Machines: {', '.join(had)}.{units}"


def _derivative(op: Op) -> str:
    partials = op.gradient()
    if all(partial is None for partial in partials):
        return "Derivative: zero."
    shown = (
        f"by `{name}`: `{show_term(partial, op)}`"
        for name, partial in zip(op.operands, partials, strict=True)
    )
    note = ", where `r` is the result" if any(map(_uses_result, partials)) else ""
    return f"Derivative {'; '.join(shown)}{note}."


def _uses_result(term: Term | None) -> bool:
    return term is not None and (term.index == -1 or any(map(_uses_result, term.args)))


def _errors(op: Op) -> str:
    if op.dtypes != FLOATS:
        return ""  # exact, or said in its own words
    text = f"Error: at most {op.ulp['f64']:g} ULP in f64, {op.ulp['f32']:g} in f32. "
    if (op, "f64") not in MEASURED:
        return text
    double, single = MEASURED[op, "f64"], MEASURED[op, "f32"]
    return (
        f"{text}Measured: {double.ulp:.2f} at worst among {double.points:,} arguments, and "
        f"{single.ulp:.2f} among {single.points:,}. "
    )


def render_ops() -> str:
    """The whole page in Markdown: an overview, then a section an op, in the table's order."""
    titles, sides = "f64 | f32", "---: | ---:"
    return _page(HEAD, ARITH, titles, sides, lambda op: f"{op.ulp['f64']:g} | {op.ulp['f32']:g}")


def render_words() -> str:
    """The page of ops on 32-bit words, made as `render_ops` makes its."""
    return _page(WORDS_HEAD, SINGLE, "of", "---", lambda op: op.dtypes[0])


def _page(
    head: str, ops: Mapping[str, Op], titles: str, sides: str, cells: Callable[[Op], str]
) -> str:
    rows = [f"| op | operands | {titles} | fuel | |", f"| --- | --- | {sides} | ---: | --- |"]
    for op in ops.values():
        summary = inspect.cleandoc(op.doc).splitlines()[0]
        operands = ", ".join(op.operands)
        rows.append(f"| `{op.name}` | {operands} | {cells(op)} | {op.fuel} | {summary} |")
    return "\n".join([head, *rows, "", *map(render_op, ops.values())])


PAGES = {"ops.md": render_ops, "ops-words.md": render_words}
"""The pages by their files."""

if __name__ == "__main__":
    for name, render in PAGES.items():
        (Path(sys.argv[1]) / name).write_text(render(), encoding="utf-8")
