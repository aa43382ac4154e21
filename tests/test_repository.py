"""The repository itself: what every module must have, sizes, and the tables that name files."""

from __future__ import annotations

import ast
import importlib
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastdicom

TOP = Path(__file__).parents[1]
SOURCE = TOP / "src" / "fastdicom"
PACKAGE = Path(fastdicom.__file__ or "").parent

FILE_LINES = 500
FUNCTION_LINES = 50
GENERATED = re.compile(r"[Ww]ritten by tools/")


def code_files() -> list[Path]:
    """Return the Python, Cython and C sources that people write."""
    folders = [TOP / "src", TOP / "csrc", TOP / "tests", TOP / "benchmarks", TOP / "tools"]
    files = [file for folder in folders for file in sorted(folder.rglob("*"))]
    files = [file for file in files if file.suffix in {".py", ".pyx", ".pxd", ".pyi", ".c", ".h"}]
    return [file for file in files if not GENERATED.search(file.read_text(encoding="utf-8")[:500])]


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a Python file and how many lines each has, without its docstring."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            documented = text.count("\n") + 1 if text else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - documented


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_every_compiled_module_has_a_stub_and_imports() -> None:
    compiled = [file for file in PACKAGE.rglob("*") if file.suffix in {".so", ".pyd"}]
    assert compiled, "no extension module is built"
    for file in compiled:
        stem = file.name.split(".")[0]
        assert file.with_name(f"{stem}.pyi").is_file(), f"{file.name} has no stub"
        module = ".".join(["fastdicom", *file.relative_to(PACKAGE).parent.parts, stem])
        # It lies where it is imported from, and is not a stale file of another name.
        assert Path(importlib.import_module(module).__file__ or "").parent == file.parent


def test_importing_fastdicom_stays_light() -> None:
    heavy = "{'asyncio', 'matplotlib', 'pynetdicom', 'rich', 'fastdicom.apps', 'fastdicom.bench'}"
    command = f"import sys, fastdicom; print(*({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


@pytest.mark.source_tree
def test_every_extension_has_its_declarations() -> None:
    sources = sorted(SOURCE.rglob("*.pyx"))
    assert sources
    table = (TOP / "setup.py").read_text(encoding="utf-8")
    for file in sources:
        name = file.relative_to(SOURCE).with_suffix("").as_posix()
        assert f'"{name}"' in table, f"setup.py does not build {name}"
        assert file.with_suffix(".pyi").is_file(), f"{name} has no stub"


@pytest.mark.source_tree
def test_every_kernel_is_compiled() -> None:
    table = (TOP / "setup.py").read_text(encoding="utf-8")
    for file in (TOP / "csrc").glob("*.c"):
        assert f'"{file.stem}"' in table, f"setup.py does not compile {file.name}"


@pytest.mark.source_tree
def test_files_and_functions_are_short() -> None:
    files = code_files()
    assert len(files) > 20
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {str(file.relative_to(TOP)): n for file, n in lengths.items() if n > FILE_LINES} == {}
    python = [file for file in files if file.suffix == ".py"]
    long = {f"{file.name}:{name}": n for file in python for name, n in functions(file) if n > FUNCTION_LINES}
    assert long == {}


@pytest.mark.source_tree
def test_every_module_states_its_idea() -> None:
    for file in code_files():
        if file.suffix == ".py":
            text = file.read_text(encoding="utf-8")
            tree = ast.parse(text)
            assert ast.get_docstring(tree) or not tree.body, f"{file.relative_to(TOP)} has no docstring"


@pytest.mark.source_tree
def test_the_version_is_in_the_changelog() -> None:
    version = importlib.import_module("fastdicom._version").__version__
    assert f"## {version}" in (TOP / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.source_tree
@pytest.mark.skipif(not (TOP / ".github").is_dir(), reason="an sdist has nothing for GitHub")
def test_wheels_yml_is_where_github_runs_it() -> None:
    assert (TOP / "wheels.yml").resolve() == TOP / ".github" / "workflows" / "wheels.yml"


@pytest.mark.source_tree
def test_the_layers_hold() -> None:
    pytest.importorskip("importlinter")
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(TOP / "pyproject.toml"), no_cache=True) == 0
    # It has disabled the loggers that there were.
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


# These make up the top level or stand above it; what is below it may not import it back.
ABOVE_THE_TOP_LEVEL = {"__init__", "__main__", "apps", "bench"}


@pytest.mark.source_tree
def test_nothing_below_the_top_level_imports_from_it() -> None:
    source = TOP / "src" / "fastdicom"
    below = [
        path
        for path in source.rglob("*.py")
        if path.relative_to(source).with_suffix("").parts[0] not in ABOVE_THE_TOP_LEVEL
    ]
    names_at_the_top = set(importlib.import_module("fastdicom").__all__) - {"errors", "evt", "sop_class"}
    for path in below:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "fastdicom":
                taken = names_at_the_top & {alias.name for alias in node.names}
                assert not taken, f"{path} imports {taken} from the top level"
