"""The scenarios without a network: one process a contestant, and each does the same work its own way.

Both have the encoded data sets in memory as bytes and know their transfer syntax, as a program that has
received them does; neither opens a file or looks for File Meta Information. Nothing is kept from one
operation to the next. pydicom reads with `read_dataset` and writes with `write_dataset`, the cheapest that it
offers for that. What an operation is:

- ``index``: all elements at the top level are found, and counted. Neither decodes a value.
- ``read-5``: that, and the values of five elements by keyword, or None, typed as pydicom types them.
- ``to-pydicom``: a pydicom Dataset is made whose values are decoded when they are touched, and none is. It
  includes the items of sequences of undefined length in pydicom, not in fastdicom, which makes them on touch.
- ``decode-all``: every value is decoded, those in sequences too, and put into a list.
- ``encode``: a Dataset whose values are all decoded, as an application makes it, is encoded in the transfer
  syntax that it had.
- ``edit-5``: five elements are set, by keyword, without validation.
- ``transcode``: to another uncompressed transfer syntax. pydicom leaves the byte order of OW values to its
  caller, so here its pixels are swapped with numpy. The limit is a memcpy of the encoded data set to memory
  that was used before.

What comes out of the last three is what a socket can send, pixels and all: one bytes object from pydicom,
from fastdicom whatever buffers it makes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, config
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from fastdicom import EncodedDataset
from fastdicom.bench.data_set_inputs import Encoded, decode
from fastdicom.bench.peers.side import Job, serve_sender
from fastdicom.encoded.sequences import EncodedSequence
from fastdicom.encoded.transcoding import transcode

READ = ("SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "StudyInstanceUID")
EDITS = {
    "AccessionNumber": "A98765",
    "InstitutionName": "Another hospital",
    "PatientName": "Doe^Jane",
    "PatientID": "ANONYMOUS",
    "StudyInstanceUID": "2.25.329800735698586629295641978511506172918",
}


class FastdicomWork:
    """The work as fastdicom does it."""

    def __init__(self, target: UID) -> None:
        self._target = target

    def index(self, encoded: Encoded) -> int:
        return len(EncodedDataset(encoded.data, encoded.transfer_syntax))

    def read_5(self, encoded: Encoded) -> list[Any]:
        dataset = EncodedDataset(encoded.data, encoded.transfer_syntax)
        return [dataset.get(keyword) for keyword in READ]

    def to_pydicom(self, encoded: Encoded) -> Dataset:
        return EncodedDataset(encoded.data, encoded.transfer_syntax).to_pydicom()

    def decode_all(self, encoded: Encoded) -> list[Any]:
        values: list[Any] = []
        self._decode(EncodedDataset(encoded.data, encoded.transfer_syntax), values)
        return values

    def _decode(self, dataset: EncodedDataset, values: list[Any]) -> None:
        for value in dataset.values():
            if isinstance(value, EncodedSequence):
                for item in value:
                    self._decode(item, values)
            else:
                values.append(value)

    def encode(self, decoded: tuple[Dataset, UID]) -> list[Any]:
        return EncodedDataset.from_pydicom(*decoded).buffers()

    def edit_5(self, encoded: Encoded) -> list[Any]:
        dataset = EncodedDataset(encoded.data, encoded.transfer_syntax)
        for keyword, value in EDITS.items():
            dataset[keyword] = value
        return dataset.buffers()

    def transcode(self, encoded: Encoded) -> list[Any]:
        return transcode(EncodedDataset(encoded.data, encoded.transfer_syntax), self._target).buffers()


class PydicomWork:
    """The work as pydicom does it."""

    def __init__(self, target: UID) -> None:
        self._target = target
        config.settings.writing_validation_mode = config.IGNORE

    def index(self, encoded: Encoded) -> int:
        return len(self.to_pydicom(encoded))

    def read_5(self, encoded: Encoded) -> list[Any]:
        dataset = self.to_pydicom(encoded)
        return [dataset.get(keyword) for keyword in READ]

    def to_pydicom(self, encoded: Encoded) -> Dataset:
        syntax = encoded.transfer_syntax
        return read_dataset(BytesIO(encoded.data), syntax.is_implicit_VR, syntax.is_little_endian)

    def decode_all(self, encoded: Encoded) -> list[Any]:
        values: list[Any] = []
        self._decode(self.to_pydicom(encoded), values)
        return values

    def _decode(self, dataset: Dataset, values: list[Any]) -> None:
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value:
                    self._decode(item, values)
            else:
                values.append(element.value)

    def encode(self, decoded: tuple[Dataset, UID]) -> list[bytes]:
        return [self._write(*decoded)]

    def _write(self, dataset: Dataset, syntax: UID) -> bytes:
        buffer = DicomBytesIO()
        buffer.is_implicit_VR, buffer.is_little_endian = syntax.is_implicit_VR, syntax.is_little_endian
        write_dataset(buffer, dataset)
        return buffer.getvalue()

    def edit_5(self, encoded: Encoded) -> list[bytes]:
        dataset = self.to_pydicom(encoded)
        for keyword, value in EDITS.items():
            setattr(dataset, keyword, value)
        return [self._write(dataset, encoded.transfer_syntax)]

    def transcode(self, encoded: Encoded) -> list[bytes]:
        dataset = self.to_pydicom(encoded)
        if self._target.is_little_endian != encoded.transfer_syntax.is_little_endian:
            dataset.decode()
            if "PixelData" in dataset and dataset["PixelData"].VR == "OW":
                dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
        return [self._write(dataset, self._target)]


class LimitWork:
    """The least that can be done where bytes are moved."""

    def __init__(self, target: UID) -> None:
        self._memory = memoryview(bytearray(0))

    def transcode(self, encoded: Encoded) -> list[memoryview]:
        length = len(encoded.data)
        if len(self._memory) < length:
            self._memory = memoryview(bytearray(length))
        self._memory[:length] = encoded.data
        return [self._memory[:length]]


WORK: dict[str, Callable[[UID], object]] = {
    "fastdicom": FastdicomWork,
    "limit": LimitWork,
    "pydicom": PydicomWork,
}


def operation(name: str, kind: str, target: UID) -> Callable[[Any], Any]:
    """Return the function that does a contestant's part of a kind of scenario, once."""
    function: Callable[[Any], Any] = getattr(WORK[name](target), kind.replace("-", "_"))
    return function


def materials(job: Job) -> list[Any]:
    """Return what the operations are done on: encoded data sets, or for ``encode`` decoded ones."""
    encoded = [
        Encoded(Path(instance.path).read_bytes(), UID(instance.transfer_syntax)) for instance in job.instances
    ]
    if job.kind != "encode":
        return list(encoded)
    return [(decode(each.data, each.transfer_syntax), each.transfer_syntax) for each in encoded]


class Worker:
    """Does operations, as a sender without a network."""

    def __init__(self, name: str, job: Job) -> None:
        self._operation = operation(name, job.kind, UID(job.target))
        self._materials = materials(job)

    def connect(self, port: int) -> None:
        """Do nothing: there is no one to connect to."""

    def run(self, port: int, n: int) -> None:
        operation = self._operation
        passes, rest = divmod(n, len(self._materials))
        for part, times in ((self._materials, passes), (self._materials[:rest], 1)):
            for _ in range(times):
                for material in part:
                    operation(material)

    def disconnect(self) -> None:
        """Do nothing."""


if __name__ == "__main__":
    worker = Worker(sys.argv[1], Job(sys.argv[2]))
    serve_sender(lambda way: worker)
