"""A C-STORE in two steps: the request has been sent, and the response is taken when it is asked for.

In between its thread prepares the next object; another one may look whether the response has come.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fastdicom._core.exchange import Invocation
from fastdicom.dimse.results import StatusDataset, no_answer, status_dataset
from fastdicom.errors import AssociationError

if TYPE_CHECKING:
    from fastdicom.association.serving import Serving


class StoreUnderWay:
    """A C-STORE that waits for its response.

    Parameters
    ----------
    association
        The association that the request has been sent on.
    invocation
        The operation.
    sop_instance_uid
        Of the object.

    Attributes
    ----------
    sop_instance_uid
        Of the object.
    may_look_ahead
        Whether who has yielded the object may be asked for the next one: it is not needed any more.
    """

    __slots__ = ("_association", "_invocation", "sop_instance_uid")

    may_look_ahead = True

    def __init__(self, association: Serving, invocation: Invocation, sop_instance_uid: str) -> None:
        self._association = association
        self._invocation = invocation
        self.sop_instance_uid = sop_instance_uid

    async def failed_uid(self) -> str:
        """Return the SOP Instance UID, for the list of those that failed."""
        return self.sop_instance_uid

    async def has_answer(self) -> bool:
        """Whether the response has come, as of now. From any thread."""
        with suppress(AssociationError):  # it has ended, and nothing comes any more
            await self._association.attend()
        return self._invocation.response is not None

    async def wait(self) -> StatusDataset:
        """Return the status in the response; an empty one when the association is gone."""
        response = await self._association.response_to(self._invocation)
        return no_answer() if response is None else status_dataset(response.command)
