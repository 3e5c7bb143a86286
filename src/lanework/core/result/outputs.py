"""Named arrays with axes, units, kinds and labels: what a result holds."""

from __future__ import annotations

import unicodedata
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lanework.base.errors import Diagnostic, did_you_mean
from lanework.core.codes import UNKNOWN_RESULT

Array = npt.NDArray[Any]
Axes = tuple[str, ...]


class Outputs:
    """Arrays by name; tables and files are made of these, and `Result` has them as methods.

    It has what a mapping has, and is no `Mapping`: libraries would make a table of one, each array
    a column whatever its axes, and not ask for the table that it offers.
    """

    __slots__ = ("_axes", "_values", "absent", "coords", "kinds", "levels", "stats", "units")

    def __init__(
        self,
        values: Mapping[str, Array],
        *,
        axes: Mapping[str, Axes],
        units: Mapping[str, str] | None = None,
        kinds: Mapping[str, str] | None = None,
        coords: Mapping[str, Any] | None = None,
        stats: Mapping[str, Any] | None = None,
        levels: Mapping[str, tuple[str, ...]] | None = None,
        absent: str = "",
    ) -> None:
        """Keep the arrays, without copying.

        Args:
            values: the outputs; a number counts as an array without axes.
            axes: the axes of each, as many as it has dimensions.
            units: their units, "" for a pure number.
            kinds: their temporal kinds.
            coords: axis -> labels along it (strings, numbers or dates), or None for 0, 1, 2...
            stats: engine, lanes, periods, compile_seconds, run_seconds, cached, threads,
                lane_width, notice.
            levels: axis -> what the levels of its labels are called, where these are tuples.
            absent: what to do about an output that is not there.
        """
        self._values = values
        self._axes = axes
        self.units = units or {}
        self.kinds = kinds or {}
        self.coords = coords or {}
        self.stats = stats or {}
        self.levels = levels or {}
        self.absent = absent

    def __getitem__(self, name: str) -> Array:
        try:
            value = self._values[name]
        except TypeError:  # a list of names, which has no hash
            raise self._unknown(name) from None
        except KeyError:
            spelt = unicodedata.normalize("NFKC", str(name))  # as Python's parser spells names
            if spelt == name or spelt not in self._values:
                raise self._unknown(name) from None
            value = self._values[spelt]
        return value if isinstance(value, np.ndarray) else np.asarray(value)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> KeysView[str]:
        """The names of the outputs."""
        return KeysView(cast(Mapping[str, Array], self))

    def values(self) -> ValuesView[Array]:
        """The arrays."""
        return ValuesView(cast(Mapping[str, Array], self))

    def items(self) -> ItemsView[str, Array]:
        """Names and arrays."""
        return ItemsView(cast(Mapping[str, Array], self))

    def get(self, name: str, default: Any = None) -> Any:
        """The array of an output, or the default if there is none of this name."""
        return self[name] if name in self._values else default

    def axes(self, name: str) -> Axes:
        """The axes of an output, such as ``("time", "scenario")``, or () for one number.

        Raises:
            Diagnostic: LW1020 for a name that is not an output.
        """
        if not isinstance(name, str) or name not in self._values:
            raise self._unknown(name)
        return tuple(self._axes[name])

    def labels(self, axis: str, size: int | None = None) -> Array:
        """The labels along an axis: its coordinates, or 0, 1, 2... where it has none.

        Args:
            axis: its name.
            size: how many places it has, if outputs have several; by default as many as the first.

        Raises:
            Diagnostic: LW1020 where no output has this axis, or as many places along it.

        Example:
            >>> outputs = Outputs({"y": np.ones(2)}, axes={"y": ("k",)}, coords={"k": ["a", "b"]})
            >>> outputs.labels("k").tolist()
            ['a', 'b']
        """
        given = self.coords.get(axis)
        labels = None if given is None else np.asarray(given)
        if labels is not None and size in (None, len(labels)):
            return labels
        if size is None or labels is not None:
            size = self._size(axis, size)
        return np.arange(size)

    def _size(self, axis: str, size: int | None) -> int:
        """How many places outputs have along an axis: this many, or as the first has."""
        shapes = [(self._axes[name], self[name].shape) for name in self if axis in self._axes[name]]
        sizes = [shape[axes.index(axis)] for axes, shape in shapes]
        if not sizes or size not in (None, *sizes):
            known = dict.fromkeys(each for name in self for each in self._axes[name])
            raise Diagnostic(
                UNKNOWN_RESULT,
                f"no output has {size} places along {axis!r}" if sizes else f"no axis is {axis!r}",
                help=f"labels({axis!r}) has them all"
                if sizes
                else did_you_mean(axis, known) or f"axes are {', '.join(known) or 'none'}",
            )
        return sizes[0] if size is None else size

    def by_level(self, axis: str, size: int) -> dict[str, Array]:
        """The labels along an axis level by level, if its levels have names.

        Example:
            >>> labels = np.empty(2, object)
            >>> labels[:] = [("north", 1), ("south", 2)]
            >>> tables = Outputs({}, axes={}, coords={"lane": labels}, levels={"lane": ("k", "n")})
            >>> {name: level.tolist() for name, level in tables.by_level("lane", 2).items()}
            {'k': ['north', 'south'], 'n': [1, 2]}
        """
        names = self.levels.get(axis, ())
        if len(names) < 2 or (labels := self.labels(axis, size)).dtype.kind != "O":
            return {}
        columns = {}
        for level, name in enumerate(names):
            own = [label[level] for label in labels]
            plain = {type(label) for label in own} in ({int}, {float}, {str}, {bool})
            columns[name] = np.array(own, None if plain else object)
        return columns if len(columns) == len(names) else {}

    def shapes(self) -> dict[Axes, tuple[str, ...]]:
        """The outputs grouped by their axes, the group with the most axes first.

        Among groups with as many axes, one over lanes comes before one over time.
        """
        groups: dict[Axes, list[str]] = {}
        for name in self._values:
            groups.setdefault(tuple(self._axes[name]), []).append(name)
        order = sorted(groups, key=lambda axes: (-len(axes), "time" in axes))
        return {axes: tuple(groups[axes]) for axes in order}

    def _unknown(self, name: object, known: str = "") -> Diagnostic:
        """The error for an output that is not there; `known` is what is known of the name."""
        near = "" if known else did_you_mean(str(name), list(self._values))
        if isinstance(name, list | tuple):
            near = "name outputs one by one: " + ", ".join(map(repr, name))
        some = f"its outputs are {', '.join(self._values) or 'none'}"
        return Diagnostic(
            UNKNOWN_RESULT,
            f"the result has no output {name!r}",
            help=near or "; ".join(filter(None, (some, known or self.absent))),
        )
