"""Names, texts and file names of others are shown: no terminal obeys them, none makes a row."""

import io
import json
import os
import subprocess
import sys
import unicodedata

import pytest

import lanework as lw
from lanework.app import cli as app
from lanework.base.printable import shown
from lanework.base.span import Span
from lanework.core import terminal
from lanework.core.program.asm import assemble
from lanework.core.result.drawing import Drawing, Edge, Node
from lanework.core.result.show import html_table, markup, text_table
from lanework.core.runner import EngineNotice
from lanework.machines.belief.graph.xmlbif import read_xmlbif

EVIL = {
    "colour": "a\x1b[31mb",
    "title of the window": "a\x1b]0;owned\x07",
    "a row more": "a\nln_p_evidence  0",
    "back to the line's begin": "a\rb",
    "C1": "a\x9b31m",
    "backspace": "a\x08\x08b",
    "right to left": "a\u202eb",
    "isolated": "a\u2067b\u2069",
    "invisible": "a\u200bb",
    "a line of Unicode's": "a\u2028b",
    "a lone surrogate": "a\ud800b",
    "a soft hyphen": "a\u00adb",
    "notes between lines": "a\ufff9b\ufffac\ufffb",
    "tags": "a" + "".join(chr(0xE0000 + ord(char)) for char in "run me\x7f"),
    "a filler of Hangul": "a\u3164b",
    "fillers": "a\u115f\u1160\uffa0\u2800b",
    "selectors of variations": "a\ufe0fb\U000e0101c\u180bd",
    "joiners between Latin letters": "a\u200cb\u200dc",
    "a joiner at the end": "a\u200d",
    "private use": "a\ue000b\U000f0000",
    "not assigned": "a\u0378b\ufdd0\uffff",
    "zero width": "a\u2060b\ufeffc\u200b",
    "shorthand": "a\U0001bca0b",
    "a line and a paragraph": "a\u2028b\u2029c",
    "tab": "a\tb",
    "delete": "a\x7f",
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def harmless(text):
    text.encode()
    return not any(terminal_obeys(char) for char in text)


def terminal_obeys(char):
    return char not in "\n\t" and (not char.isprintable() or char in NOTHING_IS_DRAWN)


NOTHING_IS_DRAWN = "\u115f\u1160\u3164\uffa0\u2800\ufe0f\U000e0101\u180b"


@pytest.mark.parametrize("name", EVIL)
def test_one_function_shows_it(name):
    seen = shown(EVIL[name])
    assert harmless(seen)
    assert seen.startswith("a")
    assert json.loads(f'"{seen}"') == EVIL[name]  # nothing is lost


@pytest.mark.parametrize("category", ["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"])
def test_every_character_of_a_category(category):
    chars = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) == category]
    for n in (*range(0, len(chars), 97), *range(min(len(chars), 200))):
        assert shown(f"a{chars[n]}b").isascii(), hex(ord(chars[n]))


@pytest.mark.parametrize(
    "text",
    [
        "plain text, naïve, 10\u00a0000, 山田\u3000太郎, e\u0301, \U0001f600",
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
        "\u0915\u094d\u200d\u0937, \u0915\u094d\u200c\u0937",  # Devanagari
    ],
)
def test_what_is_seen_stays(text):
    assert shown(text) == text


@pytest.mark.parametrize("name", EVIL)
def test_pages_and_drawings(name):
    """On the page of a notebook, as an image, and for Graphviz."""
    evil = EVIL[name]
    drawing = Drawing(evil, [Node((evil,), title=evil), Node(("b",))], [Edge(0, 1, title=evil)])
    for text in (markup(evil), drawing.svg(), drawing.dot(), html_table([evil], [[evil]], evil)):
        assert harmless(text)
    assert drawing.dot().count("\n") == 6


@pytest.mark.parametrize("name", EVIL)
def test_errors(name):
    evil = EVIL[name]
    span = Span(evil, 1, 3, 1, 3 + len(evil), "x " + evil.replace("\n", " "))
    code = lw.LaneworkError.__subclasses__()[0]
    from lanework.core.codes import BAD_ARGUMENT

    error = code(BAD_ARGUMENT, f"no {evil}", span=span, help=evil, notes=[evil])
    for text in (str(error), error.render(), error.sentence):
        assert harmless(text)
    first, place, line, marks, note, help = str(error).splitlines()
    assert (first[:10], place[:6], note[:7], help[:7]) == (
        "LW8001: no",
        "  --> ",
        "  note:",
        "  help:",
    )
    assert marks.index("^") == line.index("a")
    assert len(marks) == len(line)


@pytest.mark.parametrize("name", EVIL)
def test_tables_and_lists(name, capsys):
    evil = EVIL[name]
    assert len(text_table([evil, "n"], [[evil, "1"], ["b", evil]]).splitlines()) == 3
    terminal.table([evil], [[evil]])
    terminal.listing(evil, [(evil, evil)])
    terminal.message(evil)
    out, err = capsys.readouterr()
    assert harmless(out + err)
    assert (len(out.splitlines()), len(err.splitlines())) == (4, 1)


@pytest.mark.parametrize("name", EVIL)
def test_tables_on_a_terminal(name, monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    terminal.table(["[bold]x[/bold]"], [[f"[red]{EVIL[name]}[/red]"]])
    assert "[bold]x[/bold]" in stream.getvalue()
    assert "[red]a" in stream.getvalue()
    assert EVIL[name] not in stream.getvalue().replace("\t", " ")


def test_the_bar_obeys_no_markup(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal, "PATIENCE", 0.0)
    with terminal.Bar("[bold]file\x1b]0;owned\x07") as bar:
        bar.update(1, 2)
    assert "[bold]file" in stream.getvalue()
    assert "\x07" not in stream.getvalue()


def graph(name):
    network = lw.belief.FactorGraph()
    network.variable(name, ["y" + name, "n"])
    network.factor([name], [0.2, 0.8])
    return network


@pytest.mark.parametrize("name", sorted(set(EVIL) - {"a lone surrogate"}))
def test_a_program_with_such_names(name, tmp_path, capsys):
    """In results, in assembly (which reads back the same), and by every command."""
    evil = EVIL[name]
    program = lw.belief.compile_graph(graph(evil))
    assert harmless(str(program.bind()()))
    assert harmless(program.dis())
    assert assemble(program.dis()).hash == program.hash
    folder = tmp_path / evil.replace("\n", " \n")
    folder.mkdir()
    program.save(folder / "p.lwp")
    for command in (["dis"], ["verify"], ["inspect"], ["run"], ["run", "--outputs", evil + "x"]):
        with pytest.raises(SystemExit):
            app.cli([command[0], str(folder / "p.lwp"), *command[1:]])
    out, err = capsys.readouterr()
    assert harmless(out + err)
    (table,) = [part for part in out.split("variable  ") if "posterior" in part]
    assert len(table.splitlines()) == 3


def test_usage_and_notices(capsys):
    for words in (
        ["run", "--a\x1b[31m"],
        ["verify\x1b[31m"],
        ["fuzz", "x\x1b[31m"],
        ["run", "\x1b[31m"],
    ):
        with pytest.raises(SystemExit):
            app.cli(words)
    app._notice(EngineNotice("cannot run \x1b[31m"))
    assert harmless("".join(capsys.readouterr()))


def test_in_a_pipe(tmp_path):
    path = tmp_path / "m.series"
    path.write_text("x = t + \x1b[31m q\n")
    done = subprocess.run(
        [sys.executable, "-m", "lanework", "run", str(path)], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert harmless(done.stderr.decode())


def half_doc(text):
    model = lw.series.Model("m", periods=2)
    model.input("x", doc=text)
    model.formula("y", "x")
    return model.compile().hash


def half_name(text):
    model = lw.series.Model(text, periods=2)
    model.formula("y", "t")
    return bytes(model.compile())


HALVES = [
    half_doc,
    half_name,
    graph,
    lambda text: graph("a").variable("b", [text]),
    lambda text: read_xmlbif(f"<BIF><NETWORK><NAME>{text}</NAME></NETWORK></BIF>"),
    lambda text: assemble(f'.machine belief\n.variable {json.dumps(text)} "y"'),
    lambda text: assemble(f".machine register\n.data\n.ascii {json.dumps(text)}"),
    lambda text: lw.Limits.from_text(memory="9" * 5000),
]


@pytest.mark.parametrize("make", HALVES)
def test_halves_of_characters_and_endless_numbers_are_refused(make):
    with pytest.raises(lw.LaneworkError) as caught:
        make("a\ud800")
    assert harmless(str(caught.value))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["verify", "--json"], ["inspect", "--json"], ["run", "--json"], ["dis"], ["run"], ["inspect"]],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_device_is_said_in_a_sentence(words, unbuffered, tmp_path):
    path = tmp_path / "p.lwp"
    lw.belief.compile_graph(graph("a")).save(path)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lanework", words[0], str(path), *words[1:]],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert [line for line in lines if line.startswith("error[LW0201]: standard output could")]
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("words", [["inspect"], ["inspect", "--json"], ["run", "--json"]])
def test_closed_streams_are_read_by_nobody(words, tmp_path):
    path = tmp_path / "p.lwp"
    lw.belief.compile_graph(graph("a")).save(path)
    command = ["sh", "-c", '"$@" >&- 2>&-', "sh", sys.executable, "-m", "lanework"]
    done = subprocess.run([*command, words[0], str(path), *words[1:]], check=False)
    assert done.returncode == 0
