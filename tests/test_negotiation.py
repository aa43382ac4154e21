"""Negotiation over sockets, with this library at both ends: what is proposed, decided and seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from proposals import CT, EXPLICIT, IMPLICIT, JPEG, VERIFICATION
from pydicom.dataset import Dataset
from pydicom.uid import UID
from servers import associate, serving

from fastdicom import (
    AE,
    Association,
    AssociationAborted,
    AssociationRejected,
    build_async_ops,
    build_role,
    evt,
)
from fastdicom.data_sets import encode_dataset
from fastdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    QueryExtendedNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    StorageExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.presentation import build_context
from fastdicom.sop_class import EnhancedSRStorage, ProcedureLogStorage

FIND = "1.2.840.10008.5.1.4.1.2.1.1"
STORAGE = "1.2.840.10008.4.2"


def object_of(sop_class: str) -> bytes:
    """Return a data set in Explicit VR Little Endian with no more than its UIDs."""
    data_set = Dataset()
    data_set.SOPClassUID = sop_class
    data_set.SOPInstanceUID = "1.2.3.4.5"
    return encode_dataset(data_set, UID(EXPLICIT))


def scp(*sop_classes: str) -> AE:
    ae = AE()
    for sop_class in (VERIFICATION, CT, FIND, *sop_classes):
        ae.add_supported_context(sop_class, [EXPLICIT, IMPLICIT])
    return ae


@contextmanager
def accepting(ae: AE, *handlers: Any) -> Iterator[tuple[Callable[..., Association], list[Association]]]:
    """Serve: how to associate with it, and the associations as it sees them."""
    seen: list[Association] = []
    bound = [(evt.EVT_REQUESTED, lambda event: seen.append(event.assoc)), *handlers]
    with serving(ae, bound) as server:

        def connect(*items: Any, contexts: Any = None, **options: Any) -> Association:
            proposed = (
                [build_context(uid) for uid in (CT, VERIFICATION, FIND)] if contexts is None else contexts
            )
            client = options.pop("ae", None) or AE()
            return associate(client, server, contexts=proposed, ext_neg=items, **options)

        yield connect, seen


def returning(value: Any) -> Callable[[evt.Event], Any]:
    def handler(event: evt.Event) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    return handler


class TestWindow:
    """PS3.7 D.3.3.3."""

    @pytest.mark.parametrize(
        ("returned", "window"),
        [
            ((4, 2), (4, 2)),
            ([4, 2], (4, 2)),
            ((100, 100), (8, 6)),
            ((0, 0), (8, 6)),
            ((1, 65536), (1, 1)),
            ((-1, 1), (1, 1)),
            ((4,), (1, 1)),
            ("42", (1, 1)),
            ((4.0, 2.0), (1, 1)),
            (None, (1, 1)),
            (ValueError("no"), (1, 1)),
        ],
        ids=repr,
    )
    def test_the_handler_decides(self, returned: Any, window: tuple[int, int]) -> None:
        with (
            accepting(scp(), (evt.EVT_ASYNC_OPS, returning(returned))) as (connect, seen),
            connect(build_async_ops(8, 6)) as association,
        ):
            assert association.acceptor.asynchronous_operations == window
            assert association.requestor.asynchronous_operations == (8, 6)
            numbers = association.maximum_operations_invoked, association.maximum_operations_performed
            assert numbers == window
            # The other side sees it the other way round.
            (other,) = seen
            assert (other.maximum_operations_performed, other.maximum_operations_invoked) == window

    def test_the_handler_sees_what_is_proposed(self) -> None:
        seen = []

        def handler(event: evt.Event) -> tuple[int, int]:
            seen.append((event.nr_invoked, event.nr_performed))
            return event.nr_invoked, event.nr_performed

        with (
            accepting(scp(), (evt.EVT_ASYNC_OPS, handler)) as (connect, _),
            connect(build_async_ops(0, 3)) as a,
        ):
            assert seen == [(0, 3)]
            assert (a.maximum_operations_invoked, a.maximum_operations_performed) == (0, 3)

    def test_without_a_handler_it_is_answered_all_the_same(self) -> None:
        with accepting(scp()) as (connect, _), connect(build_async_ops(8, 8)) as association:
            assert association.acceptor.extended_negotiation == [
                AsynchronousOperationsWindowNegotiation(1, 1)
            ]

    def test_what_is_not_proposed_is_not_answered(self) -> None:
        handler = (evt.EVT_ASYNC_OPS, returning((8, 8)))
        with accepting(scp(), handler) as (connect, seen), connect() as association:
            assert association.acceptor.extended_negotiation == []
            for side in (association, *seen):
                assert (side.maximum_operations_invoked, side.maximum_operations_performed) == (1, 1)

    def test_a_synchronous_peer_never_sees_it(self) -> None:
        client = AE()
        client.synchronous_peers = [" OLDPACS ", "OTHER"]
        items = build_async_ops(8, 8), build_role(CT, scp_role=True)
        with accepting(scp(), (evt.EVT_ASYNC_OPS, returning((8, 8)))) as (connect, seen):
            connect(*items, ae=client, ae_title="OLDPACS").release()
            connect(*items, ae=client, ae_title="NEWPACS").release()
        assert [side.requestor.extended_negotiation for side in seen] == [[items[1]], list(items)]

    def test_synchronous_peers_are_ae_titles(self) -> None:
        with pytest.raises(TypeError, match="not the single"):
            AE().synchronous_peers = "OLDPACS"
        with pytest.raises(ValueError, match="17 characters"):
            AE().synchronous_peers = ["X" * 17]


class TestRoles:
    def test_both_sides_see_them(self) -> None:
        ae = scp()
        ae.add_supported_context(CT, [IMPLICIT], scu_role=False, scp_role=True)
        items = build_role(CT, scu_role=True, scp_role=True), build_role(FIND, scu_role=True)
        with accepting(ae) as (connect, seen), connect(*items) as association:
            for side in (association, *seen):
                assert side.requestor.role_selection == {item.sop_class_uid: item for item in items}
                granted = SCP_SCU_RoleSelectionNegotiation(CT, False, True)
                assert side.acceptor.role_selection == {CT: granted}
            ct, _, find = association.accepted_contexts
            assert (ct.as_scu, ct.as_scp, find.as_scu, find.as_scp) == (False, True, True, False)


class TestSopExtended:
    """PS3.7 D.3.3.5, PS3.4 C.5."""

    proposed = QueryExtendedNegotiation(relational=True, timezone_adjustment=True)

    def test_bytes_or_options(self) -> None:
        seen: list[Any] = []

        def handler(event: evt.Event) -> dict[str, Any]:
            seen.append(event.app_info)
            return {
                CT: StorageExtendedNegotiation(level_of_support=2, element_coercion=0),
                FIND: QueryExtendedNegotiation(relational=True, fuzzy_matching=True),
                VERIFICATION: b"any\0thing",
            }

        items = [
            StorageExtendedNegotiation().item(CT),
            self.proposed.item(FIND),
            SOPClassExtendedNegotiation(VERIFICATION, b"\xff"),
        ]
        with (
            accepting(scp(), (evt.EVT_SOP_EXTENDED, handler)) as (connect, sides),
            connect(*items) as association,
        ):
            assert seen == [{CT: b"\3\0\0\0\2\0", FIND: b"\1\0\0\1", VERIFICATION: b"\xff"}]
            for side in (association, *sides):
                assert side.requestor.sop_class_extended == seen[0]
                assert side.acceptor.sop_class_extended == {
                    CT: b"\2\0\0\0\0\0",
                    FIND: b"\1\0\0\0",  # as long as the question; fuzzy matching was not asked for
                    VERIFICATION: b"any\0thing",
                }
            answer = association.acceptor.sop_class_extended[FIND]
            assert QueryExtendedNegotiation.decode(answer) == QueryExtendedNegotiation(relational=True)

    @pytest.mark.parametrize(
        ("returned", "answered"),
        [
            (None, {}),
            ({}, {}),
            (b"\1", {}),
            ({FIND: "\1", CT: b"\1"}, {}),  # no bytes; not proposed
            ({FIND: b"", 1: b"\1"}, {FIND: b""}),
            (ValueError("no"), {}),
        ],
        ids=repr,
    )
    def test_what_makes_no_sense_is_not_sent(self, returned: Any, answered: dict[str, bytes]) -> None:
        handler = (evt.EVT_SOP_EXTENDED, returning(returned))
        with accepting(scp(), handler) as (connect, _), connect(self.proposed.item(FIND)) as association:
            assert association.acceptor.sop_class_extended == answered

    def test_without_a_handler_there_is_no_answer(self) -> None:
        with accepting(scp()) as (connect, _), connect(self.proposed.item(FIND)) as association:
            assert association.acceptor.extended_negotiation == []

    def test_an_answer_that_no_pdu_holds_is_a_rejection(self) -> None:
        ae = scp()
        ae.maximum_associations = 1
        handler = (evt.EVT_SOP_EXTENDED, returning({FIND: bytes(65500)}))
        with accepting(ae, handler) as (connect, _):
            association = connect(self.proposed.item(FIND))
            assert association.is_rejected and not association.is_established
            connect().release()  # and the slot is free
            assert not association.is_established


class TestSopCommon:
    """PS3.7 D.3.3.6, PS3.4 B.3.1.4."""

    item = SOPClassCommonExtendedNegotiation(ProcedureLogStorage, STORAGE, ["1.2.3", EnhancedSRStorage])
    contexts = (build_context(ProcedureLogStorage, [EXPLICIT]), build_context(VERIFICATION))

    def test_a_specialised_class_is_taken_for_the_general_one(self) -> None:
        stored = []

        def store(event: evt.StoreEvent) -> int:
            stored.append(event.context.abstract_syntax)
            return 0x0000

        handlers = (evt.EVT_SOP_COMMON, lambda event: event.items), (evt.EVT_C_STORE, store)
        with (
            accepting(scp(EnhancedSRStorage), *handlers) as (connect, seen),
            connect(self.item, contexts=self.contexts) as association,
        ):
            data_set = object_of(ProcedureLogStorage)
            assert association.send_c_store(data_set, transfer_syntax=EXPLICIT).Status == 0x0000
            assert stored == [ProcedureLogStorage]
            (other,) = seen
            assert other.requestor.sop_class_common_extended == {ProcedureLogStorage: self.item}
            assert other.acceptor.sop_class_common_extended == {}
            accepted = other.acceptor.accepted_common_extended
            assert accepted == {ProcedureLogStorage: (STORAGE, ["1.2.3", EnhancedSRStorage])}
            assert association.acceptor.extended_negotiation == []  # PS3.7 D.3.3.6: no answer
            with pytest.raises(RuntimeError, match="acceptor"):
                other.requestor.accepted_common_extended  # noqa: B018

    @pytest.mark.parametrize(
        "returned",
        [None, {}, [ProcedureLogStorage], {ProcedureLogStorage: EnhancedSRStorage}, ValueError("no")],
        ids=repr,
    )
    def test_only_if_the_handler_says_so(self, returned: Any) -> None:
        with (
            accepting(scp(EnhancedSRStorage), (evt.EVT_SOP_COMMON, returning(returned))) as (connect, _),
            connect(self.item, contexts=self.contexts) as association,
        ):
            assert [context.result for context in association.rejected_contexts] == [3]

    @pytest.mark.parametrize(
        "item",
        [
            SOPClassCommonExtendedNegotiation(
                ProcedureLogStorage, "1.2.840.10008.5.1.4.34.6", [EnhancedSRStorage]
            ),
            SOPClassCommonExtendedNegotiation(ProcedureLogStorage, STORAGE, []),
            SOPClassCommonExtendedNegotiation(ProcedureLogStorage, STORAGE, [FIND]),
        ],
    )
    def test_and_only_within_storage(self, item: SOPClassCommonExtendedNegotiation) -> None:
        handler = (evt.EVT_SOP_COMMON, lambda event: event.items)
        with (
            accepting(scp(EnhancedSRStorage), handler) as (connect, _),
            connect(item, contexts=self.contexts) as association,
        ):
            assert [context.result for context in association.rejected_contexts] == [3]


class TestPolicy:
    contexts = (build_context(CT, [JPEG, IMPLICIT, EXPLICIT]), build_context(VERIFICATION, [IMPLICIT]))

    @pytest.mark.parametrize(
        ("policy", "syntaxes"),
        [
            ("acceptor", [EXPLICIT, IMPLICIT]),
            ("requestor", [IMPLICIT, IMPLICIT]),
            (lambda proposal, supported: supported[-1], [IMPLICIT, IMPLICIT]),
            (
                lambda proposal, supported: IMPLICIT if proposal.abstract_syntax == VERIFICATION else None,
                [IMPLICIT],
            ),
            (lambda proposal, supported: proposal.transfer_syntaxes[0], [IMPLICIT]),  # JPEG is not ours
            (lambda proposal, supported: EXPLICIT, [EXPLICIT]),  # for verification it was not proposed
            (lambda proposal, supported: {CT: EXPLICIT}[proposal.abstract_syntax], [EXPLICIT]),  # raises
        ],
    )
    def test_policy(self, policy: Any, syntaxes: list[str]) -> None:
        ae = scp()
        ae.transfer_syntax_policy = policy
        assert ae.transfer_syntax_policy is policy
        with accepting(ae) as (connect, _), connect(contexts=self.contexts) as association:
            accepted = [context.transfer_syntax[0] for context in association.accepted_contexts]
            assert accepted == syntaxes
            assert [context.result for context in association.rejected_contexts] == [4] * (2 - len(syntaxes))

    def test_what_a_policy_is_not(self) -> None:
        ae = AE()
        with pytest.raises(ValueError, match="'acceptor', 'requestor' are allowed"):
            ae.transfer_syntax_policy = "mine"  # type: ignore[assignment]
        with pytest.raises(TypeError, match="NoneType"):
            ae.transfer_syntax_policy = None  # type: ignore[assignment]
        assert ae.transfer_syntax_policy == "acceptor"

    def test_any_storage_needs_no_contexts(self) -> None:
        ae = AE()
        ae.accepts_any_storage = True
        private = "1.3.6.1.4.1.5962.302.1"
        stored = []

        def store(event: evt.StoreEvent) -> int:
            stored.append(
                (event.context.abstract_syntax, event.context.transfer_syntax, bytes(event.encoded))
            )
            return 0x0000

        contexts = [build_context(private, ["1.2.3.4"]), build_context(VERIFICATION)]
        with (
            accepting(ae, (evt.EVT_C_STORE, store)) as (connect, _),
            connect(contexts=contexts) as association,
        ):
            assert [context.result for context in association.rejected_contexts] == [3]
            data_set = object_of(private)
            status = association.send_c_store(data_set, transfer_syntax="1.2.3.4")
            assert status.Status == 0x0000
        assert stored == [(private, "1.2.3.4", data_set)]


class TestAcse:
    def test_abort_as_the_provider(self) -> None:
        handler = (evt.EVT_REQUESTED, lambda event: event.assoc.acse.send_ap_abort(4))
        with accepting(scp(), handler) as (connect, _):
            with pytest.raises(AssociationAborted) as caught, connect():
                pass
            assert (caught.value.source, caught.value.reason) == (2, 4)

    def test_reasons_that_there_are_not(self) -> None:
        acse = Association(AE(), "acceptor", None).acse  # type: ignore[arg-type]
        for reason in (3, 7, -1):
            with pytest.raises(ValueError, match=f"{reason} is not a valid"):
                acse.send_ap_abort(reason)

    @pytest.mark.parametrize("event", [evt.EVT_USER_ID, evt.EVT_SOP_EXTENDED, evt.EVT_ASYNC_OPS])
    def test_a_handler_of_negotiation_may_refuse(self, event: evt.EventType) -> None:
        ae = scp()
        ae.maximum_associations = 1
        items = UserIdentityNegotiation(1, True, b"me"), query_item(), build_async_ops(2, 2)

        def refuse(event: evt.Event) -> Any:
            event.assoc.acse.send_reject(2, 3, 1)
            return {"EVT_USER_ID": (True, None), "EVT_ASYNC_OPS": (1, 1)}.get(event.event.name)

        with accepting(ae, (event, refuse)) as (connect, _):
            for _ in range(2):
                with pytest.raises(AssociationRejected) as caught, connect(*items):
                    pass
                fields = caught.value.result, caught.value.source, caught.value.diagnostic
                assert fields == (2, 3, 1)

    def test_a_handler_of_negotiation_may_abort(self) -> None:
        handler = (evt.EVT_USER_ID, lambda event: (event.assoc.abort(), (True, None))[1])
        with accepting(scp(), handler) as (connect, seen):
            association = connect(UserIdentityNegotiation(1, True, b"me"))
            assert association.is_aborted
            assert [side.is_established for side in seen] == [False]


def query_item() -> SOPClassExtendedNegotiation:
    return QueryExtendedNegotiation(relational=True).item(FIND)


def test_what_cannot_be_proposed_is_an_error_before_anything_is_sent() -> None:
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    with pytest.raises(TypeError, match="UserIdentityResponse"):
        ae.associate("127.0.0.1", 1, ext_neg=[UserIdentityResponse(b"")])
    with pytest.raises(ValueError, match="proposed twice"):
        ae.associate("127.0.0.1", 1, ext_neg=[build_async_ops(), build_async_ops()])
