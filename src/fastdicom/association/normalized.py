"""The DIMSE-N operations that this side invokes (PS3.7 10).

Each is one request and one response; what the six have of their own is a row of a table.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import UID

from fastdicom._core.pdata import Message
from fastdicom.annexes.registry import carriers, members_of
from fastdicom.association.operations import LOGGER, Operations
from fastdicom.data_sets import decode_dataset, encode_dataset
from fastdicom.dimse.messages import (
    HAS_DATA_SET,
    N_ACTION_RQ,
    N_CREATE_RQ,
    N_DELETE_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    N_SET_RQ,
    NO_DATA_SET,
)
from fastdicom.dimse.results import StatusDataset, no_answer, status_dataset
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.presentation import PresentationContext
from fastdicom.status import STATUS_SUCCESS, STATUS_WARNING, code_to_category

if TYPE_CHECKING:
    from typing_extensions import Buffer

# PS3.7 C.5.21: what a response that cannot be understood is taken for
PROCESSING_FAILURE = 0x0110


class NRequest(NamedTuple):
    """What a request of one DIMSE-N service has of its own (PS3.7 10.3).

    Attributes
    ----------
    command_field
        Its (0000,0100).
    sop_class, sop_instance
        The elements that name them: Affected or Requested.
    argument
        The element that says what exactly is meant; None when there is none.
    """

    command_field: int
    sop_class: int
    sop_instance: int
    argument: int | None = None


N_EVENT_REPORT = NRequest(N_EVENT_REPORT_RQ, 0x0002, 0x1000, 0x1002)
N_GET = NRequest(N_GET_RQ, 0x0003, 0x1001, 0x1005)
N_SET = NRequest(N_SET_RQ, 0x0003, 0x1001)
N_ACTION = NRequest(N_ACTION_RQ, 0x0003, 0x1001, 0x1008)
N_CREATE = NRequest(N_CREATE_RQ, 0x0002, 0x1000)
N_DELETE = NRequest(N_DELETE_RQ, 0x0003, 0x1001)


class NormalizedOperations(Operations):
    """What an association needs to invoke the DIMSE-N services."""

    __slots__ = ()

    @property
    @abstractmethod
    def accepted_contexts(self) -> list[PresentationContext]:
        """The presentation contexts that can be used, in the order of their IDs."""

    async def _request_n(
        self,
        request: NRequest,
        dataset: Dataset | Buffer | None,
        argument: Any,
        class_uid: str,
        instance_uid: str | None,
        msg_id: int | None,
        meta_uid: str | None,
    ) -> tuple[StatusDataset, Dataset | None]:
        self._check_established()
        if not instance_uid and request is not N_CREATE:
            raise ValueError(f"instance_uid is {instance_uid!r}; the request must name an instance")
        context = self._context_for(request, meta_uid or class_uid, argument).as_tuple
        data_set = encode_data_set(dataset, context.transfer_syntax)
        elements = {
            request.sop_class: class_uid,
            0x0100: request.command_field,
            0x0110: msg_id,
            0x0800: NO_DATA_SET if data_set is None else HAS_DATA_SET,
            request.sop_instance: instance_uid or None,
        }
        if request.argument is not None:
            elements[request.argument] = argument
        response = await self._ask(context.context_id, elements, data_set)
        return _result(self, response, context.transfer_syntax)

    def _context_for(self, request: NRequest, wanted: str, argument: Any) -> PresentationContext:
        """Return the accepted context for a request, the best one if there are several."""
        kind = argument if request is N_ACTION or request is N_EVENT_REPORT else None
        names = carriers(wanted, request.command_field, kind)
        for name in (*names, *self._metas_of(wanted)):
            contexts = [each for each in self.accepted_contexts if each.abstract_syntax == name]
            if request is N_EVENT_REPORT:
                # For the SCP to send (PS3.7 10.1.1); yet commitments come back on associations whose
                # requestor has not negotiated that role.
                contexts.sort(key=lambda each: not each.as_scp)
            else:
                contexts = [each for each in contexts if each.as_scu]
            if contexts:
                return contexts[0]
        role = "SCP" if request is N_EVENT_REPORT else "SCU"
        raise ValueError(
            f"no accepted presentation context for {UID(wanted).name} on which this side is {role}"
        )

    def _metas_of(self, class_uid: str) -> Sequence[str]:
        """Return the accepted Meta SOP Classes that this one is a member of."""
        accepted = [str(context.abstract_syntax) for context in self.accepted_contexts]
        return [each for each in accepted if class_uid in members_of(each)]


def tags_of(identifiers: Iterable[Any] | int | str | None) -> list[int] | None:
    """Return an Attribute Identifier List; None when it is empty, as then there is none (PS3.7 10.3.2.1)."""
    if identifiers is None:
        return None
    if isinstance(identifiers, int | str):
        identifiers = [identifiers]
    return [int(Tag(each)) for each in identifiers] or None


def encode_data_set(dataset: Dataset | Buffer | None, transfer_syntax: UID) -> Sequence[Buffer] | None:
    """Return an encoded data set in pieces; None when it has no elements, as then there is none."""
    if dataset is None:
        return None
    if isinstance(dataset, Dataset | EncodedDataset):
        encoded = memoryview(encode_dataset(dataset, transfer_syntax))
    else:
        try:
            encoded = memoryview(dataset).cast("B")
        except TypeError:
            raise TypeError(
                f"a pydicom Dataset or a buffer can be sent, not {type(dataset).__name__}"
            ) from None
    return [encoded] if len(encoded) > 0 else None


def _result(
    association: Operations, response: Message | None, transfer_syntax: UID
) -> tuple[StatusDataset, Dataset | None]:
    """Return the status in a response, and its data set."""
    if response is None:
        return no_answer(), None
    status = status_dataset(response.command)
    if code_to_category(status.Status) not in (STATUS_SUCCESS, STATUS_WARNING):
        return status, None
    if not response.data_set_length:
        return status, Dataset()
    try:
        if response.data_set is None:
            raise ValueError(f"it was not kept: {response.data_set_length} bytes are too many")
        return status, decode_dataset(response.data_set, transfer_syntax)
    except Exception as error:
        # Whatever pydicom raises on what the peer has sent; the status that pynetdicom gives it
        fields = association.log_fields
        LOGGER.error("the data set of the response cannot be decoded: %s", error, extra=fields)
        status.Status = PROCESSING_FAILURE
        return status, None
