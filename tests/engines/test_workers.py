"""Work in native code that was told to stop: its memory is there until it has ended."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest

import lanework as lw
from lanework.engines import native, workers


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


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_a_run_keeps_all_that_its_code_reads_and_writes(engine, monkeypatch):
    """Tables, and cells of single numbers, too: a caller may be torn from it at any step."""
    held, parts = [], []
    run = native.Frame.run

    def watched(self, kernel, fuel, threads, hold=None, **more):
        memory, _, nest, cells = hold
        arrays = [*nest.tables, cells, *memory["input"], *memory["output"].values()]
        arrays += [self.columns, self.faults, self.scratch[0]]
        lie = {native.address(array) for array in arrays if isinstance(array, np.ndarray)}
        cell = range(native.address(cells), native.address(cells) + cells.nbytes)
        parts.extend(at in lie or at in cell for at in self.columns.tolist())
        held.append((kernel, hold))
        return run(self, kernel, fuel, threads, hold, **more)

    monkeypatch.setattr(native.Frame, "run", watched)
    model = lw.series.Model("looked up", periods=3)
    model.table("q", {age: float(age) for age in range(200)})
    model.input("age", axes="point")
    model.input("k", default=2.0)
    model.formula("y", "q(age) * k")
    runner = model.compile().bind(engine)
    runner(age=np.arange(100.0))
    tables = [weakref.ref(table) for table in runner._executor._tables]
    del model, runner
    gc.collect()
    assert parts
    assert all(parts)
    assert all(table() is not None for table in tables)
