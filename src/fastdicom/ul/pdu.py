"""The seven PDUs of PS3.8 9.3, whole: each encodes itself to bytes and decodes itself from them.

P-DATA-TF is here for observers and tests; the way of the data itself is in `fastdicom._core`. Items and
sub-items of unknown types are skipped (PS3.8 9.3.1), so what was decoded may encode to fewer bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Generic, NamedTuple, Self, TypeVar, cast

from fastdicom.errors import AbortReason, ProtocolError
from fastdicom.ul.fields import Reader, decode_text, encode_number
from fastdicom.ul.item_frame import Item, missing, required_one, split_items
from fastdicom.ul.items import (
    APPLICATION_CONTEXT_NAME,
    ApplicationContextItem,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    UserInformationItem,
)

__all__ = [
    "AE_TITLE_LENGTH",
    "A_ABORT_RQ",
    "A_ASSOCIATE_AC",
    "A_ASSOCIATE_RJ",
    "A_ASSOCIATE_RQ",
    "A_RELEASE_RP",
    "A_RELEASE_RQ",
    "PDU",
    "PDU_HEADER_LENGTH",
    "PDU_TYPES",
    "P_DATA_TF",
    "PresentationDataValue",
    "decode_pdu",
]

PDU_HEADER_LENGTH = 6
AE_TITLE_LENGTH = 16
MAXIMUM_CONTEXTS = 128  # PS3.8 9.3.2.2: the odd numbers from 1 to 255

ContextItem = TypeVar("ContextItem", PresentationContextItemRQ, PresentationContextItemAC)
AnyItem = TypeVar("AnyItem", bound=Item)


class PDU:
    """What all PDUs share: a type, a reserved byte, the length of the rest in four bytes, the rest."""

    __slots__ = ()
    pdu_type: ClassVar[int]

    def _body(self) -> bytes:
        raise NotImplementedError

    @classmethod
    def _from_body(cls, body: Reader) -> Self:
        raise NotImplementedError

    @property
    def pdu_length(self) -> int:
        """The length of the encoded PDU without its header, in bytes."""
        return len(self._body())

    def encode(self) -> bytes:
        """Encode the whole PDU.

        Raises
        ------
        ValueError
            If a value is missing or cannot be sent.
        """
        body = self._body()
        return bytes((self.pdu_type, 0)) + encode_number(len(body), 4, "PDU length") + body

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Decode the whole PDU, which must be all of `data`.

        Raises
        ------
        ProtocolError
            If it is of another type, a length does not fit, or a value is not allowed.
        """
        thing = cls.__name__.replace("_", "-")
        reader = Reader(data, thing)
        pdu_type = reader.take_number(1, "PDU type")
        if pdu_type != cls.pdu_type:
            raise ProtocolError(
                f"PDU is of type {pdu_type:02X}H; {cls.pdu_type:02X}H was expected",
                AbortReason.UNEXPECTED_PDU,
            )
        reader.take(1, "reserved byte")
        pdu_length = reader.take_number(4, "PDU length")
        body = Reader(reader.take(pdu_length, "PDU"), thing)
        reader.finish()
        pdu = cls._from_body(body)
        body.finish()
        return pdu


@dataclass(slots=True)
class _AssociatePDU(PDU, Generic[ContextItem]):
    """What A-ASSOCIATE-RQ and A-ASSOCIATE-AC share: all but the type of their presentation context items."""

    _context_item: ClassVar[type[Item]]

    called_ae_title: str
    calling_ae_title: str
    presentation_context: list[ContextItem] = field(default_factory=list)
    user_information: list[Item] = field(default_factory=list)
    application_context_name: str = APPLICATION_CONTEXT_NAME
    protocol_version: int = 1
    # The bytes that it was decoded from, or encoded to, where these are kept (`fastdicom.ul.kept_pdus`).
    encoded: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def _body(self) -> bytes:
        return b"".join(
            (
                encode_number(self.protocol_version, 2, "protocol version"),
                bytes(2),
                _encode_ae_title(self.called_ae_title, "called AE title"),
                _encode_ae_title(self.calling_ae_title, "calling AE title"),
                bytes(32),
                ApplicationContextItem(self.application_context_name).encode(),
                *(context.encode() for context in self.presentation_context),
                UserInformationItem(self.user_information).encode(),
            )
        )

    @classmethod
    def _from_body(cls, body: Reader) -> Self:
        protocol_version = body.take_number(2, "protocol version")
        body.take(2, "reserved bytes")
        called_ae_title = decode_text(body.take(AE_TITLE_LENGTH, "called AE title"))
        calling_ae_title = decode_text(body.take(AE_TITLE_LENGTH, "calling AE title"))
        body.take(32, "reserved bytes")
        thing = cls.__name__.replace("_", "-")
        context_item = cls._context_item
        items = split_items(
            body.take_rest(), thing, {0x10: 1, context_item.item_type: MAXIMUM_CONTEXTS, 0x50: 1}
        )
        application_context = ApplicationContextItem.decode(required_one(items, 0x10, thing))
        user_information = UserInformationItem.decode(required_one(items, 0x50, thing))
        contexts = [context_item.decode(item) for each, item in items if each == context_item.item_type]
        return cls(
            called_ae_title,
            calling_ae_title,
            _without_duplicates(cast(list[ContextItem], contexts), thing),
            user_information.sub_items,
            application_context.uid,
            protocol_version,
        )

    @property
    def sender(self) -> tuple[int, str | None, str | None]:
        """What the sender says of itself: the three that follow."""
        maximum_length, implementation_class_uid, implementation_version_name = 0, None, None
        for item in reversed(self.user_information):  # of each kind, the first one counts
            if isinstance(item, MaximumLengthNotification):
                maximum_length = item.maximum_length_received
            elif isinstance(item, ImplementationClassUIDNotification):
                implementation_class_uid = item.implementation_class_uid
            elif isinstance(item, ImplementationVersionNameNotification):
                implementation_version_name = item.implementation_version_name
        return maximum_length, implementation_class_uid, implementation_version_name

    @property
    def maximum_length(self) -> int:
        """How long P-DATA-TF PDUs to the sender of this may be; 0, also where absent, is no limit."""
        return self.sender[0]

    @property
    def implementation_class_uid(self) -> str | None:
        """The implementation class UID of the sender; None where absent."""
        return self.sender[1]

    @property
    def implementation_version_name(self) -> str | None:
        """The implementation version name of the sender; None where absent."""
        return self.sender[2]


def _encode_ae_title(value: str, name: str) -> bytes:
    """Write an AE title, padded; it may be empty, as an acceptor sends back what it got."""
    if len(value) > AE_TITLE_LENGTH:
        raise ValueError(f"{name} {value!r} has {len(value)} characters; limit {AE_TITLE_LENGTH}")
    return value.encode("latin-1").ljust(AE_TITLE_LENGTH)


def _without_duplicates(contexts: list[ContextItem], thing: str) -> list[ContextItem]:
    """Return `contexts`; an error if two have the same ID."""
    context_ids = set()
    for context in contexts:
        if context.context_id in context_ids:
            raise ProtocolError(
                f"{thing} has presentation context ID {context.context_id} twice; 1 is allowed",
                AbortReason.INVALID_PARAMETER_VALUE,
            )
        context_ids.add(context.context_id)
    return contexts


@dataclass(slots=True)
class A_ASSOCIATE_RQ(_AssociatePDU[PresentationContextItemRQ]):
    """A-ASSOCIATE-RQ, PS3.8 9.3.2.

    Attributes
    ----------
    called_ae_title, calling_ae_title : str
        As received but for padding at the end.
    presentation_context : list of PresentationContextItemRQ
        What is proposed.
    user_information : list of items
        The sub-items of the User Information item, see `fastdicom.ul.items`.
    application_context_name : str
        A UID; DICOM has one.
    protocol_version : int
        A bit for each version; version 1 is bit 0.
    """

    pdu_type = 0x01
    _context_item = PresentationContextItemRQ

    def _body(self) -> bytes:
        for name in ("called_ae_title", "calling_ae_title"):
            value = getattr(self, name)
            if not value.strip(" ") or not value.isascii():  # PS3.8 Table 9-11
                raise ValueError(f"{name} {value!r} must have ASCII characters, and not only spaces")
        if not self.presentation_context:
            raise ValueError("A-ASSOCIATE-RQ has no presentation context; it needs 1")
        return _AssociatePDU._body(self)

    @classmethod
    def _from_body(cls, body: Reader) -> Self:
        pdu = super(A_ASSOCIATE_RQ, cls)._from_body(body)
        if not pdu.presentation_context:
            raise missing(PresentationContextItemRQ.item_type, "A-ASSOCIATE-RQ")
        return pdu


@dataclass(slots=True)
class A_ASSOCIATE_AC(_AssociatePDU[PresentationContextItemAC]):
    """A-ASSOCIATE-AC, PS3.8 9.3.3; attributes as in `A_ASSOCIATE_RQ`.

    The AE titles are those of the A-ASSOCIATE-RQ and mean nothing (PS3.8 Table 9-17).
    """

    pdu_type = 0x02
    _context_item = PresentationContextItemAC


class _FourBytePDU(PDU):
    """What the PDUs of a fixed length of 4 share: a reserved byte, then three bytes, 0 where reserved."""

    __slots__ = ()

    def _values(self) -> tuple[int, int, int]:
        return (0, 0, 0)

    @classmethod
    def _from_values(cls, values: memoryview) -> Self:
        return cls()

    def _body(self) -> bytes:
        return b"\0" + b"".join(encode_number(value, 1, type(self).__name__) for value in self._values())

    @classmethod
    def _from_body(cls, body: Reader) -> Self:
        body.take(1, "reserved byte")
        return cls._from_values(body.take(3, "values"))


@dataclass(slots=True, frozen=True)
class A_ASSOCIATE_RJ(_FourBytePDU):
    """A-ASSOCIATE-RJ, PS3.8 9.3.4; `fastdicom.errors` has the meanings of the values."""

    pdu_type = 0x03

    result: int
    source: int
    reason_diagnostic: int

    def _values(self) -> tuple[int, int, int]:
        return (self.result, self.source, self.reason_diagnostic)

    @classmethod
    def _from_values(cls, values: memoryview) -> Self:
        return cls(*values)


class PresentationDataValue(NamedTuple):
    """A PDV, PS3.8 Table 9-23 and Annex E.2."""

    context_id: int
    message_control_header: int
    fragment: bytes

    @property
    def is_command(self) -> bool:
        """Whether the fragment is of a command set rather than of a data set."""
        return bool(self.message_control_header & 1)

    @property
    def is_last(self) -> bool:
        """Whether the fragment is the last of its command set or data set."""
        return bool(self.message_control_header & 2)


@dataclass(slots=True, frozen=True)
class P_DATA_TF(PDU):
    """P-DATA-TF, PS3.8 9.3.5."""

    pdu_type = 0x04

    presentation_data_values: list[PresentationDataValue]

    def _body(self) -> bytes:
        return b"".join(
            encode_number(len(fragment) + 2, 4, "PDV length")
            + encode_number(context_id, 1, "presentation context ID")
            + encode_number(header, 1, "message control header")
            + fragment
            for context_id, header, fragment in self.presentation_data_values
        )

    @classmethod
    def _from_body(cls, body: Reader) -> Self:
        values: list[PresentationDataValue] = []
        while body.remaining or not values:  # PS3.8 9.3.5: one or more
            pdv = Reader(body.take(body.take_number(4, "PDV length"), "PDV"), "PDV")
            context_id = pdv.take_number(1, "presentation context ID")
            header = pdv.take_number(1, "message control header")
            values.append(PresentationDataValue(context_id, header, bytes(pdv.take_rest())))
        return cls(values)


@dataclass(slots=True, frozen=True)
class A_RELEASE_RQ(_FourBytePDU):
    """A-RELEASE-RQ, PS3.8 9.3.6."""

    pdu_type = 0x05


@dataclass(slots=True, frozen=True)
class A_RELEASE_RP(_FourBytePDU):
    """A-RELEASE-RP, PS3.8 9.3.7."""

    pdu_type = 0x06


@dataclass(slots=True, frozen=True)
class A_ABORT_RQ(_FourBytePDU):
    """A-ABORT, PS3.8 9.3.8; `fastdicom.errors` has the meanings of the values."""

    pdu_type = 0x07

    source: int = 0
    reason_diagnostic: int = 0

    def _values(self) -> tuple[int, int, int]:
        return (0, self.source, self.reason_diagnostic)

    @classmethod
    def _from_values(cls, values: memoryview) -> Self:
        return cls(values[1], values[2])


PDU_TYPES: Mapping[int, type[PDU]] = MappingProxyType(
    {
        cls.pdu_type: cls
        for cls in (
            A_ASSOCIATE_RQ,
            A_ASSOCIATE_AC,
            A_ASSOCIATE_RJ,
            P_DATA_TF,
            A_RELEASE_RQ,
            A_RELEASE_RP,
            A_ABORT_RQ,
        )
    }
)


def decode_pdu(data: bytes | memoryview) -> PDU:
    """Decode a whole PDU of any type.

    Parameters
    ----------
    data
        The PDU with its header, and nothing else.

    Raises
    ------
    ProtocolError
        If the type is unknown, a length does not fit, or a value is not allowed.
    """
    pdu_type = Reader(data, "PDU").take_number(1, "PDU type")
    if pdu_type not in PDU_TYPES:
        raise ProtocolError(
            f"PDU is of type {pdu_type:02X}H; 01H to 07H are known", AbortReason.UNRECOGNIZED_PDU
        )
    return PDU_TYPES[pdu_type].decode(data)
