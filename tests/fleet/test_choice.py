"""Which engine `auto` takes."""

import subprocess
import sys

import pytest

import lanework as lw
from lanework.base.errors import Diagnostic
from lanework.engines.gpu import adapters
from lanework.machines.fleet import runner

APART = "VMID r0\nWRITE r0, r0\nHALT\n.shared 8\n.phase\n.launch main, 8"
SEEN = (
    "VMID r0\nMODI r1, r0, 7\nREAD r1, r1\nWRITE r0, r1\nHALT\n.shared 8\n.phase\n.launch main, 8"
)


@pytest.mark.parametrize("hardware", [False, True])
def test_what_auto_takes(hardware, monkeypatch):
    """Compiled code; without it a card, one in software only by its name."""
    monkeypatch.setattr(runner, "hardware", lambda: hardware)
    one, other = lw.fleet.assemble(APART), lw.fleet.assemble(SEEN)
    assert [each.bind().engine for each in (one, other)] == ["llvm", "llvm"]
    monkeypatch.setattr(runner, "find_spec", lambda name: None)
    wanted = ["wgsl", "epoch"] if hardware else ["reference", "reference"]
    assert [each.bind().engine for each in (one, other)] == wanted
    assert not one.bind().notice


@pytest.mark.usefixtures("gpu")
def test_an_adapter_that_is_named():
    one, other = lw.fleet.assemble(APART), lw.fleet.assemble(SEEN)
    name = adapters.pick().name
    assert [each.bind(adapter=name).engine for each in (one, other)] == ["wgsl", "epoch"]
    assert one.bind(adapter=name, compose=True).engine == "epoch"
    assert other.bind(adapter=name)()["shared"].tolist() == [0.0] * 8
    with pytest.raises(Diagnostic, match="LW2201"):
        one.bind(adapter="no such card")


def test_short_runs_load_nothing_that_compiles():
    text = (
        "import sys, lanework as lw\n"
        "program = lw.fleet.assemble('.shared 4\\nSETI r0, 1\\nHALT\\n.phase\\n.launch main, 4')\n"
        "with program.bind() as runner:\n"
        "    print(runner().stats['engine'])\n"
        "print([name for name in sys.modules if name.startswith('lanework.engines.llvm')])\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["llvm", "[]"]
