"""Formulas as text: one Python expression, read by Python's own parser and never run.

Example:
    >>> str(parse_formula("opening * (1 + rate) if alive else 0"))
    'where(alive, opening * (1.0 + rate), 0.0)'
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property, reduce

from lanework.base.errors import Diagnostic
from lanework.base.span import Origin, Place
from lanework.machines.series.codes import BAD_FORMULA, TOO_DEEP
from lanework.machines.series.language.calling import bad_lookup, bind, fold, lookup, no_function
from lanework.machines.series.language.expression import (
    CONDITIONS,
    LABEL,
    NAME,
    NUMBER,
    WHERE,
    WRITTEN,
    Expr,
    constant,
    lift,
    refuse_number,
)
from lanework.machines.series.language.functions import Function, functions
from lanework.machines.series.language.longsums import (
    REFUSALS,
    long_sum,
    pieces,
    refusal,
)
from lanework.machines.series.language.unsupported import (
    is_percentage,
    lost_by_python,
    unsupported,
)

MAX_DEPTH = 200
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "and",
    ast.BitOr: "or",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def parse_formula(text: str, source: str = "<formula>") -> Expr:
    """The tree of a formula.

    Args:
        text: one Python expression; it may run over several lines.
        source: what diagnostics call the place it comes from.

    Raises:
        Diagnostic: LW3001 for text that does not parse, LW3002 for Python that formulas lack,
            LW3004 and LW3005 for wrong calls, LW3024 for nesting beyond 200 levels.
    """
    origin = Origin(source, text)
    stripped = text.strip()
    if not stripped:
        what, help = f"the formula of {source} is empty", "write one, such as price * quantity"
        raise Diagnostic(BAD_FORMULA, what, help=help)
    reader, inner = FormulaReader(origin), text.lstrip(" \t")
    try:
        return reader.read(ast.parse(inner, mode="eval").body, text)
    except REFUSALS as error:
        if long := long_sum(error, text):
            return reader.read_sum(*long)
        if not isinstance(error, SyntaxError) or "\n" not in stripped:
            raise refusal(error, origin, len(text) - len(inner)) from None
    reader.line_shift = -1  # several lines: Python reads them as one expression inside brackets
    try:
        return reader.read(ast.parse(f"(\n{text}\n)", mode="eval").body, text)
    except REFUSALS as error:
        if long := long_sum(error, text):
            return reader.read_sum(*long)
        raise refusal(error, origin, above=1) from None


class FormulaReader:
    """Turns Python's syntax tree of one origin into expression trees."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.line_shift = 0
        self.column_shift = 0
        self.depth = 0
        self.known: dict[int, Expr] = {}  # nodes that stand for what was read before

    def read(self, node: ast.expr, text: str) -> Expr:
        """The tree of an expression; `text` is what the parser was given, without brackets."""
        self.column_shift = len(text) - len(text.lstrip(" \t")) if self.line_shift == 0 else 0
        return self.expr(node)

    def read_sum(self, start: int, stop: int) -> Expr:
        """The tree of a sum in the origin that is too long for Python's parser.

        Raises:
            Diagnostic: as `parse_formula`.
        """
        outer, self.line_shift, out = self.line_shift, -1, None
        text = self.origin.text
        try:
            for piece, before in pieces(text[start:stop], text[:start]):
                self.known = {} if out is None else {id(before): out}
                out = self.read(piece, text)
        except REFUSALS as error:
            raise refusal(error, self.origin, above=1) from None
        self.line_shift, self.known = outer, {}
        assert out is not None
        return out

    def place(self, node: ast.expr) -> Place:
        """Where a node stands. Python counts bytes, people count characters."""
        line, end_line = node.lineno + self.line_shift, (node.end_lineno or 1) + self.line_shift
        column, end = node.col_offset, node.end_col_offset or 0
        if not self.origin.text.isascii():
            column, end = self._characters(line, column), self._characters(end_line, end)
        shift = self.column_shift
        return Place(
            self.origin,
            line,
            column + 1 + (shift if line == 1 else 0),
            end_line,
            end + 1 + (shift if end_line == 1 else 0),
        )

    @cached_property
    def lines(self) -> list[bytes]:
        """The rows of the text that Python's positions count in, as bytes."""
        lines = [row.encode() for row in self.origin.text.split("\n")]
        if self.column_shift:
            lines[0] = lines[0].lstrip(b" \t")
        return lines

    def source_of(self, node: ast.expr) -> str:
        """The text of a node, on one line."""
        first = node.lineno - 1 + self.line_shift
        last = (node.end_lineno or node.lineno) - 1 + self.line_shift
        rows = self.lines[first : last + 1]
        rows[-1] = rows[-1][: node.end_col_offset]
        rows[0] = rows[0][node.col_offset :]
        return " ".join(b" ".join(rows).decode(errors="replace").split())

    def _characters(self, line: int, column: int) -> int:
        if not 0 < line <= len(self.lines):
            return column
        return len(self.lines[line - 1][:column].decode(errors="ignore"))

    def expr(self, node: ast.expr) -> Expr:
        """The tree of one syntax node."""
        known = self.known.get(id(node)) if self.known else None
        if known is not None:
            return known
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise self.unsupported(node)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Diagnostic(
                TOO_DEEP,
                f"this formula is nested more than {MAX_DEPTH} levels deep",
                span=self.place(node).span(),
                help="give the inner part a name of its own",
            )
        out = handler(self, node)
        self.depth -= 1
        return out

    def unsupported(self, node: ast.expr, what: str | None = None) -> Diagnostic:
        """The diagnostic for Python that formulas do not have."""
        return unsupported(node, what, self.source_of, self.place(node).span())

    def _constant(self, node: ast.Constant) -> Expr:
        value = node.value
        if isinstance(value, (bool, int, float)):
            lost = lost_by_python(value, lambda: self.source_of(node))
            if lost:
                raise self.unsupported(node, lost)
            place = self.place(node)
            if isinstance(value, float) and value >= 2.0**53:  # 9007199254740993.0 is whole too
                digits = self.source_of(node).replace("_", "")
                value = int(digits.split(".")[0]) if re.fullmatch(r"\d+\.0*", digits) else value
            return Expr(NUMBER, (), constant(value, place.span()), place)
        if isinstance(value, str):
            return Expr(LABEL, (), value, self.place(node))
        raise self.unsupported(node, "this constant")

    def _binary(self, node: ast.BinOp) -> Expr:
        # A long sum is a deep tree leaning left; it is read in a loop so that its length is free.
        chain: list[ast.BinOp] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            chain.append(left)
            left = left.left
        out = self.expr(left)
        for step in reversed(chain):
            symbol = _BINARY.get(type(step.op))
            if symbol is None:
                raise self.unsupported(step)
            if symbol == "%" and is_percentage(step, self.source_of):
                raise self.unsupported(step, "a percentage")
            right = self.expr(step.right)
            if symbol in CONDITIONS:
                self._check_conditions((step.left, out), (step.right, right))
            out = Expr(WRITTEN[symbol], (out, right), None, self.place(step))
        return out

    def _check_conditions(self, *operands: tuple[ast.expr, Expr]) -> None:
        """Refuse written numbers among conditions; True and False are none."""
        for node, operand in operands:
            truth = isinstance(node, ast.Constant) and isinstance(node.value, bool)
            if operand.head == NUMBER and not truth:
                refuse_number(operand, self.place(node).span())

    def _unary(self, node: ast.UnaryOp) -> Expr:
        operand = self.expr(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        if isinstance(node.op, (ast.Not, ast.Invert)):
            self._check_conditions((node.operand, operand))
            return Expr(WRITTEN["not"], (operand,), None, self.place(node))
        if operand.head == NUMBER:
            return Expr(NUMBER, (), -operand.value, self.place(node))
        return Expr(WRITTEN["__neg__"], (operand,), None, self.place(node))

    def _compare(self, node: ast.Compare) -> Expr:
        place = self.place(node)
        symbols = [_COMPARE.get(type(op), "") for op in node.ops]
        if not all(symbols):
            raise self.unsupported(node, "`in` or `is`")
        values = [self.expr(value) for value in (node.left, *node.comparators)]
        steps = []
        for symbol, left, right in zip(symbols, values, values[1:], strict=False):
            steps.append(Expr(WRITTEN[symbol], (left, right), None, place))
        return reduce(lambda a, b: Expr(WRITTEN["and"], (a, b), None, place), steps)

    def _boolean(self, node: ast.BoolOp) -> Expr:
        head = WRITTEN["and" if isinstance(node.op, ast.And) else "or"]
        place = self.place(node)
        values = [self.expr(value) for value in node.values]
        self._check_conditions(*zip(node.values, values, strict=True))
        return reduce(lambda a, b: Expr(head, (a, b), None, place), values)

    def _conditional(self, node: ast.IfExp) -> Expr:
        args = (self.expr(node.test), self.expr(node.body), self.expr(node.orelse))
        return Expr(WHERE, args, None, self.place(node))

    def _call(self, node: ast.Call) -> Expr:
        place = self.place(node)
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                raise self.unsupported(arg)
        target = node.func
        named: dict[str, Expr] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.unsupported(keyword.value, "`**`")
            named[keyword.arg] = self.expr(keyword.value)
        if isinstance(target, ast.Subscript):
            table, column = self._table(target)
            return lookup(table, column, [self.expr(a) for a in node.args], named, place)
        if not isinstance(target, ast.Name):
            raise self.unsupported(target)
        if target.id == "lookup":
            if not node.args:
                raise bad_lookup("`lookup` is called without a table", place)
            table, column = self._table(node.args[0])
            return lookup(table, column, [self.expr(a) for a in node.args[1:]], named, place)
        args = [self.expr(arg) for arg in node.args]
        if target.id in functions():
            return call(target.id, args, named, place)
        return lookup(target.id, None, args, named, place)

    def _table(self, node: ast.expr) -> tuple[str, str | None]:
        """The table, and the column of it, that `mort` or `mort["male"]` names."""
        match node:
            case ast.Name():
                return node.id, None
            case ast.Subscript(value=ast.Name(id=table), slice=ast.Constant(value=str(column))):
                return table, column
        raise bad_lookup(
            'a table is written `mort`, or `mort["column"]` for one of its columns',
            self.place(node),
        )


_HANDLERS: dict[type[ast.expr], Callable[..., Expr]] = {
    ast.Constant: FormulaReader._constant,
    ast.Name: lambda reader, node: Expr(NAME, (), node.id, reader.place(node)),
    ast.BinOp: FormulaReader._binary,
    ast.UnaryOp: FormulaReader._unary,
    ast.Compare: FormulaReader._compare,
    ast.BoolOp: FormulaReader._boolean,
    ast.IfExp: FormulaReader._conditional,
    ast.Call: FormulaReader._call,
}


def call(
    name: str,
    args: Sequence[Expr],
    named: dict[str, Expr] | None = None,
    place: Place | None = None,
) -> Expr:
    """The tree of a call, defaults filled in and helpers expanded.

    Raises:
        Diagnostic: no such function, or arguments that do not fit it.

    Example:
        >>> str(call("clip", [Expr.name("rate"), Expr.number(0), Expr.number(1)]))
        'min(max(rate, 0.0), 1.0)'
    """
    function = functions().get(name)
    if function is None:
        raise no_function(name, place)
    if function.variadic and not named:
        return fold(function, args, place)
    operands, setting = bind(function, list(args), dict(named or {}), place)
    if function.text is not None:
        names = (parameter.name for parameter in function.parameters)
        return _expand(function, dict(zip(names, operands, strict=True)), place)
    return Expr(name, tuple(operands), setting, place)


def caller(name: str) -> Callable[..., Expr]:
    """The function for use on node handles in Python: ``prev(model["closing"], initial=100)``."""
    function = functions()[name]

    def build(*args: object, **named: object) -> Expr:
        return call(
            name, [lift(arg) for arg in args], {key: lift(value) for key, value in named.items()}
        )

    build.__name__ = build.__qualname__ = name
    build.__doc__ = f"{function.signature}\n\n{function.doc}"
    return build


_parsed = cache(lambda text: parse_formula(text, "<series functions>"))


def _expand(function: Function, bound: dict[str, Expr], place: Place | None) -> Expr:
    trees: dict[int, Expr] = {}
    assert function.text is not None
    tree = _parsed(function.text)
    for expr in tree.walk():
        if expr.head == NAME and expr.value in bound:
            trees[id(expr)] = bound[expr.value]
        else:
            args = tuple(trees[id(arg)] for arg in expr.args)
            trees[id(expr)] = Expr(expr.head, args, expr.value, place)
    return trees[id(tree)]
