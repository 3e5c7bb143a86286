"""Files of networks that were cut off or changed: a place in the text, never a smaller network."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.belief.graph.bif import read_bif, write_bif
from lanework.machines.belief.graph.files import read_network
from lanework.machines.belief.graph.uai import read_uai, write_uai

DATA = Path(__file__).resolve().parents[2] / "examples/data/belief"
SMALL = ("asia", "cancer", "earthquake", "survey")
BYTES = list('0123456789 .,;|-_<>[]{}()"\n/*ax')
PAIR = """network pair { property "made by { hand }"; } // one of two
variable rain { type discrete [ 2 ] { yes, no }; property weather = dark ; }
variable wet { /* by rain } */ type discrete [ 2 ] { yes, no }; }
probability ( rain ) { table 0.25, 0.75; }
probability ( wet | rain ) {
  (yes) 0.75, 0.25;
  (no) 0.125, 0.875;
}
"""


def refused(read, text):
    """The diagnostic of a text that cannot be read, with a place in it."""
    with pytest.raises(Diagnostic) as caught:
        read(text, "bad")
    span = caught.value.span
    lines = text.splitlines() or [""]
    assert span is not None, caught.value
    assert 1 <= span.line <= len(lines)
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1
    assert caught.value.render()
    return caught.value


def cuts(text, most=400):
    """Places to cut a text: all of a short one, others drawn, and the ends of all lines."""
    ends = [match.start() for match in re.finditer("\n", text)]
    rng = np.random.default_rng(2)
    drawn = range(len(text)) if len(text) < most else rng.choice(len(text), most).tolist()
    return sorted({*drawn, *(ends if len(ends) < most else rng.choice(ends, most).tolist())})


def test_comments_and_properties_are_passed_over():
    graph = read_bif(PAIR)
    assert graph.name == "pair"
    assert graph.factors[1].table.tolist() == [[0.75, 0.25], [0.125, 0.875]]


def test_names_in_quotes_hold_anything():
    text = PAIR.replace("rain", '"rain, {if (any)} | // "').replace("yes", '"oh; yes"')
    graph = read_bif(text)
    assert list(graph.variables) == ["rain, {if (any)} | // ", "wet"]
    assert graph.variables["wet"].states == ("oh; yes", "no")
    again = read_bif(write_bif(graph))
    assert list(again.variables.values()) == list(graph.variables.values())


def test_slashes_within_names():
    text = PAIR.replace("rain", "Asy/Patch//b").replace("yes", "a/*b")
    assert read_bif(text).variables["Asy/Patch//b"].states == ("a/*b", "no")


@pytest.mark.parametrize("name", SMALL)
def test_a_bif_file_that_is_cut_off(name):
    text = (DATA / f"{name}.bif").read_text()
    full = read_bif(text)
    head = text.index("}") + 1  # after it, a network without variables is well formed
    for at in range(len(text)):
        if text[:at].strip() == text.strip():
            assert len(read_bif(text[:at]).factors) == len(full.factors)
        elif text[:at].strip() == text[:head]:
            assert not read_bif(text[:at]).variables
        else:
            refused(read_bif, text[:at])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alarm", "hepar2", "win95pts", "hailfinder"])
def test_a_larger_bif_file_that_is_cut_off(name):
    text = (DATA / f"{name}.bif").read_text().strip()
    for at in cuts(text, 150):
        if at > text.index("variable"):
            refused(read_bif, text[:at])


@pytest.mark.parametrize("name", SMALL)
def test_a_part_that_is_lost(name):
    """Without any one of its lines, a file is no network, or says the same of as much."""
    lines = (DATA / f"{name}.bif").read_text().splitlines(keepends=True)
    for number in range(2, len(lines)):
        refused(read_bif, "".join(lines[:number] + lines[number + 1 :]))


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_changed_bytes(name):
    """As many variables and tables as before, or a place in the text."""
    full = (DATA / f"{name}.bif").read_text()
    graph = read_bif(full)
    rng = np.random.default_rng(len(name))
    read = 0
    for _ in range(1500):
        text = list(full)
        for _ in range(rng.integers(1, 4)):
            text[rng.integers(len(text))] = rng.choice(BYTES)
        try:
            changed = read_bif("".join(text), "bad")
        except Diagnostic:
            refused(read_bif, "".join(text))
            continue
        read += 1
        assert [f.table.shape for f in changed.factors] == [f.table.shape for f in graph.factors]
        assert len(changed.variables) == len(graph.variables)
    assert read > 20  # some changes are harmless, and most are not


@pytest.mark.parametrize(
    ("old", "new", "message", "line"),
    [
        ("{ yes, no }; }\nprob", "{ yes, no, so }; }\nprob", "2 states are declared, and 3", 3),
        ("{ yes, no }; }\nprob", "{ yes }; }\nprob", "2 states are declared, and 1 named", 3),
        ("[ 2 ]", "[ two ]", "a discrete type", 2),
        ("[ 2 ]", "[ 99999999999 ]", "a discrete type", 2),
        ("{ yes, no }; p", "{ yes, yes }; p", "two states of one name", 2),
        ("variable wet", "variable rain", "two variables 'rain'", 3),
        ("variable wet", "variable wet wetter", "a name and a discrete type", 3),
        ("0.25, 0.75; }", "0.25, 0.5, 0.25; }", "3 numbers are given here, and 2 wanted", 4),
        ("0.125, 0.875", "1.0", "1 numbers are given here, and 2 wanted", 7),
        ("0.125, 0.875", "0.125, 0.8x", "holds numbers", 7),
        ("0.125, 0.875", "0.125, 1_0", "holds numbers", 7),
        ("0.125, 0.875", "0.125, -0.875", "has -0.875 at (1, 1)", 5),
        ("0.125, 0.875", "nan, 0.875", "has nan at (1, 0)", 5),
        ("0.125, 0.875", "1e999, 0.875", "has inf at (1, 0)", 5),
        ("0.125, 0.875;", "0.125, 0.875", "ends with a semicolon", 7),
        ("(no) 0.125", "(yes) 0.125", "given twice", 7),
        ("(no) 0.125", "(maybe) 0.125", "'rain' has no state 'maybe'", 7),
        ("(no) 0.125", "(no, no) 0.125", "2 states of parents", 7),
        ("  (no) 0.125, 0.875;\n", "", "lacks (no)", 5),
        ("(no) 0.125, 0.875;", "(no) 0.125, 0.875; table 1, 0, 0, 1;", "given twice", 7),
        ("(no)", "default 1, 0; default", "second default", 7),
        ("( wet | rain )", "( wet | snow )", "no variable 'snow'", 5),
        ("( wet | rain )", "( wet, rain )", "a joint table", 5),
        ("( wet | rain )", "( wet | rain | rain )", "whose table", 5),
        ("( wet | rain )", "( wet | wet )", "a variable twice", 5),
        ("( wet | rain )", "wet | rain", "whose table", 5),
        ("( wet | rain )", "( )", "whose table", 5),
        ("( wet | rain )", "( rain )", "two tables of 'rain'", 5),
        ("probability ( rain ) { table 0.25, 0.75; }\n", "", "'rain' has no table", 2),
        ("( rain ) { table 0.25, 0.75; }",
         "( rain | wet ) { default 0.5, 0.5; }", "a cycle: rain <- wet <- rain", 2),
        ("variable wet", "{ } variable wet", "a brace follows a name", 3),
        ("variable wet", "variables wet", "no part of a network", 3),
        ("/* by rain } */", "/* by rain }", "a comment is not closed", 3),
        ("{ hand }\";", "{ hand }\"; x", "this is no part of a network", 1),
        ("network pair", "network ( pair", "a name and properties", 1),
    ],
)  # fmt: skip
def test_what_is_wrong_and_where(old, new, message, line):
    assert old in PAIR
    error = refused(read_bif, PAIR.replace(old, new, 1))
    assert message in error.message
    assert error.span.line == line


def test_defaults_fill_what_no_line_gives():
    rows = "default 0.5, 0.5; (no) 0.125, 0.875;"
    text = PAIR.replace("(yes) 0.75, 0.25;\n  (no) 0.125, 0.875;", rows)
    assert read_bif(text).factors[1].table.tolist() == [[0.5, 0.5], [0.125, 0.875]]


def many(count):
    """A network in which one variable has a table with a default alone."""
    names = [f"v{n}" for n in range(count)]
    text = [f"variable {name} {{ type discrete [ 2 ] {{ a, b }}; }}" for name in ["w", *names]]
    text += [f"probability ( {name} ) {{ table 0.5, 0.5; }}" for name in names]
    text.append(f"probability ( w | {', '.join(names)} ) {{ default 0.5, 0.5; }}")
    return "\n".join(text)


@pytest.mark.parametrize("count", [40, 70])
def test_a_default_does_not_stand_for_everything(count):
    assert "too large" in refused(read_bif, many(count)).message


@pytest.mark.parametrize("name", ["asia", "survey"])
def test_a_uai_file_that_is_cut_off(name):
    text = write_uai(read_bif((DATA / f"{name}.bif").read_text())).strip()
    last = text.rindex(" ")  # within its last word, a number is as good as the whole one
    for at in range(last + 1):
        refused(read_uai, text[:at])


def test_packed_files(tmp_path):
    data = gzip.compress((DATA / "asia.bif").read_bytes())
    path = tmp_path / "asia.bif.gz"
    path.write_bytes(data)
    assert len(read_network(path).variables) == 8
    uai = tmp_path / "Asia.UAI.GZ"
    uai.write_bytes(gzip.compress(write_uai(read_network(path)).encode()))
    assert len(read_network(uai).variables) == 8
    for bad in (data[:-9], data[:5], b"", b"network asia {}", data[:40] + b"\0" + data[41:]):
        path.write_bytes(bad)
        with pytest.raises(Diagnostic) as caught:
            read_network(path)
        assert caught.value.code.ident == "LW5003"
    (tmp_path / "asia.gz").write_bytes(data)
    with pytest.raises(Diagnostic, match="no format"):
        read_network(tmp_path / "asia.gz")


def test_a_packed_file_does_not_unpack_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("lanework.machines.belief.graph.files.MOST_BYTES", 1000)
    path = tmp_path / "big.bif.gz"
    path.write_bytes(gzip.compress(b" " * 1001))
    with pytest.raises(Diagnostic, match="more than 1,000 bytes"):
        read_network(path)
