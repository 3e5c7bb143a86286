"""One schema: what NumPy, WGSL and both layouts make of a VM is the same, word for word."""

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.machines.fleet.state import METADATA, PROFILES, Status, VMState


@pytest.mark.parametrize("name", PROFILES)
def test_sizes(name):
    profile = PROFILES[name]
    assert profile.length == {"S22": 22, "S32": 32, "S64": 64}[name]
    assert profile.dtype.itemsize == profile.bytes
    assert profile.bytes % 64 == 0
    assert profile.bytes <= {"S22": 128, "S32": 192, "S64": 320}[name]
    offsets = {field: profile.dtype.fields[field][1] for field in profile.dtype.names}
    assert offsets["registers"] == 4 * profile.word("r0")
    assert offsets["memory"] == 4 * profile.word("mem0")
    assert offsets["one"] == 4 * (profile.length - 1)
    for field in METADATA:
        assert offsets[field] == 4 * profile.word(field)


@pytest.mark.parametrize("name", PROFILES)
def test_structures_and_back(name):
    profile = PROFILES[name]
    vms = VMState(profile, 5)
    vms.words[:] = np.random.default_rng(1).integers(0, 2**31, vms.words.shape)
    again = VMState.of(profile, vms.structures())
    assert np.array_equal(again.words[1:], vms.words[1:])  # IP as a float is made of the number
    assert vms.structures()["ip"].tolist() == vms.row("ip").tolist()


def test_fields_that_there_are_not():
    vms = VMState(PROFILES["S22"], 3)
    for field in ("statis", "r4", 3, ["r0"]):
        with pytest.raises(Diagnostic, match="LW6030: VMs have no field") as caught:
            vms.row(field)
        assert ("'status'" if field == "statis" else "r") in caught.value.help


def test_what_is_shown():
    vms = VMState(PROFILES["S22"], 3)
    vms.row("status")[:] = (Status.HALTED, Status.RUNNING, Status.HALTED)
    assert repr(vms) == "<VMState S22: 1 running, 2 halted>"


@pytest.mark.parametrize("name", PROFILES)
def test_the_structure_in_wgsl(name, gpu):
    """A kernel that knows the structure writes its fields, and NumPy's structure reads them."""
    import wgpu

    profile = PROFILES[name]
    sets = "\n".join(
        f"  vms[i].{field} = {n + 1}u + i;"
        for n, field in enumerate(profile.fields[profile.length :])
    )
    text = f"""{profile.wgsl()}
@group(0) @binding(0) var<storage, read_write> vms: array<VMState>;
@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  let i = id.x;
  vms[i].IP = 0.5 + f32(i);
  vms[i].one = 1.0;
  for (var n = 0u; n < {profile.registers}u; n++) {{ vms[i].registers[n] = f32(n + i); }}
  for (var n = 0u; n < {profile.memory}u; n++) {{ vms[i].memory[n] = -f32(n + i); }}
{sets}
}}"""
    usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC
    buffer = gpu.create_buffer(size=3 * profile.bytes, usage=usage)
    pipeline = gpu.create_compute_pipeline(
        layout="auto",
        compute={"module": gpu.create_shader_module(code=text), "entry_point": "main"},
    )
    full = {"buffer": buffer, "offset": 0, "size": buffer.size}
    group = gpu.create_bind_group(
        layout=pipeline.get_bind_group_layout(0), entries=[{"binding": 0, "resource": full}]
    )
    encoder = gpu.create_command_encoder()
    commands = encoder.begin_compute_pass()
    commands.set_pipeline(pipeline)
    commands.set_bind_group(0, group)
    commands.dispatch_workgroups(3)
    commands.end()
    gpu.queue.submit([encoder.finish()])
    actual = np.frombuffer(gpu.queue.read_buffer(buffer), profile.dtype)
    each = np.arange(3)
    assert len(actual) == 3
    assert actual["IP"].tolist() == [0.5, 1.5, 2.5]
    assert actual["one"].tolist() == [1.0, 1.0, 1.0]
    assert np.array_equal(actual["registers"], each[:, None] + np.arange(profile.registers))
    assert np.array_equal(actual["memory"], -(each[:, None] + np.arange(profile.memory)))
    for n, field in enumerate(profile.fields[profile.length :]):
        assert actual[field].tolist() == (n + 1 + each).tolist(), field
