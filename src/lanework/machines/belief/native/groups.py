"""The outputs of a contraction in groups: those that have the same terms other than zero.

A term is zero in all lanes if an operand's entry is. Which entries of an operand an output reads is
said by some of its axes, so outputs are sorted by rows of each operand in turn, and never by all
their terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lanework.machines.belief.tensor import TensorSpec, align_array_to

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]
MOST = 1 << 22  # numbers up to which flags are as quick as sorting, and sets of terms stay small
REGION = 64  # outputs of a set that a region has on average
NARROW = 16  # bits that a row may have to be a number


@dataclass(frozen=True, eq=False)
class Groups:
    """Outputs by their terms."""

    outputs: Ints  # their numbers, group after group
    sizes: Ints  # how many outputs each group has
    sets: Ints  # the number of each group's set of terms
    terms: Ints  # the numbers of terms, set after set
    counts: Ints  # how many terms each set has

    def tiles(self, tile: int) -> Ints:
        """How many tiles of outputs each group has."""
        return np.asarray(-(-self.sizes // tile))

    def heads(self, tile: int) -> Ints:
        """For each group how many tiles and terms there are, and where the terms begin."""
        starts = np.cumsum(self.counts) - self.counts
        return np.stack([self.tiles(tile), self.counts[self.sets], starts[self.sets]], axis=1)

    def padded(self, tile: int) -> Ints:
        """The outputs of all tiles: the last one of a group again where its last tile has room."""
        sizes = self.tiles(tile) * tile
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        starts = np.cumsum(self.sizes) - self.sizes
        last = np.repeat(self.sizes - 1, sizes)
        return np.asarray(self.outputs[np.repeat(starts, sizes) + np.minimum(within, last)])

    def products(self, tile: int = 1) -> int:
        """How many products are added up, by tiles."""
        return int(np.sum(self.tiles(tile) * tile * self.counts[self.sets]))

    @property
    def nbytes(self) -> int:
        """How large this is."""
        arrays = (self.outputs, self.sizes, self.sets, self.terms, self.counts)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, eq=False)
class TermSets:
    """Which terms outputs have."""

    of: Ints  # the number of each output's set of terms, of the shape of the outputs
    sets: Bools  # the sets, of shape (sets, terms); no two are equal

    @cached_property
    def support(self) -> Bools:
        """The outputs with any terms at all."""
        return np.asarray(np.logical_or.reduce(self.sets, axis=1)[self.of])

    def groups(self, tile: int) -> Groups:
        """The outputs by groups, each from a region of neighbours, which caches hold.

        Sets with few outputs go together as far as a tile has room.
        """
        of = self.of.ravel()
        starts = _starts(np.bincount(of, minlength=len(self.sets)).tolist(), tile)
        sets = np.logical_or.reduceat(self.sets, starts, axis=0)
        merged = np.repeat(np.arange(len(starts)), np.diff([*starts, len(self.sets)]))
        of = merged.astype(np.int32)[of]
        outputs = _sorted(of)
        region = REGION * len(sets)
        outputs = outputs[_sorted(outputs // region)]
        keys = outputs // region * len(sets) + of[outputs]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        sizes = np.diff([*first, len(keys)])
        terms = np.nonzero(sets)[1].astype(np.uint32)
        sets_of = of[outputs[first]]
        return Groups(outputs.astype(np.uint32), sizes, sets_of, terms, sets.sum(axis=1))


def term_sets(
    out: TensorSpec, reduced: TensorSpec, supports: Iterable[tuple[Bools, TensorSpec]]
) -> TermSets:
    """Which terms of `reduced` axes the outputs of a contraction have.

    `supports` say where operands may be other than zero. One with too many different rows is left
    out, which is as if it had no zeros.

    Example:
        >>> from lanework.machines.belief.tensor import Axis, AxisType
        >>> a, b = (TensorSpec((Axis(n, AxisType.GEOMETRIC, 3),)) for n in range(2))
        >>> both = TensorSpec(a.axes + b.axes)
        >>> terms = term_sets(a, b, [(np.tri(3, dtype=bool), both)])
        >>> terms.sets[terms.of].astype(int).tolist()
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    of: Ints = np.zeros((1,) * len(out.axes), np.int32)
    sets = np.ones((1,) * (1 + len(reduced.axes)), bool)
    for support, spec in supports:
        rows, number = _rows(support, spec, out, reduced)
        if len(sets) * len(rows) > MOST:
            continue
        present, both = _numbered(of * len(rows) + number, len(sets) * len(rows))
        if len(present) * reduced.entries > MOST:
            continue
        of, sets = both, sets[present // len(rows)] & rows[present % len(rows)]
    wide = np.broadcast_to(sets, (len(sets), *reduced.shape)).reshape(len(sets), -1)
    different, again = _different(wide)
    return TermSets(np.broadcast_to(again[of], out.shape), different)


def _rows(
    support: Bools, spec: TensorSpec, out: TensorSpec, reduced: TensorSpec
) -> tuple[Bools, Ints]:
    """The different rows of an operand, and which of them each output reads."""
    keys = set(spec.keys)
    inner, outer = reduced.keep(keys), out.keep(keys)
    table = align_array_to(support, spec, TensorSpec((*outer.axes, *inner.axes)))
    rows, number = _different(table.reshape(outer.entries, inner.entries))
    shapes = [
        [axis.size if axis.key in keys else 1 for axis in side.axes] for side in (reduced, out)
    ]
    return rows.reshape(len(rows), *shapes[0]), number.reshape(shapes[1])


def _different(rows: Bools) -> tuple[Bools, Ints]:
    """The different rows of a table in order, and the number of each row among them."""
    count, width = rows.shape
    if width <= NARROW:
        bits = 1 << np.arange(width)[::-1]
        present, number = _numbered(rows @ bits, 1 << width)
        return (present[:, np.newaxis] & bits) != 0, number
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    texts = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, number = np.unique(texts, return_index=True, return_inverse=True)
    return rows[first], number.reshape(count)


def _numbered(codes: Ints, bound: int) -> tuple[Ints, Ints]:
    """The codes below a bound that there are, and the place of each code among them."""
    seen = np.zeros(bound, bool)
    seen[codes] = True
    present = np.flatnonzero(seen)
    place = np.empty(bound, np.int32)
    place[present] = np.arange(len(present))
    return present, place[codes]


def _starts(sizes: list[int], tile: int) -> list[int]:
    """Where groups begin, so that small neighbours share a tile."""
    starts, have = [], tile
    for number, size in enumerate(sizes):
        if have + size > tile:
            starts.append(number)
            have = 0
        have += size
    return starts


def _sorted(keys: Ints) -> Ints:
    """Places in the order of keys; equal ones stay as they are."""
    narrow = keys.max(initial=0) < 1 << NARROW  # which NumPy sorts faster
    return np.argsort(keys.astype(np.uint16) if narrow else keys, kind="stable")
