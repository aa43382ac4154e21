"""What the figures were measured on, and with which versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from fastdicom.bench.contestants import IMPLEMENTATIONS, LIMIT, LIMIT_TLS, OURS_AIO


def machine() -> dict[str, str | int | None]:
    """Return the processor, its cores, the memory and the system."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
    }


def processor() -> str:
    """Return the name of the processor, which Linux tells in a file only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_bytes() -> int | None:
    """Return the size of the memory, where the system tells."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of what is measured and of what it stands on."""
    found = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
    }
    for name, implementation in IMPLEMENTATIONS.items():
        version = implementation.version()
        if version is not None and name not in (OURS_AIO, LIMIT, LIMIT_TLS, "dcmtk-nagle"):
            found[name] = version
    return found
