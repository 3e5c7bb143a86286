"""Machines without the vector levels that are shipped: everything runs; levels are spelt."""

import os
import subprocess
import sys
import textwrap

import pytest

import lanework as lw
from lanework.base.errors import LaneworkError
from lanework.engines.llvm import jit
from lanework.engines.vector import loader

ALL = """
    import warnings

    import numpy as np

    import lanework as lw

    warnings.simplefilter("ignore")
    rate = np.linspace(0.0, 0.01, 3000)
    model = lw.series.Model("growth", periods=120)
    model.input("rate")
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    model.formula("sum", "total(value)")
    program = model.compile(outputs=["sum"])
    right = program.run(engine="reference", rate=rate)["sum"]
    for engine in ("llvm", "auto"):
        for threads in (1, 2, 5):
            run = program.bind(engine, threads=threads)
            for _ in range(10):
                assert np.array_equal(run(rate=rate)["sum"], right)
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.variable("grass", ["wet", "dry"])
    graph.factor(["rain"], [0.2, 0.8])
    graph.factor(["rain", "grass"], [[0.9, 0.1], [0.2, 0.8]])
    run = lw.belief.compile_graph(graph).bind()
    rain = run({"grass": ["wet", "dry"]})["rain"]
    assert rain.round(3).tolist() == [[0.529, 0.471], [0.03, 0.97]]
    assert int(lw.register.assemble("mul r0, r0, r1\\n halt").run(r0=6, r1=7)["r0"]) == 42
"""


SUM = """
    define <8 x double> @sum(<8 x double> %a, <8 x double> %b) "min-legal-vector-width"="512" {
      %c = fadd <8 x double> %a, %b
      ret <8 x double> %c
    }
"""


@pytest.mark.parametrize("level", ["none", "x86-64-v3"])
def test_all_machines_run_without_a_vector_level(level):
    environment = {**os.environ, "LANEWORK_CPU_LEVEL": level}
    code = textwrap.dedent(ALL)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_llvm_makes_code_of_the_level_that_is_asked_for(monkeypatch):
    def compiled():
        return jit.target_key(), jit.vector_bits(), jit._object_code(SUM, 1, False)

    monkeypatch.delenv("LANEWORK_CPU_LEVEL", raising=False)
    key, bits, code = compiled()
    monkeypatch.setenv("LANEWORK_CPU_LEVEL", "x86-64-v3")
    module = jit._llvm().parse_assembly(SUM)
    text = jit._machine(1, "x86-64-v3").emit_assembly(module)
    assert "ret" in text
    assert "zmm" not in text
    wider = "x86-64-v4" in [each.name for each in loader.levels()]
    others = [mine != theirs for mine, theirs in zip(compiled(), (key, bits, code), strict=True)]
    assert others == [wider] * 3
    assert jit.vector_bits() <= 256
    for highest in ("x86-64-v4", "none"):
        monkeypatch.setenv("LANEWORK_CPU_LEVEL", highest)
        assert compiled() == (key, bits, code)


@pytest.mark.parametrize("level", ["z80", "x86-64-v5", "x86_64-v3", "NONE", "avx2"])
def test_a_level_that_is_none_is_refused(level, monkeypatch):
    monkeypatch.setenv("LANEWORK_CPU_LEVEL", level)
    model = lw.series.Model("m", periods=2)
    model.formula("x", "t + 1")
    for engine in ("auto", "llvm"):
        with pytest.raises(LaneworkError) as caught:
            model.compile().bind(engine)
        assert caught.value.code.ident == "LW0601"
        assert "x86-64-v4, x86-64-v3 or none" in caught.value.render()
