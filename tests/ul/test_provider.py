"""Every cell of PS3.8 Table 9-10 as a `Provider` behaves: what it sends, tells, times and becomes."""

from __future__ import annotations

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.errors import AssociationError, ProtocolError
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.provider import (
    AbortIndication,
    AssociateConfirm,
    AssociateIndication,
    Provider,
    ProviderAbortIndication,
    RejectConfirm,
    ReleaseConfirm,
    ReleaseIndication,
)
from fastdicom.ul.states import Event, State

ARTIM = 30.0
THEN = 100.0  # when the states are reached
NOW = 107.0  # when the event under test happens

APPLICATION = model.application_context()
USER = model.user_information(model.maximum_length(16384), model.implementation_class_uid("1.2.3"))
CONTEXT_RQ = model.context_rq(1, "1.2.840.10008.1.1", ["1.2.840.10008.1.2"])
CONTEXT_AC = model.context_ac(1, 0, "1.2.840.10008.1.2")
RQ = model.associate(1, b"CALLED", b"CALLING", [APPLICATION, CONTEXT_RQ, USER])
AC = model.associate(2, b"CALLED", b"CALLING", [APPLICATION, CONTEXT_AC, USER])
RJ = model.reject(1, 1, 7)
P_DATA = model.p_data_tf([(1, 3, b"")])
UNKNOWN = model.pdu(9, b"abc")

rq = A_ASSOCIATE_RQ.decode(RQ)
ac = A_ASSOCIATE_AC.decode(AC)
rj = A_ASSOCIATE_RJ.decode(RJ)

# How each event is brought about.
APPLY = {
    1: lambda p, now: p.request_associate(rq),
    2: lambda p, now: p.transport_confirm(now),
    3: lambda p, now: p.receive_pdu(AC, now),
    4: lambda p, now: p.receive_pdu(RJ, now),
    5: lambda p, now: p.transport_indication(now),
    6: lambda p, now: p.receive_pdu(RQ, now),
    7: lambda p, now: p.accept(ac),
    8: lambda p, now: p.reject(rj, now),
    9: lambda p, now: p.request_p_data(),
    10: lambda p, now: p.receive_p_data(now),
    11: lambda p, now: p.request_release(now),
    12: lambda p, now: p.receive_pdu(model.release_rq(), now),
    13: lambda p, now: p.receive_pdu(model.release_rp(), now),
    14: lambda p, now: p.respond_release(now),
    15: lambda p, now: p.request_abort(now),
    16: lambda p, now: p.receive_pdu(model.abort(0, 0), now),
    17: lambda p, now: p.transport_closed(now),
    18: lambda p, now: p.expire(max(now, p.deadline or 0.0)),
    19: lambda p, now: p.receive_pdu(UNKNOWN, now),
}

LOCAL_PRIMITIVES = {1, 7, 8, 9, 11, 14, 15}

# The events that lead to each state, for the requestor and for the acceptor.
ACCEPTOR, REQUESTOR = False, True
WAYS = {
    (1, REQUESTOR): [],
    (1, ACCEPTOR): [],
    (2, ACCEPTOR): [5],
    (3, ACCEPTOR): [5, 6],
    (4, REQUESTOR): [1],
    (5, REQUESTOR): [1, 2],
    (6, REQUESTOR): [1, 2, 3],
    (6, ACCEPTOR): [5, 6, 7],
    (7, REQUESTOR): [1, 2, 3, 11],
    (7, ACCEPTOR): [5, 6, 7, 11],
    (8, REQUESTOR): [1, 2, 3, 12],
    (8, ACCEPTOR): [5, 6, 7, 12],
    (9, REQUESTOR): [1, 2, 3, 11, 12],
    (10, ACCEPTOR): [5, 6, 7, 11, 12],
    (11, REQUESTOR): [1, 2, 3, 11, 12, 14],
    (12, ACCEPTOR): [5, 6, 7, 11, 12, 13],
    (13, REQUESTOR): [1, 2, 3, 15],
    (13, ACCEPTOR): [5, 6, 8],
}

STARTED, STOPPED, KEPT = "started", "stopped", "kept"

# Action: what is sent, the class of what the user is told, the timer, the next states.
EFFECTS = {
    "AE-1": (b"", None, KEPT, {4}),
    "AE-2": (RQ, None, STARTED, {5}),
    "AE-3": (b"", AssociateConfirm, STOPPED, {6}),
    "AE-4": (b"", RejectConfirm, STOPPED, {1}),
    "AE-5": (b"", None, STARTED, {2}),
    "AE-6": (b"", AssociateIndication, STOPPED, {3}),
    "AE-7": (AC, None, KEPT, {6}),
    "AE-8": (RJ, None, STARTED, {13}),
    "DT-1": (b"", None, KEPT, {6}),
    "DT-2": (b"", None, KEPT, {6}),
    "AR-1": (model.release_rq(), None, STARTED, {7}),
    "AR-2": (b"", ReleaseIndication, KEPT, {8}),
    "AR-3": (b"", ReleaseConfirm, STOPPED, {1}),
    "AR-4": (model.release_rp(), None, STARTED, {13}),
    "AR-5": (b"", None, STOPPED, {1}),
    "AR-6": (b"", None, KEPT, {7}),
    "AR-7": (b"", None, KEPT, {8}),
    "AR-8": (b"", ReleaseIndication, STOPPED, {9, 10}),
    "AR-9": (model.release_rp(), None, KEPT, {11}),
    "AR-10": (b"", ReleaseConfirm, STOPPED, {12}),
    "AA-1": (model.abort(0, 0), None, STARTED, {13}),
    "AA-2": (b"", None, STOPPED, {1}),
    "AA-3": (b"", AbortIndication, STOPPED, {1}),
    "AA-4": (b"", ProviderAbortIndication, STOPPED, {1}),
    "AA-5": (b"", None, STOPPED, {1}),
    "AA-6": (b"", None, KEPT, {13}),
    "AA-7": (model.abort(2, 2), None, KEPT, {13}),
    "AA-8": (model.abort(2, 2), ProviderAbortIndication, STARTED, {13}),
}

# The standard's actions by event and state, as in test_states: kept apart so that each stands alone.
ACTIONS = """
          1    2    3    4    5    6    7    8    9    10    11   12   13
     1    AE-1 -    -    -    -    -    -    -    -    -     -    -    -
     2    -    -    -    AE-2 -    -    -    -    -    -     -    -    -
     3    -    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
     4    -    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
     5    AE-5 -    -    -    -    -    -    -    -    -     -    -    -
     6    -    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
     7    -    -    AE-7 -    -    -    -    -    -    -     -    -    -
     8    -    -    AE-8 -    -    -    -    -    -    -     -    -    -
     9    -    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -
     10   -    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
     11   -    -    -    -    -    AR-1 -    -    -    -     -    -    -
     12   -    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
     13   -    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
     14   -    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -
     15   -    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -
     16   -    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
     17   -    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
     18   -    AA-2 -    -    AA-2 -    AA-2 -    -    -     -    -    AA-2
     19   -    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
"""
CELLS = {
    (int(row[0]), state): action
    for row in (line.split() for line in ACTIONS.strip().splitlines()[1:])
    for state, action in enumerate(row[1:], 1)
}


def provider_in(state, is_requestor):
    provider = Provider(is_requestor=is_requestor, artim_timeout=ARTIM)
    for event in WAYS[state, is_requestor]:
        APPLY[event](provider, THEN)
    assert provider.state == state
    provider.data_to_send()
    while provider.next_indication():
        pass
    return provider


def indications_of(provider):
    return list(iter(provider.next_indication, None))


@pytest.mark.parametrize(("state", "is_requestor"), WAYS)
@pytest.mark.parametrize("event", range(1, 20))
def test_cell(event, state, is_requestor):
    provider = provider_in(state, is_requestor)
    transitions = []
    provider.on_transition = lambda *step: transitions.append(step)
    deadline = provider.deadline
    action = CELLS[event, state]
    if action == "-" and event in LOCAL_PRIMITIVES:
        with pytest.raises(AssociationError, match=f"Sta{state} "):
            APPLY[event](provider, NOW)
    else:
        APPLY[event](provider, NOW)

    sent, told, timer, next_states = EFFECTS.get(action, (b"", None, KEPT, {state}))
    if (event, state) in ((18, 5), (18, 7)):  # the user is waiting for the answer that did not come
        told = ProviderAbortIndication
    if event == 19 and action in ("AA-7", "AA-8"):
        sent = model.abort(2, 1)  # unrecognized PDU

    assert provider.state in next_states
    assert isinstance(provider.state, State)
    assert provider.data_to_send() == sent
    assert provider.data_to_send() == b""
    assert [type(each) for each in indications_of(provider)] == ([told] if told else [])
    assert provider.deadline == {STARTED: NOW + ARTIM, STOPPED: None, KEPT: deadline}[timer]
    assert provider.closes_transport == (provider.state == State.Sta1 and action != "-")
    expected = [] if action == "-" else [(action, State(state), Event(event), provider.state)]
    assert transitions == expected


@pytest.mark.parametrize(("state", "is_requestor"), WAYS)
def test_p_data_is_delivered_in_sta6_and_sta7_only(state, is_requestor):
    assert provider_in(state, is_requestor).receive_p_data(NOW) == (state in (6, 7))


@pytest.mark.parametrize(("state", "is_requestor"), WAYS)
def test_whole_p_data_pdu_is_the_same_event(state, is_requestor):
    one, other = provider_in(state, is_requestor), provider_in(state, is_requestor)
    one.receive_p_data(NOW)
    other.receive_pdu(P_DATA, NOW)
    assert (one.state, one.data_to_send()) == (other.state, other.data_to_send())


def test_collision_depends_on_who_asked_for_the_association():
    assert provider_in(9, REQUESTOR).state == State.Sta9
    assert provider_in(10, ACCEPTOR).state == State.Sta10


def test_indications_carry_what_was_received():
    provider = provider_in(2, ACCEPTOR)
    provider.receive_pdu(RQ, NOW)
    assert provider.next_indication() == AssociateIndication(rq)
    provider = provider_in(5, REQUESTOR)
    provider.receive_pdu(AC, NOW)
    assert provider.next_indication() == AssociateConfirm(ac)
    provider = provider_in(5, REQUESTOR)
    provider.receive_pdu(RJ, NOW)
    assert provider.next_indication() == RejectConfirm(rj)
    assert provider.next_indication() is None


@pytest.mark.parametrize(("state", "is_collision"), [(6, False), (7, True)])
def test_release_indication_tells_of_a_collision(state, is_collision):
    provider = provider_in(state, REQUESTOR)
    provider.receive_pdu(model.release_rq(), NOW)
    assert provider.next_indication() == ReleaseIndication(is_collision)


@pytest.mark.parametrize(
    ("source", "reason", "indication"),
    [
        (0, 0, AbortIndication(0, 0)),
        (0, 7, AbortIndication(0, 7)),
        (1, 0, AbortIndication(1, 0)),
        (2, 6, ProviderAbortIndication(2, 6, is_local=False)),
        (2, 255, ProviderAbortIndication(2, 255, is_local=False)),
    ],
)
def test_abort_of_the_peer_keeps_its_source_and_reason(source, reason, indication):
    provider = provider_in(6, ACCEPTOR)
    provider.receive_pdu(model.abort(source, reason), NOW)
    assert provider.next_indication() == indication


# S6: PS3.8 Table 9-11, only bit 0 of the protocol version is tested
@pytest.mark.parametrize("version", [0, 2, 0xFFFE])
def test_version_without_bit_0_is_rejected(version):
    provider = provider_in(2, ACCEPTOR)
    provider.receive_pdu(model.associate(1, b"A", b"B", [APPLICATION, CONTEXT_RQ, USER], version), NOW)
    assert provider.data_to_send() == model.reject(1, 2, 2)
    assert provider.state == State.Sta13
    assert provider.deadline == NOW + ARTIM
    assert provider.next_indication() is None


@pytest.mark.parametrize("version", [1, 3, 0xFFFF])
def test_version_with_bit_0_is_taken(version):
    provider = provider_in(2, ACCEPTOR)
    provider.receive_pdu(model.associate(1, b"A", b"B", [APPLICATION, CONTEXT_RQ, USER], version), NOW)
    assert provider.state == State.Sta3
    assert provider.next_indication().pdu.protocol_version == version


# R: Sta13 ignores everything but close, abort and ARTIM, and answers what is no PDU
@pytest.mark.parametrize("event", [3, 4, 10, 12, 13])
def test_sta13_ignores(event):
    provider = provider_in(13, REQUESTOR)
    APPLY[event](provider, NOW)
    assert provider.state == State.Sta13
    assert provider.data_to_send() == b""
    assert provider.deadline == THEN + ARTIM


@pytest.mark.parametrize("reason", [0, 1, 2, 4, 5, 6])
@pytest.mark.parametrize("state", [6, 13])
def test_reason_of_what_the_driver_noticed_is_sent(state, reason):
    provider = provider_in(state, REQUESTOR)
    provider.receive_invalid(ProtocolError("PDU is 70000 bytes long; limit 16384", reason), NOW)
    assert provider.data_to_send() == model.abort(2, reason)
    told = [ProviderAbortIndication(2, reason, True, "PDU is 70000 bytes long; limit 16384")]
    assert indications_of(provider) == (told if state == 6 else [])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", 6),
        (UNKNOWN, 1),
        (model.pdu(0, b""), 1),
        (model.pdu(8, b""), 1),
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (RQ[:-1], 6),
        (model.pdu(5, b"abc"), 6),
        (model.pdu(4, b""), 6),
        (model.associate(1, b"A", b"B", [APPLICATION, CONTEXT_RQ, CONTEXT_RQ, USER]), 6),
        (model.associate(1, b"A", b"B", [APPLICATION, APPLICATION, CONTEXT_RQ, USER]), 5),
    ],
)
def test_reason_of_what_cannot_be_decoded_is_sent(data, reason):
    provider = provider_in(6, ACCEPTOR)
    provider.receive_pdu(data, NOW)
    assert provider.data_to_send() == model.abort(2, reason)
    assert provider.state == State.Sta13


def test_unexpected_pdu_says_what_and_where():
    provider = provider_in(6, ACCEPTOR)
    provider.receive_pdu(RQ, NOW)
    indication = provider.next_indication()
    assert (indication.reason, indication.is_local) == (2, True)
    assert indication.message.startswith("A-ASSOCIATE-RQ PDU received in Sta6")


def test_local_abort_may_carry_source_and_reason():
    provider = provider_in(6, ACCEPTOR)
    provider.request_abort(NOW, source=2, reason=4)
    assert provider.data_to_send() == model.abort(2, 4)


def test_what_cannot_be_encoded_changes_nothing():
    provider = Provider(is_requestor=True, artim_timeout=ARTIM)
    with pytest.raises(ValueError, match="called AE title"):
        provider.request_associate(A_ASSOCIATE_RQ("A" * 17, "B", rq.presentation_context))
    assert provider.state == State.Sta1
    provider = provider_in(3, ACCEPTOR)
    with pytest.raises(ValueError, match="calling AE title"):
        provider.accept(A_ASSOCIATE_AC("A", "B" * 17))
    assert provider.state == State.Sta3
    assert provider.data_to_send() == b""


class TestARTIM:
    @pytest.mark.parametrize(
        ("state", "is_requestor"), [(2, False), (5, True), (7, True), (7, False), (13, True)]
    )
    def test_nothing_happens_before_the_deadline(self, state, is_requestor):
        provider = provider_in(state, is_requestor)
        provider.expire(THEN + ARTIM - 0.001)
        assert provider.state == state
        provider.expire(THEN + ARTIM)
        assert provider.state == State.Sta1
        assert provider.closes_transport
        assert provider.deadline is None

    @pytest.mark.parametrize(("state", "is_requestor"), WAYS)
    def test_without_timeout_it_never_runs(self, state, is_requestor):
        provider = Provider(is_requestor=is_requestor, artim_timeout=None)
        for event in WAYS[state, is_requestor]:
            APPLY[event](provider, THEN)
        assert provider.deadline is None
        provider.expire(1e12)
        assert provider.state == state

    def test_zero_timeout_expires_at_once(self):
        provider = Provider(is_requestor=False, artim_timeout=0.0)
        provider.transport_indication(0.0)
        provider.expire(0.0)
        assert provider.state == State.Sta1

    def test_garbage_before_the_request_restarts_it(self):
        provider = provider_in(2, ACCEPTOR)
        provider.receive_pdu(UNKNOWN, NOW)
        assert provider.state == State.Sta13
        assert provider.deadline == NOW + ARTIM

    def test_garbage_after_the_abort_does_not(self):  # R4: a peer cannot keep the connection open
        provider = provider_in(13, REQUESTOR)
        provider.receive_pdu(UNKNOWN, NOW)
        assert provider.deadline == THEN + ARTIM


def test_closed_is_closed():
    provider = provider_in(6, REQUESTOR)
    provider.receive_pdu(model.abort(0, 0), NOW)
    assert provider.closes_transport
    provider.receive_pdu(RQ, NOW)
    provider.transport_closed(NOW)
    assert provider.closes_transport
    assert provider.data_to_send() == b""
    assert indications_of(provider) == [AbortIndication(0, 0)]


@given(st.booleans(), st.lists(st.integers(1, 19), max_size=30))
def test_any_order_of_events(is_requestor, events):
    provider = Provider(is_requestor=is_requestor, artim_timeout=ARTIM)
    for now, event in enumerate(events):
        before = provider.state
        try:
            APPLY[event](provider, float(now))
        except AssociationError:
            assert event in LOCAL_PRIMITIVES
            assert (provider.state, provider.data_to_send()) == (before, b"")
        assert (provider.deadline is not None) == (provider.state in (2, 5, 7, 13))
        provider.data_to_send()


@given(st.sampled_from(list(WAYS)), st.binary(max_size=40))
def test_any_bytes(way, data):
    provider = provider_in(*way)
    provider.receive_pdu(data, NOW)
    provider.receive_pdu(model.pdu(data[0] % 10 if data else 0, data), NOW)
    assert provider.state in State
