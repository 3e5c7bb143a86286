"""Every error says what to do: itself, or its code."""

import ast
import importlib
from pathlib import Path

import pytest

import lanework
from lanework.base.errors import Code, Diagnostic
from lanework.core.codes import BAD_ASSEMBLY
from lanework.core.machine import MACHINES
from lanework.core.program.verify import Rule

SOURCES = Path(lanework.__file__).parent
RAISED = ("Diagnostic", "Trap")
PASSED_ON = {"core/data/csvfast.py"}  # an error that is never shown: another reader says what it is


def without_help(path):
    """The names of codes of errors that are raised without help of their own, with their lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        raised = isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED
        if raised and not {"help", None} & {word.arg for word in node.keywords}:
            yield node.lineno, node.args[0]


def test_errors_say_what_to_do():
    silent = []
    for path in sorted(SOURCES.rglob("*.py")):
        name = path.relative_to(SOURCES).as_posix()
        bare = [] if name in PASSED_ON else list(without_help(path))
        if bare:
            dotted = ".".join(("lanework", *path.relative_to(SOURCES).with_suffix("").parts))
            names = vars(importlib.import_module(dotted))
            codes = [(line, names.get(getattr(code, "id", ""))) for line, code in bare]
            silent += [f"{name}:{line}" for line, code in codes if code is None or not code.help]
    assert not silent


@pytest.mark.parametrize("machine", MACHINES)
def test_so_do_rules_of_the_verifier_and_lines_of_assembly(machine):
    module = importlib.import_module(f"lanework.machines.{machine}.verify")
    rules = [
        rule
        for value in vars(module).values()
        for rule in (value if isinstance(value, tuple) else ())
        if isinstance(rule, Rule)
    ]
    assert rules
    assert [rule.code.ident for rule in rules if not rule.code.help] == []
    assert BAD_ASSEMBLY.help


def test_help_of_a_code_is_what_is_said_where_an_error_has_none():
    code = Code("LW9998", "a title", "an explanation", "do this")
    assert Diagnostic(code, "wrong").help == "do this"
    assert Diagnostic(code, "wrong", help="do that").help == "do that"
