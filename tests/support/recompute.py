"""A workbook opened and computed anew by a formula engine that is not ours (`formulas`)."""

import warnings

import numpy as np

from lanework.machines.series.excel.arrangement import FIRST, TOP, VALUE


def recomputed(path):
    """Every cell of a workbook by sheet, row and column, from 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import formulas

        solution = formulas.ExcelModel().loads(str(path)).finish().calculate()
    cells = {}
    for value in solution.values():
        for area in getattr(value, "ranges", ()):
            rows, columns = value.value.shape
            for n in range(rows):
                for m in range(columns):
                    place = (area["sheet"].upper(), int(area["r1"]) + n, area["n1"] + m)
                    cells[place] = value.value[n, m]
    return cells


def nodes(path):
    """The nodes of a workbook of ours: a number, or one a period."""
    import openpyxl

    cells, out = recomputed(path), {}
    for sheet in ("Model", "Check"):
        rows = openpyxl.load_workbook(path)[sheet]
        for row in range(TOP, rows.max_row + 1):
            name = rows.cell(row, 1).value
            if rows.cell(row, VALUE).value is not None:
                value = cells[sheet.upper(), row, VALUE]
            else:
                last = rows.max_column
                value = np.array([cells[sheet.upper(), row, n] for n in range(FIRST, last + 1)])
            out[name if sheet == "Model" else f"check {name}"] = value
    return out


def differences(path):
    """What the workbook itself says of its distance from our values, by output."""
    import openpyxl

    cells = recomputed(path)
    sheet = openpyxl.load_workbook(path)["Check"]
    return {
        sheet.cell(row, 1).value: float(cells["CHECK", row, 3])
        for row in range(TOP, sheet.max_row + 1)
    }
