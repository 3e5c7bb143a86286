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
from lanework.machines.belief.tables import tell

READERS: dict[str, Callable[[str, str], FactorGraph]] = {
    ".bif": read_bif,
    ".xmlbif": read_xmlbif,
    ".xml": read_xmlbif,
    ".uai": read_uai,
    ".json": read_json,
}


def read_text(text: str, source: str, *, normalize: bool = False) -> FactorGraph:
    """A network from a text; the ending of its source says how it is written.

    Args:
        text: what a file holds.
        source: its name.
        normalize: scale conditional tables to sums of one.

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
    graph = READERS[ending](text, source)
    return graph.normalized() if normalize else graph


def read_network(path: str | os.PathLike[str], *, normalize: bool = False) -> FactorGraph:
    """A network from a file: .bif, .xmlbif, .xml, .uai or .json.

    Args:
        path: the file.
        normalize: scale conditional tables to sums of one.

    Raises:
        Diagnostic: LW5003 and what its reader says.

    Warns:
        TableNotice: conditional tables that do not sum to one; they are used as they are.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Diagnostic(BAD_NETWORK, f"{path} cannot be read: {error}") from None
    graph = read_text(text, str(path), normalize=normalize)
    tell(graph)
    return graph
