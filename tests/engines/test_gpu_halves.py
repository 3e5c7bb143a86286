"""Half precision on a device: what it does by itself is looked at before it is believed."""

from dataclasses import replace

import pytest

from lanework.base.errors import Diagnostic
from lanework.engines.gpu import device as gpu
from lanework.engines.gpu import halves
from lanework.engines.gpu.wgsl import PREAMBLE

PACKED = """\
fn lw_half(x: i32) -> i32 {
  let pair = vec2<f32>(bitcast<f32>(x), 0.0);
  return bitcast<i32>(unpack2x16float(pack2x16float(pair)).x);
}
"""
WRONG = {
    "not at all": "return x;",
    "towards zero": "return lw_half(x & bitcast<i32>(0xffffe000u));",
    "away from zero half-way": "return lw_half(x + select(0i, 1i, (x & 0x3fff) == 0x1000));",
    "without small ones": "return select(lw_half(x), 0i, (x & 0x7fffffff) < 0x38800000);",
    "the largest for infinity": "return select(lw_half(x), 0x477fe000i, x == 0x47800000);",
    "NaN as it is": "return select(lw_half(x), x, (x & 0x7fffffff) > 0x7f800000);",
    "NaN without a sign": "return select(lw_half(x), 0x7fc00000i, (x & 0x7fffffff) > 0x7f800000);",
}


@pytest.fixture(scope="module")
def device():
    try:
        return gpu.device()
    except Diagnostic as problem:
        pytest.skip(f"no Vulkan, not even in software: {problem}")


@pytest.mark.parametrize("what", WRONG)
def test_a_device_that_rounds_otherwise_is_told_from_others(device, what):
    other = halves.BY_INTEGERS.replace("lw_half", "right")
    wrong = WRONG[what].replace("lw_half", "right")
    text = f"{other}\nfn lw_half(x: i32) -> i32 {{ {wrong} }}\n"
    assert not halves.exact(device, PREAMBLE + text)


def test_integers_are_right_everywhere(device):
    assert halves.exact(device, PREAMBLE + halves.BY_INTEGERS)


def test_a_device_in_software_is_quicker_with_integers(device):
    """Its numbers of 16 bits are right, as those of a card have to be."""
    if gpu.FEATURE not in device.features:
        pytest.skip("needs an adapter with numbers of 16 bits")
    card = gpu.Gpu(device.adapter)
    assert card.features == [gpu.FEATURE]
    assert halves.own(card) == (card.adapter.kind != "software")
    assert halves.exact(card, PACKED) == halves.exact(card, halves.ENABLE + halves.OWN)
    other = gpu.Gpu(device.adapter)
    other.adapter = replace(device.adapter, kind="discrete")
    assert halves.own(other)
    other.features = []
    assert halves.own(other)  # it is looked at once
    del vars(other)["own_halves"]
    assert not halves.own(other)
