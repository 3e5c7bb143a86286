"""What is true of the runners of all machines."""

import warnings

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic, Trap
from lanework.base.limits import Limits
from lanework.core import codes
from lanework.core import runner as runners
from lanework.core.machine import MACHINES


def series():
    model = lw.series.Model("growth", periods=3)
    model.input("rate")
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    return model.compile(outputs=["value"]), {"rate": 0.5}


def belief():
    graph = lw.belief.FactorGraph()
    graph.variable("rain", ["yes", "no"])
    graph.factor(["rain"], [0.2, 0.8])
    return lw.belief.compile_graph(graph), {}


def register():
    return lw.register.assemble("mul r0, r0, r1\n halt"), {"r0": 6, "r1": 7}


def fleet():
    text = ".machine fleet\n.shared 1\n.routine main\n HALT\n.phase\n .launch main, 1\n"
    return lw.fleet.assemble(text), {}


@pytest.fixture(params=MACHINES)
def program(request):
    return globals()[request.param]()


def test_a_runner_is_a_context_and_runs_again_after_its_end(program):
    program, inputs = program
    with program.bind() as run:
        first = run(**inputs)
    again = run(**inputs)
    assert isinstance(first, lw.Result)
    assert {n: first[n].tolist() for n in first} == {n: again[n].tolist() for n in again}
    run.close()
    run.close()


def test_explain_and_repr_name_the_engine(program):
    program, _ = program
    run = program.bind("reference")
    assert run.explain().splitlines()[0] == "engine: reference"
    assert repr(run) == f"<Runner on reference of {program!r}>"


def test_an_engine_that_there_is_not(program):
    program, _ = program
    with pytest.raises(Diagnostic) as caught:
        program.bind("refrence")
    assert caught.value.code.ident == "LW2003"
    assert caught.value.help == "did you mean 'reference'?"


def test_what_fails_to_verify_is_not_bound(program, monkeypatch):
    program, _ = program
    problem = Diagnostic(codes.BAD_OPTION, "something is wrong")
    monkeypatch.setitem(program.views, "problems", [problem])
    with pytest.raises(Diagnostic) as caught:
        program.bind()
    assert caught.value is problem


@pytest.mark.parametrize("threads", [0, -1, "2", 1.0])
@pytest.mark.parametrize("make", [series, belief])
def test_threads_are_counted(make, threads):
    program, _ = make()
    assert program.bind(threads=3).threads == 3
    assert program.bind(limits=Limits(threads=2)).threads == 2
    with pytest.raises(Diagnostic) as caught:
        program.bind(threads=threads)
    assert caught.value.code.ident == "LW2005"


class Toy(runners.Runner):
    """Engines of which one or more are missing."""

    ENGINES = ("fast", "slow", "reference")
    missing = ()

    def __init__(self, engine, *missing, quiet=False):
        super().__init__(belief()[0], None)
        self.missing = missing
        self._settle(engine, quiet=quiet)

    def _unsuited(self, engine):
        return f"no {engine} here" if engine in self.missing else None

    def __call__(self):
        return lw.Result({}, axes={})

    def _details(self):
        return ["toy: as is"]


def test_the_fastest_engine_that_can_run_and_one_notice_of_it(monkeypatch):
    monkeypatch.setattr(runners, "_noticed", set())
    assert (Toy("auto").engine, Toy("slow").engine) == ("fast", "slow")
    with pytest.warns(runners.EngineNotice, match="no slow here") as caught:
        toys = [Toy("auto", "fast", "slow") for _ in range(3)]
    assert len(caught) == 1
    notice = "; ".join(
        f"engine '{name}' cannot run (no {name} here), using the next one"
        for name in ("fast", "slow")
    )
    assert {(toy.engine, toy.notice) for toy in toys} == {("reference", notice)}
    assert toys[0].explain() == f"engine: reference ({notice})\ntoy: as is"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Toy("auto", "fast", quiet=True).notice


def test_an_engine_asked_for_by_name_runs_or_says_why_not():
    with pytest.raises(Diagnostic, match="engine 'fast' cannot run: no fast here") as caught:
        Toy("fast", "fast")
    assert caught.value.code.ident == "LW2004"


def test_deadlines():
    assert Limits().until() is None
    runners.check_deadline(None, "wait")
    runners.check_deadline(Limits(deadline=1e6).until(), "wait")
    with pytest.raises(Trap) as caught:
        runners.check_deadline(0.0, "wait", instruction=7)
    assert caught.value.code.ident == "LW2001"
    assert (caught.value.help, caught.value.instruction) == ("wait", 7)


@pytest.mark.parametrize("engine", [5, None, 1.5, b"llvm", ["llvm"]])
def test_an_engine_is_a_name(program, engine):
    with pytest.raises(Diagnostic, match="LW2003"):
        program[0].bind(engine)


@pytest.mark.parametrize("limits", [5, "1GiB", {"memory": 2**30}, 2.5])
def test_limits_are_limits(program, limits):
    with pytest.raises(Diagnostic, match=r"LW2005.*limits is"):
        program[0].bind(limits=limits)
