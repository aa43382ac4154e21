"""DICOM networking close to the speed of the socket.

`AE` is the application entity: it requests associations and accepts them. `evt` has the events that
handlers are bound to, `sop_class` the SOP classes, `errors` what is raised.
"""

from __future__ import annotations

import logging

from fastdicom import errors, presentation, sop_class
from fastdicom import events as evt
from fastdicom._version import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
    PYNETDICOM_UID_PREFIX,
    __version__,
)
from fastdicom.admission import AssociationLimit
from fastdicom.ae import AE
from fastdicom.association import Association
from fastdicom.association.forwarding import forward
from fastdicom.encoded.dataset import EncodedDataset
from fastdicom.errors import AssociationAborted, AssociationRejected, ConnectionFailed
from fastdicom.log import debug_logger
from fastdicom.net.inherited import inherited_sockets
from fastdicom.net.socket_options import SocketOptions
from fastdicom.pool import AssociationPool
from fastdicom.presentation import *  # noqa: F403
from fastdicom.services.outcomes import Outcome, Stored, Verdict
from fastdicom.sop_class import register_uid
from fastdicom.ul.admission import AdmissionPolicy
from fastdicom.ul.roles import build_role
from fastdicom.ul.window import build_async_ops

__all__ = [
    "AE",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "PYNETDICOM_IMPLEMENTATION_UID",
    "PYNETDICOM_IMPLEMENTATION_VERSION",
    "PYNETDICOM_UID_PREFIX",
    "AdmissionPolicy",
    "Association",
    "AssociationAborted",
    "AssociationLimit",
    "AssociationPool",
    "AssociationRejected",
    "ConnectionFailed",
    "EncodedDataset",
    "Outcome",
    "SocketOptions",
    "Stored",
    "Verdict",
    "__version__",
    "build_async_ops",
    "build_role",
    "debug_logger",
    "errors",
    "evt",
    "forward",
    "inherited_sockets",
    "register_uid",
    "sop_class",
]
__all__ += presentation.__all__

# A library is silent unless its user configures logging.
logging.getLogger("fastdicom").addHandler(logging.NullHandler())
