"""Vector stencils: the tables, the register fields, the patch loop, levels, threads, release."""

import gc
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core import runner as runners
from lanework.engines.loops import LoopNest, Stage
from lanework.engines.stencil.shipped import unpack
from lanework.engines.stencil.stencil import Constants, Stencil
from lanework.engines.vector import build, fields, kernel, loader, stencils
from lanework.engines.vector.isa import LEVELS, Kind
from lanework.engines.vector.stencils import BODIES
from lanework.machines.series.check import fuzz
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.data.labels import along
from lanework.machines.series.native import compiled, kernels

HERE = [level.name for level in loader.levels()]


@pytest.fixture(params=LEVELS)
def level(request, monkeypatch):
    if request.param not in HERE:
        pytest.skip(f"needs a processor of the level {request.param}")
    monkeypatch.setenv("LANEWORK_CPU_LEVEL", request.param)
    return LEVELS[request.param]


def growth(periods=5):
    model = lw.series.Model("growth", periods=periods)
    model.input("rate")
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    return model


# Tables -------------------------------------------------------------------------------------------


@pytest.mark.long
def test_tables_are_what_the_sources_give():
    for name in LEVELS:
        shipped = (build.FOLDER / f"{name}.bin").read_bytes()
        assert shipped == build.build(name), "run python -m lanework.engines.vector.build"


def test_all_tables_have_every_op():
    for name in LEVELS:
        head, _ = unpack((build.FOLDER / f"{name}.bin").read_bytes())
        assert head["stencils"] == stencils.names()
        assert set(BODIES) <= set(head["stencils"])


def test_one_stencil_serves_all_registers():
    """The fields give the code that the compiler makes for other registers, in every operand."""
    level, constants = LEVELS["x86-64-v3"], Constants()
    table = stencils._patchable(level, [BODIES["sub"]], constants, copy=False)["sub"]
    jobs = stencils._compile(level, [BODIES["sub"]], constants, copy=False)["sub"]
    for choice_, stencil in jobs.items():
        a, b, target = choice_
        assert table.code((a, b, 0, target)) == stencil.code
    assert len({stencil.code for stencil in jobs.values()}) == len(jobs)


def test_code_that_depends_on_registers_otherwise_is_refused():
    def sample(choice_):
        same = choice_[0] == choice_[1]
        return Stencil(bytes((choice_[0] | choice_[1] << 4, same, choice_[0] > 5)), ())

    every = [*fields.samples(2, 3), *fields.checks("x", 2, 8), *fields.shared(2)]
    with pytest.raises(fields.NotPatchable):
        fields.patchable({c: sample(c) for c in every}, "x", 2, 8, (0, 3))
    plain = {c: Stencil(bytes((c[0] | c[1] << 4,)), ()) for c in every}
    assert not fields.patchable(plain, "x", 2, 8, (0, 3)).early
    odd = {c: Stencil(bytes((c[0] | c[1] << 4, c[0] == c[1])), ()) for c in every}
    assert fields.patchable(odd, "x", 2, 8, (0, 3)).early


# Programs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", campaign(2000, 500, daily=500, quick=125))
def test_random_programs_at_every_level(level, seeds):
    for seed in seeds:
        assert fuzz.check_seed(seed, ("stencil",)) is None


def test_registers_run_out(level):
    """More values at the same time than there are registers: they go to the frame and come back."""
    model = lw.series.Model("wide", periods=3)
    for n in range(40):
        model.input(f"x{n}", axes=("scenario",))
        model.formula(f"y{n}", f"x{n} * {n + 2} + prev(y{n}, initial=1.0)")
    model.formula("all", " + ".join(f"y{n} * y{39 - n}" for n in range(40)))
    program = model.compile(outputs=["all"])
    rng = np.random.default_rng(3)
    inputs = {f"x{n}": rng.normal(size=37) for n in range(40)}
    expected = program.run(engine="reference", **inputs)
    assert same_bits(program.run(engine="stencil", **inputs)["all"], expected["all"])


def test_a_large_program_outgrows_its_first_buffer(level):
    model = lw.series.Model("large", periods=2)
    model.input("x", axes=("scenario",))
    before = "x"
    for n in range(3000):
        model.formula(f"f{n}", f"sin({before}) + {n}" if n % 9 == 0 else f"{before} * 0.5 + {n}")
        before = f"f{n}"
    program = model.compile(outputs=[before])
    x = np.linspace(-3, 3, 50)
    expected = program.run(engine="reference", x=x)
    assert same_bits(program.run(engine="stencil", x=x)[before], expected[before])


def test_values_that_take_each_other_s_place(level):
    """What the next period finds is copied as if all at once."""
    model = lw.series.Model("swap", periods=7)
    model.input("x", axes=("scenario",))
    model.formula("a", "prev(b, initial=x)")
    model.formula("b", "prev(a, initial=2 * x)")
    model.formula("c", "prev(a, 3, initial=0.5) + prev(a, 2, initial=x)")
    program = model.compile()
    x = np.arange(20.0)
    expected, actual = (program.run(engine=e, x=x) for e in ("reference", "stencil"))
    assert all(same_bits(expected[name], actual[name]) for name in expected)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(level, threads):
    program = growth(60).compile()
    rates = along("scenario", np.linspace(0, 0.1, 3001))
    expected = program.run(engine="llvm", rate=rates)["value"]
    runner = program.bind("stencil", threads=threads)
    for _ in range(20):
        assert same_bits(runner(rate=rates)["value"], expected)


# Buffers and engines ------------------------------------------------------------------------------


def test_code_goes_with_its_runner(level):
    pool = kernel._pool()
    program = growth().compile()
    program.run(engine="stencil", rate=0.1)
    gc.collect()
    free = len(pool._free)
    runners = [program.bind("stencil") for _ in range(5)]
    for runner in runners:
        runner(rate=0.1)
    assert len(pool._free) != free
    del runners, runner
    gc.collect()
    assert len(pool._free) >= free


def test_a_missing_stencil_falls_back_with_a_notice(level, monkeypatch):
    helpers = loader.helpers(kernels.SINGLE)
    monkeypatch.delitem(helpers.numbers, "mul")
    monkeypatch.setattr(runners, "_noticed", set())
    program = growth().compile()
    with pytest.warns(runners.EngineNotice, match="no stencil for 'mul'"):
        result = program.run(rate=0.5)
    assert result["value"][0] == 150.0
    assert result.stats["engine"] == "llvm"
    with pytest.raises(Diagnostic) as caught:
        growth().compile().run(engine="stencil", rate=0.5)
    assert caught.value.code.ident == "LW2103"


def test_a_value_before_it_is_made_is_found(level):
    """The patch loop does not write code from a tape that makes no sense."""
    tape = kernel.Tape(loader.helpers(level.name).numbers)
    tape.count = 2
    tape.make("add", 0, 1)
    with pytest.raises(RuntimeError, match="before it is made"):
        kernel.assemble(tape, loader.helpers(level.name), 1)


def test_work_moves_to_llvm_when_it_is_worth_it(level, monkeypatch):
    monkeypatch.setattr(compiled, "LOADING", 0)
    monkeypatch.setattr(compiled, "WORTH", 50)
    runner = growth().compile().bind()
    engines = []
    for _ in range(40):
        result = runner(rate=0.5)
        engines.append(result.stats["engine"])
        assert result["value"].tolist()[:2] == [150.0, 225.0]
    assert engines[0] == "stencil"
    assert engines[-1] == "llvm"
    assert engines == sorted(engines, reverse=True)
    many = along("scenario", np.linspace(0, 1, 1000))
    assert runner(rate=many).stats["engine"] == "llvm"  # at once


def test_small_work_does_not_load_llvm(level):
    code = """
        import sys, lanework as lw
        model = lw.series.Model("m", periods=3)
        model.input("x")
        model.formula("y", "exp(x) + prev(y, initial=0.0)")
        result = model.compile().run(x=lw.series.along("scenario", [0.0] * 3000))
        assert result["y"][2, 2999] == 3.0
        assert "llvmlite" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_lane_width_is_refused(level):
    with pytest.raises(Diagnostic) as caught:
        growth().compile().bind("stencil", lane_width=4)
    assert caught.value.code.ident == "LW2005"


def test_there_are_no_stencils_where_none_are_asked_for(monkeypatch):
    monkeypatch.setenv("LANEWORK_CPU_LEVEL", "none")
    with pytest.raises(Diagnostic) as caught:
        growth().compile().bind("stencil")
    assert caught.value.code.ident == "LW2004"
    assert growth().compile().run(rate=0.5)["value"][0] == 150.0


def test_a_nest_without_walks_goes_through_its_blocks_by_itself(level):
    nest = LoopNest({}, set(), set(), {}, [Stage(0, [])], [], {}, {}, None, set(), set(), 0)
    subject = kernel.TapeWriter(nest, loader.helpers(level.name).numbers).write()
    assert [piece.kind for piece in subject.pieces] == [Kind.ONCE, Kind.FLAT]


def test_what_went_wrong_is_still_located(level):
    model = lw.series.Model("m", periods=2)
    model.input("age", axes=("point",))
    model.table("q", {"age": [0, 1, 2], "v": [0.1, 0.2, 0.3]})
    model.formula("p", "q(age + t)")
    program = model.compile()
    age = np.zeros(100)
    age[77] = 2.0
    with pytest.raises(Diagnostic) as caught:
        program.run(engine="stencil", age=age)
    assert "period 1, lane 77" in str(caught.value)
    age[77] = np.nan
    with pytest.raises(Diagnostic):
        program.run(engine="stencil", age=age)
