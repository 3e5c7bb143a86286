"""Object code for any target, from LLVM IR text: used when the package is built, not by users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """What code is made for.

    Attributes:
        triple: architecture and system, as LLVM names them.
        cpu: the processor, or the level of processors.
        features: what it has besides, or lacks.
    """

    triple: str
    cpu: str
    features: str = ""

    def machine(self, *, pic: bool) -> Any:
        """LLVM's machine for it: code that may lie anywhere, or with absolute addresses."""
        import llvmlite.binding as llvm

        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        llvm.initialize_native_asmparser()
        return llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.cpu,
            features=self.features,
            opt=2,
            reloc="pic" if pic else "static",
            codemodel="small",
        )

    def object_code(self, text: str, *, pic: bool = False, optimise: bool = False) -> bytes:
        """An object file of a module."""
        import llvmlite.binding as llvm

        machine = self.machine(pic=pic)
        module = llvm.parse_assembly(text)
        module.verify()
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        if optimise:
            options = llvm.create_pipeline_tuning_options(speed_level=2)
            options.loop_vectorization = options.slp_vectorization = False
            llvm.create_pass_builder(machine, options).getModulePassManager().run(
                module, llvm.create_pass_builder(machine, options)
            )
        return bytes(machine.emit_object(module))
