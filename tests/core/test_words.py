"""What people give that is nothing of the kind: refused with what to do, or taken as meant."""

from __future__ import annotations

import io
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.data.files import iter_columns
from lanework.core.data.spelling import text_advice


def refused(call, *said, code):
    """The error of a call, which says this in its sentence or its help."""
    with pytest.raises(Diagnostic) as caught:
        call()
    for each in said:
        assert each in f"{caught.value.message}\n{caught.value.help}"
    assert caught.value.code.ident == code
    return caught.value


def model():
    """A model of one input."""
    built = lw.series.Model("m", periods=2)
    built.input("x")
    built.formula("y", "x * 2")
    built.formula("z", "y + 1")
    return built


def network():
    """A network of one variable."""
    graph = lw.belief.FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [0.5, 0.5], child="a")
    return graph


@pytest.mark.parametrize("given", [1000.0, "1000", [1.0, 2.0], np.ones(3), (1, 2), {1.0, 2.0}])
def test_values_without_a_name_are_no_table(given):
    product = lw.register.assemble("mul r0, r0, r1\nhalt")
    for run in (model().run, model().compile().run, model().compile().bind(), product.run):
        refused(lambda run=run: run(given), "is no table", "given by name", code="LW1034")


def test_what_is_compiled():
    refused(lambda: lw.compile(""), "empty", code="LW1012")
    refused(lambda: lw.compile(model().compile()), "compiled already", "run it", code="LW1012")
    for kind in (lw.series.Model, lw.belief.FactorGraph, dict):
        refused(lambda kind=kind: lw.compile(kind), f"{kind.__name__}(...)", code="LW1012")


def test_one_name_is_a_list_of_one(tmp_path):
    assert model().compile(outputs="y") == model().compile(outputs=["y"])
    refused(lambda: model().compile(outputs="yy"), "no node `yy`", code="LW3003")
    (tmp_path / "t.csv").write_text("id,sex\n1,M\n2,F\n")
    assert lw.series.read_columns(tmp_path / "t.csv", "id")["id"].tolist() == [1, 2]
    labels = {"sex": ["F", "M"]}
    assert lw.series.read_columns(tmp_path / "t.csv", "sex", labels)["sex"].tolist() == [1, 0]
    for given in (["F", "M"], "FM", ("F",)):
        refused(lambda given=given: lw.series.read_columns(tmp_path / "t.csv", "sex", given),
                'categories={"sex"', code="LW2005")  # fmt: skip


@pytest.mark.parametrize("number", [Decimal("1.5"), Fraction(3, 2), np.float16(1.5), Decimal(3)])
def test_numbers_of_every_class(number):
    program = model().compile()
    assert program.run(x=number)["y"].tolist() == 2 * number
    assert program.run(x=[number, 1])["y"].tolist() == [2 * number, 2]
    frame = pd.DataFrame({"x": [1, number]})
    assert program.run(frame)["y"].tolist() == [2, 2 * number]


def test_numbers_that_no_float_is():
    for number in (Decimal(2**53 + 1), Fraction(2**53 + 1), Fraction(10**400)):
        refused(lambda number=number: model().run(x=number), "input 'x'", code="LW3050")
    refused(lambda: model().run(x=1j), "complex", code="LW3050")
    refused(lambda: model().run(x=pd.NA), "is missing", code="LW3050")


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31 12:00", "2026-01-31T12:00:00Z", "31.12.2025", "1/2/2026",
             "2026/1/31", " 2026-01-31 "],
)  # fmt: skip
def test_dates_are_known(tmp_path, text):
    assert "a date" in text_advice(text)
    refused(lambda: model().run(x=text), "a date", code="LW3050")
    (tmp_path / "t.csv").write_text(f"x\n1\n{text}\n")
    refused(lambda: lw.series.read_columns(tmp_path / "t.csv"), "line 3", "a date", code="LW3053")


@pytest.mark.parametrize("text", ["1.2.3", "12.500", "1/2", "10-20", "2026-1", "1.5.26", "31.12"])
def test_what_is_no_date(text):
    assert "a date" not in text_advice(text)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_objects_in_files(tmp_path, ending):
    path, objects = tmp_path / f"t.{ending}", np.array([{}, 1], object)
    np.save(path, objects) if ending == "npy" else np.savez(path, x=objects)
    refused(lambda: lw.series.read_columns(path), "Python objects", "texts", code="LW3052")


@pytest.mark.parametrize("given", [5, "1G", {"memory": 2**30}, 2.5, True])
def test_limits_are_limits(tmp_path, given):
    graph = network()
    (tmp_path / "g.json").write_text(lw.belief.write_json(graph))
    (tmp_path / "t.csv").write_text("x\n1\n")
    halt = lw.register.assemble("halt")
    for call in (
        lambda: lw.belief.infer(graph, {}, limits=given),
        lambda: lw.belief.loopy(graph, {}, limits=given),
        lambda: lw.belief.sensitivity(graph, "a", "0", limits=given),
        lambda: lw.belief.expected_counts(graph, {}, limits=given),
        lambda: lw.belief.expected_log_likelihood(graph, {}, limits=given),
        lambda: lw.belief.jeffrey(graph, {"a": [0.5, 0.5]}, limits=given),
        lambda: lw.belief.read_network(tmp_path / "g.json", limits=given),
        lambda: lw.series.read_columns(tmp_path / "t.csv", limits=given),
        lambda: list(iter_columns(tmp_path / "t.csv", ["x"], limits=given)),
        lambda: model().compile().bind(limits=given),
        lambda: model().compile().run(x=1.0, limits=given),
        lambda: halt.run(limits=given),
    ):
        refused(call, f"limits is {given!r}", "lanework.Limits(", code="LW2005")


def test_folders_and_files_that_are_not_there(tmp_path):
    program, absent = lw.register.assemble("halt"), tmp_path / "no" / "x.lwp"
    result = model().run(x=1.0)
    refused(lambda: program.save(absent), "make the folder first", code="LW0201")
    refused(lambda: result.save(absent.with_suffix(".csv")), "the folder first", code="LW0201")
    answers = lw.belief.infer(network(), {})
    for path in (io.BytesIO(), io.StringIO(), None, 5):
        refused(lambda path=path: answers.save(path), "is no path", code="LW1023")
        refused(lambda path=path: result.save(path), "is no path", "to_pandas()", code="LW1023")
    refused(lambda: lw.load(absent), "check the path", "lanework.compile", code="LW1004")
    refused(lambda: lw.load("mul r0, r0, r1\nhalt\n"), "lanework.compile", code="LW1004")


def test_options_of_compiling_and_assembling():
    for given, wrong in ((model(), {"output": ["y"]}), (network(), {"evidense": ["a"]})):
        error = refused(lambda given=given, wrong=wrong: lw.compile(given, **wrong), "did you mean",
                        code="LW2005")  # fmt: skip
        assert next(iter(wrong)) in error.message
    module = lw.fleet.assemble_module(".routine twice\nADD r0, r0, r0\nRETURN")
    refused(lambda: lw.compile(module, engine="auto"), "'engine'", code="LW2005")
    for assemble in (lw.register.assemble, lw.fleet.assemble, lw.fleet.assemble_module):
        for source in ({"r0": "f64"}, None, 5):
            refused(lambda assemble=assemble, source=source: assemble("HALT", source),
                    "the name of the text", "by name", code="LW1010")  # fmt: skip
