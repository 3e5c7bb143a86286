"""Random numbers against a second, scalar writing of Philox; and facts about the host."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanework.base import host, rng
from lanework.base.errors import Diagnostic, UsageError

WORD = st.integers(0, 2**32 - 1)
LONG = st.integers(0, 2**64 - 1)


def scalar_philox(counter, key):
    """The rounds as the paper's figure draws them, on Python integers."""
    (r, l, s, m), (k, j) = counter, key  # noqa: E741
    for n in range(10):
        ka, kb = (k + n * 0x9E3779B9) % 2**32, (j + n * 0xBB67AE85) % 2**32
        high0, low0 = divmod(0xD2511F53 * r, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * s, 2**32)
        r, l, s, m = high1 ^ l ^ ka, low1, high0 ^ m ^ kb, low0  # noqa: E741
    return [r, l, s, m]


@settings(max_examples=100, deadline=None)
@given(st.lists(WORD, min_size=4, max_size=4), st.lists(WORD, min_size=2, max_size=2))
def test_any_counter_and_key(counter, key):
    actual = rng.philox(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert actual.tolist() == scalar_philox(counter, key)


@settings(max_examples=50, deadline=None)
@given(LONG, LONG, LONG)
def test_uniform_is_53_bits_of_two_words(seed, lane, index):
    counter = [index % 2**32, index >> 32, lane % 2**32, lane >> 32]
    high, low = scalar_philox(counter, [seed % 2**32, seed >> 32])[:2]
    assert float(rng.uniform(seed, lane, index)) == ((high << 32 | low) >> 11) / 2**53


def test_shapes_broadcast_and_lanes_do_not_depend_on_each_other():
    lanes, steps = np.arange(5)[:, None], np.arange(7)
    full = rng.uniform(9, lanes, steps)
    assert full.shape == (5, 7)
    assert rng.words(9, lanes, steps).shape == (5, 7, 4)
    np.testing.assert_array_equal(full[3], rng.uniform(9, 3, steps))
    assert rng.uniform(9, np.array([], int), 0).shape == (0,)
    assert np.unique(rng.uniform(1, np.arange(300)[:, None], np.arange(300))).size == 90_000


@pytest.mark.parametrize(
    "args", [(-1, 0, 0), (2**64, 0, 0), (0, -1, 0), (0, 0, [1, -1]), (0, 0.5, 0), (True, 0, 0)]
)
def test_bad_seeds(args):
    with pytest.raises(Diagnostic) as caught:
        rng.uniform(*args)
    assert caught.value.code.ident == "LW0501"


def test_cpu():
    assert host.cpu_name()
    assert host.machine() == f"{os.uname().machine}-{os.uname().sysname}"
    assert len(host.cpu_digest()) == 16
    assert host.cpu_digest() == host.cpu_digest()


def test_the_digest_follows_the_features(tmp_path, monkeypatch):
    digests = set()
    read = host._cpu_fields.__wrapped__
    for text in ("flags : sse avx\n", "flags : avx sse\n", "flags : sse\n", "Features : neon\n"):
        file = tmp_path / "cpuinfo"
        file.write_text(f"model name : Some CPU\n{text}\nflags : other\n")
        fields = read(str(file))
        monkeypatch.setattr(host, "_cpu_fields", lambda fields=fields: fields)
        digests.add(host.cpu_digest())
        assert host.cpu_name() == "Some CPU"
    assert len(digests) == 3


def test_threads(monkeypatch):
    monkeypatch.delenv("LANEWORK_THREADS", raising=False)
    assert host.thread_count() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("LANEWORK_THREADS", "3")
    assert host.thread_count() == 3
    for text in ("0", "many", "-1", "1.5", "²"):
        monkeypatch.setenv("LANEWORK_THREADS", text)
        with pytest.raises(UsageError) as caught:
            host.thread_count()
        assert caught.value.code.ident == "LW0601"


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "own"))
    assert host.cache_dir() == tmp_path / "own"
    monkeypatch.delenv("LANEWORK_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert host.cache_dir() == tmp_path / "lanework"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert host.cache_dir() == tmp_path / "home/.cache/lanework"


def test_the_cache_folder_is_where_the_system_keeps_caches(monkeypatch, tmp_path):
    import platformdirs
    from platformdirs.macos import MacOS

    monkeypatch.delenv("LANEWORK_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(platformdirs, "PlatformDirs", MacOS)
    monkeypatch.setattr(host.platform, "system", lambda: "Darwin")
    assert host.cache_dir() == tmp_path / "Library/Caches/lanework"
    monkeypatch.setenv("LANEWORK_CACHE_DIR", str(tmp_path / "own"))
    assert host.cache_dir() == tmp_path / "own"


def test_without_a_home_the_cache_is_the_processs_own(monkeypatch):
    def nobody():
        raise RuntimeError("no home")

    monkeypatch.delenv("LANEWORK_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    folder = host.cache_dir()
    assert folder.stat().st_mode & 0o077 == 0
    assert host.cache_dir() == folder


def test_errors_and_limits_load_nothing_heavy():
    code = (
        "import sys; import lanework.base.errors, lanework.base.limits, lanework.base.codes;"
        "heavy = {'numpy', 'pint', 'llvmlite', 'rich', 'click', 'msgspec'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
