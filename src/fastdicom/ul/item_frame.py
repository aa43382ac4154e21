"""What all items of the A-ASSOCIATE PDUs share: a header around a content, and how many there may be.

PS3.8 9.3.1: an item is a type, a reserved byte, the length of the content in two bytes, the content. What
the content means is in `fastdicom.ul.items`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct
from typing import Any, ClassVar, Self, cast

from fastdicom.errors import AbortReason, ProtocolError
from fastdicom.ul.fields import encode_counted

__all__ = ["ANY_NUMBER", "ConstantItem", "Item", "missing", "only_one", "required_one", "split_items"]

ANY_NUMBER = 1 << 16  # of items in an item: no more have room in it

# Of a ConstantItem: a presentation context with a dozen transfer syntaxes is shorter.
KEPT_LENGTH = 512
KEPT_ITEMS = 1024

_HEADER = Struct(">BxH")  # PS3.8 9.3.1: type, reserved, length of the content


def split_items(data: memoryview, thing: str, limits: Mapping[int, int]) -> list[tuple[int, memoryview]]:
    """Split the items that `data`, a part of `thing`, consists of: the type of each and all its bytes.

    `limits` has the types that may be there and how many of each; one more is an error, as soon as it is
    seen. Items of other types are skipped and cost nothing (PS3.8 9.3.1).
    """
    items = []
    counts = dict.fromkeys(limits, 0)
    start = 0
    while start < len(data):
        item_type, end = _look_at_item(data, start, thing)
        if item_type in limits:
            counts[item_type] += 1
            if counts[item_type] > limits[item_type]:
                raise ProtocolError(
                    f"{thing} has {counts[item_type]} items of type {item_type:02X}H or more; "
                    f"limit {limits[item_type]}",
                    AbortReason.UNEXPECTED_PARAMETER,
                )
            items.append((item_type, data[start:end]))
        start = end
    return items


def _look_at_item(data: memoryview, start: int, thing: str) -> tuple[int, int]:
    """Return the type of the item that starts at `start`, and where it ends."""
    remaining = len(data) - start
    if remaining < _HEADER.size:
        raise ProtocolError(
            f"{thing}: item header is {_HEADER.size} bytes long; only {remaining} are left",
            AbortReason.INVALID_PARAMETER_VALUE,
        )
    item_type, content_length = _HEADER.unpack_from(data, start)
    remaining -= _HEADER.size
    if content_length > remaining:
        raise ProtocolError(
            f"{thing}: item {item_type:02X}H is {content_length} bytes long; only {remaining} are left",
            AbortReason.INVALID_PARAMETER_VALUE,
        )
    return item_type, start + _HEADER.size + content_length


class Item:
    """What all items share: a type, a reserved byte, the length of the content in two bytes, the content."""

    __slots__ = ()
    item_type: ClassVar[int]

    def _content(self) -> bytes:
        raise NotImplementedError

    @classmethod
    def _from_content(cls, content: memoryview) -> Self:
        raise NotImplementedError

    def encode(self) -> bytes:
        """Encode the whole item.

        Raises
        ------
        ValueError
            If a value is missing or cannot be sent.
        """
        return bytes((self.item_type, 0)) + encode_counted(self._content(), f"{self.item_type:02X}H item")

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Decode the whole item, which must be all of `data`.

        Raises
        ------
        ProtocolError
            If it is of another type or a length does not fit.
        """
        view = memoryview(data)
        item_type, end = _look_at_item(view, 0, "item")
        if item_type != cls.item_type:
            raise ProtocolError(
                f"item is of type {item_type:02X}H; {cls.item_type:02X}H was expected",
                AbortReason.UNEXPECTED_PARAMETER,
            )
        if end != len(view):
            raise ProtocolError(
                f"item {item_type:02X}H is {end} bytes long; {len(view)} were given for it",
                AbortReason.INVALID_PARAMETER_VALUE,
            )
        return cls._from_content(view[_HEADER.size :])


class ConstantItem(Item):
    """An item that never changes.

    The same few come with every association of a peer, so they are not encoded or decoded each time. What is
    kept is bounded, by number and by length: a peer chooses what it sends.
    """

    __slots__ = ()

    def encode(self) -> bytes:
        """Encode the whole item, as `Item.encode` does."""
        return _encode_once(self)

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Decode the whole item, as `Item.decode` does."""
        if len(data) > KEPT_LENGTH:
            return super().decode(data)
        return cast(Self, _decode_once(cast(Any, cls), bytes(data)))


@lru_cache(maxsize=KEPT_ITEMS)
def _encode_once(item: ConstantItem) -> bytes:
    return Item.encode(item)


@lru_cache(maxsize=KEPT_ITEMS)
def _decode_once(cls: type[ConstantItem], data: bytes) -> Item:
    return super(ConstantItem, cls).decode(data)


def only_one(items: list[tuple[int, memoryview]], item_type: int) -> memoryview | None:
    """Return the item of `item_type`, of which `split_items` let in one; None if there is none."""
    return next((item for each, item in items if each == item_type), None)


def required_one(items: list[tuple[int, memoryview]], item_type: int, thing: str) -> memoryview:
    """Return the item of `item_type`; none is an error."""
    item = only_one(items, item_type)
    if item is None:
        raise missing(item_type, thing)
    return item


def missing(item_type: int, thing: str) -> ProtocolError:
    """Make the error for an item that is mandatory and not there."""
    return ProtocolError(
        f"{thing} has no item of type {item_type:02X}H; 1 is required", AbortReason.INVALID_PARAMETER_VALUE
    )
