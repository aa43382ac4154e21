"""The A-ASSOCIATE PDUs that propose an association, and those that answer.

Pure functions for PS3.8 7.1.1 and PS3.7 Annex D.3. What becomes of the contexts is decided in `ul.contexts`,
the roles in `ul.roles`, the number of outstanding operations in `ul.window`; what handlers decide comes in as
items.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastdicom.presentation import PresentationContext
from fastdicom.ul.contexts import ACCEPTED, NO_REASON
from fastdicom.ul.item_frame import Item
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
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.window import SYNCHRONOUS, Window, smaller_window, window_in

__all__ = [
    "build_associate_ac",
    "build_associate_rq",
    "checked_proposals",
    "is_same_ae_title",
    "is_version_supported",
]

# PS3.8 Table 9-21: result, source, reason/diagnostic.
VERSION_NOT_SUPPORTED = A_ASSOCIATE_RJ(1, 2, 2)

# In the item of a context that is not accepted it means nothing (PS3.8 9.3.3.2), but peers expect one.
INSIGNIFICANT_TRANSFER_SYNTAX = "1.2.840.10008.1.2"

# What a requestor may propose further: one of each (PS3.7 D.3.3.3, D.3.3.7), or one of each for a SOP class.
ONE_A_REQUEST = (AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation)
ONE_A_SOP_CLASS = (
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    SOPClassCommonExtendedNegotiation,
)


def is_version_supported(rq: A_ASSOCIATE_RQ) -> bool:
    """Whether the requestor speaks version 1 of the protocol; other versions do not matter."""
    return bool(rq.protocol_version & 1)  # PS3.8 Table 9-11: only bit 0 is tested


def is_same_ae_title(one: str, other: str) -> bool:
    """Whether two AE titles are the same: leading and trailing spaces do not count (PS3.8 Table 9-11)."""
    return one.strip(" ") == other.strip(" ")


def checked_proposals(items: Sequence[Item], *, is_synchronous: bool) -> list[Item]:
    """Return what a requestor proposes besides contexts.

    Parameters
    ----------
    items
        What the caller of `AE.associate` wants.
    is_synchronous
        Whether the peer must not see an asynchronous operations window: it is left out.

    Raises
    ------
    TypeError, ValueError
        If one of them cannot be proposed, or not twice.
    """
    seen: set[tuple[type[Item], str | None]] = set()
    proposals: list[Item] = []
    for item in items:
        uid = None
        if isinstance(item, ONE_A_SOP_CLASS):
            uid = item.sop_class_uid
        elif not isinstance(item, ONE_A_REQUEST):
            raise TypeError(f"an item for an A-ASSOCIATE-RQ is expected, not {type(item).__name__}")
        if (type(item), uid) in seen:
            about = "" if uid is None else f" for {uid}"
            raise ValueError(f"{type(item).__name__}{about} is proposed twice; 1 is allowed")
        seen.add((type(item), uid))
        if not (is_synchronous and isinstance(item, AsynchronousOperationsWindowNegotiation)):
            proposals.append(item)
    return proposals


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
    answers: Sequence[Item],
    *,
    maximum_length: int,
    implementation_class_uid: str,
    implementation_version_name: str | None,
    window: Window = SYNCHRONOUS,
) -> A_ASSOCIATE_AC:
    """Make the A-ASSOCIATE-AC that answers `rq`.

    Parameters
    ----------
    rq
        What the requestor sent.
    results
        What `negotiate_as_acceptor` decided.
    answers
        The role selection items that came of that, and what the handlers answer.
    maximum_length, implementation_class_uid, implementation_version_name
        What this side says of itself.
    window
        How many operations the requestor may invoke, and how many of ours it is to perform. It goes into the
        PDU if the requestor asked, and never larger than it asked for.
    """
    items = [*_always(maximum_length, implementation_class_uid, implementation_version_name), *answers]
    proposed = window_in(rq.user_information)
    if proposed is not None:
        items.append(AsynchronousOperationsWindowNegotiation(*smaller_window(proposed, window)))
    return A_ASSOCIATE_AC(
        rq.called_ae_title, rq.calling_ae_title, [_answer(result) for result in results], items
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
