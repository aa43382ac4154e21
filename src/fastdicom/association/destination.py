"""The associations with the destination of a C-MOVE, opened for what is to be sent there (PS3.4 C.4.2.2.1).

An object says itself which presentation contexts it needs. Those of all objects that have been met are
proposed together, on as few associations as they fit on; when a further one is needed, the last association
is released and opened again with it. So a destination that serves one association at a time can be served,
too. They stay open until the operation is over; one that is lost is opened again.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastdicom.association import outgoing
from fastdicom.checks import REQUESTED_CONTEXTS_LIMIT
from fastdicom.dimse.results import StatusDataset, no_answer
from fastdicom.errors import AssociationError, ConnectionFailed, NoAcceptedContext
from fastdicom.log import get_logger
from fastdicom.presentation import build_context
from fastdicom.services.moving import IMPOSSIBLE_DESTINATION
from fastdicom.services.suboperations import Refusal

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity
    from fastdicom.association.association import Association

LOGGER = get_logger("fastdicom.association")

# An object that was on its way when the association was lost is sent once more: C-STORE twice does no harm.
ATTEMPTS = 2

# Objects in a row that could not be sent for want of an association, before it is not tried any more.
LOSSES_LIMIT = 3


class _Channel:
    """One association, and what it is opened with.

    `proposed` is that, by SOP class and transfer syntax; `is_refused` whether the peer has accepted nothing
    of it.
    """

    def __init__(self) -> None:
        self.proposed: dict[tuple[str, str], None] = {}
        self.association: Association | None = None
        self.is_refused = False

    def release(self) -> None:
        association, self.association = self.association, None
        if association is not None:
            association.release()


class Destination:
    """Where the objects of one C-MOVE go.

    Parameters
    ----------
    ae
        Who requests the associations.
    address, port
        The destination.
    options
        Further arguments of `AE.associate`. With `contexts` among them, those are proposed and no others.
    """

    def __init__(self, ae: ApplicationEntity, address: Any, port: Any, options: Mapping[str, Any]) -> None:
        self._ae = ae
        self._address = address
        self._port = port
        self._options = dict(options)
        self._contexts = self._options.pop("contexts", None)
        self._channels: list[_Channel] = []
        self._current: _Channel | None = None
        if self._contexts is not None:
            self._current = self._add_channel()
        self._is_reached = False
        self._is_aborted = threading.Event()
        self._losses = 0

    def store(self, what: Any, transfer_syntax: str | None, operation: Mapping[str, Any]) -> StatusDataset:
        """Send an object with C-STORE.

        Parameters
        ----------
        what, transfer_syntax
            As `Association.send_c_store` takes it; what can be read once only, cannot be sent again.
        operation
            Further arguments of that.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the destination was lost, twice, or has been given up.

        Raises
        ------
        ConnectionFailed
            When the destination has not been reached at all.
        AssociationError
            When `abort` has been called.
        Refusal
            When there cannot be such a destination.
        OSError, AttributeError, ValueError, TypeError
            As for `Association.send_c_store`.
        """
        if self._losses >= LOSSES_LIMIT:
            return no_answer()
        try:
            return self._send(self._current, what, transfer_syntax, operation)
        except NoAcceptedContext as error:
            pair = error.sop_class_uid, error.transfer_syntax
            proposing = [channel for channel in self._channels if pair in channel.proposed]
            if self._contexts is not None or self._current in proposing:
                raise
            self._current = proposing[0] if proposing else self._propose(*pair)
        return self._send(self._current, what, transfer_syntax, operation)

    def release(self) -> None:
        """Release its associations."""
        for channel in self._channels:
            channel.release()

    def abort(self) -> None:
        """Abort its associations, and open no more. From any thread."""
        self._is_aborted.set()
        for channel in list(self._channels):
            association = channel.association
            if association is not None:
                association.abort()

    def _add_channel(self) -> _Channel:
        self._channels.append(_Channel())
        return self._channels[-1]

    def _propose(self, sop_class_uid: str, transfer_syntax: str) -> _Channel:
        """Return the channel that has contexts for such objects from now on."""
        wanted = [(sop_class_uid, syntax) for syntax in outgoing.possible_syntaxes(transfer_syntax)]
        for uid, syntax in wanted:
            build_context(uid, [syntax])  # or it cannot be proposed
        channel = self._channels[-1] if self._channels else self._add_channel()
        if len({*channel.proposed, *wanted}) > REQUESTED_CONTEXTS_LIMIT:
            channel = self._add_channel()
        channel.release()
        channel.proposed.update(dict.fromkeys(wanted))
        channel.is_refused = False
        return channel

    def _send(
        self, channel: _Channel | None, what: Any, transfer_syntax: str | None, operation: Mapping[str, Any]
    ) -> StatusDataset:
        for _ in range(ATTEMPTS):
            association = None if channel is None else self._opened(channel)
            if channel is None or channel.is_refused:
                outgoing.prepare(what, transfer_syntax, outgoing.NO_CONTEXTS, self._ae.buffer_pool)  # raises
            if association is None:
                break
            with suppress(AssociationError):  # lost before anything was sent
                status = association.send_c_store(what, transfer_syntax=transfer_syntax, **operation)
                if "Status" in status:
                    self._losses = 0
                    return status
        self._losses += 1
        if self._losses == LOSSES_LIMIT:
            LOGGER.error("the destination of a C-MOVE is given up: it was lost %d times", LOSSES_LIMIT)
        return no_answer()

    def _opened(self, channel: _Channel) -> Association | None:
        """Return the association of a channel, opened if it is not; None when that is not possible."""
        association = channel.association
        if channel.is_refused or (association is not None and association.is_established):
            return association
        association = self._associate(channel)
        others = [each for each in self._channels if each is not channel and each.association is not None]
        if others and not association.is_established:  # it may take no more than one at a time
            for other in others:
                other.release()
            association = self._associate(channel)
        channel.is_refused = bool(association.rejected_contexts and not association.accepted_contexts)
        if association.is_established or channel.is_refused:
            self._is_reached = True
            return association
        if not self._is_reached:
            how = "it has rejected the association" if association.is_rejected else "there is no association"
            raise ConnectionFailed(f"{how} with {self._address}, port {self._port}")
        return None

    def _associate(self, channel: _Channel) -> Association:
        contexts = self._contexts
        if contexts is None:
            contexts = [build_context(uid, [syntax]) for uid, syntax in channel.proposed]
        if self._is_aborted.is_set():
            raise AssociationError("the C-MOVE is over")
        try:
            association = self._ae.associate(self._address, self._port, contexts, **self._options)
        except (TypeError, ValueError, AttributeError, RuntimeError, OSError) as error:
            reason = f"the handler yields a destination that cannot be one: {error}"
            raise Refusal(IMPOSSIBLE_DESTINATION, reason) from error
        channel.association = association
        if self._is_aborted.is_set():
            association.abort()
        return association
