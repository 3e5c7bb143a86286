"""Compute on a GPU, through WebGPU: an adapter, its device, buffers, kernels and submissions.

All of it is 32-bit words: buffers hold nothing else, and offsets and sizes are counts of words.
There is one device for each adapter in a process, and it keeps every kernel that it compiled. The
package `wgpu` (the extra ``lanework[gpu]``) is imported when a device is first asked for.

A device can be lost: the driver was reset, ran out of memory, or stopped a submission that took too
long. Then everything that is done with it raises LW2202, and the next one that is asked for is new.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from lanework.base import sharing
from lanework.base.errors import Diagnostic, Trap
from lanework.engines.codes import DEVICE_LIMIT, DEVICE_LOST, NO_ADAPTER
from lanework.engines.gpu.adapters import (
    FORKED,
    INSTEAD,
    VARIABLE,
    Adapter,
    adapters,
    hardware,
    pick,
)

Words = npt.NDArray[np.uint32]

__all__ = ["Adapter", "Commands", "Gpu", "adapters", "device", "hardware", "pick", "why_not"]

WORD = 4

FEATURE = "shader-f16"
"""Numbers of 16 bits, which a device has if its adapter does."""
MOST_KERNELS = 256
"""Kernels that a device remembers; each takes a megabyte or two where a processor plays the GPU."""
_RAISED = (
    "max-buffer-size",
    "max-storage-buffer-binding-size",
    "max-storage-buffers-per-shader-stage",
)
_KINDS = {"read": "read-only-storage", "write": "storage", "uniform": "uniform"}


def why_not(wanted: str = "") -> str | None:
    """Why there is no device on an adapter, or None.

    Args:
        wanted: as `pick` takes it.

    Raises:
        Diagnostic: LW2201 for an adapter that is asked for and is not there.
    """
    try:
        device(wanted)
    except Diagnostic as problem:
        if wanted:
            raise
        return problem.message
    return None


_lock = sharing.lock()
_devices: dict[str, Gpu] = {}


def device(wanted: str = "") -> Gpu:
    """The device of an adapter, the same one each time in a process until it is lost.

    Args:
        wanted: as `pick` takes it.

    Raises:
        Diagnostic: LW2201.
    """
    with _lock:
        key = wanted or os.environ.get(VARIABLE, "")
        known = _devices.get(key)
        if known is None or known.lost or known.process != os.getpid():
            known = _devices[key] = Gpu(pick(wanted))
        return known


class Gpu:
    """A device with the kernels that it has compiled.

    Attributes:
        adapter: whose it is.
        largest: bytes that one buffer can have.
        groups: workgroups that one dimension of a dispatch can have.
        features: what it has besides: `FEATURE`, or nothing.
        lost: whether it was lost.
        process: whose it is; a child of fork has none of it.

    Raises:
        Diagnostic: LW2201, the adapter gives no device.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.lost, self.process = False, os.getpid()
        limits = adapter.handle.limits
        raised = {name: limits[name] for name in _RAISED}
        self.features = [each for each in adapter.handle.features if each == FEATURE]
        try:
            self._device = adapter.handle.request_device_sync(
                required_limits=raised, required_features=self.features
            )
        except RuntimeError as error:
            raise Diagnostic(
                NO_ADAPTER, f"the adapter {adapter} gives no device: {error}"
            ) from None
        have = self._device.limits
        self.largest = int(min(have["max-buffer-size"], have["max-storage-buffer-binding-size"]))
        self.groups = int(have["max-compute-workgroups-per-dimension"])
        self._layouts: dict[tuple[str, ...], Any] = {}
        self._kernels: dict[tuple[str, str, tuple[tuple[str, ...], ...]], Any] = {}

    @contextmanager
    def guard(self, doing: str) -> Iterator[None]:
        """Errors of the driver as errors of ours.

        Raises:
            Trap: LW2202, the device was lost.
            Diagnostic: LW2203, there is no memory left on it.
        """
        import wgpu

        if self.process != os.getpid():
            self.lost = True
            lost = f"the device of {self.adapter.name} is the parent's: {FORKED}"
            raise Trap(DEVICE_LOST, lost, help=INSTEAD)
        try:
            yield
        except wgpu.GPUOutOfMemoryError:
            raise Diagnostic(
                DEVICE_LIMIT, f"{self.adapter.name} has no memory left while {doing}"
            ) from None
        except (wgpu.GPUError, RuntimeError) as error:
            if "lost" not in str(error).lower() and not self.lost:
                raise  # a defect of ours
            self.lost = True
            raise Trap(
                DEVICE_LOST,
                f"the device of {self.adapter.name} was lost while {doing}",
                help="run it again, or on another engine; a submission that takes too long can be "
                "the reason",
            ) from None

    def destroy(self) -> None:
        """Give the device back; every further use of it finds it lost."""
        self._device.destroy()

    # Buffers --------------------------------------------------------------------------------------

    def buffer(self, words: int, what: str, uses: str = "storage") -> Any:
        """A buffer of zeros.

        Args:
            words: its size; at least one word is made.
            what: for people.
            uses: `storage`, `uniform`, `staging`, or `indirect`, which is storage too.

        Raises:
            Diagnostic: LW2203.
        """
        import wgpu

        use = wgpu.BufferUsage
        size = WORD * max(words, 4)
        if size > self.largest and uses != "staging":
            raise Diagnostic(
                DEVICE_LIMIT,
                f"the buffer of {what} has {size:,} bytes; {self.adapter.name} allows "
                f"{self.largest:,}",
            )
        flags = {
            "storage": use.STORAGE | use.COPY_SRC | use.COPY_DST,
            "uniform": use.UNIFORM | use.COPY_DST,
            "indirect": use.STORAGE | use.INDIRECT | use.COPY_SRC | use.COPY_DST,
            "staging": use.MAP_READ | use.COPY_DST,
        }[uses]
        with self.guard(f"making a buffer of {size:,} bytes for {what}"):
            return self._device.create_buffer(label=what, size=size, usage=flags)

    def write(self, buffer: Any, words: Words, first: int = 0) -> None:
        """Copy words into a buffer, before what is submitted next."""
        if len(words):
            with self.guard("copying to it"):
                data = np.ascontiguousarray(words, np.uint32)
                self._device.queue.write_buffer(buffer, WORD * first, data)

    def read(self, buffer: Any, first: int = 0, count: int | None = None) -> Words:
        """A copy of words of a buffer, after all that was submitted."""
        count = buffer.size // WORD - first if count is None else count
        if count == 0:
            return np.zeros(0, np.uint32)
        with self.guard("reading from it"):
            data = self._device.queue.read_buffer(buffer, WORD * first, WORD * count)
        return np.frombuffer(data, np.uint32).copy()

    def mapped(self, staging: Any, count: int) -> Words:
        """A copy of the first words of a staging buffer, after all that was submitted."""
        import wgpu

        with self.guard("waiting for it"):
            staging.map_sync(wgpu.MapMode.READ, 0, WORD * count)
            try:
                data = staging.read_mapped(0, WORD * count, copy=True)
            finally:
                staging.unmap()
        return np.frombuffer(data, np.uint32)

    # Kernels --------------------------------------------------------------------------------------

    def layout(self, kinds: tuple[str, ...]) -> Any:
        """A layout of bindings, from 0 on: `read`, `write` or `uniform` each."""
        known = self._layouts.get(kinds)
        if known is None:
            entries = [
                {"binding": n, "visibility": "COMPUTE", "buffer": {"type": _KINDS[kind]}}
                for n, kind in enumerate(kinds)
            ]
            with self.guard("making a layout"):
                known = self._device.create_bind_group_layout(entries=entries)
            self._layouts[kinds] = known
        return known

    def group(self, kinds: tuple[str, ...], buffers: Sequence[Any]) -> Any:
        """Buffers to the bindings of a layout."""
        entries = [
            {"binding": n, "resource": {"buffer": each, "offset": 0, "size": each.size}}
            for n, each in enumerate(buffers)
        ]
        with self.guard("binding buffers"):
            return self._device.create_bind_group(layout=self.layout(kinds), entries=entries)

    def kernel(self, text: str, groups: tuple[tuple[str, ...], ...], entry: str = "main") -> Any:
        """A kernel, compiled once.

        Args:
            text: its module.
            groups: the layouts of its groups of bindings.
            entry: the function in it.
        """
        key = (text, entry, groups)
        known = self._kernels.get(key)
        if known is None:
            with self.guard("compiling a kernel"):
                layouts = [self.layout(each) for each in groups]
                known = self._device.create_compute_pipeline(
                    layout=self._device.create_pipeline_layout(bind_group_layouts=layouts),
                    compute={
                        "module": self._device.create_shader_module(code=text),
                        "entry_point": entry,
                    },
                )
            while len(self._kernels) >= MOST_KERNELS:
                del self._kernels[next(iter(self._kernels))]  # the oldest
            self._kernels[key] = known
        return known

    # Submissions ----------------------------------------------------------------------------------

    def commands(self) -> Commands:
        """An empty list of commands."""
        with self.guard("beginning a submission"):
            return Commands(self._device.create_command_encoder())

    def submit(self, commands: Commands) -> None:
        """Run commands; returns before they have run."""
        with self.guard("submitting to it"):
            commands.end()
            self._device.queue.submit([commands.encoder.finish()])


class Commands:
    """What a submission does, in order; each command sees what those before it have done."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder
        self._pass: Any = None
        self._bound: list[Any] = []

    def bind(self, *groups: Any) -> None:
        """The groups of bindings of the kernels from now on."""
        self._bound = list(groups)
        for n, group in enumerate(groups):
            self.kernels.set_bind_group(n, group)

    @property
    def kernels(self) -> Any:
        """The pass of `wgpu` that takes kernels; for `run` and `follow` in a loop."""
        if self._pass is None:
            self._pass = self.encoder.begin_compute_pass()
            for n, group in enumerate(self._bound):
                self._pass.set_bind_group(n, group)
        return self._pass

    def run(self, kernel: Any, groups: tuple[int, int] = (1, 1)) -> None:
        """Run a kernel with so many workgroups."""
        self.kernels.set_pipeline(kernel)
        self.kernels.dispatch_workgroups(groups[0], groups[1], 1)

    def follow(self, kernel: Any, counts: Any, first: int) -> None:
        """Run a kernel with the numbers of workgroups that three words of a buffer give."""
        self.kernels.set_pipeline(kernel)
        self.kernels.dispatch_workgroups_indirect(counts, WORD * first)

    def copy(self, source: Any, first: int, target: Any, at: int, count: int) -> None:
        """Copy words of a buffer to another."""
        self.end()
        self.encoder.copy_buffer_to_buffer(source, WORD * first, target, WORD * at, WORD * count)

    def clear(self, buffer: Any) -> None:
        """Make a buffer zero."""
        self.end()
        self.encoder.clear_buffer(buffer, 0, buffer.size)

    def end(self) -> None:
        """End the pass."""
        if self._pass is not None:
            self._pass.end()
            self._pass = None
