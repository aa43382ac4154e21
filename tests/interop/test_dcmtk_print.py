"""Printing with DCMTK: its print server as SCP; its rendering and spooling programs as SCU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import archive
import pytest
from peer_servers import dcmprscp, printer_configuration
from peers import run_dcmtk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from qr_service import HOST
from servers import port_of, serving

from fastdicom import AE, Association, build_context, evt
from fastdicom.sop_class import (
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    PresentationLUT,
    Printer,
    PrinterInstance,
)

META = BasicGrayscalePrintManagementMeta
IMAGE = archive.INSTANCES[0]

# PS3.4 Tables H.4-6 and H.4-11
PRINT = 1

PRINTER_STATUS, PRINTER_STATUS_INFO = 0x21100010, 0x21100020


def reference(class_uid: str, instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, instance_uid
    return item


def image_of(dataset: Dataset) -> Dataset:
    """Return the item of a Basic Grayscale Image Sequence, PS3.3 Table C.13-5."""
    item = Dataset()
    for keyword in ("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated"):
        setattr(item, keyword, dataset[keyword].value)
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation", "PixelData"):
        setattr(item, keyword, dataset[keyword].value)
    return item


# --- DCMTK's printer --------------------------------------------------------------------------------------


@contextmanager
def printing_at(port: int) -> Iterator[Association]:
    contexts = [build_context(META), build_context(PresentationLUT)]
    with AE().associate(HOST, port, contexts, "PRINTER") as association:
        yield association
    assert association.is_released


def test_status_of_the_printer(tmp_path: Path) -> None:
    with dcmprscp(tmp_path / "printer") as server, printing_at(server.port) as association:
        status, attributes = association.send_n_get(
            [PRINTER_STATUS, PRINTER_STATUS_INFO], Printer, PrinterInstance, meta_uid=META
        )
        assert status.Status == 0x0000
        status, _ = association.send_n_get([0x00100010], Printer, PrinterInstance, meta_uid=META)
        assert status.Status == 0x0105  # No Such Attribute: it has no patient
    assert (attributes.PrinterStatus, attributes.PrinterStatusInfo) == ("NORMAL", "NORMAL")


def test_a_film_is_printed(tmp_path: Path) -> None:
    directory = tmp_path / "printer"
    session_uid, film_uid = generate_uid(), generate_uid()
    session = Dataset()
    session.NumberOfCopies = 1
    film = Dataset()
    film.ImageDisplayFormat = r"STANDARD\1,1"
    film.FilmSizeID = "8INX10IN"
    film.ReferencedFilmSessionSequence = [reference(BasicFilmSession, session_uid)]
    image = archive.data_set(IMAGE)
    with dcmprscp(directory) as server, printing_at(server.port) as association:
        assert association.send_n_create(session, BasicFilmSession, session_uid, meta_uid=META)[0].Status == 0
        status, created = association.send_n_create(film, BasicFilmBox, film_uid, meta_uid=META)
        assert status.Status == 0x0000, server.said()
        (box,) = created.ReferencedImageBoxSequence
        contents = Dataset()
        contents.ImageBoxPosition = 1
        contents.BasicGrayscaleImageSequence = [image_of(image)]
        status, _ = association.send_n_set(
            contents, BasicGrayscaleImageBox, box.ReferencedSOPInstanceUID, meta_uid=META
        )
        assert status.Status == 0x0000, server.said()
        status, _ = association.send_n_action(None, PRINT, BasicFilmBox, film_uid, meta_uid=META)
        assert status.Status == 0x0000, server.said()
        assert association.send_n_delete(BasicFilmBox, film_uid, meta_uid=META).Status == 0x0000
        assert association.send_n_delete(BasicFilmSession, session_uid, meta_uid=META).Status == 0x0000
    (hardcopy,) = (directory / "database").glob("HG_*.dcm")
    assert dcmread(hardcopy).PixelData == image.PixelData


def test_what_the_printer_refuses(tmp_path: Path) -> None:
    """A film box without a film session, and a box that nobody has created."""
    film = Dataset()
    film.ImageDisplayFormat = r"STANDARD\1,1"
    film.ReferencedFilmSessionSequence = [reference(BasicFilmSession, "1.2.3.4")]
    with dcmprscp(tmp_path / "printer") as server, printing_at(server.port) as association:
        status, nothing = association.send_n_create(film, BasicFilmBox, "1.2.3.5", meta_uid=META)
        assert status.Status == 0x0117 and nothing is None  # Invalid Object Instance
        status = association.send_n_delete(BasicFilmBox, "1.2.3.5", meta_uid=META)
        assert status.Status == 0x0112  # No Such SOP Instance


# --- DCMTK's programs -------------------------------------------------------------------------------------


class OurPrinter:
    """Handlers of a printer with one image box a film.

    Attributes
    ----------
    done
        What it was asked for, in order: the operation and the SOP class.
    images
        The images that were set.
    """

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.images: list[Dataset] = []

    def handlers(self) -> list[Any]:
        return [
            (evt.EVT_N_GET, self.get),
            (evt.EVT_N_CREATE, self.create),
            (evt.EVT_N_SET, self.set),
            (evt.EVT_N_ACTION, self.action),
            (evt.EVT_N_DELETE, self.delete),
        ]

    def get(self, event: Any) -> tuple[int, Dataset]:
        self.done.append(("N-GET", event.request.RequestedSOPClassUID))
        attributes = Dataset()
        attributes.PrinterStatus, attributes.PrinterStatusInfo = "NORMAL", "NORMAL"
        return 0x0000, attributes

    def create(self, event: Any) -> tuple[int, Dataset]:
        created = event.request.AffectedSOPClassUID
        self.done.append(("N-CREATE", created))
        attributes = event.attribute_list
        if created == BasicFilmBox:
            attributes.ReferencedImageBoxSequence = [reference(BasicGrayscaleImageBox, generate_uid())]
        if event.request.AffectedSOPInstanceUID is None:  # then the printer chooses it
            attributes.AffectedSOPInstanceUID = generate_uid()
        return 0x0000, attributes

    def set(self, event: Any) -> tuple[int, None]:
        self.done.append(("N-SET", event.request.RequestedSOPClassUID))
        self.images += event.modification_list.get("BasicGrayscaleImageSequence", [])
        return 0x0000, None

    def action(self, event: Any) -> tuple[int, None]:
        assert event.action_type == PRINT
        self.done.append(("N-ACTION", event.request.RequestedSOPClassUID))
        return 0x0000, None

    def delete(self, event: Any) -> int:
        self.done.append(("N-DELETE", event.request.RequestedSOPClassUID))
        return 0x0000


def render(tmp_path: Path, configuration: Path) -> Path:
    """Have dcmpsprt make a print job of an image; return the job."""
    path = archive.write(tmp_path / "archive")[IMAGE.uid]
    result = run_dcmtk("dcmpsprt", "-v", "-c", configuration, "-p", "PRINTER", path, cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    (job,) = (configuration.parent / "database").glob("SP_*.dcm")
    return job


@pytest.mark.parametrize("has_lut", [False, True])
def test_dcmpsprt_and_dcmprscu(tmp_path: Path, has_lut: bool) -> None:
    ours = OurPrinter()
    ae = AE("PRINTER")
    ae.add_supported_context(META)
    if has_lut:
        ae.add_supported_context(PresentationLUT)
    with serving(ae, ours.handlers()) as server:
        configuration = printer_configuration(tmp_path / "jobs", port_of(server), is_local=False)
        job = render(tmp_path, configuration)
        result = run_dcmtk(
            "dcmprscu", "-v", "-c", configuration, "-p", "PRINTER", "--copies", 2, job, cwd=tmp_path
        )
    assert result.returncode == 0, result.stdout
    assert "E:" not in result.stdout, result.stdout
    expected = [
        ("N-GET", Printer),
        *([("N-CREATE", PresentationLUT)] if has_lut else []),
        ("N-CREATE", BasicFilmSession),
        ("N-CREATE", BasicFilmBox),
        ("N-SET", BasicGrayscaleImageBox),
        ("N-ACTION", BasicFilmBox),
        ("N-DELETE", BasicFilmBox),
        ("N-DELETE", BasicFilmSession),
        *([("N-DELETE", PresentationLUT)] if has_lut else []),
    ]
    assert ours.done == expected
    (image,) = ours.images
    assert (image.Rows, image.Columns) == (128, 128)


def test_dcmprscu_that_is_refused(tmp_path: Path) -> None:
    """A printer that cannot create the film session says so, and the client gives up."""
    ae = AE("PRINTER")
    ae.add_supported_context(META)
    ours = OurPrinter()
    handlers = [(event, handler) for event, handler in ours.handlers() if event is not evt.EVT_N_CREATE]
    handlers.append((evt.EVT_N_CREATE, lambda event: (0x0213, None)))  # Resource Limitation
    with serving(ae, handlers) as server:
        configuration = printer_configuration(tmp_path / "jobs", port_of(server), is_local=False)
        job = render(tmp_path, configuration)
        result = run_dcmtk("dcmprscu", "-v", "-c", configuration, "-p", "PRINTER", job, cwd=tmp_path)
    assert "unable to create basic film session" in result.stdout, result.stdout
    assert ours.images == []
