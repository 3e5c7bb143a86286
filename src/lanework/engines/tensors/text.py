"""The text of all kernels, and the loop that calls them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lanework.engines.tensors.contract import contractions, grouped
from lanework.engines.tensors.entries import choose, copy, pick, sample
from lanework.engines.tensors.layout import OTHERS, Word, block_sizes, grouped_sizes
from lanework.engines.tensors.scale import divide, normalize

_RUN = f"""
define void @tensors(ptr %records, i64 %count, i64 %first, i64 %after) nounwind {{
entry:
  br label %blocks
blocks:
  %block = phi i64 [ %first, %entry ], [ %block.next, %over ]
  %more = icmp slt i64 %block, %after
  br i1 %more, label %ops, label %exit
ops:
  %i = phi i64 [ 0, %blocks ], [ %i.next, %ops ]
  %at = mul i64 %i, {int(Word.COUNT)}
  %record = getelementptr i64, ptr %records, i64 %at
  %kernel = load ptr, ptr %record
  call void %kernel(ptr %record, i64 %block)
  %i.next = add i64 %i, 1
  %go = icmp ult i64 %i.next, %count
  br i1 %go, label %ops, label %over
over:
  %block.next = add i64 %block, 1
  br label %blocks
exit:
  ret void
}}
"""


_WRITERS: dict[str, Callable[..., str]] = {
    **{
        f"{name}{tail}": partial(normalize, keep=keep, largest=largest)
        for largest, tail in ((False, ""), (True, "_largest"))
        for keep, name in ((False, "normalize"), (True, "rescale"))
    },
    "load": partial(copy, into=True),
    "store": partial(copy, into=False),
    "pick": pick,
    "divide": divide,
    "choose": choose,
    "sample": sample,
}


def tensor_text(width: int) -> str:
    """All kernels for SIMD registers of `width` f64, and the loop over blocks and records."""
    parts = [_RUN]
    for w in (1, width):
        kind, mask = f"<{w} x double>", f"<{w} x i1>"
        gather = f"@llvm.masked.gather.v{w}f64.v{w}p0(<{w} x ptr>, {mask}, {kind})"
        parts.append(f"declare {kind} {gather}")
        parts.append(f"declare {kind} @llvm.fmuladd.v{w}f64({kind}, {kind}, {kind})")
    for lanes in block_sizes(width):
        parts += contractions(width, lanes)
        parts += grouped(width, lanes) if lanes in grouped_sizes(width) else []
        parts += [_WRITERS[name](f"{name}_{lanes}", width, lanes) for name in OTHERS]
    wide = 64 * width
    attributes = f'"prefer-vector-width"="{wide}" "min-legal-vector-width"="{wide}"'
    return "\n".join([*parts, f"attributes #0 = {{ {attributes} }}", "!0 = !{}"])
