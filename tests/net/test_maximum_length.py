"""L4: the peer's maximum length bounds what is sent to it, whatever it is."""

from __future__ import annotations

import model
import pytest
from raw_peer import (
    HEADER,
    IMPLICIT,
    Raw,
    acceptance,
    associate_raw,
    contexts,
    data_set,
    echo_rq,
    fake_acceptor,
    response,
)
from servers import port_of, serving, store_ae, wait_until

from fastdicom import AE

LENGTHS = [8, 9, 10, 11, 12, 13, 99, 100, 16383, 16384, 2**31, 2**32 - 1, 0]


@pytest.mark.parametrize("maximum_length", LENGTHS)
def test_a_message_is_cut_to_fit(maximum_length: int) -> None:
    encoded = data_set(70000 if maximum_length not in range(8, 100) else 500)
    pdus: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance(maximum_length=maximum_length))
        while True:
            pdus.append(peer.receive_pdu())
            if pdus[-1][0] != 4:
                break
            last = model.read_p_data_tf(pdus[-1])[-1]
            if last[1] == 2:
                ((_, command, _),) = model.read_messages(pdus)
                peer.send(response(model.read_command_set(command)))
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, contexts=contexts()) as association,
    ):
        assert association.acceptor.maximum_length == maximum_length
        assert association.send_c_store(encoded, transfer_syntax=IMPLICIT).Status == 0x0000
    assert association.is_released
    data = pdus[:-1]
    if maximum_length:
        assert max(len(pdu) for pdu in data) <= HEADER + maximum_length
    fragments = [fragment for pdu in data for _, _, fragment in model.read_p_data_tf(pdu)]
    assert {len(fragment) % 2 for fragment in fragments} == {0}
    assert all(fragments)
    ((_, _, arrived),) = model.read_messages(data)
    assert arrived == encoded


@pytest.mark.parametrize("maximum_length", range(1, 8))
def test_no_room_for_a_fragment(maximum_length: int) -> None:
    pdus: list[bytes] = []

    def script(peer: Raw) -> None:
        assert peer.receive_pdu()[0] == 1
        peer.send(acceptance(maximum_length=maximum_length))
        pdus.append(peer.receive_pdu())
        peer.send(model.release_rp())

    with (
        fake_acceptor(script) as port,
        AE().associate("127.0.0.1", port, contexts=contexts()) as association,
    ):
        for _ in range(2):
            with pytest.raises(ValueError, match=f"maximum length is {maximum_length}"):
                association.send_c_store(data_set(), transfer_syntax=IMPLICIT)
            with pytest.raises(ValueError, match=f"maximum length is {maximum_length}"):
                association.send_c_echo()
        assert association.is_established
    assert association.is_released
    assert pdus == [model.release_rq()]


@pytest.mark.parametrize("maximum_length", range(1, 8))
def test_no_room_for_a_response(maximum_length: int, caplog: pytest.LogCaptureFixture) -> None:
    with serving(store_ae(set())) as server:
        with associate_raw(port_of(server), maximum_length=maximum_length) as peer:
            peer.send(echo_rq())
            assert peer.receive_all() == [model.abort(0, 0)]
        wait_until(lambda: server.active_associations == [])
    assert "error of this program" not in caplog.text
