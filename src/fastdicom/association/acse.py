"""Association control from within a handler of EVT_REQUESTED: refuse, for a reason of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastdicom.errors import REJECT_DIAGNOSTICS, REJECT_RESULTS, AbortSource
from fastdicom.ul.pdu import A_ASSOCIATE_RJ

if TYPE_CHECKING:
    from fastdicom.association.association import Association


class ACSE:
    """What a handler may do to an association that is being requested.

    Parameters
    ----------
    association
        The association.
    """

    def __init__(self, association: Association) -> None:
        self._association = association
        self.rejection: A_ASSOCIATE_RJ | None = None

    def send_reject(self, result: int, source: int, diagnostic: int) -> None:
        """Answer the request with A-ASSOCIATE-RJ (PS3.8 9.3.4), as soon as the handler returns.

        Raises
        ------
        ValueError
            When PS3.8 Table 9-21 has no such combination.
        """
        if result not in REJECT_RESULTS or (source, diagnostic) not in REJECT_DIAGNOSTICS:
            raise ValueError(
                f"there is no rejection with result {result}, source {source}, diagnostic {diagnostic} "
                "(PS3.8 Table 9-21)"
            )
        self.rejection = A_ASSOCIATE_RJ(result, source, diagnostic)

    def send_abort(self, source: int) -> None:
        """Abort the association, as the service user (0) or as the service provider (2)."""
        self._association.abort_as(AbortSource(source), 0)
