"""Every code block of the README and the documentation runs, and prints what is shown."""

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
KINDS = {"python", "text", "console", "sh", "", "toctree"}


def blocks(page):
    return [(match[1], match[2]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def same(expected, actual):
    return doctest.OutputChecker().check_output(expected, actual, FLAGS)


def console(text):
    """Commands and what they print: a command runs up to the next one or the end."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        words = shlex.split(command)
        assert words[0] == "lanework", f"only lanework commands are shown as a console: {command}"
        done = subprocess.run(
            [sys.executable, "-m", "lanework", *words[1:]],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "COLUMNS": "100"},
            check=False,
        )
        actual = done.stdout + done.stderr
        assert same(expected, actual), f"$ {command}\nshown:\n{expected}\nprinted:\n{actual}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names = {"__name__": "__page__"}
    printed = ""
    for kind, text in blocks(page):
        if kind == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, str(page), "exec"), names)
            printed = out.getvalue()
        elif kind == "text":
            assert same(text, printed), f"shown:\n{text}\nprinted:\n{printed}"
        elif kind == "console":
            console(text)
        elif kind == "sh":
            for line in text.splitlines():
                assert re.fullmatch(r"(make [\w-]+|pip install \S+)(\s+#.*)?", line), line
                target = line.split()[1]
                assert line.startswith("pip") or f"\n{target}:" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_block_kinds_are_known(page):
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            assert line[3:].strip("{} ") in KINDS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files_of_a_checkout(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    paths = {link for link in links if link and "://" not in link}
    command = ["git", "ls-files", "--error-unmatch", *sorted(paths)]
    done = subprocess.run(command, cwd=page.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_code_is_explained_and_in_a_test():
    from lanework.base.errors import all_codes

    for path in (ROOT / "src").rglob("codes.py"):
        __import__(".".join(path.relative_to(ROOT / "src").with_suffix("").parts))
    known = all_codes()
    for path in (ROOT / "src").rglob("*.py"):
        for ident in re.findall(r"\bLW\d{4}\b", path.read_text(encoding="utf-8")):
            assert ident in known, f"{path} names {ident}"
    tests = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "tests/cases").rglob("*.txt")]
    held = {ident for path in tests for ident in re.findall(r"\bLW\d{4}\b", path.read_text())}
    assert known.keys() <= held


def test_each_guarantee_names_the_tests_that_hold_it():
    rows = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8").splitlines()
    table = [row for row in rows if row.startswith("| ")]
    for row in table[2:]:
        named = re.findall(r"`((?:tests/)?[\w/]*test_\w+\.py)`", row)
        folder = ""
        for name in named:
            path = ROOT / name if "/" in name else ROOT / folder / name
            folder = str(path.relative_to(ROOT).parent)
            assert path.is_file(), f"{name} in: {row}"
        tier = row.split("|")[5].strip()
        assert named or tier == "3" or "`make test-" in row or "tests/cases" in row, row
