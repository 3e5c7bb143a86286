"""Belief propagation on a factor graph, with cycles or without: messages until they settle.

A message goes from a factor to a variable. The one that would change most is sent next (G. Elidan,
I. McGraw, D. Koller, Residual belief propagation, UAI 2006); it may be damped. All rows of evidence
are lanes of each message, and the row in which it would change most decides.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lanework.machines.belief.tensor import F64

FLOOR = 1e-70  # the least number of a message: around a cycle they can shrink on and on
FEW = 4  # of such numbers can be multiplied before anything vanishes


@dataclass(frozen=True)
class Edge:
    """A variable of a factor: where a message goes."""

    factor: int
    place: int  # among the factor's variables
    variable: int


@dataclass(eq=False)
class Links:
    """The edges of a factor graph, and tables laid out for each."""

    sizes: Mapping[int, int]  # states of each variable
    scopes: Sequence[tuple[int, ...]]  # the variables of each factor, at least one
    tables: Sequence[F64]  # of each factor, one axis a variable
    edges: list[Edge] = field(init=False)
    of_factor: list[list[int]] = field(init=False)
    of_variable: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.edges, self.of_factor = [], []
        self.of_variable = {variable: [] for variable in self.sizes}
        self._turned: list[F64] = []
        for factor, scope in enumerate(self.scopes):
            self.of_factor.append([])
            for place, variable in enumerate(scope):
                number = len(self.edges)
                self.of_factor[factor].append(number)
                self.of_variable[variable].append(number)
                self.edges.append(Edge(factor, place, variable))
                table = np.moveaxis(self.tables[factor], place, 0)
                self._turned.append(np.ascontiguousarray(table))

    def sent(self, number: int, replies: Sequence[F64]) -> F64:
        """An edge's table times replies, by edge what its variable says, summed: (states, rows)."""
        edge, table = self.edges[number], self._turned[number]
        others = [replies[n] for n in self.of_factor[edge.factor] if n != number]
        if not others:
            rows = replies[number].shape[1]
            return np.broadcast_to(table[:, np.newaxis], (len(table), rows))
        last = others.pop()
        message: F64 = table.reshape(-1, len(last)) @ last
        for values in reversed(others):
            shape = (-1, *values.shape)
            message = np.einsum("xsr,sr->xr", message.reshape(shape), values)
        return message


class Propagation:
    """Messages for some rows of evidence.

    Messages sum to one, or are zeros where the evidence is impossible. Positive numbers of a
    message are at least 1e-70.

    Attributes:
        iterations: of each row, how often on average each message was sent before none changed any
            more than the tolerance; where that did not happen, how often in all.
        residual: of each row, by how much the next message would still change, as a share of an
            entry, from 0 to 1.

    Example:
        >>> links = Links({0: 2, 1: 2}, [(0,), (0, 1)], [np.array([1.0, 3.0]), np.eye(2)])
        >>> run = Propagation(links, {}, 1)
        >>> run.settle()
        >>> run.beliefs()[1].tolist(), np.exp(run.ln_z()).round(9).tolist()
        ([[0.25], [0.75]], [4.0])
    """

    def __init__(
        self,
        links: Links,
        weights: Mapping[int, F64],
        rows: int,
        *,
        damping: float = 0.2,
        tolerance: float = 1e-9,
    ) -> None:
        """Begin with messages that say nothing; weights have the shape (states, rows)."""
        self.links, self.rows = links, rows
        self.damping, self.tolerance = damping, tolerance
        self._own = {v: weights.get(v, np.ones((n, rows))) for v, n in links.sizes.items()}
        self._tops = {v: _topped(own) for v, own in self._own.items()}
        sizes = [links.sizes[edge.variable] for edge in links.edges]
        self._messages = [np.full((n, rows), 1.0 / n) for n in sizes]
        self._replies: list[F64] = [np.empty(0)] * len(sizes)
        self._next: list[F64] = [np.empty(0)] * len(sizes)
        self._changes = np.zeros((len(sizes), rows))
        self._again = np.zeros(len(sizes), bool)  # whether a message was sent before
        self._turn = [0] * len(sizes)
        self._heap: list[tuple[float, int, int]] = []
        self.iterations = np.zeros(rows, np.int64)

    @property
    def residual(self) -> F64:
        """The largest change of each row that is left."""
        return np.asarray(self._changes.max(axis=0, initial=0.0))

    def settle(self, most: int = 200, look: Callable[[int], None] | None = None) -> None:
        """Send messages until none changes; `most`: how often each at most, on average."""
        for variable in self.links.of_variable:
            self._reply(variable, None)
        for number in range(len(self._messages)):
            self._prepare(number)
        count, sends = len(self._messages), 0
        while self._heap and sends < most * count:
            _, number, turn = heapq.heappop(self._heap)
            if turn != self._turn[number]:
                continue  # it was prepared again
            self._send(number)
            sends += 1
            if sends % count == 0:
                self._note(sends // count)
                if look is not None:
                    look(sends // count)
        last = -(-sends // max(count, 1))
        self._note(last)
        self.iterations[self.residual > self.tolerance] = last

    def _note(self, iteration: int) -> None:
        """Rows that have just settled did so at this iteration."""
        moving = self.residual > self.tolerance
        self.iterations[moving] = 0
        self.iterations[~moving & (self.iterations == 0)] = iteration

    def _send(self, number: int) -> None:
        message = self._next[number]
        if self.damping and self._again[number]:
            # of logarithms, so that what is impossible is so at once
            kept = self._messages[number] ** self.damping
            message = _shares(message ** (1.0 - self.damping) * kept)
        self._again[number] = True
        self._messages[number] = message
        self._wait(number)
        edge = self.links.edges[number]
        for other in self._reply(edge.variable, number):
            for neighbour in self.links.of_factor[self.links.edges[other].factor]:
                if neighbour != other:
                    self._prepare(neighbour)

    def _prepare(self, number: int) -> None:
        self._next[number] = _shares(self.links.sent(number, self._replies))
        self._wait(number)

    def _wait(self, number: int) -> None:
        """Queue a message by how much it would change."""
        old, new = self._messages[number], self._next[number]
        top = np.maximum(old, new)
        change = np.abs(new - old) / np.where(top > 0, top, 1.0)
        self._changes[number] = change.max(axis=0)
        self._turn[number] += 1
        most = float(self._changes[number].max(initial=0.0))
        if most > self.tolerance:
            heapq.heappush(self._heap, (-most, number, self._turn[number]))

    def _reply(self, variable: int, number: int | None) -> list[int]:
        """What a variable tells the factors but one: evidence times all messages but theirs."""
        edges = self.links.of_variable[variable]
        if not edges:
            return []
        # the product of so few messages is a number that is not zero, whatever they are
        rest: Callable[[F64], F64] = np.asarray if len(edges) <= FEW else _topped
        before = [self._tops[variable]]
        for other in edges[:-1]:
            before.append(rest(before[-1] * self._messages[other]))
        after = np.ones_like(before[0])
        for other, product in zip(reversed(edges), reversed(before), strict=True):
            if other != number:
                self._replies[other] = _topped(product * after)
            after = rest(after * self._messages[other])
        return [other for other in edges if other != number]

    def beliefs(self) -> dict[int, F64]:
        """For each variable its posterior, (states, rows); zeros where evidence is impossible."""
        impossible = self.ln_z() == -np.inf
        beliefs = {variable: self._belief(variable)[0] for variable in self.links.of_variable}
        return {variable: np.where(impossible, 0.0, value) for variable, value in beliefs.items()}

    def _belief(self, variable: int) -> tuple[F64, F64]:
        """A variable's evidence times all messages, scaled, and the logarithm of its sum."""
        product, logs = scaled(self._own[variable])
        for number in self.links.of_variable[variable]:
            product, more = scaled(product * self._messages[number])
            logs = logs + more
        return product, logs

    def ln_z(self) -> F64:
        """The Bethe approximation of ln Z for each row, exact where the graph has no cycle.

        It is minus the Bethe free energy of the beliefs, if the messages have settled (J. S.
        Yedidia, W. T. Freeman, Y. Weiss, IEEE Trans. Inf. Theory 51, 2005): sums of
        variables and factors, less those of edges.
        """
        plus = [self._belief(variable)[1] for variable in self.links.of_variable]
        minus = []
        for variable in self.links.of_variable:
            self._reply(variable, None)
        for edges in self.links.of_factor:
            message = self.links.sent(edges[0], self._replies)
            plus.append(scaled(message * self._replies[edges[0]])[1])
            minus += [scaled(self._messages[n] * self._replies[n])[1] for n in edges]
        possible = np.ones(self.rows, bool)
        total = np.zeros(self.rows)
        for sign, terms in ((1.0, plus), (-1.0, minus)):
            for logs in terms:
                possible &= logs > -np.inf
                total += np.where(possible, sign * logs, 0.0)
        return np.where(possible, total, -np.inf)


def _shares(values: F64) -> F64:
    """Values with a sum of one in each row."""
    sums = values.sum(axis=0)
    return _floored(values / np.where(sums > 0, sums, 1.0))


def scaled(values: F64) -> tuple[F64, F64]:
    """Values with a sum of one in each row, and the logarithm of what it was."""
    with np.errstate(divide="ignore"):
        return _shares(values), np.log(values.sum(axis=0))


def _topped(values: F64) -> F64:
    """Values with one as the largest of each row, so that products of many do not vanish."""
    tops = values.max(axis=0, initial=0.0)
    return _floored(values / np.where(tops > 0, tops, 1.0))


def _floored(values: F64) -> F64:
    """Positive values at least `FLOOR`: nothing is impossible that is only going to be."""
    return np.asarray(np.maximum(values, FLOOR * (values > 0)))
