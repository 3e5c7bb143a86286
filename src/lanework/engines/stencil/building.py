"""Object code for any target, and files of it: used when the package is built, not by users."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lanework.base.files import write_bytes_atomic


class Inputs:
    """A digest of all that a table is made from, which goes into its file.

    With it one can tell without LLVM whether a table is that of other sources.
    """

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, *texts: str) -> None:
        """Take in texts."""
        for text in texts:
            self._hash.update(f"{len(text)}:{text}".encode())

    def digest(self) -> str:
        """The digest so far, as hex."""
        return self._hash.hexdigest()


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
        self, text: str, inputs: Inputs, *, pic: bool = False, optimise: bool = False
    ) -> bytes:
        """An object file of a module, which is taken in by `inputs`."""
        import llvmlite.binding as llvm

        version = ".".join(map(str, llvm.llvm_version_info))
        inputs.add(text, self.triple, self.cpu, self.features, version, f"{pic} {optimise}")
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


def main(folder: Path, names: Iterable[str], build: Callable[[str], bytes]) -> int:
    """What a module does that is run to make tables: write them, or check them with ``--check``.

    Args:
        folder: where the files are, one ``NAME.bin`` a name.
        names: the tables.
        build: the bytes of a table.

    Returns:
        The exit status: 1 if a file is not what the sources give.
    """
    check = "--check" in sys.argv[1:]
    wrong = 0
    for name in names:
        path = folder / f"{name}.bin"
        data = build(name)
        if not check:
            path.parent.mkdir(exist_ok=True)
            write_bytes_atomic(path, data)
            print(f"{path.name}: {len(data):,} bytes")
        elif not path.is_file() or path.read_bytes() != data:
            print(f"{path.name} is not what the sources give")
            wrong = 1
    return wrong
