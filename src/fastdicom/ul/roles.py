"""Building role selection items, the way that callers of `AE.associate` write them (PS3.7 D.3.3.4)."""

from __future__ import annotations

from pydicom.uid import UID

from fastdicom.ul.items import SCP_SCU_RoleSelectionNegotiation


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
