"""User identity: who is let in, what is responded, and that no passcode, ticket or token gets into a log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from proposals import VERIFICATION
from servers import associate, serving

from fastdicom import AE, Association, AssociationRejected, evt
from fastdicom.pdu_primitives import UserIdentityNegotiation, UserIdentityResponse
from fastdicom.ul.items import UserInformationItem
from fastdicom.ul.pdu import A_ASSOCIATE_RQ

NAME, PASSCODE, TOKEN, RESPONSE = b"Ann-O-Nym", b"Open-Sesame", b"To-Ke-N", b"Res-Pon-Se"

# PS3.7 Table D.3-14: the type, primary and secondary field.
IDENTITIES = {
    "username": (1, NAME, b""),
    "username and passcode": (2, NAME, PASSCODE),
    "Kerberos": (3, TOKEN, b""),
    "SAML": (4, TOKEN, b""),
    "JWT": (5, TOKEN, b""),
}
each_type = pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)


def item(identity: tuple[int, bytes, bytes], is_response_requested: bool = True) -> UserIdentityNegotiation:
    kind, primary, secondary = identity
    return UserIdentityNegotiation(kind, is_response_requested, primary, secondary)


@contextmanager
def acceptor(*handlers: Any) -> Iterator[Any]:
    ae = AE()
    ae.maximum_associations = 1
    ae.add_supported_context(VERIFICATION)
    with serving(ae, list(handlers)) as server:
        yield server


def request(server: Any, *items: Any, **options: Any) -> Association:
    ae = AE()
    ae.add_requested_context(VERIFICATION)
    return associate(ae, server, ext_neg=items, **options)


def answers(returned: Any) -> Any:
    def handler(event: evt.Event) -> Any:
        if isinstance(returned, Exception):
            raise returned
        return returned

    return evt.EVT_USER_ID, handler


@each_type
@pytest.mark.parametrize("response", [None, RESPONSE])
def test_a_response_comes_wherever_one_was_asked_for(
    identity: tuple[int, bytes, bytes], response: bytes | None
) -> None:
    seen: list[Any] = []

    def handler(event: evt.Event) -> tuple[bool, bytes | None]:
        seen.append((event.user_id_type, event.primary_field, event.secondary_field))
        return True, response

    with (
        acceptor((evt.EVT_USER_ID, handler)) as server,
        request(server, item(identity)) as association,
    ):
        assert seen == [identity]
        # PS3.7 Table D.3-15: the response to a user name is empty
        expected = b"" if identity[0] in (1, 2) else response or b""
        assert association.acceptor.user_identity == UserIdentityResponse(expected)
        assert association.requestor.user_identity == item(identity)


@each_type
def test_none_comes_where_none_was_asked_for(identity: tuple[int, bytes, bytes]) -> None:
    with (
        acceptor(answers((True, RESPONSE))) as server,
        request(server, item(identity, is_response_requested=False)) as association,
    ):
        assert association.acceptor.user_identity is None


def test_without_a_handler_everybody_is_let_in_without_a_response() -> None:
    """PS3.7 D.3.3.7: that is what who does not support user identity does."""
    with acceptor() as server, request(server, item(IDENTITIES["Kerberos"])) as association:
        assert association.acceptor.user_identity is None


def test_without_an_identity_the_handler_is_not_asked() -> None:
    with acceptor(answers((False, None))) as server, request(server) as association:
        assert association.is_established


def test_a_response_that_no_item_holds_is_left_out() -> None:
    with (
        acceptor(answers((True, bytes(65534)))) as server,
        request(server, item(IDENTITIES["SAML"])) as association,
    ):
        assert association.acceptor.user_identity is None


@pytest.mark.parametrize(
    "returned",
    [
        (False, None),
        (False, RESPONSE),
        ValueError("no"),
        None,
        True,
        (True,),
        (1, None),
        (True, "text"),
        (True, None, None),
        "ok",
    ],
    ids=repr,
)
def test_who_is_not_verified_is_rejected_and_takes_no_place(returned: Any) -> None:
    with acceptor(answers(returned)) as server:
        for _ in range(2):
            with (
                pytest.raises(AssociationRejected) as caught,
                request(server, item(IDENTITIES["username"])),
            ):
                pass
            assert (caught.value.result, caught.value.source, caught.value.diagnostic) == (1, 1, 1)
        with request(server) as association:
            assert association.is_established


def test_who_is_not_admitted_is_not_asked_for_a_passcode() -> None:
    asked: list[evt.Event] = []
    with acceptor((evt.EVT_USER_ID, asked.append)) as server:
        server.ae.require_calling_aet = ["OTHER"]
        with pytest.raises(AssociationRejected) as caught, request(server, item(IDENTITIES["JWT"])):
            pass
        assert (caught.value.source, caught.value.diagnostic) == (1, 3)
    assert asked == []


class Careless:
    """A handler that raises what it was given."""

    def __call__(self, event: evt.Event) -> Any:
        if event.secondary_field:
            raise ValueError(event.secondary_field)
        return {}[event.primary_field]


@each_type
@pytest.mark.parametrize(
    "handler", [lambda event: (True, RESPONSE), lambda event: (event.primary_field, None), Careless()]
)
def test_no_secret_gets_into_a_log(
    identity: tuple[int, bytes, bytes], handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG, and with what a program may log of its own."""

    def show(event: evt.Event) -> None:
        logging.getLogger("program").info("%r %r", vars(event), event.assoc)
        logging.getLogger("program").info("%r %r", event.assoc.requestor, event.assoc.acceptor)

    shown = [
        (event, show) for event in (evt.EVT_PDU_RECV, evt.EVT_PDU_SENT, evt.EVT_REQUESTED, evt.EVT_ACSE_SENT)
    ]
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    with acceptor((evt.EVT_USER_ID, handler), *shown) as server:
        association = request(server, item(identity), evt_handlers=shown)
        logging.getLogger("program").info("%r %r", association.acceptor, association.requestor.user_identity)
        association.release()
    assert "A_ASSOCIATE_RQ" in caplog.text and "UserIdentityNegotiation" in caplog.text
    secrets = [PASSCODE, RESPONSE, *([TOKEN] if identity[0] > 2 else [])]
    for secret in secrets:
        assert secret.decode() not in caplog.text
        assert secret.hex() not in caplog.text


def test_a_failed_handler_is_told_of_by_type_and_place(caplog: pytest.LogCaptureFixture) -> None:
    with acceptor((evt.EVT_USER_ID, Careless())) as server:
        assert request(server, item(IDENTITIES["JWT"])).is_rejected
    (record,) = [record for record in caplog.records if "EVT_USER_ID" in record.getMessage()]
    assert "raised KeyError, " in record.getMessage() and __file__ in record.getMessage()


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (item((1, NAME, b"")), f"primary_field={NAME!r}, secondary_field=<0 bytes>"),
        (item((2, NAME, PASSCODE)), f"primary_field={NAME!r}, secondary_field=<11 bytes>"),
        (item((4, TOKEN, b"")), "primary_field=<7 bytes>, secondary_field=<0 bytes>"),
        (item((9, TOKEN, PASSCODE)), "primary_field=<7 bytes>, secondary_field=<11 bytes>"),
        (UserIdentityNegotiation(), "primary_field=None, secondary_field=<0 bytes>"),
        (UserIdentityResponse(RESPONSE), "server_response=<10 bytes>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_shown(shown: Any, text: str) -> None:
    assert text in repr(shown)
    assert text in repr(UserInformationItem([shown]))
    assert text in repr(A_ASSOCIATE_RQ("A", "B", [], [shown]))


@each_type
def test_an_identity_comes_back_from_its_bytes(identity: tuple[int, bytes, bytes]) -> None:
    assert UserIdentityNegotiation.decode(item(identity).encode()) == item(identity)
