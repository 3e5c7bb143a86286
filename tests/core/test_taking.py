"""What is given in Python keeps to limits as files do: lists, objects, labels by the million."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from stopping import stopped

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.base.lookup import SOME, Lookup
from lanework.core.codes import BAD_ARGUMENT
from lanework.core.data.holding import reading
from lanework.core.data.labels import align, labels_along
from lanework.core.data.libraries import flat
from lanework.core.data.values import Given, as_array, exactly
from lanework.core.result.saving import write_array

pytestmark = pytest.mark.slow

COUNT = 400_000
FLEET = f"""
.machine fleet
.shared {2 * COUNT}
.buffer a, 0, {COUNT}, in, u32
.buffer b, {COUNT}, {COUNT}, in, u32
.routine main
    HALT
.phase wait_all
    .launch main, 1
"""


def series():
    model = lw.series.Model("m", periods=1)
    model.input("a", axes="point")
    model.input("b", axes="point")
    model.formula("y", "a + b")
    model.output("y", reduce="point")
    return model.compile()


MACHINES = {
    "series": series,
    "register": lambda: lw.register.assemble(
        '.input "a" r0\n.input "b" r1\n.output "y" r2\n add r2, r0, r1\n halt'
    ),
    "fleet": lambda: lw.fleet.assemble(FLEET),
}


def labelled(index):
    numbers, order = np.arange(COUNT), np.random.default_rng(1).permutation(COUNT)
    return pd.Series(numbers, index=index), pd.Series(numbers[order], index=index[order])


def levels():
    numbers = np.arange(COUNT)
    return pd.MultiIndex.from_arrays([numbers // 1000, numbers % 1000], names=["point", "k"])


GIVEN = {
    "names": lambda: labelled(pd.Index([f"K{n}" for n in range(COUNT)])),
    "texts": lambda: labelled(pd.Index([f"K{n}" for n in range(COUNT)], dtype=object)),
    "numbers": lambda: labelled(pd.Index(np.arange(COUNT) + 5)),
    "coordinates": lambda: [xr.DataArray.from_series(x.rename_axis("point")) for x in
                            labelled(pd.Index(np.arange(COUNT) + 5))],
    "a list": lambda: (list(range(COUNT)), list(range(COUNT))),
    "large numbers": lambda: ([2**31 + n for n in range(COUNT)], tuple(range(COUNT))),
    "objects": lambda: (np.array(range(COUNT), object), np.array(range(COUNT), object)),
}  # fmt: skip


@pytest.fixture(scope="module")
def given():
    return {name: make() for name, make in GIVEN.items()}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", GIVEN)
def test_inputs_keep_to_the_cap(given, machine, name):
    a, b = given[name]
    program = MACHINES[machine]()
    cap = 14_000_000
    run = program.bind("reference", Limits(memory=cap))
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(Diagnostic) as caught:
            run(a=a, b=b)
        assert tracemalloc.get_traced_memory()[1] <= 1.05 * cap
    finally:
        tracemalloc.stop()
    assert caught.value.code.ident == "LW0101"
    assert caught.value.help
    free = program.bind("reference", Limits(memory=10**10))
    if machine == "series":
        assert free(a=a, b=b)["y"] == np.sum(a) + np.sum(b)


def test_evidence_keeps_to_the_cap():
    graph = lw.belief.FactorGraph()
    graph.variable("a", 3)
    graph.factor(["a"], [0.2, 0.3, 0.5])
    run = lw.belief.compile_graph(graph).bind(limits=Limits(memory=4_000_000))
    many = {"a": ["0", "1", None, "2"] * 50_000}
    tracemalloc.start()
    try:
        with pytest.raises(Diagnostic) as caught:
            run(many)
        assert tracemalloc.get_traced_memory()[1] <= 1.05 * 4_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.code.ident == "LW0101"


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", GIVEN)
def test_inputs_are_taken_by_the_deadline(given, machine, name):
    a, b = given[name]
    run = MACHINES[machine]().bind("reference", Limits(deadline=0.01))
    stopped(lambda: run(a=a, b=b))


def test_a_list_is_what_it_is_however_long():
    """Some at a time, they are the same array as at once, or refused alike."""
    rate = Given("input 'rate'", BAD_ARGUMENT)
    for ends in (
        [1, 2.5],
        [True, 2],
        [0.5, 2**60],
        [2**60, 0.5],
        [2**63, -1],
        [None, 1.0],
        [0.5, 3],
    ):
        few = as_array(ends, rate)
        for many in (ends[:1] * SOME + ends[1:], [ends[0], *ends[1:] * SOME]):
            array = as_array(many, rate)
            assert array.dtype == few.dtype or {array.dtype.kind, few.dtype.kind} <= set("fiu")
            assert array[0] == few[0]
            assert array[-1] == few[-1]
    for odd in (["x"] * (SOME + 1), [1.5] * SOME + ["0.1"], ["0.1"] + [1.5] * SOME):
        with pytest.raises(Diagnostic, match="is the text"):
            exactly(odd, "f64", rate)
    with pytest.raises(Diagnostic, match="9007199254740993"):
        exactly([0.5] * SOME + [2**53 + 1], "f64", rate)
    nested = [[n, n + 0.5] for n in range(SOME)]
    np.testing.assert_array_equal(as_array(nested, rate), np.array(nested))


def test_lookups_are_dictionaries():
    labels = ["b", 3, 3.0, True, ("x", 1), "b"]
    known = Lookup(labels, 10 * SOME)
    assert {label: known[label] for label in labels} == {
        label: place for place, label in enumerate(labels)
    }
    assert 2 not in known


def test_labels_are_never_taken_for_what_a_library_offers():
    """Series of pandas find their labels by points, and so would look like other libraries'."""
    names = (
        "dims coords columns column_names get_column null_count to_pylist row_labels"
        " __array_interface__ __dlpack__ requires_grad data_vars"
    ).split()
    column = pd.Series(np.arange(len(names)), index=names)
    assert list(labels_along(column)[0]) == names
    np.testing.assert_array_equal(flat(column), np.arange(len(names)))
    for name, make in MACHINES.items():
        if name != "fleet":
            result = make().bind("reference")(a=column, b=column[::-1])
            assert result is not None


def test_labels_are_counted_before_they_are_looked_up():
    labels = np.array([f"K{n}" for n in range(1000)])
    wanted = labels[::-1]
    with reading(Limits(memory=100_000)), pytest.raises(Diagnostic) as caught:
        align(labels, wanted, "lane", Given("input 'x'", BAD_ARGUMENT))
    assert caught.value.message == (
        "the labels of input 'x' need 340.0 kB, and the cap is 100.0 kB"
    )


@pytest.mark.parametrize(
    "array",
    [
        np.ones((3, 500_000)),
        np.ones((500_000, 3)).T,
        np.ones((500_000, 6))[:, ::2],
        np.arange(200_000).astype(object),
        np.array([f"name {n}" for n in range(200_000)] + [None], object),
    ],
    ids=["rows", "columns", "steps", "integers", "texts"],
)
def test_arrays_are_written_without_a_copy_of_them(array, tmp_path):
    """NumPy's own way copies up to 16 MiB, which a memory cap would be passed by."""
    path = tmp_path / "x.npy"
    tracemalloc.start()
    try:
        with path.open("wb") as file:
            write_array(file, array)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000
    written = np.load(path)
    assert written.shape == array.shape
    assert written.tolist() == [("" if x is None else x) for x in array.tolist()]
