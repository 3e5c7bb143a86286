"""Memory of belief programs: what is estimated before a run, and the peak of the run.

A program is compiled here and run in a process of its own, so that what the compiler used does not
count. The peak is that of the process, less what it held before the program was loaded.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import lanework as lw
from bench import networks
from lanework.core.program.program import load

PROCESS = Path("/proc/self")


def measure(name: str) -> dict[str, int]:
    """Bytes estimated and used for a network's rows of evidence."""
    graph = networks.read(name)
    rows = networks.NETWORKS[name][0]
    columns = networks.evidence(name, graph, rows)
    program = lw.belief.compile_graph(graph, evidence=[], observed=list(columns))
    with tempfile.TemporaryDirectory() as folder:
        program.save(Path(folder, "program.lwp"))
        Path(folder, "rows.json").write_text(json.dumps(columns))
        command = [sys.executable, "-m", "bench.memory", folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, int] = json.loads(done.stdout)
    return figures


def run(folder: Path) -> dict[str, int]:
    """The run, in the process that is looked at."""
    columns = json.loads((folder / "rows.json").read_text())
    rows = len(next(iter(columns.values())))
    lw.belief.compile_graph(networks.read("asia")).bind()(xray="yes")  # loads the package's code
    ctypes.CDLL(None).malloc_trim(0)
    (PROCESS / "clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    runner = load(folder / "program.lwp").bind()
    estimate = runner.estimate(rows)
    bound = _status("VmRSS") - before
    result = runner(columns)
    peak = _status("VmHWM") - before
    assert result.stats["lanes"] == rows
    return {"rows": rows, "estimate": estimate, "bound": bound, "peak": peak}


def _status(what: str) -> int:
    for line in (PROCESS / "status").read_text().splitlines():
        if line.startswith(what + ":"):
            return 1024 * int(line.split()[1])
    raise AssertionError(what)


def table(names: list[str]) -> str:
    """The Markdown table."""
    lines = ["## Memory: estimated before a run, and the peak of the run", ""]
    lines += ["| | rows | estimate | program alone | peak | peak of the estimate |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name in names:
        figures = measure(name)
        sizes = " | ".join(f"{figures[k] / 2**20:.2f} MiB" for k in ("estimate", "bound", "peak"))
        ratio = figures["peak"] / figures["estimate"]
        lines.append(f"| {name} | {figures['rows']:,} | {sizes} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
