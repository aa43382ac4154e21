"""Items and sub-items: bytes as the standard has them, both ways, and `ProtocolError` for all others."""

from __future__ import annotations

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.errors import AbortReason, ProtocolError
from fastdicom.ul import items
from fastdicom.ul.items import (
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
    UserIdentityResponse,
    UserInformationItem,
)

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

# Every item, as the classes have it and as the standard writes it.
PAIRS = [
    (items.ApplicationContextItem("1.2.840.10008.3.1.1.1"), model.application_context()),
    (items.AbstractSyntaxItem(VERIFICATION), model.item(0x30, VERIFICATION.encode())),
    (items.TransferSyntaxItem(IMPLICIT), model.item(0x40, IMPLICIT.encode())),
    (
        PresentationContextItemRQ(1, VERIFICATION, (IMPLICIT,)),
        model.context_rq(1, VERIFICATION, [IMPLICIT]),
    ),
    (
        PresentationContextItemRQ(255, VERIFICATION, (IMPLICIT, EXPLICIT)),
        model.context_rq(255, VERIFICATION, [IMPLICIT, EXPLICIT]),
    ),
    (PresentationContextItemAC(3, 0, EXPLICIT), model.context_ac(3, 0, EXPLICIT)),
    (PresentationContextItemAC(3, 4, EXPLICIT), model.context_ac(3, 4, EXPLICIT)),
    (PresentationContextItemAC(3, 3, None), model.context_ac(3, 3, None)),
    (MaximumLengthNotification(0), model.maximum_length(0)),
    (MaximumLengthNotification(0xFFFFFFFF), model.maximum_length(0xFFFFFFFF)),
    (ImplementationClassUIDNotification("1.2.3"), model.implementation_class_uid("1.2.3")),
    (AsynchronousOperationsWindowNegotiation(0, 65535), model.asynchronous_operations(0, 65535)),
    (SCP_SCU_RoleSelectionNegotiation("1.2", True, False), model.role_selection("1.2", True, False)),
    (SCP_SCU_RoleSelectionNegotiation("1.2", False, True), model.role_selection("1.2", False, True)),
    (
        ImplementationVersionNameNotification("FASTDICOM_0.1"),
        model.implementation_version_name("FASTDICOM_0.1"),
    ),
    (SOPClassExtendedNegotiation("1.2", b"\1\0\1"), model.extended("1.2", b"\1\0\1")),
    (SOPClassExtendedNegotiation("1.2", b""), model.extended("1.2", b"")),
    (SOPClassCommonExtendedNegotiation("1.2", "1.3", []), model.common_extended("1.2", "1.3", [])),
    (
        SOPClassCommonExtendedNegotiation("1.2", "1.3", ["1.4", "1.5.6"]),
        model.common_extended("1.2", "1.3", ["1.4", "1.5.6"]),
    ),
    (UserIdentityNegotiation(2, True, b"user", b"secret"), model.user_identity(2, True, b"user", b"secret")),
    (UserIdentityNegotiation(1, False, b"user", b""), model.user_identity(1, False, b"user", b"")),
    (UserIdentityResponse(b"ticket"), model.user_identity_response(b"ticket")),
    (
        UserInformationItem([MaximumLengthNotification(7), ImplementationClassUIDNotification("1.2")]),
        model.user_information(model.maximum_length(7), model.implementation_class_uid("1.2")),
    ),
]
NAMES = [type(each).__name__ for each, _ in PAIRS]


@pytest.mark.parametrize(("item", "encoded"), PAIRS, ids=NAMES)
def test_encode(item, encoded):
    assert item.encode() == encoded


@pytest.mark.parametrize(("item", "encoded"), PAIRS, ids=NAMES)
@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_decode(item, encoded, buffer):
    assert type(item).decode(buffer(encoded)) == item


def test_every_sub_item_has_a_decoder():
    assert set(items.SUB_ITEMS) == set(range(0x51, 0x5A))


# S4: cut at every byte
@pytest.mark.parametrize(("item", "encoded"), PAIRS, ids=NAMES)
def test_cut_at_every_byte(item, encoded):
    for length in range(len(encoded)):
        with pytest.raises(ProtocolError):
            type(item).decode(encoded[:length])
    with pytest.raises(ProtocolError):
        type(item).decode(encoded + b"\0")


def decode_or_refuse(item_class, data):
    """What `data` is: an item, or a protocol error; anything else fails the test."""
    try:
        return item_class.decode(data)
    except ProtocolError as error:
        return error


# L3, S2, S3: every two bytes could be a length; none that is wrong may end in anything but ProtocolError
@pytest.mark.parametrize(("item", "encoded"), PAIRS, ids=NAMES)
def test_every_length_wrong(item, encoded):
    for offset in range(len(encoded) - 1):
        value = int.from_bytes(encoded[offset : offset + 2], "big")
        for wrong in {(value + 1) % 0x10000, (value - 1) % 0x10000, 0, 0xFFFF}:
            broken = encoded[:offset] + wrong.to_bytes(2, "big") + encoded[offset + 2 :]
            decode_or_refuse(type(item), broken)


# S3: the lengths inside of 54H, 56H, 57H, 58H and 59H
@pytest.mark.parametrize(
    "encoded",
    [
        model.item(0x54, b"\0\4" + b"1.2" + b"\1\0"),
        model.item(0x54, b"\0\2" + b"1.2" + b"\1\0"),
        model.item(0x54, b"\xff\xff" + b"1.2" + b"\1\0"),
        model.item(0x54, b"\0"),
        model.item(0x56, b"\0\4" + b"1.2"),
        model.item(0x57, b"\0\3" + b"1.2" + b"\0\3" + b"1.3" + b"\0\1"),
        model.item(0x57, b"\0\3" + b"1.2" + b"\0\3" + b"1.3" + b"\0\4" + b"\0\3" + b"1.4"),
        model.item(0x58, b"\1\0" + b"\0\5" + b"user" + b"\0\0"),
        model.item(0x58, b"\1\0" + b"\0\4" + b"user" + b"\0\1"),
        model.item(0x58, b"\1\0" + b"\0\4" + b"user" + b"\0\0" + b"?"),
        model.item(0x59, b"\0\1"),
        model.item(0x51, b"\0\0\0"),
        model.item(0x51, b"\0\0\0\0\0"),
        model.item(0x53, b"\0\1"),
    ],
)
def test_inner_length_beyond_the_item(encoded):
    with pytest.raises(ProtocolError) as caught:
        UserInformationItem.decode(model.item(0x50, encoded))
    assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE


def test_message_names_the_thing_the_value_and_the_limit():
    with pytest.raises(ProtocolError, match="Role Selection sub-item: SOP class UID is 9 bytes long; only 5"):
        SCP_SCU_RoleSelectionNegotiation.decode(model.item(0x54, b"\0\x091.2\1\0"))


# S7: unknown types are skipped at every level
def test_unknown_items_are_skipped():
    unknown = model.item(0x99, b"whatever")
    encoded = model.item(0x50, unknown + model.maximum_length(9) + model.item(0x5A, b"") + unknown)
    assert UserInformationItem.decode(encoded) == UserInformationItem([MaximumLengthNotification(9)])
    content = b"\1\0\0\0" + unknown + model.item(0x30, b"1.2") + unknown + model.item(0x40, b"1.3") + unknown
    assert PresentationContextItemRQ.decode(model.item(0x20, content)).transfer_syntaxes == ("1.3",)
    content = b"\1\0\0\0" + model.item(0x30, b"1.2") + model.item(0x40, b"1.3") + unknown
    assert PresentationContextItemAC.decode(model.item(0x21, content)).transfer_syntax == "1.3"


def test_common_extended_negotiation_may_grow_at_its_end():
    encoded = model.common_extended("1.2", "1.3", ["1.4"])
    longer = model.item(0x57, encoded[4:] + b"more")
    assert SOPClassCommonExtendedNegotiation.decode(longer).related_general_sop_class_identification == [
        "1.4"
    ]


# S1
@pytest.mark.parametrize("context_id", [0, 2, 254])
def test_context_id_must_be_odd(context_id):
    for item_class, item_type in ((PresentationContextItemRQ, 0x20), (PresentationContextItemAC, 0x21)):
        content = bytes([context_id, 0, 0, 0]) + model.item(0x30, b"1.2") + model.item(0x40, b"1.3")
        with pytest.raises(ProtocolError, match=f"ID is {context_id};") as caught:
            item_class.decode(model.item(item_type, content))
        assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", AbortReason.INVALID_PARAMETER_VALUE),
        (model.item(0x30, b"1.2"), AbortReason.INVALID_PARAMETER_VALUE),
        (model.item(0x40, b"1.2"), AbortReason.INVALID_PARAMETER_VALUE),
        (model.item(0x30, b"1.2") * 2 + model.item(0x40, b"1.2"), AbortReason.UNEXPECTED_PARAMETER),
    ],
)
def test_proposed_context_needs_one_abstract_and_a_transfer_syntax(content, reason):
    with pytest.raises(ProtocolError) as caught:
        PresentationContextItemRQ.decode(model.item(0x20, b"\1\0\0\0" + content))
    assert caught.value.reason == reason


def test_answered_context_needs_a_transfer_syntax_only_if_accepted():
    for sub_item in (b"", model.item(0x40, b"")):
        rejected = model.item(0x21, b"\1\0\3\0" + sub_item)
        assert PresentationContextItemAC.decode(rejected) == PresentationContextItemAC(1, 3, None)
        with pytest.raises(ProtocolError):
            PresentationContextItemAC.decode(model.item(0x21, b"\1\0\0\0" + sub_item))
    with pytest.raises(ProtocolError):
        PresentationContextItemAC.decode(model.item(0x21, b"\1\0\0\0" + 2 * model.item(0x40, b"1.2")))


# S5: nothing that a peer writes as text raises or warns
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"1.2.3\0", "1.2.3"),
        (b"1.2.3 ", "1.2.3"),
        (b"1..2", "1..2"),
        (b"01.02", "01.02"),
        (b"%n%n%s", "%n%n%s"),
        (b"\x80\xff", "\x80\xff"),
        (b"1" * 65, "1" * 65),
        (b"1\n2\x1b[2J", "1\n2\x1b[2J"),
        (b"", ""),
        (b"   ", ""),
    ],
)
def test_text_is_kept_but_for_padding(raw, text):
    assert ImplementationClassUIDNotification.decode(model.item(0x52, raw)).implementation_class_uid == text
    name = ImplementationVersionNameNotification.decode(model.item(0x55, raw))
    assert name.implementation_version_name == text


@given(st.integers(0x50, 0x59), st.binary(max_size=60))
def test_random_content(item_type, content):
    item_class = items.SUB_ITEMS.get(item_type, UserInformationItem)
    decoded = decode_or_refuse(item_class, model.item(item_type, content))
    assert isinstance(decoded, item_class) or decoded.reason == AbortReason.INVALID_PARAMETER_VALUE


class TestStrictEncoding:
    @pytest.mark.parametrize(
        "item",
        [
            items.ApplicationContextItem(""),
            items.ApplicationContextItem("1" * 65),
            items.AbstractSyntaxItem("1.2.é"),
            PresentationContextItemRQ(0, "1.2", ("1.2",)),
            PresentationContextItemRQ(2, "1.2", ("1.2",)),
            PresentationContextItemRQ(257, "1.2", ("1.2",)),
            PresentationContextItemRQ(1, "1.2", ()),
            PresentationContextItemAC(1, 5, "1.2"),
            PresentationContextItemAC(1, 0, None),
            MaximumLengthNotification(-1),
            MaximumLengthNotification(1 << 32),
            ImplementationClassUIDNotification(),
            AsynchronousOperationsWindowNegotiation(65536, 1),
            SCP_SCU_RoleSelectionNegotiation(),
            ImplementationVersionNameNotification(),
            ImplementationVersionNameNotification(""),
            ImplementationVersionNameNotification("A" * 17),
            SOPClassExtendedNegotiation(),
            SOPClassExtendedNegotiation("1.2", bytes(65533)),
            SOPClassCommonExtendedNegotiation("1.2"),
            UserIdentityNegotiation(),
            UserIdentityNegotiation(256),
            UserIdentityNegotiation(1, primary_field=bytes(65536)),
            UserIdentityResponse(bytes(65534)),
        ],
        ids=repr,
    )
    def test_refused(self, item):
        with pytest.raises(ValueError, match=r"\w"):
            item.encode()

    def test_negotiation_items_can_be_filled_after_creation(self):
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = "1.2"
        item.service_class_application_information = b"\1"
        assert item.encode() == model.extended("1.2", b"\1")
        identity = UserIdentityNegotiation()
        identity.user_identity_type = 1
        identity.primary_field = b"user"
        assert identity.encode() == model.user_identity(1, False, b"user", b"")
        with pytest.raises(AttributeError):
            item.sop_class = "1.2"
