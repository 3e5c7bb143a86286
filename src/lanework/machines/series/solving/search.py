"""Roots of many lanes at once: Newton's method, then two sides of a root and the middle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lanework.base.errors import Diagnostic

Floats = NDArray[np.float64]
Slope = Callable[[Floats], tuple[Floats, Floats]]

FAR = 1e300  # no unknown is sought beyond
FREE = 60  # steps of Newton's method before two sides of a root are looked for
WIDER = 60  # times that the search doubles its distance
STEPS = 200
NEAR = 1e-10  # a step that small, beside the unknown, is one at the end
HALVES = 64  # of a distance, until nothing is left of it
SMALL = 1e-9  # a miss, beside 1 and what is aimed at, that no two sides of a root need be for
APART = 1e-5  # how far from a root, beside the unknown, a miss that fades out seems to end
SHARES = [4.0**n for n in range(-10, 3)] + [1e3 * 1e24**n for n in range(13)]  # of the unknown
STRAYS = 4.0  # how often as much as its neighbours differ a miss may be
FADED, ROUNDING = 1e-250, 1e-15  # how small, or beside the aim, a miss is that rounding ends


class Search:
    """Lanes on their way to a root.

    Attributes:
        best: where each missed least so far.
        missed: by how much.
        off: how far from the root that is, by its slope there.
    """

    def __init__(
        self, slope: Slope, start: Floats, low: float, high: float, aim: Floats | None = None
    ) -> None:
        """Begin.

        Args:
            slope: the misses at some places, and their slopes.
            start: where to begin, shape (lanes,).
            low: the least place.
            high: the largest.
            aim: what the misses are beside.
        """
        self._slope, self._low, self._high = slope, low, high
        self._small = SMALL * (1.0 + np.abs(np.zeros(start.shape) if aim is None else aim))
        self._ulp = np.spacing(np.abs(np.zeros(start.shape) if aim is None else aim))
        self._start = start
        self._under = np.full(start.shape, np.nan)  # where it is known to be below nought
        self._over = np.full(start.shape, np.nan)
        self.best, self.missed = start.copy(), np.full(start.shape, np.inf)
        self.off = self.missed.copy()
        self._steep = self.missed.copy()  # how steep the miss is there
        self._first: Floats | None = None  # the misses at the start
        self._done = np.zeros(start.shape, bool)
        self._stalled = np.zeros(start.shape, int)

    @property
    def _both(self) -> NDArray[np.bool_]:
        both: NDArray[np.bool_] = ~(np.isnan(self._under) | np.isnan(self._over))
        return both

    @property
    def _sure(self) -> NDArray[np.bool_]:
        """Where no steep slope makes a miss look small: it is, or two sides are neighbours."""
        low, high = self._under, self._over
        middle = low + (high - low) / 2
        sure: NDArray[np.bool_] = (self.missed <= self._small) | (middle == low) | (middle == high)
        return sure

    def _beside(self) -> Floats:
        """Places a little off the best, further each time: there the other side may be."""
        turn = np.where(self._stalled % 2 == 0, 1, -1) * self._stalled
        off = np.where(np.isfinite(self.off), self.off, 0.0)
        beside: Floats = self.best + turn * np.fmax(2 * np.spacing(np.abs(self.best)), off)
        return beside

    def _look(self, x: Floats) -> tuple[Floats, Floats]:
        x = np.where(np.isfinite(x), np.clip(x, -FAR, FAR), self._start)
        x = np.where(self._done, self.best, x)
        y, by = self._slope(x)
        if self._first is None:
            self._first = np.where(np.isfinite(y), np.abs(y), 0.0)
        lower = (y < 0) & self._nearer(x, self._under, self._over)
        upper = (y > 0) & self._nearer(x, self._over, self._under)
        self._under = np.where(lower, x, self._under)
        self._over = np.where(upper, x, self._over)
        better = np.abs(y) < self.missed
        step = np.where(y == 0, 0.0, np.where(np.isfinite(by), np.abs(y / by), np.inf))
        tiny = step <= NEAR * np.abs(x)
        self._stalled = np.where(tiny & ~better, self._stalled + 1, self._stalled)
        self.best = np.where(better, x, self.best)
        self.missed = np.where(better, np.abs(y), self.missed)
        self.off = np.where(better, step, self.off)
        self._steep = np.where(better, np.abs(by), self._steep)
        self._done |= (self.missed == 0) | ((self._stalled > 1) & self._sure)
        return y, by

    @staticmethod
    def _nearer(x: Floats, own: Floats, other: Floats) -> NDArray[np.bool_]:
        nearer: NDArray[np.bool_] = np.abs(x - other) < np.abs(own - other)
        known: NDArray[np.bool_] = ~np.isnan(own) & ~np.isnan(other)
        return nearer | ~known

    def reached(self) -> NDArray[np.bool_]:
        """Which lanes have a root: the unknown is as near to it as rounding lets it come."""
        near = self.off <= NEAR * np.maximum(np.abs(self.best), np.abs(self._start))
        done: NDArray[np.bool_] = (self.missed == 0) | (near & self._sure)
        return done

    def hits(self) -> NDArray[np.bool_]:
        """Which lanes miss by rounding of the aim at most, where the output goes through it."""
        asked: NDArray[np.bool_] = ~self.reached() & (self.missed <= self._ulp)
        if asked.any():
            asked &= self._crosses(asked)
        return asked

    def nears(self) -> NDArray[np.bool_]:
        """Which lanes come near a goal, and neither go through it nor miss by rounding alone.

        What rounding makes is seen by how much values stray that lie next to each other.
        """
        best, step = self.best, np.spacing(np.abs(self.best))
        little = 4 * np.fmax(self._ulp, self._steep * step)
        between = np.abs(self._over - self._under) <= 16 * np.fmax(step, self.off)
        asked: NDArray[np.bool_] = self.reached() & (self.missed > little) & ~between
        if not asked.any():
            return asked
        asked &= ~self._crosses(asked)
        beside = [self._value(best + n * step)[0] for n in (-5, -3, -2, -1, 0, 1, 2, 3, 5)]
        strays = np.max(beside, axis=0) - np.min(beside, axis=0)
        asked &= self.missed > STRAYS * strays
        return asked

    def _crosses(self, asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Where the output goes through the aim as its slope says that it does."""
        out = np.zeros(asked.shape, bool)
        for often in (4.0, 64.0, 1024.0):
            wide = np.where(asked, often * np.fmax(self.off, np.spacing(np.abs(self.best))), 0.0)
            up, down = (self._value(self.best + way * wide)[0] for way in (1, -1))
            said = 2 * wide * self._steep
            out |= (up * down < 0) & (np.abs(up - down) > said / 2) & (np.abs(up - down) < 2 * said)
        return out

    def jumps(self) -> NDArray[np.bool_]:
        """Which lanes are near to a place at which the miss jumps over nought, and have no root.

        By its slope a jump may look near. Between the two sides it is more than the slope makes
        of their distance, and than the miss strays from a line beside them, where rounding makes
        it a stair.
        """
        step = np.spacing(np.abs(self.best))
        asked = self.reached() & self._both & (self.off > 16 * step)
        if not asked.any():
            return asked
        low, high = np.fmin(self._under, self._over), np.fmax(self._under, self._over)
        wide, strays = np.fmax(high - low, self.off), np.zeros(step.shape)
        ends, steep = [], []
        for end, way in ((low, -wide), (high, wide)):
            x = np.where(asked, end, self.best)
            y, by = self._slope(x)
            for turn in (2.3, 3.7, 31.0, 400.0):  # of which no stair has a step at all
                beside = np.clip(x + turn * way, self._low, self._high)
                strays = np.fmax(strays, np.abs(self._slope(beside)[0] - y - by * (beside - x)))
            ends.append(y)
            steep.append(np.abs(by))
        rise = np.fmax(*steep)
        jump = np.abs(ends[1] - ends[0]) - rise * (high - low)
        there: NDArray[np.bool_] = asked & (jump > 8 * np.fmax(strays, rise * step))
        return there

    def fades(self, aim: Floats) -> NDArray[np.bool_]:
        """Which lanes have no root, but a miss that fades out until rounding leaves none of it.

        Where that is nought it is all but flat, and stays nought to the end of numbers or bounds.
        On the other side, where it is nought no longer, it is as small as rounding is beside what
        is aimed at and what it was: by its slope the root is far off.
        """
        first = np.zeros(self.best.shape) if self._first is None else self._first
        least = np.fmax(FADED, ROUNDING * np.fmax(np.abs(aim), first))
        flat = self._steep * APART * self._size <= np.fmax(least, ROUNDING)
        flat |= first == 0
        asked: NDArray[np.bool_] = (self.missed == 0) & flat & ~self._both
        there = np.zeros(asked.shape, bool)
        if asked.any():  # but not where a root is seen close by
            beside = [self._value(self.best + way * APART * self._size)[0] for way in (1, -1)]
            asked &= ~(beside[0] * beside[1] < 0)
        if not asked.any():
            return asked
        sides = [self._side(asked, way) for way in (1.0, -1.0)]
        for (place, most, _), (_, _, last) in (sides, sides[::-1]):
            most = np.fmax(least, ROUNDING * most)
            mine = asked & ~np.isnan(place) & (last <= most)
            inside, outside = self.best, np.where(mine, place, self.best)
            for _ in range(HALVES if mine.any() else 0):
                x = inside + (outside - inside) / 2
                some = np.abs(self._value(x)[0]) > 0
                outside, inside = np.where(some, x, outside), np.where(some, inside, x)
            y, by = self._value(outside)
            size = APART * np.fmax(np.abs(outside), APART * self._size)
            there |= mine & (np.abs(y) <= most) & (np.abs(y / by) > size)
        return there

    @property
    def _size(self) -> Floats:
        """How large the unknown is; 1 where it is nought."""
        size = np.maximum(np.abs(self.best), np.abs(self._start))
        sizes: Floats = np.where(size > 0, size, 1.0)
        return sizes

    def _side(self, asked: NDArray[np.bool_], way: float) -> tuple[Floats, Floats, Floats]:
        """On one side of the best: the nearest place with a miss, how large it gets, and ends."""
        place, most = np.full(self.best.shape, np.nan), np.zeros(self.best.shape)
        last = most
        for share in SHARES:
            x = np.clip(self.best + way * share * self._size, self._low, self._high)
            x = np.where(asked, np.clip(x, -FAR, FAR), self.best)
            y = np.abs(self._value(x)[0])
            place = np.where(np.isnan(place) & (y > 0), x, place)
            near = np.isfinite(y) & (share <= 1)
            most = np.where(near, np.fmax(most, y), most)
            last = np.where(np.isfinite(y), y, last)
        return place, most, last

    def _value(self, x: Floats) -> tuple[Floats, Floats]:
        """Misses and slopes at places that need not be there: NaN where they are refused."""
        try:
            return self._slope(x)
        except Diagnostic:
            return np.full(x.shape, np.nan), np.full(x.shape, np.nan)

    def free(self) -> None:
        """Newton's method until each lane is done or has a root between two places."""
        x = self._start
        for _ in range(FREE):
            y, by = self._look(x)
            step = y / by
            new = np.clip(x - np.where(np.isfinite(step), step, 0.0), self._low, self._high)
            new = np.where(np.isfinite(y), new, (x + self.best) / 2)
            unsure = (self._stalled > 1) & ~self._done
            new = np.where(unsure, np.clip(self._beside(), self._low, self._high), new)
            if (self._done | self._both | (new == x)).all():
                break
            x = new

    def find(self) -> None:
        """Take each lane to a root, if it can be.

        Where there is a pole or a jump between two places, look on each side for others; where all
        places are of one sign, look where it comes nearest.
        """
        self.free()
        self.widen((1.0, -1.0))
        self.narrow()
        apart = self._both
        for way in (1.0, -1.0):
            again = apart & ~self.reached()
            if not again.any():
                break
            self._under[again] = self._over[again] = np.nan
            self._done[again], self._stalled[again] = False, 0
            self.widen((way,))
            self.narrow()
        self.touch()

    def touch(self) -> None:
        """Where a miss only touches nought, as at a cusp: to where it is least, by halves.

        On one side of such a place it falls, on the other it rises or is no number.
        """
        apart = self._both | self.reached()
        if apart.all():
            return
        near = far = self.best
        y, by = self._slope(near)
        way = np.where(apart, 0.0, -np.sign(y * by))
        way[~np.isfinite(way)] = 0.0
        reach = np.maximum(np.abs(near), np.abs(self._start))
        reach = np.where(reach > 0, reach, 1.0) * 2.0**-20
        turned = way == 0
        self._done = turned.copy()
        for _ in range(WIDER):
            if turned.all():
                break
            x = np.where(turned, far, np.clip(near + way * reach, self._low, self._high))
            y, by = self._look(x)
            rises = (np.sign(y * by) == way) | np.isnan(y)
            near = np.where(turned | rises | (y * by == 0), near, x)
            far, turned = np.where(turned, far, x), turned | rises
            reach = 2 * reach
        self._done |= ~turned
        for _ in range(STEPS):
            middle = near + (far - near) / 2
            self._done |= (middle == near) | (middle == far)
            if self._done.all():
                return
            y, by = self._look(middle)
            rises = (np.sign(y * by) == way) | np.isnan(y)
            near, far = np.where(rises, near, middle), np.where(rises, middle, far)

    def widen(self, ways: tuple[float, ...]) -> None:
        """Look ever further to sides of the start for places of different signs."""
        reach = np.maximum(np.abs(self._start), 1.0) * 2.0**-20
        for _ in range(WIDER):
            if (self._done | self._both).all():
                return
            for way in ways:
                self._look(np.clip(self._start + way * reach, self._low, self._high))
            reach *= 2

    def narrow(self) -> None:
        """Newton's method between two sides, bisection where it leaves them or is slow."""
        self._done |= ~self._both
        width = np.abs(self._over - self._under)
        x = self.best
        for turn in range(STEPS):
            y, by = self._look(x)
            low, high = np.fmin(self._under, self._over), np.fmax(self._under, self._over)
            middle = low + (high - low) / 2
            self._done |= (middle == low) | (middle == high)
            if self._done.all():
                return
            new = x - y / by
            slow = np.zeros_like(self._done)
            if turn % 3 == 1:
                new = np.where(self._stalled > 1, self._beside(), new)
            if turn % 3 == 2:
                slow = (high - low) > width / 2
                width = high - low
            x = np.where((new > low) & (new < high) & ~slow, new, middle)
