"""The associations with the destination of a C-MOVE, opened for what is to be sent there (PS3.4 C.4.2.2.1).

An object says itself which presentation contexts it needs. Those of all objects that have been met are
proposed together, on as few associations as they fit on; when a further one is needed, the last association
is released and opened again with it. So a destination that serves one association at a time can be served,
too. They stay open until the operation is over; one that is lost is opened again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from fastdicom.association import outgoing
from fastdicom.association.conversion import possible_syntaxes
from fastdicom.association.outgoing import Outgoing
from fastdicom.association.under_way import StoreUnderWay
from fastdicom.checks import REQUESTED_CONTEXTS_LIMIT
from fastdicom.dimse.results import StatusDataset, no_answer
from fastdicom.errors import AssociationError, ConnectionFailed, NoAcceptedContext
from fastdicom.log import get_logger
from fastdicom.presentation import build_context
from fastdicom.services.moving import IMPOSSIBLE_DESTINATION
from fastdicom.services.suboperations import Refusal

if TYPE_CHECKING:
    from fastdicom.association.association import Association
    from fastdicom.association.serving import Serving

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


class Destination:
    """Where the objects of one C-MOVE go.

    Parameters
    ----------
    performer
        The association of the C-MOVE, whose AE requests the others.
    address, port
        The destination.
    options
        Further arguments of `AE.associate`. With `contexts` among them, those are proposed and no others.

    Attributes
    ----------
    performer
        The association of the C-MOVE.
    current
        The channel that was used last; None before there is one.
    """

    def __init__(self, performer: Serving, address: Any, port: Any, options: Mapping[str, Any]) -> None:
        self.performer = performer
        self._address = address
        self._port = port
        self._options = dict(options)
        self._contexts = self._options.pop("contexts", None)
        self._channels: list[_Channel] = []
        self.current: _Channel | None = None
        if self._contexts is not None:
            self.current = self._add_channel()
        self._is_reached = False
        self._is_aborted = False
        self._losses = 0
        self._prepared_for: Association | None = None

    async def prepare(self, what: Any, transfer_syntax: str | None) -> Outgoing | None:
        """Make an object ready to be sent on the association that is used at the moment.

        Returns
        -------
        Outgoing or None
            None when there is none, or it takes no such object.

        Raises
        ------
        OSError, AttributeError, ValueError, TypeError
            As for `Association.send_c_store`.
        """
        association = None if self.current is None else self.current.association
        if association is None:
            return None
        try:
            prepared: Outgoing = await association.prepare_c_store(what, transfer_syntax)
        except NoAcceptedContext:
            return None
        self._prepared_for = association
        return prepared

    async def begin(
        self, what: Any, transfer_syntax: str | None, ready: Outgoing | None, operation: Mapping[str, Any]
    ) -> Sending:
        """Send an object with C-STORE.

        Parameters
        ----------
        what, transfer_syntax
            As `Association.send_c_store` takes it.
        ready
            The same, from `prepare`, or None.
        operation
            Further arguments of that.

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
        sending = Sending(self, what, transfer_syntax, operation)
        if ready is not None and self._prepared_for is not None:
            sending.use(ready, self._prepared_for)
        await sending.begin()
        return sending

    async def release(self) -> None:
        """Release its associations."""
        for channel in self._channels:
            await self._release(channel)

    def abort(self) -> None:
        """Abort its associations, and open no more. From any thread."""
        self._is_aborted = True
        for channel in list(self._channels):
            association = channel.association
            if association is not None:
                association.abort()

    async def _release(self, channel: _Channel) -> None:
        association, channel.association = channel.association, None
        if association is not None:
            await self.performer.release_association(association)

    def _add_channel(self) -> _Channel:
        self._channels.append(_Channel())
        return self._channels[-1]

    async def _propose(self, sop_class_uid: str, transfer_syntax: str) -> _Channel:
        """Return the channel that has contexts for such objects from now on."""
        possible = possible_syntaxes(transfer_syntax, self.performer.ae.transcoding)
        wanted = [(sop_class_uid, syntax) for syntax in possible]
        for uid, syntax in wanted:
            build_context(uid, [syntax])  # or it cannot be proposed
        channel = self._channels[-1] if self._channels else self._add_channel()
        if len({*channel.proposed, *wanted}) > REQUESTED_CONTEXTS_LIMIT:
            channel = self._add_channel()
        await self._release(channel)
        channel.proposed.update(dict.fromkeys(wanted))
        channel.is_refused = False
        return channel

    async def channel_instead(self, error: NoAcceptedContext) -> _Channel | None:
        """Return the channel for an object that does not fit the current one; None when there is none."""
        pair = error.sop_class_uid, error.transfer_syntax
        proposing = [channel for channel in self._channels if pair in channel.proposed]
        if self._contexts is not None or self.current in proposing:
            return None
        self.current = proposing[0] if proposing else await self._propose(*pair)
        return self.current

    def count_loss(self) -> None:
        """Take note that an object could not be sent for want of an association."""
        self._losses += 1
        if self._losses == LOSSES_LIMIT:
            LOGGER.error("the destination of a C-MOVE is given up: it was lost %d times", LOSSES_LIMIT)

    def count_answer(self) -> None:
        """Take note that the destination has answered."""
        self._losses = 0

    @property
    def is_given_up(self) -> bool:
        """Whether nothing is sent there any more."""
        return self._losses >= LOSSES_LIMIT

    async def opened(self, channel: _Channel) -> Association | None:
        """Return the association of a channel, opened if it is not; None when that is not possible."""
        association = channel.association
        if channel.is_refused or (association is not None and association.is_established):
            return association
        association = await self._associate(channel)
        others = [each for each in self._channels if each is not channel and each.association is not None]
        if others and not association.is_established:  # it may take no more than one at a time
            for other in others:
                await self._release(other)
            association = await self._associate(channel)
        channel.is_refused = bool(association.rejected_contexts and not association.accepted_contexts)
        if association.is_established or channel.is_refused:
            self._is_reached = True
            return association
        if not self._is_reached:
            how = "it has rejected the association" if association.is_rejected else "there is no association"
            raise ConnectionFailed(f"{how} with {self._address}, port {self._port}")
        return None

    def _check_wanted(self) -> None:
        if self._is_aborted:
            raise AssociationError("the C-MOVE is over")

    async def _associate(self, channel: _Channel) -> Association:
        contexts = self._contexts
        if contexts is None:
            contexts = [build_context(uid, [syntax]) for uid, syntax in channel.proposed]
        self._check_wanted()
        try:
            association: Association = await self.performer.request_association(
                self._address, self._port, contexts, self._options
            )
        except (TypeError, ValueError, AttributeError, RuntimeError, OSError) as error:
            reason = f"the handler yields a destination that cannot be one: {error}"
            raise Refusal(IMPOSSIBLE_DESTINATION, reason) from error
        channel.association = association
        if self._is_aborted:
            association.abort()
        return association


class Sending:
    """An object on its way to the destination, once more when it got lost.

    Parameters
    ----------
    destination
        Where it goes.
    what, transfer_syntax
        As `Association.send_c_store` takes it.
    operation
        Further arguments of that.
    """

    def __init__(
        self, destination: Destination, what: Any, transfer_syntax: str | None, operation: Mapping[str, Any]
    ) -> None:
        self._destination = destination
        self._what = what
        self._transfer_syntax = transfer_syntax
        self._operation = operation
        self._ready: Outgoing | None = None
        self._ready_for: Association | None = None
        self._attempts_left = ATTEMPTS
        self._under_way: StoreUnderWay | None = None
        self._has_left = False

    def use(self, ready: Outgoing, association: Association) -> None:
        """Take over the object made ready for an association."""
        self._ready, self._ready_for = ready, association

    async def failed_uid(self) -> str | None:
        """Return the SOP Instance UID of the object; None when it cannot be found."""
        if self._ready is not None:
            return self._ready.sop_instance_uid
        find = outgoing.sop_instance_uid_of
        return await self._destination.performer.apart(find, self._what, self._transfer_syntax)

    @property
    def may_look_ahead(self) -> bool:
        """Whether what is needed to send it once more is ours, in memory, and short.

        What the handler has yielded may be another thing once it goes on: a buffer filled again, a file
        written anew.
        """
        return (
            self._under_way is not None
            and self._ready is not None
            and isinstance(self._what, str | os.PathLike | Dataset)
            and self._ready.length <= outgoing.READ_AT_MOST
        )

    async def has_answer(self) -> bool:
        """Whether the response has come, as of now. From any thread."""
        return self._under_way is not None and await self._under_way.has_answer()

    async def begin(self) -> None:
        """Send it, if there is an association to be had for it. Raises what `Destination.begin` does."""
        self._under_way = None
        if self._destination.is_given_up:
            return
        try:
            await self._begin_on(self._destination.current)
        except NoAcceptedContext as error:
            channel = await self._destination.channel_instead(error)
            if channel is None:
                raise
            self._attempts_left = ATTEMPTS
            await self._begin_on(channel)

    async def wait(self) -> StatusDataset:
        """Return the status in the response; an empty one when it was lost twice, or is given up."""
        while self._under_way is not None:
            status = await self._under_way.wait()
            if "Status" in status:
                self._destination.count_answer()
                return status
            await self.begin()
        self._destination.count_loss()
        return no_answer()

    async def _begin_on(self, channel: _Channel | None) -> None:
        while self._attempts_left and self._under_way is None:
            self._attempts_left -= 1
            association = None if channel is None else await self._destination.opened(channel)
            if channel is None or channel.is_refused:
                await self._refuse()
            if association is None:
                return
            with suppress(AssociationError):  # lost before anything was sent
                self._under_way = await self._send_on(association)

    async def _send_on(self, association: Association) -> StoreUnderWay:
        if self._ready is None or association is not self._ready_for:
            if self._ready is not None and self._has_left:
                self._ready = association.adapt_c_store(self._ready)
            else:
                self._ready = await association.prepare_c_store(self._what, self._transfer_syntax)
            self._ready_for = association
        under_way = await association.begin_c_store(self._ready, **self._operation)
        self._has_left = True
        return under_way

    async def _refuse(self) -> None:
        """Raise what there is against an object for which no presentation context is accepted."""
        if self._ready is not None and self._has_left:
            self._ready.on(outgoing.NO_CONTEXTS)
        performer = self._destination.performer
        means = outgoing.Means(outgoing.NO_CONTEXTS, performer.ae.buffer_pool, performer.ae.transcoding)
        await performer.apart(outgoing.prepare, self._what, self._transfer_syntax, means)
