"""C-ECHO and C-STORE: from memory, from files, into files, and large."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from drivers.both import Driver
from drivers.conftest import Run
from drivers.parties import acceptor, proposal
from pydicom import dcmread
from raw_peer import CT, EXPLICIT, IMPLICIT, data_set
from retrieving import file_of, small_object

from fastdicom import evt
from fastdicom.sop_class import MRImageStorage

OUT_OF_RESOURCES = 0xA700


def test_echo(driver: Driver, run: Run) -> None:
    ids: list[int] = []

    async def echo(event: Any) -> int:
        ids.append(event.message_id)
        return 0x0000 if len(ids) < 3 else 0x0122

    async def scenario() -> None:
        async with driver.serving(acceptor(driver), [(evt.EVT_C_ECHO, echo)]) as server:
            async with driver.associated(driver.ae(), server, **proposal()) as assoc:
                assert (await assoc.send_c_echo()).Status == 0x0000
                assert (await assoc.send_c_echo(77)).Status == 0x0000
                assert (await assoc.send_c_echo()).Status == 0x0122
                with pytest.raises(ValueError, match="msg_id is 0"):
                    await assoc.send_c_echo(0)
            assert assoc.is_released
            with pytest.raises(RuntimeError, match="released"):
                await assoc.send_c_echo()

    run(scenario())
    assert ids == [1, 77, 2]


def test_store_in_every_form(driver: Driver, run: Run, tmp_path: Path) -> None:
    stored: list[tuple[str, bytes]] = []

    async def store(event: Any) -> int:
        stored.append((event.request.AffectedSOPInstanceUID, event.encoded_dataset(include_meta=False)))
        return 0x0000

    path = file_of(tmp_path)
    encoded = data_set(2000)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_STORE, store)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert (await assoc.send_c_store(encoded, transfer_syntax=IMPLICIT)).Status == 0
            assert (await assoc.send_c_store(path)).Status == 0
            assert (await assoc.send_c_store(small_object(9))).Status == 0
            with path.open("rb") as file:
                assert (await assoc.send_c_store(file)).Status == 0

    run(scenario())
    assert [uid for uid, _ in stored] == ["1.2.3.4", "1.2.3.1", "1.2.3.9", "1.2.3.1"]
    assert stored[0][1] == encoded
    assert stored[1][1] == stored[3][1] == data_set(64, "1.2.3.1")


def test_what_cannot_be_sent(driver: Driver, run: Run, tmp_path: Path) -> None:
    """Nothing has been sent, and the association goes on."""
    other = file_of(tmp_path, sop_class=MRImageStorage)

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver)) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            with pytest.raises(ValueError, match="no accepted presentation context"):
                await assoc.send_c_store(other)
            with pytest.raises(FileNotFoundError):
                await assoc.send_c_store(tmp_path / "nothing.dcm")
            with pytest.raises(TypeError, match="not int"):
                await assoc.send_c_store(5)
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())


def test_a_large_object_goes_to_a_file(driver: Driver, run: Run) -> None:
    """One that memory has no room for: while its handler runs it is there, and then no more."""
    encoded = data_set(3 << 20)
    paths: list[Path] = []
    contents: list[bytes] = []

    async def store(event: Any) -> int:
        paths.append(event.dataset_path)
        contents.append(bytes(event.encoded))
        return 0x0000

    async def scenario() -> None:
        ae = acceptor(driver, memory_limit=1 << 20)
        async with (
            driver.serving(ae, [(evt.EVT_C_STORE, store)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            assert (await assoc.send_c_store(encoded, transfer_syntax=IMPLICIT)).Status == 0
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())
    assert contents == [encoded]
    assert not paths[0].exists()


def test_a_store_directory(driver: Driver, run: Run, tmp_path: Path) -> None:
    seen: list[Path] = []

    async def store(event: Any) -> int:
        seen.append(event.dataset_path)
        return 0x0000 if len(seen) == 1 else 0xB000

    async def scenario() -> None:
        ae = acceptor(driver, store_directory=tmp_path)
        async with (
            driver.serving(ae, [(evt.EVT_C_STORE, store)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            large, small = data_set(700_000, "1.2.3"), data_set(64, "1.2.4")
            assert (await assoc.send_c_store(large, transfer_syntax=IMPLICIT)).Status == 0x0000
            assert (await assoc.send_c_store(small, transfer_syntax=IMPLICIT)).Status == 0xB000

    run(scenario())
    assert seen == [tmp_path / "1.2.3.dcm", tmp_path / "1.2.4.dcm"]
    assert sorted(os.listdir(tmp_path)) == ["1.2.3.dcm", "1.2.4.dcm"]
    assert len(dcmread(seen[0]).PixelData) == 700_000
    assert dcmread(seen[1]).file_meta.SourceApplicationEntityTitle == "FASTDICOM"


def test_a_store_directory_that_is_gone(driver: Driver, run: Run, tmp_path: Path) -> None:
    """Objects are refused, and the association goes on."""
    directory = tmp_path / "objects"
    directory.mkdir()

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver, store_directory=directory)) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            directory.rmdir()
            for size in (64, 700_000):
                status = await assoc.send_c_store(data_set(size), transfer_syntax=IMPLICIT)
                assert status.Status == OUT_OF_RESOURCES
            assert (await assoc.send_c_echo()).Status == 0

    run(scenario())


@pytest.mark.parametrize("size", [64, 300_000], ids=["whole", "under way"])
def test_a_handler_chooses_by_the_header(driver: Driver, run: Run, tmp_path: Path, size: int) -> None:
    answers: list[Any] = [None, evt.MEMORY, tmp_path / "chosen.dcm", 0xA900, ValueError("none of these")]
    stored: list[Path | None] = []

    async def choose(event: Any) -> Any:
        assert event.is_complete
        assert event.header[0x00080016] == CT
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def store(event: Any) -> int:
        stored.append(event.dataset_path)
        return 0x0000

    async def scenario() -> None:
        handlers = [(evt.EVT_C_STORE_HEADER, choose), (evt.EVT_C_STORE, store)]
        async with (
            driver.serving(acceptor(driver), handlers) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            encoded = data_set(size)
            told = []
            for _ in range(5):
                status = await assoc.send_c_store(encoded, transfer_syntax=IMPLICIT)
                told.append(status.Status)
            assert told == [0x0000, 0x0000, 0x0000, 0xA900, 0xC211]

    run(scenario())
    assert stored == [None, None, tmp_path / "chosen.dcm"]
    assert len(dcmread(tmp_path / "chosen.dcm").PixelData) == size


def test_an_object_is_passed_on(driver: Driver, run: Run) -> None:
    """To another association, which a handler of the header has chosen."""
    arrived: list[bytes] = []

    async def store(event: Any) -> int:
        arrived.append(bytes(event.encoded))
        return 0xB007

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_STORE, store)]) as further,
            driver.associated(driver.ae(), further, **proposal()) as onward,
        ):

            async def choose(event: Any) -> Any:
                return getattr(onward, "_real", onward)

            handlers = [(evt.EVT_C_STORE_HEADER, choose)]
            async with (
                driver.serving(acceptor(driver), handlers) as server,
                driver.associated(driver.ae(), server, **proposal()) as assoc,
            ):
                status = await assoc.send_c_store(data_set(300_000), transfer_syntax=IMPLICIT)
                assert status.Status == 0xB007
        assert arrived == [data_set(300_000)]

    run(scenario())


def test_an_object_in_another_transfer_syntax(driver: Driver, run: Run) -> None:
    """What the peer takes in one only is converted."""
    syntaxes: list[str] = []

    async def store(event: Any) -> int:
        syntaxes.append(event.context.transfer_syntax)
        return 0x0000

    async def scenario() -> None:
        async with (
            driver.serving(acceptor(driver), [(evt.EVT_C_STORE, store)]) as server,
            driver.associated(driver.ae(), server, **proposal()) as assoc,
        ):
            dataset = small_object()
            dataset.file_meta.TransferSyntaxUID = EXPLICIT
            assert (await assoc.send_c_store(dataset)).Status == 0

    run(scenario())
    assert syntaxes == [IMPLICIT]
