"""Events: what happens on an association, and what a handler gets to see of it.

Handlers of notification events are told; there may be any number for an event, and what they return is
ignored. The handler of an intervention event decides: there is one, and it returns what the event asks
for. Import this module as ``evt``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from fastdicom._event_classes import *  # noqa: F403, all of them are for users
from fastdicom._event_classes import EventType, Place


def _intervention(name: str, description: str) -> EventType:
    return EventType(name, description, is_intervention=True, is_notification=False)


EVT_ABORTED = EventType("EVT_ABORTED", "Association aborted")
EVT_ACCEPTED = EventType("EVT_ACCEPTED", "Association request accepted")
EVT_ACSE_RECV = EventType("EVT_ACSE_RECV", "Association control PDU received")
EVT_ACSE_SENT = EventType("EVT_ACSE_SENT", "Association control PDU sent")
EVT_CONN_CLOSE = EventType("EVT_CONN_CLOSE", "Connection closed")
EVT_CONN_OPEN = EventType("EVT_CONN_OPEN", "Connection opened")
EVT_DATA_RECV = EventType("EVT_DATA_RECV", "PDU received, as bytes")
EVT_DATA_SENT = EventType("EVT_DATA_SENT", "PDU sent, as bytes")
EVT_DIMSE_RECV = EventType("EVT_DIMSE_RECV", "DIMSE message received")
EVT_DIMSE_SENT = EventType("EVT_DIMSE_SENT", "DIMSE message sent")
EVT_ESTABLISHED = EventType("EVT_ESTABLISHED", "Association established")
EVT_FSM_TRANSITION = EventType("EVT_FSM_TRANSITION", "State machine transition")
EVT_PDU_RECV = EventType("EVT_PDU_RECV", "PDU received")
EVT_PDU_SENT = EventType("EVT_PDU_SENT", "PDU sent")
EVT_REJECTED = EventType("EVT_REJECTED", "Association request rejected")
EVT_RELEASED = EventType("EVT_RELEASED", "Association released")
EVT_REQUESTED = EventType("EVT_REQUESTED", "Association requested")

# While an association is accepted (PS3.7 D.3.3). What the event has, and what a handler returns:
#   EVT_ASYNC_OPS     nr_invoked, nr_performed                       (invoked, performed), 0 for no limit
#   EVT_SOP_COMMON    items: dict of UID and item                    those of them that are accepted
#   EVT_SOP_EXTENDED  app_info: dict of UID and bytes                dict of UID and bytes, or a named kind
#   EVT_USER_ID       user_id_type, primary_field, secondary_field   (is verified, bytes or None)
EVT_ASYNC_OPS = _intervention("EVT_ASYNC_OPS", "Asynchronous operations window proposed")
EVT_SOP_COMMON = _intervention("EVT_SOP_COMMON", "SOP class common extended negotiation proposed")
EVT_SOP_EXTENDED = _intervention("EVT_SOP_EXTENDED", "SOP class extended negotiation proposed")
EVT_USER_ID = _intervention("EVT_USER_ID", "User identity proposed")

# When a request has come. What the event has of it, and what a handler returns; a status is an int, or a
# Dataset with (0000,0900) Status and what explains it.
#   EVT_C_ECHO                                                       status
#   EVT_C_FIND          identifier, is_cancelled                     yields (status, identifier)
#   EVT_C_GET           identifier, is_cancelled                     yields how many, then (status, object)
#   EVT_C_MOVE          identifier, is_cancelled, move_destination   yields whereto, how many, then as C-GET
#   EVT_C_STORE         dataset, dataset_path, file_meta             status
#   EVT_C_STORE_HEADER  header, is_complete                          None, MEMORY, path, association, status
#   EVT_N_ACTION        action_information, action_type              (status, reply or None)
#   EVT_N_CREATE        attribute_list                               (status, attributes or None)
#   EVT_N_DELETE                                                     status
#   EVT_N_EVENT_REPORT  event_information, event_type                (status, reply or None)
#   EVT_N_GET           attribute_identifiers                        (status, attributes or None)
#   EVT_N_SET           modification_list                            (status, attributes or None)
EVT_C_ECHO = _intervention("EVT_C_ECHO", "C-ECHO request received")
EVT_C_FIND = _intervention("EVT_C_FIND", "C-FIND request received")
EVT_C_GET = _intervention("EVT_C_GET", "C-GET request received")
EVT_C_MOVE = _intervention("EVT_C_MOVE", "C-MOVE request received")
EVT_C_STORE = _intervention("EVT_C_STORE", "C-STORE request received")
EVT_C_STORE_HEADER = _intervention("EVT_C_STORE_HEADER", "First elements of an object received")
EVT_N_ACTION = _intervention("EVT_N_ACTION", "N-ACTION request received")
EVT_N_CREATE = _intervention("EVT_N_CREATE", "N-CREATE request received")
EVT_N_DELETE = _intervention("EVT_N_DELETE", "N-DELETE request received")
EVT_N_EVENT_REPORT = _intervention("EVT_N_EVENT_REPORT", "N-EVENT-REPORT request received")
EVT_N_GET = _intervention("EVT_N_GET", "N-GET request received")
EVT_N_SET = _intervention("EVT_N_SET", "N-SET request received")

MEMORY = Place.MEMORY

_NOTIFICATION_EVENTS = [
    event for event in list(globals().values()) if isinstance(event, EventType) and event.is_notification
]
_INTERVENTION_EVENTS = [
    event for event in list(globals().values()) if isinstance(event, EventType) and event.is_intervention
]

Handler: TypeAlias = Callable[..., Any]
EventHandler: TypeAlias = tuple[EventType, Handler] | tuple[EventType, Handler, Sequence[Any]]
