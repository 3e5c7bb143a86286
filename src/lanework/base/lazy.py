"""Names that a package loads when they are first touched, so that importing it stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import takewhile
from types import ModuleType
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
            raise _Absent(package, name)
        home = import_module(homes[name])
        value = getattr(home, name, None) or import_module(f"{homes[name]}.{name}")
        setattr(sys.modules[package], name, value)  # so that the next touch is an ordinary one
        return value

    def names() -> list[str]:
        """What is public, and what Python itself keeps in a module."""
        known = vars(sys.modules[package])
        return sorted({*known["__all__"], *(name for name in known if name[:2] == "__")})

    return find, names


def alias(package: str, home: str) -> tuple[list[str], Getattr, Dir]:
    """`__all__`, `__getattr__` and `__dir__` of a module that offers what another one does.

    Args:
        package: the module's ``__name__``.
        home: the other one's.

    Example:
        >>> public, find, names = alias("lanework.series", "lanework.machines.series")
        >>> "Model" in public, find("Model").__name__, "cumsum" in names()
        (True, 'Model', True)
    """
    target = import_module(home)
    if package in sys.modules:
        sys.modules[package].__doc__ = target.__doc__

    def find(name: str) -> Any:
        """What the other module has by that name; not its path, by which its files would load."""
        if name[:2] == "__":
            raise _Absent(package, name)
        return getattr(target, name)

    def names() -> list[str]:
        """What the other module lists."""
        return [name for name in dir(target) if name[:2] != "__"]

    return list(target.__all__), find, names


class _Absent(AttributeError):
    """What Python says of a name that is not there, and which one may have been meant.

    It is looked for when the error is shown: imports ask for names that are not there, and often.
    """

    def __str__(self) -> str:
        package, name = self.args
        near = None if name[0] == "_" else _meant(package, name)
        what = f"module {package!r} has no attribute {name!r}"
        return f"{what}: {near}" if near else what


def _meant(package: str, name: str) -> str | None:
    """Where a name is that a package lacks: in another one of the same root, or misspelt."""
    from lanework.base.errors import did_you_mean

    root = package.partition(".")[0]
    known = ((each, getattr(sys.modules[root], each)) for each in dir(sys.modules[root]))
    others = {f"{root}.{each}": dir(it) for each, it in known if isinstance(it, ModuleType)}
    others[root] = dir(sys.modules[root])
    homes = [f"{home}.{name}" for home, names in others.items() if name in names]
    if homes:
        return f"it is {' or '.join(homes)}"
    near = did_you_mean(name, dir(sys.modules[package]))
    classes = {each: home for home, names in others.items() for each in names if each[0].isupper()}
    there = did_you_mean(name, classes) if name[0].isupper() and not near else None
    return f"{there[:-1]} of {classes[there.split(chr(39))[1]]}?" if there else near


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
