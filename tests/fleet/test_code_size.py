"""How much code there is for a routine: compiling it is most of a short run."""

import numpy as np
import pytest

import lanework as lw
from lanework.engines.lanes.convert import converted
from lanework.engines.llvm import cache, jit
from lanework.engines.llvm.lanetarget import Target
from lanework.machines.fleet.layout import FleetView
from lanework.machines.fleet.native import engine
from lanework.machines.fleet.native.form import Form
from lanework.machines.fleet.native.lower import Lowering
from lanework.machines.fleet.native.module import module

AGENTS = """
.shared 40
.routine hatch
    VMID r0
    STORE r0, 3
    STORE r0, 7
    HALT
.routine move
    LOAD r1, 3
    ADD r1, r1, r1
    STORE r1, 5
    HALT
.phase wait_all
    .launch hatch, 40, keep a
.repeat 3
.phase wait_all
    .launch move, resume a
.end
"""


def lowered(body, **how):
    text = f".state S32\n.shared 4096\n.routine main\n{body}\n.phase wait_all\n.launch main, 64\n"
    view = FleetView.of(lw.fleet.assemble(text))
    form = Form(0, **how)
    return view, form, Lowering(view, form).program()


def test_what_a_phase_does_not_change_of_vms_is_not_written():
    program = lw.fleet.assemble(AGENTS)
    view = FleetView.of(program)
    hatch, move = view.routines
    profile = view.profile
    outputs = Lowering(view, Form(move.entry, record=True, resume=True)).program().outputs
    changed = {f"element{n}" for n in (profile.register(1), profile.own(5))}
    assert {name for name in outputs if name.startswith("element")} == changed
    anew = Lowering(view, Form(hatch.entry, record=True)).program().outputs
    assert sum(name.startswith("element") for name in anew) == profile.length - 2
    rows = []
    for name in ("llvm", "reference"):
        runner = program.bind(name)
        runner()
        words = runner.vms.words.copy()
        words[0] = words[profile.word("swept")] = 0
        rows.append(words)
    assert np.array_equal(*rows)


LOOP = "SETI r2, 9.0\nagain:\nSUBI r2, r2, 1\nBRANCH_GT r2, again\n"


@pytest.mark.parametrize(
    ("body", "how", "most"),
    [
        ("VMID r0\nADD r1, r0, r0\nWRITE r0, r1\nHALT", {}, 8),
        ("VMID r0\nADD r1, r0, r0\nHALT", {"record": True}, 2),  # as memory is most of its time
        (f"VMID r0\n{LOOP}ADD r1, r0, r0\nHALT", {"record": True}, 8),
        (f"LOAD r0, 3\n{LOOP}ADD r1, r0, r0\nHALT", {"record": True, "resume": True}, 8),
        ("\n".join(f"LOAD r0, {n}\nSTORE r0, {n}" for n in range(20)) + "\nHALT",
         {"record": True, "resume": True}, 2),
        ("VMID r0\nRAND1 r1\nWRITE r0, r1\nHALT", {}, 2),  # as what makes them needs registers
    ],
)  # fmt: skip
def test_how_long_vectors_are(body, how, most):
    *_, program = lowered(body, **how)
    assert Target(16, True, 32).suited(converted(program)).parts == most


@pytest.mark.parametrize("apart", [False, True])
def test_lanes_that_end_together_are_as_old_as_each_other(apart):
    """Only where they do not are ages kept for each, and the highest looked for."""
    test = "BRANCH_GT r0, out\nADD r1, r0, r0\nout:\n" if apart else ""
    view, form, program = lowered(f"VMID r0\n{test}WRITE r0, r0\nHALT")
    rows = {name: n for n, name in enumerate(view.profile.fields)}
    lines, _ = module([(form, program)], Target(16, True, 32), rows, strict=True)
    assert ("vector.reduce.umax" in lines) == apart


def test_what_runs_routines_is_compiled_once(monkeypatch):
    """For all programs; and what asks for signals is in those alone that have loops."""
    texts = []
    object_code = jit._object_code
    monkeypatch.setattr(
        jit, "_object_code", lambda text, *a: texts.append(text) or object_code(text, *a)
    )
    engine._driver.cache_clear()
    with cache.unused():
        for body in ("SETI r0, 41.5", "SETI r0, 42.5", LOOP):
            text = f".shared 4\n.routine main\n{body}\nHALT\n.phase wait_all\n.launch main, 4\n"
            lw.fleet.assemble(text).run(engine="llvm")
    assert ["define void @fleet" in text for text in texts] == [False, True, False, False]
    assert ["@ask(" in text for text in texts] == [False, True, False, True]
