"""Events: which are told, in what order, and what handlers of requests see and answer."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from raw_peer import CT, IMPLICIT, data_set
from servers import associate, await_event, serving, store_ae

from fastdicom import AE, Association, build_context, evt
from fastdicom.sop_class import CTImageStorage, Verification

EXPLICIT = "1.2.840.10008.1.2.1"
CONTEXTS = [build_context(Verification), build_context(CT, [EXPLICIT, IMPLICIT])]
AS_IT_IS = [build_context(Verification), build_context(CT, EXPLICIT)]

NOTIFICATIONS = [
    value for value in vars(evt).values() if isinstance(value, evt.EventType) and value.is_notification
]


class Diary:
    """What was told, in order."""

    def __init__(self, events: list[evt.EventType]) -> None:
        self.entries: list[str] = []
        self.events: list[evt.Event] = []
        self.handlers: list[Any] = [(event, self.note) for event in events]

    def note(self, event: evt.Event) -> None:
        self.entries.append(event.event.name.removeprefix("EVT_"))
        self.events.append(event)


# The stages of an association, told once each.
STAGES = [
    evt.EVT_CONN_OPEN,
    evt.EVT_REQUESTED,
    evt.EVT_ACCEPTED,
    evt.EVT_ESTABLISHED,
    evt.EVT_RELEASED,
    evt.EVT_ABORTED,
    evt.EVT_REJECTED,
    evt.EVT_CONN_CLOSE,
]


def use(ours: Diary, theirs: Diary, work: Any, **ae_options: Any) -> None:
    """Associate with diaries on both sides, work, and release if `work` has not ended it."""
    ae = store_ae({CT})
    for name, value in ae_options.items():
        setattr(ae, name, value)
    closed = threading.Event()
    handlers = [
        *theirs.handlers,
        (evt.EVT_C_STORE, lambda event: 0x0000),
        (evt.EVT_CONN_CLOSE, lambda event: closed.set()),
    ]
    with serving(ae, handlers) as server:
        association = associate(AE(), server, contexts=CONTEXTS, evt_handlers=ours.handlers)
        work(association)
        association.release()
        await_event(closed)


def nothing(association: Association) -> None:
    pass


def abort(association: Association) -> None:
    association.abort()


@pytest.mark.parametrize(
    ("work", "end"), [(nothing, "RELEASED"), (abort, "ABORTED")], ids=["released", "aborted"]
)
def test_the_stages_of_an_association(work: Any, end: str) -> None:
    ours, theirs = Diary(STAGES), Diary(STAGES)
    use(ours, theirs, work)
    assert ours.entries == ["CONN_OPEN", "REQUESTED", "ACCEPTED", "ESTABLISHED", end, "CONN_CLOSE"]
    assert theirs.entries == ["CONN_OPEN", "REQUESTED", "ACCEPTED", "ESTABLISHED", end, "CONN_CLOSE"]


def test_the_stages_of_a_rejected_association() -> None:
    ours, theirs = Diary(STAGES), Diary(STAGES)
    use(ours, theirs, nothing, require_calling_aet=["SOMEBODY"])
    assert ours.entries == ["CONN_OPEN", "REQUESTED", "REJECTED", "CONN_CLOSE"]
    assert theirs.entries == ["CONN_OPEN", "REQUESTED", "REJECTED", "CONN_CLOSE"]


def test_pdus_and_messages_of_both_sides() -> None:
    kinds = [
        evt.EVT_PDU_RECV,
        evt.EVT_PDU_SENT,
        evt.EVT_DIMSE_RECV,
        evt.EVT_DIMSE_SENT,
    ]
    ours, theirs = Diary(kinds), Diary(kinds)

    def echo(association: Association) -> None:
        assert association.send_c_echo().Status == 0x0000

    use(ours, theirs, echo)

    def told(diary: Diary) -> list[tuple[str, str]]:
        return [
            (name, type(event.pdu).__name__ if "PDU" in name else event.message.name)
            for name, event in zip(diary.entries, diary.events, strict=True)
        ]

    assert told(ours) == [
        ("PDU_SENT", "A_ASSOCIATE_RQ"),
        ("PDU_RECV", "A_ASSOCIATE_AC"),
        ("PDU_SENT", "P_DATA_TF"),
        ("DIMSE_SENT", "C-ECHO-RQ"),
        ("PDU_RECV", "P_DATA_TF"),
        ("DIMSE_RECV", "C-ECHO-RSP"),
        ("PDU_SENT", "A_RELEASE_RQ"),
        ("PDU_RECV", "A_RELEASE_RP"),
    ]
    assert told(theirs) == [
        ("PDU_RECV", "A_ASSOCIATE_RQ"),
        ("PDU_SENT", "A_ASSOCIATE_AC"),
        ("PDU_RECV", "P_DATA_TF"),
        ("DIMSE_RECV", "C-ECHO-RQ"),
        ("PDU_SENT", "P_DATA_TF"),
        ("DIMSE_SENT", "C-ECHO-RSP"),
        ("PDU_RECV", "A_RELEASE_RQ"),
        ("PDU_SENT", "A_RELEASE_RP"),
    ]


@pytest.mark.parametrize("size", [64, 100_000])
def test_the_bytes_of_both_sides(size: int) -> None:
    """What one side shows as sent, the other shows as received."""
    ours, theirs = (Diary([evt.EVT_DATA_SENT, evt.EVT_DATA_RECV]) for _ in range(2))

    def store(association: Association) -> None:
        assert association.send_c_store(data_set(size), transfer_syntax=IMPLICIT).Status == 0x0000

    use(ours, theirs, store)

    def shown(diary: Diary, name: str) -> list[bytes]:
        return [event.data for event in diary.events if event.event.name == name]

    assert shown(ours, "EVT_DATA_SENT") == shown(theirs, "EVT_DATA_RECV")
    assert shown(theirs, "EVT_DATA_SENT") == shown(ours, "EVT_DATA_RECV")
    assert sum(map(len, shown(ours, "EVT_DATA_SENT"))) > size


def test_acse_events_are_those_of_association_control() -> None:
    ours, theirs = (Diary([evt.EVT_ACSE_SENT, evt.EVT_ACSE_RECV]) for _ in range(2))
    use(ours, theirs, lambda association: association.send_c_echo())
    assert ours.entries == ["ACSE_SENT", "ACSE_RECV", "ACSE_SENT", "ACSE_RECV"]
    assert theirs.entries == ["ACSE_RECV", "ACSE_SENT", "ACSE_RECV", "ACSE_SENT"]


def test_transitions_of_both_sides() -> None:
    """PS3.8 Table 9-10, for an association with one C-ECHO."""
    ours, theirs = (Diary([evt.EVT_FSM_TRANSITION]) for _ in range(2))
    use(ours, theirs, lambda association: association.send_c_echo())

    def path(diary: Diary) -> list[tuple[str, str, str, str]]:
        return [(e.current_state, e.fsm_event, e.action, e.next_state) for e in diary.events]

    acceptor = path(theirs)
    assert acceptor[:3] == [
        ("Sta2", "Evt6", "AE-6", "Sta3"),
        ("Sta3", "Evt7", "AE-7", "Sta6"),
        ("Sta6", "Evt10", "DT-2", "Sta6"),
    ] or acceptor[:4] == [
        ("Sta1", "Evt5", "AE-5", "Sta2"),
        ("Sta2", "Evt6", "AE-6", "Sta3"),
        ("Sta3", "Evt7", "AE-7", "Sta6"),
        ("Sta6", "Evt10", "DT-2", "Sta6"),
    ]
    assert acceptor[-3:] == [
        ("Sta6", "Evt12", "AR-2", "Sta8"),
        ("Sta8", "Evt14", "AR-4", "Sta13"),
        ("Sta13", "Evt17", "AR-5", "Sta1"),
    ]
    requestor = path(ours)
    assert ("Sta5", "Evt3", "AE-3", "Sta6") in requestor
    assert ("Sta6", "Evt9", "DT-1", "Sta6") in requestor
    assert ("Sta6", "Evt11", "AR-1", "Sta7") in requestor
    assert ("Sta7", "Evt13", "AR-3", "Sta1") in requestor


def test_each_notification_may_raise_without_harm(caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: evt.Event) -> None:
        raise KeyError(event.event.name)

    ours, theirs = Diary([]), Diary([evt.EVT_CONN_CLOSE])
    ours.handlers = [(event, fail) for event in NOTIFICATIONS]
    theirs.handlers += [(event, fail) for event in NOTIFICATIONS]

    def work(association: Association) -> None:
        assert association.send_c_echo().Status == 0x0000
        assert association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status == 0x0000
        association.release()
        assert association.is_released

    use(ours, theirs, work)
    assert "EVT_ESTABLISHED raised" in caplog.text


def test_arguments_and_several_handlers() -> None:
    told: list[Any] = []
    handlers = [
        (evt.EVT_ESTABLISHED, lambda event, *arguments: told.append(arguments), ["a", 1]),
        (evt.EVT_ESTABLISHED, lambda event: told.append("second")),
    ]
    with (
        serving(store_ae(set())) as server,
        associate(AE(), server, contexts=CONTEXTS[:1], evt_handlers=handlers),
    ):
        assert told == [("a", 1), "second"]


def test_bind_and_unbind_while_associated() -> None:
    told: list[str] = []

    def note(event: evt.Event) -> None:
        told.append(event.event.name)

    with serving(store_ae(set())) as server, associate(AE(), server, contexts=CONTEXTS[:1]) as association:
        assert association.get_events() == []
        association.send_c_echo()
        assert told == []
        association.bind(evt.EVT_DIMSE_RECV, note)
        association.bind(evt.EVT_DATA_SENT, note)
        assert association.get_handlers(evt.EVT_DIMSE_RECV) == [(note, ())] or association.get_handlers(
            evt.EVT_DIMSE_RECV
        ) == [(note, None)]
        association.send_c_echo()
        assert told == ["EVT_DATA_SENT", "EVT_DIMSE_RECV"]
        association.unbind(evt.EVT_DATA_SENT, note)
        association.send_c_echo()
        assert told == ["EVT_DATA_SENT", "EVT_DIMSE_RECV", "EVT_DIMSE_RECV"]
        association.unbind(evt.EVT_DIMSE_RECV, note)
        association.send_c_echo()
        assert len(told) == 3
        assert association.get_events() == []


def test_bind_on_a_server_reaches_the_associations_there_are() -> None:
    with (
        serving(store_ae({CT}), [(evt.EVT_C_STORE, lambda event: 0xA701)]) as server,
        associate(AE(), server, contexts=CONTEXTS) as association,
    ):

        def store() -> int:
            status: int = association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status
            return status

        def succeed(event: evt.Event) -> int:
            return 0x0000

        assert store() == 0xA701
        server.bind(evt.EVT_C_STORE, succeed)
        assert store() == 0x0000
        server.unbind(evt.EVT_C_STORE, succeed)
        assert store() == 0xC211


# --- what a handler answers ------------------------------------------------------------------------------


def full_status() -> Dataset:
    status = Dataset()
    status.Status = 0xA702
    status.ErrorComment = "the reason is a long one: " + "x" * 80
    status.OffendingElement = [0x00080018, 0x7FE00010]
    return status


def raises(event: evt.Event) -> int:
    raise ZeroDivisionError


STATUSES: dict[str, tuple[Any, int]] = {
    "success": (lambda event: 0x0000, 0x0000),
    "warning": (lambda event: 0xB000, 0xB000),
    "failure": (lambda event: 0xA700, 0xA700),
    "unknown": (lambda event: 0xFFF0, 0xFFF0),
    "a Dataset": (lambda event: full_status(), 0xA702),
    "an empty Dataset": (lambda event: Dataset(), 0xC001),
    "None": (lambda event: None, 0xC002),
    "a str": (lambda event: "0x0000", 0xC002),
    "too large": (lambda event: 0x10000, 0xC002),
    "negative": (lambda event: -1, 0xC002),
    "raises": (raises, 0xC211),
}


@pytest.mark.parametrize("name", STATUSES)
def test_the_status_of_a_store(name: str) -> None:
    handler, status = STATUSES[name]
    with (
        serving(store_ae({CT}), [(evt.EVT_C_STORE, handler)]) as server,
        associate(AE(), server, contexts=CONTEXTS) as association,
    ):
        for _ in range(2):
            answer = association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
            assert answer.Status == status
        if name == "a Dataset":
            assert answer.ErrorComment == full_status().ErrorComment[:64]
            assert [int(tag) for tag in answer.OffendingElement] == [0x00080018, 0x7FE00010]


@pytest.mark.parametrize("name", ["success", "a Dataset", "an empty Dataset", "None"])
def test_the_status_of_an_echo(name: str) -> None:
    handler, status = STATUSES[name]
    with (
        serving(store_ae(set()), [(evt.EVT_C_ECHO, handler)]) as server,
        associate(AE(), server, contexts=CONTEXTS[:1]) as association,
    ):
        assert association.send_c_echo().Status == status


def test_without_a_handler_a_store_fails_and_an_echo_does_not() -> None:
    with serving(store_ae({CT})) as server, associate(AE(), server, contexts=CONTEXTS) as association:
        assert association.send_c_store(data_set(), transfer_syntax=IMPLICIT).Status == 0xC211
        assert association.send_c_echo().Status == 0x0000


# --- what a handler sees ---------------------------------------------------------------------------------


def what_a_handler_sees(event: evt.StoreEvent) -> dict[str, Any]:
    """Taken within the handler: what was spooled is gone behind it."""
    return {
        "encoded": bytes(event.encoded),
        "is_readonly": memoryview(event.encoded).readonly,
        "dataset": (event.dataset.PatientName, event.dataset.PixelData),
        "file": event.encoded_dataset(),
        "bare": event.encoded_dataset(include_meta=False),
        "meta": event.file_meta,
        "path": event.dataset_path,
        "content": event.dataset_path.read_bytes() if event.dataset_path else None,
        "event": event,
        "request": event.request,
        "same": event.dataset is event.dataset,
    }


@pytest.mark.parametrize("where", ["memory", "directory", "spooled"])
def test_the_attributes_of_a_store_event(where: str, tmp_path: Path) -> None:
    path = Path(str(get_testdata_file("CT_small.dcm", download=False)))
    original = dcmread(path)
    seen: dict[str, Any] = {}
    done = threading.Event()

    def look(event: evt.StoreEvent) -> int:
        seen.update(what_a_handler_sees(event))
        done.set()
        return 0x0000

    ae = store_ae({CT})
    if where == "directory":
        ae.store_directory = tmp_path
    if where == "spooled":
        ae.memory_limit = 10_000
    with (
        serving(ae, [(evt.EVT_C_STORE, look)]) as server,
        associate(AE("SENDER"), server, contexts=AS_IT_IS) as association,
    ):
        before = datetime.now()  # noqa: DTZ005
        answer = association.send_c_store(
            path, msg_id=77, priority=1, originator_aet="MOVER", originator_id=5
        )
    assert answer.Status == 0x0000
    encoded = path.read_bytes()[-len(seen["encoded"]) :]
    assert seen["encoded"] == encoded == seen["bare"]
    assert len(encoded) > 30_000
    assert seen["is_readonly"]
    assert seen["dataset"] == (original.PatientName, original.PixelData)
    assert seen["same"]
    meta = seen["meta"]
    assert meta.MediaStorageSOPClassUID == CTImageStorage
    assert meta.MediaStorageSOPInstanceUID == original.SOPInstanceUID
    assert meta.TransferSyntaxUID == EXPLICIT
    assert seen["file"][128:132] == b"DICM" and seen["file"].endswith(encoded)
    if where == "memory":
        assert seen["path"] is None
    else:
        assert seen["content"] == seen["file"]
        assert seen["path"].exists() == (where == "directory")
    assert_what_the_request_says(seen["event"], seen["request"], original.SOPInstanceUID)
    assert abs((seen["event"].timestamp - before).total_seconds()) < 60
    if where == "memory":
        assert seen["request"].DataSet.getvalue() == encoded


def assert_what_the_request_says(event: evt.StoreEvent, request: Any, sop_instance_uid: str) -> None:
    assert event.message_id == 77
    assert event.context.abstract_syntax == CT and event.context.transfer_syntax == EXPLICIT
    assert event.context.context_id == 3
    assert event.assoc.is_acceptor and event.assoc.requestor.ae_title == "SENDER"
    assert event.event is evt.EVT_C_STORE
    assert request.MessageID == 77 and request.Priority == 1
    assert request.AffectedSOPClassUID == CT
    assert request.AffectedSOPInstanceUID == sop_instance_uid
    assert request.MoveOriginatorApplicationEntityTitle == "MOVER" and request.MoveOriginatorMessageID == 5


def test_what_a_handler_keeps_stays_as_it_was() -> None:
    """Its memory is not used for the next object."""
    kept: list[memoryview] = []
    with (
        serving(
            store_ae({CT}), [(evt.EVT_C_STORE, lambda event: kept.append(event.encoded) or 0x0000)]
        ) as server,
        associate(AE(), server, contexts=CONTEXTS) as association,
    ):
        sent = [data_set(50_000 + 2 * i, f"1.2.{i}") for i in range(20)]
        for encoded in sent:
            assert association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status == 0x0000
    assert [bytes(view) for view in kept] == sent
