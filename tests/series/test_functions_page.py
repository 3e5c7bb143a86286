"""The page of the series machine has an example of everything that a formula can say."""

import re
from pathlib import Path

import pytest

from lanework.core.ops.table import IN_FORMULAS
from lanework.machines.series.language.calendar import COLUMNS
from lanework.machines.series.language.functions import functions
from lanework.machines.series.language.nodes import RESERVED

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "series.md").read_text()
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
FORMULAS = re.search(r'^formulas = """\n(.*?)^"""$', CODE, re.MULTILINE | re.DOTALL)[1]
BEYOND = ("along", "read_columns", "to_pandas", "categories", "override", "circular", "horizon")
"""What is no function of formulas, and is part of working with them."""


@pytest.mark.parametrize("name", functions())
def test_every_function_is_called_in_an_example(name):
    op = IN_FORMULAS.get(name)
    symbol = op.symbol if op is not None else ""
    called = re.search(rf"\b{re.escape(name)}\(", FORMULAS)
    written = symbol and f" {symbol} " in f" {FORMULAS}".replace("\n", " ")
    assert called or written or (symbol == "__neg__" and " -x " in FORMULAS)


@pytest.mark.parametrize("name", [*COLUMNS, *RESERVED, *BEYOND])
def test_so_is_what_stands_beside_them(name):
    assert re.search(rf"\b{name}\b", CODE)
