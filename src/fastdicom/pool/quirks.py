"""What a destination needs to be treated with, besides what the standard asks for.

That a PDU carries one PDV is no quirk here: more are never sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastdicom import events as evt
from fastdicom.events import EventHandler
from fastdicom.ul.items import AsynchronousOperationsWindowNegotiation, Item
from fastdicom.ul.window import build_async_ops

if TYPE_CHECKING:
    from fastdicom.association import Association


@dataclass(frozen=True)
class Quirks:
    """What is known of a destination.

    Attributes
    ----------
    is_synchronous
        No asynchronous operations window is proposed to it: some peers reject the association for one.
    maximum_length
        The longest P-DATA-TF that it is told we take, in bytes without its header; 0 for no limit, None for
        what `AE.associate` has.
    peer_maximum_length
        The longest P-DATA-TF that is sent to it, whatever it says that it takes; None for what it says.
    """

    is_synchronous: bool = False
    maximum_length: int | None = None
    peer_maximum_length: int | None = None

    def __post_init__(self) -> None:
        for name in ("maximum_length", "peer_maximum_length"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} is {value}; it must not be negative")

    def items(self, window: int, others: Sequence[Item]) -> list[Item]:
        """Return what to propose besides presentation contexts.

        Parameters
        ----------
        window
            How many operations we should like to have outstanding at once.
        others
            What the user proposes; a window among them stands.
        """
        kind = AsynchronousOperationsWindowNegotiation
        if self.is_synchronous:
            return [item for item in others if not isinstance(item, kind)]
        if window == 1 or any(isinstance(item, kind) for item in others):
            return list(others)
        return [*others, build_async_ops(window, 1)]

    def handlers(self) -> list[EventHandler]:
        """Return the event handlers that apply it to an association."""
        return [] if self.peer_maximum_length is None else [(evt.EVT_ACCEPTED, self._bound_peer)]

    def arguments(self) -> dict[str, Any]:
        """Return further arguments of `AE.associate`."""
        return {} if self.maximum_length is None else {"max_pdu": self.maximum_length}

    def _bound_peer(self, event: evt.Event) -> None:
        association: Association = event.assoc
        said, limit = association.acceptor.maximum_length, self.peer_maximum_length
        # PS3.8 D.1: 0 means no limit
        if limit:
            association.acceptor.maximum_length = min(said, limit) if said else limit
