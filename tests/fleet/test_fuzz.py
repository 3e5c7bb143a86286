"""Random programs: the reference does what plain Python does, and every engine what it does."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from campaigns import campaign
from oracle import Oracle, real

from lanework.core.program.asm import assemble
from lanework.machines.fleet.check import fuzz
from lanework.machines.fleet.check.blocks import exact, floats
from lanework.machines.fleet.check.generate import loose, random_program, random_shared
from lanework.machines.fleet.check.shrink import remade
from lanework.machines.fleet.check.snapshots import COUNTS, MOST, Snapshot, difference
from lanework.machines.fleet.engine import CHOICES
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.steps import Groups
from lanework.machines.fleet.reference import groups, sharing

CODES = {"LW6026": "deadlock", "LW2002": "fuel", "LW6028": "table"}


def plain(case, machine=Oracle):
    """What the plain machine does, as snapshots."""
    actual = []
    with np.errstate(all="ignore"):
        for epochs in (case.cut, case.cut + MOST):
            vms = machine(case.program, case.settings)
            stop = vms.run(case.shared, epochs, case.fuel)
            actual.append(Snapshot(stop, vms.counts(), vms.memory(), vms.words()))
            if stop != "epochs":
                break
    return actual


def named(snapshots):
    """The same with traps by their kind: which instruction is named is tested elsewhere."""
    out = []
    for each in snapshots:
        code = each.stop.split()[0]
        stop = CODES.get(code, "fault") if code.startswith("LW") else code
        out.append(replace(each, stop=stop))
    return out


def single(seed):
    """The case of a seed without matrices of several instructions, which take fewer epochs."""
    case = fuzz.case_of(seed)
    return replace(case, settings=replace(case.settings, compose=False))


@pytest.mark.parametrize("seeds", campaign(600, 100, daily=100, quick=50))
def test_the_reference_does_what_the_plain_machine_does(seeds):
    for seed in seeds:
        case = single(seed)
        actual = named(fuzz.run_way(case, fuzz.REFERENCE))
        assert difference(case, plain(case), actual) is None, seed


class Other(Oracle):
    """Rounds where a GPU may round, and gives other NaNs."""

    def given(self, result, op=None):
        if np.isnan(result):
            return real(random.choice((0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF)))
        if op is not None and not exact(op):
            return np.float32(result * np.float32(1 + random.choice((-1, 1)) * 2.0**-12))
        return result


@pytest.mark.long
def test_what_a_gpu_rounds_otherwise_stays_in_loose_places():
    """And which NaN there is makes no difference anywhere."""
    differ = 0
    for seed in range(100):
        case = single(seed)
        case = replace(case, settings=replace(case.settings, arithmetic="ieee"))
        expected, actual = plain(case), plain(case, Other)
        assert difference(case, expected, actual, ulp=None) is None, seed
        differ += difference(case, expected, actual) is not None
    assert differ > 20


@pytest.mark.long
def test_random_programs_do_everything():
    """Every instruction, stop, fault, barrier, numbering, profile and convention is there."""
    seen, stops, vms = Counter(), Counter(), []
    executed = set()
    for seed in range(1500):
        case = fuzz.case_of(seed)
        program = case.program
        assert program.problems() == []
        view = FleetView.of(program)
        seen.update(view.plan.phases[n].barrier for n in view.plan.schedule)
        for phase in view.plan.phases:
            for each in phase.launches:
                seen.update([each.strategy, *["keep"] * bool(each.keep)])
                seen.update(["resume"] * bool(each.resume))
        seen.update([view.profile.name, view.convention.name, view.epsilon])
        if seed % 5 == 0:
            last = fuzz.run_way(case, fuzz.REFERENCE)[-1]
            assert last.stop != "epochs", seed
            stops[last.stop.split()[0]] += 1
            executed |= set(np.unique(last.vms[view.profile.word("fault")]).tolist())
            spawned = last.vms[view.profile.word("generation")]
            seen.update(["spawned"] * bool(spawned.any()) + ["again"] * bool((spawned > 1).any()))
        executed |= {info.name for info in view.infos}
        vms.append(view.slots)
    for what in (*CHOICES, "x"):
        assert what not in seen  # a guard against a counter that has everything
    for what in ("wait_all", "wait_any", "none", "contiguous", "strided", "custom", "keep"):
        assert seen[what] > 30, what
    for what in ("resume", "S22", "S32", "S64", "CALLER", "HYBRID", "CALLEE", 0.0):
        assert seen[what] > 30, what
    assert seen["spawned"] > 10
    assert seen["again"] > 0
    assert executed >= {*FLEET.by_name, 1, 2, 3, 6, 7}
    assert set(stops) >= {"done", "LW2002", "LW6020", "LW6022", "LW6025", "LW6026", "LW6027"}
    assert stops["done"] > 200
    assert min(vms) == 1
    assert 500 < max(vms) < 3000


def test_random_programs_read_back_from_their_listing():
    for seed in range(150):
        program = random_program(seed)
        assert assemble(program.dis()).hash == program.hash, seed


def test_loose_places():
    program = random_program(3)
    view, free = FleetView.of(program), loose(program)
    assert free.registers == range(view.profile.registers - 1, view.profile.registers)
    assert free.shared_words.stop == view.shared - 4
    assert len(free.shared_words) >= 4
    assert free.own_words.stop == view.profile.memory
    assert random_shared(3, program).shape == (view.shared,)
    inexact = {info.elementwise.name for info in floats(False)}
    assert inexact == {*"div rem sqrt cbrt hypot sin cos tan tanh exp log pow atan2".split()}


@pytest.mark.parametrize("seeds", campaign(300, 100, daily=150, quick=50))
def test_engines_that_are_always_there(seeds):
    """The reference one epoch at a time, saved and restored, does the same."""
    assert fuzz.campaign("reference").run(len(seeds), seeds.start) == []


@pytest.mark.parametrize("seeds", campaign(60, 20, daily=10, quick=5))
def test_vms_that_do_not_see_each_other(seeds):
    """As native code they do what they do in epochs."""
    for seed in seeds:
        way = fuzz.Variant("llvm", apart=True)
        assert fuzz.check(fuzz.case_of(seed, apart=True), [way], seed) is None


@pytest.mark.parametrize("seed", [558, 617, 933, 1057, 1297])
def test_vms_apart_that_went_wrong(seed):
    """Swaps in order; rows whose first lane is elsewhere; faults of VMs that go on later."""
    way = fuzz.Variant("llvm", apart=True)
    assert fuzz.check(fuzz.case_of(seed, apart=True), [way], seed) is None


def test_most_of_them_are_native_code():
    """And whatever there is in programs is in them, but what others can see."""
    native, seen, births = [], set(), 0
    for seed in range(60):
        case = fuzz.case_of(seed, apart=True)
        view = FleetView.of(case.program)
        assert case.program.problems() == []
        groups = Groups(view, case.settings, births=True)
        native += [not isinstance(rows, str) for rows in groups.rows]
        births += any(groups.family(step) and not groups.why(step) for step in groups.starts)
        seen |= {info.name for info in view.infos}
    assert sum(native) > 0.7 * len(native)
    assert births > 3
    assert {*FLEET.by_name} - seen <= {"ATOMIC_ADD"}


def test_small_ones_have_most_that_others_have():
    """And are several times shorter, and most of a campaign."""
    seen, lengths, ways = set(), {True: [], False: []}, Counter()
    for seed in range(600):
        for small in (True, *[False] * (seed % 20 == 0)):
            case = fuzz.case_of(seed, apart=True, small=small)
            view = FleetView.of(case.program)
            lengths[small].append(len(view.infos))
            if small:
                assert case.program.problems() == []
                seen |= {info.name for info in view.infos}
        ways.update([fuzz.way_in_turn(seed, "llvm")])
    assert {*FLEET.by_name} - seen <= {"SYSCALL_SPAWN", "ATOMIC_ADD"}
    assert 3 * np.mean(lengths[True]) < np.mean(lengths[False])
    assert sum(n for way, n in ways.items() if way.small) > 450
    assert {way.vms for way in ways if way.small} == set(fuzz.LOOKS)
    assert {way.apart for way in ways} == {True, False}


@pytest.mark.parametrize("seeds", campaign(2000, 250, daily=100, quick=20))
def test_small_programs_on_their_turn(seeds):
    """A campaign says how each has run, and most have run whole."""
    said = []
    assert fuzz.campaign("llvm").run(len(seeds), seeds.start, heard=said.append) == []
    ran = Counter(said)
    assert set(ran) <= {"llvm: phases as a whole", "llvm: epochs"}
    assert ran.total() == len(seeds)
    assert ran["llvm: phases as a whole"] > 0.6 * len(seeds)


def test_vms_that_are_not_looked_at_and_those_that_are_kept(monkeypatch):
    """Without a run for them alone, of phases that run whole; what else there is is compared."""
    seed, engines = 1, []
    make = fuzz.engines.make
    monkeypatch.setattr(
        fuzz.engines, "make", lambda *a, **k: engines.append(make(*a, **k)) or engines[-1]
    )
    case = fuzz.case_of(seed, apart=True, small=True)
    expected = fuzz.run_way(case, fuzz.REFERENCE)
    ways = [fuzz.Variant("llvm", apart=True, small=True, vms=vms) for vms in {*fuzz.LOOKS}]
    for way in ways:
        actual = fuzz.run_way(case, way)
        assert actual[-1].ahead
        assert (actual[-1].vms is None) == (way.vms == "left")
        assert (engines[-1]._again is None) == (way.vms != "again")
        assert difference(case, expected, actual[-1:]) is None or len(expected) > 1
        actual[-1].shared[0] ^= 1
        assert "shared word 0" in difference(case, expected[-1:], actual)


@pytest.mark.parametrize("seeds", campaign(40, 20, daily=20, quick=5))
def test_random_programs_on_a_gpu(seeds):
    if reason := fuzz.why_not("epoch"):
        pytest.skip(f"needs a Vulkan adapter: {reason}")
    for seed in seeds:
        assert fuzz.check_seed(seed, "epoch", 2) is None, seed


def test_the_fuzzer_sees_a_difference_and_shrinks_it(monkeypatch):
    """With a machine on which the lowest VM's write stays."""
    real_write = sharing.write

    def write(shared, parts, fault):
        turned = [(-groups.ids(who)[::-1], where[::-1], words[::-1]) for who, where, words in parts]
        return real_write(shared, turned, fault)

    def run_way(case, way):
        if way == fuzz.REFERENCE:
            return original(case, way)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sharing, "write", write)
            return original(case, fuzz.REFERENCE)

    original = fuzz.run_way
    monkeypatch.setattr(fuzz, "run_way", run_way)
    way = replace(fuzz.REFERENCE, steps=True)
    actual = next(filter(None, (fuzz.check(fuzz.case_of(seed), [way], seed) for seed in range(99))))
    small = fuzz.shrunk(fuzz.case_of(actual.seed), actual)
    assert fuzz.check(small, [way]) is not None
    assert sum(launch.count for launch in FleetView.of(small.program).plan.phases[0].launches) == 2
    assert len(FleetView.of(small.program).infos) <= 8
    text = fuzz.script(small, way)
    assert assemble(text).hash == small.program.hash
    assert "WRITE" in text


def test_differences_in_words(monkeypatch):
    """Each thing that can be seen is compared, NaN payloads aside."""
    case = single(1)
    expected = fuzz.run_way(case, fuzz.REFERENCE)
    last, profile = expected[-1], FleetView.of(case.program).profile
    free = loose(case.program)

    def change(**changes):
        other = replace(last, **changes)
        return difference(case, expected, [*expected[:-1], other])

    def with_word(words, place, word):
        out = words.copy()
        out[place] = word
        return out

    assert change() is None
    assert "stopped with x" in change(stop="x")
    for n, name in enumerate(COUNTS):
        counts = [*last.counts]
        counts[n] = "other"
        assert change(counts=tuple(counts)).startswith(f"at the end {name} is other")
    for row in range(1, profile.rows):
        what = change(vms=with_word(last.vms, (row, 0), 0x3FABCDEF))
        assert f"{profile.fields[row]} of VM 0 is" in what
    for n in (0, free.shared_words.start):
        assert f"shared word {n} is" in change(shared=with_word(last.shared, n, 0x3FABCDEF))
    nan, other = (
        replace(last, shared=with_word(last.shared, 0, n)) for n in (0x7FC00000, 2**32 - 1)
    )
    assert difference(case, [nan], [other]) is None
    assert difference(case, [nan], [last]) is not None
    at = free.shared_words.start
    one, near = (replace(last, shared=with_word(last.shared, at, 0x3F800000 + n)) for n in (0, 3))
    assert difference(case, [one], [near], ulp=2) is not None
    assert difference(case, [one], [near], ulp=3) is None
    assert difference(case, [one], [nan], ulp=3) is not None
    assert "there are 0 stops" in difference(case, expected, [])


def test_programs_made_again_are_the_same():
    for seed in range(50):
        program = random_program(seed)
        assert remade(FleetView.of(program)).hash == program.hash
