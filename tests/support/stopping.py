"""What was stopped at its deadline, and is over soon after it."""

import threading
import time

import pytest

from lanework.base.errors import Trap
from lanework.core.waiting import NAME

BUSY = 1.0  # seconds of work after a deadline, at most


def over():
    """Wait for what earlier calls left at work."""
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(60)
            assert not thread.is_alive()


def idle():
    """Wait until this process does nothing any more; how much it did until then."""
    begin = before = time.process_time()
    while True:
        time.sleep(0.1)
        now = time.process_time()
        if now - before < 0.01:
            return before - begin
        assert now - begin < BUSY, threading.enumerate()
        before = now


def stopped(call):
    with pytest.raises(Trap) as caught:
        call()
    assert caught.value.code.ident == "LW2001"
    assert idle() < BUSY
