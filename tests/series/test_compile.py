"""The program that comes out: shape, determinism, listing, speed."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time

import pytest

from lanework.machines.series.language.model import Model
from lanework.machines.series.layout import RowKind, SeriesView


def corkscrew(names=("closing", "opening", "interest")):
    model = Model("m", periods=12)
    model.input("start", axes="scenario")
    model.input("rate", default=0.01)
    texts = {
        "opening": "prev(closing, initial=start)",
        "closing": "opening + interest - min(opening, 10) + (opening + interest) * 0",
        "interest": "opening * rate + (rate * 2 + 1) * 0 * opening",
    }
    for name in names:
        model.formula(name, texts[name])
    return model


def test_every_value_is_computed_once():
    program = corkscrew().compile(outputs=["closing"])
    view = SeriesView.of(program)
    seen = {(i.name, i.operands) for i in view.instructions}
    assert len(seen) == len(view.instructions)
    targets = [i.target for i in view.instructions]
    assert len(set(targets)) == len(targets)
    nodes = [row for row, record in enumerate(view.rows) if record.kind == RowKind.NODE]
    assert sorted(targets) == nodes
    assert len(set(program.constants.tolist())) == len(program.constants)


def test_names_cost_nothing():
    model = corkscrew()
    plain = model.compile(outputs=["closing"])
    model.formula("renamed", "closing")
    model.formula("again", "renamed")
    assert model.compile(outputs=["again"]).tape == plain.tape


def test_the_program_is_the_same_under_every_hash_seed():
    lines = [
        f"import sys; sys.path[:0] = {[part for part in sys.path if part]!r}",
        "from lanework.machines.series.language.model import Model",
        "m = Model('m', periods=9, freq='month', start='2024-01-01')",
        "m.input('a', axes=('point', 'scenario', 'time')); m.input('b', axes='point')",
        "m.table('q', {'x': 1.0, 'y': 2.0}); m.input('k')",
        "for i in range(60):",
        "    text = f'prev(f{(i * 7) % 60}) * b + max(a, {i % 5}) + q(k) + month'",
        "    m.formula(f'f{i}', text)",
        "print(m.compile().hash)",
    ]
    script = "\n".join(lines)
    hashes = set()
    for seed in ("0", "1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        out = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            env=environment,
            check=True,
            timeout=60,
        )
        hashes.add(out.stdout)
    assert len(hashes) == 1


def test_explain_says_what_each_pass_did():
    model = Model("m", periods=3)
    model.input("a", unit="USD")
    model.input("unused")
    model.formula("b", "a * 1 + prev(b)")
    program = model.compile(["b"])
    lines = program.bind(engine="reference").explain().splitlines()[2:]
    named = list(dict.fromkeys(line.partition(":")[0] for line in lines))
    assert named == ["graph", "kinds", "flatten", "optimise", "walks", "emit", "reference"]
    assert "optimise: dropped 1 neutral operations" in lines
    bare = model.compile(["b"], optimise=False).notes
    assert not any(note.startswith("optimise") for note in bare)


def test_every_instruction_knows_its_formula():
    program = corkscrew().compile()
    assert [entry.instruction for entry in program.listing] == list(range(len(program.listing)))
    by_name = dict(
        zip((i.name for i in SeriesView.of(program).instructions), program.listing, strict=True)
    )
    shift = by_name["prev"]
    assert shift.text == "opening = prev(closing, initial=start)"
    assert (shift.span.line, shift.span.column, shift.span.end_column) == (1, 1, 29)
    smallest = by_name["min"]
    text = smallest.span.text[smallest.span.column - 1 : smallest.span.end_column - 1]
    assert text == "min(opening, 10)"
    assert pickle.loads(pickle.dumps(program.listing)) == tuple(program.listing)


def test_what_comes_out_passes_the_verifier():
    for outputs in (None, ["interest"], ["rate"], ["start", "closing"]):
        assert corkscrew().compile(outputs=outputs).problems() == []


def test_a_model_without_periods_takes_them_from_its_inputs():
    model = Model("m")
    model.input("x", axes="time")
    model.formula("y", "cumsum(x) / periods")
    assert model.compile().run(engine="reference", x=[1.0, 2.0, 3.0])["y"].tolist() == [
        pytest.approx(1 / 3),
        1.0,
        2.0,
    ]


def test_compiling_five_thousand_nodes_is_quick():
    rng = random.Random(1)
    model = Model("big", periods=360)
    names = [f"i{k}" for k in range(20)]
    for name in names:
        model.input(name, axes="scenario")
    for k in range(5000):
        a, b, c = rng.choice(names[-50:]), rng.choice(names), rng.choice(names[-20:])
        text = f"{a} + {b} * 0.5" if k % 10 else f"prev(n{k}, initial={a}) * (1 + {b}) + {c}"
        model.formula(f"n{k}", text)
        names.append(f"n{k}")
    times = []
    for _ in range(3):
        start = time.process_time()
        model.compile()
        times.append(time.process_time() - start)
    assert min(times) < 0.5  # about 0.08 s on an idle core
