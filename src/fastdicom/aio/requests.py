"""The DIMSE operations as the tasks of an event loop invoke them: what waits for the peer is awaited.

What they do is in `fastdicom.association`: `operations`, `composite` and `normalized`, for all drivers.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydicom.dataset import Dataset

from fastdicom.aio.pipelining import PipelinedStores
from fastdicom.aio.responses import Responses
from fastdicom.aio.serving import Serving
from fastdicom.association.normalized import (
    N_ACTION,
    N_CREATE,
    N_DELETE,
    N_EVENT_REPORT,
    N_GET,
    N_SET,
    tags_of,
)
from fastdicom.association.operations import status_in
from fastdicom.association.pipelining import StoreArguments
from fastdicom.checks import checked_ae_title
from fastdicom.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ
from fastdicom.dimse.results import StatusDataset

if TYPE_CHECKING:
    from typing_extensions import Buffer


Item = TypeVar("Item")


class Requests(Serving):
    """The DIMSE services that an association invokes.

    Their arguments, results and errors are those of `fastdicom.Association`. Several tasks may invoke
    operations at once: as many are in progress as have been negotiated, and the others wait for their turn,
    first come, first served.

    A task that is cancelled while it waits for a response waits no more, and the association goes on: the
    response is dropped when it comes, and counts in the window until then. One that is cancelled in the
    middle of sending an object leaves half of it, and the association is aborted.
    """

    __slots__ = ()

    async def send_c_echo(self, msg_id: int | None = None) -> StatusDataset:
        """Send a C-ECHO request and return the status in the response (PS3.7 9.1.5)."""
        context_id, elements = self._echo_request(msg_id)
        return status_in(await self._ask(context_id, elements, None))

    async def send_c_store(
        self,
        dataset: Any,
        msg_id: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> StatusDataset:
        """Send an object with C-STORE and return the status in the response (PS3.7 9.1.1).

        A file is read, and a Dataset encoded, in a thread.
        """
        self._check_established()
        prepared = await self.prepare_c_store(dataset, transfer_syntax)
        elements = self._store_request(prepared, msg_id, priority, originator_aet, originator_id)
        self._check_established()
        return status_in(await self._ask(prepared.context_id, elements, prepared.data_set))

    def send_c_store_many(
        self,
        items: Iterable[Item] | AsyncIterable[Item],
        window: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> PipelinedStores[Item]:
        """Return what becomes of many objects, as many at once as have been negotiated.

        The items may be an asynchronous iterable; one that is not is iterated over in the loop.
        """
        self._check_established()
        arguments = StoreArguments(priority, originator_aet, originator_id)
        return PipelinedStores(self, items, window, arguments, transfer_syntax)

    def send_c_find(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Return the responses to a C-FIND (PS3.7 9.1.2), which is sent when the first is asked for."""
        return self._responses(C_FIND_RQ, dataset, query_model, msg_id, priority)

    def send_c_get(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Return the responses to a C-GET (PS3.7 9.1.3), which is sent when the first is asked for.

        The objects come as C-STORE requests on this association: to the handler of EVT_C_STORE, or to
        `AE.store_directory`.
        """
        return self._responses(C_GET_RQ, dataset, query_model, msg_id, priority)

    def send_c_move(
        self, dataset: Any, move_aet: str, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Return the responses to a C-MOVE (PS3.7 9.1.4), which is sent when the first is asked for."""
        destination = checked_ae_title(move_aet)
        return self._responses(C_MOVE_RQ, dataset, query_model, msg_id, priority, destination)

    async def send_c_cancel(
        self, msg_id: int, context_id: int | None = None, query_model: str | None = None
    ) -> None:
        """Ask the peer to cancel a C-FIND, C-GET or C-MOVE (PS3.7 9.3.2.3)."""
        await self._ask_to_cancel(msg_id, context_id, query_model)

    def _responses(self, *request: Any) -> Responses:
        return Responses(self, self._inquiry(*request))

    async def send_n_event_report(
        self,
        dataset: Dataset | Buffer | None,
        event_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Report an event, and return the status and the Event Reply (PS3.7 10.1.1)."""
        return await self._request_n(
            N_EVENT_REPORT, dataset, event_type, class_uid, instance_uid, msg_id, meta_uid
        )

    async def send_n_get(
        self,
        identifier_list: Iterable[Any] | int | str | None,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for attributes, and return the status and the Attribute List (PS3.7 10.1.2)."""
        tags = tags_of(identifier_list)
        return await self._request_n(N_GET, None, tags, class_uid, instance_uid, msg_id, meta_uid)

    async def send_n_set(
        self,
        dataset: Dataset | Buffer,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Set attributes, and return the status and the Attribute List (PS3.7 10.1.3)."""
        return await self._request_n(N_SET, dataset, None, class_uid, instance_uid, msg_id, meta_uid)

    async def send_n_action(
        self,
        dataset: Dataset | Buffer | None,
        action_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for an action, and return the status and the Action Reply (PS3.7 10.1.4)."""
        return await self._request_n(
            N_ACTION, dataset, action_type, class_uid, instance_uid, msg_id, meta_uid
        )

    async def send_n_create(
        self,
        dataset: Dataset | Buffer | None,
        class_uid: str,
        instance_uid: str | None = None,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for a new instance, and return the status and the Attribute List (PS3.7 10.1.5)."""
        return await self._request_n(N_CREATE, dataset, None, class_uid, instance_uid, msg_id, meta_uid)

    async def send_n_delete(
        self, class_uid: str, instance_uid: str, msg_id: int | None = None, meta_uid: str | None = None
    ) -> StatusDataset:
        """Ask for an instance to be deleted, and return the status (PS3.7 10.1.6)."""
        status, _ = await self._request_n(N_DELETE, None, None, class_uid, instance_uid, msg_id, meta_uid)
        return status
