"""The ground floor: errors, limits, axes, random numbers, atomic files, units."""

import errno
import os
import pickle

import numpy as np
import pytest

from lanework.base import axes, files, limits, rng, units
from lanework.base.codes import BAD_LIMIT
from lanework.base.errors import Diagnostic, Trap, all_codes, code, did_you_mean
from lanework.base.span import Span


def test_errors_render_with_place_and_help():
    span = Span("m.series", 2, 5, 2, 9, "a = 1\nb = rate * 2\n")
    error = Diagnostic(BAD_LIMIT, "it is wrong", span=span, help="do this", notes=("and that",))
    text = error.render()
    for words in (
        "LW0102",
        "m.series:2:5",
        "b = rate * 2",
        "    ^^^^",
        "do this",
        "explain LW0102",
    ):
        assert words in text
    assert "\x1b[" in error.render(color=True)
    assert error.to_dict()["span"]["line"] == 2
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.message, again.span) == (error.code, error.message, span)


def test_traps_name_instruction_and_lane():
    trap = Trap(BAD_LIMIT, "stopped", instruction=3, lane=7)
    assert trap.to_dict()["instruction"] == 3
    assert trap.exit_status == 3


def test_codes_are_unique_and_explained():
    with pytest.raises(ValueError, match="twice"):
        code("LW0102", "again", "again")
    for entry in all_codes().values():
        assert entry.title
        assert len(entry.explanation) > 40, entry.ident


def test_suggestions():
    assert did_you_mean("RATE", ["rate", "x"]) == "did you mean 'rate'?"
    assert did_you_mean("zzz", ["rate"]) is None


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 * 10**6), ("2GiB", 2**31), ("1k", 1000), ("7", 7), (9, 9)]
)
def test_sizes(text, size):
    assert limits.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "1.2.3k", "12Q", "-5"])
def test_bad_sizes(text):
    with pytest.raises(Diagnostic):
        limits.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("50ms", 0.05), ("2s", 2), ("3min", 180), (1.5, 1.5)]
)
def test_durations(text, seconds):
    assert limits.parse_duration(text) == seconds


def test_axes_align():
    assert axes.merge([("a", ("x", "y"), (2, 3)), ("b", ("y",), (3,))]) == {"x": 2, "y": 3}
    with pytest.raises(Diagnostic) as caught:
        axes.merge([("a", ("x",), (2,)), ("b", ("x",), (3,))])
    assert "'b'" in caught.value.message
    assert "'a'" in caught.value.message


KNOWN = [  # Random123's published known answers for philox4x32-10
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox(counter, key, expected):
    def words(text):
        return np.array([int(word, 16) for word in text.split()], np.uint32)

    assert rng.philox(words(counter), words(key)).tolist() == words(expected).tolist()


def test_uniform_is_flat_and_depends_on_seed_lane_and_index():
    x = rng.uniform(3, np.arange(200_000), 0)
    assert abs(x.mean() - 0.5) < 0.003
    assert abs(x.var() - 1 / 12) < 0.001
    assert rng.uniform(3, 5, 9) == rng.uniform(3, np.arange(10), 9)[5]
    assert (
        len({float(rng.uniform(s, lane, i)) for s in (1, 2) for lane in (1, 2) for i in (1, 2)})
        == 8
    )


def test_atomic_write_keeps_the_old_file_on_any_failure(tmp_path, monkeypatch):
    path = tmp_path / "f"
    files.write_bytes_atomic(path, b"old")
    for name in ("write", "fsync", "replace"):
        real = getattr(os, name)

        def fail(*args, _name=name, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            if name == "write":
                # the disk is full at the n-th byte: the file object's flush fails
                with pytest.raises(Diagnostic), files.atomic_write(path) as file:
                    file.write(b"ne")
                    raise OSError(errno.ENOSPC, "No space left on device")
            else:
                patch.setattr(os, name, fail)
                with pytest.raises(Diagnostic) as caught:
                    files.write_bytes_atomic(path, b"new")
                assert caught.value.code.ident == "LW0201"
        assert path.read_bytes() == b"old"
        assert [p.name for p in tmp_path.iterdir()] == ["f"]
        assert getattr(os, name) is real
    with pytest.raises(RuntimeError), files.atomic_write(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    files.write_bytes_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_units():
    usd_month = units.parse("USD/month")
    assert f"{usd_month * units.parse('month')}" == "USD"
    assert units.factor(units.parse("year"), units.parse("month")) == pytest.approx(12)
    assert units.factor(units.parse("USD"), units.parse("EUR")) is None
    assert f"{units.parse('')}" in ("", "dimensionless")
    with pytest.raises(Diagnostic) as caught:
        units.parse("USDD/month")
    assert "USD" in str(caught.value.help)
    for text in ("3*USD", "USD +", "2", "month month"):
        with pytest.raises(Diagnostic):
            units.parse(text) if text != "month month" else units.parse("mnth mnth")
