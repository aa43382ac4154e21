"""The compiled core: Cython extensions in `fastdicom._core` over the C kernels in `csrc/`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

POSIX = os.name == "posix"
SOURCE = Path("src/fastdicom")

# extension module: the kernels it is linked with
KERNELS = {
    "_core/buffer": ["fd_pool", "fd_file"],
    "_core/command": ["fd_command"],
    "_core/element": ["fd_element"],
    "_core/elements": ["fd_walk", "fd_vr", "fd_vr_table"],
    "_core/encode": ["fd_vr", "fd_vr_table"],
    "_core/encode_block": [],
    "_core/encode_level": [],
    "_core/exchange": ["fd_command"],
    "_core/linger": [],
    "_core/pdata": ["fd_pdu", "fd_reader", "fd_receive", "fd_writer", "fd_command", "fd_pool", "fd_file"],
    "_core/plain_edits": ["fd_vr", "fd_vr_table"],
    "_core/plain_values": [],
    "_core/raw_elements": [],
    "_core/transcode": ["fd_transcode", "fd_swap", "fd_walk", "fd_vr", "fd_vr_table"],
    "_core/walking": ["fd_walk", "fd_vr", "fd_vr_table"],
}
POSIX_KERNELS = {
    "_core/wire": ["fd_socket", "fd_pdu", "fd_reader", "fd_receive", "fd_writer", "fd_command", "fd_pool"],
    "bench/_limit": ["fd_limit"],
}


def compiler_arguments() -> list[str]:
    """Return the switches of this platform's compiler."""
    if sys.platform == "win32":
        return ["/O2", "/std:c11"]
    return ["-O3", "-std=c11", "-fvisibility=hidden"]


def extensions() -> list[Extension]:
    """Return one Extension for each row of the tables above."""
    kernels = KERNELS | (POSIX_KERNELS if POSIX else {})
    return [
        Extension(
            "fastdicom." + path.replace("/", "."),
            [str(SOURCE / f"{path}.pyx"), *(f"csrc/{name}.c" for name in names)],
            include_dirs=["csrc"],
            depends=[str(header) for header in Path("csrc").glob("*.h")],
            extra_compile_args=compiler_arguments(),
        )
        for path, names in kernels.items()
    ]


setup(
    ext_modules=cythonize(
        extensions(),
        build_dir="build",
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "embedsignature": False,
            "freethreading_compatible": True,
        },
    ),
    options={"build_ext": {"parallel": os.cpu_count()}},
)
