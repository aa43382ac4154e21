"""The state machine of PS3.8 as one table that can be held beside the page.

`TABLE` is PS3.8 Table 9-10, parsed once: the action for each event and state, absent where the
standard has no entry. What the actions do is in `fastdicom.ul.provider`; nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

__all__ = ["ACTIONS", "EVENTS", "NEXT_STATES", "STATES", "TABLE", "Event", "State", "transitions"]


class State(IntEnum):
    """The states of PS3.8 Tables 9-1 to 9-5; `STATES` says what each means."""

    Sta1 = 1
    Sta2 = 2
    Sta3 = 3
    Sta4 = 4
    Sta5 = 5
    Sta6 = 6
    Sta7 = 7
    Sta8 = 8
    Sta9 = 9
    Sta10 = 10
    Sta11 = 11
    Sta12 = 12
    Sta13 = 13


class Event(IntEnum):
    """The events of PS3.8 Table 9-10, first column; `EVENTS` says what each means."""

    Evt1 = 1
    Evt2 = 2
    Evt3 = 3
    Evt4 = 4
    Evt5 = 5
    Evt6 = 6
    Evt7 = 7
    Evt8 = 8
    Evt9 = 9
    Evt10 = 10
    Evt11 = 11
    Evt12 = 12
    Evt13 = 13
    Evt14 = 14
    Evt15 = 15
    Evt16 = 16
    Evt17 = 17
    Evt18 = 18
    Evt19 = 19


STATES: Mapping[State, str] = MappingProxyType(
    {
        State.Sta1: "idle",
        State.Sta2: "transport connection open, awaiting A-ASSOCIATE-RQ",
        State.Sta3: "awaiting the local A-ASSOCIATE response",
        State.Sta4: "awaiting the transport connection to open",
        State.Sta5: "awaiting A-ASSOCIATE-AC or A-ASSOCIATE-RJ",
        State.Sta6: "association established, ready for data transfer",
        State.Sta7: "awaiting A-RELEASE-RP",
        State.Sta8: "awaiting the local A-RELEASE response",
        State.Sta9: "release collision, requestor: awaiting the local A-RELEASE response",
        State.Sta10: "release collision, acceptor: awaiting A-RELEASE-RP",
        State.Sta11: "release collision, requestor: awaiting A-RELEASE-RP",
        State.Sta12: "release collision, acceptor: awaiting the local A-RELEASE response",
        State.Sta13: "awaiting the transport connection to close, association gone",
    }
)

EVENTS: Mapping[Event, str] = MappingProxyType(
    {
        Event.Evt1: "A-ASSOCIATE request",
        Event.Evt2: "transport connection confirmed",
        Event.Evt3: "A-ASSOCIATE-AC PDU received",
        Event.Evt4: "A-ASSOCIATE-RJ PDU received",
        Event.Evt5: "transport connection indicated",
        Event.Evt6: "A-ASSOCIATE-RQ PDU received",
        Event.Evt7: "A-ASSOCIATE response (accept)",
        Event.Evt8: "A-ASSOCIATE response (reject)",
        Event.Evt9: "P-DATA request",
        Event.Evt10: "P-DATA-TF PDU received",
        Event.Evt11: "A-RELEASE request",
        Event.Evt12: "A-RELEASE-RQ PDU received",
        Event.Evt13: "A-RELEASE-RP PDU received",
        Event.Evt14: "A-RELEASE response",
        Event.Evt15: "A-ABORT request",
        Event.Evt16: "A-ABORT PDU received",
        Event.Evt17: "transport connection closed",
        Event.Evt18: "ARTIM timer expired",
        Event.Evt19: "unrecognized or invalid PDU received",
    }
)

# PS3.8 Tables 9-6 to 9-9.
ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "AE-1": "issue TRANSPORT CONNECT request",
        "AE-2": "send A-ASSOCIATE-RQ",
        "AE-3": "issue A-ASSOCIATE confirmation (accept)",
        "AE-4": "issue A-ASSOCIATE confirmation (reject), close the transport connection",
        "AE-5": "issue TRANSPORT CONNECT response, start ARTIM",
        "AE-6": "stop ARTIM, issue A-ASSOCIATE indication, or send A-ASSOCIATE-RJ and start ARTIM",
        "AE-7": "send A-ASSOCIATE-AC",
        "AE-8": "send A-ASSOCIATE-RJ, start ARTIM",
        "DT-1": "send P-DATA-TF",
        "DT-2": "issue P-DATA indication",
        "AR-1": "send A-RELEASE-RQ",
        "AR-2": "issue A-RELEASE indication",
        "AR-3": "issue A-RELEASE confirmation, close the transport connection",
        "AR-4": "send A-RELEASE-RP, start ARTIM",
        "AR-5": "stop ARTIM",
        "AR-6": "issue P-DATA indication",
        "AR-7": "send P-DATA-TF",
        "AR-8": "issue A-RELEASE indication (release collision)",
        "AR-9": "send A-RELEASE-RP",
        "AR-10": "issue A-RELEASE confirmation",
        "AA-1": "send A-ABORT (service user), start or restart ARTIM",
        "AA-2": "stop ARTIM, close the transport connection",
        "AA-3": "issue A-ABORT or A-P-ABORT indication, close the transport connection",
        "AA-4": "issue A-P-ABORT indication",
        "AA-5": "stop ARTIM",
        "AA-6": "ignore the PDU",
        "AA-7": "send A-ABORT",
        "AA-8": "send A-ABORT (service provider), issue A-P-ABORT indication, start ARTIM",
    }
)

# Where each action leads, PS3.8 Tables 9-6 to 9-9. Two actions decide as they run, and the first state
# stands when they find nothing: AE-6 goes to Sta13 when it rejects, AR-8 to Sta10 for the acceptor.
NEXT_STATES: Mapping[str, tuple[State, ...]] = MappingProxyType({
    "AE-1": (State.Sta4,), "AE-2": (State.Sta5,), "AE-3": (State.Sta6,), "AE-4": (State.Sta1,),
    "AE-5": (State.Sta2,), "AE-6": (State.Sta3, State.Sta13), "AE-7": (State.Sta6,), "AE-8": (State.Sta13,),
    "DT-1": (State.Sta6,), "DT-2": (State.Sta6,),
    "AR-1": (State.Sta7,), "AR-2": (State.Sta8,), "AR-3": (State.Sta1,), "AR-4": (State.Sta13,),
    "AR-5": (State.Sta1,), "AR-6": (State.Sta7,), "AR-7": (State.Sta8,), "AR-8": (State.Sta9, State.Sta10),
    "AR-9": (State.Sta11,), "AR-10": (State.Sta12,),
    "AA-1": (State.Sta13,), "AA-2": (State.Sta1,), "AA-3": (State.Sta1,), "AA-4": (State.Sta1,),
    "AA-5": (State.Sta1,), "AA-6": (State.Sta13,), "AA-7": (State.Sta13,), "AA-8": (State.Sta13,),
})  # fmt: skip


def transitions(text: str) -> Mapping[tuple[Event, State], str]:
    """Read a table of states (columns), events (rows) and actions (cells; ``.`` where there is none).

    Parameters
    ----------
    text
        A first line of states, then one line an event: its name and a cell for each state.

    Returns
    -------
    Mapping
        The action for each (event, state) that has one; read-only.
    """
    header, *rows = (line.split() for line in text.strip().splitlines())
    states = [State[name] for name in header]
    table: dict[tuple[Event, State], str] = {}
    for name, *cells in rows:
        for state, action in zip(states, cells, strict=True):
            if action != ".":
                table[Event[name], state] = action
    return MappingProxyType(table)


# PS3.8 Table 9-10. Evt18 in Sta5 and Sta7 is not in the standard: as in DCMTK, a peer that answers neither
# A-ASSOCIATE-RQ nor A-RELEASE-RQ is given up when the timer runs out, rather than awaited for ever.
TABLE = transitions("""
          Sta1  Sta2  Sta3  Sta4  Sta5  Sta6  Sta7  Sta8  Sta9  Sta10 Sta11 Sta12 Sta13
  Evt1    AE-1  .     .     .     .     .     .     .     .     .     .     .     .
  Evt2    .     .     .     AE-2  .     .     .     .     .     .     .     .     .
  Evt3    .     AA-1  AA-8  .     AE-3  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt4    .     AA-1  AA-8  .     AE-4  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt5    AE-5  .     .     .     .     .     .     .     .     .     .     .     .
  Evt6    .     AE-6  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
  Evt7    .     .     AE-7  .     .     .     .     .     .     .     .     .     .
  Evt8    .     .     AE-8  .     .     .     .     .     .     .     .     .     .
  Evt9    .     .     .     .     .     DT-1  .     AR-7  .     .     .     .     .
  Evt10   .     AA-1  AA-8  .     AA-8  DT-2  AR-6  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt11   .     .     .     .     .     AR-1  .     .     .     .     .     .     .
  Evt12   .     AA-1  AA-8  .     AA-8  AR-2  AR-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-6
  Evt13   .     AA-1  AA-8  .     AA-8  AA-8  AR-3  AA-8  AA-8  AR-10 AR-3  AA-8  AA-6
  Evt14   .     .     .     .     .     .     .     AR-4  AR-9  .     .     AR-4  .
  Evt15   .     .     AA-1  AA-2  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  AA-1  .
  Evt16   .     AA-2  AA-3  .     AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-3  AA-2
  Evt17   .     AA-5  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AA-4  AR-5
  Evt18   .     AA-2  .     .     AA-2  .     AA-2  .     .     .     .     .     AA-2
  Evt19   .     AA-1  AA-8  .     AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-8  AA-7
""")
