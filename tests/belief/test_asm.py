"""Assembly text of belief programs: round trips, and places in what is refused."""

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.passes.compile import compile_graph


def program():
    graph = FactorGraph('a "name"')
    graph.variable("a", ["yes", "no"])
    graph.variable("b", ["low", "middle", "high"])
    graph.factor(["a", "b"], [[0.1, 0.2, 0.3], [0.4, 1e-300, 5.0]])
    return compile_graph(graph)


def test_text_reads_back_to_the_same_hash():
    subject = program()
    assert assemble(subject.dis()).hash == subject.hash


def test_a_former_mnemonic_still_reads():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [0.25, 0.75])
    program = compile_graph(graph, "sample:1")
    text = program.dis()
    assert "sample %" in text
    assert assemble(text.replace("sample %", "draw %")).hash == program.hash


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (".mode", "takes 1 word"),
        (".mode x", "no number"),
        (".variable", "write .variable"),
        (".variable a", "double quotes"),
        (".factor", "write .factor"),
        (".factor 0 m1", "write v0"),
        (".spec w1", "write v0"),
        ('.input "a"', "the port's name and its number"),
        ('.input "a" 7', "no variable 7"),
        ('.header "semiring" "prob"', "there twice"),
        ('.header "other" --5', "no number"),
        ('.header "other" 9223372036854775808', "64 bits"),
        (".variabel", "did you mean '.variable'"),
        (".read", "no directive"),
        ("lod_factor %0, 0", "did you mean 'load_factor'"),
    ],
)
def test_bad_text_names_the_place(line, words):
    text = program().dis() + line
    with pytest.raises(Diagnostic) as caught:
        assemble(text, "x.lasm")
    assert caught.value.span.line == len(text.splitlines())
    assert words in caught.value.render()
