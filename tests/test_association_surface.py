"""What a program may set of one association, and ask of it and of its two sides."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from servers import DEADLINE, associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, Association, build_context, build_role, evt
from fastdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.server import AssociationServer
from fastdicom.sop_class import (
    CTImageStorage,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

TIMEOUTS = ["acse_timeout", "connection_timeout", "dimse_timeout", "network_timeout"]
UPS = [
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepQuery,
]


@contextmanager
def associated(handlers: list[Any] | None = None, **options: Any) -> Iterator[Association]:
    """An association with an acceptor of verification and CT images."""
    with serving(store_ae({CTImageStorage}), handlers) as server:
        contexts = [build_context(Verification), build_context(CTImageStorage)]
        association = associate(AE(), server, contexts=contexts, **options)
        try:
            yield association
        finally:
            association.abort()


# Timeouts.


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_timeout_is_that_of_the_ae_unless_it_is_set(name: str) -> None:
    with associated() as association:
        setattr(association.ae, name, 7)
        assert getattr(association, name) == 7
        setattr(association, name, 5)
        assert (getattr(association, name), getattr(association.ae, name)) == (5, 7)
        association.ae.minimum_throughput = 10
        assert getattr(association, name) == 5
        setattr(association.ae, name, 3)
        assert getattr(association, name) == 3


@pytest.mark.parametrize("name", TIMEOUTS)
def test_a_timeout_is_not_negative(name: str) -> None:
    with associated() as association, pytest.raises(ValueError, match=name):
        setattr(association, name, -1)


def silent(event: evt.Event, release: threading.Event) -> int:
    release.wait(DEADLINE)
    return 0


def test_the_dimse_timeout_of_an_association() -> None:
    release = threading.Event()
    with associated([(evt.EVT_C_ECHO, silent, [release])]) as association:
        association.dimse_timeout = 0.05
        try:
            assert "Status" not in association.send_c_echo()
            assert association.is_aborted
        finally:
            release.set()


def test_the_network_timeout_of_an_association() -> None:
    def shorten(event: evt.Event) -> None:
        event.assoc.network_timeout = 0.05

    with associated([(evt.EVT_ESTABLISHED, shorten)]) as association:
        wait_until(lambda: association.is_aborted)


def test_a_timeout_that_is_set_before_the_association_is_established() -> None:
    def shorten(event: evt.Event) -> None:
        event.assoc.network_timeout = 0.05

    with associated([(evt.EVT_REQUESTED, shorten)]) as association:
        wait_until(lambda: association.is_aborted)


def test_the_acse_timeout_of_an_association() -> None:
    blocked, release = threading.Event(), threading.Event()

    def hang(event: evt.Event) -> None:
        blocked.set()
        release.wait(DEADLINE)

    with associated(
        [(evt.EVT_PDU_RECV, lambda event: type(event.pdu).__name__ == "A_RELEASE_RQ" and hang(event))]
    ) as association:
        association.acse_timeout = 0.05
        try:
            association.release()
            assert blocked.is_set() and association.is_aborted
        finally:
            release.set()


# Its end, and what a thread has.


def test_an_abort_that_does_not_block() -> None:
    with associated() as association:
        association.abort(block=False)
        assert association.is_aborted
        wait_until(lambda: not association.is_alive())


def test_an_abort_that_blocks() -> None:
    with associated() as association:
        association.abort()
        assert not association.is_alive()


def test_a_killed_association_ends_without_an_abort() -> None:
    ended: list[bool] = []
    closed = threading.Event()
    handlers = [
        (evt.EVT_PDU_RECV, lambda event: ended.append(type(event.pdu).__name__ == "A_ABORT")),
        (evt.EVT_CONN_CLOSE, lambda event: closed.set()),
    ]
    with associated(handlers) as association:
        association.kill()
        assert not association.is_alive() and association.is_aborted
        await_event(closed)
        assert ended == [False]  # the request alone
        association.kill()


def test_an_association_is_alive_until_it_is_closed() -> None:
    with associated() as association:
        assert association.is_alive()
        association.join(timeout=0.01)
        assert association.is_alive()
        association.release()
        assert not association.is_alive()
        association.join()


def test_waiting_for_an_association_that_the_peer_ends() -> None:
    acceptors: list[Association] = []
    with associated([(evt.EVT_ESTABLISHED, lambda event: acceptors.append(event.assoc))]) as association:
        assert association.send_c_echo().Status == 0
        timer = threading.Timer(0.02, acceptors[0].abort)
        timer.start()
        association.join(DEADLINE)
        assert not association.is_alive() and association.is_aborted
        timer.join()
        acceptors[0].join(DEADLINE)
        assert not acceptors[0].is_alive()


def test_an_association_is_not_waited_for_in_its_handler() -> None:
    def wait(event: evt.Event) -> int:
        with pytest.raises(RuntimeError, match="handler of its own"):
            event.assoc.join()
        return 0

    with associated([(evt.EVT_C_ECHO, wait)]) as association:
        assert association.send_c_echo().Status == 0


def test_the_names_of_associations_differ() -> None:
    with associated() as one, associated() as other:
        assert one.name != other.name
        one.name = "first"
        assert one.name == "first"


def test_attributes_stay_few() -> None:
    """Beyond some 30 entries attributes become slow to get at."""
    with associated() as association:
        assert len(association.__dict__) <= 30


# The two sides.


def test_the_contexts_of_a_requestor() -> None:
    sides: list[Any] = []
    with associated([(evt.EVT_ESTABLISHED, lambda event: sides.append(event.assoc))]) as association:
        requested = association.requestor.get_contexts("requested")
        assert [each.abstract_syntax for each in requested] == [Verification, CTImageStorage]
        assert association.requestor.get_contexts("pcdl") == requested
        results = association.acceptor.get_contexts("pcdrl")
        assert [(each.context_id, each.result) for each in results] == [(1, 0), (3, 0)]
        assert association.acceptor.supported_contexts == results
        for side, kind in [
            (association.requestor, "supported"),
            (association.requestor, "pcdrl"),
            (association.acceptor, "supported"),
            (association.acceptor, "pcdl"),
            (association.acceptor, "other"),
        ]:
            with pytest.raises(ValueError, match=kind):
                side.get_contexts(kind)
        wait_until(lambda: sides)
        acceptor, requestor = sides[0].acceptor, sides[0].requestor
        supported = [each.abstract_syntax for each in acceptor.get_contexts("supported")]
        assert supported == [Verification, CTImageStorage]
        assert [each.context_id for each in acceptor.get_contexts("pcdrl")] == [1, 3]
        assert [each.context_id for each in requestor.get_contexts("pcdl")] == [1, 3]
        with pytest.raises(ValueError, match="requested"):
            requestor.get_contexts("requested")


def test_addresses() -> None:
    with associated() as association:
        address = association.acceptor.address_info
        assert address is not None
        assert address.as_tuple == ("127.0.0.1", association.acceptor.port)
        assert address.is_ipv4 and not address.is_ipv6


def test_nothing_can_be_changed_once_it_has_been_sent() -> None:
    acceptors: list[Any] = []
    item = SOPClassExtendedNegotiation(CTImageStorage, b"\x01")
    with associated([(evt.EVT_ESTABLISHED, lambda event: acceptors.append(event.assoc))]) as association:
        wait_until(lambda: acceptors)
        for side in (
            association.requestor,
            association.acceptor,
            acceptors[0].acceptor,
            acceptors[0].requestor,
        ):
            assert not side.writeable
            for change in (side.add_negotiation_item, side.remove_negotiation_item):
                with pytest.raises(RuntimeError, match="cannot be changed"):
                    change(item)
            with pytest.raises(RuntimeError, match="cannot be changed"):
                side.reset_negotiation_items()
            with pytest.raises(RuntimeError, match="cannot be changed"):
                side.supported_contexts = []


def adding(*items: Any) -> list[Any]:
    def add(event: evt.Event) -> None:
        assert event.assoc.acceptor.writeable
        for item in items:
            event.assoc.acceptor.add_negotiation_item(item)

    return [(evt.EVT_REQUESTED, add)]


def test_an_acceptor_answers_with_what_was_added() -> None:
    added = SOPClassExtendedNegotiation(CTImageStorage, b"\x02\x01")
    handlers = [
        *adding(added, SOPClassExtendedNegotiation(Verification, b"\x01"), UserIdentityResponse(b"ticket")),
        (evt.EVT_SOP_EXTENDED, lambda event: {CTImageStorage: b"\x00"}),
    ]
    proposed = [
        SOPClassExtendedNegotiation(CTImageStorage, b"\x03\x01"),
        UserIdentityNegotiation(3, True, b"token"),
    ]
    with associated(handlers, ext_neg=proposed) as association:
        assert association.acceptor.sop_class_extended == {CTImageStorage: b"\x02\x01"}
        assert association.acceptor.user_identity == UserIdentityResponse(b"ticket")


def test_what_was_not_proposed_is_not_answered() -> None:
    items = [
        SOPClassExtendedNegotiation(CTImageStorage, b"\x02\x01"),
        UserIdentityResponse(b"ticket"),
        AsynchronousOperationsWindowNegotiation(5, 5),
        SCP_SCU_RoleSelectionNegotiation(CTImageStorage, False, True),
    ]
    with associated(adding(*items)) as association:
        assert association.is_established
        assert association.acceptor.extended_negotiation == []


def test_an_added_window_is_used() -> None:
    window = AsynchronousOperationsWindowNegotiation(4, 2)
    with associated(adding(AsynchronousOperationsWindowNegotiation(3, 9)), ext_neg=[window]) as association:
        assert (association.maximum_operations_invoked, association.maximum_operations_performed) == (3, 2)


def test_added_roles_are_negotiated() -> None:
    role = SCP_SCU_RoleSelectionNegotiation(CTImageStorage, True, True)
    proposed = [build_role(CTImageStorage, scp_role=True)]
    with associated(adding(role), ext_neg=proposed) as association:
        context = association.accepted_contexts[1]
        assert (context.as_scu, context.as_scp) == (False, True)


def test_added_items_can_be_taken_away() -> None:
    ours, other = (SOPClassExtendedNegotiation(uid, b"\x01") for uid in (CTImageStorage, Verification))
    seen: list[Any] = []

    def change(event: evt.Event) -> None:
        acceptor = event.assoc.acceptor
        acceptor.add_negotiation_item(ours)
        acceptor.add_negotiation_item(other)
        acceptor.remove_negotiation_item(ours)
        acceptor.remove_negotiation_item(ours)
        seen.append(acceptor.extended_negotiation)
        acceptor.reset_negotiation_items()
        seen.append(acceptor.extended_negotiation)
        for change in (acceptor.add_negotiation_item, acceptor.remove_negotiation_item):
            with pytest.raises(TypeError, match="SOPClassCommonExtendedNegotiation"):
                change(SOPClassCommonExtendedNegotiation())
        seen.append("done")

    with associated([(evt.EVT_REQUESTED, change)]):
        assert seen == [[other], [], "done"]


def test_what_an_acceptor_supports_can_be_changed() -> None:
    def change(event: evt.Event) -> None:
        event.assoc.acceptor.supported_contexts = [build_context(Verification)]

    with associated([(evt.EVT_REQUESTED, change)]) as association:
        assert [each.abstract_syntax for each in association.accepted_contexts] == [Verification]


# Servers.


class Counting(AssociationServer):
    """A server with an argument of its own."""

    def __init__(self, *args: Any, step: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.step = step


def test_a_server_of_another_class() -> None:
    ae = store_ae(set())
    seen: list[Any] = []
    handlers = [(evt.EVT_C_ECHO, lambda event: seen.append(event.assoc.acceptor.ae_title) or 0)]
    server = ae.make_server(
        ("127.0.0.1", 0), ae_title="OTHER", evt_handlers=handlers, server_class=Counting, step=3
    )
    assert isinstance(server, Counting) and server.step == 3
    server.start()
    client = AE()
    client.add_requested_context(Verification)
    with client.associate("127.0.0.1", port_of(server)) as association:
        assert association.send_c_echo().Status == 0
    assert seen == ["OTHER"]
    ae.shutdown()
    assert not client.associate("127.0.0.1", port_of(server)).is_established


def test_a_server_that_was_not_started_is_shut_down() -> None:
    ae = store_ae(set())
    server = ae.make_server(("127.0.0.1", 0))
    assert type(server) is AssociationServer
    ae.shutdown()
    client = AE()
    client.add_requested_context(Verification)
    assert client.associate("127.0.0.1", port_of(server)).is_aborted


def test_a_server_supports_something() -> None:
    with pytest.raises(ValueError, match="no presentation contexts"):
        AE().make_server(("127.0.0.1", 0))


# Unified Procedure Step: commands name Push on whichever context allows them (PS3.4 CC.3.1).

SENT = {
    "N-CREATE": (lambda assoc: assoc.send_n_create(None, UPS[0], "1.2"), UnifiedProcedureStepPush),
    "N-GET": (lambda assoc: assoc.send_n_get(None, UPS[0], "1.2"), UnifiedProcedureStepPush),
    "N-SET": (lambda assoc: assoc.send_n_set(None, UPS[0], "1.2"), UnifiedProcedureStepPull),
    "change state": (lambda assoc: assoc.send_n_action(None, 1, UPS[0], "1.2"), UnifiedProcedureStepPull),
    "cancel": (lambda assoc: assoc.send_n_action(None, 2, UPS[0], "1.2"), UnifiedProcedureStepPush),
    "subscribe": (lambda assoc: assoc.send_n_action(None, 3, UPS[0], "1.2"), UnifiedProcedureStepWatch),
    "C-FIND": (lambda assoc: list(assoc.send_c_find(None, UPS[0])), UnifiedProcedureStepWatch),
}


@pytest.mark.parametrize("what", SENT)
def test_a_context_that_allows_the_command_is_chosen(what: str) -> None:
    send, expected = SENT[what]
    seen: list[Any] = []
    ae = AE()
    for uid in UPS:
        ae.add_supported_context(uid)

    def note(event: evt.Event) -> None:
        contexts = {each.context_id: each.abstract_syntax for each in event.assoc.accepted_contexts}
        seen.append(contexts[event.message.context_id])

    with serving(ae, [(evt.EVT_DIMSE_RECV, note)]) as server:
        contexts = [build_context(uid) for uid in UPS]
        with associate(AE(), server, contexts=contexts) as association:
            send(association)
    assert seen == [expected]


def test_a_context_that_does_not_allow_the_command_is_better_than_none() -> None:
    ae = AE()
    ae.add_supported_context(UnifiedProcedureStepWatch)
    with serving(ae) as server:
        contexts = [build_context(UnifiedProcedureStepWatch)]
        with associate(AE(), server, contexts=contexts) as association:
            status, _ = association.send_n_set(None, UnifiedProcedureStepPush, "1.2")
            assert status.Status != 0
