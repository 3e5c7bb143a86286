"""Helper threads that wait for short jobs in native code, ready within a microsecond.

Waking a sleeping thread takes 50 to 100 microseconds, as long as many a whole run. So a helper
that has just worked spins for a moment, where the next job finds it at once, and goes to sleep
on a Python lock only after that. Jobs are open to helpers, not given to them: whoever comes
while units are left takes some, and nobody waits for one who comes late.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import platform
import threading
import time

import numpy as np

from lanework.base import sharing
from lanework.core.waiting import start
from lanework.engines.helping import helpers
from lanework.engines.kernel import Kernel
from lanework.engines.threadtext import (
    AWAKE,
    CLOSE,
    END,
    INSIDE,
    OPEN,
    SHARE,
    SLEEPERS,
    SPINS,
    START,
    STATUS,
    STOP,
    pool_text,
)

_NAMES = ("pool_serve", "pool_run")
LINGER = 0.0005  # seconds that a helper spins before it goes to sleep


class ThreadPool:
    """Helpers of one process; one job at a time."""

    def __init__(self) -> None:
        raw = np.zeros(END + 8, np.int64)
        skip = -int(raw.ctypes.data) % 64 // 8
        self.words = raw[skip : skip + END]  # which begins at a cache line
        self._at = int(self.words.ctypes.data)
        self._kernels = _code()  # which own the code
        self._serve, self._run = (kernel.call for kernel in self._kernels)
        start = time.perf_counter()
        self._serve(self._at, 0, SPINS, 0)  # as helper 0, whom nobody gives jobs
        # in pauses: one takes 4 to 140 cycles, as the processor pleases
        self._spins = int(SPINS * LINGER / (time.perf_counter() - start))
        self._locks: list[threading.Lock] = []
        self._jobs = itertools.count(1)
        self._hold: object = None

    def run(self, record: int, threads: int, hold: object = None) -> None:
        """Run a job on the calling thread and on helpers, until all of it is done.

        Args:
            record: the address of the job's record.
            threads: as the record says; at least 1.
            hold: what the job works on; it is kept until every helper has left the job.
        """
        self._hold = hold
        while len(self._locks) < threads - 1:
            self._add()
        job = next(self._jobs)
        words = self.words
        try:
            self._run(self._at, record, job, START)
            if words[STATUS] == SLEEPERS:
                for helper, lock in enumerate(self._locks[: threads - 1], 1):
                    if words[AWAKE + helper] == 0 and lock.locked():
                        lock.release()
                self._run(self._at, record, job, SHARE)
        finally:  # whatever comes between: the record goes, so nobody may be inside any more
            while words[OPEN] or words[INSIDE]:  # no call, where something might come between
                try:  # noqa: SIM105 - the same
                    self._close()
                except BaseException:
                    pass
            self._hold = None

    def busy(self) -> bool:
        """Whether a helper is still inside a job that was left half-way, which is closed."""
        if self.words[OPEN] or self.words[INSIDE]:
            self._run(self._at, 0, 0, CLOSE)
        return bool(self.words[INSIDE])

    def _close(self) -> None:
        while self.busy():
            time.sleep(0)

    def _add(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        index = len(self._locks) + 1
        name = f"lanework-{index}"
        start(threading.Thread(target=self._help, args=(index, lock), name=name, daemon=True))
        self._locks.append(lock)

    def _help(self, index: int, lock: threading.Lock) -> None:
        while True:
            lock.acquire()
            self._serve(self._at, index, self._spins, 0)

    def stop(self) -> None:
        """Let no helper be in native code any more, since that code is about to go."""
        self.words[STOP] = 1
        while self.words[AWAKE:].any():
            time.sleep(0.0001)


@functools.cache
def _code() -> tuple[Kernel, ...]:
    """What helpers and callers run: shipped, or from LLVM where nothing is."""
    return helpers(_NAMES, lambda: pool_text(platform.machine()))


turn = sharing.lock()  # held by who makes the pool, and while it is at a job


@functools.cache
def pool() -> ThreadPool:
    """The pool of the process, for who has the turn.

    The turn is a lock that is taken with `with`, so that it comes back whatever comes between; who
    finds it `locked` does without the pool.
    """
    pool = ThreadPool()
    atexit.register(pool.stop)
    return pool


# The child of a fork has no helpers; it makes a pool of its own when it needs one.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)
