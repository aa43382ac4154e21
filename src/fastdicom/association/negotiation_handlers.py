"""What the handlers of the four negotiation events decide, as items of an A-ASSOCIATE-AC (PS3.7 D.3.3).

A handler that raises or returns what makes no sense is logged, and the answer is the cautious one: no user is
let in, nothing is granted. A passcode or a token does not get into a log this way: of what a handler of
EVT_USER_ID raises, only the type and the place are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, NamedTuple

from fastdicom import events as evt
from fastdicom.events import EventType
from fastdicom.log import get_logger
from fastdicom.sop_class import STORAGE_SERVICE_CLASS_UID, is_storage_class
from fastdicom.ul.admission import NO_REASON_GIVEN
from fastdicom.ul.application_information import ApplicationInformation
from fastdicom.ul.contexts import NO_RELATED
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    Item,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.ul.pdu import A_ASSOCIATE_RJ
from fastdicom.ul.window import SYNCHRONOUS, Window

if TYPE_CHECKING:
    from fastdicom.association.life import Life

LOGGER = get_logger(__name__)

RESPONSE_LIMIT = 0xFFFF - 2  # the item's length is two bytes, and that of the response is in it
MOST_OPERATIONS = 0xFFFF

# What a requestor may propose that handlers decide on.
EVENT_ITEMS = frozenset(
    {
        AsynchronousOperationsWindowNegotiation,
        SOPClassCommonExtendedNegotiation,
        SOPClassExtendedNegotiation,
        UserIdentityNegotiation,
    }
)

# PS3.7 Table D.3-15: there is nothing in the response to a user name.
TYPES_WITHOUT_RESPONSE = (1, 2)


class Decisions(NamedTuple):
    """What the handlers decided.

    Attributes
    ----------
    rejection
        The refusal of the user; None for who is let in.
    answers
        The items that they answer.
    related_general
        Storage classes that are accepted as one of these more general ones.
    window
        The operations that the requestor may invoke and perform.
    """

    rejection: A_ASSOCIATE_RJ | None = None
    answers: Sequence[Item] = ()
    related_general: Mapping[str, Sequence[str]] = NO_RELATED
    window: Window = SYNCHRONOUS


NOTHING_DECIDED = Decisions()


async def decide(association: Life) -> Decisions:
    """Ask the handlers about what the requestor proposes; most requestors propose nothing of it."""
    kinds = {type(item) for item in association.requestor.user_information}
    if kinds.isdisjoint(EVENT_ITEMS):
        return NOTHING_DECIDED
    is_verified, answers = await verify_user(association)
    if not is_verified:
        LOGGER.info("the user is not verified")
        return Decisions(NO_REASON_GIVEN)
    answers += await extended_answers(association)
    association.acceptor.common_extended = await accept_common_extended(association)
    return Decisions(
        None,
        answers,
        related_general(association.acceptor.common_extended),
        await window(association) if AsynchronousOperationsWindowNegotiation in kinds else SYNCHRONOUS,
    )


class HandlerFailed(Exception):
    """A handler raised, or returned what cannot be used; it has been logged."""


async def call_handler(association: Life, event: EventType, attributes: Mapping[str, Any]) -> Any:
    """Call the handler of an event; None when there is none.

    Raises
    ------
    HandlerFailed
        When it raises.
    """
    handler = association.intervention_handler(event)
    if handler is None:
        return None
    call, arguments = handler
    try:
        happened = evt.Event(association, event, association.wall_clock(), **attributes)
        return await association.call(call, happened, arguments)
    except Exception as error:
        if event is evt.EVT_USER_ID:
            place = extract_tb(error.__traceback__)[-1]
            LOGGER.error(
                "the handler bound to %s raised %s, %s:%s",
                event,
                type(error).__name__,
                place.filename,
                place.lineno,
            )
        else:
            LOGGER.exception("the handler bound to %s raised", event)
        raise HandlerFailed from None


def complain(event: EventType, returned: Any, expected: str) -> None:
    """Log that a handler returned what makes no sense."""
    LOGGER.error(
        "the handler bound to %s returned %s; expected: %s", event, type(returned).__name__, expected
    )


# PS3.7 D.3.3.3


async def window(association: Life) -> Window:
    """Return the window that this acceptor grants, before it is cut to what was proposed."""
    invoked, performed = association.requestor.asynchronous_operations
    try:
        returned = await call_handler(
            association, evt.EVT_ASYNC_OPS, {"nr_invoked": invoked, "nr_performed": performed}
        )
    except HandlerFailed:
        return SYNCHRONOUS
    if returned is None:
        return SYNCHRONOUS
    match returned:
        case (int(invoked), int(performed)) if min(returned) >= 0 and max(returned) <= MOST_OPERATIONS:
            return invoked, performed
    complain(evt.EVT_ASYNC_OPS, returned, "two numbers from 0 to 65535")
    return SYNCHRONOUS


# PS3.7 D.3.3.5


async def extended_answers(association: Life) -> list[Item]:
    """Return the answers to SOP class extended negotiation."""
    proposed = association.requestor.sop_class_extended
    if not proposed:
        return []
    try:
        returned = await call_handler(association, evt.EVT_SOP_EXTENDED, {"app_info": proposed})
    except HandlerFailed:
        return []
    if not isinstance(returned, Mapping | None):
        complain(evt.EVT_SOP_EXTENDED, returned, "a dict of SOP class UIDs and bytes")
        return []
    answers: list[Item] = []
    for uid, answer in (returned or {}).items():
        if uid not in proposed:
            LOGGER.error("the handler bound to EVT_SOP_EXTENDED answers for %r, which was not proposed", uid)
        elif isinstance(answer, ApplicationInformation):
            answers.append(SOPClassExtendedNegotiation(uid, answer.answer(proposed[uid])))
        elif isinstance(answer, bytes):
            answers.append(SOPClassExtendedNegotiation(uid, answer))
        else:
            complain(evt.EVT_SOP_EXTENDED, answer, f"bytes for {uid}")
    return answers


# PS3.7 D.3.3.6


async def accept_common_extended(association: Life) -> dict[str, SOPClassCommonExtendedNegotiation]:
    """Return the items of SOP class common extended negotiation that the handler accepts."""
    proposed = association.requestor.sop_class_common_extended
    if not proposed:
        return {}
    try:
        returned = await call_handler(association, evt.EVT_SOP_COMMON, {"items": proposed})
    except HandlerFailed:
        return {}
    if not isinstance(returned, Mapping | None):
        complain(evt.EVT_SOP_COMMON, returned, "a dict of SOP class UIDs and items")
        return {}
    accepted = {}
    for uid, item in (returned or {}).items():
        if isinstance(item, SOPClassCommonExtendedNegotiation) and uid in proposed:
            accepted[uid] = item
        else:
            complain(evt.EVT_SOP_COMMON, item, f"one of the items, for {uid!r}")
    return accepted


def related_general(accepted: Mapping[str, SOPClassCommonExtendedNegotiation]) -> dict[str, list[str]]:
    """Return the general storage classes that may stand for a specialised one (PS3.4 B.3.1.4)."""
    return {
        uid: [
            general for general in item.related_general_sop_class_identification if is_storage_class(general)
        ]
        for uid, item in accepted.items()
        if item.service_class_uid == STORAGE_SERVICE_CLASS_UID
    }


# PS3.7 D.3.3.7


async def verify_user(association: Life) -> tuple[bool, list[Item]]:
    """Return whether the user is let in, and the response if there is one.

    Without a handler user identity is not supported: everybody is let in, and there is no response.
    """
    identity = association.requestor.user_identity
    if not isinstance(identity, UserIdentityNegotiation):
        return True, []
    if association.intervention_handler(evt.EVT_USER_ID) is None:
        return True, []
    attributes = {
        "user_id_type": identity.user_identity_type,
        "primary_field": identity.primary_field,
        "secondary_field": identity.secondary_field,
    }
    try:
        returned = await call_handler(association, evt.EVT_USER_ID, attributes)
    except HandlerFailed:
        return False, []
    match returned:
        case (bool(is_verified), bytes() | None as response):
            pass
        case _:
            complain(evt.EVT_USER_ID, returned, "whether the user is verified, and bytes or None")
            return False, []
    if not is_verified or not identity.positive_response_requested:
        return is_verified, []
    if response is None or identity.user_identity_type in TYPES_WITHOUT_RESPONSE:
        response = b""
    if len(response) > RESPONSE_LIMIT:
        LOGGER.error("a server response of %d bytes is not sent; limit %d", len(response), RESPONSE_LIMIT)
        return True, []
    return True, [UserIdentityResponse(response)]
