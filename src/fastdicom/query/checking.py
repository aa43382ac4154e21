"""Whether an identifier is one that its SOP class allows (PS3.4 C.4.1.2, C.4.2.2), and not too large.

What is wrong is a `Problem` with the status that answers it. Lengths are looked at before a value is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from fastdicom.query.keys import BadKey
from fastdicom.query.matching import LEVEL, NOT_KEYS, TIMEZONE, Compiler, offset_of, read
from fastdicom.query.models import PATIENT_ID, Level, Model, higher_keys, lower_keys, model_of, tag_of
from fastdicom.query.options import DEFAULT_LIMITS, DEFAULT_OPTIONS, Limits, Options
from fastdicom.query.values import values_of

# PS3.4 Table C.4-1: Error: Data Set does not match SOP Class, and Failed: Unable to process. In the range of
# the latter an implementation chooses.
DOES_NOT_MATCH = 0xA900
NOT_UNDERSTOOD = 0xC010
TOO_LARGE = 0xC011

# Bytes that a character may take, of those that (0008,0005) is about, escape sequences included
_BYTES_PER_CHARACTER = 8
# PS3.5 9.1, with the delimiter
_UID_LENGTH = 65
# PS3.7 C: VR LO
_COMMENT_LENGTH = 64

_TEMPLATE = (tag_of("TemplateIdentifier"), tag_of("MappingResource"))
_CONTENT_TEMPLATE = tag_of("ContentTemplateSequence")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an identifier is not processed.

    Attributes
    ----------
    status
        A900 when it does not match the SOP class, one of C000 to CFFF when it cannot be processed.
    comment
        (0000,0902) Error Comment, at most 64 characters.
    elements
        (0000,0901) Offending Element: tags.
    """

    status: int
    comment: str
    elements: tuple[BaseTag, ...] = ()

    def dataset(self) -> Dataset:
        """Return it as a handler yields it: a Dataset with the status and what explains it."""
        dataset = Dataset()
        dataset.Status = self.status
        if self.elements:
            dataset.OffendingElement = list(self.elements)
        dataset.ErrorComment = self.comment
        return dataset


def _problem(status: int, comment: str, *elements: BaseTag) -> Problem:
    printable = "".join(c if c.isascii() and c.isprintable() and c != "\\" else "?" for c in comment)
    return Problem(status, printable[:_COMMENT_LENGTH], elements)


def check(
    identifier: Dataset, model: str, options: Options = DEFAULT_OPTIONS, limits: Limits = DEFAULT_LIMITS
) -> Problem | None:
    """Return what is wrong with an identifier, None when nothing is.

    Parameters
    ----------
    identifier
        Of a C-FIND, C-GET or C-MOVE.
    model
        The UID of the SOP class that it is for.
    options
        What was agreed on; ``relational`` is for queries and retrievals.
    limits
        How large it may be.

    Raises
    ------
    ValueError
        When the SOP class has no information model.
    """
    described = model_of(model)
    try:
        return next(_problems(identifier, described, options, limits), None)
    except BadKey as bad:
        return _problem(NOT_UNDERSTOOD, str(bad), bad.tag)


def _problems(identifier: Dataset, model: Model, options: Options, limits: Limits) -> Iterator[Problem]:
    yield from _excesses(identifier, limits)
    keys = frozenset(tag for tag in sorted(identifier.keys()) if tag not in NOT_KEYS and tag.element != 0)
    if model.levels:
        yield from _level_problems(identifier, keys, model, options)
    elif not keys:
        yield _problem(DOES_NOT_MATCH, "The identifier has no keys")
    else:
        yield from _flat_problems(identifier, model)
    offset = offset_of(identifier)
    if TIMEZONE in identifier and offset is None:
        yield _problem(NOT_UNDERSTOOD, "Timezone Offset From UTC is none", TIMEZONE)
    Compiler(options, offset if options.timezone else None).compile(identifier)


# --- Size -------------------------------------------------------------------------------------------------


def _excesses(identifier: Dataset, limits: Limits) -> Iterator[Problem]:
    """Walk all elements, those of items included, and yield what is larger than it may be."""
    waiting = [(identifier, 0)]
    count = 0
    while waiting:
        dataset, depth = waiting.pop()
        for tag, encoded in sorted(dataset.items()):
            count += 1
            if count > limits.keys:
                yield _problem(TOO_LARGE, f"More than {limits.keys} elements, the limit", tag)
                return
            if isinstance(encoded, RawDataElement):
                yield from _encoded_excesses(encoded, limits)
            element = read(dataset, tag)
            yield from _element_excesses(element, limits)
            if element.VR != "SQ" or not element.value:
                continue
            if depth == limits.depth:
                yield _problem(TOO_LARGE, f"Sequences nest deeper than {limits.depth}, the limit", tag)
                return
            if len(element.value) > 1:
                # PS3.4 C.2.2.2.6
                yield _problem(DOES_NOT_MATCH, f"{tag} has {len(element.value)} items; a key has one", tag)
                return
            waiting.append((element.value[0], depth + 1))


def _encoded_excesses(encoded: RawDataElement, limits: Limits) -> Iterator[Problem]:
    """Look at what is not decoded yet: a million empty values are not to be made in order to refuse them."""
    length, limit = len(encoded.value or b""), _byte_limit(encoded.VR or _vr_of(encoded.tag), limits)
    if length > limit:
        yield _problem(TOO_LARGE, f"{encoded.tag} is {length} bytes long; the limit is {limit}", encoded.tag)


def _element_excesses(element: DataElement, limits: Limits) -> Iterator[Problem]:
    if element.VR == "SQ":
        return
    tag = element.tag
    values = values_of(element)
    most = limits.uids if element.VR == "UI" else limits.values
    if len(values) > most:
        yield _problem(TOO_LARGE, f"{tag} has {len(values)} values; the limit is {most}", tag)
    longest = limits.name_length if element.VR == "PN" else limits.value_length
    length = sum(map(len, values)) if element.VR == "PN" else max(map(len, values), default=0)
    if length > longest:
        yield _problem(TOO_LARGE, f"{tag} has {length} characters; the limit is {longest}", tag)
    wildcards = sum(value.count("*") + value.count("?") for value in values)
    if wildcards > limits.wildcards:
        yield _problem(TOO_LARGE, f"{tag} has {wildcards} wild cards; the limit is {limits.wildcards}", tag)


def _vr_of(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _byte_limit(vr: str, limits: Limits) -> int:
    if vr == "SQ":
        return limits.sequence_length
    if vr == "UI":
        return limits.uids * _UID_LENGTH
    return _BYTES_PER_CHARACTER * (limits.name_length if vr == "PN" else limits.value_length)


# --- Levels -----------------------------------------------------------------------------------------------


def _level_problems(
    identifier: Dataset, keys: frozenset[BaseTag], model: Model, options: Options
) -> Iterator[Problem]:
    names = [level.name for level in model.levels]
    values = _values(identifier, LEVEL)
    number = model.level(values[0]) if len(values) == 1 else None
    if number is None:
        said = repr(values[0][:16]) if values else "missing"
        yield _problem(DOES_NOT_MATCH, f"The level is {said}; it can be {', '.join(names)}", LEVEL)
        return
    level = model.levels[number]
    yield from _own_key_problems(identifier, level, model)
    if options.relational:
        return
    for higher in model.levels[:number]:
        yield from _single_value_problems(identifier, higher.unique[0], f"At {level.name}")
    lower = sorted(keys & lower_keys(model.levels, number))
    if lower and not model.retrieves:
        yield _problem(DOES_NOT_MATCH, f"A key of a level below {level.name}", *lower)
    # PS3.4 C.4.1.2.1 has none at all; an empty one changes nothing, and many ask for names at every level.
    higher_ones = sorted(tag for tag in keys & higher_keys(model.levels, number) if _values(identifier, tag))
    if higher_ones and not model.retrieves:
        yield _problem(
            DOES_NOT_MATCH, f"A key of a level above {level.name} that is not unique", *higher_ones
        )


def _own_key_problems(identifier: Dataset, level: Level, model: Model) -> Iterator[Problem]:
    """Yield what is wrong with the unique key of the level asked for."""
    present = [tag for tag in level.unique if tag in identifier]
    if len(present) != 1:
        named = " or ".join(str(tag) for tag in level.unique)
        yield _problem(DOES_NOT_MATCH, f"At {level.name} there must be {named}", *level.unique)
        return
    [tag] = present
    values = _values(identifier, tag)
    if model.retrieves and not values:
        yield _problem(DOES_NOT_MATCH, f"What to retrieve is missing: {tag} has no value", tag)
    if model.retrieves and tag == PATIENT_ID:
        yield from _single_value_problems(identifier, tag, "To be retrieved")


def _single_value_problems(identifier: Dataset, tag: BaseTag, where: str) -> Iterator[Problem]:
    values = _values(identifier, tag)
    if len(values) != 1:
        yield _problem(DOES_NOT_MATCH, f"{where}, {tag} must have one value, not {len(values)}", tag)
    elif "*" in values[0] or "?" in values[0]:
        yield _problem(DOES_NOT_MATCH, f"{where}, {tag} must be a single value without wild cards", tag)


def _flat_problems(identifier: Dataset, model: Model) -> Iterator[Problem]:
    """Yield what is wrong where there are no levels."""
    for tag in model.required:
        if tag not in identifier or (model.retrieves and not _values(identifier, tag)):
            yield _problem(DOES_NOT_MATCH, f"{tag} is missing", tag)
    if model.has_one_match:
        # PS3.4 Q.2.1.1.3.1
        items = identifier[_CONTENT_TEMPLATE].value
        if not items or any(not _values(items[0], tag) for tag in _TEMPLATE):
            yield _problem(DOES_NOT_MATCH, "The template is not identified", _CONTENT_TEMPLATE, *_TEMPLATE)


def _values(dataset: Dataset, tag: BaseTag) -> list[str]:
    return values_of(dataset[tag]) if tag in dataset else []
