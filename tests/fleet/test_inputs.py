"""What goes into shared memory is what was meant, and what comes out is of that kind and shape."""

import numpy as np
import pandas as pd
import pytest

import lanework as lw
from lanework.machines.fleet.plan import Buffer, decode_buffers, encode, encode_buffers

COPY = """
.machine fleet
.buffer x, 0, 6, {x}
.buffer y, auto, 6, {y}
.routine main
    IVMID r0
    IREAD r1, r0
    {op}
    SETI r2, int:6
    IADD r0, r0, r2
    IWRITE r0, r1
    HALT
.phase
    .launch main, 6
"""
PLAIN = """
.machine fleet
.buffer x, 0, 6, {x}
.routine main
    VMID r0
    READ r1, r0
    ADDI r1, r1, 1
    WRITE r0, r1
    HALT
.phase
    .launch main, 6
"""


def copying(x="in", y="out", op="MOV r1, r1"):
    return lw.fleet.assemble(COPY.format(x=x, y=y, op=op), "copy.lasm").bind("reference")


def plain(x="in"):
    return lw.fleet.assemble(PLAIN.format(x=x), "plain.lasm").bind("reference")


def refused(call, *words):
    with pytest.raises(lw.Diagnostic) as caught:
        call()
    assert caught.value.code.ident == "LW6010"
    for word in words:
        assert word in f"{caught.value.message} {caught.value.help}", caught.value
    return caught.value


@pytest.mark.parametrize("count", [0, 1, 5, 7, 600])
@pytest.mark.parametrize("x", ["in", "inout", "in, u32", "inout i32"])
def test_lengths_agree(x, count):
    problem = refused(lambda: copying(x)(x=np.arange(count)), f"{count} number", "6")
    if count < 6:
        declared = problem.help.split("zeros: ")[1]  # as it is advised to declare it
        assert declared.startswith(".buffer x, 0, 6, in")
        assert lw.fleet.assemble(f"{declared}\nHALT").problems() == []


def test_an_input_is_given():
    refused(copying(), "'x' is not given", "pad")
    refused(copying("in, u32"), "6 words of u32", "pad")
    assert copying("inout")()["y"].tolist() == [0.0] * 6  # an output that may be given, too
    assert copying()(shared=np.arange(6))["y"].tolist() == [0, 1, 2, 3, 4, 5]
    refused(lambda: copying()(shared=np.arange(5)), "'x' is not given")


def test_padded_buffers_take_less():
    runner = copying("in, pad")
    assert runner(x=[1, 2])["y"].tolist() == [1, 2, 0, 0, 0, 0]
    assert runner()["y"].tolist() == [0.0] * 6
    refused(lambda: runner(x=np.ones(7)), "7 numbers")


@pytest.mark.parametrize(
    "bad",
    [1e300, -1e39, 2**24 + 1, 2**70 + 1, "7", "0.5%", "north", None, 1j, b"1",
     np.datetime64("2024-01-01"), pd.NA],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 4])
def test_floats_hold_what_is_given(bad, place):
    values = [1] * 6
    values[place] = bad
    refused(lambda: plain()(x=values), "'x'")
    refused(lambda: plain()(x=pd.Series(values, dtype=object)), "'x'")


@pytest.mark.parametrize("dtype", ["u32", "i32"])
@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf, 2**32, -(2**31) - 1, "7", None, 1e300])
def test_integers_hold_what_is_given(dtype, bad):
    values = [1, 2, 3, 4, 5, bad]
    refused(lambda: copying(f"in, {dtype}")(x=values), "'x' at 5")


@pytest.mark.parametrize(
    ("dtype", "kind"), [("u32", np.uint32), ("i32", np.int32), ("f32", np.float32)]
)
def test_buffers_are_of_their_dtype(dtype, kind):
    runner = copying(f"in, {dtype}", f"out, {dtype}")
    given = [0, 1, 2**24, 7, 2**31 - 128, 5]
    result = runner(x=given)
    assert result["y"].dtype == kind
    assert result["y"].tolist() == given
    ports = {port.name: port.dtype for port in runner.program.ports}
    assert ports == {"shared": "f32", "x": dtype, "y": dtype}


def test_integers_stay_integers():
    one = "SETI r3, int:1\n    IADD r1, r1, r3"
    result = copying("in, u32", "out, u32", one)(x=[2**24, 2**32 - 1, 0, 1, 2, 16777217])
    assert result["y"].tolist() == [2**24 + 1, 0, 1, 2, 3, 16777218]
    signed = copying("in, i32", "out, i32", one)(x=np.array([-1, -5, 2**31 - 2, 0, 1, 2]))
    assert signed["y"].tolist() == [0, -4, 2**31 - 1, 1, 2, 3]


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
def test_arrays_of_words_are_not_taken_for_floats_where_integers_are_meant(kind):
    refused(lambda: copying()(x=np.arange(6, dtype=kind)), "u32 or i32", "view")
    refused(lambda: copying("in, pad")(shared=np.arange(9, dtype=kind)), "view")
    assert plain()(x=np.arange(6, dtype=kind))["shared"].tolist() == [1, 2, 3, 4, 5, 6]
    assert copying()(x=np.arange(6, dtype=np.uint8))["y"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("shape", [(6,), (2, 3), (3, 1, 2), (1, 6)])
@pytest.mark.parametrize("dtype", ["f32", "u32"])
def test_shapes_come_back_as_they_went_in(shape, dtype):
    given = np.arange(6).reshape(shape)
    result = copying(f"inout, {dtype}", f"inout, {dtype}")(x=given)
    assert result["x"].shape == shape
    assert (result["x"] == given).all()
    assert result["y"].shape == (6,)
    assert len(result.axes("x")) == len(shape)
    assert plain("inout")(x=given[..., :])["x"].tolist() == (given + 1.0).tolist()
    shared = plain("in, pad")(shared=given)["shared"]
    assert shared.shape == shape


def test_a_table_is_inputs_too():
    frame = pd.DataFrame({"x": np.arange(6)})
    assert plain()(frame)["shared"].tolist() == [1, 2, 3, 4, 5, 6]
    refused(lambda: plain()(frame[:4]), "4 numbers")


def test_declarations_are_read_back():
    text = COPY.format(x="inout, u32, pad, steps 0 0", y="out i32", op="MOV r1, r1")
    program = lw.fleet.assemble(text)
    assert lw.fleet.assemble(program.dis()).hash == program.hash
    assert ".buffer x, 0, 6, inout, u32, pad, steps 0 0" in program.dis()
    for wrong in ("u32 u32", "u64", "in out", "pad", "out pad", "u32 range 0 1"):
        with pytest.raises(lw.Diagnostic):
            lw.fleet.assemble(text.replace("out i32", wrong)).verify()


def test_buffers_of_earlier_versions():
    old = [["a", 0, 4, "in", [], None, None], ["b", 4, 1, "temp", [], 0.0, 1.0]]
    assert encode_buffers(decode_buffers(encode(old))) == encode(old)
    buffers = (Buffer("a", 0, 1, dtype="i32"), Buffer("b", 1, 2, "in", pad=True))
    assert decode_buffers(encode_buffers(buffers)) == buffers


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (".buffer a, 0, 4, in\n.buffer b, 3, 2, out", "both have word 3"),
        (".buffer a, 2, 1\n.buffer b, 0, 4, out\n.buffer c, 8, 1", "both have word 2"),
        (".shared 4\n.buffer a, 0, 4, in\n.buffer b, auto, 1, out", "5 words"),
        (".buffer a, 0, 4, in\n.shared 3", "4 words"),
    ],
)
def test_buffers_lie_apart_and_inside(lines, what):
    with pytest.raises(lw.Diagnostic, match=what):
        lw.fleet.assemble(f".machine fleet\n{lines}\nHALT").verify()


def test_buffers_may_share_words_in_different_steps():
    text = ".machine fleet\n.buffer a, 0, 4, temp steps 0 1\n.buffer b, 0, 4, temp steps 2 2\n"
    text += ".routine main\nHALT\n.repeat 3\n.phase\n.launch main, 1\n.end\n"
    lw.fleet.assemble(text).verify()
    with pytest.raises(lw.Diagnostic, match="both have word 0"):
        lw.fleet.assemble(text.replace("2 2", "1 2")).verify()


def test_a_table_of_no_name_says_which_there_are():
    heads = ".buffer s, 0, 4, out\n.buffer q, auto, 2, out\n"
    result = lw.fleet.assemble(f"{heads}.routine main\nHALT\n.phase\n.launch main, 1\n").run()
    with pytest.raises(lw.Diagnostic) as caught:
        result.to_pandas()
    assert "'shared', or 's', or 'q'; to_xarray() takes all" in caught.value.help
    assert result.to_pandas("q").shape == (2, 1)
