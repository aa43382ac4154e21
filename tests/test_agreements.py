"""The same request gets the same answer, as long as nothing that the answer follows from has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pytest
from proposals import CT, EXPLICIT, IMPLICIT, JPEG, VERIFICATION
from servers import DEADLINE, port_of, serving

from fastdicom import AE, build_async_ops, build_role, evt, sop_class
from fastdicom.association import agreements
from fastdicom.pdu_primitives import UserIdentityNegotiation
from fastdicom.presentation import PresentationContext, build_context
from fastdicom.sop_class import ServiceClass, register_uid
from fastdicom.ul.kept import Kept
from fastdicom.ul.negotiation import build_associate_rq

PRIVATE = "1.2.3.4"


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_REQUESTS", "_CONFIRMED", "_PRECEDENTS"):
        monkeypatch.setattr(agreements, name, Kept())
    monkeypatch.setattr(sop_class, "_registered", {})
    monkeypatch.setattr(sop_class, "_registered_keywords", {})


def contexts() -> list[PresentationContext]:
    return [build_context(VERIFICATION), build_context(CT, [EXPLICIT, IMPLICIT]), build_context(PRIVATE)]


Ask = Callable[..., list[tuple[Any, ...]]]


@contextmanager
def associating(ae: AE, *handlers: Any) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Serve: what associates with it and returns both sides of the association, which is over."""
    seen: SimpleQueue[Any] = SimpleQueue()
    requestor = AE()
    established = (evt.EVT_ESTABLISHED, lambda event: seen.put(event.assoc))
    with serving(ae, [established, *handlers]) as server:

        def associate(proposed: list[PresentationContext] | None = None, **options: Any) -> tuple[Any, Any]:
            options["contexts"] = contexts() if proposed is None else proposed
            with requestor.associate("127.0.0.1", port_of(server), **options) as association:
                return association, seen.get(timeout=DEADLINE)

        yield associate


@contextmanager
def asking(ae: AE, *handlers: Any) -> Iterator[Ask]:
    """Serve: what associates with it and returns what was accepted, which is the same on both sides."""
    with associating(ae, *handlers) as associate:

        def ask(**options: Any) -> list[tuple[Any, ...]]:
            sides = associate(**options)
            for name in ("accepted_contexts", "rejected_contexts"):
                ours, theirs = (getattr(each, name) for each in sides)
                assert [each.as_scu for each in ours] == [each.as_scp for each in theirs]
                rows, their_rows = (
                    [(str(each.abstract_syntax), each.result, *each.transfer_syntax) for each in contexts]
                    for contexts in (ours, theirs)
                )
                assert rows == their_rows
            accepted = sides[0].accepted_contexts
            return [(str(each.abstract_syntax), *map(str, each.transfer_syntax)) for each in accepted]

        yield ask


def kept() -> list[int]:
    return [len(each) for each in (agreements._REQUESTS, agreements._CONFIRMED, agreements._PRECEDENTS)]


def scp() -> AE:
    ae = AE()
    ae.supported_contexts = [build_context(VERIFICATION, IMPLICIT), build_context(CT, [JPEG, IMPLICIT])]
    return ae


FIRST = [(VERIFICATION, IMPLICIT), (CT, IMPLICIT)]


def test_the_same_again() -> None:
    with asking(scp()) as ask:
        assert ask() == ask() == ask() == FIRST
    assert kept() == [1, 1, 1]


def add_transfer_syntax(ae: AE) -> None:
    ae.supported_contexts[1].add_transfer_syntax(EXPLICIT)
    ae.supported_contexts[1].transfer_syntax.reverse()


def replace_transfer_syntaxes(ae: AE) -> None:
    ae.supported_contexts[1].transfer_syntax = [EXPLICIT]


def change_abstract_syntax(ae: AE) -> None:
    ae.supported_contexts[0].abstract_syntax = PRIVATE


def prefer_theirs(ae: AE) -> None:
    ae.supported_contexts[1].transfer_syntax = [IMPLICIT, EXPLICIT]
    ae.transfer_syntax_policy = "requestor"


def decide_by_function(ae: AE) -> None:
    ae.transfer_syntax_policy = lambda proposal, ours: None


def accept_any_storage(ae: AE) -> None:
    ae.accepts_any_storage = True


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (add_transfer_syntax, [FIRST[0], (CT, EXPLICIT)]),
        (replace_transfer_syntaxes, [FIRST[0], (CT, EXPLICIT)]),
        (change_abstract_syntax, [FIRST[1], (PRIVATE, IMPLICIT)]),
        (prefer_theirs, [FIRST[0], (CT, EXPLICIT)]),
        (accept_any_storage, [*FIRST, (PRIVATE, IMPLICIT)]),
    ],
)
def test_what_is_supported_changes(change: Callable[[AE], None], then: list[Any]) -> None:
    """In place, while the server runs."""
    ae = scp()
    with asking(ae) as ask:
        assert ask() == ask() == FIRST
        change(ae)
        assert ask() == ask() == then


def test_a_policy_is_asked_each_time() -> None:
    ae, asked = scp(), []
    ae.transfer_syntax_policy = lambda proposal, ours: asked.append(proposal) or IMPLICIT  # type: ignore[func-returns-value]
    with asking(ae) as ask:
        assert ask() == ask() == FIRST
    assert len(asked) == 4


def test_a_handler_changes_what_is_supported() -> None:
    offered = [[build_context(CT, EXPLICIT)], [], [build_context(VERIFICATION, IMPLICIT)]]

    def on_requested(event: Any) -> None:
        event.assoc.acceptor.supported_contexts = [
            *event.assoc.acceptor.supported_contexts[:1],
            *offered.pop(),
        ]

    with asking(scp(), (evt.EVT_REQUESTED, on_requested)) as ask:
        assert ask() == [FIRST[0]]
        assert ask() == [FIRST[0]]
        assert ask() == [FIRST[0], (CT, EXPLICIT)]


def test_roles_are_part_of_it() -> None:
    ae = scp()
    with associating(ae) as associate:
        for scp_role in (True, False, True):
            ae.supported_contexts[1].scu_role, ae.supported_contexts[1].scp_role = True, scp_role
            ours, theirs = associate(ext_neg=[build_role(CT, scu_role=True, scp_role=True)])
            assert ours.acceptor.role_selection[CT].scp_role is scp_role
            assert ours.accepted_contexts[1].as_scp is theirs.accepted_contexts[1].as_scu is scp_role


def test_the_window_is_part_of_it() -> None:
    granted = [(4, 4), (2, 2), (4, 4)]
    with associating(scp(), (evt.EVT_ASYNC_OPS, lambda event: granted[0])) as associate:
        while granted:
            ours, theirs = associate(ext_neg=[build_async_ops(8, 8)])
            for association in (ours, theirs):
                window = association.maximum_operations_invoked, association.maximum_operations_performed
                assert window == granted[0]
            granted.pop(0)
    assert kept()[2] == 1


def test_what_an_ae_says_of_itself_is_part_of_it() -> None:
    ae = scp()
    with associating(ae) as associate:
        for length, name in ((16382, "ONE"), (32768, "ONE"), (32768, None)):
            ae.maximum_pdu_size, ae.implementation_version_name = length, name
            ours, theirs = associate(max_pdu=length)
            for association in (ours, theirs):
                acceptor = association.acceptor
                assert (acceptor.maximum_length, acceptor.implementation_version_name) == (length, name)
                assert association.requestor.maximum_length == length


def test_two_servers() -> None:
    one, other = scp(), scp()
    other.supported_contexts[1].transfer_syntax = [EXPLICIT]
    with asking(one) as ask_one, asking(other) as ask_other:
        for _ in range(2):
            assert ask_one() == FIRST
            assert ask_other() == [FIRST[0], (CT, EXPLICIT)]


def test_what_a_program_changes_is_its_own() -> None:
    with associating(scp()) as associate:
        for _ in range(3):
            for each in associate():
                assert [str(context.abstract_syntax) for context in each.accepted_contexts] == [
                    VERIFICATION,
                    CT,
                ]
                assert [context.transfer_syntax for context in each.accepted_contexts] == [[IMPLICIT]] * 2
                assert each.acceptor.results[0] is each.accepted_contexts[0]
                assert len(each.requestor.user_information) == len(each.acceptor.user_information) == 3
                assert len(each.requestor.proposals) == 3
                each.accepted_contexts[0].transfer_syntax.clear()
                each.accepted_contexts.clear()
                each.requestor.user_information.clear()
                each.acceptor.user_information.clear()
                each.requestor.proposals.clear()


def test_a_sop_class_becomes_another() -> None:
    """What may be asked of a private one changes when it is registered."""
    ae = scp()
    ae.add_supported_context(PRIVATE, IMPLICIT)
    services = []
    with associating(ae) as associate:
        for service_class in (None, None, ServiceClass.PRINT_MANAGEMENT, ServiceClass.STORAGE_COMMITMENT):
            if service_class is not None:
                register_uid(PRIVATE, "PrivateClass", service_class)
            _, theirs = associate()
            services.append(set(theirs._services[5]))
    assert services == [{1}, {1}, {0x0110, 0x0120, 0x0130, 0x0140, 0x0150}, {0x0100, 0x0130}]


def test_a_user_is_asked_each_time() -> None:
    asked: list[bytes] = []

    def on_user(event: Any) -> tuple[bool, None]:
        asked.append(event.secondary_field)
        return True, None

    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.primary_field = b"name"
    identity.secondary_field = b"secret"
    with asking(scp(), (evt.EVT_USER_ID, on_user)) as ask:
        for _ in range(2):
            assert ask(ext_neg=[identity]) == FIRST
    assert asked == [b"secret"] * 2
    assert kept() == [0, 0, 0]


def test_a_request_is_as_it_was_built() -> None:
    settings: dict[str, Any] = {
        "called_ae_title": "CALLED",
        "calling_ae_title": "CALLING",
        "maximum_length": 16382,
        "implementation_class_uid": "1.2.3",
        "implementation_version_name": None,
    }
    changes: list[dict[str, Any]] = [
        {},
        {"called_ae_title": "CALLING", "calling_ae_title": "CALLED"},
        {"maximum_length": 0},
        {"implementation_class_uid": "1.2.4"},
        {"implementation_version_name": "NAME"},
        {"contexts": contexts()[::-1]},
        {"contexts": [build_context(CT, [IMPLICIT, EXPLICIT])]},
        {"contexts": [build_context(CT, [EXPLICIT, IMPLICIT])]},
        {"contexts": [build_context(CT, [EXPLICIT]), build_context(IMPLICIT)]},
        {"negotiation_items": [build_role(CT, scp_role=True)]},
    ]
    for change in changes * 2:
        options = {"contexts": contexts(), **settings, **change}
        rq, to_send = agreements.request(**options)
        assert rq == build_associate_rq(**options)
        assert to_send.encode() == rq.encode() == replace(rq).encode()
    for wrong in ({"contexts": []}, {"maximum_length": -1}, {"implementation_version_name": "X" * 17}):
        for _ in range(2):
            with pytest.raises(ValueError):
                agreements.request(**{"contexts": contexts(), **settings, **wrong})[1].encode()
