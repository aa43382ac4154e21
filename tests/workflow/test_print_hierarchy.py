"""The rules of a print SCP, without a network: what may be created, set, printed and deleted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from printers import FILM, LUT, PIXELS, SESSION, Bench, attributes, film, image, refusal
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    BasicColorImageBox,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    PresentationLUT,
)
from fastdicom.workflow import print_boxes, print_hierarchy
from fastdicom.workflow.print_attributes import DisplayFormat
from fastdicom.workflow.print_pixels import image_item
from fastdicom.workflow.refusal import Refusal


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.session()
    return bench


# --- film session -----------------------------------------------------------------------------------------


def test_a_session_has_what_was_asked_for_and_defaults() -> None:
    answer = Bench().session(NumberOfCopies=2, FilmSessionLabel="A")
    assert answer.status == 0x0000 and answer.attributes is not None
    assert {element.keyword: element.value for element in answer.attributes} == {
        "NumberOfCopies": 2,
        "FilmSessionLabel": "A",
        "PrintPriority": "MED",
        "MediumType": "BLUE FILM",
        "FilmDestination": "PROCESSOR",
    }


def test_a_printer_that_knows_its_terms() -> None:
    bench = Bench(terms={"MediumType": ("PAPER", "CLEAR FILM")})
    assert refusal(lambda: bench.session(MediumType="BLUE FILM")) == 0x0106
    answer = bench.session()
    assert answer.attributes is not None and answer.attributes.MediumType == "PAPER"


@pytest.mark.parametrize(
    ("values", "comment"),
    [
        ({"NumberOfCopies": 0}, "NumberOfCopies '0': a number from 1"),
        ({"PrintPriority": "URGENT"}, "PrintPriority 'URGENT': HIGH, MED and LOW"),
    ],
)
def test_impossible_values(values: dict[str, Any], comment: str) -> None:
    bench = Bench()
    with pytest.raises(Refusal, match=comment) as caught:
        bench.session(**values)
    assert caught.value.status == 0x0106
    assert bench.session().status == 0x0000  # nothing was created before


def test_unknown_attributes_are_warned_of(bench: Bench) -> None:
    assert Bench().session(PatientName="A").status == 0x0107


def test_one_session_an_association(bench: Bench) -> None:
    assert refusal(bench.session) == 0x0111
    assert refusal(lambda: bench.hierarchy.create(BasicFilmSession, "1.9", Dataset())) == 0x0111
    bench.hierarchy.delete(BasicFilmSession, SESSION)
    assert bench.session().status == 0x0000


def test_a_session_is_changed(bench: Bench) -> None:
    answer = bench.hierarchy.set(BasicFilmSession, SESSION, attributes(NumberOfCopies=3))
    assert answer.status == 0x0000
    (box, _) = bench.film()
    bench.set_image(box, image())
    bench.print_film()
    assert bench.printed[0][0].copies == 3
    assert (
        refusal(lambda: bench.hierarchy.set(BasicFilmSession, "1.9", attributes(NumberOfCopies=3))) == 0x0112
    )


# --- film box ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("display_format", "count"),
    [
        (r"STANDARD\2,3", 6),
        (r"ROW\1,2,3", 6),
        (r"COL\4", 4),
        ("SLIDE", 12),
        ("SUPERSLIDE", 4),
        (r"CUSTOM\7", 5),
    ],
)
def test_image_boxes_come_from_the_display_format(display_format: str, count: int) -> None:
    bench = Bench(image_boxes={"SLIDE": 12, "SUPERSLIDE": 4, r"CUSTOM\7": 5})
    bench.session()
    assert len(set(bench.film(display_format=display_format))) == count


@pytest.mark.parametrize(
    "display_format",
    [
        "STANDARD",
        r"STANDARD\2",
        r"STANDARD\2,0",
        r"STANDARD\2,2,2",
        r"STANDARD\1000,1000",
        r"STANDARD\99999,1",
        r"STANDARD\-1,2",
        r"ROW\ ",
        r"SLIDE\1",
        r"CUSTOM\8",
        "PILE",
        "ROW\\" + ",".join(["1"] * 200),
    ],
)
def test_display_formats_that_are_none(bench: Bench, display_format: str) -> None:
    assert refusal(lambda: bench.film(display_format=display_format)) == 0x0106


def test_display_formats_as_text() -> None:
    for text in (r"STANDARD\2,3", r"ROW\1,2", "SLIDE", r"CUSTOM\7"):
        assert str(DisplayFormat.parse(text)) == text


def test_what_a_film_box_cannot_do_without(bench: Bench) -> None:
    no_session = film()
    del no_session.ReferencedFilmSessionSequence
    no_format, empty_format = film(), film("")
    del no_format.ImageDisplayFormat
    empty_session = film()
    empty_session.ReferencedFilmSessionSequence = []

    def status(given: Dataset) -> int:
        return refusal(lambda: bench.hierarchy.create(BasicFilmBox, FILM, given))

    assert [status(each) for each in (no_session, no_format)] == [0x0120, 0x0120]
    assert [status(each) for each in (empty_format, empty_session)] == [0x0121, 0x0121]
    assert status(film(session="1.9")) == 0x0106


def test_a_film_box_needs_a_session() -> None:
    assert refusal(lambda: Bench().film()) == 0x0106


def test_a_film_box_has_defaults_and_refers_to_its_boxes(bench: Bench) -> None:
    reply = bench.hierarchy.create(BasicFilmBox, FILM, film(FilmOrientation="LANDSCAPE")).attributes
    assert reply is not None
    assert (reply.FilmOrientation, reply.FilmSizeID) == ("LANDSCAPE", "14INX17IN")
    assert {item.ReferencedSOPClassUID for item in reply.ReferencedImageBoxSequence} == {
        BasicGrayscaleImageBox
    }
    assert "ReferencedBasicAnnotationBoxSequence" not in reply


def test_names_are_given_once(bench: Bench) -> None:
    bench.film()
    for class_uid in (BasicFilmBox, PresentationLUT):
        assert refusal(lambda: bench.hierarchy.create(class_uid, FILM, film())) == 0x0111  # noqa: B023


def test_densities_out_of_range() -> None:
    bench = Bench(density_range=(20, 300))
    bench.session()
    answer = bench.hierarchy.create(BasicFilmBox, FILM, film(MaxDensity=350, MinDensity=20))
    assert answer.status == 0xB605
    assert bench.hierarchy.set(BasicFilmBox, FILM, attributes(MaxDensity=300)).status == 0x0000


def test_without_collation_a_film_is_printed_before_the_next() -> None:
    bench = Bench(prints_sessions=False)
    bench.session()
    bench.film()
    assert refusal(lambda: bench.film("1.4")) == 0xC616
    bench.print_film()
    assert len(bench.film("1.4")) == 2


def test_only_the_last_film_is_changed_and_printed(bench: Bench) -> None:
    (first, _) = bench.film()
    bench.film("1.4")
    assert refusal(lambda: bench.hierarchy.set(BasicFilmBox, FILM, attributes(MaxDensity=1))) == 0x0110
    assert refusal(bench.print_film) == 0x0110
    assert refusal(lambda: bench.hierarchy.delete(BasicFilmBox, FILM)) == 0x0110
    assert refusal(lambda: bench.set_image(first, image())) == 0x0112
    bench.hierarchy.delete(BasicFilmBox, "1.4")
    assert bench.set_image(first, image()).status == 0x0000


def test_a_display_format_cannot_be_changed(bench: Bench) -> None:
    bench.film()
    assert bench.hierarchy.set(BasicFilmBox, FILM, film(r"STANDARD\9,9")).status == 0x0107
    bench.print_film()
    assert str(bench.printed[0][0].display_format) == r"STANDARD\1,2"


# --- image boxes ------------------------------------------------------------------------------------------


def test_an_image_is_printed_as_it_was_set(bench: Bench) -> None:
    first, second = bench.film()
    assert bench.set_image(second, image(2, Polarity="REVERSE")).status == 0x0000
    assert bench.print_film() == 0x0000
    ((printed,),) = bench.printed
    (only,) = printed.images
    assert only.position == 2 and only.is_reversed
    assert np.array_equal(only.array(), PIXELS)
    assert printed.ae_title == "MODALITY" and first != second


def test_a_film_is_a_copy(bench: Bench) -> None:
    (box, _) = bench.film()
    bench.set_image(box, image())
    bench.print_film()
    bench.set_image(box, image(pixels=PIXELS + 1))
    bench.hierarchy.set(BasicFilmBox, FILM, attributes(Trim="YES"))
    bench.hierarchy.set(BasicFilmSession, SESSION, attributes(NumberOfCopies=9))
    ((printed,),) = bench.printed
    assert np.array_equal(printed.images[0].array(), PIXELS)
    assert "Trim" not in printed.attributes and printed.copies == 1


def test_an_image_is_erased(bench: Bench) -> None:
    (box, _) = bench.film()
    bench.set_image(box, image())
    empty = attributes(ImageBoxPosition=1, BasicGrayscaleImageSequence=[])
    assert bench.set_image(box, empty).status == 0x0000
    assert bench.print_film() == 0xB603
    assert bench.printed[0][0].images == ()


def test_what_an_image_box_refuses(bench: Bench) -> None:
    (box, _) = bench.film()
    no_position, no_image, two = image(), image(), image()
    del no_position.ImageBoxPosition
    del no_image.BasicGrayscaleImageSequence
    two.BasicGrayscaleImageSequence = [*two.BasicGrayscaleImageSequence, Dataset()]
    colour = attributes(ImageBoxPosition=1, BasicColorImageSequence=[Dataset()])
    for changes, status in (
        (no_position, 0x0120),
        (no_image, 0x0120),
        (colour, 0x0120),
        (image(2), 0x0106),
        (two, 0x0106),
        (image(Polarity="UPSIDE DOWN"), 0x0106),
    ):
        assert refusal(lambda: bench.set_image(box, changes)) == status  # noqa: B023
    assert refusal(lambda: bench.set_image("1.9", image())) == 0x0112
    assert refusal(lambda: bench.hierarchy.set(BasicColorImageBox, box, image())) == 0x0118
    assert bench.print_film() == 0xB603


@pytest.mark.parametrize(
    ("keyword", "value", "status"),
    [
        ("Rows", None, 0x0120),
        ("PixelData", None, 0x0120),
        ("Rows", 4, 0x0106),
        ("Columns", 0, 0x0106),
        ("PixelData", b"\0" * 11, 0x0106),
        ("PixelData", b"\0" * 14, 0x0106),
        ("PixelData", b"", 0x0106),
        ("BitsStored", 12, 0x0106),
        ("HighBit", 8, 0x0106),
        ("PixelRepresentation", 1, 0x0106),
        ("SamplesPerPixel", 3, 0x0106),
        ("PhotometricInterpretation", "RGB", 0x0106),
    ],
)
def test_images_that_are_wrong(bench: Bench, keyword: str, value: Any, status: int) -> None:
    (box, _) = bench.film()
    changes = image()
    item = changes.BasicGrayscaleImageSequence[0]
    if value is None:
        del item[keyword]
    else:
        setattr(item, keyword, value)
    assert refusal(lambda: bench.set_image(box, changes)) == status


def test_colour() -> None:
    bench = Bench(image_box_class=BasicColorImageBox)
    bench.session()
    (box, _) = bench.film()
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    item = image_item(pixels, is_color=True)
    changes = attributes(ImageBoxPosition=1, BasicColorImageSequence=[item])
    assert bench.hierarchy.set(BasicColorImageBox, box, changes).status == 0x0000
    bench.print_film()
    assert np.array_equal(bench.printed[0][0].images[0].array(), pixels)
    item.PlanarConfiguration = 0
    assert refusal(lambda: bench.hierarchy.set(BasicColorImageBox, box, changes)) == 0x0106


def test_memory_is_bounded() -> None:
    bench = Bench(memory_limit=1000)
    bench.session()
    first, second = bench.film(size=100)
    bench.set_image(first, image(1), 600)
    assert refusal(lambda: bench.set_image(second, image(2), 301)) == 0xC605
    assert bench.set_image(first, image(1), 500).status == 0x0000  # in the place of the one before
    assert bench.set_image(second, image(2), 400).status == 0x0000
    assert refusal(lambda: bench.film("1.4", size=1)) == 0x0213
    assert refusal(lambda: bench.hierarchy.set(BasicFilmBox, FILM, attributes(Trim="NO"), 1)) == 0x0213
    bench.hierarchy.delete(BasicFilmSession, SESSION)
    assert bench.session().status == 0x0000


def test_the_number_of_films_and_luts_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(print_hierarchy, "FILMS_LIMIT", 1)
    monkeypatch.setattr(print_boxes, "LUTS_LIMIT", 1)
    bench.film()
    assert refusal(lambda: bench.film("1.4")) == 0x0213
    lut = attributes(PresentationLUTShape="IDENTITY")
    bench.hierarchy.create(PresentationLUT, LUT, lut)
    assert refusal(lambda: bench.hierarchy.create(PresentationLUT, "1.5", lut)) == 0x0213
