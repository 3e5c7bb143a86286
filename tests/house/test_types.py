"""What type checkers and editors see of the public names."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_overloads, get_type_hints

import pytest
from mypy import api

import lanework as lw
from lanework.machines.fleet.engine import Changes, Settings
from lanework.machines.series.program import SeriesProgram
from lanework.machines.series.solving.keywords import Putting, Seeking, Solving
from lanework.machines.series.solving.solve import Solver

ROOT = Path(__file__).resolve().parents[2]
USER = """
import lanework as lw
import lanework.belief
import lanework.fleet
import lanework.register
import lanework.series
import pandas as pd
import polars as pl
from lanework.series import Model, cumsum, load_model

model = lw.series.Model("loan", periods=3)
rate = model.input("rate")
model.formula("debt", lw.series.prev(rate, initial=1.0) * 2)
program = model.compile(outputs=["debt"])
reveal_type(program)
with lw.compile(model).bind("reference", lw.Limits(fuel=10**6)) as run:
    reveal_type(run)
    reveal_type(run(rate=0.1))
    run.stream([{}], "point")
reveal_type(model.run(rate=0.1)["debt"])

graph = lw.belief.read_network("asia.bif")
asked = lw.belief.compile_graph(graph, "mpe")
reveal_type(asked.bind())
reveal_type(asked.run(smoke="yes"))
reveal_type(lw.belief.infer(graph, {"smoke": ["yes", "no"]}))

triple = lw.register.assemble("halt").bind().function("r0")
reveal_type(triple(1))
reveal_type(lw.fleet.assemble("").bind().vms)
reveal_type(lw.load("program.lwp").run())
reveal_type(lw.load("program.lwp").bind().explain())
lw.load("program.lwp").bind("reference", seed=1)

program.bind("llvm", threads=2, lane_width=4, periods=9, outputs=["debt"], cache=False)
asked.bind("native", semiring="logprob", threads=1)
lw.register.assemble("halt").bind("stencil", seed=3, stencils="memory", externals={})
lw.fleet.assemble("").bind("epoch", epochs=3, seed=1, layout="aos", compose=True, adapter="x")

reveal_type(lw.compile(graph, "mpe", observed=["smoke"]))
reveal_type(lw.compile("halt\\n").run())
reveal_type(lw.compile(lw.fleet.assemble_module("HALT")).bind().vms)
reveal_type(lanework.belief.infer(graph))
reveal_type(load_model("loan.series"))
reveal_type(cumsum(rate))
reveal_type(lanework.register.assemble("halt").run())
reveal_type(lanework.fleet.assemble("").bind().vms)
reveal_type(Model("loan").run({"rate": [0.1]}, periods=3))
reveal_type(program.run({"rate": [0.1]}, engine="reference"))
reveal_type(asked.run({"smoke": ["yes"]}))
reveal_type(lw.load(open("program.lwp", "rb")))
reveal_type(program.run(pd.DataFrame({"rate": [0.1]})))
reveal_type(program.bind()(pl.LazyFrame({"rate": [0.1]})))
reveal_type(lw.belief.infer(graph, pl.DataFrame({"smoke": ["yes"]})))
reveal_type(bytes(program))
reveal_type(len(program))
reveal_type(model.solve("rate", "debt", inputs={"rate": [0.1]}, options={"tol": 1e-9}))
reveal_type(program.solver("rate", "debt", maximise=False, engine="llvm"))
reveal_type(model.seek("rate", "debt", bounds=(0.0, None), failures="nan"))
"""
REVEALED = [
    "series.program.SeriesProgram",
    "series.runner.Runner",
    "SeriesResult",
    "ndarray[tuple[Any, ...], dtype[Any]]",
    "belief.runner.Runner",
    "BeliefResult",
    "BeliefResult",
    "int | float",
    "VMState",
    "Result",
    "str",
    "Program[belief.runner.Runner]",
    "Result",
    "VMState",
    "BeliefResult",
    "series.language.model.Model",
    "series.language.expression.Expr",
    "Result",
    "VMState",
    "SeriesResult",
    "SeriesResult",
    "BeliefResult",
    "Program[lanework.core.runner.Runner]",
    "SeriesResult",
    "SeriesResult",
    "BeliefResult",
    "bytes",
    "int",
    "series.nonlinear.solution.Solution | series.nonlinear.solution.Solutions",
    "Solver",
    "Goal",
]
MISSPELT = {
    "lw.series.Modell()": "Modell",
    "lw.series.prevv(1)": "prevv",
    "lw.belief.inferr": "inferr",
    "lw.register.asemble": "asemble",
    "lw.fleet.Launches": "Launches",
    "lw.Programm": "Programm",
    "model.formulae()": "formulae",
    "program.bindd()": "bindd",
    "program.bind(lane_widht=4)": "lane_widht",
    "program.bind(lane_width='4')": "lane_width",
    "program.bind(seed=1)": "seed",
    "asked.bind(semirings='prob')": "semirings",
    "lw.register.assemble('').bind(seeds=1)": "seeds",
    "lw.fleet.assemble('').bind(layouts='aos')": "layouts",
    "model.compile(output=['debt'])": "output",
    "lw.compile(model, output=['debt'])": "output|compile",  # pyright | mypy
    "program.bind().streem": "streem",
    "program.run().summarry()": "summarry",
    "lanework.series.Modell()": "Modell",
    "lanework.series.prevv(1)": "prevv",
    "lanework.belief.inferr": "inferr",
    "lanework.register.asemble": "asemble",
    "lanework.fleet.Launches": "Launches",
    "lw.compile(graph, observed=3)": "compile",
    "lw.compile('halt', query='all')": "compile",
    "program.run('rates.csv')": "run",
    "program.bind()([0.1])": "__call__",
    "lw.belief.infer(graph, 'mpe')": "evidence|infer",
    "load_model(3)": "load_model",
    "model.solve('rate', 'debt', input={})": "input",
    "model.solve('rate', 'debt', limits=5)": "limits|solve",
    "program.solver('rate', 'debt', warm=None)": "warm",
    "model.seek('rate', 'debt', failure='nan')": "failure",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What mypy says of a user's file, and on which line."""
    path = tmp_path_factory.mktemp("user") / "user.py"
    path.write_text(USER + "\n".join(MISSPELT))
    cache = ROOT / ".mypy_cache"
    out, problem, _ = api.run(
        ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache),
         "--no-error-summary", str(path)]
    )  # fmt: skip
    assert not problem, problem
    return [line.split("user.py:", 1)[1] for line in out.splitlines()]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What pyright says of the same file, in editors too: kind, line and text."""
    folder = tmp_path_factory.mktemp("editor")
    (folder / "user.py").write_text(USER + "\n".join(MISSPELT))
    settings = {"include": ["user.py"], "extraPaths": [str(ROOT / "src")],
                "typeCheckingMode": "standard", "pythonVersion": "3.11"}  # fmt: skip
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable,
         "--project", str(folder)],
        capture_output=True, text=True,
    )  # fmt: skip
    said = json.loads(done.stdout)["generalDiagnostics"]
    return [(x["severity"], x["range"]["start"]["line"] + 1, x["message"]) for x in said]


@pytest.mark.slow
def test_editors_know_the_same_types(shown):
    types = [text.rsplit(' is "', 1)[1][:-1] for kind, _, text in shown if kind == "information"]
    assert types == [re.sub(r"\b\w+\.(?=\w)", "", wanted) for wanted in REVEALED]


@pytest.mark.slow
def test_editors_mark_what_is_misspelt_and_nothing_else(shown):
    errors = [(line, text) for kind, line, text in shown if kind == "error"]
    first = len(USER.splitlines()) + 1
    assert {line for line, _ in errors} == {first + n for n in range(len(MISSPELT))}, errors
    for number, names in enumerate(MISSPELT.values(), first):
        text = "\n".join(text for line, text in errors if line == number)
        assert any(f'"{name}"' in text for name in names.split("|")), text


@pytest.mark.slow
def test_results_and_runners_have_types(said):
    revealed = [line.split('"')[1] for line in said if "Revealed type" in line]
    assert len(revealed) == len(REVEALED)
    for actual, wanted in zip(revealed, REVEALED, strict=True):
        plain = actual
        for prefix in ("lanework.machines.", "lanework.core.program.program.", "numpy."):
            plain = plain.replace(prefix, "")
        assert plain.endswith(wanted) and not plain.startswith("Any"), (actual, wanted)  # noqa: PT018


@pytest.mark.slow
def test_what_is_misspelt_is_an_error_and_nothing_else_is(said):
    errors = [line for line in said if " error: " in line]
    first = len(USER.splitlines()) + 1
    assert [int(line.split(":")[0]) for line in errors] == [
        first + n for n in range(len(MISSPELT))
    ], errors
    for line, names in zip(errors, MISSPELT.values(), strict=True):
        assert any(f'"{name}"' in line for name in names.split("|")), line


def test_compile_takes_of_a_graph_what_compile_graph_takes():
    of_graph = inspect.signature(get_overloads(lw.compile)[0])
    own = inspect.signature(lw.belief.compile_graph)
    first, *rest = of_graph.parameters.values()
    assert first.annotation == own.parameters["graph"].annotation
    assert [str(each) for each in rest] == [str(each) for each in own.parameters.values()][1:]


def test_settings_of_fleets_have_the_types_that_they_have():
    assert get_type_hints(Changes) == get_type_hints(Settings)


@pytest.mark.parametrize(
    ("keywords", "function"),
    [
        (Solving, SeriesProgram.solve),
        (Putting, Solver.__init__),
        (Seeking, SeriesProgram.seek),
    ],
    ids=["solve", "solver", "seek"],
)
def test_keywords_of_solving_are_those_that_it_takes(keywords, function):
    taken = {
        each.name: each.annotation
        for each in inspect.signature(function).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }
    said = {name: kind.__forward_arg__ for name, kind in keywords.__annotations__.items()}
    assert said == taken


def test_the_stub_of_the_formula_language_is_what_is_written_today(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("stubs", None)
    import stubs

    assert stubs.STUB.read_text() == stubs.text(), "run: python tools/stubs.py"
