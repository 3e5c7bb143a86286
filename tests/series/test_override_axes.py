"""What overrides a node goes along the axes of the node, whatever they are called."""

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

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
        places = rng.permutation(len(cells)).tolist()
        names = case.labels.get(own[0], range(len(cells)))
        yield {names[n]: cells[n] for n in places if cells[n] == cells[n]} or float(NAN)
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
