"""Where programs that come from pynetdicom find another behaviour: what is wrong there and right here.

One test for each of the 22 known differences, over real sockets or on bytes; its docstring says what
pynetdicom does. `docs/from_pynetdicom.md` has them as a table. Where a difference has many cases, the tests
of the part that it belongs to have them all.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import model
import pytest
import queries
import retrieving
from pydicom.dataset import Dataset
from raw_peer import (
    CT,
    ECHO_CONTEXT,
    EXPLICIT,
    IMPLICIT,
    STORE_CONTEXT,
    VERIFICATION,
    Raw,
    acceptance,
    associate_raw,
    connect_raw,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    request,
    response,
    store_command,
)
from servers import associate, port_of, serving, store_ae

from fastdicom import AE, AssociationAborted, build_async_ops, build_context, evt
from fastdicom.pdu_primitives import (
    QueryExtendedNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
)
from fastdicom.query import matches
from fastdicom.sop_class import ModalityPerformedProcedureStep, MRImageStorage
from fastdicom.workflow.performed_procedure_step_provider import PerformedProcedureStepProvider

# PS3.8 Table 9-26: the service provider, and why.
PROVIDER = 2
NOT_SPECIFIED, UNRECOGNIZED, UNEXPECTED, INVALID = 0, 1, 2, 6

# PS3.7 Annex C
DUPLICATE_INVOCATION, UNRECOGNIZED_OPERATION, MISTYPED_ARGUMENT = 0x0210, 0x0211, 0x0212
SOP_CLASS_NOT_SUPPORTED = 0x0122


def ae() -> AE:
    """Return an AE that takes what `raw_peer.request` proposes."""
    return store_ae({CT})


def abort_reason(*sent: bytes, established: bool = True) -> tuple[int, int]:
    """Send bytes to a server; return source and reason of the A-ABORT that comes back, and nothing else."""
    with serving(ae()) as server:
        port = port_of(server)
        with associate_raw(port) if established else connect_raw(port) as peer:
            peer.send(*sent)
            (pdu,) = peer.receive_all()
        with associate_raw(port) as another:  # the server lives on
            another.send(echo_rq())
            assert another.receive_message()[1][0x0900] == 0x0000
    assert pdu[:6] == b"\7\0\0\0\0\4"
    return pdu[8], pdu[9]


def negotiate(handlers: list[Any] | None = None, **options: Any) -> bytes:
    """Send an A-ASSOCIATE-RQ to a server; return what it answers."""
    with serving(ae(), handlers) as server, connect_raw(port_of(server)) as peer:
        peer.send(request(**options))
        return peer.receive_pdu()


def test_row_01_the_asynchronous_operations_window_is_negotiated_and_used() -> None:
    """Row 1: the handler's answer is ignored, (1, 1) is always sent, nothing is without a handler."""
    answer = negotiate([(evt.EVT_ASYNC_OPS, lambda event: (3, 4))], window=(8, 4))
    assert model.asynchronous_operations(3, 4) in answer
    assert model.asynchronous_operations(1, 1) in negotiate(window=(8, 4))

    both = []

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance(window=(2, 1)))
        both.extend(peer.receive_message()[1] for _ in range(2))  # before it answers
        peer.send(*map(response, both))
        peer.receive_pdu()
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, contexts(), ext_neg=[build_async_ops(2, 1)]) as association,
        ThreadPoolExecutor(2) as pool,
    ):
        assert list(pool.map(lambda _: association.send_c_echo().Status, range(2))) == [0, 0]


def test_row_02_responses_are_matched_by_message_id() -> None:
    """Row 2: the next response is taken for the answer, whatever it answers."""

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance(window=(2, 1)))
        asked = [peer.receive_message()[1] for _ in range(2)]
        # The last one first, each with its Message ID as its status.
        peer.send(*(response(each, 0xB000 + int(str(each[0x0110]))) for each in reversed(asked)))
        peer.receive_pdu()
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, contexts(), ext_neg=[build_async_ops(2, 1)]) as association,
        ThreadPoolExecutor(2) as pool,
    ):
        statuses = list(pool.map(lambda number: association.send_c_echo(number).Status, (11, 22)))
    assert statuses == [0xB000 + 11, 0xB000 + 22]

    def stranger(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(acceptance())
        asked = peer.receive_message()[1]
        peer.send(response(asked | {0x0110: 999}))
        assert peer.receive_all()[0][0] == 7

    with fake_acceptor(stranger) as port:
        association = AE().associate("127.0.0.1", port, contexts())
        assert "Status" not in association.send_c_echo()
        assert association.is_aborted


def test_row_03_items_of_unknown_types_are_skipped() -> None:
    """Row 3: an unknown item or sub-item ends the association."""
    unknown = model.item(0x7F, b"what nobody knows")
    items = [
        model.application_context(),
        unknown,
        model.context_rq(ECHO_CONTEXT, VERIFICATION, [IMPLICIT]),
        model.user_information(model.maximum_length(16384), unknown, model.implementation_class_uid("1.2.3")),
    ]
    with serving(ae()) as server, connect_raw(port_of(server)) as peer:
        peer.send(model.associate(1, b"CALLED", b"CALLING", items))
        assert peer.receive_pdu()[:1] == b"\2"
        peer.send(echo_rq())
        assert peer.receive_message()[1][0x0900] == 0x0000


def test_row_04_only_bit_0_of_the_protocol_version_counts() -> None:
    """Row 4: a version other than 1 is rejected."""
    assert negotiate(version=0x8003)[0] == 2
    assert negotiate(version=2) == model.reject(1, 2, 2)


def test_row_05_the_application_context_is_checked() -> None:
    """Row 5: any application context name is taken."""
    assert negotiate(application_context="1.2.3") == model.reject(1, 1, 2)


def test_row_06_the_move_originator_is_who_asked() -> None:
    """Row 6: C-STORE sub-operations name the SCP of the C-MOVE as the originator."""
    receiver = retrieving.Receiver()
    destination = ae()
    with serving(destination, [(evt.EVT_C_STORE, receiver)]) as there:

        def handler(event: Any) -> Iterator[Any]:
            yield "127.0.0.1", port_of(there)
            yield 1
            yield 0xFF00, retrieving.small_object()

        with retrieving.archive(handler) as server, retrieving.asking(server) as association:
            responses = association.send_c_move(retrieving.identifier(), "THERE", retrieving.MOVE, 77)
            assert [status.Status for status, _ in responses][-1] == 0x0000
    (stored,) = receiver.requests
    assert (stored.MoveOriginatorApplicationEntityTitle, stored.MoveOriginatorMessageID) == ("ASKING", 77)


@pytest.mark.parametrize("identity", [(1, b"user", b""), (2, b"user", b"passcode")])
def test_row_07_user_names_get_the_response_that_was_asked_for(identity: tuple[int, bytes, bytes]) -> None:
    """Row 7: there is no response for user identities of types 1 and 2."""
    kind, primary, secondary = identity
    item = UserIdentityNegotiation(kind, True, primary, secondary)
    with serving(ae(), [(evt.EVT_USER_ID, lambda event: (True, None))]) as server:
        client = AE()
        client.requested_contexts = contexts()
        with associate(client, server, ext_neg=[item]) as association:
            assert association.acceptor.user_identity == UserIdentityResponse(b"")


@pytest.mark.parametrize("stored", [0x0000, 0xA700])
@pytest.mark.parametrize("operation", ["C-GET", "C-MOVE"])
def test_row_08_final_responses_have_no_remaining_sub_operations(operation: str, stored: int) -> None:
    """Row 8: Number of Remaining Sub-operations is in the last response."""
    receiver = retrieving.Receiver(lambda event: stored)
    with serving(ae(), [(evt.EVT_C_STORE, receiver)]) as there:

        def handler(event: Any) -> Iterator[Any]:
            if operation == "C-MOVE":
                yield "127.0.0.1", port_of(there)
            yield 2
            yield 0xFF00, retrieving.small_object(1)
            yield 0xFF00, retrieving.small_object(2)

        with retrieving.archive(handler) as server:
            told = retrieving.get(server, receiver) if operation == "C-GET" else retrieving.move(server)
    expected = (None, 2, 0, 0) if stored == 0x0000 else (None, 0, 2, 0)
    assert told.counts[-1] == expected
    assert all(remaining is not None for remaining, *_ in told.counts[:-1])


def test_row_09_the_length_of_a_pdu_is_checked() -> None:
    """Row 9: a received PDU may have any length."""
    p_data_tf = b"\4\0" + (1 << 30).to_bytes(4, "big")  # nothing of it follows
    assert abort_reason(p_data_tf) == (PROVIDER, INVALID)
    a_associate_rq = b"\1\0" + (1 << 30).to_bytes(4, "big")
    abort_reason(a_associate_rq, established=False)


def test_row_10_an_abort_says_why() -> None:
    """Row 10: the reason of an A-ABORT of the provider is 0, nearly always."""
    assert abort_reason(b"\x99\0\0\0\0\0") == (PROVIDER, UNRECOGNIZED)
    assert abort_reason(acceptance()) == (PROVIDER, UNEXPECTED)
    assert abort_reason(model.pdu(4, b"\0\0\0\1\1")) == (PROVIDER, INVALID)

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        peer.send(model.abort(PROVIDER, UNEXPECTED))

    with fake_acceptor(script) as port:
        association = AE().associate("127.0.0.1", port, contexts())
        assert association.is_aborted
        with pytest.raises(AssociationAborted, match="unexpected"):
            association.__enter__()


def test_row_11_malformed_p_data_is_answered_with_an_abort() -> None:
    """Row 11: the thread that receives dies, and nothing is sent."""
    for malformed in (
        model.pdu(4, b"\0\0\0\0"),  # a PDV without room for its header
        model.pdu(4, b""),
        model.p_data_tf([(ECHO_CONTEXT, 3, b"\0\0\0\1\xff\xff\xff\x7f")]),  # no command set
        model.p_data_tf([(ECHO_CONTEXT, 3, model.command_set({0x0110: 1, 0x0800: 0x0101}))]),
    ):
        abort_reason(malformed)
    unknown = model.command_set({0x0002: VERIFICATION, 0x0100: 0x0666, 0x0110: 5, 0x0800: 0x0101})
    assert answered(unknown) == (5, UNRECOGNIZED_OPERATION)


def answered(command: bytes, context_id: int = ECHO_CONTEXT, encoded: bytes | None = None) -> tuple[Any, Any]:
    """Send a request to a server; return Message ID and status of what comes back. It goes on after that."""
    with serving(ae()) as server, associate_raw(port_of(server)) as peer:
        peer.send(*model.message(context_id, command, encoded, 16382))
        got = peer.receive_message()[1]
        peer.send(echo_rq(9))
        assert peer.receive_message()[1][0x0120] == 9
    return got[0x0120], got[0x0900]


def test_row_12_what_cannot_be_done_is_answered_with_its_status() -> None:
    """Row 12: such requests are ignored, or end the association."""
    n_get = {0x0003: VERIFICATION, 0x0100: 0x0110, 0x0110: 7, 0x0800: 0x0101, 0x1001: "1.2.3"}
    assert answered(model.command_set(n_get)) == (7, UNRECOGNIZED_OPERATION)
    echo = {0x0100: 0x0030, 0x0110: 7, 0x0800: 0x0101}
    assert answered(model.command_set(echo)) == (7, MISTYPED_ARGUMENT)
    store = store_command(7)
    assert answered(store, ECHO_CONTEXT, data_set()) == (7, SOP_CLASS_NOT_SUPPORTED)


def test_row_12_a_message_id_twice_at_once_is_a_duplicate_invocation() -> None:
    """Row 12: 0210 is never answered."""
    release = socket.socketpair()

    def wait(event: Any) -> int:
        release[1].recv(1)
        return 0x0000

    handlers = [(evt.EVT_C_ECHO, wait), (evt.EVT_ASYNC_OPS, lambda event: (2, 2))]
    with serving(ae(), handlers) as server, associate_raw(port_of(server), window=(2, 2)) as peer:
        peer.send(echo_rq(5), echo_rq(5))
        first = peer.receive_message()[1]
        release[0].send(b"\0\0")
        second = peer.receive_message()[1]
    for end in release:
        end.close()
    assert (first[0x0120], first[0x0900]) == (5, DUPLICATE_INVOCATION)
    assert (second[0x0120], second[0x0900]) == (5, 0x0000)


def test_row_13_a_cancel_right_behind_its_request_is_not_lost() -> None:
    """Row 13: what comes before the handler has begun is cleared."""
    saw: list[bool] = []

    def handler(event: Any) -> Iterator[Any]:
        saw.append(event.is_cancelled)
        yield 0xFE00, None

    with (
        serving(queries.query_ae(), [(evt.EVT_C_FIND, handler)]) as server,
        queries.associate_raw(port_of(server)) as peer,
    ):
        peer.send(queries.find_rq(5) + queries.cancel_rq(5))
        assert peer.receive_message()[1][0x0900] == queries.CANCELLED
    assert saw in ([True], [])


def test_row_14_any_number_of_cancels() -> None:
    """Row 14: the 11th kills the association's thread."""
    many = b"".join(queries.cancel_rq(number) for number in range(100, 150))
    seen: list[bool] = []

    def handler(event: Any) -> Iterator[Any]:
        yield 0xFF00, queries.identifier(1)
        seen.append(event.is_cancelled)  # none of them was for this
        yield 0xFF00, queries.identifier(2)

    with (
        serving(queries.query_ae(), [(evt.EVT_C_FIND, handler)]) as server,
        queries.associate_raw(port_of(server)) as peer,
    ):
        peer.send(many + queries.find_rq(5) + many)
        got = [peer.receive_message()[1][0x0900] for _ in range(3)]
        peer.send(many + queries.find_rq(6))
        again = [peer.receive_message()[1][0x0900] for _ in range(3)]
    assert got == again == [0xFF00, 0xFF00, 0x0000]
    assert seen == [False, False]


def test_row_15_interleaved_messages_are_an_error() -> None:
    """Row 15: fragments of different contexts are joined."""
    command = store_command()
    encoded = data_set()
    begun = [(STORE_CONTEXT, 3, command), (STORE_CONTEXT, 0, encoded[:20])]
    in_data_set = model.p_data_tf([*begun, (ECHO_CONTEXT, 2, encoded[20:])])
    in_command = model.p_data_tf([(STORE_CONTEXT, 1, command[:20]), (ECHO_CONTEXT, 3, command[20:])])
    assert [abort_reason(each) for each in (in_data_set, in_command)] == [(PROVIDER, INVALID)] * 2


def test_row_16_an_accepted_transfer_syntax_must_have_been_proposed() -> None:
    """Row 16: whatever the acceptor chooses is taken."""

    def script(peer: Raw) -> None:
        peer.receive_pdu()
        items = [
            model.application_context(),
            model.context_ac(ECHO_CONTEXT, 0, EXPLICIT),
            model.context_ac(STORE_CONTEXT, 0, IMPLICIT),
            model.user_information(model.maximum_length(16384), model.implementation_class_uid("1.2.3")),
        ]
        peer.send(model.associate(2, b"CALLED", b"CALLING", items))
        assert peer.receive_pdu() == model.release_rq()
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, contexts()) as association,
    ):
        assert [context.abstract_syntax for context in association.accepted_contexts] == [CT]
        with pytest.raises(ValueError, match="Verification"):
            association.send_c_echo()


def test_row_17_an_empty_data_set_is_not_announced() -> None:
    """Row 17: it is announced and does not come, so that the peer waits for ever."""
    got: list[Any] = []

    def script(peer: Raw) -> None:
        queries.accept(peer)
        got.append(peer.receive_message())
        peer.send(queries.find_rsp(got[0][1][0x0110], 0x0000))
        peer.receive_pdu()
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, queries.contexts()) as association,
    ):
        answers = [status.Status for status, _ in association.send_c_find(Dataset(), queries.MODEL)]
    assert answers == [0x0000]
    ((_, command, encoded),) = got
    assert command[0x0800] == 0x0101 and encoded is None


def test_row_18_any_maximum_length_of_the_peer() -> None:
    """Row 18: 0 means one PDU for all, which overflows; 1 to 6 raise in the thread that sends."""

    def send(maximum_length: int) -> list[int]:
        lengths: list[int] = []

        def script(peer: Raw) -> None:
            peer.receive_pdu()
            peer.send(acceptance(maximum_length=maximum_length))
            pdus: list[bytes] = []
            while (pdu := peer.receive_pdu())[0] == 4:
                pdus.append(pdu)
                lengths.append(len(pdu))
                if model.read_p_data_tf(pdu)[-1][1] == 2:
                    ((_, command, _),) = model.read_messages(pdus)
                    peer.send(response(model.read_command_set(command)))
            peer.send(model.release_rp())

        with (
            fake_acceptor(script) as port,
            AE().associate("127.0.0.1", port, contexts()) as association,
        ):
            assert association.send_c_store(data_set(4 << 20), transfer_syntax=IMPLICIT).Status == 0x0000
        return lengths

    assert max(send(0)) < 4 << 20
    assert max(send(10000)) == 10000 + 6
    with pytest.raises(ValueError, match="maximum length is 4"):
        send(4)


def test_row_19_roles_are_answered_beside_unrestricted_storage() -> None:
    """Row 19: with unrestricted storage, roles of all other SOP classes are dropped."""
    anything = ae()
    anything.accepts_any_storage = True
    anything.add_supported_context(queries.MODEL, scu_role=True, scp_role=True)
    private = MRImageStorage
    item = SCP_SCU_RoleSelectionNegotiation(queries.MODEL, True, True)
    client = AE()
    client.requested_contexts = [build_context(queries.MODEL), build_context(private)]
    with serving(anything) as server, associate(client, server, ext_neg=[item]) as association:
        roles = {each.abstract_syntax: (each.as_scu, each.as_scp) for each in association.accepted_contexts}
    assert roles == {queries.MODEL: (True, True), private: (True, False)}


def test_row_20_extended_negotiation_has_names() -> None:
    """Row 20: its options are bytes that the program must know."""
    options = QueryExtendedNegotiation(relational=True, fuzzy_matching=True)
    item = options.item(queries.MODEL)
    assert item == SOPClassExtendedNegotiation(queries.MODEL, b"\1\0\1")
    assert QueryExtendedNegotiation.decode(item.service_class_application_information) == options


def test_row_21_contexts_of_a_move_come_from_the_instances() -> None:
    """Row 21: contexts are those that the AE requests, on one association that is not opened again."""
    sent = [
        retrieving.small_object(1, CT),
        retrieving.small_object(2, MRImageStorage),
        retrieving.small_object(3, CT),
    ]
    lost: list[Any] = []

    def store(event: Any) -> int:
        if not lost:  # the first association is lost with its first object
            lost.append(event.assoc)
            event.assoc.abort()
        return 0x0000

    receiver = retrieving.Receiver(store)
    with serving(store_ae({CT, MRImageStorage}), [(evt.EVT_C_STORE, receiver)]) as there:

        def handler(event: Any) -> Iterator[Any]:
            yield "127.0.0.1", port_of(there)
            yield len(sent)
            for each in sent:
                yield 0xFF00, each

        archive = retrieving.archive_ae()
        assert archive.requested_contexts == []
        with retrieving.archive(handler, archive) as server:
            told = retrieving.move(server)
    assert told.statuses[-1] == 0x0000 and told.counts[-1] == (None, 3, 0, 0)
    assert receiver.uids == ["1.2.3.1", "1.2.3.1", "1.2.3.2", "1.2.3.3"]


def test_row_22_what_a_service_means_is_part_of_the_library() -> None:
    """Row 22: matching, and the rules of procedure steps, are left to the handlers."""
    wanted, record = Dataset(), Dataset()
    wanted.PatientName, record.PatientName = "CIT*", "CITIZEN^Jan"
    wanted.StudyDate, record.StudyDate = "20240101-20241231", "20240229"
    assert matches(wanted, record)
    record.StudyDate = "20250101"
    assert not matches(wanted, record)

    provider = PerformedProcedureStepProvider({})
    ris = AE()
    ris.add_supported_context(ModalityPerformedProcedureStep)
    step = Dataset()
    step.PerformedProcedureStepStatus = "COMPLETED"
    with serving(ris, [(evt.EVT_N_CREATE, provider.create)]) as server:
        client = AE()
        client.add_requested_context(ModalityPerformedProcedureStep)
        with associate(client, server) as association:
            status, _ = association.send_n_create(step, ModalityPerformedProcedureStep, "1.2.3.4")
    assert status.Status == 0x0120  # Missing Attribute, of which no handler has to know
