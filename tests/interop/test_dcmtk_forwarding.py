"""A router between DCMTK's tools: what storescu sends is what storescp keeps, or nothing of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import model
import pytest
from peers import dcmtk_storescp, run_dcmtk
from pydicom import dcmread
from pydicom.data import get_testdata_file
from raw_peer import (
    CT,
    EXPLICIT,
    IMPLICIT,
    STORE_CONTEXT,
    associate_raw,
    data_set,
    store_command,
    store_rq,
)
from routing import Router
from servers import port_of, wait_until

from fastdicom import AE, Association

BIT_PRESERVING = "+B"


def archive(stack: ExitStack, directory: Path, sop_class: str, transfer_syntax: str) -> Association:
    """Request an association with DCMTK's storescp."""
    directory.mkdir()
    port = stack.enter_context(dcmtk_storescp(BIT_PRESERVING, "-od", directory))
    ae = AE()
    ae.add_requested_context(sop_class, transfer_syntax)
    association = ae.associate("127.0.0.1", port)
    stack.callback(association.kill)
    assert association.is_established
    return association


@pytest.mark.parametrize("slow", ["wait", "spill"])
def test_storescu_to_two_storescps(tmp_path: Path, slow: str) -> None:
    file = get_testdata_file("CT_small.dcm")
    with ExitStack() as stack:
        folders = [tmp_path / "first", tmp_path / "second"]
        outgoing = [archive(stack, folder, CT, EXPLICIT) for folder in folders]
        router = Router(stack, *outgoing, slow=slow)
        done = run_dcmtk("storescu", "-xe", "127.0.0.1", port_of(router.server), file)
        assert done.returncode == 0, done.stderr
        assert all(result.is_stored for result in router.forwarded[0].results)
        for association in outgoing:
            association.release()
        kept = [next(iter(folder.iterdir())) for folder in folders]
        assert kept[0].read_bytes() == kept[1].read_bytes()
        assert dcmread(kept[0]).PixelData == dcmread(file).PixelData


def test_half_an_object_is_not_kept(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with ExitStack() as stack:
        outgoing = archive(stack, folder, CT, IMPLICIT)
        router = Router(stack, outgoing)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        peer.send(*store_rq(data_set(100_000)))
        peer.receive_pdu()
        whole = list(folder.iterdir())
        assert len(whole) == 1
        another = store_command(2, "1.2.3.5")
        peer.send(*model.message(STORE_CONTEXT, another, data_set(600_000, "1.2.3.5"), 16382)[:20])
        wait_until(lambda: outgoing._link.is_streaming)
        peer.reset()
        wait_until(lambda: outgoing.is_aborted)
        wait_until(lambda: list(folder.iterdir()) == whole, "what has begun is removed again")
