"""An archive for the tests of C-GET and C-MOVE: objects in every form, servers, and what a retrieval told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID
from raw_peer import CT, EXPLICIT, IMPLICIT
from raw_peer import data_set as encoded_object
from servers import port_of, serving, store_ae

from fastdicom import AE, Association, build_context, build_role, evt
from fastdicom.part10 import encode_front
from fastdicom.server import AssociationServer
from fastdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
)

GET = PatientRootQueryRetrieveInformationModelGet
MOVE = PatientRootQueryRetrieveInformationModelMove
MR = "1.2.840.10008.5.1.4.1.1.4"

PENDING = 0xFF00

# Remaining, completed, failed, warning; None where it is absent.
Counts = tuple[int | None, int | None, int | None, int | None]
KEYWORDS = tuple(f"NumberOf{kind}Suboperations" for kind in ("Remaining", "Completed", "Failed", "Warning"))


def identifier() -> Dataset:
    """Return what is asked for; the handlers of the tests do not care."""
    query = Dataset()
    query.QueryRetrieveLevel = "PATIENT"
    query.PatientID = "1"
    return query


def small_object(number: int = 1, sop_class: str = CT) -> Dataset:
    """Return an object as a Dataset."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.PatientName = "CITIZEN^Jan"
    dataset.PatientID = "SECRET"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(IMPLICIT)
    return dataset


def file_content(number: int = 1, transfer_syntax: str = IMPLICIT, sop_class: str = CT) -> bytes:
    """Return a whole DICOM file."""
    instance = f"1.2.3.{number}"
    front = encode_front(
        sop_class_uid=sop_class,
        sop_instance_uid=instance,
        transfer_syntax=transfer_syntax,
        implementation_class_uid="1.2.3",
        implementation_version_name=None,
    )
    return front + encoded_object(64, instance)


def file_of(directory: Path, number: int = 1, **options: Any) -> Path:
    """Write a DICOM file."""
    path = directory / f"{number}.dcm"
    path.write_bytes(file_content(number, **options))
    return path


@dataclass
class Told:
    """What a retrieval told: statuses, counts, and the identifier of the last response."""

    statuses: list[int] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    failed: list[str] | None = None
    last: Dataset = field(default_factory=Dataset)

    @classmethod
    def of(cls, responses: Any) -> Told:
        """Take all responses."""
        told = cls()
        for status, found in responses:
            if "Status" not in status:
                break
            told.add(status, found)
        return told

    def add(self, status: Dataset, found: Dataset | None) -> None:
        """Take note of a response."""
        a, b, c, d = (status.get(keyword) for keyword in KEYWORDS)
        self.statuses.append(int(status.Status))
        self.counts.append((a, b, c, d))
        self.last = status
        value = None if found is None else found.FailedSOPInstanceUIDList
        if isinstance(value, bytes):  # UN, as the length field of UI has 16 bits
            value = value.decode().rstrip("\0").split("\\")
        self.failed = None if value is None else [value] if isinstance(value, str) else list(value)


class Receiver:
    """What came with C-STORE: request primitives, and data sets as bytes."""

    def __init__(self, answer: Callable[[Any], int] = lambda event: 0x0000) -> None:
        self.requests: list[Any] = []
        self.data_sets: list[bytes] = []
        self.syntaxes: list[str] = []
        self._answer = answer

    def __call__(self, event: Any) -> int:
        """Take an object."""
        self.requests.append(event.request)
        self.data_sets.append(bytes(event.encoded))
        self.syntaxes.append(str(event.context.transfer_syntax))
        return self._answer(event)

    @property
    def uids(self) -> list[str]:
        """The SOP Instance UIDs."""
        return [str(request.AffectedSOPInstanceUID) for request in self.requests]


def archive_ae(*storage: tuple[str, str]) -> AE:
    """Return an AE that answers C-GET and C-MOVE, and sends these SOP classes and transfer syntaxes."""
    ae = AE("ARCHIVE")
    ae.add_supported_context(GET)
    ae.add_supported_context(MOVE)
    for sop_class, transfer_syntax in storage or ((CT, IMPLICIT), (CT, EXPLICIT)):
        ae.add_supported_context(sop_class, transfer_syntax, scu_role=True, scp_role=True)
    return ae


@contextmanager
def archive(handler: Any, ae: AE | None = None, **settings: Any) -> Iterator[AssociationServer]:
    """Serve C-GET and C-MOVE with a handler."""
    ae = ae or archive_ae()
    for name, value in settings.items():
        setattr(ae, name, value)
    handlers = [
        (evt.EVT_C_GET, handler),
        (evt.EVT_C_MOVE, handler),
        (evt.EVT_ASYNC_OPS, lambda event: (event.nr_invoked, event.nr_performed)),
    ]
    with serving(ae, handlers) as server:
        yield server


@contextmanager
def asking(
    server: AssociationServer,
    receiver: Any = None,
    contexts: tuple[tuple[str, str], ...] = ((CT, IMPLICIT),),
    ae: AE | None = None,
    query_syntax: str = IMPLICIT,
    models: tuple[str, ...] = (GET, MOVE),
) -> Iterator[Association]:
    """Associate, ready to be sent objects of these SOP classes in these transfer syntaxes."""
    proposed = [build_context(model, query_syntax) for model in models]
    proposed += [build_context(*pair) for pair in contexts]
    roles = [build_role(sop_class, scu_role=True, scp_role=True) for sop_class in {c for c, _ in contexts}]
    handlers = [] if receiver is None else [(evt.EVT_C_STORE, receiver)]
    with (ae or AE("ASKING")).associate(
        "127.0.0.1", port_of(server), proposed, ext_neg=roles, evt_handlers=handlers
    ) as association:
        yield association


def get(server: AssociationServer, receiver: Any = None, **options: Any) -> Told:
    """Ask for everything with C-GET."""
    with asking(server, receiver or Receiver(), **options) as association:
        return Told.of(association.send_c_get(identifier(), options.get("models", (GET,))[0]))


def move(server: AssociationServer, destination: str = "DESTINATION") -> Told:
    """Ask for everything to be sent elsewhere with C-MOVE."""
    with asking(server) as association:
        return Told.of(association.send_c_move(identifier(), destination, MOVE))


class Closing:
    """A handler's generator that tells when it has been closed."""

    def __init__(self, results: Callable[[Any], Iterator[Any]]) -> None:
        self._results = results
        self._generators: list[Iterator[Any]] = []  # kept, so that nothing but closing closes them
        self.is_closed = threading.Event()

    def __call__(self, event: Any) -> Iterator[Any]:
        """Return a generator of what the handler yields."""
        self._generators.append(self._run(event))
        return self._generators[-1]

    def _run(self, event: Any) -> Iterator[Any]:
        try:
            yield from self._results(event)
        finally:
            self.is_closed.set()


@contextmanager
def destination(
    receiver: Any = None, ae: AE | None = None, handlers: Any = (), **options: Any
) -> Iterator[AssociationServer]:
    """Serve C-STORE: CT and MR in implicit VR, unless something else is said."""
    ae = ae or store_ae({CT, MR}, [IMPLICIT])
    with serving(ae, [(evt.EVT_C_STORE, receiver or Receiver()), *handlers], **options) as server:
        yield server


def moving(where: Any, *results: Any) -> Any:
    """Return a handler that yields a destination, how many there are, and these; exceptions are raised."""

    def handler(event: Any) -> Iterator[Any]:
        yield ("127.0.0.1", port_of(where)) if isinstance(where, AssociationServer) else where
        yield len(results)
        for result in results:
            if isinstance(result, Exception):
                raise result
            yield (PENDING, result)

    return handler


class Admissions:
    """Counts the associations of a destination: all, and those that are open; notes what they propose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.total = 0
        self.proposed: list[int] = []
        self.handlers = [(evt.EVT_ESTABLISHED, self.begin), (evt.EVT_RELEASED, self.end)]

    def begin(self, event: Any) -> None:
        """Take note of one more."""
        with self._lock:
            self.now += 1
            self.total += 1
            self.proposed.append(len(event.assoc.requestor.requested_contexts))

    def end(self, event: Any) -> None:
        """Take note of one less."""
        with self._lock:
            self.now -= 1
