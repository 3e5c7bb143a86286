"""Names of ops stand where the ops are, and nowhere else in the sources."""

import ast
import re
from pathlib import Path

from lanework.core.ops.table import ARITH, INTEGER, SINGLE

SOURCE = Path(__file__).resolve().parents[2] / "src" / "lanework"
NAMES = {*ARITH, *INTEGER, *SINGLE}
OWN = "core/ops/bodies/"
"""Where the ops are."""

HOMONYMS = {
    "base/": "min",  # a unit of time, and a kind of limit
    "core/ops/rules.py": "sign",  # a rule for units
    "engines/llvm/nativetext.py": "add sub mul and or shl",  # instructions of LLVM
    "engines/vector/": "eq ne fma",  # conditions and features of processors
    "machines/belief/": "max mul random",  # semirings, and orders of elimination
    "machines/fleet/": "select",  # an instruction of its own, by the sign of a number
    "machines/register/isa.py": "min max",  # modes of atomics
    "machines/register/native/": "eq ne fma",  # as for vectors
    "machines/series/excel/": "and max min not or",  # functions of spreadsheets
    "machines/series/language/": "and or not",  # operators of Python
    "machines/series/language/expression.py": "add",  # a ufunc of NumPy
    "machines/series/language/instead.py": "add fabs fmax fmin fmod log max min random select",
    "machines/series/passes/steprules.py": "sign",  # a rule for units
}
"""Words that are something else than ops, by file or folder."""


def quoted(text: str) -> set[str]:
    """The names of ops among the string literals of a source, also where one is all of names."""
    nodes = list(ast.walk(ast.parse(text)))
    pieces = {id(each) for node in nodes if isinstance(node, ast.JoinedStr) for each in node.values}
    strings = [n.value for n in nodes if isinstance(n, ast.Constant) and id(n) not in pieces]
    texts = [n.lower() for n in strings if isinstance(n, str)]
    lists = [words for words in (set(re.findall(r"[\w.]+", n)) for n in texts) if len(words) > 1]
    return NAMES.intersection(texts).union(*(words for words in lists if words <= NAMES))


def test_no_op_is_named_a_second_time():
    again = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        known = {at: words.split() for at, words in HOMONYMS.items() if name.startswith(at)}
        quotes = quoted(path.read_text()).difference(*known.values())
        if quotes and not name.startswith(OWN):
            again[name] = quotes
    assert again == {}


def test_a_quoted_name_is_seen():
    assert quoted('table = {"floor": 1, "ceiling": f"floor{2}"}') == {"floor"}
    assert quoted('names = "floor ceil, TRUNC".split(); said = "the floor of a"') == {
        *("floor", "ceil", "trunc")
    }
