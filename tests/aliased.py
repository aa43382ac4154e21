"""Programs for pynetdicom in processes of their own, in which `pynetdicom` means fastdicom."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peer_servers import Running, running
from peers import DEADLINE

import fastdicom

ALIAS = Path(__file__).parent / "interop" / "alias.py"

# The children run in other folders, and are to have the same fastdicom as this process.
ENVIRONMENT = {"PYTHONPATH": str(Path(str(fastdicom.__file__)).parents[1])}


def command(*arguments: object) -> list[str]:
    """Return the command line of a program: a file, or "pynetdicom" and one of its own."""
    return [sys.executable, "-u", str(ALIAS), *map(str, arguments)]


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it says comes in one piece."""
    return subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=DEADLINE,
        check=False,
        cwd=cwd,
        env=os.environ | ENVIRONMENT,
    )


@contextmanager
def serving(*arguments: object, port: int, cwd: Path) -> Iterator[Running]:
    """Run a program that listens on a port."""
    with running(command(*arguments), port, cwd, environment=ENVIRONMENT) as server:
        yield server
