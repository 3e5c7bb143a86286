"""A table goes into a run, and a result comes out as one, of whichever library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

import lanework as lw
from lanework.base.errors import Diagnostic


class Capsule:
    """A table of a library that only speaks the Arrow C stream interface."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._table = pa.table(columns)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class Relation:
    """A relation, as DuckDB has it."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns

    def execute(self) -> None:
        """Run the query."""

    def arrow(self) -> pa.RecordBatchReader:
        """What it gives, batch by batch."""
        return pa.table(self._columns).to_reader()


def records(columns: dict[str, Any]) -> Any:
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    return np.rec.fromarrays(list(arrays.values()), names=list(arrays)).view(np.ndarray)


TABLES = {
    "dict": dict,
    "pandas": pd.DataFrame,
    "pandas of Arrow": lambda c: pd.DataFrame(c).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.DataFrame,
    "polars lazy": pl.LazyFrame,
    "Arrow": pa.table,
    "Arrow batch": pa.record_batch,
    "Arrow stream": Capsule,
    "relation": Relation,
    "records": records,
}


def loan(**axes: str) -> Any:
    model = lw.series.Model("loan", periods=2)
    for name in ("rate", "debt"):
        model.input(name, axes=axes.get(name, ()))
    model.formula("interest", "rate * debt * (1 + 0 * t)")
    return model.compile(outputs=["interest"])


def dataset(columns: dict[str, Any]) -> xr.Dataset:
    """A Dataset says itself along which axis it is."""
    return xr.Dataset({name: ("scenario", column) for name, column in columns.items()})


@pytest.mark.parametrize("kind", [*TABLES, "xarray"])
def test_every_machine_takes_every_table(kind: str) -> None:
    make = TABLES.get(kind, dataset)
    columns = {"rate": [0.1, 0.2, 0.3], "debt": [100.0, 200.0, 300.0]}
    table = make(columns)
    by_name = loan().run(**{name: np.array(column) for name, column in columns.items()})
    assert loan().run(table)["interest"].tolist() == by_name["interest"].tolist()
    assert loan().bind()(table)["interest"].tolist() == by_name["interest"].tolist()

    words = make({"r0": [1, 2, 3], "r1": [4, 5, 6]})
    assert lw.compile("mul r0, r0, r1\nhalt").run(words)["r0"].tolist() == [4, 10, 18]

    fleet = lw.compile(".machine fleet\n.shared 2\nHALT\n")
    assert fleet.run(make({"shared": [0.5, 1.5]}))["shared"].tolist() == [0.5, 1.5]

    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.25, 0.75])
    said = make({"rain": ["yes", "no", "yes"]})
    for result in (lw.compile(graph).run(said), lw.belief.infer(graph, said)):
        assert result["rain"].tolist() == [[1, 0], [0, 1], [1, 0]]


class Tensor:
    """A tensor of PyTorch, as far as it is asked: NumPy gets no gradients and no bfloat16."""

    requires_grad = False  # which the class has, as PyTorch's

    def __init__(self, values: Any, gradients: bool = False, dtype: str = "torch.float32") -> None:
        self._values, self.requires_grad, self.dtype = np.asarray(values), gradients, dtype

    def detach(self) -> Tensor:
        """The same without gradients."""
        return Tensor(self._values, dtype=self.dtype)

    def float(self) -> Tensor:
        """The same in single precision."""
        return Tensor(self._values, self.requires_grad)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.dtype != "torch.float32":
            raise TypeError(f"Got unsupported ScalarType {self.dtype}")
        return self._values.astype(np.float32)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("dtype", ["torch.float32", "torch.bfloat16"])
def test_tensors_with_gradients_and_of_sixteen_bits_are_their_values(
    gradients: bool, dtype: str
) -> None:
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.25, 0.75])
    weights = Tensor([0.5, 0.0], gradients, dtype)
    assert lw.compile(graph).run(rain=weights)["rain"].tolist() == [1, 0]
    add = lw.compile(
        '.input "x" r0 f64\n.input "y" r1 f64\n.output "z" r0 f64\nfadd r0, r0, r1\nhalt\n'
    )
    values = Tensor([0.5, 1.5], gradients, dtype)
    fleet = lw.compile(".machine fleet\n.shared 2\nHALT\n")
    assert fleet.run(shared=values)["shared"].tolist() == [0.5, 1.5]
    assert loan().run(rate=values, debt=2.0)["interest"][0].tolist() == [1.0, 3.0]
    assert add.run(x=values, y=values)["z"].tolist() == [1.0, 3.0]
    with pytest.raises(Diagnostic, match=r"is a Tensor that is no array: .*float8"):
        add.run(x=Tensor([0.5], dtype="torch.float8"), y=1.0)
    with pytest.raises(Diagnostic, match=r"is a Tensor that is no array: .*float8"):
        fleet.run(shared=Tensor([0.5], dtype="torch.float8"))
    with pytest.raises(Diagnostic, match=r"is a Tensor that is no array: .*float8"):
        loan().run(rate=Tensor([0.5], dtype="torch.float8"), debt=2.0)


def test_inputs_by_name_stand_beside_a_table_and_not_in_it() -> None:
    table = pd.DataFrame({"rate": [0.1, 0.2]})
    assert loan().run(table, debt=100.0)["interest"].shape == (2, 2)
    for run in (loan().run, loan().bind()):
        with pytest.raises(Diagnostic, match=r"LW1026.*'rate'"):
            run(table, rate=0.1, debt=1.0)
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.25, 0.75])
    for said in ({"rain": "yes"}, {"rain": ["yes"]}, pd.DataFrame({"rain": ["yes"]})):
        with pytest.raises(Diagnostic, match=r"LW1026.*'rain'"):
            lw.compile(graph).run(said, rain="no")
    with pytest.raises(Diagnostic, match=r"'rat'(.|\n)*did you mean 'rate'"):
        loan().run(table.rename(columns={"rate": "rat"}), debt=1.0)


@pytest.mark.parametrize("kind", TABLES)
def test_rows_of_a_table_are_along_one_axis(kind: str) -> None:
    table = TABLES[kind]({"rate": [0.1, 0.2], "debt": [1.0, 2.0]})
    result = loan(rate="point").run(table)
    assert result.axes("interest") == ("time", "point")
    np.testing.assert_allclose(result["interest"][0], [0.1, 0.4])
    with pytest.raises(Diagnostic, match=r"LW3050.*'point'.*'policy'(.|\n)*debt=") as caught:
        loan(rate="point", debt="policy").run(table)
    assert "run(table" in str(caught.value)


@pytest.mark.parametrize("what", [3, "table.csv", [1.0, 2.0], np.zeros((2, 2)), object()])
def test_what_is_no_table_is_refused(what: Any) -> None:
    for program in (loan(), lw.compile("halt\n"), lw.compile(".machine fleet\nHALT\n")):
        with pytest.raises(Diagnostic, match="no table"):
            program.run(what)


def test_columns_without_names_and_columns_twice_are_refused() -> None:
    for frame in (pd.DataFrame([[1.0, 2.0]]), pd.DataFrame([[1.0, 2.0]], columns=["rate", "rate"])):
        with pytest.raises(Diagnostic, match="the table of inputs has"):
            loan().run(frame)


# Out ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result() -> Any:
    return loan().run({"rate": [0.1, 0.2, 0.3], "debt": [100.0, 200.0, 300.0]})


WANTED = {
    "time": [0, 0, 0, 1, 1, 1],
    "scenario": [0, 1, 2, 0, 1, 2],
    "interest": [10.0, 40.0, 90.0, 10.0, 40.0, 90.0],
}


def test_results_are_tables_of_any_library(result: Any) -> None:
    frames = {
        "polars": result.to_polars().to_dict(as_series=False),
        "polars itself": pl.DataFrame(result).to_dict(as_series=False),
        "Arrow": pa.table(result).to_pydict(),
        "Arrow reader": pa.RecordBatchReader.from_stream(result).read_all().to_pydict(),
        "pandas": pd.DataFrame.from_arrow(result).to_dict("list"),
    }
    for name, frame in frames.items():
        assert list(frame) == list(WANTED), name
        for column, wanted in WANTED.items():
            np.testing.assert_allclose(frame[column], wanted)
    assert pa.table(result).schema == result.to_arrow().schema


def test_answers_of_networks_are_tables_too() -> None:
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.25, 0.75])
    answers = lw.belief.infer(graph)
    wanted = {
        "row": [0, 0],
        "variable": ["rain", "rain"],
        "state": ["yes", "no"],
        "probability": [0.25, 0.75],
    }
    assert answers.to_polars().to_dict(as_series=False) == wanted
    assert pa.table(answers).to_pydict() == wanted
    assert pl.DataFrame(answers).to_dict(as_series=False) == wanted


def test_a_result_has_what_a_mapping_has(result: Any) -> None:
    names = list(result)
    assert names == [*result.keys()] == [name for name, _ in result.items()]
    assert len(result) == len(names) == len(result.values())
    as_dict, as_arguments = dict(result), dict(**result)
    for name, array in zip(names, result.values(), strict=True):
        assert name in result
        for each in (
            as_dict[name],
            as_arguments[name],
            result.get(name),
            dict(result.items())[name],
        ):
            np.testing.assert_array_equal(each, array)
    assert "none" not in result
    assert result.get("none") is None
    assert result.get("none", 3) == 3


@pytest.mark.parametrize("make", [np.asarray, np.array, pd.DataFrame])
def test_a_result_is_never_an_array_of_its_names(result: Any, make: Any) -> None:
    with pytest.raises(Diagnostic, match=r"LW1025.*interest(.|\n)*to_pandas"):
        make(result)
    np.testing.assert_array_equal(np.asarray(result["interest"]), result["interest"])


def test_outputs_of_several_shapes_are_no_single_table() -> None:
    model = lw.series.Model("m", periods=2)
    model.input("x")
    model.formula("y", "x + t")
    model.input("p", axes="point")
    model.formula("z", "p * 2")
    several = model.run(x=1.0, p=[1.0, 2.0, 3.0])
    for make in (pa.table, lambda each: each.to_polars()):
        with pytest.raises(Diagnostic, match="LW1021"):
            make(several)
    assert pa.table(several.select(["y"])).num_rows == 2


def test_a_result_goes_into_the_next_run(result: Any) -> None:
    again = loan().run({"rate": 1.0, "debt": result["interest"][0]})
    np.testing.assert_allclose(again["interest"][1], result["interest"][1])
