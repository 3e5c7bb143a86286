"""Tests pass with other work on the machine, however they were started; none gets lost."""

import re
from pathlib import Path

import pytest
from campaigns import campaign

TESTS = Path(__file__).resolve().parents[1]
TEXTS = {
    str(path.relative_to(TESTS)): path.read_text()
    for path in TESTS.rglob("*.py")
    if path != Path(__file__).resolve()
}
STOP_WATCH = re.compile(r"\b(perf_counter|monotonic)(_ns)?\b|\btime\.time\(")
ALLOWED = {
    "engines/test_arena.py": "a wait lasts at least as long as it was asked to",
    "core/test_deadlines.py": "who sleeps past a deadline does nothing meanwhile that is counted",
}


def test_no_stop_watch():
    """What was done is counted (CPU seconds, epochs, lanes), not how long everybody took."""
    assert {name for name, text in TEXTS.items() if STOP_WATCH.search(text)} == set(ALLOWED)


def test_interrupts_go_through_the_fixture():
    """It sees to it that Ctrl-C is not ignored, in the process of the tests and in its children."""
    for name, text in TEXTS.items():
        assert "signal.SIGINT" not in text or "ctrl_c" in text, name


@pytest.mark.parametrize(
    ("count", "chunk", "daily", "quick"), [(90, 20, 40, 10), (90, 20, 90, 30), (90, 40, 15, None)]
)
def test_the_parts_of_a_campaign_are_all_of_it(count, chunk, daily, quick):
    parts = campaign(count, chunk, daily=daily, quick=quick)
    assert [seed for part in parts for seed in part.values[0]] == list(range(count))
    for part in parts:
        (seeds,) = part.values
        wanted = "long" if seeds.start >= daily else "slow" * (seeds.start >= (quick or daily))
        assert "".join(mark.name for mark in part.marks) == wanted
        assert len(seeds) <= chunk
