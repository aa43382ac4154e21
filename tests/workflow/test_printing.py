"""Print sessions over associations: ours at both ends, and pynetdicom at either (PS3.4 Annex H)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from printers import PIXELS, OurPrinter
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    BasicColorImageBox,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    Printer,
)
from fastdicom.workflow.printing import (
    PrinterGone,
    PrintError,
    PrintSession,
    printer_status,
)


def test_a_film() -> None:
    printer = OurPrinter(annotation_boxes={"LABEL": 1})
    with printer.associated() as association:
        with PrintSession(association, copies=2, priority="HIGH", label="A label") as session:
            assert session.attributes.MediumType == "BLUE FILM"
            lut = session.add_lut("IDENTITY")
            film = session.add_film(
                r"STANDARD\2,1", orientation="LANDSCAPE", lut=lut, AnnotationDisplayFormatID="LABEL"
            )
            first, second = film.image_boxes
            assert (first.position, second.position) == (1, 2)
            first.set(PIXELS, polarity="REVERSE")
            second.set(np.full((5, 3), 4095, np.uint16), photometric="MONOCHROME1", RequestedImageSize="80")
            (label,) = film.annotation_boxes
            label.set("left side")
            session.set(NumberOfCopies=3)
            film.set(Trim="YES")
            lut.delete()
            assert film.print() is not None
            film.delete()
        assert session.warnings == []
        assert association.is_established
    (printed,) = printer.films
    assert (printed.ae_title, printed.copies, printed.annotations) == ("MODALITY", 3, ("left side",))
    assert (printed.attributes.FilmOrientation, printed.attributes.Trim) == ("LANDSCAPE", "YES")
    assert printed.session.FilmSessionLabel == "A label"
    one, two = printed.images
    assert one.is_reversed and not two.is_reversed
    assert np.array_equal(one.array(), PIXELS)
    assert two.array().shape == (5, 3) and (two.array() == 4095).all()
    assert two.item.PhotometricInterpretation == "MONOCHROME1"
    assert one.lut is not None and one.lut.PresentationLUTShape == "IDENTITY"


def test_colour_beside_grayscale() -> None:
    """Both meta SOP classes on one association; the session says which."""
    printer = OurPrinter()
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    with printer.associated() as association:
        with PrintSession(association, is_color=True) as session:
            session.add_film(r"STANDARD\1,1").image_boxes[0].set(pixels)
            session.print()
        with PrintSession(association) as session:
            session.add_film(r"STANDARD\1,1").image_boxes[0].set(PIXELS)
            session.print()
    color, gray = printer.films
    assert np.array_equal(color.images[0].array(), pixels)
    assert np.array_equal(gray.images[0].array(), PIXELS)


@pytest.mark.parametrize("is_color", [False, True])
def test_single_sop_classes(is_color: bool) -> None:
    """Without a meta SOP class."""
    box = BasicColorImageBox if is_color else BasicGrayscaleImageBox
    printer = OurPrinter((BasicFilmSession, BasicFilmBox, box, Printer))
    pixels = np.zeros((2, 2, 3), np.uint8) if is_color else PIXELS
    with printer.associated() as association:
        assert printer_status(association).status == "NORMAL"
        with PrintSession(association, is_color=is_color) as session:
            film = session.add_film(r"ROW\2,1")
            film.image_boxes[2].set(pixels)
            assert film.print() is None  # no print jobs were negotiated
    assert printer.films[0].images[0].position == 3


def test_warnings_are_collected() -> None:
    printer = OurPrinter(density_range=(10, 300))
    with printer.associated() as association, PrintSession(association) as session:
        film = session.add_film(r"STANDARD\1,1", MaxDensity=320)
        film.print()
        printer.status = 0xB604
        film.print()
    assert [warning.status for warning in session.warnings] == [0xB605, 0xB603, 0xB604]
    assert str(session.warnings[1]).startswith("N-ACTION of a film box: status B603H, Film Box SOP Instance")


def test_failures_are_raised() -> None:
    printer = OurPrinter(terms={"MediumType": ("PAPER",)})
    with printer.associated() as association:
        with pytest.raises(PrintError, match="MediumType 'GLASS' is not known here") as caught:
            PrintSession(association, medium="GLASS")
        assert (caught.value.status, caught.value.meaning) == (0x0106, "Invalid Attribute Value")
        assert caught.value.operation == "N-CREATE of the film session"
        with PrintSession(association) as session:
            with pytest.raises(PrintError) as caught:
                session.print()
            assert caught.value.status == 0xC600 and "does not contain Film Box" in caught.value.meaning
            film = session.add_film(r"STANDARD\1,1")
            printer.status = 0xC602
            with pytest.raises(PrintError, match="print queue is full"):
                film.print()
            printer.status = ZeroDivisionError()
            with pytest.raises(PrintError, match="status 0110H, Processing Failure"):
                film.print()
            printer.status = None
            film.print()


def test_wrong_arguments_are_found_before_anything_is_sent() -> None:
    asked: list[str] = []

    class Watched:
        accepted_contexts = ()

        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise AssertionError(name)

    for arguments, message in (
        ({"copies": 0}, r"\(2000,0010\) Number of Copies is '0'; a number from 1"),
        ({"priority": "FAST"}, r"\(2000,0020\) Print Priority is 'FAST'; HIGH, MED and LOW are allowed"),
        ({"PatientName": "A"}, "PatientName is no attribute that can be set here"),
    ):
        with pytest.raises(ValueError, match=message):
            PrintSession(Watched(), **arguments)
    assert asked == []


def test_wrong_arguments_of_boxes() -> None:
    printer = OurPrinter()
    with printer.associated() as association, PrintSession(association) as session:
        with pytest.raises(ValueError, match=r"\(2010,0010\) Image Display Format is 'PILE'; STANDARD"):
            session.add_film("PILE")
        with pytest.raises(ValueError, match="either a Presentation LUT Shape or a table"):
            session.add_lut()
        film = session.add_film("SLIDE")
        with pytest.raises(ValueError, match="Polarity is 'UP'; NORMAL and REVERSE are allowed"):
            film.image_boxes[0].set(PIXELS, polarity="UP")
        film.image_boxes[0].set(PIXELS)
        film.image_boxes[0].erase()
        film.print()
    assert len(film.image_boxes) == 12 and printer.films[0].images == ()


def test_the_session_is_deleted_when_something_goes_wrong() -> None:
    printer = OurPrinter()
    with printer.associated() as association:
        with pytest.raises(KeyError), PrintSession(association):
            raise KeyError
        with PrintSession(association) as session:  # or it would be refused as the second one
            assert session.uid


def test_a_printer_that_does_not_answer() -> None:
    gone: Any = SimpleNamespace(accepted_contexts=[], send_n_create=lambda *_, **__: (Dataset(), None))
    with pytest.raises(PrinterGone, match="N-CREATE of the film session: the printer did not answer"):
        PrintSession(gone)


def test_a_film_box_without_image_boxes() -> None:
    """A printer that returns no Attribute List, which it has to."""
    status = Dataset()
    status.Status = 0x0000
    forgetful: Any = SimpleNamespace(accepted_contexts=[], send_n_create=lambda *_, **__: (status, None))
    with pytest.raises(PrinterGone, match=r"no \(2010,0510\) image boxes"):
        PrintSession(forgetful).add_film("SLIDE")
