"""The main job on real input: value a portfolio of term policies under five expense scenarios.

Run by `make demo`. The model is examples/basicterm_me.series; the 10,000 model points and the
published total are lifelib's (see examples/data/README.md). The first scenario is the published
one.
"""

import sys
import time
from pathlib import Path

import numpy as np

import lanework as lw

EXAMPLES = Path(__file__).resolve().parent
DATA = EXAMPLES / "data" / "basicterm_me"
OUT = EXAMPLES.parent / "build" / "basicterm_me.csv"
PUBLISHED = 215146132.0684811
SCENARIOS = ("published", "inflation 2 %", "maintenance +10 %", "both, acquisition +10 %", "none")


def main() -> int:
    """Compile, run, check, print and write; 1 when the total is not the published one."""
    start = time.perf_counter()
    program = lw.series.load_model(EXAMPLES / "basicterm_me.series").compile()
    compiled = time.perf_counter()

    ports = {port.name: port for port in program.inputs}
    points = lw.series.read_columns(
        DATA / "model_point_table.csv", [n for n, p in ports.items() if "point" in p.axes]
    )
    table = lw.series.read_columns(DATA / "scenarios.csv")
    scenarios = {name: lw.series.along("scenario", column) for name, column in table.items()}
    runner = program.bind()
    runner.coords["scenario"] = np.array(SCENARIOS)

    first = runner(**points, **scenarios)
    began = time.perf_counter()
    result = runner(**points, **scenarios)
    took = time.perf_counter() - began

    lanes, periods = result.stats["lanes"], result.stats["periods"]
    print(f"BasicTerm_ME: {lanes:,} lanes (10,000 policies x 5 scenarios), {periods} months\n")
    shown = {name: np.broadcast_to(result[name], len(SCENARIOS)) for name in result}
    print(f"{'':<26}" + "".join(f"{name.removeprefix('pv_'):>18}" for name in shown))
    for row, scenario in enumerate(SCENARIOS):
        print(f"{scenario:<26}" + "".join(f"{values[row]:>18,.2f}" for values in shown.values()))

    total = float(result["pv_net_cf"][0])
    error = abs(total / PUBLISHED - 1)
    verdict = "agrees" if error < 1e-10 else "DOES NOT AGREE"
    print(f"\npublished total {PUBLISHED:,.4f}: {verdict} (relative difference {error:.1e})")

    OUT.parent.mkdir(exist_ok=True)
    result.save(OUT)
    seconds = first.stats["compile_seconds"]
    source = "from the cache of compiled code" if first.stats["cached"] else "compiled afresh"
    print(f"model to program  {(compiled - start) * 1e3:8.1f} ms")
    print(f"program to code   {seconds * 1e3:8.1f} ms ({source})")
    each = took / lanes / periods * 1e9
    print(f"run               {took * 1e3:8.1f} ms ({each:.3f} ns a lane-month)")
    print(f"written to        {OUT.relative_to(EXAMPLES.parent)}")
    return 0 if error < 1e-10 else 1


if __name__ == "__main__":
    sys.exit(main())
