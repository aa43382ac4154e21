"""C-GET as SCU: objects go to the store directory, under names that a peer does not choose (immunity P2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import model
import pytest
from pydicom import dcmread
from raw_peer import CT, IMPLICIT, Raw, data_set, fake_acceptor
from retrieving import GET, PENDING, Told, identifier

from fastdicom import AE, Association, build_context, build_role, evt

GET_CONTEXT, STORE_CONTEXT = 1, 3

FAILED_LIST = b"\x08\0\x58\0\x08\0\0\0" + b"1.2.3.99"

EVIL = [
    "../evil",
    "../../../../../../tmp/evil",
    "/tmp/evil",
    "a/b",
    "a\\b",
    "..",
    ".",
    ".hidden",
    "1.2.3\n4",
    "CON",
    "NUL.dcm",
    "x" * 300,
    "1." * 150 + "1",
    "-rf",
    "~",
]


def accept(peer: Raw) -> int:
    """Accept the association and take the C-GET request; its Message ID."""
    assert peer.receive_pdu()[:1] == b"\1"
    items = [
        model.application_context(),
        model.context_ac(GET_CONTEXT, 0, IMPLICIT),
        model.context_ac(STORE_CONTEXT, 0, IMPLICIT),
        model.user_information(
            model.maximum_length(16384),
            model.implementation_class_uid("1.2.3"),
            model.role_selection(CT, 0, 1),
        ),
    ]
    peer.send(model.associate(2, b"CALLED", b"CALLING", items))
    context_id, command, data = peer.receive_message()
    assert (context_id, command[0x0100]) == (GET_CONTEXT, 0x0010)
    assert data
    return int(str(command[0x0110]))


def store(peer: Raw, instance: str, encoded: bytes, message_id: int = 1) -> int:
    """Send a C-STORE request; the status of the response."""
    elements = {0x0002: CT, 0x0100: 1, 0x0110: message_id, 0x0700: 0, 0x0800: 1, 0x1000: instance}
    peer.send(*model.message(STORE_CONTEXT, model.command_set(elements), encoded, 16382))
    _, command, _ = peer.receive_message()
    assert (command[0x0100], command[0x0120]) == (0x8001, message_id)
    return int(str(command[0x0900]))


def answer(peer: Raw, message_id: int, status: int, encoded: bytes = b"") -> None:
    """Send a C-GET response."""
    elements = {
        0x0002: GET,
        0x0100: 0x8010,
        0x0120: message_id,
        0x0800: 1 if encoded else 0x0101,
        0x0900: status,
        0x1021: 1,
        0x1022: 1,
        0x1023: 0,
    }
    peer.send(*model.message(GET_CONTEXT, model.command_set(elements), encoded or None, 16382))


def end(peer: Raw) -> None:
    assert peer.receive_pdu() == model.release_rq()
    peer.send(model.release_rp())


def retrieve(script: Callable[[Raw], None], ae: AE, handlers: Any = ()) -> Told:
    """Ask a scripted archive for everything."""
    with fake_acceptor(script) as port:
        contexts = [build_context(GET, IMPLICIT), build_context(CT, IMPLICIT)]
        association: Association = ae.associate(
            "127.0.0.1",
            port,
            contexts,
            ext_neg=[build_role(CT, scp_role=True)],
            evt_handlers=list(handlers),
        )
        told = Told.of(association.send_c_get(identifier(), GET))
        association.release()
    return told


def receiving_ae(directory: Path, **settings: Any) -> AE:
    ae = AE()
    ae.store_directory = directory
    for name, value in settings.items():
        setattr(ae, name, value)
    return ae


def test_objects_go_to_the_store_directory_and_identifiers_do_not(tmp_path: Path) -> None:
    def script(peer: Raw) -> None:
        message_id = accept(peer)
        assert store(peer, "1.2.3.4", data_set(100_000)) == 0x0000
        answer(peer, message_id, PENDING)
        assert store(peer, "1.2.3.5", data_set(100, "1.2.3.5"), 2) == 0x0000
        answer(peer, message_id, 0xB000, FAILED_LIST)
        end(peer)

    paths: list[Any] = []

    def take(event: Any) -> int:
        paths.append(event.dataset_path)
        return 0x0000

    told = retrieve(script, receiving_ae(tmp_path), [(evt.EVT_C_STORE, take)])
    assert (told.statuses, told.failed) == ([PENDING, 0xB000], ["1.2.3.99"])
    assert paths == [tmp_path / "1.2.3.4.dcm", tmp_path / "1.2.3.5.dcm"]
    assert sorted(tmp_path.iterdir()) == paths
    assert dcmread(paths[0]).SOPInstanceUID == "1.2.3.4"
    assert paths[0].read_bytes().endswith(data_set(100_000))


@pytest.mark.parametrize("name", EVIL, ids=ascii)
def test_p2_no_name_leaves_the_directory(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "a" / "b" / "store"
    directory.mkdir(parents=True)

    def script(peer: Raw) -> None:
        message_id = accept(peer)
        assert store(peer, name, data_set()) == 0x0000
        answer(peer, message_id, 0x0000)
        end(peer)

    told = retrieve(script, receiving_ae(directory))
    assert told.statuses == [0x0000]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in files] == [directory]
    assert files[0].name.startswith("unnamed-")
    assert not Path("/tmp/evil.dcm").exists()
    assert not Path("/tmp/evil").exists()


def test_p2_a_link_in_the_directory_is_replaced_and_not_followed(tmp_path: Path) -> None:
    directory, victim = tmp_path / "store", tmp_path / "victim"
    directory.mkdir()
    victim.write_text("mine")
    (directory / "1.2.3.4.dcm").symlink_to(victim)

    def script(peer: Raw) -> None:
        message_id = accept(peer)
        assert store(peer, "1.2.3.4", data_set()) == 0x0000
        answer(peer, message_id, 0x0000)
        end(peer)

    retrieve(script, receiving_ae(directory))
    assert victim.read_text() == "mine"
    assert not (directory / "1.2.3.4.dcm").is_symlink()


def test_p2_an_object_that_is_cut_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def script(peer: Raw) -> None:
        accept(peer)
        elements = {0x0002: CT, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x0800: 1, 0x1000: "1.2.3.4"}
        pdus = model.message(STORE_CONTEXT, model.command_set(elements), data_set(100_000), 16382)
        peer.send(*pdus[:-1])
        peer.close()

    assert retrieve(script, receiving_ae(tmp_path)).statuses == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_directory", [False, True])
def test_an_object_over_the_memory_limit_goes_to_a_file_an_identifier_is_dropped(
    tmp_path: Path, has_directory: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def script(peer: Raw) -> None:
        message_id = accept(peer)
        assert store(peer, "1.2.3.4", data_set(100_000)) == 0x0000
        too_long = b"\x10\0\0\x40" + (100_000).to_bytes(4, "little") + b"x" * 100_000
        answer(peer, message_id, 0xB000, FAILED_LIST + too_long)
        end(peer)

    lengths: list[int] = []

    def take(event: Any) -> int:
        assert event.dataset_path is not None
        lengths.append(event.encoded.encoded_length())
        return 0x0000

    ae = receiving_ae(tmp_path, memory_limit=50_000)
    if not has_directory:
        ae.store_directory = None
    told = retrieve(script, ae, [(evt.EVT_C_STORE, take)])
    assert lengths == [len(data_set(100_000))]
    assert (told.statuses, told.failed) == ([0xB000], None)
    assert "the data set of a C-GET-RSP is longer than memory_limit or memory_budget allow" in caplog.text
    assert len(list(tmp_path.iterdir())) == int(has_directory)
