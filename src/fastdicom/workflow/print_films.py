"""What a print SCP is asked to print, and what it says of itself (PS3.4 Annex H).

A `Film` is a copy: what the SCU does to its boxes afterwards does not change it (PS3.4 H.4.2.2.4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from fastdicom.workflow.print_attributes import DisplayFormat
from fastdicom.workflow.print_pixels import item_array


@dataclass(frozen=True)
class PrinterDescription:
    r"""What a printer is and can do.

    Attributes
    ----------
    name, manufacturer, model, serial_number, software_version
        What it says of itself; empty for nothing.
    terms
        By keyword of an attribute with defined terms (MediumType, FilmDestination, FilmSizeID,
        MagnificationType …) the terms that it knows; the first is taken when none is given. Attributes that
        are not here may have any term.
    image_boxes
        How many images there are on films of formats that do not say: of "SLIDE", "SUPERSLIDE" or "CUSTOM\i".
    annotation_boxes
        How many lines of text there are, by Annotation Display Format ID.
    density_range
        The lowest and the highest density that it prints, in hundredths of OD.
    prints_sessions
        Whether it prints all films of a session at once (collation). Otherwise a film has to be printed
        before the next one is created.
    memory_limit
        Bytes of images and attributes that it holds for one association.
    configuration
        What it answers to Printer Configuration Retrieval; None for nothing.
    """

    name: str = "PRINTER"
    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    software_version: str = ""
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    image_boxes: Mapping[str, int] = field(default_factory=lambda: {"SLIDE": 12, "SUPERSLIDE": 4})
    annotation_boxes: Mapping[str, int] = field(default_factory=dict)
    density_range: tuple[int, int] = (0, 0xFFFF)
    prints_sessions: bool = True
    memory_limit: int = 256 << 20
    configuration: Dataset | None = None


class FilmImage(NamedTuple):
    """An image on a film.

    Attributes
    ----------
    position
        Its Image Box Position.
    attributes
        Those of its image box: Polarity, Requested Image Size and so on, without the image.
    item
        The image: Rows, Columns, Photometric Interpretation, Pixel Data and so on.
    lut
        Its presentation LUT; that of the film when it has none of its own, None without.
    """

    position: int
    attributes: Dataset
    item: Dataset
    lut: Dataset | None

    @property
    def is_reversed(self) -> bool:
        """Whether Polarity is REVERSE."""
        return bool(self.attributes.get("Polarity") == "REVERSE")

    def array(self) -> np.ndarray[Any, Any]:
        """Return the pixels: rows by columns, of uint8 or uint16; for colour by 3, of uint8.

        Polarity and MONOCHROME1 are not applied.
        """
        return item_array(self.item)


class Film(NamedTuple):
    """A film that is to be printed.

    Attributes
    ----------
    display_format
        How the images are laid out.
    images
        The images, by position; empty places are left out.
    annotations
        The lines of text, in the order of their positions.
    attributes
        Those of the film box: Film Orientation, Film Size ID and so on.
    session
        Those of the film session: Number of Copies, Medium Type and so on.
    ae_title
        Who prints.
    """

    display_format: DisplayFormat
    images: tuple[FilmImage, ...]
    annotations: tuple[str, ...]
    attributes: Dataset
    session: Dataset
    ae_title: str

    @property
    def copies(self) -> int:
        """How often it is to be printed."""
        return int(self.session.get("NumberOfCopies") or 1)
