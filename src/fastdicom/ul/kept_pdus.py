"""The A-ASSOCIATE PDUs that the same peers send again and again: taken apart once, put together once.

What is kept of a PDU never changes and is found by its exact bytes; whoever asks for the PDU gets one of
their own. One with a user's identity is not kept: that is forgotten with its association.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast

from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    Item,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)
from fastdicom.ul.kept import Kept
from fastdicom.ul.pdu import (
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    PDU,
    decode_pdu,
)

__all__ = ["EncodedPDU", "KeptPDU", "decode_received", "is_to_be_kept"]

AssociatePDU = TypeVar("AssociatePDU", A_ASSOCIATE_RQ, A_ASSOCIATE_AC)

# The sub-items with nothing secret, and with nothing in them that could be changed in place.
KEPT_SUB_ITEMS = frozenset(
    {
        AsynchronousOperationsWindowNegotiation,
        ImplementationClassUIDNotification,
        ImplementationVersionNameNotification,
        MaximumLengthNotification,
        SCP_SCU_RoleSelectionNegotiation,
        SOPClassExtendedNegotiation,
    }
)


class EncodedPDU(PDU):
    """A PDU that has been encoded before.

    Parameters
    ----------
    encoded
        All of it.
    """

    __slots__ = ("_encoded",)

    def __init__(self, encoded: bytes) -> None:
        self._encoded = encoded

    def encode(self) -> bytes:
        """Return the whole PDU."""
        return self._encoded


class KeptPDU(EncodedPDU, Generic[AssociatePDU]):
    """What never changes of an A-ASSOCIATE PDU, to make any number of the same from.

    Parameters
    ----------
    pdu
        One that is to be kept (`is_to_be_kept`).
    encoded
        Its bytes.
    """

    __slots__ = ("_contexts", "_items", "_kind", "_others", "_titles")

    def __init__(self, pdu: AssociatePDU, encoded: bytes) -> None:
        super().__init__(encoded)
        self._kind: Any = type(pdu)
        self._titles = pdu.called_ae_title, pdu.calling_ae_title
        self._contexts: tuple[Item, ...] = tuple(pdu.presentation_context)
        self._items = [(type(item), _values(item)) for item in pdu.user_information]
        self._others = pdu.application_context_name, pdu.protocol_version

    def pdu(self) -> AssociatePDU:
        """Return the PDU, as one that belongs to the caller; its `encoded` is set."""
        items = [kind(*values) for kind, values in self._items]
        pdu: AssociatePDU = self._kind(*self._titles, list(self._contexts), items, *self._others)
        pdu.encoded = self._encoded
        return pdu


def _values(item: Item) -> tuple[Any, ...]:
    return tuple(getattr(item, each.name) for each in fields(cast(Any, item)))


def is_to_be_kept(pdu: A_ASSOCIATE_RQ | A_ASSOCIATE_AC) -> bool:
    """Whether a PDU has nothing that must be forgotten, and nothing that two of the same would share."""
    return all(type(item) in KEPT_SUB_ITEMS for item in pdu.user_information)


_KEPT: Kept[bytes, KeptPDU[Any]] = Kept()

# PS3.8 9.3.6, 9.3.7: nothing in them may differ.
_CONSTANT: Mapping[bytes, PDU] = MappingProxyType(
    {pdu.encode(): pdu for pdu in (A_RELEASE_RQ(), A_RELEASE_RP())}
)
_ASSOCIATE = (A_ASSOCIATE_RQ.pdu_type, A_ASSOCIATE_AC.pdu_type)


def decode_received(data: bytes) -> PDU:
    """Decode a whole PDU of any type, as `decode_pdu` does.

    Returns
    -------
    PDU
        An A-ASSOCIATE PDU that is kept has its `encoded` set.

    Raises
    ------
    ProtocolError
        If the type is unknown, a length does not fit, or a value is not allowed.
    """
    if not data or data[0] not in _ASSOCIATE:
        return _CONSTANT.get(data) or decode_pdu(data)
    kept = _KEPT.get(data)
    if kept is None:
        pdu = cast(Any, decode_pdu(data))
        if not is_to_be_kept(pdu):
            return cast(PDU, pdu)
        kept = KeptPDU(pdu, data)
        _KEPT.keep(data, kept, len(data))
    return cast(PDU, kept.pdu())
