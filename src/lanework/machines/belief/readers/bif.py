"""BIF, the Interchange Format for Bayesian networks (version 0.15), as bnlearn's repository has it.

Names may hold any characters but blanks and ``,;{}()[]|``; tables have the child's states fastest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lanework.base.errors import Diagnostic
from lanework.base.span import Span
from lanework.machines.belief.codes import BAD_GRAPH, BAD_NETWORK
from lanework.machines.belief.model import FactorGraph

_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"[^"\n]*"|[^\s,;{}()\[\]|"]+|[,;{}()\[\]|"]', re.DOTALL)
_ENTRY = re.compile(r"\s*(?:\(([^()]*)\)|(table|default))([^;{}]*);", re.DOTALL)
_SKIP = re.compile(r"\s*(?:(?:property\b[^;]*;|//[^\n]*\n|/\*.*?\*/)\s*)*", re.DOTALL)


@dataclass
class _Block:
    """A piece of the text with braces: its words before, and where its inside is."""

    words: list[str]
    start: int
    inside: int
    end: int


class BifReader:
    """Reads one text."""

    def __init__(self, text: str, source: str = "network.bif") -> None:
        self.text, self.source = text, source
        self.graph = FactorGraph("network")

    def read(self) -> FactorGraph:
        """The network.

        Raises:
            Diagnostic: LW5003 with line and column; LW5001, LW5002, LW5004.
        """
        tables = []
        for block in self._blocks():
            what = block.words[0]
            if what == "network":
                self.graph.name = " ".join(block.words[1:]).strip('"') or "network"
            elif what == "variable":
                self._variable(block)
            elif what == "probability":
                tables.append(block)
            else:
                raise self._wrong(block.start, f"{what!r} is no part of a network")
        for block in tables:
            self._table(block)
        self.graph.check()
        return self.graph

    def _wrong(self, at: int, message: str, help: str | None = None) -> Diagnostic:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        end = at + 1
        while end < len(self.text) and not self.text[end].isspace():
            end += 1
        span = Span(self.source, line, column, line, column + end - at, self.text)
        return Diagnostic(BAD_NETWORK, message, span=span, help=help)

    def _blocks(self) -> Iterator[_Block]:
        at = 0
        text = self.text
        words: list[str] = []
        start = 0
        while True:
            match = _TOKEN.search(text, at)
            if match is None:
                if words:
                    raise self._wrong(start, "the text ends inside a part of the network")
                return
            word, at = match.group(), match.end()
            if word.startswith(("//", "/*")):
                continue
            if not words:
                start = match.start()
            if word != "{":
                words.append(word)
                continue
            end = text.find("}", at)
            inner = text.find("{", at)
            if 0 <= inner < end:  # the states of a variable are in braces of their own
                end = text.find("}", end + 1)
            if end < 0:
                raise self._wrong(start, "a brace is not closed", "is the file cut off?")
            yield _Block(words, start, at, end)
            words, at = [], end + 1

    def _variable(self, block: _Block) -> None:
        inside = self.text[block.inside : block.end]
        match = re.search(r"type\s+discrete\s*\[\s*(\d+)\s*\]\s*\{([^}]*)\}", inside)
        if match is None or len(block.words) < 2:
            raise self._wrong(block.start, "a variable has a name and a discrete type")
        states = [state.strip().strip('"') for state in re.split(r"[,\s]+", match.group(2).strip())]
        states = [state for state in states if state]
        if len(states) != int(match.group(1)):
            at = block.inside + match.start()
            raise self._wrong(at, f"{match.group(1)} states are declared, and {len(states)} named")
        self.graph.variable(_name(block.words[1]), states)

    def _table(self, block: _Block) -> None:
        names = [_name(word) for word in block.words[1:] if word not in ("(", ")", ",", "|")]
        bars = block.words.count("|")
        unknown = [name for name in names if name not in self.graph.variables]
        if unknown or not names or bars > 1:
            message = f"there is no variable {unknown[0]!r}" if unknown else "whose table is this?"
            raise self._wrong(block.start, message)
        child, *parents = names
        if bars == 0 and parents:
            raise self._wrong(block.start, "a joint table is no conditional table")
        sizes = [self.graph.variables[name].size for name in names]
        rows = np.full((*sizes[1:], sizes[0]), np.nan)
        at = block.inside
        while True:
            skipped = _SKIP.match(self.text, at, block.end)
            at = skipped.end() if skipped else at
            if not self.text[at : block.end].strip():
                break
            entry = _ENTRY.match(self.text, at, block.end)
            if entry is None:
                raise self._wrong(at, "a line of a table ends with a semicolon")
            self._entry(entry, child, parents, rows)
            at = entry.end()
        if np.isnan(rows).any():
            missing = tuple(int(i) for i in np.argwhere(np.isnan(rows))[0][:-1])
            states = [
                self.graph.variables[p].states[i] for p, i in zip(parents, missing, strict=True)
            ]
            raise self._wrong(block.start, f"the table of {child!r} lacks ({', '.join(states)})")
        self.graph.factor((*parents, child), rows, name=child, child=child)

    def _entry(
        self, entry: re.Match[str], child: str, parents: list[str], rows: np.ndarray
    ) -> None:
        given, word, text = entry.groups()
        try:
            values = np.array(text.replace(",", " ").split(), np.float64)
        except ValueError:
            raise self._wrong(entry.start(3), "a table holds numbers") from None
        if given is None:
            whole = word == "table"
            if values.size != (rows.size if whole else rows.shape[-1]):
                raise self._wrong(
                    entry.start(3), f"the table of {child!r} has {values.size} numbers"
                )
            if whole:  # the child's states are the slowest there
                rows[...] = np.moveaxis(values.reshape(rows.shape[-1:] + rows.shape[:-1]), 0, -1)
            else:
                rows[np.isnan(rows).all(axis=-1)] = values
            return
        states = [state.strip().strip('"') for state in given.split(",")]
        place = []
        for parent, state in zip(parents, states, strict=False):
            known = self.graph.variables[parent].states
            if state not in known:
                raise self._wrong(entry.start(1), f"{parent!r} has no state {state!r}")
            place.append(known.index(state))
        if len(states) != len(parents) or values.size != rows.shape[-1]:
            raise self._wrong(entry.start(), f"a line of {child!r} does not fit its parents")
        rows[tuple(place)] = values


def _name(word: str) -> str:
    return word.strip('"')


def read_bif(text: str, source: str = "network.bif") -> FactorGraph:
    """A network from the text of a BIF file.

    Raises:
        Diagnostic: LW5003 with line and column; LW5001, LW5002, LW5004.

    Example:
        >>> text = "variable rain { type discrete [ 2 ] { yes, no }; }"
        >>> read_bif(text + "probability ( rain ) { table 0.2, 0.8; }")
        <FactorGraph network: 1 variables, 1 factors>
    """
    return BifReader(text, source).read()


def write_bif(graph: FactorGraph) -> str:
    """A Bayesian network as text, with numbers that read back to the same bits.

    Raises:
        Diagnostic: LW5001 for a graph whose factors are no conditional tables.

    Example:
        >>> graph = FactorGraph("n")
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.25, 0.75], child="rain")
        >>> print(write_bif(graph), end="")
        network "n" {
        }
        variable "rain" {
          type discrete [ 2 ] { "yes", "no" };
        }
        probability ( "rain" ) {
          table 0.25, 0.75;
        }
    """
    if not graph.directed:
        message = "only a network of conditional tables, one a variable, can be written as BIF"
        raise Diagnostic(BAD_GRAPH, message, help="write it as UAI or JSON")
    out = [f'network "{graph.name}" {{', "}"]
    for variable in graph.variables.values():
        states = ", ".join(f'"{state}"' for state in variable.states)
        out += [
            f'variable "{variable.name}" {{',
            f"  type discrete [ {variable.size} ] {{ {states} }};",
        ]
        out.append("}")
    for factor in graph.factors:
        assert factor.child is not None
        parents = [name for name in factor.scope if name != factor.child]
        table = np.moveaxis(factor.table, factor.scope.index(factor.child), -1)
        given = " | " + ", ".join(f'"{name}"' for name in parents) if parents else ""
        out.append(f'probability ( "{factor.child}"{given} ) {{')
        known = [graph.variables[name].states for name in parents]
        for place in np.ndindex(table.shape[:-1]):
            row = ", ".join(repr(value) for value in table[place].tolist())
            states = ", ".join(f'"{s[i]}"' for s, i in zip(known, place, strict=True))
            out.append(f"  ({states}) {row};" if parents else f"  table {row};")
        out.append("}")
    return "\n".join(out) + "\n"
