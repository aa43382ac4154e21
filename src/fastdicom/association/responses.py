"""The responses to one C-FIND, C-GET or C-MOVE, as an iterator (PS3.7 9.1.2 to 9.1.4).

The request has gone before there is one. Responses are received when they are asked for, or while something
else is waited for on the same association. Who wants no more of them has the peer cancel the operation.
What they say is read in the same way for every driver.
"""

from __future__ import annotations

from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydicom.dataset import Dataset
from pydicom.uid import UID

from fastdicom._core.exchange import Inquiry
from fastdicom._core.pdata import Message
from fastdicom.association.driving import drive
from fastdicom.data_sets import decode_dataset
from fastdicom.dimse.messages import C_FIND_RQ, PENDING
from fastdicom.dimse.results import no_answer, same_status, status_dataset
from fastdicom.log import get_logger

if TYPE_CHECKING:
    from fastdicom.association.requests import Requests

LOGGER = get_logger(__name__)


class Reading:
    """What one operation's responses say, one after the other, up to the final one.

    Parameters
    ----------
    association
        The association that the request has been sent on.
    inquiry
        The operation; None while there is none.
    transfer_syntax
        Of the identifiers.
    has_matches
        Whether a pending response has an identifier, and the last one has none: that is C-FIND.
    """

    __slots__ = (
        "_association",
        "_decodes",
        "_has_matches",
        "_inquiry",
        "_is_cancelled",
        "_last_command",
        "_last_status",
        "_transfer_syntax",
    )

    def __init__(
        self, association: Any, inquiry: Inquiry | None, transfer_syntax: UID, *, has_matches: bool
    ) -> None:
        self._inquiry = inquiry
        self._association = association
        self._transfer_syntax = transfer_syntax
        self._has_matches = has_matches
        self._decodes = True
        self._is_cancelled = False
        # The command sets of all matches of a C-FIND are the same, and so are their statuses.
        self._last_command = b""
        self._last_status = no_answer()

    def encoded(self) -> Self:
        """Have identifiers come as they are, from now on.

        Returns
        -------
        Responses
            This iterator, over ``(status, identifier)`` where an identifier is a read-only `memoryview` of
            the data set in the transfer syntax of the presentation context.
        """
        self._decodes = False
        return self

    async def _cancel(self) -> None:
        inquiry = self._inquiry
        if inquiry is None or inquiry.is_answered or self._is_cancelled:
            return
        self._is_cancelled = True
        await self._association._cancel_at_peer(inquiry.context_id, inquiry.message_id)

    async def _give_up(self) -> None:
        inquiry, self._inquiry = self._inquiry, None
        if inquiry is not None:
            await self._association._abandon(inquiry)

    def _read(self, message: Message | None, inquiry: Inquiry) -> tuple[Dataset, Any]:
        """Return status and identifier of a response; None when the association is gone."""
        if message is None:
            self._end(inquiry)
            return no_answer(), None
        command = message.command
        if command.encoded == self._last_command:
            return same_status(self._last_status), self._identifier(message) if self._has_matches else None
        status = status_dataset(command)
        if command.status in PENDING:
            self._last_command = command.encoded
            self._last_status = same_status(status)
            return status, self._identifier(message) if self._has_matches else None
        self._end(inquiry)
        return status, None if self._has_matches else self._identifier(message)

    def __del__(self) -> None:
        inquiry = self._inquiry
        if inquiry is not None:
            inquiry.is_abandoned = True
            self._association._abandon_later(inquiry)

    def _end(self, inquiry: Inquiry) -> None:
        self._inquiry = None
        self._association._finish(inquiry)

    def _identifier(self, message: Message) -> Dataset | memoryview | None:
        data_set = message.data_set
        if data_set is None:
            return None
        if not self._decodes:
            return memoryview(data_set)
        try:
            return decode_dataset(data_set, self._transfer_syntax)
        except Exception as error:  # whatever pydicom raises for bytes that are no data set
            fields = self._association.log_fields
            LOGGER.error("the identifier in a response cannot be decoded: %s", error, extra=fields)
            return None


class Responses(Reading):
    """An iterator over ``(status, identifier)``, up to the final response.

    `status` is a `pydicom.Dataset` with (0000,0900) Status and, where the peer counts them, the numbers of
    sub-operations; an empty one, the last, when the association is gone. `identifier` is a `pydicom.Dataset`,
    a match of a C-FIND or what a C-GET or C-MOVE ends with; None when there is none, or it cannot be decoded.
    Each response may take `AE.dimse_timeout`.

    It belongs to one thread at a time. Used as a context manager it is closed at the end; one that nobody has
    any more is closed, too.
    """

    __slots__ = ()

    def __init__(self, association: Requests, inquiry: Inquiry, transfer_syntax: UID) -> None:
        has_matches = inquiry.command_field == C_FIND_RQ
        super().__init__(association, inquiry, transfer_syntax, has_matches=has_matches)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Dataset, Any]:
        inquiry = self._inquiry
        if inquiry is None:
            raise StopIteration
        return self._read(inquiry.take() or self._receive(inquiry), inquiry)

    def cancel(self) -> None:
        """Ask the peer to cancel the operation (PS3.7 9.3.2.3); nothing happens when it is over.

        The responses that are still to come can be iterated over; the last one is FE00H as a rule.

        Raises
        ------
        RuntimeError
            When the association is not established.
        """
        drive(self._cancel())

    def close(self) -> None:
        """Have the peer cancel the operation, unless it is over, and give up what is still to come."""
        drive(self._give_up())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self, inquiry: Inquiry) -> Message | None:
        """Wait for a response; None when the association is gone."""
        inquiry.thread = get_ident()
        self._association._wait_for(inquiry)
        return inquiry.take()
