"""A print SCP for servers: requests go to the hierarchy of their association, films to the user's callable.

Printer and job status are answered and reported here (PS3.4 H.4.5, H.4.6). What a film looks like, and where
it goes, is for the callable.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom import events as evt
from fastdicom.events import Event, EventHandler
from fastdicom.log import get_logger
from fastdicom.sop_class import (
    BasicColorImageBox,
    BasicColorPrintManagementMeta,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrinterConfigurationRetrieval,
    PrinterConfigurationRetrievalInstance,
    PrinterInstance,
    PrintJob,
)
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category
from fastdicom.workflow.errands import Errands
from fastdicom.workflow.print_checks import (
    ATTRIBUTE_LIST_ERROR,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
)
from fastdicom.workflow.print_films import Film, PrinterDescription
from fastdicom.workflow.print_hierarchy import Answer, PrintHierarchy
from fastdicom.workflow.print_pixels import INVALID_ATTRIBUTE_VALUE
from fastdicom.workflow.print_reports import EventQueue, PrintEvent, PrintJobRecord, accepts
from fastdicom.workflow.print_status import PRINTER_EVENTS
from fastdicom.workflow.refusal import Refusal, decoded

LOGGER = get_logger(__name__)

JOBS_LIMIT = 1000
"""Jobs that are remembered; the oldest is forgotten first."""

_REFERENCED_PRINT_JOB_SEQUENCE = 0x21000500

Reply: TypeAlias = tuple[int | Dataset, Dataset | None]


PrintFilms: TypeAlias = Callable[[Sequence[Film], PrintJobRecord], int | None]


class PrintProvider:
    """Serves print sessions.

    Bind `handlers` to a server that supports Basic Grayscale or Basic Color Print Management Meta, and as is
    liked Basic Annotation Box, Presentation LUT, Print Job and Printer Configuration Retrieval.

    Parameters
    ----------
    print_films
        Called with the films to be printed and a `PrintJobRecord`, before the SCU gets its answer: it had
        better queue them. It returns None, or the status to answer: B604H, B609H or B60AH say that an image
        was fitted; C601H (of a session) and C602H (of a film) that the queue is full; C603H and C613H that
        an image is too large. What it raises is answered with 0110H.
    printer
        What the printer is and can do.
    """

    def __init__(self, print_films: PrintFilms, printer: PrinterDescription | None = None) -> None:
        self.print_films = print_films
        self.printer = printer or PrinterDescription()
        self.status = "NORMAL"
        self.status_info = "NORMAL"
        self._guard = threading.Lock()
        self._hierarchies: weakref.WeakKeyDictionary[Any, _Served] = weakref.WeakKeyDictionary()
        self._jobs: OrderedDict[str, PrintJobRecord] = OrderedDict()
        self._errands = Errands("fastdicom print events", 1)

    @property
    def handlers(self) -> list[EventHandler]:
        """What to hand to `AE.start_server` as ``evt_handlers``."""
        return [
            (evt.EVT_N_CREATE, self._answer, [self._create]),
            (evt.EVT_N_SET, self._answer, [self._set]),
            (evt.EVT_N_GET, self._answer, [self._get]),
            (evt.EVT_N_ACTION, self._answer, [self._act]),
            (evt.EVT_N_DELETE, self._delete),
            (evt.EVT_CONN_CLOSE, self._forget),
        ]

    def close(self) -> None:
        """Give up events that have not been sent yet."""
        self._errands.close()

    def report(self, status: str, info: str = "NORMAL") -> None:
        """Tell how the printer is doing: N-GET answers it, and an event tells those who are associated.

        Parameters
        ----------
        status
            NORMAL, WARNING or FAILURE.
        info
            A defined term of PS3.3 C.13.9.1: SUPPLY LOW, COVER OPEN and others.

        Raises
        ------
        ValueError
            When the status is none of these.
        """
        event_type = next((number for number, name in PRINTER_EVENTS.items() if name == status), None)
        if event_type is None:
            raise ValueError(f"the status is {status!r}; {', '.join(PRINTER_EVENTS.values())} are possible")
        self.status, self.status_info = status, info
        information = Dataset()
        information.PrinterStatusInfo = info
        information.PrinterName = self.printer.name
        with self._guard:
            served = list(self._hierarchies.values())
        for each in served:
            each.events.add(PrintEvent(information, event_type, Printer, PrinterInstance))

    # Handlers.

    def _answer(self, event: Event, act: Callable[[Event], Reply]) -> Reply:
        try:
            return act(event)
        except Refusal as refusal:
            LOGGER.warning("%s of a print session is refused: %s", event.event.name, refusal)
            return refusal.answer, None

    def _create(self, event: Event) -> Reply:
        request = event.request
        uid = request.AffectedSOPInstanceUID or generate_uid(None)
        attributes = decoded(event.attribute_list, INVALID_ATTRIBUTE_VALUE)
        served = self._served(event)
        with served.guard:
            if request.AffectedSOPClassUID == BasicFilmSession:
                served.hierarchy.expect(_image_box_class(event))
            answer = served.hierarchy.create(
                request.AffectedSOPClassUID, uid, attributes, event.encoded.encoded_length()
            )
        if request.AffectedSOPInstanceUID:
            return answer.status, answer.attributes
        status = Dataset()
        status.Status = answer.status
        status.AffectedSOPInstanceUID = uid
        return status, answer.attributes

    def _set(self, event: Event) -> Reply:
        request = event.request
        attributes = decoded(event.modification_list, INVALID_ATTRIBUTE_VALUE)
        served = self._served(event)
        with served.guard:
            answer = served.hierarchy.set(
                request.RequestedSOPClassUID,
                request.RequestedSOPInstanceUID,
                attributes,
                event.encoded.encoded_length(),
            )
        return answer.status, answer.attributes

    def _act(self, event: Event) -> Reply:
        answer, job = self._served(event).act(event)
        if job is None or not accepts(event.assoc, (PrintJob,)):
            return answer.status, None
        item = Dataset()
        item.ReferencedSOPClassUID = PrintJob
        item.ReferencedSOPInstanceUID = job.uid
        reply = Dataset()
        reply.add_new(_REFERENCED_PRINT_JOB_SEQUENCE, "SQ", [item])
        return answer.status, reply

    def _delete(self, event: Event) -> int | Dataset:
        request = event.request
        served = self._served(event)
        try:
            with served.guard:
                served.hierarchy.delete(request.RequestedSOPClassUID, request.RequestedSOPInstanceUID)
        except Refusal as refusal:
            LOGGER.warning("N-DELETE in a print session is refused: %s", refusal)
            return refusal.answer
        return 0x0000

    def _get(self, event: Event) -> Reply:
        request = event.request
        class_uid, uid = request.RequestedSOPClassUID, request.RequestedSOPInstanceUID
        if class_uid == Printer and uid == PrinterInstance:
            attributes = self._printer_attributes()
        elif class_uid == PrintJob:
            with self._guard:
                job = self._jobs.get(str(uid))
            if job is None:
                raise Refusal(NO_SUCH_SOP_INSTANCE, "no print job of this name")
            attributes = job.attributes()
        elif class_uid == PrinterConfigurationRetrieval and uid == PrinterConfigurationRetrievalInstance:
            attributes = self.printer.configuration or Dataset()
        elif class_uid in (Printer, PrinterConfigurationRetrieval):
            raise Refusal(NO_SUCH_SOP_INSTANCE, "not the well-known SOP instance")
        else:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} has no N-GET")
        self._served(event)
        return _selected(attributes, event.attribute_identifiers)

    def _forget(self, event: Event) -> None:
        with self._guard:
            self._hierarchies.pop(event.assoc, None)

    # What there is.

    def _printer_attributes(self) -> Dataset:
        attributes = Dataset()
        attributes.PrinterStatus = self.status
        attributes.PrinterStatusInfo = self.status_info
        about = {
            "PrinterName": self.printer.name,
            "Manufacturer": self.printer.manufacturer,
            "ManufacturerModelName": self.printer.model,
            "DeviceSerialNumber": self.printer.serial_number,
            "SoftwareVersions": self.printer.software_version,
        }
        for keyword, value in about.items():
            if value:
                setattr(attributes, keyword, value)
        return attributes

    def _served(self, event: Event) -> _Served:
        with self._guard:
            served = self._hierarchies.get(event.assoc)
            if served is None:
                served = self._hierarchies[event.assoc] = _Served(self, event, self._errands)
            return served

    def begin_job(self, job: PrintJobRecord, films: Sequence[Film]) -> int:
        """Hand a new job to the user's callable, and return its status."""
        with self._guard:
            self._jobs[job.uid] = job
            if len(self._jobs) > JOBS_LIMIT:
                self._jobs.popitem(last=False)
        try:
            status = self.print_films(films, job) or 0x0000
            if code_to_category(status) not in (STATUS_SUCCESS, STATUS_WARNING):
                raise Refusal(status, "the printer cannot print this")
        except BaseException:
            with self._guard:
                self._jobs.pop(job.uid, None)
            raise
        return status


class _Served:
    """An association with its hierarchy; the request to print that is served, and the job that it made."""

    def __init__(self, provider: PrintProvider, event: Event, errands: Errands) -> None:
        self.guard = threading.Lock()
        self.events = EventQueue(event.assoc, errands)
        self._event: Any = None
        self._job: PrintJobRecord | None = None
        self._provider = provider
        self.hierarchy = PrintHierarchy(
            provider.printer,
            self._print,
            ae_title=str(event.assoc.remote["ae_title"]).strip(" "),
        )

    def act(self, event: Event) -> tuple[Answer, PrintJobRecord | None]:
        """Print; return the answer, and the job that was made."""
        request = event.request
        with self.guard:
            self._event = event
            try:
                answer = self.hierarchy.act(
                    request.RequestedSOPClassUID, request.RequestedSOPInstanceUID, event.action_type
                )
                return answer, self._job
            finally:
                self._event = self._job = None

    def _print(self, films: Sequence[Film]) -> int:
        self._job = PrintJobRecord(self._event, films, self._provider.printer.name, self.events)
        return self._provider.begin_job(self._job, films)


def _image_box_class(event: Event) -> str:
    """Return what films of a session get: what its context is for, or what is negotiated beside it."""
    by_meta = {
        str(BasicGrayscalePrintManagementMeta): str(BasicGrayscaleImageBox),
        str(BasicColorPrintManagementMeta): str(BasicColorImageBox),
    }
    class_uid = by_meta.get(str(event.context.abstract_syntax))
    if class_uid is not None:
        return class_uid
    is_color = accepts(event.assoc, (BasicColorImageBox,)) and not accepts(
        event.assoc, (BasicGrayscaleImageBox,)
    )
    return str(BasicColorImageBox if is_color else BasicGrayscaleImageBox)


def _selected(attributes: Dataset, tags: Iterable[int] | None) -> Reply:
    """Return the attributes that N-GET asks for; all when it names none."""
    wanted = [int(tag) for tag in tags or () if int(tag) & 0xFFFF]
    if not wanted:
        return 0x0000, attributes
    selected = Dataset()
    for tag in wanted:
        if tag in attributes:
            selected[tag] = attributes[tag]
    is_complete = all(tag in attributes for tag in wanted)
    return (0x0000 if is_complete else ATTRIBUTE_LIST_ERROR), selected
