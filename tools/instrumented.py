"""Build the package with other compiler flags, into a folder of its own; what is built in place stays.

Used by `tools/fuzz.py` and `tools/sanitize.py`. What such a build needs at run time, a sanitizer's library
that must be loaded before Python, is found here too. Linux only, with GCC or Clang.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]

# Reports must name the line; a wrong one must end the program.
# Cython makes objects of no arguments with NULL + 0: undefined in C11 6.5.6, and as meant in every compiler.
# Without that way of calling UBSan has nothing to say of its code.
WITHOUT_NULL_ARGUMENTS = "-DCYTHON_VECTORCALL_TPNEW=0"

COMMON_FLAGS = ("-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", "-w")


def build(folder: Path, compiler: str, flags: tuple[str, ...]) -> Path:
    """Build the package below a folder; return what goes on PYTHONPATH.

    Parameters
    ----------
    folder
        Where everything that the build makes stays, for the next time.
    compiler
        The command: `gcc`, `clang-19`.
    flags
        What is handed to it beside `COMMON_FLAGS`, for compiling and for linking.

    Raises
    ------
    SystemExit
        When it does not build: with the end of what was said.
    """
    library = folder / "lib"
    for file in library.rglob("*"):  # a module that is gone must not be found any more
        if file.is_file() and file.suffix != ".so":
            file.unlink()
    steps = ["build_py", "--build-lib", str(library), "--force"]
    steps += ["build_ext", "--build-lib", str(library), "--build-temp", str(folder / "temp")]
    steps += ["--parallel", str(os.cpu_count() or 1)]
    environment = {
        **os.environ,
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared",
        "CFLAGS": " ".join((*COMMON_FLAGS, WITHOUT_NULL_ARGUMENTS, *flags)),
    }
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", *steps],
        check=False,
        cwd=TOP,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise SystemExit("\n".join((*done.stdout.splitlines()[-30:], f"{compiler} did not build {folder}")))
    return library


def runtime(compiler: str, sanitizer: str) -> Path | None:
    """Return the shared library of a sanitizer (`asan`, `tsan`), None where the compiler has none."""
    for name in (f"libclang_rt.{sanitizer}-{platform.machine()}.so", f"lib{sanitizer}.so"):
        found = library_of(compiler, name)
        if found is not None:
            return found
    return None


def library_of(compiler: str, name: str) -> Path | None:
    """Return where the compiler has a library, None where it has none."""
    if sys.platform != "linux" or shutil.which(compiler) is None:
        return None
    command = [compiler, f"-print-file-name={name}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    file = Path(said)
    return file.resolve() if file.is_absolute() and file.exists() else None


def environment(
    library: Path, preloaded: tuple[Path | None, ...], options: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment in which a build is used: PYTHONPATH, LD_PRELOAD and the sanitizer's options."""
    tests = TOP / "tests"
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(library), str(tests))),
        "LD_PRELOAD": " ".join(str(each) for each in preloaded if each is not None),
        **options,
    }
