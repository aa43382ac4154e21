"""A `pydicom.Dataset` of raw elements over an encoded data set: what pydicom's own reader makes, made faster.

Nothing is decoded before it is touched, and then pydicom does it, so that all its settings and callbacks
hold. Sequences are not looked into before that either, of whatever length. Long values are not copied before
they are touched; they keep the buffer alive until then.
"""

from __future__ import annotations

from mmap import mmap
from typing import TYPE_CHECKING, Any

from pydicom import config
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.values import convert_SQ

from fastdicom._core.elements import Elements
from fastdicom._core.raw_elements import raw_elements
from fastdicom.encoded.values import encodings_of
from fastdicom.errors import EncodedDatasetError

if TYPE_CHECKING:
    from collections.abc import MutableSequence

COPIED_AT_MOST = 16 << 10
"""The longest value that is copied when the Dataset is made, in bytes."""

_CHARACTER_SET = BaseTag(0x00080005)
_TEMPLATE = Dataset().__dict__


class LongRawElement(RawDataElement):
    """A raw element whose value is copied from the buffer when it is first asked for."""

    _read: bytes

    @property
    def value(self) -> bytes:
        """The value, as bytes.

        Raises
        ------
        EncodedDatasetError
            When it is in a mapped file that has been shortened.
        """
        try:
            return self._read
        except AttributeError:
            self._read = _copied(self[3], self.tag)
        return self._read

    def __reduce__(self) -> tuple[Any, ...]:
        return RawDataElement, (*self[:3], self.value, *self[4:])


def _copied(raw: Any, tag: int) -> bytes:
    """Copy a value; one in a file that is no longer as long as it was would end the program."""
    pages = getattr(raw, "obj", None)
    if type(pages) is mmap and pages.size() < len(pages):
        raise EncodedDatasetError(
            f"the value of {tag} is in a file that was shortened while it was mapped: "
            f"from {len(pages)} to {pages.size()} bytes",
            tag=int(tag),
        )
    return bytes(raw)


def to_pydicom(elements: Elements, parent_encoding: str | MutableSequence[str] = default_encoding) -> Dataset:
    """Return a Dataset as pydicom's reader would give it.

    Where a data set is not in the VR that it is said to be in, the Dataset has the one that was found.

    Parameters
    ----------
    elements
        The data set. What is edited later changes nothing here.
    parent_encoding
        Python's names of the character sets of the data set around this one, if it is an item.

    Raises
    ------
    EncodedDatasetError
        When the data set is broken.
    """
    empty_text = None if config.use_none_as_empty_text_VR_value else b""
    rows: Any
    rows, unknown = raw_elements(elements, LongRawElement, COPIED_AT_MOST, empty_text)
    dataset: Dataset = Dataset.__new__(Dataset)
    character_set = rows.get(_CHARACTER_SET)
    encodings = parent_encoding if character_set is None else encodings_of(character_set.value or b"")
    for tag in unknown:
        rows[tag] = _sequence_in_unknown(rows[tag], encodings)
    dataset.__dict__.update(
        _TEMPLATE,
        _dict=rows,
        _parent_encoding=parent_encoding,
        _private_blocks={},
        _pixel_array_opts={"use_pdh": False},
        _pixel_id={},
        _read_implicit=elements.is_implicit,
        _read_little=not elements.is_big_endian,
        _read_charset=encodings,
    )
    return dataset


def _sequence_in_unknown(
    row: RawDataElement, encodings: str | MutableSequence[str]
) -> RawDataElement | DataElement:
    """Return a sequence that is encoded in UN (PS3.5 6.2.2).

    It is decoded at once: its items have an encoding of their own, and cannot be written as they are.
    """
    if not (config.settings.infer_sq_for_un_vr or config.replace_un_with_known_vr):
        return row
    names = [encodings] if isinstance(encodings, str) else list(encodings)
    tag, _, _, _, tell, is_implicit, is_little_endian, *_ = row
    try:
        items = convert_SQ(row.value or b"", is_implicit, is_little_endian, names, tell)
    except Exception as error:  # whatever it is: it depends on the bytes
        raise EncodedDatasetError(f"the sequence {tag} in VR UN: {error}", offset=tell, tag=tag) from error
    items.is_undefined_length = True
    return DataElement(tag, "SQ", items, tell, is_undefined_length=True)
