"""Outputs as pictures: how high and wide one is, which is known before a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.core.codes import NO_PICTURE
from lanework.core.result.result import Result


def picture_shape(
    name: str, size: int, ending: str, width: int | None, given: Iterable[Any]
) -> tuple[int, ...]:
    """The shape of a picture: of the width that is asked for, or of an input with as many samples.

    Args:
        name: the output.
        size: its words.
        ending: of the file.
        width: samples in a row, if that is asked for.
        given: the inputs.

    Raises:
        Diagnostic: LW1028 where nothing says how wide it is, or it has no whole rows.

    Example:
        >>> picture_shape("sky", 12, ".pgm", 4, ())
        (3, 4)
        >>> picture_shape("sky", 12, ".ppm", None, [np.zeros((2, 2))])
        (2, 2, 3)
    """
    form = (3,) if ending == ".ppm" else ()
    if width is not None:
        height, left = divmod(size, width * math.prod(form))
        if left or not size:
            row = f"{width} samples" + " of three words" * bool(form)
            what = f"output {name!r} of {size:,} words has no whole rows of {row}"
            raise Diagnostic(NO_PICTURE, what, help="give another --width, or write .npy")
        return (height, width, *form)
    for array in map(np.asarray, given):
        shape = (*array.shape[:2], *form)
        if array.ndim >= 2 and math.prod(shape) == size:
            return shape
    raise Diagnostic(
        NO_PICTURE,
        f"nothing says how wide the picture of output {name!r}, of {size:,} words, is",
        help="give --width N, samples in a row, or write .npy",
    )


def as_picture(result: Result, shape: tuple[int, ...]) -> Result:
    """The one output of a result in that shape."""
    (name,) = result
    axes = ("row", "column", "channel")[: len(shape)]
    return type(result)({name: result[name].reshape(shape)}, axes={name: axes})
