"""What becomes of each proposed presentation context: PS3.8 7.1.1.13 and 9.3.3.2, roles included.

Pure functions of PDUs and `PresentationContext` records, for both sides. An acceptor chooses by a policy; it
may take any storage class, and a specialised storage class for the general one that it supports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress
from types import MappingProxyType
from typing import TypeAlias

from fastdicom.presentation import PresentationContext, abstract_syntaxes_of
from fastdicom.sop_class import STORAGE_SERVICE_CLASS_UID, is_storage_class
from fastdicom.ul.fields import MAXIMUM_UID_LENGTH
from fastdicom.ul.items import (
    Item,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from fastdicom.ul.roles import DEFAULT_ROLES, Roles, both_roles, granted_roles, role_selections

__all__ = [
    "ABSTRACT_SYNTAX_NOT_SUPPORTED",
    "ACCEPTED",
    "CHOICES",
    "NO_REASON",
    "TRANSFER_SYNTAXES_NOT_SUPPORTED",
    "USER_REJECTION",
    "Choose",
    "negotiate_as_acceptor",
    "negotiate_as_requestor",
]

# PS3.8 Table 9-18, Result/Reason.
ACCEPTED = 0
USER_REJECTION = 1
NO_REASON = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED = 4

Choose: TypeAlias = Callable[[PresentationContextItemRQ, Sequence[str]], str | None]

UID_CHARACTERS = frozenset("0123456789.")  # PS3.5 9.1

NO_RELATED: Mapping[str, Sequence[str]] = MappingProxyType({})


def choose_in_our_order(proposal: PresentationContextItemRQ, supported: Sequence[str]) -> str | None:
    """Return the first of our transfer syntaxes that is proposed."""
    return next((each for each in supported if each in proposal.transfer_syntaxes), None)


def choose_in_their_order(proposal: PresentationContextItemRQ, supported: Sequence[str]) -> str | None:
    """Return the first proposed transfer syntax that is one of ours."""
    return next((each for each in proposal.transfer_syntaxes if each in supported), None)


CHOICES: Mapping[str, Choose] = MappingProxyType(
    {"acceptor": choose_in_our_order, "requestor": choose_in_their_order}
)


def negotiate_as_acceptor(
    rq: A_ASSOCIATE_RQ,
    supported: Sequence[PresentationContext],
    *,
    choose: Choose = choose_in_our_order,
    accepts_any_storage: bool = False,
    related_general: Mapping[str, Sequence[str]] = NO_RELATED,
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Decide on each context that a requestor proposes.

    Parameters
    ----------
    rq
        What the requestor sent.
    supported
        What this side supports, in its order of preference; several may have one abstract syntax. The roles
        that the first of them has are those of the abstract syntax.
    choose
        Returns one of the transfer syntaxes that are proposed and supported, or None.
    accepts_any_storage
        Whether every storage class is supported, and every transfer syntax of it.
    related_general
        Storage SOP classes that are taken for one of these more general ones (PS3.4 B.3.1.4), if they are not
        supported by themselves.

    Returns
    -------
    results : list of PresentationContext
        One for each proposed context, in the order proposed, with its ID, result and roles. Those accepted
        have one transfer syntax.
    roles : list of SCP_SCU_RoleSelectionNegotiation
        The answers for the SOP classes with an accepted context whose roles were asked for and are ours to
        give.
    """
    proposed_roles = role_selections(rq.user_information)
    by_abstract_syntax = _candidates(rq, supported, related_general)
    granted = {
        uid: granted_roles(proposed_roles[uid], by_abstract_syntax[uid][0])
        for uid in proposed_roles.keys() & by_abstract_syntax.keys()
    }
    is_storage = _storage_test(rq.user_information) if accepts_any_storage else None
    results = []
    for proposal in rq.presentation_context:
        uid = proposal.abstract_syntax
        candidates = by_abstract_syntax.get(uid, ())
        ours: list[str] = [syntax for context in candidates for syntax in context.transfer_syntax]
        takes_any = is_storage is not None and is_storage(uid)
        if takes_any:
            ours += [each for each in proposal.transfer_syntaxes if _looks_like_uid(each)]
        if candidates or takes_any:
            results.append(_decide(proposal, ours, choose, granted.get(uid)))
        else:
            results.append(_rejected(proposal, ABSTRACT_SYNTAX_NOT_SUPPORTED))
    accepted = dict.fromkeys(result.abstract_syntax or "" for result in results if result.result == ACCEPTED)
    answers = [(uid, granted.get(uid)) for uid in accepted]
    return results, [SCP_SCU_RoleSelectionNegotiation(uid, *roles) for uid, roles in answers if roles]


def negotiate_as_requestor(rq: A_ASSOCIATE_RQ, ac: A_ASSOCIATE_AC) -> list[PresentationContext]:
    """Read the acceptor's decision on each context that was proposed.

    Parameters
    ----------
    rq
        What this side sent.
    ac
        What the acceptor answered. Answers for contexts, or roles, that were never proposed are ignored: they
        can be used for nothing. A context "accepted" with a transfer syntax that was not proposed counts as
        rejected without a reason, as does one that is not answered. Neither is worth the other contexts.

    Returns
    -------
    list of PresentationContext
        One for each proposed context, in the order proposed, with its ID, result and roles. Those accepted
        have one transfer syntax.
    """
    answers = {answer.context_id: answer for answer in ac.presentation_context}
    proposed_roles = role_selections(rq.user_information)
    answered_roles = role_selections(ac.user_information)
    roles = {
        # PS3.7 D.3.3.4: an acceptor cannot give a role that was not asked for
        uid: both_roles(proposed_roles[uid], answered_roles[uid])
        for uid in proposed_roles.keys() & answered_roles.keys()
    }
    return [
        _read_decision(proposal, answers.get(proposal.context_id), roles.get(proposal.abstract_syntax))
        for proposal in rq.presentation_context
    ]


def _candidates(
    rq: A_ASSOCIATE_RQ,
    supported: Sequence[PresentationContext],
    related_general: Mapping[str, Sequence[str]],
) -> dict[str, list[PresentationContext]]:
    """Return what is supported of the proposed abstract syntaxes, in our order of preference."""
    wanted = {proposal.abstract_syntax for proposal in rq.presentation_context}
    wanted.update(uid for uids in related_general.values() for uid in uids)
    found: dict[str, list[PresentationContext]] = {}
    # There may be hundreds, so this goes over them without a step of Python for each that is not wanted.
    for context in compress(supported, map(wanted.__contains__, abstract_syntaxes_of(supported))):
        found.setdefault(context.abstract_syntax or "", []).append(context)
    taken = {
        uid: next((found[general] for general in generals if general in found), None)
        for uid, generals in related_general.items()
        if uid not in found
    }
    found.update((uid, contexts) for uid, contexts in taken.items() if contexts is not None)
    return found


def _storage_test(user_information: Iterable[Item]) -> Callable[[str], bool]:
    """Return what tells a storage class from another, given what the requestor says of its SOP classes."""
    elsewhere = {
        item.sop_class_uid  # PS3.7 D.3.3.6: it belongs to another service class
        for item in user_information
        if isinstance(item, SOPClassCommonExtendedNegotiation)
        and item.service_class_uid not in ("", STORAGE_SERVICE_CLASS_UID)
    }
    return lambda uid: _looks_like_uid(uid) and uid not in elsewhere and is_storage_class(uid)


def _looks_like_uid(text: str) -> bool:
    return 0 < len(text) <= MAXIMUM_UID_LENGTH and UID_CHARACTERS.issuperset(text)


def _decide(
    proposal: PresentationContextItemRQ, ours: Sequence[str], choose: Choose, roles: Roles | None
) -> PresentationContext:
    """Decide on a proposed context, given our transfer syntaxes for it and the granted roles."""
    transfer_syntax = choose(proposal, ours)
    if transfer_syntax is None:
        return _rejected(proposal, TRANSFER_SYNTAXES_NOT_SUPPORTED)
    requestor_is_scu, requestor_is_scp = roles or DEFAULT_ROLES
    if not (requestor_is_scu or requestor_is_scp):
        return _rejected(proposal, USER_REJECTION)
    return _accepted(proposal, transfer_syntax, as_scu=requestor_is_scp, as_scp=requestor_is_scu)


def _read_decision(
    proposal: PresentationContextItemRQ, answer: PresentationContextItemAC | None, roles: Roles | None
) -> PresentationContext:
    """Read what an acceptor says of a proposed context, given the roles that were asked for and answered."""
    if answer is None:
        return _rejected(proposal, NO_REASON)
    if answer.result != ACCEPTED:
        return _rejected(proposal, answer.result)
    if answer.transfer_syntax is None or answer.transfer_syntax not in proposal.transfer_syntaxes:
        return _rejected(proposal, NO_REASON)
    as_scu, as_scp = roles or DEFAULT_ROLES
    if not (as_scu or as_scp):
        return _rejected(proposal, USER_REJECTION)
    return _accepted(proposal, answer.transfer_syntax, as_scu=as_scu, as_scp=as_scp)


def _accepted(
    proposal: PresentationContextItemRQ, transfer_syntax: str, *, as_scu: bool, as_scp: bool
) -> PresentationContext:
    """Make the result for a context that can be used."""
    context = PresentationContext()
    context.context_id = proposal.context_id
    context.abstract_syntax = proposal.abstract_syntax
    context.transfer_syntax = [transfer_syntax]
    context.result = ACCEPTED
    context.as_scu = as_scu
    context.as_scp = as_scp
    return context


def _rejected(proposal: PresentationContextItemRQ, result: int) -> PresentationContext:
    """Make the result for a context that cannot be used, with the first proposed transfer syntax."""
    context = PresentationContext()
    context.context_id = proposal.context_id
    context.result = result
    context.as_scu = context.as_scp = False
    with suppress(ValueError):  # a UID of a peer that is not one is left out
        context.abstract_syntax = proposal.abstract_syntax
        context.transfer_syntax = [proposal.transfer_syntaxes[0]]
    return context
