"""Labels in CSV, read quickly, are what they are cell by cell; so are whole numbers."""

import random

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.data.cells import read_cells
from lanework.core.data.columns import labels_in, read_column

ODD = ["a", "", " b ", "1", "01", "-3", "0", "1.5", '"q"', '"x,y"', '"l\nm"', "é", "nan", "2.0",
       "-0", "1e3", "7 ", "+4", "9" * 16, "9" * 20, "True", "x\ry"]  # fmt: skip
CELLS = (ODD, ["1", "22", "-5"], ["1", " 22", "0.5"], ["1", "x"], ["8", "9" * 16, "-" + "9" * 15])


def outcome(call):
    try:
        return call()
    except Diagnostic as error:
        return error.code.ident


@pytest.mark.parametrize("seed", range(300))
def test_labels_are_those_of_the_cells(tmp_path, seed):
    dice = random.Random(seed)
    columns, rows = dice.choice([1, 2, 3]), dice.randint(1, 8)
    end, cells = dice.choice(["\n", "\r\n"]), dice.choice(CELLS)
    lines = [",".join(dice.choice(cells) for _ in range(columns)) for _ in range(rows)]
    path = tmp_path / "t.csv"
    text = end.join([",".join(f"c{n}" for n in range(columns)), *lines]) + dice.choice(["", end])
    path.write_text(text, encoding="utf-8", newline="")
    for n in range(columns):
        name = f"c{n}"
        expected = outcome(lambda n=n: [row[n] for row in read_cells(path).rows])
        got = outcome(lambda name=name: labels_in(str(path), name))
        if isinstance(expected, str):
            assert got == expected
            continue
        if got.dtype.kind in "if":
            assert got.tolist() == list(map(float, expected))
            for cell, label in zip(expected, got.tolist(), strict=True):
                assert cell in (str(label), f"{label:.0f}")  # as it is printed
        else:
            assert got.tolist() == expected
        numbers = outcome(lambda name=name: read_column(str(path), name, name, "u64").values)
        if isinstance(numbers, str):
            continue
        for cell, number in zip([x for x in expected if x], numbers.tolist(), strict=True):
            integral = cell.lstrip("+-").isdigit()
            assert number == (int(cell) if integral else float(cell) if cell != "True" else 1)
            assert isinstance(number, int) == (integral or cell == "True")
