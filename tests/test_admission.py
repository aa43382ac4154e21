"""Who is let in, over real sockets: the refusals, replaced while running, and counts that are exact."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import model
import pytest
from raw_peer import Raw, associate_raw, connect_raw, request
from servers import DEADLINE, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, AdmissionPolicy, AssociationLimit, AssociationRejected, build_context, evt
from fastdicom.association.service_user import ServiceUser
from fastdicom.sop_class import Verification
from fastdicom.ul.pdu import A_ASSOCIATE_RQ

CONTEXTS = [build_context(Verification)]
LIMIT = model.reject(2, 3, 2)


def outcome(server: Any, title: str = "CLIENT") -> tuple[int, int, int] | None:
    """Associate and release; return the rejection, if it is one."""
    try:
        with associate(AE(title), server, contexts=CONTEXTS):
            return None
    except AssociationRejected as error:
        return error.result, error.source, error.diagnostic


def answers(port: int, count: int, **options: Any) -> tuple[list[Raw], Counter[bytes]]:
    """Let so many ask at once; return those that were accepted, and how often what was answered."""
    peers = [connect_raw(port) for _ in range(count)]
    start = threading.Barrier(count)

    def ask(peer: Raw) -> bytes:
        start.wait(DEADLINE)
        peer.send(request(**options))
        return peer.receive_pdu()

    with ThreadPoolExecutor(count) as pool:
        said = list(pool.map(ask, peers))
    accepted = [peer for peer, pdu in zip(peers, said, strict=True) if pdu[:1] == b"\2"]
    for peer in peers:
        if peer not in accepted:
            peer.close()
    return accepted, Counter(pdu if pdu[:1] == b"\3" else pdu[:1] for pdu in said)


def end(peers: list[Raw], by_release: bool) -> None:
    for peer in peers:
        peer.send(model.release_rq() if by_release else model.abort(0, 0))
        if by_release:
            assert peer.receive_pdu() == model.release_rp()
        else:
            assert peer.receive_pdu() == b""
        peer.close()


def test_a_hundred_ask_at_once() -> None:
    ae = store_ae(set())
    ae.maximum_associations = 10
    with serving(ae) as server:
        accepted, said = answers(port_of(server), 100)
        assert said == {b"\2": 10, LIMIT: 90}
        end(accepted, by_release=True)
        # A release frees the places before the peer hears of it: all of them are there again.
        accepted, said = answers(port_of(server), 20)
        assert said == {b"\2": 10, LIMIT: 10}
        end(accepted, by_release=False)
        wait_until(lambda: outcome(server) is None)


class Asking:
    """As much of an association as is looked at."""

    def __init__(self) -> None:
        self.tls = None
        self.requestor = self.acceptor = ServiceUser("requestor", address="192.0.2.1")


def test_the_count_is_exact_wherever_threads_are_interrupted() -> None:
    ae = AE()
    limit = ae.association_limit = AssociationLimit(5)
    ae.maximum_associations = 3
    most: list[int] = []
    start = threading.Barrier(8)

    def ask(_: int) -> None:
        start.wait(DEADLINE)
        held: list[Any] = []
        for _ in range(200):
            association: Any = Asking()
            if ae.admit(association, A_ASSOCIATE_RQ("CALLED", "CALLING")) is None:
                most.append(limit.active)
                held.append(association)
            if len(held) > 2 or association not in held:
                for each in held:
                    ae.dismiss(each)
                    ae.dismiss(each)  # once more changes nothing
                held.clear()
        for each in held:
            ae.dismiss(each)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert max(most) == 3  # all places were taken, and never more
    assert limit.active == 0


def test_limits_of_a_title_and_of_an_address() -> None:
    ae = store_ae(set())
    ae.admission = replace(ae.admission, maximum_per_calling_aet=3, maximum_per_address=5)
    with serving(ae) as server, ExitStack() as stack:
        accepted, said = answers(port_of(server), 20)
        assert said == {b"\2": 3, LIMIT: 17}
        for peer in accepted:
            stack.callback(peer.close)
        more, said = answers(port_of(server), 20, calling=b"OTHER")
        assert said == {b"\2": 2, LIMIT: 18}
        end(more, by_release=True)
        ae.admission = replace(ae.admission, maximum_per_calling_aet=None)
        more, said = answers(port_of(server), 4)
        assert said == {b"\2": 2, LIMIT: 2}
        end(more, by_release=True)


def test_a_limit_that_several_share() -> None:
    """Over all AEs of a process."""
    limit = AssociationLimit(6)
    first, second = store_ae(set()), store_ae(set())
    first.association_limit = second.association_limit = limit
    with serving(first) as one, serving(second) as other, ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda server: answers(port_of(server), 20), [one, other]))
        said = results[0][1] + results[1][1]
        assert said == {b"\2": 6, LIMIT: 34}
        assert limit.active == 6
        second.association_limit = None  # who was counted before is counted out there
        for accepted, _ in results:
            end(accepted, by_release=True)
        assert limit.active == 0
        assert outcome(other) is None
        limit.maximum = 0
        assert outcome(one) == (2, 3, 2)


def test_a_place_is_free_when_the_release_is_answered() -> None:
    ae = store_ae(set())
    ae.maximum_associations = 1
    with serving(ae) as server:
        assert [outcome(server) for _ in range(100)] == [None] * 100


@pytest.mark.parametrize("work", ["abort", "close"])
def test_a_place_comes_free_however_the_association_ends(work: str) -> None:
    ae = store_ae(set())
    ae.maximum_associations = 1
    with serving(ae) as server:
        for _ in range(5):
            peer = associate_raw(port_of(server))
            if work == "abort":
                peer.send(model.abort(0, 0))
            peer.close()
            wait_until(lambda: outcome(server) is None)


def test_networks_are_replaced_while_running() -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        assert outcome(server) is None
        with associate(AE(), server, contexts=CONTEXTS) as established:
            ae.admission = replace(ae.admission, networks=["192.0.2.0/24"])
            assert outcome(server) == (1, 1, 1)
            assert established.send_c_echo().Status == 0x0000  # who is in stays
        ae.admission = replace(ae.admission, networks=["192.0.2.0/24", "127.0.0.1"])
        assert outcome(server) is None


def test_titles_are_replaced_while_running() -> None:
    ae = store_ae(set())
    with serving(ae) as server:
        ae.require_calling_aet = ["FRIEND"]
        assert outcome(server) == (1, 1, 3)
        assert outcome(server, "FRIEND") is None
        ae.require_calling_aet = []
        assert outcome(server) is None


def test_a_replacement_is_never_half_read() -> None:
    """Two policies, each of which refuses in its own way: nobody is let in."""
    ae = store_ae(set())
    wrong_network = AdmissionPolicy(networks=["192.0.2.0/24"], calling_ae_titles=["CLIENT"])
    wrong_title = AdmissionPolicy(networks=["127.0.0.0/8"], calling_ae_titles=["FRIEND"])
    ae.admission = wrong_network
    is_over = threading.Event()

    def replace_again_and_again() -> None:
        while not is_over.is_set():
            ae.admission = wrong_title
            ae.admission = wrong_network

    thread = threading.Thread(target=replace_again_and_again)
    with serving(ae) as server:
        thread.start()
        try:
            assert {outcome(server) for _ in range(50)} <= {(1, 1, 1), (1, 1, 3)}
        finally:
            is_over.set()
            thread.join()


def test_an_ipv4_peer_of_a_dual_stack_server() -> None:
    ae = store_ae(set())
    ae.admission = replace(ae.admission, networks=["127.0.0.0/8"])
    server = ae.start_server(("", 0), block=False)
    try:
        assert outcome(server) is None
    finally:
        server.shutdown()


def test_pynetdicoms_names_are_parts_of_the_policy() -> None:
    ae = AE()
    assert ae.admission == AdmissionPolicy()
    ae.require_called_aet = True
    ae.maximum_associations = 3
    ae.require_calling_aet = ["A ", "B"]
    expected = AdmissionPolicy(require_called_aet=True, maximum_associations=3, calling_ae_titles=["A", "B"])
    assert ae.admission == expected
    assert (ae.require_called_aet, ae.maximum_associations, ae.require_calling_aet) == (True, 3, ["A", "B"])
    with pytest.raises(ValueError, match="17"):
        ae.admission = AdmissionPolicy(calling_ae_titles=["X" * 17])
    with pytest.raises(ValueError, match="17"):
        ae.require_calling_aet = ["X" * 17]
    with pytest.raises(TypeError):
        ae.admission = {"maximum_associations": 3}  # type: ignore[assignment]
    assert ae.admission == expected


@pytest.mark.parametrize("titles", [{}, lambda certificate: ["CLIENT"]])
def test_without_a_certificate_none_of_its_titles(titles: Any) -> None:
    ae = store_ae(set())
    ae.admission = replace(ae.admission, certificate_titles=titles)
    with serving(ae) as server:
        assert outcome(server) == (1, 1, 3)


def test_a_handler_that_refuses_takes_no_place() -> None:
    ae = store_ae(set())
    ae.maximum_associations = 1
    refuses = threading.Event()
    refuses.set()

    def decide(event: evt.Event) -> None:
        if refuses.is_set():
            event.assoc.acse.send_reject(1, 1, 1)

    with serving(ae, [(evt.EVT_REQUESTED, decide)]) as server:
        assert [outcome(server) for _ in range(5)] == [(1, 1, 1)] * 5
        refuses.clear()
        assert outcome(server) is None


def test_a_handler_that_aborts_or_raises_frees_its_place() -> None:
    ae = store_ae(set())
    ae.maximum_associations = 1
    closed = threading.Event()

    def fail(event: evt.Event) -> None:
        event.assoc.abort()
        raise ZeroDivisionError

    handlers = [(evt.EVT_ACCEPTED, fail), (evt.EVT_CONN_CLOSE, lambda event: closed.set())]
    with serving(ae, handlers) as server:
        with connect_raw(port_of(server)) as peer:
            peer.send(request())
            peer.receive_all()
            await_event(closed)
        server.unbind(evt.EVT_ACCEPTED, fail)
        wait_until(lambda: outcome(server) is None)
