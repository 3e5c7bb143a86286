"""Atomic writes: after any failure at any moment there is the old file or the new one."""

import contextlib
import os
import resource
import stat
import subprocess
import sys
import threading

import pytest

from lanework.base import files
from lanework.base.errors import Diagnostic

OLD, NEW = b"old" * 1000, b"new" * 5000
CALLS = ("stat", "open", "fdopen", "fchmod", "fsync", "replace", "close")


def only(folder):
    return [path.name for path in folder.iterdir()]


class Failing:
    """Lets n calls of the `os` functions of `CALLS` through and fails the next one."""

    def __init__(self, patch, n, failure):
        self.left, self.failure, self.hit = n, failure, None
        for name in CALLS:
            patch.setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name, real):
        def call(*args, **options):
            if self.hit is None:
                if self.left == 0:
                    self.hit = name
                    self.failure()
                self.left -= 1
            return real(*args, **options)

        return call


def refuse():
    raise OSError(28, "No space left on device")


def test_a_failure_of_any_system_call_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "result"
    hits = set()
    for n in range(100):
        path.write_bytes(OLD)
        with monkeypatch.context() as patch:
            failing = Failing(patch, n, refuse)
            refused = None
            try:
                files.write_bytes_atomic(path, NEW)
            except Diagnostic as error:
                refused = error
        if failing.hit is None:
            assert path.read_bytes() == NEW
            break
        hits.add(failing.hit)
        if refused is not None:
            assert refused.code.ident == "LW0201"
            assert "No space left" in refused.message
        assert path.read_bytes() == (OLD if refused else NEW), failing.hit
        assert only(tmp_path) == ["result"], failing.hit
    else:
        pytest.fail("never got through")
    assert hits >= {"stat", "open", "fdopen", "fchmod", "fsync", "replace"}


@pytest.mark.parametrize("limit", [0, 1, 4096, 8191, 14_999])
def test_a_disk_that_is_full_at_any_byte_leaves_the_old_file(tmp_path, limit):
    path = tmp_path / "result"
    path.write_bytes(OLD)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(Diagnostic) as caught, files.atomic_write(path) as file:
            for start in range(0, len(NEW), 1000):
                file.write(NEW[start : start + 1000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code.ident == "LW0201"
    assert path.read_bytes() == OLD
    assert only(tmp_path) == ["result"]


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
import importlib.util
spec = importlib.util.spec_from_file_location("t", {this!r})
t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)
class Patch:
    setattr = staticmethod(setattr)
path = sys.argv[1]
for n in range(100):
    if os.fork() == 0:
        t.Failing(Patch, n, lambda: os._exit(9))
        t.files.write_bytes_atomic(path, t.NEW)
        os._exit(0)
    _, status = os.wait()
    data = open(path, "rb").read()
    assert data in (t.OLD, t.NEW), n
    if os.waitstatus_to_exitcode(status) == 0:
        assert data == t.NEW
        print("done after", n)
        break
    open(path, "wb").write(t.OLD)
"""


def test_a_process_killed_at_any_step_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "result"
    path.write_bytes(OLD)
    code = KILLED.format(tests=os.path.dirname(__file__), this=__file__)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 7


def test_data_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    seen = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, _n=name, _r=real: (seen.append(_n), _r(*a))[1])
    files.write_bytes_atomic(tmp_path / "f", b"x")
    assert seen == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_is_passed_on(tmp_path, error):
    path = tmp_path / "f"
    with pytest.raises(error), files.atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert only(tmp_path) == []


def test_trouble_with_another_file_is_not_called_ours(tmp_path):
    with pytest.raises(FileNotFoundError), files.atomic_write(tmp_path / "f") as file:
        file.write((tmp_path / "missing").read_bytes())
    assert only(tmp_path) == []


def test_modes_links_and_long_names_are_kept(tmp_path):
    path = tmp_path / "f"
    with contextlib.ExitStack() as stack:
        stack.callback(os.umask, os.umask(0o027))
        files.write_bytes_atomic(path, b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    link = tmp_path / "link"
    link.symlink_to(path)
    files.write_bytes_atomic(link, b"2")
    assert link.is_symlink()
    assert path.read_bytes() == b"2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    long = tmp_path / ("é" * 127)
    files.write_bytes_atomic(long, b"3")
    assert long.read_bytes() == b"3"


def test_a_device_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.write_bytes_atomic(pipe, b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["no/such/folder", "folder"])
def test_what_cannot_be_a_file_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(Diagnostic) as caught:
        files.write_bytes_atomic(tmp_path / name, b"x")
    assert caught.value.code.ident == "LW0201"
    assert name in caught.value.message


def test_text_is_utf8_with_plain_newlines(tmp_path):
    with files.atomic_write(tmp_path / "f", "w") as file:
        file.write("naïve\n")
    assert (tmp_path / "f").read_bytes() == "naïve\n".encode()


LEFT = """
import os, sys
from lanework.base import files
with files.atomic_write(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_was_writing_is_removed_by_the_next_write(tmp_path):
    for n in range(3):
        done = subprocess.run(
            [sys.executable, "-c", LEFT, str(tmp_path / f"out{n}.csv")], check=False
        )
        assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1  # each removes what the one before it left
    with files.atomic_write(tmp_path / "other") as first:
        first.write(b"1")
        with files.atomic_write(tmp_path / "second") as second:  # and leaves those at work alone
            second.write(b"2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "second"]


def test_writers_beside_each_other_do_not_remove_what_is_about_to_take_its_name(tmp_path):
    wrong = []

    def write(n):
        for k in range(100):
            try:
                files.write_bytes_atomic(tmp_path / f"a{n}-{k}", b"x")
                files.write_private(tmp_path / f"p{n}-{k}", b"x")
            except (OSError, Diagnostic) as error:
                wrong.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(only(tmp_path)) == 1200


def test_what_is_written_is_no_more_open_than_what_it_replaces(tmp_path):
    target = tmp_path / "secret"
    target.write_text("old")
    target.chmod(0o600)
    with files.atomic_write(target, "w") as file:
        assert os.fstat(file.fileno()).st_mode & 0o077 == 0
        file.write("new")
    assert target.stat().st_mode & 0o777 == 0o600
