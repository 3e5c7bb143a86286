"""The belief machine: exact inference in factor graphs, as tensor programs over a semiring.

Variables with named states, tables over some of them; evidence is a table whose rows are lanes.

    import lanework as lw

    graph = lw.belief.read_network("alarm.bif")
    program = lw.belief.compile_graph(graph)
    program.run(HRBP=["LOW", None, "HIGH"])["LVFAILURE"]
"""

from __future__ import annotations

from lanework.base.lazy import face

_HOMES = {
    ".model": ["Factor", "FactorGraph", "Variable"],
    ".approximate": ["loopy"],
    ".compile": ["compile_graph"],
    ".draw": ["tree_dot", "tree_svg"],
    ".patterns": ["infer"],
    ".jeffreys": ["jeffrey"],
    ".learning": ["expected_counts", "expected_log_likelihood"],
    ".runner": ["Runner"],
    ".readers.bif": ["read_bif", "write_bif"],
    ".readers.files": ["read_network"],
    ".readers.jsonform": ["read_json", "write_json"],
    ".readers.uai": ["read_evid", "read_uai", "write_uai"],
    ".readers.uairesults": ["read_results", "write_results"],
    ".readers.xmlbif": ["read_xmlbif", "write_xmlbif"],
    ".vm": ["VirtualMachine"],
    ".state": ["RegisterBank", "RegisterInfo", "SlotStore"],
    ".tables": ["TableNotice"],
    ".tensor": ["Axis", "AxisKey", "AxisType", "TensorSpec"],
    ".align": ["align_array_to"],
    ".kernels": ["vm_contract", "vm_eliminate", "vm_eliminate_keep", "vm_unit"],
    ".selector": ["SelectorPayload", "vm_load_selector", "vm_load_selector_dense"],
    ".sensitivities": ["Sensitivity", "sensitivity"],
    ".semiring": [
        "VMSemiringRuntime",
        "vm_counting_semiring",
        "vm_logprob_semiring",
        "vm_max_semiring",
        "vm_minsum_semiring",
        "vm_prob_semiring",
        "vm_sat_semiring",
    ],
}

__all__ = sorted(name for names in _HOMES.values() for name in names)

__getattr__, __dir__ = face(__name__, _HOMES)
