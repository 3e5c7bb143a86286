"""Instructions by class from few counts are those of lanes that are followed one by one."""

import random
from collections import Counter

import pytest

from lanework.engines.lanes.counts import END, arms, counts
from lanework.engines.lanes.program import Arms, Block, Branch, Jump, LaneProgram, Stop
from lanework.engines.lanes.shape import shape
from lanework.machines.fleet.native.graphs import DIFFERS


def program(rng):
    """Blocks that lead anywhere, the last of them to the end."""
    size = rng.randint(1, 9)
    blocks = []
    for number in range(size):
        a, b = (rng.randrange(size) for _ in range(2))
        ends = [Jump(min(number + 1, size - 1)), Branch(DIFFERS, (0, 0), a, b), Stop()]
        end = ends[-1] if number == size - 1 else rng.choice(ends)
        steps = [Arms(0, some(rng), some(rng)) for _ in range(rng.choice((0, 0, 1, 2)))]
        blocks.append(Block(steps, end, some(rng)))
    return LaneProgram(blocks, 1, {0: "vm_id"})


def some(rng):
    return Counter({kind: rng.randint(1, 5) for kind in rng.sample(range(4), rng.randint(0, 2))})


def walk(rng, blocks, seen, executed):
    """Follow a lane; whether it ended."""
    at, edge = 0, (END, 0)
    for _ in range(200):
        seen[edge] += 1
        if at == END:
            return True
        executed.update(blocks[at].counts)
        for arm, step in arms(blocks, at):
            taken = rng.random() < 0.5
            seen[arm] += taken
            executed.update(step.taken if taken else step.other)
        to = rng.choice(blocks[at].next or (END,))
        at, edge = to, (at, to)
    return False


@pytest.mark.parametrize("seed", range(20))
def test_few_counts_are_enough(seed):
    rng, ended, spared = random.Random(seed), 0, 0
    for _ in range(50):
        drawn = program(rng)
        known = counts(shape(drawn))
        seen, executed = Counter(), Counter()
        if not all(walk(rng, drawn.blocks, seen, executed) for _ in range(20)):
            continue
        ended += 1
        lanes = {edge: seen[edge] for edge in known.counted}
        if known.rest:
            left = executed.total() - sum(n * lanes[edge] for edge, n in known.rest.others.items())
            lanes[known.rest.edge], none = divmod(left, known.rest.factor)
            assert not none
            assert known.rest.edge not in known.counted
        sums = {
            kind: sum(n * lanes[edge] for edge, n in edges.items())
            for kind, edges in known.classes.items()
        }
        assert Counter(sums) == executed
        edges = sum(len(set(block.next)) or 1 for block in drawn.blocks)
        spared += edges - len(known.counted)
    assert ended > 5
    assert spared > 5
