"""The documentation's page of instructions, made of the instruction table.

``python -m lanework.machines.register.text.page > docs/register-ops.md`` writes it anew.
"""

from __future__ import annotations

from lanework.machines.register.isa import REGISTER
from lanework.machines.register.text.operands import pattern

HEAD = """# Register instructions

Made of the instruction table by `python -m lanework.machines.register.text.page`. Every instruction
also has a long form, its group and mode with a dot between. `zero` reads as 0; `lr` is the link
register, `sp` the stack pointer.
"""


def page() -> str:
    """The page as Markdown."""
    lines = [HEAD]
    group = ""
    for instr in REGISTER.by_name.values():
        if instr.group != group:
            group = instr.group
            lines += [f"\n## {group}\n", "| write | long form | what it does |"]
            lines.append("| --- | --- | --- |")
        form = f"{instr.name} {pattern(instr)}".strip()
        doc = " ".join(instr.doc.split())
        lines.append(f"| `{form}` | `{instr.group}.{instr.mode}` | {doc} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
