"""Adapters, devices, buffers, kernels; what happens without a GPU, and when one is lost."""

import subprocess
import sys

import numpy as np
import pytest

from lanework.base.errors import Diagnostic, LaneworkError, Trap
from lanework.engines.gpu import adapters
from lanework.engines.gpu import device as gpu
from lanework.engines.gpu.adapters import Adapter

DOUBLE = """
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> doubled: array<u32>;
@group(0) @binding(2) var<uniform> more: vec4<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&source)) { doubled[id.x] = 2u * source[id.x] + more.x; }
}
"""
COUNT = """
@group(0) @binding(0) var<storage, read_write> counts: array<u32>;
@compute @workgroup_size(1)
fn main() { counts[0] = 2u; counts[1] = 1u; counts[2] = 1u; }
"""
GROUP = ("read", "write", "uniform")


@pytest.fixture
def device():
    """A device of its own, which a test may destroy."""
    try:
        return gpu.Gpu(gpu.pick())
    except Diagnostic as problem:
        pytest.skip(f"no Vulkan, not even in software: {problem}")


def adapter(name, kind="discrete", backend="Vulkan"):
    return Adapter(name, kind, backend, None)


FOUND = [adapter("Radiant 9000"), adapter("Modest 3"), adapter("llvmpipe (LLVM 15)", "software")]


def test_the_best_adapter_is_the_first():
    kinds = [("software", "Vulkan"), ("integrated", "OpenGL"), ("discrete", "Vulkan")]
    kinds += [("integrated", "Metal"), ("unknown", "Vulkan")]
    ranked = sorted((adapter("x", *kind) for kind in kinds), key=lambda each: each.rank)
    order = [(each.kind, each.backend) for each in ranked]
    assert order[:4] == [("discrete", "Vulkan"), ("integrated", "Metal"),
                         ("unknown", "Vulkan"), ("software", "Vulkan")]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("", "Radiant 9000"), ("modest", "Modest 3"), ("1", "Modest 3"), ("software", FOUND[2].name)],
)
def test_an_adapter_by_name_or_number(monkeypatch, wanted, name):
    monkeypatch.delenv(adapters.VARIABLE, raising=False)
    assert gpu.pick(wanted, FOUND).name == name


def test_the_environment_chooses_where_nothing_else_does(monkeypatch):
    monkeypatch.setenv("LANEWORK_ADAPTER", "llvmpipe")
    assert gpu.pick("", FOUND).name == "llvmpipe (LLVM 15)"
    assert gpu.pick("modest", FOUND).name == "Modest 3"


def test_an_adapter_that_is_not_there():
    with pytest.raises(Diagnostic, match=r"LW2201.*'Modst 3'") as caught:
        gpu.pick("Modst 3", FOUND)
    assert caught.value.help == "did you mean 'Modest 3'?"
    assert caught.value.notes[1] == "1: Modest 3 (discrete, Vulkan)"
    with pytest.raises(Diagnostic, match="LW2201: this machine has no graphics adapter"):
        gpu.pick("", [])


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "wgpu", None)
    monkeypatch.setattr(gpu, "_devices", {})
    with pytest.raises(Diagnostic, match=r"LW2201.*wgpu") as caught:
        gpu.adapters()
    assert "lanework[gpu]" in caught.value.help
    assert "wgpu" in gpu.why_not()


def test_the_package_is_loaded_when_it_is_needed():
    code = (
        "import sys, lanework as lw; from lanework.engines import gpu;"
        " from lanework.machines.fleet.gpu import epoch; sys.exit('wgpu' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_hardware_is_no_error(monkeypatch):
    def fails():
        raise Diagnostic(gpu.NO_ADAPTER, "no driver")

    monkeypatch.setattr(adapters, "_hardware", None)
    monkeypatch.setattr(adapters, "_may_have", lambda: True)
    monkeypatch.setattr(adapters, "adapters", fails)
    assert not adapters.hardware()
    monkeypatch.setattr(adapters, "_hardware", None)
    monkeypatch.setattr(adapters, "adapters", lambda: FOUND)
    assert adapters.hardware()


def test_one_device_for_an_adapter_until_it_is_lost(device):
    first = gpu.device()
    assert gpu.device() is first
    first.lost = True
    second = gpu.device()
    assert second is not first
    assert gpu.device() is second


def test_a_kernel_over_buffers(device):
    source, target = device.buffer(1000, "numbers"), device.buffer(1000, "results")
    more = device.buffer(4, "more", "uniform")
    numbers = np.arange(1000, dtype=np.uint32)
    device.write(source, numbers)
    device.write(more, np.array([7, 0, 0, 0], np.uint32))
    kernel = device.kernel(DOUBLE, (GROUP,))
    assert device.kernel(DOUBLE, (GROUP,)) is kernel
    commands = device.commands()
    commands.bind(device.group(GROUP, [source, target, more]))
    commands.run(kernel, (16, 1))
    device.submit(commands)
    assert device.read(target).tolist() == (2 * numbers + 7).tolist()
    assert device.read(target, 10, 2).tolist() == [27, 29]


def test_numbers_of_workgroups_from_a_kernel(device):
    source, target = device.buffer(1000, "numbers"), device.buffer(1000, "results")
    more, counts = device.buffer(4, "more", "uniform"), device.buffer(3, "counts", "indirect")
    staging = device.buffer(200, "results", "staging")
    device.write(source, np.ones(1000, np.uint32))
    commands = device.commands()
    commands.bind(device.group(("write",), [counts]))
    commands.run(device.kernel(COUNT, (("write",),)))
    commands.bind(device.group(GROUP, [source, target, more]))
    commands.follow(device.kernel(DOUBLE, (GROUP,)), counts, 0)
    commands.copy(target, 0, staging, 0, 200)
    device.submit(commands)
    assert device.mapped(staging, 200).tolist() == [2] * 128 + [0] * 72


def test_a_buffer_that_is_too_large(device):
    with pytest.raises(Diagnostic, match=r"LW2203: the buffer of numbers has [\d,]+ bytes"):
        device.buffer(device.largest // 4 + 1, "numbers")


def test_a_defect_of_a_kernel_is_not_hidden(device):
    with pytest.raises(Exception, match=r"no such thing|unknown|expected") as caught:
        device.kernel("fn main() { no such thing }", ())
    assert not isinstance(caught.value, LaneworkError)
    assert not device.lost


def test_a_device_that_is_lost(device):
    buffer = device.buffer(10, "numbers")
    device.destroy()
    for use in (
        lambda: device.write(buffer, np.zeros(10, np.uint32)),
        lambda: device.read(buffer),
        lambda: device.buffer(10, "more"),
        lambda: device.submit(device.commands()),
    ):
        with pytest.raises(Trap, match=r"LW2202: the device of .* was lost while"):
            use()
    assert device.lost
