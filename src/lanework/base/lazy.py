"""Names that a package loads when they are first touched, so that importing it stays light."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
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
    homes = _homes(package)

    def find(name: str) -> Any:
        """Load a name when it is first touched."""
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        value = getattr(home, name, None) or import_module(f"{homes[name]}.{name}")
        setattr(sys.modules[package], name, value)  # so that the next touch is an ordinary one
        return value

    def names() -> list[str]:
        """What is loaded and what could be."""
        return sorted({*vars(sys.modules[package]), *homes} - {"TYPE_CHECKING", "annotations"})

    return find, names


def _homes(package: str) -> dict[str, str]:
    """The module of each public name that a package imports for type checkers."""
    loader: Any = sys.modules[package].__loader__
    return {
        alias.name: node.module
        for block in ast.parse(loader.get_source(package)).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if not (alias.asname or alias.name).startswith(("_", "*"))
    }
