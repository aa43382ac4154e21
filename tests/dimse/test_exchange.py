"""The operations in progress on an association, without one."""

from __future__ import annotations

from typing import Any

import model
import pytest

from fastdicom._core.buffer import BufferPool
from fastdicom._core.pdata import Reader
from fastdicom.dimse.exchange import Exchange, Invocation
from fastdicom.errors import AssociationError, MessageError

ECHO_RQ = 0x0030


def response(message_id: int, command_field: int = 0x8030, context_id: int = 1) -> Any:
    command = {0x0100: command_field, 0x0120: message_id, 0x0800: 0x0101, 0x0900: 0}
    reader = Reader(BufferPool(0), 0, 0)
    reader.begin_data_transfer([context_id])
    encoded = model.p_data_tf([(context_id, 3, model.command_set(command))])
    reader.get_buffer()[: len(encoded)] = encoded
    reader.commit(len(encoded))
    return reader.next_event()


def try_to_invoke(exchange: Exchange) -> Invocation | None:
    return exchange.invoke(1, ECHO_RQ, None, 1, 0)


def invoke(exchange: Exchange, message_id: int | None = None, thread: int = 1, now: float = 0) -> Invocation:
    invocation = exchange.invoke(1, ECHO_RQ, message_id, thread, now)
    assert invocation is not None
    return invocation


def test_responses_in_any_order() -> None:
    exchange = Exchange()
    exchange.invoked_limit = 3
    first, second, third = (invoke(exchange, now=now) for now in (1.0, 2.0, 3.0))
    assert [each.message_id for each in (first, second, third)] == [1, 2, 3]
    assert try_to_invoke(exchange) is None
    assert exchange.oldest() == 1.0
    assert exchange.answer(response(3)) is third
    assert exchange.answer(response(1)) is first
    assert exchange.oldest() == 2.0
    exchange.end(third)
    assert invoke(exchange).message_id == 4
    assert try_to_invoke(exchange) is None
    assert second.response is None


def test_no_limit() -> None:
    exchange = Exchange()
    exchange.invoked_limit = 0
    for _ in range(1000):
        invoke(exchange)
    assert len(exchange.invoked) == 1000


@pytest.mark.parametrize(
    "answer",
    [response(2), response(1, 0x8001), response(1, context_id=3), response(0)],
    ids=["other Message ID", "other operation", "other context", "no Message ID"],
)
def test_what_answers_nothing(answer: Any) -> None:
    exchange = Exchange()
    invocation = invoke(exchange)
    with pytest.raises(MessageError, match="answers nothing that was asked"):
        exchange.answer(answer)
    assert invocation.response is None
    exchange.answer(response(1))
    with pytest.raises(MessageError, match="C-ECHO-RSP answers nothing that was asked"):
        exchange.answer(response(1))
    exchange.end(invocation)
    with pytest.raises(MessageError):
        exchange.answer(response(1))


def test_message_ids_are_not_used_twice_at_once() -> None:
    exchange = Exchange()
    exchange.invoked_limit = 0
    invoke(exchange, 2)
    assert [invoke(exchange).message_id for _ in range(2)] == [1, 3]
    with pytest.raises(ValueError, match="msg_id 2 belongs to an operation that is in progress"):
        invoke(exchange, 2)
    last = invoke(exchange, 65535)
    exchange._last_message_id = 65534
    assert invoke(exchange).message_id == 4
    exchange.end(last)
    for message_id in (0, -1, 65536):
        with pytest.raises(ValueError, match="1 to 65535"):
            invoke(exchange, message_id)


def test_nobody_waits_for_himself() -> None:
    exchange = Exchange()
    invoke(exchange, thread=7)
    exchange.check_may_wait(8)
    with pytest.raises(AssociationError, match="1 operations are in progress, one of them of this thread"):
        exchange.check_may_wait(7)


def test_performed_operations() -> None:
    exchange = Exchange()
    exchange.performed_limit = 2
    assert exchange.is_idle
    assert exchange.begin(10, 1)
    assert not exchange.begin(10, 1)
    assert exchange.begin(11, 1)
    assert not exchange.is_idle
    with pytest.raises(MessageError, match="3 operations at once; 2 were agreed on"):
        exchange.begin(12, 1)
    exchange.finish(10)
    assert exchange.begin(12, 1)
    exchange.performed_limit = 0
    assert all(exchange.begin(message_id, 1) for message_id in range(20, 1000))
