"""The strategy `modes`: cycles of factors, exact whatever the tables, and selectors."""

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from campaigns import campaign

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.isa import Instruction
from lanework.machines.belief.check import fuzz
from lanework.machines.belief.check.enumeration import Enumeration
from lanework.machines.belief.check.generate import Case, random_case
from lanework.machines.belief.graph.bif import read_bif
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.passes.backbone import Backbone, find_ties
from lanework.machines.belief.passes.compile import STRATEGIES, compile_graph
from lanework.machines.belief.passes.holonomy import quotient
from lanework.machines.belief.passes.modes import TiedBackbone
from lanework.machines.belief.reference.vm import VirtualMachine
from lanework.machines.belief.semiring import (
    SEMIRINGS,
    vm_logprob_semiring,
    vm_prob_semiring,
)
from lanework.machines.belief.tensor import (
    Axis,
    AxisType,
    SelectorPayload,
    TensorSpec,
    vm_load_selector,
    vm_load_selector_dense,
)

pytestmark = pytest.mark.slow

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
EDGES = json.loads((DATA / "expected/edge_cases.json").read_text())["cases"]
COUNT = 1000
WAYS = [way for way in fuzz.ways() if way.strategy == "modes"]


def graph_of(case):
    graph = FactorGraph(case["name"])
    for name, size in case["variables"].items():
        graph.variable(name, size)
    for name, factor in case["factors"].items():
        graph.factor(factor["scope"], factor["values"], name=name)
    return graph


def edge(name):
    return graph_of(next(case for case in EDGES if case["name"] == name))


def ring(count, tables):
    """Variables in a ring, a table between each and the next."""
    graph = FactorGraph("ring")
    for number in range(count):
        graph.variable(f"v{number}", len(tables[number]))
    for number, table in enumerate(tables):
        graph.factor([f"v{number}", f"v{(number + 1) % count}"], table)
    return graph


def plan(graph):
    return TiedBackbone(graph, graph.factors, graph.variables, seconds=0.0)


def refused(code, work):
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code.ident == code, caught.value
    return caught.value


# Exactness ----------------------------------------------------------------------------------------


def looped(seed):
    """Columns of one or two variables in a ring, and a few tables across."""
    rng = np.random.default_rng(seed)
    graph = FactorGraph(f"looped {seed}")
    wide = rng.random() < 0.3
    states, each = (2, 2) if wide else (int(rng.integers(2, 5)), 1)
    columns = [
        [graph.variable(f"v{each * place + n}", states).name for n in range(each)]
        for place in range(rng.integers(3, 5 if wide else 7))
    ]
    share = rng.choice([0.0, 0.3, 0.6])
    common = rng.integers(0, 3, states**each)  # blocks that states of all columns belong to
    blocks = [rng.permutation(common) for _ in columns]
    blocky = rng.random() < 0.6
    if rng.random() < 0.2:
        blocks[0] = rng.integers(0, 3, states**each)  # one that need not fit
    for place, column in enumerate(columns):
        after = (place + 1) % len(columns)
        table = rng.random((states**each, states**each))
        if blocky:
            table *= blocks[place][:, np.newaxis] == blocks[after]
        table *= rng.random(table.shape) >= share * rng.random()
        scope = [*column, *columns[after]]
        graph.factor(scope, table.reshape([states] * len(scope)))
    names = list(graph.variables)
    for _ in range(rng.integers(0, 5)):
        scope = rng.choice(names, min(int(rng.integers(1, 4)), len(names)), replace=False)
        table = rng.random([states] * len(scope))
        graph.factor(scope, table * (rng.random(table.shape) >= share))
    given = {
        name: rng.random((2, states)) * (rng.random((2, states)) < 0.8)
        for name in names
        if rng.random() < 0.4
    }
    return Case(graph, tuple(names), tuple(names), (), given, 2)


@pytest.mark.parametrize("seeds", campaign(COUNT, 100, daily=200, quick=100))
def test_graphs_of_many_cycles_by_enumeration(seeds):
    for seed in seeds:
        assert fuzz.check(looped(seed), WAYS, seed) is None


def test_the_graphs_have_modes_of_all_kinds():
    plans = [plan(looped(seed).graph) for seed in range(COUNT)]
    modes = [mode for each in plans for mode in each.modes]
    kinds = {
        "merged": [0 < mode.labels.max() + 1 < (mode.labels >= 0).sum() for mode in modes],
        "dropped": [(mode.labels < 0).any() and (mode.labels >= 0).any() for mode in modes],
        "impossible": [(mode.labels < 0).all() for mode in modes],
        "identity": [mode.size == mode.tie.states for mode in modes],
        "pairs": [len(mode.tie.interface) > 1 for mode in modes],
        "many ends": [len(mode.tie.ends) > 2 for mode in modes],
        "long": [len(mode.tie.nodes) > 3 for mode in modes],
        "several": [len(each.modes) > 2 for each in plans],
    }
    assert {name for name, those in kinds.items() if sum(those) < 20} == set()


def test_strategies_are_fuzzed():
    assert {way.strategy for way in fuzz.ways()} == set(STRATEGIES) - {"auto"}
    assert sum(bool(plan(random_case(seed).graph).modes) for seed in range(1000)) > 50


@pytest.mark.parametrize("case", EDGES, ids=[case["name"] for case in EDGES])
@pytest.mark.parametrize("semiring", ["prob", "logprob"])
@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_edge_cases(case, engine, semiring):
    program = compile_graph(graph_of(case), strategy="modes")
    result = program.bind(engine, semiring=semiring)()
    z = float(result["ln_p_evidence"])
    assert z == pytest.approx(math.log(case["Z"]), rel=1e-12) if case["Z"] else z == -math.inf
    for name, values in case["marginals"].items():
        if values is not None and case["Z"]:
            np.testing.assert_allclose(result[name], values, atol=1e-12)
    assert bool(program.bind(semiring="bool")()["satisfiable"]) == (case["Z"] > 0)


@pytest.mark.parametrize("name", ["asia", "alarm"])
def test_posteriors_of_pyagrum(name):
    graph = read_bif((DATA / f"{name}.bif").read_text(), name)
    program = compile_graph(graph, strategy="modes", seconds=0.0)
    assert any("tie of" in note for note in program.notes)
    for row in json.loads((DATA / f"expected/{name}.json").read_text())["rows"]:
        soft = {name: np.array(weights) for name, weights in row["soft"].items()}
        result = program.bind()({**row["evidence"], **soft})
        assert float(result["ln_p_evidence"]) == pytest.approx(row["ln_pe"], rel=1e-10)
        for variable, values in row["posterior"].items():
            np.testing.assert_allclose(result[variable], values, rtol=0, atol=1e-10)


def test_evidence_changes_without_compiling():
    """Modes are those of the tables; what rows say comes later, also of what is cut out."""
    graph = edge("triangle_block_support")
    weights = np.random.default_rng(3).random((6, 4)) * (np.arange(24).reshape(6, 4) % 5 > 0)
    rows = {"a": weights, "b": [None, "0", "1", "2", "3", None]}
    expected = compile_graph(graph).bind("reference")(rows)
    modes = compile_graph(graph, strategy="modes")
    cut = compile_graph(graph, observed=["c"], strategy="modes")
    for engine in ("native", "reference"):
        result = modes.bind(engine)(rows)
        np.testing.assert_allclose(result["ln_p_evidence"], expected["ln_p_evidence"], rtol=1e-12)
        np.testing.assert_allclose(result["c"], expected["c"], atol=1e-12)
        known = cut.bind(engine)(**rows, c=["1"] * 6)
        right = compile_graph(graph).bind(engine)(**rows, c=["1"] * 6)
        np.testing.assert_allclose(known["a"], right["a"], atol=1e-12)


def table_of(graph, without=None):
    """The product of the tables, but perhaps one, and the places of its axes."""
    left = [factor for number, factor in enumerate(graph.factors) if number != without]
    logs = Enumeration(dataclasses.replace(graph, factors=left), {}, 1).logs[0]
    return np.exp(logs), {name: axis for axis, name in enumerate(graph.variables)}


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_derivatives_by_entries_that_are_zero(engine):
    """Such an entry may open a way around a cycle, which modes must not have ruled out."""
    for seed in range(40):
        graph = looped(seed).graph
        total = table_of(graph)[0].sum()
        result = compile_graph(graph, "gradient", strategy="modes", seconds=0.0).bind(engine)()
        for number, factor in enumerate(graph.factors if total else ()):
            table, axis_of = table_of(graph, number)
            scope = [axis_of[name] for name in factor.scope]
            rest = tuple(axis for axis in range(table.ndim) if axis not in scope)
            right = np.transpose(table.sum(axis=rest), np.argsort(np.argsort(scope))) / total
            np.testing.assert_allclose(result[factor.name], right, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_best_assignments_where_many_are_equal(engine):
    """All copies of a variable take the same state, also where others would do as well."""
    for seed in range(60):
        graph = looped(seed).graph
        equal = [dataclasses.replace(f, table=1.0 * (f.table > 0)) for f in graph.factors]
        graph = dataclasses.replace(graph, factors=equal)
        result = compile_graph(graph, "mpe", strategy="modes", seconds=0.0).bind(engine)()
        table, _ = table_of(graph)
        states = [result[name].item() for name in graph.variables]
        if table.any():
            assert table[tuple(map(int, states))] == 1.0
        else:
            assert set(states) == {None}


# Plans --------------------------------------------------------------------------------------------


def test_blocks_share_modes_across_and_never_within():
    [mode] = plan(edge("triangle_block_support")).modes
    assert (mode.size, mode.tie.states) == (2, 4)
    assert mode.labels[0] != mode.labels[1]
    assert mode.labels[2] != mode.labels[3]
    z = compile_graph(edge("triangle_block_support"), strategy="modes").run()["ln_p_evidence"]
    assert math.exp(z) == pytest.approx(3.0131781836961125)  # by components: 5.87895


def test_states_that_do_not_come_back_need_no_mode():
    shift = np.roll(np.eye(5), 1, axis=1)
    assert not plan(ring(5, [shift] * 5)).modes  # all come back as they were: nothing to tie
    [frustrated] = plan(ring(4, [shift] * 4)).modes
    assert frustrated.labels.tolist() == [-1] * 5
    some = np.eye(5)
    some[3:, 3:] = 1 - np.eye(2)  # two states change places: with a third turn they do not return
    [mode] = plan(ring(3, [some] * 3)).modes
    assert (mode.labels >= 0).tolist() == [True] * 3 + [False] * 2
    assert mode.size == 1
    for strategy in STRATEGIES:
        assert compile_graph(ring(3, [some] * 3), "z", strategy=strategy).run().stats
        count = compile_graph(ring(3, [some] * 3), strategy=strategy).bind(semiring="counting")()
        assert (int(count["count"]), count["v1"].tolist()) == (3, [1, 1, 1, 0, 0])


def test_a_way_in_one_direction_keeps_states_apart():
    one_way = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], np.bool_)
    for relation in (one_way, one_way.T):
        labels = quotient([relation], 3)
        assert labels[0] != labels[1]
        assert labels.max() == 1  # the third shares a mode with one of them
    assert quotient([one_way, None], 3).tolist() == [0, 1, 2]  # what is not known is kept apart


def test_backbones_are_join_trees_where_there_are_any():
    rng = np.random.default_rng(4)
    for _ in range(200):  # every scope overlaps one that came before it
        scopes = [tuple(range(3))]
        for _ in range(rng.integers(1, 8)):
            old = scopes[rng.integers(len(scopes))]
            kept = [v for v in old if rng.random() < 0.6] or [old[0]]
            fresh = 1 + max(itertools.chain(*scopes))
            scopes.append((*kept, *range(fresh, fresh + int(rng.integers(1, 3)))))
        sizes = {v: int(rng.integers(1, 5)) for v in itertools.chain(*scopes)}
        order = [scopes[n] for n in rng.permutation(len(scopes))]
        assert find_ties(Backbone(order, sizes)) == []


def test_parts_of_one_variable_share_an_axis():
    """Three parts of a variable have one tie with three ends, not two."""
    arms = [(0, n, n + 1, n + 1) for n in (1, 3, 5)]
    scopes = [*((0, a) for _, a, _, _ in arms), *((a, b) for _, a, b, _ in arms), (2, 4, 6)]
    [tie] = find_ties(Backbone(scopes, {v: 2 if v == 0 else 3 for v in range(7)}))
    assert (tie.interface, len(tie.ends)) == ((0,), 3)


def test_estimated_cost_decides():
    blocks = np.kron(np.eye(10), np.ones((2, 2)))
    cheap = compile_graph(ring(4, [blocks] * 4), strategy="auto", seconds=0.0)
    assert "modes" in cheap.bind().explain()
    assert "tie of v" in cheap.bind().explain()
    assert ": 2 modes for 20 states" in cheap.bind().explain()
    dense = compile_graph(ring(4, [np.ones((4, 4))] * 4), strategy="auto", seconds=0.0)
    assert "tree: " in dense.bind().explain()
    named = [note.partition(":")[0] for note in dense.notes]
    assert named == ["query", "tree", "messages", "outputs", "emit"], "each pass says what it did"
    error = refused("LW2005", lambda: compile_graph(FactorGraph(), strategy="mode"))
    assert "modes" in error.help


def test_what_fits_no_memory_is_refused_before():
    graph = FactorGraph()
    for a, b in itertools.product(range(12), repeat=2):
        graph.variable(f"{a},{b}", 4)
    for a, b in itertools.product(range(11), range(12)):
        graph.factor([f"{a},{b}", f"{a + 1},{b}"], np.ones((4, 4)))
        graph.factor([f"{b},{a}", f"{b},{a + 1}"], np.ones((4, 4)))
    program = compile_graph(graph, strategy="modes", seconds=0.0)
    for engine in ("native", "reference"):
        assert "bytes" in refused("LW0101", lambda e=engine: program.bind(e)()).message


# Selectors ----------------------------------------------------------------------------------------


def test_selectors():
    payload = SelectorPayload(3, (0,), np.array([0, 1], np.int64), 2)
    array, spec = vm_load_selector(payload, {0: 2}, {3: 2}, np.float64, 0.0, -np.inf)
    assert array.tolist() == [[0.0, -np.inf], [-np.inf, 0.0]]
    assert spec == TensorSpec((Axis(0, AxisType.GEOMETRIC, 2), Axis(3, AxisType.TOPOLOGICAL, 2)))
    mask = np.array([True, True, False, True, True, False])
    wide = SelectorPayload(0, (5, 2), np.array([0, 1, 1, 0, -1, 1]), 2, mask)
    dense, spec = vm_load_selector_dense(wide, {2: 3, 5: 2})
    assert (dense.dtype, spec.shape) == (np.dtype(np.float64), (2, 3, 2))
    assert dense[..., 0].tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    assert dense[..., 1].tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    refused("LW5006", lambda: vm_load_selector_dense(payload, {0: 3}))
    refused("LW5006", lambda: vm_load_selector(payload, {0: 2}, {3: 1}))
    for name in ("SelectorPayload", "vm_load_selector", "vm_load_selector_dense"):
        assert getattr(lw.belief, name).__name__ == name


@pytest.mark.parametrize("name", SEMIRINGS)
def test_selectors_have_the_entries_of_the_semiring(name):
    view = BeliefView.of(compile_graph(edge("triangle_block_support"), strategy="modes"))
    sr = SEMIRINGS[name]()
    array = view.selector(0, sr)
    assert array.dtype == sr.dtype
    assert set(array.ravel().tolist()) == {sr.one(()).item(), sr.zero(()).item()}


def test_selectors_from_elsewhere():
    """A provider may give finer modes than the program's: those of all states are exact too."""
    program = compile_graph(edge("triangle_block_support"), strategy="modes")
    view = BeliefView.of(program)
    asked = []

    def provider(number):
        asked.append(number)
        return view.selector(number, vm_logprob_semiring()), view.selected(number)

    vm = VirtualMachine(vm_logprob_semiring())
    vm.run(program, None, provider)
    assert asked == list(range(len(view.selectors)))
    assert float(vm.scale) == pytest.approx(math.log(3.0131781836961125))
    vm = VirtualMachine(vm_prob_semiring())
    vm.run(program)
    assert len(vm.regs) == 0


def test_listing_and_file_keep_the_hash(tmp_path):
    for graph in (edge("triangle_block_support"), edge("triangle_hard_unsat"), looped(1).graph):
        program = compile_graph(graph, strategy="modes", seconds=0.0)
        assert assemble(program.dis()).hash == program.hash
        program.save(tmp_path / "modes.lwp")
        assert lw.load(tmp_path / "modes.lwp").hash == program.hash
    text = compile_graph(edge("triangle_hard_unsat"), strategy="modes").dis()
    assert ".mode 1\n.selector m0 v" in text
    for wrong in (".selector", ".selector v0", ".selector m0 v0 x", ".selector m0 0 v0"):
        refused("LW1010", lambda wrong=wrong: assemble(f".machine belief\n{wrong}\n"))


def test_the_verifier_refuses():
    program = compile_graph(edge("triangle_block_support"), strategy="modes")
    code = list(BeliefView.of(program).instructions)
    at = next(n for n, i in enumerate(code) if i.name == "load_selector")
    code[at] = Instruction("load_selector", code[at].target, (9,))
    other = dataclasses.replace(program, tape=BELIEF.encode(code))
    assert any("there is no selector 9" in str(problem) for problem in other.problems())
    for section in (
        b"[[0,[0],[0,1,0]]]",  # too few states
        b"[[0,[0],[0,1,0,2]]]",  # no such mode
        b"[[1,[0],[0,1,0,1]]]",  # no such axis
        b"[[0,[9],[0,1,0,1]]]",  # no such variable
        b"[[0,[0],[0,1,0,true]]]",
        b"[[0,[0]]]",
        b"{}",
    ):
        sections = {**program.sections, "selectors": section}
        [problem] = dataclasses.replace(program, sections=sections).problems()
        assert problem.code.ident == "LW1003"
    for modes in (b"\0\0\0\0", b"\1", b""):
        sections = {**program.sections, "modes": modes}
        assert dataclasses.replace(program, sections=sections).problems()


@pytest.mark.parametrize("name", ["modes", "selectors", "specs"])
def test_damaged_sections_are_refused(name):
    program = compile_graph(edge("triangle_block_support"), strategy="modes")
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(program.sections[name])
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        other = dataclasses.replace(program, sections={**program.sections, name: bytes(damaged)})
        if not other.problems():
            for engine in ("native", "reference"):
                try:
                    other.bind(engine, limits=lw.Limits(memory=10**7))()
                except Diagnostic as error:  # a mode axis may have become long
                    assert error.code.ident == "LW0101"
