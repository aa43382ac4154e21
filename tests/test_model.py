"""The oracle itself, against pydicom and against bytes written by hand."""

from __future__ import annotations

from io import BytesIO

import model
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

ELEMENTS = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2",
    0x0100: 0x8001,
    0x0120: 7,
    0x0800: 0x0101,
    0x0900: 0xA700,
    0x0901: [0x00080018, 0x7FE00010],
    0x0902: "odd",
    0x1000: "1.2.3",
    0x1030: "AE",
}


def test_command_set_is_what_pydicom_reads():
    encoded = model.command_set(ELEMENTS)
    dataset = read_dataset(BytesIO(encoded), is_implicit_VR=True, is_little_endian=True)
    assert dataset[0x00000000].value == len(encoded) - 12
    assert {elem.tag.element: elem.value for elem in dataset if elem.tag.element} == ELEMENTS


def test_command_set_is_what_pydicom_writes():
    dataset = Dataset()
    for element, value in ELEMENTS.items():
        dataset.add_new(element, model.COMMAND_VR[element], value)
    file = DicomBytesIO()
    file.is_implicit_VR = file.is_little_endian = True
    write_dataset(file, dataset)
    assert model.command_set(ELEMENTS)[12:] == file.getvalue()


def test_command_set_there_and_back():
    read = model.read_command_set(model.command_set(ELEMENTS))
    assert read.pop(0) == len(model.command_set(ELEMENTS)) - 12
    assert read == ELEMENTS


def test_command_set_cut():
    encoded = model.command_set(ELEMENTS)
    ends = [12]
    while ends[-1] < len(encoded):
        ends.append(ends[-1] + 8 + int.from_bytes(encoded[ends[-1] + 4 : ends[-1] + 8], "little"))
    for length in set(range(1, len(encoded))) - set(ends):
        with pytest.raises(model.Malformed):
            model.read_command_set(encoded[:length])


def test_p_data_tf_by_hand():
    encoded = bytes.fromhex("04 00 0000000e 00000004 01 03 6162 00000002 03 00")
    assert model.read_p_data_tf(encoded) == [(1, 3, b"ab"), (3, 0, b"")]
    assert model.p_data_tf([(1, 3, b"ab"), (3, 0, b"")]) == encoded


@pytest.mark.parametrize("maximum_length", [0, 7, 8, 13, 100])
@pytest.mark.parametrize("data_set", [None, b"", b"x" * 50])
def test_message_there_and_back(maximum_length, data_set):
    command = model.command_set({0x0100: 1, 0x0110: 1, 0x0800: 0x0101 if data_set is None else 1})
    pdus = model.message(5, command, data_set, maximum_length)
    assert all(len(pdu) - 6 <= (maximum_length or 1000) for pdu in pdus)
    assert model.read_messages(pdus) == [(5, command, data_set)]
