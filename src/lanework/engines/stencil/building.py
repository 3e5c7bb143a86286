"""Object code for any target, and files of it: used when the package is built, not by users."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanework.base.files import write_bytes_atomic
from lanework.engines.stencil.shipped import unpack

Stamps = Mapping[str, str]


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

    def object_code(
        self, text: str, *, pic: bool = False, optimise: bool = False, vectors: bool = False
    ) -> bytes:
        """An object file of a module; vectors are the optimiser's own, made of loops."""
        import llvmlite.binding as llvm

        machine = self.machine(pic=pic)
        module = llvm.parse_assembly(text)
        module.verify()
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        if optimise:
            options = llvm.create_pipeline_tuning_options(speed_level=2)
            if not vectors:
                options.loop_vectorization = options.slp_vectorization = False
            passes = llvm.create_pass_builder(machine, options)
            passes.getModulePassManager().run(module, passes)
        return bytes(machine.emit_object(module))


def declared_once(text: str) -> tuple[list[str], list[str]]:
    """The declarations of a module of several texts, each once, and all its other lines."""
    lines = text.splitlines()
    declares = sorted({line for line in lines if line.startswith("declare ")})
    return declares, [line for line in lines if not line.startswith("declare ")]


def main(
    folder: Path,
    names: Iterable[str],
    build: Callable[[str], bytes],
    stamps: Callable[[str], Stamps],
) -> int:
    """What a module does that is run to make tables: write them, or check them with ``--check``.

    Args:
        folder: where the files are, one ``NAME.bin`` a name.
        names: the tables.
        build: the bytes of a table.
        stamps: the digests that its head has to have; made without LLVM, so that a check is quick.

    Returns:
        The exit status: 1 if a file is not what the sources give.
    """
    if "--check" in sys.argv[1:]:
        return max(_check(folder / f"{name}.bin", stamps(name)) for name in names)
    folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor() as pool:
        for name, data in zip(names, pool.map(build, names), strict=True):
            write_bytes_atomic(folder / f"{name}.bin", data)
            print(f"{name}.bin: {len(data):,} bytes")
    return 0


def _check(path: Path, expected: Stamps) -> int:
    head = unpack(path.read_bytes())[0] if path.is_file() else {}
    other = [name for name, value in expected.items() if head.get(name) != value]
    if other:
        print(f"{path.name} is stale: made with other {' and '.join(other)}")
    return len(other[:1])
