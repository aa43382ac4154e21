"""What `docs/from_pynetdicom.md` says besides its 22 rows, and that it names tests that there are."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import queries
import retrieving
from pydicom.dataset import Dataset
from raw_peer import IMPLICIT, Raw, contexts, fake_acceptor, response
from raw_peer import acceptance as accept_all
from servers import associate, await_event, port_of, serving, store_ae

import fastdicom
from fastdicom import AE, AssociationRejected, ConnectionFailed, build_context, evt
from fastdicom.sop_class import DisplaySystem, DisplaySystemInstance, Verification

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "from_pynetdicom.md"


@pytest.mark.source_tree
def test_every_test_that_is_named_is_there() -> None:
    text = DOCUMENT.read_text()
    defined = {
        name
        for path in (TESTS / "test_differences.py", Path(__file__))
        for name in re.findall(r"(?m)^def (test_\w+)", path.read_text())
    }
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named <= defined
    rows = [int(row) for row in re.findall(r"(?m)^\| (\d+) \|", text)]
    numbers = [int(row) for row in re.findall(r"`test_row_(\d\d)_", text)]
    assert rows == numbers == list(range(1, 23))
    files = re.findall(r"`(test_pynetdicom_\w+\.py)`", text)
    assert files and all((TESTS / "interop" / name).is_file() for name in files)


def test_message_ids_are_chosen() -> None:
    seen: list[Any] = []

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(accept_all())
        for _ in range(3):
            command = peer.receive_message()[1]
            seen.append(command[0x0110])
            peer.send(response(command))
        peer.receive_pdu()

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts())
        for message_id in (None, 77, None):
            assert association.send_c_echo(message_id).Status == 0x0000
        association.abort()
    assert seen[1] == 77 and len(set(seen)) == 3


def test_leaving_a_query_early_cancels_it() -> None:
    is_over = threading.Event()

    def handler(event: Any) -> Iterator[Any]:
        try:
            while True:
                yield 0xFF00, queries.identifier()
        finally:
            is_over.set()

    with queries.finding(handler) as association:
        for _ in association.send_c_find(queries.identifier(), queries.MODEL):
            break
        await_event(is_over)
        assert association.send_c_echo().Status == 0x0000  # what was still to come is dropped


def test_one_attribute_is_a_list() -> None:
    seen: list[Any] = []

    def handler(event: Any) -> tuple[int, Dataset]:
        seen.extend((event.request.AttributeIdentifierList, event.attribute_identifiers))
        return 0x0000, Dataset()

    ae = AE()
    ae.add_supported_context(DisplaySystem)
    client = AE()
    client.add_requested_context(DisplaySystem)
    with (
        serving(ae, [(evt.EVT_N_GET, handler)]) as server,
        associate(client, server) as association,
    ):
        status, _ = association.send_n_get([0x00080070], DisplaySystem, DisplaySystemInstance)
    assert status.Status == 0x0000
    assert seen == [[0x00080070], [0x00080070]]


def test_a_path_is_sent_as_it_is(tmp_path: Path) -> None:
    path = retrieving.file_of(tmp_path)

    def handler(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, path

    receiver = retrieving.Receiver()
    with retrieving.archive(handler) as server:
        told = retrieving.get(server, receiver)
    assert told.statuses[-1] == 0x0000
    assert path.read_bytes().endswith(receiver.data_sets[0])
    assert receiver.syntaxes == [IMPLICIT]


def test_an_association_is_a_context_manager() -> None:
    with serving(store_ae(set())) as server:
        port = port_of(server)
        with AE().associate("127.0.0.1", port, [build_context(Verification)]) as association:
            assert association.is_established
        assert association.is_released
        server.ae.require_called_aet = True
        with (
            pytest.raises(AssociationRejected),
            AE().associate("127.0.0.1", port, [build_context(Verification)], "NOBODY"),
        ):
            pass
    with (
        pytest.raises(ConnectionFailed),
        AE().associate("127.0.0.1", port, [build_context(Verification)]),
    ):
        pass


def test_an_association_is_no_thread() -> None:
    client = AE()
    client.add_requested_context(Verification)
    with serving(store_ae(set())) as server:
        before = threading.active_count()
        with associate(client, server) as association:
            assert not isinstance(association, threading.Thread)
            assert client.active_associations == [association]
            assert threading.active_count() <= before + 2  # workers, however many associations there are
    assert client.active_associations == []


def test_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "fastdicom")
    with queries.finding(lambda event: iter([(0xFF00, queries.identifier(424242))])) as association:
        assert len(list(association.send_c_find(queries.identifier(424242), queries.MODEL))) == 2
    assert {record.name.partition(".")[0] for record in caplog.records} <= {"fastdicom"}
    assert "P424242" not in caplog.text


def test_who_we_are() -> None:
    assert AE().ae_title == "FASTDICOM"
    assert AE().implementation_class_uid == fastdicom.PYNETDICOM_IMPLEMENTATION_UID
    assert AE().implementation_version_name == fastdicom.PYNETDICOM_IMPLEMENTATION_VERSION
    assert fastdicom.PYNETDICOM_UID_PREFIX.startswith(fastdicom.IMPLEMENTATION_CLASS_UID)
