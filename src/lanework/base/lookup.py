"""Where labels are, millions of them too, in steps that are short."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

SOME = 1 << 15
"""Values of Python that are looked at in one step, between which clocks are seen."""


def steps(count: int) -> Iterator[slice]:
    """Where to look, some at a time.

    Example:
        >>> list(steps(3))
        [slice(0, 32768, None)]
    """
    return (slice(at, at + SOME) for at in range(0, count, SOME))


class Lookup:
    """The last place of each label: a dictionary in parts, since one that grows moves in one step.

    Example:
        >>> known = Lookup(["b", "a"], 2)
        >>> known["a"], "c" in known
        (1, False)
    """

    def __init__(self, labels: Iterable[Hashable], count: int) -> None:
        """Learn the places of labels, of which there are about so many."""
        self._count = count // SOME + 1
        self._parts: list[dict[Hashable, int]] = [{} for _ in range(self._count)]
        for place, label in enumerate(labels):
            self._parts[hash(label) % self._count][label] = place

    def __getitem__(self, label: Hashable) -> int:
        return self._parts[hash(label) % self._count][label]

    def __contains__(self, label: Hashable) -> bool:
        return label in self._parts[hash(label) % self._count]
