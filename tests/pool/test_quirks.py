"""What a destination needs to be treated with."""

from __future__ import annotations

import model
import pytest
from destinations import Visit, destination
from raw_peer import IMPLICIT, data_set

from fastdicom import AssociationPool, build_async_ops
from fastdicom.pool import Quirks
from fastdicom.services.outcomes import Outcome


def visit_with(quirks: Quirks | None = None, says: int = 16384, **options: object) -> Visit:
    """Store one object of 5,000 bytes at a destination that takes PDUs of a length that it says."""
    with destination(maximum_length=says) as running:
        with AssociationPool(running.address, quirks=quirks, **options) as pool:  # type: ignore[arg-type]
            stored = pool.send_c_store(data_set(5000), transfer_syntax=IMPLICIT)
            assert stored.outcome is Outcome.STORED
        (visit,) = running.visits
        return visit


def window_of(invoked: int) -> bytes:
    return bytes(model.asynchronous_operations(invoked, 1))


def test_a_window_is_proposed_and_not_to_one_that_stumbles_over_it() -> None:
    assert window_of(16) in visit_with().request
    assert window_of(3) in visit_with(window=3).request
    assert window_of(7) in visit_with(ext_neg=[build_async_ops(7, 1)]).request
    assert window_of(1)[:4] not in visit_with(window=1).request
    assert window_of(1)[:4] not in visit_with(Quirks(is_synchronous=True)).request
    synchronous = visit_with(Quirks(is_synchronous=True), ext_neg=[build_async_ops(7, 1)])
    assert window_of(1)[:4] not in synchronous.request


def test_what_it_is_told_of_our_maximum_length() -> None:
    assert model.maximum_length(16382) in visit_with().request
    assert model.maximum_length(0) in visit_with(Quirks(maximum_length=0)).request
    assert model.maximum_length(4096) in visit_with(Quirks(maximum_length=4096)).request


@pytest.mark.parametrize(
    ("says", "quirk", "longest"),
    [(16384, None, 5070), (16384, 1024, 1024), (0, 1024, 1024), (512, 1024, 512), (512, 0, 512)],
)
def test_how_long_a_pdu_is_that_is_sent_to_it(says: int, quirk: int | None, longest: int) -> None:
    visit = visit_with(Quirks(peer_maximum_length=quirk), says)
    assert longest - 16 <= max(visit.lengths) <= longest


@pytest.mark.parametrize("name", ["maximum_length", "peer_maximum_length"])
def test_what_cannot_be(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is -1"):
        Quirks(**{name: -1})  # type: ignore[arg-type]
