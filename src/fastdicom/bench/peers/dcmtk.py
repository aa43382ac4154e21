"""DCMTK's own tools at both ends: storescu to storescp, echoscu to storescp.

- One call of storescu sends all files of a run over one association, each file `--repeat` times. It reads
  and decodes the file each time, which is how DCMTK sends.
- storescp runs with `--ignore`, or for ``store-write`` with `+B`, bit preserving, which is its fastest way
  to a file. With several senders at once it runs with `--fork`, since it serves one association otherwise.
- Both are timed as whole processes. What they take for one message is measured three times before, with as
  many senders, and the medians are taken off: what remains is the time and CPU of all messages but one.
- There is no tool that makes many associations, so DCMTK takes no part in ``associate``.
- TCP_NODELAY=1 in the environment of both ends, except for the contestant ``dcmtk-nagle``: without it
  a small image waits 40 ms for a delayed acknowledgement.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path
from typing import Any

from fastdicom.bench.inputs import Instance
from fastdicom.bench.scenarios import Scenario

VERSION_TIMEOUT = 10.0


@functools.cache
def find_tool(name: str) -> tuple[str, str] | None:
    """Return the path and version of a tool; pynetdicom installs others of the same names."""
    for directory in os.get_exec_path():
        path = Path(directory, name)
        if not os.access(path, os.X_OK):
            continue
        try:
            banner = subprocess.run(
                [path, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT, check=False
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            continue
        if banner.startswith("$dcmtk:"):
            return str(path), banner.split()[2].removeprefix("v")
    return None


def version() -> str | None:
    """Return DCMTK's version, or None when one of its tools is missing."""
    found = [find_tool(name) for name in ("storescu", "storescp", "echoscu")]
    return found[0][1] if found[0] and all(found) else None


def tool(name: str) -> str:
    """Return the path of a tool that is known to be there."""
    found = find_tool(name)
    if found is None:
        raise FileNotFoundError(f"DCMTK's {name} is not installed")
    return found[0]


def plan(
    role: str,
    scenario: Scenario,
    instances: list[Instance],
    directory: str | None,
    has_nodelay: bool,
    certificates: dict[str, str] | None,
) -> dict[str, Any]:
    """Return what `fastdicom.bench.peers.external` shall run for one side."""
    fields = receiver(scenario, directory) if role == "receiver" else sender(scenario, instances)
    if certificates is not None:
        fields["argv"][1:1] = [
            *("+tls", certificates["key"], certificates["certificate"]),
            *("+cf", certificates["ca"]),
        ]
    return {"role": role, "environment": {"TCP_NODELAY": "1"} if has_nodelay else {}, **fields}


def receiver(scenario: Scenario, directory: str | None) -> dict[str, Any]:
    """Return the receiver's part of the plan."""
    argv = [tool("storescp"), "-dhl"]
    argv += ["--ignore"] if directory is None else ["+B", "-od", directory]
    before_stop = []
    if scenario.senders > 1:
        argv.append("--fork")
        # storescp collects its children, and what they used, when the next association comes.
        before_stop = [[tool("echoscu"), "127.0.0.1", "{port}"]] * 2
    return {"argv": [*argv, "{port}"], "before_stop": before_stop}


def sender(scenario: Scenario, instances: list[Instance]) -> dict[str, Any]:
    """Return the sender's part of the plan."""
    if scenario.kind == "echo":
        echo = [tool("echoscu"), "--repeat", "{repeat}", "127.0.0.1", "{port}"]
        return {"argv": echo, "files": []}
    store = [tool("storescu"), "-R", "--repeat", "{repeat}", "127.0.0.1", "{port}"]
    return {
        "argv": [*store, "{files}"],
        "files": [instance.path for instance in instances],
    }
