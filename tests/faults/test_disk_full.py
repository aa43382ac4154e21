"""K2: a disk that is full answers 0xA700, leaves no partial file, and the association lives on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from raw_peer import CT, IMPLICIT, data_set
from servers import associate, serving, store_ae

from fastdicom import AE, build_context

pytest.importorskip("resource")

# A limit on the size of files is a disk that is full, as far as write(2) can tell.
PROGRAM = """
import os, resource, signal, sys
from raw_peer import CT, IMPLICIT, data_set
from servers import associate, serving, store_ae
from fastdicom import AE, build_context

directory, where = sys.argv[1:]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
ae = store_ae({CT})
os.environ["TMPDIR"] = directory
if where == "directory":
    ae.store_directory = directory
else:
    ae.memory_limit = 100_000
with serving(ae, HANDLERS) as server:
    with associate(AE(), server, contexts=[build_context(CT, IMPLICIT)]) as association:
        def store(size, instance):
            encoded = data_set(size, instance)
            status = association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status
            return f"{status:04X}", sorted(os.listdir(directory))
        print(store(1000, "1.1"))
        print(store(3 << 20, "1.2"))  # many times what is written at once
        print(store((1 << 20) - 100, "1.3"))  # the data set fits, with its front it does not
        print(store(2000, "1.4"))
        print(store(3 << 20, "1.1"))  # and there is one already
    print(association.is_released)
"""


def run(directory: Path, where: str, handlers: str) -> list[str]:
    program = "from fastdicom import evt\n" + PROGRAM.replace("HANDLERS", handlers)
    result = subprocess.run(
        [sys.executable, "-c", program, str(directory), where],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize("handlers", ["[]", "[(evt.EVT_C_STORE, lambda event: 0x0000)]"])
def test_while_receiving_into_a_directory(tmp_path: Path, handlers: str) -> None:
    assert run(tmp_path, "directory", handlers) == [
        "('0000', ['1.1.dcm'])",
        "('A700', ['1.1.dcm'])",
        "('A700', ['1.1.dcm'])",
        "('0000', ['1.1.dcm', '1.4.dcm'])",
        "('A700', ['1.1.dcm', '1.4.dcm'])",
        "True",
    ]
    assert (tmp_path / "1.1.dcm").stat().st_size < 2000  # the one that is whole stays


def test_while_spooling(tmp_path: Path) -> None:
    assert run(tmp_path, "memory", "[(evt.EVT_C_STORE, lambda event: 0x0000)]") == [
        "('0000', [])",
        "('A700', [])",
        "('A700', [])",
        "('0000', [])",
        "('A700', [])",
        "True",
    ]


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    directory = tmp_path / "received"
    directory.mkdir()
    ae = store_ae({CT})
    ae.store_directory = directory
    with (
        serving(ae) as server,
        associate(AE(), server, contexts=[build_context(CT, IMPLICIT)]) as association,
    ):
        directory.rmdir()
        for _ in range(2):
            assert association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status == 0xA700
    assert association.is_released
