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

LONG = """
tests/app/test_process.py::test_a_dash_is_standard_input_and_output
tests/belief/test_bad_input.py::test_what_fits_no_memory_is_refused_at_once
tests/belief/test_conditioning.py::test_a_grid_that_does_not_fit
tests/belief/test_modes.py::test_graphs_of_many_cycles_by_enumeration[100]
tests/belief/test_random.py::test_enumeration[50]
tests/belief/test_range.py::test_what_vanishes_in_one_step_may_matter_in_the_next
tests/belief/test_streaming.py::test_the_cap_bounds_the_resident_size
tests/belief/test_zeros.py::test_enumeration_with_groups[50]
tests/core/test_container.py::test_bytes_do_not_depend_on_hash_seeds
tests/core/test_sharing.py::test_a_child_of_fork_can_work_whatever_other_threads_did
tests/core/test_sharing.py::test_a_process_ends_when_its_main_thread_does
tests/core/test_sharing.py::test_eight_threads_share_a_runner
tests/engines/test_threadpool.py::test_the_process_ends_while_helpers_spin
tests/engines/test_vector.py::test_random_programs_at_every_level
tests/fleet/test_effects.py::test_any_program[60]
tests/fleet/test_epoch.py::test_every_instruction_on_special_values
tests/fleet/test_epoch.py::test_the_child_of_a_fork_says_why_it_has_no_gpu
tests/fleet/test_examples.py::test_boids[epoch]
tests/fleet/test_examples.py::test_reduction[epoch-1000000]
tests/fleet/test_fuzz.py::test_random_programs_on_a_gpu[5]
tests/fleet/test_fuzz.py::test_random_programs_read_back_from_their_listing
tests/fleet/test_fuzz.py::test_small_programs_on_their_turn[20]
tests/fleet/test_fuzz.py::test_the_reference_does_what_the_plain_machine_does[50]
tests/fleet/test_fuzz.py::test_vms_that_do_not_see_each_other[5]
tests/fleet/test_interrupted.py::test_while_it_is_compiled[wgsl]
tests/fleet/test_malformed.py::test_every_flipped_bit_with_a_repaired_checksum_is_handled
tests/fleet/test_meanings.py::test_engines_agree_on_random_names
tests/fleet/test_starving.py::test_any_two_of_a_vector
tests/ops/test_pages.py::test_coefficients_come_from_the_tool
tests/ops/test_rules.py::test_intervals_hold_what_ops_give
tests/register/test_engines.py::test_random_programs_agree[2500]
tests/register/test_lanes.py::test_random_programs_agree[20]
tests/register/test_lanes_in_files.py::test_words_of_any_size_are_read_back[7000-xlsx]
tests/register/test_traps.py::test_engines_give_one_reason_where_there_are_two
tests/register/test_traps.py::test_every_instruction_that_may_trap[llvm]
tests/series/test_differential.py::test_engines_agree_to_the_bit[50]
tests/series/test_excel.py::test_floored_quotients_are_exact_or_errors
tests/series/test_gate.py::test_what_the_gate_lets_through_stays_inside[50]
tests/series/test_long_sums.py
tests/series/test_memory.py::test_tables_of_any_length_run_under_the_cap
tests/series/test_portfolios.py::test_published_total[basicterm_m-llvm]
tests/series/test_portfolios.py::test_published_total[basicterm_me-llvm]
tests/series/test_portfolios.py::test_published_total[savings_ex4-llvm]
""".split()
"""What takes seconds and seldom says more than its neighbours: as what is marked for long runs."""

NEEDED = "a Vulkan adapter (mesa-vulkan-drivers) and the extra lanework[gpu]"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is for long runs."""
    for item in items:
        if item.nodeid.startswith(tuple(LONG)):
            item.add_marker(pytest.mark.long)


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
