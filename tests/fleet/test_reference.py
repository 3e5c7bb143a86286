"""The reference's short ways for addresses, writes and groups: what the plain way gives."""

import itertools

import numpy as np
import pytest
from oracle import Oracle, bits

import lanework as lw
from lanework.core.ops.evaluate import evaluate
from lanework.core.ops.expr import const, trace
from lanework.machines.fleet.engine import Settings
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.reference import groups, sharing

LAST = 1 << 24  # beyond it, floats are no longer all whole numbers
ODD = [0.0, -0.0, 0.5, 1.0, 1.5, 2.0, -1.0, 1e-45, 1e-40, np.nan, np.inf, -np.inf]
ODD += [float(LAST - 2), float(LAST - 1), float(LAST), LAST + 2.0, 3e9]


@pytest.mark.parametrize("integer", [False, True])
@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize(("first", "last"), [(0, 5), (1, 4), (0, 0), (0, 1 << 25)])
def test_addresses_as_a_slice_are_those_one_by_one(integer, alike, first, last):
    runs = [ODD[start : start + size] for start in range(len(ODD)) for size in (1, 2, 3)]
    runs += [[a + n for n in range(4)] for a in ODD] + [[a] * 3 for a in ODD]
    runs += itertools.permutations([0.0, 1.0, 2.0, 3.0])
    runs += [[0.0, 1.0, np.nan, 3.0], [1.0, 2.0, 2.0, 4.0], [0.0, 2.0, 1.0, 3.0], [1.0, 2.0, 1.0]]
    slices = 0
    for run in runs:
        patterns = [int(x) % 2**32 if np.isfinite(x) else 2**32 - 1 for x in run]
        words = np.array(patterns if integer else [bits(x) for x in run], np.uint32)
        at = sharing.span(words, first, last, integer, alike)
        if at is None:
            continue
        slices += 1
        plain = sharing.addresses(words, last, integer)
        assert (plain >= first).all()
        same = len(run) > at.stop - at.start == 1
        assert same <= alike
        assert plain.tolist() == ([at.start] * len(run) if same else [*range(at.start, at.stop)])
    assert (slices > 0) == (last > 0)


@pytest.mark.parametrize("integer", [False, True])
def test_every_address_by_itself_and_among_others(integer):
    """Together they go a short way or a long one."""
    words = np.array([*map(bits, ODD), 1, 5, 2**31, 2**32 - 1], np.uint32)
    for count in (0, 1, 3, LAST, LAST + 3):
        single = [sharing.addresses(words[n : n + 1], count, integer)[0] for n in range(len(words))]
        assert sharing.addresses(words, count, integer).tolist() == single
        for low, high in itertools.combinations(range(len(words)), 2):
            both = sharing.addresses(words[[low, high]], count, integer)
            assert both.tolist() == [single[low], single[high]]


def written(parts, size, fault):
    """Writes one after another, in order of VMs."""
    shared, by_word, refused = np.zeros(size, np.uint32), {}, []
    each = sorted(
        (int(vm), int(at), int(value))
        for members, where, values in parts
        for vm, at, value in zip(groups.ids(members), groups.ids(where), values, strict=True)
    )
    for vm, at, value in each:
        if at >= 0:
            by_word.setdefault(at, []).append((vm, value))
    for at, writers in by_word.items():
        if fault and len(writers) > 1:
            refused += [vm for vm, _ in writers]
        else:
            shared[at] = writers[-1][1]
    return shared, sum(len(writers) > 1 for writers in by_word.values()), sorted(refused)


@pytest.mark.parametrize("fault", [False, True])
@pytest.mark.parametrize("size", [4, 40, 4000])
def test_writes_are_those_one_after_another(size, fault):
    rng = np.random.default_rng(size)
    contested = 0
    for _ in range(60):
        count = int(rng.integers(1, 30))
        where = rng.integers(-1, size, count)
        values = rng.integers(1, 2**32, count).astype(np.uint32)
        first = rng.random(count) < 0.5
        single = [(slice(0, count), where, values)]
        halves = [(np.flatnonzero(side), where[side], values[side]) for side in (~first, first)]
        ends = [(slice(count, count + 3), slice(1, 4), values[:1].repeat(3))]
        for parts in (single, halves, single + ends, ends):
            shared = np.zeros(size, np.uint32)
            words, refused = sharing.write(shared, parts, fault)
            expected = written(parts, size, fault)
            assert (shared.tolist(), words) == (expected[0].tolist(), expected[1])
            assert sorted(refused) == expected[2]
            contested += words
    assert contested > 0


def test_merged_groups_are_their_union():
    rng = np.random.default_rng(0)
    for count in (10, 100, 10_000):
        for _ in range(50):
            ids = np.sort(rng.choice(count, int(rng.integers(2, 10)), replace=False))
            owner = rng.integers(0, 3, len(ids))
            parts = [groups.tidy(ids[owner == n]) for n in range(3) if (owner == n).any()]
            assert groups.ids(groups.merge(parts)).tolist() == ids.tolist()
            chosen, rest = groups.split(groups.tidy(ids), owner == 1)
            for part, mask in ((chosen, owner == 1), (rest, owner != 1)):
                actual = [] if part is None else groups.ids(part).tolist()
                assert actual == ids[mask].tolist()


def test_a_body_that_is_run_twice_gives_results_of_its_own():
    """Places of values are used again within a run, and constants are there for the next."""
    graph = trace(lambda x: (x * x + 2.0) * (x + 2.0) - x * 2.0, ("f64",))
    for x in (3.0, 5.0):
        assert evaluate(graph, [np.array([x])]).tolist() == [(x * x + 2) * (x + 2) - x * 2]
    seven = trace(lambda x: const(7.0, "f64"), ("f64",))
    evaluate(seven, [x])[...] = 8.0
    assert evaluate(seven, [x]) == 7.0


@pytest.mark.parametrize("name", [each.name for each in FLEET.by_name.values() if each.updates])
@pytest.mark.parametrize(("size", "count"), [(1, 20), (3, 20), (30, 20), (9, 9), (500, 20)])
def test_atomics_together_are_those_one_after_another(name, size, count):
    """Few words of many VMs, and many words of few."""
    info, rng = FLEET.by_name[name], np.random.default_rng(size)
    update = sharing.update(info)
    for _ in range(20):
        words = rng.standard_normal(size).astype(np.float32).view(np.uint32)
        at = rng.integers(0, size, count) if size != count else np.arange(count)
        given = rng.standard_normal(count).astype(np.float32).view(np.uint32)
        shared, before = words.copy(), []
        for word, operand in zip(at, given, strict=True):
            before.append(int(shared[word]))
            shared[word] = update(shared[word], operand)
        together = sharing.together(info.updates, words, at, given)
        if name == "ATOMIC_IXCH":
            assert together is None
            continue
        assert together.tolist() == before
        assert words.tolist() == shared.tolist()


def test_atomics_of_which_some_are_outside():
    """They add nothing, and find 0; the others are one after another."""
    text = """
    .shared 20
    .routine main
        VMID r0
        SCALE r1, r0, 0.5
        SUBI r1, r1, 1
        SETI r2, 7
        ATOMIC_ADD r2, r1, r2
        ADDI r0, r0, 10
        WRITE r0, r2
        HALT
    .phase
        .launch main, 10
    """
    with pytest.warns(lw.fleet.LossNotice, match="0 reads and 2 writes"):
        result = lw.fleet.assemble(text).run(engine="reference")
    assert result["shared"].tolist() == [14.0] * 4 + [0.0] * 6 + [0.0] * 2 + [0.0, 7.0] * 4
    assert result.stats["writes_outside"] == 2


@pytest.mark.parametrize("draws", ["", "RAND r3"])
def test_vms_that_many_start_are_at_the_lowest_free_places(draws):
    """Every second child ends at once; what is free then has holes, and is too little for all."""
    program = lw.fleet.assemble(f"""
    .shared 40
    .spawn 8
    .routine parent
        VMID r0
        SPAWN r1, child, r0
        WRITE r0, r1
        ADDI r0, r0, 5
        SETI r2, 9
    pause:
        SUBI r2, r2, 1
        BRANCH_GT r2, pause
        SPAWN r1, child, r0
        WRITE r0, r1
        ADDI r0, r0, 5
        SPAWN r1, child, r0
        WRITE r0, r1
        HALT
    .routine child
        VMID r1
        {draws}
        ADDI r0, r0, 20
        WRITE r0, r1
        MODI r1, r1, 2
        BRANCH_GT r1, over
        SETI r2, 30
    stay:
        SUBI r2, r2, 1
        BRANCH_GT r2, stay
        KILL
    over:
        KILL
    .phase
        .launch parent, 5
    """)
    machine = Oracle(program, Settings())
    assert machine.run(np.zeros(40, np.uint32)) == "done"
    with pytest.warns(lw.fleet.LossNotice, match="VMs"):
        result = program.run(engine="reference")
    assert result["shared"].view(np.uint32).tolist() == [machine.shared[n] for n in range(40)]
    assert result["shared"][:15].tolist() == [5, 6, 7, 8, 9, 5, 7, 9, 10, 11, 12, -1, -1, -1, -1]
    assert result.stats["unborn"] == 4
