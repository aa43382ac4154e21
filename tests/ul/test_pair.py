"""Two upper layers joined without a network: whole associations, however the bytes are cut."""

from __future__ import annotations

import model
import pytest
from pair import Pair

from fastdicom.errors import AssociationError
from fastdicom.presentation import build_context
from fastdicom.ul.contexts import negotiate_as_acceptor, negotiate_as_requestor
from fastdicom.ul.negotiation import build_associate_ac, build_associate_rq
from fastdicom.ul.pdu import A_ASSOCIATE_RJ
from fastdicom.ul.provider import (
    AbortIndication,
    AssociateConfirm,
    AssociateIndication,
    ProviderAbortIndication,
    RejectConfirm,
    ReleaseConfirm,
    ReleaseIndication,
)
from fastdicom.ul.states import State

US = {"implementation_class_uid": "1.2.3", "implementation_version_name": "TEST", "maximum_length": 16382}
ECHO = model.command_set({0x0002: "1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 1, 0x0800: 0x0101})
STORE = model.command_set(
    {0x0002: "1.2.840.10008.5.1.4.1.1.2", 0x0100: 1, 0x0110: 2, 0x0700: 0, 0x0800: 0, 0x1000: "1.2.3"}
)


@pytest.fixture(params=[None, 1, 7], ids=["whole", "bytes", "sevens"])
def pair(request):
    return Pair(piece=request.param)


@pytest.fixture
def rq():
    contexts = [build_context("1.2.840.10008.1.1"), build_context("1.2.840.10008.5.1.4.1.1.2")]
    return build_associate_rq(called_ae_title="CALLED", calling_ae_title="CALLING", contexts=contexts, **US)


@pytest.fixture
def ac(rq):
    results, roles = negotiate_as_acceptor(rq, [build_context("1.2.840.10008.1.1")])
    return build_associate_ac(rq, results, roles, **US)


def finish(pair):
    """Both ends at rest, and both connections closed."""
    assert (pair.requestor.state, pair.acceptor.state) == (State.Sta1, State.Sta1)
    assert pair.requestor.is_closed
    assert pair.acceptor.is_closed
    assert pair.requestor.provider.deadline is None
    assert pair.acceptor.provider.deadline is None
    assert pair.requestor.indications() == []
    assert pair.acceptor.indications() == []


def test_accept(pair, rq, ac):
    indication, confirm = pair.establish(rq, ac)
    assert indication == AssociateIndication(rq)
    assert confirm == AssociateConfirm(ac)
    assert [context.result for context in negotiate_as_requestor(rq, confirm.pdu)] == [0, 3]
    assert (pair.requestor.state, pair.acceptor.state) == (State.Sta6, State.Sta6)
    assert pair.requestor.actions == ["AE-1", "AE-2", "AE-3"]
    assert pair.acceptor.actions == ["AE-5", "AE-6", "AE-7"]


def test_reject(pair, rq):
    rj = A_ASSOCIATE_RJ(2, 3, 2)
    _, confirm = pair.establish(rq, rj)
    assert confirm == RejectConfirm(rj)
    assert pair.requestor.actions == ["AE-1", "AE-2", "AE-4"]
    assert pair.acceptor.actions == ["AE-5", "AE-6", "AE-8", "AR-5"]
    finish(pair)


def test_data_both_ways(pair, rq, ac):
    pair.establish(rq, ac)
    for sender, receiver in ((pair.requestor, pair.acceptor), (pair.acceptor, pair.requestor)):
        for pdu in model.message(1, STORE, bytes(range(100)), 40):
            sender.send_p_data(pdu)
        for pdu in model.message(3, ECHO, None, 0):
            sender.send_p_data(pdu)
        pair.exchange()
        assert model.read_messages(receiver.delivered) == [(1, STORE, bytes(range(100))), (3, ECHO, None)]


@pytest.mark.parametrize("by_requestor", [True, False])
def test_release(pair, rq, ac, by_requestor):
    pair.establish(rq, ac)
    one, other = (pair.requestor, pair.acceptor) if by_requestor else (pair.acceptor, pair.requestor)
    one.provider.request_release(0.0)
    pair.exchange()
    assert other.indication() == ReleaseIndication(is_collision=False)
    other.provider.respond_release(0.0)
    pair.exchange()
    assert one.indication() == ReleaseConfirm()
    assert one.actions[-2:] == ["AR-1", "AR-3"]
    assert other.actions[-3:] == ["AR-2", "AR-4", "AR-5"]
    finish(pair)


def test_data_that_crosses_the_release_request_is_delivered(pair, rq, ac):  # R3
    pair.establish(rq, ac)
    pair.requestor.provider.request_release(0.0)
    (pdu,) = model.message(1, ECHO, None, 0)
    pair.acceptor.send_p_data(pdu)
    pair.exchange()
    assert pair.requestor.delivered == [pdu]
    pair.acceptor.send_p_data(pdu)  # AR-7: the answer to what was asked before
    pair.acceptor.provider.respond_release(0.0)
    pair.exchange()
    assert pair.requestor.delivered == [pdu, pdu]
    with pytest.raises(AssociationError, match="P-DATA request is not possible in Sta1 "):
        pair.requestor.provider.request_p_data()


@pytest.mark.parametrize("requestor_first", [True, False])
def test_release_collision(pair, rq, ac, requestor_first):
    pair.establish(rq, ac)
    ends = [pair.requestor, pair.acceptor]
    for end in ends if requestor_first else reversed(ends):
        end.provider.request_release(0.0)
    pair.exchange()
    assert (pair.requestor.state, pair.acceptor.state) == (State.Sta9, State.Sta10)
    assert pair.requestor.indication() == pair.acceptor.indication() == ReleaseIndication(is_collision=True)
    with pytest.raises(AssociationError):  # the requestor answers first
        pair.acceptor.provider.respond_release(0.0)
    pair.requestor.provider.respond_release(0.0)
    pair.exchange()
    assert (pair.requestor.state, pair.acceptor.state) == (State.Sta11, State.Sta12)
    assert pair.acceptor.indication() == ReleaseConfirm()
    pair.acceptor.provider.respond_release(0.0)
    pair.exchange()
    assert pair.requestor.indication() == ReleaseConfirm()
    assert pair.requestor.actions[-4:] == ["AR-1", "AR-8", "AR-9", "AR-3"]
    assert pair.acceptor.actions[-5:] == ["AR-1", "AR-8", "AR-10", "AR-4", "AR-5"]
    finish(pair)


@pytest.mark.parametrize("by_requestor", [True, False])
@pytest.mark.parametrize("source", [0, 2])
def test_abort(pair, rq, ac, by_requestor, source):
    pair.establish(rq, ac)
    one, other = (pair.requestor, pair.acceptor) if by_requestor else (pair.acceptor, pair.requestor)
    one.provider.request_abort(0.0, source=source)
    pair.exchange()
    expected = AbortIndication(0, 0) if source == 0 else ProviderAbortIndication(2, 0, is_local=False)
    assert other.indication() == expected
    assert one.actions[-2:] == ["AA-1", "AR-5"]
    assert other.actions[-1] == "AA-3"
    finish(pair)


def test_abort_before_the_answer(pair, rq):
    pair.connect(rq)
    pair.acceptor.indication()
    pair.requestor.provider.request_abort(0.0)
    pair.exchange()
    assert pair.acceptor.indication() == AbortIndication(0, 0)
    finish(pair)


def test_both_abort(pair, rq, ac):
    pair.establish(rq, ac)
    pair.requestor.provider.request_abort(0.0)
    pair.acceptor.provider.request_abort(0.0)
    pair.exchange()
    assert pair.requestor.actions[-1] == pair.acceptor.actions[-1] == "AA-2"
    finish(pair)


@pytest.mark.parametrize("where", ["before", "during", "after"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 6),  # G1: too long by far
        (b"\x16\x03\1\0\0\1?", 6),
        (b"\1\0\xff\xff\xff\xff", 6),  # L1
        (model.pdu(9, b""), 1),
        (model.release_rq()[:-1].replace(b"\4", b"\3"), 6),
    ],
)
def test_garbage(pair, rq, ac, data, reason, where):
    if where == "before":
        pair.acceptor.provider.transport_indication(0.0)
        pair.requestor.provider.request_associate(rq)
        pair.requestor.provider.transport_confirm(0.0)
        pair.requestor.provider.data_to_send()
    elif where == "during":
        pair.connect(rq)
        pair.acceptor.indication()
    else:
        pair.establish(rq, ac)
    pair.requestor.to_send += data
    pair.exchange()
    if where == "before":  # AA-1: as if the user did it, who knows of nothing yet
        assert pair.acceptor.indications() == []
        assert pair.requestor.indication() == AbortIndication(0, 0)
    else:
        indication = pair.acceptor.indication()
        assert (indication.reason, indication.is_local) == (reason, True)
        assert indication.message
        assert pair.requestor.indication() == ProviderAbortIndication(2, reason, is_local=False)
    finish(pair)


def test_lost_connection(pair, rq, ac):
    pair.establish(rq, ac)
    pair.requestor.provider.transport_closed(0.0)
    pair.acceptor.provider.transport_closed(0.0)
    for end in (pair.requestor, pair.acceptor):
        indication = end.indication()
        assert (indication.source, indication.reason, indication.is_local) == (2, 0, True)
        assert "Sta6" in indication.message
        assert end.provider.closes_transport


def test_connection_that_cannot_be_opened(pair, rq):
    pair.requestor.provider.request_associate(rq)
    pair.requestor.provider.transport_closed(0.0)
    assert pair.requestor.indication().is_local
    assert pair.requestor.provider.data_to_send() == b""


class TestSilentPeer:
    def test_request_is_not_answered(self, pair, rq):
        pair.connect(rq)
        assert pair.requestor.provider.deadline == 30.0
        pair.requestor.provider.expire(30.0)
        assert "Sta5" in pair.requestor.indication().message
        pair.exchange()
        assert pair.acceptor.actions[-1] == "AA-4"

    def test_release_is_not_answered(self, pair, rq, ac):
        pair.establish(rq, ac)
        pair.requestor.provider.request_release(100.0)
        pair.requestor.provider.expire(129.0)
        assert pair.requestor.state == State.Sta7
        pair.requestor.provider.expire(130.0)
        assert "Sta7" in pair.requestor.indication().message
        assert pair.requestor.provider.closes_transport

    def test_connection_is_not_used(self, pair):  # T1
        pair.acceptor.provider.transport_indication(5.0)
        pair.acceptor.receive(b"\1\0\0\0\0", 34.0)
        assert pair.acceptor.provider.deadline == 35.0
        pair.acceptor.provider.expire(35.0)
        assert pair.acceptor.indications() == []
        assert pair.acceptor.provider.closes_transport

    def test_connection_is_not_closed(self, pair, rq, ac):  # R4
        pair.establish(rq, ac)
        pair.acceptor.provider.request_abort(50.0)
        pair.acceptor.provider.data_to_send()
        for now in range(51, 80):
            pair.acceptor.provider.receive_p_data(float(now))
        pair.acceptor.provider.expire(80.0)
        assert pair.acceptor.actions[-1] == "AA-2"
        assert pair.acceptor.provider.closes_transport
