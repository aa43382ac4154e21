"""What is counted, as a table of families, and the values of one moment.

A family has a row for each combination of its labels. Exporters go over `FAMILIES` and need to know no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple, TypeAlias

from fastdicom.watching.histogram import Histogram


class Kind(Enum):
    """How the values of a family behave."""

    COUNTER = "only grows"
    GAUGE = "goes up and down"
    HISTOGRAM = "durations by classes"


class Family(NamedTuple):
    """A row of `FAMILIES`.

    Attributes
    ----------
    name
        Its name, without a prefix or a unit.
    kind
        How its values behave.
    unit
        "bytes" or "seconds"; "" where things are counted.
    labels
        What its values are told apart by.
    description
        What is counted.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    description: str


_OF_PEER = ("peer", "role")

# peer: the peer's AE title, or "other". role: "requestor" or "acceptor", who this side is in the association;
# of operations "scu" or "scp", who this side is in the operation.
FAMILIES = (
    Family(
        *("associations", Kind.COUNTER, "", (*_OF_PEER, "outcome")),
        "Associations: accepted; and how they ended: released, aborted, rejected, failed, unrequested",
    ),
    Family("established_associations", Kind.GAUGE, "", _OF_PEER, "Associations that are established now"),
    Family(
        *("rejections", Kind.COUNTER, "", (*_OF_PEER, "source", "reason")),
        "A-ASSOCIATE-RJ, received as requestor and sent as acceptor (PS3.8 Table 9-21)",
    ),
    Family(
        *("aborts", Kind.COUNTER, "", (*_OF_PEER, "by", "source", "reason")),
        "Aborted associations, by who sent A-ABORT, and its fields (PS3.8 Table 9-26)",
    ),
    Family("timeouts", Kind.COUNTER, "", (*_OF_PEER, "kind"), "Associations that a timeout has ended"),
    Family("received", Kind.COUNTER, "bytes", _OF_PEER, "Bytes received from the connections"),
    Family("sent", Kind.COUNTER, "bytes", _OF_PEER, "Bytes sent to the connections"),
    Family(
        "received_instances", Kind.COUNTER, "", ("peer",), "Objects received with C-STORE: success, warning"
    ),
    Family("sent_instances", Kind.COUNTER, "", ("peer",), "Objects sent with C-STORE: success, warning"),
    Family(
        *("operations", Kind.COUNTER, "", (*_OF_PEER, "service", "status")),
        "DIMSE operations by the category of their final status; unanswered if there was none",
    ),
    Family(
        *("operation_duration", Kind.HISTOGRAM, "seconds", (*_OF_PEER, "service")),
        "From a request to its final response, the sending of the request included for an SCU",
    ),
    Family("buffer_pool", Kind.GAUGE, "bytes", ("state",), "Memory for data sets"),
    Family(
        *("pooled_associations", Kind.GAUGE, "", ("pool", "state")),
        "Associations of a pool: lent, idle, or being opened",
    ),
    Family("pool_queue", Kind.GAUGE, "", ("pool",), "Who waits for an association of a pool"),
    Family("waiting_connections", Kind.GAUGE, "", ("server",), "Connections that wait to be served"),
    Family("busy_workers", Kind.GAUGE, "", ("server",), "Threads that serve"),
)

# How the names of gauges begin where all values are numbers by name.
_MOMENTARY = {family.name: "active " for family in FAMILIES if family.kind is Kind.GAUGE}

Value: TypeAlias = float | Histogram
Rows: TypeAlias = dict[tuple[str, ...], Value]


class Snapshot:
    """The values of one moment.

    Snapshots of several processes can be added up, and pickled for that.

    Parameters
    ----------
    values
        By the name of a family its rows: from the values of the labels, in the order of the family, to a
        number, or to a `Histogram`.
    """

    def __init__(self, values: Mapping[str, Rows] | None = None) -> None:
        self.values: dict[str, Rows] = {family.name: {} for family in FAMILIES}
        for name, rows in (values or {}).items():
            for labels, value in rows.items():
                self.add(name, labels, value)

    def add(self, name: str, labels: tuple[str, ...], value: Value) -> None:
        """Count something in."""
        rows = self.values[name]
        if isinstance(value, Histogram):
            known = rows.setdefault(labels, Histogram())
            known += value  # type: ignore[operator] # in one family all are of one kind
        else:
            rows[labels] = rows.get(labels, 0) + value  # type: ignore[operator]

    def __add__(self, other: Snapshot) -> Snapshot:
        total = Snapshot(self.values)
        for row in other.rows():
            total.add(*row)
        return total

    def rows(self) -> Iterator[tuple[str, tuple[str, ...], Value]]:
        """Yield the name of a family, labels and the value, for each row."""
        for name, rows in self.values.items():
            for labels, value in rows.items():
                yield name, labels, value

    def flat(self) -> dict[str, float]:
        """Return the same as numbers by name, to be added up by who knows nothing of it.

        What is of this moment only has a name that begins with ``active``.
        """
        flat: dict[str, float] = {}
        for name, labels, value in self.rows():
            if isinstance(value, Histogram):
                numbers = {str(place): float(count) for place, count in enumerate(value.counts)}
                numbers["total"] = value.total
            else:
                numbers = {"": value}
            for part, number in numbers.items():
                flat[_MOMENTARY.get(name, "counted ") + json.dumps([name, *labels, part])] = number
        return flat

    @classmethod
    def of_flat(cls, numbers: Mapping[str, float]) -> Snapshot:
        """Return the snapshot that such numbers are of; others among them are left out."""
        snapshot = cls()
        for key, number in numbers.items():
            prefix, bracket, rest = key.partition("[")
            if bracket and prefix in ("active ", "counted "):
                name, *labels, part = json.loads(bracket + rest)
                snapshot.add(name, tuple(labels), _value(part, number))
        return snapshot

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a family of numbers.

        Parameters
        ----------
        name
            Of the family.
        labels
            Which rows are summed up: those with these values; all unless given.

        Raises
        ------
        ValueError
            When there is no such family, or it has no such label.
        """
        return sum(value for value in self._select(name, labels) if not isinstance(value, Histogram))

    def histogram(self, name: str = "operation_duration", **labels: str) -> Histogram:
        """Return the sum of a family of histograms; parameters as for `total`."""
        total = Histogram()
        for value in self._select(name, labels):
            if isinstance(value, Histogram):
                total += value
        return total

    def _select(self, name: str, labels: Mapping[str, str]) -> list[Value]:
        family = next((family for family in FAMILIES if family.name == name), None)
        if family is None or not labels.keys() <= set(family.labels):
            raise ValueError(f"{name!r} with the labels {sorted(labels)} is nothing that is counted")
        places = [(family.labels.index(label), value) for label, value in labels.items()]
        return [
            value for row, value in self.values[name].items() if all(row[i] == wanted for i, wanted in places)
        ]


def _value(part: str, number: float) -> Value:
    """Return what one of the numbers of a row adds to it."""
    if not part:
        return number
    histogram = Histogram()
    if part == "total":
        histogram.total = number
    else:
        histogram.counts[int(part)] = int(number)
    return histogram
