"""BIF, the Interchange Format for Bayesian networks (version 0.15), as bnlearn's repository has it.

Names may hold any characters but blanks and ``,;{}()[]|"``, and within quotes these too, but for
the quote; lines of tables have the child's states fastest. Intervals, such as ``(-Inf,0.5]``, may
be names of states. JavaBayes writes no bar after the child of a table, and no commas. Every
variable has a table, exactly one, so that a file that was cut off is not taken for a smaller
network.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from functools import partial

import numpy as np

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.options import integer, text_of
from lanework.machines.belief.graph.bifblocks import (
    LISTED,
    MARKS,
    QUOTE,
    BifText,
    Block,
    name_of,
)
from lanework.machines.belief.graph.biftables import (
    CUT_OFF,
    NAMES,
    PROPERTY,
    SPACE,
    TableReader,
    past,
)
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.refusal import check_names, error_context

_STATES = re.compile(rf"type\s+discrete\s*\[\s*([0-9]{{1,9}})\s*\]\s*\{{({LISTED})\}}\s*;?\s*")
_TYPE = re.compile(r"type\s+([^\s\[{;]+)\s*(\[\s*[0-9]{1,9}\s*\]\s*\{)?")
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*|[0-9]+")
NO_BIF = re.compile(r'["\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')  # in names, even quoted
# What `default` may fill, as no line of the file has to stand for it: 32 MiB.
MOST_ENTRIES = 1 << 22


class BifReader:
    """Reads one text."""

    def __init__(self, text: str, source: str = "network.bif", most: int = MOST_ENTRIES) -> None:
        """Take a text, and how many entries a table may have that is not written out."""
        self.text, self.most = BifText(text, source), min(most, MOST_ENTRIES)
        self.graph = FactorGraph("network")

    def read(self) -> FactorGraph:
        """The network.

        Raises:
            Diagnostic: LW5003, LW5001, LW5002 or LW5004, with line and column.
        """
        variables: dict[str, Block] = {}
        tables: list[Block] = []
        for block in self.text.blocks():
            what = block.words[0]
            if what == "network":
                self._network(block)
            elif what == "variable":
                variables[self._variable(block)] = block
            elif what == "probability":
                tables.append(block)
            else:
                help = QUOTE if what in MARKS else None
                raise self.text.wrong(block.start, f"{what!r} is no part of a network", help)
        if not self.text.text.strip():
            raise self.text.wrong(0, "there is no network", CUT_OFF)
        lacking = dict(variables)
        for block in tables:
            names = self._scope(block)
            if lacking.pop(names[0], None) is None:
                raise self.text.wrong(block.start, f"there are two tables of {names[0]!r}")
            table = TableReader(self.text, block, self.graph, names, self.most).read()
            with self._at(block):
                self.graph.factor((*names[1:], names[0]), table, name=names[0], child=names[0])
        for name, block in lacking.items():
            raise self.text.wrong(block.start, f"the variable {name!r} has no table", CUT_OFF)
        if cycle := self.graph.cycle():
            with self._at(variables[cycle[0]]):
                self.graph.check()
        return self.graph

    def _at(self, block: Block) -> AbstractContextManager[None]:
        """What the graph refuses is said with a place."""
        return error_context(partial(self.text.span, block.start))

    def _network(self, block: Block) -> None:
        words = block.words[1:]
        if MARKS.intersection(words):
            raise self.text.wrong(block.start, "a network has a name and properties")
        self.graph.name = " ".join(map(name_of, words)) or "network"
        self._end(block, self._properties(block, block.inside))

    def _variable(self, block: Block) -> str:
        words = block.words[1:]
        at = self._properties(block, block.inside)
        match = _STATES.match(self.text.text, at, block.end)
        if len(words) != 1 or MARKS.intersection(words):
            raise self.text.wrong(block.start, "a variable has a name and a discrete type", QUOTE)
        if match is None:
            raise self._no_type(block, at)
        states = [name_of(word[0]) for word in NAMES.finditer(match[2])]
        if len(states) != int(match[1]):
            message = f"{match[1]} states are declared, and {len(states)} named"
            raise self.text.wrong(at, message, QUOTE)
        with self._at(block):
            self.graph.variable(name_of(words[0]), states)
        self._end(block, self._properties(block, match.end()))
        return name_of(words[0])

    def _no_type(self, block: Block, at: int) -> Diagnostic:
        """Why there is no type of a variable with its states."""
        begun = _TYPE.match(self.text.text, at, block.end)
        if begun is None:
            what = "a variable has a name and a discrete type"
            return self.text.wrong(block.start, what, QUOTE)
        if begun[1] != "discrete":
            help = "only discrete variables are read: give it states"
            return self.text.wrong(at, f"the type of the variable is {begun[1]!r}", help)
        if not begun[2]:
            help = "write: type discrete [ 2 ] { yes, no };"
            return self.text.wrong(at, "a discrete type says how many states there are", help)
        return self.text.odd(begun.end(), block.end) or self.text.wrong(
            at, "the states of a variable stand in braces, with commas between them", QUOTE
        )

    def _properties(self, block: Block, at: int) -> int:
        return past(PROPERTY, self.text.text, past(SPACE, self.text.text, at, block), block)

    def _end(self, block: Block, at: int) -> None:
        if at < block.end:
            raise self.text.wrong(at, f"this is no part of a {block.words[0]}")

    def _named(self, block: Block, name: str) -> int:
        """Where a name stands before the brace of a block."""
        pattern = re.compile(rf'(?<=[\s,(|"]){re.escape(name)}')
        match = pattern.search(self.text.text, block.start, block.inside)
        return block.start if match is None else match.start()

    def _scope(self, block: Block) -> list[str]:
        """The variables of a table, the child first."""
        inner = [word for word in block.words[2:-1] if word != ","]
        names = [name_of(word) for word in inner if word != "|"]
        outer = block.words[1:2] + block.words[-1:]
        stray = (MARKS - {"|"}).intersection(inner) or "|" in inner[2:]
        if outer != ("(", ")") or not names or stray:
            raise self.text.wrong(block.start, "whose table is this?")
        for name in names:
            if name not in self.graph.variables:
                near = did_you_mean(name, self.graph.variables)
                raise self.text.wrong(
                    self._named(block, name), f"there is no variable {name!r}", near
                )
        if len(names) > 1 and inner[1] != "|" and "," in block.words:
            help = "write a bar after the variable that the table is of"
            raise self.text.wrong(block.start, "a joint table is no conditional table", help)
        return names


def read_bif(text: str, source: str = "network.bif", most: int = MOST_ENTRIES) -> FactorGraph:
    """A network from the text of a BIF file; tables not written out have `most` entries at most.

    Raises:
        Diagnostic: LW5003 with line and column; LW5001, LW5002, LW5004.

    Example:
        >>> text = "variable rain { type discrete [ 2 ] { yes, no }; }"
        >>> read_bif(text + "probability ( rain ) { table 0.2, 0.8; }")
        <FactorGraph network: 1 variables, 1 factors>
    """
    text = text_of(text)
    return BifReader(text, source, integer("most", most, 1)).read()


def write_bif(graph: FactorGraph) -> str:
    """A Bayesian network as text, with numbers that read back to the same bits.

    Raises:
        Diagnostic: LW5001 for a graph whose factors are no conditional tables, and for names that
            BIF cannot hold.

    Example:
        >>> graph = FactorGraph("n")
        >>> _ = graph.variable("rain", ["yes", "no"])
        >>> _ = graph.factor(["rain"], [0.25, 0.75], child="rain")
        >>> print(write_bif(graph), end="")
        network n {
        }
        variable rain {
          type discrete [ 2 ] { yes, no };
        }
        probability ( rain ) {
          table 0.25, 0.75;
        }
    """
    check_names(graph, "BIF", NO_BIF)
    out = [f"network {_word(graph.name)} {{", "}"]
    for variable in graph.variables.values():
        states = ", ".join(map(_word, variable.states))
        head = f"variable {_word(variable.name)} {{"
        out += [head, f"  type discrete [ {variable.size} ] {{ {states} }};", "}"]
    for factor in graph.factors:
        assert factor.child is not None
        parents = [name for name in factor.scope if name != factor.child]
        table = np.moveaxis(factor.table, factor.scope.index(factor.child), -1)
        given = " | " + ", ".join(map(_word, parents)) if parents else ""
        out.append(f"probability ( {_word(factor.child)}{given} ) {{")
        known = [graph.variables[name].states for name in parents]
        for place in np.ndindex(table.shape[:-1]):
            row = ", ".join(repr(value) for value in table[place].tolist())
            states = ", ".join(_word(s[i]) for s, i in zip(known, place, strict=True))
            out.append(f"  ({states}) {row};" if parents else f"  table {row};")
        out.append("}")
    return "\n".join(out) + "\n"


def _word(name: str) -> str:
    """A name as it is, or in quotes where others than this reader need them."""
    return name if _PLAIN.fullmatch(name) else f'"{name}"'
