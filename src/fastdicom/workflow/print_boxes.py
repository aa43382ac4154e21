"""What an association has at a print SCP: a film session, its films and their boxes, and presentation LUTs.

It is held, found and counted here; whether it may be is for `print_checks` and `print_hierarchy`.
"""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.workflow.print_checks import (
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
)
from fastdicom.workflow.print_pixels import INVALID_ATTRIBUTE_VALUE
from fastdicom.workflow.refusal import Refusal

LUTS_LIMIT = 100

_LUT_REFERENCE = "ReferencedPresentationLUTSequence"


class Box:
    """An image box or an annotation box.

    Attributes
    ----------
    class_uid, uid
        What it is.
    position
        Its place on the film, from 1.
    attributes, item
        What was set last, and the image in it; None without.
    size
        How many bytes that was.
    """

    def __init__(self, class_uid: str, position: int) -> None:
        self.class_uid = class_uid
        self.uid = str(generate_uid(None))
        self.position = position
        self.attributes = Dataset()
        self.item: Dataset | None = None
        self.size = 0

    def reference(self) -> Dataset:
        """Return an item that refers to it."""
        return reference(self.class_uid, self.uid)


class FilmBox:
    """A film box, and its boxes."""

    def __init__(self, uid: str, attributes: Dataset, size: int) -> None:
        self.uid = uid
        self.attributes = attributes
        self.size = size
        self.images: list[Box] = []
        self.annotations: list[Box] = []
        self.is_printed = False

    @property
    def boxes(self) -> list[Box]:
        """The image boxes, and the annotation boxes."""
        return [*self.images, *self.annotations]


class FilmSession:
    """A film session, and its film boxes in the order of their creation."""

    def __init__(self, uid: str, attributes: Dataset, size: int) -> None:
        self.uid = uid
        self.attributes = attributes
        self.own_size = size
        self.films: dict[str, FilmBox] = {}

    @property
    def last_film(self) -> FilmBox | None:
        """The film box that was created last."""
        return next(reversed(self.films.values()), None)

    @property
    def size(self) -> int:
        """How many bytes all of it is."""
        films = self.films.values()
        boxes = sum(box.size for film in films for box in film.boxes)
        return self.own_size + boxes + sum(film.size for film in films)

    def find_film(self, uid: str) -> FilmBox:
        """Return the film box that may be changed and printed, the last one; 0112H or 0110H for another."""
        film = self.films.get(uid)
        if film is None:
            raise Refusal(NO_SUCH_SOP_INSTANCE, "no film box of this name")
        if film is not self.last_film:
            # PS3.4 H.4.2.2.2.3, H.4.2.2.3.2, H.4.2.2.4.3
            raise Refusal(PROCESSING_FAILURE, "not the film box that was created last")
        return film

    def find_box(self, class_uid: str, uid: str) -> Box:
        """Return a box of the last film; 0112H for another."""
        last = self.last_film
        for box in last.boxes if last is not None else ():
            if box.uid == uid and box.class_uid == class_uid:
                return box
        raise Refusal(NO_SUCH_SOP_INSTANCE, "the film created last has no box of this name")


def reference(class_uid: str, instance_uid: str) -> Dataset:
    """Return an item that refers to an instance."""
    item = Dataset()
    item.ReferencedSOPClassUID = class_uid
    item.ReferencedSOPInstanceUID = instance_uid
    return item


class Luts:
    """The presentation LUTs of an association.

    One that is deleted is kept for what refers to it, and cannot be referred to any more (PS3.4 H.4.9.2.2.2).
    """

    def __init__(self) -> None:
        self._luts: dict[str, tuple[Dataset, int]] = {}
        self._deleted: set[str] = set()

    def __contains__(self, uid: str) -> bool:
        return uid in self._luts

    @property
    def size(self) -> int:
        """How many bytes they are."""
        return sum(size for _, size in self._luts.values())

    def add(self, uid: str, attributes: Dataset, size: int) -> None:
        """Keep one; 0213H when there are too many."""
        if len(self._luts) >= LUTS_LIMIT:
            raise Refusal(RESOURCE_LIMITATION, f"{LUTS_LIMIT} presentation LUTs are in use")
        self._luts[uid] = attributes, size

    def delete(self, uid: str) -> None:
        """Delete one; 0112H when there is none of that name."""
        if uid not in self._luts or uid in self._deleted:
            raise Refusal(NO_SUCH_SOP_INSTANCE, "no presentation LUT of this name")
        self._deleted.add(uid)

    def forget_deleted(self) -> None:
        """Forget those that nothing refers to any more, as there are no films."""
        for uid in self._deleted:
            del self._luts[uid]
        self._deleted.clear()

    def check_reference(self, attributes: Dataset) -> None:
        """Refuse, with 0106H, attributes that refer to a presentation LUT which there is not."""
        uid = _referenced_lut(attributes)
        if uid and (uid not in self._luts or uid in self._deleted):
            raise Refusal(INVALID_ATTRIBUTE_VALUE, f"{_LUT_REFERENCE} names no presentation LUT")

    def of(self, attributes: Dataset) -> Dataset | None:
        """Return the one that attributes refer to."""
        row = self._luts.get(_referenced_lut(attributes))
        return None if row is None else row[0]


def _referenced_lut(attributes: Dataset) -> str:
    items: Any = attributes.get(_LUT_REFERENCE) or ()
    return str(items[0].get("ReferencedSOPInstanceUID") or "") if len(items) else ""
