"""DCMTK's storescp as the destination of a pool: over several associations, and where they break."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path

import pytest
from peers import dcmtk_storescp
from pydicom.uid import ColorPaletteStorage
from storage_files import StorageFile, storage_files

from fastdicom import AssociationPool
from fastdicom.errors import AssociationRejected, HostsUnavailable
from fastdicom.part10 import read_header
from fastdicom.services.outcomes import Outcome, Verdict


def files() -> list[StorageFile]:
    """Return what it takes: it is of 2022 and knows no such SOP class."""
    return [file for file in storage_files() if file.sop_class_uid != ColorPaletteStorage]


def received(directory: Path) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for path in directory.iterdir():
        found[path.read_bytes()[read_header(path).data_set_offset :]] += 1
    return found


@pytest.mark.parametrize("limit", [1, 4])
def test_every_storage_object_arrives_as_it_is(tmp_path: Path, limit: int) -> None:
    """With one association in a process that serves one at a time, and with several."""
    sent = files()
    random.Random(3).shuffle(sent)
    fork = ["--fork"] if limit > 1 else []
    with (
        dcmtk_storescp("+xa", "+B", "+uf", *fork, "-od", tmp_path) as port,
        AssociationPool(("127.0.0.1", port), limit=limit) as pool,
    ):
        pool.ae.transcoding = "none"
        told = list(pool.send_c_store_many([file.path for file in sent]))
        assert Counter(each.outcome for each in told) == {Outcome.STORED: len(sent)}
        assert sorted(each.item for each in told) == sorted(file.path for file in sent)
        assert pool.statistics().open <= limit
    assert received(tmp_path) == Counter(file.data_set_to_send for file in sent)


@pytest.mark.parametrize("flag", ["--abort-after", "--abort-during"])
def test_it_aborts(tmp_path: Path, flag: str) -> None:
    """Small objects have left whole by then."""
    small = [file.path for file in files() if file.path.stat().st_size < 50_000][:1]
    with (
        dcmtk_storescp("+xa", flag, "-od", tmp_path) as port,
        AssociationPool(("127.0.0.1", port), limit=1) as pool,
    ):
        stored = pool.send_c_store(small[0])
        assert (stored.outcome, stored.verdict) == (Outcome.UNKNOWN, Verdict.MAYBE_STORED)
        assert pool.statistics().failed == 1


def test_it_refuses(tmp_path: Path) -> None:
    paths = itertools.cycle(file.path for file in files())
    with (
        dcmtk_storescp("+xa", "--refuse", "-od", tmp_path) as port,
        AssociationPool(("127.0.0.1", port)) as pool,
    ):
        told = [pool.send_c_store(next(paths)) for _ in range(4)]
        assert {each.outcome for each in told} == {Outcome.NOT_SENT}
        assert [type(each.error) for each in told] == [AssociationRejected] * 3 + [HostsUnavailable]
