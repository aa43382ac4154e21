"""pynetdicom as a peer, over every storage object of pydicom's test sets, in both directions."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from peers import require_pynetdicom
from pydicom import dcmread
from servers import port_of, serving, store_ae
from storage_files import StorageFile, all_classes, contexts_of, storage_files

from fastdicom import AE, evt
from fastdicom.presentation import ALL_TRANSFER_SYNTAXES
from fastdicom.sop_class import CTImageStorage, Verification

# What pynetdicom cannot encode anew, besides files without UIDs in their data sets.
NOT_ENCODED = {
    "SC_rgb_jpeg.dcm": "its pixel data is implicit VR in an explicit VR data set",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "it ends in the middle of an element",
}


def register_retired(pynetdicom: Any) -> None:
    """Tell pynetdicom of the SOP classes of the files that are older than it."""
    storage = pynetdicom.sop_class.uid_to_service_class(CTImageStorage)
    for sop_class in all_classes():
        if pynetdicom.sop_class.uid_to_service_class(sop_class) is pynetdicom.service_class.ServiceClass:
            pynetdicom.sop_class.register_uid(sop_class, f"Retired_{sop_class.replace('.', '_')}", storage)


@contextmanager
def pynetdicom_scp(handlers: list[Any]) -> Iterator[int]:
    """Run pynetdicom's SCP in this process; its port is what comes out."""
    pynetdicom = require_pynetdicom()
    register_retired(pynetdicom)
    ae = pynetdicom.AE()
    ae.add_supported_context(Verification)
    for sop_class in all_classes():
        ae.add_supported_context(sop_class, list(ALL_TRANSFER_SYNTAXES))
    bound = [(getattr(pynetdicom.evt, name), handler) for name, handler in handlers]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@contextmanager
def pynetdicom_scu(port: int, files: tuple[StorageFile, ...]) -> Iterator[Any]:
    """Associate as pynetdicom's SCU."""
    pynetdicom = require_pynetdicom()
    pairs = [(context.abstract_syntax, context.transfer_syntax) for context in contexts_of(files)]
    contexts = [pynetdicom.build_context(*pair) for pair in pairs or [(Verification, None)]]
    association = pynetdicom.AE().associate("127.0.0.1", port, contexts=contexts)
    assert association.is_established
    # Its reactor may take a fast response off the queue before who waits for it (its `_is_paused` is true for
    # a moment too long): it is to leave the queue alone, as no requests come here.
    take = association.dimse.get_msg
    association.dimse.get_msg = lambda block=False: take(block) if block else (None, None)
    # Else each object waits 40 ms for an acknowledgement.
    association.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield association
    finally:
        association.release()


def test_fastdicom_to_pynetdicom() -> None:
    arrived = []

    def keep(event: Any) -> int:
        arrived.append(event.request.DataSet.getvalue())
        return 0x0000

    files = storage_files()
    with pynetdicom_scp([("EVT_C_STORE", keep)]) as port:
        with AE().associate("127.0.0.1", port, contexts=contexts_of(files)) as association:
            statuses = [association.send_c_store(file.path).Status for file in files]
        assert association.is_released
    assert set(statuses) == {0x0000}
    assert [
        file for file, data_set in zip(files, arrived, strict=True) if data_set != file.data_set_to_send
    ] == []


def receive_from_pynetdicom(files: tuple[StorageFile, ...], what: Any) -> list[bytes]:
    """Have pynetdicom send the files; return the data sets that came."""
    arrived = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    with (
        serving(store_ae(all_classes()), [(evt.EVT_C_STORE, keep)]) as server,
        pynetdicom_scu(port_of(server), files) as association,
    ):
        statuses = [association.send_c_store(what(file)).Status for file in files]
    assert set(statuses) == {0x0000}
    return arrived


def test_pynetdicom_to_fastdicom_as_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom sends the bytes of the files."""
    pynetdicom = require_pynetdicom()
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)
    files = storage_files()
    arrived = receive_from_pynetdicom(files, lambda file: file.path)
    assert [file for file, data_set in zip(files, arrived, strict=True) if data_set != file.data_set] == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pynetdicom_to_fastdicom_encoded_anew() -> None:
    """pynetdicom decodes the files and encodes them anew."""
    dsutils = require_pynetdicom().dsutils
    files = tuple(
        file for file in storage_files() if all(file.uids_in_data_set) and file.path.name not in NOT_ENCODED
    )
    arrived = receive_from_pynetdicom(files, lambda file: dcmread(file.path))
    differing = []
    for file, data_set in zip(files, arrived, strict=True):
        dataset = dcmread(file.path)
        assert dataset.SOPClassUID and dataset.SOPInstanceUID  # it looks at them, which decodes them
        syntax = file.transfer_syntax
        if data_set != dsutils.encode(
            dataset, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
        ):
            differing.append(file)
    assert differing == []


def test_echoes_to_pynetdicom() -> None:
    with pynetdicom_scp([]) as port:
        ae = AE()
        ae.add_requested_context(Verification)
        with ae.associate("127.0.0.1", port) as association:
            assert [association.send_c_echo().Status for _ in range(3)] == [0, 0, 0]
        assert association.is_released


def test_echoes_from_pynetdicom() -> None:
    with serving(store_ae(set())) as server, pynetdicom_scu(port_of(server), ()) as association:
        assert [association.send_c_echo().Status for _ in range(3)] == [0, 0, 0]
    assert association.is_released
