"""The verifier: each rule refuses what it is there for, and says which instruction."""

import pytest

from lanework.core.program.asm import assemble

HEAD = '.machine series\n.periods 3\n.input "x" %0 axes="time"\n.const 1.0\n.row %1 const 0\n'


def problems(body):
    return [str(problem) for problem in assemble(HEAD + body).problems()]


def test_a_good_program_passes():
    assert problems('.forward\n prev %2, %3, 1, %1\n add %3, %2, %0\n.output "y" %3') == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (".straight\n add %2, %3, %0\n add %3, %0, %0", "before it is made"),
        (".straight\n prev %2, %3, 1, %1\n add %3, %2, %0", "before it is made"),
        (".forward\n add %2, %3, %0\n prev %3, %2, 1, %1\n", "before it is made"),
        (".backward\n prev %2, %3, 1, %1\n add %3, %2, %0", "before it is made"),
        (".straight\n prev %2, %0, 0, %1", "lag 0"),
        (".straight\n add %2, %9, %0", "row 9"),
        (".straight\n lookup1 %2, %0, 0", "table 0"),
        (".table clamp 0.0 2\n.cells 1.0 2.0\n.straight\n lookup2 %2, %0, %0, 0", "2 keys"),
        (".table clamp 0.0 3\n.cells 1.0 2.0\n.straight\n lookup1 %2, %0, 0", "2 cells"),
        (".table interpolate 0.0 2\n.cells 1.0 2.0", "knots"),
        (".table interpolate 0.0 2\n.knots 2.0 1.0\n.cells 1.0 2.0", "rising"),
        (".forward\n prev %2, %3, 1, %1\n add %3, %2, %0\n tsum %4, %3", "inside a loop"),
        (".forward\n add %2, %1, %1", "not depend on time"),
        (".forward\n prev %2, %3, 1, %1\n add %3, %2, %0\n lead %4, %3, 1, %1", "wrong way"),
        (".row %3 const 5\n.straight\n add %2, %0, %3", "constant 5"),
        ('.straight\n add %2, %0, %0\n.output "y" %2\n.output "y" %2', "two ports"),
        (".horizon %0\n.straight\n add %2, %0, %0", "depends on time"),
        (".horizon %2\n.straight\n tsum %2, %0", "number of periods"),
        (".horizon %3\n.straight\n prev %2, %0, 1, %1\n add %3, %1, %1", "before the horizon"),
        ('.output "y" %7', "row 7"),
    ],
)
def test_rules(body, words):
    actual = problems(body)
    assert any(words in problem for problem in actual), actual


def test_a_rejection_shows_its_instruction():
    program = assemble(
        HEAD + ".straight\n add %2, %0, %0 ; fine = x + x\n prev %3, %0, 0, %1 ; bad"
    )
    (problem,) = program.problems()
    assert problem.notes == ("instruction 1: bad",)
