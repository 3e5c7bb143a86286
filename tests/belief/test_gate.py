"""The gate: a program that breaks one rule is refused, and one that breaks none has its memory."""

import ast
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from lanework.core.codes import BAD_SECTION, BAD_WORD
from lanework.core.program.asm import assemble
from lanework.machines.belief import layout
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.native.calls import BlockMemory
from lanework.machines.belief.native.lower import LOWERED
from lanework.machines.belief.passes.compile import compile_graph
from lanework.machines.belief.reference.vm import STEPS
from lanework.machines.belief.verify import RULES
from lanework.machines.belief.walk import AXES, walk

REFUSED = sorted((Path(__file__).resolve().parents[1] / "cases/belief").glob("refused_*.txt"))

HEAD = """
.machine belief
.header "semiring" "prob"
.variable "a" "x" "y"
.variable "b" "x" "y" "z"
.cells 1.0 2.0 3.0 4.0 5.0 6.0
.factor 0 v0 v1
.factor 0 v0
.spec v0 v1
.spec v0
.spec v1
.spec
.slot "Z"
.slot "bel" 0
.slot "bel" 1
.slot "down" 0 1
.input "a" 0
    load_evidence %0, 0
    load_factor %1, 0
    contract %2, %1, %0, 0
"""
TAIL = """
    free %0, %0
    eliminate %3, %2, 1
    free %0, %2
    normalize %4, %3
    store_slot %0, %4, 1
    free %0, %4
    eliminate %5, %3, 3
    store_slot %0, %5, 0
.output "a" 1
.output "ln_p_evidence" 0
"""


def program(middle=""):
    """The belief of `a` where `b` may be anything; what comes in between may break a rule."""
    return assemble(HEAD + middle + TAIL)


def test_what_breaks_no_rule_runs():
    subject = program()
    subject.verify()
    for engine in ("native", "reference"):
        result = subject.bind(engine)({"a": np.array([[1.0, 1.0], [1.0, 0.0]])})
        np.testing.assert_allclose(result["a"], [[6 / 21, 15 / 21], [1.0, 0.0]])
    held = walk(subject)
    assert held.uniform == 6
    assert held.varying == 2 + 6  # the evidence and the product; what comes later takes less


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("load_slot %9, 1", "is empty"),
        ("contract %9, %8, %0, 0", "holds nothing"),
        ("contract %2, %1, %0, 0", "was not freed"),
        ("contract %9, %1, %0, 1", "the axis GEOMETRIC 1 does not fit"),
        ("contract %9, %0, %0, 0", "the axis GEOMETRIC 1 does not fit"),
        ("eliminate %9, %0, 2", "the axis GEOMETRIC 1 does not fit"),
        ("contract_eliminate %9, %0, %0, 2", "the axis GEOMETRIC 1 does not fit"),
        ("contract_maximize %9, %0, %0, 2", "the axis GEOMETRIC 1 does not fit"),
        ("maximize %9, %0, 2", "the axis GEOMETRIC 1 does not fit"),
        ("reduce %9, 0, 0", "a reduced factor keeps some of its axes"),
        ("reduce %9, 1, 2", "a reduced factor keeps some of its axes"),
        ("divide %9, %0, %1", "a divisor has axes that the dividend lacks"),
        ("choose %9, %1", "along one axis"),
    ],
)
def test_an_instruction_that_breaks_a_rule(line, message):
    problems = program(f"    {line}\n").problems()
    assert [message in str(problem) for problem in problems] == [True]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('.output "b" 2', "leads to no slot that is written"),
        ("    store_slot %0, %2, 3\n" + '.output "b" 3', "which holds something else"),
        ("    store_slot %0, %1, 2\n" + '.output "b" 2', "which holds something else"),
    ],
)
def test_an_output_that_is_no_answer(lines, message):
    problems = program(lines + "\n").problems()
    assert [message in str(problem) for problem in problems] == [True]


def test_an_input_with_other_states_than_its_variable():
    subject = program()
    given, *rest = subject.ports
    for changes, message in (
        ({"categories": ("y", "x")}, "has other states than its variable"),
        ({"row": 2}, "leads nowhere"),
    ):
        other = dataclasses.replace(subject, ports=(dataclasses.replace(given, **changes), *rest))
        assert [message in str(problem) for problem in other.problems()] == [True]


@pytest.mark.parametrize("table", [AXES, STEPS, LOWERED], ids=["axes", "steps", "lowered"])
def test_every_instruction_has_a_function(table):
    assert table.missing == []


def test_every_code_of_the_gate_has_a_case():
    codes = {path.read_text().partition("-- error ")[2].split()[0] for path in REFUSED}
    assert codes == {code.ident for code in (BAD_WORD, BAD_SECTION, *(rule.code for rule in RULES))}


def test_every_fault_of_a_section_has_a_case():
    cases = "".join(path.read_text() for path in REFUSED)
    faults = [
        node.exc.args[0].value
        for node in ast.walk(ast.parse(Path(layout.__file__).read_text()))
        if isinstance(node, ast.Raise) and node.exc.func.id == "ValueError"
    ]
    assert len(faults) > 10
    assert [fault for fault in faults if fault not in cases] == []


def test_products_that_underflow_are_left_to_the_program():
    """Multiplied when the program is compiled they would be 0, for all semirings."""
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1e-200, 2e-200])
    graph.factor(["a"], [1e-200, 1e-200])
    result = compile_graph(graph).bind(semiring="logprob")()
    assert float(result["ln_p_evidence"]) == pytest.approx(math.log(3) - 400 * math.log(10))
    np.testing.assert_allclose(result["a"], [1 / 3, 2 / 3])


def test_places_are_used_again():
    memory = BlockMemory()
    first, second = memory.allocate(4), memory.allocate(4)
    memory.release(first, 4)
    memory.release(second, 4)
    assert (memory.allocate(8), memory.size) == (0, 8)  # neighbours make one place


def test_the_smallest_place_that_fits_is_taken():
    memory = BlockMemory()
    large, _, small, _ = (memory.allocate(size) for size in (8, 1, 3, 1))
    memory.release(large, 8)
    memory.release(small, 3)
    assert memory.allocate(3) == small
    assert memory.allocate(8) == large
    assert memory.size == 13
