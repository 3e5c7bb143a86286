"""Names that a package loads when they are first touched, so that importing it stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import takewhile
from typing import Any

Getattr = Callable[[str], Any]
Dir = Callable[[], list[str]]


def load(path: str) -> Any:
    """What a path names: ``module:name``, as entry points write it.

    Example:
        >>> load("math:tau").is_integer()
        False
    """
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def face(package: str) -> tuple[Getattr, Dir]:
    """`__getattr__` and `__dir__` (PEP 562) of a package whose names are in its modules.

    The names are those that the package imports ``if TYPE_CHECKING:``, where type checkers and
    editors see them; but for private ones, they are loaded when they are first touched.

    Args:
        package: the package's ``__name__``.

    Raises:
        AttributeError: from `__getattr__`, for a name that the package does not import.

    Example:
        >>> find, names = face("lanework")
        >>> find("Limits").__name__, "Program" in names()
        ('Limits', True)
    """

    def find(name: str) -> Any:
        """Load a name when it is first touched."""
        homes = _homes(package)
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        value = getattr(home, name, None) or import_module(f"{homes[name]}.{name}")
        setattr(sys.modules[package], name, value)  # so that the next touch is an ordinary one
        return value

    def names() -> list[str]:
        """What is loaded and what could be."""
        return sorted(
            {*vars(sys.modules[package]), *_homes(package)} - {"TYPE_CHECKING", "annotations"}
        )

    return find, names


@cache
def _homes(package: str) -> dict[str, str]:
    """The module of each public name that a package imports for type checkers."""
    module: Any = sys.modules[package]
    source = module.__loader__.get_data(module.__file__).decode()
    lines = source.partition("\nif TYPE_CHECKING:\n")[2].splitlines()
    block = " ".join(takewhile(lambda line: line[:1] in ("", " "), lines))
    homes = {}
    for statement in block.split("from ")[1:]:  # quicker than a parser, which is not loaded yet
        home, names = statement.partition("#")[0].split(" import ")
        for name in names.strip(" (),").split(","):
            homes[name.split()[-1]] = home  # the last word of `X as _X`
    return {name: home for name, home in homes.items() if name[0] not in "_*"}
