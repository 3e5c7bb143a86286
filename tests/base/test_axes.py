"""Axes: aligned by name, whatever the order; checked against xarray's broadcasting."""

import numpy as np
import pytest

from lanework.base.axes import Axis, align, combine, mapped, merge
from lanework.base.errors import Diagnostic


def test_alignment_is_xarrays():
    xarray = pytest.importorskip("xarray")
    rng = np.random.default_rng(1)
    sizes = {"time": 4, "scenario": 3, "point": 2}
    a = (rng.random((3, 4)), ("scenario", "time"))
    b = (rng.random((2, 3)), ("point", "scenario"))
    c = (rng.random(()), ())
    onto = merge((n, x[1], x[0].shape) for n, x in (("a", a), ("b", b), ("c", c)))
    assert onto == {"scenario": 3, "time": 4, "point": 2} == {k: sizes[k] for k in onto}
    actual = align(*a, onto) * align(*b, onto) + align(*c, onto)
    wanted = xarray.DataArray(a[0], dims=a[1]) * xarray.DataArray(b[0], dims=b[1]) + float(c[0])
    np.testing.assert_array_equal(actual, wanted.transpose(*onto).values)
    assert np.shares_memory(align(*a, onto), a[0])


def refused(make, code, *words):
    with pytest.raises(Diagnostic) as caught:
        make()
    assert caught.value.code.ident == code
    for word in words:
        assert word in caught.value.message
    assert caught.value.help


def test_what_disagrees_is_named():
    x, y = np.ones((2, 3)), {"a": 2, "b": 3}
    refused(lambda: merge([("p", ("a",), (2,)), ("q", ("a",), (3,))]), "LW0301", "'p'", "'q'")
    refused(lambda: merge([("p", ("a",), (2, 3))]), "LW0302", "'p'", "2 dimensions")
    refused(lambda: merge([("p", ("a", "a"), (2, 2))]), "LW0302", "two axes")
    refused(lambda: align(x, ("a", "b"), {"a": 2, "b": 4}), "LW0301", "'b'")
    refused(lambda: align(x, ("a", "c"), y), "LW0302", "'c'")
    refused(lambda: align(x, ("a",), y), "LW0302", "2 dimensions")
    refused(lambda: Axis("a", 3, ("x",)), "LW0302", "1 labels")


def test_labels_are_compared_and_kept():
    plain, named = Axis("p", 2), Axis("p", 2, ("x", "y"))
    assert combine([("a", [plain]), ("b", [named]), ("c", [plain])]) == (named,)
    turned = Axis("p", 2, ("y", "x"))
    refused(
        lambda: combine([("a", [plain]), ("b", [named]), ("c", [turned])]),
        "LW0301",
        "'c' has 'y' at place 0",
        "'b' has 'x'",
    )


def test_the_rest_is_mapped_over():
    assert mapped(("scenario", "time"), ()) == ("scenario", "time")
    assert mapped(("scenario", "time"), ("time", "age")) == ("scenario",)
