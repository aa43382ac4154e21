"""How printers and their jobs are doing: asked for with N-GET, or told in events (PS3.4 H.4.5, H.4.6).

A printer may forget a job that is done as soon as it has told so; who waits for jobs had better take events.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import monotonic
from typing import Any, NamedTuple

from pydicom.dataset import Dataset

from fastdicom.events import EVT_N_EVENT_REPORT, Event, EventHandler
from fastdicom.sop_class import (
    BasicColorPrintManagementMeta,
    BasicGrayscalePrintManagementMeta,
    Printer,
    PrinterConfigurationRetrieval,
    PrinterConfigurationRetrievalInstance,
    PrinterInstance,
    PrintJob,
)
from fastdicom.workflow.print_requests import PrinterGone, PrintError, PrintRequests
from fastdicom.workflow.refusal import Refusal

# Event Type IDs, PS3.4 Tables H.4.5.2.1-1 and H.4.6.2.1-1
JOB_EVENTS = {1: "PENDING", 2: "PRINTING", 3: "DONE", 4: "FAILURE"}
PRINTER_EVENTS = {1: "NORMAL", 2: "WARNING", 3: "FAILURE"}

NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_EVENT_TYPE = 0x0113
NO_SUCH_SOP_CLASS = 0x0118

JOBS_LIMIT = 1000
"""Jobs of which the last event is kept."""

# Seconds between two looks at what has come on the association.
LOOK_INTERVAL = 0.02


class PrinterStatus(NamedTuple):
    """How a printer is doing.

    Attributes
    ----------
    status
        NORMAL, WARNING or FAILURE.
    info
        Printer Status Info: SUPPLY LOW, COVER OPEN and others (PS3.3 C.13.9.1); NORMAL.
    printer_name
        Its name; empty when it does not say.
    attributes
        All that it said.
    """

    status: str
    info: str
    printer_name: str
    attributes: Dataset


class JobStatus(NamedTuple):
    """How a print job is doing.

    Attributes
    ----------
    status
        Execution Status: PENDING, PRINTING, DONE or FAILURE.
    info
        Execution Status Info: QUEUED, SUPPLY EMPTY and others (PS3.3 C.13.9.1); NORMAL.
    printer_name
        The printer's name; empty when it does not say.
    attributes
        All that it said.
    """

    status: str
    info: str
    printer_name: str
    attributes: Dataset

    @property
    def is_over(self) -> bool:
        """Whether it is DONE, or a FAILURE."""
        return self.status in ("DONE", "FAILURE")


def _text(attributes: Dataset, keyword: str) -> str:
    return str(attributes.get(keyword) or "")


class PrintEvents:
    """Takes the events of printers and jobs.

    Bind `handlers` to the association of a print session, and hand the object to the session.

    Attributes
    ----------
    printer
        What the printer has told of itself last; None while it has told nothing.
    """

    def __init__(self) -> None:
        self.printer: PrinterStatus | None = None
        self._guard = threading.Lock()
        self._jobs: OrderedDict[str, JobStatus] = OrderedDict()

    @property
    def handlers(self) -> list[EventHandler]:
        """What to hand to `AE.associate` as ``evt_handlers``."""
        return [(EVT_N_EVENT_REPORT, self.take_event)]

    def job(self, uid: str) -> JobStatus | None:
        """Return what was told of a job last; None when nothing was."""
        with self._guard:
            return self._jobs.get(uid)

    def take_event(self, event: Event) -> tuple[int | Dataset, None]:
        """Take an event: the handler of EVT_N_EVENT_REPORT."""
        try:
            self._take(event)
        except Refusal as refusal:
            return refusal.answer, None
        return 0x0000, None

    def _take(self, event: Event) -> None:
        class_uid = event.request.AffectedSOPClassUID
        if class_uid not in (PrintJob, Printer):
            raise Refusal(NO_SUCH_SOP_CLASS, f"{class_uid} is neither a printer nor a print job")
        is_job = class_uid == PrintJob
        status = (JOB_EVENTS if is_job else PRINTER_EVENTS).get(event.event_type)
        if status is None:
            raise Refusal(NO_SUCH_EVENT_TYPE, f"Event Type ID is {event.event_type}")
        uid, information = event.request.AffectedSOPInstanceUID, event.event_information
        name = _text(information, "PrinterName")
        if not is_job:
            if uid != PrinterInstance:
                raise Refusal(NO_SUCH_SOP_INSTANCE, f"{uid} is not the printer")
            self.printer = PrinterStatus(status, _text(information, "PrinterStatusInfo"), name, information)
            return
        told = JobStatus(status, _text(information, "ExecutionStatusInfo"), name, information)
        with self._guard:
            self._jobs[str(uid)] = told
            self._jobs.move_to_end(str(uid))
            if len(self._jobs) > JOBS_LIMIT:
                self._jobs.popitem(last=False)


class Job:
    """A print job at the printer (PS3.4 H.4.5).

    Attributes
    ----------
    uid
        The SOP Instance UID.
    """

    def __init__(self, association: Any, uid: str, events: PrintEvents | None = None) -> None:
        self._association = association
        self._requests = PrintRequests(association, None)
        self._events = events
        self.uid = uid

    def status(self) -> JobStatus:
        """Ask how it is doing (N-GET).

        Raises
        ------
        PrintError
            When the printer refuses; status 0112H when it has forgotten the job.
        PrinterGone
            When it does not answer.
        """
        attributes = self._requests.get("N-GET of a print job", PrintJob, self.uid, in_meta=False)
        return JobStatus(
            _text(attributes, "ExecutionStatus"),
            _text(attributes, "ExecutionStatusInfo"),
            _text(attributes, "PrinterName"),
            attributes,
        )

    def wait(self, timeout: float, interval: float = 1.0) -> JobStatus:
        """Wait until it is done, or has failed.

        Parameters
        ----------
        timeout
            For how long, in seconds.
        interval
            Seconds between two questions; events are noticed as they come.

        Raises
        ------
        TimeoutError
            When it is not over by then.
        PrintError, PrinterGone
            As for `status`; but what a printer has forgotten, and told of in no event, is waited for.
        """
        pause = threading.Event()  # never set
        now = monotonic()
        end, next_question = now + timeout, now
        while True:
            told = self._told()
            if told is not None and told.is_over:
                return told
            if now >= next_question:
                told = self._ask()
                if told is not None and told.is_over:
                    return told
                next_question = now + interval
            if now >= end:
                raise TimeoutError(f"print job {self.uid} is not over within {timeout} s")
            pause.wait(min(LOOK_INTERVAL, max(0.0, end - now)))
            now = monotonic()

    def _told(self) -> JobStatus | None:
        if not self._association.is_established:  # which serves the events that have come
            raise PrinterGone(f"print job {self.uid}: the association is gone")
        return None if self._events is None else self._events.job(self.uid)

    def _ask(self) -> JobStatus | None:
        try:
            return self.status()
        except PrintError as error:
            if error.status == NO_SUCH_SOP_INSTANCE and self._events is not None:
                return None
            raise


def printer_status(association: Any) -> PrinterStatus:
    """Ask how the printer is doing (N-GET, PS3.4 H.4.6).

    Parameters
    ----------
    association
        An association on which the Printer SOP Class, or a meta SOP class with it, was accepted.

    Raises
    ------
    PrintError, PrinterGone
        As for `Job.status`.
    """
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    metas = (BasicGrayscalePrintManagementMeta, BasicColorPrintManagementMeta)
    requests = PrintRequests(association, next((str(uid) for uid in metas if uid in accepted), None))
    attributes = requests.get("N-GET of the printer", Printer, PrinterInstance, in_meta=True)
    return PrinterStatus(
        _text(attributes, "PrinterStatus"),
        _text(attributes, "PrinterStatusInfo"),
        _text(attributes, "PrinterName"),
        attributes,
    )


def printer_configuration(association: Any) -> Dataset:
    """Ask what the printer can do (N-GET, PS3.4 H.4.11).

    Parameters
    ----------
    association
        An association on which Printer Configuration Retrieval was accepted.

    Returns
    -------
    pydicom.Dataset
        With a Printer Configuration Sequence.
    """
    requests = PrintRequests(association, None)
    return requests.get(
        "N-GET of the printer configuration",
        PrinterConfigurationRetrieval,
        PrinterConfigurationRetrievalInstance,
        in_meta=False,
    )
