"""What is called in a formula, and with what: arguments of functions, and keys of tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.span import Place
from lanework.core.ops.bodies.arithmetic import neg
from lanework.machines.series.codes import BAD_CALL, UNKNOWN_FUNCTION
from lanework.machines.series.language.expression import LOOKUP, NUMBER, Expr
from lanework.machines.series.language.functions import (
    AGGREGATES,
    LOOKUP_FUNCTION,
    Function,
    Parameter,
    callable_names,
    functions,
    signatures,
)
from lanework.machines.series.language.instead import MEANT, of_function


def fold(function: Function, args: Sequence[Expr], place: Place | None) -> Expr:
    """A variadic function of two or more values, from the left."""
    if len(args) < 2:
        over = next((f.name for f in AGGREGATES if f.name.startswith(function.name)), None)
        more = f"; over time it is {over}(x)" if over else ""
        message = f"`{function.name}` needs at least two values"
        raise _wrong(function, message, place, more)
    return reduce(lambda a, b: Expr(function.name, (a, b), None, place), args)


def bind(
    function: Function, args: list[Expr], named: dict[str, Expr], place: Place | None
) -> tuple[list[Expr], int | None]:
    """The operands of a call, defaults filled in, and its whole-number setting.

    Raises:
        Diagnostic: LW3005, arguments that do not fit the function.
    """
    if len(args) > len(function.parameters):
        given = f"{len(args)} argument{'s' if len(args) != 1 else ''}"
        more = MEANT.get(function.name, "")
        raise _wrong(function, f"`{function.name}` is called with {given}", place, more)
    operands: list[Expr] = []
    setting: int | None = None
    for index, parameter in enumerate(function.parameters):
        value = named.pop(parameter.name, None)
        if index < len(args):
            if value is not None:
                raise _wrong(function, f"`{parameter.name}` is given twice", place)
            value = args[index]
        if value is None:
            if parameter.default is None:
                message = f"`{function.name}` is called without `{parameter.name}`"
                raise _wrong(function, message, place)
            value = Expr.number(parameter.default, place)
        if parameter.static:
            setting = _static(function, parameter, value)
        else:
            operands.append(value)
    if named:
        unknown = next(iter(named))
        message = f"`{function.name}` has no parameter `{unknown}`"
        raise _wrong(function, message, place)
    return operands, setting


def _static(function: Function, parameter: Parameter, value: Expr) -> int:
    number: float = math.nan
    if value.head == NUMBER:
        number = value.value
    elif value.head == neg.name and value.args[0].head == NUMBER:
        number = -value.args[0].value
    most = f" and at most {parameter.most}" if number > parameter.most else ""
    if not number.is_integer() or not parameter.least <= number <= parameter.most:
        raise _wrong(
            function,
            f"`{parameter.name}` of `{function.name}` must be a whole number of at least "
            f"{parameter.least}{most}, written out",
            value.place,
        )
    return int(number)


def _wrong(function: Function, message: str, place: Place | None, more: str = "") -> Diagnostic:
    return Diagnostic(
        BAD_CALL,
        message,
        span=place.span() if place else None,
        help=f"write it as {function.signature}{more}",
    )


def no_function(name: str, place: Place | None) -> Diagnostic:
    """The error for a call of what is no function."""
    return Diagnostic(
        UNKNOWN_FUNCTION,
        f"there is no function named `{name}`",
        span=place.span() if place else None,
        help=of_function(name, signatures()) or did_you_mean(name, callable_names()),
    )


def lookup(
    table: str, column: str | None, keys: list[Expr], named: dict[str, Expr], place: Place
) -> Expr:
    """The tree of a lookup: what is called and is no function may be a table.

    Args:
        table: what is called.
        column: of the table, if one is named.
        keys: by place.
        named: by name.
        place: where.

    Raises:
        Diagnostic: LW3004, LW3005.
    """
    keys += [named.pop(name) for name in ("key", "key2") if name in named]
    if named:
        if column is None and table not in functions():
            raise no_function(table, place)
        raise bad_lookup(f"a table has no parameter `{next(iter(named))}`", place)
    if not keys and column is None:
        raise Diagnostic(
            BAD_CALL,
            f"`{table}()` is no function, and a table is called with a key",
            span=place.span(),
            help=of_function(table, signatures())
            or did_you_mean(table, callable_names())
            or f"write {LOOKUP_FUNCTION.signature}, or the name alone for a node: {table}",
        )
    if not 1 <= len(keys) <= 2:
        if of_function(table, signatures()) is not None:
            raise no_function(table, place)
        what = f"`{table}` is called with {len(keys)} keys, and a table has one or two"
        raise bad_lookup(what, place, did_you_mean(table, callable_names()))
    return Expr(LOOKUP, tuple(keys), (table, column), place)


def bad_lookup(message: str, place: Place, near: str | None = None) -> Diagnostic:
    """The error for what is no call of a table, but perhaps one of a function with a near name."""
    advice = f"write it as {LOOKUP_FUNCTION.signature}"
    advice = f"{near} A table: {advice}" if near else advice
    return Diagnostic(BAD_CALL, message, span=place.span(), help=advice)
