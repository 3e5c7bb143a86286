"""The order of blocks that lanes come to apart: which runs, and which wait for it."""

from lanework.core.ops.expr import trace
from lanework.engines.lanes.order import Order
from lanework.engines.lanes.program import Block, Branch, Jump, LaneProgram, Stop, Word
from lanework.engines.lanes.shape import shape

DIFFERS = trace(lambda a, b: a.differs(b), ("i32", "i32"))


def ordered(*ways):
    """The order of empty blocks that lead here, by number; to one of two by lane."""
    blocks = [Block([], Jump(*to) if len(to) == 1 else _apart(*to)) for to in ways]
    return Order(shape(LaneProgram([*blocks, Block([], Stop())], 1, {0: "vm_id"})))


def _apart(taken, other):
    return Branch(DIFFERS, (0, Word(0)), taken, other)


def test_the_earliest_block_goes_first_and_all_others_wait():
    order = ordered((1, 4), (2, 3), (3, 5), (5,), (5,))
    assert order.shape.masked == {1, 2, 3, 4}
    assert order.entered((4, 1)) == [1, 4]
    assert [order.after(n) for n in (1, 2, 3, 4)] == [[2, 3, 4], [3, 4], [4], []]
    assert order.waits == {1: {4}, 2: {3, 4}, 3: {4}, 4: set()}


def test_all_come_round_a_loop_before_it_begins_again():
    """And go round an inner one before they go on."""
    order = ordered((1,), (2,), (3,), (2, 4), (1, 5))
    assert order.shape.loops == [(2, {2, 3}), (1, {1, 2, 3, 4})]
    assert [order.after(n) for n in (1, 2, 3, 4)] == [[2], [3, 4], [2, 4], [1]]
    assert ordered((1,), (1, 2), (1, 3)).after(1) == [2, 1]
