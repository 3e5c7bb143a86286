"""What the verifier refuses and no text case can hold; see tests/cases/register/error_*.txt."""

import dataclasses

from lanework.core.program.asm import assemble
from lanework.machines.register.verify import MOST_TAPE, verify


def test_a_tape_that_is_too_long_is_refused_before_it_is_decoded():
    program = dataclasses.replace(
        assemble("halt"), tape=bytes(MOST_TAPE + 1)
    )  # pages that nobody touches
    (problem,) = verify(program)
    assert problem.code.ident == "LW4002"
    assert f"{MOST_TAPE:,}" in problem.message
