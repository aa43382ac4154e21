"""Connections refused and associations rejected, on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import model
import pytest
from peers import unused_port
from raw_peer import Raw, connect_raw, contexts, fake_acceptor, request
from servers import associate, port_of, serving, wait_until

from fastdicom import AE, Association, AssociationRejected, ConnectionFailed, evt
from fastdicom.errors import REJECT_DIAGNOSTICS, REJECT_RESULTS
from fastdicom.sop_class import Verification

# Every row of PS3.8 Table 9-21.
TRIPLES = [(result, *rest) for result in REJECT_RESULTS for rest in REJECT_DIAGNOSTICS]


@contextmanager
def recording_server(ae: AE) -> Iterator[tuple[Any, list[Any]]]:
    """Serve; the associations that were rejected are what comes out as well."""
    rejected: list[Any] = []
    ae.add_supported_context(Verification)
    handlers = [(evt.EVT_REJECTED, lambda event: rejected.append(event.assoc))]
    with serving(ae, handlers, ae_title="SERVER") as server:
        yield server, rejected


def requestor(title: str = "CLIENT") -> AE:
    ae = AE(title)
    ae.add_requested_context(Verification)
    return ae


def assert_rejected(association: Any, triple: tuple[int, int, int]) -> None:
    assert association.is_rejected
    assert not (association.is_established or association.is_aborted or association.is_released)
    with pytest.raises(AssociationRejected) as caught, association:
        pass
    assert (caught.value.result, caught.value.source, caught.value.diagnostic) == triple


def test_a_refused_connection() -> None:
    port = unused_port()
    ae = requestor()
    association = ae.associate("127.0.0.1", port)
    assert association.is_aborted
    assert not (association.is_established or association.is_rejected or association.is_released)
    assert ae.active_associations == []
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1.*{port}.*refused"), association:
        pass
    with pytest.raises(ConnectionFailed):
        association.send_c_echo()
    association.release()
    association.abort()


def test_a_name_that_does_not_resolve() -> None:
    association = requestor().associate("no-such-host.invalid", 11112)
    assert association.is_aborted
    with pytest.raises(ConnectionFailed, match="no-such-host"), association:
        pass


@pytest.mark.parametrize("triple", TRIPLES)
def test_a_rejection_is_told(triple: tuple[int, int, int]) -> None:
    told: list[str] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(model.reject(*triple))
        assert peer.receive_all() == []  # the requestor closes: PS3.8 Table 9-6, AE-4

    ae = AE()
    with fake_acceptor(script) as port:
        handlers = [(evt.EVT_REJECTED, lambda event: told.append(event.event.name))]
        association = ae.associate("127.0.0.1", port, contexts=contexts(), evt_handlers=handlers)
    assert_rejected(association, triple)
    assert told == ["EVT_REJECTED"]
    assert ae.active_associations == []


def test_the_called_ae_title_is_refused() -> None:
    ae = AE()
    ae.require_called_aet = True
    with recording_server(ae) as (server, rejected):
        assert_rejected(associate(requestor(), server, ae_title="OTHER"), (1, 1, 7))
        wait_until(lambda: len(rejected) == 1 and rejected[0].is_rejected)
        with associate(requestor(), server, ae_title="SERVER"):
            pass


def test_the_calling_ae_title_is_refused() -> None:
    ae = AE()
    ae.require_calling_aet = ["FRIEND", "OTHER FRIEND"]
    with recording_server(ae) as (server, rejected):
        assert_rejected(associate(requestor("STRANGER"), server), (1, 1, 3))
        with associate(requestor("OTHER FRIEND"), server):
            pass
        assert len(rejected) == 1


def test_the_limit_is_reached_and_a_slot_comes_free() -> None:
    ae = AE()
    ae.maximum_associations = 2
    with recording_server(ae) as (server, _):
        first, second = associate(requestor(), server), associate(requestor(), server)
        assert first.is_established and second.is_established
        for _ in range(3):
            assert_rejected(associate(requestor(), server), (2, 3, 2))
        first.release()
        thirds: list[Association] = []

        def is_accepted() -> bool:
            """The slot is free when the server has seen the connection close, or very soon."""
            thirds.append(associate(requestor(), server))
            return thirds[-1].is_established

        wait_until(is_accepted)
        assert thirds[-1].send_c_echo().Status == 0x0000
        thirds[-1].release()
        second.abort()


@pytest.mark.parametrize(
    ("rq", "triple"),
    [
        (request(application_context="1.2.840.10008.3.1.1.2"), (1, 1, 2)),
        (request(version=0), (1, 2, 2)),
        (request(version=2), (1, 2, 2)),
        (request(version=0xFFFE), (1, 2, 2)),
    ],
    ids=["application context", "version 0", "version 2", "all versions but 1"],
)
def test_what_only_a_raw_requestor_asks_is_refused(rq: bytes, triple: tuple[int, int, int]) -> None:
    ae = AE()
    ae.acse_timeout = 0.2
    with recording_server(ae) as (server, _), connect_raw(port_of(server)) as peer:
        peer.send(rq)
        # The server waits for us to close, but not for longer than ARTIM.
        assert peer.receive_all() == [model.reject(*triple)]
        wait_until(lambda: server.active_associations == [])


@pytest.mark.parametrize("version", [1, 3, 0xFFFF])
def test_other_version_bits_do_not_matter(version: int) -> None:
    with recording_server(AE()) as (server, _), connect_raw(port_of(server)) as peer:
        peer.send(request(version=version))
        assert peer.receive_pdu()[0] == 2


@pytest.mark.parametrize("triple", TRIPLES)
def test_a_handler_may_reject(triple: tuple[int, int, int]) -> None:
    ae = AE()
    ae.add_supported_context(Verification)
    handlers = [(evt.EVT_REQUESTED, lambda event: event.assoc.acse.send_reject(*triple))]
    with serving(ae, handlers) as server:
        assert_rejected(associate(requestor(), server), triple)
