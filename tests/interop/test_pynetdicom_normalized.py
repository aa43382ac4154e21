"""pynetdicom as a peer of the six DIMSE-N services, in both directions, over a real association."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from peers import require_pynetdicom
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from servers import port_of, serving

from fastdicom import AE, build_context, evt
from fastdicom.sop_class import (
    BasicFilmSession,
    BasicGrayscalePrintManagementMeta,
    Printer,
    StorageCommitmentPushModel,
)

META = BasicGrayscalePrintManagementMeta
COMMITMENT = StorageCommitmentPushModel
INSTANCE = "1.2.3.4"
PRINTER = "1.2.840.10008.5.1.1.17"
TRANSFER_SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


def copies(number: int) -> Dataset:
    dataset = Dataset()
    dataset.NumberOfCopies = number
    return dataset


class Recorder:
    """Handlers that answer the same whichever library calls them, and keep what they have seen."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def event_report(self, event: Any) -> Any:
        request = event.request
        self.seen.append((request.AffectedSOPClassUID, request.AffectedSOPInstanceUID))
        self.seen.append((event.event_type, event.event_information))
        return 0x0000, copies(1)

    def get(self, event: Any) -> Any:
        self.seen.append((event.request.RequestedSOPClassUID, event.request.RequestedSOPInstanceUID))
        self.seen.append(event.attribute_identifiers)
        return 0x0000, copies(2)

    def set(self, event: Any) -> Any:
        self.seen.append((event.request.RequestedSOPClassUID, event.request.RequestedSOPInstanceUID))
        self.seen.append(event.modification_list)
        status = Dataset()
        status.Status = 0x0107
        status.AttributeIdentifierList = [Tag("NumberOfCopies"), Tag("PrintPriority")]
        status.ErrorComment = "not that one"
        return status, copies(3)

    def action(self, event: Any) -> Any:
        self.seen.append((event.request.RequestedSOPClassUID, event.request.RequestedSOPInstanceUID))
        self.seen.append((event.action_type, event.action_information))
        return 0x0000, copies(4)

    def create(self, event: Any) -> Any:
        self.seen.append((event.request.AffectedSOPClassUID, event.request.AffectedSOPInstanceUID))
        self.seen.append(event.attribute_list)
        reply = copies(5)
        if event.request.AffectedSOPInstanceUID is None:
            reply.AffectedSOPInstanceUID = "1.2.99"
        return 0x0000, reply

    def delete(self, event: Any) -> Any:
        self.seen.append((event.request.RequestedSOPClassUID, event.request.RequestedSOPInstanceUID))
        return 0x0112

    def bound(self, events: Any) -> list[Any]:
        """Return the handlers, bound to the events of one of the libraries."""
        return [
            (events.EVT_N_EVENT_REPORT, self.event_report),
            (events.EVT_N_GET, self.get),
            (events.EVT_N_SET, self.set),
            (events.EVT_N_ACTION, self.action),
            (events.EVT_N_CREATE, self.create),
            (events.EVT_N_DELETE, self.delete),
        ]


@contextmanager
def pynetdicom_scp(recorder: Recorder, transfer_syntax: str) -> Iterator[Any]:
    """Associate with pynetdicom's SCP in this process."""
    pynetdicom = require_pynetdicom()
    ae = pynetdicom.AE()
    ae.add_supported_context(META, TRANSFER_SYNTAXES)
    ae.add_supported_context(COMMITMENT, TRANSFER_SYNTAXES)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=recorder.bound(pynetdicom.evt))
    try:
        contexts = [build_context(each, transfer_syntax) for each in (META, COMMITMENT)]
        with AE().associate("127.0.0.1", server.server_address[1], contexts=contexts) as association:
            yield association
    finally:
        server.shutdown()


@contextmanager
def pynetdicom_scu(recorder: Recorder, transfer_syntax: str) -> Iterator[Any]:
    """Associate as pynetdicom's SCU with our SCP."""
    pynetdicom = require_pynetdicom()
    ae = AE()
    ae.add_supported_context(META, TRANSFER_SYNTAXES)
    ae.add_supported_context(COMMITMENT, TRANSFER_SYNTAXES)
    with serving(ae, recorder.bound(evt)) as server:
        contexts = [pynetdicom.build_context(each, transfer_syntax) for each in (META, COMMITMENT)]
        association = pynetdicom.AE().associate("127.0.0.1", port_of(server), contexts=contexts)
        assert association.is_established
        # Its reactor may take a fast response off the queue before who waits for it.
        take = association.dimse.get_msg
        association.dimse.get_msg = lambda block=False: take(block) if block else (None, None)
        association.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            yield association
        finally:
            association.release()


ENDS = pytest.mark.parametrize("end", [pynetdicom_scp, pynetdicom_scu], ids=lambda each: each.__name__)
SYNTAXES = pytest.mark.parametrize("transfer_syntax", TRANSFER_SYNTAXES, ids=lambda each: each.name)


@ENDS
@SYNTAXES
def test_every_service(end: Any, transfer_syntax: str) -> None:
    recorder = Recorder()
    with end(recorder, transfer_syntax) as association:
        results = [
            # As on the reverse association of a storage commitment; who opens it names no role.
            association.send_n_event_report(copies(11), 2, COMMITMENT, INSTANCE),
            association.send_n_get([0x21100010, 0x21100020], Printer, PRINTER, meta_uid=META),
            association.send_n_set(copies(12), BasicFilmSession, INSTANCE, meta_uid=META),
            association.send_n_action(copies(13), 1, BasicFilmSession, INSTANCE, meta_uid=META),
            association.send_n_create(copies(14), BasicFilmSession, INSTANCE, meta_uid=META),
            association.send_n_create(None, BasicFilmSession, meta_uid=META),
        ]
        deleted = association.send_n_delete(BasicFilmSession, INSTANCE, meta_uid=META)
    assert [status.Status for status, _ in results] == [0x0000, 0x0000, 0x0107, 0x0000, 0x0000, 0x0000]
    assert [reply for _, reply in results] == [copies(number) for number in (1, 2, 3, 4, 5, 5)]
    assert deleted.Status == 0x0112
    warning = results[2][0]
    assert list(warning.AttributeIdentifierList) == [0x20000010, 0x20000020]
    assert warning.ErrorComment == "not that one"
    assert (results[0][0].EventTypeID, results[0][0].AffectedSOPInstanceUID) == (2, INSTANCE)
    assert recorder.seen == [
        (COMMITMENT, INSTANCE),
        (2, copies(11)),
        (Printer, PRINTER),
        [0x21100010, 0x21100020],
        (BasicFilmSession, INSTANCE),
        copies(12),
        (BasicFilmSession, INSTANCE),
        (1, copies(13)),
        (BasicFilmSession, INSTANCE),
        copies(14),
        (BasicFilmSession, None),
        Dataset(),
        (BasicFilmSession, INSTANCE),
    ]


@ENDS
def test_nothing_but_a_status(end: Any) -> None:
    """No data set in the request, none in the response; one tag instead of several."""

    class Laconic(Recorder):
        def get(self, event: Any) -> Any:
            self.seen.append(event.attribute_identifiers)
            return 0x0000, Dataset()

        def action(self, event: Any) -> Any:
            self.seen.append(event.action_information)
            return 0x0110, copies(1)

    recorder = Laconic()
    with end(recorder, ImplicitVRLittleEndian) as association:
        found = association.send_n_get([0x21100010], Printer, PRINTER, meta_uid=META)
        acted = association.send_n_action(None, 1, BasicFilmSession, INSTANCE, meta_uid=META)
    assert (found[0].Status, found[1]) == (0x0000, Dataset())
    assert (acted[0].Status, acted[1]) == (0x0110, None)
    assert recorder.seen == [[0x21100010], Dataset()]


def test_an_event_reported_to_our_requestor() -> None:
    """pynetdicom's SCP reports while our SCU waits for its N-ACTION."""
    pynetdicom = require_pynetdicom()
    ours, theirs = Recorder(), Recorder()
    replies: list[Any] = []

    def act(event: Any) -> Any:
        replies.append(event.assoc.send_n_event_report(copies(11), 2, Printer, PRINTER, meta_uid=META))
        return 0x0000, None

    theirs.action = act  # type: ignore[method-assign]
    ae = pynetdicom.AE()
    ae.add_supported_context(META)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=theirs.bound(pynetdicom.evt))
    try:
        association = AE().associate(
            "127.0.0.1",
            server.server_address[1],
            contexts=[build_context(META)],
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, ours.event_report)],
        )
        with association:
            status, _ = association.send_n_action(None, 1, BasicFilmSession, INSTANCE)
    finally:
        server.shutdown()
    assert status.Status == 0x0000
    assert [(status.Status, reply) for status, reply in replies] == [(0x0000, copies(1))]
    assert ours.seen == [(Printer, PRINTER), (2, copies(11))]
