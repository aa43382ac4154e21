"""For how long an AE waits, in seconds; None for ever."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fastdicom.checks import checked_positive, checked_timeout


class Timeouts(ABC):
    """The timeouts of an application entity."""

    def __init__(self) -> None:
        self._acse_timeout: float | None = 30
        self._connection_timeout: float | None = None
        self._handshake_timeout: float | None = 10
        self._dimse_timeout: float | None = 30
        self._network_timeout: float | None = 60
        self._minimum_throughput: float = 100
        self._throughput_window: float = 60
        self._pending_interval: float | None = 1
        self._handler_timeout: float | None = None

    @property
    def acse_timeout(self) -> float | None:
        """For association messages, the ARTIM timer included (PS3.8 9.1.5); 30 s."""
        return self._acse_timeout

    @acse_timeout.setter
    def acse_timeout(self, value: float | None) -> None:
        self._acse_timeout = checked_timeout("acse_timeout", value)
        self._apply_timeouts("acse_timeout")

    @property
    def connection_timeout(self) -> float | None:
        """For the TCP connection to a peer; None, which leaves it to the system."""
        return self._connection_timeout

    @connection_timeout.setter
    def connection_timeout(self, value: float | None) -> None:
        self._connection_timeout = checked_timeout("connection_timeout", value)
        self._apply_timeouts("connection_timeout")

    @property
    def handshake_timeout(self) -> float | None:
        """For the TLS handshake of a connection, before any association message; 10 s."""
        return self._handshake_timeout

    @handshake_timeout.setter
    def handshake_timeout(self, value: float | None) -> None:
        self._handshake_timeout = checked_timeout("handshake_timeout", value)

    @property
    def dimse_timeout(self) -> float | None:
        """For a response to begin, and for a message to go on: not for all of it; 30 s."""
        return self._dimse_timeout

    @dimse_timeout.setter
    def dimse_timeout(self, value: float | None) -> None:
        self._dimse_timeout = checked_timeout("dimse_timeout", value)
        self._apply_timeouts("dimse_timeout")

    @property
    def network_timeout(self) -> float | None:
        """For anything to come on an idle association, and for a message to go on; 60 s."""
        return self._network_timeout

    @network_timeout.setter
    def network_timeout(self, value: float | None) -> None:
        self._network_timeout = checked_timeout("network_timeout", value)
        self._apply_timeouts("network_timeout")

    @property
    def minimum_throughput(self) -> float:
        """How fast a message that has begun must move, in bytes a second, or the association is aborted; 100.

        It is looked at on the average of `throughput_window`, in either direction. 0 for no such rule.
        """
        return self._minimum_throughput

    @minimum_throughput.setter
    def minimum_throughput(self, value: float) -> None:
        self._minimum_throughput = checked_positive("minimum_throughput", value)
        self._apply_timeouts()

    @property
    def throughput_window(self) -> float:
        """On the average of how many seconds `minimum_throughput` must be kept; 60 s."""
        return self._throughput_window

    @throughput_window.setter
    def throughput_window(self, value: float) -> None:
        self._throughput_window = checked_positive("throughput_window", value)
        self._apply_timeouts()

    @property
    def pending_interval(self) -> float | None:
        """For a C-GET or C-MOVE that we perform to say how far it has got; 1 s.

        There is a pending response after each sub-operation (after the first 32, when they come faster than
        every 20 ms, only so often), and one whenever there was none for so long: while a sub-operation takes
        its time, or the handler. None for those after sub-operations only.

        Raises
        ------
        ValueError
            When set to 0 or less.
        """
        return self._pending_interval

    @pending_interval.setter
    def pending_interval(self, value: float | None) -> None:
        if value == 0:
            raise ValueError("pending_interval is 0; it must be positive, or None")
        self._pending_interval = checked_timeout("pending_interval", value)

    @property
    def handler_timeout(self) -> float | None:
        """For the handler of a request, or each of its results if it is a generator; None, for no limit.

        When it takes longer its operation fails with the status of a handler that raises, and the association
        is aborted. The thread that runs the handler cannot be stopped.
        """
        return self._handler_timeout

    @handler_timeout.setter
    def handler_timeout(self, value: float | None) -> None:
        self._handler_timeout = checked_timeout("handler_timeout", value)

    @abstractmethod
    def _apply_timeouts(self, name: str | None = None) -> None:
        """Let the associations that there are know of a change, of what they may have set for themselves."""
