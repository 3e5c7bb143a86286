"""XMLBIF 0.3: Bayesian networks in XML (F. G. Cozman, 1998).

In a definition's table the variable itself (FOR) is the fastest, then the last of those GIVEN.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.model import FactorGraph


def read_xmlbif(text: str, source: str = "network.xml") -> FactorGraph:
    """A network from XML.

    Raises:
        Diagnostic: LW5003 where the XML or the network is malformed; LW5001, LW5002, LW5004.

    Example:
        >>> text = "<BIF><NETWORK><NAME>n</NAME><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME>"
        >>> text += "<OUTCOME>y</OUTCOME></VARIABLE><DEFINITION><FOR>a</FOR><TABLE>0.5 0.5</TABLE>"
        >>> read_xmlbif(text + "</DEFINITION></NETWORK></BIF>")
        <FactorGraph n: 1 variables, 1 factors>
    """
    if "<!ENTITY" in text:
        raise _wrong("a network declares no entities", source, text)
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        line, column = error.position
        raise _wrong(f"the XML is malformed: {error.msg}", source, text, line, column + 1) from None
    network = root if root.tag == "NETWORK" else root.find("NETWORK")
    if network is None:
        raise _wrong("there is no NETWORK", source, text)
    graph = FactorGraph(_text(network, "NAME") or "network")
    for variable in network.findall("VARIABLE"):
        name = _text(variable, "NAME")
        if not name:
            raise _wrong("a VARIABLE has a NAME", source, text)
        tags = ("OUTCOME", "VALUE")
        graph.variable(
            name, [(e.text or "").strip() for tag in tags for e in variable.findall(tag)]
        )
    for definition in (*network.findall("DEFINITION"), *network.findall("PROBABILITY")):
        child = _text(definition, "FOR")
        parents = [(element.text or "").strip() for element in definition.findall("GIVEN")]
        unknown = [name for name in (*parents, child) if name not in graph.variables]
        if unknown:
            raise _wrong(f"there is no variable {unknown[0]!r}", source, text)
        shape = [graph.variables[name].size for name in (*parents, child)]
        try:
            values = np.array((_text(definition, "TABLE") or "").split(), np.float64)
        except ValueError:
            raise _wrong(f"the table of {child!r} holds numbers", source, text) from None
        if values.size != np.prod(shape):
            message = f"the table of {child!r} has {values.size} numbers, not {np.prod(shape)}"
            raise _wrong(message, source, text)
        graph.factor((*parents, child), values.reshape(shape), name=child, child=child)
    graph.check()
    return graph


def _text(element: ElementTree.Element, tag: str) -> str:
    found = element.find(tag)
    return "" if found is None or found.text is None else found.text.strip()


def _wrong(message: str, source: str, text: str, line: int = 1, column: int = 1) -> Diagnostic:
    span = Span(source, line, column, line, column + 1, text)
    return Diagnostic(BAD_NETWORK, message, span=span)
