"""What becomes of each context: every result, every pair of roles, every policy, answers nobody asked for."""

from __future__ import annotations

import pytest
from proposals import CT, EXPLICIT, IMPLICIT, JPEG, VERIFICATION, answer, request, supported
from pydicom.uid import UID

from fastdicom.sop_class import ServiceClass, register_uid
from fastdicom.ul.contexts import CHOICES, negotiate_as_acceptor, negotiate_as_requestor
from fastdicom.ul.fields import decode_uid
from fastdicom.ul.items import SCP_SCU_RoleSelectionNegotiation, SOPClassCommonExtendedNegotiation
from fastdicom.ul.negotiation import build_associate_ac
from fastdicom.ul.pdu import A_ASSOCIATE_AC

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


class TestChoice:
    rq = request((CT, [IMPLICIT, EXPLICIT, JPEG]))
    ours = (supported(CT, [JPEG, EXPLICIT, "1.2.3"]), supported(CT, [IMPLICIT]))

    def chosen(self, **options):
        (context,), _ = negotiate_as_acceptor(self.rq, self.ours, **options)
        return context.result, context.transfer_syntax[0]

    @pytest.mark.parametrize(("policy", "expected"), [("acceptor", JPEG), ("requestor", IMPLICIT)])
    def test_whose_order_decides(self, policy, expected):
        assert self.chosen(choose=CHOICES[policy]) == (0, expected)

    def test_a_function_sees_the_proposal_and_all_that_we_support(self):
        seen = []

        def choose(proposal, ours):
            seen.append((proposal, ours))
            return EXPLICIT

        assert self.chosen(choose=choose) == (0, EXPLICIT)
        assert seen == [(self.rq.presentation_context[0], [JPEG, EXPLICIT, "1.2.3", IMPLICIT])]

    def test_a_function_may_refuse(self):
        assert self.chosen(choose=lambda proposal, ours: None)[0] == 4


PRIVATE = "1.3.6.1.4.1.5962.301.1"
NEW = "1.2.840.10008.5.1.4.1.1.999"


class TestAnyStorage:
    def results(self, *proposals, ours=(), items=(), **options):
        rq = request(*proposals, items=items)
        return negotiate_as_acceptor(rq, ours, accepts_any_storage=True, **options)

    @pytest.mark.parametrize(
        ("uid", "is_storage"),
        [
            (CT, True),
            (PRIVATE, True),
            (NEW, True),
            ("1.2.840.10008.5.1.1.29", True),  # Hardcopy Grayscale Image Storage, retired
            ("1.2.840.10008.5.1.4.38.1", True),  # Hanging Protocol Storage
            (VERIFICATION, False),
            ("1.2.840.10008.5.1.4.1.2.1.1", False),  # Patient Root FIND
            ("1.2.840.10008.5.1.4.1.1.201.2", False),  # Inventory FIND, among the storage classes
            ("1.2.840.10008.1.20.2", False),  # Storage Commitment Pull Model, retired
            ("1.2.840.10008.5.1.4.34.99", False),
        ],
    )
    def test_what_storage_is(self, uid, is_storage):
        results, _ = self.results((uid, [IMPLICIT]))
        assert [context.result for context in results] == [0 if is_storage else 3]

    @pytest.mark.parametrize("uid", ["", "1" * 65, "\xff", "%n", "a b"])
    def test_uids_that_are_none(self, uid):
        uid = decode_uid(uid.encode("latin-1"))
        results, _ = self.results((uid, [IMPLICIT]), (CT, [uid]), (CT, [uid, "1.2.3"]))
        assert [context.result for context in results] == [3, 4, 0]
        assert results[2].transfer_syntax == ["1.2.3"]

    def test_any_transfer_syntax_but_ours_come_first(self):
        ours = [supported(CT, [EXPLICIT]), supported(VERIFICATION, [IMPLICIT])]
        proposals = (CT, ["1.2.3", EXPLICIT]), (CT, ["1.2.3"]), (VERIFICATION, [EXPLICIT])
        results, _ = self.results(*proposals, ours=ours)
        assert [context.result for context in results] == [0, 0, 4]
        assert [context.transfer_syntax for context in results[:2]] == [[EXPLICIT], ["1.2.3"]]

    def test_their_order_is_kept_when_they_decide(self):
        results, _ = self.results((CT, ["1.2.3", EXPLICIT]), choose=CHOICES["requestor"])
        assert results[0].transfer_syntax == ["1.2.3"]

    def test_a_registered_class_of_another_service_is_none(self):
        register_uid("1.3.6.1.4.1.5962.301.2", "AnyStorageTest", ServiceClass.VERIFICATION)
        results, _ = self.results(("1.3.6.1.4.1.5962.301.2", [IMPLICIT]))
        assert results[0].result == 3

    @pytest.mark.parametrize(
        ("service_class", "result"),
        [("1.2.840.10008.4.2", 0), ("", 0), ("1.2.840.10008.5.1.4.34.6", 3), ("1.3.6.1.4.1.5962.9", 3)],
    )
    def test_what_a_requestor_says_of_a_private_class_counts(self, service_class, result):
        item = SOPClassCommonExtendedNegotiation(PRIVATE, service_class)
        results, _ = self.results((PRIVATE, [IMPLICIT]), items=[item])
        assert results[0].result == result

    def test_roles_are_still_answered_for_what_is_supported(self):
        items = [SCP_SCU_RoleSelectionNegotiation(uid, T, T) for uid in (VERIFICATION, CT, PRIVATE)]
        ours = [supported(VERIFICATION, [IMPLICIT], T, T), supported(CT, [IMPLICIT], F, T)]
        proposals = [(uid, [IMPLICIT]) for uid in (VERIFICATION, CT, PRIVATE)]
        results, answers = self.results(*proposals, ours=ours, items=items)
        assert [roles(context) for context in results] == [(T, T), (T, F), (F, T)]
        assert answers == [
            SCP_SCU_RoleSelectionNegotiation(VERIFICATION, T, T),
            SCP_SCU_RoleSelectionNegotiation(CT, F, T),
        ]


PROCEDURE_LOG = "1.2.840.10008.5.1.4.1.1.88.40"
ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"


class TestRelatedGeneral:
    def results(self, *proposals, ours, related, items=()):
        return negotiate_as_acceptor(request(*proposals, items=items), ours, related_general=related)

    def test_a_specialised_class_is_taken_for_the_general_one(self):
        (context,), _ = self.results(
            (PROCEDURE_LOG, [EXPLICIT, IMPLICIT]),
            ours=[supported(ENHANCED_SR, [IMPLICIT])],
            related={PROCEDURE_LOG: ["1.2.3", ENHANCED_SR]},
        )
        assert outcome(context) == (1, 0, PROCEDURE_LOG, [IMPLICIT])

    def test_only_if_the_general_one_is_supported(self):
        (context,), _ = self.results(
            (PROCEDURE_LOG, [IMPLICIT]),
            ours=[supported(CT, [IMPLICIT])],
            related={PROCEDURE_LOG: [ENHANCED_SR]},
        )
        assert context.result == 3

    def test_a_class_that_is_supported_stands_for_itself(self):
        ours = [supported(ENHANCED_SR, [IMPLICIT]), supported(PROCEDURE_LOG, [EXPLICIT])]
        (context,), _ = self.results(
            (PROCEDURE_LOG, [IMPLICIT, EXPLICIT]), ours=ours, related={PROCEDURE_LOG: [ENHANCED_SR]}
        )
        assert context.transfer_syntax == [EXPLICIT]

    def test_a_class_that_is_not_related_is_not_taken(self):
        (context,), _ = self.results(
            ("1.2.3", [IMPLICIT]), ours=[supported(CT, [IMPLICIT])], related={PROCEDURE_LOG: [CT]}
        )
        assert context.result == 3

    def test_its_roles_are_those_of_the_general_one(self):
        (context,), answers = self.results(
            (PROCEDURE_LOG, [IMPLICIT]),
            ours=[supported(ENHANCED_SR, [IMPLICIT], F, T)],
            related={PROCEDURE_LOG: [ENHANCED_SR]},
            items=[SCP_SCU_RoleSelectionNegotiation(PROCEDURE_LOG, T, T)],
        )
        assert roles(context) == (T, F)
        assert answers == [SCP_SCU_RoleSelectionNegotiation(PROCEDURE_LOG, F, T)]
