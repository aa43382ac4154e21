"""The DIMSE operations as a thread invokes them: each call waits for what it returns.

What they do is in `operations`, `composite` and `normalized`, for all drivers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from pydicom.dataset import Dataset

from fastdicom.association import outgoing
from fastdicom.association.driving import drive
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
from fastdicom.association.pipelining import PipelinedStores, StoreArguments
from fastdicom.association.responses import Responses
from fastdicom.association.waiting import Waiting
from fastdicom.checks import checked_ae_title
from fastdicom.dimse.messages import C_FIND_RQ, C_GET_RQ, C_MOVE_RQ
from fastdicom.dimse.results import StatusDataset

if TYPE_CHECKING:
    from typing_extensions import Buffer

Item = TypeVar("Item")


class Requests(Waiting):
    """The DIMSE services that an association invokes.

    Those of DIMSE-N have in common:

    All of them take `class_uid` and `instance_uid`, which the request names; `msg_id`, the Message ID, 1 to
    65535, chosen when None; and `meta_uid`, the meta SOP class of the presentation context to use. Without it
    the context is that of `class_uid`, or of a meta SOP class that has it as a member. What names Unified
    Procedure Step Push goes over a context of those classes that allows it, that of Push before others.

    A data set is a pydicom Dataset, or a buffer that has it encoded in the transfer syntax of the context;
    one that is empty is not sent at all. They return the status, empty when the peer did not answer and the
    association is gone; and the data set of the response: empty when it has none, None when the status is
    neither a success nor a warning.

    They raise RuntimeError when the association is not established, ValueError when no presentation context
    fits or the request cannot be encoded, and TypeError when a data set is neither. Nothing was sent then.
    """

    __slots__ = ()

    def send_c_echo(self, msg_id: int | None = None) -> StatusDataset:
        """Send a C-ECHO request and wait for the response (PS3.7 9.1.5).

        Parameters
        ----------
        msg_id
            The Message ID, 1 to 65535; chosen when None.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When the Verification SOP Class was not accepted.
        """
        context_id, elements = self._echo_request(msg_id)
        return status_in(self._ask_now(context_id, elements, None))

    def send_c_store(
        self,
        dataset: Any,
        msg_id: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> StatusDataset:
        """Send an object with C-STORE and wait for the response (PS3.7 9.1.1).

        Parameters
        ----------
        dataset
            The path of a DICOM file, which goes out as its bytes are; a pydicom Dataset, which is
            encoded; or any buffer with an encoded data set.
        msg_id
            The Message ID, 1 to 65535; chosen when None.
        priority
            0 medium, 1 high, 2 low.
        originator_aet, originator_id
            The AE title and the Message ID of the C-MOVE that this is done for, if any.
        transfer_syntax
            The transfer syntax of an encoded data set. Not needed for a buffer with a whole DICOM file.

        Returns
        -------
        pydicom.Dataset
            With (0000,0900) Status; empty when the peer did not answer: the association is then gone.

        Raises
        ------
        RuntimeError
            When the association is not established.
        OSError
            When a file cannot be read.
        AttributeError
            When a Dataset lacks its SOP class, instance or transfer syntax.
        ValueError
            When it is no DICOM object, or fits no accepted presentation context. Nothing was sent.
        """
        if not self._is_established:
            self._check_established()
        prepared = outgoing.prepare(dataset, transfer_syntax, self._means())
        elements = self._store_request(prepared, msg_id, priority, originator_aet, originator_id)
        return status_in(self._ask_now(prepared.context_id, elements, prepared.data_set))

    def send_c_store_many(
        self,
        items: Iterable[Item],
        window: int | None = None,
        priority: int = 2,
        originator_aet: str | None = None,
        originator_id: int | None = None,
        *,
        transfer_syntax: str | None = None,
    ) -> PipelinedStores[Item]:
        """Send many objects with C-STORE, as many at once as have been negotiated (PS3.7 9.1.1, D.3.3.3).

        Propose a window with ``ext_neg=[build_async_ops(16)]``. Where the peer grants none, they are sent one
        at a time; even then the next one is made ready while the one before is under way.

        Parameters
        ----------
        items
            Any iterable of what `send_c_store` takes. It is read as they are sent, at most one ahead, in the
            thread that asks for the results.
        window
            How many to have under way at most; as many as have been negotiated unless given. Where no limit
            was negotiated, 16 unless given.
        priority, originator_aet, originator_id, transfer_syntax
            As for `send_c_store`, for all of them.

        Returns
        -------
        PipelinedStores
            An iterator over `Stored`: ``(item, status)``, in the order of the responses, which may be any. It
            says for every item whether it was stored, has failed (an item that cannot be read or fits no
            accepted presentation context fails by itself), or cannot be known as the association broke.
            What the iterable raises, it raises when all items before have been told of. `close` waits for
            what is under way, and returns it.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When `window` is less than 1.
        """
        if not self._is_established:
            self._check_established()
        arguments = StoreArguments(priority, originator_aet, originator_id)
        return PipelinedStores(self, items, window, arguments, transfer_syntax)

    def send_c_find(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-FIND request (PS3.7 9.1.2); its responses are what is returned.

        Parameters
        ----------
        dataset
            The identifier: a pydicom Dataset, or any buffer with one that is encoded in the transfer syntax
            of the presentation context.
        query_model
            The SOP class UID of the information model.
        msg_id
            The Message ID, 1 to 65535; chosen when None.
        priority
            0 medium, 1 high, 2 low.

        Returns
        -------
        Responses
            An iterator over ``(status, identifier)``; FF00H and FF01H bring a match, another status is the
            last. `cancel` asks the peer to stop; `close`, or leaving a ``with`` block, gives it up.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When the SOP class was not accepted, or the identifier cannot be encoded. Nothing was sent.
        """
        return self._responses(C_FIND_RQ, dataset, query_model, msg_id, priority)

    def send_c_get(
        self, dataset: Any, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-GET request (PS3.7 9.1.3); its responses are what is returned.

        The objects come as C-STORE requests on this association while the responses are iterated over: to
        the handler of EVT_C_STORE, or to `AE.store_directory`. Their storage SOP classes need a presentation
        context on which this side is SCP (`build_role` with `scp_role`).

        Parameters
        ----------
        dataset, query_model, msg_id, priority
            As for `send_c_find`.

        Returns
        -------
        Responses
            An iterator over ``(status, identifier)``; a status has the numbers of sub-operations, and the
            identifier of the last one (0008,0058) Failed SOP Instance UID List, if any failed.

        Raises
        ------
        RuntimeError, ValueError
            As for `send_c_find`.
        """
        return self._responses(C_GET_RQ, dataset, query_model, msg_id, priority)

    def send_c_move(
        self, dataset: Any, move_aet: str, query_model: str, msg_id: int | None = None, priority: int = 2
    ) -> Responses:
        """Send a C-MOVE request (PS3.7 9.1.4); its responses are what is returned.

        Parameters
        ----------
        move_aet
            The AE title that the objects are to be sent to.
        dataset, query_model, msg_id, priority
            As for `send_c_find`.

        Returns
        -------
        Responses
            As for `send_c_get`.

        Raises
        ------
        RuntimeError, ValueError
            As for `send_c_find`; also when `move_aet` is no AE title.
        """
        destination = checked_ae_title(move_aet)
        return self._responses(C_MOVE_RQ, dataset, query_model, msg_id, priority, destination)

    def send_c_cancel(
        self, msg_id: int, context_id: int | None = None, query_model: str | None = None
    ) -> None:
        """Ask the peer to cancel a C-FIND, C-GET or C-MOVE (PS3.7 9.3.2.3).

        `Responses.cancel` does it for one whose responses are at hand.

        Parameters
        ----------
        msg_id
            The Message ID of the operation, 0 to 65535.
        context_id
            The ID of its presentation context; not needed with `query_model`.
        query_model
            Its SOP class UID; not needed with `context_id`.

        Raises
        ------
        RuntimeError
            When the association is not established.
        ValueError
            When neither is given, or such a context was not accepted.
        """
        drive(self._ask_to_cancel(msg_id, context_id, query_model))

    def _responses(self, *request: Any) -> Responses:
        inquiry = self._inquiry(*request)
        return Responses(self, drive(self._inquire(inquiry)), inquiry.transfer_syntax)

    def send_n_event_report(
        self,
        dataset: Dataset | Buffer | None,
        event_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Report an event, as SCP, and wait for the response (PS3.7 10.1.1).

        Parameters
        ----------
        dataset
            The Event Information; None when there is none.
        event_type
            The Event Type ID.
        class_uid, instance_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        tuple
            The status, and the Event Reply.
        """
        return drive(
            self._request_n(N_EVENT_REPORT, dataset, event_type, class_uid, instance_uid, msg_id, meta_uid)
        )

    def send_n_get(
        self,
        identifier_list: Iterable[Any] | int | str | None,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for attributes of an instance and wait for the response (PS3.7 10.1.2).

        Parameters
        ----------
        identifier_list
            The tags, or whatever `pydicom.tag.Tag` makes one of; all attributes when empty or None.
        class_uid, instance_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        tuple
            The status, and the Attribute List.
        """
        tags = tags_of(identifier_list)
        return drive(self._request_n(N_GET, None, tags, class_uid, instance_uid, msg_id, meta_uid))

    def send_n_set(
        self,
        dataset: Dataset | Buffer,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Set attributes of an instance and wait for the response (PS3.7 10.1.3).

        Parameters
        ----------
        dataset
            The Modification List.
        class_uid, instance_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        tuple
            The status, and the Attribute List.
        """
        return drive(self._request_n(N_SET, dataset, None, class_uid, instance_uid, msg_id, meta_uid))

    def send_n_action(
        self,
        dataset: Dataset | Buffer | None,
        action_type: int,
        class_uid: str,
        instance_uid: str,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for an action and wait for the response (PS3.7 10.1.4).

        Parameters
        ----------
        dataset
            The Action Information; None when there is none.
        action_type
            The Action Type ID.
        class_uid, instance_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        tuple
            The status, and the Action Reply.
        """
        return drive(
            self._request_n(N_ACTION, dataset, action_type, class_uid, instance_uid, msg_id, meta_uid)
        )

    def send_n_create(
        self,
        dataset: Dataset | Buffer | None,
        class_uid: str,
        instance_uid: str | None = None,
        msg_id: int | None = None,
        meta_uid: str | None = None,
    ) -> tuple[StatusDataset, Dataset | None]:
        """Ask for a new instance and wait for the response (PS3.7 10.1.5).

        Parameters
        ----------
        dataset
            The Attribute List; None when there is none.
        instance_uid
            How it is to be named; None when that is for the peer: the status then has the name, as
            (0000,1000) Affected SOP Instance UID.
        class_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        tuple
            The status, and the Attribute List.
        """
        return drive(self._request_n(N_CREATE, dataset, None, class_uid, instance_uid, msg_id, meta_uid))

    def send_n_delete(
        self, class_uid: str, instance_uid: str, msg_id: int | None = None, meta_uid: str | None = None
    ) -> StatusDataset:
        """Ask for an instance to be deleted and wait for the response (PS3.7 10.1.6).

        Parameters
        ----------
        class_uid, instance_uid, msg_id, meta_uid
            As for all DIMSE-N services.

        Returns
        -------
        pydicom.Dataset
            The status.
        """
        return drive(self._request_n(N_DELETE, None, None, class_uid, instance_uid, msg_id, meta_uid))[0]
