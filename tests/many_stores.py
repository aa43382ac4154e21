"""Peers with a window, and many objects to store at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import model
from raw_peer import IMPLICIT, Raw, acceptance, contexts, data_set, fake_acceptor

from fastdicom import AE, Association, build_async_ops
from fastdicom.services.outcomes import Outcome, Stored

WINDOW = 8
ABORT_OF_USER = model.abort(0, 0)


@contextmanager
def peer(
    script: Callable[[Raw], None], window: int = WINDOW, ae: AE | None = None, **options: Any
) -> Iterator[Association]:
    """Associate with a scripted peer that has granted a window."""

    def run(raw: Raw) -> None:
        raw.receive_pdu()
        raw.send(acceptance(window=(window, 1) if window > 1 else None))
        script(raw)

    with fake_acceptor(run, **options) as port:
        association = (ae or AE()).associate(
            "127.0.0.1", port, contexts=contexts(), ext_neg=[build_async_ops(WINDOW, 1)]
        )
        assert association.is_established
        yield association


def end(raw: Raw) -> None:
    assert raw.receive_pdu() == model.release_rq()
    raw.send(model.release_rp())


def objects(number: int | None = None, length: int = 1000) -> Iterator[bytes]:
    """Yield objects whose instances are numbered."""
    for each in count() if number is None else range(number):
        yield data_set(length, f"1.2.3.{each}")


def number_of(request: dict[int, object]) -> int:
    return int(str(request[0x1000]).rpartition(".")[2])


def many(association: Association, items: Any, **options: Any) -> Any:
    return association.send_c_store_many(items, transfer_syntax=IMPLICIT, **options)


def outcomes(results: list[Stored[Any]]) -> list[Outcome]:
    return [result.outcome for result in results]
