"""A print session as SCU: films are composed at the printer, box by box, and printed (PS3.4 Annex H).

A session belongs to its association, and at its end the printer forgets it. Failures are raised as
`PrintError`; what the printer warns of is done all the same, and collected in `PrintSession.warnings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset

from fastdicom.errors import FastdicomError
from fastdicom.sop_class import (
    BasicAnnotationBox,
    BasicColorImageBox,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    PresentationLUT,
)
from fastdicom.workflow import print_attributes as tables
from fastdicom.workflow.print_pixels import COLOR_SEQUENCE, GRAYSCALE_SEQUENCE, image_item
from fastdicom.workflow.print_requests import (
    PrinterGone,
    PrintError,
    PrintRequests,
    PrintWarning,
    meta_class,
)
from fastdicom.workflow.print_status import (
    Job,
    JobStatus,
    PrinterStatus,
    PrintEvents,
    printer_configuration,
    printer_status,
)

__all__ = [
    "AnnotationBox",
    "FilmBox",
    "ImageBox",
    "Job",
    "JobStatus",
    "PrintError",
    "PrintEvents",
    "PrintLut",
    "PrintSession",
    "PrintWarning",
    "PrinterGone",
    "PrinterStatus",
    "printer_configuration",
    "printer_status",
]

# PS3.4 H.4.2.2.4 has (2100,0500); some printers use (2120,0070), of the retired print queue.
_JOB_SEQUENCES = (0x21000500, 0x21200070)


def _attributes(rules: tables.Rules, given: dict[str, Any]) -> Dataset:
    """Return those attributes that are given, or raise what is wrong with one of them."""
    attributes = Dataset()
    for keyword, value in given.items():
        if value is None:
            continue
        if keyword not in rules:
            raise ValueError(f"{keyword} is no attribute that can be set here (PS3.4 Annex H)")
        setattr(attributes, keyword, value)
    for fault in tables.faults(attributes, rules):
        raise ValueError(f"{fault} (PS3.4 Annex H)")
    return attributes


def _reference(class_uid: str, instance_uid: str) -> list[Dataset]:
    item = Dataset()
    item.ReferencedSOPClassUID = class_uid
    item.ReferencedSOPInstanceUID = instance_uid
    return [item]


def _referenced(items: Iterable[Dataset] | None) -> list[tuple[str, str]]:
    return [
        (str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", "")))
        for item in items or ()
    ]


def _lut_reference(lut: PrintLut | None) -> list[Dataset] | None:
    return None if lut is None else _reference(PresentationLUT, lut.uid)


class PrintSession:
    """A film session: what its films have in common (PS3.4 H.4.1).

    It is created at the printer at once. Used as a context manager it is deleted there in the end.

    Parameters
    ----------
    association
        An association on which Basic Grayscale or Basic Color Print Management Meta was accepted, or their
        members one by one.
    is_color
        Whether films have image boxes for colour.
    copies
        Number of Copies of each film; the printer's choice when None, as for all that follows.
    priority
        Print Priority: HIGH, MED or LOW.
    medium
        Medium Type: PAPER, CLEAR FILM, BLUE FILM and others.
    destination
        Film Destination: MAGAZINE, PROCESSOR, BIN_1 and others.
    label
        Film Session Label.
    events
        What takes the events of the association, which tell of jobs; None when nothing does.
    **attributes
        Further attributes of PS3.4 Table H.4-2, by keyword.

    Attributes
    ----------
    uid
        The SOP Instance UID.
    attributes
        What the printer has made of the attributes.
    warnings
        What the printer has warned of, in this session.

    Raises
    ------
    PrintError
        When the printer refuses.
    PrinterGone
        When it does not answer.
    ValueError
        When an attribute cannot be so, or no presentation context fits. Nothing was sent.
    """

    def __init__(
        self,
        association: Any,
        *,
        is_color: bool = False,
        copies: int | None = None,
        priority: str | None = None,
        medium: str | None = None,
        destination: str | None = None,
        label: str | None = None,
        events: PrintEvents | None = None,
        **attributes: Any,
    ) -> None:
        given = {
            "NumberOfCopies": copies,
            "PrintPriority": priority,
            "MediumType": medium,
            "FilmDestination": destination,
            "FilmSessionLabel": label,
            **attributes,
        }
        self.is_color = is_color
        self.association = association
        self.events = events
        self.requests = PrintRequests(association, meta_class(association, is_color=is_color))
        self.uid, self.attributes = self.requests.create(
            "N-CREATE of the film session",
            BasicFilmSession,
            _attributes(tables.FILM_SESSION, given),
            in_meta=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.delete()
        elif self.association.is_established:
            try:
                self.delete()
            except FastdicomError as failure:
                if error is not None:
                    error.add_note(f"the film session could not be deleted: {failure}")

    @property
    def warnings(self) -> list[PrintWarning]:
        """What the printer has warned of."""
        return self.requests.warnings

    def set(self, **attributes: Any) -> None:
        """Change attributes, by keyword (N-SET, PS3.4 H.4.1.2.2)."""
        changes = _attributes(tables.FILM_SESSION, attributes)
        reply = self.requests.set(
            "N-SET of the film session", BasicFilmSession, self.uid, changes, in_meta=True
        )
        self.attributes.update(changes)
        self.attributes.update(reply)

    def add_film(
        self,
        display_format: str,
        *,
        orientation: str | None = None,
        size: str | None = None,
        lut: PrintLut | None = None,
        **attributes: Any,
    ) -> FilmBox:
        r"""Create a film box, and its image boxes with it (N-CREATE, PS3.4 H.4.2.2.1).

        Parameters
        ----------
        display_format
            Image Display Format: ``STANDARD\2,3`` for two columns and three rows, ``ROW\…``, ``COL\…``,
            ``SLIDE``, ``SUPERSLIDE``, ``CUSTOM\…``.
        orientation
            PORTRAIT or LANDSCAPE.
        size
            Film Size ID: 8INX10IN, 14INX17IN, 24CMX30CM, A4 and others.
        lut
            A presentation LUT for all images.
        **attributes
            Further attributes of PS3.4 Table H.4-5, by keyword.

        Raises
        ------
        PrintError, PrinterGone, ValueError
            As for `PrintSession`.
        """
        given = {
            "ImageDisplayFormat": display_format,
            "FilmOrientation": orientation,
            "FilmSizeID": size,
            "ReferencedPresentationLUTSequence": _lut_reference(lut),
            **attributes,
            "ReferencedFilmSessionSequence": _reference(BasicFilmSession, self.uid),
        }
        return FilmBox(self, _attributes(tables.FILM_BOX, given))

    def add_lut(self, shape: str | None = None, *, table: Dataset | None = None) -> PrintLut:
        """Create a presentation LUT (N-CREATE, PS3.4 H.4.9.2.1).

        Parameters
        ----------
        shape
            IDENTITY or LIN OD.
        table
            Or else an item with LUT Descriptor and LUT Data.
        """
        if (shape is None) == (table is None):
            raise ValueError("either a Presentation LUT Shape or a table is needed (PS3.4 Table H.4-23)")
        given = {
            "PresentationLUTShape": shape,
            "PresentationLUTSequence": None if table is None else [table],
        }
        return PrintLut(self, _attributes(tables.PRESENTATION_LUT, given))

    def print(self) -> Job | None:
        """Print all films (N-ACTION, PS3.4 H.4.1.2.4). Not every printer does that: see `FilmBox.print`.

        Returns
        -------
        Job
            The print job; None when the printer does not tell of jobs.
        """
        return _job(self, self.requests.act("N-ACTION of the film session", BasicFilmSession, self.uid))

    def delete(self) -> None:
        """Delete the session and all in it (N-DELETE, PS3.4 H.4.1.2.3). Jobs go on."""
        self.requests.delete("N-DELETE of the film session", BasicFilmSession, self.uid, in_meta=True)


class PrintLut:
    """A presentation LUT at the printer (PS3.4 H.4.9). It lasts as long as the association.

    Attributes
    ----------
    uid
        The SOP Instance UID.
    """

    def __init__(self, session: PrintSession, attributes: Dataset) -> None:
        self._requests = session.requests
        self.uid, _ = self._requests.create(
            "N-CREATE of a presentation LUT", PresentationLUT, attributes, in_meta=False
        )

    def delete(self) -> None:
        """Delete it (N-DELETE)."""
        self._requests.delete("N-DELETE of a presentation LUT", PresentationLUT, self.uid, in_meta=False)


class FilmBox:
    """A film: its boxes take the images (PS3.4 H.4.2). `PrintSession.add_film` makes it.

    Attributes
    ----------
    uid
        The SOP Instance UID.
    attributes
        What the printer has made of the attributes.
    image_boxes
        The image boxes, in the order of their positions.
    annotation_boxes
        The annotation boxes; none unless Annotation Display Format ID was given.
    """

    def __init__(self, session: PrintSession, attributes: Dataset) -> None:
        self._session = session
        requests = session.requests
        self.uid, self.attributes = requests.create(
            "N-CREATE of a film box", BasicFilmBox, attributes, in_meta=True
        )
        images = _referenced(self.attributes.get("ReferencedImageBoxSequence"))
        if not images:
            raise PrinterGone("N-CREATE of a film box: the printer returned no (2010,0510) image boxes")
        self.image_boxes = tuple(
            ImageBox(session, class_uid, uid, position) for position, (class_uid, uid) in enumerate(images, 1)
        )
        annotations = _referenced(self.attributes.get("ReferencedBasicAnnotationBoxSequence"))
        self.annotation_boxes = tuple(
            AnnotationBox(session, uid, position) for position, (_, uid) in enumerate(annotations, 1)
        )

    def set(self, **attributes: Any) -> None:
        """Change attributes, by keyword (N-SET, PS3.4 H.4.2.2.2)."""
        changes = _attributes(tables.FILM_BOX_SET, attributes)
        reply = self._session.requests.set(
            "N-SET of a film box", BasicFilmBox, self.uid, changes, in_meta=True
        )
        self.attributes.update(changes)
        self.attributes.update(reply)

    def print(self) -> Job | None:
        """Print this film, which has to be the last one that was created (N-ACTION, PS3.4 H.4.2.2.4).

        Returns
        -------
        Job
            The print job; None when the printer does not tell of jobs.
        """
        reply = self._session.requests.act("N-ACTION of a film box", BasicFilmBox, self.uid)
        return _job(self._session, reply)

    def delete(self) -> None:
        """Delete it, and its boxes (N-DELETE, PS3.4 H.4.2.2.3)."""
        self._session.requests.delete("N-DELETE of a film box", BasicFilmBox, self.uid, in_meta=True)


class ImageBox:
    """The place of one image on a film (PS3.4 H.4.3).

    Attributes
    ----------
    uid
        The SOP Instance UID.
    position
        The Image Box Position, from 1.
    """

    def __init__(self, session: PrintSession, class_uid: str, uid: str, position: int) -> None:
        expected = BasicColorImageBox if session.is_color else BasicGrayscaleImageBox
        self._session = session
        self._class_uid = class_uid or str(expected)
        self.uid = uid
        self.position = position

    def set(
        self,
        image: Any,
        *,
        photometric: str | None = None,
        polarity: str | None = None,
        lut: PrintLut | None = None,
        **attributes: Any,
    ) -> Dataset:
        """Put an image here, in the place of the one before (N-SET, PS3.4 H.4.3.1.2.1).

        Parameters
        ----------
        image
            A Dataset with an image of 8 or 12 bits, or an array: rows by columns, of uint8, or of uint16 up
            to 4095; in a colour session rows by columns by 3, of uint8.
        photometric
            MONOCHROME1 or MONOCHROME2; that of the Dataset, or MONOCHROME2.
        polarity
            NORMAL or REVERSE.
        lut
            A presentation LUT.
        **attributes
            Further attributes of PS3.4 Table H.4-10, by keyword.

        Returns
        -------
        pydicom.Dataset
            What the printer says of the attributes.

        Raises
        ------
        PrintError, PrinterGone, ValueError
            As for `PrintSession`.
        """
        is_color = self._session.is_color
        item = image_item(image, is_color=is_color, photometric=photometric)
        return self._set(
            [item],
            {
                "Polarity": polarity,
                "ReferencedPresentationLUTSequence": _lut_reference(lut),
                **attributes,
            },
        )

    def erase(self) -> None:
        """Take the image away again (PS3.4 H.4.3.1.2.1)."""
        self._set([], {})

    def _set(self, items: list[Dataset], given: dict[str, Any]) -> Dataset:
        sequence = COLOR_SEQUENCE if self._session.is_color else GRAYSCALE_SEQUENCE
        attributes = _attributes(
            tables.IMAGE_BOX, {"ImageBoxPosition": self.position, **given, sequence: items}
        )
        return self._session.requests.set(
            "N-SET of an image box", self._class_uid, self.uid, attributes, in_meta=True
        )


class AnnotationBox:
    """The place of a line of text on a film (PS3.4 H.4.4).

    Attributes
    ----------
    uid
        The SOP Instance UID.
    position
        The Annotation Position, from 1.
    """

    def __init__(self, session: PrintSession, uid: str, position: int) -> None:
        self._session = session
        self.uid = uid
        self.position = position

    def set(self, text: str) -> None:
        """Put a text here (N-SET)."""
        attributes = _attributes(
            tables.ANNOTATION_BOX, {"AnnotationPosition": self.position, "TextString": text}
        )
        self._session.requests.set(
            "N-SET of an annotation box", BasicAnnotationBox, self.uid, attributes, in_meta=False
        )


def _job(session: PrintSession, reply: Dataset) -> Job | None:
    for tag in _JOB_SEQUENCES:
        jobs = _referenced(reply[tag].value) if tag in reply else []
        if jobs and jobs[0][1]:
            return Job(session.association, jobs[0][1], session.events)
    return None
