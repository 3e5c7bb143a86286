"""Clique trees: from an elimination order to cliques, and which are next to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from lanework.machines.belief.orders import Order


@dataclass
class Clique:
    """A clique of the tree.

    Attributes:
        variables: in the order of its tables' axes.
        parent: the clique towards the root, or None.
        separator: the variables that it shares with its parent.
        children: the cliques away from the root.
        factors: the factors whose scopes it covers and that were given to it.
    """

    variables: tuple[int, ...]
    parent: int | None = None
    separator: tuple[int, ...] = ()
    children: list[int] = field(default_factory=list)
    factors: list[int] = field(default_factory=list)


def clique_tree(order: Order, scopes: list[tuple[int, ...]]) -> list[Clique]:
    """The cliques, children before their parents; a forest where the graph is not connected.

    A clique that another contains is joined with it. Every factor goes to the clique in which the
    first of its variables is eliminated.
    """
    place = {variable: number for number, variable in enumerate(order.variables)}
    count = len(order.variables)
    later: list[int | None] = []
    for variable, clique in zip(order.variables, order.cliques, strict=True):
        rest = clique - {variable}
        later.append(min(place[other] for other in rest) if rest else None)
    home = list(range(count))  # the clique that an elimination clique is part of

    def find(number: int) -> int:
        while home[number] != number:
            home[number] = home[home[number]]
            number = home[number]
        return number

    members = [set(clique) for clique in order.cliques]
    for number in reversed(range(count)):  # a clique that its parent's differs from by the parent
        up = later[number]
        if up is None:
            continue
        into = find(up)
        rest = order.cliques[number] - {order.variables[number]}
        if rest == members[into]:
            # the parent is a part of this one: this one takes its place
            members[into] = set(order.cliques[number])
            home[number] = into
    parents: dict[int, int | None] = {}
    for number in range(count):
        if find(number) != number:
            continue
        parents[number] = None
    for number in range(count):
        up = later[number]
        if up is None:
            continue
        low, high = find(number), find(up)
        if low != high:
            parents[low] = high
    return _finish(order, scopes, members, parents, [find(n) for n in range(count)])


def _finish(
    order: Order,
    scopes: list[tuple[int, ...]],
    members: list[set[int]],
    parents: dict[int, int | None],
    homes: list[int],
) -> list[Clique]:
    children: dict[int, list[int]] = {number: [] for number in parents}
    for number, parent in parents.items():
        if parent is not None:
            children[parent].append(number)
    listed: list[int] = []
    for root in (number for number, parent in parents.items() if parent is None):
        stack = [root]
        start = len(listed)
        while stack:
            number = stack.pop()
            listed.append(number)
            stack.extend(children[number])
        listed[start:] = reversed(listed[start:])
    index = {number: n for n, number in enumerate(listed)}
    place = {variable: number for number, variable in enumerate(order.variables)}
    tree = []
    for number in listed:
        parent = parents[number]
        shared = members[number] & members[parent] if parent is not None else set()
        # what is shared with the parent comes first, so that messages keep leading axes
        axes = sorted(shared, key=place.__getitem__) + sorted(
            members[number] - shared, key=place.__getitem__
        )
        tree.append(
            Clique(
                tuple(axes),
                None if parent is None else index[parent],
                tuple(sorted(shared, key=place.__getitem__)),
                [index[child] for child in children[number]],
            )
        )
    for factor, scope in enumerate(scopes):
        if scope:
            first = min(place[variable] for variable in scope)
            tree[index[homes[first]]].factors.append(factor)
    return tree
