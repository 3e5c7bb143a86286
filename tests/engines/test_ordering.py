"""The order of a walk's steps: everything is there before it is read, and little waits."""

import random

import pytest

from lanework.core.ops.table import ARITH
from lanework.engines.loops import READS, Apply, Fold, Shift, Stage
from lanework.engines.ordering import in_order

ADD = ARITH["add"]


def test_what_a_recurrence_leaves_behind_is_used_at_once():
    """The tape has sums and products of a recurrence after it; each follows what it is made of."""
    steps = [
        Shift(10, 13, -1, 0, True),
        *(Apply(n, ADD, (n - 1, 1)) for n in (11, 12, 13)),
        *(Apply(n, ADD, (n - 10, 2)) for n in (21, 22, 23)),
        Apply(24, ADD, (21, 23)),
        *(Fold(n, n - 10, "sum") for n in (31, 32, 34)),
    ]
    order = [step.target for step in in_order(Stage(-1, steps))]
    assert order == [10, 11, 21, 31, 12, 22, 32, 13, 23, 24, 34]


def test_without_a_recurrence_nothing_moves():
    steps = [Apply(n, ADD, (n - 1, n - 2)) for n in range(2, 20)]
    assert in_order(Stage(1, steps)) == steps


@pytest.mark.parametrize("seed", range(200))
def test_what_is_read_is_there(seed):
    rng = random.Random(seed)
    stage = drawn(rng)
    order = in_order(stage)
    assert sorted(step.target for step in order) == sorted(step.target for step in stage.steps)
    targets = {step.target for step in order}
    there = set()
    for step in order:
        now = [step.fill] if isinstance(step, Shift) else READS[type(step)](step)
        assert all(row in there or row not in targets for row in now)
        there.add(step.target)


def drawn(rng):
    """A walk of additions, shifts and folds."""
    count = rng.randint(1, 40)
    steps = []
    for target in range(100, 100 + count):
        earlier = [0, 1, 2, *(s.target for s in steps if not isinstance(s, Fold))]
        kind = rng.random()
        if kind < 0.2:
            source, fill = rng.randrange(100, 100 + count), rng.choice(earlier)
            steps.append(Shift(target, source, rng.choice((1, 2)), fill, rng.random() < 0.8))
        elif kind < 0.4:
            steps.append(Fold(target, rng.choice(earlier), "sum"))
        else:
            steps.append(Apply(target, ADD, (rng.choice(earlier), rng.choice(earlier))))
    return Stage(1, steps)
