"""Work in native code that was told to stop: its memory is there until it has ended."""

import threading
import time

import pytest

from lanework.engines import workers


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError])
def test_what_comes_in_between_does_not_end_the_wait(error, monkeypatch):
    """Ctrl-C, and what deadlines raise in a thread (`core/waiting.py`)."""
    begun, end = threading.Event(), threading.Event()

    def work():
        begun.set()
        end.wait()

    future = workers.submit(work)
    raised = []
    wait = future.exception

    def interrupted(timeout=None):
        if not raised:
            raised.append(error)
            raise error
        return wait(timeout)

    monkeypatch.setattr(future, "exception", interrupted)
    begun.wait()
    assert workers.ended([future]) is False
    end.set()
    assert workers.ended([future]) is True


def test_work_keeps_what_it_works_on():
    class Memory:
        pass

    import gc
    import weakref

    memory, end = Memory(), threading.Event()
    future = workers.submit(lambda _memory: end.wait(), memory)
    held = weakref.ref(memory)
    del memory
    gc.collect()
    assert held() is not None
    end.set()
    future.result()
    for _ in range(100):
        if held() is None:
            return
        time.sleep(0.01)
    raise AssertionError("it is kept after the end")
