"""How many bytes a message takes on the wire: what the contestant `limit` moves.

The numbers are those of an association between two fastdicom AEs with the default maximum length and one
presentation context.
"""

from __future__ import annotations

from fastdicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastdicom.bench.inputs import Instance

MAXIMUM_LENGTH = 16382
PDU_AND_PDV_HEADER = 6 + 6
VERIFICATION = "1.2.840.10008.1.1"
RELEASE = 10

# Command elements have an 8 byte header (PS3.7 6.3.1); the value of a US has 2 bytes, of a UL 4.
GROUP_LENGTH = 8 + 4
US = 8 + 2


def ui(uid: str) -> int:
    """Return the length of an element with this UID, padded to even."""
    return 8 + len(uid) + len(uid) % 2


def store_request_length(instance: Instance) -> int:
    """Return the bytes of a C-STORE-RQ with its data set (PS3.7 Table 9.3-1)."""
    # Command Field, Message ID, Priority, Command Data Set Type
    command_set = GROUP_LENGTH + ui(instance.sop_class) + ui(instance.sop_instance) + 4 * US
    fragments = -(-instance.data_set_length // (MAXIMUM_LENGTH - 6))
    return PDU_AND_PDV_HEADER * (1 + fragments) + command_set + instance.data_set_length


def store_response_length(instance: Instance) -> int:
    """Return the bytes of a C-STORE-RSP (PS3.7 Table 9.3-2)."""
    # Command Field, Message ID Being Responded To, Command Data Set Type, Status
    return PDU_AND_PDV_HEADER + GROUP_LENGTH + ui(instance.sop_class) + ui(instance.sop_instance) + 4 * US


def echo_request_length() -> int:
    """Return the bytes of a C-ECHO-RQ (PS3.7 Table 9.3-12)."""
    return PDU_AND_PDV_HEADER + GROUP_LENGTH + ui(VERIFICATION) + 3 * US


def echo_response_length() -> int:
    """Return the bytes of a C-ECHO-RSP (PS3.7 Table 9.3-13)."""
    return PDU_AND_PDV_HEADER + GROUP_LENGTH + ui(VERIFICATION) + 4 * US


def associate_length(transfer_syntaxes: list[str], abstract_syntax: str | None) -> int:
    """Return the bytes of an A-ASSOCIATE-RQ, or with abstract_syntax None of an -AC (PS3.8 9.3.2, 9.3.3)."""
    application_context = 4 + len("1.2.840.10008.3.1.1.1")
    syntaxes = sum(4 + len(uid) for uid in transfer_syntaxes)
    presentation_context = 8 + syntaxes + (4 + len(abstract_syntax) if abstract_syntax else 0)
    # Maximum length, implementation class UID, implementation version name
    names = 4 + len(IMPLEMENTATION_CLASS_UID) + 4 + len(IMPLEMENTATION_VERSION_NAME)
    user_information = 4 + (4 + 4) + names
    return 74 + application_context + presentation_context + user_information
