"""Which vectors have words one after another: what follows from how they are computed.

A sum of words in a row and of one word for all lanes is a row. So what is computed of a lane's
number often is one for sure; where it hangs on some vectors that may or may not be rows, it is
enough to look at these, once for all that is computed of them.
"""

from __future__ import annotations

from lanework.core.ops.expr import Graph
from lanework.core.ops.prims import Prim
from lanework.engines.lanes.program import Operand, Word
from lanework.engines.llvm.masks import Variables

SAME, ROW = "same", "row"
Clue = tuple[str, int]
"""A vector that may be a row: where its first word is at most so much, or by all of them if that is
below zero."""
Clues = frozenset[Clue]
Kind = tuple[str, Clues] | None
"""What lanes have, if all of some vectors are rows; None for anything."""


class LaneRows:
    """What is known of the vectors of a block; lanes that are elsewhere may have other words.

    Args:
        writer: it writes the block.

    Attributes:
        numbers: variables of which lanes have one after another.
    """

    def __init__(self, writer: Variables) -> None:
        self.writer = writer
        self.numbers: frozenset[int] = frozenset()
        self._known: dict[str, Kind] = {}
        self._flags: dict[Clues, str] = {}
        self._constants: dict[str, int] = {}

    def begin(self) -> None:
        """A block begins."""
        self._known, self._flags, self._constants = {}, {}, {}

    def read(self, operand: Operand, value: str) -> None:
        """A vector is an operand."""
        if not self.writer.shape.varies(operand):
            self._known[value] = SAME, frozenset()
            one = self.writer.read(operand, wide=False)
            if one.removeprefix("-").isdigit():
                self._constants[value] = int(one)
        elif not isinstance(operand, Word) and operand in self.numbers:
            self._known.setdefault(value, (ROW, frozenset()))

    def computed(self, graph: Graph, given: list[str], value: str) -> None:
        """A vector is computed of others."""
        if value in self._known or graph.result.dtype != "i32":
            return
        kinds: dict[int, Kind] = {}
        for each in graph.values:
            if each.prim is Prim.ARG:
                kinds[id(each)] = self._of(given[int(each.payload or 0)], each.dtype)
            elif each.prim is Prim.CONST:
                kinds[id(each)] = SAME, frozenset()
            else:
                kinds[id(each)] = _result(each.prim, [kinds[id(arg)] for arg in each.args])
        self._known[value] = kinds[id(graph.result)] or self._low(graph, given, value)

    def _low(self, graph: Graph, given: list[str], value: str) -> Kind:
        """The low bits of a row are one where they do not begin again at 0."""
        last = graph.result
        if last.prim is not Prim.AND or any(each.prim is not Prim.ARG for each in last.args):
            return None
        args = [given[int(each.payload or 0)] for each in last.args]
        for arg, other in (args, args[::-1]):
            most, kind = self._constants.get(other, 0), self._of(arg, "i32")
            if (
                kind is not None
                and kind[0] == ROW
                and most >= self.writer.width
                and not most & most + 1
            ):
                return ROW, kind[1] | {(value, most + 1 - self.writer.width)}
        return None

    def _of(self, value: str, dtype: str) -> Kind:
        """What a vector is; one of words that may be anything is a row if it looks so."""
        known = self._known.get(value)
        return (ROW, frozenset(((value, -1),))) if known is None and dtype == "i32" else known

    def row(self, value: str, mask: str) -> str | None:
        """The condition under which a vector certainly is a row; None if nothing is known.

        It is a value of LLVM, that the rest of the block may use.
        """
        known = self._known.get(value)
        if known is None or known[0] != ROW:
            return None
        if known[1] not in self._flags:
            flag = "true"
            for each in sorted(known[1]):
                one = self._flags.get(frozenset((each,)))
                if one is None:
                    one = self._flags[frozenset((each,))] = self._look(*each, mask)
                flag = one if flag == "true" else self.writer.emit(f"and i1 {flag}, {one}")
            self._flags[known[1]] = flag
        return self._flags[known[1]]

    def _look(self, value: str, most: int, mask: str) -> str:
        """Whether a vector is a row, for what is known of it."""
        w = self.writer
        if most < 0:
            return self.look(value, mask)
        first = w.emit(f"extractelement {w.kind} {value}, i64 0")
        return w.emit(f"icmp ule i32 {first}, {most}")

    def look(self, value: str, mask: str) -> str:
        """Whether lanes of a mask have words in a row, which begins with the first lane's."""
        w = self.writer
        first = w.emit(f"extractelement {w.kind} {value}, i64 0")
        iota = ", ".join(f"i32 {n}" for n in range(w.width))
        want = w.emit(f"add {w.kind} {w.splat(first, 'i32')}, <{iota}>")
        off = w.emit(f"icmp ne {w.kind} {value}, {want}")
        bad = w.any(w.both(off, mask))
        return w.emit(f"xor i1 {bad}, true")


def _result(prim: Prim, args: list[Kind]) -> Kind:
    """What comes of vectors; that of one that is anything is anything."""
    kinds = [each[0] for each in args if each is not None]
    flags = Clues().union(*(each[1] for each in args if each is not None))
    if len(kinds) < len(args):
        return None
    rows = kinds.count(ROW)
    certain = any(each is not None and not each[1] for each in args)
    if not rows or (prim is Prim.SUB and rows == 2 and certain):
        return SAME, flags
    if rows == 1 and (prim is Prim.ADD or (prim is Prim.SUB and kinds[0] == ROW)):
        return ROW, flags
    return None
