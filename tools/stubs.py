"""What type checkers and editors see of the functions of the formula language, written anew.

python tools/stubs.py
"""

from __future__ import annotations

import keyword
from pathlib import Path

from lanework.machines.series.language import functions as language

STUB = Path(language.__file__).with_name("calls.pyi")


def text() -> str:
    """A stub of `lanework.series`' functions, as `tools/stubs.py` writes it."""
    lines = [
        "# The functions of the formula language, for type checkers; written by tools/stubs.py.",
        "from lanework.machines.series.language.expression import Expr",
        "",
    ]
    for _, function in sorted(language.functions().items()):
        if not keyword.iskeyword(function.name):
            names = [
                f"{p.name}: object" + (" = ..." if p.default is not None else "")
                for p in function.parameters
            ]
            if function.variadic:
                names = ["*values: object"]
            lines.append(f"def {function.name}({', '.join(names)}) -> Expr: ...")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    STUB.write_text(text())
