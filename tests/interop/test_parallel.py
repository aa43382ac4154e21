"""Many of DCMTK's senders at once, each a process of its own, against one server."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from peers import DEADLINE, peer_environment, require_dcmtk
from pydicom.data import get_testdata_file
from raw_peer import CT
from servers import port_of, serving, store_ae

from fastdicom import evt

# Of each tool; and how many files one sends, all the same, over one association.
SENDERS = 32
OBJECTS = 3


def commands(port: int, path: Path) -> list[list[str]]:
    """Return what is run."""
    objects = [str(path)] * OBJECTS
    storescu = [require_dcmtk("storescu"), "-R", "127.0.0.1", str(port), *objects]
    dcmsend = [require_dcmtk("dcmsend"), "-nuc", "127.0.0.1", str(port), *objects]
    return [storescu, dcmsend] * SENDERS


def test_64_senders_finish_without_an_error() -> None:
    path = Path(str(get_testdata_file("CT_small.dcm")))
    titles: list[str] = []

    def on_store(event: Any) -> int:
        titles.append(event.assoc.requestor.ae_title)
        return 0x0000

    with serving(store_ae({CT}), [(evt.EVT_C_STORE, on_store)]) as server:
        running = [
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=peer_environment(),
            )
            for command in commands(port_of(server), path)
        ]
        said = [process.communicate(timeout=DEADLINE)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), said
    assert Counter(titles) == {"STORESCU": SENDERS * OBJECTS, "DCMSEND": SENDERS * OBJECTS}
