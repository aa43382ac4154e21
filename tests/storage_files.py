"""Every file of pydicom's and pydicom-data's test sets that is a valid storage object; nothing is downloaded.

pydicom reads the front of each file, so that what fastdicom reads can be compared with it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path

from pydicom import dcmread
from pydicom.data.data_manager import DATA_ROOT, DataTypes
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import UID, MediaStorageDirectoryStorage

from fastdicom.presentation import PresentationContext, build_context

NO_PREFIX = "there is no DICM at offset 128 (PS3.10 7.1)"
MISSING = "its File Meta Information lacks {} (PS3.10 Table 7.1-1)"
DIRECTORY = "a DICOMDIR is no object of a storage service class (PS3.4 Table B.5-1)"
NO_STORAGE = "not a storage SOP class: {}"

REQUIRED = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


@dataclass(frozen=True)
class StorageFile:
    """A file that can be stored, with what pydicom finds in it."""

    path: Path
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax: UID
    data_set_offset: int

    @property
    def data_set(self) -> bytes:
        """Its data set as it is on disk."""
        return self.path.read_bytes()[self.data_set_offset :]

    @property
    def data_set_to_send(self) -> bytes:
        """The same as a message carries it: padded to an even length (PS3.5 7.1.1, A.5)."""
        data_set = self.data_set
        return data_set + b"\0" * (len(data_set) % 2)

    @cached_property
    def uids_in_data_set(self) -> tuple[str | None, str | None]:
        """SOP Class UID and SOP Instance UID as the data set has them, if it does."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(self.path, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        return dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID")

    def __str__(self) -> str:
        return self.path.name


def all_paths() -> list[Path]:
    """What `pydicom.data.get_testdata_files` finds, but for what it would download."""
    found = {path for path in Path(DATA_ROOT).rglob("*") if path.is_file()}
    for entry_point in entry_points(group="pydicom.data.external_sources"):
        source = entry_point.load()()
        for kind in DataTypes:
            found.update(map(Path, source.get_paths("*", kind)))
    return sorted(path for path in found if path.suffix not in (".py", ".pyc"))


def reason_to_exclude(meta: FileMetaDataset | None) -> str | None:
    """Why a file with this File Meta Information (None: none at all) cannot be stored; None if it can."""
    if meta is None:
        return NO_PREFIX
    for keyword in REQUIRED:
        if not meta.get(keyword):
            return MISSING.format(keyword)
    sop_class_uid = meta.MediaStorageSOPClassUID
    if sop_class_uid == MediaStorageDirectoryStorage:
        return DIRECTORY
    # Colour palettes and the like are stored as well: Non-Patient Object Storage, PS3.4 Annex GG.
    if not (sop_class_uid.is_private or sop_class_uid.name.endswith("Storage")):
        return NO_STORAGE.format(sop_class_uid.name)
    return None


@cache
def survey() -> tuple[tuple[StorageFile, ...], dict[Path, str]]:
    """Return the files that can be stored, and why each of the others cannot."""
    files = []
    excluded = {}
    for path in all_paths():
        with path.open("rb") as file:
            try:
                read_preamble(file, force=False)
                meta = _read_file_meta_info(file)
            except InvalidDicomError:
                meta = None
            reason = reason_to_exclude(meta)
            if reason is not None or meta is None:
                excluded[path] = reason or NO_PREFIX
                continue
            files.append(StorageFile(path, *(meta[keyword].value for keyword in REQUIRED), file.tell()))
    return tuple(files), excluded


def storage_files() -> tuple[StorageFile, ...]:
    """Return the files that can be stored, in a fixed order."""
    return survey()[0]


def all_classes() -> set[str]:
    """Return the SOP classes of all the files."""
    return {file.sop_class_uid for file in storage_files()}


def contexts_of(files: Iterable[StorageFile]) -> list[PresentationContext]:
    """Return presentation contexts to send files on, each as it is."""
    pairs = dict.fromkeys((file.sop_class_uid, file.transfer_syntax) for file in files)
    return [build_context(*pair) for pair in pairs]
