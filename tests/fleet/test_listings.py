"""The listings of the original design assemble as they stand."""

import re
import struct
from pathlib import Path

import pytest

from lanework.base.errors import Diagnostic
from lanework.core.program.asm import assemble

LISTINGS = {path.stem: path.read_text() for path in Path(__file__).parent.glob("listings/*.txt")}
BEFORE = {
    "nested_loop": ".state S32",
    "predication": ".state S32",
    "reduction": ".state S32\n.const input_buffer_offset 0\n.const output_buffer_offset 500",
    "ring_buffer": ".state S32\n.const write_ptr_addr 10\n.const read_ptr_addr 11\n"
    ".const buffer_start 0",
    "specialization": ".state S32",
}
AFTER = {
    "ring_buffer": ".routine GENERATE_DATA\nRETURN\n.routine PROCESS_ITEM\nRETURN",
    "unrolling": ".routine COMPUTE_VALUE\nRETURN",
}


def text_of(name):
    body = re.sub(r"^Routine (\w+):", r".routine \1", LISTINGS[name], flags=re.MULTILINE)
    text = f".machine fleet\n{BEFORE.get(name, '')}\n{body}\n{AFTER.get(name, '')}\n"
    routines = re.findall(r"^\.routine (\w+)", body, flags=re.MULTILINE)
    return text + "".join(f".phase\n.launch {each}, 10\n" for each in routines)


def instructions(text):
    """Lines that begin with a mnemonic, found without any knowledge of the assembler's."""
    words = [line.split("#")[0].split() for line in text.splitlines()]
    return [line for line in words if line and re.fullmatch(r"[A-Z][A-Z_]*", line[0])]


@pytest.mark.parametrize("name", sorted(LISTINGS.keys() - {"spawn"}))
def test_a_listing_assembles(name):
    text = text_of(name)
    program = assemble(text)
    wanted = instructions(text)
    assert len(program.tape) == 20 * len(wanted) > 0
    shown = [entry.text.split()[0] for entry in program.listing]
    assert shown == [words[0] for words in wanted]
    assert assemble(program.dis()).hash == program.hash


def test_all_listings_are_there():
    assert len(LISTINGS) == 14
    assert sum(len(instructions(text)) for text in LISTINGS.values()) == 228


def words(program):
    return [list(row) for row in struct.iter_unpack("<5I", program.tape)]


def f32(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def test_the_counting_loop_by_hand():
    assert words(assemble(text_of("counting_loop"))) == [
        [3, 0, 0, 0, 0],  # SETI r0, 0
        [3, 1, 0x41200000, 0, 0],  # SETI r1, 10
        [4, 2, 5, 0, 0],  # LOAD r2, 5
        [0, 2, 2, 0, 0],  # ADD r2, r2, r0
        [5, 2, 5, 0, 0],  # STORE r2, 5
        [3, 3, 0x3F800000, 0, 0],  # SETI r3, 1
        [0, 0, 0, 3, 0],  # ADD r0, r0, r3
        [1, 3, 1, 0, 0],  # SUB r3, r1, r0
        [53, 3, 2, 0, 0],  # BRANCH_GT r3, 2
        [34, 0, 0, 0, 0],  # HALT
    ]


def test_predication_by_hand():
    assert words(assemble(text_of("predication"))) == [
        [53, 0, 3, 0, 0],  # BRANCH_GT r0, TAKEN
        [80, 1, 1, f32(5), 0],  # ADD r1, r1, 5
        [56, 0, 4, 0, 0],  # JUMP END
        [20, 1, 1, f32(2), 0],  # MUL r1, r1, 2
        [23, 2, 0, 0, 0],  # CMP r2, r0, 0
        [80, 3, 1, f32(5), 0],
        [20, 4, 1, f32(2), 0],
        [70, 1, 2, 4, 3],  # SELECT r1, r2, r4, r3
    ]


def test_gray_by_hand():
    actual = words(assemble(text_of("grayscale")))
    assert actual[0] == [32, 0, 0, 0, 0]
    assert actual[1] == [20, 0, 0, f32(3), 0]
    assert actual[2] == [30, 1, 0, 0, 0]
    assert actual[9] == [9, 1, 1, f32(0.299), 0]
    assert actual[-2:] == [[31, 0, 1, 0, 0], [34, 0, 0, 0, 0]]


def test_spawn_in_two_words_says_what_is_missing():
    text = ".machine fleet\nentry_ip:\n" + LISTINGS["spawn"].replace("input_data", "r1")
    with pytest.raises(Diagnostic, match="SYSCALL_SPAWN takes 3 operands, not 2") as caught:
        assemble(text)
    assert caught.value.help == "write SYSCALL_SPAWN r0, label, r1, which are dest, target, src"
    assert caught.value.span.line == 3


def ran(program):
    runner = program.bind("reference")
    runner()
    return runner.vms.structures()


def test_the_call_multiplies_as_the_design_traces_it():
    text = text_of("function_call").replace("# ...", "SYSCALL_YIELD\n" * 5)
    program = assemble(text)
    assert words(program)[2] == [60, 0, 10, 0, 0]
    assert ran(program)["memory"][0, 15] == 35.0


def test_the_counting_loop_counts():
    vms = ran(assemble(text_of("counting_loop")))
    assert vms["registers"][0, 0] == 10.0
    assert vms["memory"][0, 5] == sum(range(10))
