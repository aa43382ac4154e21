"""Objects that are passed on while they come in: `forward`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import model
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from raw_peer import IMPLICIT, associate_raw, data_set, fake_acceptor, store_rq
from routing import Archive, Destination, Router, raw_association, routed
from servers import associate, await_event, port_of, serving, store_ae, wait_until
from test_store_header import image

from fastdicom import AE, Association, AssociationPool, build_async_ops, evt, forward
from fastdicom.data_sets import encode_dataset
from fastdicom.errors import AssociationError, NoAcceptedContext
from fastdicom.net import wires
from fastdicom.net.socket_wire import SocketWire
from fastdicom.sop_class import CTImageStorage

SMALL, LARGE = 64, 600_000
SIZES = pytest.mark.parametrize("pixel_length", [SMALL, LARGE])


def send(association: Association, pixel_length: int, transfer_syntax: Any = ExplicitVRLittleEndian) -> int:
    encoded = encode_dataset(image(pixel_length), transfer_syntax)
    return int(association.send_c_store(encoded, transfer_syntax=transfer_syntax).Status)


# --- what arrives ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("slow", ["wait", "spill", "fail"])
def test_the_bytes_arrive_as_they_are(count: int, slow: str) -> None:
    with routed(count, slow=slow) as (sender, router, archives):
        for pixel_length in (SMALL, LARGE, 20_000):
            assert send(sender, pixel_length) == 0x0000
            encoded = encode_dataset(image(pixel_length), ExplicitVRLittleEndian)
            for archive, result in zip(archives, router.forwarded[-1].results, strict=True):
                assert archive.objects.pop() == encoded
                assert (result.is_stored, result.error, result.status.Status) == (True, None, 0x0000)
                assert result.destination in router.destinations
        assert router.forwarded[-1].sop_instance_uid == "1.2.3.4"
        wait_until(lambda: router.ae.buffer_pool.used == 0)


@SIZES
@pytest.mark.parametrize(
    "transfer_syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian]
)
def test_any_transfer_syntax(pixel_length: int, transfer_syntax: Any) -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        router = Router(stack, archive.association(stack, transfer_syntax))
        sender = router.association(stack, transfer_syntax)
        assert send(sender, pixel_length, transfer_syntax) == 0x0000
        encoded = encode_dataset(image(pixel_length), transfer_syntax)
        assert archive.objects[0] in (encoded, encoded + b"\0")


def test_compressed_pixel_data() -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        router = Router(stack, archive.association(stack, JPEG2000Lossless))
        sender = router.association(stack, JPEG2000Lossless)
        uids = encode_dataset(image(0), ExplicitVRLittleEndian)[:-12]
        encoded = uids + b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\0\0\0\0"
        encoded += (b"\xfe\xff\0\xe0" + (70_000).to_bytes(4, "little") + bytes(70_000)) * 5
        encoded += b"\xfe\xff\xdd\xe0\0\0\0\0"
        assert sender.send_c_store(encoded, transfer_syntax=JPEG2000Lossless).Status == 0x0000
        assert archive.objects == [encoded]


@pytest.mark.parametrize("length", [SMALL, LARGE])
def test_an_odd_length_is_made_even(length: int) -> None:
    encoded = data_set(length) + b"x"
    with ExitStack() as stack:
        archive = Archive(stack)
        router = Router(stack, archive.association(stack, IMPLICIT))
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        peer.send(*store_rq(encoded))
        assert b"\0\x09\x02\0\0\0\0\0" in peer.receive_pdu()
        assert archive.objects == [encoded + b"\0"]


def test_over_pythons_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "Wire", SocketWire)
    with routed(2) as (sender, _, archives):
        assert send(sender, LARGE) == 0x0000
        encoded = encode_dataset(image(LARGE), ExplicitVRLittleEndian)
        assert [archive.objects for archive in archives] == [[encoded]] * 2


def test_with_an_observer_of_pdus() -> None:
    seen: list[bytes] = []
    with ExitStack() as stack:
        archive = Archive(stack)
        outgoing = archive.association(stack)
        outgoing.bind(evt.EVT_DATA_SENT, lambda event: seen.append(event.data))
        router = Router(stack, outgoing)
        assert send(router.association(stack), LARGE) == 0x0000
        assert archive.objects == [encode_dataset(image(LARGE), ExplicitVRLittleEndian)]
    sent = [pdu for pdu in seen if pdu[:1] == b"\4"]
    assert model.read_messages(sent)[0][2] == archive.objects[0]


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_bytes_go_out_before_a_twentieth_is_in(count: int) -> None:
    encoded = data_set(528_000)
    destination = Destination()
    with ExitStack() as stack:
        port = stack.enter_context(fake_acceptor(destination.listen))
        archive = Archive(stack)
        others = [archive.association(stack, IMPLICIT)][: count - 1]
        outgoing = raw_association(port)
        router = Router(stack, outgoing, *others)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        pdus = store_rq(encoded)
        sent = 0
        while sent + len(pdus[0]) < 528_000 // 20:
            sent += len(pdus[0])
            peer.send(pdus.pop(0))
        assert sent > 16_384
        await_event(destination.has_begun)
        peer.reset()
    assert destination.pdus[-1][:1] == b"\7"  # A-ABORT: what has been begun cannot be ended


# --- when the sender is answered, and how -----------------------------------------------------------------

WARNING = 0xB000
EXPLAINED = Dataset()
EXPLAINED.Status = 0xA900
EXPLAINED.ErrorComment = "not here"


@pytest.mark.parametrize(
    ("answer", "statuses", "status"),
    [
        ("all", (0x0000, WARNING), WARNING),
        ("all", (0x0000, 0xA701), 0xA701),
        ("all", (EXPLAINED, 0xA701), 0xA900),
        ("any", (0xA701, 0x0000), 0x0000),
        ("any", (0xA701, WARNING), WARNING),
        ("any", (0xA702, 0xA701), 0xA702),
        ("none", (0xA702, 0xA701), 0x0000),
    ],
)
def test_the_answer(answer: str, statuses: tuple[Any, ...], status: int) -> None:
    with routed(2, statuses, answer=answer) as (sender, router, _):
        for pixel_length in (SMALL, LARGE):
            encoded = encode_dataset(image(pixel_length), ExplicitVRLittleEndian)
            response = sender.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian)
            assert (response.Status, response.get("ErrorComment")) == (
                status,
                "not here" if status == 0xA900 else None,
            )
            forwarded = router.forwarded[-1]
            assert forwarded.wait(10)
            expected = [each if isinstance(each, int) else each.Status for each in statuses]
            assert [result.status.Status for result in forwarded.results] == expected


@pytest.mark.parametrize(("answer", "count"), [("any", 2), ("none", 1), ("none", 2)])
def test_an_answer_before_all_have_confirmed(answer: str, count: int) -> None:
    """And the next object waits until they have."""
    destination = Destination()
    ended: list[Any] = []
    with ExitStack() as stack:
        port = stack.enter_context(fake_acceptor(destination.idle))
        archive = Archive(stack)
        others = [archive.association(stack, IMPLICIT)][: count - 1]
        outgoing = raw_association(port)
        stack.callback(outgoing.kill)
        router = Router(stack, outgoing, *others, answer=answer, on_end=ended.append)
        sender = router.association(stack, IMPLICIT)
        assert send(sender, 30_000, IMPLICIT) == 0x0000
        (forwarded,) = router.forwarded
        assert not forwarded.is_over
        assert not forwarded.wait(0)
        assert not forwarded.results[0].is_over
        assert ended == []
        destination.may_go_on.set()
        assert forwarded.wait(10)
        assert forwarded.results[0].is_stored
        wait_until(lambda: ended == [forwarded])
        router.destinations = others or [archive.association(stack, IMPLICIT)]
        assert send(sender, 30_000, IMPLICIT) == 0x0000
        assert len(router.forwarded) == 2


def test_what_on_end_raises_does_not_matter() -> None:
    with routed(1, on_end=lambda _: 1 / 0) as (sender, _, archives):
        assert send(sender, LARGE) == 0x0000
        assert send(sender, SMALL) == 0x0000
        assert len(archives[0].objects) == 2


@SIZES
def test_no_accepted_context(pixel_length: int) -> None:
    with ExitStack() as stack:
        archive, other = Archive(stack), Archive(stack)
        router = Router(stack, archive.association(stack, IMPLICIT), other.association(stack))
        sender = router.association(stack)
        assert send(sender, pixel_length) == 0xA700
        refused, stored = router.forwarded[-1].results
        assert isinstance(refused.error, NoAcceptedContext)
        assert stored.is_stored
        assert archive.objects == []
        router.destinations.pop()
        assert send(sender, pixel_length) == 0xA700
        assert router.destinations[0].is_established
        router.options["answer"] = "none"
        assert send(sender, pixel_length) == 0xA700  # nobody is left


@pytest.mark.parametrize("count", [1, 2])
def test_an_empty_data_set(count: int) -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        router = Router(stack, *(archive.association(stack, IMPLICIT) for _ in range(count)))
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        peer.send(*store_rq(b""))
        assert b"\0\x09\x02\0\0\0\x00\xa7" in peer.receive_pdu()
        assert all("empty" in str(result.error) for result in router.forwarded[0].results)
        peer.send(*store_rq(data_set(LARGE), message_id=2))
        assert b"\0\x09\x02\0\0\0\0\0" in peer.receive_pdu()
        assert archive.objects == [data_set(LARGE)] * count


class Pool:
    """What a pool of associations looks like."""

    def __init__(self, association: Association) -> None:
        self.lent: list[Any] = []
        self._association = association

    @contextmanager
    def association(self, sop_class: str, transfer_syntax: str) -> Iterator[Association]:
        self.lent.append((sop_class, transfer_syntax))
        try:
            yield self._association
        except Exception as error:
            self.lent.append(error)
            raise
        self.lent.append("back")


@SIZES
@pytest.mark.parametrize("slow", ["wait", "fail"])
def test_a_pool(pixel_length: int, slow: str) -> None:
    with ExitStack() as stack:
        archive = Archive(stack)
        pool = Pool(archive.association(stack))
        router = Router(stack, pool, slow=slow)
        router.destinations = pool  # one needs no list
        sender = router.association(stack)
        assert send(sender, pixel_length) == 0x0000
        wait_until(lambda: pool.lent == [(CTImageStorage, ExplicitVRLittleEndian), "back"])
        pool._association.abort()
        assert send(sender, pixel_length) == 0xA700
        wait_until(lambda: len(pool.lent) == 4)
        assert isinstance(pool.lent[3], AssociationError)


@pytest.mark.parametrize("slow", ["wait", "spill"])
def test_pools_of_associations(slow: str) -> None:
    """And what one of them lends is back afterwards."""
    with ExitStack() as stack:
        archives = [Archive(stack), Archive(stack)]
        addresses = [("127.0.0.1", port_of(archive.server)) for archive in archives]
        pools = [stack.enter_context(AssociationPool(address, limit=1)) for address in addresses]
        router = Router(stack, *pools, slow=slow)
        sender = router.association(stack)
        for pixel_length in (SMALL, LARGE, LARGE):
            assert send(sender, pixel_length) == 0x0000
        encoded = [encode_dataset(image(n), ExplicitVRLittleEndian) for n in (SMALL, LARGE, LARGE)]
        assert [archive.objects for archive in archives] == [encoded, encoded]
        archives[0].server.shutdown()
        router.options["answer"] = "any"
        assert send(sender, LARGE) == 0x0000
        failed, stored = router.forwarded[-1].results
        assert failed.error is not None
        assert stored.is_stored


def test_what_cannot_be_forwarded() -> None:
    errors: list[str] = []

    def choose(event: Any) -> int:
        other = AE()
        for arguments in (
            ([],),
            ([event.assoc],),
            ([other],),
            ([onwards, onwards],),
            (onwards, "some"),
            (onwards, "all", "drop"),
            (onwards, "all", "wait", 0),
        ):
            names = ("answer", "slow", "buffer")
            try:
                forward(event, arguments[0], **dict(zip(names, arguments[1:], strict=False)))
            except (TypeError, ValueError) as error:
                errors.append(str(error))
        return 0xA900

    with pytest.raises(TypeError, match="EVT_C_STORE_HEADER"):
        forward(object(), [])  # type: ignore[arg-type]
    with ExitStack() as stack:
        onwards = Archive(stack).association(stack)
        server = stack.enter_context(serving(store_ae({CTImageStorage}), [(evt.EVT_C_STORE_HEADER, choose)]))
        ae = AE()
        ae.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
        assert send(stack.enter_context(associate(ae, server)), SMALL) == 0xA900
    words = ("no destination", "comes from", "neither", "twice", "'some'", "'drop'", "buffer is 0")
    assert len(errors) == len(words)
    assert all(word in error for word, error in zip(words, errors, strict=True))


# --- several at once --------------------------------------------------------------------------------------


def test_several_senders_to_one_destination() -> None:
    """One after the other, and what somebody else sends meanwhile in between."""
    with ExitStack() as stack:
        archive = Archive(stack)
        outgoing = archive.association(stack)
        router = Router(stack, outgoing)
        senders = [router.association(stack) for _ in range(4)]
        statuses: list[int] = []

        def work(sender: Association) -> None:
            statuses.extend(send(sender, LARGE) for _ in range(3))

        threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for _ in range(5):
            encoded = encode_dataset(image(SMALL), ExplicitVRLittleEndian)
            assert outgoing.send_c_store(encoded, transfer_syntax=ExplicitVRLittleEndian).Status == 0x0000
        for thread in threads:
            thread.join()
        assert statuses == [0x0000] * 12
        large = encode_dataset(image(LARGE), ExplicitVRLittleEndian)
        assert sorted(archive.objects, key=len) == [encoded] * 5 + [large] * 12


def test_the_others_wait_until_a_stream_has_ended() -> None:
    """On an association with a window, where more than one operation may be under way."""
    with ExitStack() as stack:
        archive = Archive(stack)
        archive.server.bind(evt.EVT_ASYNC_OPS, lambda event: (event.nr_invoked, event.nr_performed))
        ae = AE()
        ae.add_requested_context(CTImageStorage, IMPLICIT)
        outgoing = stack.enter_context(associate(ae, archive.server, ext_neg=[build_async_ops(4, 1)]))
        assert outgoing.maximum_operations_invoked == 4
        router = Router(stack, outgoing)
        peer = stack.enter_context(associate_raw(port_of(router.server)))
        pdus = store_rq(data_set(LARGE))
        peer.send(*pdus[:10])
        await_event(router.is_asked)
        wait_until(lambda: outgoing._link.is_streaming)
        stored: list[int] = []
        thread = threading.Thread(
            target=lambda: stored.append(
                outgoing.send_c_store(data_set(SMALL), transfer_syntax=IMPLICIT).Status
            )
        )
        thread.start()
        wait_until(lambda: len(outgoing._exchange.invoked) == 2)
        assert archive.objects == []
        peer.send(*pdus[10:])
        assert b"\0\x09\x02\0\0\0\0\0" in peer.receive_pdu()
        thread.join()
        assert stored == [0x0000]
        assert archive.objects == [data_set(LARGE), data_set(SMALL)]


def test_two_senders_to_the_same_destinations_the_other_way_round() -> None:
    with ExitStack() as stack:
        archives = [Archive(stack), Archive(stack)]
        outgoing = [archive.association(stack) for archive in archives]
        routers = [Router(stack, *outgoing), Router(stack, *reversed(outgoing))]
        senders = [router.association(stack) for router in routers]
        statuses: list[int] = []

        def work(sender: Association) -> None:
            statuses.extend(send(sender, LARGE) for _ in range(8))

        threads = [threading.Thread(target=work, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [0x0000] * 16
        assert [len(archive.objects) for archive in archives] == [16, 16]
