"""What a program that was written for pynetdicom may name is there in fastdicom, with the same parameters.

Names are compared with those of the pynetdicom that is installed. What is left out on purpose stands in the
tables here, and in `docs/from_pynetdicom.md`.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from peers import require_pynetdicom
from servers import associate, serving, store_ae

import fastdicom
from fastdicom import evt, pdu_primitives, presentation, service_class, sop_class, status

# What is not here: pynetdicom's own threads and sockets.
AS_OF_A_THREAD = {"is_alive", "join", "name"}
NOT_HERE: dict[str, set[str]] = {
    "AE": set(),
    "Association": {
        *(set(dir(threading.Thread)) - AS_OF_A_THREAD),
        *("lock", "request", "run_reactor", "set_socket"),
    },
    "PresentationContext": set(),
    "ServiceUser": set(),
}

# What each event has besides `assoc`, `event` and `timestamp`.
EVENT_ATTRIBUTES = {
    "EchoEvent": "message_id",
    "StoreEvent": "dataset encoded_dataset file_meta message_id",
    "FindEvent": "identifier is_cancelled message_id",
    "GetEvent": "identifier is_cancelled message_id",
    "MoveEvent": "identifier is_cancelled message_id move_destination",
    "NActionEvent": "action_information action_type message_id",
    "NCreateEvent": "attribute_list message_id",
    "NDeleteEvent": "message_id",
    "NEventReportEvent": "event_information event_type message_id",
    "NGetEvent": "attribute_identifiers message_id",
    "NSetEvent": "modification_list message_id",
}


def public(names: Any) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def theirs(name: str) -> Any:
    """Return a class or a module of pynetdicom."""
    pynetdicom = require_pynetdicom()
    return {
        "AE": pynetdicom.AE,
        "Association": pynetdicom.association.Association,
        "PresentationContext": pynetdicom.presentation.PresentationContext,
        "ServiceUser": pynetdicom.association.ServiceUser,
    }[name]


@pytest.fixture(scope="module")
def ours() -> Iterator[dict[str, Any]]:
    """One object of each kind."""
    supporting = store_ae(set())
    with serving(supporting) as server:
        client = fastdicom.AE()
        client.add_requested_context(sop_class.Verification)
        with associate(client, server) as association:
            yield {
                "AE": client,
                "Association": association,
                "PresentationContext": association.accepted_contexts[0],
                "ServiceUser": association.acceptor,
            }


def test_the_top_level() -> None:
    pynetdicom = require_pynetdicom()
    assert public(pynetdicom.__all__) <= public(dir(fastdicom))
    constants = {name for name in dir(pynetdicom) if name.startswith("PYNETDICOM_")}
    assert constants <= set(fastdicom.__all__)


def test_the_events() -> None:
    events = {name for name in dir(require_pynetdicom().evt) if name.startswith("EVT_")}
    assert events <= set(dir(evt))


@pytest.mark.parametrize("name", EVENT_ATTRIBUTES)
def test_what_an_event_has(name: str) -> None:
    kind = getattr(evt, name)
    known = set(dir(kind)) | {"assoc", "context", "event", "request", "timestamp"}
    assert set(EVENT_ATTRIBUTES[name].split()) <= known


def test_the_sop_classes() -> None:
    module = require_pynetdicom().sop_class
    for name, uid in vars(module).items():
        # What another test has registered there is not theirs.
        if isinstance(uid, module.SOPClass) and not name.startswith("Retired_"):
            assert getattr(sop_class, name) == uid
    assert callable(sop_class.uid_to_sop_class) and callable(sop_class.uid_to_service_class)


def test_the_service_classes() -> None:
    module = require_pynetdicom().sop_class
    names = {name for name in vars(module) if name.endswith("ServiceClass")} - {"ServiceClass"}
    assert names <= set(dir(service_class))
    for name, uid in vars(module).items():
        if isinstance(uid, module.SOPClass) and uid.service_class.__name__ in names:
            ours = sop_class.uid_to_service_class(uid)
            assert ours == getattr(service_class, uid.service_class.__name__), name


def test_the_statuses() -> None:
    module = require_pynetdicom().status
    tables = {name for name in vars(module) if name.endswith("_STATUS")}
    assert tables <= set(dir(status))
    for code in (0x0000, 0x0001, 0x0107, 0xA700, 0xB000, 0xC123, 0xFE00, 0xFF00, 0xFF01):
        assert status.code_to_category(code) == module.code_to_category(code)


@pytest.mark.parametrize(
    "name", sorted(name for name in presentation.__all__ if name.endswith("PresentationContexts"))
)
def test_the_lists_of_contexts(name: str) -> None:
    expected = getattr(require_pynetdicom(), name, None)
    if expected is None:
        assert name not in dir(require_pynetdicom())  # one that is ours alone
        return
    ours = {context.abstract_syntax for context in getattr(fastdicom, name)}
    assert {context.abstract_syntax for context in expected} <= ours


def test_the_items_of_negotiation() -> None:
    module = require_pynetdicom().pdu_primitives
    items = {name for name in vars(module) if name.endswith(("Negotiation", "Notification"))}
    assert items <= set(dir(pdu_primitives))


def members(name: str) -> set[str]:
    return public(dir(theirs(name))) - NOT_HERE[name]


@pytest.mark.parametrize("name", NOT_HERE)
def test_the_members_of(name: str, ours: dict[str, Any]) -> None:
    assert {member for member in members(name) if not hasattr(ours[name], member)} == set()


@pytest.mark.parametrize("name", NOT_HERE)
def test_the_parameters_of(name: str, ours: dict[str, Any]) -> None:
    """Those of pynetdicom come first, in the same order; more may follow."""
    for member in members(name):
        method = getattr(theirs(name), member)
        if not inspect.isfunction(method):
            continue
        expected = list(inspect.signature(method).parameters)[1:]  # without self
        actual = list(inspect.signature(getattr(ours[name], member)).parameters)
        assert actual[: len(expected)] == expected, f"{name}.{member}"
