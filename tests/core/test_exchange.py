"""The operations in progress on an association, without one."""

from __future__ import annotations

from typing import Any

import model
import pytest

from fastdicom._core.buffer import BufferPool
from fastdicom._core.exchange import Exchange, Inquiry, Invocation
from fastdicom._core.pdata import Reader, Signal
from fastdicom.errors import AssociationError, MessageError

ECHO_RQ = 0x0030


def response(
    message_id: int,
    command_field: int = 0x8030,
    context_id: int = 1,
    status: int = 0,
    data_set: bytes = b"",
) -> Any:
    kind = 0x0001 if data_set else 0x0101
    command = {0x0100: command_field, 0x0120: message_id, 0x0800: kind, 0x0900: status}
    reader = Reader(BufferPool(0), 0, 2 << 20)
    reader.begin_data_transfer([context_id])
    encoded = memoryview(model.p_data_tf([(context_id, 3, model.command_set(command))]))
    if data_set:
        encoded = memoryview(bytes(encoded) + model.p_data_tf([(context_id, 2, data_set)]))
    happening: Any = Signal.NEED_DATA
    while happening is Signal.NEED_DATA:
        room = reader.get_buffer()
        taken = min(len(room), len(encoded))
        room[:taken] = encoded[:taken]
        reader.commit(taken)
        encoded = encoded[taken:]
        happening = reader.next_event()
    return happening


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
    with pytest.raises(MessageError, match="8030H answers nothing that was asked"):
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
    for message_id in range(4, 65535):
        exchange.end(following := invoke(exchange))
        assert following.message_id == message_id
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
    exchange.invoked[1].is_abandoned = True  # it is nobody's any more
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


def ask(exchange: Exchange, message_id: int | None = None, thread: int = 1) -> Inquiry:
    invocation = exchange.invoke(1, 0x0020, message_id, thread, 0, Inquiry)
    assert isinstance(invocation, Inquiry)
    return invocation


def test_an_inquiry_collects_its_responses() -> None:
    exchange = Exchange()
    inquiry = ask(exchange)
    assert inquiry.take() is None
    messages = [response(1, 0x8020, status=status) for status in (0xFF00, 0xFF01, 0x0000)]
    for message in messages:
        assert not inquiry.is_answered
        assert exchange.answer(message) is inquiry
        assert inquiry.is_reached
    assert inquiry.ending.is_reached and inquiry.is_answered
    with pytest.raises(MessageError):
        exchange.answer(response(1, 0x8020))
    for message in messages:
        assert inquiry.is_reached
        assert inquiry.take() is message
    assert not inquiry.is_reached and inquiry.take() is None
    assert exchange.is_full  # until somebody ends it
    exchange.end(inquiry)
    assert exchange.is_idle


def test_an_abandoned_inquiry_ends_by_itself() -> None:
    exchange = Exchange()
    inquiry = ask(exchange)
    inquiry.is_abandoned = True
    exchange.answer(response(1, 0x8020, status=0xFF00))
    assert not inquiry.responses and not exchange.is_idle
    exchange.answer(response(1, 0x8020, status=0xFE00))
    assert not inquiry.responses and exchange.is_idle


def test_responses_that_nobody_asks_for() -> None:
    exchange = Exchange()
    ask(exchange)
    message = response(1, 0x8020, status=0xFF00)
    for _ in range(10_000):
        exchange.answer(message)
    with pytest.raises(MessageError, match="10000 responses to one request have not been asked for"):
        exchange.answer(message)


def test_responses_of_great_length_that_nobody_asks_for() -> None:
    exchange = Exchange()
    inquiry = ask(exchange)
    message = response(1, 0x8020, status=0xFF00, data_set=bytes(1 << 20))
    for _ in range(256):
        exchange.answer(message)
    with pytest.raises(MessageError, match="have more than 268435456 bytes"):
        exchange.answer(message)
    assert inquiry.take() is message
    exchange.answer(message)


def test_who_may_wait_for_an_inquiry() -> None:
    exchange = Exchange()
    inquiry = ask(exchange, thread=7)
    assert exchange.inquiry_of(7) is inquiry
    assert exchange.inquiry_of(8) is None
    inquiry.is_abandoned = True
    assert exchange.inquiry_of(8) is inquiry
    exchange.begin(1, 8)
    with pytest.raises(AssociationError, match="a handler runs within one of them"):
        exchange.inquiry_of(8)


def test_an_operation_that_has_ended_takes_no_other_with_it() -> None:
    exchange = Exchange()
    ended = ask(exchange, 5)
    exchange.end(ended)
    following = ask(exchange, 5)
    exchange.end(ended)
    assert exchange.invoked == {5: following}


def test_cancelled_operations() -> None:
    exchange = Exchange()
    exchange.begin(3, 1)
    for message_id in (3, 4, None, 3):
        exchange.cancel(message_id)
    assert exchange.cancelled == {3}
    exchange.finish(3)
    assert not exchange.cancelled and not exchange.performed
