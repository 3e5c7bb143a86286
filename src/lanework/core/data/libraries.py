"""Arrays and tables of libraries as what NumPy makes an array of, exactly.

Libraries are told by what their objects offer, so that none of them is imported here.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base.lookup import steps

Array = npt.NDArray[Any]

_LARGE = ("Int128", "UInt128", "Decimal", "Struct")
"""Types of polars that NumPy does not have: it would round them, or make columns of them."""


def offers(value: Any, *names: str) -> bool:
    """Whether a value, or its class, has all of these.

    What a Series of pandas itself lacks is looked for among its labels, of which there may be one.

    Example:
        >>> offers([], "append", "sort"), offers((), "append")
        (True, False)
    """
    own = getattr(value, "__dict__", ())
    return all(hasattr(type(value), name) or name in own for name in names)


def flat(value: Any) -> Any:
    """What NumPy makes an array of, without an error that only its own library understands."""
    # a PyTorch tensor that records; pandas would look for the name among the labels, in a table
    if offers(value, "requires_grad") and value.requires_grad is True:
        value = value.detach()
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # which NumPy lacks, and float32 holds
        value = value.float()
    if offers(value, "iloc") or offers(value, "isna"):  # pandas
        return _pandas(value)
    if offers(value, "column_names") or offers(value, "get_column"):  # tables of Arrow and polars
        columns = [np.asarray(flat(column)) for column in _columns(value)]
        return side_by_side(columns)
    if offers(value, "null_count", "to_pylist"):  # Arrow
        if value.null_count:
            return np.array(value.to_pylist(), object)
        return value.to_numpy(zero_copy_only=False) if offers(value, "type") else value
    if offers(value, "null_count") and callable(value.null_count):  # polars
        listed = value.null_count() or str(value.dtype).startswith(_LARGE)
        return np.array(value.to_list(), object) if listed else value.to_numpy()
    if offers(value, "__array__") or isinstance(value, list | tuple | numbers.Number):
        return value
    if offers(value, "__dlpack__"):
        return np.from_dlpack(value)
    # an array of keys would not be what was meant, and that of a set is in no order anybody knows
    if isinstance(value, Mapping) or (isinstance(value, Set) and len(value) > 1):
        raise TypeError("its values have no order")
    several = offers(value, "__iter__") and not isinstance(value, str | bytes)
    return list(value) if several else value


def _pandas(value: Any) -> Any:
    """What pandas holds: None where it is missing, and integers that no column of floats rounds."""
    if offers(value, "columns", "dtypes"):
        kinds = set(value.dtypes)
        if len(kinds) == 1 and isinstance(next(iter(kinds)), np.dtype):
            return value.to_numpy()
        return side_by_side([np.asarray(_pandas(value.iloc[:, n])) for n in range(value.shape[1])])
    if isinstance(value.dtype, np.dtype):
        return value.to_numpy()  # NumPy would ask for its own ways, among the labels
    missing = np.asarray(value.isna(), bool)
    if not missing.any():
        return value.to_numpy()
    items = np.empty(len(value), object)
    for part in steps(len(value)):
        items[part] = list(value.iloc[part] if offers(value, "iloc") else value[part])
    items[missing] = None
    return items


def _columns(value: Any) -> list[Any]:
    """The columns of a table of Arrow or polars."""
    if offers(value, "get_column"):
        return [value.get_column(name) for name in value.columns]
    return list(value.columns)


def side_by_side(columns: list[Array]) -> Array:
    """Columns as an array, of objects where floats would round some of its integers.

    Example:
        >>> side_by_side([np.array([2**53 + 1]), np.array([0.5])]).tolist()
        [[9007199254740993, 0.5]]
    """
    if not columns:
        return np.empty((0, 0))
    kinds = {column.dtype.kind for column in columns}
    alike = len(kinds) == 1
    if not alike and kinds <= set("fiub"):
        alike = np.result_type(*columns).kind != "f" or not any(map(_rounds, columns))
    return np.column_stack(columns if alike else [c.astype(object) for c in columns])


def _rounds(column: Array) -> bool:
    """Whether there are integers that a float may not have."""
    large = column.dtype.kind in "iu" and column.size > 0
    return large and max(int(column.max()), -int(column.min())) > 1 << 24  # single precision
