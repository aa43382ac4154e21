"""The upper layer of one side of one association, sans-I/O: PS3.8 Table 9-10 made to run.

A `Provider` takes events (what the local user asks for, what the transport tells, what the peer sends) and
runs the action that the table names. It owns no socket and no clock: `now` is an argument, in seconds of a
clock that never goes back; bytes to send, indications and the deadline of the ARTIM timer are results. It
belongs to one thread at a time and to one transport connection.

The data itself does not pass through: `request_p_data` and `receive_p_data` say whether it may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from fastdicom.errors import AbortReason, AbortSource, AssociationError, ProtocolError
from fastdicom.ul.kept_pdus import EncodedPDU, decode_received
from fastdicom.ul.negotiation import VERSION_NOT_SUPPORTED, is_version_supported
from fastdicom.ul.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
    PDU,
)
from fastdicom.ul.states import EVENTS, NEXT_STATES, STATES, TABLE, Event, State

__all__ = [
    "AbortIndication",
    "AssociateConfirm",
    "AssociateIndication",
    "Ending",
    "Indication",
    "Provider",
    "ProviderAbortIndication",
    "RejectConfirm",
    "ReleaseConfirm",
    "ReleaseIndication",
]


@dataclass(slots=True, frozen=True)
class AssociateIndication:
    """A requestor asks for an association."""

    pdu: A_ASSOCIATE_RQ


@dataclass(slots=True, frozen=True)
class AssociateConfirm:
    """The acceptor agreed."""

    pdu: A_ASSOCIATE_AC


@dataclass(slots=True, frozen=True)
class RejectConfirm:
    """The acceptor refused."""

    pdu: A_ASSOCIATE_RJ


@dataclass(slots=True, frozen=True)
class ReleaseIndication:
    """The peer asks for release; `is_collision` if this side has asked, too."""

    is_collision: bool


@dataclass(slots=True, frozen=True)
class ReleaseConfirm:
    """The peer agreed to the release."""


@dataclass(slots=True, frozen=True)
class AbortIndication:
    """The peer's user aborted: A-ABORT."""

    source: int
    reason: int


@dataclass(slots=True, frozen=True)
class ProviderAbortIndication:
    """A service provider aborted: A-P-ABORT.

    `is_local` if it was this one, for a fault of the peer, a lost connection or a silent peer, which
    `message` tells; otherwise the peer's provider sent A-ABORT.
    """

    source: int
    reason: int
    is_local: bool
    message: str | None = None


class Ending(NamedTuple):
    """The A-ASSOCIATE-RJ or A-ABORT that has ended the association, and whether this side has sent it."""

    pdu: A_ASSOCIATE_RJ | A_ABORT_RQ
    is_ours: bool


Indication: TypeAlias = (
    AssociateIndication
    | AssociateConfirm
    | RejectConfirm
    | ReleaseIndication
    | ReleaseConfirm
    | AbortIndication
    | ProviderAbortIndication
)

EVENT_OF_PDU: Mapping[int, Event] = MappingProxyType(
    {
        A_ASSOCIATE_RQ.pdu_type: Event.Evt6,
        A_ASSOCIATE_AC.pdu_type: Event.Evt3,
        A_ASSOCIATE_RJ.pdu_type: Event.Evt4,
        P_DATA_TF.pdu_type: Event.Evt10,
        A_RELEASE_RQ.pdu_type: Event.Evt12,
        A_RELEASE_RP.pdu_type: Event.Evt13,
        A_ABORT_RQ.pdu_type: Event.Evt16,
    }
)

RELEASE_RQ = EncodedPDU(A_RELEASE_RQ().encode())
RELEASE_RP = EncodedPDU(A_RELEASE_RP().encode())

# What an event brings along: the PDU that is to be sent or was received, or what was wrong with it.
Subject: TypeAlias = PDU | ProtocolError | None


class Provider:
    """The state machine of one side of one association.

    Parameters
    ----------
    is_requestor
        Whether this side asks for the association.
    artim_timeout
        The time of the ARTIM timer in seconds; None to wait for ever.

    Attributes
    ----------
    state : State
        Where the association is.
    deadline : float or None
        When the ARTIM timer runs out, as `now`; None while it does not run. Call `expire` then.
    closes_transport : bool
        Whether the transport connection is done with: send what `data_to_send` has, then close it.
    ending : Ending or None
        The first PDU that has ended the association in another way than by release.
    has_expired : bool
        Whether the ARTIM timer has run out while something else than the peer's closing was awaited.
    on_transition : callable or None
        Called after each action with its name, the state before, the event and the state after.

    Notes
    -----
    What the local user may not ask for now raises `AssociationError`, and nothing is sent. What the transport
    or the peer cannot have caused, as the connection is closed or not yet open, is ignored.
    """

    def __init__(self, *, is_requestor: bool, artim_timeout: float | None) -> None:
        self.state = State.Sta1
        self.deadline: float | None = None
        self.closes_transport = False
        self.ending: Ending | None = None
        self.has_expired = False
        self.on_transition: Callable[[str, State, Event, State], None] | None = None
        self._is_requestor = is_requestor
        self.artim_timeout = artim_timeout
        self._request = b""
        self._why_closed = ""
        self._to_send: list[bytes] = []
        self._indications: deque[Indication] = deque()

    # What the local user asks for.

    def request_associate(self, rq: PDU) -> None:
        """Ask for an association; `rq` is sent when the transport connection is open."""
        self._ask(Event.Evt1, subject=rq)

    def accept(self, ac: PDU) -> None:
        """Accept the association."""
        self._ask(Event.Evt7, subject=ac)

    def reject(self, rj: A_ASSOCIATE_RJ, now: float) -> None:
        """Reject the association."""
        self._ask(Event.Evt8, now, rj)

    def request_p_data(self) -> None:
        """Ask whether P-DATA-TF may be sent: raises if not."""
        self._ask(Event.Evt9)

    def request_release(self, now: float) -> None:
        """Ask the peer to release the association."""
        self._ask(Event.Evt11, now)

    def respond_release(self, now: float) -> None:
        """Agree to the release that the peer asked for."""
        self._ask(Event.Evt14, now)

    def request_abort(self, now: float, source: int = 0, reason: int = 0) -> None:
        """Abort the association; source and reason are those of PS3.8 Table 9-26."""
        self._ask(Event.Evt15, now, A_ABORT_RQ(source, reason))

    # What the transport tells.

    def transport_confirm(self, now: float) -> None:
        """Take note that the connection this side asked for is open."""
        self._apply(Event.Evt2, now)

    def transport_indication(self, now: float) -> None:
        """Take note that a peer has opened a connection."""
        self._apply(Event.Evt5, now)

    def transport_closed(self, now: float, why: str = "") -> None:
        """Take note that the connection is closed, or could not be opened; `why`, when more is known."""
        self._why_closed = why
        self._apply(Event.Evt17, now)

    def expire(self, now: float) -> None:
        """Take note of the time: if `deadline` has come, the ARTIM timer has expired."""
        if self.deadline is not None and now >= self.deadline:
            self._apply(Event.Evt18, now)

    # What the peer sends.

    def receive_pdu(self, data: bytes | memoryview, now: float) -> None:
        """Take one whole PDU, of any kind; of a P-DATA-TF `receive_p_data` tells more."""
        try:
            pdu = decode_received(bytes(data))
        except ProtocolError as error:
            self.receive_invalid(error, now)
        else:
            self._apply(EVENT_OF_PDU[pdu.pdu_type], now, pdu)

    def receive_p_data(self, now: float) -> bool:
        """Take note of a P-DATA-TF, or of a whole message in several; True if it is to be delivered."""
        return self._apply(Event.Evt10, now) in ("DT-2", "AR-6")

    def receive_invalid(self, error: ProtocolError, now: float) -> None:
        """Take note that the peer sent what is not a PDU, or not one that may be sent."""
        self._apply(Event.Evt19, now, error)

    # What comes out.

    def data_to_send(self) -> bytes:
        """Return the bytes that are to be sent now, once."""
        if not self._to_send:
            return b""
        data = b"".join(self._to_send)
        self._to_send.clear()
        return data

    def next_indication(self) -> Indication | None:
        """Return the next thing the local user must know of, once; None if there is nothing."""
        return self._indications.popleft() if self._indications else None

    # The loop.

    def _ask(self, event: Event, now: float = 0.0, subject: Subject = None) -> None:
        """Apply an event of the local user, who is told if it cannot be."""
        if self._apply(event, now, subject) is None:
            raise AssociationError(f"{EVENTS[event]} is not possible in {self._where()}; nothing was sent")

    def _apply(self, event: Event, now: float, subject: Subject = None) -> str | None:
        """Run the action for `event` in the current state; return its name, None if there is none."""
        step = STEPS[event][self.state]
        if step is None:
            return None
        action, run, next_state = step
        current = self.state
        self.state = run(self, event, now, subject) or next_state
        self.closes_transport = self.state is State.Sta1
        if self.on_transition is not None:
            self.on_transition(action, current, event, self.state)
        return action

    def _where(self) -> str:
        """Tell the state, for messages."""
        return f"{self.state.name} ({STATES[self.state]})"

    def _send(self, pdu: PDU) -> None:
        self._to_send.append(pdu.encode())
        if isinstance(pdu, A_ASSOCIATE_RJ | A_ABORT_RQ):
            self._note_end(pdu, is_ours=True)

    def _note_end(self, pdu: A_ASSOCIATE_RJ | A_ABORT_RQ, *, is_ours: bool) -> None:
        if self.ending is None:
            self.ending = Ending(pdu, is_ours)

    def _indicate(self, indication: Indication) -> None:
        self._indications.append(indication)

    def _start_artim(self, now: float) -> None:
        self.deadline = None if self.artim_timeout is None else now + self.artim_timeout

    def _stop_artim(self) -> None:
        self.deadline = None

    # The actions, PS3.8 Tables 9-6 to 9-9. One that returns a state goes there, not where NEXT_STATES says.

    def _keep_request(self, event: Event, now: float, rq: PDU) -> None:
        self._request = rq.encode()

    def _send_request(self, event: Event, now: float, subject: Subject) -> None:
        self._to_send.append(self._request)
        self._start_artim(now)  # for Evt18 in Sta5, see TABLE

    def _confirm_accept(self, event: Event, now: float, ac: A_ASSOCIATE_AC) -> None:
        self._stop_artim()
        self._indicate(AssociateConfirm(ac))

    def _confirm_reject(self, event: Event, now: float, rj: A_ASSOCIATE_RJ) -> None:
        self._stop_artim()
        self._note_end(rj, is_ours=False)
        self._indicate(RejectConfirm(rj))

    def _await_request(self, event: Event, now: float, subject: Subject) -> None:
        self._start_artim(now)

    def _examine_request(self, event: Event, now: float, rq: A_ASSOCIATE_RQ) -> State | None:
        self._stop_artim()
        if is_version_supported(rq):
            self._indicate(AssociateIndication(rq))
            return None
        self._send_rejection(event, now, VERSION_NOT_SUPPORTED)
        return State.Sta13

    def _send_acceptance(self, event: Event, now: float, ac: PDU) -> None:
        self._send(ac)

    def _send_rejection(self, event: Event, now: float, rj: A_ASSOCIATE_RJ) -> None:
        self._send(rj)
        self._start_artim(now)

    def _leave_data_to_driver(self, event: Event, now: float, subject: Subject) -> None:
        """DT-1, DT-2, AR-6, AR-7: the caller sends or delivers, now that it knows that it may."""

    def _send_release_request(self, event: Event, now: float, subject: Subject) -> None:
        self._send(RELEASE_RQ)
        self._start_artim(now)  # for Evt18 in Sta7, see TABLE

    def _indicate_release(self, event: Event, now: float, subject: Subject) -> None:
        self._indicate(ReleaseIndication(is_collision=False))

    def _indicate_collision(self, event: Event, now: float, subject: Subject) -> State:
        self._stop_artim()
        self._indicate(ReleaseIndication(is_collision=True))
        return State.Sta9 if self._is_requestor else State.Sta10

    def _confirm_release(self, event: Event, now: float, subject: Subject) -> None:
        self._stop_artim()
        self._indicate(ReleaseConfirm())

    def _send_last_release_response(self, event: Event, now: float, subject: Subject) -> None:
        self._send(RELEASE_RP)
        self._start_artim(now)

    def _send_release_response(self, event: Event, now: float, subject: Subject) -> None:
        self._send(RELEASE_RP)

    def _forget_timer(self, event: Event, now: float, subject: Subject) -> None:
        self._stop_artim()

    def _send_user_abort(self, event: Event, now: float, subject: Subject) -> None:
        # PS3.8 9.3.8: the reason of a service user is 0, also where AA-1 answers a fault of the peer
        self._send(subject if isinstance(subject, A_ABORT_RQ) else A_ABORT_RQ(AbortSource.SERVICE_USER, 0))
        self._start_artim(now)

    def _close(self, event: Event, now: float, subject: Subject) -> None:
        self._stop_artim()
        self.has_expired = event is Event.Evt18 and self.state is not State.Sta13
        if self.state in (State.Sta5, State.Sta7):  # Evt18, see TABLE: the user is waiting
            self._indicate_provider_abort(
                AbortReason.NOT_SPECIFIED, f"the peer did not answer in {self._where()}"
            )

    def _indicate_abort(self, event: Event, now: float, abort: A_ABORT_RQ) -> None:
        self._stop_artim()
        self._note_end(abort, is_ours=False)
        if abort.source == AbortSource.SERVICE_PROVIDER:
            self._indicate(ProviderAbortIndication(abort.source, abort.reason_diagnostic, is_local=False))
        else:
            self._indicate(AbortIndication(abort.source, abort.reason_diagnostic))

    def _indicate_lost_connection(self, event: Event, now: float, subject: Subject) -> None:
        self._stop_artim()
        message = f"the transport connection was closed in {self._where()}"
        if self._why_closed:
            message += f": {self._why_closed}"
        self._indicate_provider_abort(AbortReason.NOT_SPECIFIED, message)

    def _ignore(self, event: Event, now: float, subject: Subject) -> None:
        """AA-6: the association is gone; only the connection is left to close."""

    def _send_provider_abort(self, event: Event, now: float, subject: Subject) -> None:
        reason, _ = self._fault(event, subject)
        self._send(A_ABORT_RQ(AbortSource.SERVICE_PROVIDER, reason))

    def _abort_as_provider(self, event: Event, now: float, subject: Subject) -> None:
        reason, message = self._fault(event, subject)
        self._send(A_ABORT_RQ(AbortSource.SERVICE_PROVIDER, reason))
        self._indicate_provider_abort(reason, message)
        self._start_artim(now)

    def _fault(self, event: Event, subject: Subject) -> tuple[int, str]:
        """Tell what the peer did wrong: the reason of PS3.8 Table 9-26, and a message."""
        if isinstance(subject, ProtocolError):
            return subject.reason, str(subject)
        return AbortReason.UNEXPECTED_PDU, f"{EVENTS[event]} in {self._where()}"

    def _indicate_provider_abort(self, reason: int, message: str) -> None:
        source = AbortSource.SERVICE_PROVIDER
        self._indicate(ProviderAbortIndication(source, reason, is_local=True, message=message))


Run: TypeAlias = Callable[..., State | None]

RUN: Mapping[str, Run] = MappingProxyType(
    {
        "AE-1": Provider._keep_request,
        "AE-2": Provider._send_request,
        "AE-3": Provider._confirm_accept,
        "AE-4": Provider._confirm_reject,
        "AE-5": Provider._await_request,
        "AE-6": Provider._examine_request,
        "AE-7": Provider._send_acceptance,
        "AE-8": Provider._send_rejection,
        "DT-1": Provider._leave_data_to_driver,
        "DT-2": Provider._leave_data_to_driver,
        "AR-1": Provider._send_release_request,
        "AR-2": Provider._indicate_release,
        "AR-3": Provider._confirm_release,
        "AR-4": Provider._send_last_release_response,
        "AR-5": Provider._forget_timer,
        "AR-6": Provider._leave_data_to_driver,
        "AR-7": Provider._leave_data_to_driver,
        "AR-8": Provider._indicate_collision,
        "AR-9": Provider._send_release_response,
        "AR-10": Provider._confirm_release,
        "AA-1": Provider._send_user_abort,
        "AA-2": Provider._close,
        "AA-3": Provider._indicate_abort,
        "AA-4": Provider._indicate_lost_connection,
        "AA-5": Provider._forget_timer,
        "AA-6": Provider._ignore,
        "AA-7": Provider._send_provider_abort,
        "AA-8": Provider._abort_as_provider,
    }
)

# TABLE once more, to be indexed as [event][state]: the action, what runs it, where it leads.
STEPS: tuple[tuple[tuple[str, Run, State] | None, ...], ...] = tuple(
    tuple(
        (action, RUN[action], NEXT_STATES[action][0]) if action is not None else None
        for action in (TABLE.get((event, state)) for state in (None, *State))
    )
    for event in (None, *Event)
)
