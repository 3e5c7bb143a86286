"""Networks from files, by their endings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.model import FactorGraph
from lanework.machines.belief.readers.bif import read_bif
from lanework.machines.belief.readers.jsonform import read_json
from lanework.machines.belief.readers.uai import read_uai
from lanework.machines.belief.readers.xmlbif import read_xmlbif

READERS: dict[str, Callable[[str, str], FactorGraph]] = {
    ".bif": read_bif,
    ".xmlbif": read_xmlbif,
    ".xml": read_xmlbif,
    ".uai": read_uai,
    ".json": read_json,
}


def read_text(text: str, source: str) -> FactorGraph:
    """A network from a text; the ending of its source says how it is written.

    Raises:
        Diagnostic: LW5003 and what its reader says.
    """
    ending = Path(source).suffix.lower()
    if ending not in READERS:
        raise Diagnostic(
            BAD_NETWORK,
            f"{source}: the ending {ending or '(none)'!r} is of no format of networks",
            help=did_you_mean(ending, READERS) or f"there is {', '.join(READERS)}",
        )
    return READERS[ending](text, source)


def read_network(path: str | os.PathLike[str]) -> FactorGraph:
    """A network from a file: .bif, .xmlbif, .xml, .uai or .json.

    Raises:
        Diagnostic: LW5003 and what its reader says.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic(BAD_NETWORK, f"{path} cannot be read: {error}") from None
    return read_text(text, str(path))
