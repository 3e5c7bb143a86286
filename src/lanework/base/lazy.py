"""Names that a package loads when they are first touched, so that importing it stays light."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
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


def face(package: str, homes: Mapping[str, Iterable[str]]) -> tuple[Getattr, Dir]:
    """`__getattr__` and `__dir__` (PEP 562) of a package whose names are in its modules.

    Args:
        package: the package's ``__name__``.
        homes: names by the module that has them, with a dot before it if it lies in the package;
            the last part of this path is the module itself, unless it has such a name.

    Raises:
        AttributeError: from `__getattr__`, for a name that is not in `homes`.

    Example:
        >>> find, names = face("xml", {".dom.minidom": ["minidom"], ".sax.saxutils": ["escape"]})
        >>> find("minidom").__name__, find("escape")("<"), "escape" in names()
        ('xml.dom.minidom', '&lt;', True)
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        """Load a name when it is first touched."""
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(home, package)
        is_module = home.rpartition(".")[2] == name and not hasattr(module, name)
        value = module if is_module else getattr(module, name)
        setattr(sys.modules[package], name, value)  # so that the next touch is an ordinary one
        return value

    def names() -> list[str]:
        """What is loaded and what could be."""
        return sorted({*vars(sys.modules[package]), *home_of})

    return find, names
