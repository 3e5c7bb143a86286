"""The page of instructions is made of the table, and what it shows can be written."""

import re
from pathlib import Path

from lanework.core.program.asm import assemble
from lanework.machines.fleet.isa import FLEET
from lanework.machines.fleet.text.page import page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_of_the_table():
    shown = (ROOT / "docs" / "fleet-ops.md").read_text()
    assert shown == page(), "run python -m lanework.machines.fleet.text.page"


def test_every_row_can_be_written_and_has_the_opcode_that_it_says():
    rows = re.findall(r"^\| (\d+) \| `(.*?)` \|", page(), flags=re.MULTILINE)
    assert len(rows) == len(FLEET.by_name)
    for code, form in rows:
        tape = assemble(f".machine fleet\nlabel: {form}").tape
        assert int.from_bytes(tape[:4], "little") == int(code)
