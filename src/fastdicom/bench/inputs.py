"""The files that are sent: CT-like ones of exact sizes, made here, and real ones that pydicom brings.

The size of a made file is that of its encoded data set, which is what a C-STORE moves: the bytes behind the
File Meta Information, in Explicit VR Little Endian. A private element fills it up to the byte. Pixels are
noise on a disc, the same in every call. Real files are those of pydicom and pydicom-data that are storage
instances in Explicit VR Little Endian and can be encoded again, because one contestant does that.
"""

from __future__ import annotations

import importlib.util
import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import data_manager
from pydicom.dataset import FileMetaDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    generate_uid,
)

# Preamble, "DICM" and the group length element, whose value counts the bytes behind it (PS3.10 7.1).
GROUP_LENGTH_END = 128 + 4 + 12
LARGEST_REAL_FILE = 10_000_000
DISTINCT_FRAMES = 8


@dataclass(frozen=True)
class Instance:
    """One file and what a sender must know of it."""

    path: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    data_set_length: int

    def data_set(self) -> bytes:
        """Return the encoded data set in the file."""
        content = Path(self.path).read_bytes()
        return content[len(content) - self.data_set_length :]


@dataclass(frozen=True)
class Made:
    """A set of made files.

    Parameters
    ----------
    data_set_length
        Bytes of each encoded data set; even.
    files
        How many, each with a SOP Instance UID of its own.
    side
        Rows and columns.
    frames
        Frames; 1 makes a CT Image Storage instance.
    """

    data_set_length: int
    files: int
    side: int
    frames: int = 1


MADE = {
    "ct": Made(528_000, files=32, side=512),
    "small": Made(12_000, files=64, side=72),
    "large": Made(210_000_000, files=1, side=512, frames=400),
}


def prepare(name: str, directory: Path) -> list[Instance]:
    """Return the instances of one set, making them in the directory where they are made."""
    if name == "real":
        return real_instances()
    return make(name, MADE[name], directory)


def make(name: str, made: Made, directory: Path) -> list[Instance]:
    """Write the files of one set and return them."""
    directory.mkdir(parents=True, exist_ok=True)
    pixels = noise(made)
    return [write_instance(name, made, number, pixels, directory) for number in range(made.files)]


def noise(made: Made) -> bytes:
    """Return the pixels: a disc of soft tissue in air, with noise, 12 of 16 bits."""
    generator = np.random.default_rng(made.data_set_length)
    distinct = min(made.frames, DISTINCT_FRAMES)
    axis = np.linspace(-1.0, 1.0, made.side)
    is_tissue = axis[:, None] ** 2 + axis[None, :] ** 2 < 0.8
    frames = generator.normal(np.where(is_tissue, 1050.0, 30.0), 20.0, (distinct, made.side, made.side))
    encoded = frames.clip(0, 4095).astype("<u2").tobytes()
    repeats = -(-made.frames // distinct)
    return (encoded * repeats)[: made.frames * made.side * made.side * 2]


def write_instance(name: str, made: Made, number: int, pixels: bytes, directory: Path) -> Instance:
    """Write one file and return it."""
    data_set = header(name, made, number)
    data_set.PixelData = pixels
    padding = data_set.private_block(0x0009, "FASTDICOM BENCH", create=True)
    padding.add_new(0x01, "OB", b"")
    missing = made.data_set_length - encoded_length(data_set)
    if missing < 0 or missing % 2:
        raise ValueError(f"{made} leaves {missing} bytes for padding, not an even number from 0")
    padding[0x01].value = bytes(missing)

    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = directory / f"{name}-{number:03}.dcm"
    data_set.save_as(path, enforce_file_format=True)
    return describe(path, data_set)


def header(name: str, made: Made, number: int) -> Dataset:
    """Return the elements of an image, without its pixels."""
    data_set = Dataset()
    data_set.SOPClassUID = (
        CTImageStorage if made.frames == 1 else MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    )
    data_set.SOPInstanceUID = generate_uid(entropy_srcs=["fastdicom.bench", name, str(number)])
    data_set.StudyInstanceUID = generate_uid(entropy_srcs=["fastdicom.bench", "study"])
    data_set.SeriesInstanceUID = generate_uid(entropy_srcs=["fastdicom.bench", "series", name])
    data_set.FrameOfReferenceUID = generate_uid(entropy_srcs=["fastdicom.bench", "frame of reference"])
    data_set.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data_set.StudyDate = data_set.SeriesDate = data_set.ContentDate = "20240229"
    data_set.StudyTime = data_set.SeriesTime = data_set.ContentTime = "101500.000000"
    data_set.AccessionNumber = "A0001"
    data_set.Modality = "CT"
    data_set.Manufacturer = "fastdicom"
    data_set.StudyDescription = "Benchmark"
    data_set.PatientName = "Benchmark^Phantom"
    data_set.PatientID = "BENCH"
    data_set.PatientBirthDate = "19700101"
    data_set.PatientSex = "O"
    data_set.SliceThickness = "1.25"
    data_set.KVP = "120"
    data_set.StudyID = "1"
    data_set.SeriesNumber = "1"
    data_set.InstanceNumber = str(number + 1)
    data_set.ImagePositionPatient = ["-250", "-250", str(number * 1.25)]
    data_set.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    if made.frames > 1:
        data_set.NumberOfFrames = str(made.frames)
    data_set.Rows = data_set.Columns = made.side
    data_set.PixelSpacing = ["0.9765625", "0.9765625"]
    data_set.BitsAllocated = 16
    data_set.BitsStored = 12
    data_set.HighBit = 11
    data_set.PixelRepresentation = 0
    data_set.RescaleIntercept = "-1024"
    data_set.RescaleSlope = "1"
    return data_set


def encoded_length(data_set: Dataset) -> int:
    """Return how many bytes the data set has in Explicit VR Little Endian."""
    buffer = io.BytesIO()
    data_set.save_as(buffer, implicit_vr=False, little_endian=True)
    return len(buffer.getbuffer())


def describe(path: Path, data_set: Dataset) -> Instance:
    """Return the instance in a Part 10 file of which the data set is known."""
    with path.open("rb") as file:
        start = file.read(GROUP_LENGTH_END)
    (group_length,) = struct.unpack("<L", start[-4:])
    return Instance(
        str(path),
        str(data_set.SOPClassUID),
        str(data_set.SOPInstanceUID),
        str(data_set.file_meta.TransferSyntaxUID),
        path.stat().st_size - GROUP_LENGTH_END - group_length,
    )


def real_paths(pattern: str) -> list[Path]:
    """Return the real files on this machine with such a name."""
    directories = [Path(data_manager.DATA_ROOT) / "test_files"]
    if (found := importlib.util.find_spec("data_store")) and found.submodule_search_locations:
        directories.append(Path(found.submodule_search_locations[0]) / "data")  # pydicom-data
    return [path for each in directories for path in sorted(each.rglob(pattern)) if path.is_file()]


def real_instances() -> list[Instance]:
    """Return the real files on this machine, one for each SOP Instance UID."""
    found_instances: dict[str, Instance] = {}
    for path in real_paths("*.dcm"):
        if instance := real_instance(path):
            found_instances.setdefault(instance.sop_instance, instance)
    if not found_instances:
        raise FileNotFoundError("neither pydicom nor pydicom-data has brought files to send")
    return list(found_instances.values())


def real_instance(path: Path) -> Instance | None:
    """Return the instance in a file, or None when the file is of no use here."""
    if path.stat().st_size > LARGEST_REAL_FILE:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = dcmread(path)
            is_storage = data_set.SOPClassUID.keyword.endswith("Storage") and bool(data_set.SOPInstanceUID)
            if not is_storage or data_set.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian:
                return None
            encoded_length(data_set)
        except (InvalidDicomError, AttributeError, ValueError, TypeError, OSError):
            return None  # one of pydicom's deliberately broken files
    return describe(path, data_set)
