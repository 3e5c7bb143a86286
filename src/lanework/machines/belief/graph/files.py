"""Networks from files, by their endings; any of them may be packed with gzip."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.limits import Limits
from lanework.core.options import flag, path_of
from lanework.core.waiting import within
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.bif import read_bif
from lanework.machines.belief.graph.jsonform import read_json
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.uai import read_uai
from lanework.machines.belief.graph.xmlbif import read_xmlbif

READERS: dict[str, Callable[[str, str], FactorGraph]] = {
    ".bif": read_bif,
    ".xmlbif": read_xmlbif,
    ".xml": read_xmlbif,
    ".bifxml": read_xmlbif,
    ".uai": read_uai,
    ".json": read_json,
}


PACKED = ".gz"
SMALLER = "raise the memory cap, or leave out a part of the network"
PART = 1 << 20  # bytes unpacked at a time
MOST_BYTES = 1 << 28  # unpacked: a small file may hold any number of zeros
# Bytes that reading takes for a byte of text, and for an entry of a table that is not written out.
READING, FILLING = 12, 64


def ending_of(path: str | os.PathLike[str]) -> str:
    """The ending that says how a file is written, in small letters and without a last `.gz`.

    Example:
        >>> ending_of("nets/Pigs.BIF.gz")
        '.bif'
    """
    name = Path(path)
    packed = name.suffix.lower() == PACKED
    return Path(name.stem if packed else name.name).suffix.lower()


def unpacked(data: bytes, source: str, limits: Limits | None = None) -> bytes:
    """What a file holds: unpacked if its name ends in `.gz`.

    Raises:
        Diagnostic: LW5003 for data that gzip did not write, or that were cut off; LW0101 for a
            text that does not fit the memory cap.
    """
    limits = limits or Limits()
    what = f"the text of {source} and its words"
    if Path(source).suffix.lower() != PACKED:
        limits.check_memory(READING * len(data), what, SMALLER)
        return data
    most = min(MOST_BYTES, limits.memory_cap // READING)
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:  # counted before any of it is kept
            while size <= most and (part := file.read(PART)):
                size += len(part)
        out = gzip.decompress(data) if size <= most else b""
    except (OSError, EOFError, zlib.error) as error:
        message = f"{source} cannot be unpacked: {error}"
        raise Diagnostic(BAD_NETWORK, message, help="is the file cut off?") from None
    limits.check_memory(READING * size, what, SMALLER)
    if size > MOST_BYTES:
        raise Diagnostic(BAD_NETWORK, f"{source} holds more than {MOST_BYTES:,} bytes")
    return out


def read_text(
    text: str, source: str, *, normalize: bool = False, limits: Limits | None = None
) -> FactorGraph:
    """A network from a text; the ending of its source says how it is written.

    Raises:
        Diagnostic: LW5003 and what its reader says; LW0101 for tables that do not fit.
    """
    normalize = flag("normalize", normalize)
    ending = ending_of(source)
    if ending not in READERS:
        raise Diagnostic(
            BAD_NETWORK,
            f"{source}: the ending {ending or '(none)'!r} is of no format of networks",
            help=did_you_mean(ending, READERS) or f"there is {', '.join(READERS)}",
        )
    limits = limits or Limits()
    if ending == ".bif":
        graph = read_bif(text, source, limits.memory_cap // FILLING)
    else:
        graph = READERS[ending](text, source)
    return graph.normalized() if normalize else graph


def read_network(
    path: str | os.PathLike[str], *, normalize: bool = False, limits: Limits | None = None
) -> FactorGraph:
    """A network from a file: .bif, .xmlbif, .xml, .uai or .json, or one of these and .gz.

    Args:
        path: the file.
        normalize: scale conditional tables to sums of one.
        limits: memory, for a file may claim far more than it holds; and a deadline.

    Raises:
        Diagnostic: LW5003 and what its reader says; LW0101 for what does not fit.
        Trap: LW2001 at the deadline.

    Warns:
        TableNotice: conditional tables that do not sum to one; they are used as they are.
    """
    read = partial(_read, path_of(path), flag("normalize", normalize), limits)
    graph = within(limits, read, "raise the deadline")
    graph.notice()
    return graph


def _read(path: str | os.PathLike[str], normalize: bool, limits: Limits | None) -> FactorGraph:
    try:
        text = unpacked(Path(path).read_bytes(), str(path), limits).decode("utf-8-sig")
    except (OSError, ValueError, TypeError) as error:  # a name with a NUL is a ValueError
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        what = f"{path} cannot be read: {getattr(error, 'strerror', None) or why}"
        raise Diagnostic(BAD_NETWORK, what, help="check the path, and that it is a file") from None
    return read_text(text, str(path), normalize=normalize, limits=limits)
