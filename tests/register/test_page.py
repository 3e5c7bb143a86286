"""The page of instructions and the examples are what they say."""

from pathlib import Path

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble
from lanework.machines.register.check.testing import check, read_tests
from lanework.machines.register.text.page import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_of_the_table():
    shown = (ROOT / "docs" / "register-ops.md").read_text()
    assert shown == page(), "run python -m lanework.machines.register.text.page"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.lasm")), ids=lambda p: p.stem)
def test_examples_hold_on_every_engine(path):
    text = path.read_text()
    assert check(assemble(text), read_tests(text, path.name))


def test_a_test_that_does_not_hold_is_told():
    text = "; @test: r0=1 -> r0=3\naddi r0, r0, 1\nhalt"
    with pytest.raises(Diagnostic, match=r"LW4020.*r0 is 2 and not 3"):
        check(assemble(text), read_tests(text, "wrong"))
    with pytest.raises(Diagnostic, match=r"LW4020.*cannot be read"):
        read_tests("; @test: r0=1 r0=3", "wrong")
    with pytest.raises(Diagnostic, match=r"LW4020.*no test lines"):
        read_tests("halt", "wrong")
