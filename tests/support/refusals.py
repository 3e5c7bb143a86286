"""What is refused, with its code and words of the message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lanework.base.errors import Diagnostic


def refused(call: Callable[[], object], code: str, *words: str) -> None:
    """Call, and see that it is refused in these words."""
    with pytest.raises(Diagnostic) as caught:
        call()
    text = caught.value.render()
    assert caught.value.code.ident == code, text
    for word in words:
        assert word in text, text
