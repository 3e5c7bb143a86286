"""Limits: what is refused, and where the default memory cap comes from."""

import os

import pytest

from lanework.base import limits
from lanework.base.errors import Diagnostic
from lanework.base.limits import Limits

PHYSICAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "given",
    [
        {"fuel": -1},
        {"fuel": 1.5},
        {"memory": -1},
        {"memory": "512M"},
        {"deadline": -0.1},
        {"deadline": float("nan")},
        {"deadline": float("inf")},
        {"deadline": "2s"},
        {"depth": -1},
        {"threads": 0},
        {"threads": True},
    ],
)
def test_limits_that_make_no_sense(given):
    with pytest.raises(Diagnostic) as caught:
        Limits(**given)
    assert caught.value.code.ident == "LW0102"
    assert next(iter(given)) in caught.value.message
    assert caught.value.help


def test_limits_from_text():
    actual = Limits.from_text(fuel="10", memory="1.5KiB", deadline="2s", depth="7", threads="3")
    assert actual == Limits(fuel=10, memory=1536, deadline=2.0, depth=7, threads=3)
    assert Limits.from_text() == Limits()
    for given in ({"fuel": "x"}, {"memory": "x"}, {"deadline": "x"}, {"depth": "x"}):
        with pytest.raises(Diagnostic):
            Limits.from_text(**given)


@pytest.mark.parametrize("text", ["-1s", "1d", "nan", "inf", "1e3", "", "s", "1..5", True, -1.0])
def test_bad_durations(text):
    with pytest.raises(Diagnostic):
        limits.parse_duration(text)


@pytest.mark.parametrize("text", [-1, True, 1.5, "1e3", "٣M", "1_0x"])
def test_bad_sizes(text):
    with pytest.raises(Diagnostic):
        limits.parse_size(text)


def test_sizes_are_exact():
    assert limits.parse_size("9007199254740993") == 2**53 + 1
    assert limits.parse_size("1.5 GiB") == 3 * 2**29
    assert [limits.show_size(x) for x in (0, 999, 999_949, 999_950, 10**15)] == [
        "0 B",
        "999 B",
        "999.9 kB",
        "1.0 MB",
        "1000.0 TB",
    ]


def test_memory_is_refused_with_both_sizes():
    Limits(memory=1000).check_memory(1000, "4 lanes")
    with pytest.raises(Diagnostic) as caught:
        Limits(memory=1_000_000).check_memory(2_500_000, "4 lanes")
    assert caught.value.code.ident == "LW0101"
    assert caught.value.message == "4 lanes need 2.5 MB, and the cap is 1.0 MB"


def test_the_default_cap_is_a_share_of_what_there_is():
    assert Limits().memory_cap == int(limits.usable_memory() * 0.75) <= PHYSICAL * 0.75
    with pytest.raises(Diagnostic):
        Limits().check_memory(PHYSICAL, "all")


def group(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_control_groups_lower_the_cap(tmp_path):
    assert limits.usable_memory(tmp_path) == PHYSICAL
    group(tmp_path, "proc/self/cgroup", "3:cpu:/a\n2:memory:/a/b\n0::/c/d\nbroken\n")
    for path, text, least in [
        ("sys/fs/cgroup/c/d/memory.max", "max", PHYSICAL),
        ("sys/fs/cgroup/c/memory.max", "7000", 7000),  # a group above holds too
        ("sys/fs/cgroup/c/d/memory.max", "6000", 6000),
        ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "5000", 5000),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712", 5000),
        ("sys/fs/cgroup/memory.max", "4000", 4000),  # a container's own group, mounted on top
    ]:
        group(tmp_path, path, text)
        assert limits.usable_memory(tmp_path) == least, path
