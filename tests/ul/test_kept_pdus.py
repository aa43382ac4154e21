"""A-ASSOCIATE PDUs that come again: each is one's own, and what is secret is not kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from proposals import CT, EXPLICIT, IMPLICIT, VERIFICATION, answer, request

from fastdicom.errors import ProtocolError
from fastdicom.ul import kept_pdus
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.ul.kept import Kept
from fastdicom.ul.kept_pdus import KeptPDU, decode_received, is_to_be_kept
from fastdicom.ul.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
    PDU,
    decode_pdu,
)

PLAIN = (
    MaximumLengthNotification(16382),
    ImplementationClassUIDNotification("1.2.3"),
    ImplementationVersionNameNotification("VERSION"),
    AsynchronousOperationsWindowNegotiation(3, 4),
    SCP_SCU_RoleSelectionNegotiation(CT, True, False),
    SOPClassExtendedNegotiation(CT, b"\1\0\1"),
)
NOT_KEPT = (
    UserIdentityNegotiation(2, True, b"name", b"secret"),
    UserIdentityResponse(b"token"),
    SOPClassCommonExtendedNegotiation(CT, "1.2.840.10008.4.2", [CT]),  # it has a list
)
PDUS = (
    request((VERIFICATION, [IMPLICIT]), (CT, [EXPLICIT, IMPLICIT]), items=PLAIN),
    replace(request((CT, [IMPLICIT])), protocol_version=3, application_context_name="1.2"),
    answer((1, 0, IMPLICIT), (3, 4, None), items=PLAIN),
    answer((1, 3, None)),
    *(request((CT, [IMPLICIT]), items=[item]) for item in NOT_KEPT),
    A_RELEASE_RQ(),
    A_RELEASE_RP(),
    A_ABORT_RQ(2, 1),
)


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pdus, "_KEPT", Kept())


@pytest.mark.parametrize("pdu", PDUS, ids=lambda pdu: type(pdu).__name__)
def test_the_first_time_and_the_next(pdu: PDU) -> None:
    encoded = pdu.encode()
    for _ in range(3):
        assert decode_received(encoded) == decode_pdu(encoded) == pdu


def test_what_is_wrong_stays_wrong() -> None:
    encoded = PDUS[0].encode()
    for wrong in (b"", b"\1", encoded[:-1], encoded + b"\0", b"\x08" + encoded[1:], P_DATA_TF([]).encode()):
        with pytest.raises(ProtocolError) as first:
            decode_pdu(wrong)
        for _ in range(2):
            with pytest.raises(ProtocolError) as again:
                decode_received(wrong)
            assert (str(again.value), again.value.reason) == (str(first.value), first.value.reason)


def test_a_program_has_its_own() -> None:
    encoded = PDUS[0].encode()
    first, second = decode_received(encoded), decode_received(encoded)
    assert isinstance(first, A_ASSOCIATE_RQ)
    assert isinstance(second, A_ASSOCIATE_RQ)
    for item in first.user_information:
        assert all(item is not other for other in second.user_information)
    assert isinstance(first.user_information[0], MaximumLengthNotification)
    first.user_information[0].maximum_length_received = 7
    first.user_information.pop()
    first.presentation_context.clear()
    assert second == decode_received(encoded) == PDUS[0]


@pytest.mark.parametrize("item", NOT_KEPT, ids=lambda item: type(item).__name__)
def test_what_is_not_kept(item: object, monkeypatch: pytest.MonkeyPatch) -> None:
    rq = request((CT, [IMPLICIT]), items=[*PLAIN, item])
    assert not is_to_be_kept(rq)
    decoded = decode_received(rq.encode())
    assert decoded == rq
    assert decoded.encoded is None  # type: ignore[attr-defined]
    assert len(kept_pdus._KEPT) == 0


def test_the_bytes_are_those_that_came() -> None:
    """With an item of an unknown type, which is skipped."""
    encoded = PDUS[1].encode()
    length = int.from_bytes(encoded[2:6], "big") + 5
    encoded = encoded[:2] + length.to_bytes(4, "big") + encoded[6:] + b"\x7f\0\0\1?"
    decoded = decode_received(encoded)
    assert decoded == PDUS[1]
    assert decoded.encoded == encoded  # type: ignore[attr-defined]
    assert decoded.encode() == PDUS[1].encode()


def test_each_byte_counts() -> None:
    encoded = PDUS[0].encode()
    called = encoded.replace(b"CALLED", b"OTHERS")
    assert decode_received(encoded).called_ae_title == "CALLED"  # type: ignore[attr-defined]
    assert decode_received(called).called_ae_title == "OTHERS"  # type: ignore[attr-defined]


def test_what_is_kept_is_sent_as_it_is() -> None:
    rq = PDUS[0]
    assert isinstance(rq, A_ASSOCIATE_RQ)
    kept = KeptPDU(rq, rq.encode())
    assert kept.encode() == rq.encode()
    assert kept.pdu() == rq
