"""What a run gives back: named arrays with axes, units and where they came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lanework.core.options import integer
from lanework.core.options import names as listed
from lanework.core.result import frames, saving
from lanework.core.result.outputs import Array, Axes, Outputs
from lanework.core.result.show import figure, html_table, many, preview, seconds, text_table

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    import xarray

SHOWN = 20
"""At most so many outputs are printed."""


class Result(Outputs):
    """The outputs of a run by name, in the order of the program's outputs.

    Arrays by name, as in a dict. `time` is the first axis of an output over time; the lane axes
    that it depends on and was not summed over follow.

    Example:
        >>> import numpy as np
        >>> result = Result(
        ...     {"cash": np.array([[1.0, 2.0], [3.0, 4.0]]), "total": np.array(10.0)},
        ...     axes={"cash": ("time", "scenario"), "total": ()},
        ...     units={"cash": "USD"},
        ... )
        >>> result.axes("cash"), result["total"]
        (('time', 'scenario'), array(10.))
        >>> result
        Result: 2 outputs
        output  axes                  unit  values
        cash    time 2 x scenario 2   USD   1  2  3  4
        total                               10
    """

    __slots__ = ()

    def select(self, names: Iterable[str]) -> Result:
        """The same result with these outputs only.

        Raises:
            Diagnostic: LW1020 for a name that is not an output.
        """
        return self.replaced({name: self[name] for name in listed("names", names)}, self.stats)

    def replaced(self, values: Mapping[str, Array], stats: Mapping[str, Any]) -> Result:
        """Other values for some of the outputs, with the same axes, units and labels."""
        return Result(
            values,
            axes={name: self._axes[name] for name in values},
            units={name: self.units.get(name, "") for name in values},
            kinds={name: self.kinds.get(name, "") for name in values},
            coords=self.coords,
            stats=stats,
            levels=self.levels,
            absent=self.absent,
        )

    # Other forms --------------------------------------------------------------------------------

    def columns(self, *names: str) -> dict[str, Array]:
        """A long table as columns: one for each axis, then one for each output.

        Args:
            *names: outputs; by default all. Those with fewer axes than another are repeated.

        Raises:
            Diagnostic: LW1020, or LW1021 when their axes differ.
        """
        return frames.long_columns(self, names)

    def to_pandas(self, *names: str, wide: bool = False) -> pandas.DataFrame:
        """A DataFrame indexed by the outputs' axes, one column an output.

        Args:
            *names: outputs; by default all. Those with fewer axes than another are repeated.
            wide: keep only the first axis in the index and put the others across the columns.

        Raises:
            Diagnostic: LW1020, LW1021 when their axes differ, LW1022 without pandas.
        """
        return frames.to_pandas(self, names, wide)

    def to_xarray(self) -> xarray.Dataset:
        """A Dataset with every output, its unit and kind in its attributes.

        Raises:
            Diagnostic: LW1022 without xarray.
        """
        return frames.to_xarray(self)

    def to_arrow(self, *names: str) -> pyarrow.Table:
        """An Arrow table in long form, units in the fields' metadata.

        Raises:
            Diagnostic: LW1020, LW1021 when axes differ, LW1022 without pyarrow.
        """
        return frames.to_arrow(self, names)

    def to_polars(self, *names: str) -> polars.DataFrame:
        """A polars DataFrame in long form, a column for each axis and each output.

        Raises:
            Diagnostic: LW1020, LW1021 when axes differ, LW1022 without polars.
        """
        return frames.to_polars(self.columns(*names))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table of `to_arrow()` for whoever takes Arrow: polars, DuckDB, pandas, pyarrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __array__(self, dtype: object = None, copy: object = None) -> Array:
        """Refuse to be one array, which NumPy and pandas would make of the names.

        Raises:
            Diagnostic: LW1025.
        """
        raise frames.no_array(self)

    def save(self, path: str | os.PathLike[str], *, csv_safe: bool = False) -> tuple[Path, ...]:
        """Write the outputs to a file; its ending says how.

        `.csv` and `.tsv` (also `.csv.gz`, `.tsv.gz`), and with pyarrow `.parquet`, `.feather` and
        `.arrow`, hold tables in long form. Outputs whose axes differ make several tables: the one
        with the most axes has the path itself, the others carry their axes in the name
        (`out.time.csv`, `out.scalar.csv`). `.xlsx` (needs openpyxl) has a sheet for each. `.npz`
        and `.json` hold everything, `.npy` a single output, and so do the pictures `.pgm` (height,
        width) and `.ppm` (height, width, 3), of samples from 0 to 255. Files appear whole or not at
        all.

        Args:
            path: the file.
            csv_safe: put an apostrophe before names and labels in CSV that a spreadsheet would
                run as formulas: those that begin with ``=``, ``+``, ``-`` or ``@``.

        Returns:
            The files written.

        Raises:
            Diagnostic: LW1022 for a missing extra, LW1023 for an unknown ending, LW1024 for a
                `.npy` of several outputs, LW1027 and LW1030 for an `.xlsx` of too many rows and
                of texts that are too long, LW1028 for what
                is no picture, or an error of the file system.
        """
        return saving.save(self, saving.path_of(path), csv_safe)

    # Shown --------------------------------------------------------------------------------------

    def summary(self) -> str:
        """One line about the run."""
        stats = self.stats
        parts = [many(len(self._values), "output")]
        if "lanes" in stats:
            over = many(stats["lanes"], "lane")
            if "periods" in stats:
                over += f" x {many(stats['periods'], 'period')}"
            parts.append(over)
        if "engine" in stats:
            parts.append(str(stats["engine"]))
        if "run_seconds" in stats:
            parts.append(f"ran in {seconds(stats['run_seconds'])}")
        return ", ".join(parts)

    def overview(self, most: int = SHOWN) -> tuple[list[str], list[list[str]], int]:
        """Header, rows and the number of outputs left out of a table about the outputs."""
        rows, most = [], integer("most", most)
        for name in list(self._values)[:most]:
            value = self[name]
            sizes = zip(self._axes[name], value.shape, strict=True)
            over = " x ".join(f"{axis} {length:,}" for axis, length in sizes)
            rows.append([name, over, self.units.get(name, ""), preview(value)])
        return ["output", "axes", "unit", "values"], rows, max(len(self._values) - most, 0)

    def __repr__(self) -> str:
        header, rows, left = self.overview()
        lines = [f"Result: {self.summary()}"]
        if rows:
            lines.append(text_table(header, rows))
        if left:
            lines.append(f"... and {left} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        header, rows, left = self.overview()
        more = f" ({left} more)" if left else ""
        return html_table(header, rows, f"Result: {self.summary()}{more}")

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers; NaN and infinities are floats, as elsewhere.

        JSON lacks these: `save` writes them as the texts "nan", "inf" and "-inf".
        """
        return saving.plain(self)


__all__ = ["Array", "Axes", "Result", "figure"]
