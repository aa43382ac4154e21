"""Waiting for a socket and a waker, by poll where there is one."""

from __future__ import annotations

import select

HAS_POLL = hasattr(select, "poll")


class Readiness:
    """What one thread waits for: a socket, and that another thread wants attention.

    Parameters
    ----------
    descriptor
        The socket; -1 for none.
    wake_descriptor
        Becomes readable when another thread wants attention; -1 for none.
    """

    def __init__(self, descriptor: int, wake_descriptor: int) -> None:
        self._descriptor = descriptor
        self._wake_descriptor = wake_descriptor
        self._events = 0
        if HAS_POLL:
            self._poll = select.poll()
            if descriptor >= 0:
                self._poll.register(descriptor, 0)
            if wake_descriptor >= 0:
                self._poll.register(wake_descriptor, select.POLLIN)  # last: it may be the same one

    def wait(self, timeout: float | None, *, reading: bool, writing: bool) -> tuple[bool, bool, bool]:
        """Wait at most `timeout` seconds, None for ever.

        Returns
        -------
        tuple of bool
            Whether another thread wants attention, whether the socket is readable, whether it is writable. A
            socket in error is both, as far as that was waited for.
        """
        if not HAS_POLL:
            readers = [self._wake_descriptor] if self._wake_descriptor >= 0 else []
            readers += [self._descriptor] if reading else []
            readable, writable, _ = select.select(readers, [self._descriptor] if writing else [], [], timeout)
            return self._wake_descriptor in readable, self._descriptor in readable, bool(writable)
        events = (select.POLLIN if reading else 0) | (select.POLLOUT if writing else 0)
        if events != self._events:
            self._poll.modify(self._descriptor, events)
            self._events = events
        # Rounded up, so that a short timeout is not none at all.
        ready = dict(self._poll.poll(None if timeout is None else int(timeout * 1000 + 0.999)))
        found = ready.get(self._descriptor, 0)
        return (
            self._wake_descriptor in ready,
            reading and bool(found & ~select.POLLOUT),
            writing and bool(found & ~select.POLLIN),
        )
