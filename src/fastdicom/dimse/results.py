"""The status of an operation as the caller gets it: a pydicom Dataset, made in a microsecond.

Its elements are raw and decoded on touch, so that asking `status.Status == 0x0000` after each of a
million C-STOREs costs little more than nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from fastdicom._core.command import CommandSet
from fastdicom.dimse.messages import C_ECHO_RSP, C_STORE_RSP, N_CREATE_RSP, N_EVENT_REPORT_RSP

# What a caller gets of a response besides its status, PS3.7 Annex C and 9.3.3.2: element to VR.
_EXPLANATIONS = {
    0x0901: "AT",
    0x0902: "LO",
    0x0903: "US",
    0x1005: "AT",
    0x1020: "US",
    0x1021: "US",
    0x1022: "US",
    0x1023: "US",
}
# In some responses what they are about is more than an echo: the instance that was created, for one.
_EXPLANATIONS_OF = {
    N_EVENT_REPORT_RSP: {0x0002: "UI", **_EXPLANATIONS, 0x1000: "UI", 0x1002: "US"},
    N_CREATE_RSP: {**_EXPLANATIONS, 0x1000: "UI"},
}
# Nothing is looked for in a success of these: they are many, and have nothing.
_PLAIN = (C_STORE_RSP, C_ECHO_RSP)
_STATUS_TAG = Tag(0x0000, 0x0900)


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
        if isinstance(element, RawDataElement):
            return int.from_bytes(element.value or b"", "little")
        return int(element.value)

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
    if status != 0 or command.command_field not in _PLAIN:
        _explain(elements, command)
    result = StatusDataset.__new__(StatusDataset)
    result.__dict__["_dict"] = elements
    return result


def same_status(status: StatusDataset) -> StatusDataset:
    """Return another Dataset with what is in this one, which nobody has changed."""
    result = StatusDataset.__new__(StatusDataset)
    result.__dict__["_dict"] = dict(status._dict)
    return result


def _explain(elements: dict[BaseTag, RawDataElement], command: CommandSet) -> None:
    for element, vr in _EXPLANATIONS_OF.get(command.command_field, _EXPLANATIONS).items():
        value = command.get(element)
        if value is not None and value != []:  # a list of no tags says nothing
            tag = Tag(0x0000, element)
            elements[tag] = _raw(tag, vr, _ENCODERS[vr](value))


def _encode_tags(tags: list[int]) -> bytes:
    return b"".join((t >> 16).to_bytes(2, "little") + (t & 0xFFFF).to_bytes(2, "little") for t in tags)


def _encode_text(text: str) -> bytes:
    return text.encode("latin-1")


def _encode_number(number: int) -> bytes:
    return number.to_bytes(2, "little")


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "AT": _encode_tags,
    "LO": _encode_text,
    "UI": _encode_text,
    "US": _encode_number,
}
