"""A graphics device for all tests, and what it means where there is none.

Tests that need one are skipped without it, unless LANEWORK_REQUIRE_GPU is set: then they fail, so
that a run that is meant to have a device cannot pass without.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

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
