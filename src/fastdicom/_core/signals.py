"""What is told of a connection besides what has come over it."""

from __future__ import annotations

from enum import Enum


class Signal(Enum):
    """What a reader or a wire tells that is neither a message nor a PDU."""

    NEED_DATA = "more bytes are needed"
    P_DATA = "a P-DATA-TF PDU has come outside of data transfer"
    COMMAND = "a command set has come, its data set follows"
    FULL = "the data set has reached the memory limit, or a piece of it is there"
    LOOK = "there is so much of the data set as was asked for, or nothing more comes for a moment"
    NO_ROOM = "the memory budget has no room for more of the data set"
    SINK_FAILED = "the data set could not be written"
    TIMED_OUT = "nothing has moved for too long"
    CLOSED = "the peer closed the connection"
    FAILED = "the connection broke"
    WOKEN = "another thread wants attention"
    SENT = "everything has been sent"
    TOO_SLOW = "less moves than the minimum throughput"
    QUIET = "nothing has come for as long as one lingers"
