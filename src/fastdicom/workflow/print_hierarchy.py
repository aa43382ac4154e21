"""The hierarchy of a film session at a print SCP, and its rules (PS3.4 H.3, H.4).

One object for each association: a session, its films, their boxes, and presentation LUTs. It knows nothing of
the network. A request comes in as its attributes; what goes out is a status and attributes, or a `Refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from pydicom.dataset import Dataset

from fastdicom.sop_class import (
    BasicAnnotationBox,
    BasicColorImageBox,
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    PresentationLUT,
)
from fastdicom.workflow import print_attributes as tables
from fastdicom.workflow.print_attributes import DisplayFormat
from fastdicom.workflow.print_boxes import Box, FilmBox, FilmSession, Luts
from fastdicom.workflow.print_checks import (
    DUPLICATE_SOP_INSTANCE,
    EMPTY_FILM,
    EMPTY_SESSION,
    FILM_NOT_PRINTED,
    NO_COLLATION,
    NO_FILM_BOXES,
    NO_SUCH_ACTION,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
    OUT_OF_MEMORY,
    RESOURCE_LIMITATION,
    check_lut,
    check_position,
    checked,
    fill,
    require,
    status_of,
)
from fastdicom.workflow.print_films import Film, FilmImage, PrinterDescription
from fastdicom.workflow.print_pixels import (
    COLOR_SEQUENCE,
    GRAYSCALE_SEQUENCE,
    INVALID_ATTRIBUTE_VALUE,
    MISSING_ATTRIBUTE,
    check_item,
)
from fastdicom.workflow.refusal import Refusal

FILMS_LIMIT = 1000

PRINT = 1  # Action Type ID, PS3.4 Tables H.4-4 and H.4-8

# What the SCP decides when the SCU does not (PS3.4 H.2.4), unless the printer's terms say otherwise.
_SESSION_DEFAULTS: Mapping[str, str | int] = MappingProxyType(
    {
        "NumberOfCopies": 1,
        "PrintPriority": "MED",
        "MediumType": "BLUE FILM",
        "FilmDestination": "PROCESSOR",
    }
)
_FILM_DEFAULTS: Mapping[str, str | int] = MappingProxyType(
    {"FilmOrientation": "PORTRAIT", "FilmSizeID": "14INX17IN", "MagnificationType": "CUBIC"}
)

_PIXELS = MappingProxyType(
    {str(BasicGrayscaleImageBox): GRAYSCALE_SEQUENCE, str(BasicColorImageBox): COLOR_SEQUENCE}
)


class Answer(NamedTuple):
    """What a request that has been done is answered with."""

    status: int
    attributes: Dataset | None = None


PrintFilms: TypeAlias = Callable[[Sequence[Film]], int]
"""Prints films, and returns a status: success, or a warning of PS3.4 H.4."""


class PrintHierarchy:
    """The film session of one association.

    What breaks a rule raises `Refusal`, and nothing has changed then.

    Parameters
    ----------
    printer
        What the printer can do.
    print_films
        Called with copies of the films that are to be printed; raises `Refusal` when that is not possible.
    image_box_class
        Basic Grayscale or Basic Color Image Box: what film boxes get.
    ae_title
        Who prints.
    """

    def __init__(
        self,
        printer: PrinterDescription,
        print_films: PrintFilms,
        image_box_class: str = BasicGrayscaleImageBox,
        ae_title: str = "",
    ) -> None:
        self._printer = printer
        self._print_films = print_films
        self._image_box_class = str(image_box_class)
        self._ae_title = ae_title
        self._session: FilmSession | None = None
        self._luts = Luts()

    def expect(self, image_box_class: str) -> None:
        """Have the next film session's films get other image boxes; nothing happens to one that there is."""
        if self._session is None:
            self._image_box_class = str(image_box_class)

    # N-CREATE

    def create(self, class_uid: str, instance_uid: str, attributes: Dataset, size: int = 0) -> Answer:
        """Create a film session, a film box or a presentation LUT.

        Parameters
        ----------
        class_uid, instance_uid
            Its SOP class, and its name.
        attributes
            The Attribute List.
        size
            How many bytes that is, encoded.
        """
        creators = {
            str(BasicFilmSession): self._create_session,
            str(BasicFilmBox): self._create_film,
            str(PresentationLUT): self._create_lut,
        }
        creator = creators.get(str(class_uid))
        if creator is None:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} cannot be created")
        uid = str(instance_uid)
        session = self._session
        if uid in self._luts or (session is not None and (uid == session.uid or uid in session.films)):
            raise Refusal(DUPLICATE_SOP_INSTANCE, "SOP Instance UID is in use")
        return creator(uid, attributes, size)

    def _create_session(self, uid: str, attributes: Dataset, size: int) -> Answer:
        if self._session is not None:
            raise Refusal(DUPLICATE_SOP_INSTANCE, "the association has a film session already")
        kept = checked(attributes, tables.FILM_SESSION, self._printer.terms)
        self._check_memory(size, RESOURCE_LIMITATION)
        self._luts.check_reference(kept)
        fill(kept, _SESSION_DEFAULTS, self._printer.terms)
        self._session = FilmSession(uid, kept, size)
        return Answer(status_of(attributes, tables.FILM_SESSION), _copied(kept))

    def _create_film(self, uid: str, attributes: Dataset, size: int) -> Answer:
        kept = checked(attributes, tables.FILM_BOX, self._printer.terms)
        for keyword in ("ImageDisplayFormat", "ReferencedFilmSessionSequence"):
            require(attributes, keyword)
        session = self._referenced_session(attributes)
        last = session.last_film
        if last is not None and not last.is_printed and not self._printer.prints_sessions:
            raise Refusal(FILM_NOT_PRINTED, "the film before has not been printed")
        if len(session.films) >= FILMS_LIMIT:
            raise Refusal(RESOURCE_LIMITATION, f"{FILMS_LIMIT} films are in this session")
        self._check_memory(size, RESOURCE_LIMITATION)
        self._luts.check_reference(kept)
        fill(kept, _FILM_DEFAULTS, self._printer.terms)
        film = FilmBox(uid, kept, size)
        film.images = _boxes(self._image_box_class, self._image_boxes(kept))
        lines = self._printer.annotation_boxes.get(str(kept.get("AnnotationDisplayFormatID") or ""), 0)
        film.annotations = _boxes(BasicAnnotationBox, lines)
        session.films[uid] = film
        reply = _copied(kept)
        reply.ReferencedImageBoxSequence = [box.reference() for box in film.images]
        if film.annotations:
            reply.ReferencedBasicAnnotationBoxSequence = [box.reference() for box in film.annotations]
        return Answer(status_of(attributes, tables.FILM_BOX, self._printer.density_range), reply)

    def _referenced_session(self, attributes: Dataset) -> FilmSession:
        uid = str(attributes.ReferencedFilmSessionSequence[0].get("ReferencedSOPInstanceUID") or "")
        if self._session is None or self._session.uid != uid:
            raise Refusal(INVALID_ATTRIBUTE_VALUE, "ReferencedFilmSessionSequence names no film session")
        return self._session

    def _image_boxes(self, attributes: Dataset) -> int:
        display_format = DisplayFormat.parse(str(attributes.ImageDisplayFormat))
        count = display_format.image_boxes
        if count is None:
            count = self._printer.image_boxes.get(str(display_format))
        if count is None:
            raise Refusal(INVALID_ATTRIBUTE_VALUE, f"ImageDisplayFormat {display_format} is not known here")
        return count

    def _create_lut(self, uid: str, attributes: Dataset, size: int) -> Answer:
        kept = checked(attributes, tables.PRESENTATION_LUT, self._printer.terms)
        check_lut(kept)
        self._check_memory(size, RESOURCE_LIMITATION)
        self._luts.add(uid, kept, size)
        return Answer(status_of(attributes, tables.PRESENTATION_LUT), kept)

    # N-SET

    def set(self, class_uid: str, instance_uid: str, attributes: Dataset, size: int = 0) -> Answer:
        """Change a film session, a film box, an image box or an annotation box.

        Parameters
        ----------
        class_uid, instance_uid
            What it is.
        attributes
            The Modification List.
        size
            How many bytes that is, encoded.
        """
        setters = {
            str(BasicFilmSession): self._set_session,
            str(BasicFilmBox): self._set_film,
            str(BasicAnnotationBox): self._set_annotation,
            self._image_box_class: self._set_image,
        }
        setter = setters.get(str(class_uid))
        if setter is None:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} cannot be set here")
        return setter(self._find_session(), str(instance_uid), attributes, size)

    def _set_session(self, session: FilmSession, uid: str, attributes: Dataset, size: int) -> Answer:
        self._find_session(uid)
        changes = checked(attributes, tables.FILM_SESSION, self._printer.terms)
        self._check_memory(size, RESOURCE_LIMITATION)
        self._luts.check_reference(changes)
        session.attributes.update(changes)
        session.own_size += size
        return Answer(status_of(attributes, tables.FILM_SESSION), changes)

    def _set_film(self, session: FilmSession, uid: str, attributes: Dataset, size: int) -> Answer:
        film = session.find_film(uid)
        changes = checked(attributes, tables.FILM_BOX_SET, self._printer.terms)
        self._check_memory(size, RESOURCE_LIMITATION)
        self._luts.check_reference(changes)
        film.attributes.update(changes)
        film.size += size
        return Answer(status_of(attributes, tables.FILM_BOX_SET, self._printer.density_range), changes)

    def _set_image(self, session: FilmSession, uid: str, attributes: Dataset, size: int) -> Answer:
        box = session.find_box(self._image_box_class, uid)
        changes = checked(attributes, tables.IMAGE_BOX, self._printer.terms)
        check_position(attributes, "ImageBoxPosition", box.position)
        sequence = _PIXELS[self._image_box_class]
        if sequence not in attributes:
            raise Refusal(MISSING_ATTRIBUTE, f"{sequence} is missing")
        items = list(attributes.get(sequence) or ())
        if len(items) > 1:
            raise Refusal(INVALID_ATTRIBUTE_VALUE, f"{sequence} has {len(items)} items; one is allowed")
        if items:
            check_item(items[0], sequence)
        self._luts.check_reference(changes)
        self._check_memory(size - box.size, OUT_OF_MEMORY)
        if sequence in changes:
            del changes[sequence]
        # An empty sequence erases the image (PS3.4 H.4.3.1.2.1.3).
        box.attributes, box.item, box.size = changes, (items[0] if items else None), size
        status = status_of(attributes, tables.IMAGE_BOX, self._printer.density_range)
        return Answer(status, _copied(changes))

    def _set_annotation(self, session: FilmSession, uid: str, attributes: Dataset, size: int) -> Answer:
        box = session.find_box(str(BasicAnnotationBox), uid)
        changes = checked(attributes, tables.ANNOTATION_BOX, self._printer.terms)
        check_position(attributes, "AnnotationPosition", box.position)
        self._check_memory(size - box.size, RESOURCE_LIMITATION)
        box.attributes, box.size = changes, size
        return Answer(status_of(attributes, tables.ANNOTATION_BOX), _copied(changes))

    # N-ACTION

    def act(self, class_uid: str, instance_uid: str, action_type: int) -> Answer:
        """Print a film session or a film box.

        Parameters
        ----------
        class_uid, instance_uid
            What it is.
        action_type
            The Action Type ID; 1 prints.
        """
        if action_type != PRINT:
            raise Refusal(NO_SUCH_ACTION, f"Action Type ID is {action_type}; 1 prints")
        if class_uid == BasicFilmSession:
            return self._print_session(self._find_session(str(instance_uid)))
        if class_uid == BasicFilmBox:
            session = self._find_session()
            return self._print(session, [session.find_film(str(instance_uid))], EMPTY_FILM, 0x0000)
        raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} cannot be printed")

    def _print_session(self, session: FilmSession) -> Answer:
        films = list(session.films.values())
        if not films:
            raise Refusal(NO_FILM_BOXES, "the film session has no film boxes")
        if self._printer.prints_sessions:
            return self._print(session, films, EMPTY_SESSION, 0x0000)
        return self._print(session, films[-1:], EMPTY_SESSION, NO_COLLATION)

    def _print(self, session: FilmSession, films: list[FilmBox], if_empty: int, otherwise: int) -> Answer:
        status = self._print_films(tuple(self._copy(session, film) for film in films))
        for film in films:
            film.is_printed = True
        if status != 0x0000:
            return Answer(status)
        is_empty = all(box.item is None for film in films for box in film.images)
        return Answer(if_empty if is_empty else otherwise)

    def _copy(self, session: FilmSession, film: FilmBox) -> Film:
        lut = self._luts.of(film.attributes) or self._luts.of(session.attributes)
        return Film(
            DisplayFormat.parse(str(film.attributes.ImageDisplayFormat)),
            tuple(
                FilmImage(box.position, box.attributes, box.item, self._luts.of(box.attributes) or lut)
                for box in film.images
                if box.item is not None
            ),
            tuple(str(box.attributes.get("TextString") or "") for box in film.annotations),
            _copied(film.attributes),
            _copied(session.attributes),
            self._ae_title,
        )

    # N-DELETE

    def delete(self, class_uid: str, instance_uid: str) -> None:
        """Delete a film session with all in it, a film box with its boxes, or a presentation LUT.

        Parameters
        ----------
        class_uid, instance_uid
            What it is.
        """
        uid = str(instance_uid)
        if class_uid == BasicFilmSession:
            self._find_session(uid)
            self._session = None
            self._luts.forget_deleted()
        elif class_uid == BasicFilmBox:
            session = self._find_session()
            del session.films[session.find_film(uid).uid]
        elif class_uid == PresentationLUT:
            self._luts.delete(uid)
        else:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} cannot be deleted")

    def _find_session(self, uid: str | None = None) -> FilmSession:
        if self._session is None or uid not in (None, self._session.uid):
            raise Refusal(NO_SUCH_SOP_INSTANCE, "no film session of this name")
        return self._session

    def _check_memory(self, more: int, status: int) -> None:
        held = self._luts.size + (0 if self._session is None else self._session.size)
        if more > self._printer.memory_limit - held:
            raise Refusal(status, f"{held + more} bytes; the limit is {self._printer.memory_limit}")


def _boxes(class_uid: str, count: int) -> list[Box]:
    return [Box(str(class_uid), position) for position in range(1, count + 1)]


def _copied(attributes: Dataset) -> Dataset:
    copy = Dataset()
    copy.update(attributes)
    return copy
