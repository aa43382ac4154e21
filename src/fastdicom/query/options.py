"""What was agreed on about matching, and how large an identifier may be.

Both are values: nothing here is global, and nothing changes while a query is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from fastdicom.query.models import model_of
from fastdicom.ul.application_information import QueryExtendedNegotiation


@dataclass(frozen=True, slots=True)
class Options:
    """How keys are matched: what extended negotiation agreed on, and what the information model says.

    Attributes
    ----------
    relational
        Keys of any level may be given at any level (PS3.4 C.4.1.3.2.1).
    date_time
        A range of dates and a range of times are matched as one range of moments (C.2.2.2.5.4).
    fuzzy
        Person names are matched by their words: without case, accents and order, and by their sound.
    timezone
        (0008,0201) Timezone Offset From UTC of the identifier says where its dates and times are
        (C.2.2.2.1.3).
    empty_value
        The value ``""``, two quotation marks, matches what has no value (C.2.2.2.7).
    multiple_value
        Of several values in a key, each must match; otherwise one must (C.2.2.2.8).
    unknown_matches
        Whether an attribute that the record has no value for matches every key. It does in Query/Retrieve
        (C.2.2.1.2), and it does not in worklists and what is modelled on them (K.2.2.1.1.1).
    local_offset
        The offset from UTC, in minutes, of the dates and times of records that have no (0008,0201); None for
        that of the identifier.
    """

    relational: bool = False
    date_time: bool = False
    fuzzy: bool = False
    timezone: bool = False
    empty_value: bool = False
    multiple_value: bool = False
    unknown_matches: bool = True
    local_offset: int | None = None

    @classmethod
    def of(cls, event: Any, local_offset: int | None = None) -> Self:
        """Return what was agreed on, on the association of a C-FIND, C-GET or C-MOVE event.

        Parameters
        ----------
        event
            The event; its context says which SOP class it is.
        local_offset
            As the attribute.
        """
        sop_class = str(event.context.abstract_syntax)
        model = model_of(sop_class)
        information = event.assoc.acceptor.sop_class_extended.get(sop_class, b"")
        # PS3.4 Table C.5-4: for retrieval the second byte is not about matching
        accepted = QueryExtendedNegotiation.decode(information[:1] if model.retrieves else information)
        return cls(
            relational=accepted.relational,
            date_time=accepted.date_time_matching,
            fuzzy=accepted.fuzzy_matching,
            timezone=accepted.timezone_adjustment,
            empty_value=accepted.empty_value_matching,
            multiple_value=accepted.multiple_value_matching,
            unknown_matches=model.unknown_matches,
            local_offset=local_offset,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an identifier may be; what goes beyond is answered with a failure and not looked at.

    Attributes
    ----------
    keys
        Elements, those of items included.
    depth
        Sequences within sequences.
    sequence_length
        Bytes of a sequence as it is encoded.
    value_length
        Characters of a value; PS3.5 allows 10,240 in LT.
    name_length
        Characters of a person name, all component groups together; PS3.5 allows 64 a group.
    wildcards
        ``*`` and ``?`` in a key.
    values
        Values of a key that is no UID.
    uids
        UIDs of a key.
    """

    keys: int = 1_000
    depth: int = 8
    sequence_length: int = 65_536
    value_length: int = 10_240
    name_length: int = 1_024
    wildcards: int = 128
    values: int = 100
    uids: int = 10_000


DEFAULT_OPTIONS = Options()
DEFAULT_LIMITS = Limits()
