"""`lanework.compile` takes all that can be compiled, and says what cannot."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic

BIF = """network n { }
variable rain { type discrete [ 2 ] { yes, no }; }
probability ( rain ) { table 0.25, 0.75; }
"""
MODEL = 'model("loan", periods=2)\nrate = input()\ndebt = rate * 2\noutput(debt)\n'
ASSEMBLY = {
    "register": "mul r0, r0, r1\nhalt\n",
    "fleet": ".machine fleet\n.shared 4\nSETI r0, 2\nHALT\n",
    "series": '.machine series\n.periods 3\n.input "x" %0\n.straight\n add %1, %0, %0\n'
    '.output "y" %1\n',
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A file of every kind."""
    texts = {"loan.series": MODEL, "rain.bif": BIF}
    texts |= {f"{name}.lasm": text for name, text in ASSEMBLY.items()}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "rain.bif.gz").write_bytes(gzip.compress(BIF.encode()))
    lw.register.assemble("halt").save(tmp_path / "halt.lwp")
    return {path.name: path for path in tmp_path.iterdir()}


def test_models_graphs_modules_and_programs_of_theirs_are_one_thing(files: Any) -> None:
    model = lw.series.load_model(files["loan.series"])
    graph = lw.belief.read_network(files["rain.bif"])
    assert lw.compile(model) == model.compile() == lw.compile(files["loan.series"])
    assert lw.compile(graph) == lw.belief.compile_graph(graph) == lw.compile(files["rain.bif"])
    assert lw.compile(graph, "mpe", seed=1) == lw.belief.compile_graph(graph, "mpe", seed=1)
    assert lw.compile(files["rain.bif.gz"]) == lw.compile(graph)
    assert lw.compile(files["halt.lwp"]) == lw.compile("halt\n") == lw.register.assemble("halt")
    main = lw.fleet.assemble_module(".extern twice\nSETI r0, 21\nCALL twice\nHALT", "main")
    library = lw.fleet.assemble_module(".routine twice\nADD r0, r0, r0\nRETURN", "library")
    assert lw.compile(main, library) == lw.fleet.link([main, library])


@pytest.mark.parametrize("name", ASSEMBLY)
def test_assembly_of_every_machine_as_text_and_as_a_file(name: str, files: Any) -> None:
    program = lw.compile(ASSEMBLY[name])
    assert program.machine == name
    assert program == lw.compile(files[f"{name}.lasm"]) == lw.compile(str(files[f"{name}.lasm"]))
    assert lw.compile(program.dis()) == program


def test_a_text_that_is_wrong_has_its_place() -> None:
    with pytest.raises(Diagnostic, match="did you mean 'mul'") as caught:
        lw.compile("halt\nmull r0, r0, r1\n")
    assert caught.value.span is not None
    assert caught.value.span.line == 2


def test_standard_input_is_compiled() -> None:
    code = "import lanework as lw; print(lw.compile('-').run(r0=6, r1=7)['r0'])"
    for data in (ASSEMBLY["register"].encode(), bytes(lw.compile(ASSEMBLY["register"]))):
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True)
        assert done.stdout == b"42\n", done.stderr.decode()


class Other:
    """No model."""


@pytest.mark.parametrize("what", [None, 3, ["halt"], b"halt\n", Other(), {"x": 1}])
def test_what_is_no_model_is_refused(what: Any) -> None:
    with pytest.raises(Diagnostic, match=f"LW1012.*{type(what).__name__}"):
        lw.compile(what)


def test_paths_that_lead_nowhere_say_what_a_text_would_be(tmp_path: Path, files: Any) -> None:
    for path in ("halt", str(tmp_path / "loan.serie"), str(tmp_path)):
        with pytest.raises(Diagnostic, match=r"LW8003.*\n.*begins with .machine"):
            lw.compile(path)
    with pytest.raises(Diagnostic, match=r"did you mean 'loan\.series'"):
        lw.compile(tmp_path / "loan.serie")
    (tmp_path / "a.txt").write_text("halt")
    with pytest.raises(Diagnostic, match="LW8004"):
        lw.compile(tmp_path / "a.txt")


class Taking:
    """A model of somebody's own, as the protocol has it."""

    def compile(self, outputs: Any = None, *more: Any, **options: Any) -> Any:
        return outputs, options


class Plain:
    def compile(self, first: Any = None, /, *more: Any, optimise: bool = True) -> Any:
        return first, more, optimise


def test_a_model_of_ones_own_takes_its_options() -> None:
    own, plain = Taking(), Plain()
    assert lw.compile(own, outputs=1, fast=True) == (1, {"fast": True})
    assert lw.compile(plain, 1, 2, optimise=False) == (1, (2,), False)
    anything: Any = lw.compile
    for name in ("optimize", "more", "first"):
        with pytest.raises(Diagnostic, match=f"LW2005.*{name}.*\n.*optimise"):
            anything(plain, **{name: 1})


def test_options_are_for_models(files: Any) -> None:
    anything: Any = lw.compile
    for source in (files["rain.bif"], ASSEMBLY["register"], files["halt.lwp"]):
        with pytest.raises(Diagnostic, match=r"LW1012.*\n.*read_network"):
            anything(source, query="mpe")
