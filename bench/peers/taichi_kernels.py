"""Kernels for Taichi, which reads annotations as they are: no `annotations` from the future."""

import taichi as ti

ti.init(arch=ti.cpu, log_level=ti.ERROR, offline_cache=False)

VECTOR = ti.types.ndarray(dtype=ti.f32, ndim=1)


@ti.kernel
def collatz(steps: VECTOR):  # type: ignore[valid-type]
    """Stopping times of 1, 2, 3..."""
    for i in range(steps.shape[0]):
        x = ti.cast(i + 1, ti.f32)
        n = 0.0
        while x != 1.0:
            if x - 2.0 * ti.floor(x / 2.0) > 0.0:  # noqa: SIM108 - Taichi would do both
                x = x * 3.0 + 1.0
            else:
                x = x * 0.5
            n += 1.0
        steps[i] = n
