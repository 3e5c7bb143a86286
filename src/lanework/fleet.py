"""The fleet machine by its short name: all that `lanework.machines.fleet` offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanework.base.lazy import alias

if TYPE_CHECKING:
    from lanework.machines.fleet import *  # noqa: F403
else:
    __all__, __getattr__, __dir__ = alias(__name__, "lanework.machines.fleet")
