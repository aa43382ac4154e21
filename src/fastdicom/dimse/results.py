"""The status of an operation as the caller gets it: a pydicom Dataset, made in a microsecond.

Its elements are raw and decoded on touch, so that asking `status.Status == 0x0000` after each of a
million C-STOREs costs little more than nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from fastdicom._core.command import CommandSet

# What may accompany a status, PS3.7 Annex C: element to VR.
_TEXTS = {0x0902: "LO"}
_NUMBERS = {0x0903: "US", 0x1020: "US", 0x1021: "US", 0x1022: "US", 0x1023: "US"}
_STATUS_TAG = Tag(0x0000, 0x0900)
_OFFENDING_TAG = Tag(0x0000, 0x0901)


def _raw(tag: BaseTag, vr: str, value: bytes) -> RawDataElement:
    return RawDataElement(tag, vr, len(value), value, 0, True, True)


# Raw elements are immutable and may be shared by any number of Datasets.
_SUCCESS = _raw(_STATUS_TAG, "US", b"\0\0")


class StatusDataset(Dataset):
    """A Dataset with (0000,0900) Status; empty when there was no answer.

    What `Dataset.__init__` sets for every instance is here set once for all, or made when first asked for.
    """

    _parent_encoding = default_encoding
    is_decompressed = False
    is_undefined_length_sequence_item = False
    _read_little = None
    _read_implicit = None
    _read_charset = ""
    _is_little_endian = None
    _is_implicit_VR = None  # noqa: N815, pydicom's
    _pixel_array = None

    @cached_property
    def _private_blocks(self) -> dict[tuple[int, str], Any]:  # type: ignore[override]
        return {}

    @cached_property
    def _pixel_array_opts(self) -> dict[str, Any]:  # type: ignore[override]
        return {"use_pdh": False}

    @cached_property
    def _pixel_id(self) -> dict[str, int]:  # type: ignore[override]
        return {}

    @property
    def Status(self) -> int:  # noqa: N802, the keyword of PS3.6
        """The status; AttributeError when there was no answer."""
        element = self._dict.get(_STATUS_TAG)
        if element is _SUCCESS:
            return 0x0000
        if element is None:
            raise AttributeError("there is no Status: the association gave no answer")
        return int(self[_STATUS_TAG].value)

    @Status.setter
    def Status(self, value: int) -> None:  # noqa: N802
        self.add_new(_STATUS_TAG, "US", value)


def no_answer() -> StatusDataset:
    """Return the empty status of an operation that the peer did not answer."""
    return StatusDataset()


def status_dataset(command: CommandSet) -> StatusDataset:
    """Return the status in a response, with what explains it.

    Parameters
    ----------
    command
        The command set of the response.
    """
    status = command[0x0900]
    element = _SUCCESS if status == 0 else _raw(_STATUS_TAG, "US", status.to_bytes(2, "little"))
    elements: dict[BaseTag, RawDataElement] = {_STATUS_TAG: element}
    if status != 0:
        _explain(elements, command)
    result = StatusDataset.__new__(StatusDataset)
    result.__dict__["_dict"] = elements
    return result


def _explain(elements: dict[BaseTag, RawDataElement], command: CommandSet) -> None:
    for element, vr in _TEXTS.items():
        if element in command:
            tag = Tag(0x0000, element)
            elements[tag] = _raw(tag, vr, command[element].encode("latin-1"))
    for element, vr in _NUMBERS.items():
        if element in command:
            tag = Tag(0x0000, element)
            elements[tag] = _raw(tag, vr, command[element].to_bytes(2, "little"))
    if command.get(0x0901):
        tags = command[0x0901]
        value = b"".join((t >> 16).to_bytes(2, "little") + (t & 0xFFFF).to_bytes(2, "little") for t in tags)
        elements[_OFFENDING_TAG] = _raw(_OFFENDING_TAG, "AT", value)
