"""The numbers of bytes that the limit moves are those of fastdicom."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastdicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.bench import limits
from fastdicom.bench.inputs import Instance
from fastdicom.ul.items import (
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    PresentationContextItemAC,
    PresentationContextItemRQ,
)
from fastdicom.ul.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

CT = "1.2.840.10008.5.1.4.1.1.2"


def instance(data_set_length: int, sop_instance: str = "1.2.3") -> Instance:
    return Instance("x", CT, sop_instance, "1.2.840.10008.1.2.1", data_set_length)


def command_set_length(**elements: object) -> int:
    """Return the length of a command set as pydicom encodes it, with its group length."""
    data_set = Dataset()
    data_set.CommandGroupLength = 0
    for keyword, value in elements.items():
        setattr(data_set, keyword, value)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_dataset(buffer, data_set)
    return len(buffer.getvalue())


@pytest.mark.parametrize(
    ("data_set_length", "fragments"), [(2, 1), (16_376, 1), (16_378, 2), (528_000, 33), (210_000_000, 12_824)]
)
@pytest.mark.parametrize("sop_instance", ["1.2.3", "1.2.34"])
def test_a_store_request(data_set_length: int, fragments: int, sop_instance: str) -> None:
    command_set = command_set_length(
        AffectedSOPClassUID=CT,
        CommandField=1,
        MessageID=1,
        Priority=2,
        CommandDataSetType=1,
        AffectedSOPInstanceUID=sop_instance,
    )
    expected = 12 + command_set + 12 * fragments + data_set_length
    assert limits.store_request_length(instance(data_set_length, sop_instance)) == expected


def test_responses_and_echoes() -> None:
    request = {"CommandField": 48, "MessageID": 1, "CommandDataSetType": 0x0101}
    response = {
        "CommandField": 0x8030,
        "MessageIDBeingRespondedTo": 1,
        "CommandDataSetType": 0x0101,
        "Status": 0,
    }
    verification = {"AffectedSOPClassUID": limits.VERIFICATION}
    assert limits.echo_request_length() == 12 + command_set_length(**verification, **request)
    assert limits.echo_response_length() == 12 + command_set_length(**verification, **response)
    stored = {"AffectedSOPClassUID": CT, "AffectedSOPInstanceUID": "1.2.3"}
    assert limits.store_response_length(instance(2)) == 12 + command_set_length(**stored, **response)


def test_associations_are_as_long_as_ours() -> None:
    syntaxes = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]
    user_information = [
        MaximumLengthNotification(limits.MAXIMUM_LENGTH),
        ImplementationClassUIDNotification(IMPLEMENTATION_CLASS_UID),
        ImplementationVersionNameNotification(IMPLEMENTATION_VERSION_NAME),
    ]
    proposed = PresentationContextItemRQ(1, limits.VERIFICATION, tuple(syntaxes))
    accepted = PresentationContextItemAC(1, 0, syntaxes[0])
    request = A_ASSOCIATE_RQ("A", "B", [proposed], user_information)
    accept = A_ASSOCIATE_AC("A", "B", [accepted], user_information)
    assert limits.associate_length(syntaxes, limits.VERIFICATION) == len(request.encode())
    assert limits.associate_length(syntaxes[:1], None) == len(accept.encode())
