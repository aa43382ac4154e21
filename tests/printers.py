"""Printers for tests: the rules alone, and a server with them that collects films."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from servers import port_of, serving

from fastdicom import AE, Association
from fastdicom.sop_class import (
    BasicAnnotationBox,
    BasicColorPrintManagementMeta,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    PresentationLUT,
    PrinterConfigurationRetrieval,
    PrintJob,
)
from fastdicom.workflow.print_films import Film, PrinterDescription
from fastdicom.workflow.print_hierarchy import Answer, PrintHierarchy
from fastdicom.workflow.print_pixels import image_item
from fastdicom.workflow.print_provider import PrintProvider
from fastdicom.workflow.print_reports import PrintJobRecord
from fastdicom.workflow.printing import PrintEvents
from fastdicom.workflow.refusal import Refusal

SESSION, FILM, LUT = "1.1", "1.2", "1.3"
HOST = "127.0.0.1"
GRAY, COLOR = BasicGrayscalePrintManagementMeta, BasicColorPrintManagementMeta
EVERYTHING = (GRAY, COLOR, PrintJob, BasicAnnotationBox, PresentationLUT, PrinterConfigurationRetrieval)
PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def attributes(**values: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def referring(uid: str, class_uid: str = BasicFilmSession) -> list[Dataset]:
    return [attributes(ReferencedSOPClassUID=class_uid, ReferencedSOPInstanceUID=uid)]


def film(display_format: str = r"STANDARD\1,2", session: str = SESSION, **values: Any) -> Dataset:
    return attributes(
        ImageDisplayFormat=display_format, ReferencedFilmSessionSequence=referring(session), **values
    )


def image(position: int = 1, pixels: Any = PIXELS, **values: Any) -> Dataset:
    item = image_item(pixels, is_color=False)
    return attributes(ImageBoxPosition=position, BasicGrayscaleImageSequence=[item], **values)


class Bench:
    """A hierarchy whose films are collected."""

    def __init__(
        self, status: int = 0x0000, image_box_class: str = BasicGrayscaleImageBox, **printer: Any
    ) -> None:
        self.printed: list[Sequence[Film]] = []
        self.status = status
        self.hierarchy = PrintHierarchy(
            PrinterDescription(**printer), self.print_films, image_box_class, "MODALITY"
        )

    def print_films(self, films: Sequence[Film]) -> int:
        self.printed.append(films)
        return self.status

    def session(self, **values: Any) -> Answer:
        return self.hierarchy.create(BasicFilmSession, SESSION, attributes(**values))

    def film(self, uid: str = FILM, *, size: int = 0, **values: Any) -> list[str]:
        """Create a film box; return its image boxes."""
        reply = self.hierarchy.create(BasicFilmBox, uid, film(**values), size).attributes
        assert reply is not None
        return [item.ReferencedSOPInstanceUID for item in reply.ReferencedImageBoxSequence]

    def set_image(self, uid: str, changes: Dataset, size: int = 0) -> Answer:
        return self.hierarchy.set(BasicGrayscaleImageBox, uid, changes, size)

    def print_film(self, uid: str = FILM) -> int:
        return self.hierarchy.act(BasicFilmBox, uid, 1).status

    def print_session(self) -> int:
        return self.hierarchy.act(BasicFilmSession, SESSION, 1).status


def refusal(act: Callable[[], Any]) -> int:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.status


class OurPrinter:
    """A printer that collects films."""

    def __init__(self, sop_classes: Sequence[str] = EVERYTHING, **description: Any) -> None:
        self.films: list[Film] = []
        self.jobs: list[PrintJobRecord] = []
        self.status: Any = None
        self.provider = PrintProvider(self.print_films, PrinterDescription(**description))
        self.ae = AE("PRINTER")
        for uid in sop_classes:
            self.ae.add_supported_context(uid)

    def print_films(self, films: Sequence[Film], job: PrintJobRecord) -> Any:
        self.films.extend(films)
        self.jobs.append(job)
        if isinstance(self.status, Exception):
            raise self.status
        return self.status

    @contextmanager
    def running(self) -> Iterator[int]:
        with serving(self.ae, self.provider.handlers) as server:
            yield port_of(server)
        self.provider.close()

    @contextmanager
    def associated(
        self, sop_classes: Sequence[str] | None = None, events: PrintEvents | None = None
    ) -> Iterator[Association]:
        ae = AE("MODALITY")
        for uid in sop_classes or [str(context.abstract_syntax) for context in self.ae.supported_contexts]:
            ae.add_requested_context(uid)
        handlers = None if events is None else events.handlers
        with self.running() as port, ae.associate(HOST, port, evt_handlers=handlers) as association:
            yield association
