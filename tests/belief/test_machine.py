"""The parts of the machine: invariants, verifier, assembly, files, evidence, networks' text."""

import contextlib
import dataclasses
import itertools
import json
import time
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.core.program.isa import Instruction
from lanework.machines.belief.graph.bif import read_bif
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.isa import BELIEF
from lanework.machines.belief.layout import BeliefView
from lanework.machines.belief.native import executor as native
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.reference import kernels
from lanework.machines.belief.reference.vm import VirtualMachine
from lanework.machines.belief.semiring import SEMIRINGS, vm_prob_semiring
from lanework.machines.belief.state import RegisterBank, SlotStore
from lanework.machines.belief.tensor import Axis, AxisType, TensorSpec, align_array_to

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
ASIA = (DATA / "asia.bif").read_text()
VARIABLE, MODE = AxisType.GEOMETRIC, AxisType.TOPOLOGICAL


def asia(**options):
    return compile_graph(read_bif(ASIA), seconds=0.0, **options)


def refused(code, work):
    with pytest.raises(Diagnostic) as caught:
        work()
    assert caught.value.code.ident == code, caught.value
    return caught.value


# The invariants of the source ---------------------------------------------------------------------


def test_axes_of_different_types_never_meet():
    sr = vm_prob_semiring()
    x, y = (TensorSpec((Axis(0, kind, 2),)) for kind in (VARIABLE, MODE))
    both = TensorSpec(x.axes + y.axes)
    product = kernels.vm_contract([(np.array([1.0, 2.0]), x), (np.array([3.0, 5.0]), y)], both, sr)
    assert product.tolist() == [[3.0, 5.0], [6.0, 10.0]]


def test_alignment_needs_shapes_that_fit():
    a, b = Axis(0, VARIABLE, 2), Axis(1, VARIABLE, 3)
    array = np.arange(6.0).reshape(2, 3)
    turned = align_array_to(array, TensorSpec((a, b)), TensorSpec((b, a)))
    assert turned.tolist() == array.T.tolist()
    refused("LW5006", lambda: align_array_to(array, TensorSpec((a, b)), TensorSpec((a,))))
    other = TensorSpec((Axis(0, VARIABLE, 5), b))
    refused("LW5006", lambda: align_array_to(array, TensorSpec((a, b)), other))
    refused("LW5006", lambda: align_array_to(np.ones(4), TensorSpec((a,)), TensorSpec((a,))))


@pytest.mark.parametrize("name", SEMIRINGS)
def test_one_semiring_from_end_to_end(name):
    """Every value of a run has the entries of its semiring."""
    sr = SEMIRINGS[name]()
    vm = VirtualMachine(sr)
    vm.run(asia())
    for slot in vm.slots:
        array, _ = vm.slots.get(slot)
        assert np.asarray(array).dtype in (sr.dtype, np.dtype(object))
    ones = sr.one((2, 3))
    assert (sr.mul(ones, ones) == ones).all()
    assert (sr.mul(ones, sr.zero((2, 3))) == sr.zero((2, 3))).all()


def test_free_releases_memory():
    bank = RegisterBank()
    bank.put(0, np.ones(100), TensorSpec((Axis(0, VARIABLE, 100),)))
    assert bank.bytes == bank.peak == 800
    bank.free(0)
    assert (bank.bytes, len(bank)) == (0, 0)
    refused("LW5007", lambda: bank.get(0))
    vm = VirtualMachine(vm_prob_semiring())
    vm.run(asia())
    assert len(vm.regs) == 0


def test_slots_are_written_once():
    slots = SlotStore()
    refused("LW5007", lambda: slots.get(("Z",)))
    slots.put(("Z",), np.ones(()), TensorSpec())
    refused("LW5007", lambda: slots.put(("Z",), np.ones(()), TensorSpec()))


# Programs -----------------------------------------------------------------------------------------


def test_listing_and_file_keep_the_hash(tmp_path):
    program = asia()
    assert assemble(program.dis()).hash == program.hash
    program.save(tmp_path / "asia.lwp")
    loaded = lw.load(tmp_path / "asia.lwp")
    assert loaded.hash == program.hash
    result = loaded.run(xray="yes")
    assert result["lung"][0] == pytest.approx(0.4887114013196477)


def changed(number, **fields):
    program = asia()
    code = list(BeliefView.of(program).instructions)
    code[number] = dataclasses.replace(code[number], **fields)
    return dataclasses.replace(program, tape=BELIEF.encode(code))


def test_the_verifier_refuses():
    code = BeliefView.of(asia()).instructions
    first = {name: next(n for n, i in enumerate(code) if i.name == name) for name in BELIEF.by_name
             if any(i.name == name for i in code)}  # fmt: skip
    cases = {
        "there is no factor": ("load_factor", {"operands": (999,)}),
        "there is no variable": ("load_evidence", {"operands": (8,)}),
        "there is no spec": ("contract", {"operands": (0, 0, 999)}),
        "there is no slot": ("store_slot", {"operands": (0, 999)}),
        "holds nothing": ("rescale", {"operands": (77,)}),
        "was not freed": ("rescale", {"target": code[first["rescale"]].operands[0]}),
    }
    for message, (name, fields) in cases.items():
        problems = changed(first[name], **fields).problems()
        assert any(message in str(problem) for problem in problems), message
    assert changed(first["free"], operands=(0,), name="free").problems() is not None
    double = dataclasses.replace(
        asia(), tape=asia().tape + BELIEF.encode([Instruction("load_slot", 50, (0,)),
                                                  Instruction("store_slot", 0, (50, 0))])
    )  # fmt: skip
    assert any("written twice" in str(problem) for problem in double.problems())
    asia().verify()


@pytest.mark.parametrize("name", ["variables", "factors", "specs", "slots"])
def test_damaged_sections_are_refused(name):
    program = asia()
    data = program.sections[name]
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(data)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(len(damaged))]
        else:
            damaged[rng.integers(len(damaged))] = rng.integers(256)
        other = dataclasses.replace(program, sections={**program.sections, name: bytes(damaged)})
        try:
            problems = other.problems()
        except Exception as error:  # anything but a diagnostic is the defect
            pytest.fail(f"{error!r} for {bytes(damaged)!r}")
        if not problems:
            other.bind("reference")()
            other.bind("native")()


def test_peak_memory_is_known_before():
    program = asia()
    runner = program.bind("native")
    assert runner._executor().block_bytes(1000) < 64 * 1024
    big = FactorGraph()  # a tree that fits no memory
    for number in range(40):
        big.variable(f"v{number}", 4)
    big.factor([], 1.0)
    for a, b in itertools.combinations(range(16), 2):
        big.factor([f"v{a}", f"v{b}"], np.ones((4, 4)))
    wide = compile_graph(big, "z", seconds=0.0)
    for engine in ("native", "reference"):
        error = refused("LW0101", lambda engine=engine: wide.bind(engine)())
        assert "GB" in error.message
    limits = lw.Limits(memory=1000)
    refused("LW0101", lambda: program.bind(limits=limits)({"xray": ["yes"] * 1000}))


def heavy():
    """A second and more of work for a thousand rows; one block alone is worth several calls."""
    graph = FactorGraph()
    for number in range(12):
        graph.variable(f"v{number}", 4)
    for a, b in itertools.combinations(range(10), 2):
        graph.factor([f"v{a}", f"v{b}"], np.ones((4, 4)) + np.eye(4))
    return compile_graph(graph, seconds=0.0)


@pytest.mark.timeout(120, method="thread")
@pytest.mark.parametrize("threads", [1, 2])
def test_deadline_and_ctrl_c(threads, ctrl_c):
    program = heavy()
    column = {"v0": ["0"] * 5000}
    runner = program.bind("native", limits=lw.Limits(deadline=0.2), threads=threads)
    executor = runner._executor()
    assert len(executor.records(executor.lanes(5000)).divided(native.STEP)) > 1
    start = time.process_time()
    with pytest.raises(lw.Trap) as caught:
        runner(column)
    assert caught.value.code.ident == "LW2001"
    assert time.process_time() - start < 1.5 * threads
    free = program.bind("native", threads=threads)
    free._executor()
    ctrl_c.press(0.3)
    with pytest.raises(KeyboardInterrupt):
        free(column)
    assert ctrl_c.work_since() < 1.2 * threads
    few = {"v0": ["0", None, "3"]}
    for name, value in program.bind("reference")(few).items():
        np.testing.assert_allclose(free(few)[name], value, rtol=1e-9)


def test_only_what_matters_is_computed():
    one = asia(query=["smoke"], evidence=["bronc"])
    assert len(one.tape) < len(asia().tape) / 3  # the others are barren
    assert one.run(bronc="yes")["smoke"][0] == pytest.approx(2 / 3)
    refused("LW5005", lambda: one.run(xray="yes"))
    refused("LW5005", lambda: asia(query=["smoek"]))


def test_what_is_cut_out_must_be_said():
    program = asia(observed=["xray"])
    assert program.run(xray="yes")["xray"].tolist() == [1.0, 0.0]
    assert assemble(program.dis()).hash == program.hash
    for evidence in ({}, {"xray": ["yes", None]}, {"xray": np.array([0.5, 0.5])}):
        refused("LW5008", lambda evidence=evidence: program.bind()(evidence))


# Evidence -----------------------------------------------------------------------------------------


def test_ways_to_say_what_is_known():
    runner = asia().bind()
    yes = runner(xray="yes")["lung"]
    assert yes.tolist() == runner({"xray": 0})["lung"].tolist()
    assert yes.tolist() == runner({"xray": [0.5, 0.0]})["lung"].tolist()
    table = runner({"xray": ["yes", "", None, float("nan"), "no"], "dysp": ["yes"] * 5})
    assert table["lung"].shape == (5, 2)
    assert table.axes("lung") == ("row", "lung")
    for row in (1, 2, 3):
        assert table["lung"][row].tolist() == runner(dysp="yes")["lung"].tolist()
    soft = runner({"xray": np.array([[1.0, 0.0], [1.0, 1.0]])})
    assert soft["lung"][0].tolist() == yes.tolist()


def test_impossible_evidence_is_said():
    for engine in ("native", "reference"):
        result = asia().bind(engine)({"tub": ["yes", "no"], "either": ["no", "no"]})
        assert result["ln_p_evidence"][0] == -np.inf
        assert result["lung"][0].tolist() == [0.0, 0.0]
        assert np.isfinite(result["ln_p_evidence"][1])


def test_evidence_that_makes_no_sense():
    runner = asia().bind()
    assert "did you mean 'xray'" in str(refused("LW5005", lambda: runner(xrey="yes")).help)
    refused("LW5005", lambda: runner(xray="maybe"))
    for wrong in (7, -1, 0.5, float("inf"), [["a"], ["b"]]):
        refused("LW5008" if isinstance(wrong, list) else "LW5005", lambda w=wrong: runner(xray=w))
    refused("LW5008", lambda: runner({"xray": ["yes"], "dysp": ["no", "no"]}))
    refused("LW5008", lambda: runner({"xray": np.array([1.0, -1.0])}))
    refused("LW5008", lambda: runner({"xray": np.ones((2, 2, 2))}))
    refused("LW2005", lambda: asia().bind(semiring="plus"))


# Graphs and files ---------------------------------------------------------------------------------


def test_graphs_that_make_no_sense():
    graph = FactorGraph()
    graph.variable("a", ["x", "y"])
    refused("LW5001", lambda: graph.variable("a", 2))
    refused("LW5001", lambda: graph.variable("b", []))
    refused("LW5001", lambda: graph.variable("b", ["x", "x"]))
    refused("LW5001", lambda: graph.factor(["a"], [1.0, 2.0, 3.0]))
    refused("LW5001", lambda: graph.factor(["a", "a"], np.ones((2, 2))))
    refused("LW5002", lambda: graph.factor(["a"], [1.0, -1.0]))
    refused("LW5002", lambda: graph.factor(["a"], [1.0, np.nan]))
    refused("LW5005", lambda: graph.factor(["b"], [1.0]))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("network n { }\nnonsense x { }", 2, "no part of a network"),
        ("variable a { type discrete [ 2 ] { x, y }; ", 1, "not closed"),
        ("variable a { type discrete [ 3 ] { x, y }; }", 1, "3 states are declared"),
        ("variable a { type discrete [ 1 ] { x }; }\nprobability ( b ) { table 1; }", 2, "'b'"),
        ("variable a { type discrete [ 2 ] { x, y }; }\nprobability ( a ) {\n table 1, z; }", 3,
         "holds numbers"),
        ("variable a { type discrete [ 2 ] { x, y }; }\nprobability ( a ) {\n table 1; }", 3,
         "1 numbers"),
        ("variable a { type discrete [ 2 ] { x, y }; }\nprobability ( a ) { }", 2, "lacks"),
    ],
)  # fmt: skip
def test_bad_networks_say_where(text, line, message):
    error = refused("LW5003", lambda: read_bif(text, "bad.bif"))
    assert error.span.line == line
    assert message in error.message


def test_cyclic_networks_name_the_cycle():
    text = "".join(f"variable {n} {{ type discrete [ 1 ] {{ x }}; }}\n" for n in "abc")
    text += "".join(f"probability ( {a} | {b} ) {{ (x) 1; }}\n" for a, b in ("ab", "bc", "ca"))
    assert " <- " in refused("LW5004", lambda: read_bif(text)).message


@pytest.mark.filterwarnings("ignore::lanework.machines.belief.graph.factor.TableNotice")
def test_truncated_and_mutated_networks_never_crash():
    rng = np.random.default_rng(2)
    for _ in range(300):
        text = list(ASIA)
        if rng.random() < 0.4:
            text = text[: rng.integers(len(text))]
        else:
            for _ in range(rng.integers(1, 4)):
                text[rng.integers(len(text))] = rng.choice(list("{}();,|x0. "))
        with contextlib.suppress(Diagnostic):
            compile_graph(read_bif("".join(text)), seconds=0.0)


def test_names_may_hold_signs():
    text = "variable Asy/Patch { type discrete [ 2 ] { <5%, >=5% }; }\n"
    text += "probability ( Asy/Patch ) { table 0.25, 0.75; }"
    result = compile_graph(read_bif(text)).run()
    assert result["Asy/Patch"].tolist() == [0.25, 0.75]


# The command line ---------------------------------------------------------------------------------


def test_run_from_the_command_line(tmp_path):
    from click.testing import CliRunner

    from lanework.app.cli import cli

    call = CliRunner().invoke
    net = str(DATA / "asia.bif")
    shown = call(cli, ["run", net, "--given", "xray=yes", "--query", "lung"])
    assert "0.4887114" in shown.stdout
    table = tmp_path / "rows.csv"
    table.write_text("xray,tub,either\nyes,,\n,yes,no\n,,\n")
    for ending in ("json", "csv", "parquet"):
        out = tmp_path / f"out.{ending}"
        done = call(cli, ["run", net, "--evidence", str(table), "--out", str(out)])
        assert done.exit_code == 0, done.stderr
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert rows[0]["posteriors"]["lung"]["yes"] == pytest.approx(0.4887114013196477)
    assert rows[1] == {"ln_p_evidence": None, "impossible": True}
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "row,variable,state,probability"
    assert len(lines) == 1 + 2 * 16
    import pyarrow.parquet as parquet

    assert parquet.read_table(tmp_path / "out.parquet").num_rows == 32
    z = call(cli, ["run", net, "--evidence", str(table), "--query", "z", "--out",
                   str(tmp_path / "z.csv")])  # fmt: skip
    assert z.exit_code == 0
    assert (tmp_path / "z.csv").read_text().splitlines()[0] == "row,ln_p_evidence"
    for words, status in (
        (["--given", "xray"], 1),
        (["--given", "xray=maybe"], 1),
        (["--evidence", str(tmp_path / "none.csv")], 1),
        (["--given", "xray=yes", "--evidence", str(table)], 1),
        (["--out", "x.npy"], 1),
    ):
        assert call(cli, ["run", net, *words]).exit_code == status, words


def test_z_is_the_whole_sum_and_programs_take_providers():
    sr = lw.belief.vm_prob_semiring()
    vm = lw.belief.VirtualMachine(sr)
    program = asia()
    view = BeliefView.of(program)
    doubled = []

    def factor_provider(number):
        doubled.append(number)
        return 2.0 * view.table(number), view.scope(number)

    vm.run(program, factor_provider, None, {0: np.array([1.0, 0.0])})
    z_arr, z_spec = vm.slots.get(("Z",))
    assert z_spec.axes == ()
    assert float(z_arr) == pytest.approx(0.01 * 2.0 ** len(doubled))
    rows = lw.belief.VirtualMachine(lw.belief.vm_logprob_semiring())
    rows.run(program, evidence={0: np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])})
    np.testing.assert_allclose(np.exp(rows.slots.get(("Z",))[0]), [0.01, 0.99, 0.0])
    spec = lw.belief.TensorSpec(axes=(lw.belief.Axis(0, lw.belief.AxisType.GEOMETRIC, 2),))
    assert lw.belief.vm_unit(spec, sr).tolist() == [1.0, 1.0]
