"""The belief machine: exact inference in factor graphs, as tensor programs over a semiring.

Variables with named states, tables over some of them; evidence is a table whose rows are lanes.

    import lanework as lw

    graph = lw.belief.read_network("alarm.bif")
    program = lw.belief.compile_graph(graph)
    program.run(HRBP=["LOW", None, "HIGH"])["LVFAILURE"]

Room by room, from a network to posteriors:

1. `graph/` reads files of networks into a `FactorGraph`, and draws it.
2. `passes/` makes a program of a graph and a query: a contraction tree, the messages along it, and
   what is asked of these. The tape (`isa`, `layout`, `asm`) says nothing of a semiring; `drawing`
   shows its tree.
3. `verify` is the gate, and `walk` follows axes and lanes, and knows the memory before a run. What
   registers and slots hold is a `tensor` (`state`).
4. `data/` makes weights of tables of evidence, and named answers of what a run leaves in slots.
5. `reference/` is the definition: one instruction after another over any `semiring`.
6. `native/` lowers a tape to records for kernels that came with the package, and runs them.
7. `runner` binds a program to one of these engines, within limits.
8. `queries/` asks what takes more than one program or run: `infer` by patterns of evidence,
   conditioning where memory does not suffice, loopy propagation, learning, sensitivities.
9. `asking` is all that for the command line, whose evidence is read by `telling`.
10. `check/` holds all ways to run random graphs to an enumeration of every assignment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanework.base.lazy import face

if TYPE_CHECKING:
    from lanework.machines.belief.drawing import tree_dot, tree_svg
    from lanework.machines.belief.graph.bif import read_bif, write_bif
    from lanework.machines.belief.graph.factor import Factor, TableNotice, Variable
    from lanework.machines.belief.graph.files import read_network
    from lanework.machines.belief.graph.jsonform import read_json, write_json
    from lanework.machines.belief.graph.model import FactorGraph
    from lanework.machines.belief.graph.uai import (
        read_evid,
        read_results,
        read_uai,
        write_results,
        write_uai,
    )
    from lanework.machines.belief.graph.xmlbif import read_xmlbif, write_xmlbif
    from lanework.machines.belief.passes.compile import compile_graph
    from lanework.machines.belief.queries.infer import infer
    from lanework.machines.belief.queries.jeffrey import jeffrey
    from lanework.machines.belief.queries.learning import expected_counts, expected_log_likelihood
    from lanework.machines.belief.queries.loopy import loopy
    from lanework.machines.belief.queries.sensitivity import Sensitivity, sensitivity
    from lanework.machines.belief.reference.kernels import (
        vm_contract,
        vm_eliminate,
        vm_eliminate_keep,
        vm_unit,
    )
    from lanework.machines.belief.reference.vm import VirtualMachine
    from lanework.machines.belief.runner import Runner
    from lanework.machines.belief.semiring import (
        VMSemiringRuntime,
        vm_counting_semiring,
        vm_logprob_semiring,
        vm_max_semiring,
        vm_minsum_semiring,
        vm_prob_semiring,
        vm_sat_semiring,
    )
    from lanework.machines.belief.state import RegisterBank, RegisterInfo, SlotStore
    from lanework.machines.belief.tensor import (
        Axis,
        AxisKey,
        AxisType,
        SelectorPayload,
        TensorSpec,
        align_array_to,
        vm_load_selector,
        vm_load_selector_dense,
    )

__all__ = [
    "Axis", "AxisKey", "AxisType", "Factor", "FactorGraph", "RegisterBank", "RegisterInfo",
    "Runner", "SelectorPayload", "Sensitivity", "SlotStore", "TableNotice", "TensorSpec",
    "VMSemiringRuntime", "Variable", "VirtualMachine", "align_array_to", "compile_graph",
    "expected_counts", "expected_log_likelihood", "infer", "jeffrey", "loopy", "read_bif",
    "read_evid", "read_json", "read_network", "read_results", "read_uai", "read_xmlbif",
    "sensitivity", "tree_dot", "tree_svg", "vm_contract", "vm_counting_semiring",
    "vm_eliminate", "vm_eliminate_keep", "vm_load_selector", "vm_load_selector_dense",
    "vm_logprob_semiring", "vm_max_semiring", "vm_minsum_semiring", "vm_prob_semiring",
    "vm_sat_semiring", "vm_unit", "write_bif", "write_json", "write_results", "write_uai",
    "write_xmlbif",
]  # fmt: skip

if not TYPE_CHECKING:  # else any name would do
    __getattr__, __dir__ = face(__name__)
