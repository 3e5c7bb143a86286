"""What is generated, for the op table and from it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lanework.core.ops.bodies import coefficients as stored
from lanework.core.ops.docs import PAGES, render_op, render_ops, render_words
from lanework.core.ops.table import ARITH, SINGLE

TOOLS = Path(__file__).parent.parent.parent / "tools"


def test_page_names_every_op_and_says_what_the_op_says() -> None:
    page = render_ops()
    for op in ARITH.values():
        assert f"## `{op.name}(" in page
    section = render_op(ARITH["min"])
    assert "`min(2, 3)` is `2`" in section
    assert "`min(nan, 1)` is `1`" in section
    assert "by `a`: `lt(a, b)`; by `b`: `sub(1, lt(a, b))`" in section


def test_page_of_words_names_every_op_and_says_what_the_op_says() -> None:
    page = render_words()
    for op in SINGLE.values():
        assert f"## `{op.name}(" in page
        assert render_op(op) in page
    assert "`fmod(5, inf)` is `5`" in page
    assert "`ftoi(0x7f800000)` is `0x7fffffff`" in page
    assert "`iquo(7, 0)` is `-1`" in page
    assert "Derivative" not in page
    assert "Error" not in page


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_made_of_the_table(page: str) -> None:
    shown = (TOOLS.parent / "docs" / page).read_text(encoding="utf-8")
    assert shown == PAGES[page](), "run python -m lanework.core.ops.docs docs"


@pytest.mark.parametrize("page", ["render_ops", "render_words"])
def test_page_is_deterministic(page: str) -> None:
    code = f"from lanework.core.ops.docs import {page}; print({page}())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["EXP", "SIN", "LOG_NARROW"])
def test_coefficients_come_from_the_tool(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))
    import coefficients as tool

    fit = next(fit for fit in tool.FITS if fit.name == name)
    for dtype in ("f64", "f32"):
        fitted, error = tool.rounded(fit, dtype)
        assert tuple(float(c) for c in fitted) == getattr(stored, name)[dtype]
        assert error < 2.0 ** (-50 if dtype == "f64" else -22)


def test_the_words_of_two_over_pi() -> None:
    from mpmath import mp

    from lanework.core.ops.bodies.layout import DOUBLE, SINGLE
    from lanework.core.ops.bodies.reduction import two_over_pi

    for form in (DOUBLE, SINGLE):
        words = [word % 2**form.word for word in two_over_pi(form)]
        bits = "".join(f"{word:0{form.word}b}" for word in words)
        with mp.workprec(2000):
            fraction = mp.floor(mp.ldexp(2 / mp.pi, len(bits) - form.fraction - 3))
        assert int(bits, 2) == int(fraction)
