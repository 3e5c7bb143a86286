"""What to write for what is written on other processors, or in other assemblers."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from lanework.base.errors import did_you_mean
from lanework.machines.register.isa import REGISTER_NUMBERS

REGISTERS = "registers are r0 to r31, zero, lr, sp"
_SIGNED = (
    "div and mod are unsigned: divide what is without sign, and give it its sign with sari, xor and"
    " sub, as docs/register.md does"
)
_BRANCH = "a branch compares its registers itself: beq r0, r1, label, or bne, blt, ble, bgt, bge"
_STACK = "move the stack pointer yourself: subi sp, sp, 8, then store.d r0, [sp]"
_UNSTACK = "move the stack pointer yourself: load.d r0, [sp], then addi sp, sp, 8"
_NONE = "what runs the program may compute it: ext 0, with bind(externals={0: function})"
_WORDS = (
    ("fmax maxsd max.d fmaxnm", "write fgt r2, r0, r1, bne r2, zero, .on, mov r0, r1, and .on: for"
     " the larger in r0"),
    ("fmin minsd min.d fminnm", "write flt r2, r0, r1, bne r2, zero, .on, mov r0, r1, and .on: for"
     " the smaller in r0"),
    ("max smax imax", "write bge r0, r1, .on, mov r0, r1, and .on: for the larger integer in r0"),
    ("min smin imin", "write ble r0, r1, .on, mov r0, r1, and .on: for the smaller integer in r0"),
    ("fneg fchs", "write mov r1, f64:-1, then fmul r0, r0, r1"),
    ("abs iabs", "write sari r1, r0, 63, xor r0, r0, r1, sub r0, r0, r1; of floats it is fabs"),
    ("fmov fld ldc const", "write mov r0, r1, or mov r0, f64:1.5"),
    ("fcmp fcom ucomisd", "write feq, fne, flt, fle, fgt or fge r0, r1, r2, which give 1 or 0"),
    ("ftrunc fround frint trunc round", "write ftoi r1, r0, then itof r0, r1, towards zero; ffloor"
     " r0, r0 rounds down, fceil up"),
    ("fmod frem", "write fdiv r2, r0, r1, ftoi r2, r2, itof r2, r2, fmul r2, r2, r1, then fsub r0,"
     " r0, r2"),
    ("select fsel csel cmov cmovne", "a branch chooses: beq r0, zero, .on, mov r1, r2, and .on:"),
    ("sqrt sqrtsd", "write fsqrt r0, r1"),
    ("exp log pow sin cos tan tanh fexp flog fpow fsin fcos ftan ftanh", _NONE),
    ("sdiv idiv divs smod srem", _SIGNED),
    ("cmp test tst cbz cbnz", _BRANCH),
    ("je jz jne jnz jl jle jg jge jb ja beqz bnez", _BRANCH),
    ("push", _STACK),
    ("pop", _UNSTACK),
    ("inc", "write addi r0, r0, 1"),
    ("dec", "write subi r0, r0, 1"),
    ("neg negate", "write sub r0, zero, r0"),
    ("not inv", "write xori r0, r0, -1"),
    ("load ld ldr lw", "write load.d r0, [r1 + 8]; .w, .h and .b load fewer bytes"),
    ("store st str sw", "write store.d r0, [r1 + 8]; .w, .h and .b store fewer bytes"),
    ("li la lea ldi set", "write mov r0, 5, or mov r0, label for its address"),
    ("exit end stop", "write halt"),
    ("bgte bgeq", "did you mean 'bge'?"),
    ("blte bleq", "did you mean 'ble'?"),
    ("bneq", "did you mean 'bne'?"),
)  # fmt: skip
_DIRECTIVES = {
    **dict.fromkeys((".globl", ".global", ".type", ".size"), "leave it out; .entry main says where"
                    " the program begins"),
    **dict.fromkeys((".asciz", ".string"), 'write .ascii "text" and .byte 0'),
    **dict.fromkeys((".int", ".long"), "write .word for 4 bytes, .quad for 8"),
    ".float": "write .double, which has 8 bytes",
    ".bss": "write .data, and .space 64 for zeros",
    ".section": "write .data or .code",
}  # fmt: skip
_INSTEAD = {word: advice for words, advice in _WORDS for word in words.split()}


def of_instruction(name: str, known: dict[str, object]) -> str | None:
    """The help for a mnemonic that there is not.

    Example:
        >>> of_instruction("inc", {}), of_instruction("ad", {"add": 1})
        ('write addi r0, r0, 1', "did you mean 'add'?")
    """
    return _INSTEAD.get(name.lower()) or did_you_mean(name, known)


def of_directive(name: str, known: Sequence[str]) -> str:
    """The help for a directive that there is not.

    Example:
        >>> of_directive(".data_", [".data", ".code"]), of_directive(".x", [".data", ".code"])
        ("did you mean '.data'?", 'directives here are .data, .code')
    """
    own = _DIRECTIVES.get(name) or did_you_mean(name, known)
    return own or f"directives here are {', '.join(known)}"


def begins_comment(text: str) -> bool:
    """Whether a word has a `#` that is neither in quotes nor before a number or a register.

    Example:
        >>> [begins_comment(text) for text in ("#", "r1#c", "#c", "#5", "#r1", "'#'")]
        [True, True, True, False, False, False]
    """
    if "#" in text and text[0] not in "\"'":
        return re.fullmatch(r"#(-?[\d.]\w*|[rx]\d+)", text.rstrip("]"), re.IGNORECASE) is None
    return False


def of_operand(text: str, labels: Container[str]) -> tuple[str, str] | None:
    """What is wrong with an operand that is no number and no label, and the help; None if nothing.

    Example:
        >>> of_operand("R1", {}), of_operand("loop", {})
        (("'R1' is no register", "did you mean 'r1'?"), None)
    """
    bare = text.lstrip("%$#").lower()
    for mark in ("#", "--"):
        if mark in text.lstrip("#"):
            return f"{text!r} is no operand", "comments begin with ;"
    if text.startswith("["):
        what = f"{text!r} is an address, which only loads and stores take"
        return what, f"write load.d r0, {text}, or store.d r0, {text}"
    if re.fullmatch(r"[rx]\d+|[er]?[abcd]x|[er]?[sd]i", bare) or bare in REGISTER_NUMBERS:
        near = f"did you mean {bare!r}?" if bare in REGISTER_NUMBERS else REGISTERS
        return f"{text!r} is no register", near
    if text[:1] in ("#", "$"):
        return f"{text!r} is no number", f"write it without {text[0]}: {text[1:] or 5}"
    return None
