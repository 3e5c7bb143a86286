"""Options of functions: of their type, in their range and among their choices, or refused.

Python takes the text "no" for true, 0.5 for a count and True for 1; here each is refused by name.
"""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Callable, Collection, Iterable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from lanework.base.errors import Code, Diagnostic, did_you_mean
from lanework.base.limits import Limits
from lanework.core.codes import BAD_OPTION

LIMITS = ("fuel", "memory", "deadline", "depth", "threads")
"""What `Limits` are told that people give as options."""


def check_options(function: Callable[..., Any], given: Iterable[str]) -> None:
    """Refuse options that a function has not.

    Raises:
        Diagnostic: LW2005, with a suggestion.

    Example:
        >>> check_options(limits_of, ["valeu"])
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: there is no option 'valeu'
          help: did you mean 'value'?
    """
    parameters = signature(function).parameters.values()
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for name in given:
        if name not in known and not takes_all:
            what = f"there is no option {name!r}"
            raise Diagnostic(BAD_OPTION, what, help=nearest(name, known))


def nearest(name: str, known: Collection[str]) -> str:
    """What to write instead of an option that there is not: one that is called much the same.

    Example:
        >>> nearest("fuel", ["seed", "limits"])
        'it is a limit: limits=lanework.Limits(fuel=...)'
    """
    if name in LIMITS and "limits" in known:
        return f"it is a limit: limits=lanework.Limits({name}=...)"
    return did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"


def limits_of(value: Any) -> Limits:
    """Limits, as they were given; the usual ones for None.

    Raises:
        Diagnostic: LW2005.

    Example:
        >>> limits_of(None) == Limits()
        True
    """
    if value is None or isinstance(value, Limits):
        return value or Limits()
    raise refused("limits", value, "give lanework.Limits(memory=2**30, deadline=5.0)", BAD_OPTION)


def flag(name: str, value: Any, code: Code = BAD_OPTION) -> bool:
    """True or False, as it was given.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else.

    Example:
        >>> flag("wide", True)
        True
        >>> flag("wide", "no")
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: wide is 'no'
          help: give True or False
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise refused(name, value, "give True or False", code)


def integer(
    name: str, value: Any, least: int = 0, most: int | None = None, code: Code = BAD_OPTION
) -> int:
    """A whole number from `least` on, and to `most` if that is given.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else; for floats and truth values too.

    Example:
        >>> integer("rows", np.int64(3), 1)
        3
        >>> integer("rows", 0, 1)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: rows is 0
          help: give a whole number from 1 on
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = int(value)
        if least <= number and (most is None or number <= most):
            return number
    upto = "on" if most is None else f"to {most:,}"
    raise refused(name, value, f"give a whole number from {least} {upto}", code)


def seed(value: Any, code: Code = BAD_OPTION) -> int:
    """A seed of random numbers: a whole number below 2**64."""
    return integer("seed", value, 0, 2**64 - 1, code)


def real(
    name: str,
    value: Any,
    low: float = 0.0,
    high: float = math.inf,
    help: str = "",
    code: Code = BAD_OPTION,
) -> float:
    """A finite number from `low` to `high`.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else.

    Example:
        >>> real("seconds", 1)
        1.0
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if low <= number <= high and math.isfinite(number):
            return number
    ends = f"from {low:g} " + ("on" if high == math.inf else f"to {high:g}")
    ends = "that is finite" if low == -math.inf else ends
    raise refused(name, value, help or f"give a number {ends}", code)


def choice(name: str, value: Any, choices: Collection[str], code: Code = BAD_OPTION) -> str:
    """One of some words.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else, with a suggestion.

    Example:
        >>> choice("layout", "sao", ("soa", "aos"))
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: layout is 'sao'
          help: did you mean 'soa'?
    """
    if isinstance(value, str) and value in choices:
        return value
    near = did_you_mean(value, choices)
    raise refused(name, value, near or f"choose one of {', '.join(choices)}", code)


def text(name: str, value: Any, code: Code = BAD_OPTION) -> str:
    """A text.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else.
    """
    if isinstance(value, str):
        return value
    raise refused(name, value, f'give a text, such as {name.split()[-1]}="..."', code)


def callback(name: str, value: Any, code: Code = BAD_OPTION) -> Any:
    """What can be called, or None.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else.
    """
    if value is None or callable(value):
        return value
    raise refused(name, value, "give a function", code)


def names(name: str, value: Any, code: Code = BAD_OPTION) -> tuple[str, ...]:
    """Names, of which one may stand alone: a text is one name, and not its letters.

    Raises:
        Diagnostic: LW2005, or the code given, for anything else.

    Example:
        >>> names("outputs", "cash"), names("outputs", ["cash", "debt"])
        (('cash',), ('cash', 'debt'))
        >>> names("outputs", 5)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: outputs is 5
          help: give a name, or several in a list
    """
    if isinstance(value, Iterable):
        several = (value,) if isinstance(value, str) else in_order(name, value, code)
        if all(isinstance(each, str) for each in several):
            return several
    raise refused(name, value, "give a name, or several in a list", code)


def in_order(name: str, several: Iterable[Any], code: Code = BAD_OPTION) -> tuple[Any, ...]:
    """Things of which each has its place: those of a set have none.

    Raises:
        Diagnostic: LW2005, or the code given.

    Example:
        >>> in_order("the scope", {"rain": 1}), in_order("the scope", ["sun", "rain"])
        (('rain',), ('sun', 'rain'))
        >>> in_order("the scope", {"sun"})
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: the scope is {'sun'}, a set, which has no order
          help: give a list: what comes first is first
    """
    if isinstance(several, set | frozenset):
        shown = refused(name, several, "", code).message + ", a set, which has no order"
        raise Diagnostic(code, shown, help="give a list: what comes first is first")
    return tuple(several)


def categories(name: str, given: Iterable[Any], code: Code = BAD_OPTION) -> tuple[str, ...]:
    """Labels in an order, as text: each once, and as cells have them, without blanks around.

    Raises:
        Diagnostic: LW2005, or the code given.

    Example:
        >>> categories("the categories", ["F", "M"]), categories("the categories", [1, 2])
        (('F', 'M'), ('1', '2'))
        >>> categories("the categories", ["F", "F "])
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: the categories have 'F ', with blanks around it
          help: cells are read without: leave them out
    """
    labels = in_order(name, given, code)
    for label in labels:
        number = isinstance(label, numbers.Real | np.bool_)
        if not (isinstance(label, str) or (number and math.isfinite(label))):
            raise Diagnostic(code, f"{name} have {label!r}, which is no name", help="give texts")
        if isinstance(label, str) and label != label.strip():
            help = "cells are read without: leave them out"
            raise Diagnostic(code, f"{name} have {label!r}, with blanks around it", help=help)
    texts = tuple(str(label) for label in labels)
    twice = next((text for n, text in enumerate(texts) if text in texts[:n]), None)
    if twice is not None:
        raise Diagnostic(code, f"{name} have {twice!r} twice", help="give every label once")
    return texts


def text_of(value: Any) -> str:
    """A text that is to be read.

    Raises:
        Diagnostic: LW2005 for what is none.

    Example:
        >>> text_of(Path("asia.bif"))
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW2005: text is PosixPath('asia.bif')
          help: give what is in the file, as pathlib.Path(...).read_text() does
    """
    if isinstance(value, str):
        return value
    help = "give what is in the file, as pathlib.Path(...).read_text() does"
    raise refused("text", value, help)


def path_of(value: Any) -> Path:
    """The path of a file.

    Raises:
        Diagnostic: LW2005 for what is none.

    Example:
        >>> path_of("folder/cash.csv").name
        'cash.csv'
    """
    if isinstance(value, str | os.PathLike):
        try:
            fits = b"\0" not in os.fsencode(value)
        except UnicodeEncodeError:  # half of a character
            fits = False
        if not fits:
            what = f"{os.fspath(value)!r} cannot be read or written"
            raise Diagnostic(BAD_OPTION, what, help="no file has such characters in its name")
        return Path(value)
    raise refused("path", value, "give a text or a path")


def refused(name: str, value: Any, help: str, code: Code = BAD_OPTION) -> Diagnostic:
    """What is said to who gives an option something that it does not take."""
    try:
        shown = repr(value)
    except ValueError:  # an int of more digits than Python prints
        shown = "a number of thousands of digits"
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return Diagnostic(code, f"{name} is {shown}", help=help)
