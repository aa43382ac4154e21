"""pynetdicom as a peer of negotiation, in both directions: roles, extended negotiation, users, the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from peers import require_pynetdicom
from proposals import CT, IMPLICIT, VERIFICATION
from servers import port_of, serving, wait_until

from fastdicom import AE, Association, AssociationRejected, build_async_ops, build_role, evt
from fastdicom.pdu_primitives import (
    QueryExtendedNegotiation,
    SOPClassCommonExtendedNegotiation,
    StorageExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.sop_class import EnhancedSRStorage, ProcedureLogStorage

FIND = "1.2.840.10008.5.1.4.1.2.1.1"
STORAGE = "1.2.840.10008.4.2"

# PS3.7 Table D.3-14: type, primary field, secondary field.
IDENTITIES = [
    (1, b"user", b""),
    (2, b"user", b"passcode"),
    (3, b"ticket", b""),
    (4, b"assertion", b""),
    (5, b"token", b""),
]
T, F = True, False
ROLES = [(scu, scp) for scu in (T, F) for scp in (T, F)]


def supports(ae: Any, *sop_classes: str) -> Any:
    for sop_class in (VERIFICATION, FIND, *sop_classes):
        ae.add_supported_context(sop_class, IMPLICIT)
    return ae


@contextmanager
def to_pynetdicom(
    items: list[Any],
    handlers: list[Any] | None = None,
    roles: Any = None,
    proposed: tuple[str, ...] = (FIND,),
) -> Iterator[tuple[Association, Any]]:
    """Associate with pynetdicom: the association, and as pynetdicom sees it."""
    pynetdicom = require_pynetdicom()
    seen: list[Any] = []
    bound = [(getattr(pynetdicom.evt, name), handler) for name, handler in handlers or []]
    bound.append((pynetdicom.evt.EVT_ACCEPTED, lambda event: seen.append(event.assoc)))
    ae = supports(pynetdicom.AE(), CT)
    if roles is not None:
        ae.add_supported_context(CT, IMPLICIT, *roles)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    try:
        client = AE()
        for uid in (CT, VERIFICATION, *proposed):
            client.add_requested_context(uid, IMPLICIT)
        association = client.associate("127.0.0.1", server.server_address[1], ext_neg=items)
        yield association, seen
        association.release()
    finally:
        server.shutdown()


@contextmanager
def from_pynetdicom(
    items: list[Any],
    handlers: list[Any] | None = None,
    ae: AE | None = None,
    proposed: tuple[str, ...] = (FIND,),
) -> Iterator[tuple[Any, list[Association]]]:
    """Have pynetdicom associate: its association, and as this library sees it."""
    pynetdicom = require_pynetdicom()
    seen: list[Association] = []
    bound = [(evt.EVT_ESTABLISHED, lambda event: seen.append(event.assoc)), *(handlers or [])]
    with serving(ae or supports(AE(), CT), bound) as server:
        client = pynetdicom.AE()
        for uid in (CT, VERIFICATION, *proposed):
            client.add_requested_context(uid, IMPLICIT)
        association = client.associate("127.0.0.1", port_of(server), ext_neg=items)
        try:
            yield association, seen
        finally:
            if association.is_established:
                association.release()


def theirs(name: str, **values: Any) -> Any:
    """Make a negotiation item of pynetdicom's."""
    item = getattr(require_pynetdicom().pdu_primitives, name)()
    for attribute, value in values.items():
        setattr(item, attribute, value)
    return item


def first(seen: list[Any]) -> Any:
    """Return the association that the acceptor has, or is about to have."""
    wait_until(lambda: seen)
    return seen[0]


def roles_of(association: Any, uid: str = CT) -> tuple[Any, Any] | None:
    accepted = [context for context in association.accepted_contexts if context.abstract_syntax == uid]
    return (accepted[0].as_scu, accepted[0].as_scp) if accepted else None


class TestRoles:
    @pytest.mark.parametrize("supported", ROLES)
    @pytest.mark.parametrize("proposed", [(T, T), (F, T)])
    def test_to_pynetdicom(self, proposed: tuple[bool, bool], supported: tuple[bool, bool]) -> None:
        expected = proposed[0] and supported[0], proposed[1] and supported[1]
        with to_pynetdicom([build_role(CT, *proposed)], roles=supported) as (association, seen):
            assert roles_of(association) == (expected if any(expected) else None)
            assert roles_of(first(seen)) == (expected[::-1] if any(expected) else None)

    @pytest.mark.parametrize("supported", ROLES)
    @pytest.mark.parametrize("proposed", [(T, T), (F, T)])
    def test_from_pynetdicom(self, proposed: tuple[bool, bool], supported: tuple[bool, bool]) -> None:
        ae = supports(AE())
        ae.add_supported_context(CT, IMPLICIT, *supported)
        expected = proposed[0] and supported[0], proposed[1] and supported[1]
        item = require_pynetdicom().build_role(CT, *proposed)
        with from_pynetdicom([item], ae=ae) as (association, seen):
            assert roles_of(association) == (expected if any(expected) else None)
            assert roles_of(first(seen)) == (expected[::-1] if any(expected) else None)


class TestSopExtended:
    def test_to_pynetdicom(self) -> None:
        asked: list[Any] = []

        def handler(event: Any) -> dict[str, bytes]:
            asked.append(dict(event.app_info))
            return {FIND: b"\1\0"}

        items = [
            QueryExtendedNegotiation(relational=True, date_time_matching=True).item(FIND),
            StorageExtendedNegotiation().item(CT),
        ]
        with to_pynetdicom(items, [("EVT_SOP_EXTENDED", handler)]) as (association, _):
            answer = association.acceptor.sop_class_extended
            assert asked == [{FIND: b"\1\1", CT: b"\3\0\0\0\2\0"}]
            assert QueryExtendedNegotiation.decode(answer[FIND]) == QueryExtendedNegotiation(relational=True)

    def test_from_pynetdicom(self) -> None:
        name = "SOPClassExtendedNegotiation"
        item = theirs(name, sop_class_uid=FIND, service_class_application_information=b"\1\0\1\1\0")

        def handler(event: evt.Event) -> dict[str, Any]:
            assert event.app_info == {FIND: b"\1\0\1\1\0"}
            return {
                FIND: QueryExtendedNegotiation(relational=True, date_time_matching=True, fuzzy_matching=True)
            }

        with from_pynetdicom([item], [(evt.EVT_SOP_EXTENDED, handler)]) as (association, _):
            assert association.acceptor.sop_class_extended == {FIND: b"\1\0\1\0\0"}


class TestSopCommon:
    def test_to_pynetdicom(self) -> None:
        item = SOPClassCommonExtendedNegotiation(CT, STORAGE, [EnhancedSRStorage, "1.2.3"])
        handler = ("EVT_SOP_COMMON", lambda event: event.items)
        with to_pynetdicom([item], [handler]) as (association, seen):
            expected = {CT: (STORAGE, [EnhancedSRStorage, "1.2.3"])}
            assert first(seen).acceptor.accepted_common_extended == expected
            assert association.acceptor.extended_negotiation == []

    def test_from_pynetdicom(self) -> None:
        item = theirs(
            "SOPClassCommonExtendedNegotiation",
            sop_class_uid=ProcedureLogStorage,
            service_class_uid=STORAGE,
            related_general_sop_class_identification=[EnhancedSRStorage],
        )
        handler = (evt.EVT_SOP_COMMON, lambda event: event.items)
        ae = supports(AE(), EnhancedSRStorage)
        with from_pynetdicom([item], [handler], ae, (ProcedureLogStorage,)) as (association, seen):
            expected = {ProcedureLogStorage: (STORAGE, [EnhancedSRStorage])}
            assert first(seen).acceptor.accepted_common_extended == expected
            assert roles_of(association, ProcedureLogStorage) == (T, F)


class TestUserIdentity:
    @pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: f"type {identity[0]}")
    def test_to_pynetdicom(self, identity: tuple[int, bytes, bytes]) -> None:
        asked: list[Any] = []

        def handler(event: Any) -> tuple[bool, bytes]:
            asked.append((event.user_id_type, event.primary_field, event.secondary_field or b""))
            return True, b"response"

        kind, primary, secondary = identity
        item = UserIdentityNegotiation(kind, True, primary, secondary)
        with to_pynetdicom([item], [("EVT_USER_ID", handler)]) as (association, _):
            assert asked == [identity]
            # pynetdicom does not respond to user names, which PS3.7 D.3.3.7 asks for.
            expected = None if kind in (1, 2) else UserIdentityResponse(b"response")
            assert association.acceptor.user_identity == expected

    def test_refused_by_pynetdicom(self) -> None:
        item = UserIdentityNegotiation(1, False, b"user")
        with to_pynetdicom([item], [("EVT_USER_ID", lambda event: (False, None))]) as (association, _):
            assert association.is_rejected
            with pytest.raises(AssociationRejected, match="no reason given"):
                association.__enter__()

    @pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: f"type {identity[0]}")
    def test_from_pynetdicom(self, identity: tuple[int, bytes, bytes]) -> None:
        asked: list[Any] = []

        def handler(event: evt.Event) -> tuple[bool, bytes]:
            asked.append((event.user_id_type, event.primary_field, event.secondary_field))
            return True, b"response"

        kind, primary, secondary = identity
        values = {"primary_field": primary} | ({"secondary_field": secondary} if secondary else {})
        item = theirs(
            "UserIdentityNegotiation", user_identity_type=kind, positive_response_requested=True, **values
        )
        with from_pynetdicom([item], [(evt.EVT_USER_ID, handler)]) as (association, _):
            assert asked == [identity]
            response = association.acceptor.user_identity
            assert response.server_response == (b"" if kind in (1, 2) else b"response")

    def test_refused_by_us(self) -> None:
        item = theirs("UserIdentityNegotiation", user_identity_type=1, primary_field=b"user")
        handler = (evt.EVT_USER_ID, lambda event: (False, None))
        with from_pynetdicom([item], [handler]) as (association, _):
            assert association.is_rejected
            rejection = association.acceptor.primitive
            assert (rejection.result, rejection.result_source, rejection.diagnostic) == (1, 1, 1)


class TestWindow:
    def test_to_pynetdicom(self) -> None:
        """It answers 1 and 1 whatever its handler returns."""
        handler = ("EVT_ASYNC_OPS", lambda event: (event.nr_invoked, event.nr_performed))
        with to_pynetdicom([build_async_ops(8, 8)], [handler]) as (association, _):
            assert association.acceptor.asynchronous_operations == (1, 1)
            assert association.maximum_operations_invoked == association.maximum_operations_performed == 1

    def test_to_pynetdicom_that_does_not_answer(self) -> None:
        with to_pynetdicom([build_async_ops(8, 8)]) as (association, _):
            assert association.acceptor.extended_negotiation == []
            assert association.maximum_operations_invoked == association.maximum_operations_performed == 1

    @pytest.mark.parametrize("returned", [None, (3, 9)])
    def test_from_pynetdicom(self, returned: tuple[int, int] | None) -> None:
        values = {"maximum_number_operations_invoked": 8, "maximum_number_operations_performed": 4}
        item = theirs("AsynchronousOperationsWindowNegotiation", **values)
        handlers = [] if returned is None else [(evt.EVT_ASYNC_OPS, lambda event: returned)]
        with from_pynetdicom([item], handlers) as (association, seen):
            expected = (1, 1) if returned is None else (3, 4)
            assert association.acceptor.asynchronous_operations == expected
            ours = first(seen)
            assert (ours.maximum_operations_performed, ours.maximum_operations_invoked) == expected
