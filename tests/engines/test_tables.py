"""Shipped tables that are stale, damaged or missing: a sentence with a code, the next engine."""

import dataclasses
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.core import runner
from lanework.engines import kernel, threadpool, threadtext
from lanework.engines.stencil import building, shipped
from lanework.engines.tensors import layout
from lanework.engines.vector import build as vector
from lanework.engines.vector import isa, loader
from lanework.machines.register import isa as register_isa
from lanework.machines.register import state
from lanework.machines.register.native import build as register
from lanework.machines.register.native import loader as register_loader
from lanework.machines.register.native import table as register_table

BUILDS = [(register, name) for name in register.TARGETS] + [(vector, name) for name in isa.LEVELS]
NOT_TEXT = shutil.ignore_patterns("__pycache__", "tables")
LAYOUTS = {
    "core/ops/op.py",  # an op has a graph
    "core/program/isa.py",  # instructions have operands
    "engines/stencil/shipped.py",  # which makes the digests
    "engines/vector/loader.py",
    "machines/register/native/loader.py",
}
"""What runs as texts are written and decides nothing in them."""

CODES = {"stale": "LW2104", "damaged": "LW2102", "missing": "LW2102"}


def spoiled(path, how):
    data = path.read_bytes()
    if how == "damaged":
        return data[:-1] + bytes((data[-1] ^ 1,))
    head, parts = shipped.unpack(data)
    return shipped.pack({**head, "contract": "that of another version"}, parts)


@pytest.fixture(params=CODES)
def code(request, tmp_path, monkeypatch):
    """All tables spoiled in one way; the code that says so."""
    (tmp_path / "tables").mkdir()
    for module, name in BUILDS:
        path = module.FOLDER / f"{name}.bin"
        if request.param != "missing":
            (tmp_path / "tables" / path.name).write_bytes(spoiled(path, request.param))
    monkeypatch.setattr(shipped, "resources", SimpleNamespace(files=lambda package: tmp_path))
    monkeypatch.setattr(runner, "_noticed", set())
    caches = (loader.helpers, register_loader.native)
    for cache in caches:
        cache.cache_clear()
    yield CODES[request.param]
    for cache in caches:
        cache.cache_clear()


def noticed(call, code):
    """What a call gives, with exactly one notice that has the code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    (notice,) = caught
    assert notice.category is runner.EngineNotice
    assert code in str(notice.message)
    return result


def refused(call, code):
    with pytest.raises(Diagnostic) as caught:
        call()
    assert caught.value.code.ident in (code, "LW2004")
    assert code in caught.value.render()


WHERE = {
    "vector": ("lanework.engines.vector", "x86-64-v3"),
    "register": ("lanework.machines.register.native", "x86_64"),
}


def agreements():
    level = isa.LEVELS["x86-64-v3"]
    return {"vector": loader.agreed(level), "register": register_loader.agreed()}


@pytest.mark.parametrize(
    ("file", "change", "stale"),
    [
        ("core/ops/bodies/arithmetic.py", (".floor(a)", ".ceil(a)"), {"vector", "register"}),
        ("core/ops/bodies/arithmetic.py", ("a - b", "b - a"), {"vector", "register"}),
        ("core/ops/expr.py", ("Prim.FLOOR", "Prim.CEIL"), {"vector", "register"}),
        ("engines/llvm/ir.py", ("fcmp une", "fcmp one"), {"vector", "register"}),
        ("engines/vector/emit.py", ("FREE, 1", "FREE, 2"), {"vector"}),
        ("machines/register/native/bodies.py", ("icmp ne i64", "icmp eq i64"), {"register"}),
    ],
)
def test_a_changed_source_makes_tables_stale(file, change, stale, tmp_path, monkeypatch):
    """Stencils have in them what ops were; other engines have what they are."""
    shutil.copytree(shipped._PACKAGE, tmp_path, ignore=NOT_TEXT, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    assert change[0] in text
    (tmp_path / file).write_text(text.replace(*change))
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path)
    for name, agreed in agreements().items():
        if name in stale:
            with pytest.raises(Diagnostic, match="LW2104"):
                shipped.load(*WHERE[name], agreed)
        else:
            shipped.load(*WHERE[name], agreed)


@pytest.mark.long
def test_all_that_writes_texts_is_in_the_contract():
    """The files whose functions run while the texts of a table are written, but for the layouts."""
    package = shipped._PACKAGE
    ran = set()

    def note(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and package in path.parents:
            ran.add(path.relative_to(package).as_posix())

    for module, name, writers in (
        (vector, "x86-64-v3", loader.WRITERS),
        (register, "x86_64", register_loader.WRITERS),
    ):
        ran.clear()
        sys.setprofile(note)
        try:
            module.stamps(name)
        finally:
            sys.setprofile(None)
        listed = (*shipped.WRITERS, *writers)
        missing = {file for file in ran if not any(file.startswith(each) for each in listed)}
        assert missing <= LAYOUTS | {f"{module.__name__.replace('.', '/')[9:]}.py"}, name


def test_register_programs_run_on_the_reference(code):
    program = lw.register.assemble("mul r0, r0, r1\nhalt")
    result = noticed(lambda: program.run(r0=6, r1=7), code)
    assert int(result["r0"]) == 42
    assert result.stats["engine"] == "reference"
    for engine in ("stencil", "native", "llvm"):
        refused(lambda engine=engine: program.bind(engine), code)


def test_series_programs_run_on_llvm(code):
    model = lw.series.Model("growth", periods=5)
    model.input("rate", axes=("scenario",))
    model.formula("value", "prev(value, initial=100.0) * (1 + rate)")
    program = model.compile()
    rates = np.linspace(0, 0.1, 300)
    result = noticed(lambda: program.run(rate=rates), code)
    assert result.stats["engine"] == "llvm"
    expected = program.run(engine="reference", rate=rates)["value"]
    assert result["value"].tobytes() == expected.tobytes()
    refused(lambda: program.run(engine="stencil", rate=rates), code)


def test_one_stale_level_is_enough_for_the_other_engine(monkeypatch):
    """One lane takes narrow registers, and code of the higher level does not run."""
    monkeypatch.setattr(loader, "levels", lambda: tuple(isa.LEVELS.values()))
    monkeypatch.delenv("LANEWORK_CPU_LEVEL", raising=False)
    real = loader.agreed
    other = lambda level: "other" if level.name == "x86-64-v3" else real(level)  # noqa: E731
    monkeypatch.setattr(loader, "agreed", other)
    monkeypatch.setattr(runner, "_noticed", set())
    loader.helpers.cache_clear()
    model = lw.series.Model("growth", periods=5)
    model.formula("value", "prev(value, initial=100.0) * 2")
    result = noticed(lambda: model.compile().run(), "LW2104")
    assert result.stats["engine"] == "llvm"
    assert result["value"][-1] == 3200.0


def test_belief_programs_run_on_the_reference(code):
    graph = lw.belief.FactorGraph("rain")
    graph.variable("rain", ("no", "yes"))
    graph.variable("wet", ("no", "yes"))
    graph.factor(("rain",), [0.8, 0.2])
    graph.factor(("rain", "wet"), [[0.9, 0.1], [0.2, 0.8]])
    program = lw.belief.compile_graph(graph)
    result = noticed(lambda: program.run(wet="yes"), code)
    assert result.stats["engine"] == "reference"
    refused(lambda: program.bind("native"), code)


def test_helper_threads_get_their_code_from_llvm(code):
    for subject in threadpool._code.__wrapped__():
        assert subject.engine == "llvm"
        assert subject.keep is not None


# What a table is held to --------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name"), BUILDS, ids=lambda value: str(value)[-12:])
def test_tables_were_made_from_these_sources(module, name):
    """A body that changed with the old table is red; without LLVM, so that it is quick."""
    head, _ = shipped.unpack((module.FOLDER / f"{name}.bin").read_bytes())
    stamps = module.stamps(name)
    assert {key: head[key] for key in stamps} == stamps, f"run python -m {module.__name__}"


def test_a_check_says_what_changed(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["build", "--check"])
    for module, names in ((register, register.TARGETS), (vector, isa.LEVELS)):
        arguments = (module.FOLDER, names, module.build, module.stamps)
        assert building.main(*arguments) == 0
        with monkeypatch.context() as changed:
            changed.setattr(module, "patch_text", lambda *machine: "other code")
            assert building.main(*arguments) == 1
        assert capsys.readouterr().out.count("stale: made with other sources") == len(names)


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (state, "COUNTER", 42),
        (register_isa, "LONG", 2),
        (register_table, "HOLE", 12),
        (register_loader.patcher, "OUT", 9),
        (register_loader.lanes, "USED", 9),
        (register_loader.stencils, "PINNED", 6),
        (register_loader.stencils, "HELPER_NAMES", ("ffloor",)),
        (isa, "FRAME_HEAD", 128),
        (isa, "HOLE_KINDS", {"slot": 1}),
        (isa, "BASIC", ("store", "load")),
        (layout, "SCALE", 5),
        (layout, "OTHERS", ("normalize",)),
        (threadtext, "STOP", 17),
        (loader, "UNIT", 128),
        (loader, "COLUMNS", 8),
    ],
)
def test_every_layout_is_part_of_the_contract(monkeypatch, module, name, value):
    assert hasattr(module, name)
    level = isa.LEVELS["x86-64-v3"]
    before = register_loader.agreed(), loader.agreed(level)
    monkeypatch.setattr(module, name, value)
    assert before != (register_loader.agreed(), loader.agreed(level))


@pytest.mark.parametrize("change", [{"code": 511}, {"operands": ()}, {"writes": False}])
def test_every_instruction_is_part_of_the_contract(monkeypatch, change):
    table = register_isa.REGISTER.by_name
    before = register_loader.agreed()
    for name, info in table.items():
        if any(getattr(info, key) != value for key, value in change.items()):
            with monkeypatch.context() as changed:
                changed.setitem(table, name, dataclasses.replace(info, **change))
                assert register_loader.agreed() != before, name


def test_enumerations_are_part_of_a_contract():
    names = shipped._constants(isa)
    assert {"Kind", "Word", "Descriptor", "Job", "Outcome"} <= {line.split()[0] for line in names}


def test_kernels_are_those_that_are_asked_for():
    for name, level in isa.LEVELS.items():
        head, _ = shipped.unpack((vector.FOLDER / f"{name}.bin").read_bytes())
        assert {*layout.kernel_names(level.width), "tensors"} == set(head["kernels"])
    assert kernel.UNIT % max(level.width for level in isa.LEVELS.values()) == 0
