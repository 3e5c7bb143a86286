"""Sums of more terms than Python's parser takes at once."""

import pytest

import lanework as lw

pytestmark = pytest.mark.slow

MANY = 5000


def value(text):
    model = lw.series.Model("m", periods=1)
    model.input("x", default=1.0)
    model.formula("y", text)
    return float(model.run()["y"])


@pytest.mark.slow
@pytest.mark.parametrize("between", ["+", " - ", " +\n", " -\n  "])
@pytest.mark.parametrize("brackets", ["{}", "({})", " ( {} ) ", "(\n{}\n)"])
def test_many_terms(between, brackets):
    right = MANY if "+" in between else 2 - MANY
    assert value(brackets.format(between.join(["x"] * MANY))) == right


@pytest.mark.slow
def test_terms_are_added_in_their_order():
    terms = [f"{'-' if n % 3 else '+'} max(x, {n}) / (x - -{n % 7})" for n in range(MANY)]
    expected = 0.0
    for n in range(MANY):
        term = max(1.0, n) / (1 + n % 7)
        expected = expected - term if n % 3 else expected + term
    assert value("0 " + " ".join(terms)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "é + ", "x +\n", "x + # more\n"])
def test_places_are_right(before):
    text = before + " + ".join(["x"] * MANY) + " + é +\n  wrong(x) + " + " + ".join(["x"] * MANY)
    with pytest.raises(lw.Diagnostic) as caught:
        value(text.replace("é", "x"))
    span = caught.value.span
    assert caught.value.code.ident == "LW3004"
    line = text.replace("é", "x").split("\n")[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == "wrong(x)"


def test_long_sums_in_model_files():
    many = " + ".join(["x"] * MANY)
    lines = [
        '"""A file."""', 'model("m", periods=2)', "x = input(default=1)", f"a = {many}", '"Long."',
        f"b: index = (\n  {many}\n  - t\n)  # and a note", "c = a - b", f"d = {many} + nothing",
    ]  # fmt: skip
    model = lw.series.Model.from_text("\n".join(lines[:-1]))
    result = model.run()
    assert float(result["a"]) == MANY
    assert result["b"].tolist() == [MANY, MANY - 1]
    assert result["c"].tolist() == [0.0, 1.0]
    assert model.formulas["a"].doc == "Long."
    assert model.formulas["a"].shown == many
    with pytest.raises(lw.Diagnostic) as caught:
        lw.series.Model.from_text("\n".join(lines)).compile()
    assert (caught.value.code.ident, caught.value.span.line) == ("LW3003", 11)


@pytest.mark.parametrize(
    "text", ["{0} < {0}", "max({0}, 1)", "{0} if x else {0}", "({0}", "{0}) + 1"]
)
def test_what_is_no_sum_at_its_top_has_one_sentence(text):
    with pytest.raises(lw.Diagnostic) as caught:
        value(text.format(" + ".join(["x"] * MANY)))
    assert caught.value.code.ident in ("LW3001", "LW3024")
    assert len(caught.value.message) < 200


ODD = ["x", "0", "0.0", "0e7", "0x0", "1e20", "9007199254740992.0", "False", "é * 0"]


@pytest.mark.parametrize("join", [" + ", " +\n    "])
@pytest.mark.parametrize("count", [9, 7000])
@pytest.mark.parametrize(
    "wrong", ["", "1e-400", "9007199254740993", "9007199254740993.0", "x % 5%"]
)
def test_constants_are_read_where_they_stand(join, count, wrong):
    terms = [ODD[n % len(ODD)] for n in range(count)]
    terms[count // 2] = wrong or terms[count // 2]
    text = f"({join.join(terms)})"
    head = 'model("m", periods=1)\nx = input(default=1)\né = 2 * x\n'

    def built(whole_file):
        if whole_file:
            return lw.series.Model.from_text(f"{head}y = {text}\n")
        model = lw.series.Model.from_text(head)
        model.formula("y", text)
        return model

    for whole_file in (False, True):
        if not wrong:
            assert built(whole_file).run()["y"] > 0
            continue
        with pytest.raises(lw.Diagnostic) as caught:
            built(whole_file)
        assert caught.value.code.ident in ("LW3001", "LW3002")
        if wrong != "x % 5%":
            line = count // 2 if "\n" in join else 0
            assert caught.value.span.line == line + (4 if whole_file else 1)
