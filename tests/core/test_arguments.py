"""Names, texts, paths and limits of public functions: what is none of these is refused by name."""

import numpy as np
import pytest

import lanework as lw

SERIES, BELIEF, REGISTER, FLEET = lw.series, lw.belief, lw.register, lw.fleet
BAD = {
    "number": 5,
    "true": True,
    "numbers": [5],
    "bytes": b"y",
    "lists": [["y"]],
    "array": np.zeros((1, 1)),
    "object": object(),
}


def model():
    some = SERIES.Model("m", periods=2)
    some.input("a", axes="p")
    some.formula("y", "a * 2")
    some.formula("s", "total(y)")
    return some


def network():
    graph = BELIEF.FactorGraph()
    graph.variable("a", ["x", "y"])
    graph.factor(["a"], [0.5, 0.5])
    return graph


def result():
    return model().run(a=[1.0, 2.0])


NAMES = {
    "keys": lambda x: SERIES.Model("m").table("q", {1: 2.0}, keys=x),
    "outside": lambda x: SERIES.Model("m").table("q", {1: 2.0}, outside=x),
    "reduce": lambda x: SERIES.Model("m").output("y", "1", reduce=x),
    "outputs of a model": lambda x: model().compile(outputs=x),
    "outputs of a runner": lambda x: model().compile().bind(outputs=x),
    "gradient": lambda x: model().compile().gradient("s", x),
    "along": lambda x: SERIES.along(x, [1.0, 2.0]),
    "circular": lambda x: SERIES.Model("m").circular(x),
    "columns": lambda x: SERIES.read_columns("none.csv", x),
    "select": lambda x: result().select(x),
    "query": lambda x: BELIEF.infer(network(), query=x),
    "observed": lambda x: BELIEF.compile_graph(network(), observed=x),
    "evidence": lambda x: BELIEF.compile_graph(network(), evidence=x),
    "variable": lambda x: BELIEF.sensitivity(network(), x, "x"),
}
OUTPUTS = {
    "item": lambda x: result()[x],
    "axes": lambda x: result().axes(x),
    "frame": lambda x: result().to_pandas(x),
}
FILES = {
    "saved": lambda x: result().save(x),
    "answers saved": lambda x: BELIEF.infer(network()).save(x),
    "program saved": lambda x: model().compile().save(x),
    "loaded": lw.load,
    "network": BELIEF.read_network,
    "model": SERIES.load_model,
    "columns": lambda x: SERIES.read_columns(x, ["a"]),
}
TEXTS = {
    "model": SERIES.read_model,
    "bif": BELIEF.read_bif,
    "xmlbif": BELIEF.read_xmlbif,
    "uai": BELIEF.read_uai,
    "json": BELIEF.read_json,
    "evidence": BELIEF.read_evid,
    "results": BELIEF.read_results,
    "register": REGISTER.assemble,
    "fleet": FLEET.assemble,
}
LIMITS = {
    "infer": lambda x: BELIEF.infer(network(), limits=x),
    "loopy": lambda x: BELIEF.loopy(network(), limits=x),
    "counts": lambda x: BELIEF.expected_counts(network(), limits=x),
    "bind": lambda x: model().compile().bind(limits=x),
    "run": lambda x: REGISTER.assemble("halt").run(limits=x),
    "network": lambda x: BELIEF.read_network("none.bif", limits=x),
}
OTHERS = {
    "externals": lambda x: REGISTER.assemble("halt").bind(externals=x),
    "types": lambda x: REGISTER.assemble("mov r1, r0\nhalt", types=x),
}
EVERY = {
    f"{kind}: {name}": call
    for kind, calls in (("names", NAMES), ("outputs", OUTPUTS), ("files", FILES), ("texts", TEXTS),
                        ("limits", LIMITS), ("others", OTHERS))
    for name, call in calls.items()
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", EVERY)
def test_what_is_none_is_refused_with_what_to_give(name, bad):
    with pytest.raises(lw.Diagnostic) as caught:
        EVERY[name](BAD[bad])
    assert caught.value.message
    assert caught.value.help, caught.value


@pytest.mark.parametrize("name", ["observed", "evidence", "outputs of a runner", "select"])
def test_a_text_is_one_name_and_not_its_letters(name):
    with pytest.raises(lw.Diagnostic) as caught:
        NAMES[name]("ya")
    assert "ya" in str(caught.value)


def test_several_outputs_are_named_one_by_one():
    for names in (["y", "s"], ("y", "s")):
        with pytest.raises(lw.Diagnostic, match="one by one: 'y', 's'"):
            result().to_pandas(names)
    assert list(result().select(["y"])) == list(result().select("y")) == ["y"]
