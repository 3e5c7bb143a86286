"""Sphinx configuration."""

from pathlib import Path

from lanework import __version__
from lanework.core.ops.docs import render_ops, render_words

project = "Lanework"
author = "The Lanework authors"
copyright = "2026, The Lanework authors"
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Lanework"
exclude_patterns = ["_build"]
suppress_warnings = ["myst.xref_missing"]

# The pages of ops are the op table itself.
(Path(__file__).parent / "ops.md").write_text(render_ops(), encoding="utf-8")
(Path(__file__).parent / "ops-words.md").write_text(render_words(), encoding="utf-8")
