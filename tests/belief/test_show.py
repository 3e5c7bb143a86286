"""Drawings and pages of notebooks: valid, escaped, with every name in them."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import lanework as lw
from lanework.app.cli import cli
from lanework.core.cli import Request
from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.machines.belief.drawing import contractions

DATA = Path(__file__).parents[2] / "examples/data/belief"
ASIA = DATA / "asia.bif"
NAMES = ("asia.bif", "alarm.bif", "hailfinder.bif", "win95pts.bif", "pigs.bif.gz", "link.bif.gz")


class Checked(HTMLParser):
    """Tags that are closed in order, and the text between."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag != "script"
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def texts(svg):
    actual = ET.fromstring(svg)
    assert float(actual.get("width")) > 0
    return " ".join(element.text or "" for element in actual.iter())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_drawings_name_every_variable(name):
    graph = lw.belief.read_network(DATA / name)
    words = texts(graph.svg())
    assert all(variable in words for variable in graph.variables)
    dot = graph.dot()
    arcs = sum(len(factor.scope) - 1 for factor in graph.factors)
    assert dot.count(" -> ") == arcs
    program = lw.belief.compile_graph(graph, seconds=0.0)
    steps = contractions(program)
    assert {axis.id for step in steps for axis in step.spec.axes} == set(
        range(len(graph.variables))
    )
    assert texts(lw.belief.tree_svg(program))
    assert lw.belief.tree_dot(program).count(" -> ") == sum(len(step.inputs) for step in steps)


def test_dot_of_asia():
    assert (
        lw.belief.read_network(ASIA).dot()
        == (Path(__file__).parent / "golden/asia.dot").read_text()
    )


def test_nodes_do_not_overlap():
    """Boxes of a drawing of many layers, edges and parts are apart."""
    rng = np.random.default_rng(5)
    for count in (2, 9, 40):
        edges = {(int(a), int(b)) for a, b in rng.integers(0, count, (2 * count, 2)) if a != b}
        drawing = Drawing(
            "x", [Node((f"node {n}",)) for n in range(count)], [Edge(*e) for e in edges]
        )
        boxes = []
        for element in ET.fromstring(drawing.svg()).iter("{http://www.w3.org/2000/svg}ellipse"):
            x, y, rx, ry = (float(element.get(key)) for key in ("cx", "cy", "rx", "ry"))
            boxes.append((x - rx, x + rx, y - ry, y + ry))
        for n, a in enumerate(boxes):
            for b in boxes[:n]:
                assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]


def odd():
    graph = lw.belief.FactorGraph('<b>"net" & co')
    graph.variable('a<script>"', ["<5", "5 & more", "日本"])
    graph.variable("b\\n\x1b", 2)
    graph.factor(['a<script>"', "b\\n\x1b"], np.ones((3, 2)))
    graph.factor([], 2.0)
    return graph


def test_odd_names_are_escaped():
    graph = odd()
    assert "<5" in texts(graph.svg())
    program = lw.belief.compile_graph(graph, seconds=0.0)
    texts(lw.belief.tree_svg(program))
    for thing in (graph, program, program.run(), lw.belief.compile_graph(graph, "mpe").run()):
        page = Checked(thing._repr_html_())
        assert "script>" not in "".join(page.open)
    assert '\\"net\\"' in graph.dot()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_pages(name):
    graph = lw.belief.read_network(DATA / name)
    assert str(len(graph.variables)) in "".join(Checked(graph._repr_html_()).text)
    program = lw.belief.compile_graph(graph, "z", seconds=0.0)
    assert program.hash[:16] in "".join(Checked(program._repr_html_()).text)


def test_posteriors_have_bars_and_tables():
    runner = lw.belief.compile_graph(lw.belief.read_network(ASIA)).bind()
    one = runner(xray="yes")._repr_html_()
    assert one.count("currentColor") == 16
    words = "".join(Checked(one).text)
    assert "0.4887114" in words
    assert "ln_p_evidence -2.2046417" in words
    many = Checked(runner({"xray": ["yes", "no"]})._repr_html_())
    assert "row 2 x lung 2" in "".join(many.text)


def test_from_the_command_line(tmp_path):
    graph, tree = tmp_path / "graph.svg", tmp_path / "tree.dot"
    done = CliRunner().invoke(
        cli, ["inspect", str(ASIA), "--graph", str(graph), "--tree", str(tree)]
    )
    assert done.exit_code == 0, done.stderr
    assert "dysp" in texts(graph.read_text())
    assert tree.read_text().startswith("digraph")
    wrong = CliRunner().invoke(cli, ["inspect", str(ASIA), "--graph", str(tmp_path / "x.png")])
    assert wrong.exit_code == 1
    series = str(DATA.parents[1] / "projfin40.series")
    for option in ("--graph", "--tree"):
        refused = CliRunner().invoke(cli, ["inspect", series, option, str(graph)])
        assert refused.exit_code == 1
        assert f"the series machine, which has no option {option}" in refused.stderr


@pytest.mark.parametrize("name", ["projfin40.series", "fib.lasm"])
def test_programs_of_other_machines_have_pages(name):
    program = Request(str(DATA.parents[1] / name)).program
    assert program.hash[:16] in "".join(Checked(program._repr_html_()).text)
