"""Build a wheel from the sdist for each Python of this machine, and test each as it is installed.

`python tools/test_wheel.py dist [pytest arguments]`. A Python counts when it runs, is new enough, has the C
headers and can make a virtual environment. Each gets two: one that builds, and an empty one in which the
wheel is installed with its extras and the tests run, from a folder without the source tree.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from check_wheel import check

TOP = Path(__file__).resolve().parents[1]
OLDEST = (3, 11)
EXECUTABLE = re.compile(r"python3(\.\d+t?)?")

# Printed by a candidate: who it is. Needs a C API to build against, so the header must be there.
PROBE = """
import ensurepip, json, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
tag = sys.implementation.name + "-" + sysconfig.get_config_var("VERSION")
tag += "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
print(json.dumps([tag, sys.version_info[:3], os.path.exists(header), os.path.realpath(sys.executable)]))
"""


class Python(NamedTuple):
    """An interpreter that can build and run the package."""

    tag: str
    version: tuple[int, ...]
    executable: str

    def __str__(self) -> str:
        return f"{self.tag} ({'.'.join(map(str, self.version))}, {self.executable})"


def candidates() -> Iterator[Path]:
    """Yield what may be a Python: on PATH, and every version that pyenv has."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob("versions/*/bin"), reverse=True)
    for folder in folders:
        if folder.is_dir():
            yield from sorted(file for file in folder.iterdir() if EXECUTABLE.fullmatch(file.name))


def probe(file: Path) -> Python | None:
    """Run a candidate; return None unless it is a CPython that will do."""
    try:
        result = subprocess.run([file, "-c", PROBE], capture_output=True, text=True, timeout=60, check=True)
        tag, version, has_header, executable = json.loads(result.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a shim without its Python, or one without venv
    if not has_header or not tag.startswith("cpython") or tuple(version[:2]) < OLDEST:
        return None
    return Python(tag, tuple(version), executable)


def pythons() -> list[Python]:
    """Return one Python for each version, the first that was found, in order."""
    found: dict[str, Python] = {}
    for file in candidates():
        python = probe(file)
        if python is not None:
            found.setdefault(python.tag, python)
    return sorted(found.values(), key=lambda python: (python.version, python.tag))


def environment(python: Python, folder: Path) -> Path:
    """Make an empty virtual environment and return its interpreter."""
    subprocess.run([python.executable, "-m", "venv", folder], check=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def build(python: Python, sdist: Path, folder: Path) -> Path:
    """Build the wheel from the sdist and return its path."""
    interpreter = environment(python, folder / "builder")
    pip = [str(interpreter), "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(sdist)], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run_tests(python: Python, wheel: Path, folder: Path, arguments: list[str]) -> int:
    """Install the wheel into an empty environment and run the tests there; return pytest's exit code."""
    interpreter = environment(python, folder / "empty")
    subprocess.run([interpreter, "-m", "pip", "install", "--quiet", f"{wheel}[bench,test]"], check=True)
    tests = folder / "tests-only"
    tests.mkdir()
    shutil.copy(TOP / "pyproject.toml", tests)
    for name in ("tests", "benchmarks"):
        shutil.copytree(TOP / name, tests / name, ignore=shutil.ignore_patterns("__pycache__"))
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["FASTDICOM_TEST_INSTALLED"] = "1"
    command = [str(interpreter), "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=tests, env=variables, check=False).returncode


def main() -> int:
    """Build and test for every Python; say at the end how each fared."""
    dist, arguments = Path(sys.argv[1]), sys.argv[2:]
    (sdist,) = dist.resolve().glob("*.tar.gz")
    found = pythons()
    print("found:", *found, sep="\n    ", flush=True)
    outcome: dict[Python, str] = {}
    for python in found:
        print(f"\n=== {python}", flush=True)
        with tempfile.TemporaryDirectory(prefix="fastdicom-wheel-") as name:
            folder = Path(name)
            wheel = build(python, sdist, folder)
            shutil.copy(wheel, dist)
            if check([wheel]):
                outcome[python] = "its contents are wrong"
            elif code := run_tests(python, wheel, folder, arguments):
                outcome[python] = f"pytest ended with {code}"
            else:
                outcome[python] = "passed"
    print("\n=== the wheels")
    for python, words in outcome.items():
        print(f"    {python}: {words}")
    return 0 if outcome and set(outcome.values()) == {"passed"} else 1


if __name__ == "__main__":
    sys.exit(main())
