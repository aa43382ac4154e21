"""What is measured: one row of a table for each scenario."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

# What is done to data sets, without a network.
LocalKind = Literal["index", "read-5", "to-pydicom", "decode-all", "encode", "edit-5", "transcode"]
# What is measured in another way than by the rate of operations; see `fastdicom.bench.probes`.
ProbeKind = Literal["idle", "first-byte"]
Kind = (
    Literal["store", "echo", "associate", "find", "get", "n-create", "decode", "wan", "route", "knock"]
    | LocalKind
    | ProbeKind
)
MEGABYTE = 1_000_000

# The responses to each C-FIND.
MATCHES = 2_000


@dataclass(frozen=True)
class Variant:
    """One result of a scenario.

    Parameters
    ----------
    suffix
        What its name has behind the scenario's.
    senders
        How many associations send at once.
    window
        How many operations a sender has under way at once, on each association.
    pooled
        How many associations of a pool one sender uses, whose peer grants no window; 0 for no pool.
    processes
        In how many processes the receiver serves.
    way
        How the middle of a route passes objects on.
    unit
        Its unit, where that is not the scenario's.
    """

    suffix: str = ""
    senders: int = 1
    window: int = 1
    pooled: int = 0
    processes: int = 1
    way: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Scenario:
    """One thing to do many times, and the unit of its rate.

    Parameters
    ----------
    name
        What ``--scenario`` takes.
    unit
        The unit of the rate. More is better.
    kind
        What one operation is.
    inputs
        The set of files that a store sends, see `fastdicom.bench.inputs`, or the set of data sets that a
        scenario without a network works on, see `fastdicom.bench.data_set_inputs`.
    is_written
        The receiver writes files.
    is_read
        A sender that can send a file as it is reads it for each message; otherwise it has it in memory.
    variants
        What is measured in each run, one after the other: a result each.
    most
        The most operations in one run, whatever the speed.
    fixed
        So many operations in each run, whatever the speed; 0 for as many as make its length.
    delay
        Seconds from one end to the other, each way: a relay between them.
    sender_processes
        In how many processes the senders are, at most.
    has_middle
        The contestant is in the middle, fastdicom at both ends.
    is_better_less
        Less is better.
    associations
        How many associations there are, in a probe.
    is_bare
        Whether the bytes to and fro alone say enough to be moved by bare sockets.
    is_encoded
        A contestant that can takes and gives data sets as they are on the wire.
    is_for_whole_tools
        Whether contestants that are timed from outside, start-up included, can take part.
    is_secured
        Associations are over TLS, with mutual authentication.
    is_extra
        Left out of a quick call that does not name it.
    target
        The UID of the transfer syntax that a data set is changed to.
    summary
        One line for people.
    """

    name: str
    unit: str
    kind: Kind
    summary: str
    inputs: str | None = None
    is_written: bool = False
    is_read: bool = False
    variants: tuple[Variant, ...] = (Variant(),)
    most: int = 1_000_000
    fixed: int = 0
    delay: float = 0.0
    sender_processes: int = 8
    has_middle: bool = False
    is_better_less: bool = False
    associations: int = 0
    is_bare: bool = True
    is_encoded: bool = False
    is_for_whole_tools: bool = True
    is_secured: bool = False
    is_extra: bool = False
    target: str = ""

    @property
    def is_local(self) -> bool:
        """Whether there is no network: one process works on data sets in memory."""
        return self.kind in get_args(LocalKind)

    @property
    def is_in_megabytes(self) -> bool:
        return self.unit == "MB/s"

    @property
    def results_of_each(self) -> int:
        """How many results one operation has, for the rate."""
        return MATCHES if self.kind == "find" else 1

    @property
    def senders(self) -> int:
        """How many associations send at once, at most."""
        return max(variant.senders for variant in self.variants)

    @property
    def is_probe(self) -> bool:
        """Whether something else than the rate of operations is measured."""
        return self.kind in get_args(ProbeKind)

    @property
    def has_one_contestant(self) -> bool:
        """Whether the peer at the other end is not another contestant."""
        return self.has_middle or self.kind in ("idle", "knock", "wan", "decode")

    @property
    def result_names(self) -> tuple[str, ...]:
        return tuple(map(self.name_of, self.variants))

    def name_of(self, variant: Variant) -> str:
        """Return the name of a result."""
        return f"{self.name}-{variant.suffix}" if variant.suffix else self.name


def local(
    kind: LocalKind, made: str, summary: str, *, name: str = "", files: str = "files", target: str = ""
) -> tuple[Scenario, Scenario]:
    """Return the scenario over made data sets, and the one over real ones, in which each counts by its cost.

    Where bytes are moved the rate is in MB/s, else in data sets.
    """
    is_bare = kind == "transcode"
    unit = "MB/s" if is_bare else "data sets/s"
    first = Scenario(name or kind, unit, kind, summary, made, is_bare=is_bare, target=target)
    second = replace(
        first,
        name=f"{first.name}-real",
        summary="the same, the real data sets of pydicom and pydicom-data",
        inputs=files,
        is_extra=True,
    )
    return first, second


# The numbers of senders; and for fat links that are long the windows, and a pool of four.
MANY = tuple(Variant(str(senders), senders=senders) for senders in (1, 8, 64, 512))
WINDOWS = (Variant("1"), Variant("16", window=16), Variant("pool-4", pooled=4))
# What is told of idle associations.
IDLE = (
    Variant("cpu", unit="% of a core"),
    Variant("memory", unit="kB/association"),
    Variant("first", unit="ms to open"),
    Variant("next", unit="ms to open"),
)


def idle(associations: int, *, is_extra: bool = False) -> Scenario:
    """Return the scenario of so many idle associations."""
    summary = f"{associations:,} associations on which nothing happens: the server's share of a core, memory"
    return Scenario(
        f"idle-{associations}",
        "",
        "idle",
        summary,
        variants=IDLE,
        is_bare=False,
        is_for_whole_tools=False,
        is_better_less=True,
        is_extra=is_extra,
        associations=associations,
    )


def wan(name: str, made: str, count: int, summary: str) -> Scenario:
    """Return the scenario of a long link: windows, and pooled associations to a peer that grants none."""
    return Scenario(
        f"wan-{name}",
        "images/s",
        "wan",
        f"{summary}, 20 ms round trip: window 1 and 16, four pooled",
        made,
        variants=WINDOWS,
        fixed=count,
        delay=0.01,
        is_bare=False,
        is_for_whole_tools=False,
    )


EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

# A closed connection keeps its port for a minute (TIME_WAIT) and there are 28,000 of them: hence `most`.
SCENARIOS = (
    Scenario("store-ct", "MB/s", "store", "512x512 CT images of 528 kB, one association", "ct"),
    Scenario("store-small", "images/s", "store", "images of 12 kB, one association", "small"),
    Scenario("store-large", "MB/s", "store", "a multi-frame image of 210 MB, one association", "large"),
    Scenario(
        "store-write", "MB/s", "store", "CT images, from files to files", "ct", is_written=True, is_read=True
    ),
    Scenario(
        "store-real",
        "MB/s",
        "store",
        "real files from pydicom and pydicom-data",
        "real",
        is_read=True,
        is_extra=True,
    ),
    Scenario("store-parallel", "MB/s", "store", "CT images, from so many senders", "ct", variants=MANY),
    Scenario(
        "store-parallel-small",
        "images/s",
        "store",
        "images of 12 kB, from so many senders",
        "small",
        variants=MANY,
    ),
    Scenario("tls", "MB/s", "store", "CT images over TLS, one association", "ct", is_secured=True),
    Scenario("echo", "echoes/s", "echo", "C-ECHO, one association"),
    Scenario(
        "associate",
        "associations/s",
        "associate",
        "associate, C-ECHO, release",
        most=2_000,
        is_for_whole_tools=False,
    ),
    Scenario(
        "associate-170",
        "associations/s",
        "knock",
        "the same from bare sockets, over a server with 170 supported contexts",
        variants=(Variant(senders=4),),
        most=4_000,
        sender_processes=2,
        is_bare=False,
        is_for_whole_tools=False,
    ),
    idle(100),
    idle(1_000),
    idle(10_000, is_extra=True),
    wan("small", "small", 200, "200 images of 12 kB"),
    wan("ct", "ct", 100, "100 CT images of 528 kB"),
    Scenario(
        "route",
        "MB/s",
        "route",
        "CT images through a program in the middle, while they come or as a whole",
        "ct",
        variants=(Variant("cut-through", way="cut-through"), Variant("stored", way="stored")),
        has_middle=True,
        is_bare=False,
        is_for_whole_tools=False,
    ),
    Scenario(
        "route-first-byte",
        "% of the object",
        "first-byte",
        "how much of a CT image is in when its first byte is out of the middle",
        "ct",
        variants=(Variant(way="cut-through"),),
        has_middle=True,
        is_bare=False,
        is_for_whole_tools=False,
        is_better_less=True,
    ),
    Scenario(
        "processes",
        "images/s",
        "decode",
        "images of 12 kB whose every value the handler decodes: one process, two",
        "small",
        variants=(Variant("1", senders=32), Variant("2", senders=32, processes=2)),
        sender_processes=2,
        is_bare=False,
        is_for_whole_tools=False,
    ),
    Scenario(
        "find",
        "matches/s",
        "find",
        "C-FIND with 2,000 matches of 6 elements, pydicom Datasets",
        is_bare=False,
        is_for_whole_tools=False,
    ),
    Scenario(
        "find-encoded",
        "matches/s",
        "find",
        "the same, encoded where a contestant takes them so",
        is_bare=False,
        is_encoded=True,
        is_for_whole_tools=False,
    ),
    Scenario(
        "get",
        "MB/s",
        "get",
        "C-GET of up to 400 CT images, from files",
        "ct",
        most=400,
        is_bare=False,
        is_for_whole_tools=False,
    ),
    Scenario(
        "n-create",
        "instances/s",
        "n-create",
        "N-CREATE of a performed procedure step, pydicom Datasets",
        is_bare=False,
        is_for_whole_tools=False,
    ),
    *local("index", "header", "find all elements of an 89 element CT header"),
    *local("read-5", "header", "take it and read five elements"),
    *local("to-pydicom", "header", "make it a pydicom Dataset, whose values are decoded on touch"),
    *local("decode-all", "header", "every value of it, as pydicom types it"),
    *local("encode", "header", "from a pydicom Dataset with all values decoded"),
    *local("edit-5", "image", "take a CT image of 528 kB, set five elements, make what can be sent"),
    *local(
        "transcode",
        "image-implicit",
        "a CT image of 528 kB from implicit to explicit VR",
        files="files-implicit",
        target=EXPLICIT_LITTLE,
    ),
    *local(
        "transcode",
        "image",
        "a CT image of 528 kB from little to big endian",
        name="transcode-swap",
        files="files-explicit",
        target=EXPLICIT_BIG,
    ),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    rounds
        How many runs each contestant gets.
    run_seconds
        How long one run shall last. A run has at least one message, however long that takes.
    share
        Which share of a fixed number of operations is done.
    most_seconds
        A contestant whose runs of one scenario have lasted so long sits out the rounds that remain.
    has_extras
        Scenarios that are extra are measured without being named.
    """

    rounds: int
    run_seconds: float
    most_seconds: float
    has_extras: bool
    share: float = 1.0


FULL = Effort(rounds=7, run_seconds=0.75, most_seconds=40.0, has_extras=True)
QUICK = Effort(rounds=3, run_seconds=0.2, most_seconds=2.0, has_extras=False, share=0.25)
