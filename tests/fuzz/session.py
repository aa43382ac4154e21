"""Fuzz target: a whole association without a network, by a script of what peer, user and clock do.

A script is bytes: two of settings, then instructions, each a byte and its arguments (`INSTRUCTIONS`). It is
run twice, with the peer's bytes cut in different ways, and both runs must tell and send the same. Whatever
happens, only `ProtocolError` comes out of the reader and only `AssociationError` out of a request, what is
sent is a legal conversation of whole PDUs, and the states in which the peer keeps us waiting have a deadline.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

import model
from fuzz import associate, command

from fastdicom._core.buffer import BufferPool
from fastdicom._core.exchange import Exchange
from fastdicom._core.pdata import (
    ASSOCIATE_PDU_LIMIT,
    Message,
    MessageWriter,
    ObservedPdu,
    Reader,
    Signal,
)
from fastdicom.errors import AssociationError, MessageError, ProtocolError
from fastdicom.ul.pdu import A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from fastdicom.ul.provider import AssociateConfirm, AssociateIndication, Indication, Provider
from fastdicom.ul.states import State

ARTIM = 30.0
SETTINGS = 2
MEMORY_LIMITS = (0, 300, 5_000, 1 << 20)
LONGEST_SCRIPT = 400  # instructions

ECHO = model.command_set({0x0002: associate.VERIFICATION, 0x0100: 0x0030, 0x0110: 1, 0x0800: 0x0101})
STORE = model.command_set(
    {0x0002: associate.CT, 0x0100: 0x0001, 0x0110: 2, 0x0700: 0, 0x0800: 0, 0x1000: "1.2.3.4"}
)
RESPONSE = model.command_set(
    {0x0002: associate.VERIFICATION, 0x0100: 0x8030, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0}
)

# What a peer of good will says; most of it at a wrong time in most scripts.
CANNED = (
    associate.own_request().encode(),
    associate.accept(associate.own_request())[0].encode(),
    model.reject(1, 1, 7),
    model.release_rq(),
    model.release_rp(),
    model.abort(0, 0),
    model.abort(2, 6),
    b"".join(model.message(1, ECHO, None, 0)),
    b"".join(model.message(1, RESPONSE, None, 60)),
    b"".join(model.message(3, STORE, bytes(range(256)) * 3, 200)),
    b"".join(model.message(3, STORE, bytes(range(200)), 30)),
    b"".join(model.message(3, STORE, b"", 0)),
    model.message(3, STORE, None, 0)[0],
    model.p_data_tf([(1, 3, ECHO), (1, 3, ECHO), (3, 1, STORE[:7])]),
    model.p_data_tf([(3, 0, b"ab")] * 17),
    model.pdu(9, b"abc"),
    model.associate(1, b"X", b"Y", [], version=2),
)

# Descriptors that data sets go to: one that takes everything, one that takes nothing (EBADF).
TAKES_ALL = os.open(os.devnull, os.O_WRONLY)
TAKES_NOTHING = os.open(os.devnull, os.O_RDONLY)

HAS_DEADLINE = (State.Sta2, State.Sta5, State.Sta7, State.Sta13)


def run(data: bytes) -> None:
    """Run a script, cut in two ways; `AssertionError` when something is wrong."""
    if len(data) < SETTINGS:
        return
    whole = Session(data, None).run()
    cut = Session(data, random.Random(data[1])).run()
    assert whole.story == cut.story
    assert whole.sent == cut.sent


class Session:
    """One end, its driver, and what a script does to it.

    Parameters
    ----------
    script
        What happens.
    cuts
        Where the lengths of received pieces come from; None for pieces as large as can be.
    """

    def __init__(self, script: bytes, cuts: random.Random | None) -> None:
        flags = script[0]
        self.script = iter(script[SETTINGS:])
        self.cuts = cuts
        self.is_requestor = bool(flags & 1)
        self.memory_limit = MEMORY_LIMITS[flags >> 3 & 3]
        self.holds_commands = bool(flags & 2)
        self.now = 0.0
        self.story: list[object] = []
        self.sent = b""
        self.request: A_ASSOCIATE_RQ | None = None
        self.own_rq = associate.own_request()
        self.peer_maximum_length = 0
        self.contexts: list[int] = []
        self.messages = 0
        self.sink = 0
        self.is_over = False
        self.exchange = Exchange()
        self.exchange.performed_limit = 1 + (flags >> 6)
        self.provider = Provider(is_requestor=self.is_requestor, artim_timeout=ARTIM)
        self.provider.on_transition = lambda *step: self.story.append(step)
        self.reader = Reader(BufferPool(1 << 20), 0 if flags & 32 else 16384, self.memory_limit)
        self.reader.is_observed = bool(flags & 4)

    def run(self) -> Session:
        if self.is_requestor:
            self.provider.request_associate(self.own_rq)
        else:
            self.provider.transport_indication(self.now)
        for _ in range(LONGEST_SCRIPT):
            code = next(self.script, None)
            if code is None or self.is_over:
                break
            INSTRUCTIONS[code % len(INSTRUCTIONS)](self)
            self.settle()
        check_conversation(self.sent, is_requestor=self.is_requestor)
        return self

    def settle(self) -> None:
        """Look at what has come of an instruction."""
        self.tell_indications()
        self.sent += self.provider.data_to_send()
        state = self.provider.state
        assert isinstance(state, State)
        assert (self.provider.deadline is not None) or state not in HAS_DEADLINE, (
            f"no deadline in {state.name}"
        )
        if state is State.Sta13:
            self.reader.ignore_everything()
        if self.provider.closes_transport and not self.is_over:
            self.end()

    def end(self) -> None:
        """The connection is closed: nothing may be asked for, and nothing comes out any more."""
        self.is_over = True
        self.provider.transport_closed(self.now)
        self.provider.expire(self.now + 1e9)
        assert self.provider.state is State.Sta1
        assert self.provider.deadline is None
        for primitive in (self.accept, self.reject, self.release, self.agree, self.abort, self.send):
            primitive()
            assert self.provider.state is State.Sta1
        assert self.provider.data_to_send() == b""
        assert self.provider.next_indication() is None

    # What the peer does.

    def argument(self) -> int:
        return next(self.script, 0)

    def raw(self) -> None:
        """Any bytes, at most 255."""
        self.receive(bytes(self.argument() for _ in range(self.argument())))

    def canned(self) -> None:
        self.receive(CANNED[self.argument() % len(CANNED)])

    def mutated(self) -> None:
        """A canned PDU with one byte that is another."""
        data = bytearray(CANNED[self.argument() % len(CANNED)])
        offset = (self.argument() << 8 | self.argument()) % len(data)
        data[offset] ^= self.argument()
        self.receive(bytes(data))

    def truncated(self) -> None:
        """A canned PDU that ends too soon; what comes next is taken for the rest of it."""
        data = CANNED[self.argument() % len(CANNED)]
        self.receive(data[: (self.argument() << 8 | self.argument()) % (len(data) + 1)])

    def fragment(self) -> None:
        """A P-DATA-TF of one PDV: context, control, length."""
        context_id, control, length = self.argument(), self.argument(), self.argument()
        self.receive(model.p_data_tf([(context_id % 8, control, bytes(length * 70))]))

    def disconnect(self) -> None:
        self.provider.transport_closed(self.now)

    # What the user and the clock do.

    def connect(self) -> None:
        self.provider.transport_confirm(self.now)

    def ask(self, primitive: Callable[[], None]) -> None:
        """Ask for something; what cannot be changes nothing."""
        state, deadline = self.provider.state, self.provider.deadline
        try:
            primitive()
        except AssociationError:
            assert (self.provider.state, self.provider.deadline) == (state, deadline)
            assert self.provider.data_to_send() == b""

    def accept(self) -> None:
        rq = self.request
        if rq is None:
            return
        ac, accepted = associate.accept(rq)

        def primitive() -> None:
            self.provider.accept(ac)
            self.begin(list(accepted), rq.maximum_length)

        self.ask(primitive)

    def reject(self) -> None:
        self.ask(lambda: self.provider.reject(A_ASSOCIATE_RJ(1, 1, 1), self.now))

    def release(self) -> None:
        self.ask(lambda: self.provider.request_release(self.now))

    def agree(self) -> None:
        self.ask(lambda: self.provider.respond_release(self.now))

    def abort(self) -> None:
        self.ask(lambda: self.provider.request_abort(self.now, 0, 0))

    def send(self) -> None:
        """Send a message, if the peer leaves room for one."""

        def primitive() -> None:
            self.provider.request_p_data()
            with suppress(ValueError):
                writer = MessageWriter(
                    self.contexts[0] if self.contexts else 1, ECHO, None, self.peer_maximum_length
                )
                self.sent += b"".join(iter(lambda: writer.data_to_send(3), b""))

        self.ask(primitive)

    def wait(self) -> None:
        """Let time pass, a quarter of a second for each unit of the argument; the timer may expire."""
        self.now += self.argument() / 4
        deadline = self.provider.deadline
        before = len(self.story)
        self.provider.expire(self.now)
        if deadline is None or self.now < deadline:
            assert len(self.story) == before

    def choose_sink(self) -> None:
        self.sink = self.argument()

    # The driver: what net/connection does with a socket.

    def begin(self, context_ids: list[int], peer_maximum_length: int) -> None:
        self.contexts = context_ids
        self.peer_maximum_length = peer_maximum_length
        self.reader.begin_data_transfer(context_ids, self.holds_commands)

    def receive(self, data: bytes) -> None:
        while data and not self.provider.closes_transport and self.provider.state is not State.Sta4:
            room = self.reader.get_buffer()
            assert 0 < len(room) <= 2 * (ASSOCIATE_PDU_LIMIT + 6) + self.memory_limit
            size = len(room) if self.cuts is None else self.cuts.choice((1, 2, 7, 50, 1000, len(room)))
            size = min(size, len(room), len(data))
            room[:size] = data[:size]
            self.reader.commit(size)
            data = data[size:]
            for told in self.told():
                self.digest(told)

    def told(self) -> Iterator[Message | ObservedPdu | Signal | bytes | ProtocolError]:
        while not self.provider.closes_transport:
            try:
                told = self.reader.next_event()
            except ProtocolError as error:
                yield error
            else:
                if told is Signal.NEED_DATA:
                    return
                yield told

    def digest(self, told: Message | ObservedPdu | Signal | bytes | ProtocolError) -> None:
        if isinstance(told, ProtocolError):
            self.blame(told)
        elif isinstance(told, Message):
            self.take_message(told)
        elif isinstance(told, ObservedPdu):
            self.story.append(told.encoded)
        elif isinstance(told, bytes):
            self.provider.receive_pdu(told, self.now)
        elif told is Signal.P_DATA:
            self.provider.receive_p_data(self.now)
        elif told in (Signal.COMMAND, Signal.FULL):
            self.story.append(told)
            self.choose(is_full=told is Signal.FULL)
        else:
            assert told is Signal.SINK_FAILED  # when hangs on the cuts, so it is no part of the story
        self.tell_indications()
        self.sent += self.provider.data_to_send()
        if self.provider.state is State.Sta13:
            self.reader.ignore_everything()

    def blame(self, error: ProtocolError) -> None:
        self.story.append(str(error))
        if isinstance(error, MessageError):
            self.ask(lambda: self.provider.request_abort(self.now))
        else:
            self.provider.receive_invalid(error, self.now)
        assert self.provider.state in (State.Sta1, State.Sta13)

    def tell_indications(self) -> None:
        while (indication := self.provider.next_indication()) is not None:
            self.take_indication(indication)

    def take_indication(self, indication: Indication) -> None:
        self.story.append(indication)
        if isinstance(indication, AssociateIndication):
            self.request = indication.pdu
        elif isinstance(indication, AssociateConfirm):
            accepted = associate.negotiate_and_check(self.own_rq, indication.pdu)
            self.begin(accepted, indication.pdu.maximum_length)

    def choose(self, *, is_full: bool) -> None:
        """Choose where a data set goes, by what has been told and not by how it was cut."""
        choice = (self.sink >> 2 * (self.messages % 4)) & 3
        if choice == 0 and not is_full:
            return
        if choice == 3:
            self.reader.discard()
        else:
            with suppress(OSError):
                self.reader.write_to(TAKES_NOTHING if choice == 2 else TAKES_ALL)

    def take_message(self, message: Message) -> None:
        self.messages += 1
        assert message.context_id in self.contexts
        command.check(message.command)
        data_set = None if message.data_set is None else bytes(message.data_set)
        if message.is_in_memory:
            assert message.data_set_length == len(data_set or b"") <= self.memory_limit
        else:
            assert data_set is None
        assert message.command.has_data_set or message.data_set_length == 0
        self.story += [message.context_id, message.command.encoded, data_set]
        self.story += [message.data_set_length, message.sink_errno]
        if self.provider.receive_p_data(self.now):
            self.exchange_with(message)

    def exchange_with(self, message: Message) -> None:
        """A delivered message: the response to the one operation that is asked for, or a request."""
        self.exchange.invoke(1, 0x0030, 1, 0, self.now)
        try:
            if message.command.command_field & 0x8000:
                self.exchange.end(self.exchange.answer(message))
                self.story.append("answered")
            else:
                self.story.append(self.exchange.begin(message.command.message_id or 0, 1))
        except MessageError as error:
            self.blame(error)


INSTRUCTIONS: tuple[Callable[[Session], None], ...] = (
    Session.canned,
    Session.mutated,
    Session.accept,
    Session.connect,
    Session.raw,
    Session.truncated,
    Session.fragment,
    Session.send,
    Session.release,
    Session.agree,
    Session.abort,
    Session.reject,
    Session.wait,
    Session.disconnect,
    Session.choose_sink,
)

# What may follow what: the PDU that was sent last (0 for none) and those that may come next.
FOLLOWS = {
    True: {0: {1, 7}, 1: {4, 5, 6, 7}, 4: {4, 5, 6, 7}, 5: {6, 7}, 6: {5, 7}, 7: {7}},
    False: {0: {2, 3, 7}, 2: {4, 5, 6, 7}, 3: {7}, 4: {4, 5, 6, 7}, 5: {6, 7}, 6: {5, 7}, 7: {7}},
}


def check_conversation(sent: bytes, *, is_requestor: bool) -> None:
    """What was sent is whole PDUs that the model reads, in an order that PS3.8 knows."""
    last = 0
    while sent:
        pdu_type, body, rest = model.split_pdu(sent)
        whole, sent = sent[: len(sent) - len(rest)], rest
        assert pdu_type in FOLLOWS[is_requestor][last], f"{pdu_type} after {last}"
        if pdu_type in (1, 2):
            model.read_associate(whole)
        elif pdu_type == 4:
            model.read_p_data_tf(whole)
        else:
            assert len(body) == 4
        last = pdu_type
