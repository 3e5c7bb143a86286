"""The cache of compiled code: it runs what this user made, and anything odd is a miss."""

import os
import stat
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import lanework as lw
from lanework.base import files
from lanework.core import runner
from lanework.engines.llvm import cache

pytestmark = pytest.mark.slow

RATE = np.linspace(0.0, 0.1, 5)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A cache of its own that has one program in it."""
    home = tmp_path / "cache"
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(home))
    monkeypatch.setattr(runner, "_noticed", set())
    monkeypatch.setattr(cache, "_refused", set())
    assert answer() == ([], False)
    assert answer() == ([], True)
    return home


def answer():
    """Run a program; what was noticed, and whether its code came from the cache."""
    model = lw.series.Model("growth", periods=4)
    model.input("rate")
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = model.compile().bind("llvm")(rate=RATE)
    np.testing.assert_allclose(result["value"][3], 100 * (1 + RATE) ** 4)
    return [str(notice.message) for notice in caught], result.stats["cached"]


def entries(home):
    return list((home / "code").glob("*.o"))


def each(change):
    def damage(home):
        for path in entries(home):
            change(path)

    return damage


def with_bytes(change):
    return each(lambda path: path.write_bytes(change(path.read_bytes())))


def replaced(make):
    def change(path):
        path.unlink()
        make(path)

    return each(change)


def pipe(path):
    os.mkfifo(path)


def sparse(path):
    with path.open("wb") as file:
        file.truncate(20 << 30)


def other_key(home):
    path = home / "code" / "key"
    path.write_bytes(os.urandom(32))


def unkeyed(data):
    """As the cache was before it had a key."""
    import hashlib

    return hashlib.blake2b(data[32:], digest_size=32).digest() + data[32:]


def swapped(home):
    """One good entry under the name of another."""
    secret = cache._secret(home / "code")
    for path in entries(home):
        code = path.read_bytes()[32:]
        path.write_bytes(cache._digest(secret, "another", code) + code)


def no_object(home):
    """What has the right digest and is no code."""
    secret = cache._secret(home / "code")
    for path in entries(home):
        path.write_bytes(cache._digest(secret, path.stem, b"nothing") + b"nothing")


def mode(part, bits):
    return lambda home: (home / part).chmod(bits)


def owner(part):
    return lambda home: os.chown(home / part, 12345, 12345)


def key(change):
    return lambda home: change(home / "code" / "key")


def moved(part, place):
    """A link instead of a folder."""

    def damage(home):
        path = home / part
        target = home.parent / "elsewhere"
        path.rename(target)
        path.symlink_to(place(target))

    return damage


def blocked(part):
    """A file instead of a folder."""

    def damage(home):
        path = home / part
        path.rename(home.parent / "elsewhere")
        path.write_text("a file")

    return damage


def device(path):
    path.unlink()
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # endless zeros


def linked(path):
    other = path.with_suffix("")
    other.write_bytes(b"x" * 99)
    os.link(other, path)


def nowhere(path):
    return path.parent / "nothing"


def itself(path):
    path.rename(path.parent / "further")
    return Path("code")


KEYS = {
    "a short key": key(lambda path: path.write_bytes(b"short")),
    "a key too long": key(lambda path: path.write_bytes(bytes(33))),
    "an empty key": key(lambda path: path.write_bytes(b"")),
    "a key that is huge": key(sparse),
    "a key for all to read": mode("code/key", 0o644),
    "a key for the group to write": mode("code/key", 0o620),
    "a key that is a pipe": key(lambda path: (path.unlink(), pipe(path))),
    "a key that is a link": key(lambda path: (path.unlink(), path.symlink_to("/dev/zero"))),
    "a key that is a link to nowhere": key(lambda path: (path.unlink(), path.symlink_to("x/y"))),
}
"""After these there is a new one."""

DAMAGES = {
    **KEYS,
    "a home that is a link to nowhere": moved("", nowhere),
    "a folder that is a link to nowhere": moved("code", nowhere),
    "a folder that is a link to itself": moved("code", itself),
    "a folder that is a link to one for all to write": moved(
        "code", lambda path: (path.chmod(0o777), path)[1]
    ),
    "a home that is a file": blocked(""),
    "a folder that is a file": blocked("code"),
    "a hard link to another file": replaced(linked),
    "a key that is a folder": key(lambda path: (path.unlink(), path.mkdir())),
    "a socket": replaced(lambda path: os.mknod(path, stat.S_IFSOCK | 0o600)),
    "a flipped bit": with_bytes(lambda data: data[:-1] + bytes((data[-1] ^ 1,))),
    "a digest without the key": with_bytes(unkeyed),
    "cut short": with_bytes(lambda data: data[:40]),
    "empty": with_bytes(lambda data: b""),
    "another name": swapped,
    "no object": no_object,
    "another key": other_key,
    "a pipe": replaced(pipe),
    "a link to zeros": replaced(lambda path: path.symlink_to("/dev/zero")),
    "a link": replaced(lambda path: path.symlink_to(Path(__file__))),
    "a folder": replaced(lambda path: path.mkdir()),
    "a huge file": replaced(sparse),
    "an entry for all to write": each(lambda path: path.chmod(0o666)),
    "a folder for all to write": mode("code", 0o777),
    "a folder for the group to write": mode("code", 0o770),
    "a home for all to write": mode("", 0o777),
}
FOREIGN = {
    "an entry of another user": each(lambda path: os.chown(path, 12345, 12345)),
    "a key of another user": owner("code/key"),
    "a folder of another user": owner("code"),
    "a home of another user": owner(""),
    "a folder that is a link to another user's": moved(
        "code", lambda path: (os.chown(path, 12345, 12345), path)[1]
    ),
    "a device": each(device),
    "a key that is a device": key(device),
}


def check(home, damage):
    """A miss with one notice, now and in the next runner; never a hang."""
    damage(home)
    notices, cached = answer()
    assert not cached
    assert len(notices) == 1, notices
    assert notices[0].startswith("compiled code in the cache is not used: ")
    assert answer()[0] == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_odd_is_a_miss_with_one_notice(name, home):
    check(home, DAMAGES[name])


@pytest.mark.parametrize("name", FOREIGN if os.geteuid() == 0 else ())
def test_what_another_user_made_is_not_run(name, home):
    check(home, FOREIGN[name])


def test_a_cache_of_another_user_is_not_used(home, monkeypatch):
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    check(home, lambda home: None)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", KEYS)
def test_an_odd_key_is_replaced(name, home):
    KEYS[name](home)
    (notice,), cached = answer()
    assert not cached
    assert "key" in notice
    status = (home / "code" / "key").lstat()
    assert stat.S_ISREG(status.st_mode)
    assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o600, 32)
    cache._refused.clear()
    assert answer() == ([], True)


@pytest.mark.parametrize("part", ["", "code"])
def test_a_link_to_a_folder_of_the_user_is_followed(part, home):
    moved(part, lambda path: path)(home)
    assert answer() == ([], True)


def test_a_hard_link_of_an_entry_is_the_entry(home):
    for path in entries(home):
        os.link(path, home / path.name)
    assert answer() == ([], True)


def test_what_is_kept_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("sync") or fsync(handle))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("name") or replace(*paths))
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "new"))
    cache.write("a" * 40, b"code")
    assert done == ["sync", "sync", "name"]


def test_what_was_odd_is_written_anew(home):
    DAMAGES["a flipped bit"](home)
    answer()
    assert answer() == ([], True)


def test_a_link_in_the_cache_is_replaced_not_followed(home, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    replaced(lambda path: path.symlink_to(precious))(home)
    answer()
    assert precious.read_bytes() == b"precious"
    assert answer() == ([], True)


def test_only_the_user_can_read_and_write_what_is_kept(home):
    for path in (home, home / "code"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (home / "code").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_cache_that_is_deleted_is_made_again(home):
    for path in (home / "code").iterdir():
        path.unlink()
    assert answer() == ([], False)
    assert answer() == ([], True)


def test_writers_at_once_have_one_key(tmp_path, monkeypatch):
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "new"))
    names = [f"{n:040x}" for n in range(24)]
    threads = [threading.Thread(target=cache.write, args=(name, b"code")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [cache.read(name) for name in names] == [b"code"] * len(names)


def test_the_folder_is_looked_through_once_in_a_while(tmp_path, monkeypatch):
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "new"))
    monkeypatch.setattr(cache, "LIMIT", 1 << 20)
    swept, trimmed = [], []
    sweep, trim = files._sweep, cache._trim
    monkeypatch.setattr(files, "_sweep", lambda folder: swept.append(folder) or sweep(folder))
    monkeypatch.setattr(cache, "_trim", lambda folder: trimmed.append(folder) or trim(folder))
    for n in range(400):
        cache.write(cache.key(str(n)), bytes(1024))
    assert 5 < len(trimmed) < 30
    assert len(swept) == len(trimmed) + 1  # when the key is made


def test_what_nobody_runs_again_is_not_kept(home):
    before = set(entries(home))
    with cache.unused():
        assert answer() == ([], False)
    assert answer() == ([], True)
    assert set(entries(home)) == before


def test_the_cache_keeps_to_its_size(home, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 1000)
    for n in range(20):
        cache.write(f"{n:040x}", bytes(100))
    assert sum(path.stat().st_size for path in entries(home)) <= 1000
    monkeypatch.setattr(cache, "MOST", 200)
    cache.write("f" * 40, bytes(201))
    assert cache.read("f" * 40) is None
