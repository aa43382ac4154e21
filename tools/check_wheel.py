"""Check what is in the wheels and sdists of a folder: `python tools/check_wheel.py dist`.

A wheel holds every module of `src/`, compiled or not, with its stub, `py.typed`, the licence and true
metadata, and nothing that only the build needs. An sdist holds what it takes to build and test.
"""

from __future__ import annotations

import os
import runpy
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import Parser
from pathlib import Path, PurePosixPath

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "src"
EXTENSION_SUFFIXES = (".so", ".pyd")

# Extensions that are compiled on POSIX systems only (setup.py has the same table).
POSIX_ONLY = {"fastdicom/_core/wire", "fastdicom/bench/_limit"}

NEEDED_IN_SDIST = (
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "Makefile",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "tests/conftest.py",
    "tools/check_wheel.py",
)


def sources(*suffixes: str) -> set[str]:
    """Return the files below src/ with one of the suffixes, as they are named in a wheel."""
    return {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.suffix in suffixes and path.is_file() and ".egg-info" not in path.as_posix()
    }


def project() -> dict[str, object]:
    """Return the table [project] of pyproject.toml, with the version."""
    table = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {**table, "version": runpy.run_path(str(SOURCE / "fastdicom" / "_version.py"))["__version__"]}


def extension_faults(names: set[str], is_windows: bool) -> Iterator[str]:
    """Name the extension modules that are missing or have no stub."""
    compiled = {name.split(".")[0] for name in names if name.endswith(EXTENSION_SUFFIXES)}
    wanted = {name.removesuffix(".pyx") for name in sources(".pyx")}
    if is_windows:
        wanted -= POSIX_ONLY
    yield from (f"the extension module {name} is missing" for name in sorted(wanted - compiled))
    yield from (f"the extension module {name} has no source" for name in sorted(compiled - wanted))
    yield from (f"{name} has no stub" for name in sorted(compiled) if f"{name}.pyi" not in names)


def metadata_faults(text: str) -> Iterator[str]:
    """Compare a METADATA file with pyproject.toml."""
    metadata = Parser().parsestr(text)
    wanted = project()
    for header, key in (("Name", "name"), ("Version", "version"), ("Requires-Python", "requires-python")):
        if metadata[header] != wanted[key]:
            yield f"METADATA: {header} is {metadata[header]!r}, but the project says {wanted[key]!r}"
    required = [value for value in metadata.get_all("Requires-Dist", []) if "extra ==" not in value]
    if sorted(value.split("<")[0].split(">")[0].strip() for value in required) != ["numpy", "pydicom"]:
        yield f"METADATA: run-time dependencies are {required}; only pydicom and numpy are allowed"
    if metadata["License-Expression"] != "MIT":
        yield f"METADATA: License-Expression is {metadata['License-Expression']!r}"


def wheel_faults(path: Path) -> Iterator[str]:
    """Name everything that is wrong with a wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        information = f"{path.name.split('-')[0]}-{path.name.split('-')[1]}.dist-info"
        if "py3-none-any" in path.name:
            yield "it is tagged as pure Python"
        yield from extension_faults(names, is_windows="win_amd64" in path.name)
        missing = sources(".py", ".pxd") | sources(".pyi") | {"fastdicom/py.typed"}
        if "win_amd64" in path.name:
            missing -= {f"{name}{suffix}" for name in POSIX_ONLY for suffix in (".pyi", ".pxd")}
        yield from (f"{name} is missing" for name in sorted(missing - names))
        for name in sorted(names):
            root = PurePosixPath(name).parts[0]
            if root not in {"fastdicom", information} and not root.endswith(".libs"):
                yield f"{name} does not belong in a wheel"
            elif name.endswith((".c", ".h", ".pyx", ".o", ".pyc")):
                yield f"{name} is for the build only"
        if f"{information}/licenses/LICENSE" not in names:
            yield "the licence is missing"
        yield from metadata_faults(wheel.read(f"{information}/METADATA").decode())


def sdist_faults(path: Path) -> Iterator[str]:
    """Name everything that is wrong with an sdist."""
    with tarfile.open(path) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}
    wanted = {f"src/{name}" for name in sources(".py", ".pyx", ".pxd", ".pyi") | {"fastdicom/py.typed"}}
    wanted |= {file.relative_to(TOP).as_posix() for file in (TOP / "csrc").rglob("*.[ch]")}
    wanted |= {file.relative_to(TOP).as_posix() for file in (TOP / "tests").rglob("*.py")}
    yield from (f"{name} is missing" for name in sorted((wanted | set(NEEDED_IN_SDIST)) - names))
    built = (*EXTENSION_SUFFIXES, ".o", ".pyc")
    yield from (f"{name} is built from others" for name in sorted(names) if name.endswith(built))


def check(paths: Iterable[Path]) -> int:
    """Check each file, print the outcome, and return how many are faulty."""
    faulty = 0
    for path in paths:
        faults = list(wheel_faults(path) if path.suffix == ".whl" else sdist_faults(path))
        print(f"{path.name}: {'ok' if not faults else ''}")
        for fault in faults:
            print(f"    {fault}")
        faulty += bool(faults)
    return faulty


def main() -> int:
    """Check the folder that the command line names."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "dist")
    paths = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
    if not paths:
        print(f"{folder}{os.sep} has no wheel and no sdist", file=sys.stderr)
        return 1
    return 1 if check(paths) else 0


if __name__ == "__main__":
    sys.exit(main())
