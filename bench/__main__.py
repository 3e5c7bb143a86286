"""Benchmarks.

`python -m bench list`, `python -m bench run [NAME ...] [--quick] [--busy] [--json FILE]`, and
`python -m bench memory [NETWORK ...]`, `python -m bench fleet [ADAPTER]`, and
`python -m bench deadlines`, and `python -m bench classes [ENGINE ...]`, instructions of fleets.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path

from bench import classes, deadlines, fleetcases, fleets, harness, memory, networks
from bench.cases import CASES
from bench.harness import goals, machine, record, run_case, summary, table


def main() -> int:
    """List or run."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=raw
    )
    parser.add_argument(
        "command", choices=("list", "run", "memory", "fleet", "classes", "deadlines")
    )
    parser.add_argument("names", nargs="*", help="cases, or patterns as network_*; all by default")
    parser.add_argument("--quick", action="store_true", help="three repeats")
    parser.add_argument(
        "--busy", action="store_true", help="the least, of the processor: for a busy machine"
    )
    parser.add_argument("--json", type=Path, help="also write everything measured")
    options = parser.parse_args()
    if options.command == "memory":
        if other := set(options.names) - set(networks.NETWORKS):
            parser.error(f"no network {', '.join(other)}; there is {', '.join(networks.NETWORKS)}")
        print(memory.table(options.names or list(networks.NETWORKS)))
        return 0
    if options.command == "fleet":
        print(machine() + "\n")
        print(fleets.table(adapter=" ".join(options.names)))
        return 0
    if options.command == "classes":
        print(f"{machine()}\n{fleetcases.machine()}\n")
        print(classes.table(engines=options.names or fleetcases.engines()))
        return 0
    if options.command == "deadlines":
        print(machine() + "\n")
        print(deadlines.table())
        return 0
    names = [name for name in CASES if _asked(name, options.names)]
    unknown = [one for one in options.names if not fnmatch.filter(CASES, one)]
    if unknown:
        parser.error(f"no case named {', '.join(unknown)}; see `python -m bench list`")
    if options.command == "list":
        print("\n".join(names))
        return 0
    print(machine() + "\n")
    if any(name in fleetcases.CASES for name in names):
        print(fleetcases.machine() + "\n")
    outcomes, cases = {}, []
    harness.BUSY = options.busy
    for name in names:
        case = CASES[name]()
        outcomes[name] = run_case(case, options.quick)
        cases.append(case)
        print(table(case, outcomes[name]), flush=True)
    print(summary(cases, outcomes), end="")
    print(goals(cases, outcomes), end="")
    if options.json is not None:
        options.json.write_text(record(outcomes))
    return 0


def _asked(name: str, patterns: list[str]) -> bool:
    return not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


if __name__ == "__main__":
    sys.exit(main())
