"""Words of a command: `name=text`, lists, and the numbers in them."""

from __future__ import annotations

import re

from lanework.base.errors import Diagnostic
from lanework.core.codes import BAD_ARGUMENT


def split_input(word: str, help: str) -> tuple[str, str]:
    """The name and the text of an argument `name=text`.

    Raises:
        Diagnostic: LW8001 for one without a name, a sign or a text.
    """
    name, _, text = word.partition("=")
    if not name.strip() or not text.strip():
        raise Diagnostic(BAD_ARGUMENT, f"{word!r} is not of the form name=value", help=help)
    return name.strip(), text


def split_list(name: str, text: str) -> list[str]:
    """The parts of `1,2,3`.

    Raises:
        Diagnostic: LW8001 for what is rather one number, such as `1,000` and `0,05`.

    Example:
        >>> split_list("rate", "0.05, 0.06")
        ['0.05', '0.06']
    """
    parts = [part.strip() for part in text.split(",")]
    odd = next((part for part in parts[1:] if re.fullmatch(r"0\d+(\.\d*)?", part)), None)
    if odd is not None:
        from lanework.core.data.spelling import readings

        what = f"{name}={text} is a list, in which {odd} would be a number of its own"
        meant = [f"one number without commas, {one}" for one in readings(",".join(parts)) if one]
        help = f"give {', or '.join([*meant, 'a list without leading zeros'])}"
        raise Diagnostic(BAD_ARGUMENT, what, help=help)
    return parts


def number_in_word(argument: str, word: str, what: str, help: str) -> float:
    """The number that a part of an argument spells: whole ones are whole, of whatever size.

    Args:
        argument: `name=text`, for messages.
        word: a part of the text.
        what: what to say of what spells none.
        help: what to do then.

    Raises:
        Diagnostic: LW8001.

    Example:
        >>> number_in_word("x=1,2.5", "1", "", ""), number_in_word("x=1,2.5", "2.5", "", "")
        (1, 2.5)
    """
    from lanework.core.data.csvtext import number_of
    from lanework.core.data.spelling import spells_number, text_advice

    word = word.strip()
    if word.lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return float(word)
    number = None if word.isalpha() else number_of(word)
    if number is not None:
        return number
    try:
        float(word.replace("_", "x"))
    except ValueError:
        advice = text_advice(word) if spells_number(word) else help
        raise Diagnostic(BAD_ARGUMENT, what, help=advice) from None
    large = f"{argument!r}: {word[:40]} is more than any float"
    raise Diagnostic(BAD_ARGUMENT, large, help="give a number below 1.8e308")
