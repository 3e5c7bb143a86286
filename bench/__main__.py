"""`python -m bench list`, `python -m bench run [NAME ...] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.cases import CASES
from bench.harness import machine, record, run_case, table


def main() -> int:
    """List or run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("command", choices=("list", "run"))
    parser.add_argument("names", nargs="*", help="cases; all by default")
    parser.add_argument("--quick", action="store_true", help="three repeats")
    parser.add_argument("--json", type=Path, help="also write everything measured")
    options = parser.parse_args()
    unknown = set(options.names) - set(CASES)
    if unknown:
        parser.error(f"no case named {', '.join(sorted(unknown))}; see `python -m bench list`")
    if options.command == "list":
        print("\n".join(CASES))
        return 0
    print(machine() + "\n")
    found = {}
    for name in options.names or CASES:
        case = CASES[name]()
        found[name] = run_case(case, options.quick)
        print(table(case, found[name]), flush=True)
    if options.json is not None:
        options.json.write_text(record(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
