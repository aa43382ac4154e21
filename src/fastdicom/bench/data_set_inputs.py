"""The data sets that the scenarios without a network read, change and write: made ones and real ones.

Each lies in a file of its own without a preamble and File Meta Information, as it travels in a C-STORE. The
made ones are CT images with 89 elements beside the pixels, among them sequences, private elements and values
of many VRs, as scanners send them; they differ in their UIDs and numbers, not in their length. The real ones
are all files of pydicom and pydicom-data that pydicom itself reads, decodes and encodes again without an
error: images of every kind and compression, an RT plan, a structure set, structured reports, waveforms,
enhanced multi-frame images. Deflated ones are left out, as inflating them would be all that is measured, and
those that are cut off.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, Sequence
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)

from fastdicom.bench import inputs
from fastdicom.part10 import read_header

HEADERS = 16
SIDE = 512
IMAGE_LENGTH = 528_000
UNDEFINED_LENGTH = 0xFFFFFFFF

# Keyword and value; "{n}" is the number of the image, in two digits. `ct_header` adds seven elements.
ROWS: tuple[tuple[str, object], ...] = (
    ("SpecificCharacterSet", "ISO_IR 100"),
    ("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]),
    ("InstanceCreationDate", "20240229"),
    ("InstanceCreationTime", "101512.345000"),
    ("SOPClassUID", CTImageStorage),
    ("SOPInstanceUID", "1.3.12.2.1107.5.1.4.73104.30000024022907001234500012{n}"),
    ("StudyDate", "20240229"),
    ("SeriesDate", "20240229"),
    ("AcquisitionDate", "20240229"),
    ("ContentDate", "20240229"),
    ("StudyTime", "101500.000000"),
    ("SeriesTime", "101510.125000"),
    ("AcquisitionTime", "101511.500000"),
    ("ContentTime", "101512.250000"),
    ("AccessionNumber", "A00012345"),
    ("Modality", "CT"),
    ("Manufacturer", "SIEMENS"),
    ("InstitutionName", "Städtisches Klinikum"),
    ("InstitutionAddress", "Main Street 1, Springfield"),
    ("ReferringPhysicianName", "Weiß^Anna^^Dr."),
    ("StationName", "CT73104"),
    ("StudyDescription", "CT Thorax nativ"),
    ("SeriesDescription", "Thorax 1.0 B31f"),
    ("InstitutionalDepartmentName", "Radiologie"),
    ("PhysiciansOfRecord", "Weiß^Anna^^Dr."),
    ("PerformingPhysicianName", "Schmidt^Jörg"),
    ("OperatorsName", "Muster^Maria"),
    ("ManufacturerModelName", "SOMATOM Definition AS+"),
    ("IrradiationEventUID", "1.3.12.2.1107.5.1.4.73104.30000024022907001234500009{n}"),
    ("PatientName", "Müller^Hans-Jürgen"),
    ("PatientID", "PAT0012345"),
    ("IssuerOfPatientID", "HOSPITAL"),
    ("PatientBirthDate", "19700101"),
    ("PatientSex", "M"),
    ("OtherPatientNames", "Mueller^Hans"),
    ("PatientAge", "054Y"),
    ("PatientSize", "1.82"),
    ("PatientWeight", "84.5"),
    ("PatientComments", "Phantom of the benchmark"),
    ("BodyPartExamined", "CHEST"),
    ("SliceThickness", "1.0"),
    ("KVP", "120"),
    ("DataCollectionDiameter", "500"),
    ("DeviceSerialNumber", "73104"),
    ("SoftwareVersions", "syngo CT 2012B"),
    ("ProtocolName", "Thorax_nativ (Erwachsener)"),
    ("ReconstructionDiameter", "380"),
    ("DistanceSourceToDetector", "1085.6"),
    ("DistanceSourceToPatient", "595"),
    ("GantryDetectorTilt", "0"),
    ("TableHeight", "152.5"),
    ("RotationDirection", "CW"),
    ("ExposureTime", "500"),
    ("XRayTubeCurrent", "157"),
    ("Exposure", "98"),
    ("FilterType", "FLAT"),
    ("GeneratorPower", "23"),
    ("FocalSpots", "1.2"),
    ("DateOfLastCalibration", "20240229"),
    ("TimeOfLastCalibration", "060000.000000"),
    ("ConvolutionKernel", "B31f"),
    ("PatientPosition", "HFS"),
    ("SingleCollimationWidth", 0.6),
    ("TotalCollimationWidth", 38.4),
    ("SpiralPitchFactor", 1.2),
    ("StudyInstanceUID", "1.3.12.2.1107.5.1.4.73104.30000024022906595843700000001"),
    ("SeriesInstanceUID", "1.3.12.2.1107.5.1.4.73104.30000024022907001234500000002"),
    ("StudyID", "1"),
    ("SeriesNumber", "3"),
    ("AcquisitionNumber", "2"),
    ("InstanceNumber", "1{n}"),
    ("ImagePositionPatient", ["-189.62890625", "-338.62890625", "-1{n}.5"]),
    ("ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"]),
    ("FrameOfReferenceUID", "1.3.12.2.1107.5.1.4.73104.30000024022907001234500000003"),
    ("PositionReferenceIndicator", ""),
    ("SliceLocation", "-1{n}.5"),
    ("SamplesPerPixel", 1),
    ("PhotometricInterpretation", "MONOCHROME2"),
    ("Rows", SIDE),
    ("Columns", SIDE),
    ("PixelSpacing", ["0.7421875", "0.7421875"]),
    ("BitsAllocated", 16),
)


def item(**elements: object) -> Dataset:
    """Return the item of a sequence."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def ct_header(number: int) -> Dataset:
    """Return the 89 elements of a CT image, without its pixels; all numbers below 100 are equally long."""
    header = Dataset()
    for keyword, value in ROWS:
        values = [str(part).format(n=f"{number:02}") for part in value] if isinstance(value, list) else value
        setattr(header, keyword, values.format(n=f"{number:02}") if isinstance(values, str) else values)
    header.ReferencedImageSequence = Sequence(
        item(
            ReferencedSOPClassUID=CTImageStorage,
            ReferencedSOPInstanceUID=generate_uid(entropy_srcs=["fastdicom.bench", "reference", str(i)])[:60],
        )
        for i in range(2)
    )
    header.ProcedureCodeSequence = Sequence(
        [item(CodeValue="CTTHX", CodingSchemeDesignator="99LOCAL", CodeMeaning="CT Thorax")]
    )
    header.RequestAttributesSequence = Sequence(
        [item(RequestedProcedureID="RP1", ScheduledProcedureStepID="SPS1")]
    )
    private = header.private_block(0x0019, "SIEMENS CT VA0  COAD", create=True)
    private.add_new(0xB0, "DS", ["0", "1", "2", "3"])
    private.add_new(0xB1, "OB", bytes(range(64)))
    private.add_new(0xB2, "US", 7)
    return header


def ct_image(number: int) -> Dataset:
    """Return a whole CT image of 528 kB: the header, and what belongs to pixels of 16 bits."""
    image = ct_header(number)
    image.BitsStored = 12
    image.HighBit = 11
    image.PixelRepresentation = 0
    image.PixelData = inputs.noise(inputs.Made(IMAGE_LENGTH, files=1, side=SIDE))
    padding = image.private_block(0x0019, "SIEMENS CT VA0  COAD")
    padding.add_new(0xB3, "OB", b"")
    missing = IMAGE_LENGTH - len(encode(image, ExplicitVRLittleEndian))
    padding[0xB3].value = bytes(missing)
    return image


def encode(dataset: Dataset, transfer_syntax: UID) -> bytes:
    """Encode with pydicom."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = transfer_syntax == ImplicitVRLittleEndian
    buffer.is_little_endian = transfer_syntax != ExplicitVRBigEndian
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def read(data: bytes, transfer_syntax: UID) -> Dataset:
    """Read with pydicom, which decodes no value."""
    return read_dataset(BytesIO(data), transfer_syntax.is_implicit_VR, transfer_syntax.is_little_endian)


def decode(data: bytes, transfer_syntax: UID) -> Dataset:
    """Decode every value with pydicom, in sequences too."""
    dataset = read(data, transfer_syntax)
    for element in dataset.iterall():
        _ = element.value
    return dataset


@dataclass(frozen=True)
class Encoded:
    """One data set as it travels."""

    data: bytes
    transfer_syntax: UID


def made(make: Callable[[int], Dataset], number: int, transfer_syntax: UID) -> Iterator[Encoded]:
    """Yield so many made data sets."""
    for i in range(number):
        yield Encoded(encode(make(i), transfer_syntax), transfer_syntax)


def is_cut_off(encoded: Encoded) -> bool:
    """Return whether a value has less bytes than its length says: pydicom takes what there is."""
    dataset = read(encoded.data, encoded.transfer_syntax)
    elements: list[Any] = [dataset.get_item(tag) for tag in list(dataset.keys())]
    raw = [element for element in elements if isinstance(element, RawDataElement)]
    return any(each.length not in (UNDEFINED_LENGTH, len(each.value or b"")) for each in raw)


def real_data_set(path: Path) -> Encoded | None:
    """Return the data set in a file, or None when the file is of no use here.

    A file without preamble and File Meta Information counts when pydicom finds a SOP Class UID in it.
    """
    content = path.read_bytes()
    try:
        header = read_header(path)
        offset, transfer_syntax = header.data_set_offset, UID(header.transfer_syntax)
    except ValueError:
        offset, transfer_syntax = 0, ImplicitVRLittleEndian
    try:
        if transfer_syntax == DeflatedExplicitVRLittleEndian or transfer_syntax.is_private:
            return None
        encoded = Encoded(content[offset:], transfer_syntax)
        if is_cut_off(encoded):
            return None
        dataset = decode(encoded.data, transfer_syntax)
        if "SOPClassUID" not in dataset:  # not DICOM
            return None
        encode(dataset, transfer_syntax)
    except Exception:  # whatever pydicom raises: the file is one of its deliberately broken ones
        return None
    return encoded


def real_data_sets() -> Iterator[Encoded]:
    """Yield every real data set on this machine once."""
    seen = set()
    for path in inputs.real_paths("*"):
        encoded = real_data_set(path)
        if encoded is not None and encoded.data not in seen:
            seen.add(encoded.data)
            yield encoded


def changed(data_sets: Iterator[Encoded], transfer_syntax: UID) -> Iterator[Encoded]:
    """Yield those that are in Explicit VR Little Endian or can be, in another transfer syntax."""
    for encoded in data_sets:
        if encoded.transfer_syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
            continue
        try:
            data = encode(decode(encoded.data, encoded.transfer_syntax), transfer_syntax)
            decode(data, transfer_syntax)
        except Exception:  # as above
            continue
        yield Encoded(data, transfer_syntax)


SETS: dict[str, Callable[[], Iterator[Encoded]]] = {
    "header": lambda: made(ct_header, HEADERS, ExplicitVRLittleEndian),
    "image": lambda: made(ct_image, 1, ExplicitVRLittleEndian),
    "image-implicit": lambda: made(ct_image, 1, ImplicitVRLittleEndian),
    "files": real_data_sets,
    "files-implicit": lambda: changed(real_data_sets(), ImplicitVRLittleEndian),
    "files-explicit": lambda: changed(real_data_sets(), ExplicitVRLittleEndian),
}


def prepare(name: str, directory: Path) -> list[inputs.Instance]:
    """Write the data sets of one set, each in a file, and return them."""
    directory.mkdir(parents=True, exist_ok=True)
    instances = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for encoded, number in zip(SETS[name](), itertools.count(), strict=False):
            path = directory / f"{number:03}"
            path.write_bytes(encoded.data)
            syntax = str(encoded.transfer_syntax)
            instances.append(inputs.Instance(str(path), "", "", syntax, len(encoded.data)))
    return instances
