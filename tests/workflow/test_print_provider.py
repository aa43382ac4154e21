"""What printers tell of themselves and of jobs, what they keep, and pynetdicom at either end."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from peers import require_pynetdicom
from printers import GRAY, HOST, PIXELS, OurPrinter
from pydicom.dataset import Dataset
from servers import wait_until

from fastdicom import AE
from fastdicom.sop_class import (
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    Printer,
    PrinterInstance,
    PrintJob,
)
from fastdicom.workflow.print_films import Film
from fastdicom.workflow.print_pixels import image_item
from fastdicom.workflow.print_reports import PrintJobRecord
from fastdicom.workflow.printing import (
    PrintError,
    PrintEvents,
    PrintSession,
    printer_configuration,
    printer_status,
)

# --- printer and jobs -------------------------------------------------------------------------------------


def test_the_printer_tells_how_it_is_doing() -> None:
    configuration = Dataset()
    configuration.PrinterConfigurationSequence = [Dataset()]
    printer = OurPrinter(name="P1", model="M", configuration=configuration)
    events = PrintEvents()
    with printer.associated(events=events) as association:
        status = printer_status(association)
        assert (status.status, status.info, status.printer_name) == ("NORMAL", "NORMAL", "P1")
        assert status.attributes.ManufacturerModelName == "M"
        assert len(printer_configuration(association).PrinterConfigurationSequence) == 1
        printer.provider.report("WARNING", "SUPPLY LOW")
        wait_until(lambda: association.is_established and events.printer, "the event")
        assert events.printer is not None
        assert (events.printer.status, events.printer.info) == ("WARNING", "SUPPLY LOW")
        assert printer_status(association).info == "SUPPLY LOW"
        with pytest.raises(ValueError, match="'BROKEN'; NORMAL, WARNING, FAILURE"):
            printer.provider.report("BROKEN")


def test_some_attributes_of_the_printer() -> None:
    with OurPrinter().associated() as association:
        asked = {"known": [0x21100010], "unknown": [0x21100010, 0x00100010]}
        answers = {
            name: association.send_n_get(tags, Printer, PrinterInstance) for name, tags in asked.items()
        }
        nobody, _ = association.send_n_get([], Printer, "1.2.3")
        no_job, _ = association.send_n_get([], PrintJob, "1.2.3")
    assert {name: int(status.Status) for name, (status, _) in answers.items()} == {
        "known": 0,
        "unknown": 0x0107,
    }
    for _, attributes in answers.values():
        assert attributes is not None and [element.keyword for element in attributes] == ["PrinterStatus"]
    assert (nobody.Status, no_job.Status) == (0x0112, 0x0112)


def test_a_job_until_it_is_done() -> None:
    printer = OurPrinter()
    with printer.associated() as association, PrintSession(association, label="L") as session:
        session.add_film("SLIDE")
        job = session.print()
        assert job is not None
        status = job.status()
        assert (status.status, status.info, status.is_over) == ("PENDING", "QUEUED", False)
        assert status.attributes.Originator == "MODALITY"
        with pytest.raises(TimeoutError, match=f"{job.uid} is not over within 0.01 s"):
            job.wait(0.01)
        printer.jobs[0].report("FAILURE", "FILM JAM")
        over = job.wait(10)
        assert (over.status, over.info, over.is_over) == ("FAILURE", "FILM JAM", True)
        with pytest.raises(ValueError, match="'LOST'; PENDING, PRINTING, DONE, FAILURE"):
            printer.jobs[0].report("LOST")


class TellingEvents(PrintEvents):
    """Events whose types are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []
        self.has_come = threading.Event()

    def take_event(self, event: Any) -> tuple[int | Dataset, None]:
        self.has_come.set()
        self.told.append(event.event_type)
        return super().take_event(event)


def test_events_of_a_job_come_in_order_and_after_the_response() -> None:
    printer = OurPrinter()
    events = TellingEvents()
    told = events.told

    def report_at_once(films: Sequence[Film], job: PrintJobRecord) -> None:
        for status in ("PENDING", "PRINTING", "DONE"):
            job.report(status)
        assert not events.has_come.wait(0.15)

    printer.provider.print_films = report_at_once
    with (
        printer.associated(events=events) as association,
        PrintSession(association, events=events) as session,
    ):
        session.add_film("SLIDE")
        job = session.print()
        assert job is not None and told == []
        wait_until(lambda: association.is_established and len(told) == 3, "the events")
        assert told == [1, 2, 3]
        told_last = events.job(job.uid)
        assert told_last is not None and told_last.status == "DONE"
        printer.provider._jobs.clear()  # the printer forgets it
        assert job.wait(10).status == "DONE"


def test_a_forgotten_job_without_events() -> None:
    printer = OurPrinter()
    with printer.associated() as association, PrintSession(association) as session:
        session.add_film("SLIDE")
        job = session.print()
        printer.provider._jobs.clear()
        assert job is not None
        with pytest.raises(PrintError, match="0112H"):
            job.wait(10)


def test_events_that_are_refused() -> None:
    events = PrintEvents()

    def status_of(class_uid: str, uid: str, event_type: int) -> int:
        event: Any = SimpleNamespace(
            request=SimpleNamespace(AffectedSOPClassUID=class_uid, AffectedSOPInstanceUID=uid),
            event_type=event_type,
            event_information=Dataset(),
        )
        answer, _ = events.take_event(event)
        return answer if isinstance(answer, int) else int(answer.Status)

    assert status_of(Printer, PrinterInstance, 4) == 0x0113
    assert status_of(Printer, "1.2.3", 1) == 0x0112
    assert status_of(BasicFilmBox, "1.2.3", 1) == 0x0118
    assert status_of(PrintJob, "1.2.3", 3) == 0x0000
    assert events.printer is None


def test_nothing_is_kept_of_an_association_that_has_ended() -> None:
    printer = OurPrinter()
    with printer.associated() as association:
        session = PrintSession(association)
        session.add_film("SLIDE")
        theirs = list(printer.provider._hierarchies)
    assert len(theirs) == 1 and len(printer.provider._hierarchies) == 0


def test_sessions_of_several_associations_do_not_meet() -> None:
    printer = OurPrinter((GRAY,))
    ae = AE("MODALITY")
    ae.add_requested_context(GRAY)
    with (
        printer.running() as port,
        ae.associate(HOST, port) as one,
        ae.associate(HOST, port) as two,
        PrintSession(one) as first,
        PrintSession(two) as second,
    ):
        film = first.add_film("SLIDE")
        with pytest.raises(PrintError):
            second.print()
        assert two.send_n_delete(BasicFilmBox, film.uid).Status == 0x0112
        film.print()


def test_a_data_set_that_cannot_be_decoded() -> None:
    """The length of a US that is three bytes."""
    printer = OurPrinter((GRAY,))
    nonsense = bytes.fromhex("1020 3001 03000000 010203")  # Max Density
    with printer.associated() as association, PrintSession(association) as session:
        film = session.add_film("SLIDE")
        status, _ = association.send_n_set(nonsense, BasicFilmBox, film.uid)
        assert status.Status == 0x0106
        film.print()


def test_a_job_record_does_not_hold_its_association() -> None:
    printer = OurPrinter()
    with printer.associated() as association, PrintSession(association) as session:
        session.add_film("SLIDE").print()
    gc.collect()
    assert len(printer.provider._hierarchies) == 0
    printer.jobs[0].report("DONE")  # nobody is there to be told
    assert printer.jobs[0].status == "DONE"
    assert threading.active_count() < 50


# --- pynetdicom -------------------------------------------------------------------------------------------


def test_pynetdicom_as_scu() -> None:
    pynetdicom = require_pynetdicom()
    printer = OurPrinter((GRAY,))
    theirs = pynetdicom.AE("MODALITY")
    theirs.add_requested_context(GRAY)
    attributes = Dataset()
    attributes.NumberOfCopies = 1
    film = Dataset()
    film.ImageDisplayFormat = r"STANDARD\1,1"
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = BasicFilmSession, "1.2.3.4"
    film.ReferencedFilmSessionSequence = [item]
    with printer.running() as port:
        association = theirs.associate(HOST, port)
        status, _ = association.send_n_create(attributes, BasicFilmSession, "1.2.3.4", meta_uid=GRAY)
        assert status.Status == 0x0000
        status, made = association.send_n_create(film, BasicFilmBox, "1.2.3.5", meta_uid=GRAY)
        assert status.Status == 0x0000
        box = made.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID
        image = Dataset()
        image.ImageBoxPosition = 1
        image.BasicGrayscaleImageSequence = [image_item(PIXELS, is_color=False)]
        status, _ = association.send_n_set(image, BasicGrayscaleImageBox, box, meta_uid=GRAY)
        assert status.Status == 0x0000
        status, _ = association.send_n_action(None, 1, BasicFilmBox, "1.2.3.5", meta_uid=GRAY)
        assert status.Status == 0x0000
        assert association.send_n_delete(BasicFilmSession, "1.2.3.4", meta_uid=GRAY).Status == 0x0000
        association.release()
    assert np.array_equal(printer.films[0].images[0].array(), PIXELS)


class SeenByPynetdicom:
    """What our rules need of an association of pynetdicom's."""

    def __init__(self, association: Any) -> None:
        self.accepted_contexts = association.accepted_contexts
        self.remote = {"ae_title": association.requestor.ae_title}


def test_pynetdicom_as_scp() -> None:
    """It hands the requests to our rules."""
    pynetdicom = require_pynetdicom()
    printer = OurPrinter((GRAY,))
    seen: list[SeenByPynetdicom] = []

    def serve(event: Any, act: Any, data_set: str) -> Any:
        if not seen:
            seen.append(SeenByPynetdicom(event.assoc))
        names = ("attribute_list", "modification_list", "action_type", "attribute_identifiers")
        kept = {
            name: getattr(event, name) for name in names if hasattr(type(event), name) and name == data_set
        }
        encoded = getattr(event.request, "AttributeList", None) or getattr(
            event.request, "ModificationList", None
        )
        size = len(encoded.getvalue()) if hasattr(encoded, "getvalue") else 0
        encoded = SimpleNamespace(encoded_length=lambda: size)
        shown = SimpleNamespace(
            request=event.request, context=event.context, assoc=seen[0], encoded=encoded, **kept
        )
        return act(shown) if data_set == "" else provider._answer(shown, act)  # type: ignore[arg-type]

    evt, provider = pynetdicom.evt, printer.provider
    handlers = [
        (evt.EVT_N_CREATE, serve, [provider._create, "attribute_list"]),
        (evt.EVT_N_SET, serve, [provider._set, "modification_list"]),
        (evt.EVT_N_ACTION, serve, [provider._act, "action_type"]),
        (evt.EVT_N_GET, serve, [provider._get, "attribute_identifiers"]),
        (evt.EVT_N_DELETE, serve, [provider._delete, ""]),
    ]
    theirs = pynetdicom.AE("PRINTER")
    theirs.add_supported_context(GRAY)
    server = theirs.start_server((HOST, 0), block=False, evt_handlers=handlers)
    ae = AE("MODALITY")
    ae.add_requested_context(GRAY)
    try:
        with ae.associate(HOST, server.server_address[1]) as association:
            assert printer_status(association).status == "NORMAL"
            with PrintSession(association, copies=1) as session:
                film = session.add_film(r"STANDARD\1,1")
                film.image_boxes[0].set(PIXELS)
                film.print()
            assert session.warnings == []
    finally:
        server.shutdown()
    assert np.array_equal(printer.films[0].images[0].array(), PIXELS)
