"""Where things stand in JSON text, for messages: looked for only when there is one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

Steps = tuple[str | int, ...]
"""The names of members and the numbers of elements that lead to a value."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def values_in(text: str) -> Iterator[tuple[Steps, int]]:
    """Every member and element in order, with where it begins: a member where its name does.

    Example:
        >>> list(values_in('{"a": [1, 2]}'))
        [(('a',), 1), (('a', 0), 7), (('a', 1), 10)]
    """
    steps: list[str | int | None] = []  # None in an object before the name of a member
    for match in _TOKEN.finditer(text):
        token, last = match[0], steps[-1] if steps else ""
        if token in ("}", "]"):
            steps.pop()
        elif token == ",":
            steps[-1] = last + 1 if isinstance(last, int) else None
        elif token == ":":
            continue
        elif last is None:
            steps[-1] = json.loads(token)
            yield _known(steps), match.start()
        else:
            if isinstance(last, int):
                yield _known(steps), match.start()
            if token in ("{", "["):
                steps.append(None if token == "{" else 0)


def _known(steps: list[str | int | None]) -> Steps:
    return tuple(step for step in steps if step is not None)


def offset_of(text: str, *steps: str | int) -> int:
    """Where a value of well-formed JSON stands, or else the innermost one around it.

    Example:
        >>> offset_of('{"a": [1, 2]}', "a", 1), offset_of('{"a": [1, 2]}', "a", 5)
        (10, 1)
    """
    around = [(len(here), at) for here, at in values_in(text) if here == steps[: len(here)]]
    return max(around, default=(0, 0))[1]


def offset_of_second(text: str, name: str) -> int:
    """Where a name stands that one object has twice: the second time.

    Example:
        >>> offset_of_second('{"b": ["a"], "c": {"a": 1}, "a": 2, "a": 3}', "a")
        36
    """
    seen: set[Steps] = set()
    for steps, at in values_in(text):
        if steps[-1] == name and steps in seen:
            return at
        seen.add(steps)
    return 0
