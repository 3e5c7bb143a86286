"""What solving takes by name, for those who read types: said once, taken in several ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from lanework.base.limits import Limits
from lanework.core.data.tables import TableLike

if TYPE_CHECKING:
    from lanework.machines.series.nonlinear.solution import Solution


class Putting(TypedDict, total=False):
    """How a problem is put: what `SeriesProgram.solver` takes."""

    maximise: bool
    options: Mapping[str, Any] | None
    engine: str


class Solving(Putting, total=False):
    """How it is put and solved: what `SeriesProgram.solve` takes."""

    inputs: Mapping[str, Any] | TableLike | None
    warm: Solution | None
    limits: Limits | None


class Seeking(TypedDict, total=False):
    """How a goal is sought: what `SeriesProgram.seek` takes."""

    bounds: tuple[float | None, float | None]
    inputs: Mapping[str, Any] | TableLike | None
    failures: str
    limits: Limits | None
    engine: str
