"""Answers as frames and files from Python."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic


@pytest.fixture
def graph():
    copy = lw.belief.FactorGraph("weather")
    copy.variable("rain", ["yes", "no"])
    copy.variable("row", ["a", "b"])  # a variable that is called like the axis
    copy.factor(["rain"], [0.25, 0.75])
    copy.factor(["rain", "row"], [[0.5, 0.5], [0.0, 1.0]])
    return copy


def test_long_and_wide(graph):
    result = lw.belief.infer(graph, {"row": ["a", "b", None]}, "rain")
    long = result.to_pandas()
    assert list(long.columns) == ["row", "variable", "state", "probability"]
    assert long["probability"].tolist() == [1.0, 0.0, 1 / 7, 6 / 7, 0.25, 0.75]
    wide = result.to_pandas(wide=True)
    assert wide["rain", "yes"].tolist() == [1.0, 1 / 7, 0.25]
    assert wide.index.tolist() == [0, 1, 2]
    one = result.to_pandas("rain", wide=True)
    assert one.shape == (3, 2)
    assert result.to_arrow().column_names == list(long.columns)


def test_assignments_have_a_column_for_each_variable(graph):
    rows = {"rain": ["yes", "no", None], "row": ["a", "a", None]}  # the second cannot be
    frame = lw.belief.infer(graph, rows, "kbest:2").to_pandas()
    assert list(frame.columns) == ["row", "assignment", "ln_p_best", "rain", "row (state)"]
    assert frame["row"].tolist() == [0, 2, 2]
    assert frame["rain"].tolist()[:2] == ["yes", "no"]
    drawn = lw.belief.infer(graph, None, "sample:7").to_pandas()
    assert list(drawn.columns) == ["row", "assignment", "rain", "row (state)"]
    assert len(drawn) == 7
    joint = lw.belief.infer(graph, None, "joint:rain,row").to_pandas()
    assert joint["probability"].tolist() == [0.125, 0.125, 0.0, 0.75]


def test_files(graph, tmp_path):
    result = lw.belief.infer(graph, {"rain": ["yes", "no"]}, "row")
    for name in ("a.json", "a.csv", "a.parquet", "a.npz"):
        assert result.save(tmp_path / name) == (tmp_path / name,)
    rows = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert rows[0]["posteriors"] == {"row": {"a": 0.5, "b": 0.5}}
    assert parquet.read_table(tmp_path / "a.parquet").column_names[1] == "variable"
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 5
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["row"].tolist() == [[0.5, 0.5], [0.0, 1.0]]
    with pytest.raises(Diagnostic) as caught:
        result.save(tmp_path / "a.mar")
    assert caught.value.code.ident == "LW5012"
    gradient = lw.belief.infer(graph, None, "gradient")
    with pytest.raises(Diagnostic):
        gradient.to_pandas()
    assert gradient.to_pandas("f0").shape == (2, 1)


def test_other_semirings_say_what_cannot_be(graph):
    program = lw.belief.compile_graph(graph, "all", semiring="counting")
    result = program.bind(semiring="counting")({"rain": ["no", "yes"], "row": ["a", "a"]})
    assert next(result.objects()) == {"count": None, "impossible": True}
    assert result.columns()["row"].tolist() == [1, 1, 1, 1]


def test_evidence_from_frames(graph):
    frame = pd.DataFrame({"rain": ["yes", None], "row": pd.Categorical([None, "b"])})
    result = lw.belief.infer(graph, frame)
    assert result["rain"][:, 0].tolist() == [1.0, 1 / 7]
