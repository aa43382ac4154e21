"""C-MOVE as SCP: where to, what is sent there, and what is said of it (PS3.4 C.4.2)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peers import unused_port
from raw_peer import CT, EXPLICIT, IMPLICIT
from raw_peer import data_set as encoded_object
from retrieving import (
    MOVE,
    MR,
    PENDING,
    Admissions,
    Closing,
    Receiver,
    Told,
    archive,
    asking,
    destination,
    file_content,
    file_of,
    identifier,
    move,
    moving,
    small_object,
)
from servers import DEADLINE, port_of, store_ae, wait_until
from storage_files import all_classes, storage_files
from tls_files import write

from fastdicom import AE, EncodedDataset, build_context
from fastdicom.tls import client_context, server_context

JPEG = "1.2.840.10008.1.2.4.50"


def test_objects_in_every_form_are_sent_as_they_are(tmp_path: Path) -> None:
    """The contexts come from the objects: the AE of the archive requests none."""
    path = file_of(tmp_path, 2)
    receiver = Receiver()
    with destination(receiver) as there, path.open("rb") as file:
        forms = (
            small_object(1),
            path,
            file,
            file_content(4),
            (encoded_object(64, "1.2.3.5"), IMPLICIT),
            small_object(6, MR),
            EncodedDataset(encoded_object(64, "1.2.3.7"), IMPLICIT),
        )
        with archive(moving(there, *forms)) as server:
            told = move(server)
    assert receiver.uids == [f"1.2.3.{number}" for number in (1, 2, 2, 4, 5, 6, 7)]
    assert receiver.data_sets[6] == encoded_object(64, "1.2.3.7")
    assert receiver.data_sets[1:5] == [encoded_object(64, f"1.2.3.{number}") for number in (2, 2, 4, 5)]
    assert told.statuses == [PENDING] * 7 + [0x0000]
    assert told.counts[0] == (6, 1, 0, 0)
    assert told.counts[-1] == (None, 7, 0, 0)  # row 8 of what others get wrong
    assert told.failed is None


def test_5_1_row_6_the_move_originator_is_who_asked() -> None:
    receiver = Receiver()
    ae = store_ae({CT}, [IMPLICIT])
    ae.ae_title = "THERE"
    ae.require_called_aet = True
    with (
        destination(receiver, ae) as there,
        archive(moving(there, small_object(1))) as server,
        asking(server) as association,
    ):
        list(association.send_c_move(identifier(), "THERE", MOVE, msg_id=4711, priority=1))
    (request,) = receiver.requests
    assert request.MoveOriginatorApplicationEntityTitle == "ASKING"
    assert request.MoveOriginatorMessageID == 4711
    assert request.Priority == 1


def test_files_go_in_the_transfer_syntax_that_they_are_in() -> None:
    chosen = {}
    for file in storage_files():
        chosen.setdefault((file.sop_class_uid, file.transfer_syntax), file)
    files = [file for file in chosen.values() if len(file.data_set) < 1_000_000]
    assert len({file.transfer_syntax for file in files}) > 8
    receiver = Receiver()
    with (
        destination(receiver, store_ae(all_classes())) as there,
        archive(moving(there, *[file.path for file in files])) as server,
    ):
        told = move(server)
    assert told.statuses[-1] == 0x0000
    assert receiver.syntaxes == [str(file.transfer_syntax) for file in files]
    assert receiver.data_sets == [file.data_set_to_send for file in files]


def test_a_destination_that_takes_implicit_vr_only_is_served() -> None:
    receiver = Receiver()
    explicit = small_object(1)
    explicit.file_meta.TransferSyntaxUID = EXPLICIT
    with destination(receiver) as there, archive(moving(there, explicit)) as server:
        told = move(server)
    assert told.statuses[-1] == 0x0000
    assert receiver.syntaxes == [IMPLICIT]


@pytest.mark.parametrize("at_once", [10, 1])
def test_more_than_128_contexts_take_several_associations(at_once: int) -> None:
    """Of a destination that takes one association at a time, too."""
    # Each takes three contexts, one for each uncompressed transfer syntax that it can be sent in.
    classes = [f"1.2.3.4.5.{number}" for number in range(44)]
    order = [*range(44), 0, 43]
    objects = [file_content(number, sop_class=classes[number]) for number in order]
    receiver, admissions = Receiver(), Admissions()
    ae = AE()
    ae.maximum_associations = at_once
    for sop_class in classes:
        ae.add_supported_context(sop_class, IMPLICIT)
    with destination(receiver, ae, admissions.handlers) as there:
        with archive(moving(there, *objects)) as server:
            told = move(server)
        wait_until(lambda: not admissions.now)
    assert told.statuses[-1] == 0x0000
    assert told.counts[-1] == (None, 46, 0, 0)
    assert receiver.uids == [f"1.2.3.{number}" for number in order]
    assert max(admissions.proposed) == 128
    # With the two that are open at once, the last two objects need no further one.
    assert admissions.total == (44 if at_once > 1 else 46)


def test_associations_are_kept_open_within_the_operation() -> None:
    admissions = Admissions()
    objects = [small_object(number, MR if number % 2 else CT) for number in range(10)]
    with destination(handlers=admissions.handlers) as there, archive(moving(there, *objects)) as server:
        assert move(server).counts[-1] == (None, 10, 0, 0)
        assert admissions.total == 2  # CT, then CT and MR
        wait_until(lambda: not admissions.now)


def test_the_handler_may_say_the_contexts() -> None:
    admissions = Admissions()
    receiver = Receiver()
    with destination(receiver, handlers=admissions.handlers) as there:
        options = {"contexts": [build_context(CT, IMPLICIT)], "ae_title": "OTHER"}
        where = ("127.0.0.1", port_of(there), options)
        with archive(moving(where, small_object(1), small_object(2, MR), small_object(3))) as server:
            told = move(server)
    assert receiver.uids == ["1.2.3.1", "1.2.3.3"]
    assert (told.statuses[-1], told.counts[-1], told.failed) == (0xB000, (None, 2, 1, 0), ["1.2.3.2"])
    assert admissions.total == 1


def test_what_the_destination_does_not_accept_has_failed_and_the_rest_is_sent() -> None:
    receiver = Receiver()
    objects = [file_content(1, JPEG), small_object(2), file_content(3, JPEG), small_object(4, MR)]
    with (
        destination(receiver, store_ae({CT}, [IMPLICIT])) as there,
        archive(moving(there, *objects)) as server,
    ):
        told = move(server)
    assert receiver.uids == ["1.2.3.2"]
    assert told.failed == ["1.2.3.1", "1.2.3.3", "1.2.3.4"]
    assert told.statuses[-1] == 0xB000


def test_a_destination_that_accepts_nothing() -> None:
    admissions = Admissions()
    ae = AE()
    ae.add_supported_context("1.2.3.4")
    with (
        destination(ae=ae, handlers=admissions.handlers) as there,
        archive(moving(there, small_object(1), small_object(2))) as server,
    ):
        told = move(server)
    assert told.statuses == [PENDING, PENDING, 0xA702]
    assert told.failed == ["1.2.3.1", "1.2.3.2"]


# --- destinations that are none ---


def raising_at_once(event: Any) -> Iterator[Any]:
    yield from raising(event)


def raising(event: Any) -> Iterator[Any]:
    raise RuntimeError("on purpose")


def yielding(*results: Any) -> Any:
    """Return a handler that yields just these."""

    def handler(event: Any) -> Iterator[Any]:
        yield from results

    return handler


HERE = ("127.0.0.1", 1)


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (raising, 0xC511),
        (raising_at_once, 0xC514),
        (lambda event: None, 0xC514),
        (yielding(), 0xC514),
        (yielding((None, None), 1), 0xA801),
        (yielding(("127.0.0.1", None), 1), 0xA801),
        (yielding("127.0.0.1", 1), 0xC515),
        (yielding(("127.0.0.1",), 1), 0xC515),
        (yielding(5, 1), 0xC515),
        (yielding((*HERE, 5), 1), 0xC515),
        (yielding((*HERE, {"colour": "red"}), 1, (PENDING, small_object())), 0xC515),
        (yielding((*HERE, {"ae_title": "x" * 17}), 1, (PENDING, small_object())), 0xC515),
        (yielding((*HERE, {"contexts": []}), 1, (PENDING, small_object())), 0xC515),
        (yielding(HERE), 0xC513),
        (yielding(HERE, "many"), 0xC513),
        (yielding(HERE, 65536), 0xC516),
    ],
)
def test_a_handler_that_does_not_say_where_and_how_many(handler: Any, status: int) -> None:
    with archive(handler) as server:
        told = move(server)
    assert (told.statuses, told.counts) == ([status], [(None, None, None, None)])


def test_nothing_to_send_needs_no_destination() -> None:
    with archive(moving(HERE)) as server:
        told = move(server)
    assert (told.statuses, told.counts) == ([0x0000], [(None, 0, 0, 0)])


def test_a_destination_that_cannot_be_reached() -> None:
    handler = Closing(moving(("127.0.0.1", unused_port()), small_object(1), small_object(2)))
    with archive(handler) as server:
        assert move(server).statuses == [0xA801]
        assert handler.is_closed.is_set()


def test_a_destination_that_rejects_us() -> None:
    ae = store_ae({CT})
    ae.require_called_aet = True
    with destination(ae=ae) as there, archive(moving(there, small_object(1))) as server:
        assert move(server, "SOMEBODY").statuses == [0xA801]


@pytest.mark.parametrize(
    ("results", "status", "counts"),
    [
        ([small_object(1), RuntimeError()], 0xC511, (None, 1, 1, 0)),
        ([small_object(1), 5, small_object(2)], 0xB000, (None, 2, 1, 0)),
        ([small_object(1), None], 0xB000, (None, 1, 1, 0)),
    ],
)
def test_handlers_that_do_not_do_what_they_should(results: Any, status: int, counts: Any) -> None:
    admissions = Admissions()
    with destination(handlers=admissions.handlers) as there:
        handler = Closing(moving(there, *results))
        with archive(handler) as server:
            told = move(server)
            assert handler.is_closed.is_set()
        wait_until(lambda: not admissions.now)  # released
    assert (told.statuses[-1], told.counts[-1]) == (status, counts)


def test_the_destination_is_reached_with_tls(tmp_path: Path) -> None:
    files = write(tmp_path, "destination")
    context = server_context(files.certificate, files.key, ca=files.ca)
    receiver = Receiver()
    with destination(receiver, ssl_context=context) as there:
        settings = client_context(certificate=files.certificate, key=files.key, ca=files.ca)
        where = ("127.0.0.1", port_of(there), {"tls_args": (settings, "localhost")})
        with archive(moving(where, small_object(1))) as server:
            assert move(server).statuses[-1] == 0x0000
    assert receiver.uids == ["1.2.3.1"]


def test_two_operations_at_once_do_not_get_into_each_others_way() -> None:
    receiver = Receiver()
    told: list[Told] = []
    with destination(receiver) as there:
        objects = [small_object(number) for number in range(20)]
        with archive(moving(there, *objects)) as server:
            threads = [threading.Thread(target=lambda: told.append(move(server))) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(DEADLINE)
    assert [each.counts[-1] for each in told] == [(None, 20, 0, 0)] * 3
    assert len(receiver.uids) == 60
