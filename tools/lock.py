"""Write requirements/GROUP.lock: every package with its version and hashes.

Usage: python tools/lock.py run|test|docs|bench (needs the `uv` command).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = "hatchling\neditables\n"


def main(group: str) -> int:
    """Resolve one lock file."""
    extra = ROOT / "build" / f"{group}.in"
    extra.parent.mkdir(exist_ok=True)
    extra.write_text(BUILD)
    command = [
        *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"),
        *("--no-annotate", "-o", f"requirements/{group}.lock", "pyproject.toml", str(extra)),
    ]
    if group != "run":
        command += ["--group", group]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
