"""What is no name, path or option, in every public place: refused with a sentence, or taken."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lanework as lw

ODD = {
    "nothing": None,
    "a number": 3,
    "a fraction": 1.5,
    "no text": "",
    "a list": ["y", "zz"],
    "a mapping": {"y": 1},
    "a set": {"y"},
    "bytes": b"y",
    "a path": pathlib.Path("y"),
    "an object": object(),
    "no number": float("nan"),
    "less than nothing": -1,
    "truth": True,
    "an array": np.array([1, 2]),
    "half of a character": "\ud800",
    "a character of no file name": "a\0.csv",
}


def graph() -> Any:
    network = lw.belief.FactorGraph("g")
    network.variable("a", ["x", "y"])
    network.variable("b", ["x", "y"])
    network.factor(["a"], [0.3, 0.7])
    network.factor(["a", "b"], [[0.5, 0.5], [0.1, 0.9]])
    return network


def model() -> Any:
    series = lw.series.Model("m", periods=3)
    series.input("a", axes="s")
    series.formula("y", "a * t")
    series.formula("k", "a * 2")
    return series


G, M = graph(), model()
P, R = M.compile(), lw.register.assemble("mul r0, r0, r1\nhalt")
F = lw.fleet.assemble(".machine fleet\n.shared 8\n.buffer x, 0, 3, in\nHALT")
RESULT, ANSWER = P.run(a=[1.0, 2.0]), lw.belief.infer(G)

ASKED: dict[str, Callable[[Any], Any]] = {
    "select": RESULT.select,
    "item": RESULT.__getitem__,
    "axes": RESULT.axes,
    "to_pandas": RESULT.to_pandas,
    "save": RESULT.save,
    "explain": lambda v: RESULT.explain(v, t=0, s=0),
    "explain a period": lambda v: RESULT.explain("y", t=v, s=0),
    "explain a lane": lambda v: RESULT.explain("y", t=0, s=v),
    "engine": P.bind,
    "limits": lambda v: P.bind("auto", v),
    "periods": lambda v: P.bind(periods=v),
    "outputs of a runner": lambda v: P.bind(outputs=v),
    "outputs": M.compile,
    "overrides": lambda v: M.compile(overrides=v),
    "override": lambda v: M.run(override=v, a=[1.0, 2.0]),
    "a table": P.run,
    "compile": lw.compile,
    "load": lw.load,
    "save a program": P.save,
    "gradient": P.gradient,
    "inputs of a gradient": lambda v: P.gradient("k", v),
    "tornado": lambda v: P.tornado(v, inputs={"a": 1.0}),
    "seek": lambda v: P.seek(v, "k", 1.0),
    "seek an output": lambda v: P.seek("a", v, 1.0),
    "bounds": lambda v: P.seek("a", "k", 1.0, bounds=v),
    "along": lambda v: lw.series.along(v, [1.0, 2.0]),
    "irr": lw.series.irr,
    "start": lambda v: lw.series.Model("x", periods=2, start=v, freq="month"),
    "freq": lambda v: lw.series.Model("x", periods=2, start="2024-01-01", freq=v),
    "unit": lambda v: lw.series.Model("x").input("q", unit=v),
    "kind": lambda v: lw.series.Model("x").input("q", kind=v),
    "axes of an input": lambda v: lw.series.Model("x").input("q", axes=v),
    "categories": lambda v: lw.series.Model("x").input("q", categories=v),
    "formula": lambda v: lw.series.Model("x").formula("q", v),
    "unit of a formula": lambda v: lw.series.Model("x").formula("q", "1", unit=v),
    "output": lambda v: model().output(v),
    "reduce": lambda v: model().output("y", reduce=v),
    "keys": lambda v: lw.series.Model("x").table("q", {1: 2.0}, keys=v),
    "cells": lambda v: lw.series.Model("x").table("q", v),
    "read_columns": lw.series.read_columns,
    "read_xlsx": M.read_xlsx,
    "a file": lw.series.Model.load,
    "a text": lw.series.Model.from_text,
    "graph": lw.belief.infer,
    "evidence": lambda v: lw.belief.infer(G, v),
    "a state": lambda v: lw.belief.infer(G, {"a": v}),
    "query": lambda v: lw.belief.infer(G, {}, v),
    "semiring": lambda v: lw.belief.infer(G, semiring=v),
    "variable": lambda v: graph().variable(v, ["x", "y"]),
    "states": lambda v: graph().variable("q", v),
    "scope": lambda v: graph().factor(v, [0.3, 0.7]),
    "entries": lambda v: graph().factor(["a"], v),
    "name of a factor": lambda v: graph().factor(["a"], [0.3, 0.7], name=v),
    "child": lambda v: graph().factor(["a"], [0.3, 0.7], child=v),
    "sensitivity": lambda v: lw.belief.sensitivity(G, v, "x"),
    "sensitivity of a state": lambda v: lw.belief.sensitivity(G, "a", v),
    "jeffrey": lambda v: lw.belief.jeffrey(G, v),
    "read_network": lw.belief.read_network,
    "ln_z": lw.belief.write_results,
    "answer": ANSWER.__getitem__,
    "wide": lambda v: ANSWER.to_pandas(wide=v),
    "assembly": lw.register.assemble,
    "types": lambda v: lw.register.assemble("halt", types=v),
    "a register": lambda v: R.run(r0=v, r1=1),
    "registers": R.run,
    "function": lambda v: R.bind().function(v, "r1"),
    "output of a function": lambda v: R.bind().function("r0", "r1", output=v),
    "argument of a function": lambda v: R.bind().function("r0", "r1")(v, 1),
    "words": lambda v: F.run(x=v),
    "layout": lambda v: F.bind(layout=v),
    "breakpoint": lambda v: F.bind("reference").debug(x=[1, 2, 3]).breakpoint(v),
    "watchpoint": lambda v: F.bind("reference").debug(x=[1, 2, 3]).watchpoint(v),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ASKED)
def test_odd_things_are_taken_or_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = []
    for odd in ODD.values():
        try:
            ASKED[name](odd)
        except lw.InternalFault:
            raise
        except lw.LaneworkError as error:
            assert str(error).startswith(f"{error.code.ident}: ")
            refused.append(odd)
    assert refused
