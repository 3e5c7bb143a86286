"""Files of networks: what is written reads back, and what is malformed says where."""

import math
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.bif import read_bif, write_bif
from lanework.machines.belief.graph.files import read_network, read_text
from lanework.machines.belief.graph.jsonform import read_json
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.uai import read_evid, read_uai, write_results, write_uai
from lanework.machines.belief.graph.xmlbif import read_xmlbif
from lanework.machines.belief.passes.compile import compile_graph

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
XML = """<?xml version="1.0"?>
<!DOCTYPE BIF [ <!ELEMENT BIF ( NETWORK )*> ]>
<BIF VERSION="0.3"><NETWORK><NAME>dog</NAME>
<VARIABLE TYPE="nature"><NAME>out</NAME><OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME></VARIABLE>
<VARIABLE TYPE="nature"><NAME>bark</NAME><OUTCOME>yes</OUTCOME><OUTCOME>no</OUTCOME></VARIABLE>
<DEFINITION><FOR>out</FOR><TABLE>0.25 0.75</TABLE></DEFINITION>
<DEFINITION><FOR>bark</FOR><GIVEN>out</GIVEN><TABLE>0.5 0.5 0.125 0.875</TABLE></DEFINITION>
</NETWORK></BIF>"""


# Variables, arcs and free parameters, as the repository says.
COUNTS = {
    "asia": (8, 8, 18),
    "cancer": (5, 4, 10),
    "earthquake": (5, 4, 10),
    "survey": (6, 6, 21),
    "alarm": (37, 46, 509),
    "barley": (48, 84, 114005),
    "hailfinder": (56, 66, 2656),
    "hepar2": (70, 123, 1453),
    "mildew": (35, 46, 540150),
    "win95pts": (76, 112, 574),
    "diabetes": (413, 602, 429409),
    "link": (724, 1125, 14211),
    "munin1": (186, 273, 15622),
    "munin2": (1003, 1244, 69431),
    "pigs": (441, 592, 5618),
    "munin": (1041, 1397, 80592),
}


@pytest.mark.parametrize("name", COUNTS)
def test_networks_are_as_large_as_they_are_said_to_be(name):
    (path,) = DATA.glob(f"{name}.bif*")
    graph = read_network(path)
    arcs = sum(len(factor.scope) - 1 for factor in graph.factors)
    free = sum(f.table.size - f.table.size // graph.variables[f.child].size for f in graph.factors)
    assert (len(graph.variables), arcs, free) == COUNTS[name]
    assert graph.directed


def same(a, b):
    assert len(a.factors) == len(b.factors)
    for x, y in zip(a.factors, b.factors, strict=True):
        assert x.table.tobytes() == y.table.tobytes()
    assert [v.size for v in a.variables.values()] == [v.size for v in b.variables.values()]


@pytest.mark.parametrize("name", ["asia", "alarm", "hailfinder"])
def test_what_is_written_reads_back_to_the_bit(name):
    graph = read_network(DATA / f"{name}.bif")
    again = read_bif(write_bif(graph))
    same(graph, again)
    assert list(again.variables.values()) == list(graph.variables.values())
    same(graph, read_uai(write_uai(graph)))
    assert read_uai(write_uai(graph)).directed


def test_formats_give_the_same_answers():
    graph = read_network(DATA / "asia.bif")
    numbered = read_uai(write_uai(graph))
    one = compile_graph(graph, seconds=0.0).run(xray="yes")
    other = compile_graph(numbered, seconds=0.0).bind()({"6": 0})
    for number, name in enumerate(graph.variables):
        np.testing.assert_allclose(one[name], other[str(number)], atol=1e-14)


def test_xmlbif():
    graph = read_xmlbif(XML)
    assert graph.name == "dog"
    assert compile_graph(graph).run(bark="yes")["out"][0] == pytest.approx(
        0.25 * 0.5 / (0.25 * 0.5 + 0.75 * 0.125)
    )


def test_uai_evidence_and_results():
    assert read_evid("") == {}
    assert read_evid("1 4 2\n") == {"4": 2}
    assert write_results(math.log(100.0), [[0.5, 0.5]], {1: 0, 0: 3}) == (
        "PR\n2.0\nMAR\n1 2 0.5 0.5\nMPE\n2 3 0\n"
    )


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_uai, "TREE 1", "no kind of model"),
        (read_uai, "MARKOV 1 2 1 1 0 2 0.5", "too soon"),
        (read_uai, "MARKOV 1 2 1 1 0 2 0.5 x", "holds numbers"),
        (read_uai, "MARKOV 1 2 1 1 7 2 0.5 0.5", "no variable"),
        (read_uai, "MARKOV 1 2 1 1 0 3 1 1 1", "2 entries"),
        (read_uai, "MARKOV 1 2 0 9", "goes on"),
        (read_uai, "MARKOV 1 0 0", "has states"),
        (read_evid, "2 0 1", "too soon"),
        (read_evid, "1 0 1 5", "goes on"),
        (read_xmlbif, "<BIF><NETWORK>", "malformed"),
        (read_xmlbif, "<BIF></BIF>", "no NETWORK"),
        (read_xmlbif, '<!DOCTYPE x [<!ENTITY a "b">]><BIF/>', "no entities"),
        (read_xmlbif, XML.replace("<GIVEN>out", "<GIVEN>cat"), "no variable 'cat'"),
        (read_xmlbif, XML.replace("0.125", "x"), "holds numbers"),
        (read_xmlbif, XML.replace("0.125", ""), "3 numbers, not 4"),
        (read_json, "{", "malformed"),
        (read_json, "[1]", "an object"),
        (read_json, '{"variables": {"a": 1.5}, "factors": {}}', "number of states"),
        (read_json, '{"variables": {"a": 2}, "factors": {"f": 3}}', "a scope"),
        (read_json, '{"variables": {"a": 2}, "factors": {"f": {"scope": ["a"], "values": "x"}}}',
         "no table"),
    ],
)  # fmt: skip
def test_malformed_files_say_what_is_wrong(read, text, message):
    with pytest.raises(Diagnostic) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.code.ident == "LW5003"
    assert caught.value.span is not None


def test_places_in_uai():
    with pytest.raises(Diagnostic) as caught:
        read_uai("MARKOV\n2\n2 2\n1\n2 0 5\n4 1 1 1 1\n", "bad.uai")
    assert (caught.value.span.line, caught.value.span.column) == (5, 5)


def test_only_networks_are_written_as_bif():
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1.0, 2.0])
    with pytest.raises(Diagnostic) as caught:
        write_bif(graph)
    assert caught.value.code.ident == "LW5001"


def test_endings(tmp_path):
    with pytest.raises(Diagnostic, match="no format"):
        read_text("", "x.net")
    with pytest.raises(Diagnostic, match="cannot be read"):
        read_network(tmp_path / "none.bif")
    path = tmp_path / "asia.uai"
    path.write_text(write_uai(read_network(DATA / "asia.bif")))
    assert len(lw.belief.read_network(path).variables) == 8


@pytest.mark.parametrize("read", [read_uai, read_xmlbif, read_json])
@pytest.mark.filterwarnings("ignore::lanework.machines.belief.graph.factor.TableNotice")
def test_mutations_never_crash(read):
    texts = {
        read_uai: write_uai(read_network(DATA / "asia.bif")),
        read_xmlbif: XML,
        read_json: (
            '{"variables": {"a": 2, "b": ["x", "y"]},'
            ' "factors": {"f": {"scope": ["a", "b"], "values": [[1, 2], [3, 4]]}}}'
        ),
    }
    rng = np.random.default_rng(3)
    for _ in range(400):
        text = list(texts[read])
        for _ in range(rng.integers(1, 4)):
            text[rng.integers(len(text))] = rng.choice(list('0123 .-<>[]{}",ax/'))
        if rng.random() < 0.3:
            text = text[: rng.integers(len(text))]
        try:
            compile_graph(read("".join(text)), seconds=0.0).problems()
        except Diagnostic:
            continue
