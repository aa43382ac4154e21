"""What SOP classes negotiate about themselves, by name instead of by byte: PS3.4 B.3.1 and C.5.

The Service-class-application-information of a SOP Class Extended Negotiation sub-item (PS3.7 D.3.3.5) is a
byte for each option. It may be shorter than what is known here, as options were added over the years, or
longer: what is missing has its default, what is unknown is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

from fastdicom.ul.items import SOPClassExtendedNegotiation

__all__ = ["QueryExtendedNegotiation", "RetrieveExtendedNegotiation", "StorageExtendedNegotiation"]


class ApplicationInformation:
    """What the kinds of application information share."""

    __slots__ = ()

    def encode(self) -> bytes:
        """Return the Service-class-application-information."""
        raise NotImplementedError

    def answer(self, proposed: bytes) -> bytes:
        """Return what an acceptor with these abilities answers to `proposed`, encoded."""
        raise NotImplementedError

    def item(self, sop_class_uid: str) -> SOPClassExtendedNegotiation:
        """Return the item for one SOP class, for ``ext_neg=``."""
        return SOPClassExtendedNegotiation(sop_class_uid, self.encode())


class Options(ApplicationInformation):
    """Application information in which each byte is an option: 1 for wanted or supported, else 0."""

    __slots__ = ()

    def _bytes(self) -> bytes:
        return bytes(getattr(self, option.name) for option in fields(self))  # type: ignore[arg-type]

    def encode(self) -> bytes:
        """Return the Service-class-application-information, as short as it can be.

        The first option is always there; peers may be older than the last ones.
        """
        every = self._bytes()
        return every[:1] + every[1:].rstrip(b"\0")

    def answer(self, proposed: bytes) -> bytes:
        """Return what an acceptor that supports these options answers to `proposed`, encoded.

        As long as what was proposed, and nothing is accepted that was not (PS3.4 C.5.1.1, C.5.2.1, C.5.3.1).
        """
        return bytes(ours & theirs for ours, theirs in zip(self._bytes(), _booleans(proposed), strict=False))

    @classmethod
    def decode(cls, information: bytes) -> Self:
        """Read Service-class-application-information of any length.

        Parameters
        ----------
        information
            From ``assoc.acceptor.sop_class_extended`` or ``event.app_info``.
        """
        names = [option.name for option in fields(cls)]  # type: ignore[arg-type]
        return cls(**{name: bool(byte) for name, byte in zip(names, _booleans(information), strict=False)})


def _booleans(information: bytes) -> bytes:
    # PS3.4 Table C.5-1: 0 and 1 are defined, and anything else is not a yes
    return bytes(byte == 1 for byte in information)


@dataclass(slots=True, frozen=True)
class QueryExtendedNegotiation(Options):
    """The options of a C-FIND SOP class of Query/Retrieve (PS3.4 C.5.1.1).

    A requestor says what it wants, an acceptor which of that it does.

    Attributes
    ----------
    relational
        Relational queries: keys of any level, at any level.
    date_time_matching
        Ranges of date and time are matched as one.
    fuzzy_matching
        Person names are matched by meaning rather than to the letter.
    timezone_adjustment
        (0008,0201) Timezone Offset From UTC adjusts the query.
    enhanced_multi_frame_conversion
        (0008,0053) Query/Retrieve View chooses between enhanced multi-frame objects and others.
    empty_value_matching, multiple_value_matching
        Further ways of matching.
    """

    relational: bool = False
    date_time_matching: bool = False
    fuzzy_matching: bool = False
    timezone_adjustment: bool = False
    enhanced_multi_frame_conversion: bool = False
    empty_value_matching: bool = False
    multiple_value_matching: bool = False


@dataclass(slots=True, frozen=True)
class RetrieveExtendedNegotiation(Options):
    """The options of a C-MOVE or C-GET SOP class of Query/Retrieve (PS3.4 C.5.2.1, C.5.3.1).

    Attributes
    ----------
    relational
        Relational retrieval: keys of any level, at any level.
    enhanced_multi_frame_conversion
        (0008,0053) Query/Retrieve View chooses between enhanced multi-frame objects and others.
    """

    relational: bool = False
    enhanced_multi_frame_conversion: bool = False


@dataclass(slots=True, frozen=True)
class StorageExtendedNegotiation(ApplicationInformation):
    """How a Storage SCP keeps what it stores (PS3.4 B.3.1); the defaults are those of a mere SCU.

    Both sides say it of themselves, so an answer is not bound by the proposal.

    Attributes
    ----------
    level_of_support
        0 local, 1 base, 2 full (PS3.4 B.4.1); 3 for who is an SCU only.
    digital_signature_level
        1 to 3 (PS3.4 B.4.1); 0 for unspecified.
    element_coercion
        0 when no element is changed, 1 when some may be; 2 for who is an SCU only.

    Raises
    ------
    ValueError
        If a value is none of these.
    """

    level_of_support: int = 3
    digital_signature_level: int = 0
    element_coercion: int = 2

    def __post_init__(self) -> None:
        for (name, limit), value in zip(STORAGE_LIMITS, self._values(), strict=True):
            if not 0 <= value <= limit:
                raise ValueError(f"{name} is {value}; 0 to {limit} are allowed")

    def _values(self) -> tuple[int, int, int]:
        return self.level_of_support, self.digital_signature_level, self.element_coercion

    def encode(self) -> bytes:
        """Return the Service-class-application-information, six bytes."""
        # PS3.4 Table B.3-1: every second byte is reserved
        return b"".join(bytes((value, 0)) for value in self._values())

    def answer(self, proposed: bytes) -> bytes:
        """Return what an acceptor says of itself, whatever is proposed."""
        return self.encode()

    @classmethod
    def decode(cls, information: bytes) -> Self:
        """Read Service-class-application-information of any length.

        Parameters
        ----------
        information
            From ``assoc.acceptor.sop_class_extended`` or ``event.app_info``. A value that the standard does
            not define counts as unspecified.
        """
        values = zip(STORAGE_LIMITS, information[::2], strict=False)
        return cls(**{name: value for (name, limit), value in values if value <= limit})


# PS3.4 Table B.3-1: the largest value of each byte that is not reserved.
STORAGE_LIMITS = (("level_of_support", 3), ("digital_signature_level", 3), ("element_coercion", 2))
