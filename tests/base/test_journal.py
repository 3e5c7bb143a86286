"""The journal: what was appended is there after any crash; damage is not passed over."""

import os
import subprocess
import sys
import time

import pytest

from lanework.base import journal
from lanework.base.errors import Diagnostic

RECORDS = [b"", b"one", b"two" * 30, bytes(range(256)) * 3]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "sweep"
    with journal.Journal(file) as log:
        assert log.records == []
        for record in RECORDS:
            log.append(record)
    return file


def ends(data):
    """Where the header and each record end, by the layout that the module states."""
    at = [12]
    while at[-1] < len(data):
        length = int.from_bytes(data[at[-1] + 4 : at[-1] + 8], "little")
        at.append(at[-1] + 16 + length)
    return at


def test_records_come_back_and_more_can_be_added(path):
    assert journal.read(path) == RECORDS
    with journal.Journal(path) as again:
        assert again.records == RECORDS
        again.append(b"more")
    assert journal.read(path) == [*RECORDS, b"more"]
    assert journal.read(path.with_name("none")) == []


def test_every_truncation_gives_the_records_before_it(path):
    data = path.read_bytes()
    stops = ends(data)
    assert stops[-1] == len(data)
    for size in range(len(data)):
        path.write_bytes(data[:size])
        full = max(0, sum(stop <= size for stop in stops) - 1)
        assert journal.read(path) == RECORDS[:full], size
    for size in (0, 3, 11, 12, 13, 30, stops[-2] + 100):
        path.write_bytes(data[:size])
        full = max(0, sum(stop <= size for stop in stops) - 1)
        with journal.Journal(path) as opened:
            assert opened.records == RECORDS[:full]
            opened.append(b"after")
        assert journal.read(path) == [*RECORDS[:full], b"after"]


def test_every_flipped_bit_before_the_last_record_is_refused(path):
    data = path.read_bytes()
    last = ends(data)[-2]
    for at in range(last):
        if 30 < at < last - 30 and at % 7:
            continue
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << at % 8
        path.write_bytes(spoilt)
        if 8 <= at < 12:  # the salt: no record agrees with it any more, as if none were whole
            assert journal.read(path) == []
            continue
        with pytest.raises(Diagnostic) as caught:
            journal.Journal(path)
        assert caught.value.code.ident == "LW0202"
        assert path.read_bytes() == spoilt


@pytest.mark.parametrize("tail", [bytes(500), b"\xa5LWR", b"\xa5LWR" + bytes(40), os.urandom(900)])
def test_a_tail_that_is_no_record_is_dropped(path, tail):
    path.write_bytes(path.read_bytes() + tail)
    with journal.Journal(path) as opened:
        assert opened.records == RECORDS
    assert journal.read(path) == RECORDS


def test_a_journal_kept_as_data_in_a_torn_record_is_no_damage(path, tmp_path):
    inner = path.read_bytes()
    outer = tmp_path / "outer"
    with journal.Journal(outer) as log:
        log.append(b"first")
        log.append(inner)
    full = outer.read_bytes()
    outer.write_bytes(full[:-1])
    assert journal.read(outer) == [b"first"]


@pytest.mark.parametrize("content", [b"scenario,value\n1,2\n", b"LWJRNL\x00\x02" + bytes(20)])
def test_other_files_are_left_alone(tmp_path, content):
    file = tmp_path / "f"
    file.write_bytes(content)
    with pytest.raises(Diagnostic) as caught:
        journal.Journal(file)
    assert caught.value.code.ident == "LW0202"
    assert file.read_bytes() == content


def test_one_writer_at_a_time(path):
    with journal.Journal(path):
        with pytest.raises(Diagnostic) as caught:
            journal.Journal(path)
        assert caught.value.code.ident == "LW0203"
        assert journal.read(path) == RECORDS
    journal.Journal(path).close()


@pytest.mark.parametrize("name", ["pwrite", "fsync"])
@pytest.mark.parametrize("short", [0, 1, 15, 16, 40])
def test_a_failed_append_leaves_the_journal_as_it_was(path, monkeypatch, name, short):
    real = os.pwrite

    def full(*args):
        raise OSError(28, "No space left on device")

    def partly(handle, data, at):
        patch.setattr(os, "pwrite", full)
        return real(handle, data[:short], at) if short else full()

    with journal.Journal(path) as opened:
        with monkeypatch.context() as patch:
            patch.setattr(os, name, partly if name == "pwrite" else full)
            with pytest.raises(Diagnostic) as caught:
                opened.append(b"lost" * 50)
        assert caught.value.code.ident == "LW0201"
        assert journal.read(path) == RECORDS
        opened.append(b"next")
    assert journal.read(path) == [*RECORDS, b"next"]


WRITER = """
import sys
from lanework.base.journal import Journal
with Journal(sys.argv[1]) as journal:
    for n in range(10**6):
        journal.append(b"%d " % n * 200)
        print(n, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_reported(tmp_path):
    path = tmp_path / "sweep"
    for delay in (0.0, 0.005, 0.02):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            process.stdout.readline()
            time.sleep(delay)
            process.kill()
            rest = process.stdout.read().splitlines()
        done = int(rest[-1]) if rest and rest[-1].isdecimal() else 0
        records = journal.read(path)
        assert len(records) > done
        for n, record in enumerate(records):
            assert record == b"%d " % n * 200
        path.unlink()
