"""For which association a log record is, in whichever thread it is made; and that it has no patient data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import model
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from queries import MODEL
from raw_peer import (
    CT,
    IMPLICIT,
    Raw,
    acceptance,
    associate_raw,
    connect_raw,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    response,
    store_rq,
)
from servers import associate, port_of, serving, store_ae, wait_until

from fastdicom import AE, Association, build_role, evt
from fastdicom.log import AssociationFilter
from fastdicom.server import AssociationServer
from fastdicom.sop_class import (
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelGet,
)

USERS = logging.getLogger("tests.users")


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """What a user's handler gets to see, of fastdicom and of others."""
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.addFilter(AssociationFilter())
    handler.emit = seen.append  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield seen
    root.removeHandler(handler)
    root.setLevel(level)


def fields(record: logging.LogRecord) -> tuple[str, str, str]:
    return record.association_id, record.peer, record.peer_address  # type: ignore[attr-defined]


def of(records: list[logging.LogRecord], text: str) -> list[tuple[str, str, str]]:
    return [fields(record) for record in records if text in record.getMessage()]


def scu() -> AE:
    ae = AE("SCU")
    ae.requested_contexts = contexts()
    return ae


def fail(event: evt.Event) -> int:
    USERS.info("a user's line")
    raise ValueError("no")


@pytest.fixture
def server() -> Iterator[AssociationServer]:
    with serving(store_ae({CT}, [IMPLICIT]), [(evt.EVT_C_STORE, fail)]) as server:
        yield server


def established(server: AssociationServer) -> Association:
    """Return its only association: it is established just after the peer has been told so."""
    wait_until(lambda: server.active_associations)
    (association,) = server.active_associations
    return association


def test_ids_differ(server: AssociationServer) -> None:
    with associate(scu(), server) as first, associate(scu(), server) as second:
        wait_until(lambda: len(server.active_associations) == 2)
        ids = {each.id for each in (first, second, *server.active_associations)}
        assert len(ids) == 4
        second.name = "mine"
        assert second.id in ids and first.id != second.id


def test_an_acceptor(server: AssociationServer, records: list[logging.LogRecord]) -> None:
    with associate_raw(port_of(server)) as peer:
        association = established(server)
        host, port = peer.socket.getsockname()
        peer.send(*store_rq(data_set()))
        peer.receive_message()
        peer.send(b"\x63\0\0\0\0\0")
        peer.receive_all()
    expected = [(association.id, "CALLING", f"{host}:{port}")]
    wait_until(lambda: of(records, "association aborted"))
    for text in "association accepted", "EVT_C_STORE raised", "a user's line", "association aborted":
        assert of(records, text) == expected, text


def test_a_requestor(records: list[logging.LogRecord]) -> None:
    """Its operations run in a thread that does other things, too."""

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        _, command, _ = peer.receive_message()
        USERS.info("in between")
        peer.send(response(command) + model.p_data_tf([(1, 3, b"\1\2\3")]))
        peer.receive_pdu()
        peer.close()

    with fake_acceptor(script) as port:
        association = scu().associate("127.0.0.1", port, ae_title="SCP")
        association.send_c_echo()
        USERS.info("in between")
        wait_until(lambda: not association.is_established)
    assert of(records, "association aborted") == [(association.id, "SCP", f"127.0.0.1:{port}")]
    assert of(records, "in between") == [("-", "-", "-")] * 2


def test_one_within_another(server: AssociationServer, records: list[logging.LogRecord]) -> None:
    """What happens on an association that a handler uses is not of the one that the handler is for."""
    made: list[Association] = []

    def forward(event: evt.Event) -> int:
        made.append(associate(scu(), server, ae_title="INNER"))
        made[0].release()
        USERS.info("a user's line")
        return 0x0000

    with serving(store_ae({CT}, [IMPLICIT]), [(evt.EVT_C_STORE, forward)]) as outer:
        with associate(scu(), outer) as association:
            accepted = established(outer)
            association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
        wait_until(lambda: len(of(records, "association released")) == 4)
    assert [row[0] for row in of(records, "a user's line")] == [accepted.id]
    released = {row[0]: row[1] for row in of(records, "association released")}
    assert released[made[0].id] == "INNER" and released[accepted.id] == "SCU"


def test_what_a_requestor_serves(records: list[logging.LogRecord]) -> None:
    """The objects of a C-GET come to the thread that asks for the responses."""
    archive = AE()
    archive.add_supported_context(PatientRootQueryRetrieveInformationModelGet)
    archive.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, "1.2.3"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = IMPLICIT

    def get(event: evt.Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, image

    client = AE("SCU")
    client.add_requested_context(PatientRootQueryRetrieveInformationModelGet)
    client.add_requested_context(CTImageStorage)
    with serving(archive, [(evt.EVT_C_GET, get)]) as running:
        options = {"ext_neg": [build_role(CTImageStorage, scp_role=True)], "ae_title": "ARCHIVE"}
        with associate(client, running, evt_handlers=[(evt.EVT_C_STORE, fail)], **options) as association:
            query = Dataset()
            query.QueryRetrieveLevel, query.PatientID = "PATIENT", "1"
            list(association.send_c_get(query, PatientRootQueryRetrieveInformationModelGet))
            expected = [(association.id, "ARCHIVE", f"127.0.0.1:{port_of(running)}")]
    assert of(records, "EVT_C_STORE raised") == expected
    assert of(records, "a user's line") == expected


@pytest.mark.parametrize("event", [evt.EVT_RELEASED, evt.EVT_ESTABLISHED])
def test_a_notification_handler_that_raises(
    server: AssociationServer, records: list[logging.LogRecord], event: evt.EventType
) -> None:
    with associate(scu(), server, ae_title="SCP", evt_handlers=[(event, fail)]) as association:
        identity = association.id
    assert [row[:2] for row in of(records, f"bound to {event.name} raised")] == [(identity, "SCP")]


def test_a_connection_that_fails(records: list[logging.LogRecord]) -> None:
    with fake_acceptor(lambda peer: None) as port:
        connect_raw(port).close()
    association = scu().associate("127.0.0.1", port, ae_title="NOBODY")
    assert of(records, "cannot connect") == [(association.id, "NOBODY", "-")]


def test_a_requestor_that_is_rejected(server: AssociationServer, records: list[logging.LogRecord]) -> None:
    server.ae.require_called_aet = True
    association = associate(scu(), server, ae_title="NOBODY")
    wait_until(lambda: len(of(records, "association rejected")) == 2)
    assert {row[1] for row in of(records, "association rejected")} == {"NOBODY", "SCU"}
    assert association.id in {row[0] for row in of(records, "association rejected")}


def test_an_object_that_cannot_be_written(
    records: list[logging.LogRecord], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastdicom.net.sinks.create_file", full)
    monkeypatch.setattr("fastdicom.net.store_directory.StoreDirectory.create", full, raising=False)
    ae = store_ae({CT}, [IMPLICIT])
    ae.memory_limit = 100
    monkeypatch.setattr("fastdicom.net.sinks.SpoolFile", full)
    with serving(ae) as server, associate_raw(port_of(server)) as peer:
        association = established(server)
        peer.send(*store_rq(data_set(5000)))
        peer.receive_message()
    assert [row[:2] for row in of(records, "cannot be written")] == [(association.id, "CALLING")]


def test_the_text_of_a_peer_is_escaped(server: AssociationServer, records: list[logging.LogRecord]) -> None:
    with associate_raw(port_of(server), calling=b"A\nB\x1b[2J\x7f"):
        pass
    wait_until(lambda: of(records, "association aborted"))
    assert {row[1] for row in of(records, "association")} == {"A\\x0aB\\x1b[2J\\x7f"}


def test_patients_are_in_no_log(records: list[logging.LogRecord]) -> None:
    """Names, IDs and dates of a patient, in objects and in queries, whatever goes wrong with them."""
    secret = "Doe^Jane"
    query, image = Dataset(), Dataset()
    query.QueryRetrieveLevel, query.PatientName, query.PatientID = "PATIENT", secret, secret
    image.SOPClassUID, image.SOPInstanceUID, image.PatientName = CT, "1.2.3", secret
    image.PatientID, image.PatientBirthDate = secret, "19700131"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = IMPLICIT

    def find(event: evt.Event) -> Iterator[Any]:
        yield 0xFF00, event.identifier
        yield 0xFF00, "what is no Dataset"

    handlers: list[Any] = [(evt.EVT_C_STORE, fail), (evt.EVT_C_FIND, find)]
    ae = store_ae({CT}, [IMPLICIT])
    ae.add_supported_context(MODEL)
    client = scu()
    client.add_requested_context(MODEL)
    with serving(ae, handlers) as server, associate(client, server) as association:
        association.send_c_store(image)
        list(association.send_c_find(query, MODEL))
        association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
        association.release()
        wait_until(lambda: len(of(records, "association released")) == 2)
    assert len(records) > 5
    for record in records:
        text = logging.Formatter().format(record)
        assert secret not in text and "19700131" not in text, text


def test_a_record_of_nobody_has_dashes(records: list[logging.LogRecord]) -> None:
    USERS.info("a line of its own")
    (record,) = (each for each in records if each.name == USERS.name)
    line = logging.Formatter("[%(association_id)s %(peer)s %(peer_address)s] %(message)s").format(record)
    assert line == "[- - -] a line of its own"


def test_an_echo_is_not_logged(server: AssociationServer, records: list[logging.LogRecord]) -> None:
    with associate_raw(port_of(server)) as peer:
        seen = []
        for number in range(1, 4):
            peer.send(echo_rq(number))
            peer.receive_message()
            seen.append(len(records))
        assert seen[0] == seen[-1]
