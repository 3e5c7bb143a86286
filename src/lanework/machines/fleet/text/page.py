"""The documentation's page of fleet instructions, made of the instruction table.

``python -m lanework.machines.fleet.text.page > docs/fleet-ops.md`` writes it anew.
"""

from __future__ import annotations

from lanework.machines.fleet.isa import ALIASES, FLEET, Kernel
from lanework.machines.fleet.text.operands import INTEGER, pattern, roles

_FORMS = ", ".join(f"`{info.name}`" for info in FLEET.by_name.values() if info.immediate)

HEAD = f"""# Fleet instructions

Made of the instruction table by `python -m lanework.machines.fleet.text.page`. An instruction has
20 bytes: its opcode and four operands, each a word of 32 bits; numbers are bit patterns of
single-precision floats. The third column says which operand is which: `dest` is written, `src` is
read, `addr` is a register with an address in shared memory (of a float the whole part), `cond`
what is tested. The op that an instruction applies has operands a and b (or x, y): those of the
instruction from the second on, in order.

{_FORMS} have a form with a number as last operand,
such as `ADDI`, and the assembler takes it where a number stands there. `{INTEGER} r0, 5` is
`SETI r0, int:5`.
"""

TITLES = {
    Kernel.LINEAR: ("Linear", "A matrix on the VM's vector."),
    Kernel.ORACLE: ("Oracle", "What no matrix does: exact operations on registers."),
    Kernel.BRANCH: ("Branch", "Where the VM goes on."),
    Kernel.IO: (
        "I/O",
        "Shared memory, and what a VM knows of itself. Reads see shared memory as the epoch began;"
        " then writes are done, then, one VM after another, what is marked *in order*.",
    ),
}


def page() -> str:
    """The page as Markdown."""
    spellings: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        spellings.setdefault(name, []).append(f"`{alias}`")
    lines = [HEAD]
    for kernel, (title, what) in TITLES.items():
        lines += [
            f"\n## {title}\n",
            what,
            "",
            "| opcode | write | operands | also | what it does |",
        ]
        lines.append("| ---: | --- | --- | --- | --- |")
        for info in FLEET.by_name.values():
            if info.kernel is kernel:
                doc = " ".join(info.doc.split()) + (" *In order.*" if info.ordered else "")
                also = ", ".join(spellings.get(info.name, ()))
                lines.append(
                    f"| {info.code} | `{pattern(info)}` | {roles(info)} | {also} | {doc} |"
                )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
