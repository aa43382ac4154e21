"""`send_c_store_many`: every item is told of once, with what has become of it, whatever the peer does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import model
import pytest
from many_stores import ABORT_OF_USER, WINDOW, end, many, number_of, objects, outcomes, peer
from pydicom import dcmread
from pydicom.data import get_testdata_file
from raw_peer import CT, Raw, data_set, response
from servers import associate, await_event, serving, store_ae

from fastdicom import AE, EncodedDataset, build_async_ops, build_context, evt
from fastdicom.errors import AssociationAborted, NoAcceptedContext
from fastdicom.services.outcomes import Outcome, Stored, Verdict

# --- what becomes of items -------------------------------------------------------------------------------


def test_statuses_are_told_as_they_are() -> None:
    statuses = [0x0000, 0xA700, 0xC000, 0xB000, 0x0122]

    def script(raw: Raw) -> None:
        for _ in statuses:
            request = raw.receive_message()[1]
            raw.send(response(request, statuses[number_of(request)]))
        end(raw)

    with peer(script) as association:
        told = list(many(association, objects(5)))
        association.release()
    assert sorted(status.Status for _, status in told) == sorted(statuses)
    assert {(each.status.Status, each.outcome, each.verdict) for each in told} == {
        (0x0000, Outcome.STORED, Verdict.DONE),
        (0xA700, Outcome.FAILED, Verdict.RETRY_LATER),
        (0xC000, Outcome.FAILED, Verdict.NEVER_RETRY),
        (0xB000, Outcome.WARNING, Verdict.DONE),
        (0x0122, Outcome.FAILED, Verdict.NEVER_RETRY),
    }


def test_whatever_send_c_store_takes(tmp_path: Path) -> None:
    """And what cannot be sent fails by itself: the others go."""
    file = Path(str(get_testdata_file("CT_small.dcm")))
    other = str(get_testdata_file("MR_small.dcm"))
    (tmp_path / "text").write_text("no DICOM file")
    items: list[Any] = [
        file,
        tmp_path / "missing",
        str(file),
        tmp_path / "text",
        dcmread(file),
        other,
        file.read_bytes(),
        17,
        EncodedDataset.open(file),
        memoryview(file.read_bytes()),
    ]
    stored: list[str] = []
    handlers = [
        (evt.EVT_C_STORE, lambda event: stored.append(event.request.AffectedSOPClassUID) or 0),
        (evt.EVT_ASYNC_OPS, lambda event: (WINDOW, 1)),
    ]
    with serving(store_ae({CT}), handlers) as server:
        proposed = [build_context(CT)]
        with associate(AE(), server, contexts=proposed, ext_neg=[build_async_ops(4, 1)]) as association:
            told = {
                next(i for i, each in enumerate(items) if each is item): result
                for item, result in ((result.item, result) for result in association.send_c_store_many(items))
            }
    assert len(told) == len(items)
    failed = {1: FileNotFoundError, 3: ValueError, 5: NoAcceptedContext, 7: TypeError}
    for number, result in told.items():
        if number in failed:
            assert isinstance(result.error, failed[number])
            assert (result.outcome, result.verdict) == (Outcome.FAILED, Verdict.NEVER_RETRY)
            assert "Status" not in result.status
        else:
            assert (result.outcome, result.error, result.status.Status) == (Outcome.STORED, None, 0)
    assert len(stored) == len(items) - len(failed)


@pytest.mark.parametrize("answered", [0, 3, WINDOW - 1])
@pytest.mark.parametrize("how", ["abort", "close", "reset"])
def test_a_broken_association(answered: int, how: str) -> None:
    """With the window full, and some of it answered: those are stored, others unknown, the rest not sent."""

    def script(raw: Raw) -> None:
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(*map(response, requests[WINDOW - answered :]))
        for _ in range(answered):
            raw.receive_message()
        if how == "abort":
            raw.send(ABORT_OF_USER)
        raw.reset() if how == "reset" else raw.close()

    with peer(script) as association:
        items = list(objects(20))
        told = list(many(association, items))
        assert association.is_aborted
    assert sorted(items.index(each.item) for each in told) == list(range(20))
    by_number = {items.index(each.item): each for each in told}
    # Of those that were to follow the answered ones, any may not have left before the end.
    sent = WINDOW + answered
    for number, each in by_number.items():
        if WINDOW - answered <= number < WINDOW:
            assert each.outcome is Outcome.STORED
            continue
        allowed = {Outcome.UNKNOWN} if number < sent else {Outcome.NOT_SENT}
        assert each.outcome in allowed, number
        assert isinstance(each.error, AssociationAborted)
        is_unknown = each.outcome is Outcome.UNKNOWN
        assert each.verdict is (Verdict.MAYBE_STORED if is_unknown else Verdict.RETRY_LATER)


def test_an_object_that_did_not_leave_whole_cannot_have_been_stored() -> None:
    """The peer stops reading in the middle of it, and goes."""

    def script(raw: Raw) -> None:
        raw.receive_message()
        raw.receive(100_000)
        raw.reset()

    with peer(script, receive_buffer=8192) as association:
        small, large = data_set(100, "1.2.3.0"), data_set(32 << 20, "1.2.3.1")
        told = list(many(association, [small, large, small]))
    assert [each.outcome for each in told if each.item is large] == [Outcome.NOT_SENT]
    assert sorted(each.outcome.value for each in told if each.item is small) == ["not sent", "unknown"]


def test_a_response_that_comes_just_before_the_end_counts() -> None:
    """While the next object goes out, which does not leave whole."""

    def script(raw: Raw) -> None:
        request = raw.receive_message()[1]
        raw.receive(100_000)
        raw.send(response(request), ABORT_OF_USER)
        raw.receive_all()

    with peer(script, receive_buffer=8192) as association:
        small, large = data_set(100, "1.2.3.0"), data_set(8 << 20, "1.2.3.1")
        told = list(many(association, [small, large]))
    assert {each.item is small: each.outcome for each in told} == {
        True: Outcome.STORED,
        False: Outcome.NOT_SENT,
    }


def test_a_release_by_the_peer_ends_it() -> None:
    def script(raw: Raw) -> None:
        raw.send(response(raw.receive_message()[1]), model.release_rq())
        assert raw.receive_message() is not None
        assert raw.receive_pdu() == model.release_rp()
        raw.close()

    with peer(script, window=1) as association:
        told = list(many(association, objects(4)))
    assert outcomes(told)[:1] == [Outcome.STORED]
    assert set(outcomes(told)[2:]) == {Outcome.NOT_SENT}
    assert len(told) == 4


def test_an_abort_by_the_caller_between_two_results() -> None:
    def script(raw: Raw) -> None:
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(response(requests[0]))
        raw.receive_message()
        assert raw.receive_pdu() == ABORT_OF_USER
        raw.close()

    with peer(script) as association:
        stores = many(association, objects(12))
        assert next(stores).outcome is Outcome.STORED
        association.abort()
        assert not association.is_alive()  # though nobody receives
        told = list(stores)
        assert outcomes(told).count(Outcome.UNKNOWN) == WINDOW
        assert outcomes(told).count(Outcome.NOT_SENT) == 3
        assert next(stores, None) is None


def test_one_that_is_never_answered_ends_it() -> None:
    """Others are, which is no progress for that one."""
    ae = AE()
    ae.dimse_timeout = 0.3

    def script(raw: Raw) -> None:
        forgotten = raw.receive_message()[1]
        while (pdu := raw.receive_pdu()) and pdu != ABORT_OF_USER:
            pdus = [pdu]
            while model.read_p_data_tf(pdus[-1])[-1][1] != 2:
                pdus.append(raw.receive_pdu())
                if pdus[-1] == ABORT_OF_USER:
                    raw.close()
                    return
            request = model.read_command_set(model.read_messages(pdus)[0][1])
            assert request[0x0110] != forgotten[0x0110]
            raw.send(response(request))
        raw.close()

    with peer(script, window=2, ae=ae) as association:
        stores = many(association, objects(length=10))
        told = []
        for each in stores:
            told.append(each)
            if each.outcome is Outcome.NOT_SENT:
                break
        assert association.is_aborted
        assert [number_from(each) for each in told if each.outcome is Outcome.UNKNOWN][:1] == [0]


def number_from(stored: Stored[bytes]) -> int:
    """Return the number of an object of `objects`."""
    return int(stored.item.split(b"1.2.3.")[1].split(b"\0")[0].split(b"\xe0")[0])


def test_time_of_the_caller_is_not_taken_for_time_of_the_peer() -> None:
    """All are answered while the caller does something else for longer than dimse_timeout."""
    ae = AE()
    ae.dimse_timeout = 0.3
    is_answered = threading.Event()

    def script(raw: Raw) -> None:
        requests = [raw.receive_message()[1] for _ in range(WINDOW)]
        raw.send(response(requests[0]))
        requests.append(raw.receive_message()[1])
        raw.send(*map(response, requests[1:]))
        is_answered.set()
        end(raw)

    with peer(script, ae=ae) as association:
        stores = many(association, objects(WINDOW + 1))
        assert next(stores).outcome is Outcome.STORED
        await_event(is_answered)
        is_answered.clear()
        is_answered.wait(0.4)
        assert outcomes(list(stores)) == [Outcome.STORED] * WINDOW
        association.release()
