"""XMLBIF 0.3: Bayesian networks in XML (F. G. Cozman, 1998).

In a definition's table the variable itself (FOR) is the fastest, then the last of those GIVEN.
"""

from __future__ import annotations

import functools
import math
import re
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.base.printable import encodable
from lanework.base.span import Span, span_at
from lanework.core.options import text_of
from lanework.machines.belief.codes import BAD_NETWORK
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_names, error_context, span_of
from lanework.machines.belief.graph.words import PIECE, floats_of, split_words

# What XML cannot hold, or what its readers take off: blanks around a text.
NO_XML = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]|^\s|\s$")
_BETWEEN = "\n    "


def read_xmlbif(text: str, source: str = "network.xml") -> FactorGraph:
    """A network from XML.

    Raises:
        Diagnostic: LW5003 where the XML or the network is malformed; LW5001, LW5002, LW5004. All
            with line and column.

    Example:
        >>> text = "<BIF><NETWORK><NAME>n</NAME><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME>"
        >>> text += "<OUTCOME>y</OUTCOME></VARIABLE><DEFINITION><FOR>a</FOR><TABLE>0.5 0.5</TABLE>"
        >>> read_xmlbif(text + "</DEFINITION></NETWORK></BIF>")
        <FactorGraph n: 1 variables, 1 factors>
    """
    text = text_of(text)
    if "<!ENTITY" in text:
        span = span_of(text, source, "<!ENTITY")
        raise Diagnostic(BAD_NETWORK, "a network declares no entities", span=span)
    if not encodable(text):
        raise _wrong("the text has half of a character", source, text)
    root = _root(text, source)
    network = root if root.tag == "NETWORK" else root.find("NETWORK")
    if network is None:
        raise _wrong("there is no NETWORK", source, text)
    graph = FactorGraph(_text(network, "NAME") or "network")
    for number, variable in enumerate(network.findall("VARIABLE"), 1):
        name = _text(variable, "NAME")
        if not name:
            span = span_of(text, source, r"<VARIABLE\b", number)
            raise Diagnostic(BAD_NETWORK, "a VARIABLE has a NAME", span=span)
        kinds = [value for key, value in variable.attrib.items() if key.upper() == "TYPE"]
        if (kind := (*kinds, "nature")[0].strip().lower()) != "nature":
            span = _variable(text, source, name)
            what = f"{name!r} is a node of the type {kind!r}"
            help = "only chance nodes (nature) have posteriors: leave decisions and utilities out"
            raise Diagnostic(BAD_NETWORK, what, span=span, help=help)
        tags = ("OUTCOME", "VALUE")
        states = [(e.text or "").strip() for tag in tags for e in variable.findall(tag)]
        nth = 1 + (name in graph.variables)
        with error_context(functools.partial(_variable, text, source, name, nth)):
            graph.variable(name, states)
    lacking = dict.fromkeys(graph.variables)
    for definition in (*network.findall("DEFINITION"), *network.findall("PROBABILITY")):
        _define(graph, definition, lacking, source, text)
    for name in lacking:
        span = _variable(text, source, name)
        raise Diagnostic(BAD_NETWORK, f"the variable {name!r} has no table", span=span)
    with error_context(functools.partial(span_of, text, source, "<(DEFINITION|PROBABILITY)")):
        graph.check()
    return graph


def _root(text: str, source: str) -> ElementTree.Element:
    try:
        parser = ElementTree.XMLParser()
        for at in range(0, len(text), PIECE):
            parser.feed(text[at : at + PIECE])
        root: ElementTree.Element = parser.close()
    except ElementTree.ParseError as error:
        line, column = error.position
        raise _wrong(f"the XML is malformed: {error.msg}", source, text, line, column + 1) from None
    except UnicodeEncodeError as error:  # half of a pair of UTF-16
        raise _wrong(f"the text is no Unicode: {text[error.start]!r}", source, text) from None
    return root


def _define(
    graph: FactorGraph,
    definition: ElementTree.Element,
    lacking: dict[str, None],
    source: str,
    text: str,
) -> None:
    child = _text(definition, "FOR")
    parents = [(element.text or "").strip() for element in definition.findall("GIVEN")]
    unknown = [name for name in (*parents, child) if name not in graph.variables]
    if unknown:
        tag, near = (
            "GIVEN" if unknown[0] in parents else "FOR",
            did_you_mean(unknown[0], graph.variables),
        )
        span = _place(text, source, tag, unknown[0])
        raise Diagnostic(BAD_NETWORK, f"there is no variable {unknown[0]!r}", span=span, help=near)
    if child not in lacking:
        span = _place(text, source, "FOR", child, 2)
        raise Diagnostic(BAD_NETWORK, f"there are two tables of {child!r}", span=span)
    del lacking[child]
    with error_context(functools.partial(_place, text, source, "FOR", child)):
        shape = graph.shape((*parents, child))
        try:
            values = floats_of(split_words(_text(definition, "TABLE") or ""))
        except ValueError:
            raise Diagnostic(BAD_NETWORK, f"the table of {child!r} holds numbers") from None
        if values.size != math.prod(shape):
            message = f"the table of {child!r} has {values.size} numbers, not {math.prod(shape)}"
            raise Diagnostic(BAD_NETWORK, message)
        graph.factor((*parents, child), values.reshape(shape), name=child, child=child)


def write_xmlbif(graph: FactorGraph) -> str:
    """A Bayesian network as text, with numbers that read back to the same bits.

    Raises:
        Diagnostic: LW5001 for a graph whose factors are no conditional tables, and for names that
            XML cannot hold.

    Example:
        >>> graph = FactorGraph("n")
        >>> _ = graph.variable("a", ["<5", "5+"])
        >>> _ = graph.factor(["a"], [0.25, 0.75], child="a")
        >>> print(write_xmlbif(graph), end="")
        <?xml version="1.0" encoding="UTF-8"?>
        <BIF VERSION="0.3">
        <NETWORK>
        <NAME>n</NAME>
        <VARIABLE TYPE="nature">
          <NAME>a</NAME>
          <OUTCOME>&lt;5</OUTCOME>
          <OUTCOME>5+</OUTCOME>
        </VARIABLE>
        <DEFINITION>
          <FOR>a</FOR>
          <TABLE>0.25 0.75</TABLE>
        </DEFINITION>
        </NETWORK>
        </BIF>
    """
    check_names(graph, "XMLBIF", NO_XML)
    out = ['<?xml version="1.0" encoding="UTF-8"?>', '<BIF VERSION="0.3">', "<NETWORK>"]
    out.append(f"<NAME>{escape(graph.name)}</NAME>")
    for variable in graph.variables.values():
        out += ['<VARIABLE TYPE="nature">', f"  <NAME>{escape(variable.name)}</NAME>"]
        out += [f"  <OUTCOME>{escape(state)}</OUTCOME>" for state in variable.states]
        out.append("</VARIABLE>")
    for factor in graph.factors:
        assert factor.child is not None
        parents = [name for name in factor.scope if name != factor.child]
        table = np.moveaxis(factor.table, factor.scope.index(factor.child), -1)
        out += ["<DEFINITION>", f"  <FOR>{escape(factor.child)}</FOR>"]
        out += [f"  <GIVEN>{escape(parent)}</GIVEN>" for parent in parents]
        rows = [" ".join(map(repr, row)) for row in table.reshape(-1, table.shape[-1]).tolist()]
        out.append(f"  <TABLE>{_BETWEEN.join(rows)}</TABLE>")
        out.append("</DEFINITION>")
    return "\n".join([*out, "</NETWORK>", "</BIF>"]) + "\n"


def _place(text: str, source: str, tag: str, name: str, nth: int = 1) -> Span:
    return span_of(text, source, rf"<{tag}>\s*{re.escape(escape(name))}\s*</{tag}>", nth)


def _variable(text: str, source: str, name: str, nth: int = 1) -> Span:
    """Where a variable is declared; the network may be called like it."""
    named = rf"(<NAME>\s*{re.escape(escape(name))}\s*</NAME>)"
    pattern = rf"<VARIABLE\b(?s:(?!</VARIABLE|<NAME>).)*{named}"
    starts = [match.start(1) for match in re.finditer(pattern, text)][:nth]
    return span_at(text, source, starts[-1] if starts else 0)


def _text(element: ElementTree.Element, tag: str) -> str:
    child = element.find(tag)
    return "" if child is None or child.text is None else child.text.strip()


def _wrong(message: str, source: str, text: str, line: int = 1, column: int = 1) -> Diagnostic:
    span = Span(source, line, column, line, column + 1, text)
    return Diagnostic(BAD_NETWORK, message, span=span)
