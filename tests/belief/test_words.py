"""What people write, and what is said about it: sentence, place, help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.bif import read_bif
from lanework.machines.belief.graph.xmlbif import read_xmlbif

DATA = Path(__file__).resolve().parents[2] / "examples" / "data" / "belief"


def asia():
    """A network."""
    return lw.belief.read_network(DATA / "asia.bif")


def refused(call, *said):
    """The error of a call, which says this in its sentence or its help."""
    with pytest.raises(Diagnostic) as caught:
        call()
    for each in said:
        assert each in f"{caught.value.message}\n{caught.value.help}"
    return caught.value


@pytest.mark.parametrize(
    ("given", "advice"),
    [("asia.bif", "read_network"), (Path("asia.bif"), "read_network"), ({"xray": "yes"}, "first"),
     (None, "first"), (np.ones(2), "first")],
)  # fmt: skip
def test_what_is_asked_of_is_a_graph(given, advice):
    belief = lw.belief
    for call in (
        lambda: belief.infer(given, {}),
        lambda: belief.compile_graph(given),
        lambda: belief.sensitivity(given, "lung", "yes"),
        lambda: belief.expected_counts(given, {}),
        lambda: belief.expected_log_likelihood(given, {}),
        lambda: belief.jeffrey(given, {"lung": [0.5, 0.5]}),
        lambda: belief.loopy(given, {}),
        lambda: belief.write_bif(given),
        lambda: belief.write_xmlbif(given),
        lambda: belief.write_uai(given),
        lambda: belief.write_json(given),
    ):
        assert refused(call, "is no factor graph", advice).code.ident == "LW5001"


def test_names_of_one_variable_are_a_list_of_one():
    listed = lw.belief.compile_graph(asia(), ["lung"], evidence=["xray"], observed=["dysp"])
    assert lw.belief.compile_graph(asia(), "lung", evidence="xray", observed="dysp") == listed
    both = lw.belief.compile_graph(asia(), evidence="xray, smoke")
    assert both == lw.belief.compile_graph(asia(), evidence=["xray", "smoke"])
    for option in ("evidence", "observed"):
        for given in ({"xray": "yes"}, 5):
            wrong = {option: given}
            refused(lambda wrong=wrong: lw.belief.compile_graph(asia(), **wrong), option, "run()")
        wrong = {option: "xrai"}
        refused(lambda wrong=wrong: lw.belief.compile_graph(asia(), **wrong), "mean 'xray'?")


def test_scopes_are_lists():
    graph = lw.belief.FactorGraph()
    for name in ("a", "b", "rain"):
        graph.variable(name, 2)
    graph.factor("ab", np.ones((2, 2)))
    assert graph.factors[0].scope == ("a", "b")
    refused(lambda: graph.factor("rain", [1, 2]), "the text 'rain'", "['rain']")
    refused(lambda: graph.factor("rain,a", np.ones((2, 2))), "['rain', 'a']")


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "there are all, mpe"), (" ", "the query is empty"), ("mmap:", "needs names"),
     ("joint: ", "write joint:asia,tub"), ("mmap", "needs names"), ("kbest:", "kbest:10")],
)  # fmt: skip
def test_queries_that_ask_for_nothing(query, said):
    assert refused(lambda: lw.belief.infer(asia(), {}, query), said).code.ident == "LW5009"


@pytest.mark.parametrize("name", ["infer", "loopy", "expected_counts", "expected_log_likelihood"])
def test_what_is_known_is_no_option(name):
    graph, ask = lw.belief.FactorGraph("chest"), getattr(lw.belief, name)
    graph.variable("xray", ["yes", "no"])
    graph.factor(["xray"], [0.1, 0.9])
    for known in ({"xray": "yes"}, {"xray": "no", "limits": None}):
        with pytest.raises(Diagnostic, match="LW2005: there is no option 'xray'") as caught:
            ask(graph, **known)
        assert f"evidence={{'xray': {known['xray']!r}}}" in str(caught.value.help)
    with pytest.raises(Diagnostic, match="did you mean 'limits'"):
        ask(graph, limit=None)


def test_posteriors_that_are_none():
    for goal, said in (([0.3, 0.3], "sum to 0.6"), ([0.2, 0.3, 0.5], "3 numbers")):
        refused(lambda goal=goal: lw.belief.jeffrey(asia(), {"lung": goal}), said)


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "latin.bif").write_bytes(b"network \xff {}")
    (tmp_path / "folder.bif").mkdir()
    for name, said in (
        ("none.bif", "none.bif cannot be read: No such file or directory"),
        ("folder.bif", "folder.bif cannot be read: Is a directory"),
        ("latin.bif", "latin.bif cannot be read: it is not UTF-8 text"),
        ("a\0b.bif", "cannot be read"),
    ):
        error = refused(lambda name=name: lw.belief.read_network(tmp_path / name), said)
        assert "Errno" not in error.message


BIF = """network n {{ }}
variable cloud {{ type discrete [2] {{ rain, dry }}; }}
variable rain {{ type discrete [2] {{ yes, no }}; }}
probability ( cloud ) {{ table 0.5, 0.5; }}
probability ( {} ) {{ table 0.5, 0.5, 0.5, 0.5; }}
"""


@pytest.mark.parametrize(
    ("scope", "column"),
    [("rain | clod", 22), ("rain | cloud, clod", 29), ("ran | cloud", 15), ('rain | "clod"', 22)],
)
def test_names_in_bif_are_marked(scope, column):
    error = refused(lambda: read_bif(BIF.format(scope)), "there is no variable", "did you mean")
    assert (error.span.line, error.span.column) == (5, column + scope.count('"') // 2)


XML = """<BIF><NETWORK>
<NAME>rain</NAME>
<VARIABLE TYPE="nature">
 <NAME>cloud</NAME><OUTCOME>rain</OUTCOME><OUTCOME>dry</OUTCOME></VARIABLE>
<VARIABLE TYPE="nature"><NAME>rain</NAME><OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME></VARIABLE>
<DEFINITION><FOR>cloud</FOR><TABLE>0.5 0.5</TABLE></DEFINITION>
<DEFINITION><FOR>rain</FOR>
 <GIVEN>cloud</GIVEN><TABLE>0.5 0.5 0.5 0.5</TABLE></DEFINITION>
</NETWORK></BIF>
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("<GIVEN>cloud", "<GIVEN>clod", 8, "did you mean 'cloud'?"),
        ("<FOR>rain", "<FOR>ran", 7, "did you mean 'rain'?"),
        ("<FOR>rain", "<FOR>cloud", 7, "two tables of 'cloud'"),
        ("0.5 0.5 0.5 0.5", "0.5 x 0.5 0.5", 7, "holds numbers"),
        ("0.5 0.5 0.5 0.5", "0.5 0.5", 7, "has 2 numbers, not 4"),
        ("0.5 0.5 0.5 0.5", "0.5 -1 0.5 0.5", 7, "has -1"),
        ("<NAME>rain</NAME><O", "<NAME>cloud</NAME><O", 5, "two variables 'cloud'"),
        ("<NAME>rain</NAME><O", "<NAME></NAME><O", 5, "has a NAME"),
        ("<OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME>", "", 5, "no states"),
        ("yes</", "no</", 5, "two states"),
        ('"nature"><NAME>rain', '"decision"><NAME>rain', 5, "type 'decision'"),
        ("</NETWORK>", '<VARIABLE TYPE="nature">\n<NAME>sun</NAME><OUTCOME>a</OUTCOME></VARIABLE>'
         "</NETWORK>", 10, "'sun' has no table"),
    ],
)  # fmt: skip
def test_places_in_xmlbif(old, new, line, said):
    assert old in XML
    error = refused(lambda: read_xmlbif(XML.replace(old, new)), said)
    assert error.span.line == line
