"""Z1, B1, B2 of docs/immunity.md: encoded data sets that are, or become, longer than there is room for."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from by_hand import ITEM, PIXELS, SEQUENCE_END, UNDEFINED, Encoder
from immunity.harness import COUNTS_MEMORY
from immunity.hostile import DEFLATED, bomb
from servers import associate, serving, store_ae

from fastdicom import AE, EncodedDataset, evt
from fastdicom.encoded import dataset as dataset_module
from fastdicom.encoded import transcoding
from fastdicom.errors import EncodedDatasetError
from fastdicom.sop_class import CTImageStorage

ENCODER = Encoder()
element, item = ENCODER.element, ENCODER.item
FRONT = element(0x00080016, "UI", CTImageStorage.encode() + b"\0") + element(0x00080018, "UI", b"1.2.3.4\0")
NAME = element(0x00100010, "PN", b"A^B ")
MIB = 1 << 20


# --- Z1: what inflates ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bomb_with_a_front() -> bytes:
    """What becomes 200 MiB, and has the UIDs of an object in front."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    front = compressor.compress(FRONT + element(PIXELS, "OB", b"", 200 * MIB)) + compressor.flush(
        zlib.Z_FULL_FLUSH
    )
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    encoded = front + block * 200 + compressor.flush()
    encoded += bytes(len(encoded) % 2)
    assert len(encoded) < MIB // 4
    return encoded


def test_z1_a_bomb_is_an_error(bomb_with_a_front: bytes) -> None:
    dataset = EncodedDataset(bomb_with_a_front, DEFLATED)
    for ask in (lambda: len(dataset), lambda: dataset["PatientName"], dataset.to_pydicom):
        with pytest.raises(EncodedDatasetError, match=f"inflates to more than {64 * MIB} bytes, the limit"):
            ask()
    assert bytes(dataset) == dataset.to_bytes() == bomb_with_a_front


def test_z1_what_cannot_be_inflated() -> None:
    whole = bomb(MIB)
    for encoded in (b"", b"\xff" * 100, whole[:-200], FRONT, b"\x78\x9c" + whole):
        with pytest.raises(EncodedDatasetError, match=r"cannot be inflated|ends early"):
            len(EncodedDataset(encoded, DEFLATED))


@pytest.fixture
def _never_inflates(monkeypatch: pytest.MonkeyPatch) -> None:
    def inflate(_: Any) -> bytes:
        raise AssertionError("it was inflated")

    monkeypatch.setattr(dataset_module, "inflate", inflate)
    monkeypatch.setattr(transcoding, "inflate", inflate)


def sent_on(event: Any, way: str, directory: Path) -> tuple[Any, str | None]:
    """Return what a router sends when it sends on what has come."""
    if way == "path":
        path = directory / "come.dcm"
        path.write_bytes(event.encoded_dataset())
        return path, None
    if way == "file":
        return event.encoded_dataset(), None
    return (event.encoded, None) if way == "encoded" else (event.encoded.to_bytes(), DEFLATED)


@pytest.mark.usefixtures("_never_inflates")
@pytest.mark.parametrize(
    "way",
    [
        "path",
        "file",
        "bytes",
        "encoded",
    ],
)
def test_z1_what_is_only_sent_on_is_not_inflated(bomb_with_a_front: bytes, way: str, tmp_path: Path) -> None:
    ends = [store_ae({CTImageStorage}, [DEFLATED]) for _ in range(2)]
    router, scu = AE(), AE()
    for ae in (router, scu):
        ae.add_requested_context(CTImageStorage, DEFLATED)
    arrived: list[bytes] = []

    def store(event: Any) -> int:
        arrived.append(event.encoded.to_bytes())
        return 0x0000

    def send_on(event: Any) -> int:
        with associate(router, second) as association:
            dataset, transfer_syntax = sent_on(event, way, tmp_path)
            return int(association.send_c_store(dataset, transfer_syntax=transfer_syntax).Status)

    with (
        serving(ends[0], [(evt.EVT_C_STORE, store)]) as second,
        serving(ends[1], [(evt.EVT_C_STORE, send_on)]) as first,
        associate(scu, first) as association,
    ):
        assert association.send_c_store(bomb_with_a_front, transfer_syntax=DEFLATED).Status == 0x0000
    assert len(arrived) == 1
    assert arrived[0] == bomb_with_a_front, "other bytes have come"


# --- B1, B2: more than 4 GiB ------------------------------------------------------------------------------

HALF = (5 << 29) - 64
"""Half of somewhat less than 5 GiB."""


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A file with two fragments of 2.5 GiB, and an element behind them; on disk it is next to nothing."""
    path = tmp_path / "sparse.dcm"
    meta = element(0x00020010, "UI", b"1.2.840.10008.1.2.4.50")
    with path.open("wb") as file:
        file.write(bytes(128) + b"DICM" + meta + FRONT + NAME + element(PIXELS, "OB", b"", UNDEFINED))
        file.write(item(ITEM, 0) + item(ITEM, HALF))
        file.seek(HALF, os.SEEK_CUR)
        file.write(item(ITEM, HALF))
        file.seek(HALF, os.SEEK_CUR)
        try:
            file.write(item(SEQUENCE_END, 0) + element(0xFFFCFFFC, "OB", b"end "))
        except OSError:
            pytest.skip("no sparse file of 5 GiB here")
    assert path.stat().st_blocks < 1 << 12
    return path


def test_b1_offsets_beyond_4_gib(sparse: Path) -> None:
    length = sparse.stat().st_size
    with EncodedDataset.open(sparse) as dataset:
        assert dataset[0xFFFCFFFC] == b"end " and dataset["PatientName"] == "A^B"
        assert dataset.offsets(0xFFFCFFFC)[1] == length - 4 > 1 << 32
        assert [len(each) for each in dataset.fragments("PixelData")] == [0, HALF, HALF]
        assert len(dataset.raw("PixelData")) == dataset.value_length(PIXELS) == 2 * HALF + 24
        before = dataset.encoded_length()
        dataset["PatientName"] = "Doe^Jane"
        dataset[0xFFFCFFFC] = b"END!!!"
        del dataset["SOPInstanceUID"]
        pieces = dataset.buffers()
        assert sum(map(len, pieces)) == dataset.encoded_length() == before + 4 + 2 - 16
        assert bytes(memoryview(pieces[-1])[-6:]) == b"END!!!"
        assert max(map(len, pieces)) > 1 << 32, "the pixels have been cut"
        del pieces


def test_b1_a_file_that_is_cut_beyond_4_gib(sparse: Path) -> None:
    length = sparse.stat().st_size
    os.truncate(sparse, length - 2)
    with pytest.raises(EncodedDatasetError, match=r"\(FFFC,FFFC\): the value length is 4; 2 bytes") as caught:
        EncodedDataset.open(sparse)
    assert caught.value.offset == length - 16
    os.truncate(sparse, length - 1000)
    with pytest.raises(EncodedDatasetError, match=f"the value length is {HALF}"):
        EncodedDataset.open(sparse)


CAP = 128 << 10
"""kB that the whole process may have."""

ROUTER = """
import sys
from fastdicom import EncodedDataset

class Sink:
    length = 0

    def writelines(self, pieces):
        self.length += sum(memoryview(piece).nbytes for piece in pieces)

sink = Sink()
for number in range(3):
    with EncodedDataset.open(sys.argv[1]) as dataset:
        assert dataset["PatientName"] == "A^B" and len(dataset.fragments("PixelData")) == 3
        dataset["PatientName"] = "Doe^Jane"
        dataset.remap_uids({"1.2.3.4": f"1.2.3.4.{number}"})
        dataset.remove_private()
        dataset.set("ReferencedImageSequence", [{"ReferencedSOPInstanceUID": "1.2.3"}])
        repr(dataset)
        dataset.to_pydicom().PatientName
        dataset.write(sink)
assert sink.length > 3 * 5_000_000_000, sink.length
# Not ru_maxrss: that begins with what the parent had.
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_b2_five_gigabytes_under_a_cap(sparse: Path) -> None:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", ROUTER, str(sparse)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout) < CAP or not COUNTS_MEMORY
