"""The belief machine: exact inference in factor graphs, as tensor programs over a semiring.

Variables with named states, tables over some of them; evidence is a table whose rows are lanes.

    import lanework as lw

    graph = lw.belief.read_network("alarm.bif")
    program = lw.belief.compile_graph(graph)
    program.run(HRBP=["LOW", None, "HIGH"])["LVFAILURE"]

Room by room, from a network to posteriors:

1. `graph/` reads files of networks into a `FactorGraph`, and draws it.
2. `passes/` makes a program of a graph and a query: a contraction tree, the messages along it, and
   what is asked of these. The tape (`isa`, `layout`) says nothing of a semiring.
3. `verify` is the gate: it follows axes, registers and slots, and knows the memory before a run.
4. `data/` makes weights of tables of evidence, and named answers of what a run leaves in slots.
5. `reference/` is the definition: one instruction after another over any `semiring`.
6. `native/` lowers a tape to records for kernels that came with the package, and runs them.
7. `runner` binds a program to one of these engines, within limits.
8. `queries/` asks what takes more than one program or run: `infer` by patterns of evidence,
   conditioning where memory does not suffice, loopy propagation, learning, sensitivities.
9. `check/` holds all ways to run random graphs to an enumeration of every assignment.
"""

from __future__ import annotations

from lanework.base.lazy import face

_HOMES = {
    ".graph.factor": ["Factor", "Variable"],
    ".graph.model": ["FactorGraph"],
    ".queries.loopy": ["loopy"],
    ".passes.compile": ["compile_graph"],
    ".drawing": ["tree_dot", "tree_svg"],
    ".queries.infer": ["infer"],
    ".queries.jeffrey": ["jeffrey"],
    ".queries.learning": ["expected_counts", "expected_log_likelihood"],
    ".runner": ["Runner"],
    ".graph.bif": ["read_bif", "write_bif"],
    ".graph.files": ["read_network"],
    ".graph.jsonform": ["read_json", "write_json"],
    ".graph.uai": ["read_evid", "read_uai", "write_uai"],
    ".graph.uairesults": ["read_results", "write_results"],
    ".graph.xmlbif": ["read_xmlbif", "write_xmlbif"],
    ".reference.vm": ["VirtualMachine"],
    ".state": ["RegisterBank", "RegisterInfo", "SlotStore"],
    ".graph.tables": ["TableNotice"],
    ".reference.kernels": ["vm_contract", "vm_eliminate", "vm_eliminate_keep", "vm_unit"],
    ".tensor": [
        "Axis",
        "AxisKey",
        "AxisType",
        "SelectorPayload",
        "TensorSpec",
        "align_array_to",
        "vm_load_selector",
        "vm_load_selector_dense",
    ],
    ".queries.sensitivity": ["Sensitivity", "sensitivity"],
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
