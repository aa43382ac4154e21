"""Who is measured: a table of contestants, whether each is here, and how its two sides are started.

A contestant is a pair of implementations, the sender's and the receiver's. The four that stand in the table
have one implementation at both ends; a mixed pair is named ``sender>receiver``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from fastdicom import __version__
from fastdicom.bench.inputs import Instance
from fastdicom.bench.peers import dcmtk
from fastdicom.bench.scenarios import Scenario, Variant

Role = Literal["sender", "receiver", "middle", "relay"]
OURS = "fastdicom"
OURS_AIO = "fastdicom-aio"
LIMIT = "limit"
LIMIT_TLS = "limit-tls"
EXTERNAL = Path(__file__).parent / "peers" / "external.py"


@dataclass(frozen=True)
class Implementation:
    """One piece of software that can be at either end.

    Parameters
    ----------
    name
        What ``--peers`` takes.
    version
        Returns its version, or None when it is not installed.
    remedy
        How to install it.
    is_whole_tool
        It is timed from outside, as a process.
    is_bare
        It moves bytes only.
    has_tls
        It takes part in scenarios over TLS.
    has_network, has_data_sets
        It takes part in scenarios with a network, and in those without.
    scenarios
        The scenarios it takes part in, None for all.
    most_senders, most_idle
        How many associations at once it is measured with, that work or that are idle.
    has_variants
        It has windows, pools and several processes.
    """

    name: str
    version: Callable[[], str | None]
    remedy: str
    is_whole_tool: bool = False
    is_bare: bool = False
    has_tls: bool = False
    has_network: bool = True
    has_data_sets: bool = False
    scenarios: frozenset[str] | None = None
    most_senders: int = 512
    most_idle: int = 10_000
    has_variants: bool = False

    def can(self, variant: Variant) -> bool:
        """Whether it has what a variant of a scenario needs."""
        is_plain = variant.window == 1 and not variant.pooled and variant.processes == 1
        return variant.senders <= self.most_senders and (is_plain or self.has_variants)

    def takes_part_in(self, scenario: Scenario) -> bool:
        if self.is_whole_tool and not scenario.is_for_whole_tools:
            return False
        if scenario.is_secured and not self.has_tls:
            return False
        if not (self.has_data_sets if scenario.is_local else self.has_network):
            return False
        if self.is_bare and not scenario.is_bare:
            return False
        if scenario.associations > self.most_idle or not any(map(self.can, scenario.variants)):
            return False
        return self.scenarios is None or scenario.name in self.scenarios


@dataclass(frozen=True)
class Contestant:
    """An implementation at each end."""

    sender: Implementation
    receiver: Implementation

    @property
    def name(self) -> str:
        if self.sender is self.receiver:
            return self.sender.name
        return f"{self.sender.name}>{self.receiver.name}"

    def takes_part_in(self, scenario: Scenario) -> bool:
        if scenario.has_one_contestant and self.sender is not self.receiver:
            return False
        return self.sender.takes_part_in(scenario) and self.receiver.takes_part_in(scenario)

    def can(self, variant: Variant) -> bool:
        return self.sender.can(variant) and self.receiver.can(variant)


def package_version(distribution: str) -> Callable[[], str | None]:
    """Return a function that tells the version of a distribution."""

    def version() -> str | None:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    return version


def aio_version() -> str | None:
    """Return the version of fastdicom where it can be measured on uvloop."""
    found = all(map(importlib.util.find_spec, ("fastdicom.aio", "uvloop")))
    return f"{__version__} on uvloop {importlib.metadata.version('uvloop')}" if found else None


def limit_version() -> str | None:
    """Return the version of the limit, which exists where there are POSIX sockets."""
    return __version__ if importlib.util.find_spec("fastdicom.bench._limit") else None


IMPLEMENTATIONS = {
    implementation.name: implementation
    for implementation in (
        Implementation(OURS, lambda: __version__, "", has_tls=True, has_data_sets=True, has_variants=True),
        Implementation(
            OURS_AIO,
            aio_version,
            'pip install "fastdicom-net[uvloop]"',
            scenarios=frozenset(
                {
                    "store-ct",
                    "store-small",
                    "store-parallel",
                    "store-parallel-small",
                    "idle-1000",
                    "idle-10000",
                }
            ),
        ),
        Implementation(
            LIMIT,
            limit_version,
            "it is compiled with fastdicom on POSIX systems only",
            is_bare=True,
            has_data_sets=True,
        ),
        Implementation(
            LIMIT_TLS,
            limit_version,
            "it is there with fastdicom on POSIX systems only",
            has_tls=True,
            scenarios=frozenset({"tls"}),
        ),
        Implementation(
            "pydicom",
            package_version("pydicom"),
            "pip install pydicom",
            has_network=False,
            has_data_sets=True,
        ),
        Implementation(
            "pynetdicom",
            package_version("pynetdicom"),
            'pip install "fastdicom-net[bench]"',
            has_tls=True,
            most_senders=8,
            most_idle=100,
        ),
        Implementation(
            "dcmtk",
            dcmtk.version,
            "install DCMTK's tools (Debian: dcmtk)",
            is_whole_tool=True,
            has_tls=True,
            most_senders=8,
        ),
        Implementation(
            "dcmtk-nagle",
            dcmtk.version,
            "install DCMTK's tools (Debian: dcmtk)",
            is_whole_tool=True,
            scenarios=frozenset({"store-ct", "store-small"}),
        ),
    )
}
# Who runs whoever else is asked for.
ALWAYS = (OURS, OURS_AIO, LIMIT, LIMIT_TLS)
# What fastdicom can be paired with.
MIXED = ("pynetdicom", "dcmtk")


def select(peers: str, has_pairs: bool) -> tuple[list[Contestant], list[str]]:
    """Return the contestants and what is missing, each with its remedy.

    Parameters
    ----------
    peers
        ``auto`` for all that are installed, ``none`` for fastdicom and the limit, or names with commas.
    has_pairs
        Add fastdicom with each peer at the other end.

    Raises
    ------
    ValueError
        A name is unknown, or what was asked for by name is not installed.
    """
    names = list(IMPLEMENTATIONS)
    if peers == "none":
        names = list(ALWAYS)
    elif peers != "auto":
        asked = [name.strip() for name in peers.split(",")]
        if unknown := [name for name in asked if name not in IMPLEMENTATIONS]:
            raise ValueError(f"no peer is named {', '.join(unknown)}; there are {', '.join(IMPLEMENTATIONS)}")
        names = [name for name in names if name in {*ALWAYS, *asked}]
    found = [name for name in names if IMPLEMENTATIONS[name].version() is not None]
    missing = [f"{name} is not here: {IMPLEMENTATIONS[name].remedy}" for name in names if name not in found]
    if peers not in ("auto", "none") and (absent := set(asked) - set(found)):
        raise ValueError("; ".join(line for line in missing if line.split()[0] in absent))

    ours = IMPLEMENTATIONS[OURS]
    contestants = [Contestant(IMPLEMENTATIONS[name], IMPLEMENTATIONS[name]) for name in found]
    for name in MIXED if has_pairs else ():
        if name in found:
            contestants += [Contestant(ours, IMPLEMENTATIONS[name]), Contestant(IMPLEMENTATIONS[name], ours)]
    return contestants, missing


@dataclass(frozen=True)
class Task:
    """A scenario with its files: what the sides of every contestant are started for.

    Parameters
    ----------
    scenario, instances
        What is done, and what a store sends.
    certificates
        The files for TLS, as `certificates.make` returns them.
    """

    scenario: Scenario
    instances: list[Instance]
    certificates: dict[str, str] | None = None


# Who does a part of a scenario in the place of the contestant.
IN_PLACE = {
    ("knock", "sender"): "knock",
    ("idle", "sender"): "knock",
    ("first-byte", "sender"): "first_byte",
}


def program(implementation: Implementation, role: Role, scenario: Scenario) -> list[str]:
    """Return the module that is one side, and its first argument."""
    name = implementation.name.replace("-", "_")
    if scenario.is_local:
        parts = ["data_sets", name]
    elif role == "relay":
        parts = [role, role]
    elif role == "middle":
        parts = [f"{name}_router", role]
    else:
        parts = [IN_PLACE.get((scenario.kind, role), name), role]
    return [f"fastdicom.bench.peers.{parts[0]}", parts[1]]


def command(
    implementation: Implementation, role: Role, task: Task, directory: Path | None, job_path: Path
) -> list[str]:
    """Write the file that tells one side what to do, and return the command that starts it."""
    received = None if directory is None else str(directory)
    if implementation.is_whole_tool:
        has_nodelay = implementation.name == "dcmtk"
        job = dcmtk.plan(role, task.scenario, task.instances, received, has_nodelay, task.certificates)
        start = [sys.executable, "-I", "-S", os.fspath(EXTERNAL)]
    else:
        job = {
            "kind": task.scenario.kind,
            "instances": [asdict(instance) for instance in task.instances],
            "contexts": sorted(
                {(instance.sop_class, instance.transfer_syntax) for instance in task.instances}
            ),
            "directory": received,
            "reads_files": task.scenario.is_read,
            "is_encoded": task.scenario.is_encoded,
            "certificates": task.certificates,
            "target": task.scenario.target,
            "associations": task.scenario.associations,
            "delay": task.scenario.delay,
        }
        start = [sys.executable, "-m", *program(implementation, role, task.scenario)]
    job_path.write_text(json.dumps(job), encoding="utf-8")
    return [*start, os.fspath(job_path)]
