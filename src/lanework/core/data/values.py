"""Numbers of a declared dtype from what a person gives: exactly, or refused with the place.

Text never becomes a number by itself, whole numbers stay whole, and what the declared dtype cannot
hold is refused. The one thing that is rounded is a float given for a single-precision one.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Code, Diagnostic
from lanework.base.lookup import SOME
from lanework.core.data.libraries import flat
from lanework.core.data.spelling import (
    DATE_ADVICE,
    MISSING_ADVICE,
    NAMES_ADVICE,
    text_advice,
)

Array = npt.NDArray[Any]

NUMBER = "give a number there"
DTYPES: dict[str, np.dtype[Any]] = {
    "f64": np.dtype(np.float64),
    "f32": np.dtype(np.float32),
    "i64": np.dtype(np.int64),
    "u64": np.dtype(np.uint64),
    "i32": np.dtype(np.int32),
    "u32": np.dtype(np.uint32),
}
"""The dtypes that ports declare."""


@dataclass(frozen=True)
class Given:
    """What something was given for, as messages name it.

    Attributes:
        what: such as ``input 'rate'``.
        code: the code of the errors about it.
    """

    what: str
    code: Code

    def refuse(
        self, message: str, help: str, place: int | None = None, shape: tuple[int, ...] = ()
    ) -> NoReturn:
        """Refuse it, because of the value at a place of the flattened array if one is to blame.

        Raises:
            Diagnostic: always.
        """
        at = ""
        if place is not None and shape:
            where = [str(int(i)) for i in np.unravel_index(place, shape)]
            at = f" at {where[0]}" if len(where) == 1 else f" at ({', '.join(where)})"
        raise Diagnostic(self.code, f"{self.what}{at} {message}", help=help)


def as_array(value: Any, given: Given) -> Array:
    """An array of what a person gave, its values as they are.

    Args:
        value: numbers, sequences, NumPy, pandas, polars, Arrow, and what speaks DLPack. Masked and
            null values become None.
        given: what it is for.

    Raises:
        Diagnostic: rows of different lengths, and what is no array.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> as_array([1, None, 3], Given("input 'x'", BAD_ARGUMENT)).tolist()
        [1, None, 3]
    """
    if isinstance(value, np.ma.MaskedArray):
        return np.array(value.tolist(), object) if np.ma.is_masked(value) else np.asarray(value)
    if isinstance(value, np.ndarray):
        return value.astype(object) if value.dtype.kind == "T" else value  # texts of any length
    if isinstance(value, bytearray):  # text, as bytes are
        value = bytes(value)
    try:
        plain = value if isinstance(value, list | tuple) else flat(value)
        return _listed(plain) if isinstance(plain, list | tuple) else np.asarray(plain)
    except Exception as error:  # of whatever library it is, each of which has its own
        ragged = isinstance(value, list | tuple)
        why = (str(error).splitlines() or [type(error).__name__])[0]
        what = f"is a {type(value).__name__} that is no array: {why}"
        given.refuse(
            "has rows of different lengths" if ragged else what,
            "give every row as many values" if ragged else "give a NumPy array of its values",
        )


def _listed(value: list[Any] | tuple[Any, ...]) -> Array:
    """An array of values of Python, some at a time: NumPy looks at no clock meanwhile."""
    width = len(value[0]) if value and isinstance(value[0], list | tuple) else 1
    step = max(1, SOME // max(width, 1))
    if len(value) <= step:
        return _of_python(value)
    parts = [_of_python(value[at : at + step]) for at in range(0, len(value), step)]
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) > 1 and not kinds <= set("fiub"):  # text, say, beside numbers
        return np.array(value, object)
    array = np.concatenate(parts)
    integers = array.dtype.kind == "f" and any(_large(p) for p in parts if p.dtype.kind in "iu")
    return np.array(value, object) if integers else array


def _of_python(value: list[Any] | tuple[Any, ...]) -> Array:
    array = np.asarray(value)
    if array.dtype.kind == "f" and _large(array):
        objects = np.array(value, object)  # of whole numbers NumPy made floats, perhaps
        return objects if any(isinstance(x, numbers.Integral) for x in objects.flat) else array
    return array


def _large(array: Array) -> bool:
    with np.errstate(invalid="ignore"):
        return bool((np.abs(array) >= 2.0**24).any())  # beyond which single precision has gaps


def exactly(value: Any, dtype: str, given: Given, *, missing: bool = False) -> Array:
    """An array of the declared dtype that holds exactly what was given.

    Args:
        value: as for `as_array`.
        dtype: one of `DTYPES`.
        given: what it is for.
        missing: take what is missing (None, NA, a masked value) for NaN, where the dtype has it.

    Returns:
        The values in their own shape, as that dtype; the array itself where it has the dtype.

    Raises:
        Diagnostic: for text, dates, complex numbers and records; a number that the dtype does not
            have (a fraction for an integer, an integer that a float would round, one that is too
            large); a missing value. The message has the place and the value.

    Example:
        >>> from lanework.core.codes import BAD_ARGUMENT
        >>> rate = Given("input 'rate'", BAD_ARGUMENT)
        >>> exactly([1, 2], "f64", rate)
        array([1., 2.])
        >>> exactly(["0.10%"], "f64", rate)
        Traceback (most recent call last):
        lanework.base.errors.Diagnostic: LW8001: input 'rate' at 0 is the text '0.10%'
          help: ...
    """
    array, wanted = as_array(value, given), DTYPES[dtype]
    if array.dtype == wanted:
        return array
    if array.size == 0:  # of which libraries do not know what it would hold
        return np.empty(array.shape, wanted)
    if array.dtype.kind == "O":
        array = _objects(array, dtype, given, missing)
    kind = array.dtype.kind
    if kind in "USO":
        mixed = isinstance(value, list | tuple)  # NumPy has made text of the numbers beside text
        _refuse_text(np.asarray(value, object) if mixed else array, dtype, given)
    if kind not in "fiub":
        what = {"M": "dates", "m": "durations", "c": "complex numbers", "V": "records"}
        given.refuse(f"holds {what.get(kind, str(array.dtype))}", "give real numbers")
    with np.errstate(all="ignore"):
        out = array.astype(wanted)
        same = _same(array, out)
    if not same.all():
        place = int(np.argmin(same.reshape(-1)))
        _refuse_number(array.reshape(-1)[place], dtype, given, place, array.shape)
    return out


def _same(array: Array, out: Array) -> Array:
    """Where a number is still what it was."""
    if out.dtype.kind == "f" and array.dtype.kind == "f":  # rounded, perhaps, but not to infinity
        return np.asarray(np.isinf(out) <= np.isinf(array))
    if out.dtype.kind == "f":
        # an integer is the same if the float, which is whole, is in range and goes back to it
        most = float(np.iinfo(array.dtype).max) if array.dtype.kind in "iu" else 2.0
        fits = out.astype(np.float64) < most if array.dtype.itemsize == 8 else np.True_
        back = np.where(fits, out, 0).astype(array.dtype) == array
        return np.asarray(back & fits)
    if array.dtype.kind == "f":
        info = np.iinfo(out.dtype)
        integral = (array == np.floor(array)) & (array >= float(info.min))
        return np.asarray(integral & (array < 2.0**info.bits / (2 if info.min else 1)))
    low = (array >= 0) if out.dtype.kind == "u" else np.ones(array.shape, bool)
    if array.dtype.kind == "u" and out.dtype.kind == "i":
        low = out >= 0
    return np.asarray((out == array) & low)


def _objects(array: Array, dtype: str, given: Given, missing: bool) -> Array:
    """Python objects as numbers, if all of them are; as they are where there is text."""
    items = array.reshape(-1).tolist()
    if any(isinstance(item, str | bytes) for item in items):
        return array
    out = []
    for place, item in enumerate(items):
        if item is None or type(item).__name__ in ("NAType", "NaTType"):
            if not missing or DTYPES[dtype].kind != "f":
                given.refuse("is missing", NUMBER, place, array.shape)
            item = math.nan
        elif isinstance(item, type) or not (
            hasattr(item, "as_integer_ratio") or isinstance(item, numbers.Real | np.bool_)
        ):
            what = f"is {_shown(item)}, which is no number"
            given.refuse(what, "give numbers only", place, array.shape)
        out.append(item)
    if DTYPES[dtype].kind in "iu":
        info = np.iinfo(DTYPES[dtype])
        for place, item in enumerate(out):
            if not (_integral(item) and info.min <= item <= info.max):
                _refuse_number(item, dtype, given, place, array.shape)
        integers = np.fromiter((int(item) for item in out), info.dtype, len(out))
        return integers.reshape(array.shape)
    floats = [_float(item) for item in out]
    for place, (item, x) in enumerate(zip(out, floats, strict=True)):
        if x is None or _rounded(item, x, dtype):
            _refuse_number(item, dtype, given, place, array.shape)
    return np.fromiter(floats, np.float64, len(floats)).reshape(array.shape)


def _integral(item: Any) -> bool:
    """Whether a number has no fraction."""
    if isinstance(item, numbers.Integral | np.bool_):
        return True
    x = _float(item)
    return bool(x is not None and math.isfinite(x) and item == math.floor(item))


def _rounded(item: Any, x: float, dtype: str) -> bool:
    """Whether a whole number is another one as a float, in single precision if that is declared."""
    if isinstance(item, numbers.Integral):
        item = int(item)
    elif isinstance(item, float) or not x.is_integer():
        return False  # floats stay what they are, and fractions are rounded
    return bool(item != x or _single(x, dtype) != item)


def _single(x: float, dtype: str) -> float:
    """The float as the dtype has it, where that is one of floats."""
    with np.errstate(over="ignore"):
        return float(np.float32(x)) if dtype == "f32" else x


def _float(item: Any) -> float | None:
    """The nearest float; None beyond the largest, and for what is a signal and no number."""
    try:
        x = float(item)
    except (OverflowError, ValueError):
        return None
    return None if math.isinf(x) and item != x else x


def _refuse_text(array: Array, dtype: str, given: Given) -> NoReturn:
    items = array.reshape(-1).tolist()
    place, text = next((n, x) for n, x in enumerate(items) if isinstance(x, str | bytes))
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    advice = text_advice(text, DTYPES[dtype].kind in "iu")
    if advice in (MISSING_ADVICE, NAMES_ADVICE, DATE_ADVICE):  # of tables, where there are labels
        advice = "a date: " * (advice == DATE_ADVICE) + NUMBER
    given.refuse(f"is the text {_shown(text)}", advice, place, array.shape)


def _refuse_number(
    item: Any, dtype: str, given: Given, place: int, shape: tuple[int, ...]
) -> NoReturn:
    item = item.item() if isinstance(item, np.generic) else item
    large = _float(item) is None and "NaN" not in _shown(item)
    given.refuse(
        f"is {_shown(item)}, which {dtype} does not have" + (": it is too large" if large else ""),
        "give a number that the dtype holds exactly, or declare another dtype",
        place,
        shape,
    )


def _shown(item: Any) -> str:
    try:
        text = repr(item)
    except ValueError:  # an int of more digits than Python prints
        return "a number of thousands of digits"
    return text if len(text) <= 40 else text[:37] + "..."
