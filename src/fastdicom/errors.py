"""The two kinds of error: the peer broke the protocol, or the association cannot do what was asked.

`ProtocolError` carries the source and reason that an A-ABORT PDU needs (PS3.8 Table 9-26).
`AssociationError` and its children are what a caller sees when an association cannot be had or is gone.
Wrong arguments raise `ValueError` or `TypeError` as everywhere in Python; nothing has then been sent.
"""

from __future__ import annotations

from enum import IntEnum


class AbortSource(IntEnum):
    """Who aborted (PS3.8 Table 9-26, byte 9)."""

    SERVICE_USER = 0
    SERVICE_PROVIDER = 2


class AbortReason(IntEnum):
    """Why the service provider aborted (PS3.8 Table 9-26, byte 10)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


ABORT_SOURCES = {0: "service user", 1: "reserved", 2: "service provider"}

ABORT_REASONS = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    3: "reserved",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}

# PS3.8 Table 9-21.
REJECT_RESULTS = {1: "rejected permanently", 2: "rejected transiently"}

REJECT_SOURCES = {
    1: "service user",
    2: "service provider (ACSE)",
    3: "service provider (presentation)",
}

REJECT_DIAGNOSTICS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


class FastdicomError(Exception):
    """The root of what fastdicom raises of its own."""


class ProtocolError(FastdicomError):
    """The peer sent what the standard does not allow.

    Parameters
    ----------
    message
        What was wrong: the thing, its value and the limit.
    reason
        The reason for the A-ABORT PDU, PS3.8 Table 9-26.
    """

    source = AbortSource.SERVICE_PROVIDER

    def __init__(self, message: str, reason: int = AbortReason.NOT_SPECIFIED) -> None:
        super().__init__(message)
        self.reason = AbortReason(reason)


class MessageError(ProtocolError):
    """A DIMSE message that cannot be understood; DIMSE is the user of the upper layer (PS3.7 8.1)."""

    source = AbortSource.SERVICE_USER


class AssociationError(FastdicomError, RuntimeError):
    """The association cannot do what was asked of it."""


class ConnectionFailed(AssociationError, ConnectionError):
    """No TCP connection to the peer could be made."""


class TlsError(ConnectionFailed):
    """TLS cannot be had: the handshake failed, or the linked OpenSSL lacks what was asked for."""


class AssociationReleased(AssociationError):
    """The association has been released."""


class AssociationRejected(AssociationError):
    """The peer answered with A-ASSOCIATE-RJ.

    Parameters
    ----------
    result, source, diagnostic
        The three fields of the PDU, PS3.8 Table 9-21.
    """

    def __init__(self, result: int, source: int, diagnostic: int) -> None:
        text = REJECT_DIAGNOSTICS.get((source, diagnostic), f"diagnostic {diagnostic}")
        by = REJECT_SOURCES.get(source, f"source {source}")
        super().__init__(f"{REJECT_RESULTS.get(result, f'result {result}')} by the {by}: {text}")
        self.result = result
        self.source = source
        self.diagnostic = diagnostic


class AssociationAborted(AssociationError):
    """The association was aborted, by the peer or by this side.

    Parameters
    ----------
    source, reason
        The two fields of the A-ABORT PDU, PS3.8 Table 9-26.
    message
        What happened, when more is known than the fields tell.
    """

    def __init__(self, source: int, reason: int, message: str | None = None) -> None:
        if message is None:
            by = ABORT_SOURCES.get(source, f"source {source}")
            message = f"aborted by the {by}: {ABORT_REASONS.get(reason, f'reason {reason}')}"
        super().__init__(message)
        self.source = source
        self.reason = reason


class HostsUnavailable(ConnectionFailed):
    """No host of a destination is tried just now: they have failed before. Nothing was sent.

    Parameters
    ----------
    message
        Which destination.
    retry_after
        In how many seconds the first of them is tried again.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PoolTimeout(AssociationError, TimeoutError):
    """All associations of a pool were lent for as long as one was waited for."""


class PoolClosed(AssociationError):
    """The pool lends no more associations."""


class NoAcceptedContext(ValueError):
    """An object fits no presentation context that the peer has accepted. Nothing was sent.

    Parameters
    ----------
    message
        Which one it needs, and what was accepted.
    sop_class_uid, transfer_syntax
        Of the object.
    """

    def __init__(self, message: str, sop_class_uid: str, transfer_syntax: str) -> None:
        super().__init__(message)
        self.sop_class_uid = sop_class_uid
        self.transfer_syntax = transfer_syntax


class EncodedDatasetError(FastdicomError, ValueError):
    """An encoded data set that is not as PS3.5 says, goes beyond a limit, or cannot take what it is given.

    Parameters
    ----------
    message
        What is wrong and where: the offset, the tag, the value and the limit.
    offset
        Where in the data it is, in bytes; None when that is not known.
    tag
        The tag of the element; None when that is not known.
    """

    def __init__(self, message: str, *, offset: int | None = None, tag: int | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.tag = tag
