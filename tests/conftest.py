"""A graphics device for all tests, and what it means where there is none; Ctrl-C pressed by a test.

Tests that need a device are skipped without it, unless LANEWORK_REQUIRE_GPU is set: then they fail,
so that a run that is meant to have a device cannot pass without.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from hypothesis import settings

# the same examples on every run, so that a change is to blame when a test fails; `make fuzz` looks
# for others
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

NEEDED = "a Vulkan adapter (mesa-vulkan-drivers) and the extra lanework[gpu]"


@pytest.fixture(scope="session")
def gpu() -> Any:
    """A device of the adapter at hand, through wgpu."""
    try:
        import wgpu

        adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
    except (ImportError, OSError, RuntimeError) as error:
        pytest.skip(f"needs {NEEDED}: {error}")
    return adapter.request_device_sync()


class CtrlC:
    """Ctrl-C in this process, as Python has it."""

    def __init__(self) -> None:
        self._pressed = 0.0
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def press(self, when: float | Callable[[], object]) -> None:
        """Press it in so many seconds, or as soon as something is true."""
        thread = threading.Thread(target=self._press, args=(when,))
        self._threads.append(thread)
        thread.start()

    def _press(self, when: float | Callable[[], object]) -> None:
        if callable(when):
            while not when() and not self._over.wait(0.005):
                pass
        else:
            self._over.wait(when)
        if not self._over.is_set():
            self._pressed = time.process_time()
            os.kill(os.getpid(), signal.SIGINT)

    def work_since(self) -> float:
        """CPU seconds of this process since it was pressed: other work does not count."""
        return time.process_time() - self._pressed

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def ctrl_c() -> Iterator[CtrlC]:
    """Presses Ctrl-C, and sees to it that it means KeyboardInterrupt, here and in child processes.

    A process that is started in the background may have been told to ignore it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    key = CtrlC()
    try:
        yield key
    finally:
        key.end()
        signal.signal(signal.SIGINT, before)


def _must_run(report: Any) -> Any:
    required = os.environ.get("LANEWORK_REQUIRE_GPU", "0") not in ("", "0")
    if required and report.skipped and "Vulkan" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"LANEWORK_REQUIRE_GPU is set, and this was skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, Any]:
    return _must_run((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: Any) -> Generator[None, Any, Any]:
    return _must_run((yield))
