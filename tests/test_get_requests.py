"""C-GET as SCU: what the peer sends on the same association, in the middle of the responses (PS3.4 C.4.3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import model
import pytest
from queries import ABORT_BY_USER, PENDING, command, encoded, end, identifier, statuses
from raw_peer import CT, IMPLICIT, VERIFICATION, Raw, data_set, fake_acceptor, store_command
from servers import DEADLINE, wait_until

from fastdicom import AE, Association, build_context, build_role, evt
from fastdicom.errors import AssociationError
from fastdicom.sop_class import PatientRootQueryRetrieveInformationModelGet

GET = PatientRootQueryRetrieveInformationModelGet
GET_CONTEXT, CT_CONTEXT, ECHO_CONTEXT = 1, 3, 5


def store_rq(number: int, length: int = 1000) -> bytes:
    """Return a C-STORE request of the peer."""
    rq = store_command(number, f"1.2.3.{number}")
    return b"".join(model.message(CT_CONTEXT, rq, data_set(length, f"1.2.3.{number}"), 16382))


def store_rsp(message_id: int) -> bytes:
    elements = {0x0002: CT, 0x0100: 0x8001, 0x0120: message_id, 0x0900: 0, 0x1000: "1.2"}
    return command(elements, None, CT_CONTEXT)


def get_rsp(status: int, identifier: bytes | None = None, **changes: Any) -> bytes:
    """Return a response to the one C-GET there is."""
    elements = {0x0002: GET, 0x0100: 0x8010, 0x0120: 1, 0x0900: status}
    return command(elements | {int(name[1:], 16): value for name, value in changes.items()}, identifier)


def stored(peer: Raw, status: int = 0) -> None:
    """Receive the response to a C-STORE."""
    _, response, _ = peer.receive_message()
    assert (response[0x0100], response[0x0900]) == (0x8001, status)


@contextmanager
def getting(
    script: Callable[[Raw], None], handlers: Any = (), directory: Path | None = None, **settings: Any
) -> Iterator[Association]:
    """Associate with a scripted archive, which has got the C-GET request when the script begins."""
    ae = AE()
    ae.store_directory = directory
    for name, value in settings.items():
        setattr(ae, name, value)

    def run(peer: Raw) -> None:
        assert peer.receive_pdu()[:1] == b"\1"
        items = [
            model.application_context(),
            *(model.context_ac(number, 0, IMPLICIT) for number in (GET_CONTEXT, CT_CONTEXT, ECHO_CONTEXT)),
            model.user_information(
                model.maximum_length(16384),
                model.implementation_class_uid("1.2.3"),
                model.role_selection(CT, 0, 1),
            ),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        context_id, request, query = peer.receive_message()
        assert (context_id, request[0x0100], request[0x0110], query) == (GET_CONTEXT, 0x0010, 1, encoded())
        script(peer)

    with fake_acceptor(run) as port:
        association = ae.associate(
            "127.0.0.1",
            port,
            contexts=[build_context(each, IMPLICIT) for each in (GET, CT, VERIFICATION)],
            ext_neg=[build_role(CT, scp_role=True)],
            evt_handlers=list(handlers),
        )
        assert association.is_established
        try:
            yield association
        finally:
            association.abort()
            ae.store_directory = None


@pytest.mark.parametrize("is_stored", [True, False])
def test_objects_come_in_the_middle(tmp_path: Path, is_stored: bool) -> None:
    """To the store directory, or to the handler; an identifier never goes to a file."""
    seen: list[tuple[str, Any]] = []

    def store(event: Any) -> int:
        seen.append((event.request.AffectedSOPInstanceUID, event.dataset_path))
        assert event.dataset.SOPInstanceUID == seen[-1][0]
        return 0x0000

    failed = encoded(9)

    def script(peer: Raw) -> None:
        for number in (1, 2, 3):
            peer.send(store_rq(number))
            stored(peer)
            peer.send(get_rsp(PENDING, x1020=3 - number, x1021=number, x1022=0, x1023=0))
        peer.send(get_rsp(0xB000, failed, x1021=3, x1022=1, x1023=0))
        end(peer)

    directory = tmp_path if is_stored else None
    with getting(script, [(evt.EVT_C_STORE, store)], directory) as association:
        rows = list(association.send_c_get(identifier(), GET))
        assert [status.Status for status, _ in rows] == [PENDING] * 3 + [0xB000]
        assert [status.NumberOfCompletedSuboperations for status, _ in rows] == [1, 2, 3, 3]
        assert [match and match.PatientID for _, match in rows] == [None, None, None, "P9"]
        association.release()
        assert association.is_released
    assert [uid for uid, _ in seen] == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == ({f"1.2.3.{number}.dcm" for number in (1, 2, 3)} if is_stored else set())
    assert all((path is not None) == is_stored for _, path in seen)


def test_a_response_that_comes_before_ours() -> None:
    """It is sent when the peer likes: while it waits for ours, too."""

    def script(peer: Raw) -> None:
        peer.send(store_rq(1) + get_rsp(PENDING, x1020=1, x1021=0, x1022=0, x1023=0))
        stored(peer)
        peer.send(store_rq(2, 100_000) + get_rsp(PENDING, x1020=0, x1021=1, x1022=0, x1023=0))
        stored(peer)
        peer.send(get_rsp(0x0000, x1021=2, x1022=0, x1023=0))
        end(peer)

    with getting(script, [(evt.EVT_C_STORE, lambda event: 0)]) as association:
        assert statuses(association.send_c_get(identifier(), GET)) == [PENDING, PENDING, 0]
        association.release()


def test_another_operation_in_the_middle() -> None:
    """With a window of 1 the C-GET ends first, its objects included."""
    seen = []

    def script(peer: Raw) -> None:
        peer.send(get_rsp(PENDING))
        for number in (1, 2):
            peer.send(store_rq(number))
            stored(peer)
        peer.send(get_rsp(PENDING) + get_rsp(0))
        _, request, _ = peer.receive_message()
        assert request[0x0100] == 0x0030
        peer.send(command({0x0100: 0x8030, 0x0120: request[0x0110], 0x0900: 0}, None, ECHO_CONTEXT))
        end(peer)

    def store(event: Any) -> int:
        seen.append(event.request.AffectedSOPInstanceUID)
        with pytest.raises(AssociationError, match="Nothing was sent"):
            event.assoc.send_c_echo()  # which would wait for the end of what it is part of
        return 0

    with getting(script, [(evt.EVT_C_STORE, store)]) as association:
        responses = association.send_c_get(identifier(), GET)
        assert next(responses)[0].Status == PENDING
        assert association.send_c_echo().Status == 0
        assert statuses(responses) == [PENDING, 0] and seen == ["1.2.3.1", "1.2.3.2"]
        association.release()


def test_given_up_in_the_middle() -> None:
    """What comes until the peer has heard of it is served."""

    def script(peer: Raw) -> None:
        peer.send(get_rsp(PENDING))
        _, request, _ = peer.receive_message()
        assert (request[0x0100], request[0x0120]) == (0x0FFF, 1)
        peer.send(store_rq(1))
        stored(peer)
        peer.send(get_rsp(PENDING) + get_rsp(0xFE00))
        end(peer)

    seen = []
    with getting(script, [(evt.EVT_C_STORE, lambda event: seen.append(1) or 0)]) as association:
        with association.send_c_get(identifier(), GET) as responses:
            assert next(responses)[0].Status == PENDING
        association.release()
        assert association.is_released and seen == [1]


def test_the_handler_cancels() -> None:
    """From within the C-STORE handler, as users of pynetdicom ask for."""
    responses: Any = None

    def store(event: Any) -> int:
        responses.cancel()
        return 0

    def script(peer: Raw) -> None:
        peer.send(store_rq(1))
        _, request, _ = peer.receive_message()
        assert request[0x0100] == 0x0FFF
        stored(peer)
        peer.send(get_rsp(0xFE00, x1020=5, x1021=1, x1022=0, x1023=0))
        end(peer)

    with getting(script, [(evt.EVT_C_STORE, store)]) as association:
        responses = association.send_c_get(identifier(), GET)
        ((status, _),) = responses
        assert status.Status == 0xFE00 and status.NumberOfRemainingSuboperations == 5
        association.release()


def test_objects_are_progress() -> None:
    """An archive that sends no pending responses: dimse_timeout is for what comes, not for all of it."""

    def script(peer: Raw) -> None:
        for number in range(4):
            assert not peer.is_over.wait(0.1)
            peer.send(store_rq(number + 1))
            stored(peer)
        peer.send(get_rsp(0))
        end(peer)

    with getting(script, [(evt.EVT_C_STORE, lambda event: 0)], dimse_timeout=0.25) as association:
        assert statuses(association.send_c_get(identifier(), GET)) == [0]
        association.release()


HOSTILE = {
    "a C-STORE response": store_rsp(1),
    "a C-STORE response to what we answer": store_rsp(2),
    "a C-GET response as a C-MOVE response": get_rsp(PENDING, x0100=0x8021),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_c9_responses_of_another_operation(what: str) -> None:
    def script(peer: Raw) -> None:
        peer.send(get_rsp(PENDING) + store_rq(2))
        stored(peer)
        peer.send(HOSTILE[what] + get_rsp(0))
        assert peer.receive_pdu() == ABORT_BY_USER
        peer.close()

    with getting(script, [(evt.EVT_C_STORE, lambda event: 0)]) as association:
        assert statuses(association.send_c_get(identifier(), GET)) == [PENDING, None]
        assert association.is_aborted


def test_a_handler_that_hangs() -> None:
    """handler_timeout is for the requestor's handlers, too."""
    goes_on = threading.Event()

    def script(peer: Raw) -> None:
        peer.send(store_rq(1))
        stored(peer, 0xC211)
        assert peer.receive_pdu() == ABORT_BY_USER
        peer.close()

    def store(event: Any) -> int:
        assert goes_on.wait(DEADLINE)
        return 0

    with (
        ThreadPoolExecutor(1) as pool,
        getting(script, [(evt.EVT_C_STORE, store)], handler_timeout=0.1) as association,
    ):
        waiting = pool.submit(lambda: statuses(association.send_c_get(identifier(), GET)))
        wait_until(lambda: not association.ae._all_associations())  # while the handler hangs
        assert association.is_aborted and not waiting.done()
        goes_on.set()
        assert waiting.result(DEADLINE) == [None]
