"""The belief machine: exact inference in factor graphs, as tensor programs over a semiring.

Variables with named states, tables over some of them; evidence is a table whose rows are lanes.

    import lanework as lw

    graph = lw.belief.read_network("alarm.bif")
    program = lw.belief.compile_graph(graph)
    program.run(HRBP=["LOW", None, "HIGH"])["LVFAILURE"]
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HERE = "lanework.machines.belief"
_HOME = {
    name: f"{_HERE}.{module}"
    for module, names in {
        "model": ("Factor", "FactorGraph", "Variable"),
        "compile": ("compile_graph",),
        "runner": ("Runner",),
        "readers.bif": ("read_bif", "write_bif"),
        "readers.files": ("read_network",),
        "readers.jsonform": ("read_json", "write_json"),
        "readers.uai": ("read_evid", "read_uai", "write_uai"),
        "readers.uairesults": ("read_results", "write_results"),
        "readers.xmlbif": ("read_xmlbif", "write_xmlbif"),
        "vm": ("VirtualMachine",),
        "state": ("RegisterBank", "RegisterInfo", "SlotStore"),
        "tables": ("TableNotice",),
        "tensor": ("Axis", "AxisKey", "AxisType", "TensorSpec"),
        "align": ("align_array_to",),
        "kernels": ("vm_contract", "vm_eliminate", "vm_eliminate_keep", "vm_unit"),
        "semiring": (
            "VMSemiringRuntime",
            "vm_counting_semiring",
            "vm_logprob_semiring",
            "vm_max_semiring",
            "vm_minsum_semiring",
            "vm_prob_semiring",
            "vm_sat_semiring",
        ),
    }.items()
    for name in names
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Load a part of the machine when it is first touched."""
    if name not in _HOME:
        raise AttributeError(f"the belief machine has no {name!r}")
    value: Any = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
