"""PDUs as notification events, and for traces: each costs something only if somebody wants to see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastdicom import events as evt
from fastdicom.errors import ProtocolError
from fastdicom.events import EventType
from fastdicom.ul.pdu import P_DATA_TF, decode_pdu

if TYPE_CHECKING:
    from fastdicom.association.life import Life
    from fastdicom.watching.trace import Tap, Trace

RECEIVED_EVENTS = (evt.EVT_DATA_RECV, evt.EVT_PDU_RECV)
SENT_EVENTS = (evt.EVT_DATA_SENT, evt.EVT_PDU_SENT)
PDU_EVENTS = (*RECEIVED_EVENTS, *SENT_EVENTS, evt.EVT_ACSE_RECV, evt.EVT_ACSE_SENT)


class PduEvents:
    """Turns PDUs into events of an association, and hands them to traces."""

    def __init__(self, association: Life) -> None:
        self._association = association
        self._taps: tuple[Tap, ...] = ()

    def add(self, trace: Trace) -> None:
        """Show PDUs to a trace, if that is not so already. For one thread at a time, as `remove`."""
        if all(tap.trace is not trace for tap in self._taps):
            self._taps = (*self._taps, trace.tap(self._association))
            self._association.observe()

    def remove(self, trace: Trace) -> None:
        """Show a trace nothing more."""
        self._taps = tuple(tap for tap in self._taps if tap.trace is not trace)
        self._association.observe()

    def end(self) -> None:
        """Tell traces that the connection is closed."""
        for tap in self._taps:
            tap.end()

    def wants_pdus(self) -> bool:
        """Whether any PDU is to be shown at all."""
        is_traced = any(tap.is_open for tap in self._taps)
        return is_traced or any(self._association.is_bound(event) for event in PDU_EVENTS)

    def wants_received_data(self) -> bool:
        """Whether each received P-DATA-TF is to be shown as well."""
        return self._wants_data or any(self._association.is_bound(event) for event in RECEIVED_EVENTS)

    def wants_sent_data(self) -> bool:
        """Whether each sent P-DATA-TF is to be shown as well."""
        return self._wants_data or any(self._association.is_bound(event) for event in SENT_EVENTS)

    @property
    def _wants_data(self) -> bool:
        return any(tap.wants_data for tap in self._taps)

    def pdu_received(self, pdu: bytes) -> None:
        """Tell of a received PDU."""
        for tap in self._taps:
            tap.pdu_received(pdu)
        self._tell(pdu, evt.EVT_DATA_RECV, evt.EVT_PDU_RECV, evt.EVT_ACSE_RECV)

    def pdu_sent(self, pdu: bytes) -> None:
        """Tell of a sent PDU."""
        for tap in self._taps:
            tap.pdu_sent(pdu)
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
