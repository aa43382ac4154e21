"""What a print SCP reports unasked: events of the printer and of its jobs (PS3.4 H.4.5, H.4.6)."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from fastdicom.errors import FastdicomError
from fastdicom.events import Event
from fastdicom.log import get_logger
from fastdicom.sop_class import (
    BasicColorPrintManagementMeta,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrintJob,
)
from fastdicom.workflow.errands import RESPONSE_INTERVAL, Errands, Response
from fastdicom.workflow.print_films import Film
from fastdicom.workflow.print_status import JOB_EVENTS

LOGGER = get_logger(__name__)

EVENTS_LIMIT = 1000
"""Events of one association that have not been sent; the oldest is forgotten first."""


def accepts(association: Any, class_uids: Iterable[str]) -> bool:
    """Whether a presentation context for one of these has been accepted."""
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    return not accepted.isdisjoint(class_uids)


class PrintEvent(NamedTuple):
    """An event that is to be sent, once a response has been."""

    information: Dataset
    event_type: int
    class_uid: str
    instance_uid: str
    after: Response | None = None


class EventQueue:
    """The errand of an association's events: they are sent in order, for as long as it is there."""

    def __init__(self, association: Any, errands: Errands) -> None:
        self._association = weakref.ref(association)
        self._errands = errands
        self._events: deque[PrintEvent] = deque(maxlen=EVENTS_LIMIT)
        self._guard = threading.Lock()
        self._is_running = False

    def add(self, event: PrintEvent) -> None:
        """Have an event sent."""
        with self._guard:
            self._events.append(event)
            if self._is_running:
                return
            self._is_running = True
        self._errands.add(self)

    def __call__(self) -> float | None:
        """Send what there is; return when to try again, should a response not have been sent."""
        while True:
            with self._guard:
                if not self._events:
                    self._is_running = False
                    return None
                event = self._events[0]
            if event.after is not None and event.after.is_awaited:
                return RESPONSE_INTERVAL
            with self._guard:
                if self._events[0] is event:
                    self._events.popleft()
            self._send(event)

    def _send(self, event: PrintEvent) -> None:
        association = self._association()
        if association is None or not association.is_established:
            return
        metas = (BasicGrayscalePrintManagementMeta, BasicColorPrintManagementMeta)
        meta = next((each for each in metas if accepts(association, (each,))), None)
        try:
            association.send_n_event_report(
                event.information,
                event.event_type,
                event.class_uid,
                event.instance_uid,
                meta_uid=meta if event.class_uid == Printer else None,
            )
        except (FastdicomError, ValueError) as error:  # it has ended: nobody wants to know
            LOGGER.info("a print event was not sent: %s", error)


class PrintJobRecord:
    """A job of a `PrintProvider`.

    Attributes
    ----------
    uid
        Its SOP Instance UID.
    ae_title, label, priority
        Who prints, the Film Session Label, and the Print Priority.
    status, info
        Execution Status and Execution Status Info, as last reported.
    """

    def __init__(self, event: Event, films: Sequence[Film], printer_name: str, events: EventQueue) -> None:
        self.uid = str(generate_uid(None))
        session = films[0].session if films else Dataset()
        self.ae_title = films[0].ae_title if films else ""
        self.label = str(session.get("FilmSessionLabel") or "")
        self.priority = str(session.get("PrintPriority") or "MED")
        self.status = "PENDING"
        self.info = "QUEUED"
        self.created = datetime.now()  # noqa: DTZ005, the standard's times are local
        self._printer_name = printer_name
        self._events = events
        # Events are for who has negotiated them, and come after the response that names the job.
        self._response = Response(event) if accepts(event.assoc, (PrintJob,)) else None

    def report(self, status: str, info: str = "NORMAL") -> None:
        """Tell how the job is doing: N-GET answers it, and an event tells it, if the SCU has asked for such.

        Parameters
        ----------
        status
            PENDING, PRINTING, DONE or FAILURE.
        info
            A defined term of PS3.3 C.13.9.1.

        Raises
        ------
        ValueError
            When the status is none of these.
        """
        event_type = next((number for number, name in JOB_EVENTS.items() if name == status), None)
        if event_type is None:
            raise ValueError(f"the job status is {status!r}; {', '.join(JOB_EVENTS.values())} are possible")
        self.status, self.info = status, info
        if self._response is not None:
            information = Dataset()
            information.ExecutionStatusInfo = info
            information.PrinterName = self._printer_name
            if self.label:
                information.FilmSessionLabel = self.label
            event = PrintEvent(information, event_type, PrintJob, self.uid, self._response)
            self._events.add(event)

    def attributes(self) -> Dataset:
        """Return what N-GET answers (PS3.4 Table H.4-14)."""
        attributes = Dataset()
        attributes.ExecutionStatus = self.status
        attributes.ExecutionStatusInfo = self.info
        attributes.CreationDate = self.created.strftime("%Y%m%d")
        attributes.CreationTime = self.created.strftime("%H%M%S")
        attributes.PrinterName = self._printer_name
        attributes.PrintPriority = self.priority
        attributes.Originator = self.ae_title
        return attributes
