"""The seven PDUs: bytes as the standard has them, both ways, cut and bent everywhere."""

from __future__ import annotations

import model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastdicom.errors import AbortReason, ProtocolError
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
)
from fastdicom.ul.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
    PDU_TYPES,
    decode_pdu,
)

APPLICATION = model.application_context()
CONTEXT_RQ = model.context_rq(1, "1.2.840.10008.1.1", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
CONTEXT_AC = model.context_ac(1, 0, "1.2.840.10008.1.2")
SUB_ITEMS = [
    model.maximum_length(16384),
    model.implementation_class_uid("1.2.3"),
    model.asynchronous_operations(2, 3),
    model.role_selection("1.2", True, True),
    model.implementation_version_name("NAME"),
    model.extended("1.2", b"\1\2"),
]
USER_RQ = model.user_information(
    *SUB_ITEMS, model.common_extended("1.2", "1.3", ["1.4"]), model.user_identity(2, True, b"u", b"p")
)
USER_AC = model.user_information(*SUB_ITEMS, model.user_identity_response(b"r"))
RQ = model.associate(1, b"CALLED", b"CALLING", [APPLICATION, CONTEXT_RQ, USER_RQ])
AC = model.associate(2, b"CALLED", b"CALLING", [APPLICATION, CONTEXT_AC, USER_AC])

USER_INFORMATION = [
    MaximumLengthNotification(16384),
    ImplementationClassUIDNotification("1.2.3"),
    AsynchronousOperationsWindowNegotiation(2, 3),
    SCP_SCU_RoleSelectionNegotiation("1.2", True, True),
    ImplementationVersionNameNotification("NAME"),
    SOPClassExtendedNegotiation("1.2", b"\1\2"),
]

PAIRS = [
    (
        A_ASSOCIATE_RQ(
            "CALLED",
            "CALLING",
            [PresentationContextItemRQ(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"))],
            [
                *USER_INFORMATION,
                SOPClassCommonExtendedNegotiation("1.2", "1.3", ["1.4"]),
                UserIdentityNegotiation(2, True, b"u", b"p"),
            ],
        ),
        RQ,
    ),
    (
        A_ASSOCIATE_AC(
            "CALLED",
            "CALLING",
            [PresentationContextItemAC(1, 0, "1.2.840.10008.1.2")],
            [*USER_INFORMATION, UserIdentityResponse(b"r")],
        ),
        AC,
    ),
    (A_ASSOCIATE_RJ(1, 2, 3), model.reject(1, 2, 3)),
    (P_DATA_TF([(1, 3, b"command"), (255, 0, b"")]), model.p_data_tf([(1, 3, b"command"), (255, 0, b"")])),
    (A_RELEASE_RQ(), model.release_rq()),
    (A_RELEASE_RP(), model.release_rp()),
    (A_ABORT_RQ(2, 6), model.abort(2, 6)),
]
NAMES = [type(each).__name__ for each, _ in PAIRS]


@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_encode(pdu, encoded):
    assert pdu.encode() == encoded
    assert pdu.pdu_length == len(encoded) - 6
    assert pdu.pdu_type == encoded[0]


@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_decode(pdu, encoded):
    assert type(pdu).decode(encoded) == pdu
    assert decode_pdu(memoryview(encoded)) == pdu


def test_every_type_is_known():
    assert set(PDU_TYPES) == set(range(1, 8))


# S4: cut at every byte, and a byte too many
@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_cut_at_every_byte(pdu, encoded):
    for data in [encoded[:length] for length in range(len(encoded))] + [encoded + b"\0"]:
        for decode in (type(pdu).decode, decode_pdu):
            with pytest.raises(ProtocolError) as caught:
                decode(data)
            assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE


# S2: cut at every byte with the PDU length mended
@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_body_cut_at_every_byte(pdu, encoded):
    body = encoded[6:]
    whole = {13} if isinstance(pdu, P_DATA_TF) else set()  # where its first PDV ends
    for length in set(range(len(body))) - whole:
        with pytest.raises(ProtocolError):
            type(pdu).decode(model.pdu(pdu.pdu_type, body[:length]))


def decode_or_refuse(data):
    """What `data` is: a PDU, or a protocol error; anything else fails the test."""
    try:
        return decode_pdu(data)
    except ProtocolError as error:
        return error


# L1, L3: every length field, at each level, one more, one less, nothing and everything
def length_fields(encoded):
    """(offset, size) of all length fields, found by the model's own walk."""
    fields = [(2, 4)]
    if encoded[0] in (1, 2):
        fields += item_length_fields(encoded, 6 + 68, len(encoded))
    elif encoded[0] == 4:
        offset = 6
        while offset < len(encoded):
            fields.append((offset, 4))
            offset += 4 + int.from_bytes(encoded[offset : offset + 4], "big")
    return fields


def item_length_fields(encoded, start, end):
    fields = []
    while start < end:
        item_type, content = encoded[start], start + 4
        length = int.from_bytes(encoded[start + 2 : content], "big")
        fields.append((start + 2, 2))
        if item_type in (0x20, 0x21):
            fields += item_length_fields(encoded, content + 4, content + length)
        elif item_type == 0x50:
            fields += item_length_fields(encoded, content, content + length)
        elif item_type in (0x54, 0x56, 0x59):
            fields.append((content, 2))
        elif item_type == 0x57:  # three counted values, the last of counted values
            fields += counted_fields(encoded, content, content + length)
            fields += counted_fields(encoded, fields[-1][0] + 2, content + length)
        elif item_type == 0x58:
            fields += counted_fields(encoded, content + 2, content + length)
        start = content + length
    return fields


def counted_fields(encoded, start, end):
    fields = []
    while start < end:
        fields.append((start, 2))
        start += 2 + int.from_bytes(encoded[start : start + 2], "big")
    return fields


@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_every_length_field_wrong(pdu, encoded):
    fields = length_fields(encoded)
    assert len(fields) == {1: 23, 2: 15, 4: 3}.get(encoded[0], 1)
    for offset, size in fields:
        value = int.from_bytes(encoded[offset : offset + size], "big")
        for wrong in {value - 1, value + 1, 0, (1 << 8 * size) - 1, (1 << 8 * size - 1) - 1} - {value, -1}:
            broken = encoded[:offset] + wrong.to_bytes(size, "big") + encoded[offset + size :]
            decoded = decode_or_refuse(broken)
            assert decoded != pdu  # some lies are another truth: a shorter UID, then an unknown item
            assert getattr(decoded, "reason", 6) in (5, 6)


@pytest.mark.parametrize(("pdu", "encoded"), PAIRS, ids=NAMES)
def test_every_byte_changed(pdu, encoded):
    for offset in range(len(encoded)):
        for change in (0x01, 0x80, 0xFF):
            broken = bytearray(encoded)
            broken[offset] ^= change
            decode_or_refuse(broken)


@given(st.binary(max_size=200), st.integers(0, 9))
def test_random_bodies(body, pdu_type):
    for data in (body, model.pdu(pdu_type, body), model.pdu(1, RQ[6:74] + body)):
        decode_or_refuse(data)


@pytest.mark.parametrize("pdu_type", [0, 8, 9, 0x47, 0xFF])
def test_unknown_type(pdu_type):
    with pytest.raises(ProtocolError) as caught:
        decode_pdu(model.pdu(pdu_type, bytes(4)))
    assert caught.value.reason == AbortReason.UNRECOGNIZED_PDU


def test_type_of_another_class():
    with pytest.raises(ProtocolError, match="05H; 06H was expected"):
        A_RELEASE_RP.decode(model.release_rq())


@pytest.mark.parametrize("pdu_type", [3, 5, 6, 7])
@pytest.mark.parametrize("length", [0, 3, 5, 1000])
def test_short_pdus_have_an_exact_length(pdu_type, length):
    with pytest.raises(ProtocolError):
        decode_pdu(model.pdu(pdu_type, bytes(length)))


# V1 to V3, V12
@pytest.mark.parametrize(
    "body", [b"", b"\0\0\0\0", b"\0\0\0\1a", b"\0\0\0\3ab", b"\xff\xff\xff\xff\1\3", b"\0"]
)
def test_p_data_tf_with_bad_pdvs(body):
    with pytest.raises(ProtocolError) as caught:
        P_DATA_TF.decode(model.pdu(4, body))
    assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE


def test_p_data_tf_tells_what_a_pdv_is():
    pdu = P_DATA_TF.decode(model.p_data_tf([(1, 3, b"a"), (1, 0, b"b")]))
    first, second = pdu.presentation_data_values
    assert (first.is_command, first.is_last, first.fragment) == (True, True, b"a")
    assert (second.is_command, second.is_last, second.context_id) == (False, False, 1)


# S1: what may be there once, and what must
@pytest.mark.parametrize(
    ("pdu_type", "context", "user"), [(1, CONTEXT_RQ, USER_RQ), (2, CONTEXT_AC, USER_AC)]
)
class TestItemsOfAssociate:
    @pytest.mark.parametrize("is_application", [True, False])
    def test_twice(self, pdu_type, context, user, is_application):
        twice = APPLICATION if is_application else user
        with pytest.raises(ProtocolError, match="has 2 items of type") as caught:
            decode_pdu(model.associate(pdu_type, b"A", b"B", [APPLICATION, context, user, twice]))
        assert caught.value.reason == AbortReason.UNEXPECTED_PARAMETER

    @pytest.mark.parametrize("is_application", [True, False])
    def test_missing(self, pdu_type, context, user, is_application):
        items = [context, user] if is_application else [APPLICATION, context]
        with pytest.raises(ProtocolError, match="1 is required") as caught:
            decode_pdu(model.associate(pdu_type, b"A", b"B", items))
        assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE

    def test_context_id_twice(self, pdu_type, context, user):
        with pytest.raises(ProtocolError, match="ID 1 twice") as caught:
            decode_pdu(model.associate(pdu_type, b"A", b"B", [APPLICATION, context, user, context]))
        assert caught.value.reason == AbortReason.INVALID_PARAMETER_VALUE

    def test_order_does_not_matter(self, pdu_type, context, user):
        one = decode_pdu(model.associate(pdu_type, b"A", b"B", [APPLICATION, context, user]))
        assert decode_pdu(model.associate(pdu_type, b"A", b"B", [user, context, APPLICATION])) == one

    def test_unknown_items_are_skipped(self, pdu_type, context, user):  # S7
        one = decode_pdu(model.associate(pdu_type, b"A", b"B", [APPLICATION, context, user]))
        unknown = model.item(0x22, b"?") + model.item(0, b"")
        items = [unknown, APPLICATION, unknown, context, user, unknown]
        assert decode_pdu(model.associate(pdu_type, b"A", b"B", items)) == one


def test_request_without_contexts():
    with pytest.raises(ProtocolError, match="no item of type 20H"):
        decode_pdu(model.associate(1, b"A", b"B", [APPLICATION, USER_RQ]))
    with pytest.raises(ValueError, match="no presentation context"):
        A_ASSOCIATE_RQ("A", "B").encode()


def test_answer_without_contexts_is_one_that_accepts_nothing():
    assert (
        A_ASSOCIATE_AC.decode(model.associate(2, b"A", b"B", [APPLICATION, USER_AC])).presentation_context
        == []
    )


def test_all_128_contexts():
    contexts = [model.context_rq(i, f"1.2.{i}", ["1.2"]) for i in range(1, 256, 2)]
    pdu = A_ASSOCIATE_RQ.decode(model.associate(1, b"A", b"B", [APPLICATION, *contexts, USER_RQ]))
    assert [context.context_id for context in pdu.presentation_context] == list(range(1, 256, 2))
    assert pdu.encode() == model.associate(1, b"A", b"B", [APPLICATION, *contexts, USER_RQ])


def test_user_information_properties():
    pdu = A_ASSOCIATE_RQ.decode(RQ)
    assert pdu.maximum_length == 16384
    assert pdu.implementation_class_uid == "1.2.3"
    assert pdu.implementation_version_name == "NAME"
    bare = A_ASSOCIATE_RQ.decode(
        model.associate(1, b"A", b"B", [APPLICATION, CONTEXT_RQ, model.user_information()])
    )
    assert bare.maximum_length == 0
    assert bare.implementation_class_uid is None
    assert bare.implementation_version_name is None


# S5: AE titles as they come
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b"TITLE", "TITLE"),
        (b"TITLE\0\0\0", "TITLE"),
        (b"  TITLE", "  TITLE"),
        (b"A\0B", "A\0B"),
        (b"%n%s", "%n%s"),
        (b"\xff\x80", "\xff\x80"),
        (b"A\r\nB\x1b", "A\r\nB\x1b"),
        (b"", ""),
        (bytes(16), ""),
        (b"X" * 16, "X" * 16),
    ],
)
def test_ae_titles_are_kept_but_for_padding(raw, title):
    rq = A_ASSOCIATE_RQ.decode(model.associate(1, raw, raw, [APPLICATION, CONTEXT_RQ, USER_RQ]))
    assert (rq.called_ae_title, rq.calling_ae_title) == (title, title)
    # PS3.8 Table 9-17: an acceptor sends back what it got
    ac = A_ASSOCIATE_AC(rq.called_ae_title, rq.calling_ae_title)
    assert ac.encode()[10:26] == raw.replace(b"\0" * 3, b"").ljust(16) if raw.strip(b"\0") else b" " * 16


@pytest.mark.parametrize("title", ["", "   ", "A" * 17, "ÄE"])
def test_ae_titles_of_a_request_are_strict(title):
    contexts = [PresentationContextItemRQ(1, "1.2", ("1.2",))]
    with pytest.raises(ValueError, match="title"):
        A_ASSOCIATE_RQ(title, "B", contexts).encode()
    with pytest.raises(ValueError, match="title"):
        A_ASSOCIATE_RQ("A", title, contexts).encode()


class TestRoundTrips:
    uids = st.lists(st.integers(0, 999_999_999), min_size=1, max_size=6).map(
        lambda parts: ".".join(map(str, parts))
    )
    titles = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=16)

    @given(
        titles,
        titles,
        st.integers(0, 0xFFFF),
        st.dictionaries(
            st.integers(0, 127),
            st.tuples(uids, st.lists(uids, min_size=1, max_size=4)),
            min_size=1,
            max_size=9,
        ),
        st.integers(0, 0xFFFFFFFF),
        uids,
        uids,
    )
    def test_associate_rq(
        self, called, calling, version, contexts, maximum_length, application, implementation
    ):
        proposals = [(2 * i + 1, abstract, transfer) for i, (abstract, transfer) in contexts.items()]
        encoded = model.associate(
            1,
            called.encode(),
            calling.encode(),
            [
                model.application_context(application),
                *(model.context_rq(*proposal) for proposal in proposals),
                model.user_information(
                    model.maximum_length(maximum_length), model.implementation_class_uid(implementation)
                ),
            ],
            version,
        )
        pdu = A_ASSOCIATE_RQ.decode(encoded)
        assert (pdu.called_ae_title, pdu.calling_ae_title) == (called, calling)
        assert (pdu.protocol_version, pdu.application_context_name) == (version, application)
        assert pdu.presentation_context == [
            PresentationContextItemRQ(i, abstract, tuple(transfer)) for i, abstract, transfer in proposals
        ]
        assert pdu.maximum_length == maximum_length
        assert pdu.encode() == encoded

    @given(
        st.dictionaries(st.integers(0, 127), st.tuples(st.integers(0, 4), uids), max_size=9),
        st.integers(0, 0xFFFF),
        st.lists(st.tuples(uids, st.binary(max_size=20)), max_size=9),
    )
    def test_associate_ac(self, contexts, invoked, extended):
        ac = A_ASSOCIATE_AC(
            "A",
            "B",
            [PresentationContextItemAC(2 * i + 1, result, uid) for i, (result, uid) in contexts.items()],
            [
                AsynchronousOperationsWindowNegotiation(invoked, 1),
                *(SOPClassExtendedNegotiation(uid, information) for uid, information in extended),
            ],
        )
        encoded = ac.encode()
        pdu_type, version, called, _, items = model.read_associate(encoded)
        assert (pdu_type, version, called.rstrip()) == (2, 1, b"A")
        assert [model.read_context_ac(content) for item_type, content in items if item_type == 0x21] == [
            (2 * i + 1, result, uid) for i, (result, uid) in contexts.items()
        ]
        assert items[-1] == (
            0x50,
            model.asynchronous_operations(invoked, 1) + b"".join(model.extended(*each) for each in extended),
        )
        assert A_ASSOCIATE_AC.decode(encoded) == ac

    @given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=50)), min_size=1))
    def test_p_data_tf(self, pdvs):
        encoded = P_DATA_TF(pdvs).encode()
        assert encoded == model.p_data_tf(pdvs)
        assert model.read_p_data_tf(encoded) == pdvs
        assert P_DATA_TF.decode(encoded).presentation_data_values == pdvs

    @given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
    def test_short_ones(self, result, source, reason):
        assert model.read_four(A_ASSOCIATE_RJ(result, source, reason).encode()) == (
            3,
            (0, result, source, reason),
        )
        assert A_ABORT_RQ.decode(model.abort(source, reason)) == A_ABORT_RQ(source, reason)
