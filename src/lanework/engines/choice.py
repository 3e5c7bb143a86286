"""Which engine runs a program, and what happens when one cannot.

Engines are tried from the fastest to the reference, which always runs. One that cannot run is
passed over with a single notice; one that was asked for by name is an error instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.engines.codes import ENGINE_UNAVAILABLE, UNKNOWN_ENGINE

ORDER = ("llvm", "stencil", "reference")
_told: set[str] = set()


class EngineNotice(UserWarning):
    """An engine could not run, and the next one did."""


def check(name: str, order: tuple[str, ...] = ORDER) -> str:
    """The name itself if it is `auto` or an engine.

    Raises:
        Diagnostic: LW2003, with a suggestion.
    """
    if name != "auto" and name not in order:
        raise Diagnostic(
            UNKNOWN_ENGINE,
            f"there is no engine {name!r}",
            help=did_you_mean(name, order) or f"engines are auto, {', '.join(order)}",
        )
    return name


def unavailable(name: str) -> str | None:
    """Why an engine cannot run on this machine at all, or None."""
    if name == "stencil":
        from lanework.engines.vector.loader import why_not

        return why_not()
    if name != "llvm":
        return None
    try:
        from lanework.engines.llvm.jit import target_key

        target_key()
    except (ImportError, OSError, RuntimeError) as error:
        return f"llvmlite cannot be used: {error}"
    return None


def choose(
    name: str,
    suits: Callable[[str], str | None] | None = None,
    order: tuple[str, ...] = ORDER,
) -> tuple[str, str]:
    """The engine to use and the notice to give (empty when the first choice runs).

    Args:
        name: an engine, or `auto`.
        suits: says why an engine cannot run, or None if it can; by default `unavailable`.
        order: the engines there are, the fastest first.

    Raises:
        Diagnostic: LW2003, LW2004.
    """
    check(name, order)
    suits = suits or unavailable
    if name != "auto":
        reason = suits(name)
        if reason is None:
            return name, ""
        raise Diagnostic(ENGINE_UNAVAILABLE, f"engine {name!r} cannot run: {reason}")
    notices: list[str] = []
    for candidate in order:
        reason = suits(candidate)
        if reason is None:
            return candidate, "; ".join(notices)
        notices.append(f"engine {candidate!r} cannot run ({reason}), using the next one")
    raise Diagnostic(ENGINE_UNAVAILABLE, "no engine can run: " + "; ".join(notices))


def tell(notice: str) -> None:
    """Warn once in a process about each notice."""
    if notice and notice not in _told:
        _told.add(notice)
        warnings.warn(notice, EngineNotice, stacklevel=3)
