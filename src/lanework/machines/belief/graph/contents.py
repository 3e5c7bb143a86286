"""What a graph holds, checked as it is put in: variables by their names, and a list of factors.

What hangs on both, such as a table's shape, is checked when a program is made.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from lanework.base.errors import Diagnostic
from lanework.base.printable import encodable
from lanework.machines.belief.codes import BAD_GRAPH
from lanework.machines.belief.graph.factor import MOST_STATES, Factor, Variable

ADD = "add it with graph.variable(name, states)"


class Variables(dict[str, Variable]):
    """Variables by name; whatever way one comes in, it is a variable of that name."""

    def __init__(self, variables: Any = ()) -> None:
        """Take a mapping, or pairs.

        Raises:
            Diagnostic: LW5001.
        """
        super().__init__()
        self.update(variables)

    def __setitem__(self, name: str, variable: Variable) -> None:
        if not isinstance(variable, Variable):
            _refuse(f"the variable {name!r} is {_kind(variable)}", ADD)
        if name != variable.name:
            _refuse(f"a variable called {variable.name!r} cannot be {name!r} in a graph", ADD)
        states = states_of(name, variable.states)
        super().__setitem__(name, Variable(name, states))

    def update(self, *given: Any, **more: Any) -> None:
        """As for a dictionary."""
        for variables in (*given, more):
            try:
                pairs = list(dict(variables).items())
            except (TypeError, ValueError):
                _refuse(f"variables are {_kind(variables)}", "give a dictionary of them by name")
            for name, variable in pairs:
                self[name] = variable

    def setdefault(self, name: str, default: Any = None) -> Variable:
        """As for a dictionary."""
        if name not in self:
            self[name] = default
        return self[name]

    def __ior__(self, other: Any) -> Variables:  # type: ignore[override,misc]
        self.update(other)
        return self


class Factors(list[Factor]):
    """Factors, in order; nothing else comes in."""

    def __init__(self, factors: Any = ()) -> None:
        """Take factors.

        Raises:
            Diagnostic: LW5001.
        """
        super().__init__(_factors(factors))

    def append(self, factor: Factor) -> None:
        """As for a list."""
        super().append(*_factors([factor]))

    def insert(self, place: Any, factor: Factor) -> None:
        """As for a list."""
        super().insert(place, *_factors([factor]))

    def extend(self, factors: Iterable[Factor]) -> None:
        """As for a list."""
        super().extend(_factors(factors))

    def __iadd__(self, factors: Iterable[Factor]) -> Factors:  # type: ignore[override,misc]
        self.extend(factors)
        return self

    def __setitem__(self, place: Any, factor: Any) -> None:
        several = isinstance(place, slice)
        checked = _factors(factor if several else [factor])
        super().__setitem__(place, checked if several else checked[0])


def _factors(factors: Any) -> list[Factor]:
    help = "add one with graph.factor(scope, table)"
    try:
        listed = list(factors)
    except TypeError:
        _refuse(f"factors are {_kind(factors)}", help)
    for factor in listed:
        if not isinstance(factor, Factor):
            _refuse(f"a factor is {_kind(factor)}", help)
    return listed


def states_of(name: Any, states: Any) -> tuple[str, ...]:
    """The names of a variable's states, in order; of a number, 0, 1, 2...

    Raises:
        Diagnostic: LW5001 for a name that is no text, or has half of a character; for no states,
            two of one name, or what has no order or is no name.

    Example:
        >>> states_of("rain", ["yes", "no"]), states_of("dice", 3)
        (('yes', 'no'), ('0', '1', '2'))
    """
    if not isinstance(name, str):
        _refuse(f"a variable is called {name!r}, which is {_kind(name)}", "give its name as text")
    help = "give the names of its states in a list, or how many there are"
    if isinstance(states, numbers.Integral) and not isinstance(states, bool):
        states = range(int(states))
        if states.stop > MOST_STATES:
            what = f"the variable {name!r} has {states.stop:,} states"
            _refuse(what, f"there may be {MOST_STATES:,}")
    if isinstance(states, str | bytes | set | frozenset | Mapping):
        _refuse(f"the states of {name!r} are {_kind(states)}", help)
    try:
        every = list(states)
    except TypeError:
        _refuse(f"the states of {name!r} are {_kind(states)}", help)
    for state in every:
        if state is None or isinstance(state, bytes | list | tuple | dict | set):
            _refuse(f"a state of {name!r} is {state!r}", help)
    names = tuple(map(str, every))
    if not all(map(encodable, (name, *names))):
        what = f"the variable {name!r} has half of a character in its name or a state"
        _refuse(what, "names are what UTF-8 can write")
    if not names or len(set(names)) != len(names):
        what = "no states" if not names else "two states of one name"
        _refuse(f"the variable {name!r} has {what}", help)
    return names


def _kind(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _refuse(message: str, help: str) -> NoReturn:
    raise Diagnostic(BAD_GRAPH, message, help=help)
