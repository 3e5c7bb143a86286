"""A campaign: every seed once, in order, on any number of processes; stopped and gone on with."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from lanework.base.errors import InternalFault
from lanework.core import fuzzing
from lanework.core.fuzzing import Campaign, Divergence


def odd(seed):
    return Divergence(seed, "toy", "is odd") if seed % 2 else None


def no_more(seed):
    if seed == 12:
        raise KeyboardInterrupt


def shrunk(divergence):
    return f"small\n{divergence.seed}"


TOY = Campaign("toy", odd, shrunk, cases="numbers", fault="numbers are odd", block=2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_divergences_come_in_the_order_of_seeds(jobs):
    steps = []
    actual = TOY.run(7, 4, jobs, progress=lambda done, total: steps.append((done, total)))
    assert [each.seed for each in actual] == [5, 7, 9]
    assert steps == [(n, 7) for n in range(1, 8)]


def test_no_seed_begins_after_the_deadline():
    steps = []
    assert TOY.run(10**9, 2, seconds=0.0, progress=lambda done, _: steps.append(done)) == []
    assert steps == [1]


def test_a_divergence_is_reported_small():
    with pytest.raises(InternalFault) as caught:
        TOY.report(30, 0, 1, False)
    error = caught.value
    assert error.code.ident == "LW8901"
    assert error.message == "15 of 30 numbers are odd; the first is seed 1, on toy: is odd"
    assert error.help == "lanework fuzz toy --seed 1 --count 1 makes it again"
    assert error.notes[0] == "seed 3, on toy: is odd"
    assert error.notes[-2:] == ("small", "1")
    assert len(error.notes) == 9 + 2


def test_a_report_in_words_and_as_json(capsys):
    TOY.report(1, 2, 1, False)
    out, err = capsys.readouterr()
    assert out == "1 numbers from seed 2: 0 divergences\n"
    assert err.startswith("took ")
    TOY.report(1, 2, 1, True)
    said = json.loads(capsys.readouterr().out)
    assert said.pop("seconds") >= 0
    assert said == {"numbers": 1, "first": 2, "divergences": 0}


def test_how_cases_ran_is_counted(capsys):
    """The most first, and what is no divergence only."""
    campaign = Campaign(
        "toy", lambda seed: "quick" if seed % 3 else "slow" if seed else None, shrunk
    )
    campaign.report(100, 0, 1, False)
    err = capsys.readouterr().err
    assert "66 ran as quick\n33 ran as slow\n" in err
    campaign.report(100, 0, 1, True)
    assert json.loads(capsys.readouterr().out)["ran"] == {"quick": 66, "slow": 33}
    said = []
    assert campaign.run(10, 0, heard=said.append) == []
    assert Counter(said) == {"quick": 6, "slow": 3}
    with pytest.raises(KeyboardInterrupt):
        replace(TOY, check=lambda seed: no_more(seed) or "quick").report(20, 5, 1, False)
    assert "7 ran as quick" in capsys.readouterr().err


def test_what_makes_it_again_has_the_same_options(capsys):
    toy = replace(TOY, options="--kind odd ")
    with pytest.raises(InternalFault) as caught:
        toy.report(30, 0, 1, False)
    assert caught.value.help == "lanework fuzz toy --kind odd --seed 1 --count 1 makes it again"
    with pytest.raises(KeyboardInterrupt):
        replace(toy, check=no_more).report(20, 5, 1, False)
    assert "; --kind odd --seed 12 --count 13 goes on" in capsys.readouterr().err


def test_a_long_campaign_says_how_far_it_is_and_what_is_wrong_at_once(capsys, monkeypatch):
    """Where no bar is shown, with what goes on from there."""
    monkeypatch.setattr(fuzzing, "EVERY", -1.0)
    with pytest.raises(InternalFault):
        TOY.report(3, 0, 1, False)
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3 numbers were checked; --seed 1 --count 2 goes on",
        "seed 1, on toy: is odd",
        "2 of 3 numbers were checked; --seed 2 --count 1 goes on",
        "3 of 3 numbers were checked; --seed 3 --count 0 goes on",
    ]


def test_an_interrupted_campaign_says_where_to_go_on(capsys):
    with pytest.raises(KeyboardInterrupt):
        Campaign("toy", no_more, shrunk).report(20, 5, 1, False)
    assert "7 of 20 programs were checked; --seed 12 --count 13 goes on" in capsys.readouterr().err
