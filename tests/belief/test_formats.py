"""Formats of networks: written, read back to the bit, and as other programs have them."""

import gzip
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lanework.app.cli import cli
from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.bif import read_bif, write_bif
from lanework.machines.belief.graph.files import read_network
from lanework.machines.belief.graph.jsonform import read_json, write_json
from lanework.machines.belief.graph.model import FactorGraph
from lanework.machines.belief.graph.uai import (
    read_evid,
    read_results,
    read_uai,
    write_results,
    write_uai,
)
from lanework.machines.belief.graph.xmlbif import read_xmlbif, write_xmlbif
from lanework.machines.belief.passes.compile import compile_graph

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
GOLDEN = Path(__file__).parent / "golden"
# Beside them lie rows of evidence and a drawing.
NETWORKS = sorted(set(GOLDEN.glob("*.*[!d]")) - set(GOLDEN.glob("*.dot")))
NAMED = {
    "bif": (write_bif, read_bif),
    "xmlbif": (write_xmlbif, read_xmlbif),
    "json": (write_json, read_json),
}
ODD = [
    "Asy/Patch", "<5%", ">=5", "two words", "a,b;c", "{x}", "(y)", "[z]", "a|b", "it's", "&amp;",
    "über", "日本", "🙂", "//", "/*x*/", "table", "default", "0", "1.5", "-", "none", "]]>", "%",
    "\\", "\N{NO-BREAK SPACE}x",
]  # fmt: skip
FILES = sorted(path.name for path in (*DATA.glob("*.bif"), *DATA.glob("*.bif.gz")))


def same(graph, again, *, names=True):
    assert len(again.factors) == len(graph.factors)
    for one, other in zip(graph.factors, again.factors, strict=True):
        assert other.table.shape == one.table.shape
        assert other.table.tobytes() == one.table.tobytes()
        if names:
            assert (other.scope, other.child) == (one.scope, one.child)
    if names:
        assert list(again.variables.values()) == list(graph.variables.values())
        assert again.name == graph.name


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_networks_read_back_to_the_bit(file):
    graph = read_network(DATA / file)
    for write, read in NAMED.values():
        text = write(graph)
        again = read(text)
        same(graph, again)
        assert write(again) == text
    again = read_uai(write_uai(graph))
    same(graph, again, names=False)
    assert again.directed
    assert [f.scope[-1] for f in again.factors] == [f.child for f in again.factors]


def odd_network():
    graph = FactorGraph("odd & <names>")
    for number, name in enumerate(ODD):
        graph.variable(name, [ODD[-1 - number], *[n for n in ODD[:3] if n != ODD[-1 - number]]])
    for number, name in enumerate(ODD):
        scope = [*ODD[max(0, number - 1) : number], name]
        table = np.random.default_rng(number).random([graph.variables[v].size for v in scope])
        graph.factor(scope, table / table.sum(axis=-1, keepdims=True), name=name, child=name)
    return graph


@pytest.mark.parametrize("kind", NAMED)
def test_odd_names_read_back(kind):
    write, read = NAMED[kind]
    graph = odd_network()
    if kind == "xmlbif":  # whose readers take blanks off
        graph = renamed(graph, ODD[-1], "no blank")
    same(graph, read(write(graph)))


def renamed(graph, old, new):
    copy = FactorGraph(graph.name)
    for variable in graph.variables.values():
        states = [new if state == old else state for state in variable.states]
        copy.variable(new if variable.name == old else variable.name, states)
    for factor in graph.factors:
        scope = [new if name == old else name for name in factor.scope]
        copy.factor(scope, factor.table, name=scope[-1], child=scope[-1])
    return copy


def test_numbers_of_any_size_read_back():
    graph = FactorGraph("numbers")
    graph.variable("a", 6)
    values = [5e-324, 1e-300, 0.1 + 0.2, 1 / 3, 0.0, 1e-17]
    graph.factor(["a"], [*values], name="a", child="a")
    for write, read in (*NAMED.values(), (write_uai, read_uai)):
        assert read(write(graph)).factors[0].table.tolist() == values


def one_variable(name, state="x"):
    graph = FactorGraph("n")
    graph.variable(name, [state, "other"])
    graph.factor([name], [0.5, 0.5], name=name, child=name)
    return graph


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("bif", name) for name in ('say "x"', "two\nlines", "tab\tbed", "", "\x00", "\u2028")),
        *(("xmlbif", name) for name in (" blank", "blank ", "two\nlines", "\x07", "\ufffe", "")),
    ],
)
def test_names_that_a_format_cannot_hold(kind, name):
    write, _ = NAMED[kind]
    for graph in (one_variable(name), one_variable("a", name)):
        with pytest.raises(Diagnostic) as caught:
            write(graph)
        assert caught.value.code.ident == "LW5001"
        assert "cannot hold" in caught.value.message
        assert "JSON" in caught.value.help
        same(graph, read_json(write_json(graph)))


@pytest.mark.parametrize("write", [write_bif, write_xmlbif])
def test_only_networks_are_written(write):
    graph = FactorGraph()
    graph.variable("a", 2)
    graph.factor(["a"], [1.0, 2.0])
    with pytest.raises(Diagnostic, match="conditional tables"):
        write(graph)


def test_any_graph_is_json_and_uai():
    graph = FactorGraph("any")
    graph.variable("a", ["x", "y"])
    graph.variable("b", 3)
    graph.variable("alone", 2)
    graph.factor(["b", "a"], np.arange(6.0).reshape(3, 2), name="f")
    graph.factor([], 0.1, name="f")
    graph.factor(["a"], [1.0, 2.0], name="g")
    same(graph, read_json(write_json(graph)))
    assert [f.name for f in read_json(write_json(graph)).factors] == ["f", "f", "g"]
    same(graph, read_uai(write_uai(graph)), names=False)
    same(FactorGraph("none"), read_json(write_json(FactorGraph("none"))))


def test_other_orders_of_axes_are_the_same_network():
    graph = FactorGraph("n")
    graph.variable("a", 2)
    graph.variable("b", 3)
    graph.factor(["a"], [0.25, 0.75], child="a")
    table = np.array([[0.5, 0.25, 0.25], [0.125, 0.375, 0.5]])
    graph.factor(["b", "a"], table.T, child="b")
    for kind in ("bif", "xmlbif"):
        write, read = NAMED[kind]
        actual = read(write(graph)).factors[1]
        assert actual.scope == ("a", "b")
        assert actual.table.tolist() == table.tolist()


# Other programs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.name)
def test_one_network_of_several_programs(path):
    """What other programs wrote, and what they read from us; answers of pyAgrum."""
    graph = read_network(path)
    numbered = path.suffix == ".uai"
    rain, sprinkler, grass = ("0", "1", "2") if numbered else ("rain", "sprinkler", "grass")
    result = compile_graph(graph).bind()({grass: "0" if numbered else "wet"})
    right = [0.230690537084399, 0.49104859335038364, 0.2782608695652174]
    np.testing.assert_allclose(result[rain], right, atol=1e-15)
    np.testing.assert_allclose(result[sprinkler], [0.6132992327365729, 0.3867007672634271])
    assert math.exp(result["ln_p_evidence"]) == pytest.approx(0.477294921875, rel=1e-14)


def test_what_is_written_stays_what_others_have_read():
    graph = read_network(GOLDEN / "pyagrum.bifxml")
    assert write_bif(graph) == (GOLDEN / "lanework.bif").read_text()
    assert write_xmlbif(graph) == (GOLDEN / "lanework.bifxml").read_text()
    assert write_uai(graph) == (GOLDEN / "lanework.uai").read_text()


# What is malformed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (read_json, '{"variables": {"a": 2, "a": 3}, "factors": {}}', "'a' is there twice"),
        (read_json, '{"variables": {"a": 2},\n "factors": {"f": {"scope": ["a"],'
         ' "values": [1, 2]}, "f": {"scope": [], "values": 1}}}', "'f' is there twice"),
        (read_json, '{"variables": {"a": [[1], 2]}, "factors": {}}', "number of states"),
        (read_json, '{"variables": {"a": 2}, "factors": [3]}', "a scope"),
        (read_json, '{"variables": {"a": 2}, "factors": [{"scope": ["a"]}]}', "no table"),
        (read_json, '{"variables": {"a": 2}, "factors": [{"scope": ["a"], "values": ["1", "x"]}]}',
         "the table of '0' at 0 is the text '1'"),
        (read_json, '{"variables": {"a": 2}, "factors": [{"scope": ["a"], "values": [[1], 2]}]}',
         "rows of different lengths"),
        (read_evid, "2 0 1 0 0", "observed twice"),
        (read_results, "POSTERIOR 1", "no kind of result"),
        (read_results, "MAR 1 2 0.5", "too soon"),
        (read_results, "MPE 2 1", "too soon"),
        (read_xmlbif, "<BIF><NETWORK><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME></VARIABLE>"
         "</NETWORK></BIF>", "has no table"),
    ],
)  # fmt: skip
def test_malformed_texts(read, text, message):
    with pytest.raises(Diagnostic) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.code.ident == (
        "LW5002" if "the table of" in message or "rows of" in message else "LW5003"
    )
    assert caught.value.span is not None


def test_places_of_what_graphs_refuse():
    with pytest.raises(Diagnostic) as caught:
        read_json('{"variables": {"a": 2},\n "factors": {"f": {"scope": ["b"], "values": [1, 2]}}}')
    assert (caught.value.span.line, caught.value.span.column) == (2, 30)
    with pytest.raises(Diagnostic) as caught:
        read_uai("MARKOV\n1\n2\n1\n1 0\n2\n 0.5 -1\n")
    assert (caught.value.span.line, caught.value.span.column) == (7, 6)
    text = write_xmlbif(one_variable("a")).replace("0.5 0.5", "0.5 -0.5")
    with pytest.raises(Diagnostic) as caught:
        read_xmlbif(text)
    assert caught.value.span.line == text[: text.index("<FOR>a")].count("\n") + 1


ONE = '"a": {"scope": ["a"], "values": [1, 2]}'


@pytest.mark.parametrize(
    ("text", "at"),
    [
        # names that stand before, as something else
        (f'{{"name": "b", "variables": {{"a": 2,\n @"b": 0}}, "factors": {{{ONE}}}}}', "b"),
        (f'{{"variables": {{"a": ["b", "c"],\n @"b": []}}, "factors": {{{ONE}}}}}', "b"),
        ('{"variables": {"a": 2},\n "factors": {"a": {"scope": ["a"], @"values": [1]}}}', "values"),
        ('{"variables": {"a": 2, "b": 2},\n "factors": {"a": {"scope": ["a",@ "c"], "values": 1}}}',
         "c"),
        ('{"variables": {"0": 2},\n "factors": [{"scope": ["0"], "values": [1, 2]},\n'
         ' {"scope": ["0"], @"values": [1, -2]}]}', "values"),
        ('{"variables": {"0": 2},\n "factors": [{"scope": ["0"], "values": [1, 2]},\n @7]}', "7"),
        ('{"variables": {"a": 2}, "factors": {"f": {@"child": "b", "scope": ["a"],\n'
         ' "values": [1, 2]}}}', "child"),
        ('{"factors": {"b": {"scope": ["a"], "values": 1}}, "variables": {"a": ["b", "c"], "b": 2,'
         '\n @"b": 3}}', "b"),
        ('{"variables": {"a": ["x", "y"]},\n "factors": {"a": {"child": "a", "scope": ["a"],'
         ' @"values": ["x", "y"]}}}', "values"),
    ],
)  # fmt: skip
def test_places_in_json(text, at):
    """The place is marked, and is the one of that name or number that is to blame."""
    before, after = text.split("@")
    with pytest.raises(Diagnostic) as caught:
        read_json(before + after)
    span, skipped = caught.value.span, len(after) - len(after.lstrip())
    assert after.lstrip().lstrip('"').startswith(at)
    assert span.line == before.count("\n") + 1
    assert span.column == len(before) + skipped - before.rfind("\n")


# Results ------------------------------------------------------------------------------------------


def test_results_read_back():
    text = write_results(-math.log(3.0), [[0.1, 0.9], [1.0]], {0: 1, 1: 0})
    actual = read_results(text)
    assert actual.ln_z == pytest.approx(-math.log(3.0), rel=1e-15)
    assert actual.marginals == [[0.1, 0.9], [1.0]]
    assert actual.best == {0: 1, 1: 0}
    assert read_results(write_results(-math.inf)).ln_z == -math.inf
    with pytest.raises(Diagnostic, match="lacks some"):
        write_results(best={0: 1, 2: 0})


def test_results_from_the_command_line(tmp_path):
    net, evid = tmp_path / "asia.uai", tmp_path / "asia.uai.evid"
    graph = read_network(DATA / "asia.bif")
    net.write_text(write_uai(graph))
    evid.write_text("1 6 0\n")
    right = compile_graph(graph).run(xray="yes")
    for ending in ("PR", "MAR"):
        out = tmp_path / f"asia.uai.{ending}"
        words = ["run", str(net), "--evidence", str(evid), "--out", str(out)]
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.stderr
        actual = read_results(out.read_text())
        if ending == "PR":
            assert actual.ln_z == pytest.approx(float(right["ln_p_evidence"]), rel=1e-12)
            assert actual.marginals is None
        else:
            assert actual.ln_z is None
            for name, marginal in zip(graph.variables, actual.marginals, strict=True):
                np.testing.assert_allclose(marginal, right[name], atol=1e-14)
    rows = tmp_path / "rows.csv"
    rows.write_text("6\n0\n1\n")
    words = ["run", str(net), "--evidence", str(rows), "--out", str(tmp_path / "x.MAR")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1
    assert "one row" in done.stderr
    words = ["run", str(net), "--query", "3", "--out", str(tmp_path / "x.MAR")]
    assert "every variable" in CliRunner().invoke(cli, words).stderr


BOMB = """
import resource, sys
import lanework as lw
from lanework.machines.belief.graph.files import unpacked
def peak():
    lines = open("/proc/self/status").read().split()
    return int(lines[lines.index("VmHWM:") + 1])
before = peak()
try:
    lw.belief.read_network(sys.argv[1])
except lw.LaneworkError as error:
    print(error.code.ident, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".bif", ".uai", ".xmlbif", ".json"])
def test_a_packed_file_is_counted_before_it_is_kept(ending, tmp_path):
    """A megabyte of compressed blanks: refused within some megabytes of memory."""
    path = tmp_path / f"bomb{ending}.gz"
    with gzip.open(path, "wb", 9) as file:
        for _ in range(400):
            file.write(b" " * (1 << 20))
    command = [sys.executable, "-c", BOMB, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, kilobytes = done.stdout.split()
    assert code == "LW5003"
    assert int(kilobytes) < 30_000
