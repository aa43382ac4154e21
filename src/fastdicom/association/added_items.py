"""The negotiation items that a program has added to an acceptor's answer, put to use.

A requestor gets no answer to what it has not proposed, and is granted nothing beyond that: roles and the
window are negotiated with what was added, and not sent as they are (PS3.7 D.3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING

from fastdicom.association.negotiation_handlers import Decisions
from fastdicom.association.service_user import ServiceUser
from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import (
    Item,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.ul.window import window_in

if TYPE_CHECKING:
    from fastdicom.association.life import Life


def with_added(association: Life, decisions: Decisions) -> Decisions:
    """Return decisions with what was added in place of what the handlers answer to the same."""
    added = association.acceptor.extended_negotiation
    if not added or decisions.rejection is not None:
        return decisions
    proposed = association.requestor
    answers: dict[object, Item] = {_subject(item): item for item in decisions.answers}
    for item in added:
        if isinstance(item, SOPClassExtendedNegotiation):
            is_answer = item.sop_class_uid in proposed.sop_class_extended
        else:
            is_answer = isinstance(item, UserIdentityResponse) and _awaits_response(proposed)
        if is_answer:
            answers[_subject(item)] = item
    return decisions._replace(answers=tuple(answers.values()), window=window_in(added) or decisions.window)


def _subject(item: Item) -> object:
    return item.sop_class_uid if isinstance(item, SOPClassExtendedNegotiation) else type(item)


def _awaits_response(requestor: ServiceUser) -> bool:
    identity = requestor.user_identity
    return isinstance(identity, UserIdentityNegotiation) and identity.positive_response_requested


def supported_contexts(acceptor: ServiceUser) -> Sequence[PresentationContext]:
    """Return what an acceptor supports, with the roles that were added."""
    roles = acceptor.role_selection
    contexts = acceptor.supported_contexts
    return [_with_roles(context, roles) for context in contexts] if roles else contexts


def _with_roles(
    context: PresentationContext, roles: Mapping[str, SCP_SCU_RoleSelectionNegotiation]
) -> PresentationContext:
    role = roles.get(context.abstract_syntax or "")
    if role is None:
        return context
    changed = copy(context)
    changed.scu_role, changed.scp_role = bool(role.scu_role), bool(role.scp_role)
    return changed
