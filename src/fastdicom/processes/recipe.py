"""What the server in each process is made of, and whether that can be sent to another process.

An AE goes there as its settings (`settings_of`): what it does at this moment, its associations and its locks,
stays where it is. With the start method "fork" handlers may be any functions. With any other one everything
is pickled, and a function is pickled by its name: it must stand at the top level of a module.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, TypeAlias

from fastdicom.events import EventHandler
from fastdicom.net.sharing import Entrance
from fastdicom.presentation import PresentationContext
from fastdicom.processes.carrying import settings_of
from fastdicom.server import AssociationServer

if TYPE_CHECKING:
    from fastdicom.ae import ApplicationEntity

FORK = "fork"

Tls: TypeAlias = ssl.SSLContext | Callable[[], ssl.SSLContext | None] | None


@dataclass(frozen=True)
class Recipe:
    """A server that is to be in each process.

    Parameters
    ----------
    ae
        The application entity: one of its own, that nobody uses in this process.
    ae_title, contexts, evt_handlers
        As for `AE.make_server`.
    ssl_context
        The settings of TLS, or a function that makes them; None without it.
    drain
        For how many seconds associations may go on when a process is to end by a signal, or alone.
    """

    ae: ApplicationEntity
    ae_title: str
    contexts: list[PresentationContext]
    evt_handlers: list[EventHandler]
    ssl_context: Tls
    drain: float

    def make_server(self, entrance: Entrance) -> AssociationServer:
        """Return the server."""
        return self.ae.make_server(
            entrance.open(self.ae.socket_options),
            self.ae_title,
            self.contexts,
            tls_context(self.ssl_context),
            self.evt_handlers,
        )

    def check(self) -> None:
        """Check that it can be pickled.

        Raises
        ------
        ValueError
            What cannot, and why.
        """
        for name, part in self._parts():
            try:
                ForkingPickler.dumps(part)
            except Exception as error:  # whatever a class of the user's raises when it is pickled
                raise ValueError(
                    f"{name} cannot be sent to another process: {error}; it must be picklable, and a "
                    'function must stand at the top level of a module, unless the start method is "fork"'
                ) from error

    def _parts(self) -> Iterator[tuple[str, Any]]:
        for event, *row in self.evt_handlers:
            yield f"the handler of {event}", (event, *row)
        for name, value in settings_of(self.ae).items():
            yield f"AE.{name}", value
        yield "contexts", self.contexts
        yield "ssl_context, which may be a function that makes one,", self.ssl_context
        yield "the class of the AE", type(self.ae)


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """Return the settings of TLS, made if they are to be made."""
    return tls() if callable(tls) else tls
