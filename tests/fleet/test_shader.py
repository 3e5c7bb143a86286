"""The shaders of phases: counts in two words, the fuel beside them, and floats that stay apart."""

import numpy as np
import pytest

import lanework as lw
from lanework.engines.gpu import device as gpu
from lanework.machines.fleet.gpu import shader
from lanework.machines.fleet.gpu.shader import (
    ADVANCE,
    ENTRY,
    HEAD,
    PARAMS,
    WORDS,
    Shader,
    Word,
)
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.lower import Lowering

COUNT = HEAD + "\n@compute @workgroup_size(1)\nfn main() { count(10u, params.fuel_low); }\n"
GROUP = ("uniform", "read", "write")


def done(text, control, **params):
    """What is in the control buffer after a kernel has run once."""
    try:
        device = gpu.device()
    except lw.Diagnostic as problem:
        pytest.skip(f"no Vulkan, not even in software: {problem}")
    buffers = [device.buffer(len(PARAMS), "parameters", "uniform")]
    buffers += [device.buffer(n, "numbers") for n in (len(ENTRY), WORDS)]
    given = [[params.get(name, 0) for name in PARAMS], [1] * len(ENTRY), np.zeros(WORDS)]
    for word, number in control.items():
        given[2][word] = number
    for buffer, words in zip(buffers, given, strict=True):
        device.write(buffer, np.array(words, np.uint32))
    commands = device.commands()
    commands.bind(device.group(GROUP, buffers))
    commands.run(device.kernel(text, (GROUP,)))
    device.submit(commands)
    return device.read(buffers[2])


@pytest.mark.parametrize("before", [0, 5, 2**32 - 1, 3 * 2**32 + 2**31])
@pytest.mark.parametrize("more", [1, 2**31, 2**32 - 1])
def test_counts_have_two_words(before, more):
    after = done(COUNT, {10: before % 2**32, 11: before >> 32}, fuel_low=more)
    assert int(after[10]) + (int(after[11]) << 32) == before + more


@pytest.mark.parametrize("counts", [[7], [2**32 - 1, 2**32 - 1], [2**32, 5], [3 * 2**32 + 1, 9]])
def test_fuel_ends_at_one_instruction(counts):
    control = {}
    for kind, count in enumerate(counts):
        at = Word.CLASSES + 2 * kind
        control |= {at: count % 2**32, at + 1: count >> 32}
    for fuel in (sum(counts) - 1, sum(counts), sum(counts) + 1, 2**40, 6):
        halves = {"fuel_low": fuel % 2**32, "fuel_high": fuel >> 32}
        after = done(ADVANCE, control, limited=1, **halves)
        spent = sum(counts) > fuel
        assert (after[Word.SPENT], after[Word.CURSOR]) == (spent, not spent)
        assert not done(ADVANCE, control, **halves)[Word.SPENT]


@pytest.mark.parametrize("oldest", [1000, 2**31])
def test_a_vm_stops_before_its_age_begins_anew(oldest, monkeypatch, gpu):
    monkeypatch.setattr(shader, "OLDEST", oldest, raising=False)
    turns = 300_000  # more than a submission has
    text = f".shared 1\nSETI r1, {turns}\nloop:\nSUBI r1, r1, 1\nBRANCH_GT r1, loop\nHALT"
    with lw.fleet.assemble(f"{text}\n.phase\n.launch main, 3").bind("wgsl") as runner:
        if oldest > 2 * turns:
            assert runner().stats["epochs"] == 2 * turns + 2
            return
        with pytest.raises(lw.Trap, match=r"LW2203.*more instructions than wgsl counts"):
            runner()
        with pytest.raises(lw.Trap, match="LW2203"):  # and again: it is as it was
            runner()


def test_no_compiler_knows_what_floats_come_to():
    """Which it might compute in another way with what comes after."""
    text = ".routine main\nVMID r0\nMUL r1, r0, r0\nADD r1, r1, r0\nSETI r2, 3\nWRITE r0, r1\nHALT"
    view = FleetView.of(lw.fleet.assemble(f".shared 9\n{text}\n.phase\n.launch main, 9"))
    lines = Shader(Lowering(view, Form(0)).program(), Form(0), {}).text.splitlines()
    floats = [each for each in lines if "= bitcast<i32>(g" in each]
    assert len(floats) == 3
    assert all(each.endswith(" ^ zero;") for each in floats)
