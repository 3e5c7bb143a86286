"""The register machine by its short name: all that `lanework.machines.register` offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanework.base.lazy import alias

if TYPE_CHECKING:
    from lanework.machines.register import *  # noqa: F403
else:
    __all__, __getattr__, __dir__ = alias(__name__, "lanework.machines.register")
