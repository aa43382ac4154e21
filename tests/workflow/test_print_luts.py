"""Annotations, presentation LUTs, printing and deleting at a print SCP, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from printers import FILM, LUT, SESSION, Bench, attributes, film, image, referring, refusal
from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    BasicAnnotationBox,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    PresentationLUT,
    Printer,
)
from fastdicom.workflow.print_films import Film, PrinterDescription
from fastdicom.workflow.print_hierarchy import PrintHierarchy
from fastdicom.workflow.refusal import Refusal


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.session()
    return bench


# --- annotation boxes -------------------------------------------------------------------------------------


def test_annotations() -> None:
    bench = Bench(annotation_boxes={"LABEL": 2})
    bench.session()
    reply = bench.hierarchy.create(BasicFilmBox, FILM, film(AnnotationDisplayFormatID="LABEL")).attributes
    assert reply is not None
    _, second = (item.ReferencedSOPInstanceUID for item in reply.ReferencedBasicAnnotationBoxSequence)
    hierarchy = bench.hierarchy
    text = attributes(AnnotationPosition=2, TextString="left")
    assert hierarchy.set(BasicAnnotationBox, second, text).status == 0x0000
    assert (
        refusal(lambda: hierarchy.set(BasicAnnotationBox, second, attributes(AnnotationPosition=1))) == 0x0106
    )
    assert refusal(lambda: hierarchy.set(BasicAnnotationBox, second, attributes(TextString="a"))) == 0x0120
    assert refusal(lambda: hierarchy.set(BasicAnnotationBox, "1.9", text)) == 0x0112
    bench.print_film()
    assert bench.printed[0][0].annotations == ("", "left")


# --- presentation LUTs ------------------------------------------------------------------------------------


def table(**values: Any) -> Dataset:
    item = attributes(LUTDescriptor=[256, 0, 12])
    item.add_new(0x00283006, "OW", b"\1\2" * 256)
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return attributes(PresentationLUTSequence=[item])


def test_luts(bench: Bench) -> None:
    create = bench.hierarchy.create
    assert create(PresentationLUT, LUT, attributes(PresentationLUTShape="IDENTITY")).status == 0x0000
    assert create(PresentationLUT, "1.5", table()).status == 0x0000
    (box, other) = bench.film(ReferencedPresentationLUTSequence=referring(LUT, PresentationLUT))
    bench.set_image(box, image())
    bench.set_image(other, image(2, ReferencedPresentationLUTSequence=referring("1.5", PresentationLUT)))
    bench.print_film()
    first, second = bench.printed[0][0].images
    assert first.lut is not None and first.lut.PresentationLUTShape == "IDENTITY"
    assert second.lut is not None and len(second.lut.PresentationLUTSequence) == 1


@pytest.mark.parametrize(
    ("lut", "status"),
    [
        (Dataset(), 0x0120),
        (attributes(PresentationLUTShape="CURVED"), 0x0106),
        (table(LUTDescriptor=[255, 0, 12]), 0x0106),
        (table(LUTDescriptor=[256, 1, 12]), 0x0106),
        (table(LUTDescriptor=[256, 0, 8]), 0x0106),
        (table(LUTDescriptor=256), 0x0106),
        (table(LUTData=b"\1\2"), 0x0106),
        (attributes(PresentationLUTSequence=[Dataset()]), 0x0120),
    ],
)
def test_luts_that_are_wrong(bench: Bench, lut: Dataset, status: int) -> None:
    assert refusal(lambda: bench.hierarchy.create(PresentationLUT, LUT, lut)) == status


def test_a_lut_is_a_shape_or_a_table(bench: Bench) -> None:
    both = table()
    both.PresentationLUTShape = "LIN OD"
    assert refusal(lambda: bench.hierarchy.create(PresentationLUT, LUT, both)) == 0x0106


def test_a_deleted_lut_lasts_for_what_refers_to_it(bench: Bench) -> None:
    hierarchy = bench.hierarchy
    reference = {"ReferencedPresentationLUTSequence": referring(LUT, PresentationLUT)}
    assert refusal(lambda: bench.film(**reference)) == 0x0106
    hierarchy.create(PresentationLUT, LUT, attributes(PresentationLUTShape="LIN OD"))
    (box, other) = bench.film(**reference)
    hierarchy.delete(PresentationLUT, LUT)
    assert refusal(lambda: hierarchy.delete(PresentationLUT, LUT)) == 0x0112
    assert refusal(lambda: bench.set_image(other, image(2, **reference))) == 0x0106
    bench.set_image(box, image())
    bench.print_film()
    assert bench.printed[0][0].images[0].lut is not None
    hierarchy.delete(BasicFilmSession, SESSION)
    assert LUT not in hierarchy._luts


# --- printing ---------------------------------------------------------------------------------------------


def test_a_session_is_printed_whole(bench: Bench) -> None:
    (box, _) = bench.film()
    bench.set_image(box, image())
    bench.film("1.4")
    assert bench.print_session() == 0x0000
    assert [len(each.images) for each in bench.printed[0]] == [1, 0]


def test_printing_what_is_empty(bench: Bench) -> None:
    assert refusal(bench.print_session) == 0xC600
    bench.film()
    assert bench.print_session() == 0xB602
    assert bench.print_film() == 0xB603
    assert len(bench.printed) == 2


def test_a_session_without_collation() -> None:
    bench = Bench(prints_sessions=False)
    bench.session()
    (box, _) = bench.film()
    bench.set_image(box, image())
    assert bench.print_session() == 0xB601


def test_what_the_printer_says_comes_first() -> None:
    bench = Bench(status=0xB604)
    bench.session()
    bench.film()
    assert bench.print_film() == 0xB604


def test_a_printer_that_cannot_print_has_not_printed() -> None:
    bench = Bench(prints_sessions=False)

    def full(films: Sequence[Film]) -> int:
        raise Refusal(0xC602, "full")

    bench.hierarchy = PrintHierarchy(PrinterDescription(prints_sessions=False), full)
    bench.session()
    bench.film()
    assert refusal(bench.print_film) == 0xC602
    assert refusal(lambda: bench.film("1.4")) == 0xC616


def test_what_cannot_be_done(bench: Bench) -> None:
    hierarchy = bench.hierarchy
    bench.film()
    assert refusal(lambda: hierarchy.act(BasicFilmBox, FILM, 2)) == 0x0123
    assert refusal(lambda: hierarchy.act(BasicFilmBox, "1.9", 1)) == 0x0112
    assert refusal(lambda: hierarchy.act(BasicFilmSession, "1.9", 1)) == 0x0112
    assert refusal(lambda: hierarchy.act(BasicGrayscaleImageBox, FILM, 1)) == 0x0118
    assert refusal(lambda: hierarchy.create(BasicGrayscaleImageBox, "1.9", Dataset())) == 0x0118
    assert refusal(lambda: hierarchy.set(Printer, FILM, Dataset())) == 0x0118
    assert refusal(lambda: hierarchy.delete(BasicGrayscaleImageBox, FILM)) == 0x0118


# --- deleting ---------------------------------------------------------------------------------------------


def test_a_session_is_deleted_with_all_in_it(bench: Bench) -> None:
    (box, _) = bench.film()
    bench.hierarchy.delete(BasicFilmSession, SESSION)
    assert refusal(lambda: bench.set_image(box, image())) == 0x0112
    assert refusal(bench.print_film) == 0x0112
    assert refusal(lambda: bench.hierarchy.delete(BasicFilmSession, SESSION)) == 0x0112
    bench.session()
    assert refusal(bench.print_session) == 0xC600
    assert bench.film(FILM) != [box]


def test_a_film_is_deleted_with_its_boxes(bench: Bench) -> None:
    (box, _) = bench.film()
    bench.hierarchy.delete(BasicFilmBox, FILM)
    assert refusal(lambda: bench.set_image(box, image())) == 0x0112
    assert refusal(lambda: bench.hierarchy.delete(BasicFilmBox, FILM)) == 0x0112
    assert refusal(bench.print_session) == 0xC600
