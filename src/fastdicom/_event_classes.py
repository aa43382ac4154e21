"""What handlers get to see of an event: one class for each kind of request. `events` shows them to users.

Nothing is decoded before it is asked for.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag

from fastdicom import part10
from fastdicom.data_sets import decode_dataset
from fastdicom.dimse.requests import (
    C_ECHO,
    C_FIND,
    C_GET,
    C_MOVE,
    C_STORE,
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    Request,
)
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.presentation import PresentationContextTuple

if TYPE_CHECKING:
    from fastdicom._core.pdata import Message

__all__ = [
    "EchoEvent",
    "Event",
    "EventType",
    "FindEvent",
    "GetEvent",
    "MoveEvent",
    "NActionEvent",
    "NCreateEvent",
    "NDeleteEvent",
    "NEventReportEvent",
    "NGetEvent",
    "NSetEvent",
    "Place",
    "RequestEvent",
    "StoreEvent",
    "StoreHeaderEvent",
]


class Place(Enum):
    """Where an object may be kept, for handlers of EVT_C_STORE_HEADER."""

    MEMORY = "memory"


class EventType(NamedTuple):
    """A kind of event."""

    name: str
    description: str
    is_intervention: bool = False
    is_notification: bool = True

    def __str__(self) -> str:
        return self.name


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

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has sent a C-CANCEL for this; only C-FIND, C-GET and C-MOVE know it."""
        return False

    @cached_property
    def request(self) -> Request:
        """The request primitive: the command set by keyword."""
        return self.primitive(self._message)

    def _decode(self, encoded: memoryview) -> Dataset:
        return decode_dataset(encoded, self.context.transfer_syntax) if encoded else Dataset()


class EchoEvent(RequestEvent):
    """A C-ECHO request."""

    primitive = C_ECHO


class DataSetEvent(RequestEvent):
    """A request with a data set in memory."""

    @cached_property
    def encoded(self) -> EncodedDataset:
        """The data set as it came, not decoded and not copied; empty when there is none."""
        return EncodedDataset(self._message.data_set or b"", self.context.transfer_syntax)

    @cached_property
    def _decoded(self) -> Dataset:
        return self._decode(memoryview(self._message.data_set or b""))


class QueryEvent(DataSetEvent):
    """A request with an identifier, which the peer may cancel."""

    @property
    def identifier(self) -> Dataset:
        """The identifier, decoded when first asked for; its elements when they are.

        Raises
        ------
        ValueError
            When it is deflated, and inflates to too much.
        """
        return self._decoded

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has asked to cancel this operation (PS3.7 9.3.2.3), as of now."""
        return self.assoc.is_cancelled(self._message)  # type: ignore[no-any-return]


class FindEvent(QueryEvent):
    """A C-FIND request."""

    primitive = C_FIND


class GetEvent(QueryEvent):
    """A C-GET request.

    Its handler is asked for the next object while the last one is under way: sent, and not answered yet.
    """

    primitive = C_GET


class MoveEvent(QueryEvent):
    """A C-MOVE request.

    Its handler is asked for the next object while the last one is under way: sent, and not answered yet.
    """

    primitive = C_MOVE

    @property
    def move_destination(self) -> str:
        """The AE title that the objects are to be sent to, without padding."""
        return self._message.command[0x0600].strip(" ")  # type: ignore[no-any-return]


class NActionEvent(DataSetEvent):
    """An N-ACTION request."""

    primitive = N_ACTION

    @property
    def action_information(self) -> Dataset:
        """What the action needs to know, decoded when first asked for; empty when there is none."""
        return self._decoded

    @property
    def action_type(self) -> int:
        """The (0000,1008) Action Type ID."""
        return self._message.command[0x1008]  # type: ignore[no-any-return]


class NCreateEvent(DataSetEvent):
    """An N-CREATE request."""

    primitive = N_CREATE

    @property
    def attribute_list(self) -> Dataset:
        """The attributes of the new instance, decoded when first asked for; empty when there are none."""
        return self._decoded


class NDeleteEvent(RequestEvent):
    """An N-DELETE request."""

    primitive = N_DELETE


class NEventReportEvent(DataSetEvent):
    """An N-EVENT-REPORT request."""

    primitive = N_EVENT_REPORT

    @property
    def event_information(self) -> Dataset:
        """What is reported, decoded when first asked for; empty when there is nothing."""
        return self._decoded

    @property
    def event_type(self) -> int:
        """The (0000,1002) Event Type ID."""
        return self._message.command[0x1002]  # type: ignore[no-any-return]


class NGetEvent(RequestEvent):
    """An N-GET request."""

    primitive = N_GET

    @property
    def attribute_identifiers(self) -> list[BaseTag]:
        """The tags of the attributes that are asked for; none of them means all (PS3.7 10.1.2.1.5)."""
        return self.request.AttributeIdentifierList or []


class NSetEvent(DataSetEvent):
    """An N-SET request."""

    primitive = N_SET

    @property
    def modification_list(self) -> Dataset:
        """The attributes to be set, decoded when first asked for; empty when there are none."""
        return self._decoded


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
    def encoded(self) -> EncodedDataset:
        """The object as it came, not decoded and not copied; one that went to a file is read from there.

        Raises
        ------
        OSError
            When its file cannot be read.
        EncodedDatasetError
            When a file of more than 4 MiB has no readable elements.
        """
        if self.dataset_path is None:
            return EncodedDataset(self._message.data_set or b"", self.context.transfer_syntax)
        return EncodedDataset.open(self.dataset_path)

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
        return self.encoded.to_pydicom()

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
            return b"".join((self._front(has_preamble=True), *self.encoded.buffers()))
        return self.encoded.to_bytes()


class StoreHeaderEvent(RequestEvent):
    """The first elements of an object have come; the rest of it may be on its way.

    Attributes
    ----------
    header : EncodedDataset
        The elements in front of `AE.header_end`.
    is_complete
        Whether all of those have come. Not when they are longer than 16 MiB or than `AE.memory_limit`, or are
        broken: to ask for one then may raise ValueError.
    """

    primitive = C_STORE
    header: EncodedDataset
    is_complete: bool
