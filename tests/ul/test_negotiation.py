"""The PDUs of a negotiation: what is proposed, and what an answer says."""

from __future__ import annotations

import pytest
from proposals import CT, IMPLICIT, JPEG, supported

from fastdicom.presentation import build_context
from fastdicom.ul.contexts import negotiate_as_acceptor
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.ul.negotiation import (
    build_associate_ac,
    build_associate_rq,
    checked_proposals,
    is_same_ae_title,
)
from fastdicom.ul.pdu import A_ASSOCIATE_RQ

# The sub-items of every A-ASSOCIATE PDU.
ALWAYS = [
    MaximumLengthNotification(16382),
    ImplementationClassUIDNotification("1.2.3"),
    ImplementationVersionNameNotification("NAME"),
]


class TestAnswer:
    def build(self, *items, version_name="NAME", **options):
        rq = A_ASSOCIATE_RQ(
            " CALLED",
            "\xff",
            [PresentationContextItemRQ(1, CT, (JPEG,))],
            [MaximumLengthNotification(9), *items],
        )
        results, answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT, JPEG], True, True)])
        return build_associate_ac(
            rq,
            results,
            answers,
            maximum_length=16382,
            implementation_class_uid="1.2.3",
            implementation_version_name=version_name,
            **options,
        )

    def test_to_a_plain_request(self):
        ac = self.build()
        assert ac.user_information == ALWAYS
        assert ac.presentation_context == [PresentationContextItemAC(1, 0, JPEG)]
        assert (ac.called_ae_title, ac.calling_ae_title) == (" CALLED", "\xff")

    def test_version_name_may_be_absent(self):
        assert self.build(version_name=None).user_information == ALWAYS[:2]

    @pytest.mark.parametrize(
        ("proposed", "ours", "answered"),
        [
            ((8, 4), (1, 1), (1, 1)),
            ((8, 4), (16, 2), (8, 2)),
            ((0, 0), (16, 0), (16, 0)),
            ((8, 4), (0, 0), (8, 4)),
            ((65535, 1), (65535, 65535), (65535, 1)),
        ],
    )
    def test_a_window_is_answered_and_never_more_than_asked_for(self, proposed, ours, answered):
        ac = self.build(AsynchronousOperationsWindowNegotiation(*proposed), window=ours)
        assert ac.user_information == [*ALWAYS, AsynchronousOperationsWindowNegotiation(*answered)]

    def test_a_window_is_synchronous_unless_something_else_is_said(self):
        ac = self.build(AsynchronousOperationsWindowNegotiation(0, 0))
        assert ac.user_information == [*ALWAYS, AsynchronousOperationsWindowNegotiation(1, 1)]

    def test_a_window_that_nobody_asked_for_is_not_answered(self):
        assert self.build(window=(8, 8)).user_information == ALWAYS

    def test_role_selection(self):
        ac = self.build(
            SCP_SCU_RoleSelectionNegotiation(CT, True, True),
            SCP_SCU_RoleSelectionNegotiation("1.2", True, True),
        )
        assert ac.user_information == [*ALWAYS, SCP_SCU_RoleSelectionNegotiation(CT, True, True)]

    def test_what_only_a_request_may_have_does_not_come_back(self):
        ac = self.build(
            SOPClassExtendedNegotiation(CT, b"\1"),
            SOPClassCommonExtendedNegotiation(CT, "1.2", []),
            UserIdentityNegotiation(1, True, b"user"),
            UserIdentityResponse(b"?"),
        )
        assert ac.user_information == ALWAYS


class TestRequest:
    def build(self, contexts, items=()):
        return build_associate_rq(
            called_ae_title="CALLED",
            calling_ae_title="CALLING",
            contexts=contexts,
            maximum_length=16382,
            implementation_class_uid="1.2.3",
            implementation_version_name="NAME",
            negotiation_items=items,
        )

    def test_contexts_get_odd_ids(self):
        rq = self.build([build_context(CT, [JPEG])] * 128, [AsynchronousOperationsWindowNegotiation(2, 2)])
        assert [context.context_id for context in rq.presentation_context] == list(range(1, 256, 2))
        assert rq.presentation_context[0] == PresentationContextItemRQ(1, CT, (JPEG,))
        assert rq.user_information == [*ALWAYS, AsynchronousOperationsWindowNegotiation(2, 2)]
        assert A_ASSOCIATE_RQ.decode(rq.encode()) == rq

    @pytest.mark.parametrize("count", [0, 129])
    def test_number_of_contexts(self, count):
        with pytest.raises(ValueError, match=f"^{count} presentation contexts"):
            self.build([build_context(CT)] * count)


class TestProposals:
    items = (
        AsynchronousOperationsWindowNegotiation(8, 1),
        SCP_SCU_RoleSelectionNegotiation(CT, True, True),
        SCP_SCU_RoleSelectionNegotiation("1.2", True, True),
        SOPClassExtendedNegotiation(CT, b"\1"),
        SOPClassCommonExtendedNegotiation(CT, "1.2", []),
        UserIdentityNegotiation(1, True, b"user"),
    )

    def test_all_of_them(self):
        assert checked_proposals(self.items, is_synchronous=False) == list(self.items)

    def test_a_synchronous_peer_sees_no_window(self):
        assert checked_proposals(self.items, is_synchronous=True) == list(self.items[1:])

    @pytest.mark.parametrize("item", items, ids=lambda item: type(item).__name__)
    def test_what_is_proposed_twice(self, item):
        with pytest.raises(ValueError, match=f"^{type(item).__name__}.* is proposed twice"):
            checked_proposals([*self.items, item], is_synchronous=True)

    @pytest.mark.parametrize("item", [UserIdentityResponse(b""), MaximumLengthNotification(1), b"\x53", None])
    def test_what_cannot_be_proposed(self, item):
        with pytest.raises(TypeError, match=type(item).__name__):
            checked_proposals([item], is_synchronous=False)


def test_spaces_around_an_ae_title_do_not_count():
    assert is_same_ae_title(" A B ", "A B")
    assert not is_same_ae_title("A B", "AB")
