"""Numbers and small tables as text, bounded in size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from lanework.base.printable import shown

if TYPE_CHECKING:
    import numpy.typing as npt


def show_word(x: Any, digits: int = 7) -> str:
    """A word of 32 bits that is declared as a float, for people.

    One that holds an integer is a float next to nothing, or NaN: it is shown as what it holds.

    Args:
        x: a float of single precision.
        digits: of a float.

    Example:
        >>> import numpy as np
        >>> words = np.array([1, 2**32 - 1, 0x3F800000, 0x7FC00000, 0], np.uint32)
        >>> [show_word(x) for x in words.view(np.float32)]
        ['int:1', 'int:-1', '1', 'nan', '0']
    """
    import numpy as np

    bits = int(np.float32(x).view(np.int32))
    if 0 < bits < 0x00800000 or -0x00400000 < bits < 0:  # below all normal floats; above quiet NaN
        return f"int:{bits}"
    return f"{float(x):.{digits}g}"


def figure(x: Any) -> str:
    """A number for people: thousands separated, at least seven significant digits.

    A label is itself, and none is a dash; of a value of another kind it is the text.

    Example:
        >>> [figure(x) for x in (215146132.0684811, 12.0, 0.00231067, 1e300, float("nan"))]
        ['215,146,132.07', '12', '0.00231067', '1e+300', 'nan']
        >>> figure("wet"), figure(None), figure((1, 2))
        ('wet', '-', '(1, 2)')
    """
    if x is None or isinstance(x, str):
        return "-" if x is None else x
    if isinstance(x, Integral):
        return f"{int(x):,}"
    if type(x).__name__ == "float32" and (x != x or abs(x) < 1e-30):
        return show_word(x)
    try:
        x = float(x)
    except TypeError:
        return str(x)
    size = abs(x)
    if not math.isfinite(x) or size >= 1e15 or 0 < size < 1e-4:
        return f"{x:.7g}"
    if x == int(x):
        return f"{x:,.0f}"
    digits = len(str(int(size))) if size >= 1 else 0
    text = f"{x:,.{max(2, 8 - digits)}f}"
    return text.rstrip("0").rstrip(".") if digits < 6 else text


def seconds(x: float) -> str:
    """A duration for people.

    Example:
        >>> [seconds(x) for x in (4.2e-6, 0.0032, 0.25, 74.0)]
        ['4.2 us', '3.2 ms', '250 ms', '74.0 s']
    """
    if x < 1e-3:
        return f"{x * 1e6:.1f} us"
    if x < 0.1:
        return f"{x * 1e3:.1f} ms"
    return f"{x * 1e3:.0f} ms" if x < 1 else f"{x:.1f} s"


def many(count: int, noun: str) -> str:
    """A number of things.

    Example:
        >>> many(1, "lane"), many(10_000, "lane")
        ('1 lane', '10,000 lanes')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def size(count: float) -> str:
    """A number of bytes for people.

    Example:
        >>> [size(x) for x in (12, 65536, 5_000_000)]
        ['12 B', '64.0 KiB', '4.8 MiB']
    """
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def preview(values: npt.NDArray[Any], most: int = 4) -> str:
    """The first values of an array, and the last one.

    Example:
        >>> import numpy as np
        >>> preview(np.arange(10.0))
        '0  1  2 ... 9'
    """
    flat = values.reshape(-1) if values.flags.c_contiguous else values.flat
    count = values.size
    if count <= most:
        return "  ".join(figure(flat[i]) for i in range(count)) or "(none)"
    return "  ".join(figure(flat[i]) for i in range(most - 1)) + f" ... {figure(flat[count - 1])}"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns of text lined up, without a line longer than its cells need.

    Args:
        header: the titles.
        rows: as many cells a row as there are titles.
        right: one letter a column, `r` for columns set flush right.

    Example:
        >>> print(text_table(["name", "n"], [["a", "1"], ["total", "10"]], "lr"))
        name    n
        a       1
        total  10
    """
    table = [[shown(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    sides = right.ljust(len(header), "l")
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markup(text: str) -> str:
    r"""Text within HTML or XML; what cannot be seen, or XML forbids, is shown (`shown`).

    Example:
        >>> print(markup("<5 & \x1b"))
        &lt;5 &amp; \u001b
    """
    import html

    return html.escape(shown(text, lines=True))


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """The same table for a notebook."""

    def line(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag}>{markup(cell)}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f"<table><caption>{markup(caption)}</caption>"
        f"<thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
    )
