"""Machine code from LLVM IR text, through llvmlite, with compiled objects kept on disk.

Importing llvmlite takes a tenth of a second or more, so it is imported when the first program
is compiled or loaded.
"""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import time
from typing import Any

from lanework.base import host, sharing
from lanework.core.runner import log
from lanework.core.waiting import waited
from lanework.engines.kernel import CALL, Kernel
from lanework.engines.llvm import cache

PASSES = (
    *("always_inliner", "simplify_cfg", "instruction_combine"),
    *("loop_simplify", "loop_rotate", "instruction_combine", "dead_code_elimination"),
)
REGISTERS = ("sroa", "simplify_cfg", "instruction_combine", "simplify_cfg", "aggressive_dce")
"""For code that keeps its variables in memory, and is otherwise as it should be."""
SLOW = "raise the deadline, or run it once without one: compiled code is kept"
FORK = 0.1  # seconds that a fork waits for what LLVM does: linking takes less
SHARED = 32  # libraries that are linked into one session
BEYOND_AVX2 = ("avx512", "avx10", "evex512", "amx")  # features that x86-64-v3 leaves out
LARGE = 1500  # steps above which optimising costs more than most runs give back


_serial = itertools.count()


@functools.cache
def _llvm() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def _features(level: str) -> Any:
    """The processor's features that code may use, at a level of `host.cpu_level`."""
    features = _llvm().get_host_cpu_features()
    if level == "x86-64-v3":
        beyond = [name for name in features if name.startswith(BEYOND_AVX2)]
        features.update(dict.fromkeys(beyond, False))
    return features


def target_key() -> str:
    """What compiled code depends on besides its source: LLVM, the processor, its features."""
    return _target_key(host.cpu_level())


@functools.cache
def _target_key(level: str) -> str:
    llvm = _llvm()
    version = ".".join(map(str, llvm.llvm_version_info))
    features = _features(level).flatten()
    return f"{version}|{llvm.get_host_cpu_name()}|{features}|{host.machine()}"


def why_not() -> str | None:
    """Why nothing can be compiled here, or None."""
    try:
        target_key()
    except (ImportError, OSError, RuntimeError) as error:
        return f"llvmlite cannot be used: {error}"
    return None


@functools.cache
def _machine(opt: int, level: str) -> Any:
    llvm = _llvm()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=_features(level).flatten(),
        opt=opt,
        reloc="pic",
        codemodel="default",
        jit=True,
    )


def vector_bits() -> int:
    """The width of the processor's SIMD registers in bits, as far as they can be used."""
    features = _features(host.cpu_level())
    if features.get("avx512f") and features.get("avx512vl") and features.get("avx512dq"):
        return 512
    return 256 if features.get("avx2") else 128


def halves() -> bool:
    """Whether the processor has instructions between single and half precision."""
    return bool(_features(host.cpu_level()).get("f16c")) or host.machine().startswith(
        ("arm64", "aarch64")
    )


def vector_registers() -> int:
    """How many of them there are."""
    return 16 if vector_bits() < 512 and host.machine().startswith(("x86", "AMD")) else 32


def compile_text(
    text: str,
    name: str,
    size: int,
    *,
    disk: bool = True,
    full: bool = False,
    passes: tuple[str, ...] = PASSES,
    until: float | None = None,
) -> Kernel:
    """Compile a module and find `name` in it; or load it from the cache.

    `full` asks for all of LLVM's passes, for code that is not written close to its final form;
    else it is `passes` that are done where the code is not too large for them.

    The cache key covers the IR itself, so nothing stale can be loaded. Ctrl-C is seen while LLVM is
    at work, and `until`, a deadline on the clock of `time.monotonic`.

    Raises:
        Trap: LW2001.
    """
    start = time.perf_counter()
    level = 2 if size <= LARGE else (1 if size <= LARGE * 2 else 0)
    key = cache.key(text, target_key(), "full" if full else f"{level} {' '.join(passes)}")
    library = _stored(key, name) if disk else None
    cached = library is not None
    if library is None:
        code = waited(lambda: _object_code(text, level, full, passes), until, SLOW)
        library = _link(code, name)
        if disk:
            cache.write(key, code)
    address, took = library[name], time.perf_counter() - start
    log.debug("LLVM code of %s: %s in %.1f ms", name, "cached" if cached else "made", took * 1e3)
    return Kernel(CALL(address), address, cached, took, library)


def _stored(key: str, name: str) -> Any | None:
    """The library of the code in the cache; None where there is none that can be used."""
    code = cache.read(key)
    if code is None:
        return None
    try:
        return _link(code, name)
    except RuntimeError as error:
        cache.refuse(f"{key}.o is no code ({error})")
        return None


def _link(code: bytes, name: str) -> Any:
    """A library with the function `name`; the code lives as long as that."""
    builder = _llvm().JITLibraryBuilder()
    builder.add_object_img(code).add_current_process().export_symbol(name)
    number = next(_serial)
    session = _session(number // SHARED)
    library = builder.link(session, f"lanework.{number}")
    library.session = session  # which is given back with the last library of it
    return library


def _object_code(text: str, level: int, full: bool, passes: tuple[str, ...] = PASSES) -> bytes:
    llvm = _llvm()
    module = llvm.parse_assembly(text, llvm.create_context())  # types and constants go with it
    machine = _machine(level, host.cpu_level())
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    if full:
        options = llvm.create_pipeline_tuning_options(speed_level=2)
        builder = llvm.create_pass_builder(machine, options)
        _run(builder.getModulePassManager(), module, builder)
    elif level > 0 or passes is not PASSES:
        # The nest is written close to its final form: full pipelines cost twice as much and
        # make no faster code, and would only try to vectorise what is SIMD already.
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
        manager = llvm.create_new_module_pass_manager()
        for name in passes:
            getattr(manager, f"add_{name}_pass")()
        _run(manager, module, builder)
    return bytes(machine.emit_object(module))


def _run(passes: Any, module: Any, builder: Any) -> None:
    """Run passes, and give them back: closing them does nothing, for a base class hides how."""
    passes.run(module, builder)
    _llvm().newpassmanagers.NewPassManager._dispose(passes)
    passes.detach()


@functools.lru_cache(maxsize=1)
def _session(turn: int) -> Any:
    """What libraries are linked into; it keeps something of each, so others follow it.

    LLVM's newer linker puts code and its constants side by side. The older one takes a mapping for
    each, and ends the process where a full address space leaves 2 GiB or more between the two.
    """
    return _llvm().create_lljit_compiler(use_jit_link=True)


# A fork waits until nobody is in LLVM, but not for a whole compiler: one that is at work then works
# on a context of its own, which the child leaves as it is, and makes all else anew.


def _lock() -> Any | None:
    """What llvmlite holds during each call, if it was imported."""
    binding: Any = sys.modules.get("llvmlite.binding.ffi")
    return binding.lib._lock._lock if hasattr(binding, "lib") else None


def _hold() -> None:
    lock = _lock()
    if lock is not None and lock.acquire(timeout=FORK):
        _held[threading.get_ident()] = lock


def _let_go() -> None:
    lock = _held.pop(threading.get_ident(), None)
    if lock is not None:
        lock.release()


def _begin_anew() -> None:
    lock = _lock()
    if lock is not None and threading.get_ident() not in _held:
        sharing.free(lock)
        _machine.cache_clear()
        _session.cache_clear()
    _let_go()
    _held.clear()


_held: dict[int, Any] = {}  # by thread: several may fork at once
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_begin_anew)
