"""Golden cases of tests/cases as programs: see tests/test_cases.py, which runs them."""

import ast
import dataclasses
import re
import struct
from pathlib import Path

import msgspec
import numpy as np

import lanework as lw
from lanework.core.machine import find
from lanework.core.program.asm import assemble
from lanework.core.program.container import dumps
from lanework.core.program.isa import Instruction
from lanework.core.program.program import loads

CASES = Path(__file__).resolve().parents[1] / "cases"


def sections(path):
    parts = re.split(r"^-- (\w+)\b[ \t]*(.*)\n", path.read_text(), flags=re.MULTILINE)
    return {
        name: f"{more}\n{text}" if more else text
        for name, more, text in zip(*(parts[n::3] for n in (1, 2, 3)), strict=True)
    }


PARTS = {path: sections(path) for path in sorted(CASES.glob("*/*.txt"))}


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def options(text):
    """Names and Python's literals; what is none is a word."""
    pairs = {}
    for name, _, value in (line.partition(" = ") for line in lines(text)):
        try:
            pairs[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            pairs[name] = value
    return pairs


def network(text, name, choices):
    read = lw.belief.read_json if text.startswith("{") else lw.belief.read_bif
    return lw.belief.compile_graph(read(text, name), **choices)


COMPILE = {
    "series": lambda text, name, choices: lw.series.Model.from_text(text, name).compile(**choices),
    "belief": network,
}
ASSEMBLE = {"register": lw.register.assemble}


def compiled(machine, parts, name="case"):
    choices = options(parts.get("compile", ""))
    if "asm" in parts:
        program = ASSEMBLE.get(machine, assemble)(parts["asm"], name, **choices)
    else:
        program = COMPILE[machine](parts["model"], name, choices)
    if "damage" in parts:
        return damaged(program, parts["damage"])
    assert assemble(program.dis()).hash == program.hash
    if any(each.code.ident == "LW6013" for each in program.problems()):
        return program  # a file does not keep which numbers the text writes as floats
    return loads(dumps(program))


def damaged(program, statements):
    """The program as a file may say it, whoever wrote that."""
    names = {
        "header": dict(program.header),
        "tape": bytearray(program.tape),
        "sections": {name: bytearray(data) for name, data in program.sections.items()},
        "ports": list(program.ports),
        "constants": program.constants.copy(),
    }
    tools = {"np": np, "struct": struct, "msgspec": msgspec, "replace": dataclasses.replace}
    tools |= {"Instruction": Instruction, "isa": find(program.machine).isa}
    exec(statements, {**tools, "program": program}, names)
    return loads(
        dumps(
            dataclasses.replace(
                program,
                header=names["header"],
                tape=bytes(names["tape"]),
                sections={name: bytes(data) for name, data in names["sections"].items()},
                ports=tuple(names["ports"]),
                constants=np.asarray(names["constants"], np.float64),
                listing=(),
            )
        )
    )
