"""The same faults, errors and messages over `SocketWire`, which other platforms use: forced here."""

from __future__ import annotations

import pytest
from faults.test_acceptor import (
    test_a_peer_that_does_not_read_our_responses,
    test_a_peer_that_never_closes_after_its_abort_is_closed,
    test_another_protocol_on_our_port,
)
from faults.test_acceptor import test_the_peer_fails as test_the_requestor_fails
from faults.test_disk_full import test_a_directory_that_is_gone
from faults.test_files import ct_path, test_a_missing_file, test_a_sop_class_that_was_not_accepted
from faults.test_rejections import test_a_refused_connection, test_a_rejection_is_told
from faults.test_requestor import (
    test_a_silent_peer_gets_an_abort_when_dimse_timeout_has_passed,
    test_the_peer_aborts_in_a_large_request,
)
from faults.test_requestor import test_the_peer_fails as test_the_acceptor_fails
from raw_peer import CT, IMPLICIT, data_set
from servers import associate, serving, store_ae

from fastdicom import AE, build_context, evt
from fastdicom.net import wires as net_wires
from fastdicom.net.socket_wire import SocketWire

__all__ = [
    "ct_path",
    "test_a_directory_that_is_gone",
    "test_a_missing_file",
    "test_a_peer_that_does_not_read_our_responses",
    "test_a_peer_that_never_closes_after_its_abort_is_closed",
    "test_a_refused_connection",
    "test_a_rejection_is_told",
    "test_a_silent_peer_gets_an_abort_when_dimse_timeout_has_passed",
    "test_a_sop_class_that_was_not_accepted",
    "test_another_protocol_on_our_port",
    "test_the_acceptor_fails",
    "test_the_peer_aborts_in_a_large_request",
    "test_the_requestor_fails",
]


@pytest.fixture(autouse=True)
def wires(monkeypatch: pytest.MonkeyPatch) -> list[SocketWire]:
    """Have every connection made over a `SocketWire`."""
    made: list[SocketWire] = []

    def make(*arguments: object) -> SocketWire:
        made.append(SocketWire(*arguments))
        return made[-1]

    monkeypatch.setattr(net_wires, "Wire", make)
    return made


@pytest.mark.parametrize("size", [0, 64, 70_000, 5 << 20])
def test_objects_of_all_sizes(wires: list[SocketWire], size: int) -> None:
    arrived: list[bytes] = []

    def keep(event: evt.StoreEvent) -> int:
        arrived.append(bytes(event.encoded))
        return 0x0000

    with (
        serving(store_ae({CT}), [(evt.EVT_C_STORE, keep)]) as server,
        associate(AE(), server, contexts=[build_context(CT, IMPLICIT)]) as association,
    ):
        for i in range(3):
            status = association.send_c_store(data_set(size, f"1.2.{i}"), transfer_syntax=IMPLICIT)
            assert status.Status == 0x0000
    assert association.is_released
    assert arrived == [data_set(size, f"1.2.{i}") for i in range(3)]
    assert len(wires) == 2
