"""An op over whole arrays as machine code, by LLVM, straight from its traced body."""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from lanework.core.ops.op import Op
from lanework.engines.llvm.ir import op_function, type_of

Array = np.ndarray[Any, Any]
llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
_KEEP: list[Any] = []


def loop(op: Op, dtype: str, width: int) -> str:
    """A function ``run(count, out, *args)`` over whole blocks of `width` lanes."""
    text, declares = op_function("body", op.graph(dtype), width, "alwaysinline")
    kind, scalar = type_of(dtype, width), type_of(dtype, 1)
    n = len(op.operands)
    params = ", ".join(f"ptr noalias %p{i}" for i in range(n))
    loads = "\n".join(
        f"  %q{i} = getelementptr {scalar}, ptr %p{i}, i64 %i\n"
        f"  %x{i} = load {kind}, ptr %q{i}, align {int(dtype[1:]) // 8}"
        for i in range(n)
    )
    args = ", ".join(f"{kind} %x{i}" for i in range(n))
    return f"""{chr(10).join(sorted(declares))}
{text}
define void @run(i64 %count, ptr noalias %out, {params}) {{
entry:
  br label %block
block:
  %i = phi i64 [ 0, %entry ], [ %next, %block ]
{loads}
  %y = call {kind} @body({args})
  %o = getelementptr {scalar}, ptr %out, i64 %i
  store {kind} %y, ptr %o, align {int(dtype[1:]) // 8}
  %next = add i64 %i, {width}
  %more = icmp slt i64 %next, %count
  br i1 %more, label %block, label %done
done:
  ret void
}}
"""


class Compiled:
    """Call it with contiguous arrays of one dtype whose length is a multiple of `width`."""

    def __init__(self, op: Op, dtype: str, width: int) -> None:
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2
        )
        module = llvm.parse_assembly(loop(op, dtype, width))
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
        _KEEP.append(engine)
        self.width = width
        pointers = [ctypes.c_void_p] * (len(op.operands) + 1)
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(
            engine.get_function_address("run")
        )

    def __call__(self, *args: Array) -> Array:
        out = np.empty_like(args[0])
        assert out.size % self.width == 0
        self.function(out.size, out.ctypes.data, *(a.ctypes.data for a in args))
        return out
