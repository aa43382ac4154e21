"""The files that pydicom and pydicom-data bring, and what is in them; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.data import data_manager
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian


@dataclass(frozen=True)
class Encoded:
    """An encoded data set out of a file, inflated where it was deflated."""

    path: Path
    data: bytes
    transfer_syntax: UID

    @property
    def is_implicit(self) -> bool:
        return self.transfer_syntax.is_implicit_VR

    @property
    def is_big_endian(self) -> bool:
        return not self.transfer_syntax.is_little_endian

    def read(self) -> Dataset:
        """What pydicom makes of it."""
        return read_dataset(BytesIO(self.data), self.is_implicit, not self.is_big_endian)


@cache
def paths() -> list[Path]:
    """All of them, those of pydicom-data where that is installed."""
    roots = [Path(data_manager.DATA_ROOT)]
    if (brought := importlib.util.find_spec("data_store")) is not None:
        roots += map(Path, brought.submodule_search_locations or [])
    return sorted(path for root in roots for path in root.rglob("*.dcm"))


def encoded(path: Path) -> Encoded | None:
    """The data set in a file; None when there is none that pydicom reads."""
    content = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            file = BytesIO(content)
            read_preamble(file, force=True)
            meta = _read_file_meta_info(file)
            offset = file.tell()
            dcmread(BytesIO(content), force=True)
        except Exception:
            return None
    transfer_syntax = meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian
    data = content[offset:]
    if not transfer_syntax.is_transfer_syntax:
        return None
    if transfer_syntax.is_deflated:
        data, transfer_syntax = zlib.decompress(data, -zlib.MAX_WBITS), ExplicitVRLittleEndian
    return Encoded(path, data, transfer_syntax)


def all_encoded() -> Iterator[Encoded]:
    """The data sets in all files."""
    for path in paths():
        found = encoded(path)
        if found is not None:
            yield found


def meta(encoded: Encoded) -> FileMetaDataset:
    """The File Meta Information of the file."""
    return dcmread(encoded.path).file_meta
