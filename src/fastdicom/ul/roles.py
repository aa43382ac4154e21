"""Who is SCU and who is SCP of a SOP class: role selection, PS3.7 D.3.3.4.

The roles in the items are those of the requestor, in both directions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from pydicom.uid import UID

from fastdicom.presentation import PresentationContext
from fastdicom.ul.items import Item, SCP_SCU_RoleSelectionNegotiation

__all__ = ["DEFAULT_ROLES", "Roles", "both_roles", "build_role", "granted_roles", "role_selections"]

Roles: TypeAlias = tuple[bool, bool]  # whether the requestor is SCU, and whether it is SCP

# PS3.7 D.3.3.4: without a question or without an answer the requestor is the SCU, the acceptor the SCP.
DEFAULT_ROLES: Roles = (True, False)


def build_role(
    uid: str | UID, scu_role: bool = False, scp_role: bool = False
) -> SCP_SCU_RoleSelectionNegotiation:
    """Return an item that proposes the requestor's roles for one SOP class, for ``ext_neg=``.

    Parameters
    ----------
    uid
        The UID of the SOP class.
    scu_role, scp_role
        Whether the requestor wants to be SCU, and to be SCP.
    """
    return SCP_SCU_RoleSelectionNegotiation(UID(uid), scu_role, scp_role)


def role_selections(user_information: Iterable[Item]) -> dict[str, Roles]:
    """Return the roles in the role selection sub-items, by SOP class."""
    return {
        item.sop_class_uid or "": (bool(item.scu_role), bool(item.scp_role))
        for item in user_information
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
    }


def both_roles(proposed: Roles, answered: Roles) -> Roles:
    """Return the roles that the requestor asked for and the acceptor gives (PS3.7 Table D.3-9)."""
    return proposed[0] and answered[0], proposed[1] and answered[1]


def granted_roles(proposed: Roles, context: PresentationContext) -> Roles | None:
    """Return the requestor's roles; None if we leave the question unanswered."""
    if context.scu_role is None or context.scp_role is None:
        return None
    return both_roles(proposed, (context.scu_role, context.scp_role))
