"""C-FIND, C-GET and C-MOVE as SCU, and C-CANCEL: the operations with several responses (PS3.7 9.1).

What is here is the same for every driver; how the responses are asked for is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydicom.uid import UID

from fastdicom._core.exchange import Inquiry
from fastdicom.annexes.registry import carriers
from fastdicom.association.normalized import NormalizedOperations, encode_data_set
from fastdicom.dimse.messages import C_FIND_RQ, HAS_DATA_SET, NO_DATA_SET


class InquiryRequest(NamedTuple):
    """A request that has several responses.

    Attributes
    ----------
    context_id, transfer_syntax
        Its presentation context.
    elements
        Its command set.
    identifier
        Its data set in pieces; None when it is empty.
    """

    context_id: int
    transfer_syntax: UID
    elements: dict[int, Any]
    identifier: Sequence[Any] | None


class CompositeOperations(NormalizedOperations):
    """What an association needs to query and to retrieve."""

    __slots__ = ()

    async def _ask_to_cancel(self, message_id: int, context_id: int | None, query_model: str | None) -> None:
        """Ask the peer to cancel an operation."""
        self._check_established()
        if query_model is not None:
            context_id, _ = self._query_context(query_model, C_FIND_RQ)  # the one that several classes have
        elif context_id is None or context_id not in self._outgoing_contexts.values():
            raise ValueError(
                f"context_id is {context_id}, and no query_model is given: no presentation context for them"
            )
        await self._cancel_at_peer(context_id, message_id)

    def _inquiry(
        self,
        command_field: int,
        dataset: Any,
        query_model: str,
        message_id: int | None,
        priority: int,
        destination: str | None = None,
    ) -> InquiryRequest:
        """Return a request that has several responses."""
        self._check_established()
        context_id, transfer_syntax = self._query_context(query_model, command_field)
        identifier = encode_data_set(dataset, transfer_syntax)
        elements = {
            0x0002: str(query_model),
            0x0100: command_field,
            0x0110: message_id,
            0x0600: destination,
            0x0700: priority,
            0x0800: NO_DATA_SET if identifier is None else HAS_DATA_SET,
        }
        return InquiryRequest(context_id, transfer_syntax, elements, identifier)

    async def _inquire(self, request: InquiryRequest) -> Inquiry:
        """Send such a request."""
        inquiry: Inquiry = await self._request(
            request.context_id, request.elements, request.identifier, Inquiry
        )
        return inquiry

    def _query_context(self, query_model: str, command_field: int) -> tuple[int, UID]:
        """Return ID and transfer syntax of the presentation context for an information model."""
        for model in carriers(query_model, command_field):
            for (abstract_syntax, transfer_syntax), context_id in self._outgoing_contexts.items():
                if abstract_syntax == model:
                    return context_id, UID(transfer_syntax)
        raise ValueError(f"no accepted presentation context for {UID(query_model).name} ({query_model})")
