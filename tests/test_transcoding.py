"""Objects in another transfer syntax than the peer has accepted, and encoded data sets on an association."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from servers import associate, serving, store_ae
from storage_files import all_paths

from fastdicom import AE, Association, EncodedDataset, evt
from fastdicom.association.conversion import possible_syntaxes
from fastdicom.errors import NoAcceptedContext
from fastdicom.sop_class import CTImageStorage, PatientRootQueryRetrieveInformationModelFind

UNCOMPRESSED = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
PIXELS = bytes(range(256)) * 20


def image(transfer_syntax: UID = ExplicitVRLittleEndian) -> Dataset:
    """An image of 16 bits, as it is in little endian."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.PatientName = "Doe^Jane"
    dataset.BitsAllocated = 16
    dataset.PixelRepresentation = 0
    dataset.add_new(0x7FE00010, "OW", PIXELS)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    return dataset


def in_syntax(transfer_syntax: str) -> EncodedDataset:
    return EncodedDataset.from_pydicom(image(), ExplicitVRLittleEndian).transcode(transfer_syntax)


@contextmanager
def peer_of(accepted: str, ae: AE | None = None) -> Iterator[tuple[Association, list[EncodedDataset]]]:
    """Give out an association that takes CT images in one transfer syntax, and what has come over it."""
    stored: list[EncodedDataset] = []

    def store(event: Any) -> int:
        stored.append(EncodedDataset(event.encoded.to_bytes(), event.context.transfer_syntax))
        return 0x0000

    ae = ae or AE()
    ae.add_requested_context(CTImageStorage, accepted)
    with (
        serving(store_ae({CTImageStorage}, [accepted]), [(evt.EVT_C_STORE, store)]) as server,
        associate(ae, server) as association,
    ):
        yield association, stored


def as_path(encoded: EncodedDataset, folder: Path) -> Path:
    path = folder / "image.dcm"
    encoded.write(path)
    return path


WAYS = {
    "encoded": lambda encoded, folder: (encoded, None),
    "bytes": lambda encoded, folder: (encoded.to_bytes(), encoded.transfer_syntax),
    "path": lambda encoded, folder: (as_path(encoded, folder), None),
    "file": lambda encoded, folder: (as_path(encoded, folder).read_bytes(), None),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("accepted", UNCOMPRESSED, ids=lambda uid: uid.name)
@pytest.mark.parametrize("own", UNCOMPRESSED, ids=lambda uid: uid.name)
def test_what_is_lossless_is_done(own: UID, accepted: UID, way: str, tmp_path: Path) -> None:
    dataset, transfer_syntax = WAYS[way](in_syntax(own), tmp_path)
    with peer_of(accepted) as (association, stored):
        assert association.send_c_store(dataset, transfer_syntax=transfer_syntax).Status == 0x0000
    (received,) = stored
    assert received.transfer_syntax == accepted
    assert received["PatientName"] == "Doe^Jane"
    assert received.transcode(ExplicitVRLittleEndian)["PixelData"] == PIXELS


def test_an_edited_one_is_sent_as_edited() -> None:
    encoded = in_syntax(ImplicitVRLittleEndian)
    encoded["PatientName"] = "Anonymous"
    for accepted in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        with peer_of(accepted) as (association, stored):
            assert association.send_c_store(encoded).Status == 0x0000
        assert stored[0]["PatientName"] == "Anonymous"
        assert stored[0].transcode(ExplicitVRLittleEndian)["PixelData"] == PIXELS


def test_a_dataset_goes_out_in_big_endian() -> None:
    with peer_of(ExplicitVRBigEndian) as (association, stored):
        assert association.send_c_store(image()).Status == 0x0000
    assert stored[0].transcode(ExplicitVRLittleEndian)["PixelData"] == PIXELS


@pytest.mark.parametrize("way", WAYS)
def test_none_is_none(way: str, tmp_path: Path) -> None:
    ae = AE()
    ae.transcoding = "none"
    dataset, transfer_syntax = WAYS[way](in_syntax(ImplicitVRLittleEndian), tmp_path)
    with peer_of(ExplicitVRLittleEndian, ae) as (association, stored):
        with pytest.raises(NoAcceptedContext, match="Implicit VR Little Endian"):
            association.send_c_store(dataset, transfer_syntax=transfer_syntax)
        ae.transcoding = "lossless"
        assert association.send_c_store(dataset, transfer_syntax=transfer_syntax).Status == 0x0000
    assert len(stored) == 1


def compressed() -> Path:
    return next(path for path in all_paths() if path.name == "MR_small_RLE.dcm")


def test_compressed_pixels_stay_unless_any_is_allowed() -> None:
    path = compressed()
    sop_class = dcmread(path).SOPClassUID
    assert dcmread(path).file_meta.TransferSyntaxUID == RLELossless
    ae = AE()
    ae.add_requested_context(sop_class, ExplicitVRLittleEndian)
    stored: list[Dataset] = []

    def store(event: Any) -> int:
        stored.append(dcmread(BytesIO(event.encoded_dataset())))
        return 0x0000

    supporting = store_ae({sop_class}, [ExplicitVRLittleEndian])
    with serving(supporting, [(evt.EVT_C_STORE, store)]) as server, associate(ae, server) as association:
        with pytest.raises(NoAcceptedContext, match="RLE Lossless"):
            association.send_c_store(path)
        ae.transcoding = "any"
        assert association.send_c_store(path).Status == 0x0000
    assert (stored[0].pixel_array == dcmread(path).pixel_array).all()


def test_what_is_broken_is_not_sent() -> None:
    encoded = in_syntax(ImplicitVRLittleEndian).to_bytes()[:-20]
    with peer_of(ExplicitVRLittleEndian) as (association, stored):
        with pytest.raises(ValueError, match=r"7FE0,0010"):
            association.send_c_store(encoded, transfer_syntax=ImplicitVRLittleEndian)
        assert association.send_c_store(image()).Status == 0x0000
    assert len(stored) == 1


def test_an_encoded_one_without_an_instance() -> None:
    encoded = in_syntax(ImplicitVRLittleEndian)
    del encoded["SOPInstanceUID"]
    with (
        peer_of(ImplicitVRLittleEndian) as (association, _),
        pytest.raises(ValueError, match=r"\(0008,0018\) SOP Instance UID"),
    ):
        association.send_c_store(encoded)


@pytest.mark.parametrize("value", ["all", "", None, True])
def test_what_is_allowed_is_checked(value: Any) -> None:
    with pytest.raises(ValueError, match=r"transcoding is .*'none', 'lossless', 'any' are allowed"):
        AE().transcoding = value


def test_its_own_transfer_syntax_comes_first() -> None:
    assert possible_syntaxes(RLELossless, "lossless") == [RLELossless]
    assert possible_syntaxes(RLELossless, "any")[:2] == [RLELossless, ExplicitVRLittleEndian]
    assert possible_syntaxes(ExplicitVRBigEndian, "none") == [ExplicitVRBigEndian]
    assert set(possible_syntaxes(ExplicitVRBigEndian, "lossless")) == set(UNCOMPRESSED)


def test_identifiers_may_be_encoded_too() -> None:
    """In whatever transfer syntax they are."""
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "PATIENT"
    wanted.PatientName = "Doe*"
    match = Dataset()
    match.QueryRetrieveLevel = "PATIENT"
    match.PatientName = "Doe^Jane"
    seen: list[Any] = []

    def find(event: Any) -> Iterator[Any]:
        seen.append(event.encoded["PatientName"])
        yield 0xFF00, EncodedDataset.from_pydicom(match, ExplicitVRBigEndian)

    model = PatientRootQueryRetrieveInformationModelFind
    scp, scu = AE(), AE()
    scp.add_supported_context(model, ImplicitVRLittleEndian)
    scu.add_requested_context(model, ImplicitVRLittleEndian)
    with serving(scp, [(evt.EVT_C_FIND, find)]) as server, associate(scu, server) as association:
        encoded = EncodedDataset.from_pydicom(wanted, ExplicitVRLittleEndian)
        (_, identifier), (status, _) = association.send_c_find(encoded, model)
    assert seen == ["Doe*"]
    assert identifier == match
    assert status.Status == 0x0000
