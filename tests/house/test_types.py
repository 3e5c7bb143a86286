"""What type checkers and editors see of the public names."""

import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from mypy import api

from lanework.machines.fleet.engine import Changes, Settings

ROOT = Path(__file__).resolve().parents[2]
USER = """
import lanework as lw

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
"""
REVEALED = [
    "Program[series.runner.Runner]",
    "series.runner.Runner",
    "Result",
    "ndarray[tuple[Any, ...], dtype[Any]]",
    "belief.runner.Runner",
    "BeliefResult",
    "BeliefResult",
    "int | float",
    "VMState",
    "Result",
    "str",
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
    "lw.compile(model, output=['debt'])": "output",
    "program.bind().streem": "streem",
    "program.run().summarry()": "summarry",
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


@pytest.mark.slow
def test_results_and_runners_have_types(said):
    revealed = [line.split('"')[1] for line in said if "Revealed type" in line]
    assert len(revealed) == len(REVEALED)
    for actual, wanted in zip(revealed, REVEALED, strict=True):
        plain = actual
        for prefix in ("lanework.machines.", "lanework.core.program.program.", "numpy."):
            plain = plain.replace(prefix, "")
        assert plain.endswith(wanted) and not plain.startswith("Any"), (actual, wanted)  # noqa: PT018


def test_what_is_misspelt_is_an_error_and_nothing_else_is(said):
    errors = [line for line in said if " error: " in line]
    first = len(USER.splitlines()) + 1
    assert [int(line.split(":")[0]) for line in errors] == [
        first + n for n in range(len(MISSPELT))
    ], errors
    for line, name in zip(errors, MISSPELT.values(), strict=True):
        assert f'"{name}"' in line


def test_settings_of_fleets_have_the_types_that_they_have():
    assert get_type_hints(Changes) == get_type_hints(Settings)


def test_the_stub_of_the_formula_language_is_what_is_written_today(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("stubs", None)
    import stubs

    assert stubs.STUB.read_text() == stubs.text(), "run: python tools/stubs.py"
