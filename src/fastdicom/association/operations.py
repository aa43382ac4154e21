"""The DIMSE operations that this side invokes: requests go out, their responses are awaited (PS3.7 9).

Operations of one association are done one after the other. A response is matched by its Message ID; what
else comes meanwhile is a request of the peer, and is served.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastdicom._core.command import CommandSet, encode_command
from fastdicom._core.pdata import Message, MessageWriter, Signal
from fastdicom.association import outgoing
from fastdicom.dimse.messages import C_ECHO_RQ, C_STORE_RQ, HAS_DATA_SET, NO_DATA_SET
from fastdicom.dimse.results import StatusDataset, no_answer, status_dataset
from fastdicom.net.connection import Connection
from fastdicom.sop_class import Verification

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity
    from fastdicom.ul.provider import Indication

LOGGER = logging.getLogger("fastdicom.association")

VERIFICATION_UID = str(Verification)

# A Message ID is two bytes (PS3.7 E.1); 0 is left out, as some peers take it for none.
MESSAGE_ID_LIMIT = 0xFFFF


class Operations(ABC):
    """What an association needs to be an SCU."""

    ae: ApplicationEntity
    _is_established: bool

    def __init__(self) -> None:
        self._operation_lock = threading.RLock()
        self._is_operating = False
        self._observes_messages = False
        self._last_message_id = 0
        self._verification_context: int | None = None
        self._peer_maximum_length = 0
        # (abstract syntax, transfer syntax) to the presentation context that we may be SCU on
        self._outgoing_contexts: dict[tuple[str, str], int] = {}

    def send_c_echo(self, msg_id: int | None = None) -> StatusDataset:
        """Send a C-ECHO request and wait for the response (PS3.7 9.1.5).

        Parameters
        ----------
        msg_id
            The Message ID, 1 to 65535; chosen when None.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When the Verification SOP Class was not accepted.
        """
        with self._operation_lock:
            self._check_established()
            if self._verification_context is None:
                raise ValueError(
                    f"no accepted presentation context for Verification SOP Class ({Verification})"
                )
            message_id = self._message_id(msg_id)
            elements = {
                0x0002: VERIFICATION_UID,
                0x0100: C_ECHO_RQ,
                0x0110: message_id,
                0x0800: NO_DATA_SET,
            }
            return self._operate(self._verification_context, message_id, elements, None)

    def send_c_store(
        self,
        dataset: Any,
        msg_id: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> StatusDataset:
        """Send an object with C-STORE and wait for the response (PS3.7 9.1.1).

        Parameters
        ----------
        dataset
            The path of a DICOM file, which goes out as its bytes are; a pydicom Dataset, which is
            encoded; or any buffer with an encoded data set.
        msg_id
            The Message ID, 1 to 65535; chosen when None.
        priority
            0 medium, 1 high, 2 low.
        originator_aet, originator_id
            The AE title and the Message ID of the C-MOVE that this is done for, if any.
        transfer_syntax
            The transfer syntax of an encoded data set. Not needed for a buffer with a whole DICOM file.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        OSError
            When a file cannot be read.
        AttributeError
            When a Dataset lacks its SOP class, instance or transfer syntax.
        ValueError
            When it is no DICOM object, or fits no accepted presentation context. Nothing was sent.
        """
        with self._operation_lock:
            self._check_established()
            contexts = self._outgoing_contexts
            prepared = outgoing.prepare(dataset, transfer_syntax, contexts, self.ae.buffer_pool)
            message_id = self._message_id(msg_id)
            elements = {
                0x0002: prepared.sop_class_uid,
                0x0100: C_STORE_RQ,
                0x0110: message_id,
                0x0700: priority,
                0x0800: HAS_DATA_SET,
                0x1000: prepared.sop_instance_uid,
                0x1030: originator_aet,
                0x1031: originator_id,
            }
            return self._operate(prepared.context_id, message_id, elements, prepared.data_set)

    def _message_id(self, wanted: int | None) -> int:
        if wanted is not None:
            if not 1 <= wanted <= MESSAGE_ID_LIMIT:
                raise ValueError(f"msg_id is {wanted}; 1 to {MESSAGE_ID_LIMIT} are allowed")
            return wanted
        self._last_message_id = self._last_message_id % MESSAGE_ID_LIMIT + 1
        return self._last_message_id

    def _operate(
        self, context_id: int, message_id: int, elements: dict[int, Any], data_set: Sequence[Any] | None
    ) -> StatusDataset:
        """Send a request and return the status in its response."""
        command = encode_command(elements)
        self._is_operating = True
        try:
            if not self._send(context_id, command, data_set):
                self._settle()
                return no_answer()
            response = self._await_response(context_id, elements[0x0100], message_id)
        finally:
            self._is_operating = False
        return no_answer() if response is None else status_dataset(response)

    def _send(self, context_id: int, command: bytes, data_set: Sequence[Any] | None) -> bool:
        message = MessageWriter(context_id, command, data_set, self._peer_maximum_length)
        if not self._connected.send(message):
            return False
        if self._observes_messages:
            self._tell_sent(command, context_id)
        return True

    def _await_response(self, context_id: int, command_field: int, message_id: int) -> CommandSet | None:
        """Wait for the response to a request; None when the association ended instead."""
        while True:
            happening = self._connected.receive()
            if isinstance(happening, Message):
                response = happening.command
                if happening.context_id == context_id and response.answers(command_field, message_id):
                    if self._observes_messages:
                        self._tell_received(happening)
                    return response
                self.serve(happening)
            elif happening is Signal.TIMED_OUT:
                LOGGER.error("no response within dimse_timeout, %s s: aborting", self.ae.dimse_timeout)
                self.abort()
            elif not self.digest(happening):
                return None
            if not self._is_established:
                self._settle()
                return None

    # What the association does for its operations.

    @property
    @abstractmethod
    def _connected(self) -> Connection:
        """The connection."""

    @abstractmethod
    def _check_established(self) -> None:
        """Raise what ended the association, if something did."""

    @abstractmethod
    def _tell_sent(self, command: bytes, context_id: int) -> None:
        """Tell of a message that has been sent."""

    @abstractmethod
    def _tell_received(self, message: Message) -> None:
        """Tell of a message that has come."""

    @abstractmethod
    def _settle(self) -> None:
        """Wait until the connection is closed."""

    @abstractmethod
    def serve(self, message: Message) -> None:
        """Answer a request of the peer."""

    @abstractmethod
    def digest(self, happening: Indication | Signal) -> bool:
        """Take note of something that is no message; False when the connection is closed."""

    @abstractmethod
    def abort(self) -> None:
        """Abort the association."""
