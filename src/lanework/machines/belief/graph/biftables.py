"""The inside of the `probability` blocks of BIF: a line for each state of the parents."""

from __future__ import annotations

import math
import re

import numpy as np

from lanework.machines.belief.graph.bifblocks import (
    INTERVAL,
    LISTED,
    WORD,
    BifText,
    Block,
    name_of,
)
from lanework.machines.belief.graph.factor import Table
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.words import floats_of, split_words

SPACE = re.compile(r"\s*")
NAMES = re.compile(rf"{INTERVAL}|{WORD}")
PROPERTY = re.compile(r'property\b(?:"[^"\n]*"|[^;{}"]++)*+;\s*')
_LINE = re.compile(rf'(?:\(({LISTED})\)|(table|default)\b)([^;{{}}()"]*);\s*')
CUT_OFF = "is the file cut off?"


class TableReader:
    """Reads one `probability` block: a line for each state of the parents."""

    def __init__(
        self, text: BifText, block: Block, graph: FactorGraph, names: list[str], most: int
    ) -> None:
        self.text, self.block = text, block
        self.child, *self.parents = names
        self.numbers = [
            {state: place for place, state in enumerate(graph.variables[parent].states)}
            for parent in self.parents
        ]
        shape = [graph.variables[name].size for name in (*self.parents, self.child)]
        if math.prod(shape) > max(most, len(text.text)) or len(shape) > 64:
            message = f"the table of {self.child!r} is too large: far larger than this file"
            raise text.wrong(block.start, message, "write out its entries, or raise the memory cap")
        self.table: Table = np.zeros(shape)
        self.given = np.zeros(shape[:-1], np.bool_)

    def read(self) -> Table:
        """The table, the axes of the parents first."""
        text, block = self.text.text, self.block
        default: Table | None = None
        at = past(SPACE, text, block.inside, block)
        while (at := past(PROPERTY, text, at, block)) < block.end:
            entry = _LINE.match(text, at, block.end)
            if entry is None:
                odd = self.text.odd(at + 1, block.end) if text[at] == "(" else None
                what = "a line of a table has numbers and ends with a semicolon"
                raise odd or self.text.wrong(at, what)
            states, word, _ = entry.groups()
            if states is not None:
                place = self._place(entry)
                self._new(entry, place)
                self.table[place] = self._numbers(entry, self.table.shape[-1])
            elif word == "table":
                self._new(entry, ())
                shape = (self.table.shape[-1], *self.table.shape[:-1])  # the child's the slowest
                values = self._numbers(entry, self.table.size).reshape(shape)
                self.table[...] = np.moveaxis(values, 0, -1)
            elif default is not None:
                raise self.text.wrong(at, f"{self.child!r} has a second default")
            else:
                default = self._numbers(entry, self.table.shape[-1])
            at = entry.end()
        if default is not None:
            self.table[~self.given] = default
        elif not self.given.all():
            lacks = np.argwhere(~self.given)[0]
            states = [list(known)[i] for known, i in zip(self.numbers, lacks, strict=True)]
            message = f"the table of {self.child!r} lacks ({', '.join(states)})"
            raise self.text.wrong(block.start, message, CUT_OFF)
        return self.table

    def _place(self, entry: re.Match[str]) -> tuple[int, ...]:
        """Where the line of some states of the parents is."""
        states = [name_of(word) for word in NAMES.findall(entry[1])]
        if len(states) != len(self.parents):
            message = f"a line of {self.child!r} has {len(states)} states of parents"
            raise self.text.wrong(entry.start(), message, f"there are {len(self.parents)}")
        for parent, known, state in zip(self.parents, self.numbers, states, strict=True):
            if state not in known:
                raise self.text.wrong(entry.start(1), f"{parent!r} has no state {state!r}")
        return tuple(known[state] for known, state in zip(self.numbers, states, strict=True))

    def _new(self, entry: re.Match[str], place: tuple[int, ...]) -> None:
        """Note that a line, or the whole table for no place, is given now and was not before."""
        if self.given[place].any():
            raise self.text.wrong(entry.start(), f"this part of {self.child!r} is given twice")
        self.given[place] = True

    def _numbers(self, entry: re.Match[str], count: int) -> Table:
        try:
            values = floats_of(split_words(entry[3].replace(",", " ")))
        except ValueError:
            raise self.text.wrong(entry.start(3), "a table holds numbers") from None
        if values.size != count:
            message = f"{values.size} numbers are given here, and {count} wanted"
            raise self.text.wrong(entry.start(3), message)
        return values


def past(pattern: re.Pattern[str], text: str, at: int, block: Block) -> int:
    """The place after all that matches, one after another."""
    while (match := pattern.match(text, at, block.end)) and match.end() > at:
        at = match.end()
    return at
