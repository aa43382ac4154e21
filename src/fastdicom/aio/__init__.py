"""fastdicom on an event loop: the same names as `fastdicom` has, awaited.

``from fastdicom.aio import AE`` in the place of ``from fastdicom import AE``: `AE.associate` and
`AE.start_server` are awaited, and so is what an association and a server do. An AE, its servers and its
associations belong to the event loop in which they are used first.
"""

from fastdicom.aio.ae import AE, ApplicationEntity
from fastdicom.aio.association import Association
from fastdicom.aio.server import AssociationServer

__all__ = ["AE", "ApplicationEntity", "Association", "AssociationServer"]
