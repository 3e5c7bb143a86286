"""Half precision as WGSL: by integers on any device, or by a device's own numbers of 16 bits.

WGSL leaves open how these are rounded, and what becomes of small ones, large ones and NaN. So a
device has to show that it does with them what the ops do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lanework.engines.gpu import wgsl
from lanework.engines.gpu.device import FEATURE, Gpu
from lanework.engines.lanes.halves import NAN, NEAREST

ENABLE = "enable f16;\n"
"""The first line of a module that has numbers of 16 bits."""
BY_INTEGERS = wgsl.render_graph("lw_half", NEAREST)
"""A function from the bits of a float to those of the nearest of half precision."""
OWN = f"""\
fn lw_half(x: i32) -> i32 {{
  let nan = (x & bitcast<i32>(0x80000000u)) | {NAN}i;
  return select(bitcast<i32>(f32(f16(bitcast<f32>(x)))), nan, (x & 0x7fffffffi) > 0x7f800000i);
}}
"""
"""The same by numbers of 16 bits."""
SIZE, GROUPS = 64, 64
KERNEL = f"""
@group(0) @binding(0) var<storage, read_write> words: array<i32>;
@compute @workgroup_size({SIZE})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  for (var n = id.x; n < arrayLength(&words); n += {SIZE * GROUPS}u) {{
    words[n] = lw_half(words[n]);
  }}
}}
"""


def own(gpu: Gpu) -> bool:
    """Whether numbers of 16 bits are right on a device; in software integers are quicker."""
    known: bool | None = vars(gpu).get("own_halves")
    if known is None:
        wanted = gpu.adapter.kind != "software" and FEATURE in gpu.features
        known = vars(gpu)["own_halves"] = wanted and exact(gpu, ENABLE + OWN)
    return known


def exact(gpu: Gpu, text: str) -> bool:
    """Whether a device rounds floats as it should.

    These are the numbers of half precision, those half-way between two, their neighbours, and
    some of every size.

    Args:
        gpu: the device.
        text: its module's first lines, with the function.
    """
    words, right = _words()
    kinds = ("write",)
    buffer = gpu.buffer(len(words), "numbers")
    gpu.write(buffer, words)
    commands = gpu.commands()
    commands.bind(gpu.group(kinds, [buffer]))
    commands.run(gpu.kernel(text + KERNEL, (kinds,)), (GROUPS, 1))
    gpu.submit(commands)
    return bool((gpu.read(buffer, 0, len(words)) == right).all())


def _words() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Floats by their bits, and the nearest ones of half precision."""
    halves = np.arange(0x7C01, dtype=np.uint16).view(np.float16).astype(np.float32)
    ends = np.append(halves[:-1], np.float32(2.0**16)).astype(np.float64)
    middles = ((ends[:-1] + ends[1:]) / 2).astype(np.float32)
    sizes = np.concatenate([halves, middles]).view(np.uint32)
    comb = np.arange(0, 1 << 31, 1 << 15, dtype=np.uint32)  # of all floats, with NaN
    sizes = np.unique(np.concatenate([sizes, sizes[1:] - 1, sizes + 1, comb, comb + 0x7FFF]))
    words = np.concatenate([sizes, sizes | np.uint32(1 << 31)])
    numbers = words.view(np.float32)
    with np.errstate(all="ignore"):
        right = numbers.astype(np.float16).astype(np.float32).view(np.uint32)
    nan = np.isnan(numbers)
    right[nan] = words[nan] & np.uint32(1 << 31) | np.uint32(NAN)
    return words, right
