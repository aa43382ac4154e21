"""Association control from within a handler, of EVT_REQUESTED above all: refuse, or abort, for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastdicom.errors import REJECT_DIAGNOSTICS, REJECT_RESULTS, AbortReason, AbortSource
from fastdicom.ul.pdu import A_ASSOCIATE_RJ

if TYPE_CHECKING:
    from fastdicom.association.life import Life


class ACSE:
    """What a handler may do to an association that is being requested.

    Parameters
    ----------
    association
        The association.
    """

    def __init__(self, association: Life) -> None:
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
        """Abort the association, as the service user (0) or as the service provider (2).

        Raises
        ------
        ValueError
            When it is another source.
        """
        self._association.abort_as(AbortSource(source), 0)

    def send_ap_abort(self, reason: int) -> None:
        """Abort the association as the service provider, for a reason of PS3.8 Table 9-26.

        Parameters
        ----------
        reason
            0 not specified, 1 unrecognized PDU, 2 unexpected PDU, 4 unrecognized parameter, 5 unexpected
            parameter, 6 invalid parameter value.

        Raises
        ------
        ValueError
            When it is another reason.
        """
        self._association.abort_as(AbortSource.SERVICE_PROVIDER, AbortReason(reason))
