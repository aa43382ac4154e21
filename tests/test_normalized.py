"""The DIMSE-N services over sockets: what goes over the wire, and what either side gets of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from raw_peer import IMPLICIT
from servers import DEADLINE, associate, serving, wait_until

from fastdicom import AE, Association, build_context, build_role, evt
from fastdicom.errors import AssociationError
from fastdicom.sop_class import (
    BasicColorPrintManagementMeta,
    BasicFilmSession,
    BasicGrayscalePrintManagementMeta,
    CTImageStorage,
    Printer,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
)

GRAYSCALE = BasicGrayscalePrintManagementMeta
INSTANCE = "1.2.3.4"

# (2000,0010) Number of Copies "2", Implicit VR Little Endian
COPIES = bytes.fromhex("0020 1000 02000000") + b"2 "


def copies(number: int = 2) -> Dataset:
    dataset = Dataset()
    dataset.NumberOfCopies = number
    return dataset


@contextmanager
def printer(
    handlers: list[Any], *sop_classes: str, ext_neg: Any = (), own: list[Any] | None = None, **roles: bool
) -> Iterator[tuple[Association, Association]]:
    """Associate with a print SCP that has these handlers; both sides' associations are what comes out."""
    scp = AE()
    for sop_class in sop_classes or (GRAYSCALE,):
        scp.add_supported_context(sop_class, **roles)
    with serving(scp, handlers) as server:
        scu = AE()
        contexts = [build_context(sop_class, IMPLICIT) for sop_class in sop_classes or (GRAYSCALE,)]
        with associate(
            scu, server, contexts=contexts, ext_neg=list(ext_neg), evt_handlers=own or []
        ) as association:
            wait_until(lambda: server.active_associations)
            yield association, server.active_associations[0]


def film_session(event: Any) -> Any:
    assert event.request.AffectedSOPClassUID == BasicFilmSession
    return 0x0000, copies(event.attribute_list.NumberOfCopies + 1)


# Both ends are ours.


def test_n_create() -> None:
    with printer([(evt.EVT_N_CREATE, film_session)]) as (association, _):
        status, attributes = association.send_n_create(copies(), BasicFilmSession, INSTANCE)
    assert status.Status == 0x0000
    assert attributes == copies(3)


def test_n_create_of_what_has_no_name_yet() -> None:
    def handle(event: Any) -> Any:
        assert event.request.AffectedSOPInstanceUID is None
        reply = copies(5)
        reply.AffectedSOPInstanceUID = "1.2.99"
        return 0x0000, reply

    with printer([(evt.EVT_N_CREATE, handle)]) as (association, _):
        status, attributes = association.send_n_create(None, BasicFilmSession)
    assert (status.Status, status.AffectedSOPInstanceUID) == (0x0000, "1.2.99")
    assert attributes == copies(5)


def test_n_set() -> None:
    def handle(event: Any) -> Any:
        assert event.request.RequestedSOPInstanceUID == INSTANCE
        status = Dataset()
        status.Status = 0x0107
        status.AttributeIdentifierList = [Tag("NumberOfCopies"), Tag("PrintPriority")]
        return status, event.modification_list

    with printer([(evt.EVT_N_SET, handle)]) as (association, _):
        status, attributes = association.send_n_set(copies(7), BasicFilmSession, INSTANCE)
    assert status.Status == 0x0107
    assert list(status.AttributeIdentifierList) == [0x20000010, 0x20000020]
    assert attributes == copies(7)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ([0x21100010, Tag("PrinterStatusInfo")], [0x21100010, 0x21100020]),
        ([(0x2110, 0x0010), "PrinterStatusInfo"], [0x21100010, 0x21100020]),
        (Tag("PrinterStatus"), [0x21100010]),
        ("PrinterStatus", [0x21100010]),
        ([], []),
        (None, []),
    ],
    ids=["tags", "pairs and keywords", "a tag", "a keyword", "no tags", "None"],
)
def test_n_get(asked: Any, seen: list[int]) -> None:
    def handle(event: Any) -> Any:
        assert event.attribute_identifiers == seen
        assert all(isinstance(tag, type(Tag(0))) for tag in event.attribute_identifiers)
        reply = Dataset()
        reply.PrinterStatus = "NORMAL"
        return 0x0000, reply

    with printer([(evt.EVT_N_GET, handle)]) as (association, _):
        status, attributes = association.send_n_get(asked, Printer, "1.2.840.10008.5.1.1.17")
    assert status.Status == 0x0000
    assert attributes is not None
    assert attributes.PrinterStatus == "NORMAL"


def test_n_action() -> None:
    def handle(event: Any) -> Any:
        return 0x0000, copies(event.action_information.NumberOfCopies + event.action_type)

    with printer([(evt.EVT_N_ACTION, handle)]) as (association, _):
        status, reply = association.send_n_action(copies(), 1, BasicFilmSession, INSTANCE)
    assert (status.Status, reply) == (0x0000, copies(3))


def test_n_delete() -> None:
    def handle(event: Any) -> Any:
        status = Dataset()
        status.Status = 0x0112
        status.ErrorComment = f"there is no {event.request.RequestedSOPInstanceUID}"
        return status

    with printer([(evt.EVT_N_DELETE, handle)]) as (association, _):
        status = association.send_n_delete(BasicFilmSession, INSTANCE)
    assert status.Status == 0x0112
    assert status.ErrorComment == "there is no 1.2.3.4"


def reporter(seen: list[Any]) -> Callable[[Any], Any]:
    def handle(event: Any) -> Any:
        seen.append((event.event_type, event.event_information))
        return 0x0000, copies(9)

    return handle


def report(association: Association) -> Any:
    """Send an N-EVENT-REPORT, and return what came back."""
    return association.send_n_event_report(copies(), 2, Printer, "1.2.840.10008.5.1.1.17")


def test_n_event_report_to_a_requestor_that_waits() -> None:
    """The SCP reports an event before it answers."""
    seen: list[Any] = []
    answers = []

    def act(event: Any) -> Any:
        answers.append(report(event.assoc))
        return 0x0000, None

    with printer([(evt.EVT_N_ACTION, act)], own=[(evt.EVT_N_EVENT_REPORT, reporter(seen))]) as (scu, _):
        status, reply = scu.send_n_action(None, 1, BasicFilmSession, INSTANCE)
    assert (status.Status, reply) == (0x0000, Dataset())
    assert seen == [(2, copies())]
    ((status, reply),) = answers
    assert (status.Status, reply) == (0x0000, copies(9))
    assert status.EventTypeID == 2
    assert status.AffectedSOPClassUID == Printer
    assert status.AffectedSOPInstanceUID == "1.2.840.10008.5.1.1.17"


def test_n_event_report_to_a_requestor_that_is_idle() -> None:
    seen: list[Any] = []
    with printer([], own=[(evt.EVT_N_EVENT_REPORT, reporter(seen))]) as (scu, scp):
        status, reply = while_idle(scu, lambda: report(scp))
    assert (status.Status, reply) == (0x0000, copies(9))
    assert seen == [(2, copies())]


def while_idle(requestor: Association, operation: Callable[[], Any]) -> Any:
    """Return what an operation of the acceptor returns, while the requestor does nothing but look."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(operation()))
    thread.start()
    wait_until(lambda: requestor.is_established and results, "the response")
    thread.join(DEADLINE)
    return results[0]


def commitment_report(association: Association) -> Any:
    uids = StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    return association.send_n_event_report(copies(), 1, *uids)


def test_n_event_report_of_a_requestor_that_is_scp() -> None:
    """The reverse association of a storage commitment."""
    seen: list[Any] = []
    with printer(
        [(evt.EVT_N_EVENT_REPORT, reporter(seen))],
        StorageCommitmentPushModel,
        ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        scu_role=False,
        scp_role=True,
    ) as (scp, scu):
        status, reply = commitment_report(scp)
        with pytest.raises(ValueError, match="on which this side is SCU"):
            scp.send_n_action(None, 1, StorageCommitmentPushModel, INSTANCE)
        uids = StorageCommitmentPushModel, INSTANCE
        assert while_idle(scp, lambda: scu.send_n_action(None, 1, *uids))[0].Status == 0x0110
    assert (status.Status, reply) == (0x0000, copies(9))
    assert seen == [(1, copies())]


def test_n_event_report_of_a_requestor_without_that_role() -> None:
    """Many SCPs do not negotiate it, and pynetdicom takes it."""
    seen: list[Any] = []
    handlers = [(evt.EVT_N_EVENT_REPORT, reporter(seen))]
    with printer(handlers, StorageCommitmentPushModel) as (scp, _):
        status, reply = commitment_report(scp)
    assert (status.Status, reply) == (0x0000, copies(9))
    assert seen == [(1, copies())]


# Presentation contexts.


def note_context(seen: list[str]) -> Callable[[Any], Any]:
    def handle(event: Any) -> Any:
        seen.append(event.context.abstract_syntax)
        return 0x0000, None

    return handle


@pytest.mark.parametrize(
    ("accepted", "meta_uid", "chosen"),
    [
        ([GRAYSCALE, BasicFilmSession], None, BasicFilmSession),
        ([GRAYSCALE, BasicFilmSession], GRAYSCALE, GRAYSCALE),
        ([CTImageStorage, BasicColorPrintManagementMeta, GRAYSCALE], None, BasicColorPrintManagementMeta),
        ([BasicColorPrintManagementMeta, GRAYSCALE], GRAYSCALE, GRAYSCALE),
    ],
    ids=["itself first", "the one that is named", "the first that has it", "not the first"],
)
def test_the_context_of_a_member_of_a_meta_sop_class(
    accepted: list[str], meta_uid: str | None, chosen: str
) -> None:
    seen: list[str] = []
    with printer([(evt.EVT_N_CREATE, note_context(seen))], *accepted) as (association, _):
        status, _ = association.send_n_create(None, BasicFilmSession, INSTANCE, meta_uid=meta_uid)
    assert status.Status == 0x0000
    assert seen == [chosen]


@pytest.mark.parametrize("accepted", [UnifiedProcedureStepPull, UnifiedProcedureStepWatch])
def test_a_command_names_push_on_the_context_of_another_ups_class(accepted: str) -> None:
    seen: list[str] = []
    with printer([(evt.EVT_N_GET, note_context(seen))], accepted) as (association, _):
        status, _ = association.send_n_get(None, UnifiedProcedureStepPush, INSTANCE)
    assert status.Status == 0x0000
    assert seen == [accepted]


def test_nothing_is_sent_without_a_context() -> None:
    sent: list[Any] = []
    own = [(evt.EVT_DIMSE_SENT, sent.append)]
    with printer([], GRAYSCALE, own=own) as (association, scp):
        with pytest.raises(ValueError, match="no accepted presentation context for Storage Commitment Push"):
            association.send_n_action(None, 1, StorageCommitmentPushModel, INSTANCE)
        with pytest.raises(ValueError, match="no accepted presentation context for Basic Color Print"):
            association.send_n_delete(BasicFilmSession, INSTANCE, meta_uid=BasicColorPrintManagementMeta)
        with pytest.raises(ValueError, match="on which this side is SCU"):
            scp.send_n_get([], Printer, INSTANCE)
        assert association.is_established
    assert sent == []


# What cannot be sent.


def test_what_cannot_be_sent() -> None:
    sent: list[Any] = []
    with printer([], own=[(evt.EVT_DIMSE_SENT, sent.append)]) as (association, _):
        broken = Dataset()
        broken.add_new("Rows", "US", "many")
        with pytest.raises(ValueError, match="cannot be encoded in Implicit VR Little Endian"):
            association.send_n_set(broken, BasicFilmSession, INSTANCE)
        with pytest.raises(TypeError, match="a pydicom Dataset or a buffer can be sent, not dict"):
            association.send_n_set({"NumberOfCopies": 2}, BasicFilmSession, INSTANCE)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"\(0000,1008\) is 65536"):
            association.send_n_action(None, 65536, BasicFilmSession, INSTANCE)
        with pytest.raises(ValueError, match="more than 1024 tags"):
            association.send_n_get(range(1025), Printer, INSTANCE)
        with pytest.raises(ValueError, match="msg_id is 0"):
            association.send_n_delete(BasicFilmSession, INSTANCE, 0)
        for missing in ("", None):
            with pytest.raises(ValueError, match="the request must name an instance"):
                association.send_n_get([], Printer, missing)  # type: ignore[arg-type]
        assert association.is_established
    assert sent == []


def test_an_association_that_is_over() -> None:
    with printer([]) as (association, _):
        pass
    for call in (
        lambda: association.send_n_event_report(None, 1, Printer, INSTANCE),
        lambda: association.send_n_get([], Printer, INSTANCE),
        lambda: association.send_n_set(copies(), BasicFilmSession, INSTANCE),
        lambda: association.send_n_action(None, 1, BasicFilmSession, INSTANCE),
        lambda: association.send_n_create(None, BasicFilmSession, INSTANCE),
        lambda: association.send_n_delete(BasicFilmSession, INSTANCE),
    ):
        with pytest.raises(AssociationError, match="has been released") as raised:
            call()
        assert isinstance(raised.value, RuntimeError)


def test_the_transfer_syntax_is_that_of_the_context() -> None:
    scp = AE()
    scp.add_supported_context(GRAYSCALE, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

    def handle(event: Any) -> Any:
        assert event.encoded.to_bytes()[4:6] == b"IS"
        return 0x0000, event.encoded

    with serving(scp, [(evt.EVT_N_SET, handle)]) as server:
        contexts = [build_context(GRAYSCALE, ExplicitVRLittleEndian)]
        with associate(AE(), server, contexts=contexts) as association:
            status, attributes = association.send_n_set(copies(), BasicFilmSession, INSTANCE)
    assert (status.Status, attributes) == (0x0000, copies())
