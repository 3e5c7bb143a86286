"""Each condition of a verifier is needed by a golden case: without it, one says something else."""

import ast
import importlib
import types
from pathlib import Path

import pytest
from golden import PARTS, compiled, lines

from lanework.base.errors import LaneworkError
from lanework.core.machine import MACHINES, find

GATES = {
    "series": ("verify",),
    "belief": ("verify",),
    "register": ("verify",),
    "fleet": ("verify", "planrules", "rules"),
}
"""The modules that hold the rules of each machine."""

ELSEWHERE = {
    # tapes of gigabytes; the first is the case refused_long_tape, which takes too long here
    "count > MOST_INSTRUCTIONS",
    "len(program.tape) > MOST_TAPE",
    # ways through good programs: tests/fleet/test_verify.py
    *("any((name in _OUT for name in names)) or RETURN not in names", "RETURN not in names"),
    "any((name in _OUT for name in names))",
    "any((int(owner[view.words[each, 1 + TARGET]]) in ending for each in called))",
    "caller not in ending",
}
"""Conditions that no case needs, and why."""


class Without(ast.NodeTransformer):
    """Takes one condition out of a module, by its number in the order of visits."""

    def __init__(self, number):
        self.left, self.condition = number, ""

    def takes(self, node):
        self.left -= 1
        if self.left == -1:
            self.condition = ast.unparse(node)
        return self.left == -1

    def visit_BoolOp(self, node):
        for n, value in enumerate(node.values):
            if self.takes(value):
                rest = [*node.values[:n], *node.values[n + 1 :]]
                return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        return self.generic_visit(node)

    def visit_Compare(self, node):
        if len(node.ops) > 1 and self.takes(node):
            return ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
        if len(node.ops) > 1 and self.takes(node):
            return ast.Compare(node.left, node.ops[:-1], node.comparators[:-1])
        return self.generic_visit(node)

    def visit_If(self, node):
        test = ast.Constant(False) if self.takes(node.test) else self.visit(node.test)
        body, orelse = ([*map(self.visit, part)] for part in (node.body, node.orelse))
        return ast.If(test, body, orelse)

    def visit_AnnAssign(self, node):
        return node if node.value is None else self.generic_visit(node)


def functions(module):
    """The functions of a module that tables hold too, by name and line."""
    held = [*vars(module).values(), *(f for f, _ in getattr(module, "OPERANDS", {}).values())]
    ours = [each for each in held if isinstance(each, types.FunctionType)]
    return [each for each in ours if each.__code__.co_filename == module.__file__]


def codes(code):
    """The code objects of a module."""
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from codes(each)


def mutants(module):
    """Each condition of a module in words, with the code of its functions without it."""
    text = Path(module.__file__).read_text()
    number = 0
    while True:
        without = Without(number)
        tree = ast.fix_missing_locations(without.visit(ast.parse(text)))
        if not without.condition:
            return
        yield without.condition, compile(tree, module.__file__, "exec")
        number += 1


def gated(machine):
    """Programs of the cases that come to the gate, and the words that it says of each."""
    gate = find(machine).load("verify")
    for path, parts in PARTS.items():
        if path.parent.name == machine and path.stem != "refused_long_tape":
            try:
                program = compiled(machine, parts, path.name)
            except LaneworkError:
                continue  # refused before
            problems = gate(program)
            if "error" not in parts or (problems and says(problems, parts)):
                yield len(program.sections.get("rows", b"")), program, parts


def says(problems, parts):
    """Whether a gate says what a case expects: its words, or nothing."""
    first = problems[0].render() if problems else ""
    return all(words in first for words in lines(parts["error"])) if "error" in parts else not first


def needed(gate, cases):
    """Whether a case sees that the gate is another one."""
    for _, program, parts in cases:
        text = {key: view for key, view in program.views.items() if key == "floats"}
        program.views.clear()
        program.views.update(text)
        try:
            if not says(gate(program), parts):
                return True
        except (LaneworkError, ArithmeticError, LookupError, TypeError, ValueError):
            return True
    return False


@pytest.mark.long
@pytest.mark.parametrize("machine", MACHINES)
def test_every_condition_is_needed_by_a_case(machine):
    gate = find(machine).load("verify")
    cases = sorted(gated(machine), key=lambda case: case[0])
    assert cases
    assert not needed(gate, cases)
    unneeded = []
    for name in GATES[machine]:
        module = importlib.import_module(f"lanework.machines.{machine}.{name}")
        originals = {each: each.__code__ for each in functions(module)}
        for condition, code in mutants(module):
            by_line = {(each.co_qualname, each.co_firstlineno): each for each in codes(code)}
            try:
                for each, now in originals.items():
                    each.__code__ = by_line[now.co_qualname, now.co_firstlineno]
                if condition not in ELSEWHERE and not needed(gate, cases):
                    unneeded.append(f"{name}.py: {condition}")
            finally:
                for each, now in originals.items():
                    each.__code__ = now
    assert "\n".join(unneeded) == ""
