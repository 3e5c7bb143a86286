"""Sphinx configuration."""

from lanework import __version__

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
