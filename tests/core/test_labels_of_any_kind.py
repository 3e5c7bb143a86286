"""Labels of any kind go through a run into every form of a result, or are refused by name."""

import datetime
import decimal
import uuid

import numpy as np
import pandas as pd
import pytest
import refusals

import lanework as lw

pytestmark = pytest.mark.slow

SUM = lw.register.assemble("add r2, r0, r1\nhalt")
COPY = lw.fleet.assemble(".buffer a, 0, 3, inout\n.buffer b, 3, 3, inout\nHALT")


def levels(*names, tuples=(("x", 1), ("x", 2), ("y", 1))):
    return pd.MultiIndex.from_tuples(tuples, names=names)


LABELS = {
    "levels": levels("k", "n"),
    "levels with dates": levels("k", "n", tuples=[("x", pd.Timestamp("2024")), ("x", pd.NaT),
                                                  ("y", pd.Timestamp("2025"))]),
    "a level without a name": levels("k", None),
    "levels called like a lane": levels("lane", "r2"),
    "one level": levels("k", tuples=[("x",), ("y",), ("z",)]),
    "bytes": [b"a", b"b", b"\xff"],
    "truth": [True, False, None],
    "tuples": pd.Index([(1, 2), (3, 4), (5,)], tupleize_cols=False),
    "large": [2**70, 1, 2],
    "words": [2**64 - 1, 1, 2],
    "decimals": [decimal.Decimal("1.5"), decimal.Decimal(2), decimal.Decimal(3)],
    "names of the universe": [uuid.UUID(int=n) for n in range(3)],
    "dates": [datetime.date(2024, 1, n) for n in (1, 2, 3)],
    "times": [datetime.time(n) for n in (1, 2, 3)],
    "seconds": np.array(["2024-01-01T00:00:01", "2024", "2025"], "M8[s]"),
    "old days": np.array(["0001-01-01", "1850-01-01", "9999-12-31"], "M8[D]"),
    "hours": np.array([1, 2, 3], "m8[h]"),
    "complex": [1j, 2, 3],
    "missing": pd.Index([1, 2, None], dtype="Int64"),
    "missing text": pd.Index(["a", None, "c"], dtype="string"),
    "sets": [frozenset([1]), frozenset([2]), frozenset([3])],
    "controls": ["a\nb", "\x01", 'q"\t,'],
    "zones": pd.date_range("2024", periods=3, tz="Europe/Rome"),
    "intervals": pd.IntervalIndex.from_breaks([0, 1, 2, 3]),
    "infinite": [0.5, np.inf, np.nan],
}  # fmt: skip


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(
    ("program", "names"), [(SUM, ("r0", "r1")), (COPY, ("a", "b"))], ids=["register", "fleet"]
)
def test_labels_go_into_every_form(tmp_path, kind, program, names):
    x = pd.Series([1, 2, 3], index=LABELS[kind])
    result = program.run(**dict(zip(names, (x, x[::-1]), strict=True)))
    result = result.select(["r2" if program is SUM else "b"])
    assert result[next(iter(result))].tolist() == ([2, 4, 6] if program is SUM else [1, 2, 3])
    for ending in ("csv", "tsv", "csv.gz", "xlsx", "json", "npz", "parquet", "feather"):
        assert result.save(tmp_path / f"out.{ending}")
    for form in (result.to_pandas(), result.to_polars(), result.to_arrow()):
        assert len(form) == 3
    assert len(result.to_pandas().index.drop_duplicates()) == 3
    assert result.to_xarray()
    assert result.to_dict()
    assert repr(result)


def test_half_of_a_character_is_refused():
    for labels in (["\ud800", "b", "c"], ["a", "x\udfff", "c"]):
        x = pd.Series([1, 2, 3], index=pd.Index(labels, dtype=object))
        refusals.refused(lambda x=x: SUM.run(r0=x, r1=1), "LW4006", "'r0'", "half of a character")
        refusals.refused(lambda x=x: COPY.run(a=x), "LW6010", "'a'", "half of a character")


def test_labels_of_an_axis_need_no_size():
    model = lw.series.Model("m", periods=3, start="2026-01-01", freq="month")
    model.input("x", axes=("scenario",))
    model.formula("y", "x * (t + 1)")
    result = model.run(x=[1.0, 2.0])
    days = ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert result.labels("time").astype(str).tolist() == days
    assert result.labels("time", 3).astype(str).tolist() == days
    assert result.labels("scenario").tolist() == result.labels("scenario", 2).tolist() == [0, 1]
    with pytest.raises(lw.Diagnostic, match="no output has 24 places along 'time'") as caught:
        result.labels("time", 24)
    assert caught.value.code.ident == "LW1020"
    with pytest.raises(lw.Diagnostic, match="no axis is 'tim'") as caught:
        result.labels("tim")
    assert caught.value.help == "did you mean 'time'?"
