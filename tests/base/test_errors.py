"""Errors as text: a person at a Python prompt or in a notebook sees what the command line shows."""

from __future__ import annotations

import copy
import html
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable

import pytest

import lanework as lw
from lanework.base.codes import BAD_ENVIRONMENT
from lanework.base.errors import Diagnostic, InternalFault, LaneworkError, Trap, UsageError
from lanework.base.span import Span

PLACE = Span("m.toml", 2, 5, 2, 9, "x = 1\ny = rat * 2")


def series() -> lw.series.Model:
    model = lw.series.Model("m", periods=2)
    model.formula("y", "pmaxx(1, 2)")
    return model


def unit() -> None:
    lw.compile(series())


def label() -> None:
    lw.register.assemble("add r0, r0\n hlt\n")


def network() -> None:
    lw.belief.read_bif("network x {\n}\nvariable a {\n typo discrete [ 2 ] { y, n };\n}\n")


def fleet() -> None:
    lw.fleet.assemble(".machine fleet\n.rotine a\n")


@pytest.mark.parametrize("misuse", [unit, label, network, fleet])
def test_an_error_as_text_has_sentence_place_caret_and_help(misuse: Callable[[], None]) -> None:
    with pytest.raises(Diagnostic) as caught:
        misuse()
    error = caught.value
    lines = str(error).splitlines()
    assert lines[0] == f"{error.code.ident}: {error.message}" == error.sentence == error.args[0]
    assert error.span is not None
    assert lines[1] == f"  --> {error.span}"
    assert "^" in lines[3]
    assert lines[2].split("|", 1)[1].strip() in (error.span.text or "")
    if error.help:
        assert lines[-1] == f"  help: {error.help}"
    raised = "".join(traceback.format_exception_only(error))
    assert str(error) in raised
    assert [line for line in error.render().splitlines() if line.startswith("  ")][:-1] == lines[1:]


@pytest.mark.parametrize("kind", [Diagnostic, Trap, UsageError, InternalFault])
def test_every_kind_is_the_same_text(kind: type[LaneworkError]) -> None:
    error = kind(
        BAD_ENVIRONMENT, "no 'rat'", span=PLACE, help="say 'rate'", notes=["once", "twice"]
    )
    text = "\n".join(
        [
            "LW0601: no 'rat'",
            "  --> m.toml:2:5",
            "  2 | y = rat * 2",
            "    |     ^^^^",
            "  note: once",
            "  note: twice",
            "  help: say 'rate'",
        ]
    )
    for same in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(same) == text
        assert repr(same) == f"{kind.__name__}(\"LW0601: no 'rat'\")"
    assert str(kind(BAD_ENVIRONMENT, "none")) == "LW0601: none"


def test_notebooks_show_the_callers_lines_and_the_whole_error() -> None:
    with pytest.raises(Diagnostic) as caught:
        unit()
    shown = "\n".join(caught.value._render_traceback_())
    assert "test_errors.py" in shown
    assert "lw.compile(series())" in shown
    assert "src/lanework" not in shown
    assert shown.endswith(caught.value.render())
    assert caught.value._repr_html_() == f"<pre>{html.escape(caught.value.render())}</pre>"
    error = Diagnostic(BAD_ENVIRONMENT, "<b>")
    assert "<b>" not in error._repr_html_()


def test_of_a_defect_every_line_is_shown() -> None:
    try:
        try:
            lw.load("/nowhere/x.lwp")
        except Diagnostic as error:
            raise InternalFault(BAD_ENVIRONMENT, "broken").with_traceback(
                error.__traceback__
            ) from None
    except InternalFault as fault:
        assert "program.py" in "\n".join(fault._render_traceback_())


def test_a_script_that_fails_says_what_to_do() -> None:
    code = "import lanework as lw; lw.register.assemble('nop\\nadd r0, r99\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    tail = done.stderr[done.stderr.index("lanework.base.errors.Diagnostic: LW") :].splitlines()
    assert tail[1].strip().startswith("--> assembly:2:")
    assert tail[3].strip(" |").startswith("^")


def test_notebooks_leave_out_their_own_lines() -> None:
    names = {"run": lambda: lw.load("/nowhere/x.lwp")}
    shell = compile("def cell():\n    run()\n", "/x/IPython/core/interactiveshell.py", "exec")
    exec(shell, names)
    with pytest.raises(Diagnostic) as caught:
        names["cell"]()
    shown = "\n".join(caught.value._render_traceback_())
    assert "IPython" not in shown
    assert "test_errors.py" in shown


@pytest.mark.parametrize(("before", "marked", "after"), [(5000, 4, 0), (0, 5000, 3), (9, 2, 9000)])
def test_a_long_line_is_shown_around_what_is_marked(before: int, marked: int, after: int) -> None:
    text = "a" * before + "b" * marked + "c" * after
    caret = Span("m", 1, before + 1, 1, before + marked + 1, text).caret()
    line, marks = caret.splitlines()
    assert max(len(line), len(marks)) < 200
    at, end = marks.index("^"), len(marks)
    shown = line[at:end]
    assert shown.rstrip(".") == "b" * min(marked, 53)
    assert "..." in line
