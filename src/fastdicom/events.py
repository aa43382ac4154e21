"""Events: what happens on an association, and what a handler gets to see of it.

Handlers of notification events are told; there may be any number for an event, and what they return is
ignored. The handler of an intervention event decides: there is one, and it returns what the event asks
for. Import this module as ``evt``.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset

from fastdicom import part10
from fastdicom.data_sets import decode_dataset
from fastdicom.dimse.messages import C_ECHO, C_STORE, Request
from fastdicom.presentation import PresentationContextTuple

if TYPE_CHECKING:
    from fastdicom._core.pdata import Message


class EventType(NamedTuple):
    """A kind of event."""

    name: str
    description: str
    is_intervention: bool = False
    is_notification: bool = True

    def __str__(self) -> str:
        return self.name


def _intervention(name: str, description: str) -> EventType:
    return EventType(name, description, is_intervention=True, is_notification=False)


EVT_ABORTED = EventType("EVT_ABORTED", "Association aborted")
EVT_ACCEPTED = EventType("EVT_ACCEPTED", "Association request accepted")
EVT_ACSE_RECV = EventType("EVT_ACSE_RECV", "Association control PDU received")
EVT_ACSE_SENT = EventType("EVT_ACSE_SENT", "Association control PDU sent")
EVT_CONN_CLOSE = EventType("EVT_CONN_CLOSE", "Connection closed")
EVT_CONN_OPEN = EventType("EVT_CONN_OPEN", "Connection opened")
EVT_DATA_RECV = EventType("EVT_DATA_RECV", "PDU received, as bytes")
EVT_DATA_SENT = EventType("EVT_DATA_SENT", "PDU sent, as bytes")
EVT_DIMSE_RECV = EventType("EVT_DIMSE_RECV", "DIMSE message received")
EVT_DIMSE_SENT = EventType("EVT_DIMSE_SENT", "DIMSE message sent")
EVT_ESTABLISHED = EventType("EVT_ESTABLISHED", "Association established")
EVT_FSM_TRANSITION = EventType("EVT_FSM_TRANSITION", "State machine transition")
EVT_PDU_RECV = EventType("EVT_PDU_RECV", "PDU received")
EVT_PDU_SENT = EventType("EVT_PDU_SENT", "PDU sent")
EVT_REJECTED = EventType("EVT_REJECTED", "Association request rejected")
EVT_RELEASED = EventType("EVT_RELEASED", "Association released")
EVT_REQUESTED = EventType("EVT_REQUESTED", "Association requested")

# While an association is accepted (PS3.7 D.3.3). What the event has, and what a handler returns:
#   EVT_ASYNC_OPS     nr_invoked, nr_performed                       (invoked, performed), 0 for no limit
#   EVT_SOP_COMMON    items: dict of UID and item                    those of them that are accepted
#   EVT_SOP_EXTENDED  app_info: dict of UID and bytes                dict of UID and bytes, or a named kind
#   EVT_USER_ID       user_id_type, primary_field, secondary_field   (is verified, bytes or None)
EVT_ASYNC_OPS = _intervention("EVT_ASYNC_OPS", "Asynchronous operations window proposed")
EVT_SOP_COMMON = _intervention("EVT_SOP_COMMON", "SOP class common extended negotiation proposed")
EVT_SOP_EXTENDED = _intervention("EVT_SOP_EXTENDED", "SOP class extended negotiation proposed")
EVT_USER_ID = _intervention("EVT_USER_ID", "User identity proposed")

EVT_C_ECHO = _intervention("EVT_C_ECHO", "C-ECHO request received")
EVT_C_STORE = _intervention("EVT_C_STORE", "C-STORE request received")

_NOTIFICATION_EVENTS = [
    event for event in list(globals().values()) if isinstance(event, EventType) and event.is_notification
]
_INTERVENTION_EVENTS = [
    event for event in list(globals().values()) if isinstance(event, EventType) and event.is_intervention
]

Handler: TypeAlias = Callable[..., Any]
EventHandler: TypeAlias = tuple[EventType, Handler] | tuple[EventType, Handler, Sequence[Any]]


class Event:
    """Something that has happened.

    Attributes
    ----------
    assoc
        The association that it happened on.
    event
        What kind it is.
    timestamp
        When: local time of the wall clock.
    """

    def __init__(self, assoc: Any, event: EventType, time: float, **attributes: Any) -> None:
        self.assoc = assoc
        self.event = event
        self._time = time
        self.__dict__.update(attributes)

    @property
    def timestamp(self) -> datetime:
        """When it happened: local time, without a time zone as everywhere in this convention."""
        return datetime.fromtimestamp(self._time)  # noqa: DTZ006

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class RequestEvent(Event):
    """A DIMSE request has come and is to be answered.

    Attributes
    ----------
    context
        The presentation context that it came on.
    message_id
        Its (0000,0110) Message ID.
    """

    primitive: type[Request] = Request

    def __init__(
        self, assoc: Any, event: EventType, time: float, message: Message, context: PresentationContextTuple
    ) -> None:
        self.assoc = assoc
        self.event = event
        self._time = time
        self._message = message
        self.context = context

    @property
    def message_id(self) -> int:
        """The (0000,0110) Message ID."""
        return self._message.command[0x0110]  # type: ignore[no-any-return]

    @cached_property
    def request(self) -> Request:
        """The request primitive: the command set by keyword."""
        return self.primitive(self._message)


class EchoEvent(RequestEvent):
    """A C-ECHO request."""

    primitive = C_ECHO


class StoreEvent(RequestEvent):
    """A C-STORE request, with the object that came.

    Attributes
    ----------
    dataset_path
        The file that the object was received into; None when it is in memory.
    """

    primitive = C_STORE

    def __init__(
        self,
        assoc: Any,
        event: EventType,
        time: float,
        message: Message,
        context: PresentationContextTuple,
        dataset_path: Path | None = None,
    ) -> None:
        super().__init__(assoc, event, time, message, context)
        self.dataset_path = dataset_path

    @cached_property
    def encoded(self) -> memoryview:
        """The data set as it came: a read-only view, nothing is copied.

        Of an object that went to a file, the file's pages.
        """
        if self.dataset_path is None:
            return memoryview(self._message.data_set or b"")
        with self.dataset_path.open("rb") as file:
            header, _ = part10.read_front(file.fileno(), str(self.dataset_path))
            if header.data_set_offset == header.file_length:
                return memoryview(b"")
            whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return whole[header.data_set_offset :]

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, decoded when first asked for; its elements when they are.

        Raises
        ------
        ValueError
            When it is deflated and inflates to more than 1 GiB, or to more than 64 MiB and 200 times its
            length. `encoded` has it as it came.
        """
        if self.dataset_path is not None and not self.context.transfer_syntax.is_deflated:
            return dcmread(self.dataset_path)
        return decode_dataset(self.encoded, self.context.transfer_syntax)

    def _front(self, *, has_preamble: bool) -> bytes:
        command = self._message.command
        return part10.encode_front(
            sop_class_uid=command.get(0x0002, ""),
            sop_instance_uid=command.get(0x1000, ""),
            transfer_syntax=self.context.transfer_syntax,
            implementation_class_uid=self.assoc.ae.implementation_class_uid,
            implementation_version_name=self.assoc.ae.implementation_version_name,
            source_ae_title=self.assoc.remote["ae_title"],
            has_preamble=has_preamble,
        )

    @property
    def file_meta(self) -> FileMetaDataset:
        """File Meta Information for a file that holds the data set (PS3.10 7.1)."""
        front = self._front(has_preamble=False)
        return FileMetaDataset(read_dataset(BytesIO(front), False, True))

    def encoded_dataset(self, include_meta: bool = True) -> bytes:
        """Return the data set as it came, as a copy.

        Parameters
        ----------
        include_meta
            Whether to put preamble, prefix and File Meta Information in front, which makes it the
            content of a DICOM file.
        """
        if include_meta:
            return b"".join((self._front(has_preamble=True), self.encoded))
        return bytes(self.encoded)
