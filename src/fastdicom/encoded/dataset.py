"""`EncodedDataset`: a data set as it travels, and a mapping of its elements.

The bytes stay where they are. An index of the top level is made in one pass when something is first asked
for; a value is decoded when it is asked for, an item of a sequence is indexed when it is. Limits of depth, of
elements and of inflating hold for whatever the bytes are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from fastdicom._core.elements import Elements
from fastdicom._core.encode import encode
from fastdicom._core.plain_values import plain_value
from fastdicom.encoded.arrays import array_of
from fastdicom.encoded.deflated import deflate, inflate
from fastdicom.encoded.editing import Editable
from fastdicom.encoded.keys import KEYWORDS, name_of, parse_key
from fastdicom.encoded.opening import Contents, MappedFile, find_contents, read_file
from fastdicom.encoded.pydicom_dataset import to_pydicom
from fastdicom.encoded.representation import represent
from fastdicom.encoded.resolving import DECIDED, decode_element, vr_of
from fastdicom.encoded.syntax import SYNTAXES, syntax_of, syntax_of_dataset
from fastdicom.encoded.values import DEFAULT_ENCODINGS, decode_value
from fastdicom.errors import EncodedDatasetError

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset
    from typing_extensions import Buffer

MAXIMUM_DEPTH = 64
MAXIMUM_ELEMENTS = 1_000_000

_MISSING: Any = object()
_element = Elements.element

# VRs whose texts are in the character sets of the data set (PS3.5 6.1.2.3).
_TEXTS = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])


class EncodedDataset(Editable):
    """A data set in its transfer syntax, over any buffer: a mapping of its elements.

    A key is a tag, a keyword, a private element by its creator, or a path into sequences; see
    `fastdicom.encoded.keys.parse_key`. A value is what pydicom would give for the same bytes; a sequence is
    a list of data sets. What is changed is spliced in; see `fastdicom.encoded.editing.Editable`.

    Parameters
    ----------
    data
        The buffer that holds the encoded data set. It is not copied, and must not be changed meanwhile.
    transfer_syntax
        The UID of its transfer syntax.
    begin, end
        Where the data set lies in the buffer, in bytes; -1 is the end of the buffer.
    stop_tag
        The first element with this tag, or a higher one, ends the index: it is not found, and neither it nor
        anything behind it is looked at. A tag, or any key that is one.
    maximum_depth
        How deep sequences may nest.
    maximum_elements
        How many elements, items and fragments may be passed in making an index.

    Attributes
    ----------
    transfer_syntax
        As given.

    Raises
    ------
    ValueError
        When the UID is none of a transfer syntax. What is wrong with the data set itself is an
        `EncodedDatasetError`, raised when something is first asked for.
    """

    _is_deflated = False
    _file: MappedFile | None = None
    _contents: Contents | None = None

    def __init__(
        self,
        data: Buffer,
        transfer_syntax: str,
        *,
        begin: int = 0,
        end: int = -1,
        stop_tag: Any = None,
        maximum_depth: int = MAXIMUM_DEPTH,
        maximum_elements: int = MAXIMUM_ELEMENTS,
    ) -> None:
        syntax = syntax_of(transfer_syntax)
        self.transfer_syntax = syntax.uid
        if syntax.is_deflated:
            self._is_deflated = True
        super().__init__(
            data,
            syntax.is_implicit,
            syntax.is_big_endian,
            begin=begin,
            end=end,
            stop_tag=0 if stop_tag is None else _tag_of(stop_tag),
            maximum_depth=maximum_depth,
            maximum_elements=maximum_elements,
            inflate=inflate if syntax.is_deflated else None,
        )

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | Buffer,
        *,
        stop_tag: Any = None,
        maximum_depth: int = MAXIMUM_DEPTH,
        maximum_elements: int = MAXIMUM_ELEMENTS,
    ) -> EncodedDataset:
        """Open a DICOM file (PS3.10 7.1), with or without preamble and File Meta Information.

        Parameters
        ----------
        source
            Its path, or a buffer with all of it. A file of more than 4 MiB is mapped, not read.
        stop_tag, maximum_depth, maximum_elements
            As for the class.

        Raises
        ------
        OSError
            When it cannot be read.
        EncodedDatasetError
            When it is no DICOM file, or its File Meta Information is broken; when the data set of a mapped
            file is, as it is indexed at once.
        """
        content: Any = source
        name = "the buffer"
        if isinstance(source, str | os.PathLike):
            name = os.fspath(source)
            content = read_file(source)
        file = content if isinstance(content, MappedFile) else None
        data = content if file is None else file.pages
        contents = find_contents(data, name)
        dataset = (cls if file is None else MappedDataset)(
            data,
            contents.transfer_syntax,
            begin=contents.data_set_offset,
            stop_tag=stop_tag,
            maximum_depth=maximum_depth,
            maximum_elements=maximum_elements,
        )
        dataset._file = file
        dataset._contents = contents
        if file is not None and not dataset._is_deflated:
            len(dataset)  # the index is made of pages that are there
        return dataset

    @classmethod
    def from_pydicom(cls, dataset: Dataset, transfer_syntax: str | None = None) -> EncodedDataset:
        """Encode a pydicom Dataset.

        Parameters
        ----------
        dataset
            The Dataset. Its group 0002 and File Meta Information are left out.
        transfer_syntax
            The UID of an uncompressed transfer syntax, or of the one that compressed pixel data is in. None
            takes the one of the Dataset's File Meta Information, or else the encoding it was read in.

        Raises
        ------
        ValueError
            When an element cannot be encoded; the message names tag and value. When nothing says which
            transfer syntax to take.
        """
        syntax = syntax_of(transfer_syntax or syntax_of_dataset(dataset))
        encoded = encode(dataset, syntax.is_implicit, syntax.is_big_endian)
        return cls(deflate([encoded]) if syntax.is_deflated else encoded, syntax.uid)

    def to_pydicom(self) -> Dataset:
        """Return a pydicom Dataset of the elements as they are now; each is decoded when it is touched.

        Raises
        ------
        EncodedDatasetError
            When the data set is broken.
        """
        dataset = to_pydicom(self)
        meta = self.file_meta
        if meta is not None:
            dataset.file_meta = FileMetaDataset(to_pydicom(meta))
        return dataset

    def transcode(self, transfer_syntax: str) -> EncodedDataset:
        """Return the data set in another transfer syntax; see `fastdicom.encoded.transcoding.transcode`.

        Parameters
        ----------
        transfer_syntax
            The UID of an uncompressed or deflated transfer syntax.

        Raises
        ------
        EncodedDatasetError
            When the data set is broken, or its pixel data cannot be decoded.
        ValueError
            When it would have to be compressed.
        """
        from fastdicom.encoded.transcoding import transcode

        return transcode(self, transfer_syntax)

    @property
    def file_meta(self) -> EncodedDataset | None:
        """The File Meta Information, group 0002, of a data set that was opened; None when there is none."""
        contents = self._contents
        if contents is None or contents.meta_offset == contents.data_set_offset:
            return None
        return EncodedDataset(
            contents.data,
            ImplicitVRLittleEndian if contents.is_meta_implicit else ExplicitVRLittleEndian,
            begin=contents.meta_offset,
            end=contents.data_set_offset,
        )

    def close(self) -> None:
        """Let go of the buffer, or the file. What was taken out of it stays as long as it is referred to.

        The data set is empty then.
        """
        self.release()
        self._file = self._contents = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the mapping ---

    def __getitem__(self, key: Any) -> Any:
        tag = KEYWORDS.get(key) if type(key) is str else None
        if tag is not None:
            return self._value(tag, _MISSING)
        dataset, tag = self._locate(key)
        return dataset if tag is None else dataset._value(tag, _MISSING)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of an element, or an item.

        Parameters
        ----------
        key
            As for ``dataset[key]``.
        default
            What to return when it is not there.

        Raises
        ------
        ValueError
            When the key is none.
        """
        tag = KEYWORDS.get(key) if type(key) is str else None
        if tag is not None:
            return self._value(tag, default)
        try:
            return self[key]
        except LookupError:
            return default

    def pop(self, key: Any, *default: Any) -> Any:
        """Delete an element, or an item, and return its value; without one, `default` if that is given."""
        if default and key not in self:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def __contains__(self, key: Any) -> bool:
        tag = KEYWORDS.get(key) if type(key) is str else None
        if tag is not None:
            return super().__contains__(tag)
        try:
            dataset, tag = self._locate(key)
        except LookupError:
            return False
        return tag is None or Elements.__contains__(dataset, tag)

    def __iter__(self) -> Iterator[BaseTag]:
        return map(BaseTag, self.tags())

    def keys(self) -> list[BaseTag]:
        """Return the tags of all elements of this level, ascending."""
        return list(self)

    def values(self) -> Iterator[Any]:
        """Iterate over the values of all elements of this level, in the order of their tags."""
        return (self._value(tag, _MISSING) for tag in self.tags())

    def items(self) -> Iterator[tuple[BaseTag, Any]]:
        """Iterate over all elements of this level, as tag and value."""
        return ((BaseTag(tag), self._value(tag, _MISSING)) for tag in self.tags())

    def vr(self, key: Any) -> str:
        """Return the VR of an element, as pydicom decides it when the encoding leaves it open.

        Raises
        ------
        KeyError
            When there is no such element.
        """
        dataset, tag = self.locate(key)
        return vr_of(dataset, tag, tuple(dataset.around()))

    def raw(self, key: Any) -> memoryview:
        """Return the value of an element as it is encoded. Nothing is copied.

        The value of undefined length is what stands in front of its delimitation item.

        Raises
        ------
        KeyError
            When there is no such element.
        """
        dataset, tag = self.locate(key)
        return Elements.raw(dataset, tag)

    def array(self, key: Any) -> np.ndarray[Any, Any]:
        """Return the numbers of an element as a numpy array over the buffer. Nothing is copied.

        Parameters
        ----------
        key
            An element of VR AT (with a row of group and element a tag), FD, FL, OB, OD, OF, OL, OV, OW, SL,
            SS, SV, UL, UN, US or UV.

        Returns
        -------
        array
            In the byte order of the data set, read-only unless the buffer can be written, of one dimension.

        Raises
        ------
        KeyError
            When there is no such element.
        TypeError
            When its VR is another.
        ValueError
            When it is encapsulated, or its length is not one of whole numbers.
        """
        dataset, tag = self.locate(key)
        if dataset.is_encapsulated(tag):
            raise ValueError(f"{name_of(tag)} is encapsulated: it has fragments, no numbers")
        return array_of(dataset.vr(tag), dataset.raw(tag), dataset.is_big_endian)

    def fragments(self, key: Any) -> list[memoryview]:
        """Return the fragments of encapsulated pixel data, the basic offset table first (PS3.5 A.4).

        Raises
        ------
        KeyError
            When there is no such element.
        EncodedDatasetError
            When it is not encapsulated.
        """
        dataset, tag = self.locate(key)
        view = memoryview(dataset.source(tag).data).cast("B").toreadonly()
        return [view[begin:end] for begin, end in dataset.fragments_of(tag)]

    def __repr__(self) -> str:
        return represent(self)

    # --- what it is made of ---

    def _locate(self, key: Any) -> tuple[EncodedDataset, int | None]:
        """Find what a key means: an element, or the item that is returned with None."""
        parsed = parse_key(key)
        if isinstance(parsed, int):
            return self, parsed
        holder = self._item_at(parsed)
        return holder, None if parsed.last is None else holder.tag_of(parsed.last)

    def _value(self, tag: int, default: Any) -> Any:
        """Return the value of an element of this level."""
        value = plain_value(self, tag)
        if value is not NotImplemented and value is not None:
            return value
        found = None if value is None else _element(self, tag)
        if found is None:
            if default is _MISSING:
                raise KeyError(name_of(tag))
            return default
        vr, raw = found
        if vr in DECIDED:
            encodings = self.encodings() if vr in _TEXTS else DEFAULT_ENCODINGS
            return decode_value(vr, raw, is_big_endian=self.is_big_endian, encodings=encodings, tag=tag)
        return decode_element(self, tag, self.encodings(), self.sequence, tuple(self.around()))

    def make_item(
        self, data: Any, begin: int, end: int, is_implicit: bool, is_big_endian: bool
    ) -> EncodedDataset:
        """Make an item of this data set, which is encoded in a part of `data`."""
        if self.maximum_depth == 0:
            limit = len(list(self.around()))
            raise EncodedDatasetError(f"sequences nest {limit + 1} deep; the limit is {limit}", offset=begin)
        item = type(self).__new__(type(self))
        Elements.__init__(
            item,
            data,
            is_implicit,
            is_big_endian,
            begin=begin,
            end=end,
            is_item=True,
            maximum_depth=self.maximum_depth - 1,
            maximum_elements=self.maximum_elements,
        )
        is_alike = (is_implicit, is_big_endian) == (self.is_implicit, self.is_big_endian)
        item.transfer_syntax = self.transfer_syntax if is_alike else SYNTAXES[is_implicit, is_big_endian]
        item._file = self._file
        return item

    def buffers(self) -> list[bytes | memoryview]:
        """Return what is to be sent or written, as a list of bytes-like objects.

        Between edits stand slices of the data, as long as can be. A deflated data set without edits is what
        it was; with edits it is deflated anew.
        """
        pieces = super().buffers()
        return [deflate(pieces)] if self._is_deflated and self.is_edited else pieces


class MappedDataset(EncodedDataset):
    """A data set in a file whose pages are read when they are looked at.

    Whatever reads them asks first whether the file is still as long as it was.
    """

    _file: MappedFile

    def _value(self, tag: int, default: Any) -> Any:
        self._file.check()
        return super()._value(tag, default)

    def vr(self, key: Any) -> str:
        """Do as any data set does."""
        self._file.check()
        return super().vr(key)

    def raw(self, key: Any) -> memoryview:
        """Do as any data set does."""
        self._file.check()
        return super().raw(key)

    def fragments(self, key: Any) -> list[memoryview]:
        """Do as any data set does."""
        self._file.check()
        return super().fragments(key)

    def sequence(self, tag: int) -> Any:
        """Do as any data set does."""
        self._file.check()
        return super().sequence(tag)

    def make_item(
        self, data: Any, begin: int, end: int, is_implicit: bool, is_big_endian: bool
    ) -> EncodedDataset:
        """Do as any data set does."""
        self._file.check()
        return super().make_item(data, begin, end, is_implicit, is_big_endian)

    def to_pydicom(self) -> Dataset:
        """Do as any data set does."""
        self._file.check()
        return super().to_pydicom()

    def buffers(self) -> list[bytes | memoryview]:
        """Do as any data set does."""
        self._file.check()
        return super().buffers()


def _tag_of(key: Any) -> int:
    """Return the tag that a key of one level means."""
    tag = parse_key(key)
    if not isinstance(tag, int):
        raise ValueError(f"{key!r} is no tag")
    return tag
