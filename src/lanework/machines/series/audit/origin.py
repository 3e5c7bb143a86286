"""A period and a lane of a result, and the inputs of this one lane as the reference takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Advice, Diagnostic, did_you_mean
from lanework.core.result.outputs import Outputs
from lanework.core.result.result import Result
from lanework.machines.series.codes import UNEXPLAINED
from lanework.machines.series.data.binding import Bound, bind
from lanework.machines.series.data.outputs import names_of_periods
from lanework.machines.series.data.shape import Given, Shape
from lanework.machines.series.layout import SeriesView

if TYPE_CHECKING:
    from lanework.core.program.program import Program

Floats = npt.NDArray[np.float64]
Origin = tuple["Program", Mapping[str, Any]]


class Held(Result):
    """Outputs, and the program and the inputs that they were made of."""

    __slots__ = ("_lane", "_origin")

    _origin: Origin  # where it is known
    _lane: Any  # what was explained last, if anything

    def of(self, program: Program, inputs: Mapping[str, Any]) -> Self:
        """The same, with the program and the inputs as they were given."""
        self._origin = program, inputs
        return self

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """What is pickled: the outputs alone."""
        return None, {name: getattr(self, name) for name in Outputs.__slots__}


def origin_of(result: Held) -> Origin:
    """The program and the inputs of a result.

    Raises:
        Diagnostic: LW3071 for a result that does not have them.
    """
    origin: Origin | None = getattr(result, "_origin", None)
    if origin is None:
        raise Diagnostic(
            UNEXPLAINED,
            "this result does not have the inputs that it was made of",
            help=Advice(
                "a stream and a pickled result do not keep them: run the lanes in question alone",
                typed="a stream does not keep them: give a larger --block, or fewer --lanes",
            ),
        )
    return origin


def bound_of(program: Program, periods: int | None, inputs: Mapping[str, Any]) -> Bound:
    """Those of the inputs that a program takes, laid out."""
    ports = program.inputs
    taken = {port.name: inputs[port.name] for port in ports if port.name in inputs}
    return bind(ports, periods, taken, names_of_periods(program), view=SeriesView.of(program))


def place_of(what: Any, axis: str, size: int, labels: Any, called: str = "") -> int:
    """The place along an axis that a number or a label stands for.

    Raises:
        Diagnostic: LW3071 where there is none.
    """
    known = None if labels is None else np.asarray(labels)
    number = not isinstance(what, bool | np.bool_) and isinstance(what, int | np.integer)
    if known is not None and (not number or known.dtype.kind in "iuf"):
        wanted = _as_date(what) if known.dtype.kind == "M" else what
        for place, label in enumerate(known.tolist() if known.dtype.kind != "M" else known):
            if (label == wanted) is True or (known.dtype.kind == "M" and bool(label == wanted)):
                return place
        first = [str(label) for label in known[:3]]
        near = did_you_mean(str(what), [str(label) for label in known[:1000]])
        raise Diagnostic(
            UNEXPLAINED,
            f"{called or axis}={what!r} is none of the labels along {axis!r}",
            help=near or f"they are {', '.join(first)}{', ...' if size > 3 else ''}",
        )
    if number and 0 <= what < size:
        return int(what)
    raise Diagnostic(
        UNEXPLAINED,
        f"{called or axis}={what!r} is no place along {axis!r}",
        help=f"give a whole number from 0 to {size - 1}"
        + ("" if known is None else f", or a label such as {known[0]}"),
    )


def _as_date(what: Any) -> Any:
    """A date as NumPy has it, or nothing that equals one."""
    try:
        return np.datetime64(what, "D")
    except (ValueError, TypeError):
        return None


def lane_of(
    result: Held, bound: Bound, lane: Mapping[str, Any], node: str, program: Program
) -> dict[str, int]:
    """The place along every lane axis; 0 where it makes no difference to a node of a program.

    Raises:
        Diagnostic: LW3071 for an axis that is missing, or that the run does not have.
    """
    for axis in lane:
        if axis not in bound.sizes:
            axes = ", ".join(bound.axes)
            raise Diagnostic(
                UNEXPLAINED,
                f"the run has no lanes along {axis!r}",
                help=f"its lane axes are {axes}" if axes else "it has one lane",
            )
    position = {}
    for axis in bound.axes:
        size = bound.sizes[axis]
        if axis in lane:
            position[axis] = place_of(lane[axis], axis, size, result.coords.get(axis))
        elif size == 1 or (not _varies(bound, program, node, axis)):
            position[axis] = 0
        else:
            raise Diagnostic(
                UNEXPLAINED,
                f"{node!r} is of {size:,} lanes along {axis!r}",
                help=Advice(f"say which: {axis}=0", typed=f"say which: --explain NODE,{axis}=0"),
            )
    return position


def _varies(bound: Bound, program: Program, node: str, axis: str) -> bool:
    """Whether a node depends on a lane axis, as far as is known."""
    row = {port.name: port.row for port in program.ports}.get(node)
    if row is None:
        return True
    inner = axis == bound.inner
    pairs = zip(bound.given, bound.outers, strict=True)
    given = tuple(Given(how.timed, how.laned if inner else axis in held) for how, held in pairs)
    shape = Shape.of(SeriesView.of(program), given)
    kept = row < len(program.inputs)  # however long the lane is
    return shape.varying[row] if kept else shape.output_varies(row)


def arrays_of(
    bound: Bound, position: Mapping[str, int], lanes: slice | None = None
) -> list[Floats]:
    """The inputs at a place: each of shape ``(1 or T, 1)``, or with some lanes ``(., 1 or L)``."""
    outer = tuple(position[axis] for axis in bound.outer)
    if lanes is None:
        first = 0 if bound.inner is None else position[bound.inner]
        lanes = slice(first, first + 1)
    arrays = []
    for port, given in enumerate(bound.given):
        part = np.asarray(bound.slice(port, outer), np.float64)
        part = part[..., lanes] if given.laned else part[..., np.newaxis]
        arrays.append(part if given.timed else part[np.newaxis])
    return arrays
