"""What a program may set of one association, and see of it: its name, its timeouts."""

from __future__ import annotations

from abc import abstractmethod
from itertools import count
from typing import TYPE_CHECKING, Any

from fastdicom.association.service_user import ServiceUser
from fastdicom.association.serving import Serving
from fastdicom.checks import checked_timeout
from fastdicom.errors import FastdicomError
from fastdicom.log import CONTROL_CHARACTERS

if TYPE_CHECKING:
    from fastdicom.watching.counting import AssociationMetrics

NUMBERS = count(1)


class Limited(Serving):
    """What an association needs to keep to limits of its own, besides what it needs to serve.

    Attributes
    ----------
    name
        For the program to tell associations apart; it may be changed.
    id
        What no other association of this process has; log records have it, too.
    """

    __slots__ = ("_own_timeouts", "id", "metrics", "name")

    requestor: ServiceUser
    acceptor: ServiceUser
    _connection: Any  # the driver's; None while there is none
    _failure: FastdicomError | None

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.id = str(next(NUMBERS))
        self.name = f"{mode}-{self.id}"
        self.metrics: AssociationMetrics | None = None
        # Those that were set here; the others are the AE's.
        self._own_timeouts: dict[str, float | None] = {}

    @property
    def acse_timeout(self) -> float | None:
        """For association messages that are still to come, of a release for instance; that of the AE."""
        return self._own_timeouts.get("acse_timeout", self.ae.acse_timeout)

    @acse_timeout.setter
    def acse_timeout(self, value: float | None) -> None:
        self._set_timeout("acse_timeout", value)

    @property
    def connection_timeout(self) -> float | None:
        """For the TCP connection to a peer; that of the AE. It does nothing once there is one."""
        return self._own_timeouts.get("connection_timeout", self.ae.connection_timeout)

    @connection_timeout.setter
    def connection_timeout(self, value: float | None) -> None:
        self._set_timeout("connection_timeout", value)

    @property
    def dimse_timeout(self) -> float | None:
        """For a response to begin, and for a message to go on; that of the AE."""
        return self._own_timeouts.get("dimse_timeout", self.ae.dimse_timeout)

    @dimse_timeout.setter
    def dimse_timeout(self, value: float | None) -> None:
        self._set_timeout("dimse_timeout", value)

    @property
    def network_timeout(self) -> float | None:
        """For anything to come on an idle association, and for a message to go on; that of the AE."""
        return self._own_timeouts.get("network_timeout", self.ae.network_timeout)

    @network_timeout.setter
    def network_timeout(self, value: float | None) -> None:
        self._set_timeout("network_timeout", value)

    def _set_timeout(self, name: str, value: float | None) -> None:
        self._own_timeouts[name] = checked_timeout(name, value)
        if self._is_established:
            self.follow_timeouts(None)
        elif self._connection is not None:
            self._connection.provider.artim_timeout = self.acse_timeout

    def follow_timeouts(self, name: str | None) -> None:
        """Take over a timeout that has been set for all associations of the AE."""
        if name is not None:
            self._own_timeouts.pop(name, None)
        self.apply_timeouts()

    def apply_timeouts(self) -> None:
        """Bound what is waited for from now on."""
        self._patience = dimse = self.dimse_timeout
        network = self.network_timeout
        if self._connection is not None:
            progress = dimse if network is None else network if dimse is None else min(dimse, network)
            self._connection.provider.artim_timeout = self.acse_timeout
            self._connection.set_timeouts(
                dimse if self.is_requestor else network,
                progress,
                self.ae.minimum_throughput,
                self.ae.throughput_window,
            )

    @property
    def log_fields(self) -> dict[str, str]:
        """What log records say of it: `association_id`, `peer` and `peer_address`."""
        peer = self.acceptor if self.is_requestor else self.requestor
        return {
            "association_id": self.id,
            "peer": peer.ae_title.translate(CONTROL_CHARACTERS) or "-",
            "peer_address": f"{peer.address}:{peer.port}" if peer.address else "-",
        }

    @property
    def connection(self) -> Any:
        """The connection; None while there is none."""
        return self._connection

    @property
    def failure(self) -> FastdicomError | None:
        """Why it is not established any more, or never was; None as long as it may be."""
        return self._failure

    @property
    @abstractmethod
    def is_requestor(self) -> bool:
        """Whether this side asked for the association."""
