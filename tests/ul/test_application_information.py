"""Extended negotiation by name: the bytes of PS3.4 B.3.1 and C.5, shorter and longer fields included."""

from __future__ import annotations

import pytest

from fastdicom.pdu_primitives import (
    QueryExtendedNegotiation,
    RetrieveExtendedNegotiation,
    SOPClassExtendedNegotiation,
    StorageExtendedNegotiation,
)

FIND = "1.2.840.10008.5.1.4.1.2.1.1"

# PS3.4 Table C.5-1, byte by byte
QUERY_OPTIONS = [
    "relational",
    "date_time_matching",
    "fuzzy_matching",
    "timezone_adjustment",
    "enhanced_multi_frame_conversion",
    "empty_value_matching",
    "multiple_value_matching",
]


@pytest.mark.parametrize("number", range(7))
def test_each_option_of_a_query_has_its_byte(number):
    options = QueryExtendedNegotiation(**{QUERY_OPTIONS[number]: True})
    encoded = bytes(number) + b"\1"  # no longer than needed: peers may be older
    assert options.encode() == encoded
    assert QueryExtendedNegotiation.decode(encoded) == options


@pytest.mark.parametrize(
    ("options", "encoded"),
    [
        (RetrieveExtendedNegotiation(), b"\0"),
        (RetrieveExtendedNegotiation(relational=True), b"\1"),
        (RetrieveExtendedNegotiation(enhanced_multi_frame_conversion=True), b"\0\1"),
        (RetrieveExtendedNegotiation(True, True), b"\1\1"),
    ],
)
def test_retrieve(options, encoded):
    assert options.encode() == encoded
    assert RetrieveExtendedNegotiation.decode(encoded) == options


@pytest.mark.parametrize(
    ("received", "options"),
    [
        (b"", QueryExtendedNegotiation()),
        (b"\1", QueryExtendedNegotiation(relational=True)),
        (b"\1\0\1", QueryExtendedNegotiation(relational=True, fuzzy_matching=True)),
        (b"\2\xff\1", QueryExtendedNegotiation(fuzzy_matching=True)),  # values that mean nothing
        (bytes(7) + b"\1\1\1", QueryExtendedNegotiation()),  # what a later standard may add
    ],
)
def test_fields_of_any_length_are_read(received, options):
    assert QueryExtendedNegotiation.decode(received) == options


@pytest.mark.parametrize(
    ("proposed", "answer"),
    [
        (b"\1", b"\1"),
        (b"\0", b"\0"),
        (b"\1\1\1\1\1", b"\1\0\1\0\0"),
        (b"\0\1\0", b"\0\0\0"),
        (b"\2\0\1", b"\0\0\1"),
        (b"", b""),
        (b"\1" * 9, b"\1\0\1\0\0\0\0"),
    ],
)
def test_an_answer_is_as_long_as_the_question_and_grants_no_more(proposed, answer):
    """PS3.4 C.5.1.1: a single byte if offered a single byte; an option that was not offered stays 0."""
    assert QueryExtendedNegotiation(relational=True, fuzzy_matching=True).answer(proposed) == answer


# PS3.4 Table B.3-1
@pytest.mark.parametrize(
    ("information", "encoded"),
    [
        (StorageExtendedNegotiation(), b"\3\0\0\0\2\0"),
        (StorageExtendedNegotiation(level_of_support=2, element_coercion=1), b"\2\0\0\0\1\0"),
        (StorageExtendedNegotiation(0, 3, 0), b"\0\0\3\0\0\0"),
    ],
)
def test_storage(information, encoded):
    assert information.encode() == information.answer(b"\0") == encoded
    assert StorageExtendedNegotiation.decode(encoded) == information


@pytest.mark.parametrize(
    ("received", "information"),
    [
        (b"", StorageExtendedNegotiation()),
        (b"\2", StorageExtendedNegotiation(level_of_support=2)),
        (b"\2\xff\1\xff", StorageExtendedNegotiation(2, 1)),  # reserved bytes are not looked at
        (b"\1\0\2\0\0\0\7\7", StorageExtendedNegotiation(1, 2, 0)),
        (b"\4\0\4\0\3", StorageExtendedNegotiation()),  # values that mean nothing
    ],
)
def test_storage_fields_of_any_length_are_read(received, information):
    assert StorageExtendedNegotiation.decode(received) == information


@pytest.mark.parametrize("values", [(4, 0, 0), (0, 4, 0), (0, 0, 3), (-1, 0, 0)])
def test_storage_values_that_the_standard_does_not_have(values):
    with pytest.raises(ValueError, match="are allowed"):
        StorageExtendedNegotiation(*values)


def test_an_item_for_a_sop_class():
    item = QueryExtendedNegotiation(relational=True).item(FIND)
    assert item == SOPClassExtendedNegotiation(FIND, b"\1")
    assert SOPClassExtendedNegotiation.decode(item.encode()) == item
