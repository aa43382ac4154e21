"""Storage commitment as SCP: take requests, ask the archive, and report the result (PS3.4 Annex J).

What is kept is for the user's callable to say. The report goes out on the association of the request if that
is still there, else on a new one, and again when that fails. Nothing outlives the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from pydicom.dataset import Dataset

from fastdicom.ae import ApplicationEntity
from fastdicom.errors import FastdicomError
from fastdicom.events import EVT_N_ACTION, Event, EventHandler
from fastdicom.log import get_logger
from fastdicom.presentation import build_context
from fastdicom.ul.roles import build_role
from fastdicom.workflow.commitment_items import (
    INVALID_ARGUMENT_VALUE,
    NO_SUCH_ACTION,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
    REQUEST_STORAGE_COMMITMENT,
    RESOURCE_LIMITATION,
    WELL_KNOWN_INSTANCES,
    CommitmentRequest,
    Outcome,
    event_information,
    read_request,
)
from fastdicom.workflow.errands import RESPONSE_INTERVAL, Errands, Response
from fastdicom.workflow.refusal import Refusal

LOGGER = get_logger(__name__)

REQUESTS_LIMIT = 1000
"""Requests whose result has not been delivered yet."""

DEFAULT_RETRY_DELAYS = (1.0, 10.0, 60.0, 600.0, 3600.0)
"""Seconds before a report is sent once more."""

WORKERS = 4

# Statuses of a report that may differ the next time: processing failure, resource limitation.
TRANSIENT = (0x0110, RESOURCE_LIMITATION)

Decide: TypeAlias = Callable[[CommitmentRequest], Iterable[int]]
Destination: TypeAlias = tuple[str, int] | tuple[str, int, dict[str, Any]]
FindAddress: TypeAlias = Callable[[str], Destination | None]


class StorageCommitmentProvider:
    """Answers requests for storage commitment, and reports what became of them.

    Bind `handlers` to the server that takes the requests. Storage is not needed on the same server.

    Parameters
    ----------
    ae
        Who reports, when a new association is needed.
    decide
        Called with a `CommitmentRequest`, in a thread of its own and for as long as it likes. It returns an
        `Outcome` or another Failure Reason for each of the request's instances, in their order. When it
        raises, or returns something else, none is committed.
    find_address
        Called with the AE title that has asked: returns its host and port, and perhaps further arguments of
        `AE.associate` in a dict; None when it is not known.
    retrieve_ae_title
        From whom the committed instances can be retrieved; empty to say nothing.
    retry_delays
        How long to wait before each further attempt to report, in seconds. After the last the report is given
        up, and logged as an error.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        decide: Decide,
        find_address: FindAddress,
        *,
        retrieve_ae_title: str = "",
        retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS,
    ) -> None:
        self.ae = ae
        self.decide = decide
        self.find_address = find_address
        self.retrieve_ae_title = retrieve_ae_title
        self.retry_delays = tuple(retry_delays)
        self._guard = threading.Lock()
        self._open: set[str] = set()
        self._errands = Errands("fastdicom storage commitment", WORKERS)

    @property
    def handlers(self) -> list[EventHandler]:
        """What to hand to `AE.start_server` as ``evt_handlers``."""
        return [(EVT_N_ACTION, self.take_request)]

    def close(self) -> None:
        """Give up what has not been reported yet."""
        self._errands.close()

    def take_request(self, event: Event) -> tuple[int | Dataset, None]:
        """Take a request: the handler of EVT_N_ACTION (PS3.4 J.3.2).

        Success says that it is being processed. It is refused with 0123H for another action, 0112H for
        another instance than the well-known one, 0115H without Transaction UID or instances, with one
        instance of two SOP classes, or with a Transaction UID that is in use, and 0213H when there are too
        many.
        """
        try:
            request = self._read(event)
            self._begin(request)
        except Refusal as refusal:
            LOGGER.warning("a request for storage commitment is refused: %s", refusal)
            return refusal.answer, None
        self._errands.add(_Delivery(self, request, event.assoc, Response(event)))
        return 0x0000, None

    def _read(self, event: Event) -> CommitmentRequest:
        asked = event.request
        sop_class = str(asked.RequestedSOPClassUID)
        instance = WELL_KNOWN_INSTANCES.get(sop_class)
        if instance is None:
            raise Refusal(NO_SUCH_SOP_CLASS, f"{sop_class} is not storage commitment")
        if instance != asked.RequestedSOPInstanceUID:
            raise Refusal(NO_SUCH_SOP_INSTANCE, "not the well-known SOP instance")
        if event.action_type != REQUEST_STORAGE_COMMITMENT:
            raise Refusal(NO_SUCH_ACTION, f"Action Type ID is {event.action_type}; 1 is defined")
        request = read_request(event.action_information)
        ae_title = str(event.assoc.remote["ae_title"]).strip(" ")
        return request._replace(ae_title=ae_title, sop_class_uid=sop_class)

    def _begin(self, request: CommitmentRequest) -> None:
        with self._guard:
            if request.transaction_uid in self._open:
                # Failure Reason 0131H would be taken for the result of the transaction that has this UID.
                raise Refusal(INVALID_ARGUMENT_VALUE, "TransactionUID is in use")
            if len(self._open) >= REQUESTS_LIMIT:
                raise Refusal(RESOURCE_LIMITATION, f"{REQUESTS_LIMIT} requests are being processed")
            self._open.add(request.transaction_uid)

    def end(self, request: CommitmentRequest) -> None:
        """Forget a request whose result has been delivered, or given up."""
        with self._guard:
            self._open.discard(request.transaction_uid)

    def outcomes(self, request: CommitmentRequest) -> list[int]:
        """Ask the user's callable; what it does not say is a processing failure."""
        try:
            outcomes = list(self.decide(request))
        except Exception:
            LOGGER.exception("deciding on storage commitment failed: nothing is committed")
            return [Outcome.PROCESSING_FAILURE] * len(request.instances)
        if len(outcomes) != len(request.instances) or not all(map(_is_status, outcomes)):
            LOGGER.error(
                "deciding on storage commitment gave no list of %d statuses: nothing is committed",
                len(request.instances),
            )
            return [Outcome.PROCESSING_FAILURE] * len(request.instances)
        return outcomes


def _is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFFFF


class _Delivery:
    """The errand of one request: decide, then report until that is done or given up."""

    def __init__(
        self,
        provider: StorageCommitmentProvider,
        request: CommitmentRequest,
        association: Any,
        response: Response,
    ) -> None:
        self._provider = provider
        self._request = request
        self._association = association
        self._response = response
        self._event_type = 0
        self._information: Dataset | None = None
        self._delays = list(provider.retry_delays)

    def __call__(self) -> float | None:
        provider, request = self._provider, self._request
        if self._information is None:
            outcomes = provider.outcomes(request)
            self._event_type, self._information = event_information(
                request, outcomes, provider.retrieve_ae_title
            )
        if self._association is not None and self._response.is_awaited:
            return RESPONSE_INTERVAL
        try:
            self._deliver()
        except _NotDelivered as failure:
            if self._delays and not failure.is_final:
                delay = self._delays.pop(0)
                LOGGER.warning("%s; trying again in %s s", failure, delay)
                return delay
            LOGGER.error("%s; it is given up", failure)
        except Exception:  # of the user's callable, or for what it returned
            LOGGER.exception("a storage commitment result could not be delivered; it is given up")
        provider.end(request)
        return None

    def _deliver(self) -> None:
        association, self._association = self._association, None
        if association is not None and association.is_established:
            try:
                self._send(association)
                return
            except _NotDelivered as failure:
                if failure.is_final:
                    raise
        self._deliver_elsewhere()

    def _deliver_elsewhere(self) -> None:
        """Report on an association of our own, on which we are the SCP (PS3.4 J.3.3.1.3)."""
        title = self._request.ae_title
        destination = self._provider.find_address(title)
        if destination is None:
            raise _NotDelivered(self._request, f"the address of {title} is not known")
        host, port, *rest = destination
        options = dict(rest[0]) if rest else {}
        options.setdefault("ae_title", title)
        sop_class = self._request.sop_class_uid
        role = build_role(sop_class, scp_role=True)
        try:
            with self._provider.ae.associate(
                host, port, contexts=[build_context(sop_class)], ext_neg=[role], **options
            ) as association:
                self._send(association)
        except _NotDelivered:
            raise
        except (FastdicomError, OSError, ValueError) as error:
            raise _NotDelivered(self._request, str(error)) from error

    def _send(self, association: Any) -> None:
        sop_class = self._request.sop_class_uid
        try:
            status, _ = association.send_n_event_report(
                self._information, self._event_type, sop_class, WELL_KNOWN_INSTANCES[sop_class]
            )
        except (FastdicomError, ValueError) as error:
            raise _NotDelivered(self._request, str(error)) from error
        if "Status" not in status:
            raise _NotDelivered(self._request, "it was not answered")
        code = int(status.Status)
        if code != 0x0000:
            is_final = code not in TRANSIENT
            raise _NotDelivered(self._request, f"it was answered with {code:04X}H", is_final=is_final)


class _NotDelivered(FastdicomError):
    """A report has not been taken."""

    def __init__(self, request: CommitmentRequest, reason: str, *, is_final: bool = False) -> None:
        super().__init__(
            f"the storage commitment result of {request.transaction_uid} for {request.ae_title} was not "
            f"delivered: {reason}"
        )
        self.is_final = is_final
