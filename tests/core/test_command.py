"""Command sets against the model, cut at every byte, and with what they must not hold."""

from __future__ import annotations

from typing import Any

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom._core.command import CommandSet, encode_command
from fastdicom.errors import AbortSource, MessageError

LIMITS = {"AE": 16, "UI": 64, "LO": 64}

# No spaces or NULs, which are padding where they end a value.
TEXT = st.characters(min_codepoint=0x21, max_codepoint=0x7E)


def values(vr: str) -> st.SearchStrategy[Any]:
    if vr == "US":
        return st.integers(0, 0xFFFF)
    if vr == "UL":
        return st.integers(0, 0xFFFFFFFF)
    if vr == "AT":
        return st.lists(st.integers(0, 0xFFFFFFFF), max_size=8)
    return st.text(TEXT, max_size=LIMITS[vr])


REQUIRED = {0x0100: values("US"), 0x0800: values("US")}
OPTIONAL = {e: values(vr) for e, vr in model.COMMAND_VR.items() if e not in REQUIRED and e != 0}
COMMANDS = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL).map(lambda each: dict(sorted(each.items())))

# One element of each VR.
ALL_VRS = {
    0x0002: "1.2.840.10008.5.1.4.1.1.2",
    0x0100: 0x8001,
    0x0120: 65535,
    0x0600: "MOVE_SCP",
    0x0800: model.NO_DATA_SET,
    0x0901: [0x00100010, 0xFFFFFFFF],
    0x0902: "odd",
    0x1000: "1.2",
}

MINIMUM = {0x0100: 1, 0x0800: model.NO_DATA_SET}


def raw_element(element: int, value: bytes, group: int = 0) -> bytes:
    return (
        b"".join(n.to_bytes(size, "little") for n, size in ((group, 2), (element, 2), (len(value), 4)))
        + value
    )


@given(COMMANDS)
def test_encoded_is_what_the_model_encodes(elements: dict[int, Any]) -> None:
    assert encode_command(elements) == model.command_set(elements)


@given(COMMANDS)
def test_decoded_is_what_was_encoded(elements: dict[int, Any]) -> None:
    command = CommandSet(model.command_set(elements))
    decoded = {element: command[element] for element in command}
    group_length = decoded.pop(0)
    assert decoded == elements
    assert group_length == len(command.encoded) - 12
    assert command.command_field == elements[0x0100]
    assert command.message_id == elements.get(0x0110)
    assert command.message_id_being_responded_to == elements.get(0x0120)
    assert command.has_data_set == (elements[0x0800] != model.NO_DATA_SET)


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        command = CommandSet(model.command_set(MINIMUM) + data)
    except MessageError:
        return
    found = model.read_command_set(command.encoded)
    assert all(element in found for element in command)


def test_cut_at_every_byte() -> None:
    encoded = model.command_set(ALL_VRS)
    boundaries = {len(encoded)}
    for n in range(len(encoded)):
        try:
            model.read_command_set(encoded[:n])
            boundaries.add(n)
        except model.Malformed:
            pass
    for n in range(len(encoded)):
        legal = n in boundaries and {0x0100, 0x0800} <= model.read_command_set(encoded[:n]).keys()
        if legal:
            assert CommandSet(encoded[:n]).command_field == 0x8001
        else:
            with pytest.raises(MessageError, match=f"the command set of {n} bytes"):
                CommandSet(encoded[:n])


def test_every_byte_corrupt() -> None:
    encoded = bytearray(model.command_set(ALL_VRS))
    for i in range(len(encoded)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, encoded[i] ^ 1):
            corrupt = bytes(encoded[:i]) + bytes([value]) + bytes(encoded[i + 1 :])
            try:
                command = CommandSet(corrupt)
            except MessageError:
                continue
            assert {element: command[element] for element in command}


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(raw_element(0x0100, b"\1\0"), id="Command Field twice"),
        pytest.param(raw_element(0x0110, b"\1\0") * 2, id="Message ID twice"),
        pytest.param(raw_element(0x0110, b"\1"), id="US of 1 byte"),
        pytest.param(raw_element(0x0110, b"\1\0\2\0"), id="US of two values"),
        pytest.param(raw_element(0x0110, b""), id="US without a value"),
        pytest.param(raw_element(0x0901, b"\1\0"), id="half a tag"),
        pytest.param(raw_element(0x0010, b"A", group=0x0008), id="group 0008"),
        pytest.param(raw_element(0x0110, b"\1\0")[:-1], id="value beyond the end"),
        pytest.param(b"\0\0\x10\1\xff\xff\xff\xff\1\0", id="undefined length"),
        pytest.param(b"\0\0\x10\1US\2\0\1\0", id="explicit VR"),
    ],
)
def test_refused(extra: bytes) -> None:
    with pytest.raises(MessageError, match="cannot be decoded") as caught:
        CommandSet(model.command_set(MINIMUM) + extra)
    assert caught.value.source is AbortSource.SERVICE_USER


@pytest.mark.parametrize("missing", [0x0100, 0x0800])
def test_lacks_what_it_must_have(missing: int) -> None:
    with pytest.raises(MessageError):
        CommandSet(model.command_set({e: v for e, v in MINIMUM.items() if e != missing}))


def test_too_long() -> None:
    with pytest.raises(MessageError, match="65537 bytes long; the limit is 65536"):
        CommandSet(bytes(65537))


def test_taken_as_it_comes() -> None:
    # A wrong group length, none at all, elements out of order, odd text and retired elements do no harm.
    encoded = (
        raw_element(0x0800, b"\1\1")
        + raw_element(0x0000, b"\xff\xff\xff\xff")
        + raw_element(0x0100, b"\x30\0")
        + raw_element(0x5110, b"abc") * 2
        + raw_element(0x0002, b"1.2")
        + raw_element(0x0902, b" gr\xfc\xdfe \0")
    )
    command = CommandSet(encoded)
    assert command.encoded == encoded
    assert list(command) == [0x0000, 0x0002, 0x0100, 0x0800, 0x0902]
    assert command[0x0002] == "1.2"
    assert command[0x0902] == " gr\xfc\xdfe"
    assert 0x5110 not in command


def test_absent_elements() -> None:
    command = CommandSet(model.command_set(MINIMUM))
    assert command.get(0x0110) is None
    assert command.get(0x0110, 5) == 5
    assert 0x0110 not in command
    with pytest.raises(KeyError, match=r"\(0000,0110\)"):
        command[0x0110]
    assert "(0000,0100): 1" in repr(command)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_decodes_any_bytes_like(kind: Any) -> None:
    encoded = model.command_set(MINIMUM)
    assert CommandSet(kind(encoded)).encoded == encoded


def test_none_is_left_out() -> None:
    assert encode_command(MINIMUM | {0x0900: None}) == model.command_set(MINIMUM)


@pytest.mark.parametrize(
    ("elements", "error", "text"),
    [
        ({0x0110: 65536}, ValueError, r"\(0000,0110\) is 65536; that does not fit US"),
        ({0x0110: -1}, ValueError, r"\(0000,0110\) is -1; that does not fit US"),
        ({0x0002: "1" * 65}, ValueError, r"\(0000,0002\) is '1+'; the limit is 64 characters"),
        ({0x0600: "A" * 17}, ValueError, r"\(0000,0600\) is 'A+'; the limit is 16 characters"),
        ({0x0600: "\xc4"}, ValueError, r"\(0000,0600\) is '\xc4'; it must be ASCII"),
        ({0x0600: b"A"}, TypeError, r"\(0000,0600\) must be str, not bytes"),
        ({0x0901: [0] * 1025}, ValueError, r"\(0000,0901\) has more than 1024 tags"),
        ({0x0111: 1}, ValueError, r"\(0000,0111\) is no element of a command set"),
        ({0x0110: 1, 0x0100: 1}, ValueError, r"\(0000,0100\) stands behind \(0000,0110\)"),
        ({0x0901: [0] * 1024, 0x1005: [0]}, ValueError, "too long"),
    ],
)
def test_errors_name_the_element(elements: dict[int, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        encode_command(elements)


def test_longest_values() -> None:
    elements = {0x0002: "1" * 64, 0x0100: 1, 0x0800: 1, 0x0901: list(range(1024))}
    assert encode_command(elements) == model.command_set(elements)
