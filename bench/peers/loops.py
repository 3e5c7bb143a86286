"""Four integer loops for the register machine and its peers: assembly, C, WebAssembly, numba."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCES: dict[str, dict[str, str]] = {
    "sum": {
        "asm": """
.next:
    xori r2, r0, 5
    add r1, r1, r2
    subi r0, r0, 1
    bne r0, zero, .next
    mov r0, r1
    halt""",
        "c": "uint64_t s = 0; do { s += n ^ 5; n--; } while (n); return s;",
        "wat": """(local $s i64) (loop $l
  (local.set $s (i64.add (local.get $s) (i64.xor (local.get $n) (i64.const 5))))
  (br_if $l (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
  (local.get $s)""",
        "py": "s = u(0)\n    while n != u(0):\n        s += n ^ u(5)\n        n -= u(1)\n"
        "    return s",
    },
    "fib": {
        "asm": """
    mov r2, 1
.next:
    add r3, r1, r2
    mov r1, r2
    mov r2, r3
    subi r0, r0, 1
    bne r0, zero, .next
    mov r0, r1
    halt""",
        "c": "uint64_t a = 0, b = 1; do { uint64_t c = a + b; a = b; b = c; n--; } while (n);"
        " return a;",
        "wat": """(local $a i64) (local $b i64) (local $c i64)
  (local.set $b (i64.const 1)) (loop $l
  (local.set $c (i64.add (local.get $a) (local.get $b)))
  (local.set $a (local.get $b)) (local.set $b (local.get $c))
  (br_if $l (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
  (local.get $a)""",
        "py": "a, b = u(0), u(1)\n    while n != u(0):\n        a, b = b, a + b\n"
        "        n -= u(1)\n    return a",
    },
    "xorshift": {
        "asm": """
    mov r1, 88172645463325252
.next:
    shli r2, r1, 13
    xor r1, r1, r2
    shri r2, r1, 7
    xor r1, r1, r2
    shli r2, r1, 17
    xor r1, r1, r2
    subi r0, r0, 1
    bne r0, zero, .next
    mov r0, r1
    halt""",
        "c": "uint64_t x = 88172645463325252ull; do { x ^= x << 13; x ^= x >> 7; x ^= x << 17;"
        " n--; } while (n); return x;",
        "wat": """(local $x i64) (local.set $x (i64.const 88172645463325252)) (loop $l
  (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
  (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
  (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
  (br_if $l (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
  (local.get $x)""",
        "py": "x = u(88172645463325252)\n    while n != u(0):\n        x ^= x << u(13)\n"
        "        x ^= x >> u(7)\n        x ^= x << u(17)\n        n -= u(1)\n    return x",
    },
    "sieve": {
        "asm": """
.again:
    mov r1, 0
.clear:
    store.b zero, [r1]
    addi r1, r1, 1
    blt r1, r7, .clear
    mov r1, 2
    mov r3, 0
.each:
    load.b r2, [r1]
    bne r2, zero, .composite
    addi r3, r3, 1
    add r4, r1, r1
    bge r4, r7, .composite
.strike:
    store.b r5, [r4]
    add r4, r4, r1
    blt r4, r7, .strike
.composite:
    addi r1, r1, 1
    blt r1, r7, .each
    add r6, r6, r3
    subi r0, r0, 1
    bne r0, zero, .again
    mov r0, r6
    halt""",
        "c": """uint64_t total = 0; do { for (uint64_t i = 0; i < 65536; i++) memory[i] = 0;
  uint64_t count = 0; for (uint64_t i = 2; i < 65536; i++) if (!memory[i]) { count++;
  for (uint64_t j = i + i; j < 65536; j += i) memory[j] = 1; } total += count; n--; } while (n);
  return total;""",
        "wat": """(local $i i64) (local $j i64) (local $count i64) (local $total i64) (loop $again
  (local.set $i (i64.const 0)) (loop $clear
    (i32.store8 (i32.wrap_i64 (local.get $i)) (i32.const 0))
    (br_if $clear (i64.lt_u (local.tee $i (i64.add (local.get $i) (i64.const 1)))
      (i64.const 65536))))
  (local.set $i (i64.const 2)) (local.set $count (i64.const 0)) (loop $each
    (if (i32.eqz (i32.load8_u (i32.wrap_i64 (local.get $i)))) (then
      (local.set $count (i64.add (local.get $count) (i64.const 1)))
      (local.set $j (i64.add (local.get $i) (local.get $i)))
      (if (i64.lt_u (local.get $j) (i64.const 65536)) (then (loop $strike
        (i32.store8 (i32.wrap_i64 (local.get $j)) (i32.const 1))
        (br_if $strike (i64.lt_u (local.tee $j (i64.add (local.get $j) (local.get $i)))
          (i64.const 65536))))))))
    (br_if $each (i64.lt_u (local.tee $i (i64.add (local.get $i) (i64.const 1)))
      (i64.const 65536))))
  (local.set $total (i64.add (local.get $total) (local.get $count)))
  (br_if $again (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
  (local.get $total)""",
        "py": "m = np.zeros(65536, np.uint8)\n    total = u(0)\n    while n != u(0):\n"
        "        m[:] = 0\n        count = u(0)\n        for i in range(2, 65536):\n"
        "            if m[i] == 0:\n                count += u(1)\n"
        "                for j in range(i + i, 65536, i):\n                    m[j] = 1\n"
        "        total += count\n        n -= u(1)\n    return total",
    },
}
GIVEN = {"sieve": {"r7": 65536, "r5": 1}}
TURNS = {"sum": 50_000_000, "fib": 50_000_000, "xorshift": 20_000_000, "sieve": 100}


def c_function(name: str) -> Callable[[int], int] | None:
    """The loop compiled by gcc -O2, or None without a compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="loops-"))
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(
        "#include <stdint.h>\nstatic uint8_t memory[65536];\n"
        f"uint64_t {name}_run(uint64_t n) {{ (void)memory; {SOURCES[name]['c']} }}\n"
    )
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    function: Any = ctypes.CDLL(str(library))[f"{name}_run"]
    function.argtypes, function.restype = [ctypes.c_uint64], ctypes.c_uint64
    return function  # type: ignore[no-any-return]


def wat(name: str) -> str:
    """The loop as a WebAssembly module."""
    return (
        '(module (memory 1) (func (export "run") (param $n i64) (result i64)\n'
        f"{SOURCES[name]['wat']}))"
    )


def wasm_function(name: str) -> Callable[[int], int]:
    """The loop on wasmtime, which compiles with Cranelift."""
    import wasmtime

    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, wat(name)), [])
    run: Any = instance.exports(store)["run"]
    return lambda n: run(store, n) % (1 << 64)


def numba_function(name: str) -> Callable[[int], int]:
    """The loop compiled by numba."""
    import numba
    import numpy as np

    names: dict[str, Any] = {"np": np, "u": np.uint64, "numba": numba}
    exec(f"@numba.njit\ndef run(n):\n    {SOURCES[name]['py']}", names)
    return lambda n: int(names["run"](np.uint64(n)))
