"""Options take what they are declared with: text is not true, 0.5 no count, True no number."""

import inspect

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core import options
from lanework.machines.belief.graph import factor
from lanework.machines.belief.graph.files import read_text

FLAG = ["no", "yes", "False", "", 0, 1, 1.0, None, [], "true"]
COUNT = ["3", 2.5, 3.0, True, False, -1, float("nan"), [3], None]
ROOMS = (lw, lw.series, lw.belief, lw.register, lw.fleet)


def network():
    graph = lw.belief.FactorGraph("n")
    graph.variable("rain", ["yes", "no"])
    graph.variable("wet", ["yes", "no"])
    graph.factor(["rain"], [0.2, 0.8], child="rain")
    graph.factor(["rain", "wet"], [[0.9, 0.1], [0.2, 0.8]], child="wet")
    return graph


GRAPH = network()
ROWS = {"wet": ["yes", "no"]}
ANSWER = lw.belief.infer(GRAPH, ROWS)
BELIEF = lw.belief.compile_graph(GRAPH)
SENSITIVE = lw.belief.sensitivity(GRAPH, "rain", "yes", ROWS)
REGISTER = lw.register.assemble("mul r0, r0, r1\nhalt")
FLEET = lw.fleet.assemble("SETI r1, 7\nWRITE r0, r1\nHALT\n.buffer n, 0, 1, out")
CALENDAR = lw.series.Calendar("2026-01-01", "month", 12)
BIF = "variable rain { type discrete [ 2 ] { yes, no }; }probability ( rain ) { table 0.2, 0.8; }"


def model(**more):
    subject = lw.series.Model("m", **{"periods": 3, **more})
    subject.input("rate")
    subject.formula("value", "rate * 2")
    return subject


SERIES = model().compile()
RESULT = SERIES.run(rate=1.0)


def circular(**more):
    subject = model()
    subject.circular("value", **more)


FLAGS = {
    "Result.save csv_safe": lambda x: RESULT.save("/nowhere/out.csv", csv_safe=x),
    "Result.to_pandas wide": lambda x: RESULT.to_pandas(wide=x),
    "Model.compile optimise": lambda x: model().compile(optimise=x),
    "compile optimise": lambda x: lw.compile(model(), optimise=x),
    "Model.formula circular": lambda x: model().formula("other", "1", circular=x),
    "Model.node circular": lambda x: model().node(circular=x)(lambda value: value),
    "Calendar.convert compound": lambda x: CALENDAR.convert(np.ones(12), "year", compound=x),
    "SeriesProgram.solve maximise": lambda x: SERIES.solve("rate", "value", maximise=x),
    "SeriesProgram.solver maximise": lambda x: SERIES.solver("rate", "value", maximise=x),
    "Solver maximise": lambda x: lw.series.Solver(SERIES, "rate", "value", maximise=x),
    "series.Runner cache": lambda x: SERIES.bind(cache=x),
    "read_network normalize": lambda x: lw.belief.read_network("/nowhere/n.bif", normalize=x),
    "read_text normalize": lambda x: read_text(BIF, "n.bif", normalize=x),
    "BeliefResult.save csv_safe": lambda x: ANSWER.save("/nowhere/out.csv", csv_safe=x),
    "BeliefResult.save wide": lambda x: ANSWER.save("/nowhere/out.csv", wide=x),
    "BeliefResult.columns wide": lambda x: ANSWER.columns(wide=x),
    "BeliefResult.blocks wide": lambda x: list(ANSWER.blocks(wide=x)),
    "BeliefResult.to_pandas wide": lambda x: ANSWER.to_pandas(wide=x),
    "Sensitivity.save csv_safe": lambda x: SENSITIVE.save("/nowhere/out.csv", csv_safe=x),
    "Sensitivity.save wide": lambda x: SENSITIVE.save("/nowhere/out.csv", wide=x),
    "Sensitivity.columns wide": lambda x: SENSITIVE.columns(wide=x),
    "Sensitivity.blocks wide": lambda x: list(SENSITIVE.blocks(wide=x)),
    "Sensitivity.to_pandas wide": lambda x: SENSITIVE.to_pandas(wide=x),
    "vm_eliminate_keep largest": lambda x: lw.belief.vm_eliminate_keep(
        np.ones(()), lw.belief.TensorSpec(()), [], lw.belief.vm_prob_semiring(), largest=x
    ),
    "fleet.Runner compose": lambda x: FLEET.bind(compose=x),
    "fleet.Runner sort": lambda x: FLEET.bind(sort=x),
    "fleet.Runner general": lambda x: FLEET.bind(general=x),
    "Buffer pad": lambda x: lw.fleet.Buffer("b", 0, 1, "in", pad=x),
}

COUNTS = {
    "Result.overview most": lambda x: RESULT.overview(x),
    "SeriesResult.explain depth": lambda x: RESULT.explain("value", depth=x),
    "SeriesResult.explain back": lambda x: RESULT.explain("value", back=x),
    "SeriesProgram.tornado periods": lambda x: SERIES.tornado("value", periods=x),
    "Limits fuel": lambda x: lw.Limits(fuel=x),
    "Limits memory": lambda x: lw.Limits(memory=x),
    "Limits depth": lambda x: lw.Limits(depth=x),
    "Limits threads": lambda x: lw.Limits(threads=x),
    "Model periods": lambda x: model(periods=x),
    "Calendar periods": lambda x: lw.series.Calendar("2026-01-01", "month", x),
    "Model.circular iterations": lambda x: circular(iterations=x),
    "Model.formula iterations": lambda x: model().formula(
        "other", "1", circular=True, iterations=x
    ),
    "Model.node iterations": lambda x: model().node(circular=True, iterations=x)(
        lambda value: value
    ),
    "series.Runner threads": lambda x: SERIES.bind(threads=x),
    "series.Runner lane_width": lambda x: SERIES.bind(lane_width=x),
    "SeriesProgram.again periods": lambda x: SERIES.again("rate", {"rate": 1.0}, periods=x),
    "series.Runner periods": lambda x: SERIES.bind(periods=x),
    "iter_columns rows_per_block": lambda x: list(
        lw.series.iter_columns("/nowhere/x.csv", ["a"], rows_per_block=x)
    ),
    "belief.Runner threads": lambda x: BELIEF.bind(threads=x),
    "belief.Runner.__call__ seed": lambda x: BELIEF.bind()(ROWS, seed=x),
    "compile_graph seed": lambda x: lw.belief.compile_graph(GRAPH, seed=x),
    "infer seed": lambda x: lw.belief.infer(GRAPH, ROWS, seed=x),
    "infer threads": lambda x: lw.belief.infer(GRAPH, ROWS, threads=x),
    "sensitivity threads": lambda x: lw.belief.sensitivity(GRAPH, "rain", "yes", threads=x),
    "expected_counts threads": lambda x: lw.belief.expected_counts(GRAPH, ROWS, threads=x),
    "expected_log_likelihood threads": lambda x: lw.belief.expected_log_likelihood(
        GRAPH, ROWS, threads=x
    ),
    "loopy most": lambda x: lw.belief.loopy(GRAPH, ROWS, most=x),
    "read_bif most": lambda x: lw.belief.read_bif(BIF, most=x),
    "FactorGraph.variable states": lambda x: lw.belief.FactorGraph().variable(
        "v", None if x == [3] else x
    ),
    "Sensitivity.largest count": lambda x: SENSITIVE.largest(x),
    "Sensitivity.largest row": lambda x: SENSITIVE.largest(row=x),
    "Sensitivity.entries row": lambda x: SENSITIVE.entries(x),
    "Runner.estimate rows": lambda x: BELIEF.bind().estimate(x),
    "register.Runner seed": lambda x: REGISTER.bind(seed=x),
    "fleet.Runner epochs": lambda x: FLEET.bind(epochs=x),
    "fleet.Runner seed": lambda x: FLEET.bind(seed=x),
    "fleet.Runner patience": lambda x: FLEET.bind(patience=x),
    "Debugger.step epochs": lambda x: FLEET.bind("reference").debug().step(x),
    "Debugger.back epochs": lambda x: FLEET.bind("reference").debug().back(x),
    "Debugger.goto epoch": lambda x: FLEET.bind("reference").debug().goto(x),
    "Debugger.run epochs": lambda x: FLEET.bind("reference").debug().run(x),
    "Debugger.watchpoint index": lambda x: FLEET.bind("reference").debug().watchpoint("n", x),
    "Debugger.breakpoint vm": lambda x: FLEET.bind("reference").debug().breakpoint("main", x),
    "Debugger.vm number": lambda x: FLEET.bind("reference").debug().vm(x),
    "package shared": lambda x: packaged(shared=x),
    "package depth": lambda x: packaged(depth=x),
}
NUMBERS = {
    "compile_graph seconds": lambda x: lw.belief.compile_graph(GRAPH, seconds=x),
    "loopy damping": lambda x: lw.belief.loopy(GRAPH, ROWS, damping=x),
    "loopy tolerance": lambda x: lw.belief.loopy(GRAPH, ROWS, tolerance=x),
    "fleet.Runner threshold": lambda x: FLEET.bind(threshold=x),
    "Model.circular guess": lambda x: circular(guess=x),
    "Limits deadline": lambda x: lw.Limits(deadline=x),
}
NONE_IS_FINE = "fuel memory threads periods lane_width iterations epochs deadline vm".split()


def packaged(**more):
    halt = lw.fleet.FLEET.by_name["SYSCALL_HALT"].make()
    launches = (lw.fleet.Launch(0, 1),)
    plan = lw.fleet.Plan((lw.fleet.Phase("wait_all", launches),), (0,))
    return lw.fleet.package([halt], [lw.fleet.Routine("main", 0, 1)], plan, **more).verify()


def refuses(call, value):
    """The diagnostic, whatever else would have gone wrong later."""
    with pytest.raises(Diagnostic) as caught:
        call(value)
    return caught.value


def bad(name, values):
    free = name.split()[-1] in NONE_IS_FINE and not name.startswith("Debugger.goto")
    return [value for value in values if not (value is None and free)]


@pytest.mark.parametrize("name", FLAGS)
def test_switches_are_true_or_false(name):
    for value in FLAG:
        problem = refuses(FLAGS[name], value)
        assert name.split()[-1] in problem.message, (value, problem)
        assert "True or False" in (problem.help or ""), (value, problem)


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_whole_numbers(name):
    for value in bad(name, COUNT):
        assert refuses(COUNTS[name], value).help, value


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_numbers_in_their_range(name):
    for value in bad(
        name, ["0.5", True, -1.0 if "guess" not in name else "x", np.nan, [0.5], None]
    ):
        assert refuses(NUMBERS[name], value).help, value


WORDS = {
    "engine": lambda x: SERIES.bind(x),
    "convert kind": lambda x: CALENDAR.convert(np.ones(12), "year", x),
    "convert freq": lambda x: CALENDAR.convert(np.ones(12), x),
    "Calendar freq": lambda x: lw.series.Calendar("2026-01-01", x, 12),
    "Calendar.column": lambda x: CALENDAR.column(x),
    "year_fractions": lambda x: CALENDAR.year_fractions(x),
    "circular failures": lambda x: circular(failures=x),
    "input kind": lambda x: model().input("other", kind=x),
    "table outside": lambda x: model().table("t", {"age": [1], "q": [0.5]}, outside=x),
    "compile_graph strategy": lambda x: lw.belief.compile_graph(GRAPH, strategy=x),
    "compile_graph semiring": lambda x: lw.belief.compile_graph(GRAPH, semiring=x),
    "belief.Runner semiring": lambda x: BELIEF.bind(semiring=x),
    "infer engine": lambda x: lw.belief.infer(GRAPH, ROWS, engine=x),
    "largest by": lambda x: SENSITIVE.largest(by=x),
    "register stencils": lambda x: REGISTER.bind(stencils=x),
    "register types": lambda x: lw.register.assemble("mov r1, r0\nhalt", types={"r0": x}),
    "object_file machine": lambda x: lw.register.aot.object_file(REGISTER, "p", x),
    **{
        f"fleet {name}": lambda x, name=name: FLEET.bind(**{name: x})
        for name in "layout format storage io bounds conflicts arithmetic on_fault".split()
    },
    "package state": lambda x: packaged(state=x),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_are_among_those_that_there_are(name):
    for value in ("lvlm", "mounth", 3, True, 1.5, ["llvm"], {"a": 1}):
        assert refuses(WORDS[name], value).help, value


@pytest.mark.parametrize("call", [
    lambda: SERIES.bind("lvlm"), lambda: CALENDAR.convert(np.ones(12), "year", "flwo"),
    lambda: lw.belief.compile_graph(GRAPH, strategy="trees"), lambda: BELIEF.bind(semiring="porb"),
    lambda: FLEET.bind(layout="sao"), lambda: REGISTER.bind(stencils="pined"),
    lambda: SENSITIVE.largest(by="relativ"), lambda: FLEET.bind(arithmetic="traps"),
])  # fmt: skip
def test_a_word_that_is_misspelt_gets_a_suggestion(call):
    with pytest.raises(Diagnostic) as caught:
        call()
    assert "did you mean" in caught.value.help


@pytest.mark.parametrize("make", [bool, np.bool_])
def test_switches_of_numpy_are_switches(make):
    assert list(ANSWER.columns(wide=make(True))) == list(ANSWER.columns(wide=True))
    assert FLEET.bind("reference", compose=make(True)).settings.compose is True


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_counts_of_numpy_are_counts(kind):
    assert SERIES.bind(periods=kind(2))(rate=1.0)["value"].shape == ()
    assert SERIES.bind(threads=kind(1)).threads == 1
    assert FLEET.bind("reference", seed=kind(5)).settings.seed == 5
    assert options.integer("x", kind(3), 0, 3) == 3


CALLED = {
    "series progress": lambda x: SERIES.bind(progress=x),
    "fleet progress": lambda x: FLEET.bind(progress=x),
    "loopy progress": lambda x: lw.belief.loopy(GRAPH, ROWS, progress=x),
    "iter_columns progress": lambda x: list(lw.series.iter_columns("/no.csv", ["a"], progress=x)),
    "register on_yield": lambda x: REGISTER.bind(on_yield=x),
    "stream sink": lambda x: SERIES.bind().stream([{"rate": [1.0]}], sink=x),
}
TEXTS = {
    "Model name": lambda x: lw.series.Model(x, periods=1),
    "Model doc": lambda x: lw.series.Model("m", periods=1, doc=x),
    "formula unit": lambda x: model().formula("a", "1", unit=x),
    "input unit": lambda x: model().input("a", unit=x),
    "stream axis": lambda x: SERIES.bind().stream([{"rate": [1.0]}], axis=x),
    "object_file name": lambda x: lw.register.aot.object_file(REGISTER, x),
    "register assemble": lambda x: lw.register.assemble(x),
}


@pytest.mark.parametrize("name", CALLED)
def test_what_is_called_can_be_called(name):
    for value in ("print", 5, True, ["x"]):
        assert name.split()[-1] in refuses(CALLED[name], value).message


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_texts(name):
    for value in (5, 1.5, True, ["USD"], b"USD"):
        assert refuses(TEXTS[name], value).help, value


@pytest.mark.parametrize("value", [True, False, 2.5, 3.0, "2.5", "many", "-1", [1]])
def test_limits_from_texts_are_whole_numbers(value):
    for name in ("fuel", "depth", "threads"):
        with pytest.raises(Diagnostic, match=name):
            lw.Limits.from_text(**{name: value})


def test_a_text_is_one_name_where_several_may_be_given(tmp_path):
    """And not its letters."""
    (tmp_path / "t.csv").write_text("rate,r,a\n1,2,3\n")
    assert list(model().compile("value").run(rate=1.0)) == ["value"]
    assert list(SERIES.bind(outputs="value")(rate=1.0)) == ["value"]
    assert list(lw.series.read_columns(tmp_path / "t.csv", "rate")) == ["rate"]
    assert [list(b) for b in lw.series.iter_columns(tmp_path / "t.csv", "rate")] == [["rate"]]
    assert lw.belief.infer(GRAPH, ROWS, "rain").names == ["rain"]


# Every one of them ------------------------------------------------------------------------------

# What is made by our own code, and types of parts of programs, which verifiers look at.
OTHERS = {"FactorGraph told", "FactorGraph.notice stacklevel", "Result.labels size",
          "Result.by_level size", "Sensitivity.by_level size", "Limits.check_memory needed",
          "Runner.refusal rows", "Runner.refusal beside",
          "Runner.answer seed"}  # fmt: skip
PARTS = tuple(
    "Goal Solution Dependents Trouble"
    " Axis RegisterBank RegisterInfo SelectorPayload VirtualMachine VMState Buffer"
    " Launch Phase Plan Profile Routine Diagnostic LaneworkError Trap InternalFault UsageError"
    " Module VMSemiringRuntime SlotStore".split()
)


def _is_warning(thing):
    return isinstance(thing, type) and issubclass(thing, Warning)


def declared():
    """Each parameter of something public that is declared as a switch or a count."""
    for room in ROOMS:
        for name in room.__all__:
            thing = getattr(room, name)
            if name.startswith(PARTS) or not callable(thing) or _is_warning(thing):
                continue
            members = {name: thing}
            if inspect.isclass(thing):
                members |= {
                    f"{name}.{each}": function
                    for kind in thing.__mro__
                    for each, function in vars(kind).items()
                    if inspect.isfunction(function) and (each[0] != "_" or each == "__call__")
                }
            for title, function in members.items():
                for each in inspect.signature(function).parameters.values():
                    if str(each.annotation) in ("bool", "int", "bool | None", "int | None"):
                        yield f"{title} {each.name}"


def test_every_switch_and_count_that_is_public_is_among_these():
    known = {*FLAGS, *COUNTS, *OTHERS}
    tails = {name.split(".")[-1] for name in known}
    missing = {
        name for name in declared() if name not in known and name.split(".")[-1] not in tails
    }
    assert missing == set()


SETS = {
    "scope": lambda s: network().factor(s("rain", "wet"), np.ones((2, 2))),
    "scope of Factor": lambda s: factor.Factor("f", s("rain", "wet"), np.ones((2, 2))),
    "query": lambda s: lw.belief.compile_graph(GRAPH, s("rain", "wet")),
    "evidence": lambda s: lw.belief.compile_graph(GRAPH, evidence=s("rain", "wet")),
    "states": lambda s: network().variable("dry", s("yes", "no")),
    "keys": lambda s: model().table("q", {"k": [1], "j": [2], "v": [3.0]}, keys=s("k", "j")),
    "axes": lambda s: lw.series.along(s("a", "b"), np.ones((2, 2))),
    "axes of inputs": lambda s: model().input("x", axes=s("a", "b")),
    "categories": lambda s: model().input("x", categories=s("a", "b")),
    "outputs": lambda s: model().compile(s("value", "rate")),
    "outputs of a runner": lambda s: SERIES.bind(outputs=s("value")),
    "inputs": lambda s: SERIES.jacobian("value", s("rate")),
    "reduce": lambda s: model().output("value", reduce=s("a", "b")),
    "select": lambda s: RESULT.select(s("value")),
}


@pytest.mark.parametrize("name", SETS)
def test_names_in_an_order_are_in_no_set(name):
    for make in (set, frozenset):
        with pytest.raises(Diagnostic) as caught:
            SETS[name](lambda *names, make=make: make(names))
        assert "set" in str(caught.value) or "{'" in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [("F", "F "), ("F", None), ("F", float("nan")), ("F", "F"), (1, "1"), ("F", b"M"), " F"],
)
def test_categories_are_names_each_once(labels, tmp_path):
    with pytest.raises(Diagnostic, match="LW3021"):
        model().input("x", categories=labels)
    path = tmp_path / "x.csv"
    path.write_text("x\nF\n")
    with pytest.raises(Diagnostic, match="LW2005"):
        lw.series.read_columns(path, ["x"], {"x": labels})
