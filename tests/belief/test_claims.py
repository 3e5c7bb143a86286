"""Files that claim far more than they hold are refused before memory is taken for it."""

import gzip
import json
import resource
import tracemalloc

import pytest

from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits
from lanework.machines.belief.graph.files import read_network


def wide(variables, states=2):
    """A network in BIF whose last table is over all variables, and is not written out."""
    names, share = [f"v{n}" for n in range(variables)], ", ".join([str(1 / states)] * states)
    every = ", ".join(f"s{n}" for n in range(states))
    lines = [f"variable {v} {{ type discrete [ {states} ] {{ {every} }}; }}" for v in names]
    lines += [f"probability ( {v} ) {{ table {share}; }}" for v in names[:-1]]
    given = ", ".join(names[:-1])
    return "\n".join([*lines, f"probability ( {names[-1]} | {given} ) {{ default {share}; }}"])


CLAIMS = {
    "wide.bif": wide(26),
    "wider.bif": wide(50, 3),
    "states.uai": "MARKOV 1 16777216 0",
    "two.uai": "MARKOV 2 200000 200000 1 2 0 1 40000000000 1",
    "variables.uai": "MARKOV 99999999999",
    "digits.uai": "MARKOV 1 " + "9" * 5000,
    "entries.uai": "BAYES 2 2 2 1 2 0 1 " + "9" * 6000,
    "scope.uai": "MARKOV 2 2 2 1 99999999 0 1",
    "factors.uai": "MARKOV 2 2 2 888888888888 1 0",
    "one.json": '{"variables": {"a": 16777216}, "factors": {}}',
    "many.json": json.dumps({"variables": {f"v{n}": 60000 for n in range(500)}, "factors": {}}),
    "states.xml": "<BIF><NETWORK><VARIABLE><NAME>a</NAME></VARIABLE></NETWORK></BIF>",
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_file_that_claims_more_than_it_holds(name, tmp_path):
    path = tmp_path / name
    path.write_text(CLAIMS[name])
    tracemalloc.start()
    try:
        with pytest.raises(Diagnostic) as caught:
            read_network(path)
        assert tracemalloc.get_traced_memory()[1] < 16e6 + 40 * len(CLAIMS[name])
    finally:
        tracemalloc.stop()
    assert caught.value.code.ident in ("LW5001", "LW5003")
    assert caught.value.span.line >= 1


@pytest.mark.parametrize("name", ["blanks.uai.gz", "words.json.gz"])
def test_a_packed_file_that_unpacks_to_more_than_the_cap(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(gzip.compress((b" " if "blanks" in name else b"1, ") * (1 << 26)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Diagnostic, match="the cap is") as caught:
        read_network(path, limits=Limits(memory=60_000_000))
    assert caught.value.code.ident == "LW0101"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def test_the_cap_holds_for_tables_that_are_not_written_out(tmp_path):
    path = tmp_path / "wide.bif"
    path.write_text(wide(18))
    assert read_network(path).factors[-1].table.size == 1 << 18
    with pytest.raises(Diagnostic, match="far larger than this file"):
        read_network(path, limits=Limits(memory=4_000_000))


def test_the_cap_holds_for_plain_text(tmp_path):
    path = tmp_path / "long.uai"
    path.write_text("MARKOV 1 2 1 1 0 2 " + " " * 2_000_000 + "1 2")
    assert read_network(path).factors[0].table.tolist() == [1.0, 2.0]
    with pytest.raises(Diagnostic, match="the text of"):
        read_network(path, limits=Limits(memory=4_000_000))


def test_variables_of_no_factor_and_of_many_states_are_read(tmp_path):
    for name, text in (
        ("a.uai", "MARKOV 2 2 50000 1 1 0 2 1 2"),
        ("a.json", '{"variables": {"0": 2, "1": 50000}, "factors": {}}'),
        ("b.uai", "MARKOV 1 100000 1 1 0 100000 " + "1 " * 100000),
    ):
        path = tmp_path / name
        path.write_text(text)
        assert max(v.size for v in read_network(path).variables.values()) >= 50000
