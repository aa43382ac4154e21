"""What two AEs agree on, from the two A-ASSOCIATE PDUs: contexts, roles, and what else an answer must say.

Pure functions of PDUs and `PresentationContext` records, for PS3.8 7.1.1 and PS3.7 Annex D.3. User identity,
extended negotiation and more than one outstanding operation are not granted here; the answers are legal
whatever was proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fastdicom.presentation import PresentationContext
from fastdicom.ul.item_frame import Item
from fastdicom.ul.items import (
    APPLICATION_CONTEXT_NAME,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    SCP_SCU_RoleSelectionNegotiation,
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

__all__ = [
    "ABSTRACT_SYNTAX_NOT_SUPPORTED",
    "ACCEPTED",
    "NO_REASON",
    "TRANSFER_SYNTAXES_NOT_SUPPORTED",
    "USER_REJECTION",
    "build_associate_ac",
    "build_associate_rq",
    "check_admission",
    "is_same_ae_title",
    "is_version_supported",
    "negotiate_as_acceptor",
    "negotiate_as_requestor",
]

# PS3.8 Table 9-18, Result/Reason.
ACCEPTED = 0
USER_REJECTION = 1
NO_REASON = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED = 4

# PS3.8 Table 9-21: result, source, reason/diagnostic.
VERSION_NOT_SUPPORTED = A_ASSOCIATE_RJ(1, 2, 2)
APPLICATION_CONTEXT_NOT_SUPPORTED = A_ASSOCIATE_RJ(1, 1, 2)
CALLING_AE_TITLE_NOT_RECOGNIZED = A_ASSOCIATE_RJ(1, 1, 3)
CALLED_AE_TITLE_NOT_RECOGNIZED = A_ASSOCIATE_RJ(1, 1, 7)
LOCAL_LIMIT_EXCEEDED = A_ASSOCIATE_RJ(2, 3, 2)

# In the item of a context that is not accepted it means nothing (PS3.8 9.3.3.2), but peers expect one.
INSIGNIFICANT_TRANSFER_SYNTAX = "1.2.840.10008.1.2"

RolePair = tuple[bool, bool]  # whether the requestor is SCU, and whether it is SCP

# PS3.7 D.3.3.4: without a question or without an answer the requestor is the SCU, the acceptor the SCP.
DEFAULT_ROLES: RolePair = (True, False)


def is_version_supported(rq: A_ASSOCIATE_RQ) -> bool:
    """Whether the requestor speaks version 1 of the protocol; other versions do not matter."""
    return bool(rq.protocol_version & 1)  # PS3.8 Table 9-11: only bit 0 is tested


def is_same_ae_title(one: str, other: str) -> bool:
    """Whether two AE titles are the same: leading and trailing spaces do not count (PS3.8 Table 9-11)."""
    return one.strip(" ") == other.strip(" ")


def check_admission(
    rq: A_ASSOCIATE_RQ,
    *,
    ae_title: str,
    require_called_aet: bool,
    require_calling_aet: Sequence[str],
    active_associations: int,
    maximum_associations: int,
) -> A_ASSOCIATE_RJ | None:
    """Decide whether an acceptor lets a requestor in.

    Parameters
    ----------
    rq
        What the requestor sent.
    ae_title
        The acceptor's own.
    require_called_aet
        Whether `ae_title` must have been called.
    require_calling_aet
        Who may call; anybody if empty.
    active_associations, maximum_associations
        How many associations there are, without this one, and how many there may be.

    Returns
    -------
    A_ASSOCIATE_RJ or None
        The refusal; None for one who is let in.
    """
    is_caller_known = any(is_same_ae_title(rq.calling_ae_title, title) for title in require_calling_aet)
    checks = (
        (is_version_supported(rq), VERSION_NOT_SUPPORTED),
        (rq.application_context_name == APPLICATION_CONTEXT_NAME, APPLICATION_CONTEXT_NOT_SUPPORTED),
        (
            not require_called_aet or is_same_ae_title(rq.called_ae_title, ae_title),
            CALLED_AE_TITLE_NOT_RECOGNIZED,
        ),
        (not require_calling_aet or is_caller_known, CALLING_AE_TITLE_NOT_RECOGNIZED),
        (active_associations < maximum_associations, LOCAL_LIMIT_EXCEEDED),
    )
    return next((refusal for is_fine, refusal in checks if not is_fine), None)


def negotiate_as_acceptor(
    rq: A_ASSOCIATE_RQ, supported: Sequence[PresentationContext]
) -> tuple[list[PresentationContext], list[SCP_SCU_RoleSelectionNegotiation]]:
    """Decide on each context that a requestor proposes.

    Parameters
    ----------
    rq
        What the requestor sent.
    supported
        What this side supports, in its order of preference; several may have one abstract syntax. The roles
        that the first of them has are those of the abstract syntax.

    Returns
    -------
    results : list of PresentationContext
        One for each proposed context, in the order proposed, with its ID, result and roles. Those accepted
        have one transfer syntax: the first of ours that was proposed.
    roles : list of SCP_SCU_RoleSelectionNegotiation
        The answers for the SOP classes with an accepted context whose roles were asked for and are ours to
        give.
    """
    proposed_roles = _role_selections(rq.user_information)
    by_abstract_syntax: dict[str, list[PresentationContext]] = {}
    proposed = {proposal.abstract_syntax for proposal in rq.presentation_context}
    for context in supported:
        if context.abstract_syntax in proposed:
            by_abstract_syntax.setdefault(context.abstract_syntax or "", []).append(context)
    granted_roles = {
        uid: _granted_roles(proposed_roles[uid], by_abstract_syntax[uid][0])
        for uid in proposed_roles.keys() & by_abstract_syntax.keys()
    }
    results = [
        _decide(
            proposal,
            by_abstract_syntax.get(proposal.abstract_syntax, []),
            granted_roles.get(proposal.abstract_syntax),
        )
        for proposal in rq.presentation_context
    ]
    accepted = dict.fromkeys(result.abstract_syntax or "" for result in results if result.result == ACCEPTED)
    answers = [(uid, granted_roles.get(uid)) for uid in accepted]
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
    proposed_roles = _role_selections(rq.user_information)
    answered_roles = _role_selections(ac.user_information)
    roles = {
        # PS3.7 D.3.3.4: an acceptor cannot give a role that was not asked for
        uid: _both(proposed_roles[uid], answered_roles[uid])
        for uid in proposed_roles.keys() & answered_roles.keys()
    }
    return [
        _read_decision(proposal, answers.get(proposal.context_id), roles.get(proposal.abstract_syntax))
        for proposal in rq.presentation_context
    ]


def build_associate_rq(
    *,
    called_ae_title: str,
    calling_ae_title: str,
    contexts: Sequence[PresentationContext],
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version_name: str | None,
    negotiation_items: Sequence[Item] = (),
) -> A_ASSOCIATE_RQ:
    """Make the A-ASSOCIATE-RQ that proposes `contexts`, which get the IDs 1, 3, 5 and so on.

    Raises
    ------
    ValueError
        If there is no context, or there are more than 128.
    """
    if not 1 <= len(contexts) <= 128:
        raise ValueError(f"{len(contexts)} presentation contexts are requested; 1 to 128 are allowed")
    proposals = [
        PresentationContextItemRQ(context_id, context.abstract_syntax or "", tuple(context.transfer_syntax))
        for context_id, context in zip(range(1, 256, 2), contexts, strict=False)
    ]
    return A_ASSOCIATE_RQ(
        called_ae_title,
        calling_ae_title,
        proposals,
        [
            *_always(maximum_length, implementation_class_uid, implementation_version_name),
            *negotiation_items,
        ],
    )


def build_associate_ac(
    rq: A_ASSOCIATE_RQ,
    results: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation],
    *,
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version_name: str | None,
) -> A_ASSOCIATE_AC:
    """Make the A-ASSOCIATE-AC that answers `rq` with what `negotiate_as_acceptor` decided."""
    answers: list[Item] = list(roles)
    if any(isinstance(item, AsynchronousOperationsWindowNegotiation) for item in rq.user_information):
        # PS3.7 D.3.3.3: never more than proposed; 1 and 1 is less than any proposal, 0 being no limit
        answers.append(AsynchronousOperationsWindowNegotiation(1, 1))
    return A_ASSOCIATE_AC(
        rq.called_ae_title,
        rq.calling_ae_title,
        [_answer(result) for result in results],
        [*_always(maximum_length, implementation_class_uid, implementation_version_name), *answers],
    )


def _always(maximum_length: int, class_uid: str, version_name: str | None) -> list[Item]:
    """Make the sub-items that go into every A-ASSOCIATE PDU."""
    items: list[Item] = [
        MaximumLengthNotification(maximum_length),
        ImplementationClassUIDNotification(class_uid),
    ]
    if version_name is not None:
        items.append(ImplementationVersionNameNotification(version_name))
    return items


def _answer(result: PresentationContext) -> PresentationContextItemAC:
    """Make the item that tells a requestor the result of one context."""
    if result.result == ACCEPTED:
        accepted = result.as_tuple
        return PresentationContextItemAC(accepted.context_id, ACCEPTED, accepted.transfer_syntax)
    reason = NO_REASON if result.result is None else result.result
    return PresentationContextItemAC(result.context_id or 0, reason, INSIGNIFICANT_TRANSFER_SYNTAX)


def _role_selections(user_information: Sequence[Item]) -> dict[str, RolePair]:
    """Return the roles in the role selection sub-items, by SOP class."""
    return {
        item.sop_class_uid or "": (bool(item.scu_role), bool(item.scp_role))
        for item in user_information
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
    }


def _both(proposed: RolePair, answered: RolePair) -> RolePair:
    """Return the roles that the requestor asked for and the acceptor gives (PS3.7 Table D.3-9)."""
    return proposed[0] and answered[0], proposed[1] and answered[1]


def _granted_roles(proposed: RolePair, context: PresentationContext) -> RolePair | None:
    """Return the requestor's roles; None if we leave the question unanswered."""
    if context.scu_role is None or context.scp_role is None:
        return None
    return _both(proposed, (context.scu_role, context.scp_role))


def _decide(
    proposal: PresentationContextItemRQ, candidates: Sequence[PresentationContext], roles: RolePair | None
) -> PresentationContext:
    """Decide on a proposed context, given what we support for its abstract syntax and the granted roles."""
    if not candidates:
        return _rejected(proposal, ABSTRACT_SYNTAX_NOT_SUPPORTED)
    ours = (transfer_syntax for context in candidates for transfer_syntax in context.transfer_syntax)
    transfer_syntax = next((each for each in ours if each in proposal.transfer_syntaxes), None)
    if transfer_syntax is None:
        return _rejected(proposal, TRANSFER_SYNTAXES_NOT_SUPPORTED)
    requestor_is_scu, requestor_is_scp = roles or DEFAULT_ROLES
    if not (requestor_is_scu or requestor_is_scp):
        return _rejected(proposal, USER_REJECTION)
    return _accepted(proposal, transfer_syntax, as_scu=requestor_is_scp, as_scp=requestor_is_scu)


def _read_decision(
    proposal: PresentationContextItemRQ, answer: PresentationContextItemAC | None, roles: RolePair | None
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
