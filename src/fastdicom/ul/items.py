"""The items and sub-items of the A-ASSOCIATE PDUs, each a small class: PS3.8 9.3.2 and 9.3.3, PS3.7 D.3.3.

Every class encodes itself whole, header included, and decodes itself from the same bytes. What a peer
sent is decoded leniently as to text and strictly as to lengths; what is encoded must be right. The
negotiation items of PS3.7 D.3.3 can be created empty and filled afterwards, as programs written for
pynetdicom do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from pydicom.uid import UID

from fastdicom.errors import AbortReason, ProtocolError
from fastdicom.ul.fields import (
    Reader,
    decode_text,
    decode_uid,
    encode_counted,
    encode_number,
    encode_text,
    encode_uid,
)
from fastdicom.ul.item_frame import (
    ANY_NUMBER,
    ConstantItem,
    Item,
    missing,
    only_one,
    required_one,
    split_items,
)

__all__ = [
    "APPLICATION_CONTEXT_NAME",
    "SUB_ITEMS",
    "AbstractSyntaxItem",
    "ApplicationContextItem",
    "AsynchronousOperationsWindowNegotiation",
    "ImplementationClassUIDNotification",
    "ImplementationVersionNameNotification",
    "Item",
    "MaximumLengthNotification",
    "PresentationContextItemAC",
    "PresentationContextItemRQ",
    "SCP_SCU_RoleSelectionNegotiation",
    "SOPClassCommonExtendedNegotiation",
    "SOPClassExtendedNegotiation",
    "TransferSyntaxItem",
    "UserIdentityNegotiation",
    "UserIdentityResponse",
    "UserInformationItem",
]

APPLICATION_CONTEXT_NAME = UID("1.2.840.10008.3.1.1.1")  # PS3.7 A.2.1


@dataclass(slots=True, frozen=True)
class UIDItem(ConstantItem):
    """An item whose content is one UID."""

    uid: str

    def _content(self) -> bytes:
        return encode_uid(self.uid, f"UID of {self.item_type:02X}H item")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        return cls(decode_uid(content))


@dataclass(slots=True, frozen=True)
class ApplicationContextItem(UIDItem):
    """Application Context item, PS3.8 Table 9-12."""

    item_type = 0x10


@dataclass(slots=True, frozen=True)
class AbstractSyntaxItem(UIDItem):
    """Abstract Syntax sub-item, PS3.8 Table 9-14."""

    item_type = 0x30


@dataclass(slots=True, frozen=True)
class TransferSyntaxItem(UIDItem):
    """Transfer Syntax sub-item, PS3.8 Tables 9-15 and 9-19."""

    item_type = 0x40


def encode_context_id(context_id: int) -> bytes:
    """Write a presentation context ID."""
    if not 1 <= context_id <= 255 or not context_id & 1:
        raise ValueError(f"presentation context ID is {context_id}; odd numbers from 1 to 255 are allowed")
    return bytes((context_id,))


def decode_context_id(reader: Reader) -> int:
    """Read a presentation context ID."""
    context_id = reader.take_number(1, "presentation context ID")
    if not context_id & 1:  # PS3.8 Table 9-13: odd integers between 1 and 255
        raise ProtocolError(
            f"presentation context ID is {context_id}; odd numbers from 1 to 255 are allowed",
            AbortReason.INVALID_PARAMETER_VALUE,
        )
    return context_id


@dataclass(slots=True, frozen=True)
class PresentationContextItemRQ(ConstantItem):
    """Presentation Context item of an A-ASSOCIATE-RQ, PS3.8 Table 9-13."""

    item_type = 0x20

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]

    def _content(self) -> bytes:
        if not self.transfer_syntaxes:
            raise ValueError(f"presentation context {self.context_id} has no transfer syntax; it needs 1")
        return b"".join(
            (
                encode_context_id(self.context_id),
                bytes(3),
                AbstractSyntaxItem(self.abstract_syntax).encode(),
                *(TransferSyntaxItem(uid).encode() for uid in self.transfer_syntaxes),
            )
        )

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "Presentation Context item")
        context_id = decode_context_id(reader)
        reader.take(3, "reserved bytes")
        thing = f"presentation context {context_id}"
        items = split_items(reader.take_rest(), thing, {0x30: 1, 0x40: ANY_NUMBER})
        abstract_syntax = AbstractSyntaxItem.decode(required_one(items, 0x30, thing)).uid
        transfer_syntaxes = [TransferSyntaxItem.decode(item).uid for each, item in items if each == 0x40]
        if not transfer_syntaxes:
            raise missing(0x40, thing)
        return cls(context_id, abstract_syntax, tuple(transfer_syntaxes))


@dataclass(slots=True, frozen=True)
class PresentationContextItemAC(ConstantItem):
    """Presentation Context item of an A-ASSOCIATE-AC, PS3.8 Table 9-18.

    `transfer_syntax` is None where the item has none; it means nothing unless `result` is 0.
    """

    item_type = 0x21

    context_id: int
    result: int
    transfer_syntax: str | None

    def _content(self) -> bytes:
        if not 0 <= self.result <= 4:
            raise ValueError(f"result of presentation context {self.context_id} is {self.result}; limit 4")
        transfer_syntax = b""
        if self.transfer_syntax is not None or self.result == 0:
            transfer_syntax = TransferSyntaxItem(self.transfer_syntax or "").encode()
        return encode_context_id(self.context_id) + bytes((0, self.result, 0)) + transfer_syntax

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "Presentation Context item")
        context_id = decode_context_id(reader)
        reader.take(1, "reserved byte")
        result = reader.take_number(1, "result")
        reader.take(1, "reserved byte")
        thing = f"presentation context {context_id}"
        # PS3.8 9.3.3.2: the sub-item is not significant, and may be missing, unless the context is accepted
        item = only_one(split_items(reader.take_rest(), thing, {0x40: 1}), 0x40)
        transfer_syntax = None if item is None else TransferSyntaxItem.decode(item).uid
        if result == 0 and not transfer_syntax:
            raise missing(0x40, thing)
        return cls(context_id, result, transfer_syntax or None)


@dataclass(slots=True)
class MaximumLengthNotification(Item):
    """Maximum Length sub-item, PS3.8 D.1: how long the P-DATA-TF PDUs sent to us may be; 0 is unlimited."""

    item_type = 0x51

    maximum_length_received: int = 16382

    def _content(self) -> bytes:
        return encode_number(self.maximum_length_received, 4, "maximum length")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "Maximum Length sub-item")
        item = cls(reader.take_number(4, "maximum length"))
        reader.finish()
        return item


@dataclass(slots=True)
class ImplementationClassUIDNotification(Item):
    """Implementation Class UID sub-item, PS3.7 D.3.3.2."""

    item_type = 0x52

    implementation_class_uid: str | None = None

    def _content(self) -> bytes:
        return encode_uid(self.implementation_class_uid, "implementation class UID")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        return cls(decode_uid(content))


@dataclass(slots=True)
class AsynchronousOperationsWindowNegotiation(Item):
    """Asynchronous Operations Window sub-item, PS3.7 D.3.3.3: outstanding operations; 0 is unlimited."""

    item_type = 0x53

    maximum_number_operations_invoked: int = 1
    maximum_number_operations_performed: int = 1

    def _content(self) -> bytes:
        invoked = encode_number(self.maximum_number_operations_invoked, 2, "operations invoked")
        return invoked + encode_number(self.maximum_number_operations_performed, 2, "operations performed")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "Asynchronous Operations Window sub-item")
        item = cls(reader.take_number(2, "operations invoked"), reader.take_number(2, "operations performed"))
        reader.finish()
        return item


@dataclass(slots=True)
class SCP_SCU_RoleSelectionNegotiation(Item):
    """SCP/SCU Role Selection sub-item, PS3.7 D.3.3.4: the requestor's roles for one SOP class."""

    item_type = 0x54

    sop_class_uid: str | None = None
    scu_role: bool | None = None
    scp_role: bool | None = None

    def _content(self) -> bytes:
        uid = encode_uid(self.sop_class_uid, "SOP class UID of role selection")
        return encode_counted(uid, "SOP class UID") + bytes((bool(self.scu_role), bool(self.scp_role)))

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "Role Selection sub-item")
        uid = decode_uid(reader.take_counted("SOP class UID"))
        item = cls(uid, bool(reader.take_number(1, "SCU role")), bool(reader.take_number(1, "SCP role")))
        reader.finish()
        return item


@dataclass(slots=True)
class ImplementationVersionNameNotification(Item):
    """Implementation Version Name sub-item, PS3.7 D.3.3.2."""

    item_type = 0x55

    implementation_version_name: str | None = None

    def _content(self) -> bytes:
        return encode_text(self.implementation_version_name or "", 16, "implementation version name")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        return cls(decode_text(content))


@dataclass(slots=True)
class SOPClassExtendedNegotiation(Item):
    """SOP Class Extended Negotiation sub-item, PS3.7 D.3.3.5; PS3.4 defines the information."""

    item_type = 0x56

    sop_class_uid: str | None = None
    service_class_application_information: bytes | None = None

    def _content(self) -> bytes:
        uid = encode_uid(self.sop_class_uid, "SOP class UID of extended negotiation")
        return encode_counted(uid, "SOP class UID") + (self.service_class_application_information or b"")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "SOP Class Extended Negotiation sub-item")
        return cls(decode_uid(reader.take_counted("SOP class UID")), bytes(reader.take_rest()))


@dataclass(slots=True)
class SOPClassCommonExtendedNegotiation(Item):
    """SOP Class Common Extended Negotiation sub-item, PS3.7 D.3.3.6; in an A-ASSOCIATE-RQ only."""

    item_type = 0x57

    sop_class_uid: str | None = None
    service_class_uid: str | None = None
    related_general_sop_class_identification: list[str] = field(default_factory=list)

    def _content(self) -> bytes:
        related = b"".join(
            encode_counted(encode_uid(uid, "related general SOP class UID"), "related general SOP class UID")
            for uid in self.related_general_sop_class_identification
        )
        return b"".join(
            (
                encode_counted(encode_uid(self.sop_class_uid, "SOP class UID"), "SOP class UID"),
                encode_counted(encode_uid(self.service_class_uid, "service class UID"), "service class UID"),
                encode_counted(related, "related general SOP class identification"),
            )
        )

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        thing = "SOP Class Common Extended Negotiation sub-item"
        reader = Reader(content, thing)
        sop_class_uid = decode_uid(reader.take_counted("SOP class UID"))
        service_class_uid = decode_uid(reader.take_counted("service class UID"))
        related = Reader(reader.take_counted("related general SOP class identification"), thing)
        # PS3.7 D.3.3.6.1: what a later version of the sub-item adds at its end is ignored
        uids: list[str] = []
        while related.remaining:
            uids.append(decode_uid(related.take_counted("related general SOP class UID")))
        return cls(sop_class_uid, service_class_uid, uids)


USER_NAME_TYPES = (1, 2)  # PS3.7 Table D.3-14: the primary field is a name; of other types, a secret


def concealed(value: bytes | None) -> str:
    """Return what may be shown of a secret: how long it is."""
    return "None" if value is None else f"<{len(value)} bytes>"


@dataclass(slots=True)
class UserIdentityNegotiation(Item):
    """User Identity sub-item of an A-ASSOCIATE-RQ, PS3.7 D.3.3.7.1.

    `user_identity_type` is 1 for a user name, 2 for a user name with a passcode, 3 for a Kerberos service
    ticket, 4 for a SAML assertion, 5 for a JSON web token. Passcodes, tickets and tokens are not shown by
    `repr`.
    """

    item_type = 0x58

    user_identity_type: int | None = None
    positive_response_requested: bool = False
    primary_field: bytes | None = None
    secondary_field: bytes | None = b""

    def __repr__(self) -> str:
        is_name = self.user_identity_type in USER_NAME_TYPES
        primary = repr(self.primary_field) if is_name else concealed(self.primary_field)
        return (
            f"UserIdentityNegotiation(user_identity_type={self.user_identity_type}, "
            f"positive_response_requested={self.positive_response_requested}, "
            f"primary_field={primary}, secondary_field={concealed(self.secondary_field)})"
        )

    def _content(self) -> bytes:
        if self.user_identity_type is None:
            raise ValueError("user identity type has not been set")
        return b"".join(
            (
                encode_number(self.user_identity_type, 1, "user identity type"),
                bytes((bool(self.positive_response_requested),)),
                encode_counted(self.primary_field or b"", "primary field of user identity"),
                encode_counted(self.secondary_field or b"", "secondary field of user identity"),
            )
        )

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "User Identity sub-item")
        item = cls(
            reader.take_number(1, "user identity type"),
            bool(reader.take_number(1, "positive response requested")),
            bytes(reader.take_counted("primary field")),
            bytes(reader.take_counted("secondary field")),
        )
        reader.finish()
        return item


@dataclass(slots=True)
class UserIdentityResponse(Item):
    """User Identity sub-item of an A-ASSOCIATE-AC, PS3.7 D.3.3.7.2; `repr` does not show what it says."""

    item_type = 0x59

    server_response: bytes = b""

    def __repr__(self) -> str:
        return f"UserIdentityResponse(server_response={concealed(self.server_response)})"

    def _content(self) -> bytes:
        return encode_counted(self.server_response, "server response")

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        reader = Reader(content, "User Identity sub-item")
        item = cls(bytes(reader.take_counted("server response")))
        reader.finish()
        return item


SUB_ITEMS: Mapping[int, type[Item]] = MappingProxyType(
    {
        cls.item_type: cls
        for cls in (
            MaximumLengthNotification,
            ImplementationClassUIDNotification,
            AsynchronousOperationsWindowNegotiation,
            SCP_SCU_RoleSelectionNegotiation,
            ImplementationVersionNameNotification,
            SOPClassExtendedNegotiation,
            SOPClassCommonExtendedNegotiation,
            UserIdentityNegotiation,
            UserIdentityResponse,
        )
    }
)


@dataclass(slots=True, frozen=True)
class UserInformationItem(Item):
    """User Information item, PS3.8 Table 9-16: the sub-items that this library knows, in their order."""

    item_type = 0x50

    sub_items: list[Item]

    def _content(self) -> bytes:
        return b"".join(item.encode() for item in self.sub_items)

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        sub_items = split_items(content, "User Information item", dict.fromkeys(SUB_ITEMS, ANY_NUMBER))
        return cls([SUB_ITEMS[item_type].decode(sub_item) for item_type, sub_item in sub_items])
