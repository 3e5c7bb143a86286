"""The shipped tables: what the sources give, and refused when damaged."""

import numpy as np
import pytest

from lanework.base.errors import Diagnostic
from lanework.engines.stencil.shipped import unpack
from lanework.engines.stencil.stencil import Hole, Relocation, Stencil, UnknownRelocation, extract
from lanework.machines.register.native import build
from lanework.machines.register.native.stencils import PINNED, forms


@pytest.mark.long
def test_tables_are_what_the_sources_give():
    for name in build.TARGETS:
        shipped = (build.FOLDER / f"{name}.bin").read_bytes()
        assert shipped == build.build(name), "run python -m lanework.machines.register.native.build"


def test_a_damaged_table_is_refused():
    good = (build.FOLDER / "x86_64.bin").read_bytes()
    unpack(good)
    rng = np.random.default_rng(1)
    for at in [0, 8, 9, 20, *rng.integers(12, len(good), 200)]:
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(Diagnostic) as caught:
            unpack(bytes(bad))
        assert caught.value.code.ident == "LW2102"
    for length in (0, 7, 11, 100, len(good) - 1):
        with pytest.raises(Diagnostic):
            unpack(good[:length])


def test_an_unknown_relocation_stops_the_build():
    """Without its mark as an absolute symbol, an address comes from the GOT."""
    text = "@other = external global i8\ndefine i64 @f() { ret i64 ptrtoint (ptr @other to i64) }"
    with pytest.raises(UnknownRelocation):
        extract("x86_64", build.TARGETS["x86_64"].object_code(text, pic=True))


def test_every_form_has_a_stencil():
    table = build.make_stencils("x86_64", 0)
    assert {form.name for form in forms(0)} <= set(table)
    assert len(list(forms(PINNED))) > 6000


def test_the_last_jump_is_dropped():
    code = b"\x90\xe9\0\0\0\0"
    stencil = Stencil(code, (Hole(2, Relocation.REL32, "next", -4),))
    assert stencil.trimmed() == Stencil(b"\x90", ())
    kept = Stencil(code, (Hole(2, Relocation.REL32, "target", -4),))
    assert kept.trimmed() == kept
