"""Files as others write them: JavaBayes, UAI with comments, states that are intervals."""

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.bif import read_bif, write_bif
from lanework.machines.belief.graph.uai import read_evid, read_results, read_uai
from lanework.machines.belief.graph.xmlbif import read_xmlbif

JAVABAYES = """
// Bayesian network
network "Dog_Problem" { //5 variables and 3 probability distributions
	property "credal-set constant-density-bounded 1.1" ;
}
variable  "light-on" { //2 values
	type discrete[2] {  "true"  "false" };
	property "position = (218, 195)" ;
}
variable  "family-out" { //2 values
	type discrete[2] {  "true"  "false" };
}
variable  bowel { type discrete[3] { low mid high }; }
probability (  "light-on"  "family-out" ) { //2 variable(s) and 4 values
	table 0.6 0.05 0.4 0.95 ;
}
probability (  "family-out" ) { //1 variable(s) and 2 values
	table 0.15 0.85 ;
}
probability ( bowel "light-on" "family-out" ) {
	default 0.5 0.25 0.25;
	( "true" "false" ) 0.1 0.2 0.7;
}
"""


def test_javabayes():
    graph = read_bif(JAVABAYES)
    by_name = {factor.name: factor for factor in graph.factors}
    light = by_name["light-on"]
    assert light.scope == ("family-out", "light-on")
    assert light.table.tolist() == [[0.6, 0.4], [0.05, 0.95]]
    bowel = by_name["bowel"]
    assert bowel.child == "bowel"
    assert bowel.table[0, 1].tolist() == [0.1, 0.2, 0.7]
    assert bowel.table[1, 1].tolist() == [0.5, 0.25, 0.25]
    again = read_bif(write_bif(graph))
    for one, other in zip(graph.factors, again.factors, strict=True):
        np.testing.assert_array_equal(one.table, other.table)
    with pytest.raises(Diagnostic, match="joint") as caught:
        read_bif(JAVABAYES.replace('"light-on"  "family-out" ) {', '"light-on", "family-out" ) {'))
    assert "bar" in caught.value.help


def test_states_that_are_intervals():
    text = """
    variable age { type discrete [ 4 ] { (-Inf,0.5], (0.5, 1], [1,2), (2,Inf) }; }
    variable ill { type discrete [ 2 ] { yes, no }; }
    probability ( age ) { table 0.1, 0.2, 0.3, 0.4; }
    probability ( ill | age ) {
      ((-Inf,0.5]) 0.1, 0.9;
      ((0.5,1]) 0.2, 0.8;
      ([1,2)) 0.3, 0.7;
      ( (2,Inf) ) 0.4, 0.6;
    }
    """
    graph = read_bif(text)
    assert graph.variables["age"].states == ("(-Inf,0.5]", "(0.5,1]", "[1,2)", "(2,Inf)")
    assert graph.factors[1].table[:, 0].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert read_bif(write_bif(graph)).variables == graph.variables
    both = text.replace("probability ( ill | age )", "probability ( ill | sex, age )").replace(
        "variable ill", "variable sex { type discrete [1] { m }; }\nvariable ill"
    )
    both = both.replace("((", "(m, (").replace("([", "(m, [").replace("( (", "(m,(")
    graph = read_bif(both + "probability ( sex ) { table 1; }")
    assert graph.factors[1].table[0, :, 0].tolist() == [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(Diagnostic, match=r"no state '\(2,3\)'"):
        read_bif(text.replace("(2,Inf) )", "(2,3) )"))


MODEL = "MARKOV 2 2 3 1 2 0 1 6 1 2 3 4 5 6"


@pytest.mark.parametrize("before", ["# by hand\n", "#\n\n", "  # MARKOV 3 2\n"])
def test_comments_in_uai(before):
    plain = read_uai(MODEL)
    for text in (before + MODEL, MODEL.replace(" 6 1", f" {before} 6 1"), MODEL + "\n" + before):
        np.testing.assert_array_equal(read_uai(text).factors[0].table, plain.factors[0].table)
    assert read_evid(f"{before}2  0 1 {before} 3 0") == {"0": 1, "3": 0}
    assert read_results(f"{before}PR -1.5").ln_z == read_results("PR -1.5").ln_z


def test_places_beside_comments():
    text = "# one two\nMARKOV # three\n2 2 x"
    with pytest.raises(Diagnostic) as caught:
        read_uai(text)
    assert (caught.value.span.line, caught.value.span.column) == (3, 5)


@pytest.mark.parametrize("name", ["a\ud800", "\udfff"])
def test_half_a_pair_of_utf_16(name):
    text = f"<BIF><NETWORK><VARIABLE><NAME>{name}</NAME></VARIABLE></NETWORK></BIF>"
    with pytest.raises(Diagnostic) as caught:
        read_xmlbif(text)
    assert caught.value.code.ident == "LW5003"


BIF = """network n {
}
variable p {
  type discrete [ 2 ] { STATES };
}
probability ( p ) {
  table 0.2, 0.8;
}
"""


@pytest.mark.parametrize(
    ("states", "name"),
    [
        ("[0;1), [1;2)", "[0;1)"),
        ("a{1}, b", "a{1}"),
        ("b, a{1}", "a{1}"),
        ("{0}, {1}", "{0}"),
        ("x, a[1]", "a[1]"),
        ("a(b), c", "a(b)"),
        ("a|b, c", "a|b"),
        ("a;b, c", "a;b"),
        ("(0;1], x", "(0;1]"),
        ("[0..1), x", "[0..1)"),
        ("]0,1], ]1,2]", "]0,1]"),
    ],
)
def test_names_that_stand_in_quotes_only(states, name):
    text = BIF.replace("STATES", states)
    with pytest.raises(Diagnostic) as caught:
        read_bif(text)
    assert caught.value.message.endswith(f"in it: {name}")
    assert f'"{name}"' in caught.value.help
    assert caught.value.span.line == 4
    assert name[0] in text.splitlines()[3][caught.value.span.column - 2 :]
    quoted = ", ".join(f'"{s}"' for s in (name, "other"))
    graph = read_bif(BIF.replace("STATES", quoted))
    assert graph.variables["p"].states == (name, "other")
    more = (
        "variable q {\n type discrete [ 2 ] { x, y };\n}\nprobability ( q | p ) {\n  (NAME) 1, 0;\n"
    )
    both = BIF.replace("STATES", quoted) + more + "  (other) 0, 1;\n}\n"
    assert read_bif(both.replace("NAME", f'"{name}"')).factors[1].table.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(Diagnostic) as caught:
        read_bif(both.replace("NAME", name))
    assert caught.value.span.line == 13
    assert f"in it: {name}" in caught.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("type continuous;", "'continuous'"),
        ("type discrete { a, b };", "how many"),
        ("type discrete [ two ] { a, b };", "how many"),
        ("type discrete [ 2 ] { a b, c };", "3 named"),
        ("typ discrete [ 2 ] { a, b };", "a name and a discrete type"),
    ],
)
def test_types_that_are_none(line, words):
    with pytest.raises(Diagnostic) as caught:
        read_bif(BIF.replace("type discrete [ 2 ] { STATES };", line))
    assert words in caught.value.message
    assert caught.value.help
