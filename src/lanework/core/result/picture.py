"""Binary pictures of the Netpbm family, the simplest there are: PGM (gray) and PPM (colour)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic
from lanework.core.codes import NO_PICTURE

PICTURES = {".pgm": "a gray picture is (height, width)", ".ppm": "one in colour (height, width, 3)"}
"""The endings of pictures, and the shapes of their samples."""

_HEAD = re.compile(rb"(P[56])((?:\s|#[^\n]*\n)+\d+){3}\s")
_NUMBER = re.compile(rb"#[^\n]*\n|\d+")


def read_picture(data: bytes) -> npt.NDArray[np.uint8]:
    """The samples of a picture: uint8, shape (height, width) or (height, width, 3).

    Args:
        data: a binary PGM (P5) or PPM (P6) file of at most 255 levels.

    Raises:
        ValueError: it is none, or it is cut off.

    Example:
        >>> read_picture(write_picture(np.array([[0, 9], [255, 1]]))).tolist()
        [[0, 9], [255, 1]]
    """
    head = _HEAD.match(data)
    if head is None:
        raise ValueError("this is no binary PGM or PPM file")
    words = [word for word in _NUMBER.findall(data[2 : head.end()]) if not word.startswith(b"#")]
    width, height, most = map(int, words)
    channels = 3 if head[1] == b"P6" else 1
    if most > 255 or not width or not height:
        raise ValueError(f"the picture is {width} x {height} with {most} levels")
    count = width * height * channels
    if len(data) - head.end() < count:
        raise ValueError(f"the picture should have {count} samples and is cut off")
    samples = np.frombuffer(data, np.uint8, count, head.end())
    return samples.reshape((height, width, 3) if channels == 3 else (height, width))


def write_picture(samples: npt.ArrayLike) -> bytes:
    """A PGM or PPM file of samples from 0 to 255, which are rounded and cut to that range.

    Args:
        samples: shape (height, width) or (height, width, 3).

    Raises:
        ValueError: another shape.
    """
    array = np.asarray(samples)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"samples of shape {array.shape} are no picture")
    levels = np.clip(np.rint(np.nan_to_num(array)), 0, 255).astype(np.uint8)
    kind = b"P6" if array.ndim == 3 else b"P5"
    head = kind + f"\n{array.shape[1]} {array.shape[0]}\n255\n".encode()
    return head + bytes(levels.tobytes())


def picture_of(samples: npt.NDArray[Any], name: str, ending: str) -> bytes:
    r"""A picture of an output, nothing of which is cut off.

    Args:
        samples: numbers from 0 to 255, which are rounded, of the shape that `PICTURES` says.
        name: the output's.
        ending: `.pgm` or `.ppm`.

    Raises:
        Diagnostic: LW1028 for another shape, and for what is not from 0 to 255.

    Example:
        >>> picture_of(np.array([[0.0, 0.6], [255.0, 3.0]]), "edges", ".pgm")[-4:]
        b'\x00\x01\xff\x03'
    """
    form = (3,) if ending == ".ppm" else ()
    if samples.ndim < 2 or samples.shape[2:] != form or not samples.size:
        raise Diagnostic(
            NO_PICTURE,
            f"output {name!r} of shape {samples.shape} is no picture for {ending}",
            help="; ".join(PICTURES.values()),
        )
    inside = (samples >= 0) & (samples <= 255)
    if not inside.all():
        wrong = samples[tuple(np.argwhere(~inside)[0])]
        raise Diagnostic(
            NO_PICTURE,
            f"output {name!r} has {wrong:g} at {tuple(map(int, np.argwhere(~inside)[0]))}, and"
            " samples are from 0 to 255",
            help="scale them in the program, or write .npy",
        )
    return write_picture(samples)
