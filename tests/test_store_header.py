"""Where an object goes is chosen when its first elements have come: EVT_C_STORE_HEADER."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import model
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from raw_peer import associate_raw, data_set, store_rq
from servers import associate, await_event, port_of, serving, store_ae, wait_until

from fastdicom import AE, Association, evt
from fastdicom.data_sets import encode_dataset
from fastdicom.sop_class import CTImageStorage

LARGE = 300_000
SMALL = 64
SIZES = pytest.mark.parametrize("pixel_length", [SMALL, LARGE])


def image(pixel_length: int, instance: str = "1.2.3.4") -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = instance
    dataset.PatientID = "P1"
    dataset.BitsAllocated = 16
    dataset.PixelRepresentation = 0
    dataset.add_new(0x7FE00010, "OW", bytes(range(256)) * (pixel_length // 256) + bytes(pixel_length % 256))
    return dataset


class Receiver:
    """An SCP that chooses, and what its handlers have seen."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.headers: list[dict[str, Any]] = []
        self.stored: list[tuple[bytes | None, Path | None]] = []
        self.ae = store_ae({CTImageStorage})

    def choose(self, event: Any) -> Any:
        self.headers.append(
            {
                "patient": event.header["PatientID"],
                "has_pixels": "PixelData" in event.header,
                "is_complete": event.is_complete,
                "uid": event.request.AffectedSOPInstanceUID,
            }
        )
        return self.answer(event) if callable(self.answer) else self.answer

    def store(self, event: Any) -> int:
        if event.dataset_path is None:
            self.stored.append((bytes(event.encoded), None))
        else:
            self.stored.append((None, event.dataset_path))
        return 0x0000


@contextmanager
def receiving(
    receiver: Receiver, transfer_syntax: str = ExplicitVRLittleEndian, *, stores: bool = True
) -> Iterator[Association]:
    handlers = [(evt.EVT_C_STORE_HEADER, receiver.choose)]
    if stores:
        handlers.append((evt.EVT_C_STORE, receiver.store))
    ae = AE()
    ae.add_requested_context(CTImageStorage, transfer_syntax)
    with serving(receiver.ae, handlers) as server, associate(ae, server) as association:
        yield association


def send(association: Association, pixel_length: int, transfer_syntax: Any = ExplicitVRLittleEndian) -> int:
    encoded = encode_dataset(image(pixel_length), transfer_syntax)
    return int(association.send_c_store(encoded, transfer_syntax=transfer_syntax).Status)


# --- what is asked, and when -----------------------------------------------------------------------------


@SIZES
@pytest.mark.parametrize(
    "transfer_syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_the_header_is_shown(pixel_length: int, transfer_syntax: Any) -> None:
    receiver = Receiver(None)
    with receiving(receiver, transfer_syntax) as association:
        assert send(association, pixel_length, transfer_syntax) == 0x0000
        assert send(association, pixel_length, transfer_syntax) == 0x0000
    asked = {"patient": "P1", "has_pixels": False, "is_complete": True, "uid": "1.2.3.4"}
    assert receiver.headers == [asked, asked]
    encoded = encode_dataset(image(pixel_length), transfer_syntax)
    assert receiver.stored == [(encoded, None)] * 2


def test_it_is_asked_before_the_pixels_come() -> None:
    is_asked = threading.Event()
    receiver = Receiver(None)
    handlers = [(evt.EVT_C_STORE_HEADER, lambda _: is_asked.set()), (evt.EVT_C_STORE, receiver.store)]
    encoded = data_set(LARGE)
    with serving(receiver.ae, handlers) as server, associate_raw(port_of(server)) as peer:
        pdus = store_rq(encoded)
        for pdu in pdus[:4]:  # the command, and more than the first look needs
            peer.send(pdu)
        await_event(is_asked)
        assert receiver.stored == []
        for pdu in pdus[4:]:
            peer.send(pdu)
        assert peer.receive_pdu()[:1] == b"\4"
    assert receiver.stored == [(encoded, None)]


def test_where_the_header_ends_is_for_the_user() -> None:
    receiver = Receiver(None)
    receiver.ae.header_end = 0x00280100
    seen: list[list[int]] = []
    receiver.answer = lambda event: seen.append([int(tag) for tag in event.header])
    with receiving(receiver) as association:
        assert send(association, LARGE) == 0x0000
    assert seen == [[0x00080016, 0x00080018, 0x00100020]]


def test_a_long_header_is_waited_for() -> None:
    dataset = image(LARGE)
    dataset.add_new(0x00091010, "OB", bytes(200_000))
    seen: list[tuple[bool, int]] = []
    receiver = Receiver(lambda event: seen.append((event.is_complete, len(event.header.raw(0x00091010)))))
    with receiving(receiver) as association:
        encoded = encode_dataset(dataset, ExplicitVRLittleEndian)
        assert association.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian).Status == 0x0000
    assert seen == [(True, 200_000)]


def test_a_header_that_does_not_end() -> None:
    """Longer than memory is: the handler decides with what there is, and the object goes to a file."""
    dataset = image(SMALL)
    dataset.add_new(0x00091010, "OB", bytes(200_000))
    seen: list[bool] = []

    def choose(event: Any) -> None:
        seen.append(event.is_complete)
        with pytest.raises(ValueError, match="0009,1010"):
            event.header["PatientID"]

    receiver = Receiver(None)
    receiver.choose = choose  # type: ignore[method-assign]
    receiver.ae.memory_limit = 50_000
    with receiving(receiver) as association:
        encoded = encode_dataset(dataset, ExplicitVRLittleEndian)
        assert association.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian).Status == 0x0000
        assert receiver.ae.memory_limit == 50_000
    assert seen == [False]
    ((_, path),) = receiver.stored
    assert path is not None


# --- where it goes ---------------------------------------------------------------------------------------


@SIZES
def test_a_file(tmp_path: Path, pixel_length: int) -> None:
    path = tmp_path / "chosen.dcm"
    receiver = Receiver(path)
    with receiving(receiver) as association:
        assert send(association, pixel_length) == 0x0000
    assert receiver.stored == [(None, path)]
    read = dcmread(path)
    assert read == image(pixel_length)
    assert read.file_meta.MediaStorageSOPInstanceUID == "1.2.3.4"
    assert list(tmp_path.iterdir()) == [path]


@SIZES
def test_a_directory(tmp_path: Path, pixel_length: int) -> None:
    receiver = Receiver(str(tmp_path))
    with receiving(receiver, stores=False) as association:
        assert send(association, pixel_length) == 0x0000  # as for a store directory
    assert dcmread(tmp_path / "1.2.3.4.dcm") == image(pixel_length)


@SIZES
def test_memory_in_spite_of_a_store_directory(tmp_path: Path, pixel_length: int) -> None:
    receiver = Receiver(evt.MEMORY)
    receiver.ae.store_directory = tmp_path
    with receiving(receiver) as association:
        assert send(association, pixel_length) == 0x0000
        receiver.answer = None
        assert send(association, pixel_length) == 0x0000
    in_memory, in_file = receiver.stored
    assert in_memory == (encode_dataset(image(pixel_length), ExplicitVRLittleEndian), None)
    assert in_file == (None, tmp_path / "1.2.3.4.dcm")


@SIZES
def test_another_association(pixel_length: int) -> None:
    downstream = Receiver(0xA701)
    with receiving(downstream) as onwards:
        receiver = Receiver(onwards)
        with receiving(receiver) as association:
            assert send(association, pixel_length) == 0xA701
            downstream.answer = None
            assert send(association, pixel_length) == 0x0000
            assert downstream.stored == [(encode_dataset(image(pixel_length), ExplicitVRLittleEndian), None)]
            onwards.abort()
            assert send(association, pixel_length) == 0xA700
    assert receiver.stored == []


@SIZES
def test_a_status(pixel_length: int) -> None:
    explained = Dataset()
    explained.Status = 0xA900
    explained.ErrorComment = "not ours"
    receiver = Receiver(explained)
    with receiving(receiver) as association:
        encoded = encode_dataset(image(pixel_length), ExplicitVRLittleEndian)
        status = association.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian)
        assert (status.Status, status.ErrorComment) == (0xA900, "not ours")
        receiver.answer = 0xA702
        assert send(association, pixel_length) == 0xA702
        receiver.answer = None  # the association is as good as before
        assert send(association, pixel_length) == 0x0000
    assert len(receiver.stored) == 1


@SIZES
def test_an_abort(pixel_length: int) -> None:
    receiver = Receiver(lambda event: event.assoc.abort())
    with receiving(receiver) as association:
        encoded = encode_dataset(image(pixel_length), ExplicitVRLittleEndian)
        assert "Status" not in association.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian)
        wait_until(lambda: association.is_aborted)
        wait_until(lambda: not receiver.ae.active_associations)
        association.abort()
    assert receiver.stored == []


# --- what goes wrong -------------------------------------------------------------------------------------


@SIZES
@pytest.mark.parametrize("answer", [lambda _: 1 / 0, lambda _: 2.5, lambda _: True, lambda _: object()])
def test_a_handler_that_fails(pixel_length: int, answer: Any) -> None:
    receiver = Receiver(answer)
    with receiving(receiver) as association:
        assert send(association, pixel_length) == 0xC211
        receiver.answer = None
        assert send(association, pixel_length) == 0x0000
    assert len(receiver.stored) == 1


@SIZES
def test_a_file_that_cannot_be_written(tmp_path: Path, pixel_length: int) -> None:
    receiver = Receiver(tmp_path / "absent" / "chosen.dcm")
    with receiving(receiver) as association:
        assert send(association, pixel_length) == 0xA700
        receiver.answer = None
        assert send(association, pixel_length) == 0x0000
    assert len(receiver.stored) == 1


@pytest.mark.parametrize("pixel_length", [LARGE])
def test_nothing_half_written_stays(tmp_path: Path, pixel_length: int) -> None:
    receiver = Receiver(tmp_path / "chosen.dcm")
    is_asked = threading.Event()
    receiver.choose = lambda _: is_asked.set() or receiver.answer  # type: ignore[method-assign]
    with (
        serving(receiver.ae, [(evt.EVT_C_STORE_HEADER, receiver.choose)]) as server,
        associate_raw(port_of(server)) as peer,
    ):
        for pdu in store_rq(data_set(pixel_length))[:10]:
            peer.send(pdu)
        await_event(is_asked)
        wait_until(lambda: list(tmp_path.iterdir()))
        peer.send(model.abort(0, 0))
        wait_until(lambda: not list(tmp_path.iterdir()))


def test_a_handler_that_hangs() -> None:
    goes_on = threading.Event()
    receiver = Receiver(lambda _: await_event(goes_on))
    receiver.ae.handler_timeout = 0.15
    with receiving(receiver) as association:
        assert send(association, LARGE) == 0xC211
        wait_until(lambda: association.is_aborted)
        goes_on.set()
        wait_until(lambda: not receiver.ae._all_associations())
        association.abort()
    assert receiver.stored == []


def test_a_data_set_that_is_broken() -> None:
    """Nothing but garbage: who asks for an element is told so, and the object is refused."""
    receiver = Receiver(None)
    deflated = zlib.compress(b"no data set")
    with (
        serving(receiver.ae, [(evt.EVT_C_STORE_HEADER, receiver.choose)]) as server,
        associate_raw(port_of(server)) as peer,
    ):
        for pdu in store_rq(deflated):
            peer.send(pdu)
        assert b"\x11\xc2" in peer.receive_pdu()
    assert receiver.headers == []
