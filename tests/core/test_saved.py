"""Programs that an earlier version saved mean what they meant; newer ones are refused.

The files in `saved/` were written by version 0.1.0 before instruction sets had versions (or,
fleet_tally and fleet_words, before floats and integers were told apart, and fleet_draws, before
blocks of random numbers were used whole: its text has the mnemonic of now), with what they
disassembled to and gave then on the reference (digests of the outputs).
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lanework as lw
from lanework.core.machine import find
from lanework.core.program import container
from lanework.core.program.program import loads

SAVED = Path(__file__).with_name("saved")
EXPECTED: dict[str, Any] = json.loads((SAVED / "expected.json").read_text())


def digest(value: object) -> str:
    array = np.asarray(value)
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), np.nan, array)
    if array.dtype.kind in "fiub":
        array = array.astype(float)
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()


@pytest.mark.filterwarnings("ignore::lanework.machines.fleet.runtime.losses.LossNotice")
@pytest.mark.parametrize("name", EXPECTED)
def test_older_programs_mean_what_they_meant(name: str) -> None:
    expected = EXPECTED[name]
    program = lw.load(SAVED / f"{name}.lwp")
    assert program.hash == expected["hash"]
    if len(expected) == 1:
        return  # what it draws is said elsewhere; here its text, with a former mnemonic, is of use
    inputs = {port: np.array(value) for port, value in expected.get("inputs", {}).items()}
    if name.startswith("belief"):
        inputs = {"smoke": ["yes", None, "no"], "dysp": ["yes", "no", None]}
    limits = lw.Limits(fuel=300_000_000 if name.startswith("fleet") else 200_000)
    if "stopped" in expected:
        with pytest.raises(lw.LaneworkError, match=expected["stopped"]):
            program.run(engine="reference", limits=limits, **inputs)
        return
    result = program.run(engine="reference", limits=limits, **inputs)
    rounded = {
        key: np.round(result[key], 12) if name.startswith("belief") else result[key]
        for key in result
    }
    assert {key: digest(value) for key, value in rounded.items()} == expected["outputs"]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_text_of_older_programs_is_read(name: str) -> None:
    from lanework.core.program.asm import assemble

    text = (SAVED / f"{name}.lasm").read_text()
    if name.startswith("register"):  # inputs that were left out were 0, which is now to be said
        text = re.sub(r'(\.input "\w+" \w+)', r"\1 = 0", text)
    assert assemble(text).hash == EXPECTED[name]["hash"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_program_of_old_instructions_is_saved_as_before(name: str, tmp_path: Path) -> None:
    """Byte for byte, so that earlier versions read it too."""
    lw.load(SAVED / f"{name}.lwp").save(tmp_path / "again.lwp")
    assert (tmp_path / "again.lwp").read_bytes() == (SAVED / f"{name}.lwp").read_bytes()


def newer() -> lw.Program:
    model = lw.series.Model("newer", periods=2)
    model.input("a")
    model.formula("b", "hypot(a, 4)")
    return lw.compile(model)


def test_a_program_says_which_version_it_needs(tmp_path: Path) -> None:
    program = newer()
    assert program.needs == 2
    program.save(tmp_path / "p.lwp")
    data = (tmp_path / "p.lwp").read_bytes()
    assert container.decode(data)[1] == 2
    assert lw.load(tmp_path / "p.lwp").run(a=3.0)["b"] == 5.0


def test_a_newer_instruction_set_is_refused() -> None:
    version = find("series").load("isa").version
    data = container.dumps(newer(), version + 1)
    with pytest.raises(lw.Diagnostic, match=rf"LW1011.*needs version {version + 1} of the series"):
        loads(data)


def test_a_file_that_says_less_than_it_needs_is_refused() -> None:
    program = loads(container.dumps(newer(), 1))
    with pytest.raises(lw.Diagnostic, match=r"LW1001.*needs version 1 .* its tape needs 2"):
        program.verify()


def test_the_version_is_part_of_the_checksum() -> None:
    data = bytearray(container.dumps(newer(), 2))
    data[56] = 3
    with pytest.raises(lw.Diagnostic, match="LW1006"):
        loads(bytes(data))
