"""C-FIND, C-GET and C-MOVE as SCU, and C-CANCEL: the operations with several responses (PS3.7 9.1)."""

from __future__ import annotations

from typing import Any

from pydicom.uid import UID

from fastdicom._core.command import encode_command
from fastdicom._core.exchange import Inquiry
from fastdicom.annexes.registry import carriers
from fastdicom.association.normalized import NormalizedRequests, encode_data_set
from fastdicom.association.responses import Responses
from fastdicom.checks import checked_ae_title
from fastdicom.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ, HAS_DATA_SET, NO_DATA_SET


class CompositeRequests(NormalizedRequests):
    """What an association needs to query and to retrieve."""

    __slots__ = ()

    def send_c_find(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-FIND request (PS3.7 9.1.2); its responses are what is returned.

        Parameters
        ----------
        dataset
            The identifier: a pydicom Dataset, or any buffer with one that is encoded in the transfer syntax
            of the presentation context.
        query_model
            The SOP class UID of the information model.
        msg_id
            The Message ID, 1 to 65535; chosen when None.
        priority
            0 medium, 1 high, 2 low.

        Returns
        -------
        Responses
            An iterator over ``(status, identifier)``; FF00H and FF01H bring a match, another status is the
            last. `cancel` asks the peer to stop; `close`, or leaving a ``with`` block, gives it up.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When the SOP class was not accepted, or the identifier cannot be encoded. Nothing was sent.
        """
        return self._inquire(C_FIND_RQ, dataset, query_model, msg_id, priority)

    def send_c_get(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-GET request (PS3.7 9.1.3); its responses are what is returned.

        The objects come as C-STORE requests on this association while the responses are iterated over: to
        the handler of EVT_C_STORE, or to `AE.store_directory`. Their storage SOP classes need a presentation
        context on which this side is SCP (`build_role` with `scp_role`).

        Parameters
        ----------
        dataset, query_model, msg_id, priority
            As for `send_c_find`.

        Returns
        -------
        Responses
            An iterator over ``(status, identifier)``; a status has the numbers of sub-operations, and the
            identifier of the last one (0008,0058) Failed SOP Instance UID List, if any failed.

        Raises
        ------
        RuntimeError, ValueError
            As for `send_c_find`.
        """
        return self._inquire(C_GET_RQ, dataset, query_model, msg_id, priority)

    def send_c_move(
        self, dataset: Any, move_aet: str, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-MOVE request (PS3.7 9.1.4); its responses are what is returned.

        Parameters
        ----------
        move_aet
            The AE title that the objects are to be sent to.
        dataset, query_model, msg_id, priority
            As for `send_c_find`.

        Returns
        -------
        Responses
            As for `send_c_get`.

        Raises
        ------
        RuntimeError, ValueError
            As for `send_c_find`; also when `move_aet` is no AE title.
        """
        destination = checked_ae_title(move_aet)
        return self._inquire(C_MOVE_RQ, dataset, query_model, msg_id, priority, destination)

    def send_c_cancel(
        self, msg_id: int, context_id: int | None = None, query_model: str | None = None
    ) -> None:
        """Ask the peer to cancel a C-FIND, C-GET or C-MOVE (PS3.7 9.3.2.3).

        `Responses.cancel` does it for one whose responses are at hand.

        Parameters
        ----------
        msg_id
            The Message ID of the operation, 0 to 65535.
        context_id
            The ID of its presentation context; not needed with `query_model`.
        query_model
            Its SOP class UID; not needed with `context_id`.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When neither is given, or such a context was not accepted.
        """
        self._check_established()
        if query_model is not None:
            context_id, _ = self._query_context(query_model, C_FIND_RQ)  # the one that several classes have
        elif context_id is None or context_id not in self._outgoing_contexts.values():
            raise ValueError(
                f"context_id is {context_id}, and no query_model is given: no presentation context for them"
            )
        self._cancel_at_peer(context_id, msg_id)

    def _inquire(
        self,
        command_field: int,
        dataset: Any,
        query_model: str,
        message_id: int | None,
        priority: int,
        destination: str | None = None,
    ) -> Responses:
        """Send a request that has several responses."""
        self._check_established()
        context_id, transfer_syntax = self._query_context(query_model, command_field)
        identifier = encode_data_set(dataset, transfer_syntax)
        inquiry = self._begin(context_id, command_field, message_id, Inquiry)
        elements = {
            0x0002: str(query_model),
            0x0100: command_field,
            0x0110: inquiry.message_id,
            0x0600: destination,
            0x0700: priority,
            0x0800: NO_DATA_SET if identifier is None else HAS_DATA_SET,
        }
        try:
            is_sent = self._send(context_id, encode_command(elements), identifier)
        except Exception:
            self._finish(inquiry)
            raise
        if not is_sent:
            self._settle()
        return Responses(self, inquiry, transfer_syntax)

    def _query_context(self, query_model: str, command_field: int) -> tuple[int, UID]:
        """Return ID and transfer syntax of the presentation context for an information model."""
        for model in carriers(query_model, command_field):
            for (abstract_syntax, transfer_syntax), context_id in self._outgoing_contexts.items():
                if abstract_syntax == model:
                    return context_id, UID(transfer_syntax)
        raise ValueError(f"no accepted presentation context for {UID(query_model).name} ({query_model})")
