"""A peer that closes, resets or goes silent at each step, as our requestor meets it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from time import monotonic

import model
import pytest
from raw_peer import CT, IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor, response, store_rq
from servers import await_event

from fastdicom import AE, Association, AssociationAborted, evt

TIMEOUT = 0.2

# A silent peer gets an A-ABORT, and a second to close; the rest is for a machine that is busy.
LONGEST = TIMEOUT + 1.0 + 3.0

# More than the buffers of both sockets hold.
LARGE = 16 << 20


def close(peer: Raw) -> None:
    peer.close()


def reset(peer: Raw) -> None:
    peer.reset()


def be_silent(peer: Raw) -> None:
    """Read nothing and send nothing until the requestor has given up."""
    await_event(peer.is_over)


MANNERS = {"closes": close, "resets": reset, "is silent": be_silent}


def associated(peer: Raw) -> None:
    assert peer.receive_pdu()[0] == 1
    peer.send(acceptance())


def before_rq(peer: Raw) -> None:
    """As soon as the connection is there."""


def after_rq(peer: Raw) -> None:
    assert peer.receive_pdu()[0] == 1


def in_ac(peer: Raw) -> None:
    assert peer.receive_pdu()[0] == 1
    peer.send(acceptance()[:100])


def in_request(peer: Raw) -> None:
    associated(peer)
    peer.receive(100_000)


def before_response(peer: Raw) -> None:
    associated(peer)
    peer.receive_message()


def in_response(peer: Raw) -> None:
    associated(peer)
    _, command, _ = peer.receive_message()
    peer.send(response(command)[:30])


def at_release(peer: Raw) -> None:
    associated(peer)
    assert peer.receive_pdu() == model.release_rq()


def in_release_response(peer: Raw) -> None:
    at_release(peer)
    peer.send(model.release_rp()[:5])


def store(size: int) -> Callable[[Association], None]:
    encoded = data_set(size)  # making it may take a while, in which the association would be idle

    def send(association: Association) -> None:
        status = association.send_c_store(encoded, transfer_syntax="1.2.840.10008.1.2")
        assert "Status" not in status

    return send


def release(association: Association) -> None:
    association.release()


def nothing(association: Association) -> None:
    """The association is not established."""
    with pytest.raises(AssociationAborted), association:
        pass


# What the peer does before it fails, and what we do meanwhile.
STEPS = {
    "before the RQ": (before_rq, nothing),
    "after the RQ": (after_rq, nothing),
    "in the AC": (in_ac, nothing),
    "after the AC": (associated, store(64)),
    "in a large request": (in_request, store(LARGE)),
    "before the response": (before_response, store(64)),
    "in the response": (in_response, store(64)),
    "at release": (at_release, release),
    "in the release response": (in_release_response, release),
}


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("step", STEPS)
def test_the_peer_fails(step: str, manner: str) -> None:
    lead_to, use = STEPS[step]
    is_over = threading.Event()
    told: list[str] = []

    def script(peer: Raw) -> None:
        peer.is_over = is_over
        lead_to(peer)
        MANNERS[manner](peer)

    ae = AE()
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
    names = [evt.EVT_ABORTED, evt.EVT_RELEASED, evt.EVT_REJECTED, evt.EVT_CONN_CLOSE]
    handlers = [(name, lambda event: told.append(event.event.name)) for name in names]
    with fake_acceptor(script) as port:
        start = monotonic()
        association = ae.associate("127.0.0.1", port, contexts=contexts(), evt_handlers=handlers)
        use(association)
        assert not association.is_established
        elapsed = monotonic() - start
        is_over.set()
    assert elapsed < LONGEST
    assert association.is_aborted
    assert not (association.is_rejected or association.is_released)
    assert ae.active_associations == []
    assert sorted(told) == ["EVT_ABORTED", "EVT_CONN_CLOSE"]
    # Nothing more can be done with it, and nothing hangs.
    with pytest.raises(AssociationAborted):
        association.send_c_echo()
    association.release()
    association.abort()
    assert sorted(told) == ["EVT_ABORTED", "EVT_CONN_CLOSE"]


@pytest.mark.parametrize("source", [0, 2])
def test_the_peer_aborts_in_a_large_request(source: int) -> None:
    def script(peer: Raw) -> None:
        in_request(peer)
        peer.send(model.abort(source, 6 if source else 0))
        peer.receive_all()

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts=contexts())
        store(LARGE)(association)
        assert association.is_aborted and not association.is_established
    with pytest.raises(AssociationAborted) as caught:
        association.send_c_echo()
    assert (caught.value.source, caught.value.reason) == (source, 6 if source else 0)


def test_a_silent_peer_gets_an_abort_when_dimse_timeout_has_passed() -> None:
    heard: list[bytes] = []

    def script(peer: Raw) -> None:
        before_response(peer)
        heard.extend(peer.receive_all())

    ae = AE()
    ae.dimse_timeout = TIMEOUT
    with fake_acceptor(script) as port:
        store(64)(ae.associate("127.0.0.1", port, contexts=contexts()))
    assert heard == [model.abort(0, 0)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere buffers are of other sizes")
def test_a_peer_that_takes_its_time_is_waited_for() -> None:
    """All has been handed to the system, and is on its way for longer than a timeout: that is progress."""
    encoded = data_set(1 << 20)
    is_over = threading.Event()

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        left = sum(map(len, store_rq(encoded, maximum_length=16384)))
        while left:
            is_over.wait(0.05)  # never set: this is how slow the link is
            left -= len(peer.receive(min(left, 32768)))
        peer.send(response({0x0002: CT, 0x0100: 1, 0x0110: 1}))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    ae = AE()
    ae.dimse_timeout = 0.4
    with (
        fake_acceptor(script, receive_buffer=16384) as port,
        ae.associate("127.0.0.1", port, contexts=contexts()) as association,
    ):
        begun = monotonic()
        assert association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status == 0x0000
        assert monotonic() - begun > 2 * ae.dimse_timeout
