"""Engines that run whole phases beside the reference, in everything that can be seen of a run."""

import numpy as np

from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.steps import Groups

ENGINES = ("llvm", "wgsl")


def native(runner):
    """Its phases run whole."""
    groups = Groups(runner.view, runner.settings)
    assert not any(groups.why(step) for step in groups.starts.tolist())


def same(program, given=None, **settings):
    """Run a program on these engines and the reference, and compare all that there is to see."""
    inputs, rng = dict(given or {}), np.random.default_rng(1)
    for port in program.inputs if given is None else ():
        inputs[port.name] = rng.integers(-9, 9, program_size(program, port.name)).astype(np.float32)
    reference = program.bind("reference", **settings)
    one, runners = reference(**inputs), [program.bind(name, **settings) for name in ENGINES]
    for runner in runners:
        other = runner(**inputs)
        for name in one:
            assert np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes()
        for name in (
            "epochs",
            "instructions",
            "by_kernel",
            "reads_outside",
            "writes_outside",
            "conflicts",
            "unborn",
            "stalled",
            "mixed",
            "faults",
        ):
            assert one.stats[name] == other.stats[name], name
        swept = runner.view.profile.word("swept")
        rows = [np.delete(each.vms.words, [0, swept], axis=0) for each in (reference, runner)]
        assert (rows[0] == rows[1]).all()
    return runners[0]


def program_size(program, name):
    view = FleetView.of(program)
    return next((each.size for each in view.buffers if each.name == name), view.shared)
