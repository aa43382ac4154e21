"""The items of a sequence, as a list: read where they stand, and edited so that only headers are made anew.

A sequence refers to the data set that it is in, and an item to its sequence; the other way there are weak
references only, but for what has been edited and not yet been encoded. So a data set is gone, and its buffer
free, when nobody refers to it. What was edited is encoded when the data set's buffers are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableSequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from weakref import ref

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastdicom._core.elements import Elements
from fastdicom.encoded.value_encoding import UNDEFINED_LENGTH, encode_header

if TYPE_CHECKING:
    from fastdicom.encoded.editing import Editable

ItemType = TypeVar("ItemType", bound="Editable")

_ITEM = 0xFFFEE000
# By is_big_endian.
_ITEM_DELIMITATION = (b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xff\xfe\xe0\x0d\0\0\0\0")
_UNDEFINED = b"\xff\xff\xff\xff"
HEADER_LENGTH = 8
DELIMITATION_LENGTH = 8


class Entry:
    """One item: where it stands, or what it has become, and the object for it if there is one.

    Attributes
    ----------
    begin, end
        Where its contents stand in the data of the sequence; `begin` is -1 when it does not stand there.
    pieces
        Its contents, once it has been edited or when it came from elsewhere.
    item
        A weak reference to the object, or None.
    edited
        The object, while it has edits that are not in `pieces` yet.
    """

    __slots__ = ("begin", "edited", "end", "item", "pieces")

    def __init__(self, begin: int, end: int) -> None:
        self.begin = begin
        self.end = end
        self.pieces: list[bytes | memoryview] | None = None
        self.item: ref[Any] | None = None
        self.edited: Any = None


class EncodedSequence(MutableSequence[ItemType], Generic[ItemType]):
    """The items of a sequence.

    Items are data sets. What is put in may be such an item (of any data set; it is copied), a pydicom
    `Dataset`, or a mapping of keys to values. An edit of the list, or of an item, is one of the data set.
    """

    __slots__ = (
        "__weakref__",
        "_bounds",
        "_data",
        "_entries",
        "_is_big_endian",
        "_is_delimited",
        "_is_implicit",
        "_owner",
        "_tag",
    )

    def __init__(self, owner: ItemType, tag: int, source: Elements | None) -> None:
        """Make the list of the items of `tag` of `source`, or an empty one; `owner` has it as an element."""
        self._owner = owner
        self._tag = tag
        self._entries: list[Entry] = []
        self._data: Any = b""
        self._is_implicit, self._is_big_endian = owner.is_implicit, owner.is_big_endian
        self._is_delimited = False
        self._bounds = (0, 0, 0)
        if source is not None:
            self._data = source.data
            self._is_implicit, self._is_big_endian = source.items_syntax(tag)
            self._entries = [Entry(begin, end) for begin, end in source.items_of(tag)]
            self._is_delimited = source.has_undefined_length(tag)
            header, value, length = source.offsets(tag)
            self._bounds = (header, value, value + length)

    @property
    def owner(self) -> ItemType:
        """The data set that the sequence is an element of."""
        return self._owner

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._entries)

    def __repr__(self) -> str:
        """Return the sequence with its items."""
        return f"[{', '.join(repr(item) for item in self)}]"

    @overload
    def __getitem__(self, index: int) -> ItemType: ...
    @overload
    def __getitem__(self, index: slice) -> list[ItemType]: ...
    def __getitem__(self, index: int | slice) -> ItemType | list[ItemType]:
        """Return an item, or a list of items."""
        if isinstance(index, slice):
            return [self._open(entry) for entry in self._entries[index]]
        return self._open(self._entries[index])

    def __iter__(self) -> Iterator[ItemType]:
        """Iterate over the items."""
        return (self._open(entry) for entry in tuple(self._entries))

    @overload
    def __setitem__(self, index: int, value: Any) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Any]) -> None: ...
    def __setitem__(self, index: int | slice, value: Any) -> None:
        """Replace an item, or several."""
        if isinstance(index, slice):
            self._entries[index] = [self._entry_of(each) for each in value]
        else:
            self._entries[index] = self._entry_of(value)
        self._has_changed()

    def __delitem__(self, index: int | slice) -> None:
        """Remove an item, or several."""
        del self._entries[index]
        self._has_changed()

    def insert(self, index: int, value: Any) -> None:
        """Insert an item.

        Parameters
        ----------
        index
            Before which item; as for lists.
        value
            An item, a pydicom `Dataset`, or a mapping.
        """
        self._entries.insert(index, self._entry_of(value))
        self._has_changed()

    def item_has_changed(self, entry: Entry, item: ItemType) -> None:
        """Note that an item has been edited: it is kept, and so is this, until it is encoded."""
        entry.edited = item
        self._has_changed()

    def _has_changed(self) -> None:
        self._owner.sequence_has_changed(self._tag, self)

    def _open(self, entry: Entry) -> ItemType:
        item: ItemType | None = entry.item() if entry.item is not None else None
        if item is None:
            data: Any = self._data
            begin, end = entry.begin, entry.end
            if entry.pieces is not None:
                data = b"".join(entry.pieces)
                begin, end = 0, len(data)
            item = self._owner.make_item(data, begin, end, self._is_implicit, self._is_big_endian)
            item.belongs_to(self, entry)
            entry.item = ref(item)
        return item

    def _entry_of(self, value: Any) -> Entry:
        """Make an entry of something that is put in."""
        entry = Entry(-1, -1)
        if isinstance(value, Dataset):
            entry.pieces = [self._encoded(value)]
        elif isinstance(value, Mapping):
            entry.pieces = []
            item = self._open(entry)
            for key, each in value.items():
                item[key] = each
        elif isinstance(value, Elements):
            if (value.is_implicit, value.is_big_endian) != (self._is_implicit, self._is_big_endian):
                raise ValueError("the item is encoded otherwise than the sequence: transcode it before")
            entry.pieces = _pieces_of(value)
        else:
            raise TypeError(f"an item is a data set or a mapping, not {type(value).__name__}")
        return entry

    def _encoded(self, dataset: Dataset) -> bytes:
        buffer = DicomBytesIO()
        buffer.is_implicit_VR, buffer.is_little_endian = self._is_implicit, not self._is_big_endian
        write_dataset(buffer, dataset, list(self._owner.encodings()))
        return buffer.getvalue()

    def encode_element(self) -> list[bytes | memoryview]:
        """Encode the whole element: header, items, and the delimitation item if it had one.

        What is untouched are slices of the data, as long as can be; lengths are kept undefined where they
        were, and made anew where they were not.
        """
        contents = self._contents()
        if self._is_delimited:
            view = memoryview(self._data).cast("B").toreadonly()
            header, value, end = self._bounds
            return [view[header:value], *contents, view[end : end + DELIMITATION_LENGTH]]
        length = sum(len(piece) for piece in contents)
        syntax = self._owner.is_implicit, self._owner.is_big_endian
        return [encode_header(self._tag, "SQ", length, *syntax), *contents]

    def _contents(self) -> list[bytes | memoryview]:
        """Encode the items, with their headers."""
        view = memoryview(self._data).cast("B").toreadonly()
        pieces: list[bytes | memoryview] = []
        begin = end = 0
        for entry in self._entries:
            if entry.edited is not None:
                entry.pieces, entry.edited = entry.edited.buffers(), None
            is_delimited = entry.begin >= 0 and view[entry.begin - 4 : entry.begin] == _UNDEFINED
            if entry.pieces is not None:
                if begin < end:
                    pieces.append(view[begin:end])
                    begin = end
                pieces += self._item_pieces(entry.pieces, is_delimited)
                continue
            if entry.begin - HEADER_LENGTH != end:
                if begin < end:
                    pieces.append(view[begin:end])
                begin = entry.begin - HEADER_LENGTH
            end = entry.end + (DELIMITATION_LENGTH if is_delimited else 0)
        if begin < end:
            pieces.append(view[begin:end])
        return pieces

    def _item_pieces(self, pieces: list[bytes | memoryview], is_delimited: bool) -> list[bytes | memoryview]:
        length = UNDEFINED_LENGTH if is_delimited else sum(len(piece) for piece in pieces)
        header = encode_header(_ITEM, "", length, True, self._is_big_endian)
        tail = [_ITEM_DELIMITATION[self._is_big_endian]] if is_delimited else []
        return [header, *pieces, *tail]


def _pieces_of(elements: Elements) -> list[bytes | memoryview]:
    """Return what an item holds, also of a data set that was deflated."""
    if elements.is_edited:
        return Elements.buffers(elements)
    Elements.tags(elements)  # which inflates it
    return [memoryview(elements.data).cast("B").toreadonly()[elements.begin : elements.end]]
