"""Request primitives: command set and data set under the names of PS3.7, as event handlers know them."""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar

from pydicom.config import IGNORE
from pydicom.tag import Tag
from pydicom.uid import UID

from fastdicom._core.pdata import Message
from fastdicom.dimse.messages import KEYWORDS, message_name


class Request:
    """A request primitive.

    Its attributes are the keywords of the elements that the request has; one that is absent is None. UIDs are
    `pydicom.uid.UID`, tags `pydicom.tag.BaseTag`. The data set, if the service has one, goes by its name in
    PS3.7: a new `BytesIO` with a copy of it, encoded; None when there is none.
    """

    _keywords: ClassVar[tuple[str, ...]] = ()
    _data_set: ClassVar[str | None] = None
    # What the primitive has in a response only, or both ways.
    _of_response: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: Message) -> None:
        self._message = message

    def __getattr__(self, keyword: str) -> Any:
        if keyword == self._data_set:
            data_set = self._message.data_set
            return None if data_set is None else BytesIO(data_set)
        if keyword in self._keywords:
            return _value_of(keyword, self._message.command.get(KEYWORDS[keyword]))
        if keyword in self._of_response:
            return None
        raise AttributeError(f"{type(self).__name__} has no {keyword}")

    @property
    def msg_type(self) -> str:
        """The name of the service, "C-STORE" for instance."""
        return message_name(self._message.command.command_field).removesuffix("-RQ")

    def __dir__(self) -> list[str]:
        data_set = () if self._data_set is None else (self._data_set,)
        return [*super().__dir__(), *self._keywords, *data_set, *self._of_response]

    def __repr__(self) -> str:
        values = ", ".join(f"{keyword}={getattr(self, keyword)!r}" for keyword in self._keywords)
        return f"{type(self).__name__}({values})"


def _value_of(keyword: str, value: Any) -> Any:
    if value is None:
        return None
    if keyword.endswith("UID"):
        # Unchecked: pydicom would remember, and print, a warning for each strange one that a peer sends.
        return UID(value, IGNORE)
    return [Tag(tag) for tag in value] if keyword == "AttributeIdentifierList" else value


_STATUS = ("MessageIDBeingRespondedTo", "Status", "ErrorComment")
_SUBOPERATIONS = (
    "NumberOfRemainingSuboperations",
    "NumberOfCompletedSuboperations",
    "NumberOfFailedSuboperations",
    "NumberOfWarningSuboperations",
)
_AFFECTED = ("AffectedSOPClassUID", "AffectedSOPInstanceUID")
_REQUESTED = ("RequestedSOPClassUID", "RequestedSOPInstanceUID")


class C_ECHO(Request):
    """The C-ECHO request primitive, PS3.7 9.1.5."""

    _keywords = ("MessageID", "AffectedSOPClassUID")
    _of_response = _STATUS


class C_STORE(Request):
    """The C-STORE request primitive, PS3.7 9.1.1. A data set that went to a file is None."""

    _keywords = (
        "MessageID",
        "AffectedSOPClassUID",
        "AffectedSOPInstanceUID",
        "Priority",
        "MoveOriginatorApplicationEntityTitle",
        "MoveOriginatorMessageID",
    )
    _data_set = "DataSet"
    _of_response = (*_STATUS, "OffendingElement")


class C_FIND(Request):
    """The C-FIND request primitive, PS3.7 9.1.2."""

    _keywords = ("MessageID", "AffectedSOPClassUID", "Priority")
    _data_set = "Identifier"
    _of_response = (*_STATUS, "OffendingElement")


class C_GET(Request):
    """The C-GET request primitive, PS3.7 9.1.3."""

    _keywords = ("MessageID", "AffectedSOPClassUID", "Priority")
    _data_set = "Identifier"
    _of_response = (*_STATUS, "OffendingElement", *_SUBOPERATIONS)


class C_MOVE(Request):
    """The C-MOVE request primitive, PS3.7 9.1.4."""

    _keywords = ("MessageID", "AffectedSOPClassUID", "Priority", "MoveDestination")
    _data_set = "Identifier"
    _of_response = (*_STATUS, "OffendingElement", *_SUBOPERATIONS)


class C_CANCEL(Request):
    """The C-CANCEL request primitive, PS3.7 9.3.2.3."""

    _keywords = ("MessageIDBeingRespondedTo",)


class N_EVENT_REPORT(Request):
    """The N-EVENT-REPORT request primitive, PS3.7 10.1.1."""

    _keywords = ("MessageID", *_AFFECTED, "EventTypeID")
    _data_set = "EventInformation"
    _of_response = (*_STATUS, "ErrorID", "EventReply")


class N_GET(Request):
    """The N-GET request primitive, PS3.7 10.1.2."""

    _keywords = ("MessageID", *_REQUESTED, "AttributeIdentifierList")
    _of_response = (*_STATUS, "ErrorID", *_AFFECTED, "AttributeList")


class N_SET(Request):
    """The N-SET request primitive, PS3.7 10.1.3."""

    _keywords = ("MessageID", *_REQUESTED)
    _data_set = "ModificationList"
    _of_response = (*_STATUS, "ErrorID", *_AFFECTED, "AttributeIdentifierList", "AttributeList")


class N_ACTION(Request):
    """The N-ACTION request primitive, PS3.7 10.1.4."""

    _keywords = ("MessageID", *_REQUESTED, "ActionTypeID")
    _data_set = "ActionInformation"
    _of_response = (*_STATUS, "ErrorID", *_AFFECTED, "ActionReply")


class N_CREATE(Request):
    """The N-CREATE request primitive, PS3.7 10.1.5."""

    _keywords = ("MessageID", *_AFFECTED)
    _data_set = "AttributeList"
    _of_response = (*_STATUS, "ErrorID")


class N_DELETE(Request):
    """The N-DELETE request primitive, PS3.7 10.1.6."""

    _keywords = ("MessageID", *_REQUESTED)
    _of_response = (*_STATUS, "ErrorID", *_AFFECTED)
