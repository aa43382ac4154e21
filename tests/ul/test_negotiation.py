"""What is agreed on: every result, every pair of roles, every refusal, and answers nobody asked for."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from fastdicom.presentation import build_context
from fastdicom.ul.fields import decode_uid
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
    check_admission,
    is_same_ae_title,
    negotiate_as_acceptor,
    negotiate_as_requestor,
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

VERIFICATION = UID("1.2.840.10008.1.1")
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.70"

# pynetdicom's documented outcomes of role selection: what the requestor asks for and what the acceptor
# supports, both as (SCU, SCP) of the requestor, to the requestor's roles.
T, F = True, False
DEFAULT = (T, F)
OUTCOMES = {
    ((T, T), (T, T)): (T, T),
    ((T, T), (T, F)): (T, F),
    ((T, T), (F, T)): (F, T),
    ((T, T), (F, F)): (F, F),
    ((T, F), (T, T)): (T, F),
    ((T, F), (T, F)): (T, F),
    ((T, F), (F, T)): (F, F),
    ((T, F), (F, F)): (F, F),
    ((F, T), (T, T)): (F, T),
    ((F, T), (T, F)): (F, F),
    ((F, T), (F, T)): (F, T),
    ((F, T), (F, F)): (F, F),
    ((F, F), (T, T)): (F, F),
    ((F, F), (T, F)): (F, F),
    ((F, F), (F, T)): (F, F),
    ((F, F), (F, F)): (F, F),
}


def request(*proposals, items=()):
    contexts = [
        PresentationContextItemRQ(2 * i + 1, abstract, tuple(transfer))
        for i, (abstract, transfer) in enumerate(proposals)
    ]
    return A_ASSOCIATE_RQ("CALLED", "CALLING", contexts, list(items))


def answer(*contexts, items=()):
    return A_ASSOCIATE_AC(
        "CALLED", "CALLING", [PresentationContextItemAC(*each) for each in contexts], list(items)
    )


def supported(abstract_syntax, transfer_syntaxes, scu_role=None, scp_role=None):
    context = build_context(abstract_syntax, transfer_syntaxes)
    context.scu_role, context.scp_role = scu_role, scp_role
    return context


def outcome(context):
    return context.context_id, context.result, context.abstract_syntax, context.transfer_syntax


def roles(context):
    return context.as_scu, context.as_scp


class TestAcceptor:
    def test_results(self):
        rq = request((VERIFICATION, [IMPLICIT]), (CT, [JPEG]), ("1.2.3", [IMPLICIT]))
        ours = [supported(VERIFICATION, [IMPLICIT]), supported(CT, [IMPLICIT])]
        results, answers = negotiate_as_acceptor(rq, ours)
        assert [outcome(context) for context in results] == [
            (1, 0, VERIFICATION, [IMPLICIT]),
            (3, 4, CT, [JPEG]),
            (5, 3, "1.2.3", [IMPLICIT]),
        ]
        assert [roles(context) for context in results] == [(F, T), (F, F), (F, F)]
        assert answers == []

    def test_our_order_of_transfer_syntaxes_decides(self):
        rq = request((CT, [IMPLICIT, EXPLICIT, JPEG]), (CT, [IMPLICIT]))
        results, _ = negotiate_as_acceptor(rq, [supported(CT, [JPEG, EXPLICIT, IMPLICIT])])
        assert [context.transfer_syntax for context in results] == [[JPEG], [IMPLICIT]]

    def test_several_contexts_for_one_abstract_syntax(self):
        ours = [supported(CT, [JPEG]), supported(CT, [EXPLICIT, IMPLICIT])]
        rq = request((CT, [IMPLICIT]), (CT, [EXPLICIT]), (CT, [IMPLICIT, JPEG]), (CT, ["1.2.3"]))
        results, _ = negotiate_as_acceptor(rq, ours)
        assert [context.result for context in results] == [0, 0, 0, 4]
        assert [context.transfer_syntax[0] for context in results[:3]] == [IMPLICIT, EXPLICIT, JPEG]

    def test_what_we_support_stays_as_it_was(self):
        ours = [supported(CT, [JPEG, EXPLICIT], True, True)]
        before = repr(ours)
        results, _ = negotiate_as_acceptor(request((CT, [EXPLICIT])), ours)
        results[0].transfer_syntax.append(JPEG)
        assert repr(ours) == before

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("uid", ["", "1" * 65, "\xff", "1..2", "%n", "a b"])
    def test_uids_that_are_none(self, uid):
        uid = decode_uid(uid.encode("latin-1"))
        rq = request((uid, [uid]), (VERIFICATION, [uid]), (VERIFICATION, [uid, UID(IMPLICIT)]))
        results, answers = negotiate_as_acceptor(rq, [supported(VERIFICATION, [IMPLICIT])])
        assert [context.result for context in results] == [3, 4, 0]
        ac = build_associate_ac(
            rq,
            results,
            answers,
            maximum_length=0,
            implementation_class_uid="1.2",
            implementation_version_name="N",
        )
        assert A_ASSOCIATE_AC.decode(ac.encode()) == ac

    @pytest.mark.parametrize(("proposed", "ours"), OUTCOMES)
    def test_roles(self, proposed, ours):
        rq = request((CT, [IMPLICIT]), items=[SCP_SCU_RoleSelectionNegotiation(CT, *proposed)])
        (context,), answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT], *ours)])
        as_scu, as_scp = expected = OUTCOMES[proposed, ours]
        if expected == (F, F):
            assert (context.result, answers, roles(context)) == (1, [], (F, F))
        else:
            assert context.result == 0
            assert roles(context) == (as_scp, as_scu)
            assert answers == [SCP_SCU_RoleSelectionNegotiation(CT, as_scu, as_scp)]

    @pytest.mark.parametrize("ours", [(None, None), (None, T), (F, None), (T, None), (None, F)])
    @pytest.mark.parametrize("proposed", [(T, T), (T, F), (F, T), (F, F)])
    def test_roles_left_unanswered_are_the_defaults(self, proposed, ours):
        rq = request((CT, [IMPLICIT]), items=[SCP_SCU_RoleSelectionNegotiation(CT, *proposed)])
        (context,), answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT], *ours)])
        assert (context.result, answers, roles(context)) == (0, [], (F, T))

    @pytest.mark.parametrize("ours", [(T, T), (F, T), (F, F)])
    def test_roles_that_were_not_asked_for_are_the_defaults(self, ours):
        items = [SCP_SCU_RoleSelectionNegotiation(VERIFICATION, T, T)]
        (context,), answers = negotiate_as_acceptor(
            request((CT, [IMPLICIT]), items=items), [supported(CT, [IMPLICIT], *ours)]
        )
        assert (context.result, answers, roles(context)) == (0, [], (F, T))

    def test_roles_are_answered_once_for_a_sop_class_and_only_if_accepted(self):
        items = [SCP_SCU_RoleSelectionNegotiation(uid, T, T) for uid in (CT, VERIFICATION)]
        rq = request((CT, [IMPLICIT]), (CT, [EXPLICIT]), (VERIFICATION, [JPEG]), items=items)
        ours = [supported(CT, [IMPLICIT, EXPLICIT], T, T), supported(VERIFICATION, [IMPLICIT], T, T)]
        _, answers = negotiate_as_acceptor(rq, ours)
        assert answers == [SCP_SCU_RoleSelectionNegotiation(CT, T, T)]


class TestRequestor:
    rq = request((VERIFICATION, [IMPLICIT]), (CT, [IMPLICIT, EXPLICIT]), (CT, [JPEG]))

    def test_results(self):
        results = negotiate_as_requestor(
            self.rq, answer((1, 0, IMPLICIT), (3, 0, EXPLICIT), (5, 4, IMPLICIT))
        )
        assert [outcome(context) for context in results] == [
            (1, 0, VERIFICATION, [IMPLICIT]),
            (3, 0, CT, [EXPLICIT]),
            (5, 4, CT, [JPEG]),
        ]
        assert [roles(context) for context in results] == [(T, F), (T, F), (F, F)]

    @pytest.mark.parametrize("result", [1, 2, 3, 4, 5, 255])
    def test_rejections(self, result):
        results = negotiate_as_requestor(self.rq, answer((1, result, None), (3, result, IMPLICIT)))
        assert [context.result for context in results] == [result, result, 2]

    # S8
    def test_context_that_was_not_proposed_is_ignored(self):
        results = negotiate_as_requestor(self.rq, answer((7, 0, IMPLICIT), (1, 0, IMPLICIT)))
        assert [(context.context_id, context.result) for context in results] == [(1, 0), (3, 2), (5, 2)]

    def test_transfer_syntax_that_was_not_proposed_is_a_rejection(self):
        results = negotiate_as_requestor(self.rq, answer((1, 0, EXPLICIT), (3, 0, EXPLICIT), (5, 0, None)))
        assert [context.result for context in results] == [2, 0, 2]

    def test_answer_without_contexts(self):
        assert [context.result for context in negotiate_as_requestor(self.rq, answer())] == [2, 2, 2]

    @pytest.mark.parametrize(("proposed", "answered"), OUTCOMES)
    def test_roles(self, proposed, answered):
        rq = request((CT, [IMPLICIT]), items=[SCP_SCU_RoleSelectionNegotiation(CT, *proposed)])
        ac = answer((1, 0, IMPLICIT), items=[SCP_SCU_RoleSelectionNegotiation(CT, *answered)])
        (context,) = negotiate_as_requestor(rq, ac)
        expected = OUTCOMES[proposed, answered]
        assert roles(context) == expected
        assert context.result == (1 if expected == (F, F) else 0)

    def test_roles_without_question_or_answer_are_the_defaults(self):
        item = SCP_SCU_RoleSelectionNegotiation(CT, F, T)
        for asked, answered in (([], [item]), ([item], []), ([], [])):
            rq = request((CT, [IMPLICIT]), items=asked)
            (context,) = negotiate_as_requestor(rq, answer((1, 0, IMPLICIT), items=answered))
            assert (context.result, roles(context)) == (0, DEFAULT)

    @pytest.mark.parametrize(("proposed", "ours"), OUTCOMES)
    def test_both_ends_agree(self, proposed, ours):
        rq = request((CT, [IMPLICIT]), items=[SCP_SCU_RoleSelectionNegotiation(CT, *proposed)])
        results, answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT], *ours)])
        ac = build_associate_ac(
            rq,
            results,
            answers,
            maximum_length=0,
            implementation_class_uid="1.2",
            implementation_version_name="NAME",
        )
        (theirs,) = negotiate_as_requestor(rq, A_ASSOCIATE_AC.decode(ac.encode()))
        assert theirs.result == results[0].result
        assert roles(theirs) == roles(results[0])[::-1]


# The sub-items of every A-ASSOCIATE PDU.
ALWAYS = [
    MaximumLengthNotification(16382),
    ImplementationClassUIDNotification("1.2.3"),
    ImplementationVersionNameNotification("NAME"),
]


class TestAnswer:
    def build(self, *items, version_name="NAME"):
        rq = A_ASSOCIATE_RQ(
            " CALLED",
            "\xff",
            [PresentationContextItemRQ(1, CT, (JPEG,))],
            [MaximumLengthNotification(9), *items],
        )
        results, answers = negotiate_as_acceptor(rq, [supported(CT, [IMPLICIT, JPEG], T, T)])
        return build_associate_ac(
            rq,
            results,
            answers,
            maximum_length=16382,
            implementation_class_uid="1.2.3",
            implementation_version_name=version_name,
        )

    def test_to_a_plain_request(self):
        ac = self.build()
        assert ac.user_information == ALWAYS
        assert ac.presentation_context == [PresentationContextItemAC(1, 0, JPEG)]
        assert (ac.called_ae_title, ac.calling_ae_title) == (" CALLED", "\xff")

    def test_version_name_may_be_absent(self):
        assert self.build(version_name=None).user_information == ALWAYS[:2]

    @pytest.mark.parametrize("window", [(0, 0), (1, 1), (8, 0), (65535, 65535)])
    def test_window_is_never_more_than_asked_for(self, window):
        ac = self.build(AsynchronousOperationsWindowNegotiation(*window))
        assert ac.user_information == [*ALWAYS, AsynchronousOperationsWindowNegotiation(1, 1)]

    def test_role_selection(self):
        ac = self.build(
            SCP_SCU_RoleSelectionNegotiation(CT, T, T), SCP_SCU_RoleSelectionNegotiation("1.2", T, T)
        )
        assert ac.user_information == [*ALWAYS, SCP_SCU_RoleSelectionNegotiation(CT, T, T)]

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


class TestAdmission:
    def check(self, rq, **given):
        settings = {
            "ae_title": "CALLED",
            "require_called_aet": False,
            "require_calling_aet": [],
            "active_associations": 0,
            "maximum_associations": 10,
        }
        return check_admission(rq, **(settings | given))

    def rq(self, **given):
        return A_ASSOCIATE_RQ(**({"called_ae_title": "CALLED", "calling_ae_title": "CALLING"} | given))

    def test_anybody(self):
        assert self.check(self.rq(called_ae_title="OTHER")) is None

    @pytest.mark.parametrize(("version", "refusal"), [(0, (1, 2, 2)), (2, (1, 2, 2)), (1, None), (3, None)])
    def test_version(self, version, refusal):
        expected = A_ASSOCIATE_RJ(*refusal) if refusal else None
        assert self.check(self.rq(protocol_version=version)) == expected

    def test_application_context(self):
        rq = self.rq(application_context_name="1.2.840.10008.3.1.1.2")
        assert self.check(rq) == A_ASSOCIATE_RJ(1, 1, 2)

    @pytest.mark.parametrize("title", ["CALLED", "CALLED  ", "  CALLED", " CALLED "])
    def test_called(self, title):
        assert self.check(self.rq(called_ae_title=title), require_called_aet=True) is None
        assert self.check(self.rq(), require_called_aet=True, ae_title=title) is None

    @pytest.mark.parametrize("title", ["called", "CALLE", "CALLED\0X", ""])
    def test_called_another(self, title):
        rq = self.rq(called_ae_title=title)
        assert self.check(rq, require_called_aet=True) == A_ASSOCIATE_RJ(1, 1, 7)

    def test_calling(self):
        assert self.check(self.rq(), require_calling_aet=["X", "CALLING "]) is None
        assert self.check(self.rq(), require_calling_aet=["X"]) == A_ASSOCIATE_RJ(1, 1, 3)

    @pytest.mark.parametrize(
        ("active", "maximum", "is_refused"), [(9, 10, False), (10, 10, True), (0, 0, True)]
    )
    def test_maximum_associations(self, active, maximum, is_refused):
        refusal = self.check(self.rq(), active_associations=active, maximum_associations=maximum)
        assert refusal == (A_ASSOCIATE_RJ(2, 3, 2) if is_refused else None)

    def test_permanent_reasons_come_before_transient_ones(self):
        rq = self.rq(protocol_version=0, application_context_name="1.2")
        everything = {"require_called_aet": True, "ae_title": "X", "maximum_associations": 0}
        assert self.check(rq, **everything) == A_ASSOCIATE_RJ(1, 2, 2)
        assert self.check(self.rq(), **everything) == A_ASSOCIATE_RJ(1, 1, 7)

    def test_same_title(self):
        assert is_same_ae_title(" A B ", "A B")
        assert not is_same_ae_title("A B", "AB")
