"""What overrides a node goes along the axes of the node, whatever they are called."""

import io

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

pytestmark = pytest.mark.slow

ENGINES = ("reference", "stencil", "llvm")
NAMES = ("point", "fund", "scenario", "region")
NAN = float("nan")
along = lw.series.along


class Random:
    """A random model, and the same in NumPy: every node with the dimensions ``(time, *lanes)``."""

    def __init__(self, rng):
        self.lanes = [str(x) for x in rng.permutation(NAMES)[: rng.integers(1, 3)]]
        self.order = ["time", *self.lanes]
        self.sizes = {"time": 3, **{axis: int(rng.integers(2, 5)) for axis in self.lanes}}
        self.labels = {a: [f"{a}{n}" for n in range(self.sizes[a])] for a in self.lanes}
        self.labels = {a: x for a, x in self.labels.items() if rng.random() < 0.5}
        self.model = lw.series.Model("m", periods=3)
        self.axes, self.inputs, self.given, self.steps = {}, {}, {}, []
        for n, axis in enumerate([*self.lanes, "time"]):
            name, values = f"x{n}", rng.normal(3, 1, self.sizes[axis])
            declared = n == 0 or axis == "time" or rng.random() < 0.6
            self.model.input(name, axes=axis if declared else ())
            self.axes[name], self.inputs[name] = {axis}, values.reshape(self.shape([axis]))
            held = pd.Series(values, pd.Index(self.labels[axis])) if axis in self.labels else values
            self.given[name] = along(axis, held)
        for n in range(5):
            one, two = (str(x) for x in rng.choice([*self.axes], 2))
            name, kind, both = f"n{n}", int(rng.integers(4)), self.axes[one] | self.axes[two]
            first = f"first({two})" if "time" in self.axes[two] else two
            text, axes = [
                (f"{one} * 2 + {two}", both),
                (f"{one} * (1 + t) - {two}", both | {"time"}),
                (f"total({one} + 0 * t)", self.axes[one] - {"time"}),
                (f"prev({name}, initial={first}) + {one}", both | {"time"}),
            ][kind]
            self.model.formula(name, text)
            self.steps.append((name, kind, one, two))
            self.axes[name] = axes

    def shape(self, axes):
        return [self.sizes[axis] if axis in axes else 1 for axis in self.order]

    def own(self, name):
        return [axis for axis in self.order if axis in self.axes[name]]

    def computed(self, over):
        """All nodes; `over` has cells by node, NaN where there are none."""
        full, t = dict(self.inputs), np.arange(3.0).reshape(self.shape(["time"]))
        for name, kind, one, two in self.steps:
            a, b, cells = full[one], full[two], over.get(name, np.full(1, NAN))

            def kept(values, cells):
                return np.where(np.isnan(cells), values, cells)

            if kind == 0:
                full[name] = kept(a * 2 + b, cells)
            elif kind == 1:
                full[name] = kept(a * (1 + t) - b, cells)
            elif kind == 2:
                full[name] = kept((a + 0 * t).sum(0, keepdims=True), cells)
            else:
                shape = np.broadcast_shapes(a.shape, b[:1].shape, t.shape, cells.shape)
                last, rows = b[:1], []
                for period in range(3):
                    here = slice(period, period + 1)
                    last = last + np.broadcast_to(a, (3, *a.shape[1:]))[here]
                    last = kept(last, np.broadcast_to(cells, shape)[here])
                    rows.append(np.broadcast_to(last, (1, *shape[1:])))
                full[name] = np.concatenate(rows)
        return full


def ways(rng, case, name, cells):
    """Ways of giving cells with the node's own axes, each of which is clear."""
    own = case.own(name)
    lanes = [axis for axis in own if axis != "time"]
    yield along(own, cells) if own else float(cells)
    turned = rng.permutation(len(own)).tolist()
    yield along([own[n] for n in turned], cells.transpose(turned)) if own else float(cells)
    yield cells if own else float(cells)
    yield cells.tolist()
    if own[:1] == ["time"] and len(own) > 1:
        yield dict(enumerate(cells))
    if len(own) == 1:
        order = rng.permutation(len(cells)).tolist()
        names = case.labels.get(own[0], range(len(cells)))
        yield {names[n]: cells[n] for n in order if cells[n] == cells[n]} or float(NAN)
    if len(own) == 2:
        index = [pd.Index(case.labels.get(a, range(case.sizes[a])), name=a) for a in own]
        known = all(axis in ("time", "point", "scenario", *declared(case)) for axis in own)
        if known:
            frame = pd.DataFrame(cells, *index)
            yield frame.iloc[:, ::-1]
            yield frame.stack(future_stack=True).dropna().sample(frac=1, random_state=3)
    if len(lanes) == 1 and len(own) == 2 and lanes[0] in case.labels:
        yield pd.DataFrame(cells, columns=case.labels[lanes[0]]).iloc[:, ::-1]


def declared(case):
    return {axis for port in case.model.compile().inputs for axis in port.axes}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(12))
def test_any_node_over_its_own_axes(seed, engine):
    """Random models with lanes of any names against NumPy: values, axes and labels."""
    rng = np.random.default_rng(seed)
    case = Random(rng)
    name = str(rng.choice([step[0] for step in case.steps]))
    own = case.own(name)
    size = [case.sizes[axis] for axis in own]
    cells = np.where(rng.random(size) < 0.3, NAN, rng.normal(0, 9, size).round(1))
    full = case.computed({name: cells.reshape(case.shape(own))})
    for given in ways(rng, case, name, cells):
        result = case.model.run(case.given, override={name: given}, engine=engine)
        for node, *_ in case.steps:
            axes = result.axes(node)
            assert set(axes) == case.axes[node]
            assert axes[:1] == ("time",) or "time" not in axes
            order = [axes.index(axis) for axis in case.own(node)]
            got = np.asarray(result[node]).transpose(order).reshape(case.shape(axes))
            np.testing.assert_allclose(got, full[node], rtol=1e-12, err_msg=f"{node} {given!r}")


def pair(axis="point", other=None):
    """A node over time and lanes, and its total."""
    model = lw.series.Model("pair", periods=2)
    model.input("x", axes=axis)
    model.input("n", axes=other or (), default=1.0)
    model.formula("y", "x * (1 + t)")
    model.formula("z", "total(y) * n")
    return model


@pytest.mark.parametrize("axis", NAMES)
@pytest.mark.parametrize(
    ("given", "total"),
    [
        ([[5, 6], [7, 8]], [12, 14]),
        (np.array([[5.0, 6.0], [7.0, 8.0]]), [12, 14]),
        ({1: [5, 6]}, [6, 8]),
        ({0: [5, None]}, [7, 6]),
        ({1: [5, 6], 0: [7, 8]}, [12, 14]),
        ([5, 6], [11, 11]),
        (pd.DataFrame([[5, 6], [7, 8]], columns=["a", "b"]), [12, 14]),
    ],
)
def test_no_axis_is_added(axis, given, total):
    model = pair(axis)
    model.output("all", "z", reduce=axis)
    assert model.run(x=[1.0, 2.0], override={"y": given})["all"] == sum(total)
    result = pair(axis).run(x=[1.0, 2.0], override={"y": given})
    assert result.axes("y") == ("time", axis) or given == [5, 6]
    assert np.broadcast_to(result["z"], 2).tolist() == total
    ported = {port.name: port.axes for port in model.compile(overrides=["y", "z"]).inputs}
    assert ported == {"x": (axis,), "n": (), "y": ("time", axis), "z": (axis,)}


def test_labels_of_columns_are_matched():
    frame = pd.DataFrame([[5, 6], [7, 8]], columns=["b", "a"])
    for columns in (frame.columns, pd.Index(frame.columns, name="point")):
        over = {"y": frame.set_axis(columns, axis=1)}
        got = pair().run(x=pd.Series([1.0, 2.0], ["a", "b"]), override=over)
        assert got["y"].tolist() == [[6, 5], [8, 7]]
        assert got.axes("y") == ("time", "point")


@pytest.mark.parametrize("given", [[5, 6], np.array([5.0, 6.0]), {1: 5}])
def test_what_may_be_along_two_axes_is_refused(given):
    model = pair(other="fund")
    with pytest.raises(Diagnostic, match=r"LW3050: input 'z' .* along 'point' or 'fund'") as caught:
        model.run(x=[1.0, 2.0], n=[1.0, 2.0], override={"z": given})
    assert "along('point', array)" in str(caught.value.help)
    model.formula("late", "z * t")
    with pytest.raises(Diagnostic, match=r"LW3050: input 'late' .* along 'point' or 'fund'"):
        model.run(x=[1.0, 2.0], n=[1.0, 2.0], override={"late": [[5, 6], [7, 8]]})
    with pytest.raises(Diagnostic, match=r"LW3050: the rows .* along 'point' or 'fund'"):
        model.run(pd.DataFrame({"z": [5, 6]}), x=[1.0, 2.0], n=[1.0, 2.0], override="z")
    named = model.run(x=[1.0, 2.0], n=[1.0, 2.0], override={"z": along("fund", [5, 6])})
    assert (named.axes("z"), named["z"].tolist()) == (("point", "fund"), [[5, 6], [5, 6]])
    both = model.run(x=[1.0, 2.0], n=[1.0, 2.0], override={"z": [[5, 6], [7, 8]]})
    assert (both.axes("z"), both["z"].tolist()) == (("point", "fund"), [[5, 6], [7, 8]])
    one = model.run(x=[1.0, 2.0], override={"z": [5, 6]})
    assert (one.axes("z"), one["z"].tolist()) == (("point",), [5, 6])


def late():
    """A model without declared axes: runs have them."""
    model = lw.series.Model("late", periods=2)
    model.input("x")
    model.input("w", default=1.0)
    model.formula("y", "x * (1 + t)")
    model.formula("z", "total(y) * w")
    model.formula("c", "3 + 0 * periods")
    return model


@pytest.mark.parametrize("axis", NAMES)
@pytest.mark.parametrize("saved", [False, True])
def test_axes_that_only_a_run_has(axis, saved):
    for over in ({"y": [[5.0, 6.0], [7.0, 8.0]]}, {"z": np.array([5.0, 6.0])}):
        program = late().compile(overrides=[*over])
        program = lw.load(io.BytesIO(bytes(program))) if saved else program
        got = program.run(x=along(axis, [1.0, 2.0]), **over)
        assert (got.axes("y"), got.axes("z")) == (("time", axis), (axis,))
        assert np.array_equal(got[next(iter(over))], next(iter(over.values())))


def test_a_node_without_lanes_makes_those_of_the_model_or_scenarios():
    for cells in ([5.0, 6.0], np.array([5.0, 6.0])):
        assert late().run(x=1.0, override={"c": cells}).axes("c") == ("scenario",)
        model = pair()
        model.formula("c", "3 + 0 * periods")
        assert model.run(x=[1.0, 2.0], override={"c": cells}).axes("c") == ("point",)
        assert model.run(x=1.0, override={"c": cells}).axes("c") == ("point",)
    crossed = late().run(x=along("point", [1.0, 2.0]), override={"y": along("scenario", [5, 6, 7])})
    assert crossed.axes("y") == ("time", "point", "scenario")
    with pytest.raises(Diagnostic, match=r"LW3050: input 'z' .* along 'point' or 'scenario'"):
        late().run(x=along("point", [1.0, 2.0]), w=[1.0, 2.0], override={"z": [5, 6]})


def test_an_end_of_lanes_is_an_axis_too():
    model = lw.series.Model("ends", periods=3)
    model.input("term", axes="region")
    model.input("other", axes="fund", default=0.0)
    model.horizon("term")
    model.formula("y", "1 + t")
    model.formula("s", "total(y)")
    model.formula("o", "other + 1")
    got = model.run(term=[2, 3], override={"s": [5, 6]})
    assert (got.axes("s"), got["s"].tolist()) == (("region",), [5, 6])
    got = model.run(term=[2, 3], other=[1.0, 2.0], override={"y": [[5, 6]] * 3})
    assert (got.axes("s"), got["s"].tolist()) == (("region",), [10, 18])


def test_rows_of_a_table_of_overrides_alone():
    frame = pd.DataFrame({"y": [None, 5.0]})
    assert pair().run(frame, x=[1.0, 2.0], override="y")["y"].tolist() == [[1, 5], [2, 5]]
    x = pd.Series([1.0, 2.0], ["a", "b"])
    long = pd.DataFrame({"point": ["b", "a"], "date": [1, 0], "y": [4.0, 5.0]})
    assert pair().run(long, x=x, override="y")["y"].tolist() == [[5, 2], [2, 4]]
    funds = pd.DataFrame({"point": ["b"], "fund": [1], "z": [4.0]})
    got = pair(other="fund").run(funds, x=x, n=[1.0, 2.0], override="z")
    assert got["z"].tolist() == [[3, 6], [6, 4]]
    crossed = pair().run(frame.assign(scenario=["u", "v"]), x=x, override="y")
    assert crossed.axes("y") == ("time", "point", "scenario")


def test_derivatives_and_searches_have_the_axes_of_runs():
    program = late().compile(["z"], overrides=["y"])
    cells = [[5.0, None], [None, 7.0]]
    slopes = program.gradient("z").run(x=along("region", [1.0, 2.0]), y=cells)
    assert slopes["d_z_d_y"].tolist() == [[1, 0], [0, 1]]
    assert slopes.axes("d_z_d_y") == ("time", "region")
    result = late().run(x=along("region", [1.0, 2.0]), override={"y": cells})
    assert result.explain("y", t=0, region=0).root.source == "override"
    sought = program.seek("x", "z", [11.0, 11.0], inputs={"y": cells})
    assert np.ravel(sought.value).tolist() == pytest.approx([3.0, 4.0])


@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], pd.Series([1.0, 2.0, 3.0])])
@pytest.mark.parametrize(
    ("given", "total"),
    [
        ({1: 5}, [3, 5, 9]),
        ({2: 7, 0: 5}, [5, 6, 7]),
        ({1.0: 5}, [3, 5, 9]),
        (pd.Series([5.0], [2]), [3, 6, 5]),
        ({0: 5, 1: 6, 2: 7}, [5, 6, 7]),
    ],
)
def test_some_lanes_by_place(x, given, total):
    assert pair().run(x=x, override={"z": given})["z"].tolist() == total


@pytest.mark.parametrize("key", [3, -1, 1.5, "a", 10**12])
def test_lanes_that_are_no_places(key):
    with pytest.raises(
        Diagnostic, match=r"LW3046: override 'z' has .* along 'point', where the others"
    ):
        pair().run(x=[1.0, 2.0, 3.0], override={"z": {key: 5}})
    got = pair().run(x=pd.Series([1.0, 2.0], [key, "else"]), override={"z": {key: 5}})
    assert got["z"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({(1, 0): 5}, r"the key \(1, 0\)"),
        ({1: 2, (1, 0): 5}, r"the key \(1, 0\)"),
        ({1: {0: 5}}, "has a mapping for 1 in its mapping"),
        ({1: pd.Series([5, 6], ["b", "a"])}, "labels of their own"),
        ({0: [5, 6], 1: 7}, "rows of different lengths"),
        (pd.Series({(1, 0): 5}), "2 levels, and not all have names"),
    ],
)
@pytest.mark.parametrize("start", [None, "2026-01-01"])
def test_keys_of_two_axes_are_refused(given, said, start):
    model = pair()
    model.start, model.freq = start, start and "month"
    with pytest.raises(Diagnostic, match=f"LW3050: input 'y' .*{said}"):
        model.run(x=[1.0, 2.0], override={"y": given})


def test_a_bridge_has_the_names_of_what_differs():
    model = pair()
    before, after = model.run(x=[1.0, 2.0]), model.run(x=[2.0, 2.0], n=2.0)
    bridge = before.bridge(after, "z")
    assert list(bridge) == ["x", "n"] == [*bridge.parts]
    assert len(bridge) == 2
    assert "n" in bridge
    assert 0 not in bridge
    assert [bridge[name].tolist() for name in bridge] == [x.tolist() for x in bridge.parts.values()]


def test_what_is_the_same_in_all_lanes_is_explained_without_one():
    model = pair()
    model.input("b", axes="time")
    model.formula("inner", "b * 2")
    model.formula("out", "y * inner")
    result = model.run(x=[1.0, 2.0], b=[3.0, 4.0])
    assert result.explain("b", t=1).root.value == 4.0
    assert result.explain("n").root.value == 1.0
    some = model.compile(["out"]).run(x=[1.0, 2.0], b=[3.0, 4.0])
    assert some.explain("inner", t=1).root.value == 8.0
    for node, t in (("x", {}), ("y", {"t": 0}), ("out", {"t": 0})):
        for each in (result, some):
            with pytest.raises(Diagnostic, match=r"LW3071.*2 lanes along 'point'"):
                each.explain(node, **t)


@pytest.mark.parametrize(
    "make", [dict, lambda columns: pd.DataFrame(columns).rename_axis(columns="fund")]
)
def test_the_only_column_of_a_frame_is_that_of_its_lane(make):
    model = lw.series.Model("m", periods=3)
    model.input("a", axes="fund")
    model.formula("g", "a + t")
    a = pd.Series([1.0, 2, 3], index=pd.Index(["p", "q", "r"], name="fund"))

    def run(column, values=(70.0, np.nan, 80.0), a=a):
        return model.run(a=a, override={"g": pd.DataFrame(make({column: values}))})["g"].tolist()

    assert run("q") == [[1.0, 70.0, 3.0], [2.0, 3.0, 4.0], [3.0, 80.0, 5.0]]
    if make is dict:  # of its own name it is for all lanes
        assert run("g") == [[70.0] * 3, [2.0, 3.0, 4.0], [80.0] * 3]
    for lanes in (a, a.iloc[:1]):
        with pytest.raises(lw.Diagnostic, match="'z'"):
            run("z", a=lanes)
    plain = lw.series.Model("m", periods=3)
    plain.input("a")
    plain.formula("g", "a + t")
    given = pd.DataFrame({"q": [70.0, 1, 2]})
    of_run = plain.run(a=a, override={"g": given})["g"]  # lanes that only a run has
    assert of_run.tolist() == [[1.0, 70.0, 3.0], [2.0, 1.0, 4.0], [3.0, 2.0, 5.0]]
    with pytest.raises(lw.Diagnostic, match="whose only column is 'q'"):
        plain.run(a=1.0, override={"g": given})
