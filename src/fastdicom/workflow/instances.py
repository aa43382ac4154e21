"""What SCPs of procedure steps have in common: names, classes, and the answer to N-GET."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from pydicom.dataset import Dataset

from fastdicom.workflow.attributes import SPECIFIC_CHARACTER_SET
from fastdicom.workflow.refusal import Refusal

Answer: TypeAlias = tuple[int | Dataset, Dataset | None]
"""What a handler returns: a status, and a data set or None."""

OPTIONAL_NOT_SUPPORTED = 0x0001
INVALID_SOP_INSTANCE = 0x0117
NO_SUCH_SOP_CLASS = 0x0118

# PS3.5 9.1, with the leading zeros that it forbids: many a device sends them.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_UID_LENGTH = 64


def check_name(sop_instance_uid: object) -> str:
    """Return the UID that a new instance is to have.

    Raises
    ------
    Refusal
        0117H when there is none, or it is no UID: the SCU names procedure steps (PS3.4 F.7.2.1.2, CC.2.5.2).
    """
    uid = str(sop_instance_uid or "")
    if len(uid) > _UID_LENGTH or not _UID.fullmatch(uid):
        raise Refusal(INVALID_SOP_INSTANCE, f"Affected SOP Instance UID is no UID: {uid}")
    return uid


def check_class(sop_class: object, expected: str) -> None:
    """Check what SOP class a request is about.

    Raises
    ------
    Refusal
        0118H when it is another one.
    """
    if sop_class != expected:
        raise Refusal(NO_SUCH_SOP_CLASS, f"not a SOP class of this service: {sop_class}")


def answer_get(instance: Dataset, tags: Sequence[int], hidden: Sequence[int] = ()) -> Answer:
    """Return what an N-GET is answered with (PS3.4 F.8.2.1.3, CC.2.7.3).

    Parameters
    ----------
    instance
        The instance.
    tags
        The tags that are asked for; all of its attributes when there are none.
    hidden
        The tags that nobody is told.

    Returns
    -------
    tuple
        Success, or 0001H when an attribute that was asked for is not there; and those that are, with their
        character set.
    """
    known = set(instance.keys()).difference(hidden)
    wanted = known.intersection({*tags, SPECIFIC_CHARACTER_SET}) if tags else known
    result = Dataset()
    for tag in sorted(wanted):
        result[tag] = instance[tag]
    return 0x0000 if known.issuperset(tags) else OPTIONAL_NOT_SUPPORTED, result
