"""Codes of the core: LW1xxx."""

from __future__ import annotations

from lanework.base.errors import code

BAD_WORD = code(
    "LW1001",
    "bad instruction word",
    "The tape holds a word that is no instruction of its machine: an unknown op, a missing "
    "extension word, or a field that should be zero. The offset in bytes is given. The file is "
    "damaged, or was written by a newer version.",
)
UNKNOWN_MACHINE = code(
    "LW1002",
    "unknown machine",
    "The program is for a machine that this version does not have.",
)
BAD_SECTION = code(
    "LW1003",
    "bad section",
    "A section of the program cannot be read: it has the wrong length, or holds numbers that "
    "mean nothing. The section and the offset are given. The file is damaged.",
)
