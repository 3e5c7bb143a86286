"""Lookups on every engine: first and last keys, lanes to spare in a block, lanes that ended."""

import numpy as np
import pytest

import lanework as lw
from lanework.machines.series.check.fuzz import same_bits
from lanework.machines.series.native import compiled

ENGINES = ("reference", "stencil", "llvm")
COUNTS = (1, 2, 7, 8, 37)  # lanes: blocks that are full, and others


def table(**options):
    """A table of one key from 20 to 26: no key is 0, which is what lanes to spare hold."""
    model = lw.series.Model("m", periods=3)
    model.table("rate", {20 + n: 0.5 * n * n - 3 for n in range(7)}, **options)
    return model


@pytest.fixture
def trusted(monkeypatch):
    """A run of compiled code that suspects no lookup, so that the reference does not help out."""

    def locate(*_):
        raise AssertionError("the reference was asked where the fault is, and there is none")

    def run(program, engine, **inputs):
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "locate", locate)
            return program.run(engine=engine, **inputs)

    return run


def outside(program, engine, **inputs):
    """What a run says that looks up a key which the table lacks."""
    with pytest.raises(lw.Diagnostic) as caught:
        program.run(engine=engine, **inputs)
    assert caught.value.code.ident == "LW3045", caught.value
    return str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", COUNTS)
def test_every_key_of_a_table_is_found(engine, count, trusted):
    model = table()
    model.input("x", axes=("scenario",))
    model.formula("out", "rate(x + t)")
    program = model.compile()
    keys = 20.0 + np.arange(count) % 5
    right = 0.5 * (keys + np.arange(3)[:, None] - 20) ** 2 - 3
    keys *= 1 + 2.0**-52 * (np.arange(count) % 3 - 1)  # as arithmetic leaves them
    actual = trusted(program, engine, x=keys)["out"]
    assert actual.tolist() == right.tolist()
    for wrong in (17.5, 19.999, 20.5, 21.9999999999, 25.0, np.inf):
        keys[-1] = wrong
        assert outside(program, engine, x=keys) == outside(program, "reference", x=keys)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", COUNTS)
def test_two_keys(engine, count, trusted):
    model = lw.series.Model("m", periods=2)
    rows = {"age": [30, 30, 31, 31, 32, 32], "year": [5, 6] * 3, "q": [1.0, 2, 3, 4, 5, 6]}
    model.table("q", rows, keys=["age", "year"])
    model.input("age", axes=("scenario",))
    model.input("year", axes=("scenario",))
    model.formula("out", "q(age, year)")
    program = model.compile()
    ages, years = 30.0 + np.arange(count) % 3, 5.0 + np.arange(count) % 2
    actual = trusted(program, engine, age=ages, year=years)["out"]
    right = 1 + 2 * (ages - 30) + (years - 5)
    assert actual.tolist() == right.tolist()
    years[0] = 7.0
    assert "key 30, 7 of table `q` is outside" in outside(program, engine, age=ages, year=years)
    years[0], ages[0] = 5.0, 33.0
    assert "key 33, 5 of table `q` is outside" in outside(program, engine, age=ages, year=years)
    years[0], ages[0] = 5.5, 30.0
    assert "key 30, 5.5 of table `q` is between" in outside(program, engine, age=ages, year=years)


# What arithmetic makes of whole keys, and what is none.
WHOLE = {0.29 * 100: 29, 0.1 + 0.2 - 0.3: 0, 1 - 0.9 - 0.1: 0, 3.0: 3}
WHOLE |= {0.57 * 100 - 35: 22, np.nextafter(7.0, 8): 7, np.nextafter(40.0, 0): 40, -0.0: 0}
PARTS = (1.9999999999, 2.5, 29.000001, 0.3, 39.5, 1e-9, 12 + 1e-13)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("rule", ["error", "clamp"])
def test_keys_are_exact_and_nothing_is_rounded_down(engine, count, rule, trusted):
    model = lw.series.Model("m", periods=2)
    model.table("q", {n: 10.0 * n for n in range(41)}, outside=rule)
    model.input("x", axes=("scenario",))
    model.formula("out", "q(x) + 0 * t")
    model.formula("down", "q(floor(x))")
    program = model.compile(outputs=["out"])
    for start in range(0, len(WHOLE), count):
        keys = np.resize(list(WHOLE)[start:], count)
        right = [10.0 * WHOLE[key] for key in keys.tolist()]
        assert trusted(program, engine, x=keys)["out"].tolist() == [right, right]
    for part in PARTS:
        keys = np.full(count, 5.0)
        keys[-1] = part
        said = outside(program, engine, x=keys)
        assert f"key {part!r} of table `q` is between two keys" in said
        assert f"lane {count - 1}" in said
        assert said == outside(program, "reference", x=keys)
        floored = model.compile(outputs=["down"])
        assert trusted(floored, engine, x=keys)["down"][-1] == 10 * np.floor(part)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_missing_cell_is_no_key_outside(engine):
    model = lw.series.Model("m", periods=1)
    model.table("q", {"age": [40, 41, 42], "rate": [0.1, None, 0.3]}, keys="age")
    model.input("x", axes=("scenario",))
    model.formula("out", "q(x)")
    said = outside(model.compile(), engine, x=np.array([40.0, 41.0]))
    assert "table `q` has no value for key 41: the cell is missing" in said


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", ["clamp", "interpolate"])
def test_keys_outside_take_the_nearest(engine, rule):
    model = table(outside=rule)
    model.input("x", axes=("scenario",))
    model.formula("out", "rate(x)")
    program = model.compile()
    rounded = [20.0, 21.0, 23.0, 25.0] if rule == "clamp" else [20.0, 20.25, 23.0, 25.75]
    keys = np.array([-1e300, 0.0, 19.0, *rounded, 26.0, 26.5, 1e300, np.inf])
    expected = program.run(engine="reference", x=keys)["out"]
    assert same_bits(program.run(engine=engine, x=keys)["out"], expected)
    assert expected[[0, 2, 3]].tolist() == [-3.0] * 3
    assert expected[[7, 8, 9, 10]].tolist() == [15.0] * 4


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rule", ["clamp", "interpolate"])
def test_a_key_that_is_nan(engine, rule):
    model = table(outside=rule)
    model.input("x", axes=("scenario",))
    model.formula("out", "rate(where(x > 0, x, sqrt(x)))")
    program = model.compile()
    actual = program.run(engine=engine, x=np.array([21.0, -1.0, 22.0]))["out"]
    assert np.isnan(actual).tolist() == [False, True, False]


@pytest.mark.parametrize("engine", ENGINES)
def test_lanes_that_ended_look_up_nothing(engine, trusted):
    """The key grows past the table's end, but only after the horizon of each lane."""
    model = lw.series.Model("m", periods=12)
    model.table("rate", {20 + n: float(n) for n in range(7)})
    model.input("x", axes=("scenario",))
    model.formula("out", "rate(x + t)")
    model.formula("sum", "total(rate(x + t))")
    model.horizon("27 - x")
    model.outputs("out", "sum")
    program = model.compile()
    keys = np.array([20.0, 26.0, 23.0, 21.0, 25.0] * 3)
    expected = program.run(engine="reference", x=keys)
    result = trusted(program, engine, x=keys)
    for name in ("out", "sum"):
        assert same_bits(result[name], expected[name])
    assert result["sum"][:3].tolist() == [21.0, 6.0, 18.0]


NAMED = {
    "two keys": ("q(age, sex)", {"age": [42.0], "sex": ["F"]}, "no value for key 42, 'F':"),
    "outside": (
        "q(age, sex)",
        {"age": [39.0], "sex": ["M"]},
        "39, 'M' of table `q` is outside",
    ),
    "which there are": ("q(age, sex)", {"age": [9.0], "sex": ["M"]}, "[40, 42] x ('F', 'M')"),
    "between": ("q(age, sex)", {"age": [40.5], "sex": ["M"]}, "key 40.5, 'M' of"),
    "written out": ('q(age, "F")', {"age": [42.0]}, "no value for key 42, 'F':"),
    "later": ("q(age + t, sex)", {"age": [41.0], "sex": ["F"]}, "key 42, 'F':"),
    "one key": ("p(kind)", {"kind": ["c"]}, "table `p` has no value for key 'c':"),
    "no number": ("q(age / 0 - age / 0, sex)", {"age": [1.0], "sex": ["M"]}, "key nan, 'M' of"),
    "folded": ("2 * q(age, sex) + 1", {"age": [42.0], "sex": ["F"]}, "key 42, 'F':"),
}


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("saved", [False, True])
def test_names_are_shown_where_keys_are_names(kind, engine, saved, tmp_path):
    formula, inputs, words = NAMED[kind]
    model = lw.series.Model("m", periods=2)
    columns = {"age": [40, 41, 40, 41, 42], "sex": ["F", "F", "M", "M", "M"], "rate": range(5)}
    model.table("q", columns, keys=("age", "sex"))
    model.table("p", {"kind": ["a", "b"], "rate": [1.0, 2.0]}, keys="kind")
    model.input("age", axes="point")
    model.input("sex", axes="point")
    model.input("kind", axes="point", categories=("a", "b", "c"))
    model.formula("out", formula)
    program = model.compile(outputs=["out"])
    if saved:
        program.save(tmp_path / "p.lwp")
        program = lw.load(tmp_path / "p.lwp")
    assert words in outside(program, engine, **inputs)


@pytest.mark.parametrize("names", ["[]", "[[]]", '[["q", "F"]]', "{}", "5", "[5]", "nonsense"])
def test_names_of_tables_that_say_nothing(names):
    model = table()
    model.input("x")
    model.formula("out", "rate(x)")
    program = model.compile()
    program.header["tables"] = names
    assert "key 2 of table" in outside(program, "reference", x=2.0)
