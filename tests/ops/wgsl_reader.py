"""A reader of the WGSL that the engine writes: parsed by tree-sitter's grammar, run in NumPy."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import tree_sitter
import tree_sitter_wgsl_bevy

Array = np.ndarray[Any, Any]
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_wgsl_bevy.language()))
TYPES = {"f32": np.float32, "i32": np.int32, "u32": np.uint32}
BUILTINS = {
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.rint,
    "countOneBits": lambda x: np.bitwise_count(x.view(np.uint32)).astype(x.dtype),
    "countLeadingZeros": lambda x: bits_of(x, lambda word: 32 - word.bit_length()),
    "countTrailingZeros": lambda x: bits_of(
        x, lambda word: (word & -word).bit_length() - 1 if word else 32
    ),
    "select": lambda no, yes, condition: np.where(condition, yes, no),
}
BINARY = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": lambda a, b: np.divide(a, b) if a.dtype == np.float32 else np.floor_divide(a, b),
    "%": np.remainder,
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "^": np.bitwise_xor,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def bits_of(x: Array, count: Callable[[int], int]) -> Array:
    """A count for each word."""
    actual = [count(int(word)) for word in np.ravel(x.view(np.uint32))]
    return np.reshape(np.array(actual, x.dtype), np.shape(x))


class Module:
    """The functions and private variables of a module.

    Raises:
        SyntaxError: the grammar does not accept the text.
    """

    def __init__(self, text: str) -> None:
        root = PARSER.parse(text.encode()).root_node
        if root.has_error:
            raise SyntaxError("not WGSL")
        self.globals: dict[str, Array] = {}
        self.functions: dict[str, tree_sitter.Node] = {}
        for node in root.named_children:
            if node.type == "function_declaration":
                name = node.named_children[0]
                self.functions[text_of(name)] = node
            elif node.type == "global_variable_declaration":
                declared, value = node.named_children
                identifier = declared.named_children[-1].named_children[0]
                self.globals[text_of(identifier)] = self.evaluate(value, {})

    def call(self, name: str, *args: Array) -> Array:
        """Run one function; every value must have the type that WGSL gives it."""
        node = self.functions[name]
        parameters, result, body = node.named_children[1:]
        scope = dict(self.globals)
        for parameter, arg in zip(parameters.named_children, args, strict=True):
            declared = parameter.named_children[0].named_children
            assert np.asarray(arg).dtype == TYPES[text_of(declared[1])]
            scope[text_of(declared[0])] = arg
        with np.errstate(all="ignore"):
            for statement in body.named_children:
                if statement.type == "return_statement":
                    value = self.evaluate(statement.named_children[0], scope)
                    assert value.dtype == TYPES[text_of(result.named_children[0])]
                    return value
                identifier, expression = statement.named_children
                assert text_of(identifier) not in scope
                scope[text_of(identifier)] = self.evaluate(expression, scope)
        raise SyntaxError("no return")

    def evaluate(self, node: tree_sitter.Node, scope: dict[str, Array]) -> Array:
        """The value of an expression."""
        children = node.named_children
        match node.type:
            case "identifier":
                return scope[text_of(node)]
            case "parenthesized_expression" | "const_expression" | "const_literal":
                return self.evaluate(children[0], scope)
            case "bool_literal":
                return np.asarray(text_of(node) == "true")
            case "int_literal":
                word = text_of(node)
                kind = {"u": np.uint32, "i": np.int32}[word[-1]]
                return np.asarray(kind(ast.literal_eval(word[:-1])))
            case "float_literal":
                word = text_of(node)
                assert word.endswith("f")
                number = float.fromhex(word[:-1]) if "x" in word else float(word[:-1])
                assert float(np.float32(number)) == number
                return np.asarray(np.float32(number))
            case "bitcast_expression":
                return self.evaluate(children[1], scope).view(TYPES[text_of(children[0])])
            case "unary_expression":
                operand = self.evaluate(children[0], scope)
                return np.negative(operand) if node.children[0].type == "-" else ~operand
            case "binary_expression":
                return self._binary(node, scope)
        assert node.type == "type_constructor_or_function_call_expression", node.type
        name = text_of(children[0])
        args = [self.evaluate(arg, scope) for arg in children[1].named_children]
        if name in TYPES:
            return args[0].astype(TYPES[name])
        if name == "select":
            assert args[0].dtype == args[1].dtype
            assert args[2].dtype == np.bool_
        if name in BUILTINS:
            return np.asarray(BUILTINS[name](*args))
        return self.call(name, *args)

    def _binary(self, node: tree_sitter.Node, scope: dict[str, Array]) -> Array:
        left, right = (self.evaluate(child, scope) for child in node.named_children)
        operator = node.children[1].type
        if operator in ("<<", ">>"):
            assert right.dtype == np.uint32
            shift = np.left_shift if operator == "<<" else np.right_shift
            return np.asarray(shift(left, right.astype(left.dtype)))
        assert left.dtype == right.dtype, text_of(node)
        return np.asarray(BINARY[operator](left, right))


def text_of(node: tree_sitter.Node) -> str:
    """The source of a node."""
    assert node.text is not None
    return node.text.decode()
