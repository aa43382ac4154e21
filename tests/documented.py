"""The examples in pynetdicom's documentation, taken from its source distribution when the tests run.

They are read from the package index and never kept. A few do not run as they are printed: a line is indented
by less than its block, a name is left to the reader. What mends them stands where they are used.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import textwrap
from importlib.metadata import PackageNotFoundError, version
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

from peers import DEADLINE, missing

BLOCK = ".. code-block:: python"


def blocks(text: str) -> list[str]:
    """Return the Python blocks of a reStructuredText document, as programs."""
    return [
        _block(part.splitlines()[1:]) for part in re.split(rf"(?m)^ *{re.escape(BLOCK)}$", f"\n{text}")[1:]
    ]


def _block(lines: list[str]) -> str:
    is_option = re.compile(r" +:[a-z-]+:").match
    content = dropwhile(lambda line: is_option(line) or not line.strip(), lines)
    program = "\n".join(takewhile(lambda line: not line.strip() or line.startswith(" "), content))
    # Where one line stands a space further to the left than the others, these come out a space too far right.
    return re.sub(r"(?m)^((?: {4})*) (?=\S)", r"\1", textwrap.dedent(program)) + "\n"


def fetch(directory: Path) -> Path:
    """Download the documentation of the pynetdicom that is installed; return where it is."""
    try:
        release = version("pynetdicom")
    except PackageNotFoundError:
        missing("pynetdicom")
    download = ["download", "--quiet", "--no-deps", "--no-binary", "pynetdicom", f"pynetdicom=={release}"]
    result = subprocess.run(
        [sys.executable, "-m", "pip", *download, "--dest", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    archives = list(directory.glob("pynetdicom-*.tar.gz"))
    if not archives:
        missing(f"pynetdicom's source distribution: {result.stdout[-500:]}; its documentation")
    with tarfile.open(archives[0]) as archive:
        # Python 3.11 has it from 3.11.4 on.
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(directory, **safely)
    return directory / archives[0].name.removesuffix(".tar.gz") / "docs"
