"""PDUs as notification events: each costs something only if a handler is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastdicom import events as evt
from fastdicom.errors import ProtocolError
from fastdicom.events import EventType
from fastdicom.ul.pdu import P_DATA_TF, decode_pdu

if TYPE_CHECKING:
    from fastdicom.association.association import Association

RECEIVED_EVENTS = (evt.EVT_DATA_RECV, evt.EVT_PDU_RECV)
SENT_EVENTS = (evt.EVT_DATA_SENT, evt.EVT_PDU_SENT)
PDU_EVENTS = (*RECEIVED_EVENTS, *SENT_EVENTS, evt.EVT_ACSE_RECV, evt.EVT_ACSE_SENT)


class PduEvents:
    """Turns PDUs into events of an association."""

    def __init__(self, association: Association) -> None:
        self._association = association

    def wants_pdus(self) -> bool:
        """Whether any PDU is to be shown at all."""
        return any(self._association.is_bound(event) for event in PDU_EVENTS)

    def wants_received_data(self) -> bool:
        """Whether each received P-DATA-TF is to be shown as well."""
        return any(self._association.is_bound(event) for event in RECEIVED_EVENTS)

    def wants_sent_data(self) -> bool:
        """Whether each sent P-DATA-TF is to be shown as well."""
        return any(self._association.is_bound(event) for event in SENT_EVENTS)

    def pdu_received(self, pdu: bytes) -> None:
        """Tell of a received PDU."""
        self._tell(pdu, evt.EVT_DATA_RECV, evt.EVT_PDU_RECV, evt.EVT_ACSE_RECV)

    def pdu_sent(self, pdu: bytes) -> None:
        """Tell of a sent PDU."""
        self._tell(pdu, evt.EVT_DATA_SENT, evt.EVT_PDU_SENT, evt.EVT_ACSE_SENT)

    def _tell(self, encoded: bytes, data: EventType, pdu: EventType, acse: EventType) -> None:
        association = self._association
        association.notify(data, data=encoded)
        if not association.is_bound(pdu) and not association.is_bound(acse):
            return
        try:
            decoded = decode_pdu(encoded)
        except ProtocolError:
            return  # the state machine says what is wrong with it
        association.notify(pdu, pdu=decoded)
        if not isinstance(decoded, P_DATA_TF):
            association.notify(acse, primitive=decoded)
