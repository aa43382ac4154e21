"""AEs that count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from raw_peer import CT, IMPLICIT, contexts
from servers import serving, store_ae

from fastdicom import AE, evt
from fastdicom.server import AssociationServer
from fastdicom.watching import Metrics


@pytest.fixture
def scp() -> Iterator[tuple[AE, AssociationServer]]:
    ae = store_ae({CT}, [IMPLICIT])
    ae.metrics = Metrics()
    with serving(ae, [(evt.EVT_C_STORE, lambda event: 0x0000)]) as server:
        yield ae, server


@pytest.fixture
def scu() -> AE:
    ae = AE("SCU")
    ae.requested_contexts = contexts()
    ae.metrics = Metrics()
    return ae
