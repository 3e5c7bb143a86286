"""Faults of VMs that come after some that never end.

Threads do one VM after another, and a VM that never ends keeps a thread for ever. In epochs another
one's fault would end the run. So while a run goes on, all of its VMs are run a second time, on
memory as it was, by code that gives up each VM after so many instructions: if one of them faults,
that is how the run ends. If none does, VMs have more the next time. It takes a small part of the
time that the run has taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from lanework.engines import workers
from lanework.engines.kernel import Kernel
from lanework.engines.native import address
from lanework.machines.fleet.native.call import Call
from lanework.machines.fleet.state import Status

SHARE = 16
"""One part of so many of a run's time is for looking ahead."""
RATE = 4e9
"""Instructions of all VMs together in a second, about."""
FIRST = 1 << 20
"""Instructions of all VMs together that are looked at first."""
LEAST = 1024
"""Instructions of each VM, at least."""


@dataclass
class Lookout:
    """Looks for a fault ahead of a run.

    Args:
        kernel: the code.
        run: what it runs.
        again: the same call from its beginning, on memory of its own.
        status: the row of the state that says what has become of VMs.
        seed: of random numbers.

    Attributes:
        ahead: the call that came to a fault.
    """

    kernel: Kernel
    run: Call
    again: Callable[[], Call]
    status: int
    seed: int
    ahead: Call | None = None
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._fuel, self._spent = FIRST, 0.0
        self._limit = 0
        self._call: Call | None = None
        self._future: Future[None] | None = None

    def look(self, _done: int = 0) -> None:
        """Look on, if it is time for that; a run that is to end is told so."""
        if self.ahead is not None:
            return
        if self._future is None:
            left = (time.monotonic() - self.began) / SHARE - self._spent
            if left * RATE >= self._fuel:
                self._fuel = int(left * RATE)
                self._begin()
        elif self._future.done():
            self._seen()

    def _begin(self) -> None:
        start = time.thread_time()
        self._call = call = self.again()
        self._limit = max(LEAST, self._fuel // (4 * call.rows.shape[1]))
        call.begin(self.seed, self._fuel, self._limit)
        call.frame.shared[:3] = 0, 0, self.kernel.descriptor
        self._spent += time.thread_time() - start
        self._future = workers.submit(self._work, call)

    def _seen(self) -> None:
        """What has come of it."""
        call, self._call, self._future = self._call, None, None
        assert call is not None
        self._fuel *= 2
        faulted = call.rows[self.status] == Status.FAULTED
        if call.stopped or not faulted.any() or call.ages[faulted].min() > self._limit:
            return  # others may fault before
        self.ahead = call
        self.run.stop()

    def close(self) -> None:
        """What is under way may end."""
        if self._call is not None:
            self._call.stop()

    def _work(self, call: Call) -> None:
        start, frame = time.thread_time(), call.frame
        columns, dims, shared = map(address, (frame.columns, frame.dims, frame.shared))
        self.kernel.call(columns, dims, shared, address(frame.scratch[0]))
        self._spent += time.thread_time() - start
